"""How good is it: whole chains against authored phrasings, strictly, beside the keyword router in one table.

A chain is right when every call (tool and all arguments after normalisation, in order) and the end are right. The
runtime itself is evaluated (ONNX encoder, NumPy decoder). A right call gets the observation of its phrasing; a wrong
one ends the run.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from viot_agent.bench.models import Past, View
from viot_agent.bench.router import Router
from viot_agent.llm.mini.menu import Call, Step
from viot_agent.llm.mini.outlook import outlook
from viot_agent.llm.mini.planner import Planner
from viot_agent.llm.mini.units import Passage, trim_time
from viot_agent.react import Act
from viot_agent.steps import Observation
from viot_finetune.instruct.fill import Example, fill
from viot_finetune.instruct.observations import SCENES
from viot_finetune.instruct.pools import Half
from viot_finetune.instruct.site import CLEAN
from viot_finetune.mini.prepare import reading_of

_SHARING = re.compile(r"^(?:both|all)(?: of)?(?: the)? ")
"""Before a plural, no part of what a group of cameras is called."""
NextStep = Callable[[Example, Sequence[Call], Sequence[Passage]], Step]


@dataclass(frozen=True, slots=True)
class Result:
    """One example's outcome."""

    example: Example
    steps: tuple[Step, ...]
    chain: bool
    tools: bool
    act: bool


def by_planner(planner: Planner) -> NextStep:
    """What an observation means for what is left is asked first, as in serving; but all that is known of an observation
    is its text."""

    def step(example: Example, history: Sequence[Call], seen: Sequence[Passage]) -> Step:
        reading = reading_of(example, seen)
        if not history:
            return planner.next_step(reading)
        ahead = outlook(planner, reading, history[-1], {})
        return planner.next_step(reading, history, settled=ahead.settled, barred=ahead.barred, other=ahead.other)

    return step


def by_router(example: Example, history: Sequence[Call], seen: Sequence[Passage]) -> Step:
    """The benchmark's frozen keyword router, which reads only the last turn."""
    said = example.said
    past = tuple(
        Past(call.tool, call.args, Observation("", call.tool, "ok", passage.text, data=_data(passage.text)))
        for call, passage in zip(history, seen, strict=True)
    )
    step = Router().next(View(said.text, said.mentions, said.uploads, past, ()))
    if isinstance(step, Act):
        return Step("act", plan=(step.tool,), tool=step.tool, args=dict(step.args))
    return Step("finish", "done" if history else "out_of_scope")


def _data(text: str) -> dict[str, Any]:
    """What the router takes from an observation: the handle or the scene in it."""
    handle = re.search(r"\b(?:poses|clip)-\d+", text)
    if handle is not None:
        return {"handle": handle[0]}
    return {"scenes": [s for s in SCENES if s in text]}


def examples(
    rows: Sequence[dict[str, Any]], *, half: Half = "test", seed: int = 1, renderings: int = 3
) -> list[Example]:
    """Fillings to evaluate on: clean words, names from the other half of the pools."""
    rng = random.Random(seed)
    return [e for row in rows for _ in range(renderings) for e in fill(row, rng, half, CLEAN)]


def split(
    rows: Sequence[dict[str, Any]], share: float, salt: str = ""
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Train and validation phrasings, by hash of ``salt`` and the text: a phrasing is in one of them with all its
    fillings."""
    words = ["\n".join(t["text"] for t in row.get("turns") or [row]) for row in rows]
    held = [zlib.crc32((salt + text).encode()) % 1000 < 1000 * share for text in words]
    return [r for r, h in zip(rows, held, strict=True) if not h], [r for r, h in zip(rows, held, strict=True) if h]


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
    seen: list[Passage] = []
    taken: list[Step] = []
    right = True
    for expected in [*example.steps, None]:
        step = next_step(example, history, seen)
        taken.append(step)
        if expected is None or step.kind != "act":
            break
        right = (step.tool, normal(step.args)) == (expected.tool, normal(expected.args))
        if not right:
            break
        waiting = tuple(i - 1 for i in step.open if i)
        history.append(Call(step.tool, step.args, expected.status, step.plan[1:], waiting))
        seen.append(Passage(expected.observation, tool=expected.tool))
    end = taken[-1]
    if example.steps:
        ended = right and len(history) == len(example.steps) and end.kind == "finish" and end.reply == "done"
    elif example.reply == "ask":
        ended = end.kind == "ask" and set(end.missing) == set(example.missing)
    else:
        ended = end.kind == "finish" and end.reply == example.reply
    tools = [s.tool for s in taken if s.kind == "act"] == [s.tool for s in example.steps]
    # without a tool any reply or question is right: which one is told by ``chain``
    return Result(example, tuple(taken), ended, tools, (taken[0].kind == "act") == bool(example.steps))


def normal(args: dict[str, Any]) -> dict[str, Any]:
    """Arguments as they are compared: names without case ("both gates" are the gates), plates without case, spaces,
    hyphens; times trimmed."""
    out: dict[str, Any] = {}
    for key, value in args.items():
        if isinstance(value, list):
            out[key] = sorted({_SHARING.sub("", _fold(v)) for v in value})
        elif key == "plate":
            out[key] = re.sub(r"[\s\-·]", "", value).casefold()
        else:
            out[key] = _fold(trim_time(value) if key == "time" else value)
    return out


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())
