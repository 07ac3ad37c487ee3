"""How well a model acts: held-out conversations, decoded step by step on the serving path, strictly compared.

The model is an ``HFChat`` (or any chat model that writes ReAct steps); it reads what serving would show it, its right
calls get the recorded observations, and the run ends at its first wrong step.

Owns the comparison of a step with the right one. Knows no weights.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage

from viot_agent.bench.cases import Case
from viot_agent.bench.report import bootstrap
from viot_agent.errors import ParseFault
from viot_agent.llm.mini.units import trim_time
from viot_agent.react import Act, AskBack, Finish, ReactStep, parse
from viot_finetune.lora.conversation import Conversation, observed

METRICS = ("first_tool", "arguments", "chain")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One conversation: was the first step's tool right (or that none is called), also its arguments (or what is asked
    back), also every later step and the end. ``fault`` is what the model wrote where that was no step."""

    id: str
    first_tool: bool
    arguments: bool
    chain: bool
    fault: str = ""


def run(model: BaseChatModel, conversation: Conversation) -> Outcome:
    """Decode one conversation."""
    messages = list(conversation.opening)
    tool = arguments = False
    for number, gold in enumerate(conversation.steps):
        try:
            message = model.invoke(messages)
        except ParseFault as fault:
            return Outcome(conversation.id, tool, arguments, False, fault.text[:300] or str(fault))
        assert isinstance(message, AIMessage), "chat models answer with AI messages"
        made = parse(str(message.additional_kwargs["react"]))
        same_tool, same = _right(made, gold)
        if number == 0:
            tool, arguments = same_tool, same
        if not same:
            return Outcome(conversation.id, tool, arguments, False)
        if isinstance(made, Act):
            messages += observed(message, conversation.observations[number])
    return Outcome(conversation.id, tool, arguments, True)


def evaluate(model: BaseChatModel, cases: Sequence[Conversation]) -> list[Outcome]:
    """Decode all conversations."""
    return [run(model, case) for case in cases]


def bench_success(model: BaseChatModel, cases: Sequence[Case]) -> list[bool]:
    """VIoT-Bench's own verdict (SR) on each case, run through the agent graph. The model must hold all cards."""
    from viot_agent.bench.run import run_cases, steady
    from viot_agent.bench.score import judge
    from viot_agent.llm.load import LoadedModel

    return [judge(done).sr for done in run_cases(cases, steady(LoadedModel(model, "tuned", True)))]


def shares(outcomes: Sequence[Outcome], seed: int = 0) -> dict[str, tuple[float, float, float]]:
    """Each metric's share with its 95 % bootstrap interval."""
    found = {}
    for metric in METRICS:
        values = [float(getattr(o, metric)) for o in outcomes]
        mean = sum(values) / len(values) if values else float("nan")
        found[metric] = (mean, *bootstrap(values, seed))
    return found


def _right(made: ReactStep, gold: ReactStep) -> tuple[bool, bool]:
    """Is the kind of step (and the tool) right, and is everything that is graded of it right?"""
    if isinstance(gold, Act):
        same = isinstance(made, Act) and made.tool == gold.tool
        return same, same and isinstance(made, Act) and normal(dict(made.args)) == normal(dict(gold.args))
    if isinstance(gold, AskBack):
        same = isinstance(made, AskBack)
        return same, isinstance(made, AskBack) and set(made.missing) == set(gold.missing)
    # the words of an answer are not graded: serving replaces what no observation holds
    return isinstance(made, Finish), isinstance(made, Finish)


def normal(args: dict[str, Any]) -> dict[str, Any]:
    """Arguments as they are compared: case and spacing folded, plates without separators, times trimmed."""
    found: dict[str, Any] = {}
    for key, value in args.items():
        if isinstance(value, list):
            found[key] = sorted({_fold(str(v)) for v in value})
        elif key == "plate":
            found[key] = re.sub(r"[\s\-·]", "", str(value)).casefold()
        else:
            found[key] = _fold(trim_time(str(value)) if key == "time" else str(value))
    return found


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())
