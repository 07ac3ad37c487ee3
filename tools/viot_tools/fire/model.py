"""The network that looks for fire and smoke, and what a picture becomes in it: a map of each and one score of each.

Owns the graph (the same layers as ``viot_finetune.vision.fire_net.FireNet``), the way a picture is fed and how a map
becomes a score. Knows neither time, nor alarms, nor questions: one picture in, one :class:`FireMap` out.

The network is ours, trained from scratch (``fire.md`` beside the weights). It is fully convolutional, so it keeps where
it saw something: a cell stands for 8 x 8 pixels of a picture whose longer side was brought to ``SIDE``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from viot_agent.media.types import XYXY, Image
from viot_agent.weights import Weights
from viot_tools.fire.names import MODEL
from viot_tools.graph import Graph
from viot_tools.inference import session_of

SIDE = 224
"""Pixels of the longer side of what the network sees."""
STEP = 16
"""Both sides are multiples of this."""
CELL = 8
TOP = 3
"""A picture's score is the mean over its ``TOP`` hottest cells, as logits."""
RESIDUAL_A = ("a1", "a2")
RESIDUAL_B = ("b1", "b2", "b3")

Map = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FireMap:
    """One picture: ``fire`` and ``smoke`` (h, w) float32 logits; ``width``/``height`` of the picture in pixels."""

    fire: Map
    smoke: Map
    width: int
    height: int

    def score(self, kind: str) -> float:
        """0..1: how surely the picture shows ``kind`` (``fire`` or ``smoke``)."""
        return pooled(self.of(kind))

    def of(self, kind: str) -> Map:
        """The map of ``fire`` or ``smoke``."""
        return self.fire if kind == "fire" else self.smoke

    def peak(self, kind: str) -> tuple[float, float]:
        """(x, y) pixels of the hottest cell's middle."""
        map = self.of(kind)
        y, x = np.unravel_index(int(map.argmax()), map.shape)
        return (float(x) + 0.5) * self.width / map.shape[1], (float(y) + 0.5) * self.height / map.shape[0]

    def box(self, kind: str, threshold: float) -> XYXY | None:
        """Pixels round the connected cells above ``threshold`` (0..1) that hold the hottest one; None if it is not."""
        map = self.of(kind)
        hot = sigmoid(map) >= threshold
        y, x = np.unravel_index(int(map.argmax()), map.shape)
        if not hot[y, x]:
            return None
        _, parts = cv2.connectedComponents(hot.astype(np.uint8), connectivity=8)
        rows, columns = np.nonzero(np.asarray(parts) == parts[y, x])
        sx, sy = self.width / map.shape[1], self.height / map.shape[0]
        return (
            float(columns.min() * sx),
            float(rows.min() * sy),
            float((columns.max() + 1) * sx),
            float((rows.max() + 1) * sy),
        )


class FireLooker(Protocol):
    """The seam: one method. ``model``/``model_version`` name the bytes that look."""

    @property
    def model(self) -> str: ...
    @property
    def model_version(self) -> str: ...
    def look(self, image: Image) -> FireMap:
        """The maps of an RGB picture (H, W, 3)."""
        ...


class FireNetwork:
    """Our own network in ONNX Runtime; the same in both tiers. Raises WeightsMissing where its file is not there."""

    model = MODEL

    def __init__(self, weights: Weights) -> None:
        self.model_version = weights.entry(MODEL).model_version
        self._path = weights.path(MODEL)

    def look(self, image: Image) -> FireMap:
        """See :class:`FireLooker`."""
        session = session_of(f"{MODEL}:{self._path}", lambda: fire_graph(load_file(self._path)))
        [maps] = session.run(None, {"x": fed(image)})
        return FireMap(maps[0, 0], maps[0, 1], image.shape[1], image.shape[0])


def fire_graph(arrays: dict[str, NDArray[np.generic]]) -> bytes:
    """The ONNX model: ``x`` (B, 3, h, w) RGB 0..1 to logits (B, 2, h / 8, w / 8); h and w multiples of 16."""
    g = Graph(arrays, MODEL, ["b", 3, "h", "w"])
    x = "x"
    for name in ("stem", "down1", "down2"):
        x = g.relu(g.conv(x, name, stride=2))
    for name in RESIDUAL_A:
        x = g.add(x, g.relu(g.conv(x, name)))
    wide = g.relu(g.conv(x, "down3", stride=2))
    for name in RESIDUAL_B:
        wide = g.add(wide, g.relu(g.conv(wide, name)))
    scales = g.constant(np.array([1, 1, 2, 2], np.float32))
    wide = g.op(
        "Resize",
        g.conv(wide, "up"),
        "",
        scales,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    return g.model(g.conv(g.relu(g.conv(g.add(x, wide), "mix")), "head"))


def fed(image: Image) -> NDArray[np.float32]:
    """An RGB picture (H, W, 3) as the network takes it: (1, 3, h, w) float32 0..1, longer side ``SIDE``."""
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    size = tuple(max(2 * STEP, round(side * scale / STEP) * STEP) for side in (width, height))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return np.ascontiguousarray(np.asarray(small, np.float32).transpose(2, 0, 1)[None] / 255)


def pooled(logits: Map) -> float:
    """Mean of the ``TOP`` highest logits, as 0..1."""
    flat = logits.reshape(-1)
    top = np.partition(flat, -TOP)[-TOP:] if flat.size > TOP else flat
    return float(sigmoid(top.mean()))


def sigmoid(x: Map | np.floating) -> Map:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * np.asarray(x, np.float32))), np.float32)


def weights_file() -> Path:
    """Where the shipped weights lie beside this module."""
    return Path(__file__).with_name("fire.safetensors")
