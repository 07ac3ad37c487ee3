"""The judge of conditions (``llm.mini.conditions``), fitted to the authored requests of several steps.

Each row is filled several times; after every step that leaves something to do the judge is asked what happens next, and
the row says it. Reports on several people are made besides those that the authors wrote (``reports``). Owns labels,
training and the figures of its card.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from viot_agent.errors import UserFault
from viot_agent.llm.mini import assets
from viot_agent.llm.mini.conditions import FIRST, LATER, NOTHING, PARTS, Judge, Question, amounts, question
from viot_agent.llm.mini.encoder import Reader
from viot_agent.llm.mini.menu import Call
from viot_agent.llm.mini.units import REQUEST, Passage
from viot_agent.llm.mini.weights import Weights
from viot_finetune.instruct.fill import Example, Expected, fill
from viot_finetune.instruct.pools import Half
from viot_finetune.instruct.site import CLEAN, Noise
from viot_finetune.mini.flat import Rows
from viot_finetune.mini.minilm import EncoderTrainer
from viot_finetune.mini.prepare import reading_of
from viot_finetune.mini.recipe import Recipe, halves, usable
from viot_finetune.mini.reports import acted, acted_in_words, faces, faces_turning, told, turning

_LOG = logging.getLogger(__name__)
INNER, PADDING = 128, -2


@dataclass(frozen=True, slots=True)
class Asked:
    """One question with its answer (FIRST, LATER, NOTHING) and the row it is of; ``open``: whether a condition decides
    it."""

    id: str
    tool: str
    question: Question
    answer: int
    open: bool


def asked(
    rows: Sequence[dict[str, Any]],
    reader: Reader,
    half: Half,
    rng: random.Random,
    noise: Noise = CLEAN,
    plain: float = 1.0,
) -> Iterator[Asked]:
    """The questions of one filling of each row: after each step what is left first waits for; of rows without a
    condition, as if it waited, a share ``plain``."""
    for row in rows:
        turns = row.get("turns") or [row]
        if not any(len(t["steps"]) > 1 for t in turns):
            continue
        waits = any("when" in s for t in turns for s in t["steps"])
        if not waits and rng.random() >= plain:
            continue
        for example in fill(row, rng, half, noise):
            yield from _of(example, reader, rng, waits)


def _of(example: Example, reader: Reader, rng: random.Random, waits: bool) -> Iterator[Asked]:
    seen: list[Passage] = []
    request = [u for u in reading_of(example, ()).units if u.segment == REQUEST and not u.virtual]
    # a number may be one that is compared: what its author wrote stays
    counts = bool(amounts(request))
    for step in example.steps:
        text, data = reported(step, rng, counts=counts)
        seen.append(Passage(text, tool=step.tool))
        if not step.rest or (waits and not step.rest[0][1]):
            continue
        call = Call(step.tool, step.args, step.status)
        left = [tool for tool, _ in step.rest]
        one = question(reading_of(example, seen), call, data, left, reader)
        if one is not None:
            yield Asked(example.id, step.tool, one, answer(step), waits)


def answer(step: Expected) -> int:
    """FIRST, LATER or NOTHING: which of what is left after ``step`` is done next."""
    done = [bool(t) for t in step.then]
    return FIRST if done[0] else LATER if any(done) else NOTHING


def reported(step: Expected, rng: random.Random, *, counts: bool = False) -> tuple[str, dict[str, Any]]:
    """The text and the data of what is observed at a step: its author's text, and of what people did or who they were
    mostly a report on several; with ``counts`` always the author's."""
    text, author = step.observation, (step.observation, data_of(step, rng))
    if step.reports is None or counts or rng.random() < 0.25:
        return author
    if step.tool == "action_recognition":
        turn = turning(step.reports)
        if turn is None:
            return author
        done = acted(turn, step.met, rng)
        return acted_in_words(done, rng), {"actions": done} if rng.random() < 0.5 else {}
    if step.tool == "face_recognition" and "person" not in step.args:
        turn = faces_turning(step.reports)
        return author if turn is None else (text, faces(turn, step.met, rng))
    return author


def varied(row: Mapping[str, Any]) -> bool:
    """Whether reports can be made of a row besides its author's."""
    steps = [s for t in row.get("turns") or [row] for s in t["steps"] if isinstance(s.get("obs"), dict)]
    acts = [s["obs"] for s in steps if s["tool"] == "action_recognition"]
    looks = [s["obs"] for s in steps if s["tool"] == "face_recognition" and "person" not in s["args"]]
    return any(turning(o) for o in acts) or any(faces_turning(o) for o in looks)


def data_of(step: Expected, rng: random.Random) -> dict[str, Any]:
    """An observation's data as a tool would give it, of what its text says: of actions half the time, if none is
    denied."""
    if step.tool == "action_recognition" and rng.random() < 0.5:
        done, denied = told((step.observation,))
        return {"actions": dict.fromkeys(sorted(done), 1)} if done and not denied else {}
    return {}


@dataclass(frozen=True, slots=True)
class Fitting:
    """All that decides a fit."""

    seed: int = 0
    fillings: int = 6
    epochs: int = 12
    batch: int = 128
    rank: int = 24
    rate: float = 1e-3
    head_rate: float = 1e-3
    hide: float = 0.05
    plain: float = 0.05
    """Share of the rows without a condition: what is not waited for happens, whatever was observed."""
    ordinary: float = 1.0
    """Share of the rows of which no reports are made but those of their authors (a fit that goes on needs few)."""


FURTHER = (
    Fitting(seed=7, fillings=3, epochs=3, batch=64, rate=4e-4, head_rate=4e-4, ordinary=0.35),
    Fitting(seed=7, fillings=3, epochs=3, batch=64, rate=1.5e-4, head_rate=1.5e-4, ordinary=0.7),
)
"""How a judge goes on, on a processor: boldly and gently, each from where it was, and the mean of both."""


class Head(nn.Module):
    """Scores (B, 3) of the states (B, T, 384) and the parts (B, T) of their tokens."""

    def __init__(self, width: int = 384) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(PARTS * width, INNER), nn.Linear(INNER, 3)
        self.drop = nn.Dropout(0.2)

    def forward(self, states: Tensor, parts: Tensor) -> Tensor:
        mask = (parts[:, None, :] == torch.arange(PARTS)[None, :, None].to(parts.device)).float()
        means = (mask @ states) / mask.sum(2, keepdim=True).clamp(min=1)
        out: Tensor = self.outer(self.drop(torch.tanh(self.inner(self.drop(means.flatten(1))))))
        return out


def padded(batch: Sequence[Asked], hide: float, rng: random.Random, unknown: int) -> tuple[Tensor, Tensor, Tensor]:
    """Ids, parts and answers of a batch; words of the request are made unreadable with chance ``hide``."""
    length = max(len(a.question.ids) for a in batch)
    ids = torch.zeros(len(batch), length, dtype=torch.long)
    parts = torch.full((len(batch), length), PADDING)
    for i, one in enumerate(batch):
        row = [
            unknown if p == 1 and rng.random() < hide else t
            for t, p in zip(one.question.ids, one.question.parts, strict=True)
        ]
        ids[i, : len(row)], parts[i, : len(row)] = torch.tensor(row), torch.tensor(one.question.parts)
    return ids, parts, torch.tensor([a.answer for a in batch])


class Trained(nn.Module):
    """MiniLM as the first net tuned it, with an adapter of its own, and the head."""

    def __init__(
        self, first: Mapping[str, npt.NDArray[np.float32]], scale: float, fitting: Fitting, device: str = "cpu"
    ) -> None:
        super().__init__()
        recipe = replace(Recipe(), rank=fitting.rank, alpha=round(fitting.rank * scale), device=device)
        self.encoder = EncoderTrainer(recipe)
        self.head = Head().to(self.encoder.device)
        with torch.no_grad():
            for name, weight in self.encoder.model.named_parameters():
                if name.endswith(".base_layer.weight"):
                    key = "lora." + name.removeprefix("base_model.model.").replace(".base_layer.", ".")
                    if f"{key}.A" in first:
                        weight += scale * torch.from_numpy(first[f"{key}.B"] @ first[f"{key}.A"]).to(weight.device)
        self.tuned = nn.ModuleList([self.encoder.model, self.encoder.drop, self.head])

    def load(self, own: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Take an earlier fit."""
        self.encoder.load(own)
        self.head.load_state_dict({k: torch.from_numpy(own[k].astype(np.float32)) for k in self.head.state_dict()})

    def forward(self, ids: Tensor, parts: Tensor) -> Tensor:
        device = self.encoder.device
        real = parts > PADDING
        rows = Rows(real.sum(1).tolist(), device)
        with halves(device.type):
            states = rows.padded(self.encoder.hidden(ids[real].to(device), rows))
        out: Tensor = self.head(states.float(), parts.to(device))
        return out


def fit(
    weights: Weights,
    rows: Sequence[dict[str, Any]],
    fitting: Fitting = Fitting(),
    threads: int = 2,
    device: str = "cpu",
) -> dict[str, npt.NDArray[np.float32]]:
    """The judge's arrays: its adapter (``lora.*``), which comes on top of the first net's, and its head. Repeatable on
    the same machine's processor with as many threads. Raises UserFault where ``device`` is not there."""
    usable(device)
    return fitted(weights, questions(weights, rows, fitting), fitting, threads, device)


def further(
    weights: Weights,
    rows: Sequence[dict[str, Any]],
    ways: Sequence[Fitting] = FURTHER,
    threads: int = 2,
    device: str = "cpu",
) -> dict[str, npt.NDArray[np.float32]]:
    """The judge that ``weights`` hold, fitted further in each of ``ways``, and the mean of them (model soups, Wortsman
    et al., ICML 2022). Raises UserFault where ``device`` is not there, or no judge."""
    usable(device)
    start = weights.judge
    if start is None:
        raise UserFault("there is no judge of conditions to go on from", fix="leave --judge-further out")
    fits = [fitted(weights, questions(weights, rows, way), way, threads, device, start) for way in ways]
    return {name: np.mean([one[name] for one in fits], axis=0).astype(np.float32) for name in start}


def questions(weights: Weights, rows: Sequence[dict[str, Any]], fitting: Fitting = Fitting()) -> list[list[Asked]]:
    """What is learnt from: the questions of ``fitting.fillings`` fillings of the rows, every second one with typos."""
    rng = random.Random(fitting.seed)
    reader = Reader(assets.encoder_dir(), weights.words)
    kinds = [CLEAN, Noise()]
    if fitting.ordinary < 1:
        rows = [row for row in rows if varied(row) or rng.random() < fitting.ordinary]
    return [list(asked(rows, reader, "train", rng, kinds[n % 2], fitting.plain)) for n in range(fitting.fillings)]


def fitted(
    weights: Weights,
    made: Sequence[Sequence[Asked]],
    fitting: Fitting,
    threads: int = 2,
    device: str = "cpu",
    start: Mapping[str, npt.NDArray[np.float32]] | None = None,
) -> dict[str, npt.NDArray[np.float32]]:
    """The judge's arrays, learnt from ``made``: one filling an epoch, in turn; from those of ``start`` on."""
    torch.manual_seed(fitting.seed)
    torch.set_num_threads(threads)
    rng = random.Random(fitting.seed)
    unknown = Reader(assets.encoder_dir(), weights.words).unk
    net = Trained(weights.nets[0], weights.scale, fitting, device)
    if start is not None:
        net.load(start)
    adapter = [p for p in net.encoder.model.parameters() if p.requires_grad]
    groups = [{"params": adapter, "lr": fitting.rate}, {"params": list(net.head.parameters()), "lr": fitting.head_rate}]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
    steps = sum(math.ceil(len(made[e % len(made)]) / fitting.batch) for e in range(fitting.epochs))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, partial(_rate, steps=steps))
    net.tuned.train()
    losses: list[Tensor] = []
    done = 0
    for epoch in range(fitting.epochs):
        for batch in _batches(made[epoch % len(made)], fitting.batch, rng):
            ids, parts, answers = padded(batch, fitting.hide, rng, unknown)
            loss = nn.functional.cross_entropy(net(ids, parts), answers.to(device))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_([*adapter, *net.head.parameters()], 1.0)
            optimiser.step()
            schedule.step()
            done += 1
            losses.append(loss.detach())
            if done % 50 == 0:
                _LOG.info("judge: step %d of %d, loss %.4f", done, steps, torch.stack(losses).mean().item())
                losses.clear()
    net.tuned.eval()
    head = {name: value.detach().cpu().numpy() for name, value in net.head.state_dict().items()}
    return net.encoder.adapter() | head


def _rate(step: int, steps: int) -> float:
    warm = max(1, steps // 15)
    return min((step + 1) / warm, 0.5 + 0.5 * math.cos(math.pi * min(1.0, step / steps)))


def _batches(rows: Sequence[Asked], size: int, rng: random.Random) -> list[list[Asked]]:
    """Once through all rows, in batches of similar length."""
    order = rng.sample(rows, len(rows))
    parts: list[list[Asked]] = []
    for k in range(0, len(order), size * 16):
        near = sorted(order[k : k + size * 16], key=lambda a: len(a.question.ids))
        parts += [near[j : j + size] for j in range(0, len(near), size)]
    return rng.sample(parts, len(parts))


def judged(weights: Weights, rows: Sequence[dict[str, Any]], seed: int = 1) -> str:
    """One line for the card: of the questions of rows that were not learnt from, how many are answered rightly."""
    if weights.judge is None:
        return ""
    reader = Reader(assets.encoder_dir(), weights.words)
    judge = Judge(weights.nets[0], weights.judge, weights.scale, reader)
    found = list(asked(rows, reader, "test", random.Random(seed)))
    right = {True: [0, 0], False: [0, 0]}
    for one in found:
        told = int(judge.of(one.question).argmax()) == one.answer
        right[one.open][0] += told
        right[one.open][1] += 1
    return (
        f"What happens next of what waits for a condition, after {right[True][1]} observations: {right[True][0]} "
        f"rightly; of what waits for none, asked as if it did, after {right[False][1]}: {right[False][0]}."
    )
