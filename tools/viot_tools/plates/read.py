"""What a plate says: rectified by its four corners, read in a few variants, settled by vote and plate grammar.

Owns rectifying, variants and the choice among them. Does not search the picture (``detect``) and knows no track.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import XYXY, Image
from viot_tools.plates import grammar
from viot_tools.plates.alphabet import ALPHABET
from viot_tools.plates.detect import PlateBox, sides
from viot_tools.plates.ocr import EMPTY, LineRead, TextRecogniser, join

_SURE = 0.93  # mean character score from which no further variant is tried
_SQUARE = 2.6  # width over height below which a plate may have two lines
_LINE = 64  # height in pixels of a rectified line


@dataclass(frozen=True, slots=True)
class PlateReading:
    """One reading. ``raw`` is what the recogniser said, ``text`` after the patterns had their say; never empty.

    ``char_scores`` one per character of ``text``; ``country`` the countries whose pattern it fits, '' for none;
    ``xyxy`` the plate's box in the picture; ``box_score`` the detector's; ``strict``: only text spoke for a plate.
    """

    text: str
    raw: str
    char_scores: tuple[float, ...]
    country: str
    xyxy: XYXY
    box_score: float
    strict: bool

    @property
    def score(self) -> float:
        """Mean character score."""
        return float(np.mean(self.char_scores))

    @property
    def plausible(self) -> bool:
        """Whether this can be a plate (see ``grammar.plausible``)."""
        return grammar.plausible(self.text, self.raw, self.char_scores, strict=self.strict)


class PlateReader:
    """Reads plates with PP-OCR's line recogniser."""

    def __init__(self, recogniser: TextRecogniser) -> None:
        self._recogniser = recogniser

    def read(self, image: Image, box: PlateBox) -> PlateReading | None:
        """The plate in ``box`` of ``image`` (RGB), or None where no character was read."""
        # text detectors cut close (and askew); plate detectors follow the rim
        margin = 0.08 if box.tight else 0.03
        plate = rectify(image, box.corners, margin_x=margin * 0.6, margin_y=margin)
        wider = rectify(image, box.corners, margin_x=margin * 0.6 + 0.05, margin_y=margin + 0.04)
        return self._settle(plate, wider, box.xyxy, box.score, box.tight)

    def read_crop(self, crop: Image, *, strict: bool = False) -> PlateReading | None:
        """The plate that fills ``crop`` (RGB)."""
        height, width = crop.shape[:2]
        return self._settle(crop, crop, (0.0, 0.0, float(width), float(height)), 1.0, strict)

    def _settle(self, plate: Image, wider: Image, xyxy: XYXY, score: float, strict: bool) -> PlateReading | None:
        reads: list[LineRead] = []
        best = EMPTY
        # two readings with different margins at least: a cut-off last character is read with full confidence
        need = 1 if wider is plate else 2
        # most text in a street is no plate: one line that says so is enough; a square box may be read in other ways
        patience = 1 if plate.shape[1] / plate.shape[0] >= _SQUARE else 3
        for line in self._variants(plate, wider):
            if not line.text:
                continue
            reads.append(line)
            if strict and len(reads) == patience and all(map(_hopeless, reads)):
                return None
            best = consensus(reads)
            if (
                len(reads) >= need
                and best.score >= _SURE
                and len({r.text for r in reads}) == 1
                and grammar.fits(best.text)
            ):
                break
        if not best.text:
            return None
        fit = grammar.settle(best.text, best.dist)
        return PlateReading(fit.text, best.text, fit.scores, fit.country, xyxy, score, strict)

    def _variants(self, plate: Image, wider: Image) -> Iterator[LineRead]:
        read = self._recogniser.read
        height, width = plate.shape[:2]
        if width / height < _SQUARE:
            yield from self._two_lines(plate)
            if width / height < 1.7:
                return
        yield read(plate)
        if wider is not plate:
            yield read(wider, stretch=1.15)
        yield read(plate, stretch=1.3)
        bare = without_stickers(plate)
        if bare is not None:
            yield read(bare)
        yield read(contrasted(plate))

    def _two_lines(self, plate: Image) -> Iterator[LineRead]:
        height = plate.shape[0]
        for cut, reach in ((0.5, 0.03), (0.4, 0.03)):
            upper = plate[: int(height * (cut + reach))]
            lower = plate[int(height * (cut - reach)) :]
            lines = [self._recogniser.read(upper), self._recogniser.read(lower)]
            both = join(lines)
            # many plates carry a province, a slogan or another script on one of the lines
            alone = [line for line in lines if len(line.text) >= 5 and grammar.fits(line.text)]
            if not grammar.fits(both.text) and alone:
                both = max(alone, key=lambda line: line.score)
            yield both


def _hopeless(line: LineRead) -> bool:
    """Whether other ways of reading will not make this line a plate."""
    return not 4 <= len(line.text) <= 12 or not any(c.isdigit() for c in line.text) or line.score < 0.4


def consensus(reads: list[LineRead]) -> LineRead:
    """One line out of several readings of the same picture: the length with most support, then averaged probabilities.

    Support of a length is the sum of the readings' squared mean scores, times 1.5 where the reading fits a pattern.
    """
    support: dict[int, float] = {}
    for line in reads:
        weight = line.score**2 * (1.5 if grammar.fits(line.text) else 1.0) * (1.0 - line.other)
        support[len(line.text)] = support.get(len(line.text), 0.0) + weight
    length = max(sorted(support), key=lambda n: support[n])
    same = [line for line in reads if len(line.text) == length]
    dist = np.mean([line.dist for line in same], axis=0)
    text = "".join(ALPHABET[k] for k in dist.argmax(1))
    return LineRead(text, tuple(float(p) for p in dist.max(1)), dist, min(line.other for line in same))


def rectify(image: Image, corners: NDArray[np.float32], *, margin_x: float = 0.0, margin_y: float = 0.0) -> Image:
    """The plate seen from the front. ``corners`` (4, 2) clockwise from top left; margins as shares of its sides."""
    width, height = sides(corners)
    aspect = float(np.clip(width / max(height, 1.0), 0.8, 10.0))
    tall = _LINE if aspect >= _SQUARE else 2 * _LINE
    wide = round(tall * aspect)
    left, top = margin_x * wide, margin_y * tall
    target = np.array(
        [[left, top], [wide - 1 - left, top], [wide - 1 - left, tall - 1 - top], [left, tall - 1 - top]], np.float32
    )
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    return np.asarray(
        cv2.warpPerspective(image, matrix, (wide, tall), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    )


def without_stickers(plate: Image) -> Image | None:
    """Stickers and the coloured country band painted over; None where the plate itself is coloured, or all is plain."""
    hsv = cv2.cvtColor(plate, cv2.COLOR_RGB2HSV)
    coloured = ((hsv[..., 1] > 80) & (hsv[..., 2] > 50)).astype(np.uint8)
    share = float(coloured.mean())
    if not 0.005 < share < 0.3:
        return None
    mask = cv2.dilate(coloured, np.ones((5, 5), np.uint8)) > 0
    ground = np.percentile(plate[~mask], 75, axis=0) if (~mask).any() else np.array([200.0] * 3)
    result = plate.copy()
    result[mask] = ground.astype(np.uint8)
    return result


def contrasted(plate: Image) -> Image:
    """Local contrast evened out (CLAHE on lightness)."""
    lab = cv2.cvtColor(plate, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(2, 4)).apply(lab[..., 0])
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))


def _inner(plate: Image, x: float, y: float) -> Image:
    height, width = plate.shape[:2]
    dx, dy = int(width * x), int(height * y)
    return plate[dy : height - dy, dx : width - dx]


def shifted(reading: PlateReading, x: float, y: float) -> PlateReading:
    """The same reading in a picture whose origin lies (x, y) pixels further left and up."""
    a, b, c, d = reading.xyxy
    return replace(reading, xyxy=(a + x, b + y, c + x, d + y))
