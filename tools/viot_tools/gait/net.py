"""The gait network as a graph for ONNX Runtime, from the weights beside this module: silhouettes in, one vector out.

A walk is a set of silhouettes (Chao et al., GaitSet, AAAI 2019), pooled into the gait energy image (Han and Bhanu,
TPAMI 2006, equation 1: the mean), the spread about it and the union; 0.18 million weights, trained on simulated walkers
only by ``python -m viot_finetune.vision.gait``, whose ``gait_net`` is the same network in PyTorch. Card: ``gait.md``.

Owns the graph, the vector's form and the thresholds that go with the weights. Knows neither tracks nor pictures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import FailedFault

if TYPE_CHECKING:
    from viot_agent.weights import Weights

ENTRY = "gait-walkers"
"""The manifest's name of the weights, and the model name of the rows."""
LAYERS = {"conv1": (3, 24), "conv2": (24, 48), "conv3": (48, 96)}
"""Channels in and out of the 3 x 3 convolutions; 2 x 2 max pooling between them."""
STRIPS, DIMENSIONS = 8, 32
"""Strips of rows, each with a head of its own, and numbers of a strip."""
SOFT = 1e-4
"""Added to a variance before its root."""
MOST = 60
"""Silhouettes of one walk that are looked at; of more, this many spread evenly."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Cosines. At least ``match``: the same walk, at ``far`` false accepts per comparison with a stranger. Under
    ``stranger``: another, at ``frr`` false rejects. Between them nothing can be told."""

    match: float
    far: float
    stranger: float
    frr: float


def thresholds() -> Thresholds:
    """Those that were calibrated with the weights."""
    return Thresholds(**json.loads((files(__package__) / "thresholds.json").read_text("utf-8"))["thresholds"])


def build(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """The ONNX graph: ``x`` (T, 1, 64, 44) in 0..1 to (1, P, D), each of the P parts of length 1."""
    from viot_tools.graph import Graph

    g = Graph(arrays, "gait", ["t", 1, 64, 44])
    mean = g.op("ReduceMean", "x", axes=[0], keepdims=1)
    square = g.op("ReduceMean", g.op("Mul", "x", "x"), axes=[0], keepdims=1)
    variance = g.relu(g.op("Sub", square, g.op("Mul", mean, mean)))
    root = g.op("Sqrt", g.add(variance, g.constant(np.array(SOFT, np.float32))))
    spread = g.op("Mul", root, g.constant(np.array(2.0, np.float32)))
    union = g.op("ReduceMax", "x", axes=[0], keepdims=1)
    x = g.op("Concat", mean, spread, union, axis=1)
    x = g.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    for i, name in enumerate(LAYERS):
        if i:
            x = g.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
        x = g.relu(g.conv(x, name))
    rows = g.op("Transpose", x, perm=[2, 0, 1, 3])  # (P, 1, C, 5)
    flat = g.op("Reshape", rows, g.constant(np.array([STRIPS, 1, -1], np.int64)))
    centred = g.add(g.op("MatMul", flat, g.weight("heads")), g.weight("heads_bias"))
    return g.model(g.op("LpNormalization", g.op("Transpose", centred, perm=[1, 0, 2]), axis=2, p=2))


class GaitNet:
    """The network. ``path`` comes checked from ``Weights.path``."""

    model = ENTRY

    def __init__(self, path: Path, model_version: str) -> None:
        self.model_version, self._path = model_version, path

    @classmethod
    def of(cls, weights: Weights) -> GaitNet:
        """The shipped one, the same in both tiers. Raises WeightsMissing when the file is gone."""
        return cls(weights.path(ENTRY), weights.entry(ENTRY).model_version)

    def embed(self, silhouettes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(T, 64, 44) uint8, T >= 1, to (P * D,) of length 1. Raises FailedFault when the file cannot be read."""
        from viot_tools.inference import session_of

        if len(silhouettes) > MOST:
            silhouettes = silhouettes[np.linspace(0, len(silhouettes) - 1, MOST).round().astype(int)]
        x = silhouettes[:, None].astype(np.float32) / 255.0
        net = session_of(f"gait:{self._path}:{self.model_version}", lambda: build(_arrays(self._path)))
        parts = np.asarray(net.run(None, {"x": x})[0], np.float32)
        return np.asarray(parts.reshape(-1) / np.sqrt(parts.shape[1]), np.float32)


def _arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(str(path)))
    except (OSError, SafetensorError) as error:
        raise FailedFault(
            f"cannot read {path}: {error}", fix="pip install --force-reinstall --no-deps viot-agent"
        ) from error
