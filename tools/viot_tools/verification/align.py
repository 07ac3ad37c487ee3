"""From a set's pictures to aligned faces, once: the product's own detector, the one face in the middle, 112x112.

A picture in which no face is found keeps its place: its row is black and ``found`` is False there, so that protocols
count it as a failure. Owns the pass over the files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault
from viot_agent.media.types import Image
from viot_tools.faces.calibrate import central
from viot_tools.faces.detect import Face, FaceDetector, refine
from viot_tools.faces.recognise import TEMPLATE, similarity, warp

SIDE = 112


@dataclass(frozen=True, slots=True, eq=False)
class AlignedSet:
    """``faces`` (N, 112, 112, 3) uint8 RGB of ``pictures`` (N); ``found`` (N,) bool."""

    pictures: tuple[str, ...]
    faces: NDArray[np.uint8]
    found: NDArray[np.bool_]

    @property
    def failures(self) -> tuple[str, ...]:
        """Pictures without a face that was found."""
        return tuple(p for p, ok in zip(self.pictures, self.found, strict=True) if not ok)

    def rows(self, pictures: Iterable[str]) -> NDArray[np.int64]:
        """(M,) where each picture stands. Raises UserFault for one that was not aligned."""
        place = {p: i for i, p in enumerate(self.pictures)}
        wanted = list(pictures)
        strange = next((p for p in wanted if p not in place), None)
        if strange is not None:
            raise UserFault(f"{strange} is not in the aligned set")
        return np.array([place[p] for p in wanted], np.int64)


def opened(path: Path) -> Image:
    """(H, W, 3) RGB. Raises UserFault for a file that is no picture."""
    import cv2

    raw = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if raw is None:
        raise UserFault(f"{path} is no readable picture")
    return np.asarray(cv2.cvtColor(raw, cv2.COLOR_BGR2RGB), np.uint8)


Keep = Callable[[int, Image, Face], None]


def align(root: Path, pictures: Sequence[str], detector: FaceDetector, keep: Keep | None = None) -> AlignedSet:
    """Align every picture under ``root``: the least-squares similarity of the points found to the usual template.
    ``keep`` is given the number, picture and face of every one found. Raises UserFault for a file that is no picture,
    WeightsMissing without the detector's file."""
    faces = np.zeros((len(pictures), SIDE, SIDE, 3), np.uint8)
    found = np.zeros(len(pictures), bool)
    for i, name in enumerate(pictures):
        image = opened(root / name)
        face = central(detector.detect(image), image)
        if face is not None:
            face = refine(detector, image, face)
            faces[i] = warp(image, similarity(face.landmarks, TEMPLATE), SIDE)
            found[i] = True
            if keep is not None:
                keep(i, image, face)
    return AlignedSet(tuple(pictures), faces, found)


def as_aligned(root: Path, pictures: Sequence[str]) -> AlignedSet:
    """Pictures that are aligned already (MLFW and the like): read, brought to 112x112, nothing is detected."""
    import cv2

    faces = np.zeros((len(pictures), SIDE, SIDE, 3), np.uint8)
    for i, name in enumerate(pictures):
        image = opened(root / name)
        if image.shape[0] != image.shape[1]:
            raise UserFault(f"{root / name} is {image.shape[1]}x{image.shape[0]}: an aligned face is square")
        smaller = image.shape[0] > SIDE
        method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        faces[i] = image if image.shape[0] == SIDE else cv2.resize(image, (SIDE, SIDE), interpolation=method)
    return AlignedSet(tuple(pictures), faces, np.ones(len(pictures), bool))
