"""What is usual on one camera, learnt from its own seconds, and how far a second departs from it.

Seven things are watched, each a density (or a quantile) over the history, each giving one surprise a second:

==========  =========================================================================================================
where       movement in cells where little or nothing moves: mean over the three most surprising cells of -ln P(moves),
            P a Beta posterior, so that a short history is not surprised by what it merely has not seen yet
speed       fastest followed box, in own heights a second, over the usual fastest (95 %), in log2: 1 is twice as fast;
            or flow over the usual there, less 1.5 (flow is unsure of fast things, and never the only witness of much)
direction   flow against the usual directions of the neighbourhood: -ln P(direction), mean over the three worst cells
amount      log2 of all movement over the usual largest amount (95 %)
crowd       people over the usual largest number: (n - most) / sqrt(most + 1)
change      largest blob of the still picture, without people and vehicles, that differs from its median for four
            seconds, in thousandths of the picture: left, taken or moved
light       log2 by which brightness or contrast fell from the usual
==========  =========================================================================================================

A nearest-neighbour or density score over hand-made features of the camera's own past is the strongest simple baseline
of this field (Reiss and Hoshen, "Attribute-based Representations for Accurate and Interpretable Video Anomaly
Detection", arXiv:2212.00789); here the features stay apart, so that the loudest one is the explanation.

Cells are pooled with their eight neighbours; a neighbourhood without enough history asks its row (things far away are
slow in all of it), then the whole picture. Owns the memory and the surprises. Knows neither thresholds nor words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from viot_tools.anomaly.measure import CELLS, COLUMNS, LOOK, LOOK_HEIGHT, LOOK_WIDTH, ROWS, Seconds

CHANNELS: Final = ("where", "speed", "direction", "amount", "crowd", "change", "light")
ACTIVE = 0.03
"""Share of moved pixels from which on a cell is said to move."""
DIRECTIONS = 8
PATIENT = 4
"""Seconds that a change must stay before it counts."""
LEAST = 12
"""Observations that a neighbourhood must have before it speaks for itself."""
DIFFERS = 0.08
"""Grey (0..1) by which a place must differ from its median, besides twice its usual spread."""
HIGH = 95.0
SLOWEST = 0.7
"""Own heights a second: the usual fastest is taken to be at least a slow walk."""
UNSURE = 1.5
"""log2 by which flow must exceed more than a followed box must."""
PRIOR_MOVES, PRIOR_STILL = 1.5, 8.5
"""Beta prior of P(moves): one second in seven, worth ten seconds of history."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Surprise:
    """``score`` (N, 7) by ``CHANNELS``, each >= 0; ``cell`` (N, 7) the cell that speaks loudest, -1 where none does;
    ``ratio`` (N,) how many times faster than usual the fastest was."""

    score: Floats
    cell: NDArray[np.int64]
    ratio: Floats


@dataclass(frozen=True, slots=True)
class Watched:
    """N seconds with what was followed in them: ``people`` (N,) in view, ``pace`` (N,) own heights a second of the
    fastest box (0: none), ``busy`` (N, 96) the cells under boxes, which do not change the place."""

    seconds: Seconds
    people: Floats
    pace: Floats
    busy: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.seconds)

    def where(self, keep: NDArray[np.bool_]) -> Watched:
        """Those for which ``keep`` (N,) is True."""
        return Watched(self.seconds.where(keep), self.people[keep], self.pace[keep], self.busy[keep])


class Memory:
    """What was usual in what was ``watched`` before."""

    def __init__(self, watched: Watched) -> None:
        past, people = watched.seconds, watched.people
        self.n = len(past)
        active = past.moved > ACTIVE
        self._often = _pooled(active.sum(0).astype(float)) / 9
        self._directions = _directions(past, active)
        self._speeds = _Speeds(past.peak, active)
        self._amount = float(np.percentile(_amount(past), HIGH)) if self.n else 0.0
        self._people = float(people.max()) if len(people) else 0.0
        moving = watched.pace[watched.pace > 0]
        self._pace = max(SLOWEST, float(np.percentile(moving, HIGH))) if len(moving) >= LEAST else np.inf
        steady = _steady(past)
        self._look = np.median(steady, 0) if self.n else np.zeros(LOOK)
        self._spread = np.median(np.abs(steady - self._look), 0) * 1.5 if self.n else self._look
        self._light = np.median(past.light, 0) if self.n else np.ones(3)

    def surprise(self, watched: Watched) -> Surprise:
        """How far each second of ``watched`` departs from what was usual."""
        now, people, busy = watched.seconds, watched.people, watched.busy
        n = len(now)
        score, cell = np.zeros((n, 7)), np.full((n, 7), -1)
        active = now.moved > ACTIVE
        rarity = -np.log((self._often + PRIOR_MOVES) / (self.n + PRIOR_MOVES + PRIOR_STILL))
        against = _against(now, self._directions)
        speed = self._speeds.over(now.peak)
        away = self._away(now)
        for i in range(n):
            here = np.flatnonzero(active[i])
            if len(here):
                score[i, 0], cell[i, 0] = _loudest(rarity[here], here)
                fast = speed[i, here]
                j = int(np.argsort(fast)[-min(2, len(fast))])  # the second fastest cell: one odd cell is no runner
                score[i, 1], cell[i, 1] = max(0.0, float(fast[j]) - UNSURE), here[j]
                score[i, 2], cell[i, 2] = _loudest(against[i, here], here)
        pace = np.maximum(watched.pace, 1e-3) / self._pace
        score[:, 1] = np.maximum(score[:, 1], np.log2(np.maximum(pace, 1.0)))
        ratio = 2.0 ** score[:, 1]
        amount = _amount(now)
        score[:, 3] = np.clip(np.log2((amount + 1e-4) / (self._amount + 1e-3)), 0, None)
        score[:, 4] = np.clip((people - self._people) / np.sqrt(self._people + 1), 0, None)
        score[:, 5], cell[:, 5] = _lasting(away, now, busy)
        fallen = np.log2((self._light[:2] + 0.01) / (now.light[:, :2] + 0.01))
        score[:, 6] = np.clip(fallen.max(1), 0, None) if n else 0.0
        return Surprise(score, cell, ratio)

    def _away(self, now: Seconds) -> NDArray[np.bool_]:
        """(N, 576): where the look differs from its median, in grey or in colour."""
        away = np.abs(_steady(now) - self._look) > DIFFERS + 2 * self._spread
        return np.asarray(away.reshape(len(now), 2, -1).any(1), bool)


class _Speeds:
    """The usual largest speed of a cell: of its neighbourhood, else its row, else the picture."""

    def __init__(self, peak: NDArray[np.float32], active: NDArray[np.bool_]) -> None:
        grid, there = peak.reshape(-1, ROWS, COLUMNS), active.reshape(-1, ROWS, COLUMNS)
        everywhere = _high(grid[there], np.nan)
        self.usual = np.full((ROWS, COLUMNS), np.nan)
        for r in range(ROWS):
            rows = slice(max(0, r - 1), r + 2)
            in_row = _high(grid[:, rows][there[:, rows]], everywhere)
            for c in range(COLUMNS):
                columns = slice(max(0, c - 1), c + 2)
                self.usual[r, c] = _high(grid[:, rows, columns][there[:, rows, columns]], in_row)

    def over(self, peak: NDArray[np.float32]) -> Floats:
        """log2 of ``peak`` (N, 96) over the usual; 0 where nothing is known."""
        usual = np.maximum(self.usual.ravel(), 0.02)
        return np.asarray(np.nan_to_num(np.log2(np.maximum(peak, 1e-3) / usual), nan=0.0), np.float64)


def _high(values: NDArray[np.float32], otherwise: float) -> float:
    return float(np.percentile(values, HIGH)) if len(values) >= LEAST else otherwise


def _loudest(values: Floats, cells: NDArray[np.int64]) -> tuple[float, int]:
    """Mean of the three largest, and the cell of the largest; one or two odd cells are watered down."""
    order = np.argsort(values)[::-1]
    return float(values[order[:3]].sum() / 3), int(cells[order[0]])


def _pooled(per_cell: Floats) -> Floats:
    """(96,) sums over each cell and its eight neighbours (edges repeat)."""
    grid = np.pad(per_cell.reshape(ROWS, COLUMNS), 1, mode="edge")
    parts: Sequence[Floats] = [grid[r : r + ROWS, c : c + COLUMNS] for r in range(3) for c in range(3)]
    return np.asarray(sum(parts)).ravel()


def _bins(s: Seconds) -> NDArray[np.int64]:
    """(N, 96) direction 0..7 of the mean flow."""
    angle = np.arctan2(s.vy, s.vx) % (2 * np.pi)
    return np.asarray(np.rint(angle / (2 * np.pi) * DIRECTIONS).astype(int) % DIRECTIONS)


def _clear(s: Seconds) -> NDArray[np.bool_]:
    """(N, 96): moving, and going somewhere."""
    return np.asarray((s.moved > ACTIVE) & (np.hypot(s.vx, s.vy) > 0.03), bool)


def _directions(past: Seconds, active: NDArray[np.bool_]) -> Floats:
    """(96, 8) -ln P(direction) in the neighbourhood; 0 where too little was seen."""
    clear, which = _clear(past) & active, _bins(past)
    counts = np.stack([_pooled((clear & (which == d)).sum(0).astype(float)) for d in range(DIRECTIONS)], 1)
    near = counts + 0.5 * (np.roll(counts, 1, 1) + np.roll(counts, -1, 1))
    total = counts.sum(1, keepdims=True)
    p = (near + 0.5) / (2 * total + 0.5 * DIRECTIONS)
    return np.where(total >= LEAST, -np.log(np.minimum(p * DIRECTIONS / 2, 1.0)), 0.0)


def _against(now: Seconds, directions: Floats) -> Floats:
    """(N, 96) surprise of each cell's direction."""
    return np.where(_clear(now), directions[np.arange(CELLS), _bins(now)], 0.0)


def _amount(s: Seconds) -> Floats:
    return np.asarray((s.moved * np.minimum(np.hypot(s.vx, s.vy) + 0.02, 1.0)).mean(1), np.float64)


def _steady(s: Seconds) -> Floats:
    """(N, 1152) look with the lamp taken out: each of its two planes less its own median."""
    planes = s.look.reshape(len(s), 2, -1).astype(np.float64)
    middle = np.median(planes, 2, keepdims=True) if len(s) else 0.0
    return np.asarray((planes - middle).reshape(len(s), LOOK), np.float64)


def _lasting(away: NDArray[np.bool_], now: Seconds, busy: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.int64]]:
    """(N,) size of the largest blob, in thousandths of the picture, that has differed for ``PATIENT`` seconds in a row
    (looking back or ahead), neither moving nor under a followed box; and its cell."""
    import cv2

    size, cell = np.zeros(len(now)), np.full(len(now), -1)
    moving = ((now.moved > ACTIVE) | busy).reshape(-1, ROWS, COLUMNS)
    still = np.zeros((len(now), LOOK_HEIGHT, LOOK_WIDTH), bool)
    for i in range(len(now)):
        hidden = cv2.resize(moving[i].astype(np.uint8), (LOOK_WIDTH, LOOK_HEIGHT), interpolation=cv2.INTER_NEAREST)
        still[i] = away[i].reshape(LOOK_HEIGHT, LOOK_WIDTH) & (hidden == 0)
    for i in range(len(now)):
        for first in range(max(0, i - PATIENT + 1), i + 1):
            run = slice(first, first + PATIENT)
            if first + PATIENT > len(now) or now.t[first + PATIENT - 1] - now.t[first] > PATIENT:
                continue
            stays = still[run].all(0)
            if not stays.any():
                continue
            n, _labels, stats, centres = cv2.connectedComponentsWithStats(stays.astype(np.uint8), connectivity=8)
            k = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])) if n > 1 else 0
            area = 1000 * float(stats[k, cv2.CC_STAT_AREA]) / (LOOK_WIDTH * LOOK_HEIGHT)
            if area > size[i]:
                x, y = centres[k]
                size[i] = area
                cell[i] = int(y / LOOK_HEIGHT * ROWS) * COLUMNS + int(x / LOOK_WIDTH * COLUMNS)
    return size, cell
