"""One text out of many readings of one plate: a vote per character.

Readings are aligned to the most central one by edit distance (a confusable pair costs half), then every column votes,
each reading with the score of its character; a missing character votes "none" with the reading's mean. Pure functions:
the same readings in any order give the same result, and every voted character was read in some frame.

Owns alignment and vote. Does not know pictures or tracks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from viot_tools.plates.grammar import confusable


@dataclass(frozen=True, slots=True, order=True)
class Reading:
    """One reading: ``scores`` one probability (0..1) per character of ``text``."""

    text: str
    scores: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.text) != len(self.scores):
            raise ValueError(f"{self.text!r} has {len(self.text)} characters but {len(self.scores)} scores")

    @property
    def score(self) -> float:
        """Mean character score, 0 for an empty text."""
        return float(np.mean(self.scores)) if self.scores else 0.0


@dataclass(frozen=True, slots=True)
class Voted:
    """The outcome. ``scores`` per character: the winner's share of the column's weight times its mean probability.

    ``score`` is their mean; ``agreement`` 0..1 the share of readings that hold the winner, averaged over characters.
    """

    text: str
    scores: tuple[float, ...]
    score: float
    agreement: float
    readings: int


def distance(a: str, b: str) -> float:
    """Edit distance in which exchanging a confusable pair (0/O, 8/B, ...) costs .5, anything else 1."""
    return _table(a, b)[len(a)][len(b)]


def _cost(x: str, y: str) -> float:
    return 0.0 if x == y else 0.5 if confusable(x, y) else 1.0


def _table(a: str, b: str) -> list[list[float]]:
    table = [[float(i + j) if i == 0 or j == 0 else 0.0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i][j] = min(
                table[i - 1][j - 1] + _cost(a[i - 1], b[j - 1]), table[i - 1][j] + 1.0, table[i][j - 1] + 1.0
            )
    return table


def align(a: str, b: str) -> list[tuple[int | None, int | None]]:
    """Pairs of positions of ``a`` and ``b`` on a cheapest edit path; None where the other has a character too many."""
    table = _table(a, b)
    path: list[tuple[int | None, int | None]] = []
    i, j = len(a), len(b)
    while i or j:
        if i and j and table[i][j] == table[i - 1][j - 1] + _cost(a[i - 1], b[j - 1]):
            i, j = i - 1, j - 1
            path.append((i, j))
        elif i and table[i][j] == table[i - 1][j] + 1.0:
            i -= 1
            path.append((i, None))
        else:
            j -= 1
            path.append((None, j))
    return path[::-1]


def vote(readings: Sequence[Reading]) -> Voted:
    """The voted text. Empty readings are ignored; none at all gives an empty text with score 0."""
    kept = sorted(r for r in readings if r.text)
    if not kept:
        return Voted("", (), 0.0, 0.0, 0)
    centre = min(kept, key=lambda r: (sum(distance(r.text, o.text) * o.score for o in kept), -r.score, r))
    # column key: (position in the centre, 0) for its characters, (position before which, 1, 2, ...) for insertions
    columns: dict[tuple[int, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for reading in kept:
        before, extra = 0, 0
        for i, j in align(centre.text, reading.text):
            if i is not None:
                columns[(i, 10_000)]["" if j is None else reading.text[j]].append(
                    reading.score if j is None else reading.scores[j]
                )
                before, extra = i + 1, 0
            elif j is not None:
                columns[(before, extra)][reading.text[j]].append(reading.scores[j])
                extra += 1
    everything = sum(r.score for r in kept)
    text, scores, shares = "", [], []
    for key in sorted(columns):
        ballots = columns[key]
        if key[1] != 10_000:
            # who did not insert here voted against it, with its mean
            ballots[""].append(max(0.0, everything - sum(sum(v) for k, v in ballots.items() if k)))
        winner = max(sorted(ballots), key=lambda c: sum(ballots[c]))
        total = sum(sum(v) for v in ballots.values())
        if not winner:
            continue
        share = sum(ballots[winner]) / total if total > 0 else 1.0 / len(ballots)
        text += winner
        scores.append(share * float(np.mean(ballots[winner])))
        shares.append(len(ballots[winner]) / len(kept))
    if not text:
        return Voted("", (), 0.0, 0.0, len(kept))
    return Voted(text, tuple(scores), float(np.mean(scores)), float(np.mean(shares)), len(kept))
