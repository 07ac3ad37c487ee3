"""What counts as a right answer about video, what a guesser reaches who never saw it, and how intervals overlap.

Owns the marking of short answers. Knows no suite and no engine.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from viot_agent.errors import UserFault
from viot_agent.library import intervals

CANNOT_TELL = "cannot tell"
_WORDS = dict(zip("zero one two three four five six seven eight nine ten".split(), map(str, range(11)), strict=True))
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

Accepted = str | float | tuple[float, float]
Span = tuple[str, float, float]
"""A camera (or clip) and a stretch of its time, in seconds."""


class BadQuestions(UserFault):
    """A questions file that breaks the schema, or clips that are not the ones the questions were written on."""


class Markable(Protocol):
    """A question with its answer. ``accept`` holds other right wordings, and ranges (low, high) for numbers."""

    @property
    def id(self) -> str: ...
    @property
    def question(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def answer(self) -> str | float: ...
    @property
    def accept(self) -> tuple[Accepted, ...]: ...
    @property
    def options(self) -> tuple[str, ...]: ...
    @property
    def answerable(self) -> bool: ...


def normal(text: str) -> str:
    """Lower case, no punctuation, no articles, number words up to ten as digits."""
    words = re.findall(r"\d+(?:\.\d+)?|\w+", text.lower())
    return " ".join(_WORDS.get(w, w) for w in words if w not in ("a", "an", "the"))


def right(q: Markable, said: str) -> bool:
    """Whether ``said`` is the answer: one of the accepted wordings, or the one number it holds is right or in range.

    Short answers are compared, not sentences: whoever is measured says "red", not "the car was red". Of an answer to
    a yes-no question the first word counts, of a number the number ("7 people").
    """
    ours = {normal(str(q.answer)), *(normal(str(a)) for a in q.accept if not isinstance(a, tuple))}
    theirs = normal(said)
    if theirs in ours:
        return True
    if q.answer in ("yes", "no"):
        return theirs.split(" ")[0] == q.answer
    if not isinstance(q.answer, str):
        numbers = [float(n) for n in _NUMBER.findall(theirs)]
        ranges = [(q.answer, q.answer), *(a for a in q.accept if isinstance(a, tuple))]
        return len(numbers) == 1 and any(low <= numbers[0] <= high for low, high in ranges)
    return False


def floors(questions: Sequence[Markable]) -> dict[str, float]:
    """Accuracy of guessers who never see the footage, over ``questions``.

    ``chance`` and ``longest option`` are over multiple choice alone. ``majority``, ``type prior`` and ``opening words``
    know the true answer counts of all other questions (leave one out): overall, per type, and per first two words of
    the question. ``nearest question`` gives the answer of the other question that shares most words with this one
    (Jaccard). All of these answer multiple choice by chance. ``cannot tell`` always says so.
    """
    if not questions:
        raise BadQuestions("there are no questions to guess at.", fix="give a file with at least one row")
    chosen = [q for q in questions if q.options]
    chance = sum(1 / len(q.options) for q in chosen)
    return {
        "chance": chance / len(chosen) if chosen else 0.0,
        "longest option": sum(max(q.options, key=len) == q.answer for q in chosen) / len(chosen) if chosen else 0.0,
        "majority": _prior(questions, lambda _: ""),
        "type prior": _prior(questions, lambda q: q.type),
        "opening words": _prior(questions, lambda q: " ".join(normal(q.question).split()[:2])),
        "nearest question": _nearest(questions),
        CANNOT_TELL: sum(not q.answerable for q in questions) / len(questions),
    }


def _prior(questions: Sequence[Markable], key: Callable[[Markable], str]) -> float:
    counts: dict[str, Counter[str]] = {}
    for q in questions:
        if not q.options:
            counts.setdefault(key(q), Counter())[normal(str(q.answer))] += 1
    score = 0.0
    for q in questions:
        if q.options:
            score += 1 / len(q.options)
            continue
        others = counts[key(q)].copy()
        others[normal(str(q.answer))] -= 1
        # ties go to the answer that sorts first, so that the figure does not hang on the order of the file
        guess = min(others, key=lambda a: (-others[a], a))
        score += others[guess] > 0 and right(q, guess)
    return score / len(questions)


def _nearest(questions: Sequence[Markable]) -> float:
    bags = [frozenset(normal(q.question).split()) for q in questions]
    score = 0.0
    for q, bag in zip(questions, bags, strict=True):
        if q.options:
            score += 1 / len(q.options)
            continue
        others = [(len(bag & b) / len(bag | b), o) for o, b in zip(questions, bags, strict=True) if o is not q]
        if others:
            score += right(q, str(max(others, key=lambda pair: (pair[0], pair[1].id))[1].answer))
    return score / len(questions)


def overlap(ours: Sequence[Span], theirs: Sequence[Span]) -> float:
    """Intersection over union, 0..1, of two sets of stretches: seconds in both over seconds in either, all cameras."""
    both = either = 0.0
    for camera in {c for c, _, _ in (*ours, *theirs)}:
        a, b = (intervals.merge((x, y) for c, x, y in spans if c == camera) for spans in (ours, theirs))
        shared = sum(intervals.total(intervals.clip(a, x, y)) for x, y in b)
        both += shared
        either += intervals.total(a) + intervals.total(b) - shared
    return both / either if either > 0 else 0.0
