"""From the followed boxes of a stretch of footage to walks: the good silhouettes of each person who walked.

One :class:`Stretch` takes a segment at ingest, and an attached video at question time: both go the same way. Pictures
are kept small (``WORK``), a few of them for the background, and of every person only the cuts that may become
silhouettes, so memory is bounded: ``PICTURES`` pictures and ``CUTS`` cuts a person.

Owns when somebody walks and what may be cut. Knows neither the network nor storage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import XYXY, Frame, Image
from viot_tools.gait.silhouette import (
    LEAST_HEIGHT,
    Background,
    align,
    background,
    clean,
    crowded,
    fault,
    foreground,
    window,
)
from viot_tools.objects.analyzer import ObjectFrame
from viot_tools.objects.detections import PERSON

WORK = 960
"""Pixels of the longest side of the pictures that are worked on."""
PICTURES = 16
"""Pictures that the background is made from."""
CUTS = 60
"""Cuts of one person kept: when they are full, those of standing make room."""
TALL = 160.0
"""A person taller than this, in pixels, is cut out smaller."""
LEAST_GOOD = 6
"""Silhouettes that a walk needs: 1.2 seconds at 5 a second, two steps and more."""
LEAST_PACE = 0.12
"""Body heights a second that the feet must move, or e-folds of size: slower is standing. Detectors' boxes of people who
stand wander by a third of this; a person 15 m away who comes straight on at 1.2 m/s reaches it by growing alone."""
PACE_OVER = 0.5
"""Seconds before and after, over which the pace is taken."""
UPRIGHT = 1.25
"""The least height over width of a box."""


@dataclass(frozen=True, slots=True)
class Walk:
    """``silhouettes`` (N, 64, 44) uint8 of the person ``key`` at ``times`` (N,) seconds, N >= 1; ``refused`` counts why
    other pictures of them were left out."""

    key: str
    times: NDArray[np.float64]
    silhouettes: NDArray[np.uint8]
    refused: Mapping[str, int] = field(default_factory=dict)

    @property
    def enough(self) -> bool:
        """Whether it may be compared."""
        return len(self.times) >= LEAST_GOOD

    def part(self, chosen: slice) -> Walk:
        """Some of its silhouettes."""
        return Walk(self.key, self.times[chosen], self.silhouettes[chosen], self.refused)


@dataclass(frozen=True, slots=True)
class _Cut:
    t: float
    image: Image
    at: tuple[int, int, int, int]
    box: XYXY
    scale: float


@dataclass(slots=True)
class _Person:
    path: list[tuple[float, XYXY]] = field(default_factory=list)
    cuts: list[_Cut] = field(default_factory=list)
    full: bool = False
    refused: Counter[str] = field(default_factory=Counter)


class Stretch:
    """The state over one stretch of footage of one camera that does not move."""

    def __init__(self) -> None:
        self._people: dict[str, _Person] = {}
        self._pictures: list[tuple[Image, tuple[tuple[int, int, int, int], ...]]] = []
        self._gap, self._seen = 1, 0
        self._last = -1.0

    def see(self, frame: Frame, objects: ObjectFrame, *, still: bool) -> None:
        """Take one sampled frame with its followed boxes. A picture that has not changed teaches nothing."""
        if still or frame.t <= self._last:
            return
        self._last = frame.t
        scale = min(1.0, WORK / max(frame.image.shape[:2]))
        small = frame.image if scale == 1.0 else _resized(frame.image, scale)
        height, width = small.shape[:2]
        found = objects.detections
        boxes: list[XYXY] = [(float(a), float(b), float(c), float(d)) for a, b, c, d in found.xyxy * scale]
        people = [i for i, label in enumerate(found.label) if label == PERSON]
        self._remember(small, tuple(window(boxes[i], width, height) for i in people))
        for i in people:
            person = self._people.setdefault(objects.track_keys[i], _Person())
            person.path.append((frame.t, boxes[i]))
            why = unfit(boxes[i], [b for j, b in enumerate(boxes) if j != i], width, height)
            if why:
                person.refused[why] += 1
                continue
            if len(person.cuts) == CUTS and not person.full:
                _make_room(person, frame.t)
            if len(person.cuts) < CUTS:
                person.cuts.append(_cut(frame.t, small, boxes[i]))

    def _remember(self, small: Image, covered: tuple[tuple[int, int, int, int], ...]) -> None:
        """Keep pictures for the background, evenly spread however long the stretch becomes."""
        if self._seen % self._gap == 0:
            self._pictures.append((small.copy(), covered))
            if len(self._pictures) > PICTURES:
                self._pictures = self._pictures[::2]
                self._gap *= 2
        self._seen += 1

    def walks(self, least: int = LEAST_GOOD) -> list[Walk]:
        """Everybody who walked with at least ``least`` good silhouettes, in the order of their first box."""
        found: list[Walk] = []
        ready = {key: [c for c in p.cuts if pace(p.path, c.t) >= LEAST_PACE] for key, p in self._people.items()}
        if not any(len(cuts) >= least for cuts in ready.values()):
            return found
        scene = self._background()
        for key, cuts in ready.items():
            if len(cuts) < least:
                continue
            refused = Counter(self._people[key].refused)
            times, silhouettes = [], []
            for cut in cuts:
                mask, why = _mask(cut, scene)
                if why:
                    refused[why] += 1
                else:
                    times.append(cut.t)
                    silhouettes.append(align(mask))
            if len(times) >= least:
                found.append(Walk(key, np.array(times), np.stack(silhouettes), dict(refused)))
        return found

    def reasons(self) -> Counter[str]:
        """Why pictures of people were refused before any mask was made, and how often nobody walked."""
        total: Counter[str] = Counter()
        for person in self._people.values():
            total.update(person.refused)
            total["standing"] += sum(pace(person.path, c.t) < LEAST_PACE for c in person.cuts)
        return +total

    def _background(self) -> Background:
        pictures = np.stack([p for p, _ in self._pictures])
        covered = np.zeros(pictures.shape[:3], bool)
        for n, (_, boxes) in enumerate(self._pictures):
            for x0, y0, x1, y1 in boxes:
                covered[n, y0:y1, x0:x1] = True
        return background(pictures, covered)


def unfit(box: XYXY, others: Sequence[XYXY], width: int, height: int) -> str:
    """Why a box of a picture of ``width`` x ``height`` cannot give a silhouette; empty when it may."""
    x0, y0, x1, y1 = box
    if y1 - y0 < LEAST_HEIGHT:
        return "too small"
    if x0 < 2 or y0 < 2 or x1 > width - 3 or y1 > height - 3:
        return "cut off by the edge of the picture"
    if (y1 - y0) < UPRIGHT * (x1 - x0):
        return "not upright"
    return "hidden by others" if crowded(box, others) else ""


def pace(path: Sequence[tuple[float, XYXY]], t: float) -> float:
    """Body heights a second that the middle of the feet moves around ``t``, plus e-folds a second of the height."""
    near = [(at, box) for at, box in path if abs(at - t) <= PACE_OVER + 1e-6]
    if len(near) < 2:
        return 0.0
    (t0, a), (t1, b) = near[0], near[-1]
    tall = (a[3] - a[1] + b[3] - b[1]) / 2
    moved = np.hypot((a[0] + a[2] - b[0] - b[2]) / 2, a[3] - b[3]) / max(tall, 1.0)
    grown = abs(np.log(max(b[3] - b[1], 1.0) / max(a[3] - a[1], 1.0)))
    return float((moved + grown) / max(t1 - t0, 1e-6))


def _make_room(person: _Person, now: float) -> None:
    """Drop the cuts of standing whose pace is final; ``full`` when there are none to drop, nor will be."""
    open_, kept = [c for c in person.cuts if c.t > now - PACE_OVER], []
    for cut in person.cuts[: len(person.cuts) - len(open_)]:
        if pace(person.path, cut.t) >= LEAST_PACE:
            kept.append(cut)
        else:
            person.refused["standing"] += 1
    person.full = not open_ and len(kept) == CUTS
    person.cuts = kept + open_


def _resized(image: Image, scale: float) -> Image:
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _cut(t: float, small: Image, box: XYXY) -> _Cut:
    x0, y0, x1, y1 = window(box, small.shape[1], small.shape[0])
    scale = min(1.0, TALL / (box[3] - box[1]))
    image = small[y0:y1, x0:x1]
    image = image.copy() if scale == 1.0 else _resized(image, scale)
    inner = tuple((v - o) * scale for v, o in zip(box, (x0, y0, x0, y0), strict=True))
    return _Cut(t, image, (x0, y0, x1, y1), (inner[0], inner[1], inner[2], inner[3]), scale)


def _mask(cut: _Cut, scene: Background) -> tuple[NDArray[np.bool_], str]:
    x0, y0, x1, y1 = cut.at
    if scene.known[y0:y1, x0:x1].mean() < 0.98:
        return np.zeros(cut.image.shape[:2], bool), "no picture of the empty place"
    behind = scene.median[y0:y1, x0:x1]
    if cut.scale != 1.0:
        behind = cv2.resize(behind, cut.image.shape[1::-1], interpolation=cv2.INTER_AREA)
    mask = clean(foreground(cut.image, behind, cut.box, scene.noise), cut.box)
    return mask, fault(mask, cut.box)
