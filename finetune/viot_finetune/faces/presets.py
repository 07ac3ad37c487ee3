"""The recipes: the papers' own schedules and a quick one. All that decides a run stands in one record.

Owns the numbers and the rate of every update. Runs nothing. Where the papers' code does not say a number, the comment
does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from viot_agent.errors import UserFault


@dataclass(frozen=True, slots=True)
class Stage:
    """One stretch of training under one schedule; the optimiser starts anew at each, the weights go on.

    ``length``, ``drops`` and ``warmup`` are counted in ``unit``. ``steps``: ``rate``, a tenth of it after every drop.
    ``cosine``: from ``rate`` down to ``floor``. During ``warmup`` the rate rises in a straight line from ``warm_from``.
    """

    rate: float
    length: float
    unit: Literal["epochs", "updates"] = "epochs"
    schedule: Literal["steps", "cosine"] = "cosine"
    drops: tuple[float, ...] = ()
    warmup: float = 0.0
    warm_from: float = 1e-6
    floor: float = 0.0

    def updates(self, per_epoch: int) -> int:
        """How many updates it takes at ``per_epoch`` updates an epoch; at least one."""
        return max(1, round(self.length * (per_epoch if self.unit == "epochs" else 1)))

    def rate_at(self, update: int, per_epoch: int) -> float:
        """The learning rate of update number ``update`` (0-based) of this stage."""
        unit = per_epoch if self.unit == "epochs" else 1
        warm = round(self.warmup * unit)
        if update < warm:
            return self.warm_from + (self.rate - self.warm_from) * update / warm
        if self.schedule == "steps":
            return self.rate * 0.1 ** sum(update >= round(d * unit) for d in self.drops)
        whole = max(1, self.updates(per_epoch) - warm)
        return self.floor + (self.rate - self.floor) * 0.5 * (1 + math.cos(math.pi * (update - warm) / whole))


@dataclass(frozen=True, slots=True)
class Preset:
    """``batch`` pictures an update, over all processes together. ``undecayed``: which weights have no weight decay."""

    name: str
    backbone: str
    loss: str
    stages: tuple[Stage, ...]
    batch: int
    optimiser: Literal["sgd", "adamw"]
    weight_decay: float
    undecayed: Literal["batch-norm", "one-dimensional"] = "batch-norm"
    backbone_options: Mapping[str, Any] = field(default_factory=dict)
    loss_options: Mapping[str, Any] = field(default_factory=dict)
    momentum: float = 0.9
    clip: float = 0.0
    flip: float = 0.5
    seed: int = 1337
    origin: str = ""

    def updates(self, per_epoch: int) -> int:
        """Updates of all stages."""
        return sum(stage.updates(per_epoch) for stage in self.stages)

    def where(self, update: int, per_epoch: int) -> tuple[int, int]:
        """(stage, update inside it) of update number ``update`` of the whole run."""
        for number, stage in enumerate(self.stages):
            if update < stage.updates(per_epoch):
                return number, update
            update -= stage.updates(per_epoch)
        raise ValueError(f"the run is over {update} updates before that")


_MXNET_LARGE = Stage(0.1, 240_000, "updates", "steps", (100_000, 160_000, 220_000))
"""The paper's MXNet schedule for its large sets. The published scripts name the drops, not the end: 20,000 updates
after the last drop is ours."""

PRESETS: dict[str, Preset] = {
    "sface-casia": Preset(
        "sface-casia", "ir50", "sface", (Stage(0.1, 125, schedule="steps", drops=(50, 70, 80)),), 256, "sgd", 5e-4,
        loss_options={"a": 0.87, "b": 1.20}, origin="SFace (2205.12010), PyTorch code, CASIA-WebFace",
    ),
    "sface-vgg2": Preset(
        "sface-vgg2", "ir50", "sface", (_MXNET_LARGE,), 512, "sgd", 5e-4,
        loss_options={"a": 0.88, "b": 1.25}, origin="SFace, MXNet code (4 GPUs of 128), VGGFace2",
    ),
    "sface-ms1m": Preset(
        "sface-ms1m", "ir50", "sface", (_MXNET_LARGE,), 512, "sgd", 5e-4, backbone_options={"blocks": (3, 13, 30, 3)},
        loss_options={"a": 0.90, "b": 1.20}, origin="SFace, MXNet code (4 GPUs of 128), MS1MV2, ResNet-100",
    ),
    "face-transformer": Preset(
        "face-transformer", "vit-p12s8", "cosface",
        (
            Stage(3e-4, 18, warmup=1, floor=1e-5),
            Stage(1e-4, 6, floor=1e-5),
            Stage(5e-5, 1, floor=1e-5),
        ),
        480, "adamw", 0.05, undecayed="one-dimensional", loss_options={"s": 64.0, "m": 0.35},
        origin="Face Transformer (2103.14803), MS1M-RetinaFace, epochs of its P10S8 log (192k + 64k + 12k updates)",
    ),
    "quick": Preset(
        "quick", "mobilefacenet", "cosface", (Stage(1e-3, 12, warmup=0.5),), 64, "adamw", 0.05,
        undecayed="one-dimensional", loss_options={"s": 30.0, "m": 0.2}, clip=5.0, seed=0,
        origin="small sets on a CPU",
    ),
}  # fmt: skip


def preset(name: str) -> Preset:
    """A recipe by its name. Raises UserFault with those that are."""
    if name not in PRESETS:
        raise UserFault(f"there is no preset {name!r}", fix=f"the presets are {', '.join(PRESETS)}")
    return PRESETS[name]


def shortened(
    recipe: Preset,
    *,
    loss: str | None = None,
    backbone: str | None = None,
    batch: int | None = None,
    rate: float | None = None,
    epochs: float | None = None,
) -> Preset:
    """The recipe with what a person chose otherwise. Another loss or backbone starts from its own defaults; ``rate`` is
    that of the first stage, and the others keep their proportion to it; ``epochs`` makes one stage of the first.

    Raises UserFault for a rate or a length that is not positive.
    """
    for name, value in (("--rate", rate), ("--epochs", epochs)):
        if value is not None and not 0 < value < math.inf:
            raise UserFault(f"{name} must be above 0, not {value}", fix="give a finite number above 0")
    stages = recipe.stages
    if rate is not None:
        stages = tuple(replace(s, rate=s.rate * rate / stages[0].rate) for s in stages)
    if epochs is not None:
        first = stages[0]
        # drops and warm-up keep their place in the stage
        scale = epochs / first.length
        drops = tuple(d * scale for d in first.drops)
        stages = (replace(first, length=epochs, unit="epochs", drops=drops, warmup=first.warmup * scale),)
    recipe = replace(recipe, stages=stages, batch=batch or recipe.batch)
    if loss is not None and loss != recipe.loss:
        recipe = replace(recipe, loss=loss, loss_options={})
    if backbone is not None and backbone != recipe.backbone:
        recipe = replace(recipe, backbone=backbone, backbone_options={})
    return recipe
