"""One training run of a face recogniser: any net, any loss, one process or many (``accelerate launch -m
viot_finetune.faces ...``, data-parallel).

A run is decided by its preset, its data and its seed: which picture comes when, and how it is augmented, is computed
from them and never from what ran before, so a run that was killed goes on from its last checkpoint to the same weights.

Owns the loop. Knows no backbone (it is given a net) and no file format of data.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from viot_agent.errors import FailedFault, UserFault
from viot_finetune import checkpoint
from viot_finetune.faces.augment import Augmentation
from viot_finetune.faces.data import FaceSet, fingerprint, order
from viot_finetune.faces.losses import ClassLoss, loss_named
from viot_finetune.faces.noise import noisy
from viot_finetune.faces.presets import Preset

TENSORBOARD = "pip install 'viot-agent[tensorboard]'"


@dataclass(frozen=True, slots=True)
class Limits:
    """How a run is watched and cut. ``updates``: stop after so many (0: all of the preset). ``save_every``: checkpoint
    every so many (0: only where it stops). ``log_every``: a line in ``log.jsonl``."""

    updates: int = 0
    save_every: int = 0
    log_every: int = 20
    resume: bool = False
    tensorboard: bool = False
    workers: int = 0
    precision: str = "no"
    quiet: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A finished run. ``loss`` holds the class weights; ``log`` is ``log.jsonl``; ``facts`` what a card says."""

    net: nn.Module
    loss: ClassLoss
    updates: int
    of: int
    seconds: float
    log: tuple[Mapping[str, float], ...]
    main: bool = True
    """False in all processes but the first, which alone writes."""
    facts: Mapping[str, Any] = field(default_factory=dict)


class Pair(nn.Module):
    """Net and loss as one module, so that both are wrapped, saved and stepped together."""

    def __init__(self, net: nn.Module, loss: ClassLoss) -> None:
        super().__init__()
        self.net, self.loss = net, loss

    def forward(self, faces: Tensor, labels: Tensor) -> Tensor:
        """(N, 3, 112, 112) float32 RGB 0..255 and (N,) int64 to the mean loss."""
        loss: Tensor = self.loss(self.net(faces), labels)
        return loss


def optimiser_for(pair: nn.Module, preset: Preset) -> torch.optim.Optimizer:
    """The preset's optimiser, with weight decay where the preset wants it."""
    spared: set[int] = set()
    for module in pair.modules():
        for parameter in module.parameters(recurse=False):
            norm = isinstance(module, nn.modules.batchnorm._BatchNorm)
            if norm or (preset.undecayed == "one-dimensional" and parameter.ndim <= 1):
                spared.add(id(parameter))
    parameters = [p for p in pair.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if id(p) not in spared], "weight_decay": preset.weight_decay},
        {"params": [p for p in parameters if id(p) in spared], "weight_decay": 0.0},
    ]
    groups = [g for g in groups if g["params"]]
    if preset.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=preset.stages[0].rate, momentum=preset.momentum)
    return torch.optim.AdamW(groups, lr=preset.stages[0].rate, eps=1e-8)


def train(
    net: nn.Module,
    dim: int,
    data: FaceSet,
    preset: Preset,
    out: Path | None = None,
    *,
    seed: int = 0,
    noise: float = 0.0,
    augmentation: Augmentation | None = None,
    limits: Limits | None = None,
) -> Trained:
    """Train ``net`` (faces to ``(N, dim)``) and the class weights of the preset's loss. ``noise``: share of labels made
    wrong first. Without ``out`` nothing is written.

    Raises UserFault when the data are too few for a batch or the checkpoint is of another run, FailedFault when the
    loss is no longer a number or TensorBoard is not installed.
    """
    from accelerate import Accelerator

    limits = limits or Limits()
    accelerator = Accelerator(mixed_precision=limits.precision)
    labels, wrong = noisy(data.labels, data.classes, noise, seed)
    per_epoch = len(labels) // preset.batch
    _check(preset, len(labels), accelerator.num_processes)
    whole = preset.updates(per_epoch)
    last = min(whole, limits.updates) if limits.updates else whole

    augment = augmentation if augmentation is not None else Augmentation(preset.flip)
    torch.manual_seed(seed)
    pair = Pair(net, loss_named(preset.loss, dim, data.classes, **preset.loss_options))
    run = _Run(
        accelerator, preset, out, limits, _fingerprint(preset, data, seed, noise, accelerator.num_processes, augment)
    )
    # one stream of chance (dropout) for each process from here on
    torch.manual_seed(seed * 1009 + accelerator.process_index)
    begin = run.begin()
    if begin > last:
        raise UserFault(f"the checkpoint in {out} is already at update {begin}", fix="leave out --updates, or raise it")
    samples = _Samples(data, labels, augment, seed)
    batches = _batches(samples, preset, seed, begin, last, per_epoch, accelerator, limits.workers)
    started = time.monotonic()
    run.go(pair, batches, begin, last, per_epoch)
    seconds = time.monotonic() - started
    facts = {
        "preset": asdict(preset),
        "data": {"source": data.source, "pictures": len(labels), "people": data.classes},
        "wrong_labels": int(wrong.sum()),
        "seed": seed,
        "updates": last,
        "updates_of_the_preset": whole,
        "processes": accelerator.num_processes,
        "precision": limits.precision,
        "seconds": round(seconds, 1),
        "last_loss": run.log[-1]["loss"] if run.log else None,
    }
    plain = accelerator.unwrap_model(run.pair)
    plain.eval()
    return Trained(
        plain.net, plain.loss, last, whole, seconds, tuple(run.log), bool(accelerator.is_main_process), facts
    )


class _Run:
    """What changes while a run goes on: the wrapped modules, the optimiser, the log."""

    def __init__(
        self, accelerator: Any, preset: Preset, out: Path | None, limits: Limits, fingerprint: Mapping[str, Any]
    ) -> None:
        self.accelerator, self.preset, self.out, self.limits = accelerator, preset, out, limits
        self.fingerprint = fingerprint
        self.log: list[dict[str, float]] = []
        self.pair: Any = None
        self.optimiser: Any = None
        self.board = _board(out) if limits.tensorboard and accelerator.is_main_process else None
        if out is not None and accelerator.is_main_process:
            out.mkdir(parents=True, exist_ok=True)

    def begin(self) -> int:
        """The update to go on with. Raises UserFault when the checkpoint is of another run."""
        if not self.limits.resume:
            return 0
        if self.out is None:
            raise UserFault("nothing was written, so there is nothing to resume from", fix="name a folder with --out")
        facts = checkpoint.facts_of(self.out, {"update": int, "run": dict, "log": list})
        known = json.loads(json.dumps(self.fingerprint))
        other = [name.replace("_", " ") for name, value in known.items() if facts["run"].get(name) != value]
        if other:
            raise UserFault(
                f"the checkpoint in {self.out} is of another run: {', '.join(other)} differ",
                fix="give the options and the data of the first run again, or leave out --resume",
            )
        update = int(facts["update"])
        self.log = [row for row in facts["log"] if row["update"] <= update]
        return update

    def go(self, pair: Pair, batches: Iterator[tuple[Tensor, Tensor]], begin: int, last: int, per_epoch: int) -> None:
        preset, accelerator = self.preset, self.accelerator
        self._stage(pair)
        if begin:
            self._restore()
        stage, inside = preset.where(begin, per_epoch) if begin < last else (0, 0)
        if begin and not inside:
            # the checkpoint holds the optimiser of the stage that has ended
            self._stage(accelerator.unwrap_model(self.pair), wrapped=True)
        self.pair.train()
        clock, since = time.monotonic(), begin
        for update in range(begin, last):
            now, inside = preset.where(update, per_epoch)
            if now != stage:
                # as a new run that starts from the last one's weights
                stage = now
                self._stage(accelerator.unwrap_model(self.pair), wrapped=True)
            rate = preset.stages[stage].rate_at(inside, per_epoch)
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            faces, labels = next(batches)
            loss = self.pair(faces.to(accelerator.device), labels.to(accelerator.device))
            value = float(loss.detach())
            if not math.isfinite(value):
                raise FailedFault(
                    f"the loss is {value} at update {update + 1}", fix="a lower --rate, or --precision no"
                )
            self.optimiser.zero_grad()
            accelerator.backward(loss)
            if preset.clip:
                accelerator.clip_grad_norm_(self.pair.parameters(), preset.clip)
            self.optimiser.step()
            done = update + 1
            if self.limits.log_every and (done % self.limits.log_every == 0 or done == last):
                speed = (done - since) * preset.batch / max(1e-9, time.monotonic() - clock)
                self._note(done, done / per_epoch, value, rate, speed)
                clock, since = time.monotonic(), done
            if (self.limits.save_every and done % self.limits.save_every == 0) or done == last:
                self._save(done)
        if self.board is not None:
            self.board.close()

    def _stage(self, pair: nn.Module, *, wrapped: bool = False) -> None:
        optimiser = optimiser_for(pair, self.preset)
        if wrapped:
            self.optimiser = self.accelerator.prepare(optimiser)
        else:
            self.pair, self.optimiser = self.accelerator.prepare(pair, optimiser)

    def _restore(self) -> None:
        assert self.out is not None, "checked in begin()"
        plain = self.accelerator.unwrap_model(self.pair)
        checkpoint.read(self.out, plain, self.optimiser.optimizer, self.accelerator.process_index)
        scale = checkpoint.facts_of(self.out).get("scaler")
        if scale and self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(scale)

    def _save(self, done: int) -> None:
        if self.out is None:
            return
        accelerator = self.accelerator
        mine = checkpoint.random_state().to(accelerator.device)
        every = accelerator.gather(mine[None]).cpu()
        if accelerator.is_main_process:
            scaler = accelerator.scaler
            facts = {
                "update": done,
                "run": self.fingerprint,
                "log": self.log,
                "scaler": scaler.state_dict() if scaler is not None else {},
            }
            plain = accelerator.unwrap_model(self.pair)
            checkpoint.write(self.out, plain, self.optimiser.optimizer, facts, [row.clone() for row in every])
            lines = "".join(json.dumps(row) + "\n" for row in self.log)
            (self.out / "log.jsonl").write_text(lines, "utf-8")
        accelerator.wait_for_everyone()

    def _note(self, done: int, epoch: float, loss: float, rate: float, speed: float) -> None:
        monitor = self.accelerator.unwrap_model(self.pair).loss.monitor
        row = {"update": done, "epoch": round(epoch, 3), "loss": loss, "rate": rate, **monitor}
        self.log.append(row)
        if not self.accelerator.is_main_process:
            return
        if self.board is not None:
            for name in row.keys() - {"update"}:
                self.board.add_scalar(name, row[name], done)
            self.board.add_scalar("faces_per_second", speed, done)
        if not self.limits.quiet:
            angle = f", {monitor['angle_own']:.1f} degrees to the own class" if monitor else ""
            print(f"update {done}: loss {loss:.3f}{angle}, {speed:.0f} faces/s", file=sys.stderr)


class _Samples(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """Pictures by (epoch, index), as loading workers ask for them."""

    def __init__(self, data: FaceSet, labels: np.ndarray, augment: Augmentation, seed: int) -> None:
        self.data, self.labels, self.augment, self.seed = data, labels, augment, seed

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, int]:  # type: ignore[override]
        epoch, index = key
        picture = self.augment(self.data.picture(index), self.seed, epoch, index)
        return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))), int(self.labels[index])


def _batches(
    samples: _Samples, preset: Preset, seed: int, begin: int, last: int, per_epoch: int, accelerator: Any, workers: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """This process's share of every batch from update ``begin`` on; an epoch's incomplete last batch is left out."""
    share = preset.batch // accelerator.num_processes
    first = accelerator.process_index * share

    def keys() -> Iterator[list[tuple[int, int]]]:
        shuffled: tuple[int, np.ndarray] | None = None
        for update in range(begin, last):
            epoch, step = divmod(update, per_epoch)
            if shuffled is None or shuffled[0] != epoch:
                shuffled = (epoch, order(len(samples), seed, epoch))
            start = step * preset.batch + first
            yield [(epoch, int(i)) for i in shuffled[1][start : start + share]]

    loader = DataLoader(
        samples,
        batch_sampler=_Keys(keys),
        num_workers=workers,
        collate_fn=_stack,
        # its own chance: the default would draw from the one that dropout uses, and a resumed run would differ
        generator=torch.Generator().manual_seed(seed),
        multiprocessing_context="spawn" if workers else None,
    )
    return iter(loader)


class _Keys:
    """A batch sampler out of a generator function."""

    def __init__(self, make: Callable[[], Iterator[list[tuple[int, int]]]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        return self._make()


def _stack(rows: list[tuple[Tensor, int]]) -> tuple[Tensor, Tensor]:
    return torch.stack([x for x, _ in rows]).float(), torch.tensor([y for _, y in rows])


def _check(preset: Preset, pictures: int, processes: int) -> None:
    if pictures < preset.batch:
        raise UserFault(
            f"{pictures} pictures do not fill one batch of {preset.batch}", fix=f"--batch {max(2, pictures)} or less"
        )
    if preset.batch % processes:
        raise UserFault(
            f"a batch of {preset.batch} cannot be shared evenly by {processes} processes",
            fix=f"--batch {preset.batch // processes * processes}",
        )
    if preset.batch // processes < 2:
        raise UserFault("batch normalisation needs two pictures in every process", fix=f"--batch {2 * processes}")


def _fingerprint(
    preset: Preset, data: FaceSet, seed: int, noise: float, processes: int, augment: Augmentation
) -> dict[str, Any]:
    return {
        "preset": asdict(preset), "pictures": len(data.labels), "people": data.classes, "seed": seed, "noise": noise,
        "processes": processes, "flip": augment.flip, "hooked": augment.hooked,
        "files_and_labels": fingerprint(data),
    }  # fmt: skip


def _board(out: Path | None) -> Any:
    if out is None:
        raise UserFault("TensorBoard's files need a folder", fix="name one with --out")
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise FailedFault("TensorBoard is not installed", fix=TENSORBOARD) from error
    return SummaryWriter(str(out / "tensorboard"))
