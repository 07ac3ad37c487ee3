"""``python -m viot_finetune.vision.detector``: train the built-in detector of people and cars.

    python -m viot_finetune.vision.detector --data ../shared/data --out tools/viot_tools/objects

Three steps, each kept under ``--work`` so that a run that was stopped goes on: views with the teacher's answers, the
training (a checkpoint every ``SAVE_EVERY`` steps), the file ``small.safetensors`` (float16). Seeded; one thread.

Owns the recipe. The shift of the logits is not trained but chosen afterwards, on footage that is neither trained on nor
tested on: ``python benchmarks/people_builtin.py --shifts``.
"""

from __future__ import annotations

import argparse
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch import Tensor

from viot_agent.weights import Weights
from viot_finetune.vision import detector_data
from viot_finetune.vision.detector_data import stock
from viot_finetune.vision.detector_drawn import HEIGHT, WIDTH
from viot_finetune.vision.detector_net import DetectorNet, Targets, folded, loss_of
from viot_finetune.vision.detector_teacher import FEATURES, Teacher
from viot_finetune.vision.detector_views import noised, view
from viot_tools.objects.detect import YoloxNano
from viot_tools.objects.small import MEAN, SPREAD, STRIDES

log = logging.getLogger(__name__)

VIEWS, STEPS, BATCH, SEED = 4000, 1800, 16, 7
RATE, DECAY = 2e-3, 0.02
HINT = 0.5
"""Weight of the features in the loss."""
WARM = 60
AVERAGE = 0.995
"""Each step keeps this share of the averaged weights, which are what ships."""
SAVE_EVERY = 60


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Views and the teacher's answers, memory-mapped: ``views`` (N, 192, 320, 3) uint8, a list a level for the rest."""

    views: NDArray[np.uint8]
    scores: list[NDArray[np.float16]]
    boxes: list[NDArray[np.float16]]
    features: list[NDArray[np.float16]]


def build(data: Path, work: Path, n: int, seed: int) -> Pool:
    """Make (or find) ``n`` views with answers under ``work``."""
    cells = [(HEIGHT // s, WIDTH // s) for s in STRIDES]
    shapes = {"views": (n, HEIGHT, WIDTH, 3)}
    for level, (h, w) in enumerate(cells):
        shapes |= {f"scores{level}": (n, 2, h, w), f"boxes{level}": (n, 4, h, w)}
        shapes |= {f"features{level}": (n, FEATURES, h, w)}
    done = work / f"pool-{n}-{seed}.done"
    mode = "r" if done.is_file() else "w+"
    maps = {
        name: np.lib.format.open_memmap(
            work / f"{name}.npy", mode, np.dtype(np.uint8 if name == "views" else np.float16), shape
        )
        if mode == "w+"
        else np.load(work / f"{name}.npy", mmap_mode="r")
        for name, shape in shapes.items()
    }
    if mode == "w+":
        _fill(data, work, maps, n, seed)
        done.touch()
    return Pool(maps["views"], *([maps[f"{kind}{i}"] for i in range(3)] for kind in ("scores", "boxes", "features")))


def _fill(data: Path, work: Path, maps: dict[str, NDArray[np.generic]], n: int, seed: int) -> None:
    weights = Weights(work, data / "models", "hub")
    path = weights.path("yolox-nano")
    rng = np.random.default_rng(seed)
    made_of = stock(data, YoloxNano(path, "").detect, rng)
    log.info("%d cut-outs, %d empty places", len(made_of.things), len(made_of.empty))
    teacher = Teacher(path, HEIGHT, WIDTH)
    for i in range(n):
        picture = view(rng, made_of)
        answer = teacher.answer(picture)
        maps["views"][i] = picture
        for level in range(3):
            maps[f"scores{level}"][i] = answer.scores[level]
            maps[f"boxes{level}"][i] = answer.boxes[level]
            maps[f"features{level}"][i] = answer.features[level]
        if i % 500 == 499:
            log.info("%d of %d views", i + 1, n)


def batch(pool: Pool, rng: np.random.Generator, size: int) -> tuple[Tensor, Targets]:
    """Noised views with their targets, every second one mirrored."""
    rows = np.sort(rng.choice(len(pool.views), size, replace=False))
    x = np.stack([noised(rng, pool.views[i]) for i in rows]).transpose(0, 3, 1, 2)
    inputs = (torch.from_numpy(x.astype(np.float32)) / 255 - MEAN) / SPREAD
    flip = torch.from_numpy(rng.random(size) < 0.5)

    def mirrored(t: Tensor) -> Tensor:
        return torch.where(flip[:, None, None, None], t.flip(3), t)

    def level(maps: NDArray[np.float16]) -> Tensor:
        return mirrored(torch.from_numpy(maps[rows].astype(np.float32)))

    boxes = [level(m) for m in pool.boxes]
    for b in boxes:
        b[:, 0] = torch.where(flip[:, None, None], 1 - b[:, 0], b[:, 0])
    targets = Targets([level(m) for m in pool.scores], boxes, [level(m) for m in pool.features])
    return mirrored(inputs).contiguous(memory_format=torch.channels_last), targets


def rate(step: int, steps: int) -> float:
    """The learning rate: a short rise, then half a cosine."""
    if step < WARM:
        return RATE * (step + 1) / WARM
    return RATE * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - WARM) / max(1, steps - WARM))))


def train(pool: Pool, work: Path, steps: int, seed: int, stop: int | None = None) -> DetectorNet:
    """The averaged network after ``steps`` steps (or the first ``stop`` of them, kept to go on from).

    Goes on from ``work/checkpoint.pt`` if there is one.
    """
    torch.manual_seed(seed)
    net, mean = DetectorNet(), DetectorNet()
    mean.load_state_dict(net.state_dict())
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=DECAY)
    kept, first = work / "checkpoint.pt", 0
    if kept.is_file():
        saved = torch.load(kept, weights_only=True)
        net.load_state_dict(saved["net"])
        mean.load_state_dict(saved["mean"])
        optimiser.load_state_dict(saved["optimiser"])
        first = int(saved["step"])
        log.info("going on from step %d", first)
    net.train()
    began = time.monotonic()
    last = steps if stop is None else min(stop, steps)
    for step in range(first, last):
        rng = np.random.default_rng((seed, step))  # a run that was stopped sees the batches it would have seen
        x, targets = batch(pool, rng, BATCH)
        for group in optimiser.param_groups:
            group["lr"] = rate(step, steps)
        loss, parts = loss_of(net, x, targets, HINT)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimiser.step()
        share = min(AVERAGE, (1 + step) / (10 + step))
        with torch.no_grad():
            for a, b in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
                if a.dtype.is_floating_point:
                    a.mul_(share).add_(b, alpha=1 - share)
        if step % 20 == 19:
            log.info(
                "step %d %.0f s %s", step + 1, time.monotonic() - began, {k: round(v, 3) for k, v in parts.items()}
            )
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == last:
            part = kept.with_suffix(".part")
            torch.save(
                {
                    "net": net.state_dict(),
                    "mean": mean.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "step": step + 1,
                },
                part,
            )
            part.replace(kept)
            save(mean, work / "small.safetensors", 0.0)
    return mean.eval()


def save(net: DetectorNet, path: Path, shift: float) -> None:
    """The folded weights as float16, with the shift of the logits in the metadata."""
    arrays = {name: np.ascontiguousarray(a.astype(np.float16)) for name, a in folded(net).items()}
    save_file(arrays, path, metadata={"shift": f"{shift:g}"})


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the built-in detector of people and cars.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, required=True, help="the folder for small.safetensors")
    parser.add_argument("--work", type=Path, default=Path("detector-work"), help="views and checkpoints")
    parser.add_argument("--views", type=int, default=VIEWS)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--shift", type=float, default=0.0, help="added to the logits, as people_builtin.py chose it")
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    cv2.setRNGSeed(arguments.seed)  # GrabCut
    arguments.work.mkdir(parents=True, exist_ok=True)
    log.info("sources: %s", ", ".join(s.path for s in detector_data.SOURCES))
    pool = build(arguments.data, arguments.work, arguments.views, arguments.seed)
    net = train(pool, arguments.work, arguments.steps, arguments.seed)
    save(net, arguments.out / "small.safetensors", arguments.shift)
    log.info("%s", arguments.out / "small.safetensors")


if __name__ == "__main__":
    main()
