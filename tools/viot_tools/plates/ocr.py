"""PP-OCR's two networks, fed and decoded for plates: where text lies, and what one line of it says.

The recogniser's 6,624 characters are folded onto the plate alphabet first (``o`` and ``O`` are one, ``·`` and ``-``
are separators), so that the probabilities of one plate character add up instead of competing. Per character the whole
folded distribution is kept: the grammar re-ranks with it later.

Owns pre- and post-processing of the two networks. Does not know what a plate is, nor any country's pattern.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import FailedFault
from viot_agent.media.types import Image
from viot_tools.inference import session
from viot_tools.plates.alphabet import ALPHABET

# class i + 3 of a folded distribution is ALPHABET[i]; 0 is CTC's blank, 1 a separator, 2 any other character
BLANK, SEPARATOR, OTHER = 0, 1, 2

_HEIGHT, _WIDTH = 48, 320
_SEPARATORS = " ·•.-—_:,'`*|・。、˙"


@dataclass(frozen=True, slots=True, eq=False)
class LineRead:
    """One line of text in the plate alphabet.

    ``scores`` (N,) 0..1 the probability of each character where it peaks; ``dist`` (N, len(ALPHABET)) float32 the
    probabilities of all plate characters there; ``other`` 0..1 the share of read characters outside the alphabet.
    """

    text: str
    scores: tuple[float, ...]
    dist: NDArray[np.float32]
    other: float = 0.0

    @property
    def score(self) -> float:
        """Mean character score, 0 for an empty line."""
        return float(np.mean(self.scores)) if self.scores else 0.0


EMPTY = LineRead("", (), np.zeros((0, len(ALPHABET)), np.float32))


class TextRecogniser:
    """PP-OCR's line recogniser (CRNN/SVTR with CTC) on plate lines."""

    def __init__(self, path: Path) -> None:
        self._session = session(path)
        self._input = self._session.get_inputs()[0].name
        listed = self._session.get_modelmeta().custom_metadata_map.get("character")
        if listed is None:
            raise FailedFault(f"{path} holds no character list", fix="use the file that the manifest names")
        characters = ["", *listed.splitlines(), " "]
        self._fold = np.array([_class(c, i) for i, c in enumerate(characters)])

    def probabilities(self, image: Image, *, stretch: float = 1.0) -> NDArray[np.float32]:
        """Folded probabilities (T, 3 + len(ALPHABET)) of the line in ``image`` (RGB, any size).

        ``stretch`` widens the line: narrow type reads better wider, and CTC needs steps between equal characters.
        """
        height, width = image.shape[:2]
        wide = int(np.clip(round(_HEIGHT * width / max(height, 1) * stretch / 8) * 8, 48, 640))
        resized = cv2.resize(image, (wide, _HEIGHT), interpolation=cv2.INTER_CUBIC)
        # the network was trained on BGR
        tensor = resized[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1.0
        if wide < _WIDTH:
            # trained on lines padded with zeros (mid grey) to 320: without, CN crops fall from 97.6 % to 93.6 % exact
            tensor = np.concatenate([tensor, np.zeros((1, 3, _HEIGHT, _WIDTH - wide), np.float32)], axis=3)
        raw = self._session.run(None, {self._input: np.ascontiguousarray(tensor)})[0][0]
        folded = np.zeros((raw.shape[0], 3 + len(ALPHABET)), np.float32)
        np.add.at(folded.T, self._fold, raw.T)
        return folded

    def read(self, image: Image, *, stretch: float = 1.0) -> LineRead:
        """The line in ``image`` (RGB, any size), greedily decoded."""
        return decode(self.probabilities(image, stretch=stretch))


def _class(character: str, index: int) -> int:
    if index == 0:
        return BLANK
    place = ALPHABET.find(character.upper()) if len(character.upper()) == 1 else -1
    if place >= 0:
        return place + 3
    return SEPARATOR if character in _SEPARATORS else OTHER


def decode(folded: NDArray[np.float32]) -> LineRead:
    """Greedy CTC: one character per run of equal best classes, scored where it peaks."""
    best = folded.argmax(1)
    text, scores, rows, others = "", [], [], 0
    start = 0
    for end in range(1, len(best) + 1):
        if end < len(best) and best[end] == best[start]:
            continue
        kind = int(best[start])
        if kind == OTHER:
            others += 1
        elif kind > OTHER:
            peak = start + int(folded[start:end, kind].argmax())
            text += ALPHABET[kind - 3]
            scores.append(min(1.0, float(folded[peak, kind])))  # float32 sums may pass 1 by a hair
            rows.append(np.minimum(folded[peak, 3:], 1.0))
        start = end
    if not text:
        return LineRead("", (), EMPTY.dist, 1.0 if others else 0.0)
    return LineRead(text, tuple(scores), np.stack(rows), others / (others + len(text)))


def join(lines: list[LineRead]) -> LineRead:
    """Lines of one plate, top to bottom, as one."""
    kept = [line for line in lines if line.text]
    if not kept:
        return EMPTY
    return LineRead(
        "".join(line.text for line in kept),
        tuple(s for line in kept for s in line.scores),
        np.concatenate([line.dist for line in kept]),
        float(np.mean([line.other for line in kept])),
    )


@dataclass(frozen=True, slots=True, eq=False)
class TextBox:
    """A stretch of text: ``corners`` (4, 2) float32 pixels, clockwise from top left; ``score`` 0..1."""

    corners: NDArray[np.float32]
    score: float


class TextDetector:
    """PP-OCR's text detector (differentiable binarisation) with oriented boxes."""

    def __init__(self, path: Path, *, threshold: float = 0.3, box_threshold: float = 0.5, unclip: float = 1.6) -> None:
        self._session = session(path)
        self._input = self._session.get_inputs()[0].name
        self._threshold, self._box_threshold, self._unclip = threshold, box_threshold, unclip

    def detect(self, image: Image, *, side: int) -> list[TextBox]:
        """Text in ``image`` (RGB), looked at with its longer side resized to ``side`` pixels."""
        height, width = image.shape[:2]
        scale = side / max(height, width)
        w, h = (max(32, round(v * scale / 32) * 32) for v in (width, height))
        resized = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        tensor = resized[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1.0
        heat = self._session.run(None, {self._input: np.ascontiguousarray(tensor)})[0][0, 0]
        factor = np.array([width / w, height / h], np.float32)
        return [TextBox(box.corners * factor, box.score) for box in self._boxes(heat)]

    def _boxes(self, heat: NDArray[np.float32]) -> Iterator[TextBox]:
        mask = cv2.dilate((heat > self._threshold).astype(np.uint8), np.ones((2, 2), np.uint8))
        for contour in cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)[0]:
            centre, size, angle = cv2.minAreaRect(contour)
            if min(size) < 3:
                continue
            x, y, w, h = cv2.boundingRect(contour)
            inside = np.zeros((h, w), np.uint8)
            cv2.drawContours(inside, [contour], -1, 1, -1, offset=(-x, -y))
            score = float(heat[y : y + h, x : x + w][inside > 0].mean())
            if score < self._box_threshold:
                continue
            # the network answers with shrunken text: every side moves out by area * ratio / perimeter, as in the paper
            grow = size[0] * size[1] * self._unclip / (2 * (size[0] + size[1]))
            points = cv2.boxPoints((centre, (size[0] + 2 * grow, size[1] + 2 * grow), angle))
            yield TextBox(clockwise(points.astype(np.float32)), score)


def clockwise(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Four corners as top left, top right, bottom right, bottom left (of a plate turned by less than 45 degrees)."""
    by_x = points[np.argsort(points[:, 0], kind="stable")]
    left = by_x[:2][np.argsort(by_x[:2, 1], kind="stable")]
    right = by_x[2:][np.argsort(by_x[2:, 1], kind="stable")]
    return np.stack([left[0], right[0], right[1], left[1]]).astype(np.float32)
