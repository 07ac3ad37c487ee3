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

from viot_agent.errors import FailedFault, UserFault, ViotError
from viot_finetune.faces.data import InMemory
from viot_finetune.faces.drawn import Nuisance, draw

STRANGERS = 1_000_000
"""The number of the first person that judges: training people are numbered from 0, so none is ever both."""
SIDES = {"small": 56}
"""Side of the pictures that a net takes; all others take 112."""


@dataclass(frozen=True, slots=True)
class Task:
    """``net``: ``small``, or a backbone's name with ``net_options``. ``epochs`` of ``people`` people in ``each``
    pictures; ``judges`` other people in ``judged`` pictures. ``unlike``: how much pictures of one person differ, as a
    share of what ``Nuisance`` has by default."""

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
    unlike: float = 1.0

    def key(self) -> str:
        """A short name of the whole task."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:20]


def run_task(task: Task, real: str | None) -> dict[str, Any]:
    """Train and judge; figures by name. ``real``: a file of :func:`aligned_people`, whose people judge too."""
    import torch

    from viot_finetune.faces.judge import embed, listed, verify
    from viot_finetune.faces.presets import PRESETS, Stage
    from viot_finetune.faces.small import SmallNet
    from viot_finetune.faces.train import Limits, train

    torch.set_num_threads(1)
    side = SIDES.get(task.net, 112)
    known, strangers = _people(task.people, task.each, task.judges, task.judged, task.seed, side, task.unlike)
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
        people, kept = _real(real, side)
        vectors = embed(net, people)
        vectors[~kept["found"]] = np.nan
        there = listed(vectors, kept["index"], kept["same"], kept["fold"], 0)
        found |= {"real_accuracy": there.accuracy, "real_auc": there.auc, "real_tar": there.tar}
    return found


def run_all(tasks: Sequence[Task], processes: int, keep: Path | None, real: Path | None) -> list[dict[str, Any]]:
    """The figures of every task, in order, ``processes`` at once. What ``keep`` remembers is not run again.

    Raises FailedFault naming the task when a run fails, and when a process dies; runs that have not begun are given up.
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
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
    try:
        waiting = {pool.submit(run_task, tasks[i], None if real is None else str(real)): i for i in todo}
        for done in as_completed(waiting):
            i = waiting[done]
            try:
                found[i] = done.result()
            except ViotError as error:
                raise FailedFault(f"the run {_told(tasks[i])} failed: {error}") from error
            file = files[i]
            if file is not None:
                record = {"task": asdict(tasks[i]), "figures": found[i]}
                file.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
            told = f"accuracy {found[i]['accuracy']:.4f}, {found[i]['cpu']:.0f} s of CPU"
            print(f"{len(found)}/{len(tasks)} {_told(tasks[i])}: {told}", file=sys.stderr, flush=True)
    except BrokenProcessPool as error:
        # at submit or at a result; which run it was cannot be told: all that were waiting break at once
        kept = "finished runs are kept, " if keep is not None else ""
        raise FailedFault(
            f"a process of the study died with {len(tasks) - len(found)} of {len(tasks)} runs to go",
            fix=f"{kept}fewer --processes where memory is short",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
    return [found[i] for i in range(len(tasks))]


def _told(task: Task) -> str:
    return f"{task.net} {task.loss} rate {task.rate:g} noise {task.noise:g} seed {task.seed}"


@dataclass(frozen=True, slots=True)
class Judges:
    """Real people who judge: ``pictures`` of ``people`` people in ``pairs`` pairs, ``missed`` pictures without a face
    (their pairs count as wrong), the accuracy of a ``floor``: comparing the bare pixels, and the ``detector`` by which
    faces were found and aligned."""

    pictures: int
    people: int
    pairs: int
    missed: int
    floor: float
    detector: str


def aligned_people(data: Path, out: Path) -> Judges:
    """Align all sets of people in ``data/faces`` into the file ``out``, with the pair lists of ``viot bench faces``:
    by YuNet where the hub tier's files are given (``VIOT_MODELS``, else ``data/models``), by the builtin tier's dlib
    where not; ``Judges.detector`` says which.

    Raises UserFault where there is no such set, WeightsMissing when the detector's file is not on this machine.
    """
    from viot_agent.weights import Weights
    from viot_finetune.faces.judge import listed
    from viot_tools.faces.detect import make_detector
    from viot_tools.verification.align import align
    from viot_tools.verification.folds import both_views
    from viot_tools.verification.pairs import pair_list, sets
    from viot_tools.verification.recognisers import TRIVIAL

    chosen, left_out = sets(data)
    if not chosen:
        raise UserFault(
            f"{data} has no people to judge on: {'; '.join(left_out)}",
            fix="name a folder that holds faces/SET/PERSON/PICTURE with --data, or leave it out",
        )
    base = Weights.from_env()
    local = base.models_dir or (data / "models" if (data / "models").is_dir() else None)
    detector = make_detector(Weights(base.home, local, "hub" if local is not None else "builtin"))
    faces, found, index, same, fold, at, people = [], [], [], [], [], 0, 0
    for one in chosen:
        aligned, (listed_pairs, _) = align(one.root, list(one.owner), detector), pair_list(one, 0)
        faces.append(aligned.faces)
        found.append(aligned.found)
        pairs = listed_pairs.pairs
        sides = [aligned.rows(p.left for p in pairs), aligned.rows(p.right for p in pairs)]
        index.append(at + np.stack(sides, 1))
        same.append(np.array([p.same for p in pairs], bool))
        fold.append(np.array([p.fold for p in pairs], np.int64))
        at, people = at + len(aligned.pictures), people + len(one.pictures)
    pictures, seen = np.concatenate(faces), np.concatenate(found)
    rows, alike, folds = np.concatenate(index), np.concatenate(same), np.concatenate(fold)
    np.savez(out, pictures=pictures, found=seen, index=rows, same=alike, fold=folds)
    floors = []
    for rule in TRIVIAL:
        vectors = both_views(rule.embed, pictures)
        vectors[~seen] = np.nan
        floors.append(listed(vectors, rows, alike, folds, people).accuracy)
    return Judges(at, people, len(alike), int((~seen).sum()), max(floors), detector.model)


def drawn_floor(tasks: Sequence[Task]) -> tuple[float, float | None]:
    """What the better trivial rule reaches on the people who judge these tasks, mean over them: accuracy, and true
    accepts (None where there are too few pairs to show them)."""
    found = [_floor(t.judges, t.judged, t.seed, SIDES.get(t.net, 112), t.unlike) for t in tasks]
    tars = [tar for _, tar in found if tar is not None]
    return float(np.mean([a for a, _ in found])), float(np.mean(tars)) if len(tars) == len(found) else None


@lru_cache(maxsize=64)
def _floor(judges: int, judged: int, seed: int, side: int, unlike: float) -> tuple[float, float | None]:
    from viot_finetune.faces.judge import verify
    from viot_tools.verification.folds import both_views
    from viot_tools.verification.recognisers import TRIVIAL

    people = draw(judges, judged, seed, first=STRANGERS, nuisance=Nuisance().scaled(unlike), side=side)
    made = [verify(both_views(rule.embed, people.pictures), people.labels, seed) for rule in TRIVIAL]
    tars = [m.tar for m in made if m.tar is not None]
    return max(m.accuracy for m in made), max(tars) if tars else None


@lru_cache(maxsize=1)
def _people(
    people: int, each: int, judges: int, judged: int, seed: int, side: int, unlike: float
) -> tuple[InMemory, InMemory]:
    how = Nuisance().scaled(unlike)
    return (
        draw(people, each, seed, nuisance=how, side=side),
        draw(judges, judged, seed, first=STRANGERS, nuisance=how, side=side),
    )


@lru_cache(maxsize=1)
def _real(path: str, side: int) -> tuple[InMemory, Mapping[str, NDArray[Any]]]:
    import cv2

    with np.load(path) as file:
        kept = dict(file)
    pictures = kept.pop("pictures")
    if side != pictures.shape[1]:
        pictures = np.stack([cv2.resize(p, (side, side), interpolation=cv2.INTER_AREA) for p in pictures])
    return InMemory(pictures, np.zeros(len(pictures), np.int64), "real people"), kept
