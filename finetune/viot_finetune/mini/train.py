"""The training loop: decoders and LoRA adapters together, on the stream of batches that ``source`` makes.

Several nets may learn side by side from the same batches, each from the others' opinions too (deep mutual learning:
Zhang, Xiang, Hospedales, Lu, CVPR 2018, the divergence from the mean of the others' probabilities); their mean
decides when they are run. Owns seeds, batches, schedule and what is saved. The encoder's own weights are never
changed: what ships is the adapters (``lora.*``) and the decoders.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from torch import nn

from viot_agent.errors import UserFault
from viot_agent.llm.mini import assets
from viot_agent.llm.mini.decoder import ENCODED
from viot_agent.llm.mini.encoder import Reader
from viot_agent.llm.mini.storage import packed
from viot_agent.llm.mini.weights import FORMAT, JUDGE, Weights
from viot_finetune import checkpoint
from viot_finetune.mini.minilm import EncoderTrainer, whole_weights
from viot_finetune.mini.net import Batch, Net, label_loss, opinion_loss, opinions
from viot_finetune.mini.prepare import Packed, Tokens, unpack
from viot_finetune.mini.recipe import Recipe, usable
from viot_finetune.mini.source import Plan, fetched, streamed, texts_of_cards, without

_LOG = logging.getLogger(__name__)
SAFE_EVERY = 100
"""Steps between two savings of the whole state on the way."""


class Clock:
    """A time limit; without one a run is decided by its steps alone, and so can be repeated."""

    def __init__(self, minutes: float) -> None:
        self.started, self.seconds = time.monotonic(), 60 * minutes

    def share(self) -> float:
        return (time.monotonic() - self.started) / self.seconds

    def over(self) -> bool:
        return self.share() >= 1


class Learner:
    """One net: an encoder's adapter and a decoder."""

    def __init__(self, recipe: Recipe) -> None:
        self.encoder = EncoderTrainer(recipe)
        if self.encoder.device.type == "cuda":
            whole_weights(self.encoder.model)
        self.net = Net(recipe.dropout, recipe.mix).to(self.encoder.device)
        self.adapter = [p for p in self.encoder.model.parameters() if p.requires_grad]
        self.table = torch.empty(0)

    def load(self, arrays: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Take an earlier run's net."""
        self.encoder.load(arrays)
        self.net.load_state_dict({k: torch.from_numpy(arrays[k].astype(np.float32)) for k in self.net.state_dict()})

    def read_cards(self, texts: Sequence[str], reader: Reader) -> None:
        """Embed the tools' cards as this adapter reads them now."""
        nothing = torch.zeros(1, ENCODED, device=self.encoder.device)
        self.table = torch.cat([nothing, self.encoder.embed(texts, reader)])

    def scores(self, read: Tokens, packed: Packed) -> tuple[torch.Tensor, Batch]:
        """Log-probabilities (B, L, V) of what the grammar leaves open, and the batch they are of."""
        batch = unpack(packed, self.encoder.states(read), self.table, 0.01)
        return opinions(self.net(batch), batch), batch

    def arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """Everything that ships of this net."""
        return {k: v.detach().cpu().numpy() for k, v in self.net.state_dict().items()} | self.encoder.adapter()


def train(
    rows: Sequence[dict[str, Any]],
    recipe: Recipe,
    *,
    words: Sequence[str] = (),
    strange: Sequence[dict[str, Any]] = (),
    minutes: float = math.inf,
    start: Path | None = None,
    safe: Path | None = None,
    every: int = SAFE_EVERY,
) -> tuple[list[dict[str, Any]], list[float]]:
    """Train on authored rows, and ``strange`` ones for tools that exist only in training; ``words`` are what misspelt
    ones are read as.

    Returns the arrays to ship, of each net, and the loss curve (mean over the nets and every 20 steps).

    ``start`` goes on from an earlier file. ``safe`` is the folder where weights, optimiser and step are kept ``every``
    so many steps; if it holds a run, that one goes on, with batches of a stream of its own (seed and step decide them),
    and says so in the log and to :func:`resumed_at`. ``minutes`` ends the schedule early; such a run, too, is not
    repeatable to the bit. Raises UserFault when ``safe`` holds a run of another recipe, other data, words or start,
    where ``start`` holds another number of nets, where the recipe's device is not there, or where its batch does not
    come out in parts of ``at_once``.
    """
    usable(recipe.device)
    parts_of(recipe)
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    learners = [Learner(recipe) for _ in range(recipe.nets)]
    if start is not None:
        earlier = Weights.load(start).nets
        if len(earlier) != len(learners):
            raise UserFault(f"{start} holds {len(earlier)} nets", fix=f"--nets {len(earlier)}")
        for learner, arrays in zip(learners, earlier, strict=True):
            learner.load(arrays)
    kept = None if safe is None else Kept(safe, run_of(recipe, rows, words, strange, start))
    at = 0 if kept is None else kept.step
    if at:
        _LOG.warning("goes on at step %d from %s", at, safe)
    seed = recipe.seed + 1_000_003 * at
    kept_from = without(rows, recipe.without)
    plan = Plan(
        kept_from, words, strange, recipe.strange, recipe.absent, recipe.at_once or recipe.batch, recipe.hide, seed,
        recipe.without, recipe.thought, recipe.newer, recipe.later,
    )  # fmt: skip
    stream = streamed(plan, recipe.makers)
    soon = fetched(stream)
    try:
        reader = Reader(assets.encoder_dir(), words)
        curve = _run(learners, soon, reader, recipe, Clock(minutes), kept, every)
    finally:
        soon.close()
        stream.close()
    return [learner.arrays() for learner in learners], curve


def with_judge(path: Path, judge: Mapping[str, npt.NDArray[np.float32]]) -> None:
    """Put the judge of conditions into a file of weights."""
    with safe_open(path, "np") as file:
        meta = file.metadata()
    kept = {name: array for name, array in load_file(path).items() if not name.startswith(JUDGE)}
    save_file(kept | {JUDGE + name.removeprefix("0/"): array for name, array in packed([judge]).items()}, path, meta)


def save(nets: Sequence[Mapping[str, Any]], path: Path, recipe: Recipe, words: Sequence[str] = ()) -> None:
    """Write int8 safetensors (``llm.mini.storage``) with the adapters' scale and the words to spell by in its
    metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = {"lora_scale": str(recipe.alpha / recipe.rank), "format": FORMAT, "words": " ".join(words)}
    meta |= {"without": " ".join(recipe.without)} if recipe.without else {}
    save_file(packed(nets), path, meta | {"thought": "yes" if recipe.thought else "no"})


def run_of(
    recipe: Recipe,
    rows: Sequence[dict[str, Any]],
    words: Sequence[str],
    strange: Sequence[dict[str, Any]],
    start: Path | None,
) -> dict[str, str]:
    """What makes two runs the same one: the recipe, and digests of the data, the words and the start."""

    def digest(*parts: Any) -> str:
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    return {
        "recipe": repr(recipe),
        "data": digest(list(rows), list(strange)),
        "words": digest(list(words)),
        "start": "" if start is None else assets.sha256_of(start),
    }


class Kept:
    """A run on disk that may be broken off: everything but the stream of batches.

    ``step`` is 0 and ``curve`` empty where ``folder`` holds none yet; ``resumed`` lists the steps at which the run went
    on, this time included. Raises UserFault when the folder holds another run than ``run`` (see :func:`run_of`).
    """

    def __init__(self, folder: Path, run: Mapping[str, str]) -> None:
        self.folder, self.run = folder, dict(run)
        self.step = 0
        self.curve: list[float] = []
        self.resumed: list[int] = []
        self._schedule: dict[str, Any] = {}
        if not checkpoint.holds_one(folder):
            return
        facts = checkpoint.facts_of(
            folder, {"run": dict, "step": int, "curve": list, "resumed": list, "schedule": dict}
        )
        for name, what in (("recipe", "recipe"), ("data", "data"), ("words", "list of words"), ("start", "start")):
            if facts["run"][name] != self.run[name]:
                raise UserFault(f"{folder} holds a run of another {what}", fix="remove it to begin anew")
        self.step, self.curve, self._schedule = facts["step"], facts["curve"], facts["schedule"]
        self.resumed = [*facts["resumed"], self.step]

    def load(self, parts: nn.Module, optimiser: torch.optim.Optimizer, schedule: Any) -> None:
        """Put weights, optimiser, schedule and the state of chance back as they were kept."""
        checkpoint.read(self.folder, parts, optimiser, 0)
        schedule.load_state_dict(self._schedule)
        for group, rate in zip(optimiser.param_groups, schedule.get_last_lr(), strict=True):
            group["lr"] = rate  # the schedule itself sets it after a step only

    def save(
        self, step: int, curve: Sequence[float], parts: nn.Module, optimiser: torch.optim.Optimizer, schedule: Any
    ) -> None:
        """Whole or not at all."""
        facts = {
            "run": self.run,
            "step": step,
            "curve": list(curve),
            "resumed": self.resumed,
            "schedule": schedule.state_dict(),
        }
        checkpoint.write(self.folder, parts, optimiser, facts, [checkpoint.random_state()])


def resumed_at(safe: Path) -> list[int]:
    """The steps at which the run in ``safe`` went on after it had been broken off; empty for one that never was.

    Raises UserFault when the folder holds no run.
    """
    return [int(step) for step in checkpoint.facts_of(safe)["resumed"]]


def _run(
    learners: Sequence[Learner],
    stream: Iterator[tuple[Tokens, Packed]],
    reader: Reader,
    recipe: Recipe,
    clock: Clock,
    kept: Kept | None = None,
    every: int = SAFE_EVERY,
) -> list[float]:
    decoders = [p for learner in learners for p in learner.net.parameters()]
    adapters = [p for learner in learners for p in learner.adapter]
    groups = [
        {"params": decoders, "lr": recipe.decoder_rate, "weight_decay": 0.05},
        {"params": adapters, "lr": recipe.lora_rate, "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, fused=recipe.device == "cuda")
    done = _share_done(recipe.lora_steps, clock)
    schedule = _schedule(optimiser, recipe.lora_steps, done)
    losses: list[torch.Tensor] = []
    curve: list[float] = []
    begin = 0
    parts = nn.ModuleDict(
        {f"{i}": nn.ModuleDict({"net": r.net, "adapter": nn.ParameterList(r.adapter)}) for i, r in enumerate(learners)}
    )
    if kept is not None and kept.step:
        begin, curve = kept.step, list(kept.curve)
        kept.load(parts, optimiser, schedule)
    texts = texts_of_cards()
    for learner in learners:
        learner.net.train()
    for step in range(begin, recipe.lora_steps):
        if step % 100 == 0 or step == begin:
            for learner in learners:
                learner.read_cards(texts, reader)
        optimiser.zero_grad(set_to_none=True)
        mutual = recipe.mutual if done(step) >= 0.25 else 0.0
        labels = gradients(learners, stream, parts_of(recipe), mutual, halved=recipe.halved)
        for learner in learners:
            torch.nn.utils.clip_grad_norm_([*learner.net.parameters(), *learner.adapter], 1.0)
        optimiser.step()
        schedule.step()
        _note(losses, curve, labels, step)
        over = clock.over()
        if kept is not None and ((step + 1) % every == 0 or step + 1 == recipe.lora_steps or over):
            kept.save(step + 1, curve, parts, optimiser, schedule)
        if over:
            _LOG.warning("stopped by the clock at step %d", step)
            break
    for learner in learners:
        learner.encoder.drop.eval()
    return curve


def parts_of(recipe: Recipe) -> int:
    """How many batches an update is made of. Raises UserFault where they do not come out even."""
    at_once = recipe.at_once or recipe.batch
    if at_once < 1 or recipe.batch % at_once:
        raise UserFault(
            f"an update of {recipe.batch} decisions is not made of parts of {at_once}",
            fix="a batch that is a multiple of --at-once",
        )
    return recipe.batch // at_once


def gradients(
    learners: Sequence[Learner],
    stream: Iterator[tuple[Tokens, Packed]],
    parts: int,
    mutual: float,
    *,
    halved: bool = False,
) -> torch.Tensor:
    """Add the gradients of one update to the nets' own: the mean over ``parts`` batches of the stream. ``halved``: a
    processor multiplies in bfloat16, the adapter apart from the base (a GPU multiplies by their sum, where an adapter
    would be lost in half precision). Returns the mean loss on the labels, without gradient."""
    total = torch.zeros((), device=learners[0].encoder.device)
    for _ in range(parts):
        read, packed = next(stream)
        with torch.autocast("cpu", torch.bfloat16, enabled=halved):
            labels, whole = _losses(learners, read, packed, mutual)
        (whole / parts).backward()  # type: ignore[no-untyped-call]
        total += labels.detach() / parts
    return total


def _losses(
    learners: Sequence[Learner], read: Tokens, packed: Packed, mutual: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The nets' mean loss on the labels, and what is minimised: with what each is drawn towards the others."""
    said = [learner.scores(read, packed) for learner in learners]
    labels = torch.stack([label_loss(scores, batch) for scores, batch in said])
    whole = labels.sum()
    if mutual and len(learners) > 1:
        shares = [scores.detach().exp() for scores, _ in said]
        everybody = torch.stack(shares).sum(0)
        for own, (scores, batch) in zip(shares, said, strict=True):
            others = (everybody - own) / (len(learners) - 1)
            whole = whole + mutual * opinion_loss(scores, others, batch)
    return labels.mean(), whole


def _share_done(steps: int, clock: Clock) -> Callable[[int], float]:
    """How much of the schedule is behind at a step: by steps or by the clock, whichever ends first."""
    begun = clock.share()

    def share(step: int) -> float:
        return max(min(1.0, step / max(1, steps)), (clock.share() - begun) / max(1e-9, 1 - begun))

    return share


def _schedule(
    optimiser: torch.optim.Optimizer, steps: int, done: Callable[[int], float]
) -> torch.optim.lr_scheduler.LambdaLR:
    """Linear warm-up over 5 %, then a cosine to nothing where all is ``done``."""
    warm = max(1, steps // 20)

    def factor(step: int) -> float:
        return min((step + 1) / warm, 0.5 + 0.5 * math.cos(math.pi * min(1.0, done(step))))

    return torch.optim.lr_scheduler.LambdaLR(optimiser, factor)


def _note(losses: list[torch.Tensor], curve: list[float], loss: torch.Tensor, step: int) -> None:
    """Keep the loss; every 20 steps their mean: reading it at each would wait for the device."""
    losses.append(loss)
    if (step + 1) % 20 == 0:
        curve.append(torch.stack(losses).mean().item())
        losses.clear()
        if (step + 1) % 40 == 0:
            _LOG.info("step %d loss %.4f", step + 1, curve[-1])
