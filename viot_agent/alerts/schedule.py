"""When an alert is on: a stretch that recurs every day or week ("at night", "weekdays after 20:00"), or one that comes
once ("tonight", "from now on").

Owns what a time phrase means for something that looks ahead; phrases are read by ``fleet.times``, which looks back.
What people leave open is settled so: a phrase without a day recurs daily; "after 20:00" lasts until 06:00, "after
08:00" until midnight; "before 6" begins at midnight; "after 8" said without am or pm is the evening, "before 6" the
morning, "between 9 and 5" goes through noon. A clock time alone is a quarter of an hour either side of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from viot_agent.errors import TimeFault
from viot_agent.fleet.clock import DAY, human, instant, local, zone
from viot_agent.fleet.times import AROUND, recognise, resolve_time
from viot_agent.fleet.timetree import Always, Between, Clock, Day, Moment, When, part_hours

NOON, MORNING = DAY / 2, DAY / 4
"""Seconds after midnight: "after X" from noon on lasts until the next MORNING."""
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_EVERY = re.compile(
    r"^(?:(?:on|at|in|during|only)\s+)?(?:every|each|all)\s+|^(?:daily|nightly)\b[\s,]*|\bdaily\b", re.I
)
_WORKDAYS = re.compile(r"\b(?:on\s+)?(?:weekdays?|workdays?|working days?|business days?)\b", re.I)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When an alert is on, by the clock of each camera.

    ``daily``: (from, to) seconds after midnight, ``to`` beyond a day reaches into the next. ``days``: weekdays on
    which such a stretch begins (Monday = 0), empty = all. ``once``: (from, to) POSIX seconds, either None = open.
    ``phrase`` as it was said. Without ``daily``, ``days`` and ``once`` it is always on.
    """

    daily: tuple[float, float] | None = None
    days: tuple[int, ...] = ()
    once: tuple[float | None, float | None] | None = None
    phrase: str = ""

    def on(self, ts: float, tz: str) -> bool:
        """Whether the alert is on at ``ts`` (POSIX seconds) on a camera in the zone ``tz``."""
        if self.once is not None:
            start, end = self.once
            return (start is None or ts >= start) and (end is None or ts < end)
        if self.daily is None and not self.days:
            return True
        start, end = self.daily or (0.0, DAY)
        where = zone(tz)
        today = local(ts, where).date()
        for back in (0, 1):
            day = today - timedelta(days=back)
            if self.days and day.weekday() not in self.days:
                continue
            if instant(day, start, where) <= ts < instant(day, end, where, late=True):
                return True
        return False

    @property
    def recurs(self) -> bool:
        """Whether it comes again."""
        return self.once is None

    def words(self, tz: str) -> str:
        """``every day from 22:00 to 06:00``, ``until 06:00:00 on 4 March 2026``, ``at any time``."""
        if self.once is not None:
            start, end = self.once
            where = zone(tz)
            parts = [] if start is None else [f"from {human(start, where)}"]
            parts += [] if end is None else [f"until {human(end, where)}"]
            return " ".join(parts) or "at any time"
        if self.daily is None and not self.days:
            return "at any time"
        if not self.days:
            which = "every day"
        elif self.days == (0, 1, 2, 3, 4):
            which = "Monday to Friday"
        elif self.days == (5, 6):
            which = "Saturday and Sunday"
        else:
            which = "every " + " and ".join(_DAYS[d] for d in self.days)
        return which if self.daily is None else f"{which} from {_clock(self.daily[0])} to {_clock(self.daily[1])}"

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {"daily": self.daily, "days": list(self.days), "once": self.once, "phrase": self.phrase}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Schedule:
        """What ``to_json`` made."""
        daily, once = raw.get("daily"), raw.get("once")
        return cls(
            None if daily is None else (float(daily[0]), float(daily[1])),
            tuple(int(d) for d in raw.get("days", ())),
            None if once is None else (once[0], once[1]),
            str(raw.get("phrase", "")),
        )


def read_schedule(phrase: str | None, now: float, tz: str) -> Schedule:
    """What ``phrase`` means for an alert made at ``now``; None = always on.

    Raises TimeFault for a phrase nobody can read and for one that lies in the past.
    """
    if phrase is None:
        return Schedule()
    said = phrase.strip()
    every = bool(_EVERY.search(said))
    plain = _EVERY.sub(" ", said)
    days: tuple[int, ...] = (0, 1, 2, 3, 4) if _WORKDAYS.search(plain) else ()
    plain = " ".join(_WORKDAYS.sub(" ", plain).split()).strip(" ,")
    if not plain:
        if "nightly" in said.casefold():
            return Schedule(part_hours_of("night"), days, phrase=said)
        if days or every:
            return Schedule(None, days, phrase=said)
    if plain.casefold() in ("time", "day", "the time", "the day", "day long", "times"):  # "all the time", "every day"
        return Schedule(None, days, phrase=said)
    tree = recognise(plain)
    if isinstance(tree, Always):
        return Schedule(None, days, phrase=said)
    if isinstance(tree, When) and tree.moment.ago == 0.0 and not (tree.moment.day or tree.moment.clock):
        return Schedule(once=(now, None), phrase=said)  # "now", "from now on"
    recurring = _recurring(tree, said)
    if recurring is not None:
        daily, own = recurring
        return Schedule(daily, tuple(sorted(set(days) | set(own))), phrase=said)
    window = resolve_time(plain, now, tz)
    if window.end is not None and window.end <= now:
        raise TimeFault(
            f"an alert looks ahead, and {said!r} is over",
            fix="say for example 'at night', 'weekdays after 20:00', 'tonight' or leave the time out",
        )
    return Schedule(once=(window.start, window.end), phrase=said)


def part_hours_of(name: str) -> tuple[float, float]:
    """Seconds after midnight of a part of the day."""
    from viot_agent.fleet.timetree import Part

    return part_hours(Part(name))


def _recurring(tree: object, said: str) -> tuple[tuple[float, float] | None, tuple[int, ...]] | None:
    """(daily stretch or None, weekdays) of a phrase that names no single day, else None."""
    if isinstance(tree, When):
        moments, days = [tree.context, tree.moment], _weekdays(tree.context, tree.moment)
    elif isinstance(tree, Between):
        moments, days = [tree.context, tree.a, tree.b], _weekdays(tree.context, tree.a, tree.b)
    else:
        return None
    if days is None or any(m.ago is not None for m in moments):
        return None
    if isinstance(tree, Between):
        if tree.a.clock is None or tree.b.clock is None:
            return None
        start, end = tree.a.clock.seconds, tree.b.clock.seconds
        if tree.b.clock.twelve and end <= start:
            end += NOON
        return (start, end if end > start else end + DAY), days
    clock = tree.moment.clock
    if clock is not None:
        part = tree.moment.part or tree.context.part
        return _by_clock(clock, tree.op, None if part is None else part_hours(part)), days
    part = tree.moment.part or tree.context.part
    if part is None:
        return (None, days) if days and not tree.op else None
    start, end = part_hours(part)
    if tree.op in ("since", "after"):
        return (start, max(end, DAY)), days
    if tree.op in ("until", "before"):
        return (0.0, start), days
    return (start, end), days


def _by_clock(clock: Clock, op: str, part: tuple[float, float] | None) -> tuple[float, float]:
    at = clock.seconds
    if clock.twelve and at < NOON and op in ("since", "after") and part is None:
        at += NOON  # "after 8" of somebody who wants to be woken is the evening
    if op in ("since", "after"):
        return at, DAY + MORNING if at >= NOON else DAY
    if op in ("until", "before"):
        return (0.0, at)
    return max(0.0, at - AROUND), at + AROUND


def _weekdays(*moments: Moment) -> tuple[int, ...] | None:
    """The weekdays said; () where no day is said, None where one certain day or another stretch is."""
    found: tuple[int, ...] = ()
    for moment in moments:
        day = moment.day
        if day is None:
            continue
        if not _weekly(day):
            return None
        found += (day.value,) if day.kind == "weekday" else (5, 6)
    return found


def _weekly(day: Day) -> bool:
    return day.kind in ("weekday", "weekend") and day.which is None


def _clock(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60) % 1440, 60)
    return f"{hours:02d}:{minutes:02d}"
