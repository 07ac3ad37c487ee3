"""Moments in the grammar of time phrases: days, parts of the day and "ago", in any order.

Owns how a day is named. The middle of ``timegrammar``'s parser.
"""

from __future__ import annotations

from dataclasses import replace

from viot_agent.fleet.timeatoms import SECONDS, Atoms
from viot_agent.fleet.timetree import Day, Moment, Part
from viot_agent.fleet.timewords import MONTH_WORDS, WEEKDAYS

LEADS = frozenset("in on at during over for within throughout the a an of sometime".split())
_WHICH = {"last": -1, "past": -1, "this": 0, "next": 1}


class Moments(Atoms):
    """Rules for :class:`Moment`."""

    def now(self) -> bool:
        for words in ("right now", "just now", "now", "the moment", "moment", "this moment", "this instant"):
            if self.say(words):
                return True
        return self.take("currently", "presently") is not None or self.say("this very moment")

    def moment(self, *, plain: bool = False) -> Moment | None:
        """Day, part and clock in any order; ``plain`` forbids "ten to nine" (a range is being read)."""
        m = Moment()
        side = ""
        while not self.done:
            start = self.i
            if not m.empty or side:
                self.skip("on", "in", "at", "of", "the", "during")
            else:
                self.skip("the")
            if m.ago is None and m.empty:
                ago = self.attempt(self.ago)
                if ago is not None:
                    m = ago
                    continue
                if self.now():
                    return Moment(ago=0.0)
            if self.word("early", "late", "mid") and m.part is None:
                side = self.take("early", "late", "mid") or ""
                if self.take("hour"):
                    m, side = replace(m, part=Part("small hours", "", "the")), ""
                continue
            if m.ago is None and m.part is None:
                part = self.attempt(self.part)
                if part is not None:
                    day, found = part
                    if day is None or m.day is None:
                        m = replace(m, day=m.day or day, part=replace(found, side=side or found.side))
                        side = ""
                        continue
                    self.i = start
                    break
            if m.day is None and m.ago is None:
                day = self.attempt(self.day)
                if day is not None:
                    m = replace(m, day=day)
                    continue
            if m.clock is None and m.ago is None:
                clock = self.attempt(lambda: self.clock(plain=plain))
                if clock is not None:
                    m = replace(m, clock=clock)
                    continue
            self.i = start
            break
        if side or m.empty:
            return None
        return m

    def ago(self) -> Moment | None:
        """``an hour ago``, ``2 days ago``."""
        self.skip("around", "the")
        self.vague = False
        length = self.duration()
        self.or_so()
        if length is None or not self.take("ago"):
            return None
        amount, unit = length
        if unit in SECONDS:
            return Moment(ago=amount * SECONDS[unit], vague=self.vague)
        if amount != int(amount):
            return Moment(ago=amount * {"day": 86400.0, "week": 604800.0}.get(unit, 2629800.0))
        return Moment(day=Day("offset", -int(amount), unit=unit))

    def part(self) -> tuple[Day | None, Part] | None:
        """A part of the day with the day it implies."""
        if self.take("tonight"):
            return Day("offset", 0, text="tonight"), Part("tonight", said="this")
        if self.take("overnight"):
            return Day("offset", -1), Part("night", said="over")
        if self.say("small hour") or self.say("wee hour") or self.say("wee small hour"):
            return None, Part("small hours", said="the")
        which = self.take("last", "this")
        side = self.take("early", "late", "mid") or ""
        name = self.take("morning", "afternoon", "evening", "night", "breakfast", "lunchtime", "dinner", "daytime")
        if name is None:
            return None
        if name in ("breakfast", "lunchtime", "dinner"):
            self.take("time", "break", "hour")
        self.take("shift")
        if which is None:
            return None, Part(name, side)
        if which == "last":
            return Day("offset", -1), Part(name, side, "last")
        if name == "night":
            return Day("offset", 0, text="tonight"), Part("tonight", side, "this")
        return Day("offset", 0), Part(name, side, "this")

    def day(self) -> Day | None:
        for words, offset in (
            ("day before yesterday", -2),
            ("day after tomorrow", 2),
            ("today", 0),
            ("yesterday", -1),
            ("tomorrow", 1),
            ("all day", 0),
            ("this day", 0),
        ):
            if self.say(words):
                return Day("offset", offset)
        t = self.peek()
        if t is None:
            return None
        if t.kind == "date":
            self.i += 1
            return Day("date", text=t.text)
        return self.attempt(self.named_date) or self.attempt(self.weekday) or self.attempt(self.period)

    def weekday(self) -> Day | None:
        first = self.attempt(self.week)  # "last week on Monday"
        if first is not None:
            self.skip("on")
            name = self.take(*WEEKDAYS)
            return None if name is None else Day("weekday", WEEKDAYS[name], first.which, unit="week")
        which = self.take("last", "past", "this", "next")
        name = self.take(*WEEKDAYS)
        if name is None:
            return None
        value = WEEKDAYS[name]
        if which is None:
            week = self.attempt(self.week)
            if week is not None:
                return Day("weekday", value, week.which, unit="week")
        return Day("weekday", value, None if which is None else _WHICH[which])

    def week(self) -> Day | None:
        self.skip("of", "the")
        which = self.take("last", "past", "this", "next")
        return Day("week", which=_WHICH[which]) if which is not None and self.take("week") else None

    def period(self) -> Day | None:
        which = self.take("last", "past", "this", "next")
        unit = self.take("week", "weekend", "month", "year", "hour", "minute", "day")
        if unit is None:
            return None
        if unit == "weekend":
            return Day("weekend", which=None if which is None else _WHICH[which])
        if which is None:
            return None
        if unit == "week":
            return Day("week", which=_WHICH[which])
        if unit == "month":
            return Day("month", which=_WHICH[which])
        return Day("year", which=_WHICH[which]) if unit == "year" else None

    def named_date(self) -> Day | None:
        """``3 March (2026)``, ``the 3rd of March``, ``March 3rd, 2026``, ``March 2026``, ``the 3rd``, ``2026``."""
        for name in WEEKDAYS:
            if self.take(name):  # "Tuesday, 3 March"
                self.skip("the")
                break
        weekday = self.i and self.t[self.i - 1].text in WEEKDAYS
        t = self.peek()
        if t is None:
            return None
        joined = self.i > 0 and self.t[self.i - 1].text in ("to", "and", "-", "until")  # "from 9 to 2045" is a clock
        alone = not joined and self.peek(1) is None
        if t.kind == "number" and len(t.text) == 4 and 1990 <= t.value <= 2050 and alone:
            self.i += 1
            return Day("yearname", int(t.value))
        which = None if weekday else self.take("last", "this", "next")
        month = self.take(*MONTH_WORDS)
        if month is not None:
            number = self.day_number()
            if number is not None and which is None:
                year = self.year()
                return Day("date", text=f"{number} {month}{year}")
            year = self.year()
            if weekday:
                return None
            return Day("monthname", MONTH_WORDS[month], None if which is None else _WHICH[which], text=year.strip())
        if which is not None:
            return None
        ordinal = t.kind == "ordinal"
        number = self.day_number()
        if number is None:
            return None
        self.skip("of")
        month = self.take(*MONTH_WORDS)
        if month is not None:
            return Day("date", text=f"{number} {month}{self.year()}")
        return Day("monthday", number) if ordinal else None

    def day_number(self) -> int | None:
        self.skip("the")
        t = self.peek()
        if t is not None and t.kind in ("number", "ordinal") and t.value == int(t.value) and 1 <= t.value <= 31:
            following = self.peek(1)
            if t.kind == "number" and following is not None and following.text in ("o'clock", "am", "pm"):
                return None
            self.i += 1
            return int(t.value)
        return None

    def year(self) -> str:
        start = self.i
        self.skip("of")
        t = self.peek()
        if t is not None and t.kind == "number" and len(t.text) == 4 and 1970 <= t.value < 2200:
            self.i += 1
            return " " + t.text
        self.i = start
        return ""
