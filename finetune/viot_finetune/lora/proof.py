"""One table at equal tokens: untuned, VIoTGPT's preset, a modern one, full tuning, LoRA on a random base, the router.

Every recipe reads the same conversations once, in the same order, and is decoded greedily under the grammar on the same
held-out phrasings. All run packed (the gradients are those of plain batches; it is only cheaper), and at rates for a
base of five million parameters, which are not the presets' published ones for seven thousand million.

What is finished is kept in ``OUT/results.jsonl``: a run that was cut off goes on where it stopped. Owns the comparison.
"""

from __future__ import annotations

import hashlib
import json
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from viot_agent.bench.models import PolicyChat
from viot_agent.bench.report import Report, Row, bootstrap
from viot_agent.bench.router import Router
from viot_agent.llm.hf import load_hf
from viot_agent.toolbox import Toolbox
from viot_finetune.instruct.site import Noise
from viot_finetune.lora.conversation import Conversation
from viot_finetune.lora.dataset import Corpus, build, gather, held_out, read_rows, spread, within
from viot_finetune.lora.evaluate import METRICS, Outcome, evaluate
from viot_finetune.lora.presets import PRESETS, Recipe
from viot_finetune.lora.train import load_base, tune

_LOG = logging.getLogger(__name__)
TOOLS = ("face_recognition", "crowd_counting", "plate_recognition", "list_cameras", "export_clip")
"""The tools of ``heldout_a.jsonl``."""
STEP_TOKENS = 160
NOT_RUN = (
    "Qwen3-0.6B, modern preset: not run here (no weights on this machine); recipe in docs/finetune.md",
    "Qwen3-1.7B, modern preset: not run here (no GPU)",
    "Qwen3-4B-Instruct, modern and QLoRA: not run here (no GPU)",
    "Vicuna-7B and Llama-2-7B, VIoTGPT preset: not run here (no GPU)",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The size of the comparison: ``conversations`` that each recipe reads, held-out ``cases`` decoded (0: all)."""

    conversations: int = 600
    seeds: int = 3
    cases: int = 0
    block: int = 1536
    batch: int = 1
    adapter_rate: float = 3e-3
    full_rate: float = 1e-3

    def contenders(self) -> dict[str, tuple[Recipe, bool]]:
        """Recipe, and whether the base's weights are random instead."""

        def small(name: str) -> Recipe:
            rate = self.full_rate if PRESETS[name].method == "full" else self.adapter_rate
            return replace(
                PRESETS[name], rate=rate, epochs=1, batch=self.batch, accumulate=1, packing=True, checkpointing=False,
                max_length=self.block,
            )  # fmt: skip

        return {
            "viotgpt": (small("viotgpt"), False),
            "modern": (small("modern"), False),
            "full": (small("full"), False),
            "modern-random-base": (small("modern"), True),
        }


@dataclass(frozen=True, slots=True)
class Entry:
    """One finished run: the outcome of every case, and what the run read and learnt."""

    name: str
    seed: int
    outcomes: tuple[Outcome, ...]
    facts: Mapping[str, Any]


def prove(base: Path, data: Path, toolbox: Toolbox, out: Path, plan: Plan, command: str) -> tuple[Report, list[str]]:
    """Run what is not finished yet; the report and the lines of the table for people."""
    out.mkdir(parents=True, exist_ok=True)
    cases = _cases(data, toolbox, plan)
    key = _key(base, data, plan)
    entries = _finished(out / "results.jsonl", key)

    def once(name: str, seed: int, work: Callable[[], tuple[Sequence[Outcome], dict[str, Any]]]) -> None:
        if any(e.name == name and e.seed == seed for e in entries):
            return
        started = time.process_time()
        outcomes, facts = work()
        facts |= {"cpu_seconds": round(time.process_time() - started, 1)}
        entry = Entry(name, seed, tuple(outcomes), facts)
        entries.append(entry)
        _keep(out / "results.jsonl", key, entry)
        _LOG.warning("%s, seed %d: %s, %s", name, seed, _words(entry.outcomes), json.dumps(facts))

    once("router", 0, lambda: (evaluate(PolicyChat(policy=Router(), names=toolbox.names), cases), {}))
    once("untuned", 0, partial(_untuned, base, toolbox, cases))
    for seed in range(plan.seeds):
        # decided by the seed alone, so that every contender reads the same
        made = _corpus(base, data, toolbox, plan, seed)
        for name, (recipe, random_base) in plan.contenders().items():
            folder = out / f"{name}-{seed}"
            once(name, seed, partial(_tuned, base, made, recipe, random_base, seed, folder, toolbox, cases))
    return _report(entries, plan, len(cases), command), table(entries, len(cases))


def table(entries: Sequence[Entry], cases: int) -> list[str]:
    """A Markdown table: shares in percent with 95 % intervals over cases (each case's mean over seeds)."""
    lines = [
        "| contender | trained parameters | tokens learnt | first tool | arguments | whole chain | no step | last loss "
        "| seeds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, group in _groups(entries).items():
        cells = []
        for metric in METRICS:
            mean, low, high = _interval(group, metric)
            cells.append(f"{100 * mean:.1f} % ({100 * low:.0f} to {100 * high:.0f})")
        faults = sum(bool(o.fault) for e in group for o in e.outcomes) / sum(len(e.outcomes) for e in group)
        facts = [e.facts for e in group]
        trained, learnt = (str(facts[0].get(k, "-")) for k in ("trainable", "learnt"))
        losses = [f["loss"] for f in facts if f.get("loss") is not None]
        loss = f"{sum(losses) / len(losses):.2f}" if losses else "-"
        lines.append(
            f"| {name} | {trained} | {learnt} | {' | '.join(cells)} | {100 * faults:.0f} % | {loss} | {len(group)} |"
        )
    lines += ["", f"{cases} held-out phrasings of unseen wording and names."]
    return lines


def _tuned(
    base: Path, corpus: Corpus, recipe: Recipe, random_base: bool, seed: int, folder: Path, toolbox: Toolbox,
    cases: Sequence[Conversation],
) -> tuple[list[Outcome], dict[str, Any]]:  # fmt: skip
    start = _random_base(base, folder.with_name(f"random-base-{seed}"), seed) if random_base else base
    result = tune(str(start), corpus, recipe, folder, seed=seed, command="viot finetune proof")
    chat = load_hf(str(folder), toolbox) if recipe.method == "full" else load_hf(str(start), toolbox, str(folder))
    chat.max_new_tokens = STEP_TOKENS
    outcomes = evaluate(chat, cases)
    facts = {
        "trainable": result.trainable, "updates": result.updates, "learnt": corpus.learnt, "read": corpus.read,
        "conversations": corpus.conversations, "seconds": round(result.seconds, 1),
        "loss": round(sum(x for _, x in result.losses[-2:]) / len(result.losses[-2:]), 4) if result.losses else None,
    }  # fmt: skip
    return outcomes, facts


def _untuned(base: Path, toolbox: Toolbox, cases: Sequence[Conversation]) -> tuple[list[Outcome], dict[str, Any]]:
    chat = load_hf(str(base), toolbox)
    chat.max_new_tokens = STEP_TOKENS
    return evaluate(chat, cases), {}


def _random_base(base: Path, folder: Path, seed: int) -> Path:
    """A base of the same tokenizer and shape whose weights nothing has trained."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(1000 + seed)
    AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(base)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def _corpus(base: Path, data: Path, toolbox: Toolbox, plan: Plan, seed: int) -> Corpus:
    _, tokenizer = load_base(str(base), plan.contenders()["modern"][0], weights=False)
    rows = within(read_rows(data, "phrasings_*.jsonl"), toolbox)
    rng = random.Random(seed)
    found: list[Conversation] = []
    while len(found) < plan.conversations:
        some = rng.sample(rows, min(len(rows), plan.conversations - len(found)))
        found += gather(some, toolbox, fillings=1, seed=rng.randrange(2**31), half="train", noise=Noise()).conversations
    return build(found[: plan.conversations], tokenizer, toolbox, max_length=plan.block)


def _cases(data: Path, toolbox: Toolbox, plan: Plan) -> list[Conversation]:
    found = held_out(data, toolbox)
    return spread(found, plan.cases or len(found))


def _groups(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    order = ["untuned", "viotgpt", "modern", "full", "modern-random-base", "router"]
    return {n: [e for e in entries if e.name == n] for n in order if any(e.name == n for e in entries)}


def _interval(group: Sequence[Entry], metric: str) -> tuple[float, float, float]:
    by_case = zip(*([float(getattr(o, metric)) for o in e.outcomes] for e in group), strict=True)
    values = [sum(v) / len(v) for v in by_case]
    return (sum(values) / len(values), *bootstrap(values, 0))


def _report(entries: Sequence[Entry], plan: Plan, cases: int, command: str) -> Report:
    groups = _groups(entries)
    rows = []
    for name, group in groups.items():
        for metric in METRICS:
            floor = _interval(groups["router"], metric)[0] if "router" in groups and name != "router" else None
            mean, low, high = _interval(group, metric)
            rows.append(Row(f"lora.{name}.{metric}", "share", mean, low, high, cases, name, "own base", floor))
    facts = {f"{e.name}-{e.seed}": dict(e.facts) for e in entries}
    return Report(tuple(rows), NOT_RUN, command, {"plan": asdict(plan), "runs": facts})


def _words(outcomes: Sequence[Outcome]) -> str:
    return ", ".join(f"{m} {100 * sum(getattr(o, m) for o in outcomes) / len(outcomes):.1f} %" for m in METRICS)


def _key(base: Path, data: Path, plan: Plan) -> str:
    """What a finished run may be used again for: the same base, data and plan (more seeds may be added)."""
    parts = {k: v for k, v in asdict(plan).items() if k != "seeds"}
    total = hashlib.sha256(json.dumps(parts).encode())
    for path in [base / "model.safetensors", *sorted(data.glob("*.jsonl"))]:
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


def _finished(path: Path, key: str) -> list[Entry]:
    if not path.is_file():
        return []
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [
        Entry(r["name"], r["seed"], tuple(Outcome(**o) for o in r["outcomes"]), r["facts"])
        for r in lines
        if r["key"] == key
    ]


def _keep(path: Path, key: str, entry: Entry) -> None:
    record = {
        "key": key,
        "name": entry.name,
        "seed": entry.seed,
        "outcomes": [asdict(o) for o in entry.outcomes],
        "facts": dict(entry.facts),
    }
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record, ensure_ascii=False) + "\n")
