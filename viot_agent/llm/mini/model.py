"""``MiniChat``: the embedded model behind LangChain's ``BaseChatModel``.

It reads the last request (its original words, mentions and uploads ride in ``additional_kwargs``), the steps taken
since, and writes one ReAct step through the shared renderer and parser. Neither torch nor transformers is imported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import BaseTool
from pydantic import ConfigDict, Field, PrivateAttr
from threadpoolctl import ThreadpoolController

from viot_agent.bench.cards import cards
from viot_agent.errors import FailedFault
from viot_agent.fleet.types import Mention
from viot_agent.llm.messages import to_message
from viot_agent.llm.mini.checks import unwatched
from viot_agent.llm.mini.comparing import compared
from viot_agent.llm.mini.found import all_looked_for, cameras_of, points_back, when_found
from viot_agent.llm.mini.limits import settled
from viot_agent.llm.mini.menu import Call, Step
from viot_agent.llm.mini.outlook import Outlook, outlook
from viot_agent.llm.mini.partly import fitting
from viot_agent.llm.mini.planner import Planner
from viot_agent.llm.mini.units import Passage, Reading, read
from viot_agent.llm.mini.weights import Weights
from viot_agent.llm.mini.words import absent, to_react
from viot_agent.react import Finish, parse, render
from viot_agent.steps import Observation
from viot_agent.toolbox import Toolbox, ToolSpec


class MiniChat(BaseChatModel):
    """The embedded chat model over a toolbox. The encoder is built on first use and shared by bound copies."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    toolbox: Toolbox
    threads: int = 2
    home: Path | None = None
    weights: Path | None = None
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
        said = _passage(request)
        before = [m for m in messages[:asked] if isinstance(m, HumanMessage)]
        history = _history(after)
        calls = [h.call for h in history]
        uploads = [u for m in (*before, request) for u in m.additional_kwargs.get("uploads", ())]
        seen = [Passage(h.summary, tool=h.call.tool, scenes=_scenes(h.data)) for h in history]
        made = [h.handle for h in history if h.handle and h.handle not in h.summary]
        reading = read(said.text, said.mentions, [*uploads, *made], earlier=[_passage(m) for m in before], seen=seen)
        planner = self.planner()
        # the decoder's matrices are small: BLAS threads cost more than they bring, and far more on a busy machine
        with self._blas().limit(limits=1, user_api="blas"):
            last = history[-1] if history else None
            ahead = outlook(planner, reading, last.call, last.data) if last else Outlook()
            step = planner.next_step(reading, calls, settled=ahead.settled, barred=ahead.barred, other=ahead.other)
        step = self._where_found(step, reading.plain, history, request.additional_kwargs.get("cameras", ()))
        step = self._when_found(step, reading, history, ahead, request.additional_kwargs.get("zones", {}))
        tools = [self.toolbox.get(n) for n in self._names()]
        summaries = [h.summary for h in history]
        written = render(to_react(step, summaries, _purposes(tools, reading.plain), reading.plain))
        message = to_message(parse(written))
        if step.kind == "act" and step.tool not in self._names():
            # the model knows what tool would do it, and this installation has none of that name: nothing stands in
            return self._without(step.tool, history)
        if step.reply:
            message.additional_kwargs["reply"] = step.reply
        if step.unknown:
            message.additional_kwargs["unknown"] = list(step.unknown)
        message.additional_kwargs["plan"] = list(step.plan)
        message.additional_kwargs["open"] = [step.plan[i] for i in step.open]
        message.additional_kwargs["waiting"] = [i - 1 for i in step.open if i]
        if step.kind == "finish" and step.reply == "done":
            observed = [(h.call, h.data) for h in history]
            told = [
                fitting(reading.asked, observed),
                compared(reading.plain, observed),
                unwatched(reading.plain, calls),
            ]
            message.additional_kwargs |= {"told": " ".join(filter(None, told))} if any(told) else {}
            # a sub-goal that waited for its condition and was never called: said as such in the answer
            waits = [(h, (h.call.rest or ())[i]) for h in history for i in h.call.waiting]
            waited = {tool: h for h, tool in waits if tool not in [c.tool for c in calls]}
            for name, past in waited.items():
                message.additional_kwargs.setdefault(_undone(said.text, past), []).append(name)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _where_found(self, step: Step, asked: str, history: Sequence[_Past], names: Sequence[str]) -> Step:
        """A call for "that camera" looks where the call before it found something, not everywhere: nowhere, where
        nothing was found."""
        if step.kind != "act" or not history or step.tool not in self.toolbox or not points_back(asked):
            return step
        slot = next((a.name for a in self.toolbox.get(step.tool).args if a.kind == "cameras"), None)
        if slot is None or slot in step.args:
            return step
        last = history[-1]
        found = cameras_of(last.call.args, last.observed, names)
        if not found and last.call.status not in ("found", "info"):
            return Step("finish", "done")
        return replace(step, args={**step.args, slot: list(found)}) if found else step

    def _when_found(
        self, step: Step, reading: Reading, history: Sequence[_Past], ahead: Outlook, zones: Mapping[str, str]
    ) -> Step:
        """The clip that is due of what was just found, where its time was not said: the finding has one. Not where the
        request names a camera on which nothing was found, or somebody or a plate that no call looked for."""
        if step.kind != "ask" or step.missing != ("time",) or not history:
            return step
        last = history[-1]
        rest = last.call.rest or ()
        due = next((i for i, tool in enumerate(rest) if tool not in ahead.barred), None)
        if due is None or rest[due] not in self.toolbox:
            return step
        needed = [a for a in self.toolbox.get(rest[due]).args if a.required and a.kind in ("cameras", "time")]
        names = {a.kind: a.name for a in needed}
        cameras, time = when_found(last.observed, zones)
        if len(names) < 2 or not cameras or not all_looked_for(reading, [h.call for h in history], cameras):
            return step
        plan = tuple(rest[due:])
        waits = tuple(i - due for i in last.call.waiting if i > due)
        args = {names["cameras"]: list(cameras), names["time"]: time}
        return Step("act", plan=plan, open=waits, tool=rest[due], args=args)

    def _without(self, tool: str, history: Sequence[_Past]) -> ChatResult:
        """The end of a run that needs a tool which is not there: said, after what was observed."""
        missing = absent(tool, cards()[tool].description)
        seen = " ".join(dict.fromkeys(h.summary.strip() for h in history if h.summary.strip()))
        step = Finish(f"{tool} is needed, and it is not installed.", f"{seen} {missing}".strip())
        message = to_message(parse(render(step)))
        message.additional_kwargs |= {"reply": "done" if history else "out_of_scope", "absent": [tool]}
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _blas(self) -> ThreadpoolController:
        if self._controller is None:
            self._controller = ThreadpoolController()
        return self._controller

    def warm(self) -> None:
        """Load what the first request would wait for."""
        self.planner().warm()

    def plan(self, messages: Sequence[BaseMessage]) -> tuple[str, ...]:
        """The tools that the last request asks for, by its words and those before it; none where it is asked back."""
        first = self._generate(list(messages)).generations[0].message
        return tuple(first.additional_kwargs.get("plan", ()))

    def planner(self) -> Planner:
        """The loaded planner, made once, and set to the bound tools and the known ones that are not installed."""
        specs = [self.toolbox.get(n) for n in self._names()]
        if any(s.name in cards() for s in specs):
            specs += [card for name, card in cards().items() if name not in {s.name for s in specs}]
        if "planner" not in self._shared:
            weights = None if self.weights is None else Weights.load(self.weights)
            self._shared["planner"] = Planner(specs, weights=weights, home=self.home, threads=self.threads)
        planner = self._shared["planner"]
        if planner.menu.tools != tuple(specs):
            planner.set_tools(specs)
        return planner

    def _names(self) -> tuple[str, ...]:
        return self.toolbox.names if self.bound is None else self.bound


@dataclass(frozen=True, slots=True)
class _Past:
    """One call of this run: what came of it in words, the handle it made, the observation's data."""

    call: Call
    summary: str
    handle: str
    data: Mapping[str, Any]
    observed: Observation | None = None


def _spoken(tool: str) -> tuple[str, ...]:
    """How people call a tool: "fire detection" is fire_smoke_detection, too."""
    words = tool.split("_")
    return " ".join(words), f"{words[0]} {words[-1]}"


def _purposes(tools: Sequence[ToolSpec], asked: str) -> list[str]:
    """What tools are for; of those that ``asked`` names ("how does face recognition work?") also what not, and of no
    other."""
    said = " ".join(re.findall(r"[a-z]+", asked.casefold()))
    named = [t for t in tools if any(re.search(rf"\b{name}\b", said) for name in _spoken(t.name))]
    return [f"{t.description} Not for: {t.not_for}" for t in named] or [t.description for t in tools]


def _scenes(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The scenes that an observation's data names."""
    named = data.get("scenes", ())
    return tuple(str(s) for s in named) if isinstance(named, (list, tuple)) else ()


def _undone(asked: str, past: _Past) -> str:
    """How sure it is that a sub-goal's condition does not hold: ``unmet`` (by code), ``unread``, ``unsettled``."""
    if past.call.status not in ("found", "none", "info") or past.data.get("untold"):
        return "unsettled"
    return "unmet" if settled(asked, past.call, past.data) is False else "unread"


def _passage(message: BaseMessage) -> Passage:
    """A person's message as said: the original words and what code recognised in them."""
    extra = message.additional_kwargs
    return Passage(str(extra.get("request", message.content)), tuple(Mention(**m) for m in extra.get("mentions", ())))


def _history(messages: Sequence[BaseMessage]) -> list[_Past]:
    """The run's calls in order, each with what was observed."""
    results = {m.tool_call_id: m for m in messages if isinstance(m, ToolMessage)}
    past: list[_Past] = []
    for message in messages:
        for call in message.tool_calls if isinstance(message, AIMessage) else ():
            result = results.get(call["id"] or "")
            if result is None:
                continue
            seen = result.artifact
            handle = seen.data.get("handle", "") if isinstance(seen, Observation) else ""
            plan = message.additional_kwargs.get("plan")
            rest = None if plan is None else tuple(plan[1:])
            waiting = tuple(message.additional_kwargs.get("waiting", ()))
            made = Call(call["name"], dict(call["args"]), _status(result), rest, waiting)
            observed = seen if isinstance(seen, Observation) else None
            data = observed.data if observed else {}
            past.append(_Past(made, str(result.content), handle if isinstance(handle, str) else "", data, observed))
    return past


def _status(result: ToolMessage) -> str:
    if isinstance(result.artifact, Observation):
        seen = result.artifact
        return seen.verdict if seen.status == "ok" else seen.status
    return "retry" if result.status == "error" else "info"


def _name(tool: Any) -> str:
    if isinstance(tool, Mapping):
        return str(tool.get("name") or tool.get("function", {}).get("name"))
    return str(getattr(tool, "name", None) or getattr(tool, "__name__", tool))
