"""The agent's middleware: budget and stop, repetition, typed faults, policy, what was not asked for, parse retries.

Each wraps the LangChain graph at one place; none knows a tool by name. The order in ``runner`` is outermost first:
budget, policy, repetition, what was not asked for, faults.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse, ToolCallRequest
from langchain.agents.middleware.types import hook_config
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.runtime import Runtime
from langgraph.types import Command

from viot_agent.agent.state import RunState
from viot_agent.errors import (
    ArgsFault,
    FailedFault,
    NameFault,
    ParseFault,
    PolicyRefusal,
    RetryFault,
    TimeFault,
    TransientFault,
    UserFault,
    ViotError,
)
from viot_agent.policy import Policy
from viot_agent.steps import Observation, Step, Thought, ToolCall
from viot_agent.toolbox import Toolbox

Handler = Callable[[ToolCallRequest], ToolMessage | Command[Any]]
Result = ToolMessage | Command[Any]

STOPPED = "you stopped it"
"""The reason in the record of a run that the person ended."""


def _run_of(request: ToolCallRequest) -> RunState:
    run: Any = request.runtime.context  # LangChain types the context of tool calls as None
    assert isinstance(run, RunState), "the graph is always invoked with a RunState"
    return run


class Budget(AgentMiddleware[AgentState[Any], RunState]):
    """Ends the run, keeping what was found, when steps or seconds are used up, or the person has stopped it.

    The seconds are for finding out. What a tool of cost ``render`` takes is not counted: a cloak or a redacted film was
    asked for and takes as long as it takes, and the person may stop it.
    """

    def __init__(self, toolbox: Toolbox) -> None:
        super().__init__()
        self.toolbox = toolbox

    @hook_config(can_jump_to=["end"])
    def before_model(self, state: AgentState[Any], runtime: Runtime[RunState]) -> dict[str, Any] | None:
        run = runtime.context
        if run.cancelled:
            run.stop = STOPPED
        if not run.stop and run.elapsed - run.making_seconds > run.limits.seconds:
            run.stop = f"the time limit of {run.limits.seconds:g} s is used up"
        if not run.stop and len(run.steps) >= run.limits.steps:
            run.stop = f"the limit of {run.limits.steps} steps is used up"
        return {"jump_to": "end"} if run.stop else None

    def wrap_model_call(
        self, request: ModelRequest[RunState], handler: Callable[[ModelRequest[RunState]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        run, started = request.runtime.context, time.monotonic()
        try:
            return handler(request)
        finally:
            run.llm_seconds += time.monotonic() - started

    def wrap_tool_call(self, request: ToolCallRequest, handler: Handler) -> Result:
        """A call that the model wrote before the stop was heard is not made."""
        run, call = _run_of(request), request.tool_call
        if run.cancelled:
            return ToolMessage("Not called: stopped.", tool_call_id=call["id"] or "", name=call["name"], status="error")
        if call["name"] not in self.toolbox or self.toolbox.get(call["name"]).cost != "render":
            return handler(request)
        started = time.monotonic()
        try:
            return handler(request)
        finally:
            run.making_seconds += time.monotonic() - started


class ParseRetry(AgentMiddleware[AgentState[Any], RunState]):
    """Text that is no step is shown back to the model, ``Limits.parse_retries`` times; then the run is incomplete."""

    def wrap_model_call(
        self, request: ModelRequest[RunState], handler: Callable[[ModelRequest[RunState]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        run = request.runtime.context
        for left in range(run.limits.parse_retries, -1, -1):
            try:
                return handler(request)
            except ParseFault as fault:
                if run.cancelled:
                    run.stop = STOPPED  # a text that was cut off because of the stop is not asked for again
                elif left == 0:
                    run.stop = f"the language model wrote no usable step ({fault})"
                if run.stop:
                    return ModelResponse(result=[AIMessage(content="", additional_kwargs={"kind": "stop"})])
                hint = HumanMessage(f"Your last text was no valid step: {fault}. Write one step in the given format.")
                request = request.override(messages=[*request.messages, AIMessage(fault.text), hint])
        raise AssertionError("unreachable: the loop returns or stops")


class PolicyGate(AgentMiddleware[AgentState[Any], RunState]):
    """Asks the policy before every call; a refusal ends the run."""

    def __init__(self, policy: Policy, toolbox: Toolbox) -> None:
        super().__init__()
        self.policy, self.toolbox = policy, toolbox

    def wrap_tool_call(self, request: ToolCallRequest, handler: Handler) -> Result:
        run = _run_of(request)
        name = request.tool_call["name"]
        if name in self.toolbox:
            try:
                self.policy.check_call(run.tools.request, self.toolbox.get(name), request.tool_call["args"])
            except PolicyRefusal as refusal:
                return record(run, request, refused(request, refusal))
        return handler(request)

    @hook_config(can_jump_to=["end"])
    def before_model(self, state: AgentState[Any], runtime: Runtime[RunState]) -> dict[str, Any] | None:
        return {"jump_to": "end"} if any(o.status == "refused" for o in runtime.context.observations) else None


class Seen(AgentMiddleware[AgentState[Any], RunState]):
    """Asks the policy about what a tool brought, before anybody is told. The innermost: ``Faults`` makes the refusal an
    observation."""

    def __init__(self, policy: Policy, toolbox: Toolbox) -> None:
        super().__init__()
        self.policy, self.toolbox = policy, toolbox

    def wrap_tool_call(self, request: ToolCallRequest, handler: Handler) -> Result:
        message, name = handler(request), request.tool_call["name"]
        seen = message.artifact if isinstance(message, ToolMessage) else None
        if isinstance(seen, Observation) and name in self.toolbox:
            self.policy.check_seen(_run_of(request).tools.request, self.toolbox.get(name), seen)
        return message


class Repetition(AgentMiddleware[AgentState[Any], RunState]):
    """The same call twice brings nothing new: the first repeat gets a hint, the next ends the run."""

    def wrap_tool_call(self, request: ToolCallRequest, handler: Handler) -> Result:
        run = _run_of(request)
        call = request.tool_call
        key = call["name"] + json.dumps(call["args"], sort_keys=True, ensure_ascii=False, default=str)
        seen = run.calls.get(key, 0)
        run.calls[key] = seen + 1
        if seen == 0:
            return handler(request)
        if seen > run.limits.repeats:
            run.stop = f"the language model keeps asking {call['name']} the same thing"
        hint = f"{call['name']} was already called with these arguments; use its observation or finish."
        return ToolMessage(hint, tool_call_id=call["id"] or "", name=call["name"], status="error")


class Unasked(AgentMiddleware[AgentState[Any], RunState]):
    """Makes no call that the person did not ask for (``asked``), whatever talked the model into it. The step is on
    record, the answer says it, and what was asked for goes on: a sign in view cannot stop a request either."""

    def __init__(self, toolbox: Toolbox) -> None:
        super().__init__()
        self.toolbox = toolbox

    def wrap_tool_call(self, request: ToolCallRequest, handler: Handler) -> Result:
        run, call = _run_of(request), request.tool_call
        if run.wanted is None or call["name"] not in self.toolbox:
            return handler(request)
        why = run.wanted.why_not(self.toolbox.get(call["name"]), call["args"], run.observations)
        if not why:
            return handler(request)
        return record(run, request, _observation(request, "retry", why, unasked=True))


class Faults(AgentMiddleware[AgentState[Any], RunState]):
    """Runs the tool; typed faults become observations, everything else is a defect and is raised.

    After a TransientFault the same call is made once more, without asking the model: both attempts are in the record.
    """

    def wrap_tool_call(self, request: ToolCallRequest, handler: Handler) -> Result:
        try:
            return self._once(request, handler)
        except TransientFault as fault:
            record(_run_of(request), request, _observation(request, "retry", str(fault)))
        try:
            return self._once(request, handler)
        except TransientFault as fault:
            failed = _observation(request, "failed", str(fault))
            return record(_run_of(request), request, replace(failed, fix="ask again in a while"))

    def _once(self, request: ToolCallRequest, handler: Handler) -> Result:
        run = _run_of(request)
        run.begin(_step(request, None))
        started = time.monotonic()
        try:
            message = handler(request)
            assert isinstance(message, ToolMessage), "tools return messages"
            observation = message.artifact
            if not isinstance(observation, Observation):  # LangChain's own refusal, e.g. a tool that does not exist
                observation = _observation(request, "retry", str(message.content), fault="model")
        except PolicyRefusal as refusal:
            observation = refused(request, refusal)
        except NameFault as fault:
            observation = _observation(request, "retry", str(fault), nearest=list(fault.nearest), missing=["cameras"])
        except TimeFault as fault:
            observation = _observation(request, "retry", str(fault), missing=["time"])
        except ArgsFault as fault:
            observation = _observation(request, "retry", str(fault), fault="model")
        except TransientFault:
            run.tool_seconds += time.monotonic() - started
            raise
        except RetryFault as fault:
            observation = _observation(request, "retry", str(fault), nearest=list(fault.nearest))
        except UserFault as fault:
            observation = _observation(request, "retry", str(fault))
        except FailedFault as fault:
            observation = replace(_observation(request, "failed", fault.message), fix=fault.fix)
        except ViotError as fault:
            observation = replace(_observation(request, "failed", fault.message), fix=fault.fix)
        seconds = time.monotonic() - started
        run.tool_seconds += seconds
        return record(run, request, replace(observation, seconds=seconds))


def refused(request: ToolCallRequest, refusal: PolicyRefusal) -> Observation:
    """The observation of a refused call."""
    return _observation(request, "refused", f"Refused: {refusal}.")


def _observation(request: ToolCallRequest, status: Any, summary: str, **data: Any) -> Observation:
    call = request.tool_call
    return Observation(call["id"] or "", call["name"], status, summary, data=data)


def record(run: RunState, request: ToolCallRequest, observation: Observation) -> ToolMessage:
    """Add the step to the run and give the model its message (the typed observation rides along as artifact)."""
    call = request.tool_call
    run.record(_step(request, observation))
    return ToolMessage(
        observation.summary,
        tool_call_id=call["id"] or "",
        name=call["name"],
        artifact=observation,
        status="success" if observation.status == "ok" else "error",
    )


def _step(request: ToolCallRequest, observation: Observation | None) -> Step:
    """The step of this call, with the thought that the model wrote before it."""
    call = request.tool_call
    message = next(
        (
            m
            for m in reversed(request.state["messages"])
            if isinstance(m, AIMessage) and any(c["id"] == call["id"] for c in m.tool_calls)
        ),
        None,
    )
    thought = str(message.content) if message is not None else ""
    return Step(Thought(thought), ToolCall(call["id"] or "", call["name"], dict(call["args"])), observation)
