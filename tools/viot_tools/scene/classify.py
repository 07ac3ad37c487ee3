"""From pictures of a place to probabilities over the scenes: one classifier a tier, behind one method.

*hub*: the supplied ImageNet classifier (MobileNetV2, Sandler et al., arXiv:1801.04381) gives 1001 class scores; the
table ``associations.json``, written by hand, says which classes speak for which scenes and how much, so

    P(scene | picture) ~ ( sum_c P(c | picture) a(c) A(scene | c) + eps / 44 ) ^ tau,

the convex combination of what the classes mean (Norouzi et al., "Zero-Shot Learning by Convex Combination of Semantic
Embeddings", arXiv:1312.5650, eq. 1) with a written table in place of word vectors. ``eps`` and ``tau`` are the only two
numbers fitted (on the annotated sources). Vehicles followed by ``objects`` speak for streets and against rooms.

*builtin*: a linear softmax on the picture's statistics (``scene.safetensors``, trained by
``python -m viot_finetune.vision.scene``). It tells outdoors from indoors and little more, and is marked rough.

Owns pixels -> probabilities. Knows no video, no storage and no question.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image
from viot_tools.inference import compiled
from viot_tools.scene.statistics import statistics
from viot_tools.scene.vocabulary import GROUP_OF, INDOORS, SCENES, SIDE_OF, Levels, Probabilities

if TYPE_CHECKING:
    from viot_agent.weights import Weights

MODEL_OF_TIER: Final = {"hub": "imagenet-scenes", "builtin": "scene-statistics"}
LEVELS_OF_MODEL: Final = {
    "imagenet-scenes": Levels(scene=0.5, group=0.55, side=0.7),
    "scene-statistics": Levels(scene=1.01, group=1.01, side=0.75),
}
"""From what probability on a word is said; ``viot bench vision`` prints how often it is then right
(``scene.said.precision``). The builtin model never names more than a side: above that it does not beat the commonest
answer."""
ROUGH: Final = frozenset({"scene-statistics"})
CLASSES = 1001
EPS, TAU = 0.06, 2.0
FED = 224
WEIGHTS = "scene-statistics"
TABLE = Path(__file__).with_name("associations.json")
VEHICLES_SPEAK = 3.0
"""Odds by which passing or parked vehicles raise *street or road*; rooms are lowered by the same."""


@dataclass(frozen=True, slots=True)
class Around:
    """What ``objects`` saw over the segment: the share of looks with at least one vehicle, 0..1."""

    vehicles: float = 0.0


class SceneClassifier(Protocol):
    """The seam: one method. ``model``/``model_version`` name the bytes that look."""

    @property
    def model(self) -> str: ...
    @property
    def model_version(self) -> str: ...
    def look(self, images: Sequence[Image], around: Around) -> Probabilities:
        """(44,) probabilities of one place from one or more RGB pictures of it."""
        ...


def scene_classifier(weights: Weights) -> SceneClassifier:
    """The classifier of the tier in force. Raises WeightsMissing when its file is absent."""
    if weights.tier == "hub":
        return ImagenetScenes(weights)
    return StatisticsScenes(weights)


class ImagenetScenes:
    """Hub tier. Raises WeightsMissing (with the command) when the ImageNet classifier is not on this machine."""

    model = MODEL_OF_TIER["hub"]

    def __init__(self, weights: Weights) -> None:
        self._path = weights.path("imagenet-mobilenet")
        table = hashlib.sha256(TABLE.read_bytes()).hexdigest()[:8]
        self.model_version = f"{weights.entry('imagenet-mobilenet').model_version}+{table}"

    def look(self, images: Sequence[Image], around: Around) -> Probabilities:
        scores = np.mean([self._scores(view) for image in images for view in views(image)], 0)
        return with_vehicles(from_classes(np.asarray(scores, np.float32)), around)

    def _scores(self, view: Image) -> NDArray[np.float32]:
        import cv2

        fed = cv2.resize(view, (FED, FED), interpolation=cv2.INTER_AREA)[None]
        scores = compiled(self._path).run(np.ascontiguousarray(fed, np.uint8))[0][0]
        return np.asarray(scores, np.float32) / np.float32(256)


class StatisticsScenes:
    """Builtin tier: ``scene.safetensors`` beside this module."""

    model = MODEL_OF_TIER["builtin"]

    def __init__(self, weights: Weights) -> None:
        self._linear = read(weights.path(WEIGHTS))
        self.model_version = weights.entry(WEIGHTS).model_version

    def look(self, images: Sequence[Image], around: Around) -> Probabilities:
        x = np.mean([statistics(image) for image in images], 0)
        return self._linear.probabilities(np.asarray(x, np.float32))


class FakeScenes:
    """A classifier with a script: look number n gets ``script[n]`` (the last one for ever). For tests."""

    model = "fake-scenes"
    model_version = "0"

    def __init__(self, script: Sequence[Probabilities]) -> None:
        self.script, self.seen = tuple(script), 0

    def look(self, images: Sequence[Image], around: Around) -> Probabilities:
        found = self.script[min(self.seen, len(self.script) - 1)]
        self.seen += 1
        return found


@dataclass(frozen=True, slots=True)
class Linear:
    """Softmax(((x - mean) / spread, clipped to 3) @ matrix + bias): (54,) statistics to (44,) probabilities."""

    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    matrix: NDArray[np.float32]
    bias: NDArray[np.float32]

    def probabilities(self, x: NDArray[np.float32]) -> Probabilities:
        z = np.clip((x - self.mean) / self.spread, -3, 3) @ self.matrix + self.bias
        p = np.exp(z - z.max())
        return np.asarray(p / p.sum(), np.float32)


def read(path: Path) -> Linear:
    """The weights of :class:`Linear` from a safetensors file."""
    from safetensors.numpy import load_file

    t = {name: np.asarray(array, np.float32) for name, array in load_file(str(path)).items()}
    return Linear(t["mean"], t["spread"], t["matrix"], t["bias"])


def views(image: Image) -> list[Image]:
    """The whole picture, and its left and right square (one square where it is nearly square itself)."""
    height, width = image.shape[:2]
    side = min(height, width)
    top = (height - side) // 2
    lefts = (0, width - side) if width > 1.15 * height else ((width - side) // 2,)
    return [image, *(np.ascontiguousarray(image[top : top + side, left : left + side]) for left in lefts)]


def from_classes(scores: NDArray[np.float32]) -> Probabilities:
    """(1001,) ImageNet probabilities to (44,) scene probabilities; the formula of this module's docstring."""
    evidence = scores @ association() + EPS / len(SCENES)
    p = (evidence / evidence.sum()) ** TAU
    return np.asarray(p / p.sum(), np.float32)


def with_vehicles(p: Probabilities, around: Around) -> Probabilities:
    """``p`` after hearing of vehicles; unchanged without any."""
    odds = 1.0 + (VEHICLES_SPEAK - 1.0) * min(1.0, around.vehicles * 4)
    factor = np.ones(len(SCENES), np.float32)
    for i, scene in enumerate(SCENES):
        if GROUP_OF[scene] == "street or road":
            factor[i] = odds
        elif SIDE_OF[GROUP_OF[scene]] == INDOORS:
            factor[i] = 1 / odds
    found = p * factor
    return np.asarray(found / found.sum(), np.float32)


@lru_cache(maxsize=1)
def association() -> NDArray[np.float32]:
    """(1001, 44): row c = a(c) A(. | c), with a(c) the class's largest weight and A its weights made to sum to 1."""
    table = np.zeros((CLASSES, len(SCENES)), np.float32)
    for scene, entries in json.loads(TABLE.read_text("utf-8"))["scenes"].items():
        for number, _word, weight in entries:
            table[number, SCENES.index(scene)] = weight
    total = table.sum(1, keepdims=True)
    return np.asarray(table / np.maximum(total, 1e-9) * table.max(1, keepdims=True), np.float32)
