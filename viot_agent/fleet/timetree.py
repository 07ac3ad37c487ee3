"""The tree of a time phrase: what was said, before anybody looks at a clock. Types only.

``timegrammar`` builds it, ``times`` resolves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from viot_agent.fleet.timewords import PARTS

Operator = Literal["", "around", "since", "until", "before", "after", "just before", "just after"]


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day in seconds after midnight. ``twelve``: am or pm is open. ``named``: noon, midnight."""

    seconds: float
    twelve: bool = False
    named: bool = False
    fine: bool = False  # said to the second
    offset: float | None = None  # seconds east of UTC when the phrase says so
    bare: bool = False  # a number alone
    loose: bool = False  # "3ish"


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar stretch. ``kind`` says how ``value`` is read; ``which`` is -1 last, 0 this, 1 next, None unsaid."""

    kind: Literal["offset", "weekday", "date", "monthday", "week", "weekend", "month", "year", "monthname", "yearname"]
    value: int = 0
    which: int | None = None
    text: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the day; ``side`` takes its early or late half; ``bare``: said without any word before it."""

    name: str
    side: str = ""
    said: str = ""  # "this" for "this morning", "over" for "overnight"


@dataclass(frozen=True, slots=True)
class Moment:
    """Day, part and clock as far as they were said; or an instant relative to now (``ago`` seconds; 0 = now)."""

    day: Day | None = None
    part: Part | None = None
    clock: Clock | None = None
    ago: float | None = None
    vague: bool = False

    @property
    def empty(self) -> bool:
        return self.day is None and self.part is None and self.clock is None and self.ago is None


@dataclass(frozen=True, slots=True)
class Always:
    """No bound at all."""


@dataclass(frozen=True, slots=True)
class When:
    """A moment under an operator (``around``, ``since``, ...). ``context`` was said before the operator."""

    moment: Moment
    op: Operator = ""
    context: Moment = Moment()
    edge: Literal["", "so far", "from now"] = ""


@dataclass(frozen=True, slots=True)
class Between:
    """From one moment to another. ``marked``: said with between or from."""

    a: Moment
    b: Moment
    context: Moment = Moment()
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Rolling:
    """The last (-1) or next (+1) ``amount`` units."""

    amount: float
    unit: str
    direction: int = -1


@dataclass(frozen=True, slots=True)
class Edge:
    """The first or last ``seconds`` of the recording (``of`` None) or of a moment."""

    side: Literal["first", "last"]
    seconds: float
    of: Moment | None = None


@dataclass(frozen=True, slots=True)
class MediaSpan:
    """A stretch of the recording: seconds from its first frame (``unit`` = "s"), ``end`` infinite up to its last; or
    shares of its length ("share")."""

    start: float
    end: float
    unit: Literal["s", "share"] = "s"


Phrase = Always | When | Between | Rolling | Edge | MediaSpan


def part_hours(part: Part) -> tuple[float, float]:
    """Seconds after midnight at which a part of the day begins and ends."""
    start, end = PARTS[part.name]
    third = (end - start) / 2
    if part.side == "early":
        end = start + third
    elif part.side == "late":
        start = end - third
    elif part.side == "mid":
        start, end = start + third / 2, end - third / 2
    return start * 3600.0, end * 3600.0
