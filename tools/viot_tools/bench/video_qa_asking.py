"""What VIoT-QA's question forms have in common: a draw from a view of the truth, and the gold of an answer.

Owns the search for things that a question can be asked about without two meanings. The forms themselves, and how each
computes its gold, are ``video_qa_forms``'s.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from viot_tools.bench.video_qa_words import Thing, bare, describe, twisted
from viot_tools.bench.video_qa_world import Actor, Kind, Scene, View

MARGIN = 5.0
"""Seconds by which two moments must differ before one is said to be earlier."""
TRIES = 60

Span = tuple[str, float, float]
Accepted = str | float | tuple[float, float]


@final
@dataclass(frozen=True, slots=True)
class Gold:
    """The answer with what else is right, and the stretches (camera, start, end) that show it; none for a *no*."""

    answer: str | float
    accept: tuple[Accepted, ...] = ()
    spans: tuple[Span, ...] = ()


Judge = Callable[[View], Gold | None]
"""Computes the gold over a view of the truth; None where it cannot be told there."""


@final
@dataclass(frozen=True, slots=True)
class Asked:
    """A question before it has words: what fills its slots, and how its gold is found. ``named``: the things that it
    names one of which is the answer."""

    slots: dict[str, str]
    judge: Judge
    options: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draw:
    """The chance behind one question. ``want``: which of two answers is due, so that they come evenly; ``turn`` counts
    the questions of the form, for what is spread over more than two; ``slots`` are those of the words to be filled."""

    rng: random.Random
    scene: Scene
    view: View
    want: bool
    turn: int
    slots: frozenset[str]

    def unique(
        self, kind: Kind | None = None, avoid: tuple[str, ...] = (), where: Callable[[Actor], bool] = lambda _: True
    ) -> tuple[Thing, Actor] | None:
        """A description that fits one thing of the view and no other, and that thing."""
        able = [a for a in self.view.actors if a.kind in ((kind,) if kind else ("person", "vehicle")) and where(a)]
        for _ in range(TRIES if able else 0):
            actor = self.rng.choice(able)
            thing = describe(self.rng, actor, avoid)
            found = thing.among(self.view)
            if found is not None and len(found) == 1:
                return thing, actor
        return None

    def group(
        self, holds: Callable[[list[Actor]], bool], kind: Kind | None = None, fires: bool = False
    ) -> Thing | None:
        """A description whose things in the view satisfy ``holds``: of something there, of nearly that, or of all."""
        kinds = (kind,) if kind else ("person", "vehicle", "fire") if fires else ("person", "vehicle")
        able = [a for a in self.view.actors if a.kind in kinds]
        for _ in range(TRIES if able else 0):
            actor = self.rng.choice(able)
            thing = self.rng.choice(
                (
                    describe(self.rng, actor, most=1),
                    describe(self.rng, actor),
                    describe(self.rng, twisted(self.rng, actor)),
                    bare(actor.kind),
                )
            )
            found = thing.among(self.view)
            if found is not None and holds(found):
                return thing
        return None

    def spread(self, least: int, most: int) -> int:
        """``least`` to ``most``, each as often."""
        return least + self.turn % (most - least + 1)


Form = Callable[[Draw], Asked | None]
"""Draws what is asked about; None where the question would have two meanings."""


def yes(holds: bool, things: Sequence[Actor] = ()) -> Gold:
    """*Yes* with what shows it, or *no*."""
    return Gold("yes" if holds else "no", (), spans(things) if holds else ())


def number(n: int, things: Sequence[Actor] = ()) -> Gold:
    """A count with those counted."""
    return Gold(float(n), (), spans(things))


def spans(things: Sequence[Actor]) -> tuple[Span, ...]:
    """When and where they were in view."""
    return tuple((a.camera, a.start, a.end) for a in things)


def first(things: Sequence[Actor], key: Callable[[Actor], float]) -> Actor | None:
    """The one with the least ``key``, None where another is as good as equal."""
    ranked = sorted(things, key=key)
    if not ranked or (len(ranked) > 1 and key(ranked[1]) - key(ranked[0]) < MARGIN):
        return None
    return ranked[0]


def only(thing: Thing, view: View) -> Actor | None:
    """The one thing of the view that is meant."""
    found = [a for a in view.actors if thing.fits(a)]
    return found[0] if len(found) == 1 else None


def all_of(thing: Thing, view: View) -> list[Actor]:
    """All things of the view that are meant, by time."""
    return sorted((a for a in view.actors if thing.fits(a)), key=lambda a: (a.start, a.id))


def most_at_once(things: Sequence[Actor]) -> tuple[int, tuple[Span, ...]]:
    """The most at one time, and when that was."""
    best, when = 0, None
    for t in sorted(a.start for a in things):
        there = [a for a in things if a.start <= t < a.end or a.start == a.end == t]
        if len(there) > best:
            best, when = len(there), (t, min(a.end for a in there), there)
    if when is None:
        return 0, ()
    return best, tuple((a.camera, when[0], when[1]) for a in when[2])


def choice(d: Draw, asked: Asked, right: str, others: list[str]) -> Asked:
    """The same with options: the right one stands at each place as often."""
    options = list(others)
    options.insert(d.turn % (len(others) + 1), right)
    slots = asked.slots | {f"o{i}": option for i, option in enumerate(options, 1)}
    return Asked(slots, asked.judge, tuple(options))
