"""The teacher: YOLOX-Nano (Apache-2.0) of the hub tier, asked for its whole answer instead of its boxes.

Owns the way into its graph. Knows no student: cells, strides and the two classes are those of
``viot_tools.objects.small``, whose grid is the teacher's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image

VEHICLES = (2, 5, 7)
"""COCO's car, bus and truck: one class of ours."""
FEATURES = 64


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """One picture's answer, a level (strides 8, 16, 32) an entry: (2, h, w), (4, h, w) and (64, h, w) float16."""

    scores: tuple[NDArray[np.float16], ...]
    boxes: tuple[NDArray[np.float16], ...]
    features: tuple[NDArray[np.float16], ...]


class Teacher:
    """YOLOX-Nano for pictures of one size, sides multiples of 32. ``path`` comes checked from ``Weights.path``."""

    def __init__(self, path: Path, height: int, width: int) -> None:
        import onnx
        import onnxruntime as ort

        model = onnx.load(str(path))
        shape = model.graph.input[0].type.tensor_type.shape.dim
        shape[2].dim_value, shape[3].dim_value = height, width
        model.graph.output[0].type.tensor_type.shape.dim[1].dim_param = "cells"
        del model.graph.value_info[:]
        self._names = stems(model)
        for name in self._names:
            model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def answer(self, picture: Image) -> Answer:
        """Scores, boxes and features at every cell of ``picture`` (H, W, 3) RGB."""
        x = picture[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32)
        raw, *features = self._session.run(["output", *self._names], {"images": x})
        rows, scores, boxes = raw[0], [], []
        for feature in features:
            h, w = feature.shape[2:]
            level, rows = rows[: h * w], rows[h * w :]
            sure = level[:, 4:5] * np.stack([level[:, 5], level[:, [5 + v for v in VEHICLES]].max(1)], 1)
            scores.append(_map(sure, h, w))
            boxes.append(_map(level[:, :4], h, w))
        return Answer(tuple(scores), tuple(boxes), tuple(f[0].astype(np.float16) for f in features))


def _map(rows: NDArray[np.float32], h: int, w: int) -> NDArray[np.float16]:
    return np.ascontiguousarray(rows.T.reshape(-1, h, w).astype(np.float16))


def stems(model: Any) -> list[str]:
    """The tensors, finest level first, from which both branches of the head set out (two depthwise convolutions each).

    Raises ValueError when the graph is not YOLOX-Nano's.
    """
    users: dict[str, int] = {}
    for node in model.graph.node:
        if node.op_type == "Conv" and any(a.name == "group" and a.i == FEATURES for a in node.attribute):
            users[node.input[0]] = users.get(node.input[0], 0) + 1
    found = [name for name, n in users.items() if n == 2]
    if len(found) != 3:
        raise ValueError(f"this is no YOLOX-Nano: {len(found)} levels with two branches instead of 3")
    return found
