"""How good is it: whole chains against authored phrasings, strictly, beside the keyword router in one table.

A chain is right when every call (tool and all arguments after normalisation, in order) and the end are right. The
runtime itself is evaluated (int8 encoder, NumPy decoder), with observations that simply say *found*.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from viot_agent.llm.mini.grammar import MAX_PLAN, Call, Step
from viot_agent.llm.mini.planner import Planner
from viot_agent.llm.mini.units import trim_time
from viot_finetune.mini.examples import CLEAN, Example, fill
from viot_finetune.mini.pools import Half
from viot_finetune.mini.router import route

NextStep = Callable[[Example, Sequence[Call]], Step]


@dataclass(frozen=True, slots=True)
class Result:
    """One example's outcome."""

    example: Example
    steps: tuple[Step, ...]
    chain: bool
    tools: bool
    act: bool


def by_planner(planner: Planner) -> NextStep:
    return lambda e, history: planner.next_step(e.text, e.mentions, e.uploads, history)


def by_router(example: Example, history: Sequence[Call]) -> Step:
    return Step("finish", "done") if history else route(example.text, example.mentions, example.uploads)


def examples(
    rows: Sequence[dict[str, Any]], *, half: Half = "test", seed: int = 1, renderings: int = 3
) -> list[Example]:
    """Fillings to evaluate on: clean words, names from the other half of the pools."""
    rng = random.Random(seed)
    return [fill(row, rng, half, CLEAN) for row in rows for _ in range(renderings)]


def evaluate(cases: Sequence[Example], next_step: NextStep) -> list[Result]:
    """Run every example to its end."""
    return [_run(case, next_step) for case in cases]


def table(results: dict[str, list[Result]]) -> list[str]:
    """Rows of a Markdown table: whole chain, tools, no-tool cases, single and multi, for each named result list."""
    lines = [
        "| model | whole chain | tools right | tool or not | single | multi | no tool | n |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, rows in results.items():
        parts = [
            [r.chain for r in rows],
            [r.tools for r in rows],
            [r.act for r in rows],
            [r.chain for r in rows if len(r.example.steps) == 1],
            [r.chain for r in rows if len(r.example.steps) > 1],
            [r.chain for r in rows if not r.example.steps],
        ]
        cells = [f"{100 * sum(p) / len(p):.1f} %" if p else "-" for p in parts]
        lines.append(f"| {name} | {' | '.join(cells)} | {len(rows)} |")
    return lines


def _run(example: Example, next_step: NextStep) -> Result:
    history: list[Call] = []
    taken: list[Step] = []
    for _ in range(MAX_PLAN + 1):
        step = next_step(example, history)
        taken.append(step)
        if step.kind != "act":
            break
        history.append(Call(step.tool, step.args, "found"))
    calls = [(c.tool, normal(c.args)) for c in history]
    want = [(t, normal(a)) for t, a in example.steps]
    end = taken[-1]
    if example.steps:
        ended = end.kind == "finish" and end.reply == "done"
    elif example.reply == "ask":
        ended = end.kind == "ask" and set(end.missing) == set(example.missing)
    else:
        ended = end.kind == "finish" and end.reply == example.reply
    tools = [t for t, _ in calls] == [t for t, _ in want]
    return Result(example, tuple(taken), calls == want and ended, tools, bool(calls) == bool(want))


def normal(args: dict[str, Any]) -> dict[str, Any]:
    """Arguments as they are compared: names without case, plates without case, spaces, hyphens; times trimmed."""
    out: dict[str, Any] = {}
    for key, value in args.items():
        if isinstance(value, list):
            out[key] = sorted({_fold(v) for v in value})
        elif key == "plate":
            out[key] = re.sub(r"[\s\-·]", "", value).casefold()
        else:
            out[key] = _fold(trim_time(value) if key == "time" else value)
    return out


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())
