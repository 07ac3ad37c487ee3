"""The skeleton network as the tool runs it: weights of ``skeleton_action.safetensors`` in an ONNX graph built here.

The layers are those of ``viot_finetune.vision.action_net`` (a small transformer over time); a test holds the
two equal. Temperature and thresholds lie in the file's metadata, written by the training that measured them.

Owns the graph and the file's layout. Knows no storage and no sentence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from viot_tools.pose.windows import CHANNELS, FRAMES

MODEL: Final = "skeleton-action"
WIDE: Final = 96
HEADS: Final = 4
LAYERS: Final = 3


@dataclass(frozen=True, slots=True)
class Calibration:
    """``classes`` in the order of the outputs, the last one "other"; logits are divided by ``temperature``; a class is
    said only when its probability reaches ``least``, which ``false_accept`` of simulated other movements do."""

    classes: tuple[str, ...]
    temperature: float
    least: float
    false_accept: float


class ActionNetwork:
    """Windows in, probabilities out."""

    def __init__(self, arrays: Mapping[str, NDArray[np.generic]], calibration: Calibration, key: str) -> None:
        from viot_tools.inference import session_of

        self.calibration = calibration
        self._session = session_of(f"{MODEL}:{key}", lambda: graph(arrays))

    @classmethod
    def load(cls, path: Path) -> ActionNetwork:
        """The network of a checked safetensors file (``Weights.path``)."""
        from safetensors import safe_open

        with safe_open(path, "np") as file:
            note: dict[str, Any] = json.loads(file.metadata()["calibration"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        made = Calibration(tuple(note["classes"]), note["temperature"], note["least"], note["false_accept"])
        return cls(arrays, made, str(path.resolve()))

    def probabilities(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 7, 10, 17) features to (N, classes) probabilities, calibrated."""
        if not len(x):
            return np.zeros((0, len(self.calibration.classes)), np.float32)
        logits = self._session.run(None, {"x": x})[0] / self.calibration.temperature
        e = np.exp(logits - logits.max(1, keepdims=True))
        return np.asarray(e / e.sum(1, keepdims=True), np.float32)


def graph(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """The ONNX model of the weights."""
    from viot_tools.graph import Graph

    g = Graph(arrays, MODEL, ["n", CHANNELS, FRAMES, 17])
    heads = g.constant(np.array([0, FRAMES, HEADS, WIDE // HEADS], np.int64))
    flat = g.constant(np.array([0, FRAMES, WIDE], np.int64))
    scale = g.constant(np.array((WIDE // HEADS) ** -0.5, np.float32))

    def norm(x: str, name: str) -> str:
        return g.op("LayerNormalization", x, g.weight(f"{name}.weight"), g.weight(f"{name}.bias"), epsilon=1e-5)

    def split(x: str, name: str, order: list[int]) -> str:
        return g.op("Transpose", g.op("Reshape", g.linear(x, name), heads), perm=order)

    tokens = g.constant(np.array([0, FRAMES, CHANNELS * 17], np.int64))
    x = g.linear(g.op("Reshape", g.op("Transpose", "x", perm=[0, 2, 1, 3]), tokens), "embed")
    x = g.add(x, g.weight("place"))
    for i in range(LAYERS):
        b = f"layers.{i}"
        h = norm(x, f"{b}.norm1")
        q, v = (split(h, f"{b}.{part}", [0, 2, 1, 3]) for part in ("query", "value"))
        k = split(h, f"{b}.key", [0, 2, 3, 1])
        seen = g.op("MatMul", g.op("Softmax", g.op("Mul", g.op("MatMul", q, k), scale), axis=-1), v)
        seen = g.op("Reshape", g.op("Transpose", seen, perm=[0, 2, 1, 3]), flat)
        x = g.add(x, g.linear(seen, f"{b}.mix"))
        x = g.add(x, g.linear(g.relu(g.linear(norm(x, f"{b}.norm2"), f"{b}.up")), f"{b}.down"))
    mean = g.op("ReduceMean", norm(x, "norm"), axes=[1], keepdims=0)
    return g.model(g.linear(mean, "out"))
