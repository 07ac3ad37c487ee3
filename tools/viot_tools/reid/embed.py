"""From the picture of a person to a vector, and the one-method seam that vehicles share.

*hub*: OSNet x0.25 (Zhou et al., "Omni-Scale Feature Learning for Person Re-Identification", ICCV 2019; trained on
MSMT17) and person-reidentification-retail-0288 (Open Model Zoo), laid side by side: ``unit([a, b])`` of their unit
vectors, whose cosine is the mean of the two cosines. Their mistakes differ, so the two together keep strangers further
away than either (``viot bench vision``, ``reid.person.mot17.tpr_at_far``). *builtin*: ``clothes``, no network: colours
and edges of the clothes in stripes from head to foot.

Owns pixels -> vectors of people. Knows no tracks, no thresholds and no storage.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.inference import compiled, session
from viot_tools.reid.colour import lab, layout, window

Vectors = NDArray[np.float32]
PEOPLE_MODEL: Final = {"hub": "osnet+reid-0288", "builtin": "clothes"}
"""Whose vectors a tier's questions compare; here, because a question needs the name and not the network."""
BATCH = 16
STRIPES = 8
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


class Embedder(Protocol):
    """The seam: one method. ``model``/``model_version`` name the bytes that look."""

    @property
    def model(self) -> str: ...
    @property
    def model_version(self) -> str: ...
    def embed(self, pictures: Sequence[Image]) -> Vectors:
        """(N, D) float32, L2-normalised, of RGB pictures, each of one thing."""
        ...


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """L2-normalised along the last axis; a zero vector stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), np.float32)


def people_embedder(weights: Weights) -> Embedder:
    """That of the tier in force; files are looked for on first use (WeightsMissing)."""
    return OsnetRetail(weights) if weights.tier == "hub" else Clothes(weights)


class OsnetRetail:
    """OSNet x0.25 (256x128 RGB, ImageNet's mean and spread, 512-d) beside retail-0288 (256x128 BGR 0..255, 256-d)."""

    model = PEOPLE_MODEL["hub"]

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self.model_version = "+".join(weights.entry(n).model_version for n in ("osnet", "reid-0288-weights"))

    def embed(self, pictures: Sequence[Image]) -> Vectors:
        """(N, 768). Raises WeightsMissing, FailedFault."""
        if not len(pictures):
            return np.zeros((0, 768), np.float32)
        return unit(np.concatenate([self.osnet(pictures), self.retail(pictures)], 1))

    def osnet(self, pictures: Sequence[Image]) -> Vectors:
        """(N, 512) of the first network alone."""
        runner, parts = session(self._weights.path("osnet")), []
        for i in range(0, len(pictures), BATCH):
            scaled = np.stack([_upright(p) for p in pictures[i : i + BATCH]]).astype(np.float32) / 255
            fed = ((scaled - MEAN) / STD).transpose(0, 3, 1, 2)
            parts.append(np.asarray(runner.run(None, {"images": np.ascontiguousarray(fed)})[0], np.float32))
        return unit(np.concatenate(parts))

    def retail(self, pictures: Sequence[Image]) -> Vectors:
        """(N, 256) of the second network alone: the supplied baseline of ``viot bench vision``."""
        network = compiled(self._weights.path("reid-0288"), self._weights.path("reid-0288-weights"))
        fed = (_upright(p)[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32) for p in pictures)
        return unit(np.stack([np.asarray(network.run(np.ascontiguousarray(x))[0], np.float32).ravel() for x in fed]))


class Clothes:
    """Lab colours of ``STRIPES`` stripes from head to foot and how much edge of which direction each holds.

    Two people in like clothes are one to it; it knows no body. ``clothes.safetensors`` holds the mean and the spread of
    its numbers over people at large (``calibrate --fit``), so that what everybody has (grey road, dark hair) counts for
    nothing.
    """

    model = PEOPLE_MODEL["builtin"]

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    @property
    def model_version(self) -> str:
        """That of the file of means."""
        return self._weights.entry("reid-clothes").model_version

    def embed(self, pictures: Sequence[Image]) -> Vectors:
        """(N, 320). Raises WeightsMissing when the package's own file is gone."""
        means = _means(self._weights.path("reid-clothes"))
        return clothes(np.stack([clothes_numbers(p) for p in pictures]), *means) if len(pictures) else _no_clothes()


def clothes_numbers(picture: Image) -> NDArray[np.float32]:
    """(STRIPES * 36 + STRIPES * 4,): colours of each stripe, then its edges by direction (0, 45, 90, 135 degrees)."""
    bell = window(48, 96, 10.0)
    colours = layout(lab(picture, 48, 96), STRIPES, 1, bell)
    grey = cv2.cvtColor(cv2.resize(picture, (48, 96), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    across, down = (cv2.Sobel(grey, cv2.CV_32F, *d) for d in ((1, 0), (0, 1)))
    direction = ((np.arctan2(down, across) / np.pi) % 1 * 4).astype(int) % 4
    stripe = np.repeat(np.arange(STRIPES), 96 // STRIPES)[:, None]
    amount = np.bincount((stripe * 4 + direction).ravel(), (np.hypot(across, down) * bell).ravel(), STRIPES * 4)
    edges = np.sqrt(amount / (bell.sum() / STRIPES * 255))
    return np.concatenate([colours, edges]).astype(np.float32)


EDGES_COUNT = 0.4
"""The weight of edges beside colours; chosen on MOT17-mini among 0, 0.4 and 1."""


def clothes(numbers: Vectors, mean: Vectors, spread: Vectors) -> Vectors:
    """(N, D) ``clothes_numbers`` as vectors: colours less their mean, edges less it and by their spread."""
    n = STRIPES * 36
    colours = unit(numbers[:, :n] - mean[:n])
    edges = unit((numbers[:, n:] - mean[n:]) / spread[n:])
    return unit(np.concatenate([colours, EDGES_COUNT * edges], 1))


def _no_clothes() -> Vectors:
    return np.zeros((0, STRIPES * 40), np.float32)


def _means(path: Path) -> tuple[Vectors, Vectors]:
    from safetensors.numpy import load_file

    arrays = load_file(str(path))
    return arrays["mean"].astype(np.float32), arrays["spread"].astype(np.float32)


def _upright(picture: Image) -> Image:
    return np.asarray(cv2.resize(picture, (128, 256), interpolation=cv2.INTER_LINEAR), np.uint8)


class FakeEmbedder:
    """A vector by the picture's mean colour, under any model's name: for tests and trials."""

    model_version = "0"

    def __init__(self, model: str = "fake-looks") -> None:
        self.model = model
        self.batches: list[int] = []

    def embed(self, pictures: Sequence[Image]) -> Vectors:
        self.batches.append(len(pictures))
        colours = [p.reshape(-1, 3).mean(0) - 110.0 for p in pictures]
        return unit(np.stack(colours)) if colours else np.zeros((0, 3), np.float32)
