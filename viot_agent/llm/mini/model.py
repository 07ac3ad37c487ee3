"""``MiniChat``: the embedded model behind LangChain's ``BaseChatModel``.

It reads the last request (its original words, mentions and uploads ride in ``additional_kwargs``), the steps taken
since, and writes one ReAct step through the shared renderer and parser. Neither torch nor transformers is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import BaseTool
from pydantic import ConfigDict, Field, PrivateAttr
from threadpoolctl import ThreadpoolController

from viot_agent.errors import FailedFault
from viot_agent.fleet.types import Mention
from viot_agent.llm.messages import to_message
from viot_agent.llm.mini.grammar import Call
from viot_agent.llm.mini.planner import Planner
from viot_agent.llm.mini.words import to_react
from viot_agent.react import parse, render
from viot_agent.steps import Observation
from viot_agent.toolbox import Toolbox


class MiniChat(BaseChatModel):
    """The embedded chat model over a toolbox. The encoder is built on first use and shared by bound copies."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    toolbox: Toolbox
    threads: int = 2
    home: Path | None = None
    bound: tuple[str, ...] | None = Field(default=None)
    _shared: dict[str, Planner] = PrivateAttr(default_factory=dict)
    _controller: ThreadpoolController | None = PrivateAttr(default=None)

    @property
    def _llm_type(self) -> str:
        return "mini"

    def bind_tools(  # type: ignore[override]
        self, tools: Sequence[Mapping[str, Any] | type | Callable[..., Any] | BaseTool], **kwargs: Any
    ) -> MiniChat:
        """A copy that may call these tools only; each must be in the toolbox. Raises FailedFault for a stranger."""
        names = tuple(_name(t) for t in tools)
        unknown = [n for n in names if n not in self.toolbox]
        if unknown:
            raise FailedFault(
                f"mini cannot call {', '.join(unknown)}: not in its toolbox", fix="register the tool (viot_agent.tools)"
            )
        copy = self.model_copy(update={"bound": names})
        copy._shared = self._shared
        return copy

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        asked = max((i for i, m in enumerate(messages) if isinstance(m, HumanMessage)), default=None)
        if asked is None:
            raise FailedFault("mini needs a request: there is no human message")
        request, after = messages[asked], messages[asked + 1 :]
        extra = request.additional_kwargs
        text = str(extra.get("request", request.content))
        mentions = [Mention(**m) for m in extra.get("mentions", ())]
        calls, summaries, made = _history(after)
        planner = self.planner()
        # the decoder's matrices are small: BLAS threads cost more than they bring, and far more on a busy machine
        with self._blas().limit(limits=1, user_api="blas"):
            step = planner.next_step(text, mentions, [*extra.get("uploads", ()), *made], calls)
        tools = [self.toolbox.get(n) for n in self._names()]
        written = render(to_react(step, summaries, [t.description for t in tools]))
        message = to_message(parse(written))
        if step.reply:
            message.additional_kwargs["reply"] = step.reply
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _blas(self) -> ThreadpoolController:
        if self._controller is None:
            self._controller = ThreadpoolController()
        return self._controller

    def planner(self) -> Planner:
        """The loaded planner, made once and set to the bound tools."""
        specs = [self.toolbox.get(n) for n in self._names()]
        if "planner" not in self._shared:
            self._shared["planner"] = Planner(specs, home=self.home, threads=self.threads)
        planner = self._shared["planner"]
        if planner.menu.tools != tuple(specs):
            planner.set_tools(specs)
        return planner

    def _names(self) -> tuple[str, ...]:
        return self.toolbox.names if self.bound is None else self.bound


def _history(messages: Sequence[BaseMessage]) -> tuple[list[Call], list[str], list[str]]:
    """Calls with their status, the observations' summaries, and the handles that calls made, in order."""
    results = {m.tool_call_id: m for m in messages if isinstance(m, ToolMessage)}
    calls, summaries, handles = [], [], []
    for message in messages:
        for call in message.tool_calls if isinstance(message, AIMessage) else ():
            result = results.get(call["id"] or "")
            if result is None:
                continue
            calls.append(Call(call["name"], dict(call["args"]), _status(result)))
            summaries.append(str(result.content))
            if isinstance(result.artifact, Observation) and isinstance(result.artifact.data.get("handle"), str):
                handles.append(result.artifact.data["handle"])
    return calls, summaries, handles


def _status(result: ToolMessage) -> str:
    if isinstance(result.artifact, Observation):
        seen = result.artifact
        return seen.verdict if seen.status == "ok" else seen.status
    return "retry" if result.status == "error" else "info"


def _name(tool: Any) -> str:
    if isinstance(tool, Mapping):
        return str(tool.get("name") or tool.get("function", {}).get("name"))
    return str(getattr(tool, "name", None) or getattr(tool, "__name__", tool))
