"""The training loop of the fire and smoke network: stages, a buffer of fresh samples, AdamW, a cosine schedule.

The first stage learns from nothing. The second goes on from what the first would ship (batch norms folded, float16),
with smaller samples, fire in more varied colours and frozen statistics. A run is decided by its recipe alone.

Owns seeds and schedule. Knows no folder and writes no file.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from viot_agent.media.types import Image
from viot_finetune.vision.fire_data import Burning
from viot_finetune.vision.fire_net import FireNet, loss_of, restored, shipped
from viot_finetune.vision.fire_samples import Labels, Mixture, Samples
from viot_tools.fire.model import CELL

_LOG = logging.getLogger(__name__)
Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage. ``fresh`` of the ``buffer`` samples are drawn anew at each step (drawing is slow)."""

    steps: int = 3000
    rate: float = 3e-3
    some_share: float = 0.3
    batch: int = 24
    buffer: int = 1200
    fresh: int = 5
    decay: float = 1e-2
    mixture: Mixture = field(default_factory=Mixture)


SECOND = Stage(
    steps=2000,
    rate=1e-3,
    some_share=0.5,
    fresh=4,
    mixture=Mixture(size=112, real=0.32, pasted=0.33, without=0.35, varied=True),
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a run."""

    seed: int = 0
    threads: int = 1
    stages: tuple[Stage, ...] = (Stage(), SECOND)


def trained(
    burning: Sequence[Burning], without: Sequence[Image], recipe: Recipe, start: Arrays | None = None
) -> dict[str, NDArray[np.float16]]:
    """What ships, trained on these pictures alone. With ``start``, what an earlier first stage shipped, that is left
    out."""
    torch.set_num_threads(recipe.threads)
    cv2.setNumThreads(1)
    made = start
    for number, stage in enumerate(recipe.stages):
        if start is not None and number == 0:
            continue
        torch.manual_seed(recipe.seed + number)
        net = FireNet().train() if made is None else restored(made)
        _run(net, Samples(burning, without, stage.mixture), stage, recipe.seed + number)
        made = shipped(net.eval())
    assert made is not None
    return {name: np.asarray(value, np.float16) for name, value in made.items()}


def _run(net: FireNet, source: Samples, stage: Stage, seed: int) -> None:
    """One stage, in place."""
    rng = np.random.default_rng(seed)
    size = stage.mixture.size
    side = size // CELL
    images = np.zeros((stage.buffer, size, size, 3), np.uint8)
    cells: Labels = np.zeros((stage.buffer, 2, side, side), np.int64)
    pictures: Labels = np.zeros((stage.buffer, 2), np.int64)
    for i in range(stage.buffer):
        images[i], cells[i], pictures[i] = source.draw(rng)
    optimiser = torch.optim.AdamW(net.parameters(), lr=stage.rate, weight_decay=stage.decay)
    warm = max(1, stage.steps // 20)
    oldest, running = 0, 0.0
    for step in range(stage.steps):
        for _ in range(stage.fresh if step else 0):
            images[oldest], cells[oldest], pictures[oldest] = source.draw(rng)
            oldest = (oldest + 1) % stage.buffer
        picked = rng.choice(stage.buffer, stage.batch, replace=False)
        x, y = turned(rng, images[picked], cells[picked])
        share = min(1.0, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * step / stage.steps))
        for group in optimiser.param_groups:
            group["lr"] = stage.rate * share
        whole = torch.from_numpy(pictures[picked])
        loss = loss_of(net(torch.from_numpy(x)), torch.from_numpy(y), whole, stage.some_share)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        running = 0.98 * running + 0.02 * float(loss.detach()) if step else float(loss.detach())
        if step % 100 == 99:
            _LOG.info("step %d of %d: loss %.3f", step + 1, stage.steps, running)


def turned(rng: np.random.Generator, images: NDArray[np.uint8], cells: Labels) -> tuple[NDArray[np.float32], Labels]:
    """A batch as the network takes it, half of it mirrored: (B, 3, h, w) float32 0..1 and its labels."""
    mirrored = rng.random(len(images)) < 0.5
    images, cells = images.copy(), cells.copy()
    images[mirrored] = images[mirrored, :, ::-1]
    cells[mirrored] = cells[mirrored][..., ::-1]
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32) / np.float32(255), cells
