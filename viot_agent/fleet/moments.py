"""Moments and ranges against the calendar: which day, which half of the clock, which instants.

Owns the rules listed in ``times`` for days, dayparts and clock times. Does not know phrases around them ("since", "the
last ...") nor recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from viot_agent.errors import TimeFault
from viot_agent.fleet.clock import DAY, FIRST_YEAR, LAST_YEAR, instant, local, shift, shift_months, skipped, utc_instant
from viot_agent.fleet.dates import calendar_date, has_year, with_year
from viot_agent.fleet.timetree import Between, Clock, Day, Moment, Part, part_hours

NOW = 120.0
POINT = 60.0
AROUND = 900.0
HALF = 43200.0
NIGHT_END = 6 * 3600.0
NO_SUCH_DAY = "names a day that the calendar does not have"

__all__ = ["AROUND", "DAY", "NOW", "NO_SUCH_DAY", "POINT", "Resolver", "Stretch"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """``[start, end)`` POSIX seconds, or a ``point`` (start = end but for an hour that comes twice).

    ``first``/``last`` are the calendar days that hold its start and its end.
    """

    start: float
    end: float
    point: bool = False
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Days:
    """A run of ``n`` calendar days; ``firsts`` by preference; ``open``: the present settles am/pm."""

    firsts: tuple[date, ...]
    n: int = 1
    open: bool = False


def clock_seconds(clock: Clock, part: Part | None) -> float | None:
    """Seconds after midnight of the part's day (24 h and more = the day after), or None when am/pm stays open."""
    s = clock.seconds
    name = part.name if part is not None else ""
    if name in ("night", "tonight"):
        if clock.twelve:
            s = s % HALF
            return s + DAY if s < NIGHT_END else s + HALF
        return s + DAY if s < NIGHT_END else s
    if name == "evening" and s % HALF == 0 and (clock.named or clock.twelve):
        return DAY if clock.twelve or s == 0 else s
    if not clock.twelve:
        return s
    if name in ("morning", "breakfast", "small hours"):
        return s % HALF
    if name in ("afternoon", "evening", "dinner"):
        return s % HALF + HALF
    if name in ("lunchtime", "daytime"):
        return working_hours(s)
    return None


def evening_too(part: Part) -> Part:
    """The night of a day that is named ("last night", "Tuesday night") begins with its evening, as people say it: a
    show at eight was last night. Not so "overnight" and "late last night"."""
    if part.name != "night" or part.said == "over":
        return part
    return replace(part, side="") if part.side == "late" else replace(part, name="tonight")


def working_hours(seconds: float) -> float:
    """A twelve-hour time read as in a working day: 7 to 11 is morning, 12 to 6 afternoon."""
    s = seconds % HALF
    return s if s >= 7 * 3600 else s + HALF


def _open_weekday(day: Day | None) -> bool:
    return day is not None and day.kind == "weekday" and day.which is None


class Resolver:
    """Resolves moments at ``now`` in ``tz``; ``phrase`` is for messages."""

    def __init__(self, phrase: str, now: float, tz: ZoneInfo) -> None:
        self.phrase = phrase
        self.now = now
        self.tz = tz
        self.today = local(now, tz).date()
        self.hour = local(now, tz).hour

    def fault(self, reason: str) -> TimeFault:
        return TimeFault(f"the time {self.phrase!r} {reason}", fix="say for example 'yesterday between 8 and 9'")

    def fill(self, moment: Moment, context: Moment) -> Moment:
        """``moment`` with the day and part that were said before its operator."""
        day = moment.day
        if day is not None and day.kind == "yearname" and day.value > self.today.year and day.value % 100 < 60:
            clock = Clock(day.value // 100 * 3600.0 + day.value % 100 * 60.0)  # "at 2045": no year to look back at
            moment = replace(moment, day=None, clock=clock)
        if context.empty:
            return moment
        twice = (context.day and moment.day) or (context.part and moment.part)
        if context.clock is not None or context.ago is not None or moment.ago is not None or twice:
            raise self.fault("cannot be read")
        return replace(moment, day=moment.day or context.day, part=moment.part or context.part)

    # days ------------------------------------------------------------------------------------------------------------

    def days(self, day: Day | None, *, after: date | None = None) -> Days:
        """The calendar days meant. ``after``: where the day recurs, its first occurrence not before that date."""
        today = self.today
        if day is None:
            return Days((today, shift(today, -1)), open=True)
        which = day.which
        if day.kind == "offset":
            return Days((self._offset(day),), open=day.value == 0 and day.text == "")
        if day.kind == "weekday":
            if day.unit == "week":
                return Days((shift(today, day.value - today.weekday() + 7 * (which or 0)),))
            back = (today.weekday() - day.value) % 7
            if after is not None and which is None:
                return Days((shift(after, (day.value - after.weekday()) % 7),))
            if which is None:
                return Days((shift(today, -back), shift(today, -back - 7)))
            if which == 0:
                return Days((shift(today, day.value - today.weekday()),))
            return Days((shift(today, -(back or 7) if which < 0 else (7 - back)),))
        if day.kind == "date":
            return Days((self._date(day.text, after),))
        if day.kind == "monthday":
            return Days((self._recurring(lambda y, m: calendar_date(f"{y}-{m}-{day.value}"), 12, after),))
        if day.kind == "week":
            return Days((shift(today, -today.weekday() + 7 * (which or 0)),), 7)
        if day.kind == "weekend":
            return Days((self._weekend(which),), 2)
        if day.kind == "month":
            return self._run(shift_months(today.replace(day=1), which or 0), 1)
        if day.kind == "year":
            return self._run(shift_months(today.replace(month=1, day=1), 12 * (which or 0)), 12)
        if day.kind == "yearname":
            return self._run(date(day.value, 1, 1), 12)
        return self._month(day, after)

    def _offset(self, day: Day) -> date:
        if day.unit in ("month", "year"):
            return shift_months(self.today, day.value * (12 if day.unit == "year" else 1))
        base = shift(self.today, -1) if day.text == "tonight" and self.hour < 6 else self.today
        return shift(base, day.value * (7 if day.unit == "week" else 1))

    def _date(self, text: str, after: date | None) -> date:
        if has_year(text):
            found = calendar_date(text)
        else:
            found = self._recurring(lambda y, _: calendar_date(with_year(text, y)), 1, after)
        if found is None:
            raise self.fault(NO_SUCH_DAY)
        return found

    def _recurring(self, make: Callable[[int, int], date | None], per_year: int, after: date | None) -> date:
        """Of the days that ``make(year, month)`` gives the latest until today, or the first from ``after`` on."""
        base = after or self.today
        step = 1 if after is not None else -1
        for k in range(9 * per_year):  # a 29 February is eight years away at most
            n = base.year * per_year + (base.month - 1 if per_year == 12 else 0) + step * k
            found = make(n // per_year, n % per_year + 1)
            if found is not None and (found >= base if after is not None else found <= base):
                return found
        raise self.fault(NO_SUCH_DAY)

    def _weekend(self, which: int | None) -> date:
        today = self.today
        latest = shift(today, -((today.weekday() - 5) % 7))
        if which is None:
            return latest
        if which == 0:
            return shift(today, 5 - today.weekday())
        if which > 0:
            return shift(latest, 7)
        return shift(latest, -7) if today.weekday() >= 5 else latest

    def _run(self, first: date, months: int) -> Days:
        return Days((first,), (shift_months(first, months) - first).days)

    def _month(self, day: Day, after: date | None) -> Days:
        if day.text:
            return self._run(date(int(day.text), day.value, 1), 1)
        base = after or self.today
        first = date(base.year, day.value, 1)
        if after is not None:
            first = first if first >= base.replace(day=1) else shift_months(first, 12)
        elif day.which == 1:
            first = first if first > base else shift_months(first, 12)
        elif day.which == -1:
            first = first if first < base.replace(day=1) else shift_months(first, -12)
        elif day.which is None and first > base:
            first = shift_months(first, -12)
        return self._run(first, 1)

    # stretches -------------------------------------------------------------------------------------------------------

    def stretch(self, moment: Moment, *, boundary: bool = False, after: date | None = None) -> Stretch:
        """When ``moment`` is. ``boundary``: it bounds something, so a skipped time is taken, and it lies before now."""
        if moment.ago is not None:
            if moment.ago > (LAST_YEAR - FIRST_YEAR) * 366 * DAY:
                raise self.fault("is too far back")
            at = self.now - moment.ago
            day = shift(self.today, -int(moment.ago // DAY))
            return Stretch(at, at, True, day, day)
        days = self.days(moment.day, after=after)
        if days.n > 1 and (moment.clock is not None or moment.part is not None):
            raise self.fault("names several days and a time of day")
        if moment.clock is not None:
            return self._point(moment.clock, moment.part, days, boundary)
        if moment.part is not None:
            start, end = part_hours(evening_too(moment.part) if moment.day is not None else moment.part)
            if moment.part.name == "morning" and moment.part.said == "this" and self.hour < 6 and start > 0:
                start = 0.0
            first = self._begun(days.firsts, start, boundary)
            last = shift(first, int((end - 1) // DAY))
            return Stretch(instant(first, start, self.tz), instant(first, end, self.tz, late=True), False, first, last)
        first = self._begun(days.firsts, 0.0, boundary)
        last = shift(first, days.n - 1)
        return Stretch(instant(first, 0.0, self.tz), instant(last, DAY, self.tz), False, first, last)

    def _begun(self, firsts: Sequence[date], seconds: float, boundary: bool) -> date:
        """The first candidate day on which ``seconds`` after midnight has passed; else the last candidate."""
        for day in firsts:
            at = instant(day, seconds, self.tz)
            if at < self.now or (at == self.now and not boundary):
                return day
        return firsts[0] if len(firsts) == 1 else firsts[-1]

    def _point(self, clock: Clock, part: Part | None, days: Days, boundary: bool) -> Stretch:
        options = self._options(clock, part, days)
        if clock.offset is not None:
            at = utc_instant(days.firsts[0], options[0], clock.offset)
            return Stretch(at, at, True, days.firsts[0], days.firsts[0])
        day, seconds = self._latest(days.firsts, options, boundary)
        if not boundary and skipped(day, seconds, self.tz):
            raise self.fault(f"did not exist on {day} in {self.tz.key}: the clocks were set forward over it")
        last = shift(day, int(seconds // DAY))
        late = instant(day, seconds, self.tz, late=True)
        return Stretch(instant(day, seconds, self.tz), late, True, day, last)

    def _options(self, clock: Clock, part: Part | None, days: Days) -> tuple[float, ...]:
        seconds = clock_seconds(clock, part)
        if seconds is not None:
            return (seconds,)
        if not days.open:
            return (working_hours(clock.seconds),)
        return (clock.seconds % HALF, clock.seconds % HALF + HALF)

    def _latest(self, firsts: Sequence[date], options: Sequence[float], boundary: bool) -> tuple[date, float]:
        """The latest (day, seconds) that has begun; where none has, the earliest."""
        pairs = sorted((instant(d, s, self.tz), d, s) for d in firsts for s in options)
        begun = [p for p in pairs if p[0] < self.now or (p[0] == self.now and not boundary)]
        _, day, seconds = begun[-1] if begun else pairs[0]
        return day, seconds

    # ranges ----------------------------------------------------------------------------------------------------------

    def between(self, tree: Between) -> tuple[float, float]:
        """``[start, end)`` of a range. A side that lacks its day or half of the clock takes it from the other."""
        a, b = self.fill(tree.a, tree.context), tree.b
        if a.day is None and a.ago is None and b.day is not None and (a.clock or a.part):
            shared, a, b = True, replace(a, day=b.day), replace(b, day=None)
        else:
            shared = False
        clocks = a.clock is not None and b.clock is not None and a.clock.offset is None and b.clock.offset is None
        if clocks and b.day is None:
            assert a.clock is not None and b.clock is not None
            return self._clocks(a.clock, a.part, b.clock, b.part, self.days(a.day))
        start = self.stretch(a, boundary=True)
        if _open_weekday(a.day) and _open_weekday(b.day):
            assert start.first is not None
            if (
                self.stretch(b, boundary=True, after=start.first).start > self.now
            ):  # the latest whose last day has begun
                early = Day("date", text=shift(start.first, -7).isoformat())
                start = self.stretch(replace(a, day=early), boundary=True)
        end = self._end(replace(b, day=a.day) if shared else b, start)
        if end <= start.start:
            raise self.fault("ends before it starts")
        return start.start, end

    def _clocks(self, a: Clock, a_part: Part | None, b: Clock, b_part: Part | None, days: Days) -> tuple[float, float]:
        if days.n > 1:
            raise self.fault("names several days and a time of day")
        end = clock_seconds(b, b_part)
        start = clock_seconds(a, a_part)
        if start is None and end is not None:
            # "8-9pm", "11 to 1pm", "between 1 and 3 last night": the half of the clock that makes the shorter range
            halves = (a.seconds % HALF, a.seconds % HALF + HALF)
            start = min(halves, key=lambda s, e=end: (e - s) % DAY or DAY)  # type: ignore[misc]
        if start is not None and a_part is None and end is not None:
            while end - start > DAY:
                start += DAY
        options = self._options(a, a_part, days) if start is None else (start,)
        day, start = self._latest(days.firsts, options, True)
        if end is None:
            end = start + ((b.seconds - start) % HALF or HALF)
        while end <= start:
            end += DAY
        begin, finish = instant(day, start, self.tz), instant(day, end, self.tz, late=True)
        if finish <= begin:
            raise self.fault(f"did not exist on {day} in {self.tz.key}: the clocks were set forward over it")
        return begin, finish

    def _end(self, b: Moment, start: Stretch) -> float:
        """The end of a range that begins at ``start``: at or after it where the words leave that open."""
        if b.ago is not None:
            return self.stretch(b, boundary=True).end
        if b.day is not None or start.first is None:
            return self.stretch(b, boundary=True, after=start.first).end
        ends = []
        for day in (self.today, start.first, start.first + timedelta(days=1)):
            pinned = replace(b, day=Day("date", text=day.isoformat()))
            ends.append(self.stretch(pinned, boundary=True).end)
        past = [e for e in ends if start.start < e <= self.now]
        return max(past) if past else min((e for e in ends if e > start.start), default=ends[-1])
