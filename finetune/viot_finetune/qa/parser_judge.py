"""How good the learned parser is on sentences it was not trained on, and from which confidence on it is believed.

A sentence is *right* where the program is the one that its form and its slots' true words give, *wrong* where it is
another, *unread* where there is none. Owns this marking and the choice of the threshold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from viot_agent.sentences import Encoded, Sentences
from viot_finetune.qa.parser_data import Example
from viot_tools.qa.learned.build import programmed
from viot_tools.qa.learned.checks import CRITICAL, outside
from viot_tools.qa.learned.forms import SYMMETRIC, UNTOLD
from viot_tools.qa.learned.net import NONE, Net
from viot_tools.qa.learned.reader import Guess, Reader, edge_of, filled, guessed
from viot_tools.qa.parse_said import Lost
from viot_tools.qa.program import Program
from viot_tools.qa.understand import alike

SEEN = 0.02
"""A critical tag is one that a form's sentences have where this share of them has it outside of the slots; another one
where any of them has it."""


class Remembered:
    """Sentences that are encoded twice in a row, once."""

    def __init__(self, sentences: Sentences) -> None:
        self._sentences, self._last = sentences, ("", sentences.encode(""))

    def encode(self, text: str) -> Encoded | None:
        """As the protocol says."""
        if text != self._last[0]:
            self._last = (text, self._sentences.encode(text))
        return self._last[1]


@dataclass(frozen=True, slots=True)
class Judged:
    """``sure``: of the reading; ``form`` and ``slots``: whether each was found; ``read``: whether a program came out at
    all (or, of what no footage answers, that); ``right``: whether it is the true one."""

    example: Example
    sure: float
    form: bool
    slots: bool
    read: bool
    right: bool
    said: str = ""


def seen_outside(examples: Iterable[Example]) -> dict[str, frozenset[str]]:
    """Form -> the tags that its sentences have outside of their slots."""
    found: dict[str, Counter[str]] = {}
    asked: Counter[str] = Counter()
    for e in examples:
        asked[e.sentence.form] += 1
        found.setdefault(e.sentence.form, Counter()).update(outside(e.read.text, e.slots))
    return {
        form: frozenset(tag for tag, n in tags.items() if tag.split(":")[0] not in CRITICAL or n >= SEEN * asked[form])
        for form, tags in found.items()
        if form != NONE
    }


def gold(example: Example) -> Program | None:
    """The true program; None where no footage answers. Raises Lost for a filling that no builder takes."""
    form = example.sentence.form
    if form in UNTOLD or form == NONE:
        return None
    return programmed(
        form, filled(example.read, Guess(form, 1.0, example.slots), (), edge_of(example.read.text, example.slots))
    )


def judge(net: Net, examples: Sequence[Example], sentences: Sentences) -> list[Judged]:
    """Each example read by the network alone, at any confidence."""
    once = Remembered(sentences)
    reader = Reader(Net(net.arrays, 0.0, net.outside), lambda: once)
    found: list[Judged] = []
    for e in examples:
        encoded = once.encode(e.read.text)
        if encoded is None or e.read.problem:
            continue
        try:
            true = gold(e)
        except Lost:
            if e.sentence.gaps:
                continue
            true = None  # what it is about is not described: nobody may answer past it
        guess = guessed(net, e.read, encoded)
        read = reader.read(e.question, e.cameras, e.people)
        untold = e.sentence.form in UNTOLD or e.sentence.form == NONE
        right = read.program is None if untold or true is None else same(read.program, true)
        found.append(
            Judged(
                e,
                guess.sure,
                guess.form == e.sentence.form,
                _marked(guess.slots, e.sentence.form) == _marked(e.slots, e.sentence.form),
                read.program is not None,
                right,
                read.reason or read.form,
            )
        )
    return found


def same(said: Program | None, true: Program | None) -> bool:
    """Whether two programs ask the same."""
    return said == true if said is None or true is None else alike(said, true)


def _marked(slots: Sequence[tuple[str, int, int]], form: str) -> set[tuple[str, int, int]]:
    return {("a" if form in SYMMETRIC and slot == "b" else slot, start, end) for slot, start, end in slots}


def threshold(judged: Sequence[Judged], most_wrong: float) -> float:
    """The least confidence from which on no more than this share of what is read is wrong, in steps of 0.01 from 0.3
    on: real questions are of no form more often than the judged sentences."""
    for step in range(30, 100):
        kept = [j for j in judged if j.read and j.sure >= step / 100]
        if kept and sum(not j.right for j in kept) <= most_wrong * len(kept):
            return step / 100
    return 0.99


def curve(judged: Sequence[Judged], at: Sequence[float]) -> list[dict[str, float]]:
    """For each threshold: of answerable sentences the share read rightly and wrongly, of the others that read."""
    told = [j for j in judged if j.example.sentence.form not in (*UNTOLD, NONE)]
    rest = [j for j in judged if j.example.sentence.form in (*UNTOLD, NONE)]
    rows: list[dict[str, float]] = []
    for t in at:
        read = [j for j in told if j.read and j.sure >= t]
        rows.append(
            {
                "threshold": t,
                "right": sum(j.right for j in read) / max(1, len(told)),
                "wrong": sum(not j.right for j in read) / max(1, len(told)),
                "untold read": sum(j.read and j.sure >= t for j in rest) / max(1, len(rest)),
            }
        )
    return rows


def by_form(judged: Sequence[Judged]) -> Mapping[str, tuple[int, float, float, float]]:
    """Form -> (sentences, share with the right form, with the right slots, read rightly), at any confidence."""
    groups: dict[str, list[Judged]] = {}
    for j in judged:
        groups.setdefault(j.example.sentence.form, []).append(j)
    return {
        form: (len(g), *(sum(getattr(j, f) for j in g) / len(g) for f in ("form", "slots", "right")))  # type: ignore[misc]
        for form, g in sorted(groups.items())
    }
