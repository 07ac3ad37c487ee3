"""The ReAct text grammar: one renderer and one parser, shared by training and serving.

A step is one of three::

    Thought: <one line>
    Action: <tool name>
    Action Input: <JSON object, one line>

    Thought: <one line>
    Final Answer: <text to the end>

    Thought: <one line>
    Ask Back: <JSON object {"missing": [...], "question": "..."}, one line>

The runtime inserts ``Observation: <one line>`` after an action. Rendering is canonical (arguments in the order given,
no spaces varied), so ``render(parse(text)) == text`` for every rendered text (property-tested).

Owns the text form. Knows no tool, no model, no chat template.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from viot_agent.errors import ParseFault
from viot_agent.foreign import read_json


@dataclass(frozen=True, slots=True)
class Act:
    """Think, then call a tool."""

    thought: str
    tool: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finish:
    """Think, then answer. ``text`` may hold line breaks."""

    thought: str
    text: str


@dataclass(frozen=True, slots=True)
class AskBack:
    """Think, then ask the person for what is missing."""

    thought: str
    missing: tuple[str, ...]
    question: str


ReactStep = Act | Finish | AskBack

_HEAD = re.compile(r"^Thought:[ \t]?(?P<thought>[^\n]*)\n(?P<kind>Action|Final Answer|Ask Back):[ \t]?", re.DOTALL)


def one_line(text: str) -> str:
    """Whitespace folded, control characters gone: what may stand in a one-line field."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def render(step: ReactStep) -> str:
    """The canonical text of a step, without trailing newline."""
    head = f"Thought: {one_line(step.thought)}\n"
    if isinstance(step, Act):
        body = json.dumps(dict(step.args), ensure_ascii=False)
        return f"{head}Action: {step.tool}\nAction Input: {body}"
    if isinstance(step, AskBack):
        body = json.dumps({"missing": list(step.missing), "question": step.question}, ensure_ascii=False)
        return f"{head}Ask Back: {body}"
    return f"{head}Final Answer: {step.text.strip()}"


def render_observation(summary: str) -> str:
    """The line the runtime inserts. Data, folded to one line so that it cannot open a step of its own."""
    return f"Observation: {one_line(summary)}"


def render_run(steps: Iterable[tuple[ReactStep, str | None]]) -> str:
    """A whole scratchpad: steps with their observations."""
    parts = []
    for step, observation in steps:
        parts.append(render(step))
        if observation is not None:
            parts.append(render_observation(observation))
    return "\n".join(parts)


def parse(text: str) -> ReactStep:
    """The first step in ``text``; what follows an action (an invented observation) is not read.

    Raises ParseFault saying what is missing.
    """
    stripped = text.strip()
    match = _HEAD.match(stripped)
    if match is None:
        raise ParseFault("expected 'Thought: ...' and then 'Action:', 'Final Answer:' or 'Ask Back:'", text=text)
    thought, rest = match["thought"].strip(), stripped[match.end() :]
    if match["kind"] == "Final Answer":
        if not rest.strip():
            raise ParseFault("'Final Answer:' is empty", text=text)
        return Finish(thought, rest.strip())
    if match["kind"] == "Ask Back":
        value = _object(rest.split("\n", 1)[0], text)
        missing, question = value.get("missing"), value.get("question")
        if not isinstance(missing, list) or not all(isinstance(m, str) for m in missing):
            raise ParseFault('\'Ask Back:\' needs {"missing": [names], "question": text}', text=text)
        if not isinstance(question, str):
            raise ParseFault("'Ask Back:' needs a question", text=text)
        return AskBack(thought, tuple(missing), question)
    name, _, after = rest.partition("\n")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name.strip()):
        raise ParseFault(f"'Action:' needs one tool name, not {name.strip()!r}", text=text)
    if not after.startswith("Action Input:"):
        raise ParseFault("'Action:' must be followed by 'Action Input:'", text=text)
    body = after[len("Action Input:") :].strip().split("\n", 1)[0]
    return Act(thought, name.strip(), _object(body, text))


def _object(body: str, text: str) -> dict[str, Any]:
    try:
        value = read_json(body)
    except json.JSONDecodeError as error:
        raise ParseFault(f"not a JSON object: {error}", text=text) from error
    if not isinstance(value, dict):
        raise ParseFault(f"expected a JSON object, got {type(value).__name__}", text=text)
    return value
