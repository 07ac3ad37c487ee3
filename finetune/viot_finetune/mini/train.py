"""The training loop: first the decoder on frozen MiniLM states, then decoder and LoRA adapter together.

Owns seeds, batches, schedule and what is saved. The encoder's own weights are never changed: what ships is the adapter
(``lora.*``) and the decoder, as float16 safetensors.
"""

from __future__ import annotations

import logging
import math
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load_file, save_file

from viot_agent.llm.mini import assets
from viot_agent.llm.mini.encoder import Reader
from viot_agent.llm.mini.grammar import Menu
from viot_agent.llm.mini.spelling import collect
from viot_finetune.instruct.fill import Example, Noise, fill
from viot_finetune.mini.cards import card_specs, fictitious
from viot_finetune.mini.net import Net
from viot_finetune.mini.prepare import Sample, Tokens, Unreachable, collate, random_menu, samples, tokens

_LOG = logging.getLogger(__name__)


KEPT, AGAIN = 9000, 0.6
"""Fillings that are kept with their menus, and how often a kept one is taken again in place of a new one."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a run. ``frozen_steps`` on frozen states, then ``lora_steps`` with the adapter."""

    seed: int = 0
    batch: int = 32
    frozen_steps: int = 0
    lora_steps: int = 2400
    frozen_rate: float = 8e-4
    decoder_rate: float = 1e-3
    lora_rate: float = 1.2e-3
    rank: int = 32
    alpha: int = 32
    hide: float = 0.05
    layers: tuple[int, ...] = (2, 3, 4, 5)
    threads: int = 2
    pool: int = 3000
    strange: float = 0.12
    """Share of the requests that are for tools which exist only in training."""
    absent: float = 0.08
    """Share of the requests whose tool is taken out of the menu: nothing may be called then."""


class Clock:
    """A time limit; without one a run is decided by its steps alone, and so can be repeated."""

    def __init__(self, minutes: float) -> None:
        self.started, self.seconds = time.monotonic(), 60 * minutes

    def share(self) -> float:
        return (time.monotonic() - self.started) / self.seconds

    def over(self) -> bool:
        return self.share() >= 1


class Source:
    """An endless seeded stream of decisions from authored rows."""

    def __init__(
        self,
        rows: Sequence[dict[str, Any]],
        reader: Reader,
        seed: int,
        noise: Noise | None = None,
        strange: tuple[Sequence[dict[str, Any]], float] = ((), 0.0),
        absent: float = 0.0,
    ) -> None:
        self.rows, self.reader, self.noise = list(rows), reader, noise or Noise()
        self.rng = random.Random(seed)
        self.specs = card_specs()
        self.fictitious = list(fictitious().values())
        self.weights = [_weight(r) for r in self.rows]
        self.strange, self.share = list(strange[0]), strange[1] if strange[0] else 0.0
        self.absent = absent
        self.kept: list[list[Sample]] = []
        self.unreachable = self.drawn = 0

    def draw(self) -> list[Sample]:
        """All decisions of one filling of one phrasing, new or seen before."""
        # finding mentions and driving the grammar cost as much as a third of a gradient's share of two cores
        if len(self.kept) >= KEPT // 3 and self.rng.random() < AGAIN:
            return self.rng.choice(self.kept)
        made = self._make()
        if len(self.kept) < KEPT:
            self.kept.append(made)
        else:
            self.kept[self.rng.randrange(KEPT)] = made
        return made

    def _make(self) -> list[Sample]:
        while True:
            example = self._example()
            needed = set(self.specs) if example.reply == "ask" else {t for s in example.steps for t in _tools(s)}
            specs, strange = self.specs, self.fictitious
            if example.steps and self.rng.random() < self.absent:
                # the tool it needs is not installed: no other is called in its place
                head = example.steps[0].tool
                specs = {n: s for n, s in specs.items() if n != head}
                strange = [s for s in strange if s.name != head]
                example = replace(example, steps=(), reply="out_of_scope", missing=())
                needed = set()
            menu = random_menu(specs, strange, needed, self.rng, whole=0.65)
            self.drawn += 1
            try:
                found = samples(example, menu, self.reader, self.rng)
            except Unreachable as reason:
                self.unreachable += 1
                _LOG.debug("%s", reason)
                continue
            # "everything is observed" after a single call is learnt in no time: most of those are left out
            plain = len(found) == 2 and not example.steps[0].rest
            return found[:1] if plain and self.rng.random() > 0.25 else found

    def _example(self) -> Example:
        if self.rng.random() < self.share:
            row = self.rng.choice(self.strange)
        else:
            row = self.rng.choices(self.rows, self.weights)[0]
        return self.rng.choice(fill(row, self.rng, "train", self.noise))

    def take(self, count: int) -> list[Sample]:
        found: list[Sample] = []
        while len(found) < count:
            found += self.draw()
        return found[:count]


def vocabulary(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The words of the authored requests, but for those written with typos on purpose: most frequent first."""
    straight = [row for row in rows if "typo" not in row.get("tags", ())]
    return collect(re.sub(r"\{\w+\}", " ", t["text"]) for row in straight for t in row.get("turns") or [row])


def _tools(step: Any) -> list[str]:
    return [step.tool, *(t for t, _ in step.rest)]


def _weight(row: dict[str, Any]) -> float:
    # what is hard comes more often
    turns = row.get("turns")
    if turns:
        return 0.7 * len(turns)
    if any("when" in s for s in row["steps"]):
        return 1.7
    if len(row["steps"]) > 1:
        return 1.5
    if not row["steps"] and row["reply"] != "ask":
        return 1.5
    return 1.3 if {"correction", "sibling", "plural"} & set(row.get("tags", ())) else 1.0


class EncoderTrainer:
    """MiniLM in PyTorch with a LoRA adapter on every linear layer of the upper four."""

    def __init__(self, recipe: Recipe) -> None:
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModel

        folder = assets.encoder_dir()
        assets.checked(folder / "model.safetensors", assets.ENCODER_SHA256)
        self.recipe = recipe
        config = LoraConfig(
            r=recipe.rank,
            lora_alpha=recipe.alpha,
            # no dropout in the encoder: drawing it costs a fifth of a step, and words are hidden instead
            lora_dropout=0.0,
            target_modules=["query", "key", "value", "dense"],
            # the lowest layers stay as they are: no gradient has to go through them
            layers_to_transform=list(recipe.layers),
        )
        self.model = get_peft_model(AutoModel.from_pretrained(folder, add_pooling_layer=False), config)
        self.model.eval()

    def states(self, batch: Tokens) -> torch.Tensor:
        """Unit states (B, N, 384)."""
        hidden = self.model(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
        out: torch.Tensor = batch.pool @ hidden
        return out

    @torch.no_grad()
    def embed(self, texts: Sequence[str], reader: Reader) -> dict[str, npt.NDArray[np.float32]]:
        """Mean-pooled, normalised embeddings of cards and slots, as the runtime makes them."""
        self.model.eval()
        found: dict[str, npt.NDArray[np.float32]] = {"": np.zeros(384, np.float32)}
        rows = sorted(((reader.text(t), t) for t in texts if t), key=lambda r: len(r[0]))
        for k in range(0, len(rows), 32):
            part = rows[k : k + 32]
            ids = torch.zeros(len(part), len(part[-1][0]), dtype=torch.long)
            mask = torch.zeros_like(ids)
            for i, (row, _) in enumerate(part):
                ids[i, : len(row)], mask[i, : len(row)] = torch.tensor(row), 1
            hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
            mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
            unit = (mean / mean.norm(dim=1, keepdim=True)).numpy()
            found.update({text: unit[i] for i, (_, text) in enumerate(part)})
        return found

    def load(self, arrays: dict[str, npt.NDArray[np.float32]]) -> None:
        """Take an earlier run's adapter."""
        with torch.no_grad():
            for name, value in self.model.named_parameters():
                if ".lora_" in name:
                    value.copy_(torch.from_numpy(arrays[_runtime_name(name)].astype(np.float32)))

    def adapter(self) -> dict[str, npt.NDArray[np.float32]]:
        """The adapter under the runtime's names: ``lora.<base weight>.A`` and ``.B``."""
        named = self.model.named_parameters()
        return {_runtime_name(n): v.detach().numpy() for n, v in named if ".lora_" in n}


def _runtime_name(name: str) -> str:
    """peft's parameter name as the runtime has it: ``lora.encoder.layer.3.attention.self.query.weight.A``."""
    base, _, rest = name.partition(".lora_")
    return f"lora.{base.removeprefix('base_model.model.')}.weight.{rest[0]}"


def train(
    rows: Sequence[dict[str, Any]],
    recipe: Recipe,
    *,
    words: Sequence[str] = (),
    strange: Sequence[dict[str, Any]] = (),
    minutes: float = math.inf,
    start: Path | None = None,
) -> tuple[dict[str, Any], list[float]]:
    """Train on authored rows, and ``strange`` ones for tools that exist only in training; ``words`` are what misspelt
    ones are read as.

    Returns the arrays to ship and the loss curve (mean of every 20 steps).

    ``start`` goes on from an earlier file. ``minutes`` ends the schedule early; such a run says so in the log and is
    not repeatable to the bit.
    """
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    reader = Reader(assets.encoder_dir(), words)
    source = Source(rows, reader, recipe.seed, strange=(strange, recipe.strange), absent=recipe.absent)
    encoder = EncoderTrainer(recipe)
    net = Net()
    if start is not None:
        earlier = load_file(start)
        encoder.load(earlier)
        net.load_state_dict({k: torch.from_numpy(earlier[k].astype(np.float32)) for k in net.state_dict()})
    every = [s for specs in source.specs.values() for s in specs] + source.fictitious
    texts = sorted({t for s in every for part in Menu.of([s]).texts() for t in part})
    embed = encoder.embed(texts, reader)
    curve: list[float] = []
    clock = Clock(minutes)
    if recipe.frozen_steps:
        _frozen(net, encoder, source, embed, recipe, curve, clock)
    if recipe.lora_steps:
        _joint(net, encoder, source, texts, recipe, curve, clock)
    _LOG.info("%d of %d fillings could not be written", source.unreachable, source.drawn)
    arrays = {k: v.detach().numpy() for k, v in net.state_dict().items()} | encoder.adapter()
    return arrays, curve


def save(arrays: dict[str, Any], path: Path, recipe: Recipe, words: Sequence[str] = ()) -> None:
    """Write float16 safetensors with the adapter's scale and the words to spell by in its metadata."""
    half = {k: np.ascontiguousarray(v, np.float16) for k, v in arrays.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(half, path, {"lora_scale": str(recipe.alpha / recipe.rank), "format": "mini-3", "words": " ".join(words)})


def _frozen(
    net: Net,
    encoder: EncoderTrainer,
    source: Source,
    embed: dict[str, Any],
    recipe: Recipe,
    curve: list[float],
    clock: Clock,
) -> None:
    """The states of a pool of decisions are computed once; the decoder sees them many times."""
    pool = source.take(recipe.pool)
    cache: list[torch.Tensor] = [torch.empty(0)] * len(pool)
    order = sorted(range(len(pool)), key=lambda i: sum(map(len, pool[i].pieces)))
    seen: dict[tuple[int, ...], torch.Tensor] = {}
    with torch.no_grad():
        for k in range(0, len(order), 64):
            part = [i for i in order[k : k + 64] if _key(pool[i]) not in seen]
            if part:
                states = encoder.states(tokens([pool[i] for i in part], source.reader))
                for i, row in zip(part, states, strict=True):
                    seen[_key(pool[i])] = row[: len(pool[i].units)].clone()
            for i in order[k : k + 64]:
                cache[i] = seen[_key(pool[i])]
    _LOG.info("states of %d decisions ready (%d texts)", len(pool), len(seen))
    optimiser = torch.optim.AdamW(net.parameters(), recipe.frozen_rate, weight_decay=0.05)
    schedule = _schedule(optimiser, recipe.frozen_steps, clock)
    rng = random.Random(recipe.seed + 1)
    losses: list[float] = []
    net.train()
    for step in range(recipe.frozen_steps):
        chosen = [rng.randrange(len(pool)) for _ in range(recipe.batch)]
        batch = [pool[i] for i in chosen]
        units = max(1, max(len(s.units) for s in batch))
        states = torch.zeros(len(batch), units, 384)
        for b, i in enumerate(chosen):
            states[b, : len(pool[i].units)] = cache[i]
        loss = net.loss(collate(batch, states, embed, 0.01))
        _step(loss, net.parameters(), optimiser, schedule)
        _note(losses, curve, loss.item(), step, "frozen")
        if clock.over():
            _LOG.warning("stopped by the clock at frozen step %d", step)
            return


def _joint(
    net: Net,
    encoder: EncoderTrainer,
    source: Source,
    texts: Sequence[str],
    recipe: Recipe,
    curve: list[float],
    clock: Clock,
) -> None:
    adapter = [p for p in encoder.model.parameters() if p.requires_grad]
    groups = [
        {"params": list(net.parameters()), "lr": recipe.decoder_rate, "weight_decay": 0.05},
        {"params": adapter, "lr": recipe.lora_rate, "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups)
    schedule = _schedule(optimiser, recipe.lora_steps, clock)
    losses: list[float] = []
    net.train()
    embed: dict[str, Any] = {}
    waiting: list[Sample] = []
    for step in range(recipe.lora_steps):
        if step % 100 == 0:
            embed = encoder.embed(texts, source.reader)
        if len(waiting) < recipe.batch:
            # batches of similar length: padding is wasted work on two cores
            waiting = sorted(source.take(recipe.batch * 8), key=lambda s: sum(map(len, s.pieces)))
            parts = [waiting[k : k + recipe.batch] for k in range(0, len(waiting), recipe.batch)]
            source.rng.shuffle(parts)
            waiting = [s for part in parts for s in part]
        batch, waiting = waiting[: recipe.batch], waiting[recipe.batch :]
        loss = net.loss(
            collate(batch, encoder.states(tokens(batch, source.reader, recipe.hide, source.rng)), embed, 0.01)
        )
        _step(loss, [*net.parameters(), *adapter], optimiser, schedule)
        _note(losses, curve, loss.item(), step, "lora")
        if clock.over():
            _LOG.warning("stopped by the clock at lora step %d", step)
            break
    encoder.model.eval()


def _step(loss: torch.Tensor, parameters: Any, optimiser: torch.optim.Optimizer, schedule: Any) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(list(parameters), 1.0)
    optimiser.step()
    schedule.step()


def _schedule(optimiser: torch.optim.Optimizer, steps: int, clock: Clock) -> torch.optim.lr_scheduler.LambdaLR:
    """Linear warm-up over 5 %, then a cosine to nothing at the last step, or when the clock runs out."""
    warm, begun = max(1, steps // 20), clock.share()

    def factor(step: int) -> float:
        done = max(min(1.0, step / max(1, steps)), (clock.share() - begun) / max(1e-9, 1 - begun))
        return min((step + 1) / warm, 0.5 + 0.5 * math.cos(math.pi * min(1.0, done)))

    return torch.optim.lr_scheduler.LambdaLR(optimiser, factor)


def _note(losses: list[float], curve: list[float], loss: float, step: int, name: str) -> None:
    losses.append(loss)
    if (step + 1) % 20 == 0:
        curve.append(sum(losses[-20:]) / 20)
        if (step + 1) % 40 == 0:
            _LOG.info("%s step %d loss %.4f", name, step + 1, curve[-1])


def _key(sample: Sample) -> tuple[int, ...]:
    return tuple(i for piece in sample.pieces for i in (*piece, -1))
