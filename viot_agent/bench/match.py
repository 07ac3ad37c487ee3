"""Typed matching of one call's arguments: the conventions of DESIGN section 8, and nothing looser.

=============  ======================================================================================================
cameras        as the set of cameras they resolve to (plural, group, enumeration); omitted = everything
time           with a clock: as intervals, IoU of at least ``IOU`` on every camera; without: as normalised text
person         the enrolled person it resolves to, or the same attached file
plate          without case, spaces and hyphens
question       word F1 of at least ``QUESTION_F1``
media, poses   the very file or handle, by which call made it
method, mask   exact, and only where expected
event          by its kind: person, plate, number of people
scene          without case, one that the observation named
=============  ======================================================================================================

An argument that is not expected may not be given, and the other way round. Owns the comparison of arguments. Does not
know how calls are paired (``pairing``) or scored.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from viot_agent.bench.cards import cards
from viot_agent.errors import NameFault, TimeFault
from viot_agent.fleet.names import is_everything, normalise_name, person_key, resolve_camera_names, resolve_person_name
from viot_agent.fleet.plates import normalise_plate
from viot_agent.fleet.times import resolve_time
from viot_agent.fleet.types import Camera, Person

IOU = 0.9
QUESTION_F1 = 0.5
FAR = 60 * 86400.0
"""Seconds: an open end in the future (an alert's) is taken to lie this far off."""
_UPLOAD = re.compile(r"(?:image|video)-\d+")
_LEAD = re.compile(r"^(?:in|on|at|during|over|for|within|throughout|the|an?)\s+", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:the|an?)\s+", re.IGNORECASE)

Made = Mapping[str, frozenset[str]]
"""What ``@1``, ``@2``, ... stand for in this run: the handles or scenes that the call paired with that step made."""


@dataclass(frozen=True)
class Ground:
    """What names and times mean in a case. ``now`` None = an outside case without a clock: times are text.

    ``find`` resolves one camera name faster than comparing it with all ``cameras``. ``aliases``: other names of people.
    """

    cameras: tuple[Camera, ...] = ()
    people: tuple[Person, ...] = ()
    now: float | None = None
    begin: float = 0.0
    find: Callable[[str], Sequence[Camera]] | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)

    def named(self, name: str) -> Sequence[Camera]:
        """The cameras that a said name means. Raises NameFault."""
        return self.find(name) if self.find is not None else resolve_camera_names([name], self.cameras)


@dataclass(frozen=True, slots=True)
class Expected:
    """A call that a case expects. ``args`` may hold ``@n``: what step n (counted from 1) made. ``after``: steps (from
    0) that must come before. ``loose``: arguments that may be left out."""

    tool: str
    args: Mapping[str, Any]
    after: tuple[int, ...] = ()
    loose: frozenset[str] = frozenset()


def word_f1(a: str, b: str) -> float:
    """F1 over words, as a multiset, without case."""
    left, right = (Counter(re.findall(r"\w+", t.casefold())) for t in (a, b))
    both = sum((left & right).values())
    return 0.0 if not both else 2.0 * both / (sum(left.values()) + sum(right.values()))


def time_text(phrase: str) -> str:
    """A time phrase without case, double spaces, outer punctuation and a leading preposition or article."""
    text = " ".join(phrase.casefold().split()).strip(" .,;:!?\"'()")
    while (shorter := _LEAD.sub("", text)) != text:
        text = shorter
    return text


def camera_set(names: Any, ground: Ground) -> frozenset[str] | None:
    """The cameras that an argument means; None = the whole fleet. What resolves to nothing stays as it was said."""
    said = [names] if isinstance(names, str) else list(names or ())
    if not said or any(is_everything(str(n)) for n in said):
        return None
    out: set[str] = set()
    for name in map(str, said):
        try:
            out.update(c.name for c in ground.named(name))
        except NameFault:
            out.add("?" + normalise_name(name))
    # three: of a fleet of one or two, a name is still a name
    return None if len(ground.cameras) >= 3 and out == {c.name for c in ground.cameras} else frozenset(out)


def person_of(name: str, ground: Ground) -> str:
    """The enrolled person or the file that is meant."""
    said = name.strip()
    if _UPLOAD.fullmatch(said.casefold()):
        return said.casefold()
    try:
        name = resolve_person_name(said, ground.people).name
        return ground.aliases.get(name, name)
    except NameFault:
        return "?" + person_key(said)


def same_time(wanted: Any, given: Any, cameras: frozenset[str] | None, ground: Ground) -> bool:
    """Whether two phrases mean the same stretch on every one of ``cameras`` (None = all), or are the same text."""
    texts = [None if t is None else time_text(str(t)) for t in (wanted, given)]
    if texts[0] == texts[1]:
        return True
    if ground.now is None:
        return False
    zones = sorted({c.tz for c in ground.cameras if cameras is None or c.name in cameras} or {"UTC"})
    return all(_iou(wanted, given, tz, ground) >= IOU for tz in zones)


def _iou(a: Any, b: Any, tz: str, ground: Ground) -> float:
    assert ground.now is not None
    spans = []
    for phrase in (a, b):
        start, end = ground.begin - FAR, ground.now + FAR
        if phrase is not None:
            try:
                w = resolve_time(str(phrase), ground.now, tz, extent=(ground.begin, ground.now))
            except TimeFault:
                return 0.0
            start, end = start if w.start is None else w.start, end if w.end is None else w.end
        spans.append((start, end))
    return overlap(*spans)


def overlap(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Intersection over union of two stretches."""
    both = min(a[1], b[1]) - max(a[0], b[0])
    whole = max(a[1], b[1]) - min(a[0], b[0])
    return max(0.0, both) / whole if whole > 0 else float(a == b)


def event_of(event: str, ground: Ground) -> tuple[str, str]:
    """``(kind, what)`` of an alert's event: a person resolved, a plate normalised, a whole number."""
    said = event.strip()
    head, colon, rest = said.partition(":")
    if colon and head.casefold() == "face":
        return "face", person_of(rest, ground)
    if colon and head.casefold() == "plate":
        return "plate", normalise_plate(rest)
    crowd = re.fullmatch(r"crowd\s*>\s*(\d+)", said.casefold())
    return ("crowd", str(int(crowd[1]))) if crowd else (said.casefold(), "")


def differences(
    want: Expected, given: Mapping[str, Any], ground: Ground, made: Made, *, ignore: frozenset[str] = frozenset()
) -> list[str]:
    """The names of the arguments of a call of ``want.tool`` that are wrong; empty = the call is right."""
    args = {k: v for k, v in given.items() if v is not None}
    kinds = {a.name: a.kind for a in cards()[want.tool].args}
    wrong = []
    for name in dict.fromkeys((*want.args, *args)):
        if name in ignore or (name in want.loose and name not in args):
            continue
        kind = kinds.get(name)
        wanted, got = want.args.get(name), args.get(name)
        if kind is None:
            same = False
        elif kind == "cameras":
            same = camera_set(wanted, ground) == camera_set(got, ground)
        elif kind == "time":
            same = same_time(wanted, got, camera_set(want.args.get("cameras"), ground), ground)
        elif wanted is None or got is None:
            same = False
        else:
            same = _same_value(kind, str(wanted), str(got), ground, made)
        if not same:
            wrong.append(name)
    return wrong


def _same_value(kind: str, wanted: str, got: str, ground: Ground, made: Made) -> bool:
    if re.fullmatch(r"@\d+", wanted):
        return plain(got) in made.get(wanted, frozenset())
    if kind == "person":
        return person_of(wanted, ground) == person_of(got, ground)
    if kind == "plate":
        return normalise_plate(wanted) == normalise_plate(got)
    if kind == "text":
        return word_f1(wanted, got) >= QUESTION_F1
    if kind == "event":
        return event_of(wanted, ground) == event_of(got, ground)
    return plain(wanted) == plain(got)


def plain(text: str) -> str:
    """Without case, outer and double spaces, and a leading article: for handles, choices and scenes."""
    return _ARTICLE.sub("", " ".join(text.casefold().split()))
