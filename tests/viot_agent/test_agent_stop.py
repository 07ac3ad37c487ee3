"""Stopping a run: the cancel token is heard before every model and tool call, and the end is recorded as such."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from viot_agent.agent.runner import Agent, EvidenceWriter
from viot_agent.cancel import cancellable, cancelled
from viot_agent.errors import DiskFault, ParseFault, StoppedFault
from viot_agent.fleet import Fleet
from viot_agent.library.fake import FakeLibrary
from viot_agent.llm.fixed import FixedCall
from viot_agent.media.clips import write_clip
from viot_agent.media.readers import open_media
from viot_agent.steps import Claim, Evidence, Observation, Request, Run, Step
from viot_agent.toolbox import CamerasArg, Toolbox, ToolContext, tool
from viot_agent.weights import Weights


@tool(needs=())
def look(ctx: ToolContext, cameras: CamerasArg) -> Observation:
    """Look at cameras and say what was seen.

    Not for: anything else.

    Args:
        cameras: camera names.
    """
    piece = Evidence(ctx.evidence_id(), cameras[0], 0.0, 1.0, "look", "eye", "1")
    text = f"3 people were seen on {cameras[0]}."
    return Observation(ctx.call_id, "look", "ok", text, "found", (Claim(text, (piece.id,)),), (piece,))


class Calling(BaseChatModel):
    """Calls ``look`` on one camera after another, for ever; ``before`` is run each time it is asked."""

    before: Callable[[int], None]
    asked: list[int] = []  # noqa: RUF012 (pydantic copies it)

    @property
    def _llm_type(self) -> str:
        return "calling"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Calling:  # type: ignore[override]
        return self

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        number = len(self.asked)
        self.asked.append(number)
        self.before(number)
        call = {"name": "look", "args": {"cameras": [f"gate {number}"]}, "id": f"c{number}", "type": "tool_call"}
        message = AIMessage(f"I look at gate {number}.", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=message)])


class Sink:
    def __init__(self) -> None:
        self.runs: list[Run] = []

    def begin(self) -> int:
        return 0

    def save_run(self, run: Run, begun: int | None = None) -> Run:
        self.runs.append(run)
        return run


class Drawing:
    """Counts how often evidence is drawn."""

    def __init__(self) -> None:
        self.times = 0

    def write(self, run_id: str, evidence: Sequence[Evidence]) -> dict[str, Evidence]:
        self.times += 1
        return {}


class FullDisk:
    """Cannot write evidence."""

    def write(self, run_id: str, evidence: Sequence[Evidence]) -> dict[str, Evidence]:
        raise DiskFault("the disk is full")


def agent(model: BaseChatModel, tmp_path: Path, sink: Sink, drawing: EvidenceWriter) -> Agent:
    library = FakeLibrary()
    box = Toolbox([look])
    return Agent(
        model, box, Fleet(library), library, Weights.from_env(tmp_path), tmp_path, audit=sink, evidence=drawing
    )


@pytest.mark.parametrize(("at", "steps"), [(0, 0), (1, 1), (2, 2)])
def test_a_stop_is_heard_before_the_next_call(tmp_path: Path, at: int, steps: int) -> None:
    cancel, sink, drawing = threading.Event(), Sink(), Drawing()
    model = Calling(before=lambda number: cancel.set() if number == at else None)
    run = agent(model, tmp_path, sink, drawing).run(Request("look"), cancel=cancel)
    assert run.answer.status == "stopped"
    assert len(run.steps) == steps  # the call that the model wrote while the stop came is not made
    assert run.answer.text.startswith("I stopped: you stopped it.")
    assert ("gate 0" in run.answer.text) == (steps > 0)  # what was found so far is kept
    assert sink.runs == [run]
    assert drawing.times == 0


def test_a_run_stopped_before_it_begins_asks_no_model(tmp_path: Path) -> None:
    cancel, sink = threading.Event(), Sink()
    cancel.set()
    model = Calling(before=lambda number: None)
    run = agent(model, tmp_path, sink, Drawing()).run(Request("look"), cancel=cancel)
    assert (run.answer.status, run.steps, model.asked) == ("stopped", (), [])


def test_a_text_that_the_stop_cut_off_is_not_asked_for_again(tmp_path: Path) -> None:
    cancel, asked = threading.Event(), []

    def cut(number: int) -> None:
        asked.append(number)
        cancel.set()
        raise ParseFault("it ends in the middle", text="Thought: I")

    run = agent(Calling(before=cut), tmp_path, Sink(), Drawing()).run(Request("look"), cancel=cancel)
    assert run.answer.status == "stopped"
    assert asked == [0]


def test_the_model_can_hear_the_stop_while_it_writes(tmp_path: Path) -> None:
    cancel, heard = threading.Event(), []

    def before(number: int) -> None:
        heard.append(cancelled())
        cancel.set()
        heard.append(cancelled())

    agent(Calling(before=before), tmp_path, Sink(), Drawing()).run(Request("look"), cancel=cancel)
    assert heard == [False, True]


def test_the_token_stands_only_inside_its_run() -> None:
    token = threading.Event()
    token.set()
    with cancellable(token):
        assert cancelled()
        with cancellable(None):
            assert not cancelled()
        assert cancelled()
    assert not cancelled()


def test_a_call_is_told_before_it_is_made(tmp_path: Path) -> None:
    told: list[tuple[str, bool]] = []

    def begin(step: Step) -> None:
        told.append((step.call.id, step.observation is None))

    def done(step: Step) -> None:
        told.append((step.call.id, step.observation is None))

    one = agent(FixedCall(tool="look", args={"cameras": ["gate 2"]}), tmp_path, Sink(), Drawing())
    run = one.run(Request("look"), done, on_begin=begin)
    assert [without for _, without in told] == [True, False]
    assert len({call for call, _ in told}) == 1
    assert run.answer.status == "answered"


def test_a_fixed_call_passes_the_schema_and_is_recorded_like_any_other(tmp_path: Path) -> None:
    sink = Sink()
    wrong = agent(FixedCall(tool="look", args={"nowhere": 1}), tmp_path, sink, Drawing()).run(Request("look"))
    assert wrong.answer.status == "incomplete"
    right = agent(FixedCall(tool="look", args={"cameras": ["yard"]}), tmp_path, sink, Drawing()).run(Request("look"))
    assert right.answer.text == "3 people were seen on yard."
    assert [r.answer.status for r in sink.runs] == ["incomplete", "answered"]


def test_a_run_whose_evidence_cannot_be_written_is_on_record(tmp_path: Path) -> None:
    sink = Sink()
    model = FixedCall(tool="look", args={"cameras": ["gate"]})
    with pytest.raises(DiskFault):
        agent(model, tmp_path, sink, FullDisk()).run(Request("who was there?"))
    [run] = sink.runs
    assert [step.call.tool for step in run.steps] == ["look"]
    assert run.answer.status == "answered"


@pytest.mark.parametrize("backend", ["decord", "pyav"])
def test_a_tool_that_reads_video_is_stopped_at_the_next_frame(tmp_path: Path, backend: Any) -> None:
    clip, cancel, seen = tmp_path / "a.mp4", threading.Event(), []
    write_clip((np.full((64, 96, 3), n, np.uint8) for n in range(50)), clip, 10.0)

    @tool(needs=())
    def watch(ctx: ToolContext, cameras: CamerasArg) -> Observation:
        """Look at a whole recording.

        Not for: anything else.

        Args:
            cameras: camera names.
        """
        for frame in open_media(clip, backend=backend).read([n / 10 for n in range(50)]):
            seen.append(frame.index)
            if frame.index == 3:
                cancel.set()
        raise AssertionError("read to its end")

    library, sink = FakeLibrary(), Sink()
    model = FixedCall(tool="watch", args={"cameras": ["yard"]})
    one = Agent(
        model, Toolbox([watch]), Fleet(library), library, Weights.from_env(tmp_path), tmp_path, react=True, audit=sink
    )
    run = one.run(Request("watch"), cancel=cancel)
    assert seen == [0, 1, 2, 3]
    assert run.answer.status == "stopped"
    assert [s.observation.summary for s in run.steps if s.observation] == ["stopped before it was done"]
    assert sink.runs == [run]
    with cancellable(cancel), pytest.raises(StoppedFault):
        next(iter(open_media(clip, backend=backend).read([0.0])))
    assert len(list(open_media(clip, backend=backend).read([0.0, 0.1]))) == 2  # nobody's run
