"""The built-in detector of people and cars: a small network of our own, run as a graph that is built here.

Five convolutional stages with residual 3x3 convolutions, a feature pyramid (Lin et al., "Feature Pyramid Networks",
arXiv:1612.03144) and an anchor-free head a level (Tian et al., "FCOS", arXiv:1904.01355; boxes written as YOLOX writes
them, Ge et al., arXiv:2107.08430): at each cell of the strides 8, 16 and 32 the logits of "person" and "car", the
centre's offset from the cell's corner and the logarithm of width and height, in strides.

Owns the layers as they are run, and pixels -> Detections. Knows no tracks and no training: ``small.safetensors`` is
made by ``python -m viot_finetune.vision.detector``; ``small.md`` says from what, and how well it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import FailedFault
from viot_agent.media.types import Image
from viot_tools.graph import Graph
from viot_tools.inference import session_of
from viot_tools.objects.detections import PERSON, Detections
from viot_tools.objects.suppress import suppress

Floats = NDArray[np.float32]
LABELS: Final = (PERSON, "car")
"""What the logits mean. "car" is any motor vehicle on four wheels or more."""
STRIDES: Final = (8, 16, 32)
STAGES: Final = {"c1": ("b1a",), "c2": ("b2a", "b2b"), "c3": ("b3a", "b3b", "b3c"), "c4": ("b4a", "b4b")}
"""A convolution of stride 2, then the residual ones that follow it."""
LEVELS: Final = ("c2", "c3", "c4")
"""The stages that feed the pyramid, finest first."""
SIDE: Final = 416
"""The longest side fed, in pixels."""
MEAN, SPREAD = 0.45, 0.25
PAD: Final = 114
FLOOR: Final = 0.15
"""The least score given back: such weak boxes may continue a track, never start one."""
NMS_IOU, NMS_INSIDE = 0.55, 0.8
LARGEST_LOG: Final = 4.0
"""The largest logarithm of a size in strides that is believed (a box of 55 strides)."""


def fed(image: Image, side: int = SIDE) -> tuple[Floats, float]:
    """An RGB picture (H, W, 3) as the network's input (1, 3, h, w), and the scale that was applied to it.

    The longest side becomes ``side``; right and below it is filled with grey to whole cells of the coarsest stride.
    """
    height, width = image.shape[:2]
    scale = side / max(height, width)
    h, w = max(1, round(height * scale)), max(1, round(width * scale))
    rows, cols = -(-h // STRIDES[-1]) * STRIDES[-1], -(-w // STRIDES[-1]) * STRIDES[-1]
    how = cv2.INTER_AREA if scale < 0.75 else cv2.INTER_LINEAR
    laid = np.full((rows, cols, 3), PAD, np.uint8)
    laid[:h, :w] = cv2.resize(image, (w, h), interpolation=how)
    x = laid.transpose(2, 0, 1)[None].astype(np.float32)
    return np.asarray((x / 255 - MEAN) / SPREAD, np.float32), float(scale)


def graph(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """The network as an ONNX model: ``x`` (1, 3, h, w), h and w multiples of 32, to the levels (1, 6, h / s, w / s).

    The six channels: logit of person, logit of car, x and y of the centre, log width, log height.
    """
    made = Graph(arrays, "viot-objects", [1, 3, "height", "width"])
    x = made.relu(made.conv("x", "stem", stride=2))
    maps = {}
    for stage, blocks in STAGES.items():
        x = made.relu(made.conv(x, stage, stride=2))
        for block in blocks:
            x = made.add(x, made.relu(made.conv(x, block)))
        maps[stage] = x
    scales = made.constant(np.array([1, 1, 2, 2], np.float32))
    above, outputs = "", []
    for stage in reversed(LEVELS):
        here = made.conv(maps[stage], f"{stage}.side")
        if above:
            up = made.op(
                "Resize", above, "", scales,
                mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor",
            )  # fmt: skip
            here = made.add(here, up)
        above = made.relu(here)
        mixed = made.relu(made.conv(made.relu(made.conv(above, f"{stage}.mix")), f"{stage}.head"))
        outputs.append(made.conv(mixed, f"{stage}.out"))
    return made.model(*reversed(outputs))


def decode(levels: list[Floats], floor: float, shift: float = 0.0) -> Detections:
    """Levels (1, 6, h, w) of the strides 8, 16, 32 to boxes in pixels of the input; nothing suppressed yet.

    ``shift`` is added to the logits, so that a score of a half means what the trackers' thresholds take it for.
    """
    boxes, scores, labels = [], [], []
    least = np.log(floor / (1 - floor)) - shift
    for raw, stride in zip(levels, STRIDES, strict=True):
        logits = raw[0, :2].max(0)
        y, x = np.nonzero(logits > least)
        found = raw[0][:, y, x]
        centre = (found[2:4] + np.stack([x, y])) * stride
        half = np.exp(np.minimum(found[4:6], LARGEST_LOG)) * stride / 2
        boxes.append(np.concatenate([centre - half, centre + half]).T)
        scores.append(1 / (1 + np.exp(-(logits[y, x] + shift))))
        labels += [LABELS[i] for i in found[:2].argmax(0)]
    return Detections(
        np.concatenate(boxes).astype(np.float32), np.concatenate(scores).astype(np.float32), tuple(labels)
    )


class SmallObjects:
    """People and cars by the weights in ``path``, which comes checked from ``Weights.path``."""

    model = "viot-objects"
    sees = frozenset(LABELS)

    def __init__(self, path: Path, model_version: str, side: int = SIDE) -> None:
        self.model_version, self.side, self._path = model_version, side, path
        self.shift = read(path)[1]

    def detect(self, image: Image) -> Detections:
        """People and cars, best first, in pixels of ``image``."""
        height, width = image.shape[:2]
        x, scale = fed(image, self.side)
        session = session_of(f"objects {self._path}", lambda: graph(read(self._path)[0]))
        found = decode(session.run(None, {"x": x}), FLOOR, self.shift)
        xyxy = np.clip(found.xyxy / scale, 0, np.array([width, height, width, height], np.float32))
        return suppress(Detections(xyxy.astype(np.float32), found.score, found.label), NMS_IOU, NMS_INSIDE)


def read(path: Path) -> tuple[dict[str, NDArray[np.float16]], float]:
    """The weights by name and the shift of the logits. Raises FailedFault for a file that is not this network's."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            shift = float((file.metadata() or {})["shift"])
            return {name: file.get_tensor(name) for name in file.keys()}, shift  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise FailedFault(
            f"cannot read the detector's weights {path}: {error}", fix="reinstall viot-agent: the file is part of it"
        ) from error
