"""``python -m viot_finetune.mini --data datasets/viot_instruct --out viot_agent/llm/mini``: data to shipped weights."""

from __future__ import annotations

import argparse
import json
import logging
import math
import shutil
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

from viot_agent.bench.cards import cards
from viot_agent.llm.mini.assets import sha256_of
from viot_agent.llm.mini.planner import Planner
from viot_agent.llm.mini.weights import Weights
from viot_finetune.instruct.fill import load_rows
from viot_finetune.mini import conditions
from viot_finetune.mini.card import write_card
from viot_finetune.mini.cards import stub_toolbox
from viot_finetune.mini.evaluate import by_planner, by_router, evaluate, examples, split, table
from viot_finetune.mini.recipe import Recipe, fast_at_halves
from viot_finetune.mini.source import vocabulary, without
from viot_finetune.mini.train import SAFE_EVERY, resumed_at, save, train, with_judge

AT_ONCE = 64
"""Decisions that a processor computes at once, at most: 256 of them, padded, took more than 24 GiB."""


def at_once(batch: int) -> int:
    """The largest part of a batch that a processor computes at once and that comes out even."""
    return next(n for n in range(min(AT_ONCE, batch), 0, -1) if batch % n == 0)


def main() -> None:
    """Train, write ``mini.safetensors``, evaluate on held-out phrasings, print the table."""
    parser = argparse.ArgumentParser(prog="python -m viot_finetune.mini", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with phrasings_*.jsonl and heldout_*.jsonl")
    parser.add_argument("--out", type=Path, required=True, help="folder for mini.safetensors")
    parser.add_argument("--held", type=float, default=0.03, help="share of the phrasings kept for validation")
    parser.add_argument("--lora-steps", type=int, default=Recipe().lora_steps)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--start", type=Path, help="go on from this mini.safetensors")
    parser.add_argument("--threads", type=int, default=Recipe().threads)
    parser.add_argument("--device", choices=("cpu", "cuda"), default=Recipe().device)
    parser.add_argument(
        "--halved",
        action=argparse.BooleanOptionalAction,
        help="products in bfloat16 on a processor; if left out, where it multiplies in that",
    )
    parser.add_argument("--makers", type=int, default=Recipe().makers, help="processes that make batches")
    parser.add_argument("--batch", type=int, default=Recipe().batch, help="decisions an update is made of")
    parser.add_argument(
        "--at-once", type=int, help=f"how many of them are computed at once: {AT_ONCE} at most on a processor, else all"
    )
    parser.add_argument("--save-every", type=int, default=SAFE_EVERY, help="steps between two savings on the way")
    parser.add_argument("--layers", default=",".join(map(str, Recipe().layers)), help="MiniLM's layers that are tuned")
    parser.add_argument(
        "--mix", type=int, default=Recipe().mix, help="layers in which request and cards read each other"
    )
    parser.add_argument("--hide", type=float, default=Recipe().hide, help="share of the words made unreadable")
    parser.add_argument("--dropout", type=float, default=Recipe().dropout, help="in the decoder")
    parser.add_argument("--encoder-dropout", type=float, default=Recipe().encoder_dropout)
    parser.add_argument(
        "--share", type=float, default=1.0, help="share of the phrasings to learn from: a learning curve"
    )
    parser.add_argument("--without", default="", help="tools, with commas between, that this model shall not know")
    parser.add_argument("--nets", type=int, default=Recipe().nets, help="nets that learn side by side")
    parser.add_argument("--mutual", type=float, default=Recipe().mutual, help="how much nets learn from each other")
    since, more = Recipe().newer
    parser.add_argument("--since", default=since, help="the files from phrasings_SINCE on come oftener: --more")
    parser.add_argument("--more", type=float, default=more, help="how much oftener")
    parser.add_argument("--later", type=float, default=Recipe().later, help="share of later decisions learnt from")
    parser.add_argument("--no-thought", action="store_true", help="steps without the tools that remain: a comparison")
    parser.add_argument("--train-only", action="store_true", help="no evaluation and no card: --eval-only makes both")
    parser.add_argument(
        "--eval-only",
        action="store_true",
        help="evaluate, after fitting the judge of conditions where there is none; the card too",
    )
    parser.add_argument("--judge-further", action="store_true", help="with --eval-only: go on with the file's judge")
    parser.add_argument("--misses", action="store_true", help="print the validation cases that are wrong")
    args = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(message)s")
    log = logging.getLogger("viot_finetune")
    log.setLevel(logging.INFO)
    recipe = replace(
        Recipe(),
        seed=args.seed,
        lora_steps=args.lora_steps,
        threads=args.threads,
        device=args.device,
        halved=args.device == "cpu" and (fast_at_halves() if args.halved is None else args.halved),
        makers=args.makers,
        batch=args.batch,
        at_once=args.at_once or (at_once(args.batch) if args.device == "cpu" else args.batch),
        layers=tuple(int(n) for n in args.layers.split(",")),
        mix=args.mix,
        hide=args.hide,
        dropout=args.dropout,
        encoder_dropout=args.encoder_dropout,
        without=tuple(t for t in args.without.split(",") if t),
        thought=not args.no_thought,
        nets=args.nets,
        mutual=args.mutual,
        newer=(args.since, args.more),
        later=args.later,
    )
    unknown = [t for t in recipe.without if t not in cards()]
    if unknown:
        parser.error(f"there is no tool {', '.join(unknown)}; the tools are {', '.join(cards())}")
    if args.since not in ("", since) and not (args.data / f"phrasings_{args.since}.jsonl").is_file():
        parser.error(f"there is no phrasings_{args.since}.jsonl in {args.data}")
    if args.halved and args.device != "cpu":
        parser.error("--halved is a processor's way: with --device cpu")
    if args.judge_further and not args.eval_only:
        parser.error("--judge-further goes on with the judge of a file that is there: with --eval-only")
    if args.save_every < 1 or args.save_every % 20:
        parser.error("--save-every is a multiple of 20, the steps that a mean loss is of")
    if args.start:
        # a fitted model is moved more gently
        recipe = replace(recipe, decoder_rate=recipe.decoder_rate / 2, lora_rate=recipe.lora_rate / 2)
    kept, held = split(load_rows(args.data), args.held)
    # which of them: by hash of the text, and every smaller share lies within every larger one
    kept = split(kept, args.share, salt="share")[1] if args.share < 1 else kept
    path, run = args.out / "mini.safetensors", args.out / "mini.run.json"
    if not args.eval_only:
        started = time.monotonic()
        came_from = sha256_of(args.start) if args.start else ""
        strange = load_rows(args.data, "fictitious*.jsonl")
        words = vocabulary(kept)
        safe = path.with_suffix(".running")
        nets, curve = train(
            kept, recipe, words=words, strange=strange, minutes=args.minutes, start=args.start, safe=safe,
            every=args.save_every,
        )  # fmt: skip
        save(nets, path, recipe, words)
        resumed = resumed_at(safe)
        shutil.rmtree(safe)
        seconds = time.monotonic() - started
        last = f"{curve[-1]:.4f}" if curve else "of no twenty steps"
        where = "one GPU" if args.device == "cuda" else f"{args.threads} thread(s)"
        facts = {"trained": f"{seconds:.0f} s, {where}, {20 * len(curve)} steps, last loss {last}"}
        if resumed:
            steps = ", ".join(map(str, resumed))
            facts["broken off"] = (
                f"went on at step {steps}, each time with a stream of batches of its own: not repeatable to the bit; "
                "the seconds are those of the last part"
            )
        if 20 * len(curve) + 20 <= recipe.lora_steps:
            facts["stopped"] = f"by the clock, and the schedule with it: as long is --lora-steps {20 * len(curve)}"
        if args.start:
            facts["goes on from"] = f"sha256 `{came_from}`"
        log.info("trained: %s", facts["trained"])
        command = "python -m viot_finetune.mini " + " ".join(a for a in sys.argv[1:] if a != "--train-only")
        count = len(without(kept, recipe.without))
        run.write_text(
            json.dumps({"rows": count, "recipe": asdict(recipe), "command": command, "facts": facts}), "utf-8"
        )
        if args.train_only:
            return
    weights = Weights.load(path)
    if weights.judge is None or args.judge_further:
        fitting = conditions.further if args.judge_further else conditions.fit
        judge = fitting(weights, without(kept, recipe.without), threads=args.threads, device=args.device)
        with_judge(path, judge)
        weights = Weights.load(path)
    planner = Planner(list(stub_toolbox()), weights=weights)
    tables: list[str] = []
    told = conditions.judged(weights, held)
    print(told, flush=True)
    sets = {"validation": held}
    if list(args.data.glob("heldout_*.jsonl")):
        sets["held-out"] = load_rows(args.data, "heldout_*.jsonl")
    for name, rows in sets.items():
        if not rows:
            continue
        cases = examples(rows)
        results = {"mini": evaluate(cases, by_planner(planner)), "keyword router": evaluate(cases, by_router)}
        tables += ["", f"{name}: {len(rows)} phrasings, {len(cases)} fillings", "", *table(results)]
        print("\n".join(tables[-6:]), flush=True)
        if args.misses and name == "validation":
            for r in (r for r in results["mini"] if not r.chain):
                said = [(s.tool or s.reply or "ask", s.args or s.missing) for s in r.steps]
                want = [(e.tool, e.args, e.observation) for e in r.example.steps]
                ids = [r.example.id, r.example.text, want, r.example.reply, r.example.missing, said]
                print(json.dumps(ids, ensure_ascii=False))
    if run.is_file():
        past = json.loads(run.read_text("utf-8"))
        write_card(path.with_suffix(".md"), path, args.data, past, [*tables, "", told])
        run.unlink()


if __name__ == "__main__":
    main()
