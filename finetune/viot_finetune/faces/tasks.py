"""One run of a study, in a process of its own: people drawn from a seed, a net trained on them, others judged.

A task is plain data, so that a pool can carry it and a folder can remember its result. Owns the running and the
remembering. Knows no table.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import FailedFault
from viot_finetune.faces.data import InMemory
from viot_finetune.faces.drawn import draw

STRANGERS = 1_000_000
"""The number of the first person that judges: training people are numbered from 0, so none is ever both."""
SIDES = {"small": 56}
"""Side of the pictures that a net takes; all others take 112."""


@dataclass(frozen=True, slots=True)
class Task:
    """``net``: ``small``, or a backbone's name with ``net_options``. ``epochs`` of ``people`` people in ``each``
    pictures; ``judges`` other people in ``judged`` pictures."""

    loss: str
    rate: float
    seed: int
    noise: float = 0.0
    net: str = "small"
    net_options: Mapping[str, Any] = field(default_factory=dict)
    loss_options: Mapping[str, float] = field(default_factory=dict)
    people: int = 160
    each: int = 16
    epochs: float = 10.0
    batch: int = 64
    judges: int = 60
    judged: int = 20

    def key(self) -> str:
        """A short name of the whole task."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:20]


def run_task(task: Task, real: str | None) -> dict[str, Any]:
    """Train and judge; figures by name. ``real``: a file of :func:`aligned_people`, whose people judge too."""
    import torch

    from viot_finetune.faces.judge import embed, verify
    from viot_finetune.faces.presets import PRESETS, Stage
    from viot_finetune.faces.small import SmallNet
    from viot_finetune.faces.train import Limits, train

    torch.set_num_threads(1)
    side = SIDES.get(task.net, 112)
    known, strangers = _people(task.people, task.each, task.judges, task.judged, task.seed, side)
    net: Any
    if task.net == "small":
        torch.manual_seed(task.seed)
        net = SmallNet(**task.net_options)
    else:
        from viot_tools.faces.nets.build import backbone

        net = backbone(task.net, seed=task.seed, **task.net_options)
    recipe = replace(
        PRESETS["quick"],
        loss=task.loss, loss_options=task.loss_options, batch=task.batch,
        stages=(Stage(task.rate, task.epochs, warmup=0.5),),
    )  # fmt: skip
    began = time.process_time()
    done = train(net, net.dim, known, recipe, seed=task.seed, noise=task.noise, limits=Limits(log_every=25, quiet=True))
    cpu = time.process_time() - began
    judged = verify(embed(net, strangers), strangers.labels, task.seed)
    found: dict[str, Any] = {
        "accuracy": judged.accuracy, "auc": judged.auc, "tar": judged.tar, "updates": done.updates, "cpu": cpu,
        "angle_own": done.log[-1]["angle_own"], "loss": done.log[-1]["loss"],
    }  # fmt: skip
    if real is not None:
        people = _real(real, side)
        there = verify(embed(net, people), people.labels, 0)
        found |= {"real_accuracy": there.accuracy, "real_auc": there.auc, "real_tar": there.tar}
    return found


def run_all(tasks: Sequence[Task], processes: int, keep: Path | None, real: Path | None) -> list[dict[str, Any]]:
    """The figures of every task, in order, ``processes`` at once. What ``keep`` remembers is not run again.

    Raises FailedFault naming the task when a process dies.
    """
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    suffix = "" if real is None else f"-{hashlib.sha256(real.read_bytes()).hexdigest()[:8]}"
    files = [None if keep is None else keep / f"{task.key()}{suffix}.json" for task in tasks]
    found: dict[int, dict[str, Any]] = {}
    for i, file in enumerate(files):
        if file is not None and file.is_file():
            found[i] = json.loads(file.read_text("utf-8"))["figures"]
    todo = [i for i in range(len(tasks)) if i not in found]
    if not todo:
        return [found[i] for i in range(len(tasks))]
    # a worker's libraries read this when they load
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            waiting = {pool.submit(run_task, tasks[i], None if real is None else str(real)): i for i in todo}
            for done in as_completed(waiting):
                i = waiting[done]
                try:
                    found[i] = done.result()
                except BrokenProcessPool as error:
                    raise FailedFault(
                        f"the process of run {i + 1} died: {tasks[i]}", fix="fewer --processes"
                    ) from error
                file = files[i]
                if file is not None:
                    record = {"task": asdict(tasks[i]), "figures": found[i]}
                    file.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
                task, figures = tasks[i], found[i]
                told = f"{task.net} {task.loss} rate {task.rate:g} noise {task.noise:g} seed {task.seed}"
                told += f": accuracy {figures['accuracy']:.4f}, {figures['cpu']:.0f} s of CPU"
                print(f"{len(found)}/{len(tasks)} {told}", file=sys.stderr, flush=True)
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
    return [found[i] for i in range(len(tasks))]


def aligned_people(data: Path, out: Path) -> tuple[int, int, list[str]]:
    """Align the faces of all sets of people in ``data/faces`` (``SET/PERSON/*``) into the file ``out``; pictures,
    people, and what was left out. Only people with two pictures or more are kept.

    Raises WeightsMissing when the detector's file is not on this machine.
    """
    from viot_agent.weights import Weights
    from viot_finetune.faces.data import Folder, decode, people_in
    from viot_tools.faces.detect import make_detector
    from viot_tools.faces.recognise import TEMPLATE, similarity, warp

    base = Weights.from_env()
    local = base.models_dir or (data / "models" if (data / "models").is_dir() else None)
    detector = make_detector(Weights(base.home, local, "hub" if local is not None else "builtin"))
    faces: list[NDArray[np.uint8]] = []
    who: list[str] = []
    missed: list[str] = []
    for folder in sorted(p for p in (data / "faces").iterdir() if people_in(p)):
        people = Folder(folder)
        for file, person in people.files:
            image = _bordered(decode(file.read_bytes(), str(file)))
            seen = detector.detect(image)
            if not seen:
                missed.append(f"{folder.name}/{people.people[person]}/{file.name}")
                continue
            best = max(seen, key=lambda f: f.eye_distance)
            faces.append(warp(image, similarity(best.landmarks, TEMPLATE), 112))
            # a person may be in two sets under one name
            who.append(people.people[person])
    _, labels, counts = np.unique(np.array(who), return_inverse=True, return_counts=True)
    keep = counts[labels] >= 2
    _, numbered = np.unique(labels[keep], return_inverse=True)
    np.savez(out, pictures=np.stack(faces)[keep], labels=numbered.astype(np.int64))
    return int(keep.sum()), int((counts >= 2).sum()), missed


def _bordered(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Room around a tight crop, in which detectors see no face."""
    import cv2

    if min(image.shape[:2]) > 150:
        return image
    wide = [round(0.3 * s) for s in image.shape[:2]]
    return np.asarray(cv2.copyMakeBorder(image, wide[0], wide[0], wide[1], wide[1], cv2.BORDER_REPLICATE), np.uint8)


@lru_cache(maxsize=1)
def _people(people: int, each: int, judges: int, judged: int, seed: int, side: int) -> tuple[InMemory, InMemory]:
    return draw(people, each, seed, side=side), draw(judges, judged, seed, first=STRANGERS, side=side)


@lru_cache(maxsize=1)
def _real(path: str, side: int) -> InMemory:
    import cv2

    with np.load(path) as kept:
        pictures, labels = kept["pictures"], kept["labels"]
    if side != pictures.shape[1]:
        pictures = np.stack([cv2.resize(p, (side, side), interpolation=cv2.INTER_AREA) for p in pictures])
    return InMemory(pictures, labels, "real people")
