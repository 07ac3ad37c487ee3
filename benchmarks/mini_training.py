"""Training of ``mini`` on a processor: rows without padding against the padded form, on the same batches in turn.

The padded form of the encoder is what transformers, peft and PyTorch make of it by themselves: padded rows, a module a
product, their own dropout. What is timed is the forward and backward pass of one net's encoder; beside it the whole
update of the recipe (both nets with their decoders), in full precision and, where the processor multiplies in it, in
bfloat16 as it is trained, the two in turn. No padded decoder is kept to compare with.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from viot_agent.llm.mini import assets
from viot_agent.llm.mini.encoder import Reader
from viot_finetune.instruct.fill import load_rows
from viot_finetune.mini.flat import Rows, adapted
from viot_finetune.mini.minilm import EncoderTrainer
from viot_finetune.mini.prepare import Packed, Tokens
from viot_finetune.mini.recipe import Recipe, fast_at_halves
from viot_finetune.mini.source import Plan, batches, texts_of_cards
from viot_finetune.mini.train import Learner, gradients

AT_ONCE = 64


def main() -> None:
    """Print both forms' seconds a batch, their ratio, and the seconds of an update."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("datasets/viot_instruct"))
    parser.add_argument("--file", default="phrasings_s*.jsonl", help="which phrasings: some are enough for lengths")
    parser.add_argument("--batches", type=int, default=16, help=f"of {AT_ONCE} decisions; a multiple of 4")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if args.batches < 4 or args.batches % 4:
        parser.error("--batches is a multiple of 4: an update is made of four")
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    recipe = replace(Recipe(), at_once=AT_ONCE)
    plan = Plan(
        load_rows(args.data, args.file), (), load_rows(args.data, "fictitious*.jsonl"), recipe.strange, recipe.absent,
        AT_ONCE, recipe.hide, 0, later=recipe.later,
    )  # fmt: skip
    stream = batches(plan)
    made = [next(stream) for _ in range(args.batches)]
    real = sum(len(read.ids) for read, _ in made)
    room = sum(len(read.lengths) * int(read.lengths.max()) for read, _ in made)
    print(f"{args.batches} batches of {AT_ONCE} decisions, {real} tokens, padded {room} ({real / room:.2f} of it)")
    flat, padded = EncoderTrainer(recipe), _padded(recipe)
    taken: dict[str, list[float]] = {"flat": [], "padded": []}
    for read, _ in made:
        taken["padded"].append(_timed(lambda read=read: _states_padded(padded, read)))
        taken["flat"].append(_timed(lambda read=read: flat.states(read)))
    for name, seconds in taken.items():
        print(
            f"encoder, {name}: {sum(seconds) / len(seconds):.2f} s a batch, {real / sum(seconds):.0f} tokens a second"
        )
    each = [a / b for a, b in zip(taken["padded"], taken["flat"], strict=True)]
    ratio = sum(taken["padded"]) / sum(taken["flat"])
    print(f"padded takes {ratio:.2f} times as long (median of the batches {statistics.median(each):.2f})")
    seconds = _updates(recipe, made)
    for name, each in seconds.items():
        print(
            f"an update of {recipe.batch} decisions, {recipe.nets} nets, {name}: {statistics.median(each):.1f} s "
            f"({', '.join(f'{s:.1f}' for s in each)})"
        )
    if len(seconds) == 2:
        ratios = [a / b for a, b in zip(seconds["float32"], seconds["bfloat16"], strict=True)]
        print(f"float32 takes {statistics.median(ratios):.2f} times as long")
    else:
        print("this processor does not multiply in bfloat16: nothing is computed in it here")


def _padded(recipe: Recipe) -> Any:
    """The model as peft gives it."""
    encoder = EncoderTrainer(recipe)
    for layer in adapted(encoder.model):
        del layer.forward
    for module in encoder.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = recipe.encoder_dropout
    return encoder.model.train()


def _states_padded(model: Any, read: Tokens) -> torch.Tensor:
    rows = Rows(read.lengths)
    ids = rows.padded(torch.from_numpy(read.ids)[:, None].float())[..., 0].long()
    mask = torch.arange(ids.shape[1])[None] < torch.from_numpy(read.lengths)[:, None]
    hidden: torch.Tensor = model(input_ids=ids, attention_mask=mask.long()).last_hidden_state
    return hidden[mask]


def _timed(states: Any) -> float:
    began = time.perf_counter()
    states().square().mean().backward()
    return time.perf_counter() - began


def _updates(recipe: Recipe, made: list[tuple[Tokens, Packed]]) -> dict[str, list[float]]:
    """Seconds of updates, a precision: each made of four batches, which every precision computes in turn."""
    learners = [Learner(recipe) for _ in range(recipe.nets)]
    reader = Reader(assets.encoder_dir())
    for learner in learners:
        learner.read_cards(texts_of_cards(), reader)
        learner.net.train()
    parts = recipe.batch // AT_ONCE
    seconds: dict[str, list[float]] = {"float32": []} | ({"bfloat16": []} if fast_at_halves() else {})
    for k in range(0, len(made), parts):
        for name, taken in seconds.items():
            began = time.perf_counter()
            gradients(learners, iter(made[k : k + parts]), parts, recipe.mutual, halved=name == "bfloat16")
            taken.append(time.perf_counter() - began)
    return seconds


if __name__ == "__main__":
    main()
