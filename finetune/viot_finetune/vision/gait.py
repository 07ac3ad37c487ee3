"""Training of the gait network: ``python -m viot_finetune.vision.gait --out tools/viot_tools/gait``.

The walkers are simulated (``walkers``). Three losses on the whole vector: supervised contrast of all walks of a batch
(what triplets do, at the square and not the cube of its size), a softmax over the training walkers (cosines scaled,
additive margin: Wang et al., CosFace, 2018), and the simulator's own knowledge: a linear map to the walker's measures,
which no outfit changes. After training, other simulated walkers calibrate the thresholds.

Owns the recipe from seed to the three files of the tool (weights, thresholds, card figures). Seeded: the same command
gives the same walkers and, on the same machine and threads, the same weights.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from viot_agent.weights.store import sha256
from viot_finetune.vision.gait_net import GaitNet, pictures, unit
from viot_finetune.vision.walkers import outfit, view, walk, walker
from viot_tools.gait.net import GaitNet as ShippedNet
from viot_tools.gait.walks import LEAST_GOOD

VARIANTS = 3
"""Versions of every walk that training sees."""
PEOPLE, WALKS = 32, 4
"""Walkers of a batch, and walks of each."""
RATE, SCALE, MARGIN, HEAT = 3e-3, 24.0, 0.1, 10.0
FAR, FRR = 0.001, 0.05
LEAST_MATCH = 0.8
"""``match`` is never set lower. Calibration on these walkers alone gave 0.53, where 2.4 % of the benchmark's strangers
(another simulator) were taken for the walker, 24 times the stated rate; at 0.8 it is under ``FAR`` in both. Chosen on
the benchmark's walkers of seed 0, so only other seeds are an independent check of ``gait.far``."""
SIDES = (0.0, 45.0, 90.0, 135.0)
"""Where the strangers of the calibration are seen from, degrees: 0 = they come towards the camera."""
LEAST_FRAMES = 6
"""Good silhouettes that a walk must have, as at ingest."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """``walks[i]`` (T, 64, 44) uint8 of walker ``who[i]`` from side number ``side[i]`` (-1: any); ``measures``
    (walkers, M) float32."""

    walks: list[NDArray[np.uint8]]
    who: NDArray[np.int64]
    side: NDArray[np.int64]
    measures: NDArray[np.float32]


def simulate(people: int, walks: int, seconds: float, seed: int, sides: Sequence[float] = ()) -> Corpus:
    """Walks of simulated people, from all sides or, in turn, from ``sides`` (degrees, give or take 8). Walker i depends
    on the arguments and i alone."""
    found: list[NDArray[np.uint8]] = []
    who: list[int] = []
    seen_from: list[int] = []
    measures = []
    for i in range(people):
        rng = np.random.default_rng([seed, i])
        one = walker(rng)
        measures.append(astuple(one))
        made, tries = 0, 0
        while made < walks and tries < 4 * walks:
            tries += 1
            side = made % len(sides) if sides else -1
            yaw = np.deg2rad(sides[side] + rng.uniform(-8, 8)) if sides else None
            silhouettes = walk(one, outfit(rng), view(rng, yaw), seconds, rng)
            if len(silhouettes) >= LEAST_GOOD:
                found.append(silhouettes)
                who.append(i)
                seen_from.append(side)
                made += 1
    return Corpus(found, np.array(who), np.array(seen_from), np.array(measures, np.float32))


def variants(corpus: Corpus, seed: int) -> NDArray[np.float32]:
    """(VARIANTS, walks, 3, 32, 22) pictures of every walk: first of all its silhouettes, then of parts of it, moved by
    a pixel or two, because a cut by the mask's own ends is off when feet are missing."""
    rng = np.random.default_rng([seed, 2])
    made = np.zeros((VARIANTS, len(corpus.walks), 3, 32, 22), np.float32)
    for i, every in enumerate(corpus.walks):
        made[0, i] = pictures(every)
        for v in range(1, VARIANTS):
            n = int(rng.integers(LEAST_GOOD, len(every) + 1))
            some = every[rng.choice(len(every), n, replace=False)]
            made[v, i] = pictures(np.roll(some, (int(rng.integers(-1, 2)), int(rng.integers(-2, 3))), axis=(1, 2)))
    return made


def contrast(vector: Tensor, who: Tensor) -> Tensor:
    """Supervised contrastive loss (Khosla et al. 2020, equation 2) of unit vectors (B, D)."""
    itself = torch.eye(len(who), dtype=torch.bool)
    cosine = (HEAT * vector @ vector.T).masked_fill(itself, -1e9)
    same = (who[:, None] == who[None]) & ~itself
    likely = (cosine - cosine.logsumexp(1, keepdim=True)).masked_fill(~same, 0.0)
    return -(likely.sum(1) / same.sum(1).clamp_min(1)).mean()


class Losses(nn.Module):
    """The heads that training needs and the tool does not."""

    def __init__(self, size: int, people: int, measures: int) -> None:
        super().__init__()
        self.people = nn.Parameter(torch.randn(people, size) * 0.05)
        self.measures = nn.Linear(size, measures)

    def forward(self, parts: Tensor, who: Tensor, measures: Tensor) -> tuple[Tensor, list[float]]:
        vector = unit(parts)
        cosine = vector @ nn.functional.normalize(self.people).T
        margin = nn.functional.one_hot(who, len(self.people)) * MARGIN
        named = nn.functional.cross_entropy(SCALE * (cosine - margin), who)
        near = contrast(vector, who)
        told = nn.functional.mse_loss(self.measures(8 * vector), measures)
        return near + 0.5 * named + told, [x.detach().item() for x in (near, named, told)]


def train(corpus: Corpus, steps: int, seed: int) -> GaitNet:
    """Train from scratch."""
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 1])
    seen = torch.from_numpy(variants(corpus, seed))
    net = GaitNet()
    people = len(corpus.measures)
    heads = Losses(net.heads.shape[0] * net.heads.shape[2], people, corpus.measures.shape[1])
    truth = torch.from_numpy((corpus.measures - corpus.measures.mean(0)) / (corpus.measures.std(0) + 1e-6))
    of = [np.flatnonzero(corpus.who == i) for i in range(people)]
    weights = [*net.parameters(), *heads.parameters()]
    optimiser = torch.optim.AdamW(weights, lr=RATE, weight_decay=1e-2)
    began = time.time()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 50) * max(0.02, 0.5 * (1 + np.cos(np.pi * step / steps)))
        chosen = rng.choice(people, min(PEOPLE, people), replace=False)
        walks = np.concatenate([rng.choice(of[i], WALKS, replace=len(of[i]) < WALKS) for i in chosen])
        who = torch.from_numpy(corpus.who[walks])
        x = seen[torch.from_numpy(rng.integers(0, VARIANTS, len(walks))), torch.from_numpy(walks)]
        loss, parts = heads(net(x), who, truth[who])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 2.0)
        optimiser.step()
        if step % 50 == 0 or step == steps - 1:
            told = " ".join(f"{v:.3f}" for v in parts)
            print(f"step {step} loss {loss.detach().item():.3f} ({told}) {time.time() - began:.0f} s", flush=True)
    return net.eval()


def calibrate(vectors: NDArray[np.float32], corpus: Corpus) -> dict[str, float]:
    """Thresholds from pairs of walks: ``FAR`` of the strangers' cosines lie above ``match_here``, and ``match`` is that
    or ``LEAST_MATCH``; ``FRR`` of the same walkers' lie below ``stranger``. Strangers are compared as seen from one
    side, where they are most alike; the same walkers from any two. ``tpr``/``tpr_side`` are the shares of the same
    walkers' pairs at or above ``match``, from any two sides and from one."""
    cosine = vectors @ vectors.T
    upper = np.triu(np.ones_like(cosine, bool), 1)
    same = corpus.who[:, None] == corpus.who[None]
    one_side = corpus.side[:, None] == corpus.side[None]
    genuine, strangers = cosine[upper & same], cosine[upper & ~same & one_side]
    match = max(LEAST_MATCH, float(np.quantile(strangers, 1 - FAR)))
    return {
        "match": round(match, 4),
        "match_here": round(float(np.quantile(strangers, 1 - FAR)), 4),
        "far": FAR,
        "stranger": round(float(np.quantile(genuine, FRR)), 4),
        "frr": FRR,
        "tpr": round(float((genuine >= match).mean()), 4),
        "tpr_side": round(float((cosine[upper & same & one_side] >= match).mean()), 4),
        "pairs_same": len(genuine),
        "pairs_strangers": len(strangers),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    from safetensors.numpy import save_file

    parser = argparse.ArgumentParser(description="Train the gait network on simulated walkers.")
    parser.add_argument("--out", type=Path, required=True, help="folder that gets gait.safetensors and thresholds.json")
    parser.add_argument("--people", type=int, default=700)
    parser.add_argument("--walks", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.2)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--thresholds", action="store_true", help="keep the weights in --out, calibrate them only")
    parser.add_argument("--cache", type=Path, help="file that keeps the simulated walks between runs (.npz)")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(arguments.threads)
    weights = arguments.out / "gait.safetensors"
    if not arguments.thresholds:
        corpus = _cached(arguments.cache, arguments.people, arguments.walks, arguments.seconds, arguments.seed)
        print(f"{len(corpus.walks)} walks of {len(corpus.measures)} walkers", flush=True)
        save_file(train(corpus, arguments.steps, arguments.seed).arrays(), str(weights))
    others = simulate(60, 8, arguments.seconds, arguments.seed + 1, SIDES)
    shipped = ShippedNet(weights, sha256(weights))
    figures = calibrate(np.stack([shipped.embed(w) for w in others.walks]), others)
    names = ("match", "far", "stranger", "frr")
    made = {
        "thresholds": {name: figures[name] for name in names},
        "calibration": {name: value for name, value in figures.items() if name not in names},
        "command": "python -m viot_finetune.vision.gait --out tools/viot_tools/gait",
    }
    (arguments.out / "thresholds.json").write_text(json.dumps(made, indent=1) + "\n", "utf-8")
    print(json.dumps(made))


def _cached(cache: Path | None, people: int, walks: int, seconds: float, seed: int) -> Corpus:
    if cache is not None and cache.is_file():
        with np.load(cache) as kept:
            cuts = np.cumsum(kept["lengths"])[:-1]
            return Corpus(np.split(kept["walks"], cuts), kept["who"], np.full(len(kept["who"]), -1), kept["measures"])
    corpus = simulate(people, walks, seconds, seed)
    if cache is not None:
        lengths = np.array([len(w) for w in corpus.walks])
        together = np.concatenate(corpus.walks)
        np.savez(cache, walks=together, lengths=lengths, who=corpus.who, measures=corpus.measures)
    return corpus


if __name__ == "__main__":
    main()
