"""Following plates over the looks of one segment: which reading belongs to which plate.

Plates are looked at a few times a second, so a plate may have moved by its own width: a sighting joins a track by place
(near and of like height) or by text (at most two characters off). Owns association only; knows no pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from viot_agent.library.rows import TrackPoint
from viot_agent.media.types import XYXY
from viot_tools.plates.detect import iou
from viot_tools.plates.read import PlateReading
from viot_tools.plates.vote import Reading, distance

REACH = 2.5  # plate widths a plate may have moved since it was last seen
PATIENCE = 2.5  # seconds after which a plate that was not seen is a new one


@dataclass(slots=True)
class Look:
    """One reading kept for the vote. ``quality`` 0..1; ``jpeg`` the plate, ``context`` its surroundings (JPEG)."""

    t: float
    reading: PlateReading
    quality: float
    jpeg: bytes = field(repr=False)
    context: bytes = field(repr=False)


@dataclass(slots=True)
class PlateTrail:
    """One plate so far. ``vehicle`` is the track key of the vehicle that carries it, '' where none was detected."""

    number: int
    vehicle: str
    points: list[TrackPoint] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)

    @property
    def last(self) -> TrackPoint:
        """Where it was seen last."""
        return self.points[-1]

    @property
    def widest(self) -> float:
        """The widest box read, in pixels."""
        return max((look.reading.xyxy[2] - look.reading.xyxy[0] for look in self.looks), default=0.0)

    def readings(self) -> list[Reading]:
        """What the vote is held over."""
        return [Reading(look.reading.text, look.reading.char_scores) for look in self.looks]


class PlateFollower:
    """All plates of one segment."""

    def __init__(self) -> None:
        self.trails: list[PlateTrail] = []

    def near(self, t: float, xyxy: XYXY, vehicle: str, taken: Sequence[PlateTrail] = ()) -> PlateTrail | None:
        """The trail whose plate this box may be, by place alone; ``taken`` are out of question."""
        best: tuple[float, PlateTrail] | None = None
        for trail in self._alive(t, vehicle, taken):
            gap = _gap(trail.last.xyxy, xyxy)
            if gap <= REACH and _like_height(trail.last.xyxy, xyxy) and (best is None or gap < best[0]):
                best = (gap, trail)
        return best[1] if best else None

    def same(
        self, t: float, reading: PlateReading, vehicle: str, taken: Sequence[PlateTrail] = ()
    ) -> PlateTrail | None:
        """The trail this reading belongs to: like text first, else the same place with a text not too far off."""
        best: tuple[float, PlateTrail] | None = None
        for trail in self._alive(t, vehicle, taken):
            far = min((distance(reading.text, look.reading.text) for look in trail.looks), default=9.0)
            here = iou(trail.last.xyxy, reading.xyxy) > 0.3 or _gap(trail.last.xyxy, reading.xyxy) < 0.5
            limit = 2.0 if not here else max(2.0, len(reading.text) * 0.6)
            if far <= limit and (best is None or far < best[0]):
                best = (far, trail)
        return best[1] if best else None

    def open(self, vehicle: str) -> PlateTrail:
        """A new trail."""
        trail = PlateTrail(len(self.trails) + 1, vehicle)
        self.trails.append(trail)
        return trail

    def _alive(self, t: float, vehicle: str, taken: Sequence[PlateTrail]) -> list[PlateTrail]:
        out = [trail.number for trail in taken]
        return [
            trail
            for trail in self.trails
            if trail.number not in out
            and t - trail.last.t <= PATIENCE
            and (not vehicle or not trail.vehicle or trail.vehicle == vehicle)
        ]


def _gap(a: XYXY, b: XYXY) -> float:
    """Distance of the centres in widths of the wider box."""
    dx, dy = (a[0] + a[2] - b[0] - b[2]) / 2, (a[1] + a[3] - b[1] - b[3]) / 2
    return float((dx * dx + dy * dy) ** 0.5) / max(a[2] - a[0], b[2] - b[0], 1.0)


def _like_height(a: XYXY, b: XYXY) -> bool:
    ha, hb = a[3] - a[1], b[3] - b[1]
    return max(ha, hb) <= 1.7 * max(min(ha, hb), 1.0)
