"""Answers made of candidates, and the words for what is not sure about them. Owns those words; decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from viot_tools.qa import motion
from viot_tools.qa.describe import article, described
from viot_tools.qa.facts import Found, Thing
from viot_tools.qa.ground import SUBJECTS, Ground, Span, item_words
from viot_tools.qa.program import Pick
from viot_tools.qa.select import Candidate, Picked, carries, labelled, named

Interval = tuple[str, float, float]
"""Camera, start and end in POSIX seconds."""


def stretch(ground: Ground, c: Candidate) -> Span:
    """From when to when the candidate shows what is meant: its action or waiting, else its stay as far as it was asked
    about."""
    return ground.inside(c.thing) if c.start == c.end else (c.start, c.end)


def found(
    value: str, ground: Ground, shown: Sequence[Candidate], each: Sequence[Picked], notes: Sequence[str] = ()
) -> Found:
    """An answer that rests on ``shown``, with what is not sure about it."""
    things: list[Thing] = []
    intervals: list[Interval] = []
    for c in shown:
        if all(t.id != c.thing.id for t in things[-50:]):
            things.append(c.thing)
        spans = [stretch(ground, c)] if c.start == c.end else list(c.spans)
        intervals += [(c.thing.camera, a, b) for a, b in spans]
    kinds = dict.fromkeys(p.pick.kind for p in each)
    missing = dict.fromkeys(ground.facts.problems.get(kind, "") for kind in kinds)
    reason = "; ".join(r for r in [*notes, reserves(each), *missing] if r)
    maybe = tuple(c.thing for p in each for c in p.maybe)
    return Found(value, reason, tuple(things), maybe, tuple(dict.fromkeys(intervals)))


def reserves(each: Sequence[Picked]) -> str:
    """``1 more person may be one (the colour of upper clothing is not sure)``, or ''."""
    return "; ".join(maybes(p, alone=not p.sure) for p in each if p.maybe)


def maybes(picked: Picked, *, alone: bool = False) -> str:
    """The same of one pick; ``alone`` where none is sure."""
    n, pick = len(picked.maybe), picked.pick
    noun = SUBJECTS.get(pick.kind, pick.kind) if n != 1 else described(Pick(pick.kind))
    what = described(pick, many=True) if n != 1 else article(described(pick))
    who = f"{n} {noun}" if alone else f"{n} more"
    why = "; ".join(dict.fromkeys(w for c in picked.maybe for w in _doubts(pick, c.thing)))
    return f"{who} may be {what if alone else 'too'}" + (f" ({why})" if why else "")


def outweighed(each: Sequence[Picked]) -> tuple[Thing, ...]:
    """All that only may belong."""
    return tuple(c.thing for p in each for c in p.maybe)


def _doubts(pick: Pick, thing: Thing) -> Iterator[str]:
    """What of a thing is not sure."""
    if not thing.sure:
        yield "it may be nothing, or something else"
    if pick.labels and labelled(thing, pick.labels) is not True:
        yield f"{item_words('label')} is not sure"
    for has in pick.attributes:
        if carries(thing, has) is None:
            yield f"{item_words(has.attribute)} is not sure"
    if pick.name and named(thing, pick.name) is None:
        yield "no face tells who it is"
    if pick.doing and (thing.doing is None or all(d.action not in pick.doing for d in thing.doing)):
        yield "what was done there is not sure"
    if (pick.motion or pick.place) and not thing.path:
        yield "its way is not known"
    elif pick.place and motion.lies(thing, pick.place) is None:
        yield "it was there only for a part of the time"
