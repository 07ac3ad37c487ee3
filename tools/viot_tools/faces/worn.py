"""Faces behind masks: telling that a face wears one, and comparing it by what is seen of it.

A mask lowers the likeness of two pictures of one person and leaves strangers where they were, so that at the thresholds
of bare faces hardly anybody behind one is named, and many are ruled out. :class:`MaskedMobileFaceNet` therefore gives a
masked face a second vector, ``[w1(whole); w2(eyes)] / sqrt(2)``: the whole face as always, and a copy whose part from
the bridge of the nose down is painted over (``verification.robust.periocular``), by the same network, each whitened
as ``basis`` does. The people enrolled get the same vectors of their bare faces, and the thresholds are of masked faces
(``calibrate_worn``), at the rate of false accepts that holds for bare ones.

Whether a face wears a mask is told by a logistic function of the lower half of the aligned crop, seen in cells of 8x8
pixels: its colours against the skin below the eyes, and its edges. It was fitted on masks that ``masks`` drew on real
faces; ``worn.md`` says how it does on other people, other kinds of masks, and bare faces.

Owns both. What they were fitted to lies in ``worn.safetensors``. Knows neither names nor thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.faces.basis import Basis, digest, keep, kept
from viot_tools.faces.recognise import MobileFaceNet
from viot_tools.verification.robust import periocular

ROW = 66
"""The row of the 112x112 crop from which on a masked face is painted over; ``robust.choose`` took it on one half
(``viot bench faces`` says it in the words of ``faces.masked.mobilefacenet.robust``)."""

FILE = Path(__file__).with_name("worn.safetensors")

Vectors = NDArray[np.float32]


class WornRecogniser(Protocol):
    """The seam. ``model`` keys stored vectors; chips are those of the tier's own recogniser, ``first`` (N, D) its
    vectors of them."""

    model: str

    @property
    def model_version(self) -> str: ...

    def wears(self, chips: Sequence[Image]) -> NDArray[np.bool_]: ...  # (N,)

    def embed(self, chips: Sequence[Image], first: Vectors) -> Vectors: ...  # (N, D'), L2-normalised


def features(chip: Image) -> Vectors:
    """(284,) float32 of an aligned (112, 112, 3) crop, in the rows from the nose down and the columns of the face: mean
    Lab colours of 6x8 cells of 8x8 pixels, as differences to the skin under the eyes, and mean steepness across and
    along of 7x10 cells; lightness in units of its spread around the eyes."""
    import cv2

    lab = cv2.cvtColor(chip, cv2.COLOR_RGB2LAB).astype(np.float32)
    skin = lab[58:66, 28:84].reshape(-1, 3).mean(axis=0)
    spread = float(lab[30:66, 24:88, 0].std()) + 8.0
    cells = cv2.resize(lab, (14, 14), interpolation=cv2.INTER_AREA)
    colours = (cells[8:14, 3:11] - skin) / np.array([spread, 12.0, 12.0], np.float32)
    light = lab[..., 0]
    slopes = np.abs(np.stack([cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1)], axis=-1))
    edges = cv2.resize(slopes, (14, 14), interpolation=cv2.INTER_AREA)[7:14, 2:12] / (4 * spread)
    return np.concatenate([colours.ravel(), edges.ravel()]).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Tell:
    """A logistic function of :func:`features`: ``weight`` (284,) float32 and ``bias``; over 0 the face wears a mask."""

    weight: Vectors
    bias: float

    def score(self, chips: Sequence[Image]) -> NDArray[np.float64]:
        """(N,) log-odds that the face wears a mask."""
        rows = np.stack([features(c) for c in chips]) if len(chips) else np.zeros((0, len(self.weight)))
        return np.asarray(rows.astype(np.float64) @ self.weight + self.bias)


def fit_tell(rows: Vectors, masked: NDArray[np.bool_], ridge: float = 30.0, rounds: int = 25) -> Tell:
    """Logistic regression of N rows of features on whether they are masked, both kinds weighing alike, by Newton steps;
    ``ridge`` on standardised features."""
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-3
    x = np.column_stack([(rows - mean) / spread, np.ones(len(rows))]).astype(np.float64)
    much = np.where(masked, 0.5 / masked.mean(), 0.5 / (~masked).mean())
    hold = np.eye(x.shape[1]) * ridge
    hold[-1, -1] = 1e-6
    beta = np.zeros(x.shape[1])
    for _ in range(rounds):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        slope = x.T @ (much * (p - masked)) + hold @ beta
        step = np.linalg.solve((x * (much * p * (1 - p))[:, None]).T @ x + hold, slope)
        beta -= step
        if np.abs(step).max() < 1e-6:
            break
    weight = (beta[:-1] / spread).astype(np.float32)
    return Tell(weight, float(beta[-1] - weight.astype(np.float64) @ mean))


PARTS = ("whole", "eyes")


def write(tell: Tell, basis: Basis, path: Path, versions: Mapping[str, str]) -> None:
    """Keep both in a file; ``versions`` names the recogniser they were fitted to."""
    told = {"tell.weight": tell.weight, "tell.bias": np.array([tell.bias], np.float32)}
    keep(path, PARTS, basis, told, versions)


def read(path: Path, versions: Mapping[str, str]) -> tuple[Tell, Basis]:
    """What :func:`write` wrote. Raises FailedFault when it was fitted to another recogniser than ``versions`` names."""
    fix = "python -m viot_tools.faces.calibrate_worn --data DIR --out thresholds.json"
    basis, tensors = kept(path, PARTS, versions, "the vectors of masked faces", fix)
    return Tell(tensors["tell.weight"], float(tensors["tell.bias"][0])), basis


@lru_cache(maxsize=1)
def _shipped(versions: tuple[tuple[str, str], ...]) -> tuple[Tell, Basis]:
    return read(FILE, dict(versions))


class MaskedMobileFaceNet:
    """MobileFaceNet on the whole face and on its eye region: 256-d. Costs one more pass of the network for each masked
    look, nothing for others."""

    model = "mobilefacenet+eyes"

    def __init__(self, weights: Weights) -> None:
        self.recogniser = MobileFaceNet(weights)
        self.versions = {"recogniser": f"{self.recogniser.model} {self.recogniser.model_version}"}

    @property
    def model_version(self) -> str:
        """Of the network and of what was fitted to it."""
        return f"{self.recogniser.model_version}+{digest(FILE)}"

    def _fitted(self) -> tuple[Tell, Basis]:
        return _shipped(tuple(sorted(self.versions.items())))

    def wears(self, chips: Sequence[Image]) -> NDArray[np.bool_]:
        """(N,) True where the face wears a mask. Raises FailedFault when the fit belongs to another file."""
        return np.asarray(self._fitted()[0].score(chips) > 0)

    def embed(self, chips: Sequence[Image], first: Vectors) -> Vectors:
        """(N, 256). Raises WeightsMissing when the network is not on this machine, FailedFault as :meth:`wears`."""
        return self._fitted()[1].join(first, self.eyes(chips))

    def eyes(self, chips: Sequence[Image]) -> Vectors:
        """(N, 128) vectors of the copies that are painted over."""
        if not len(chips):
            return np.zeros((0, 128), np.float32)
        return self.recogniser.embed_chips(list(periocular(np.stack(list(chips)), ROW)))


def make_worn(weights: Weights) -> WornRecogniser | None:
    """The hub tier's; the detector of the builtin tier hardly sees masked faces."""
    return MaskedMobileFaceNet(weights) if weights.tier == "hub" else None
