"""Who carries what: bags that the detector sees within the box of one person.

The supplied network has outputs for bags, but people with empty hands reach the scores of those with bags there. The
detector's handbags and backpacks within a person's box were bags at all seven of the labelled people where one was seen
with ``LEAST``; at 15 of 22 none was seen in one frame (``viot bench vision``: ``attributes.carrying``). So a bag is
told, and "nothing" never is.

Owns the assignment. Knows no detector, no frame and no storage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from viot_tools.attributes.judge import CARRIED, Value
from viot_tools.objects.detections import Detections

VALUES: Final[Mapping[str, str]] = {"backpack": "backpack", "handbag": "bag", "suitcase": "bag"}
"""COCO's names to values of ``carrying``."""
LEAST: Final = 0.3
"""The score of the detector that counts."""
FRAMES: Final = 2
"""Frames in which it must be seen: one of many frames is wrong now and then."""
MARGIN: Final = 0.15
"""Of the width: how far beside the box a bag may hang."""
TALL: Final = 0.7
"""Of the height: what is taller is the person again."""


def carried(people: NDArray[np.float32], others: Detections) -> list[tuple[int, str, float]]:
    """(which of ``people`` (N, 4), value, score) for every bag that one person alone can have."""
    found = []
    for box, label, score in zip(others.xyxy, others.label, others.score, strict=True):
        if label not in VALUES or score < LEAST:
            continue
        owners = [i for i, person in enumerate(people) if _holds(person, box)]
        if len(owners) == 1:
            found.append((owners[0], VALUES[label], float(score)))
    return found


def _holds(person: NDArray[np.float32], bag: NDArray[np.float32]) -> bool:
    x0, y0, x1, y1 = (float(v) for v in person)
    across, down = (float(bag[0]) + float(bag[2])) / 2, (float(bag[1]) + float(bag[3])) / 2
    margin = MARGIN * (x1 - x0)
    inside = x0 - margin <= across <= x1 + margin and y0 <= down <= y1
    return inside and float(bag[3] - bag[1]) < TALL * (y1 - y0)


def value(seen: Iterable[str]) -> Value | None:
    """The value of ``carrying`` of one person, from what was seen in each frame; None where that is too little."""
    each = list(seen)
    best = max(sorted(set(each)), key=each.count, default="")
    return Value("carrying", best, CARRIED) if each.count(best) >= FRAMES and best else None
