"""Chat models that are no language models: a policy in code behind ``BaseChatModel``, and a recorder around any model.

The oracle and the floors run through the very agent graph that the product runs, so that their figures stand beside a
model's. The recorder keeps every message as it was written, parse failures too. Owns the two wrappers. Knows no policy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import ConfigDict

from viot_agent.errors import FailedFault, ParseFault
from viot_agent.fleet.types import Mention
from viot_agent.llm.messages import to_message
from viot_agent.react import ReactStep
from viot_agent.steps import Observation


@dataclass(frozen=True, slots=True)
class Past:
    """One call of this run and what came of it; ``observation`` is None where the graph itself refused."""

    tool: str
    args: Mapping[str, Any]
    observation: Observation | None


@dataclass(frozen=True, slots=True)
class View:
    """What a model may look at: the request, what code marked in it, files at hand, this run's calls, and the menu."""

    text: str
    mentions: tuple[Mention, ...]
    uploads: tuple[str, ...]
    history: tuple[Past, ...]
    tools: tuple[str, ...]


class Policy(Protocol):
    """Decides the next step."""

    def next(self, view: View) -> ReactStep: ...


class PolicyChat(BaseChatModel):
    """A policy as a chat model."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    policy: Any
    names: tuple[str, ...] = ()

    @property
    def _llm_type(self) -> str:
        return "policy"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> PolicyChat:  # type: ignore[override]
        """The same policy over these tools."""
        return self.model_copy(update={"names": tuple(str(getattr(t, "name", t)) for t in tools)})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        step = self.policy.next(view_of(messages, self.names))
        return ChatResult(generations=[ChatGeneration(message=to_message(step))])


def view_of(messages: Sequence[BaseMessage], tools: tuple[str, ...]) -> View:
    """The view that a list of messages gives. Raises FailedFault without a request."""
    asked = [i for i, m in enumerate(messages) if isinstance(m, HumanMessage) and "request" in m.additional_kwargs]
    if not asked:
        raise FailedFault("a policy needs a request: there is no human message")
    extra = messages[asked[-1]].additional_kwargs
    results = {m.tool_call_id: m for m in messages if isinstance(m, ToolMessage)}
    past = []
    for message in messages[asked[-1] + 1 :]:
        for call in message.tool_calls if isinstance(message, AIMessage) else ():
            artifact = results[call["id"] or ""].artifact if call["id"] in results else None
            past.append(Past(call["name"], call["args"], artifact if isinstance(artifact, Observation) else None))
    mentions = tuple(Mention(**m) for m in extra["mentions"])
    return View(extra["request"], mentions, tuple(extra["uploads"]), tuple(past), tools)


@dataclass(slots=True)
class Log:
    """What a model wrote in one turn: messages in order, texts that were no step, seconds it took."""

    messages: list[AIMessage] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Recorded(BaseChatModel):
    """Any model, with what it writes kept in ``log()``."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    inner: Any
    log: Callable[[], Log]

    @property
    def _llm_type(self) -> str:
        return str(getattr(self.inner, "_llm_type", "model"))

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Recorded:  # type: ignore[override]
        """The model with its tools bound, still recorded."""
        return self.model_copy(update={"inner": self.inner.bind_tools(tools, **kwargs)})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        log, started = self.log(), time.monotonic()
        try:
            message = self.inner.invoke(messages)
        except ParseFault as fault:
            log.broken.append(fault.text)
            raise
        finally:
            log.seconds += time.monotonic() - started
        log.messages.append(message)
        return ChatResult(generations=[ChatGeneration(message=message)])
