"""What a detector of people and vehicles gives back, and the one-method seam it stands behind.

Owns the types and the class names that this product follows. Knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image

PERSON: Final = "person"
VEHICLES: Final = frozenset({"bicycle", "car", "motorcycle", "bus", "truck"})
"""COCO's names of what may carry a number plate, and bicycles."""
THINGS: Final = frozenset(
    "backpack,umbrella,handbag,suitcase,tie,bird,cat,dog,horse,bench,chair,couch,potted plant,bed,tv,laptop,cell phone,"
    "bottle,cup,book,clock,vase".split(",")
)
"""COCO's names of what else is kept as a thing of a scene. Not all that the detector has a name for: on footage from
above it calls hats frisbees and toilets, walls refrigerators, loudspeakers traffic lights."""
MODEL_OF_TIER: Final = {"hub": "yolox-nano", "builtin": "opencv-hog-people"}
"""Which detector a tier uses; here, because a question needs the name and not the detector."""


@dataclass(frozen=True, slots=True)
class Detections:
    """N boxes of one picture, best first: ``xyxy`` (N, 4) float32 pixels, ``score`` (N,) float32 0..1, N labels."""

    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    label: tuple[str, ...]

    def __post_init__(self) -> None:
        n = len(self.label)
        if self.xyxy.shape != (n, 4) or self.score.shape != (n,):
            raise ValueError(f"{n} labels, boxes {self.xyxy.shape}, scores {self.score.shape}: they must agree")

    def __len__(self) -> int:
        return len(self.label)

    @classmethod
    def none(cls) -> Detections:
        """Nothing found."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), ())

    def where(self, keep: NDArray[np.bool_]) -> Detections:
        """Those for which ``keep`` (N,) is True."""
        return Detections(
            self.xyxy[keep], self.score[keep], tuple(name for name, k in zip(self.label, keep, strict=True) if k)
        )

    def people(self) -> Detections:
        """The persons among them."""
        return self.where(np.array([name == PERSON for name in self.label], bool))

    def vehicles(self) -> Detections:
        """The vehicles among them."""
        return self.where(np.array([name in VEHICLES for name in self.label], bool))


class ObjectDetector(Protocol):
    """The seam: one method. ``model``/``model_version`` name the bytes that look, ``sees`` the labels they can give."""

    @property
    def model(self) -> str: ...
    @property
    def model_version(self) -> str: ...
    @property
    def sees(self) -> frozenset[str]: ...
    def detect(self, image: Image) -> Detections:
        """People and vehicles in an RGB picture (H, W, 3)."""
        ...


@runtime_checkable
class ThingDetector(Protocol):
    """A detector that tells the other ``THINGS`` of the scene in the same pass, apart from people and vehicles."""

    def detect_all(self, image: Image) -> tuple[Detections, Detections]:
        """What ``ObjectDetector.detect`` gives, and the things beside it."""
        ...


class FakeDetector:
    """A detector with a script: picture number n gets ``script[n]`` (the last one for ever). For tests and trials."""

    model = "fake-detector"
    model_version = "0"

    def __init__(self, script: Sequence[Detections], sees: frozenset[str] = frozenset({PERSON}) | VEHICLES) -> None:
        self.script, self.sees = tuple(script), sees
        self.seen = 0

    def detect(self, image: Image) -> Detections:
        found = self.script[min(self.seen, len(self.script) - 1)]
        self.seen += 1
        return found


def box_iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of boxes ``a`` (N, 4) and ``b`` (M, 4): (N, M) float32; 0 for empty boxes."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.clip(high - low, 0, None).prod(2)
    size_a = np.clip(a[:, 2:] - a[:, :2], 0, None).prod(1)
    size_b = np.clip(b[:, 2:] - b[:, :2], 0, None).prod(1)
    union = size_a[:, None] + size_b[None] - inter
    return np.asarray(inter / np.maximum(union, 1e-9), np.float32)
