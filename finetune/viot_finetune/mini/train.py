"""The training loop: decoder and LoRA adapter together, on the stream of batches that ``source`` makes.

Owns seeds, batches, schedule and what is saved. The encoder's own weights are never changed: what ships is the adapter
(``lora.*``) and the decoder, as float16 safetensors.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load_file, save_file

from viot_agent.llm.mini import assets
from viot_agent.llm.mini.decoder import ENCODED
from viot_agent.llm.mini.encoder import Reader
from viot_finetune.mini.net import Net
from viot_finetune.mini.prepare import Packed, Tokens, unpack
from viot_finetune.mini.source import Plan, streamed, texts_of_cards

_LOG = logging.getLogger(__name__)
SAFE_EVERY = 100
"""Steps between two savings of the whole state on the way."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a run."""

    seed: int = 0
    batch: int = 32
    lora_steps: int = 4600
    decoder_rate: float = 1e-3
    lora_rate: float = 1.2e-3
    rank: int = 32
    alpha: int = 32
    hide: float = 0.05
    layers: tuple[int, ...] = (2, 3, 4, 5)
    threads: int = 2
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
        ids, mask = torch.from_numpy(batch.ids), torch.from_numpy(batch.mask)
        hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        out: torch.Tensor = torch.from_numpy(batch.pool) @ hidden
        return out

    @torch.no_grad()
    def embed(self, texts: Sequence[str], reader: Reader) -> torch.Tensor:
        """Mean-pooled, normalised embeddings (T, 384) of cards and slots, as the runtime makes them."""
        self.model.eval()
        out = torch.zeros(len(texts), ENCODED)
        rows = sorted((reader.text(t), i) for i, t in enumerate(texts))
        rows.sort(key=lambda r: len(r[0]))
        for k in range(0, len(rows), 32):
            part = rows[k : k + 32]
            ids = torch.zeros(len(part), len(part[-1][0]), dtype=torch.long)
            mask = torch.zeros_like(ids)
            for b, (row, _) in enumerate(part):
                ids[b, : len(row)], mask[b, : len(row)] = torch.tensor(row), 1
            hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
            mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
            out[[i for _, i in part]] = mean / mean.norm(dim=1, keepdim=True)
        return out

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
    safe: Path | None = None,
    every: int = SAFE_EVERY,
) -> tuple[dict[str, Any], list[float]]:
    """Train on authored rows, and ``strange`` ones for tools that exist only in training; ``words`` are what misspelt
    ones are read as.

    Returns the arrays to ship and the loss curve (mean of every 20 steps).

    ``start`` goes on from an earlier file. ``safe`` is where weights, optimiser and step are kept ``every`` so many
    steps; if the file is there, the run goes on from it, with batches of a stream of its own (seed and step decide
    them), and says so in the log. ``minutes`` ends the schedule early; such a run, too, is not repeatable to the bit.
    Raises ValueError when ``safe`` holds a run of another recipe.
    """
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    encoder = EncoderTrainer(recipe)
    net = Net()
    if start is not None:
        earlier = load_file(start)
        encoder.load(earlier)
        net.load_state_dict({k: torch.from_numpy(earlier[k].astype(np.float32)) for k in net.state_dict()})
    state = State.read(safe, recipe) if safe is not None and safe.is_file() else None
    at = 0 if state is None else state.step
    if at:
        _LOG.warning("goes on at step %d from %s", at, safe)
    seed = recipe.seed + 1_000_003 * at
    plan = Plan(rows, words, strange, recipe.strange, recipe.absent, recipe.batch, recipe.hide, seed)
    stream = streamed(plan)
    try:
        reader = Reader(assets.encoder_dir(), words)
        curve = _run(net, encoder, stream, reader, recipe, Clock(minutes), state, safe, every)
    finally:
        stream.close()
    return _arrays(net, encoder), curve


def _arrays(net: Net, encoder: EncoderTrainer) -> dict[str, Any]:
    return {k: v.detach().numpy() for k, v in net.state_dict().items()} | encoder.adapter()


def save(arrays: dict[str, Any], path: Path, recipe: Recipe, words: Sequence[str] = ()) -> None:
    """Write float16 safetensors with the adapter's scale and the words to spell by in its metadata."""
    half = {k: np.ascontiguousarray(v, np.float16) for k, v in arrays.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(half, path, {"lora_scale": str(recipe.alpha / recipe.rank), "format": "mini-3", "words": " ".join(words)})


@dataclass(frozen=True, slots=True)
class State:
    """A run that was broken off: everything but the stream of batches."""

    step: int
    curve: list[float]
    parts: dict[str, Any]

    @classmethod
    def read(cls, path: Path, recipe: Recipe) -> State:
        """Raises ValueError when the file is of another recipe."""
        held = torch.load(path, weights_only=True)
        if held["recipe"] != repr(recipe):
            raise ValueError(f"{path} is of another recipe ({held['recipe']}); remove it to begin anew")
        return cls(held["step"], held["curve"], held["parts"])

    def write(self, path: Path, recipe: Recipe) -> None:
        """Whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        torch.save({"recipe": repr(recipe), "step": self.step, "curve": self.curve, "parts": self.parts}, part)
        part.replace(path)


def _run(
    net: Net,
    encoder: EncoderTrainer,
    stream: Iterator[tuple[Tokens, Packed]],
    reader: Reader,
    recipe: Recipe,
    clock: Clock,
    state: State | None = None,
    safe: Path | None = None,
    every: int = SAFE_EVERY,
) -> list[float]:
    adapter = [p for p in encoder.model.parameters() if p.requires_grad]
    groups = [
        {"params": list(net.parameters()), "lr": recipe.decoder_rate, "weight_decay": 0.05},
        {"params": adapter, "lr": recipe.lora_rate, "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups)
    schedule = _schedule(optimiser, recipe.lora_steps, clock)
    losses: list[float] = []
    curve: list[float] = []
    begin = 0
    if state is not None:
        begin, curve = state.step, list(state.curve)
        net.load_state_dict(state.parts["net"])
        with torch.no_grad():
            for parameter, value in zip(adapter, state.parts["adapter"], strict=True):
                parameter.copy_(value)
        optimiser.load_state_dict(state.parts["optimiser"])
        schedule.load_state_dict(state.parts["schedule"])
    texts = texts_of_cards()
    table = torch.empty(0)
    net.train()
    for step in range(begin, recipe.lora_steps):
        if step % 100 == 0 or step == begin:
            table = torch.cat([torch.zeros(1, ENCODED), encoder.embed(texts, reader)])
        read, packed = next(stream)
        loss = net.loss(unpack(packed, encoder.states(read), table, 0.01))
        _step(loss, [*net.parameters(), *adapter], optimiser, schedule)
        _note(losses, curve, loss.item(), step)
        if safe is not None and (step + 1) % every == 0:
            parts = {
                "net": net.state_dict(),
                "adapter": [p.detach() for p in adapter],
                "optimiser": optimiser.state_dict(),
                "schedule": schedule.state_dict(),
            }
            State(step + 1, curve, parts).write(safe, recipe)
        if clock.over():
            _LOG.warning("stopped by the clock at step %d", step)
            break
    encoder.model.eval()
    return curve


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


def _note(losses: list[float], curve: list[float], loss: float, step: int) -> None:
    losses.append(loss)
    if (step + 1) % 20 == 0:
        curve.append(sum(losses[-20:]) / 20)
        if (step + 1) % 40 == 0:
            _LOG.info("step %d loss %.4f", step + 1, curve[-1])
