"""Train the skeleton network on simulated motions.

``python -m viot_finetune.vision.action --out tools/viot_tools/pose [--each N] [--epochs N] [--seed N]``.

No recording of any person takes part: bodies, motions, cameras and the errors of a pose model are drawn at random
(``skeleton_body``, ``skeleton_motion``, ``skeleton_view``). A tenth is held out; on it the temperature is fitted (Guo
et al., "On Calibration of Modern Neural Networks", arXiv:1706.04599), and the least probability is set so that at most
``FALSE_ACCEPT`` of the windows of *other* movements are called one of the ten actions.

Writes ``skeleton_action.safetensors`` with the calibration in its metadata and prints the held-out figures as JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from viot_finetune.vision.action_net import ActionNet, shipped
from viot_finetune.vision.skeleton_body import Angles, Build, pose
from viot_finetune.vision.skeleton_motion import MOTIONS
from viot_finetune.vision.skeleton_view import observe
from viot_tools.pose.skeleton import MIRROR
from viot_tools.pose.windows import FRAMES, STEP, features

CLASSES = tuple(MOTIONS)
FALSE_ACCEPT = 0.1
SPOILT = 0.15
"""Share of the others that are lost poses."""
OTHER_SHARE = 3
"""Windows of "other" for each window of an action: it has the most kinds."""


def some(rng: np.random.Generator, name: str, n: int) -> list[NDArray[np.float32]]:
    """``n`` simulated windows (10, 17, 3) of the action ``name``."""
    # clocks and frame rates are not exact
    times = [np.asarray(np.arange(FRAMES) * STEP * rng.normal(1.0, 0.03), np.float64) for _ in range(n)]
    angles = [MOTIONS[name](rng, t) for t in times]
    builds = [Build.random(rng) for _ in range(n)]
    joints = pose(Build.side_by_side(builds, FRAMES), Angles.side_by_side(angles)).reshape(n, FRAMES, 17, 3)
    seen = [observe(rng, body) for body in joints]
    return [_spoilt(rng, one) if name == "other" and rng.random() < SPOILT else one for one in seen]


def _spoilt(rng: np.random.Generator, points: NDArray[np.float32]) -> NDArray[np.float32]:
    """A pose that the pose model lost: trembling points of low score, which must not be taken for a fight."""
    spread = float(np.ptp(points[..., :2].reshape(-1, 2), axis=0).max()) * rng.uniform(0.06, 0.2)
    made = points.copy()
    made[..., :2] += rng.normal(0, spread, made[..., :2].shape).astype(np.float32)
    made[..., 2] *= rng.uniform(0.3, 0.8)
    return made


def simulate(seed: int, each: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """``each`` windows of every action and ``OTHER_SHARE`` times as many others: (N, 10, 17, 3) and labels (N,)."""
    rng = np.random.default_rng(seed)
    x: list[NDArray[np.float32]] = []
    y: list[int] = []
    for label, name in enumerate(CLASSES):
        wanted = each * (OTHER_SHARE if name == "other" else 1)
        for first in range(0, wanted, 100):
            n = min(100, wanted - first)
            x += some(rng, name, n)
            y += [label] * n
    return np.stack(x), np.array(y)


def train(x: NDArray[np.float32], y: NDArray[np.int64], epochs: int, seed: int) -> ActionNet:
    """AdamW with one cycle of the learning rate; each batch is mirrored at random."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net, size = ActionNet(len(CLASSES)), 256
    steps = epochs * (len(x) // size)
    optimiser = torch.optim.AdamW(net.parameters(), 1.5e-3, weight_decay=0.03)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.5e-3, max(steps, 1))
    for epoch in range(epochs):
        order, total, began = rng.permutation(len(x)), 0.0, time.monotonic()
        for i in range(len(x) // size):
            part = order[i * size : (i + 1) * size]
            points = x[part].copy()
            flip = rng.random(size) < 0.5
            points[flip] = points[flip][:, :, MIRROR]
            points[flip, :, :, 0] *= -1
            loss = functional.cross_entropy(
                net(torch.from_numpy(features(points))), torch.from_numpy(y[part]), label_smoothing=0.05
            )
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            plan.step()
            total += loss.item()
        print(
            f"epoch {epoch + 1}/{epochs}: loss {total / max(1, len(x) // size):.4f}, {time.monotonic() - began:.0f} s",
            flush=True,
        )
    return net.eval()


def logits_of(net: ActionNet, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, classes) of key points (N, 10, 17, 3)."""
    with torch.no_grad():
        return np.concatenate(
            [net(torch.from_numpy(features(x[i : i + 1024]))).numpy() for i in range(0, len(x), 1024)]
        )


def calibrate(logits: NDArray[np.float32], y: NDArray[np.int64]) -> dict[str, Any]:
    """Temperature by least cross entropy, the least probability by the false accepts among the others."""
    temperature = min(
        np.geomspace(0.3, 3.0, 60),
        key=lambda k: float(functional.cross_entropy(torch.from_numpy(logits / k).float(), torch.from_numpy(y))),
    )
    p = torch.softmax(torch.from_numpy(logits / temperature), 1).numpy()
    others = p[y == CLASSES.index("other"), :-1].max(1)
    least = max(0.4, float(np.quantile(others, 1 - FALSE_ACCEPT)))
    return {
        "classes": list(CLASSES),
        "temperature": round(float(temperature), 4),
        "least": round(least, 4),
        "false_accept": round(float((others >= least).mean()), 4),
    }


def figures(logits: NDArray[np.float32], y: NDArray[np.int64], note: dict[str, Any]) -> dict[str, Any]:
    """Held-out figures: accuracy, F1 a class after the threshold, and what is most often taken for what."""
    p = torch.softmax(torch.from_numpy(logits / note["temperature"]), 1).numpy()
    best = p[:, :-1].argmax(1)
    said = np.where((p[:, :-1].max(1) >= note["least"]) & (p.argmax(1) != len(CLASSES) - 1), best, len(CLASSES) - 1)
    f1 = {}
    for k, name in enumerate(CLASSES):
        hit = int(((said == k) & (y == k)).sum())
        f1[name] = round(2 * hit / max(1, int((said == k).sum() + (y == k).sum())), 4)
    table = np.zeros((len(CLASSES), len(CLASSES)), int)
    np.add.at(table, (y, said), 1)
    return {"accuracy": round(float((said == y).mean()), 4), "f1": f1, "confusion": table.tolist()}


def save(net: ActionNet, note: dict[str, Any], path: Path) -> None:
    """Weights as float32, calibration as metadata."""
    from safetensors.numpy import save_file

    save_file(shipped(net), path, metadata={"calibration": json.dumps(note)})


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m viot_finetune.vision.action", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for skeleton_action.safetensors")
    parser.add_argument("--each", type=int, default=1200, help="simulated windows of each action")
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    x, y = simulate(given.seed, given.each)
    held_x, held_y = simulate(given.seed + 1_000_003, max(10, given.each // 10))
    net = train(x, y, given.epochs, given.seed)
    logits = logits_of(net, held_x)
    note = calibrate(logits, held_y)
    given.out.mkdir(parents=True, exist_ok=True)
    save(net, note, given.out / "skeleton_action.safetensors")
    print(json.dumps({"held_out": len(held_y), **note, **figures(logits, held_y, note)}, indent=1))


if __name__ == "__main__":
    main()
