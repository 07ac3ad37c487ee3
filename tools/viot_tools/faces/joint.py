"""Small faces: two recognisers of different makers, joined into one vector that is compared by cosine as any other.

At about 12 pixels between the eyes each recogniser alone confuses strangers too often to name anybody at the stated
false-accept rate; their mistakes differ, so their mean does not. The joint vector of a face is ``[w1(a); w2(b)] /
sqrt(2)``, ``a`` from the tier's own recogniser, ``b`` from dlib's (on a chip aligned by the *detector's* five points:
dlib's own marks are the weak point of its small faces), ``w(x) = unit(A (x - mean))``. The cosine of two joint vectors
is thus the mean of two whitened cosines, and everything in ``identity`` works on it unchanged, under thresholds of its
own. ``mean`` and ``A`` are a ``basis``; they lie in ``joint.safetensors``, made by ``calibrate``.

Owns what is joined. Knows neither names nor thresholds, nor which faces are small enough to be worth it: ``analyzer``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.faces.basis import Basis, digest, keep, kept
from viot_tools.faces.detect import Face
from viot_tools.faces.quality import face_scale
from viot_tools.faces.recognise import DlibResnet, MobileFaceNet, similarity, unit, warp

SMALL = 15.0
"""Faces under this many pixels between the eyes (:func:`~viot_tools.faces.quality.face_scale`) are small."""

LEAST_LOOKS = 3
"""Frames of a small face that must have been embedded before the joint vectors decide: one small frame may resemble a
stranger by its noise, the sum of three hardly."""

TEMPLATE_DLIB = np.array([[46.2, 45.8], [100.4, 45.0], [74.0, 76.1], [50.1, 98.3], [98.3, 98.0]], np.float32)
"""Where YuNet finds its five points on dlib's own 150x150 chips (the median of 95 pictures of the choosing half)."""


FILE = Path(__file__).with_name("joint.safetensors")
PARTS = ("first", "second")


def write(basis: Basis, path: Path, versions: Mapping[str, str]) -> None:
    """Keep ``basis`` in a file; ``versions`` names the recognisers (``first``, ``second``) it was fitted to."""
    keep(path, PARTS, basis, {}, versions)


def read(path: Path, versions: Mapping[str, str]) -> Basis:
    """What :func:`write` wrote. Raises FailedFault when it was fitted to other recognisers than ``versions`` names."""
    fix = "python -m viot_tools.faces.calibrate --data DIR --tier hub --out thresholds.json"
    return kept(path, PARTS, versions, "the joint vectors of small faces", fix)[0]


@lru_cache(maxsize=1)
def _shipped(versions: tuple[tuple[str, str], ...]) -> Basis:
    return read(FILE, dict(versions))


class JointRecogniser(Protocol):
    """The seam. ``model`` keys stored vectors; ``first`` (N, D) are the same faces' vectors by the tier's own
    recogniser. Answers (N, D'), L2-normalised."""

    model: str

    @property
    def model_version(self) -> str: ...

    def join(self, image: Image, faces: Sequence[Face], first: NDArray[np.float32]) -> NDArray[np.float32]: ...


class MobileFaceNetDlib:
    """MobileFaceNet and dlib's ResNet-29: 256-d. dlib takes 0.1 s a face and twice that with its mirror image, ten
    times what MobileFaceNet takes: for small faces only."""

    model = "mobilefacenet+dlib-face-recogniser"

    def __init__(self, weights: Weights) -> None:
        self._dlib = DlibResnet(weights)
        first = weights.entry(MobileFaceNet.model).model_version
        self.versions = {
            "first": f"{MobileFaceNet.model} {first}",
            "second": f"{DlibResnet.model} {self._dlib.model_version}",
        }
        self.networks = f"{first}+{self._dlib.model_version}"

    @property
    def model_version(self) -> str:
        """Of both networks and of what joins them."""
        return f"{self.networks}+{digest(FILE)}"

    def join(self, image: Image, faces: Sequence[Face], first: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 256). Raises WeightsMissing when dlib's file is not on this machine, FailedFault when the basis belongs
        to other files."""
        return _shipped(tuple(sorted(self.versions.items()))).join(first, self.second(image, faces))

    def second(self, image: Image, faces: Sequence[Face]) -> NDArray[np.float32]:
        """(N, 128) dlib's vectors, each the normalised sum over the chip and its mirror image."""
        if not faces:
            return np.zeros((0, 128), np.float32)
        chips = [warp(image, similarity(f.landmarks, TEMPLATE_DLIB), DlibResnet.size) for f in faces]
        both = self._dlib.embed_chips(chips) + self._dlib.embed_chips([chip[:, ::-1] for chip in chips])
        return unit(both)


def make_joint(weights: Weights) -> JointRecogniser | None:
    """The hub tier's; the builtin tier has dlib's recogniser alone, whose detector does not see small faces either."""
    return MobileFaceNetDlib(weights) if weights.tier == "hub" else None


def is_small(face: Face) -> bool:
    """True below :data:`SMALL`."""
    return face_scale(face) < SMALL
