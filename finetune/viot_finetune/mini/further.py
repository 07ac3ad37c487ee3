"""One net of a finished model reads what was authored since: ``python -m viot_finetune.mini.further``.

For a processor: one net learns (its adapter and its decoder), in bfloat16 where the processor is fast at it, mostly
from first decisions and from the newer files; the other nets and the judge of conditions, which stands on the first,
stay as they are. Words are spelt as in the file that it goes on from. Owns this loop; net, stream and file are
``train``'s.
"""

from __future__ import annotations

import argparse
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from viot_agent.errors import UserFault
from viot_agent.llm.mini import assets
from viot_agent.llm.mini.encoder import Reader
from viot_agent.llm.mini.storage import packed
from viot_agent.llm.mini.weights import Weights
from viot_finetune.instruct.fill import load_rows
from viot_finetune.mini.evaluate import split
from viot_finetune.mini.net import label_loss
from viot_finetune.mini.prepare import Packed, Tokens
from viot_finetune.mini.recipe import Recipe, halves
from viot_finetune.mini.source import Plan, streamed, texts_of_cards, without
from viot_finetune.mini.train import Learner

_LOG = logging.getLogger("viot_finetune.mini.further")
CARDS = 300
"""Steps between two readings of the tools' cards, which cost as much as two steps."""


@dataclass(frozen=True, slots=True)
class Further:
    """All that decides a run."""

    net: int = 1
    since: str = "kkk"
    more: float = 3.0
    later: float = 0.35
    steps: int = 2000
    batch: int = 64
    seed: int = 100
    decoder_rate: float = 3e-4
    lora_rate: float = 4e-4
    strange: float = 0.1
    absent: float = 0.08
    hide: float = 0.05
    threads: int = 2


def further(
    start: Path, data: Path, out: Path, how: Further, held: float = 0.03, minutes: float = math.inf
) -> list[float]:
    """Train net ``how.net`` of ``start`` on all but the share ``held`` of ``data``'s rows and write ``out``. Tools that
    ``start`` was kept from are kept from it further.

    Returns the mean losses of every 20 steps. ``minutes`` ends the schedule early. Raises UserFault where ``start``
    holds no such net or one of another build than :class:`Recipe`'s, where the judge stands on that net, where
    ``how.since`` names no file, and for no steps or no time."""
    weights = Weights.load(start)
    if not 0 <= how.net < len(weights.nets):
        raise UserFault(f"{start} holds {len(weights.nets)} net(s)", fix="--net counts from 0")
    if how.net == 0 and weights.judge is not None:
        raise UserFault("the judge of conditions stands on net 0 as it is", fix="let another net learn: --net 1")
    if not (data / f"phrasings_{how.since}.jsonl").is_file():
        raise UserFault(f"there is no phrasings_{how.since}.jsonl in {data}", fix="--since: the first of the new files")
    if how.steps < 1 or minutes <= 0:
        raise UserFault("no steps or no time to learn in", fix="--steps and --minutes above 0")
    out.parent.mkdir(parents=True, exist_ok=True)
    file = _File(start)
    torch.manual_seed(how.seed)
    torch.set_num_threads(how.threads)
    rank = next((a for n, a in weights.nets[how.net].items() if n.endswith(".A")), np.zeros((1, 1))).shape[0]
    recipe = replace(Recipe(), nets=1, rank=rank, alpha=round(rank * weights.scale), encoder_dropout=0.0)
    learner = Learner(recipe)
    if learner.arrays().keys() != weights.nets[how.net].keys():
        raise UserFault(
            f"net {how.net} of {start} is built otherwise", fix="train it with python -m viot_finetune.mini"
        )
    learner.load(weights.nets[how.net])
    kept, _ = split(load_rows(data), held)
    plan = Plan(
        without(kept, weights.without), weights.words, load_rows(data, "fictitious*.jsonl"), how.strange, how.absent,
        how.batch, how.hide, how.seed, weights.without, weights.thought, newer=(how.since, how.more), later=how.later,
    )  # fmt: skip
    stream = streamed(plan)
    try:
        curve = _run(learner, stream, Reader(assets.encoder_dir(), weights.words), how, minutes)
    finally:
        stream.close()
    file.put(out, how.net, learner)
    return curve


class _File:
    """A file of weights as it was when the run began."""

    def __init__(self, path: Path) -> None:
        self.arrays = load_file(path)
        with safe_open(path, "np") as file:
            self.meta: dict[str, str] = file.metadata()

    def put(self, out: Path, place: int, learner: Learner) -> None:
        """Write it with one net in the place of another."""
        kept = {name: array for name, array in self.arrays.items() if not name.startswith(f"{place}/")}
        own = {f"{place}/" + name.removeprefix("0/"): array for name, array in packed([learner.arrays()]).items()}
        save_file(kept | own, out, self.meta)


def _run(
    learner: Learner, stream: Iterator[tuple[Tokens, Packed]], reader: Reader, how: Further, minutes: float
) -> list[float]:
    groups = [
        {"params": list(learner.net.parameters()), "lr": how.decoder_rate, "weight_decay": 0.05},
        {"params": learner.adapter, "lr": how.lora_rate, "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups)
    begun = time.monotonic()
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, partial(_rate, steps=how.steps, begun=begun, seconds=60 * minutes)
    )
    losses, curve = [], []
    texts = texts_of_cards()
    learner.net.train()
    for step in range(how.steps):
        with halves("cpu"):
            if step % CARDS == 0:
                learner.read_cards(texts, reader)
            scores, batch = learner.scores(*next(stream))
            loss = label_loss(scores.float(), batch)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([*learner.net.parameters(), *learner.adapter], 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        if (step + 1) % 20 == 0:
            curve.append(sum(losses[-20:]) / 20)
            _LOG.info("step %d loss %.4f, %.0f s", step + 1, curve[-1], time.monotonic() - begun)
        if time.monotonic() - begun > 60 * minutes:
            _LOG.warning("stopped by the clock at step %d", step + 1)
            break
    learner.encoder.drop.eval()
    return curve


def _rate(step: int, steps: int, begun: float, seconds: float) -> float:
    """Linear warm-up over 4 %, then a cosine to nothing at the last step, or when the clock runs out."""
    done = max(step / steps, (time.monotonic() - begun) / seconds)
    return min((step + 1) / max(1, steps // 25), 0.5 + 0.5 * math.cos(math.pi * min(1.0, done)))


def main() -> None:
    """Go on with one net and write the file."""
    parser = argparse.ArgumentParser(prog="python -m viot_finetune.mini.further", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with phrasings_*.jsonl")
    parser.add_argument("--start", type=Path, required=True, help="the mini.safetensors to go on from")
    parser.add_argument("--out", type=Path, required=True, help="the mini.safetensors to write")
    parser.add_argument("--net", type=int, default=Further().net, help="which net learns, from 0")
    parser.add_argument("--since", default=Further().since, help="the files from phrasings_SINCE on are new to it")
    parser.add_argument("--more", type=float, default=Further().more, help="how much oftener their rows come")
    parser.add_argument("--gently", type=float, default=1.0, help="a factor on the learning rates")
    parser.add_argument("--steps", type=int, default=Further().steps)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--seed", type=int, default=Further().seed)
    args = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("viot_finetune").setLevel(logging.INFO)
    rates = Further()
    how = Further(
        net=args.net, since=args.since, more=args.more, steps=args.steps, seed=args.seed,
        decoder_rate=args.gently * rates.decoder_rate, lora_rate=args.gently * rates.lora_rate,
    )  # fmt: skip
    further(args.start, args.data, args.out, how, minutes=args.minutes)


if __name__ == "__main__":
    main()
