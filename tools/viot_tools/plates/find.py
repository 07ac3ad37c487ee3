"""From a picture to the plates in it: proposals, readings, and one reading per plate.

Owns the choice of models per tier and the order of the looks. Knows no track, no vehicle, no storage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from viot_agent.media.types import Image
from viot_tools.plates import grammar
from viot_tools.plates.detect import LpdYunet, OcrPlates, PlateBox, PlateDetector, SeveralDetectors, overlap
from viot_tools.plates.ocr import TextRecogniser
from viot_tools.plates.read import PlateReader, PlateReading

if TYPE_CHECKING:
    from viot_agent.weights import Weights

READER = "pp-ocr-rec"


class BoxReader(Protocol):
    """The seam to reading: one method."""

    def read(self, image: Image, box: PlateBox) -> PlateReading | None: ...


@dataclass(frozen=True, slots=True)
class PlateModels:
    """The models of one tier. ``crop`` looks at vehicles cut out, ``frame`` at whole frames of video (one cheap look),
    ``still`` at single pictures (as often as it takes)."""

    crop: PlateDetector
    frame: PlateDetector
    still: PlateDetector
    reader: BoxReader


def plate_model_names(weights: Weights) -> tuple[str, str]:
    """(model, model_version) of the tier in force, without touching a file."""
    files = ("pp-ocr-det", READER) if weights.tier == "builtin" else ("lpd-yunet", "pp-ocr-det", READER)
    name = "pp-ocr" if weights.tier == "builtin" else "lpd-yunet+pp-ocr"
    return name, "+".join(weights.entry(file).model_version for file in files)


def plate_models(weights: Weights) -> PlateModels:
    """The models of the tier in force. Raises WeightsMissing with the command that gets them."""
    text, reader = weights.path("pp-ocr-det"), PlateReader(TextRecogniser(weights.path(READER)))
    if weights.tier == "builtin":
        return PlateModels(OcrPlates(text, side=480), OcrPlates(text, side=736), OcrPlates(text, side=960), reader)
    lpd = weights.path("lpd-yunet")
    one_look = LpdYunet(lpd)
    return PlateModels(
        one_look,
        FirstThatFinds(one_look, OcrPlates(text, side=640)),
        SeveralDetectors(LpdYunet(lpd, tiles=(0.6,)), OcrPlates(text, side=960)),
        reader,
    )


class FirstThatFinds:
    """The proposals of the first detector that has any: the next costs time only where it may help."""

    def __init__(self, *detectors: PlateDetector) -> None:
        self._detectors = detectors

    def detect(self, image: Image) -> list[PlateBox]:
        """Proposals, best first."""
        for detector in self._detectors:
            if found := detector.detect(image):
                return found
        return []


def find_plates(image: Image, detector: PlateDetector, reader: BoxReader) -> list[PlateReading]:
    """Every plausible plate in ``image`` (RGB) with its reading, best first; of overlapping readings the best stays."""
    readings = [r for box in detector.detect(image) if (r := reader.read(image, box)) is not None and r.plausible]
    kept: list[PlateReading] = []
    for reading in sorted(readings, key=rank, reverse=True):
        if all(overlap(reading.xyxy, other.xyxy) < 0.3 for other in kept):
            kept.append(reading)
    return kept


def rank(reading: PlateReading) -> tuple[bool, bool, int, bool, float]:
    """Sort key, best last: fits a pattern, found by a plate detector, longer, fits a narrow pattern, surer."""
    narrow = bool(grammar.fits(reading.text, narrow=True))
    return bool(reading.country), not reading.strict, len(reading.text), narrow, reading.score
