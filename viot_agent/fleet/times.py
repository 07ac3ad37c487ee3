"""Time phrases to windows: "between 8 and 9 this morning", "the last 30 minutes", "since midnight".

Owns the meaning of phrases relative to the present time, a zone and, for positions in a recording, the extent of the
footage. Calendar dates are read by dateparser, loaded only when a phrase holds one; all else by the thin grammar.
Does not know cameras or the library.

What people leave open is settled so:

====================================  =================================================================================
now, right now, at the moment         the last 2 minutes (``NOW``)
14:05, at 9, half past nine           one minute either side (``POINT``); to the second when seconds are said: 5 s
noon, midnight; around 3pm; 3ish      15 minutes either side (``AROUND``); just before/after: the 15 minutes
an hour ago                           10 % of the distance either side, 1 minute at least; "3 days ago" = that day;
                                      "a few minutes ago" 60 %
morning, afternoon, evening, night    6-12, 12-18, 18-24, 22-6; tonight 18-6; lunch 11:30-13:30; early/late = half of it
last night, Tuesday night             18-6: the night of a named day has its evening in it; late last night 22-6
this morning, asked before 6          from midnight
9 or 9:05 without am/pm               the most recent past one; on another day than today 7-11 = am, 12-6 = pm.
                                      Two digits and a colon (09:05, 10:30) are the 24-hour clock
2015, 2045                            a year until this year, else a time of day
no day said; a weekday; 3 March       the most recent that has begun (weekday: today counts)
01/03/2026                            day first
since X, after X, from 9              until now; after X on an earlier day: until the end of that day
until X, before X                     from the start of X's day (today when none is said; midnight = its end); for a
                                      whole day ("before Monday") from the beginning
last week, this week, last month      calendar, weeks from Monday; "past week", "last 7 days" = up to now
the weekend                           the most recent one that has begun
beginning, end of the recording       its first, last tenth; the middle: the fifth around its centre; halfway: a tenth
second 6; by, before, until second 8  that second of the recording; from its first frame until second 8 begins
after second 9, from second 9 on      until its end; around second 6: from 5 to 8
a few, several                        five
====================================  =================================================================================

Windows may lie in the future ("tonight", for alerts). ``start < end`` always holds.
"""

from __future__ import annotations

import math
from dataclasses import replace

from viot_agent.errors import TimeFault
from viot_agent.fleet.clock import instant, local, shift, shift_months, zone
from viot_agent.fleet.moments import AROUND, DAY, NOW, POINT, Resolver, Stretch
from viot_agent.fleet.timeatoms import SECONDS
from viot_agent.fleet.timegrammar import parse
from viot_agent.fleet.timetree import Always, Between, Day, Edge, MediaSpan, Moment, Phrase, Rolling, When
from viot_agent.fleet.timewords import lex
from viot_agent.fleet.types import Window

__all__ = ["AROUND", "MAX_PHRASE", "NOW", "POINT", "recognise", "resolve_time"]

MAX_PHRASE = 300  # characters; the schema of a tool's time argument allows no more
LONGEST = 100 * 366 * DAY
EXAMPLES = (
    "say for example 'now', 'between 8 and 9 this morning', 'yesterday afternoon', 'the last 30 minutes', "
    "'since midnight', 'at 14:05', 'on 3 March', 'from 22:00 to 02:00' or 'first 10 seconds'"
)


def recognise(phrase: str) -> Phrase | None:
    """The tree of ``phrase``, or None when the grammar does not know it. Dates are not checked against the calendar."""
    if len(phrase) > MAX_PHRASE:
        return None
    tokens = lex(phrase)
    while tokens and tokens[-1].kind == "break" and tokens[-1].text in ".?!;:)\"'":
        tokens.pop()
    while tokens and tokens[0].kind == "break" and tokens[0].text in "(\"'":
        tokens.pop(0)
    return parse(tokens)


def resolve_time(phrase: str, now: float, tz: str, *, extent: tuple[float, float] | None = None) -> Window:
    """The window that ``phrase`` means at ``now`` (POSIX seconds) on a clock in zone ``tz``.

    ``extent`` (POSIX seconds of the first and past the last footage) is what "first 10 seconds" counts from.
    Raises TimeFault, with examples, for what cannot be read, and for nothing else.
    """
    if len(phrase) > MAX_PHRASE:
        raise TimeFault(f"a time phrase of {len(phrase)} characters is too long", fix=EXAMPLES)
    tree = recognise(phrase)
    if tree is None:
        raise TimeFault(f"the time {phrase.strip()!r} cannot be read", fix=EXAMPLES)
    resolver = Resolver(phrase.strip(), now, zone(tz))
    start, end = _window(tree, resolver, extent)
    if start is not None and end is not None and not start < end:
        raise TimeFault(f"the time {phrase.strip()!r} ends before it starts", fix=EXAMPLES)
    return Window(start, end, phrase)


Bounds = tuple[float | None, float | None]


def _window(tree: Phrase, r: Resolver, extent: tuple[float, float] | None) -> Bounds:
    if isinstance(tree, Always):
        return None, None
    if isinstance(tree, Rolling):
        return _rolling(tree, r)
    if isinstance(tree, MediaSpan):
        return _media(tree, r, extent)
    if isinstance(tree, Edge):
        return _edge(tree, r, extent)
    if isinstance(tree, Between):
        return r.between(tree)
    return _when(tree, r)


def _rolling(tree: Rolling, r: Resolver) -> Bounds:
    if tree.amount <= 0:
        raise r.fault("is no stretch of time")
    if tree.amount > 1e6:
        raise r.fault("is too long")
    sign = tree.direction
    if tree.unit in SECONDS:
        length = tree.amount * SECONDS[tree.unit]
        if length > LONGEST:
            raise r.fault("is too long")
        other = r.now + sign * length
        shift(r.today, sign * int(length // DAY))  # in range?
    else:
        # by the calendar: three days back is the same time of day, whatever the clocks did in between
        wall = local(r.now, r.tz)
        second = wall.hour * 3600 + wall.minute * 60 + wall.second + wall.microsecond / 1e6
        whole, part = divmod(tree.amount, 1)
        day = r.today
        if tree.unit in ("month", "year"):
            day = shift_months(day, sign * int(whole) * (12 if tree.unit == "year" else 1))
            extra = part * (365 if tree.unit == "year" else 30)
        else:
            n, extra = divmod(tree.amount * (7 if tree.unit == "week" else 1), 1)
            day = shift(day, sign * int(n))
        other = instant(day, second, r.tz) + sign * extra * DAY
    return (other, r.now) if sign < 0 else (r.now, other)


def _extent(r: Resolver, extent: tuple[float, float] | None) -> tuple[float, float]:
    if extent is None or not extent[0] < extent[1]:
        raise TimeFault(
            f"the time {r.phrase!r} counts from the start of a recording, and nothing is indexed there",
            fix="index the camera first, or give a time of day",
        )
    return extent


def _media(tree: MediaSpan, r: Resolver, extent: tuple[float, float] | None) -> Bounds:
    begin, end = _extent(r, extent)
    length = end - begin
    if tree.unit == "share":
        return begin + tree.start * length, begin + tree.end * length
    if tree.start >= length:
        raise TimeFault(
            f"the time {r.phrase!r} lies past the end of the recording, which is {length:.0f} s long",
            fix=f"give a position below {length:.0f} s",
        )
    return begin + tree.start, end if tree.end == math.inf else begin + tree.end


def _edge(tree: Edge, r: Resolver, extent: tuple[float, float] | None) -> Bounds:
    if tree.seconds <= 0 or tree.seconds > LONGEST:
        raise r.fault("is no stretch of time")
    if tree.of is None:
        begin, end = _extent(r, extent)
    else:
        whole = r.stretch(tree.of)
        if whole.point:
            raise r.fault("cannot be read")
        begin, end = whole.start, whole.end
    seconds = min(tree.seconds, end - begin)
    return (begin, begin + seconds) if tree.side == "first" else (end - seconds, end)


def _when(tree: When, r: Resolver) -> Bounds:
    moment = r.fill(tree.moment, tree.context)
    if tree.op in ("", "around"):
        return _plain(tree, moment, r)
    if moment.ago == 0:
        if tree.op in ("until", "before"):
            return None, r.now
        return (r.now, None) if tree.op in ("since", "after", "just after") else (r.now - AROUND, r.now)
    if tree.op in ("until", "before") and moment.clock is not None:
        clock = moment.clock
        if clock.named and clock.seconds == 0 and moment.part is None:  # until midnight: the end of the day
            clock = replace(clock, seconds=DAY)
        moment = replace(moment, clock=clock, day=moment.day or Day("offset", 0))
    found = r.stretch(moment, boundary=True)
    if tree.op == "just before":
        return found.start - AROUND, found.start
    if tree.op == "just after":
        return found.end, found.end + AROUND
    if tree.op in ("since", "after"):
        return _after(found, found.start if tree.op == "since" else found.end, moment, tree, r)
    return _before(found, moment, tree, r)


def _plain(tree: When, moment: Moment, r: Resolver) -> Bounds:
    if moment.ago == 0:
        return r.now - NOW, r.now
    found = r.stretch(moment)
    if tree.edge == "so far":
        return found.start, min(r.now, found.end) if r.now > found.start else found.end
    if tree.edge == "from now":
        return max(r.now, found.start) if r.now < found.end else found.start, found.end
    if not found.point:
        widen = AROUND if tree.op == "around" and moment.part is not None else 0.0
        return found.start - widen, found.end + widen
    clock = moment.clock
    if (clock is not None and (clock.named or clock.loose)) or tree.op == "around":
        width = AROUND
    elif moment.ago is not None:
        width = POINT
    else:
        width = 5.0 if clock is not None and clock.fine else POINT
    if moment.ago is not None:
        width = max(width, (0.6 if moment.vague else 0.1) * moment.ago)
        return found.start - width, min(found.end + width, r.now)
    return found.start - width, found.end + width


def _after(found: Stretch, start: float, moment: Moment, tree: When, r: Resolver) -> Bounds:
    """Until now; an earlier day that was named ends itself; what has not begun has no end but its day's."""
    if moment.clock is not None and moment.part is not None:  # "this morning after 10"
        part = r.stretch(replace(moment, clock=None), boundary=True)
        if part.start <= start < part.end:
            return start, min(part.end, r.now) if r.now > start else part.end
    named = moment.day is not None and (moment.clock is not None or moment.part is not None)
    if named and (tree.op == "after" or tree.context.day is not None) and found.last is not None:
        end = instant(found.last, DAY, r.tz)
        if end > start and (end <= r.now or start >= r.now):
            return start, end
    return (start, r.now) if start < r.now else (start, None)


def _before(found: Stretch, moment: Moment, tree: When, r: Resolver) -> Bounds:
    """From the start of the day; without bound where a whole day was named."""
    end = found.end if tree.op == "until" and (found.point or moment.part is None) else found.start
    if found.point:
        end = found.end
    if moment.ago is not None or (moment.clock is None and moment.part is None):
        return None, end
    assert found.first is not None  # every stretch that was named by clock or part has a day
    if moment.clock is not None and moment.part is not None:  # "this morning before 10"
        part = r.stretch(replace(moment, clock=None), boundary=True)
        if part.start < end:
            return part.start, end
    start = instant(found.first, 0.0, r.tz)
    if start >= end:  # before 0:00
        start = instant(shift(found.first, -1), 0.0, r.tz)
    return start, end
