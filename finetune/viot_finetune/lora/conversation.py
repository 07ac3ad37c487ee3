"""Examples as the conversations that serving would hold: the same messages, made by the same renderers.

An example becomes system text, earlier turns, the request with its context lines, and then step after step with what
was observed. Thoughts, questions and answers are worded by the code that words ``mini``'s.

Owns that order. Knows no tokenizer and no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage, ToolMessage

from viot_agent.agent.prompt import request_message, system_text
from viot_agent.llm.messages import to_message
from viot_agent.llm.mini.menu import Step
from viot_agent.llm.mini.words import to_react
from viot_agent.react import Act, AskBack, ReactStep
from viot_agent.steps import Attachment, Request
from viot_agent.toolbox import Toolbox
from viot_finetune.instruct.fill import Example, Said, fill
from viot_finetune.instruct.pools import Half
from viot_finetune.instruct.site import Noise


class Outside(ValueError):
    """An example that needs a tool the toolbox does not hold."""


class Unfilled(ValueError):
    """A phrasing whose labels do not stand in its text, so that it cannot be filled."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What serving shows before the first step (``opening``), then each right step with its observation ("" after the
    last, which ends the run)."""

    id: str
    opening: tuple[BaseMessage, ...]
    steps: tuple[ReactStep, ...]
    observations: tuple[str, ...]
    tags: tuple[str, ...] = ()

    def before(self, step: int) -> list[BaseMessage]:
        """The messages that the model is given when it has to write step ``step`` (0-based)."""
        messages = list(self.opening)
        for done, seen in zip(self.steps[:step], self.observations[:step], strict=True):
            messages += observed(to_message(done), seen)
        return messages


def observed(message: AIMessage, observation: str) -> list[BaseMessage]:
    """A step that called a tool and what the tool reported, as the graph keeps them."""
    call = message.tool_calls[0]
    return [message, ToolMessage(observation, tool_call_id=call["id"] or "", name=call["name"])]


def filled(row: dict[str, Any], rng: Random, half: Half, noise: Noise, toolbox: Toolbox) -> list[Conversation]:
    """One filling of a phrasing as conversations, one a turn. Raises Outside, Unfilled."""
    try:
        turns = fill(row, rng, half, noise)
    except KeyError as error:
        raise Unfilled(f"{row['id']}: {error} is not in the text") from error
    return conversations(turns, toolbox)


def conversations(turns: Sequence[Example], toolbox: Toolbox) -> list[Conversation]:
    """One conversation a turn of one filling (``instruct.fill.fill``). Raises Outside."""
    system = SystemMessage(system_text(toolbox, react=True))
    found: list[Conversation] = []
    for turn in turns:
        steps = steps_of(turn, toolbox)
        opening: list[BaseMessage] = [system]
        for said, past in zip(turn.earlier, found, strict=True):
            # the graph keeps of an earlier turn its request and its answer, not its steps
            opening += [_asked(turn, said), AIMessage(content=_answer(past.steps[-1]))]
        handed = {u for said in turn.earlier for u in said.uploads}
        own = tuple(u for u in turn.said.uploads if u not in handed)
        opening.append(_asked(turn, Said(turn.said.text, turn.said.mentions, own)))
        observations = (*(s.observation for s in turn.steps), "")
        found.append(Conversation(turn.id, tuple(opening), steps, observations, turn.tags))
    return found


def steps_of(example: Example, toolbox: Toolbox) -> tuple[ReactStep, ...]:
    """The right steps of an example, the end included. Raises Outside."""
    written: list[ReactStep] = []
    summaries = [s.observation for s in example.steps]
    for step in example.steps:
        if step.tool not in toolbox or any(tool not in toolbox for tool, _ in step.rest):
            raise Outside(f"{example.id} needs tools outside the toolbox")
        plan = (step.tool, *(tool for tool, _ in step.rest))
        waiting = tuple(i for i, (_, open_) in enumerate(step.rest, 1) if open_)
        args = _ordered(step.args, toolbox, step.tool)
        written.append(to_react(Step("act", plan=plan, open=waiting, tool=step.tool, args=args), [], []))
    # what the system can do is said by the tools' names: their purposes, all in one answer, are more than a model of
    # 600 characters' answer can write
    can = [f"Tools: {', '.join(spec.name for spec in toolbox)}"]
    if example.steps:
        end = Step("finish", reply="done")
    elif example.reply == "ask":
        end = Step("ask", missing=tuple(example.missing))
    else:
        end = Step("finish", reply=example.reply)
    written.append(to_react(end, summaries, can))
    return tuple(written)


def _ordered(args: dict[str, Any], toolbox: Toolbox, tool: str) -> dict[str, Any]:
    """Arguments in the order of the tool's schema: the only order that the serving grammar writes."""
    return {a.name: args[a.name] for a in toolbox.get(tool).args if a.name in args}


def _asked(example: Example, said: Said) -> BaseMessage:
    files = tuple(Attachment(u, "video" if u.startswith("video") else "image", Path(u)) for u in said.uploads)
    request = Request(said.text, attachments=files)
    return request_message(request, said.mentions, example.cameras, example.people)


def _answer(step: ReactStep) -> str:
    if isinstance(step, Act):
        raise AssertionError("a conversation never ends in a call")
    return step.question if isinstance(step, AskBack) else step.text
