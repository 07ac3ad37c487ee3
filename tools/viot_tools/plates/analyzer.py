"""The analyzer ``plates``: which plates were where, each read in its best frames. Runs at ingest.

Where vehicles were detected it looks at them, larger ones again; where none was (or the tier detects none) at the whole
frame, less and less often while nothing is found. A plate is read at most ``MAX_LOOKS`` times a track: reading costs as
much as finding, and six readings settle a vote.

Text alone is weak evidence for a plate (the builtin tier has nothing else), so such tracks need a pattern, and two
readings or one sure one; captions burnt into the picture's edge are passed over.

Owns the way from frames to rows. Knows no library and no request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from viot_agent.library.rows import CropRow, PlateRow, Rows, SegmentInfo, Shared, TrackPoint, TrackRow
from viot_agent.media.types import XYXY, Frame, Image
from viot_agent.weights import Weights
from viot_tools.plates.detect import PlateBox, PlateDetector, iou
from viot_tools.plates.find import PlateModels, plate_model_names, plate_models, rank
from viot_tools.plates.follow import Look, PlateFollower, PlateTrail
from viot_tools.plates.read import PlateReading, shifted
from viot_tools.plates.unread import CARRIERS
from viot_tools.plates.vote import Voted, vote

MAX_LOOKS = 6
VEHICLE_LOOKS = 12  # looks at one vehicle, plate or not
MIN_VEHICLE = 90.0  # pixels of width; the plate of a narrower car has no readable type
MAX_PROPOSALS = 24  # boxes of one picture; a page of text is no street
MIN_PLATE = 40.0  # pixels of width
FIRST_GAP = 0.5  # seconds between looks
CAPTION = 0.06  # share of the height at top and bottom where recorders write


class PlatesAnalyzer:
    """See :class:`viot_agent.library.rows.Analyzer`. The models are those of the tier in force."""

    name = "plates"
    version = "1"
    needs: tuple[str, ...] = ("objects",)

    def __init__(self, weights: Weights, *, models: PlateModels | None = None) -> None:
        self.model, self.model_version = plate_model_names(weights)
        self.summary = f"number plates: {self.model}"
        # without a vehicle detector the whole frame is all there is: it is not let go as far
        self.longest_gap = 2.0 if weights.tier == "hub" else 1.0
        self._load: Callable[[], PlateModels] = lambda: models if models is not None else plate_models(weights)
        self._models = models

    def start(self, segment: SegmentInfo) -> PlatesAnalysis:
        """The analysis of one segment. Models load with the first segment: raises WeightsMissing when absent."""
        if self._models is None:
            self._models = self._load()
        return PlatesAnalysis(self._models, self.longest_gap)


@dataclass(slots=True)
class _Vehicle:
    """What was done about one vehicle: number of looks, time of the last one, the largest width looked at."""

    looks: int = 0
    t: float = -np.inf
    width: float = 0.0


class PlatesAnalysis:
    """The state of one segment."""

    def __init__(self, models: PlateModels, longest_gap: float) -> None:
        self._models, self._longest_gap = models, longest_gap
        self._follower = PlateFollower()
        self._vehicles: dict[str, _Vehicle] = {}
        self._gap, self._looked_at = FIRST_GAP, -np.inf
        self._moved = True
        self._refused: list[
            XYXY
        ] = []  # text seen in the last whole frame that is no plate: not read again where it stands

    def see(self, frame: Frame, shared: Shared) -> tuple[PlateReading, ...]:
        """Look at one sampled frame; returns the readings made in it."""
        # a frame that moved but was passed over here leaves the last look old
        self._moved = self._moved or not shared.still
        if not self._moved:
            return ()
        vehicles = _vehicles(shared.results.get("objects"))
        found: list[PlateReading] = []
        if vehicles:
            for key, xyxy in vehicles:
                if self._due(key, xyxy, frame.t):
                    found += self._look_at_vehicle(frame, key, xyxy)
            return tuple(found)
        if frame.t - self._looked_at < self._gap - 1e-6:
            return ()
        self._looked_at, self._moved = frame.t, False
        found = self._look(frame, frame.image, self._models.frame, "", (0, 0))
        self._gap = FIRST_GAP if found else min(self._gap * 1.5, self._longest_gap)
        return tuple(found)

    def finish(self) -> Rows:
        """All rows, plates in the order in which they first appeared."""
        tracks: list[TrackRow] = []
        crops: list[CropRow] = []
        plates: list[PlateRow] = []
        for trail in self._follower.trails:
            voted = vote(trail.readings())
            if not believable(trail, voted):
                continue
            key = f"l{len(tracks) + 1}"
            tracks.append(TrackRow(key, "plate", tuple(trail.points), voted.text))
            best = max(trail.looks, key=lambda look: look.quality)
            crops.append(CropRow(key, best.t, best.reading.xyxy, best.context, round(best.quality, 4)))
            plates += [
                PlateRow(
                    key,
                    look.t,
                    look.reading.text,
                    round(look.reading.score, 4),
                    tuple(round(s, 4) for s in look.reading.char_scores),
                    look.reading.xyxy,
                    look.jpeg,
                )
                for look in sorted(trail.looks, key=lambda look: look.t)
            ]
        return Rows(tracks=tuple(tracks), crops=tuple(crops), plates=tuple(plates))

    # looks

    def _due(self, key: str, xyxy: XYXY, t: float) -> bool:
        width = xyxy[2] - xyxy[0]
        state = self._vehicles.setdefault(key, _Vehicle())
        grown = width > 1.25 * state.width
        if width < MIN_VEHICLE or t - state.t < FIRST_GAP / 2 - 1e-6 or (state.looks >= VEHICLE_LOOKS and not grown):
            return False
        read = max((len(trail.looks) for trail in self._follower.trails if trail.vehicle == key), default=0)
        if read >= MAX_LOOKS:
            return grown or t - state.t >= 4 * FIRST_GAP
        return grown or t - state.t >= FIRST_GAP - 1e-6

    def _look_at_vehicle(self, frame: Frame, key: str, xyxy: XYXY) -> list[PlateReading]:
        state = self._vehicles[key]
        state.looks, state.t, state.width = state.looks + 1, frame.t, max(state.width, xyxy[2] - xyxy[0])
        height, width = frame.image.shape[:2]
        dx, dy = (xyxy[2] - xyxy[0]) * 0.05, (xyxy[3] - xyxy[1]) * 0.08
        left, top = max(0, int(xyxy[0] - dx)), max(0, int(xyxy[1] - dy))
        right, bottom = min(width, int(xyxy[2] + dx) + 1), min(height, int(xyxy[3] + dy) + 1)
        if right - left < 16 or bottom - top < 16:
            return []
        return self._look(frame, frame.image[top:bottom, left:right], self._models.crop, key, (left, top))

    def _look(
        self, frame: Frame, image: Image, detector: PlateDetector, vehicle: str, origin: tuple[int, int]
    ) -> list[PlateReading]:
        """Find and read plates in ``image``, a part of the frame whose top left corner is ``origin``."""
        fresh: list[PlateReading] = []
        taken: list[PlateTrail] = []
        refused: list[XYXY] = []
        for local in detector.detect(image)[:MAX_PROPOSALS]:
            box = local.moved(*origin)
            if box.xyxy[2] - box.xyxy[0] < MIN_PLATE or (not vehicle and self._caption(frame.image, box)):
                continue
            known = self._follower.near(frame.t, box.xyxy, vehicle, taken)
            wide = box.xyxy[2] - box.xyxy[0]
            if known and len(known.looks) >= MAX_LOOKS and wide <= 1.25 * known.widest:
                known.points.append(TrackPoint(frame.t, box.xyxy, box.score))
                taken.append(known)
                continue
            if any(iou(box.xyxy, old) > 0.8 for old in self._refused):
                refused.append(box.xyxy)
                continue
            reading = self._models.reader.read(image, local)
            if reading is None or not reading.plausible:
                if box.tight:
                    refused.append(box.xyxy)
                continue
            fresh.append(shifted(reading, *origin))
        self._refused = refused
        kept: list[PlateReading] = []
        for reading in sorted(fresh, key=rank, reverse=True):
            if all(iou(reading.xyxy, other.xyxy) < 0.2 for other in kept):
                kept.append(reading)
                taken.append(self._note(frame, reading, vehicle, taken))
        return kept

    def _note(self, frame: Frame, reading: PlateReading, vehicle: str, taken: list[PlateTrail]) -> PlateTrail:
        trail = self._follower.same(frame.t, reading, vehicle, taken) or self._follower.open(vehicle)
        trail.points.append(TrackPoint(frame.t, reading.xyxy, round(reading.box_score, 4)))
        look = Look(
            frame.t,
            reading,
            quality(frame.image, reading),
            jpeg(cut(frame.image, reading.xyxy, 0.1, 0.2), 240),
            jpeg(cut(frame.image, reading.xyxy, 1.0, 2.5), 320),
        )
        trail.looks.append(look)
        if len(trail.looks) > MAX_LOOKS:
            trail.looks.remove(min(trail.looks, key=lambda kept: kept.quality))
        return trail

    def _caption(self, image: Image, box: PlateBox) -> bool:
        middle = (box.xyxy[1] + box.xyxy[3]) / 2 / image.shape[0]
        return box.tight and not CAPTION <= middle <= 1 - CAPTION


def _vehicles(objects: Any) -> list[tuple[str, XYXY]]:
    """(track key, box) of everything that carries plates in an ``ObjectFrame``; none where the analyzer did not run."""
    if objects is None:
        return []
    found = []
    for xyxy, label, key in zip(objects.detections.xyxy, objects.detections.label, objects.track_keys, strict=True):
        if label in CARRIERS:
            a, b, c, d = (float(v) for v in xyxy)
            found.append((key, (a, b, c, d)))
    return found


def believable(trail: PlateTrail, voted: Voted) -> bool:
    """Whether a track is written at all: weak evidence (text alone, or of no pattern) is seen twice or is sure."""
    if not voted.text:
        return False
    weak = any(look.reading.strict for look in trail.looks) or not trail.looks[0].reading.country
    if len(trail.looks) >= 2:
        return voted.score >= (0.55 if weak else 0.4)
    return voted.score >= (0.85 if weak else 0.6)


def quality(image: Image, reading: PlateReading) -> float:
    """0..1: size (160 pixels wide is as good as it gets), sharpness and the reader's own score."""
    part = cut(image, reading.xyxy, 0.0, 0.0)
    sharp = float(cv2.Laplacian(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), cv2.CV_32F).std())
    wide = reading.xyxy[2] - reading.xyxy[0]
    return min(1.0, wide / 160.0) * min(1.0, sharp / 30.0) * reading.score


def cut(image: Image, xyxy: XYXY, margin_x: float, margin_y: float) -> Image:
    """The box with margins as shares of its sides, inside the picture, at least one pixel."""
    height, width = image.shape[:2]
    dx, dy = (xyxy[2] - xyxy[0]) * margin_x, (xyxy[3] - xyxy[1]) * margin_y
    left, top = int(np.clip(xyxy[0] - dx, 0, width - 1)), int(np.clip(xyxy[1] - dy, 0, height - 1))
    right, bottom = int(np.clip(xyxy[2] + dx, left + 1, width)), int(np.clip(xyxy[3] + dy, top + 1, height))
    return image[top:bottom, left:right]


def jpeg(image: Image, longest: int) -> bytes:
    """JPEG at quality 88, the longer side at most ``longest`` pixels."""
    scale = longest / max(image.shape[:2])
    if scale < 1:
        image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(image[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 88])
    assert done, "OpenCV writes JPEG of any uint8 picture"
    return bytes(data)
