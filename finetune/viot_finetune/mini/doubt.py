"""The head that says whether a first request wants a tool (``llm.mini.doubt``), fitted to what the nets make of
authored requests: ``python -m viot_finetune.mini.doubt --data datasets/viot_instruct --weights mini.safetensors``.

All requests that call nothing are read, and as many of the others as ``calls`` says; those of files that the nets have
not read come more often, since there the nets err as they will err in use. Owns features, fit and the figures.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import random
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from torch import nn

from viot_agent.llm.mini.doubt import features
from viot_agent.llm.mini.grammar import Grammar
from viot_agent.llm.mini.menu import SYM, SYMBOLS
from viot_agent.llm.mini.planner import Planner
from viot_agent.llm.mini.weights import DOUBT, Weights
from viot_finetune.instruct.fill import fill, load_rows
from viot_finetune.instruct.pools import Half
from viot_finetune.instruct.site import CLEAN
from viot_finetune.mini.cards import stub_toolbox
from viot_finetune.mini.evaluate import split
from viot_finetune.mini.prepare import reading_of
from viot_finetune.mini.source import file_of, is_since

_LOG = logging.getLogger("viot_finetune.mini.doubt")
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Fitting:
    """All that decides a fit."""

    seed: int = 0
    since: str = "ssss"
    """The files from ``phrasings_<since>`` on come ``often`` times as often."""
    often: int = 3
    calls: int = 5000
    """Requests that call something, of those files that the nets have read."""
    inner: int = 64
    epochs: int = 12
    batch: int = 256
    rate: float = 1e-3
    decay: float = 0.02
    dropout: float = 0.3
    nothing: float = 0.35
    """Share of requests that want nothing at which the head is set: more than a chat sees, since a call too many costs
    more than a question too many."""


@dataclass(frozen=True, slots=True)
class Read:
    """Features (n, N), how far the nets lean towards a call (n,), and whether one is right (n,)."""

    features: Floats
    nets: Floats
    calls: npt.NDArray[np.bool_]
    weight: Floats


def chosen(rows: Sequence[dict[str, Any]], how: Fitting) -> list[tuple[dict[str, Any], int]]:
    """The rows that are learnt from and how often each: single turns, none left out that calls nothing."""
    rng = random.Random(how.seed)
    plain = [r for r in rows if not r.get("turns")]
    new = [r for r in plain if is_since(r, how.since)]
    old = [r for r in plain if not is_since(r, how.since)]
    nothing, calls = [r for r in old if not r["steps"]], [r for r in old if r["steps"]]
    return [(r, 1) for r in [*nothing, *rng.sample(calls, min(how.calls, len(calls)))]] + [(r, how.often) for r in new]


def read(
    rows: Sequence[tuple[dict[str, Any], int]], weights: Path, seed: int, half: Half = "train", processes: int = 2
) -> Read:
    """One filling of each row before all tools, as the nets of the file ``weights`` see it; as many ``processes`` as
    there are cores."""
    shares = [(rows[i::processes], weights, seed, half) for i in range(processes)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        parts = pool.starmap(_read, shares)
    return Read(*(np.concatenate([getattr(p, name) for p in parts]) for name in Read.__slots__))


def _read(rows: Sequence[tuple[dict[str, Any], int]], weights: Path, seed: int, half: Half) -> Read:
    planner = Planner(list(stub_toolbox()), weights=Weights.load(weights), threads=1)
    found, nets, calls, weight = [], [], [], []
    for done, (row, often) in enumerate(rows):
        example = fill(row, random.Random(f"{seed} {row['id']}"), half, CLEAN)[0]
        reading = reading_of(example, ())
        grammar = Grammar(reading, planner.menu, ())
        allowed = grammar.allowed()
        opinions, hidden = [], []
        for net in planner.nets:
            net.start(reading.units)
            scores = net.decoder.feed([*grammar.prefix])[[net.decoder.layout.flat(e) for e in allowed]]
            opinions.append(scores - scores.max() - np.log(np.exp(scores - scores.max()).sum()))
            hidden.append(net.decoder.hidden)
        mean = np.mean(opinions, axis=0)
        said = {SYMBOLS[i]: float(v) for (channel, i), v in zip(allowed, mean, strict=True) if channel == "sym"}
        found.append(features(hidden, [net.states for net in planner.nets], said))
        others = [v for e, v in zip(allowed, mean, strict=True) if e != ("sym", SYM["NEED"])]
        nets.append(said.get("NEED", -30.0) - max(others))
        calls.append(bool(row["steps"]))
        weight.append(often)
        if (done + 1) % 2000 == 0:
            _LOG.info("read %d of %d", done + 1, len(rows))
    return Read(np.stack(found), np.array(nets, np.float32), np.array(calls), np.array(weight, np.float32))


def fit(learnt: Read, held: Read, how: Fitting = Fitting()) -> dict[str, Floats]:
    """The head's arrays; where it stands is set on ``held``, so that with what the nets say most are told rightly."""
    torch.manual_seed(how.seed)
    mean, spread = learnt.features.mean(0), learnt.features.std(0) + 1e-3
    inputs = torch.from_numpy((learnt.features - mean) / spread)
    goal, weight = torch.from_numpy(learnt.calls.astype(np.float32)), torch.from_numpy(learnt.weight)
    inner, outer = nn.Linear(inputs.shape[1], how.inner), nn.Linear(how.inner, 1)
    net = nn.Sequential(nn.Dropout(how.dropout), inner, nn.ReLU(), nn.Dropout(how.dropout), outer)
    optimiser = torch.optim.AdamW(net.parameters(), how.rate, weight_decay=how.decay)
    for _ in range(how.epochs):
        for rows in torch.split(torch.randperm(len(inputs)), how.batch):
            said = net(inputs[rows])[:, 0]
            loss = nn.functional.binary_cross_entropy_with_logits(said, goal[rows], weight[rows])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    with torch.no_grad():
        folded = inner.weight / torch.from_numpy(spread)
        head = {
            "inner.weight": folded.numpy(),
            "inner.bias": (inner.bias - folded @ torch.from_numpy(mean)).numpy(),
            "outer.weight": outer.weight.numpy(),
            "outer.bias": outer.bias.numpy(),
        }
    shift = _best_shift(held, leans(head, held), how.nothing)
    return head | {"outer.bias": (head["outer.bias"] + shift).astype(np.float32)}


def leans(head: Mapping[str, Floats], seen: Read) -> Floats:
    """How far ``head`` leans each request, (n,)."""
    inner = np.maximum(seen.features @ head["inner.weight"].T + head["inner.bias"], 0)
    out: Floats = (inner @ head["outer.weight"].T + head["outer.bias"])[:, 0]
    return out


def _best_shift(held: Read, lean: Floats, nothing: float) -> float:
    share = np.where(held.calls, (1 - nothing) / held.calls.mean(), nothing / (1 - held.calls.mean()))
    tries = np.arange(-5, 5.01, 0.1)
    right = [(share * ((held.nets + np.clip(lean + t, -6, 6) > 0) == held.calls)).mean() for t in tries]
    best = [t for t, r in zip(tries, right, strict=True) if r >= max(right) - 1e-9]
    return float(best[len(best) // 2])


def told(seen: Read, lean: Floats | float) -> tuple[float, float]:
    """Shares of the requests that want a tool, and of those that want none, that are told rightly."""
    right = (seen.nets + np.clip(lean, -6, 6) > 0) == seen.calls
    return float(right[seen.calls].mean()), float(right[~seen.calls].mean())


def with_doubt(path: Path, head: Mapping[str, Floats]) -> None:
    """Put the head into a file of weights, whole or not at all."""
    with safe_open(path, "np") as file:
        meta = file.metadata()
    kept = {name: array for name, array in load_file(path).items() if not name.startswith(DOUBT)}
    own = {DOUBT + name: np.ascontiguousarray(array, np.float16) for name, array in head.items()}
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        save_file(kept | own, Path(folder) / "new", meta)
        shutil.move(Path(folder) / "new", path)


def main() -> None:
    """Fit the head and write it into the file."""
    parser = argparse.ArgumentParser(prog="python -m viot_finetune.mini.doubt", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with phrasings_*.jsonl")
    parser.add_argument("--weights", type=Path, required=True, help="the mini.safetensors that gets the head")
    parser.add_argument("--held", type=float, default=0.03, help="share of the phrasings nothing is learnt from")
    parser.add_argument("--apart", default="", help="files (ssss,tttt) not learnt from either: the figures on them")
    parser.add_argument("--dry", action="store_true", help="the figures only, nothing is written")
    args = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(message)s")
    _LOG.setLevel(logging.INFO)
    how = Fitting()
    apart = {name for name in args.apart.split(",") if name}
    kept, held = split(load_rows(args.data), args.held)
    file: Path = args.weights
    single = [(r, 1) for r in held if not r.get("turns")]
    seen = read(single, file, how.seed + 1, "test")
    learnt = read([(r, n) for r, n in chosen(kept, how) if file_of(r) not in apart], file, how.seed)
    head = fit(learnt, seen, how)
    sets = {"kept from training": seen}
    if apart:
        sets["apart"] = read([(r, 1) for r in kept if file_of(r) in apart and not r.get("turns")], file, 1, "test")
    for name, rows in sets.items():
        for what, lean in (("without", -1.0), ("with the head", leans(head, rows))):
            call, nothing = told(rows, lean)
            print(f"{name}, {what}: {call:.3f} of {rows.calls.sum()} that want a tool, {nothing:.3f} of "
                  f"{(~rows.calls).sum()} that want none", flush=True)  # fmt: skip
    if not args.dry:
        with_doubt(file, head)


if __name__ == "__main__":
    main()
