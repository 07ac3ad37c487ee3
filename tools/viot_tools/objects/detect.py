"""Which detector of people and vehicles a tier uses, and the hub's: YOLOX-Nano.

*hub*: YOLOX-Nano (Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv:2107.08430) through ONNX Runtime.
Its graph is fully convolutional, so the fixed 416x416 of the file is lifted and a picture is fed at its own aspect:
no enlarging (the weights lose people who are blown up), and at most 960 pixels wide.
*builtin*: OpenCV's HOG people detector; it sees no vehicles.

Owns pixels -> Detections. Knows no tracks, no counts, no storage.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import FailedFault
from viot_agent.media.types import Image
from viot_tools.inference import thread_count
from viot_tools.objects.detections import MODEL_OF_TIER, PERSON, THINGS, Detections, ObjectDetector
from viot_tools.objects.hog import HogPeople
from viot_tools.objects.suppress import suppress

if TYPE_CHECKING:
    from viot_agent.weights import Weights

COCO: dict[int, str] = {0: PERSON, 1: "bicycle", 2: "car", 3: "motorcycle", 5: "bus", 7: "truck"}
"""The classes that this product follows, by their index among the 80 of COCO."""
NAMES: tuple[str, ...] = tuple(
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,parking meter,"
    "bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,suitcase,frisbee,skis,"
    "snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,cup,"
    "fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,"
    "potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,"
    "refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush".split(",")
)
"""All 80 of COCO."""
STRIDES = (8, 16, 32)
SMALLEST, LARGEST = 416, 960
"""The longest side fed, in pixels."""
FLOOR = 0.15
"""The least score given back: such weak boxes may continue a track, never start one."""
NMS_IOU, NMS_INSIDE = 0.55, 0.8


def object_detector(weights: Weights) -> ObjectDetector:
    """The detector of the tier in force. Raises WeightsMissing when the hub's file is absent."""
    if weights.tier == "hub":
        return YoloxNano(weights.path("yolox-nano"), weights.entry("yolox-nano").model_version)
    return HogPeople()


class YoloxNano:
    """YOLOX-Nano, BGR 0..255 in, standard decoding. ``path`` comes checked from ``Weights.path``."""

    model = MODEL_OF_TIER["hub"]
    sees = frozenset(COCO.values())

    def __init__(self, path: Path, model_version: str, largest: int = LARGEST) -> None:
        self.model_version, self.largest, self._path = model_version, largest, path

    def detect(self, image: Image) -> Detections:
        """People and vehicles, best first, in pixels of ``image``. Raises FailedFault when the file cannot be read."""
        return self.detect_all(image)[0]

    def detect_all(self, image: Image) -> tuple[Detections, Detections]:
        """The same, and the ``THINGS`` beside them, from one pass."""
        height, width = image.shape[:2]
        scale = min(self.largest, max(SMALLEST, height, width)) / max(height, width)
        h, w = max(1, round(height * scale)), max(1, round(width * scale))
        rows, cols = -(-h // STRIDES[-1]) * STRIDES[-1], -(-w // STRIDES[-1]) * STRIDES[-1]
        how = cv2.INTER_AREA if scale < 0.75 else cv2.INTER_LINEAR
        fed = np.full((3, rows, cols), 114, np.float32)
        fed[:, :h, :w] = cv2.resize(image, (w, h), interpolation=how)[:, :, ::-1].transpose(2, 0, 1)
        raw = _session(self._path).run(None, {"images": fed[None]})[0][0]
        numbers = np.asarray(raw, np.float32)

        def one_each(found: Detections) -> Detections:
            xyxy = np.clip(found.xyxy / scale, 0, np.array([width, height, width, height], np.float32))
            return suppress(Detections(xyxy.astype(np.float32), found.score, found.label), NMS_IOU, NMS_INSIDE)

        return one_each(decode(numbers, rows, cols, FLOOR)), one_each(decode_things(numbers, rows, cols, FLOOR))


def decode(raw: NDArray[np.float32], rows: int, cols: int, floor: float) -> Detections:
    """YOLOX's output (N, 85) = centre offset, log size, objectness, 80 classes, over the cells of the strides 8, 16, 32
    of a picture of ``rows`` x ``cols`` pixels. Boxes in pixels of that picture; nothing suppressed yet."""
    scores = raw[:, 4:5] * raw[:, 5 + np.array(list(COCO))]
    score = scores.max(1)
    hit = np.flatnonzero(score > floor)
    names = list(COCO.values())
    return Detections(_boxes(raw, hit, rows, cols), score[hit], tuple(names[i] for i in scores[hit].argmax(1)))


def decode_things(raw: NDArray[np.float32], rows: int, cols: int, floor: float) -> Detections:
    """The cells whose best class of all 80 is one of ``THINGS``; otherwise as :func:`decode`."""
    sure = np.flatnonzero(raw[:, 4] > floor)  # few cells: the 80 classes of the rest need no look
    scores = raw[sure, 4:5] * raw[sure, 5:]
    best = scores.argmax(1)
    kept = np.array([NAMES[i] in THINGS for i in best], bool) & (scores.max(1, initial=0.0) > floor)
    hit = sure[kept]
    return Detections(
        _boxes(raw, hit, rows, cols), scores[kept].max(1, initial=0.0), tuple(NAMES[i] for i in best[kept])
    )


def _boxes(raw: NDArray[np.float32], hit: NDArray[np.intp], rows: int, cols: int) -> NDArray[np.float32]:
    """The boxes (N, 4) of the cells ``hit``."""
    cells, strides = _grid(rows, cols)
    centre = (raw[hit, :2] + cells[hit]) * strides[hit]
    half = np.exp(raw[hit, 2:4]) * strides[hit] / 2
    return np.concatenate([centre - half, centre + half], 1).astype(np.float32)


def _grid(rows: int, cols: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cell corners (N, 2) as x, y and their strides (N, 1), in the order of the output."""
    cells, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: rows // stride, : cols // stride]
        cells.append(np.stack([x.ravel(), y.ravel()], 1))
        strides.append(np.full((x.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


# ``viot_tools.inference.session`` shares sessions of files as they are; this one is of an edited graph.
_LOCK = threading.Lock()
_SESSIONS: dict[tuple[int, str], Any] = {}


def _session(path: Path) -> Any:
    """The shared session of the graph with height and width free; the weights stay what they are."""
    key = (os.getpid(), str(path))
    with _LOCK:
        if key not in _SESSIONS:
            _SESSIONS[key] = _load(path)
        return _SESSIONS[key]


def _load(path: Path) -> Any:
    import onnx
    import onnxruntime as ort
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.load(str(path))
    except (OSError, DecodeError) as error:
        raise FailedFault(f"cannot read {path}: {error}", fix="viot models verify, then pull the file again") from error
    height, width = model.graph.input[0].type.tensor_type.shape.dim[2:4]
    height.dim_param, width.dim_param = "height", "width"
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_param = "cells"
    del model.graph.value_info[:]  # shapes inferred for the old size
    options = ort.SessionOptions()
    options.intra_op_num_threads = thread_count()
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
