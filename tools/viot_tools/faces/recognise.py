"""Turning found faces into vectors that can be compared by cosine: one seam, two recognisers.

``MobileFaceNet`` (hub tier; Chen et al. 2018, trained with the ArcFace loss of Deng et al. 2019) on 112x112 crops
aligned by a similarity transform of five points; ``DlibResnet`` (builtin tier; dlib's ResNet-29, metric loss) on
dlib's own 150x150 chips. dlib's vectors are made to be compared by Euclidean distance; they are close to unit length,
so after normalisation the cosine orders pairs the same way (calibrated, see ``calibrate``).

Owns alignment and the networks. Knows neither names nor thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.faces.detect import DLIB_LOCK, Face, dlib_marks
from viot_tools.inference import session

TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32
)
"""Where the five points lie in a 112x112 crop (the usual ArcFace template)."""


class FaceRecogniser(Protocol):
    """The seam. ``align`` cuts the face out once (a chip is small enough to be kept), ``embed_chips`` runs the network.

    ``model`` keys stored vectors; ``size`` is the side of a chip in pixels.
    """

    model: str
    model_version: str
    size: int

    def align(self, image: Image, face: Face) -> Image: ...

    def embed_chips(self, chips: Sequence[Image]) -> NDArray[np.float32]: ...  # (N, D), L2-normalised


def embed(recogniser: FaceRecogniser, image: Image, faces: Sequence[Face]) -> NDArray[np.float32]:
    """(N, D) float32, L2-normalised: one vector for each face of ``image``."""
    return recogniser.embed_chips([recogniser.align(image, face) for face in faces])


class MobileFaceNet:
    """128-d. Each vector is the normalised sum over the crop and its mirror image."""

    model = "mobilefacenet"
    size = 112

    def __init__(self, weights: Weights) -> None:
        self.model_version = weights.entry(self.model).model_version
        self._weights = weights

    def align(self, image: Image, face: Face) -> Image:
        """(112, 112, 3): least-squares similarity (Umeyama 1991) of the points that were found to the template."""
        return warp(image, similarity(face.landmarks, TEMPLATE), self.size)

    def embed_chips(self, chips: Sequence[Image]) -> NDArray[np.float32]:
        """(N, 128). Raises WeightsMissing when the model is not on this machine."""
        net = session(self._weights.path(self.model))
        name = net.get_inputs()[0].name
        vectors = np.zeros((len(chips), 128), np.float32)
        for i, chip in enumerate(chips):
            x = (chip.astype(np.float32) / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
            # the file's batch axis is fixed at one
            for view in (x, x[:, ::-1]):
                (out,) = net.run(None, {name: np.ascontiguousarray(view.transpose(2, 0, 1)[None], np.float32)})
                vectors[i] += unit(out[0])
        return unit(vectors)


@lru_cache(maxsize=1)
def _dlib_net(path: str) -> Any:
    import dlib

    return dlib.face_recognition_model_v1(path)


class DlibResnet:
    """128-d. Finds its own five marks inside the face's box, so any detector may stand before it."""

    model = "dlib-face-recogniser"
    size = 150

    def __init__(self, weights: Weights) -> None:
        self.model_version = weights.entry(self.model).model_version
        self._weights = weights

    def align(self, image: Image, face: Face) -> Image:
        """(150, 150, 3): dlib's chip with a quarter of padding, which its network was trained on."""
        import dlib

        points = dlib_marks(str(self._weights.path("dlib-landmarks-5")))
        box = dlib.rectangle(*(round(v) for v in face.xyxy))
        whole = np.ascontiguousarray(image)
        with DLIB_LOCK:
            chip = dlib.get_face_chip(whole, points(whole, box), size=self.size, padding=0.25)
        return np.asarray(chip, np.uint8)

    def embed_chips(self, chips: Sequence[Image]) -> NDArray[np.float32]:
        """(N, 128). Raises WeightsMissing when the model is not on this machine."""
        if not chips:
            return np.zeros((0, 128), np.float32)
        net = _dlib_net(str(self._weights.path(self.model)))
        with DLIB_LOCK:
            rows = [net.compute_face_descriptor(np.ascontiguousarray(chip)) for chip in chips]
        return unit(np.array(rows, np.float32))


def make_recogniser(weights: Weights) -> FaceRecogniser:
    """The recogniser of the tier in force."""
    return MobileFaceNet(weights) if weights.tier == "hub" else DlibResnet(weights)


def unit(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """L2-normalised along the last axis; a zero vector stays zero."""
    norm = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(norm > 0, norm, 1), np.float32)


def similarity(points: NDArray[np.float32], template: NDArray[np.float32]) -> NDArray[np.float64]:
    """(2, 3) rotation, uniform scale and shift that take ``points`` nearest to ``template`` (least squares; Umeyama
    1991, without reflection). Points that are NaN are left out; two must remain."""
    known = np.isfinite(points).all(axis=1)
    a, b = points[known].astype(np.float64), template[known].astype(np.float64)
    ma, mb = a.mean(0), b.mean(0)
    ca, cb = a - ma, b - mb
    # in the plane the optimum is closed: treat points as complex numbers
    za, zb = ca[:, 0] + 1j * ca[:, 1], cb[:, 0] + 1j * cb[:, 1]
    power = float((np.abs(za) ** 2).sum())
    z = (zb * za.conj()).sum() / power if power > 0 else 1.0 + 0j
    linear = np.array([[z.real, -z.imag], [z.imag, z.real]])
    return np.hstack([linear, (mb - linear @ ma)[:, None]])


def warp(image: Image, matrix: NDArray[np.float64], side: int) -> Image:
    """(side, side, 3) crop under ``matrix``; outside the picture it is black. A face larger than the crop is shrunk
    in two steps, because sampling it at every n-th pixel would alias."""
    import cv2

    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if 0 < scale < 0.5:
        factor = 2 * scale
        height, width = image.shape[:2]
        small = (max(1, round(width * factor)), max(1, round(height * factor)))
        image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        matrix = matrix.copy()
        matrix[:, 0] /= small[0] / width
        matrix[:, 1] /= small[1] / height
    return np.asarray(cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_CUBIC), np.uint8)
