"""Small faces: two recognisers of different makers, joined into one vector that is compared by cosine as any other.

At about 12 pixels between the eyes each recogniser alone confuses strangers too often to name anybody at the stated
false-accept rate; their mistakes differ, so their mean does not. The joint vector of a face is ``[w1(a); w2(b)] /
sqrt(2)``, ``a`` from the tier's own recogniser, ``b`` from dlib's (on a chip aligned by the *detector's* five points:
dlib's own marks are the weak point of its small faces), ``w(x) = unit(A (x - mean))``. The cosine of two joint vectors
is thus the mean of two whitened cosines, and everything in ``identity`` works on it unchanged, under thresholds of its
own. ``A = (C + SHRINK tr(C)/D I)^(-1/2)`` with ``C`` the (D, D) covariance of people's means: directions in which
people at large differ (age, sex, origin), and in which strangers look alike, count for less. (Whitening by the
between-people covariance, as in Hariharan, Malik and Ramanan, ECCV 2012.)

Owns the joining. ``mean`` and ``A`` lie in ``joint.safetensors``, made by ``calibrate``; they describe a population,
nobody in it. Knows neither names nor thresholds, nor which faces are small enough to be worth it: ``analyzer``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import FailedFault
from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.faces.detect import Face
from viot_tools.faces.quality import face_scale
from viot_tools.faces.recognise import DlibResnet, MobileFaceNet, similarity, unit, warp

SMALL = 15.0
"""Faces under this many pixels between the eyes (:func:`~viot_tools.faces.quality.face_scale`) are small."""

LEAST_LOOKS = 3
"""Frames of a small face that must have been embedded before the joint vectors decide: one small frame may resemble a
stranger by its noise, the sum of three hardly."""

SHRINK = 3.0
"""Chosen among 1.5, 3, 10 and none on the choosing half alone, by leaving people out."""

TEMPLATE_DLIB = np.array([[46.2, 45.8], [100.4, 45.0], [74.0, 76.1], [50.1, 98.3], [98.3, 98.0]], np.float32)
"""Where YuNet finds its five points on dlib's own 150x150 chips (the median of 95 pictures of the choosing half)."""


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """``means``, ``matrices``: (D,) and (D, D) float32 of the first and of the second recogniser."""

    means: tuple[NDArray[np.float32], NDArray[np.float32]]
    matrices: tuple[NDArray[np.float32], NDArray[np.float32]]

    def join(self, first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, D1) and (N, D2) unit vectors of the same faces -> (N, D1 + D2), L2-normalised."""
        parts = [unit((x - m) @ a) for x, m, a in zip((first, second), self.means, self.matrices, strict=True)]
        return unit(np.concatenate(parts, axis=-1))


def fit(first: NDArray[np.float32], second: NDArray[np.float32], people: Sequence[object]) -> Basis:
    """The basis of a population: a row of ``first`` (N, D1), ``second`` (N, D2) and ``people`` (N) a picture.

    Rounded to what the file keeps (float16), so that what is measured is what is shipped.
    """
    order = {person: i for i, person in enumerate(dict.fromkeys(people))}
    rows = np.array([order[person] for person in people])
    means, matrices = [], []
    for x in (first, second):
        mean = x.mean(0)
        away = unit(x - mean)
        person = np.stack([away[rows == i].mean(0) for i in range(len(order))]).astype(np.float64)
        cov = person.T @ person / len(person)
        w, v = np.linalg.eigh(cov + SHRINK * np.trace(cov) / len(cov) * np.eye(len(cov)))
        matrix = v @ np.diag(w**-0.5) @ v.T
        matrix /= np.abs(matrix).max()  # lengths do not matter, float16 does
        means.append(mean.astype(np.float16).astype(np.float32))
        matrices.append(matrix.astype(np.float16).astype(np.float32))
    return Basis((means[0], means[1]), (matrices[0], matrices[1]))


FILE = Path(__file__).with_name("joint.safetensors")


def write(basis: Basis, path: Path, versions: Mapping[str, str]) -> None:
    """Keep ``basis`` in a file; ``versions`` names the recognisers (``first``, ``second``) it was fitted to."""
    from safetensors.numpy import save

    tensors = {}
    for name, mean, matrix in zip(("first", "second"), basis.means, basis.matrices, strict=True):
        tensors[f"{name}.mean"], tensors[f"{name}.matrix"] = mean.astype(np.float16), matrix.astype(np.float16)
    path.write_bytes(save(tensors, metadata=dict(versions)))


def read(path: Path, versions: Mapping[str, str]) -> Basis:
    """What :func:`write` wrote. Raises FailedFault when it was fitted to other recognisers than ``versions`` names."""
    from safetensors import safe_open

    with safe_open(str(path), "np") as file:
        kept = dict(file.metadata() or {})
        t = {name: np.asarray(file.get_tensor(name), np.float32) for name in file.keys()}  # noqa: SIM118
    if kept != dict(versions):
        raise FailedFault(
            f"the joint vectors of small faces were fitted to {kept}, not to {dict(versions)}",
            fix="python -m viot_tools.faces.calibrate --data DIR --tier hub --out thresholds.json",
        )
    return Basis((t["first.mean"], t["second.mean"]), (t["first.matrix"], t["second.matrix"]))


@lru_cache(maxsize=1)
def _shipped(versions: tuple[tuple[str, str], ...]) -> Basis:
    return read(FILE, dict(versions))


@lru_cache(maxsize=1)
def _digest() -> str:
    return hashlib.sha256(FILE.read_bytes()).hexdigest()[:8]


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
        return f"{self.networks}+{_digest()}"

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
