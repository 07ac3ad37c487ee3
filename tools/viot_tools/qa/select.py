"""From the facts to the things that a pick means: conditions, relations to other picks, and which of those left.

Each candidate holds for sure or maybe: an attribute that is absent or not sure makes a thing *maybe*. Owns picking.
Does not know what is asked of the picked.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from viot_tools.qa import motion
from viot_tools.qa.describe import described
from viot_tools.qa.facts import Thing
from viot_tools.qa.ground import CannotTell, Ground, Span, Tri, every, other, some
from viot_tools.qa.program import Has, Pick, Relation
from viot_tools.qa.relations import Anchor, beside, moment

UNKNOWN = "unknown"
"""The action of a stretch that was looked at and cannot be told."""
TOLD = 0.5
"""Share of a stay of which the actions must be known before one that was not seen is ruled out."""
PIECE = 0.25
"""Share of the longest stay below which somebody else's is most likely a piece of it, or nothing."""
ALIKE = 1.05
"""Two stays or sizes whose ratio is below this are about the same."""


Points = Callable[[str], Sequence[Anchor]]
"""The anchors of a relation, by the camera of the thing that stands beside them: clocks differ."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A thing that is picked, ``sure`` or maybe. ``spans``: the stretches in which the conditions hold, never empty; of
    no length for a coming or a going."""

    thing: Thing
    sure: bool
    spans: tuple[Span, ...]

    @property
    def start(self) -> float:
        return self.spans[0][0]

    @property
    def end(self) -> float:
        return self.spans[-1][1]


@dataclass(frozen=True, slots=True)
class Picked:
    """The candidates of a pick by their start. ``before``: how many surely met the conditions before ``which`` and
    ``number`` chose among them."""

    pick: Pick
    candidates: tuple[Candidate, ...]
    before: int = 0

    @property
    def sure(self) -> tuple[Candidate, ...]:
        return tuple(c for c in self.candidates if c.sure)

    @property
    def maybe(self) -> tuple[Candidate, ...]:
        return tuple(c for c in self.candidates if not c.sure)


def choose(ground: Ground, pick: Pick) -> Picked:
    """What the pick means. Raises CannotTell when something it needs was not looked for, or an anchor is not there."""
    _demand(ground, pick)
    anchors = [anchors_of(ground, relation) for relation in pick.when]
    able, asked = ground.things(pick.kind), pick
    if pick.heads:
        able = alone(ground, pick)
        asked = replace(pick, attributes=tuple(h for h in pick.attributes if h.attribute != "sex"))
    found = [c for thing in able if (c := _candidate(ground, asked, thing, anchors)) is not None]
    for relation, points in zip(pick.when, anchors, strict=True):
        if relation.next:
            found = _next(found, relation, points, ground.step(pick.kind))
    before = sum(c.sure for c in found)
    return Picked(pick, tuple(sorted(_which(found, pick, ground), key=lambda c: (c.start, c.thing.id))), before)


def alone(ground: Ground, pick: Pick) -> list[Thing]:
    """The ``heads`` people of a pick that names nobody, whom nobody else can be: of the others, if there are any, each
    was there for a small part of their time only, and may be a piece of one of them. Raises CannotTell."""
    cameras = {name.casefold() for name in pick.cameras}
    there = [t for t in ground.things(pick.kind) if not cameras or t.camera.casefold() in cameras]
    sexes = [h for h in pick.attributes if h.attribute == "sex"]
    told = {t.id: every(carries(t, h) for h in sexes) for t in there}
    there = [t for t in there if told[t.id] is not False]
    stays = {t.id: b - a for t in there for a, b in [ground.inside(t)]}
    longest = max(stays.values(), default=0.0)
    main = [t for t in there if t.sure and stays[t.id] >= PIECE * longest]
    if sexes and any(told[t.id] for t in there) and not all(told[t.id] for t in main):
        raise CannotTell("of some of the people it is not sure whether they are men or women")
    if there and len(main) != pick.heads:
        seen = {0: "nobody was surely seen", 1: "one person was seen"}.get(len(main), f"{len(main)} people were seen")
        raise CannotTell(f"{seen}, and the question does not say who is meant")
    return main


def _demand(ground: Ground, pick: Pick) -> None:
    ground.demand(pick.kind)
    for has in pick.attributes:
        # "the man" is often just who is there: where that is not told, it stays a maybe
        if has.attribute not in ("label", "sex"):
            ground.demand(has.attribute)
    if pick.doing or pick.known_by:
        ground.demand("action")
    if pick.name:
        ground.demand("name")


# conditions ----------------------------------------------------------------------------------------------------------


def _candidate(ground: Ground, pick: Pick, thing: Thing, anchors: Sequence[Points]) -> Candidate | None:
    """The thing with the stretches in which it is meant; None where it is surely not."""
    truth = every(_conditions(ground, pick, thing))
    if truth is False:
        return None
    step = ground.step(pick.kind)
    held: dict[Tri, list[Span]] = {True: [], None: [], False: []}
    for span, told in _spans(ground, pick, thing):
        there = (
            beside(relation, span, thing.id, points(thing.camera), step)
            for relation, points in zip(pick.when, anchors, strict=True)
        )
        held[every((told, *there))].append(span)
    if held[True]:
        return Candidate(thing, truth is True, tuple(held[True]))
    return Candidate(thing, False, tuple(held[None])) if held[None] else None


def _conditions(ground: Ground, pick: Pick, thing: Thing) -> Iterator[Tri]:
    """All conditions but those of time and action, cheapest first."""
    if pick.cameras:
        yield thing.camera.casefold() in {name.casefold() for name in pick.cameras}
    yield True if thing.sure else None
    if pick.labels:
        yield labelled(thing, pick.labels, ground.blind)
    for has in pick.attributes:
        yield carries(thing, has)
    if pick.name:
        yield named(thing, pick.name)
    if pick.motion:
        yield motion.moves(ground, thing, pick.motion)
    if pick.side:
        by = motion.side(thing, end=pick.motion == "leaves")
        yield by == pick.side if by else None
    if pick.known_by:
        yield did(ground, thing, pick.known_by)
    if pick.stay != (None, None):
        yield stays(ground, pick, thing)
    if pick.place:
        yield motion.lies(thing, pick.place, ground.inside(thing))


def labelled(thing: Thing, labels: Sequence[str], blind: frozenset[str] = frozenset()) -> Tri:
    """Whether it is one of these kinds. The attribute ``label`` goes before the detector's own word. ``blind``: kinds
    that the detector has no word for, and takes for others."""
    value = thing.attributes.get("label")
    if value is not None:
        return value.value in labels if value.sure else None
    if thing.label in labels:
        return True
    return None if not thing.label or blind & set(labels) else False


def carries(thing: Thing, has: Has) -> Tri:
    """Whether an attribute has one of the values; None where it is absent or not sure. Without values: any name."""
    if has.attribute == "name":
        value = bool(thing.name) if thing.named or thing.name else None
        if has.values:
            value = some(named(thing, name) for name in has.values)
    elif has.attribute == "label":
        value = labelled(thing, has.values)
    else:
        seen = thing.attributes.get(has.attribute)
        value = None if seen is None or not seen.sure else seen.value in has.values
    return other(value) if has.no else value


def named(thing: Thing, name: str) -> Tri:
    """Whether faces told that it is this person."""
    if thing.name:
        return thing.name.casefold() == name.casefold()
    return False if thing.named else None


def stays(ground: Ground, pick: Pick, thing: Thing) -> Tri:
    """Whether its stay (in one place, where it is to wait) is as long as asked; a stay that is cut by the border of the
    footage is at least as long as it looks."""
    least, most = pick.stay
    if pick.motion == "waits":
        if not thing.path:
            return None
        span = motion.longest_still(thing.path)
    else:
        span = thing.start, thing.end
    seconds, step = span[1] - span[0], ground.step(pick.kind)
    cut = motion.cut(ground, thing, span)
    values: list[Tri] = []
    if least is not None:
        values.append(True if seconds >= least else None if cut or seconds >= least - 2 * step else False)
    if most is not None:
        values.append(False if seconds > most + 2 * step else None if cut or seconds > most else True)
    return every(values)


def _spans(ground: Ground, pick: Pick, thing: Thing) -> Iterator[tuple[Span, Tri]]:
    """The stretches in which the thing is what is meant, each sure or maybe: its actions, its coming, going or waiting,
    else its stay."""
    if pick.doing:
        yield from _doing(ground, pick, thing)
    elif pick.motion == "enters":
        yield (thing.start, thing.start), True
    elif pick.motion == "leaves":
        yield (thing.end, thing.end), True
    elif pick.motion == "waits" and thing.path:
        yield motion.longest_still(thing.path), True
    else:
        yield ground.inside(thing), True


def did(ground: Ground, thing: Thing, actions: Sequence[str]) -> Tri:
    """Whether it did any of these, at any time that it was there."""
    if thing.doing is None:
        return None
    if any(d.action in actions for d in thing.doing):
        return True
    known = sum(d.end - d.start for d in thing.doing if d.action != UNKNOWN)
    return False if known >= TOLD * (thing.end - thing.start) else None


def _doing(ground: Ground, pick: Pick, thing: Thing) -> Iterator[tuple[Span, Tri]]:
    """As far as it was asked about. An action that was not seen is ruled out where most of the time is known."""
    low, high = ground.inside(thing)
    if thing.doing is None:
        yield (low, high), None
        return
    known, mine = 0.0, False
    for d in thing.doing:
        a, b = max(d.start, low), min(d.end, high)
        if a > b or (a == b and d.end > d.start):
            continue  # outside of what was asked about, or at its border
        if d.action != UNKNOWN:
            known += b - a
        if d.action in pick.doing and _was(thing, d.start, pick.after_doing):
            mine = True
            yield (a, b), True
    if not mine and (high <= low or known < TOLD * (high - low)):
        yield (low, high), None


def _was(thing: Thing, before: float, actions: Sequence[str]) -> bool:
    """Whether it did any of ``actions`` before that moment; of no actions yes."""
    return not actions or any(d.action in actions and d.end <= before + 1e-6 for d in thing.doing or ())


# anchors -------------------------------------------------------------------------------------------------------------


def anchors_of(ground: Ground, relation: Relation) -> Points:
    """Raises CannotTell when nothing is there to stand beside."""
    if relation.anchor is None:
        if not relation.clock:
            raise CannotTell(f"the question does not say what is meant by {relation.how!r}")
        return lambda camera: (Anchor(ground.read(relation.clock, camera)),)
    picked = choose(ground, relation.anchor)
    # where something is sure, what only may be it is not what is meant
    chosen = picked.sure or picked.maybe
    if not chosen:
        what = described(relation.anchor)
        raise CannotTell(f"no {what} was seen, and the question is about the time {relation.how} that")
    anchors = tuple(
        Anchor(span, c.sure, c.thing.id)
        for c in chosen
        for span in (c.spans if relation.how in ("during", "together") else [(c.start, c.end)])
    )
    return lambda camera: anchors


def _next(found: Sequence[Candidate], relation: Relation, points: Points, step: float) -> list[Candidate]:
    """The nearest one to the anchor."""

    def away(c: Candidate) -> float:
        return min(abs(c.start - moment(relation, a)) for a in points(c.thing.camera))

    return nth(found, away, 1, step)


# which of those left -------------------------------------------------------------------------------------------------


def _which(found: Sequence[Candidate], pick: Pick, ground: Ground) -> list[Candidate]:
    step = ground.step(pick.kind)
    by_end = pick.motion == "leaves"

    def came(c: Candidate) -> float:
        return c.end if by_end else c.start if pick.doing or pick.when else c.thing.start

    if pick.number is not None:
        found = nth(found, (lambda c: -came(c)) if pick.which == "last" else came, pick.number, step)
        return list(found) if pick.which in ("first", "last") else _which(found, replace(pick, number=None), ground)
    if pick.which == "first":
        return nth(found, came, 1, step)
    if pick.which == "last":
        return nth(found, lambda c: -came(c), 1, step)
    if pick.which == "longest":
        return nth(found, lambda c: -math.log(max(_length(c), 1e-3)), 1, math.log(ALIKE))
    if pick.which == "largest":
        return nth(found, lambda c: -math.log(max(_size(c), 1e-9)), 1, math.log(ALIKE))
    return list(found)


def _length(c: Candidate) -> float:
    return sum(b - a for a, b in c.spans)


def _size(c: Candidate) -> float:
    """The largest share of the picture that it took up."""
    return max((s.w * s.h for s in c.thing.path), default=0.0)


def nth(found: Sequence[Candidate], key: Callable[[Candidate], float], n: int, tie: float) -> list[Candidate]:
    """Those that may be the ``n``-th by ``key`` (1 = the least), sure where no other one can be.

    A candidate that only may belong may push others back; two whose keys differ by less than ``tie`` have no order.
    """
    values = sorted(key(c) for c in found)
    certain = sorted(key(c) for c in found if c.sure)
    out = []
    for c in sorted(found, key=lambda c: (key(c), c.thing.id)):
        value = key(c)
        surely = bisect.bisect_right(certain, value - tie + 1e-6)
        possibly = bisect.bisect_left(values, value + tie - 1e-6) - 1  # not itself
        if surely <= n - 1 <= possibly:
            out.append(replace(c, sure=c.sure and surely == possibly == n - 1))
    return out
