"""Made people for tests of the cloak: smooth patterns for faces, a detector that knows where they were put, and small
networks with random weights in the place of recognisers. Nothing here recognises anybody real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.fleet import Fleet
from viot_agent.library.fake import FakeLibrary
from viot_agent.media.types import Image
from viot_agent.steps import Attachment, Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_tools.cloak.fake import ToyNet
from viot_tools.cloak.surrogates import Judge, Panel, Surrogates
from viot_tools.faces.detect import Face
from viot_tools.faces.enrol import Kit
from viot_tools.faces.identity import Calibration
from viot_tools.faces.recognise import TEMPLATE, similarity, unit, warp
from viot_tools.verification.recognisers import NetRecogniser

Spot = tuple[float, float, float]
"""Left, top and side of a face in pixels."""


def face_of(person: int, side: int = 112) -> Image:
    """(side, side, 3): the face of a made person."""
    rough = np.random.default_rng(person).integers(40, 216, (7, 7, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(rough, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def picture(size: tuple[int, int], people: Mapping[int, Spot], seed: int = 0, grain: float = 6.0) -> Image:
    """(height, width, 3) grey, with the people's faces at their spots, under a noise of the picture's own."""
    height, width = size
    image = np.full((height, width, 3), 128, np.uint8)
    for person, (x, y, side) in people.items():
        image[int(y) : int(y + side), int(x) : int(x + side)] = face_of(person, int(side))
    noise = np.random.default_rng(1000 + seed).normal(0, grain, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


class Placed:
    """A detector that finds the faces that were put into pictures of a size (height, width)."""

    model, model_version, blind_to = "placed", "1", ""

    def __init__(self, faces: Mapping[tuple[int, int], Sequence[Spot]]) -> None:
        self.faces = faces

    def detect(self, image: Image) -> list[Face]:
        found = []
        for x, y, side in self.faces.get((image.shape[0], image.shape[1]), ()):
            points = (TEMPLATE * (side / 112) + (x, y)).astype(np.float32)
            found.append(Face((x, y, x + side, y + side), 0.95, points))
        return found


class Pattern:
    """A recogniser of patterns: their colours at 8x8, without the mean."""

    model, model_version, size = "pattern", "1", 112

    def align(self, image: Image, face: Face) -> Image:
        return warp(image, similarity(face.landmarks, TEMPLATE), 112)

    def embed_chips(self, chips: Sequence[Image]) -> NDArray[np.float32]:
        rows = [cv2.resize(c, (8, 8), interpolation=cv2.INTER_AREA).astype(np.float32).ravel() for c in chips]
        grid = np.array(rows, np.float32).reshape(len(chips), 192)
        return unit(grid - grid.mean(axis=1, keepdims=True))


CALIBRATION = Calibration(
    "pattern", "1", "placed", 1e-3, ((1e-2, 0.5), (1e-3, 0.6), (1e-4, 0.7)), 0.3, 0.3, 0.05, 0.0, 0.6
)


def kit(faces: Mapping[tuple[int, int], Sequence[Spot]]) -> Kit:
    return Kit(Placed(faces), Pattern(), CALIBRATION)


def white(seed: int = 0) -> Surrogates:
    """One small surrogate."""
    return Surrogates(("toy",), (str(seed),), (ToyNet(seed),))


def jury(seed: int = 0, threshold: float | None = 0.5) -> Panel:
    """One judge: with the surrogate's seed the very network that made the mask, which only a test may ask."""
    net = ToyNet(seed)
    net.name, net.dim = "judge", 32  # type: ignore[assignment]
    return Panel((Judge(NetRecogniser(net, "tests"), threshold, 1e-3),), ("absent-one",))  # type: ignore[arg-type]


NOBODY = Panel((), ())


def context(
    home: Path, enrolled: Mapping[str, Sequence[Image]] | None = None, attached: Sequence[Attachment] = ()
) -> ToolContext:
    """A context of an empty fleet, with people enrolled by their pictures."""
    from viot_agent.media.pictures import encode_jpeg

    library = FakeLibrary()
    for name, images in (enrolled or {}).items():
        library.add_person(name, [encode_jpeg(i, 95) for i in images], "form")
    request = Request("make it safe", attachments=tuple(attached))
    return ToolContext(request, Fleet(library), library, Weights(home, None, "builtin"), home, "run-1", "call-1")
