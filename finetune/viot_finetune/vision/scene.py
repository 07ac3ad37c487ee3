"""Trains ``scene.safetensors``: a linear softmax from a picture's statistics to the scenes of the vocabulary.

    python -m viot_finetune.vision.scene --data ../shared/data

An annotated place has several fair words, so the loss is the negative log of their summed probability (partial-label
learning: Jin and Ghahramani, "Learning with Multiple Labels", NIPS 2002). Every source weighs the same. Only sources
whose repository states a permissive licence are trained on; the rest is what the model is judged on, besides leaving
one source out. Owns recipe and figures. Knows no video library.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from viot_agent.errors import UserFault
from viot_agent.media.readers import open_media
from viot_agent.media.types import Image
from viot_tools.scene.classify import Linear
from viot_tools.scene.statistics import LENGTH, statistics
from viot_tools.scene.vocabulary import GROUP_OF, SCENES, SIDE_OF, Level, best

PERMISSIVE = frozenset({"MIT", "Apache-2.0", "CC-BY-4.0"})
LICENCE_OF_STILLS = {"gas flares": "CC-BY-4.0"}
FRAMES = 9
L2 = 0.01
ANNOTATIONS = Path(__file__).resolve().parents[3] / "datasets" / "annotations" / "scenes.json"


@dataclass(frozen=True, slots=True)
class Place:
    """One annotated clip or picture: ``x`` (54,) mean statistics, ``words`` every fair scene."""

    path: str
    source: str
    words: tuple[str, ...]
    trainable: bool
    clip: bool
    x: NDArray[np.float32]


def pictures(data: Path, path: str, frames: int = FRAMES) -> list[Image]:
    """Pictures of an annotated path (relative, may hold ``*``): a video's frames evenly, a folder's, or the picture."""
    where = data / path
    if where.is_dir():
        files = sorted((where / "img1").glob("*.jpg"))
    elif "*" in path:
        files = sorted(p for p in where.parent.iterdir() if fnmatch.fnmatch(p.name, where.name))
    else:
        files = [where] if where.is_file() else []
    if not files:
        raise UserFault(f"{where} is not there", fix="give --data a folder laid out like shared/data")
    if files[0].suffix.lower() in (".jpg", ".png"):
        found = []
        for file in files:
            bgr = cv2.imread(str(file))
            if bgr is None:
                raise UserFault(f"{file} is no picture")
            found.append(np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8))
        return found
    reader = open_media(files[0])
    return [f.image for f in reader.read([reader.info.duration * s for s in np.linspace(0.04, 0.96, frames)])]


def places(data: Path, annotations: Path = ANNOTATIONS) -> list[Place]:
    """Every annotated place with its statistics."""
    listed = json.loads(annotations.read_text("utf-8"))
    found = []
    for clip, rows in ((True, listed["clips"]), (False, listed["stills"])):
        for row in rows:
            x = np.mean([statistics(image) for image in pictures(data, row["path"])], 0).astype(np.float32)
            licence = row["licence"] if clip else LICENCE_OF_STILLS.get(row["source"], "none")
            words = tuple(row["scenes"])
            found.append(Place(row["path"], row["source"], words, licence in PERMISSIVE, clip, x))
    return found


def fit(some: Sequence[Place], l2: float = L2) -> Linear:
    """The softmax that makes the fair words likely, by L-BFGS; convex but for the sum inside the log, so no seed."""
    x = np.stack([p.x for p in some])
    mean, spread = x.mean(0), x.std(0) + 0.05
    inputs = torch.tensor(np.clip((x - mean) / spread, -3, 3), dtype=torch.float64)
    fair = torch.tensor([[scene in p.words for scene in SCENES] for p in some])
    weight = np.array([1 / sum(q.source == p.source for q in some) for p in some])
    weights = torch.tensor(weight / weight.sum(), dtype=torch.float64)
    matrix = torch.zeros(LENGTH, len(SCENES), dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(len(SCENES), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([matrix, bias], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimiser.zero_grad()
        log_p = torch.log_softmax(inputs @ matrix + bias, 1)
        loss = -(weights * torch.logsumexp(log_p.masked_fill(~fair, -1e9), 1)).sum()
        loss = loss + l2 * ((matrix**2).sum() + (bias**2).sum())
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    as32 = [np.asarray(a, np.float32) for a in (mean, spread, matrix.detach().numpy(), bias.detach().numpy())]
    return Linear(*as32)


def left_out(every: Sequence[Place], l2: float = L2) -> list[NDArray[np.float32]]:
    """For each place the probabilities of a model that was not trained on its source."""
    models: dict[str, Linear] = {}
    for source in {p.source for p in every}:
        models[source] = fit([p for p in every if p.trainable and p.source != source], l2)
    return [models[p.source].probabilities(p.x) for p in every]


def right(place: Place, p: NDArray[np.float32], level: Level) -> bool:
    """Whether the likeliest word of ``level`` is, or holds, one of the place's fair words."""
    lift: Callable[[str], str] = {
        "scene": lambda w: w,
        "group": lambda w: GROUP_OF[w],
        "side": lambda w: SIDE_OF[GROUP_OF[w]],
    }[level]
    return best(p, level).word in {lift(word) for word in place.words}


def main() -> None:
    """Trains on the licensed sources, prints the left-out figures, writes the file."""
    from safetensors.numpy import save_file

    parser = argparse.ArgumentParser(description="The builtin scene model.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("tools/viot_tools/scene/scene.safetensors"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    every = places(arguments.data)
    guesses = left_out(every)
    for what, clip in (("clips", True), ("pictures", False)):
        levels: tuple[Level, ...] = ("scene", "group", "side")
        for level in levels:
            hits = [right(p, g, level) for p, g in zip(every, guesses, strict=True) if p.clip is clip]
            print(f"{what}, {level}: {np.mean(hits):.3f} of {len(hits)} (source left out)")
    model = fit([p for p in every if p.trainable])
    save_file(
        {"mean": model.mean, "spread": model.spread, "matrix": model.matrix, "bias": model.bias}, str(arguments.out)
    )
    print(f"trained on {sum(p.trainable for p in every)} places; wrote {arguments.out}")


if __name__ == "__main__":
    main()
