"""From seconds and their history to unusual stretches: which history, how surprising, and where the line is.

The history of a window is the camera's other footage, when there is enough of it (``ENOUGH_ELSE``); else the window is
judged piece by piece, each piece of ``BLOCK`` seconds (longer ones where that would make more than ``MOST_PIECES``)
against everything at least ``GUARD`` seconds away from it (leave-one-out), so that nothing is its own history. With
less than ``LEAST_HISTORY`` seconds nothing is judged.

``LINES`` are the surprises from which on a channel speaks. Owns this judgement. Knows neither storage nor words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from viot_tools.anomaly.measure import Seconds
from viot_tools.anomaly.normal import CHANNELS, Floats, Memory, Surprise, Watched

LEAST_HISTORY = 30
"""Seconds of history below which nothing is said of "usual"."""
ENOUGH_ELSE = 120
BLOCK, GUARD = 10.0, 5.0
MOST_PIECES = 30
"""Each piece learns its own history: without a limit the work would grow with the square of the footage."""
LINES: Final[Mapping[str, float]] = {
    "where": 4.6,
    "speed": 1.15,
    "direction": 3.2,
    "amount": 3.0,
    "crowd": 2.0,
    "change": 8.0,
    "light": 1.0,
}
"""See ``anomaly.md`` for how they were chosen and how many false alarms an hour they stand for."""
BRIDGE = 3.0
"""Seconds between unusual seconds of one cause that make one stretch."""


@dataclass(frozen=True, slots=True)
class Judged:
    """N seconds judged: ``t`` (N,), ``times`` (N, 7) the surprise in multiples of its line, ``surprise`` as it was,
    ``history`` (N,) seconds each was judged against; 0 where there was too little."""

    t: NDArray[np.float64]
    times: Floats
    surprise: Surprise
    history: NDArray[np.int64]

    @property
    def total(self) -> Floats:
        """(N,) the loudest channel; 1 and more is unusual."""
        return self.times.max(1) if len(self.t) else np.zeros(0)

    @classmethod
    def joined(cls, parts: Sequence[Judged]) -> Judged:
        """One after the other; at least one, in order of time."""
        surprise = Surprise(*(np.concatenate([getattr(p.surprise, n) for p in parts]) for n in Surprise.__slots__))
        t, times = np.concatenate([p.t for p in parts]), np.concatenate([p.times for p in parts])
        return cls(t, times, surprise, np.concatenate([p.history for p in parts]))


@dataclass(frozen=True, slots=True)
class Stretch:
    """An unusual stretch for one cause: POSIX seconds ``start``..``end``, loudest at ``at`` in cell ``cell`` (-1: all
    over), ``score`` in multiples of the line, ``ratio`` times the usual speed there."""

    channel: str
    start: float
    end: float
    at: float
    cell: int
    score: float
    ratio: float


def judge(watched: Watched, asked: NDArray[np.bool_]) -> Judged:
    """The ``asked`` (N,) ones among N seconds against the others."""
    seconds = watched.seconds
    which = np.flatnonzero(asked)
    n = len(which)
    score, cell, ratio = np.zeros((n, len(CHANNELS))), np.full((n, len(CHANNELS)), -1), np.ones(n)
    history = np.zeros(n, int)
    for some, past in _pieces(seconds, asked):
        if past.sum() < LEAST_HISTORY:
            continue
        found = Memory(watched.where(past)).surprise(watched.where(some))
        rows = np.searchsorted(which, np.flatnonzero(some))
        score[rows], cell[rows], ratio[rows] = found.score, found.cell, found.ratio
        history[rows] = past.sum()
    lines = np.array([LINES[name] for name in CHANNELS])
    return Judged(seconds.t[which], score / lines, Surprise(score, cell, ratio), history)


def _pieces(seconds: Seconds, asked: NDArray[np.bool_]) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """(what is judged, its history) pairs, both (N,) masks."""
    if (~asked).sum() >= ENOUGH_ELSE:
        return [(asked, ~asked)]
    pieces = []
    block = np.floor(seconds.t / max(BLOCK, int(asked.sum()) / MOST_PIECES)).astype(np.int64)
    for b in np.unique(block[asked]):
        mine = asked & (block == b)
        low, high = seconds.t[mine].min() - GUARD, seconds.t[mine].max() + GUARD
        pieces.append((mine, (seconds.t < low) | (seconds.t > high)))
    return pieces


def stretches(judged: Judged) -> list[Stretch]:
    """The unusual stretches, loudest first. One cause that blinks is one stretch; two causes at once are told by the
    louder alone."""
    found: list[Stretch] = []
    loudest = judged.times.argmax(1) if len(judged.t) else np.zeros(0, int)
    open_: dict[int, list[int]] = {}
    for i, t in enumerate(judged.t):
        if judged.times[i].max() < 1:
            continue
        k = int(loudest[i])
        if k in open_ and t - judged.t[open_[k][-1]] <= BRIDGE + 1:
            open_[k].append(i)
        else:
            if k in open_:
                found.append(_stretch(judged, k, open_[k]))
            open_[k] = [i]
    found += [_stretch(judged, k, rows) for k, rows in open_.items()]
    return sorted(found, key=lambda s: -s.score)


def _stretch(judged: Judged, k: int, rows: Sequence[int]) -> Stretch:
    top = max(rows, key=lambda i: judged.times[i, k])
    return Stretch(
        CHANNELS[k],
        float(judged.t[rows[0]] - 0.5),
        float(judged.t[rows[-1]] + 0.5),
        float(judged.t[top]),
        int(judged.surprise.cell[top, k]),
        float(judged.times[top, k]),
        float(judged.surprise.ratio[top]),
    )
