"""The agent graph with scripted models and a fake tool: limits, faults, policy, grounding; no patching anywhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

from viot_agent.agent.limits import Limits
from viot_agent.agent.runner import Agent
from viot_agent.errors import FailedFault, NameFault, ParseFault, PolicyRefusal, RetryFault, TransientFault, UserFault
from viot_agent.fleet import Fleet
from viot_agent.library.fake import FakeLibrary
from viot_agent.policy import SingleUserPolicy
from viot_agent.steps import Attachment, Claim, Evidence, Observation, Request, Run
from viot_agent.toolbox import CamerasArg, TimeArg, Toolbox, ToolContext, ToolSpec, tool
from viot_agent.weights import Weights


class Scripted(BaseChatModel):
    """Writes the script's messages one after the other (the last one again and again); raises what is an exception."""

    script: list[Any]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Scripted:  # type: ignore[override]
        return self

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        made = sum(isinstance(m, AIMessage) for m in messages)
        step = self.script[min(made, len(self.script) - 1)]
        if isinstance(step, Exception):
            raise step
        return ChatResult(generations=[ChatGeneration(message=step.model_copy(update={"id": None}))])


@tool(needs=())
def look(ctx: ToolContext, cameras: CamerasArg, time: TimeArg | None = None) -> Observation:
    """Look at cameras and say what was seen.

    Not for: anything else.

    Args:
        cameras: camera names.
        time: when.
    """
    faults: dict[str, Exception] = {
        "unknown": NameFault("there is no camera 'unknown'", nearest=("gate 2",)),
        "retry": RetryFault("the window is too long"),
        "failed": FailedFault("the weights are missing", fix="viot models pull x"),
        "private": PolicyRefusal("camera 'private' is outside your scope"),
        "defect": ZeroDivisionError("a bug"),
    }
    if cameras[0] in faults:
        raise faults[cameras[0]]
    piece = Evidence(ctx.evidence_id(), cameras[0], 0.0, 1.0, "look", "eye", "1")
    text = f"3 people were seen on {cameras[0]}."
    return Observation(ctx.call_id, "look", "ok", text, "found", (Claim(text, (piece.id,)),), (piece,))


def act(tool_name: str = "look", **args: Any) -> AIMessage:
    number = act.__dict__["n"] = act.__dict__.get("n", 0) + 1
    return AIMessage("I look.", tool_calls=[{"name": tool_name, "args": args, "id": f"c{number}", "type": "tool_call"}])


class Sink:
    def __init__(self) -> None:
        self.runs: list[Run] = []

    def begin(self) -> int:
        return 0

    def save_run(self, run: Run, begun: int | None = None) -> Run:
        self.runs.append(run)
        return run


class Nobody:
    """A policy that refuses every call."""

    def check_request(self, request: Request) -> None:
        return

    def check_call(self, request: Request, spec: ToolSpec, args: Any) -> None:
        raise PolicyRefusal("no consent is recorded")

    def check_seen(self, request: Request, spec: ToolSpec, seen: Observation) -> None:
        return

    def tells_people(self, request: Request) -> bool:
        return True


def agent(tmp_path: Path, *script: Any, **options: Any) -> Agent:
    library = FakeLibrary()
    return Agent(
        Scripted(script=list(script)), Toolbox([look]), Fleet(library), library, Weights(tmp_path), tmp_path, **options
    )


def ask(tmp_path: Path, *script: Any, **options: Any) -> Run:
    return agent(tmp_path, *script, **options).run(Request("how many people are on gate 2?"))


def test_an_answer_with_evidence(tmp_path: Path) -> None:
    sink = Sink()
    run = ask(tmp_path, act(cameras=["gate 2"]), AIMessage("3 people are on gate 2."), audit=sink)
    assert run.answer.status == "answered"
    assert run.answer.text == "3 people are on gate 2."
    assert [e.id for e in run.evidence] == ["e1"]
    assert run.answer.claims[0].evidence == ("e1",)
    assert [(s.call.tool, s.thought.text) for s in run.steps] == [("look", "I look.")]
    assert sink.runs == [run]
    assert set(run.timings) == {"llm", "tools", "drawing"}


def test_what_was_found_before_a_question_back_is_said(tmp_path: Path) -> None:
    back = AIMessage("Which time do you mean?", additional_kwargs={"kind": "ask", "missing": ["time"]})
    answer = ask(tmp_path, act(cameras=["gate 2"]), back).answer
    assert (answer.text, answer.status) == ("3 people were seen on gate 2. Which time do you mean?", "needs_input")
    assert [c.evidence for c in answer.claims] == [("e1",)]


def test_an_attached_file_that_nothing_looked_at_is_named(tmp_path: Path) -> None:
    script = act(cameras=["gate 2"]), AIMessage("3 people are on gate 2.")
    files = (Attachment("image-1", "image", tmp_path / "him.jpg"),)
    first = agent(tmp_path, *script).run(Request("how many people are on gate 2? as in this", attachments=files))
    assert first.answer.text == "3 people are on gate 2. Not looked at: image-1."
    # the earlier answer counts as the first of the script
    then = agent(tmp_path, script[1], act(cameras=["gate 2"]), script[1]).run(
        Request("how many people are on gate 2?"), earlier=[first]
    )
    assert then.answer.text == "3 people are on gate 2."


def test_what_code_told_of_the_data_is_said_whatever_the_verdict(tmp_path: Path) -> None:
    told = AIMessage("x", additional_kwargs={"kind": "finish", "reply": "done", "told": "Most: gate 2, 0."})
    run = ask(tmp_path, act(cameras=["gate 2"]), told)
    assert run.answer.text.endswith(" Most: gate 2, 0.")


def test_an_invented_number_is_replaced(tmp_path: Path) -> None:
    run = ask(tmp_path, act(cameras=["gate 2"]), AIMessage("7 people are on gate 2."))
    assert run.answer.text == "3 people were seen on gate 2."


@pytest.mark.parametrize(
    ("camera", "observation", "status", "words"),
    [
        ("unknown", "retry", "needs_input", "there is no camera 'unknown'"),
        ("retry", "retry", "needs_input", "too long"),
        ("failed", "failed", "incomplete", "viot models pull x"),
        ("private", "refused", "refused", "outside your scope"),
    ],
)
def test_typed_faults_end_in_words(tmp_path: Path, camera: str, observation: str, status: str, words: str) -> None:
    run = ask(tmp_path, act(cameras=[camera]), AIMessage("Everything is fine, 3 people."))
    assert run.steps[0].observation is not None
    assert run.steps[0].observation.status == observation
    assert run.answer.status == status
    assert words in run.answer.text


def test_a_model_may_correct_its_call(tmp_path: Path) -> None:
    run = ask(tmp_path, act(cameras=["retry"]), act(cameras=["gate 2"]), AIMessage("3 people."))
    assert run.answer.status == "answered"
    assert [s.observation.status for s in run.steps if s.observation] == ["retry", "ok"]


@pytest.mark.parametrize(
    ("times", "statuses", "status"), [(1, ["retry", "ok"], "answered"), (2, ["retry", "failed"], "incomplete")]
)
def test_a_passing_fault_is_tried_once_more(tmp_path: Path, times: int, statuses: list[str], status: str) -> None:
    left = [TransientFault("the tool was busy")] * times

    @tool(needs=())
    def moody(ctx: ToolContext, cameras: CamerasArg) -> Observation:
        """Look at cameras, when it likes to.

        Not for: anything else.

        Args:
            cameras: camera names.
        """
        if left:
            raise left.pop()
        return Observation(ctx.call_id, "moody", "ok", "3 people were seen.", "found", (Claim("3 people were seen."),))

    script = [act("moody", cameras=["gate 2"]), AIMessage("3 people.")]
    library = FakeLibrary()
    whole = Agent(Scripted(script=script), Toolbox([moody]), Fleet(library), library, Weights(tmp_path), tmp_path).run(
        Request("how many people are on gate 2?")
    )
    assert [s.observation.status for s in whole.steps if s.observation] == statuses
    assert whole.answer.status == status
    assert not left


def test_a_defect_in_a_tool_is_not_hidden(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        ask(tmp_path, act(cameras=["defect"]), AIMessage("fine"))


@pytest.mark.parametrize("bad", [act(mood="x"), act("nope", cameras=["a"])])
def test_a_malformed_call_is_the_models_fault(tmp_path: Path, bad: AIMessage) -> None:
    run = ask(tmp_path, bad, AIMessage("3 people."))
    assert run.answer.status == "incomplete"


def test_a_loop_ends_and_keeps_what_was_found(tmp_path: Path) -> None:
    run = ask(tmp_path, act(cameras=["gate 2"]))
    assert run.answer.status == "incomplete"
    assert "the same thing" in run.answer.text
    assert "3 people were seen on gate 2." in run.answer.text
    assert len(run.steps) == 1


def test_the_step_budget(tmp_path: Path) -> None:
    many = [act(cameras=[f"gate {i}"]) for i in range(9)]
    run = ask(tmp_path, *many, limits=Limits(steps=3))
    assert run.answer.status == "incomplete"
    assert len(run.steps) == 3
    assert "3 steps" in run.answer.text


def test_the_time_budget(tmp_path: Path) -> None:
    run = ask(tmp_path, act(cameras=["gate 2"]), limits=Limits(seconds=0.0))
    assert run.answer.status == "incomplete"
    assert "time limit" in run.answer.text


@pytest.mark.parametrize(
    ("cost", "limit", "status"),
    [("index", 0.1, "incomplete"), ("footage", 0.1, "incomplete"), ("render", 2.0, "answered")],
)
def test_what_a_tool_takes_to_write_a_file_is_not_of_the_time_budget(
    tmp_path: Path, cost: Any, limit: float, status: str
) -> None:
    def slowly(ctx: ToolContext, cameras: CamerasArg, time: TimeArg | None = None) -> Observation:
        sleep(limit + 0.2)
        return look.fn(ctx, cameras, time)

    library = FakeLibrary()
    script = Scripted(script=[act(cameras=["gate 2"]), AIMessage("3 people are on gate 2.")])
    tools = Toolbox([replace(look, fn=slowly, cost=cost)])
    slow = Agent(script, tools, Fleet(library), library, Weights(tmp_path), tmp_path, limits=Limits(seconds=limit))
    run = slow.run(Request("how many people are on gate 2?"))
    assert (run.answer.status, "3 people" in run.answer.text) == (status, True)


def test_text_that_is_no_step(tmp_path: Path) -> None:
    run = ask(tmp_path, ParseFault("no step", text="hm"))
    assert run.answer.status == "incomplete"
    assert "no usable step" in run.answer.text


def test_asking_back(tmp_path: Path) -> None:
    run = ask(tmp_path, AIMessage("Who?", additional_kwargs={"kind": "ask", "missing": ["person"]}))
    assert (run.answer.status, run.answer.missing, run.answer.text) == ("needs_input", ("person",), "Who?")


def test_a_policy_refuses_before_the_tool_runs(tmp_path: Path) -> None:
    sink = Sink()
    run = ask(tmp_path, act(cameras=["defect"]), AIMessage("fine"), policy=Nobody(), audit=sink)
    assert run.answer.status == "refused"
    assert "no consent" in run.answer.text
    assert sink.runs == [run]


def test_an_empty_scope_sees_no_camera(tmp_path: Path) -> None:
    one = agent(tmp_path, act(cameras=["gate 2"]), AIMessage("fine"))
    run = one.run(Request("how many?", camera_scope=frozenset()))
    assert run.answer.status == "refused"


@pytest.mark.parametrize(("text", "reason"), [("", "empty"), ("  \n", "empty"), ("x" * 5000, "4000")])
def test_requests_nobody_can_answer(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UserFault, match=reason):
        agent(tmp_path, AIMessage("hi")).run(Request(text))


def test_steps_are_told_as_they_happen(tmp_path: Path) -> None:
    seen: list[str] = []
    one = agent(tmp_path, act(cameras=["gate 2"]), AIMessage("3 people."))
    one.run(Request("how many?"), lambda step: seen.append(step.call.tool))
    assert seen == ["look"]


def test_the_json_form(tmp_path: Path) -> None:
    run = ask(tmp_path, act(cameras=["gate 2"]), AIMessage("3 people."))
    record = run.to_json()
    assert set(record) == {"answer", "status", "missing", "claims", "steps", "evidence", "llm", "seconds"}
    assert record["steps"][0]["args"] == {"cameras": ["gate 2"]}
    assert set(record["evidence"][0]) == {
        *("id", "camera", "start", "end", "track", "who", "score", "clip", "crop", "tool", "model", "model_version")
    }


class Reader(Scripted):
    """Keeps what it was given to read: the person's words, and what is at hand."""

    heard: list[Any] = Field(default_factory=list)

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        said = [m.additional_kwargs["request"] for m in messages if m.type == "human"]
        self.heard.append((said, messages[-1].additional_kwargs["uploads"]))
        return ChatResult(generations=[ChatGeneration(message=AIMessage("Hello."))])


def test_earlier_turns_and_what_they_attached_are_read(tmp_path: Path) -> None:
    library, heard = FakeLibrary(), Reader(script=[])
    reader = Agent(heard, Toolbox([look]), Fleet(library), library, Weights(tmp_path), tmp_path)
    picture = Attachment("image-1", "image", tmp_path / "him.jpg")
    runs: list[Run] = []
    for text, files in (("one", ()), ("seen him?", (picture,)), ("and then?", ()), ("really?", ()), ("why?", ())):
        runs.append(reader.run(Request(text, attachments=files), earlier=runs))
    assert heard.heard[2] == (["one", "seen him?", "and then?"], ["image-1"])
    assert heard.heard[4] == (["seen him?", "and then?", "really?", "why?"], ["image-1"]), "three turns back, no more"
    assert [r.request.attachments for r in runs[:3]] == [(), (picture,), (picture,)]


def test_a_name_that_nobody_carries_is_said_with_the_nearest(tmp_path: Path) -> None:
    library = FakeLibrary()
    library.add_camera("gate 2", "x.mp4", tz="UTC")
    library.add_person("Ana Silva", [b"x"], "form")
    back = AIMessage("Which person?", additional_kwargs={"kind": "ask", "missing": ["person", "cameras"]})
    one = Agent(Scripted(script=[back]), Toolbox([look]), Fleet(library), library, Weights(tmp_path), tmp_path)
    answer = one.run(Request("was Anna Sylva Braun at gate 9?")).answer
    assert answer.status == "needs_input" and answer.missing == ("person", "cameras")
    assert "gate 9" in answer.unknown and "gate 2" in answer.text
    assert one.run(Request("was he there?")).answer.text == "Which person?"


class Listening(Scripted):
    """Keeps all that it was given to read."""

    heard: list[str] = Field(default_factory=list)

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        self.heard.append(str([(m.content, m.additional_kwargs) for m in messages]))
        return super()._generate(messages, stop, run_manager, **kwargs)


@pytest.mark.parametrize("name", ["Anna Silwa", "Anna Sylva Braun"])
def test_the_nearest_people_are_not_told_to_who_may_not_look_for_people(name: str, tmp_path: Path) -> None:
    class Discreet(SingleUserPolicy):
        def tells_people(self, request: Request) -> bool:
            return False

    library = FakeLibrary()
    library.add_person("Ana Silva", [b"x"], "form")
    told = []
    for policy in (SingleUserPolicy(), Discreet()):
        back = AIMessage("Which person?", additional_kwargs={"kind": "ask", "missing": ["person"]})
        heard = Listening(script=[back])
        one = Agent(heard, Toolbox([look]), Fleet(library), library, Weights(tmp_path), tmp_path, policy=policy)
        answer = one.run(Request(f"was {name} at the gate?")).answer
        told.append("Ana Silva" in f"{answer}{heard.heard}")
    assert told == [True, False]


def test_words_that_were_meant_as_a_camera_are_named(tmp_path: Path) -> None:
    back = AIMessage("Which camera?", additional_kwargs={"kind": "ask", "missing": ["cameras"], "unknown": ["the bar"]})
    answer = ask(tmp_path, back).answer
    assert answer.unknown == ("gate 2", "the bar") and "the bar" in answer.text  # the fleet is empty


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("unmet", "its condition does not hold"),
        ("unread", "I read this as its condition not holding"),
        ("unsettled", "it cannot be told whether its condition holds"),
    ],
)
def test_an_unmet_condition_is_said(tmp_path: Path, key: str, why: str) -> None:
    end = AIMessage("3 people were seen on gate 2.", additional_kwargs={"kind": "finish", key: ["export_clip"]})
    run = ask(tmp_path, act(cameras=["gate 2"]), end)
    assert run.answer.text == f"3 people were seen on gate 2. Not done, because {why}: export_clip."


class Slow(Scripted):
    """A model that takes longer to load than a run may take."""

    def warm(self) -> None:
        time.sleep(4.0)


def test_loading_the_model_does_not_use_up_the_time(tmp_path: Path) -> None:
    library = FakeLibrary()
    model = Slow(script=[act(cameras=["gate 2"]), AIMessage("3 people are on gate 2.")])
    slow = Agent(
        model, Toolbox([look]), Fleet(library), library, Weights(tmp_path), tmp_path, limits=Limits(seconds=3.5)
    )
    assert slow.run(Request("how many people are on gate 2?")).answer.status == "answered"


class NoModel(Scripted):
    """A model that cannot be loaded."""

    def warm(self) -> None:
        raise FailedFault("the weights are missing", fix="viot models pull x")


class Closed(Nobody):
    """A policy that refuses every request."""

    def check_request(self, request: Request) -> None:
        raise PolicyRefusal("nobody may ask now")


def test_what_is_refused_loads_no_model(tmp_path: Path) -> None:
    library = FakeLibrary()
    shut = Agent(
        NoModel(script=[]), Toolbox([look]), Fleet(library), library, Weights(tmp_path), tmp_path, policy=Closed()
    )
    answer = shut.run(Request("how many people are on gate 2?")).answer
    assert (answer.status, answer.text) == ("refused", "Refused: nobody may ask now.")


@pytest.mark.parametrize(("reply", "status"), [("help", "answered"), ("out_of_scope", "cannot_tell")])
def test_a_fixed_reply_of_the_embedded_model_stands(tmp_path: Path, reply: str, status: str) -> None:
    words = "This is what I can do. Find when a face was seen. Count people in view."
    run = ask(tmp_path, AIMessage(words, additional_kwargs={"kind": "finish", "reply": reply}))
    assert (run.answer.text, run.answer.status) == (words, status)
