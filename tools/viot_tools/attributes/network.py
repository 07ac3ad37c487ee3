"""person-attributes-recognition-crossroad-0230 of the Open Model Zoo (Apache-2.0): eight numbers about a person.

Owns the input and the order of the outputs. What a number is worth, ``judge`` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import FailedFault
from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.inference import compiled

FILES: Final = ("person-attributes", "person-attributes-weights")
OUTPUTS: Final = ("male", "bag", "backpack", "hat", "long_sleeves", "long_trousers", "long_hair", "coat")
WIDTH, HEIGHT = 80, 160


@dataclass(frozen=True, slots=True)
class Read:
    """``scores`` (8,) 0..1 by ``OUTPUTS``; ``upper`` and ``lower`` (2,) the x and y, as shares of the picture, of the
    points that the network names for the colours of the clothing."""

    scores: NDArray[np.float32]
    upper: NDArray[np.float32]
    lower: NDArray[np.float32]


class PersonNetwork:
    """The network in OpenVINO, loaded on first use."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    @property
    def model_version(self) -> str:
        """That of the file with the weights."""
        return self._weights.entry(FILES[1]).model_version

    def read(self, picture: Image) -> Read:
        """Look at an RGB picture of one person. Raises WeightsMissing, FailedFault."""
        how = cv2.INTER_AREA if picture.shape[0] > HEIGHT else cv2.INTER_LINEAR
        small = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=how)
        planar = np.ascontiguousarray(small[:, :, ::-1].transpose(2, 0, 1)[None], np.float32)  # BGR 0..255
        path = self._weights.path
        lower, upper, scores = (np.ravel(x) for x in compiled(path(FILES[0]), path(FILES[1])).run(planar))
        if len(scores) != len(OUTPUTS):
            raise FailedFault(f"{FILES[0]} gives {len(scores)} numbers", fix="viot models verify, then pull it again")
        return Read(scores, upper, lower)
