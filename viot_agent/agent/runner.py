"""The agent: a LangChain graph over the toolbox, run for one Request at a time, giving one Run.

``langchain.agents.create_agent`` is the loop; the middleware of this package sets its limits; the answer is written by
``grounding`` from observations. Knows no tool by name and no language model by kind.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Protocol

from langchain.agents import create_agent
from langchain.tools import ToolRuntime
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.tools import StructuredTool

from viot_agent.agent.asked import Asked
from viot_agent.agent.grounding import inert, write_answer
from viot_agent.agent.limits import EARLIER, Limits
from viot_agent.agent.middleware import STOPPED, Budget, Faults, ParseRetry, PolicyGate, Repetition, Seen, Unasked
from viot_agent.agent.prompt import leaks, request_message, system_text
from viot_agent.agent.state import RunState
from viot_agent.cancel import cancellable
from viot_agent.errors import NameFault, PolicyRefusal, UserFault, ViotError
from viot_agent.fleet import Fleet
from viot_agent.fleet.mentions import cameras_named
from viot_agent.fleet.places import unknown_beside, unknown_places
from viot_agent.fleet.types import Camera, Mention
from viot_agent.library.api import Library
from viot_agent.policy import AuditSink, Policy, SingleUserPolicy, purge_files
from viot_agent.policy.base import Leaving
from viot_agent.steps import Answer, Evidence, Observation, Request, Run, Step, new_id
from viot_agent.toolbox import Toolbox, ToolContext, ToolSpec
from viot_agent.weights import Weights

MAX_REQUEST = 4000
UNSURE = 60.0
"""A camera's mention below this score (0..100) has the form of a name, but of none that exists."""

_UNDONE = {
    "unmet": "its condition does not hold",
    "unread": "I read this as its condition not holding",
    "unsettled": "it cannot be told whether its condition holds",
}


class EvidenceWriter(Protocol):
    """Writes clips and crops of the cited evidence; gives back the finished evidence by id."""

    def write(self, run_id: str, evidence: Sequence[Evidence]) -> dict[str, Evidence]: ...


class Agent:
    """Answers requests with one language model over one library.

    ``react`` says whether the model reads and writes the ReAct text (local models) or has native tool calls. ``asked``
    judges what a request asks for; None where a person decides every call (a form) or effects are a world's (a bench).
    """

    def __init__(
        self,
        llm: BaseChatModel,
        toolbox: Toolbox,
        fleet: Fleet,
        library: Library,
        weights: Weights,
        home: Path,
        *,
        llm_name: str = "",
        react: bool = True,
        policy: Policy | None = None,
        audit: AuditSink | None = None,
        evidence: EvidenceWriter | None = None,
        exports: Leaving | None = None,
        limits: Limits | None = None,
        asked: Asked | None = None,
    ) -> None:
        self.toolbox, self.fleet, self.library, self.weights, self.home = toolbox, fleet, library, weights, home
        self.policy: Policy = policy or SingleUserPolicy()
        self.audit, self.evidence, self.limits, self.asked = audit, evidence, limits or Limits(), asked
        self.exports = exports
        self.llm_name = llm_name or llm._llm_type
        self._llm = llm
        self._graph = create_agent(
            llm,
            [_langchain_tool(spec, toolbox) for spec in toolbox],
            system_prompt=system_text(toolbox, react=react),
            middleware=[
                Budget(toolbox),
                ParseRetry(),
                PolicyGate(self.policy, toolbox),
                Repetition(),
                Unasked(toolbox),
                Faults(),
                Seen(self.policy, toolbox),
            ],
            context_schema=RunState,
        )

    def warm(self) -> None:
        """Load what the first request would wait for, where the model can (it has a method ``warm``)."""
        load = getattr(self._llm, "warm", None)
        if load is not None:
            load()

    def run(
        self,
        request: Request,
        on_step: Callable[[Step], None] | None = None,
        *,
        earlier: Sequence[Run] = (),
        on_begin: Callable[[Step], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Run:
        """Answer. Never raises for what a model or tool did; raises UserFault for a request nobody can answer.

        ``earlier`` are the finished runs of the same conversation, oldest first: follow-ups ("and yesterday?") are read
        against their requests, and what they attached can still be named.
        ``on_begin`` hears of each call before the tool runs. ``cancel``, once set, ends the run before its next model
        or tool call, and a tool that reads video before its next frame; the run is recorded with the status *stopped*
        and what was found so far. Set when the answer stands and only its clips are being cut, it leaves the answer's
        status as it is, and out of the evidence the clips that were not finished. Several threads may run at once.
        """
        text = request.text.strip()
        if not text:
            raise UserFault("the request is empty", fix='ask something, e.g. viot ask "who was at the gate today?"')
        if any("\ud800" <= c <= "\udfff" for c in text):
            raise UserFault("some bytes of the request are no UTF-8", fix="type it in a UTF-8 terminal")
        if len(text) > MAX_REQUEST:
            raise UserFault(f"the request has {len(text)} characters; {MAX_REQUEST} are read at most", fix="shorten it")
        started = time.monotonic()
        begun = None if self.audit is None else self.audit.begin()
        known = {a.handle for a in request.attachments}
        before = {a.handle: a for past in earlier[-EARLIER:] for a in past.request.attachments if a.handle not in known}
        request = replace(request, attachments=(*before.values(), *request.attachments))
        run_id = new_id("run")
        tools = ToolContext(request, self.fleet, self.library, self.weights, self.home, run_id)
        wanted = self.asked.of(request, earlier[-EARLIER:]) if self.asked is not None else None
        state = RunState(tools, self.limits, on_step, on_begin, cancel, wanted)
        try:
            self.policy.check_request(request)
            self.warm()  # loading the model is no part of the time a run may take: on a busy machine it is most of it
            state.started = time.monotonic()
            with cancellable(cancel):
                answer = inert(self._loop(request, state, earlier[-EARLIER:]))
        except PolicyRefusal as refusal:
            answer = Answer(f"Refused: {refusal}.", "refused")
        run = Run(run_id, request, tuple(state.steps), answer, self.llm_name, time.monotonic() - started)
        drawing = time.monotonic()
        if self.evidence is not None and run.evidence and not state.cancelled:
            try:
                with cancellable(cancel):
                    run = run.with_evidence(self.evidence.write(run_id, run.evidence))
            except ViotError:
                if self.audit is not None:  # what was asked and seen is on record, though its files are not
                    self._saved(self.audit, run, begun)
                raise
        timings = {"llm": state.llm_seconds, "tools": state.tool_seconds, "drawing": time.monotonic() - drawing}
        if self.exports is not None:
            run = self.exports.redact(run)
        run = Run(run.id, request, run.steps, run.answer, run.llm, time.monotonic() - started, timings)
        return run if self.audit is None else self._saved(self.audit, run, begun)

    def _saved(self, audit: AuditSink, run: Run, begun: int | None) -> Run:
        """The run as it was kept; of one that was kept without what it saw, the files it wrote go, too."""
        kept = audit.save_run(run, begun)
        if kept is not run:
            purge_files.delete(self.home, purge_files.of_runs(self.home, [run.id]))
        return kept

    def _loop(self, request: Request, state: RunState, earlier: Sequence[Run]) -> Answer:
        seen = [c for c in self.fleet.cameras() if _in_scope(c.name, request)]
        cameras = [c.name for c in seen]
        tells = self.policy.tells_people(request)
        people = [p.name for p in self.fleet.people()] if tells else []
        messages: list[AnyMessage | dict[str, Any]] = []
        at_hand: list[str] = []
        named: tuple[str, ...] = ()
        for past in (*(run.request for run in earlier), request):
            at_hand = list(dict.fromkeys([*at_hand, *(a.handle for a in past.attachments)]))
            mentions = self.fleet.mentions(past.text, at_hand, named)
            named += cameras_named(mentions)
            if not tells:  # a name that is nearly somebody's would tell that person's
                mentions = [m for m in mentions if m.kind != "person" or m.score in (0, 100)]
            messages.append(request_message(past, mentions, cameras, people, zones={c.name: c.tz for c in seen}))
            if past is not request:
                messages.append(AIMessage(content=earlier[len(messages) // 2].answer.text))
        # one call after another: evidence is numbered in order, and SQLite has one writer
        config: Any = {"recursion_limit": 10 * self.limits.steps + 20, "max_concurrency": 1}
        result = self._graph.invoke({"messages": messages}, config=config, context=state)
        if state.cancelled and not state.stop:
            state.stop = STOPPED  # heard while the model wrote its last step, which may be cut off
        last = result["messages"][-1]
        kwargs = last.additional_kwargs if isinstance(last, AIMessage) else {}
        if kwargs.get("kind") == "ask" and not state.stop:
            names = [Mention("camera", 0, 0, str(n), "", 0.0) for n in kwargs.get("unknown", ())]
            question = "What exactly do you want to know?" if leaks(str(last.content)) else str(last.content)
            back = self._asked_back(question, tuple(kwargs.get("missing", ())), [*mentions, *names], request)
            found = write_answer("", request.text, state.observations) if state.observations else None
            return back if found is None else replace(back, text=f"{found.text} {back.text}", claims=found.claims)
        model_text = str(last.content) if isinstance(last, AIMessage) and not last.tool_calls else ""
        if not kwargs.get("reply") and leaks(model_text):
            model_text = ""  # what the model was told to do is no answer
        if kwargs.get("reply") and not state.observations and not state.stop:
            # a fixed reply, written by code: it claims nothing of the footage
            return Answer(model_text, "cannot_tell" if kwargs["reply"] == "out_of_scope" else "answered")
        ended: Literal["incomplete", "stopped"] = "stopped" if state.stop == STOPPED else "incomplete"
        answer = write_answer(model_text, request.text, state.observations, stop=state.stop, status=ended)
        if kwargs.get("told") and state.observations and not state.stop:
            answer = replace(answer, text=f"{answer.text} {kwargs['told']}")  # by code, from the observations' data
        if kwargs.get("absent") and state.observations:
            said = "".join(f" Not done: {t} is not installed here." for t in kwargs["absent"])
            answer = replace(answer, text=answer.text + said)
        # a sub-goal left undone because of its condition is said, never passed over; what code did not check is the
        # model's reading, and is called that
        for key, why in _UNDONE.items():
            said = "".join(f" Not done, because {why}: {t}." for t in kwargs.get(key, ()))
            answer = replace(answer, text=answer.text + said)
        if state.wanted is not None and not state.stop and " Not done" not in answer.text:
            called = [self.toolbox.get(s.call.tool) for s in state.steps if s.call.tool in self.toolbox]
            undone = state.wanted.left_undone(called)
            answer = replace(answer, text=f"{answer.text} {undone}".rstrip())
        if state.observations and not state.stop:
            used = {v for s in state.steps for v in s.call.args.values() if isinstance(v, str)}
            now = {m.handle for m in request.attachments} - {
                a.handle for past in earlier for a in past.request.attachments
            }
            idle = sorted(now - used)
            said = f" Not looked at: {' and '.join(idle)}." if idle else ""
            answer = replace(answer, text=answer.text + said)
        said = self._no_such_place(request, state, mentions, seen) if state.steps else ""
        if said:
            answer = replace(answer, text=f"{said} {answer.text}")
        return answer

    def _no_such_place(
        self, request: Request, state: RunState, mentions: Sequence[Mention], seen: Sequence[Camera]
    ) -> str:
        """What is said first of a place in the request that no camera is called after: what all cameras saw is no
        answer about it, and nor is what the camera named beside it saw."""
        named = [(m.start, m.end) for m in mentions if m.kind in ("camera", "group")]
        done = [s for s in state.steps if s.observation is not None and s.observation.status == "ok"]
        # of tools that look at cameras: a copy of an attached picture of a kitchen is of no camera
        looked = [s.call.args for s in done if s.call.tool in self.toolbox and self._looks(s.call.tool)]
        if named:
            places = unknown_beside(request.text, seen, named) if looked else ()
            return f"No camera is called {' or '.join(places)}." if places else ""
        everywhere = looked and not any(args.get("cameras") for args in looked)
        places = unknown_places(request.text, seen) if everywhere else ()
        return f"No camera is called {' or '.join(places)}; this is of every camera." if places else ""

    def _looks(self, tool: str) -> bool:
        """Whether a tool looks at cameras: at every one where none is named."""
        return any(arg.kind == "cameras" for arg in self.toolbox.get(tool).args)

    def _asked_back(
        self, question: str, missing: tuple[str, ...], mentions: Sequence[Mention], request: Request
    ) -> Answer:
        """The question back; a name that nothing known carries is named, with the nearest ones that exist."""
        faults: list[NameFault] = []
        tells = self.policy.tells_people(request)  # its fault names the nearest people
        for mention in mentions:
            try:
                if mention.kind == "person" and mention.score == 0 and "person" in missing and tells:
                    self.fleet.resolve_person(mention.text)
                elif mention.kind == "camera" and mention.score < UNSURE and "cameras" in missing:
                    self.fleet.resolve_cameras([mention.text], scope=request.camera_scope)
            except NameFault as fault:
                faults.append(fault)
        text = " ".join(dict.fromkeys(f"{str(f)[0].upper()}{str(f)[1:].rstrip('.')}." for f in faults)) or question
        return Answer(text, "needs_input", (), missing, tuple(dict.fromkeys(f.name for f in faults)))


def _in_scope(name: str, request: Request) -> bool:
    return request.camera_scope is None or name in request.camera_scope


def _langchain_tool(spec: ToolSpec, toolbox: Toolbox) -> StructuredTool:
    """A tool of ours as LangChain sees it: the schema goes to the model, the typed observation rides as artifact."""

    def call(runtime: ToolRuntime[RunState, Any], **args: Any) -> tuple[str, Observation]:
        state: RunState = runtime.context
        state.tools.call_id = runtime.tool_call_id or ""
        toolbox.check_args(spec.name, args)
        observation = spec.fn(state.tools, **args)
        return observation.summary, observation

    return StructuredTool.from_function(
        call,
        name=spec.name,
        description=f"{spec.description} Not for: {spec.not_for}",
        args_schema=spec.schema(),
        response_format="content_and_artifact",
        infer_schema=False,
    )
