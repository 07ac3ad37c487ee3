"""Number plates to hide: the proposals of ``plate_recognition``'s detectors, read or not.

A plate that cannot be read here may be read by somebody else, so a proposal need not be read to be hidden. In the
builtin tier proposals are all texts of a plate's shape, signs among them. Owns that choice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.faces.detect import Face
from viot_tools.plates.detect import PlateDetector, overlap
from viot_tools.plates.find import plate_model_names, plate_models

SURE = 0.6
"""Score from which one find alone is believed to be a plate, in a video."""
_NOWHERE = np.full((5, 2), np.nan, np.float32)


@dataclass(frozen=True, slots=True)
class PlateFinder:
    """``frame`` looks at frames of video, ``still`` at pictures; answers are boxes in the form of faces, which is what
    is followed."""

    frame: PlateDetector
    still: PlateDetector
    model: str
    model_version: str
    sure: float = SURE

    def look(self, image: Image) -> list[Face]:
        """The plates of a frame of video."""
        return _boxes(self.frame, image)

    def study(self, image: Image) -> list[Face]:
        """The plates of a picture."""
        return _boxes(self.still, image)


def plate_finder(weights: Weights) -> PlateFinder:
    """That of the tier in force. Raises WeightsMissing with the command that gets the models."""
    models = plate_models(weights)
    return PlateFinder(models.frame, models.still, *plate_model_names(weights))


def _boxes(detector: PlateDetector, image: Image) -> list[Face]:
    kept: list[Face] = []
    for box in detector.detect(image):
        # a text may come alone and joined with its neighbour: the larger box hides both
        kept = [k for k in kept if overlap(k.xyxy, box.xyxy) < 0.8 or _area(k) > _area_of(box.xyxy)]
        if all(overlap(k.xyxy, box.xyxy) < 0.8 for k in kept):
            kept.append(Face(box.xyxy, box.score, _NOWHERE))
    return kept


def _area(face: Face) -> float:
    return _area_of(face.xyxy)


def _area_of(xyxy: tuple[float, float, float, float]) -> float:
    return (xyxy[2] - xyxy[0]) * (xyxy[3] - xyxy[1])
