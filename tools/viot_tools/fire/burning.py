"""When fire or smoke is believed: the vote over a window of sampled frames, and whether the thing stirs.

One frame that looks like fire is no fire. As VIoTGPT has it (Zhong et al. 2025, section "VIoT-Tool": more than a fifth
of a window's frames positive), frames vote; and as flames flicker and smoke drifts, what does not move at all while it
is in view (a poster, a lamp, a screen that stands still) is kept apart: the event says ``moves: false``.

Owns the vote, the measure of movement and the thresholds of both. Knows no network and no storage; times are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viot_agent.library.rows import EventRow
from viot_agent.media.types import XYXY

WINDOW = 3.0
"""Seconds over which frames vote, where they are that close together."""
SHARE = 0.2
"""More than this share of a window's frames must be positive."""
LEAST = 2
"""And at least so many frames, where the segment has that many; a window is made long enough to hold them."""
SLOW = 1.5
"""Times the step from which frames that lie further apart than it are the clip's own rate and no jitter of it."""
THRESHOLD: Mapping[str, float] = {"fire": 0.95, "smoke": 0.95}
"""A frame is positive from this score on. Of pictures that the network had not seen: fire 0.95 takes 88 % of those with
it, 1 of 52 stills and 2 % of 300 with lamps, sunsets and warm things painted in; smoke 0.95 takes 45 %, none and none
(``python -m viot_finetune.vision.fire`` prints these)."""
STIRS: Mapping[str, float] = {"fire": 4.0, "smoke": 1.5}
"""Mean change of the hot area from one sampled frame to the next, in grey levels of 255, from which it moves."""


@dataclass(frozen=True, slots=True)
class Look:
    """One sampled frame for one kind. ``stir`` is None where there was no hot area to follow, or no frame before.

    ``share`` of the picture that is hot, 0..1; ``xyxy`` pixels of the hottest part, None below the threshold.
    """

    t: float
    score: float
    xyxy: XYXY | None
    share: float
    stir: float | None


def stirred(before: NDArray[np.float32], now: NDArray[np.float32], hot: NDArray[np.bool_]) -> float | None:
    """Mean absolute change of grey pictures (h, w) 0..255 inside ``hot`` (h, w); None where nothing is hot."""
    if before.shape != now.shape or not hot.any():
        return None
    return float(np.abs(now - before)[hot].mean())


def spacing(looks: Sequence[Look], step: float) -> float:
    """Seconds from one look to the next: ``step``, or more where the clip is slower than the sampling (a time lapse)
    and gives fewer pictures than were asked for."""
    apart = float(np.median(np.diff([look.t for look in looks]))) if len(looks) > 1 else step
    return apart if apart > SLOW * step else step


def window_of(apart: float) -> float:
    """Seconds of a vote's window: it holds at least the frames that must agree, however long that takes."""
    return max(WINDOW, LEAST * apart)


def events(kind: str, looks: Sequence[Look], step: float) -> tuple[EventRow, ...]:
    """The events of one segment. ``step``: seconds between two samples, which the last positive frame stands for.

    An event runs from the first to the last positive frame of windows that overlap and were each voted for. ``score``
    is the mean of its upper half of scores. ``data``: ``xyxy`` and ``after`` (seconds from ``t0``) of the surest frame,
    ``frames`` looked at and ``positive`` among them, ``moves``, ``stir``, ``grew`` (share of the picture that is hot at
    the end over that at the start, by the medians of thirds), ``alone`` where there was no second frame to compare.
    """
    threshold = THRESHOLD[kind]
    positive = [look.score >= threshold for look in looks]
    found, first = [], 0
    apart = spacing(looks, step)
    window = window_of(apart)
    marked = [False] * len(looks)
    for last in range(len(looks)):
        while looks[last].t - looks[first].t > window - apart / 2:
            first += 1
        here = range(first, last + 1)
        votes = sum(positive[i] for i in here)
        # the first windows of a segment are short: they are judged as if they were whole, unless nothing follows
        frames = max(len(here), min(len(looks), round(window / apart)))
        if votes > SHARE * frames and votes >= min(LEAST, len(looks)):
            for i in here:
                marked[i] = True
    run: list[int] = []
    for i in [*range(len(looks)), -1]:
        if i >= 0 and marked[i]:
            run.append(i)
        elif run:
            while not positive[run[0]]:
                run.pop(0)
            while not positive[run[-1]]:
                run.pop()
            found.append(_event(kind, [looks[j] for j in run], step))
            run = []
    return tuple(found)


def _event(kind: str, looks: Sequence[Look], step: float) -> EventRow:
    threshold = THRESHOLD[kind]
    yes = [look for look in looks if look.score >= threshold]
    best = max(yes, key=lambda look: (look.score, look.share))
    scores = sorted(look.score for look in yes)
    stirs = [look.stir for look in looks if look.stir is not None]
    stir = float(np.median(stirs)) if stirs else None
    third = max(1, len(yes) // 3)
    start = float(np.median([look.share for look in yes[:third]]))
    end = float(np.median([look.share for look in yes[-third:]]))
    return EventRow(
        kind,
        looks[0].t,
        looks[-1].t + step,
        float(np.mean(scores[len(scores) // 2 :])),
        {
            "xyxy": [round(v, 1) for v in best.xyxy] if best.xyxy is not None else None,
            "after": round(best.t - looks[0].t, 3),
            "frames": len(looks),
            "positive": len(yes),
            "moves": stir is not None and stir >= STIRS[kind],
            "alone": stir is None,
            "stir": None if stir is None else round(stir, 2),
            "grew": round(end / start, 2) if start > 0 and len(yes) >= 3 else None,
        },
    )
