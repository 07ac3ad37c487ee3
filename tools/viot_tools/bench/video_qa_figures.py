"""Figures of video question answering: accuracy by type with its floors beside, overlap of evidence, seconds.

A floor is what is reached without looking: by the most common answer, by the type's, by the opening words', by the
question most like it (all leave one out: they know every other answer). Owns this arithmetic. Knows no suite and no
engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from viot_agent.bench.report import Row, bootstrap
from viot_tools.bench.video_qa_marking import CANNOT_TELL, Markable, Span, floors, normal, overlap, right

FRAME = "single frame"
TEMPORAL = ("order", "before_after", "state_change")


@dataclass(frozen=True, slots=True)
class Said:
    """What an engine answered. ``answer``: a few words, "" where it cannot tell; ``number``: the same as a number, in
    the unit of the gold; ``spans``: what it shows for it; ``text``: its sentences;
    ``parsed``: a typed program says the question; ``claimed``: the engine vouches for its answers to such."""

    answer: str
    number: float | None = None
    spans: tuple[Span, ...] = ()
    engine: str = ""
    seconds: float = 0.0
    text: str = ""
    parsed: bool = False
    claimed: bool = False


Q = TypeVar("Q", bound=Markable)


@dataclass(frozen=True, slots=True)
class Marked(Generic[Q]):
    """A question with its answer and whether that is right."""

    question: Q
    said: Said

    @property
    def right(self) -> bool:
        """Right, or *cannot tell* where nobody can."""
        return mark(self.question, self.said)

    @property
    def wrong(self) -> bool:
        """Something was said, and it is not right."""
        return bool(self.said.answer) and not self.right


def mark(q: Markable, said: Said) -> bool:
    """Whether the answer is right: by its number where the gold is one, else by its words."""
    if not q.answerable:
        return not said.answer or normal(said.answer) == CANNOT_TELL
    if not said.answer:
        return False
    if not isinstance(q.answer, str) and said.number is not None:
        return right(q, repr(said.number))
    return right(q, said.answer)


def accuracy(
    id_: str, metric: str, marked: Sequence[Marked[Q]], seed: int, model: str, tier: str, floor: float | None
) -> Row:
    """The share that is right, with its interval."""
    values = [float(m.right) for m in marked]
    low, high = bootstrap(values, seed)
    return Row(id_, metric, float(np.mean(values)), low, high, len(values), model, tier, floor)


def share(
    id_: str, metric: str, values: Sequence[float], seed: int, model: str, tier: str, floor: float | None = None
) -> Row:
    """The mean of ``values`` with its interval."""
    low, high = bootstrap(values, seed)
    return Row(id_, metric, float(np.mean(values)), low, high, len(values), model, tier, floor)


def overlaps(marked: Sequence[Marked[Q]], golds: Callable[[Q], Sequence[Span]]) -> list[float]:
    """Overlap of what is shown with what shows it, over right answers that have something to show."""
    return [overlap(m.said.spans, golds(m.question)) for m in marked if m.right and golds(m.question)]


def floors_of(questions: Sequence[Q]) -> dict[str, float]:
    """What who never sees the footage gets, of all questions."""
    return {name: v for name, v in floors(questions).items() if name not in ("chance", "longest option", CANNOT_TELL)}


def floor_words(found: Mapping[str, float]) -> str:
    """``majority 0.21, opening words 0.30``."""
    return ", ".join(f"{name} {value:.3f}" for name, value in found.items())


def seconds_words(marked: Sequence[Marked[Q]]) -> str:
    """``0.02 s a question in the middle, 0.3 s at most in 95 of 100, 1.2 s the longest``."""
    taken = [m.said.seconds for m in marked]
    middle, most = np.percentile(taken, [50, 95])
    return f"{middle:.3f} s a question (median), {most:.3f} s (95 %), {max(taken):.2f} s (longest)"
