"""mini as a chat model: what the shipped weights must carry, how it reads a run, what it must not import."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from safetensors.numpy import load_file

from viot_agent.errors import FailedFault, WeightsMissing
from viot_agent.fleet.mentions import find_mentions
from viot_agent.fleet.types import Camera, Person
from viot_agent.llm.mini import assets, encoder_graph
from viot_agent.llm.mini import planner as planner_module
from viot_agent.llm.mini.attachments import the_one_named
from viot_agent.llm.mini.checks import (
    about_things,
    alerts_to_doing,
    asks_for_somebody,
    asks_who_was_not,
    finds,
    may_be_conditional,
    no_time,
    of_what_is_seen,
    only_tells_of_an_export,
    plainly,
    reverses,
    says_event,
)
from viot_agent.llm.mini.comparing import compared
from viot_agent.llm.mini.decoder import Layout
from viot_agent.llm.mini.encoder import Encoder, windows
from viot_agent.llm.mini.limits import settled
from viot_agent.llm.mini.menu import SYM, Call, Step
from viot_agent.llm.mini.model import MiniChat
from viot_agent.llm.mini.partly import fitting
from viot_agent.llm.mini.units import Passage, make_units, read
from viot_agent.llm.mini.weights import Weights
from viot_agent.react import parse, render
from viot_agent.steps import Observation
from viot_finetune.mini.cards import stub_toolbox

CAMERAS = ("theatre", "gate 1", "gate 2", "north gate", "dock a")
ENROLLED = ("Lin-Manuel Miranda", "Alex Lacamoire")


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> MiniChat:
    return MiniChat(toolbox=stub_toolbox(), home=tmp_path_factory.mktemp("home"), threads=1)


def ask(
    text: str, *, people: tuple[str, ...] = ENROLLED, uploads: tuple[str, ...] = (), cameras: tuple[str, ...] = CAMERAS
) -> HumanMessage:
    fleet = [Camera(i, n, "", (), "UTC", None) for i, n in enumerate(cameras)]
    known = [Person(i, n, "", 1) for i, n in enumerate(people)]
    found = find_mentions(text, fleet, known, uploads)
    extra: dict[str, Any] = {
        "request": text,
        "mentions": [{s: getattr(m, s) for s in m.__slots__} for m in found],
        "uploads": list(uploads),
    }
    return HumanMessage(f"{text}\n[Cameras: {', '.join(cameras)}]", additional_kwargs=extra)


CARRIED = [
    (
        "When does Lin-Manuel Miranda appear on theatre?",
        "face_recognition",
        {"person": "Lin-Manuel Miranda", "cameras": ["theatre"]},
    ),
    ("Who appears on theatre?", "face_recognition", {"cameras": ["theatre"]}),
    ("how many people are at gate 2?", "crowd_counting", {"cameras": ["gate 2"]}),
    (
        "has KX-4821 been at north gate today?",
        "plate_recognition",
        {"plate": "KX-4821", "cameras": ["north gate"], "time": "today"},
    ),
    (
        "has 皖AT6M00 been at gate 2 since midnight?",
        "plate_recognition",
        {"plate": "皖AT6M00", "cameras": ["gate 2"], "time": "since midnight"},
    ),
    ("which cameras are there?", "list_cameras", {}),
    (
        "save me theatre between 8 and 9 this morning",
        "export_clip",
        {"cameras": ["theatre"], "time": "between 8 and 9 this morning"},
    ),
]


@pytest.mark.parametrize(("text", "tool", "args"), CARRIED)
def test_requests_the_first_cut_carries(mini: MiniChat, text: str, tool: str, args: dict[str, Any]) -> None:
    step = mini.invoke([SystemMessage("cards"), ask(text)])
    assert isinstance(step, AIMessage)
    assert [(c["name"], c["args"]) for c in step.tool_calls] == [(tool, args)]
    assert step.additional_kwargs["kind"] == "act"
    written = step.additional_kwargs["react"]
    assert render(parse(written)) == written


@pytest.mark.parametrize("enrolled", [(*ENROLLED, "Barack Obama"), ()], ids=["enrolled", "nobody is"])
def test_a_name_is_copied(mini: MiniChat, enrolled: tuple[str, ...]) -> None:
    step = mini.invoke([ask("Is Barack Obama on theatre?", people=enrolled, cameras=("theatre",))])
    assert step.tool_calls[0]["args"] == {"person": "Barack Obama", "cameras": ["theatre"]}


@pytest.mark.parametrize(
    ("text", "missing"), [("Is Barack Obama on theatre?", "person"), ("Who was at gate 9 today?", "cameras")]
)
def test_a_name_that_nothing_carries_is_asked_about(mini: MiniChat, text: str, missing: str) -> None:
    step = mini.invoke([ask(text)])
    assert (step.additional_kwargs["kind"], step.additional_kwargs.get("missing")) == ("ask", [missing])


def test_a_half_said_sibling_is_called_by_its_whole_name(mini: MiniChat) -> None:
    step = mini.invoke([ask("how many people are at gate 1, no, sorry, 2?")])
    assert step.tool_calls[0]["args"] == {"cameras": ["gate 2"]}


def test_a_tool_that_is_not_there_is_not_replaced_by_another(mini: MiniChat) -> None:
    few = mini.bind_tools([{"name": n} for n in ("face_recognition", "crowd_counting", "list_cameras", "export_clip")])
    assert few.invoke([ask("is anything on fire at gate 2?")]).tool_calls == []
    assert mini.invoke([ask("is anything on fire at gate 2?")]).tool_calls[0]["name"] == "fire_smoke_detection"


def test_a_follow_up_is_read_against_the_turn_before(mini: MiniChat) -> None:
    first = ask("how many people were at gate 2 today?")
    step = mini.invoke([first, AIMessage("Five."), ask("and yesterday?")])
    assert (step.tool_calls[0]["name"], step.tool_calls[0]["args"]) == (
        "crowd_counting",
        {"cameras": ["gate 2"], "time": "yesterday"},
    )


@pytest.mark.parametrize(
    ("seen", "then"), [("Smoke from 14:02 to 14:05.", ["export_clip"]), ("No fire, no smoke.", [])]
)
def test_a_condition_is_settled_by_what_was_seen(mini: MiniChat, seen: str, then: list[str]) -> None:
    request = ask("if there is smoke at gate 2 between 8 and 9 this morning, save me the clip")
    first = mini.invoke([request])
    assert first.tool_calls[0]["name"] == "fire_smoke_detection"
    assert "if its condition holds export_clip" in first.additional_kwargs["react"]
    verdict = "found" if then else "none"
    messages = after(request, first, verdict=verdict, summary=seen)
    end = mini.invoke(messages)
    assert [c["name"] for c in end.tool_calls] == then
    assert end.additional_kwargs.get("unread", []) == ([] if then else ["export_clip"])


@pytest.mark.parametrize(
    ("text", "kind", "reply", "missing"),
    [
        ("Has anyone seen him?", "ask", "", ["person"]),
        ("hello", "finish", "greeting", None),
        ("what's the weather tomorrow?", "finish", "out_of_scope", None),
    ],
)
def test_steps_without_a_tool(mini: MiniChat, text: str, kind: str, reply: str, missing: list[str] | None) -> None:
    step = mini.invoke([ask(text)])
    assert (step.additional_kwargs["kind"], step.tool_calls) == (kind, [])
    assert step.additional_kwargs.get("reply", "") == reply
    assert step.additional_kwargs.get("missing") == missing
    assert step.content


def after(request: HumanMessage, step: AIMessage, **kwargs: Any) -> list[Any]:
    call = step.tool_calls[0]
    words = kwargs.pop("summary", "Five people were seen.")
    seen = Observation(call["id"] or "", call["name"], kwargs.pop("status", "ok"), words, **kwargs)
    result = ToolMessage(seen.summary, tool_call_id=call["id"] or "", name=call["name"], artifact=seen)
    return [request, step, result]


@pytest.mark.parametrize("status", ["ok", "retry", "failed"])
def test_the_answer_is_the_observations_own_words(mini: MiniChat, status: str) -> None:
    request = ask("how many people are at gate 2?")
    first = mini.invoke([request])
    end = mini.invoke(after(request, first, status=status))
    assert end.tool_calls == []
    assert end.content == "Five people were seen."
    assert end.additional_kwargs["reply"] == "done"


def test_two_steps(mini: MiniChat) -> None:
    request = ask("how many people are at gate 2, and has KX-4821 been at north gate today?")
    first = mini.invoke([request])
    messages = after(request, first)
    second = mini.invoke(messages)
    assert [s.tool_calls[0]["name"] for s in (first, second)] == ["crowd_counting", "plate_recognition"]
    assert second.tool_calls[0]["args"] == {"plate": "KX-4821", "cameras": ["north gate"], "time": "today"}
    assert mini.invoke([*messages, *after(request, second)[1:]]).tool_calls == []


def test_an_attached_picture_is_the_person(mini: MiniChat) -> None:
    step = mini.invoke([ask("has this man been at gate 2?", uploads=("image-1",))])
    assert step.tool_calls[0]["args"] == {"person": "image-1", "cameras": ["gate 2"]}


def test_bound_tools_only(mini: MiniChat) -> None:
    bound = mini.bind_tools([{"name": "list_cameras"}])
    assert not any(c["name"] != "list_cameras" for c in bound.invoke([ask("who is at gate 2?")]).tool_calls)
    assert mini.invoke([ask("who is at gate 2?")]).tool_calls[0]["name"] == "face_recognition"
    with pytest.raises(FailedFault, match="no_such_tool"):
        mini.bind_tools([{"name": "no_such_tool"}])


def test_without_context_it_still_answers(mini: MiniChat) -> None:
    assert mini.invoke([HumanMessage("hello")]).additional_kwargs["reply"] == "greeting"
    with pytest.raises(FailedFault, match="no human message"):
        mini.invoke([AIMessage("hm")])


@pytest.mark.parametrize("text", ["", "?", "   ", "a" * 4000, "gate 2 " * 500, "皖" * 900, "\u0000\u200b", "🙂🙂"])
def test_odd_texts_give_a_step(mini: MiniChat, text: str) -> None:
    step = mini.invoke([ask(text)])
    assert step.additional_kwargs["kind"] in ("act", "finish", "ask")


def test_no_torch_and_no_transformers(tmp_path: Path) -> None:
    code = f"""
import json, sys
from pathlib import Path
from langchain_core.messages import HumanMessage
from viot_agent.llm.mini.model import MiniChat
from viot_finetune.mini.cards import stub_toolbox
mini = MiniChat(toolbox=stub_toolbox(), home=Path({str(tmp_path)!r}), threads=1)
mini.bind_tools([dict(name="list_cameras")]).invoke([HumanMessage("hello")])
print(json.dumps([n for n in ("torch", "transformers", "sentence_transformers", "peft") if n in sys.modules]))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(out.stdout.splitlines()[-1]) == []


@pytest.mark.filterwarnings("ignore")
def test_the_graph_is_minilm() -> None:
    """The float32 graph against transformers' own BERT on the same weights."""
    import onnxruntime
    import torch
    from transformers import AutoModel

    folder = assets.encoder_dir()
    graph = encoder_graph.build(load_file(folder / "model.safetensors"), whole=True)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    model = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
    for length in (1, 7, 64):
        ids = np.random.default_rng(length).integers(1000, 30000, (1, length))
        with torch.inference_mode():
            expected = model(torch.from_numpy(ids)).last_hidden_state[0].numpy()
        np.testing.assert_allclose(session.run(None, {"ids": ids})[0], expected, atol=2e-5)


def test_word_embeddings_in_bytes() -> None:
    table = np.random.default_rng(0).normal(0.1, 0.3, (50, 8)).astype(np.float32)
    small, scale, zero = encoder_graph.in_bytes(table)
    assert (small.dtype, small.min(), small.max()) == (np.uint8, 0, 255)
    np.testing.assert_allclose(scale * (small.astype(np.float32) - zero), table, atol=0.51 * scale)
    assert encoder_graph.in_bytes(np.array([[0.0, 2.0]], np.float32))[2] == 0  # nothing below zero


def test_merging_an_adapter() -> None:
    rng = np.random.default_rng(0)
    w, a, b = (rng.normal(size=s).astype(np.float32) for s in ((4, 4), (2, 4), (4, 2)))
    merged = encoder_graph.merge_adapter({"x.weight": w, "y": w}, {"lora.x.weight.A": a, "lora.x.weight.B": b}, 2.0)
    np.testing.assert_allclose(merged["x.weight"], w + 2 * b @ a, rtol=1e-5)
    assert merged["y"] is w
    with pytest.raises(KeyError):
        encoder_graph.merge_adapter({}, {"lora.x.weight.A": a, "lora.x.weight.B": b}, 1.0)


@pytest.mark.parametrize("lengths", [[1], [1] * 5000, [48] * 40, [3, 48, 1] * 300])
def test_windows_cover_every_unit(lengths: list[int]) -> None:
    spans = windows(lengths)
    assert spans[0][0] == 0 and spans[-1][1] == len(lengths)
    for (a, b), (c, d) in itertools.pairwise(spans):
        assert a < c <= b < d
    assert all(sum(lengths[a:b]) <= 510 for a, b in spans)


@pytest.mark.parametrize(
    ("asked", "time", "kept"),
    [
        ("who was at gate 1 between 3 and 4 pm? cut that now", "now", "between 3 and 4 pm"),
        ("save me gate 1 right now", "right now", "right now"),
        ("who is at gate 1 now? save me 3 to 4 pm", "3 to 4 pm", "3 to 4 pm"),
    ],
)
def test_a_clip_is_cut_now_and_of_another_time(asked: str, time: str, kept: str) -> None:
    reading = read(asked, find_mentions(asked, [Camera(0, "gate 1", "", (), "UTC", None)], []))
    step = Step("act", plan=("export_clip",), tool="export_clip", args={"cameras": ["gate 1"], "time": time})
    assert planner_module._cut_now(step, reading).args["time"] == kept


@pytest.mark.parametrize(
    ("time", "kept"), [("from now on", ""), ("From  now", ""), ("right now", ""), ("at night", "at night")]
)
def test_an_alert_that_stands_from_now_on_has_no_hours(time: str, kept: str) -> None:
    args = {"event": "fire", "cameras": ["gate 2"], "time": time}
    step = planner_module._from_now_on(Step("act", plan=("create_alert",), tool="create_alert", args=args))
    assert step.args.get("time", "") == kept
    assert step.args["cameras"] == ["gate 2"]
    other = Step("act", plan=("crowd_counting",), tool="crowd_counting", args={"time": "now"})
    assert planner_module._from_now_on(other) is other


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("How many vehicles were seen in total?", True),
        ("how many cars passed", True),
        ("how many cars did we sell last year?", False),
        ("how many dogs are there in the world?", False),
        ("how many bikes does the average family own?", False),
    ],
)
def test_what_cameras_saw_is_told_from_what_the_world_holds(text: str, seen: bool) -> None:
    assert of_what_is_seen(text) is seen


def test_found_says_all_only_of_one_thing_looked_for() -> None:
    assert finds("face_recognition", {"person": "Ana"})
    assert finds("fire_smoke_detection", {})
    assert not finds("face_recognition", {}), "'anyone I don't know' is not answered by somebody known"
    assert not finds("video_qa", {"question": "is it white"})
    assert not finds("action_recognition", {"poses": "poses-1"})


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        (
            "tell me when Ana Silva or Ben Okoro shows up at gate 2",
            Call("create_alert", {"event": "face:Ana Silva", "cameras": ["gate 2"]}, "info"),
            {"event": "face:Ben Okoro", "cameras": ["gate 2"]},
        ),
        (
            "alert me to KX-4821 and MW-1122 at gate 2",
            Call("create_alert", {"event": "plate:KX-4821", "cameras": ["gate 2"]}, "info"),
            {"event": "plate:MW-1122", "cameras": ["gate 2"]},
        ),
        (
            "was KX-4821, MW-1122 at gate 2?",
            Call("plate_recognition", {"plate": "KX-4821", "cameras": ["gate 2"]}, "none"),
            {"plate": "MW-1122", "cameras": ["gate 2"]},
        ),
        ("fire alerts at gate 2 please", Call("create_alert", {"event": "fire", "cameras": ["gate 2"]}, "info"), None),
    ],
)
def test_each_of_those_named_together_gets_a_call(
    mini: MiniChat, text: str, first: Call, second: dict[str, Any] | None
) -> None:
    cameras = [Camera(0, "gate 2", "x.mp4", (), "UTC", 0.0)]
    people = [Person(i, n, "", 1) for i, n in enumerate(("Ana Silva", "Ben Okoro"))]
    reading = read(text, find_mentions(text, cameras, people))
    step = mini.planner()._for_each(Step("finish", "done"), reading, [first])
    assert (step.args if step.kind == "act" else None) == second


def test_what_is_due_and_lacks_what_it_takes_is_asked_for(mini: MiniChat) -> None:
    """A clip takes a time: where its condition holds and none was said, nothing is left undone without a word."""
    cameras = [Camera(0, "gate 2", "x.mp4", (), "UTC", 0.0)]
    planner = mini.planner()

    def after(text: str, settled: bool) -> Step:
        seen = [Passage("2 unknown faces", tool="face_recognition")]
        reading = read(text, find_mentions(text, cameras, []), seen=seen)
        past = [Call("face_recognition", {"cameras": ["gate 2"]}, "found", ("export_clip",), (0,))]
        return planner.next_step(reading, past, settled=settled)

    asked = "any strangers on gate 2? in that case blur the footage"
    assert after(asked, True) == Step("ask", missing=("time",))
    assert after(asked, False) == Step("finish", "done")
    assert after("any strangers on gate 2 this morning? then save it", True).tool == "export_clip"
    no_time = Step("act", tool="export_clip", args={"cameras": ["gate 2"], "time": "fewer"})
    assert planner._without_no_time(no_time, read("over 50? export it. fewer: nothing")) == Step(
        "ask", missing=("time",)
    )


def test_what_waits_for_nothing_and_lacks_what_it_takes_is_asked_for(mini: MiniChat) -> None:
    cameras = [Camera(0, "gate 2", "x.mp4", (), "UTC", 0.0)]
    text = "who is in the footage of gate 2? blur all but Ana's and give me the file"
    reading = read(text, find_mentions(text, cameras, []), seen=[Passage("nobody", tool="face_recognition")])
    left = ("export_clip", "face_redaction")
    done = Call("face_recognition", {"cameras": ["gate 2"]}, "none", left)
    assert mini.planner().next_step(reading, [done]) == Step("ask", missing=("time",))
    for past in (replace(done, status="failed"), replace(done, waiting=(0, 1)), replace(done, rest=())):
        assert mini.planner().next_step(reading, [past]).kind == "finish"


@pytest.mark.parametrize(
    ("text", "upload"),
    [
        ("Is there a fire in the attached video?", "video-1"),
        ("is somethin burning in this", "video-1"),
        ("how many people are in this", "video-1"),
        ("did anyone fall in this video", "video-1"),
        ("is this a fire?", "image-1"),
        ("read me the plate in this photo", "image-1"),
    ],
)
def test_what_is_asked_of_a_file_is_not_answered_from_the_cameras(mini: MiniChat, text: str, upload: str) -> None:
    message = mini.invoke([ask(text, uploads=(upload,))])
    assert (message.tool_calls, message.additional_kwargs["reply"]) == ([], "out_of_scope")
    assert str(message.content).startswith(f"I cannot look at {upload} for that.")


@pytest.mark.parametrize(
    ("text", "upload", "tool"),
    [
        ("have we seen the man in this picture anywhere", "image-1", "face_recognition"),
        ("blur all faces in this video", "video-1", "face_redaction"),
        ("I lost my dog, see the attached photo. How many people were around yesterday?", "image-1", "crowd_counting"),
        ("was there a fire on dock a? I attached this picture of the lighter", "image-1", "fire_smoke_detection"),
    ],
)
def test_files_that_a_tool_takes_and_cameras_that_are_named(mini: MiniChat, text: str, upload: str, tool: str) -> None:
    assert [c["name"] for c in mini.invoke([ask(text, uploads=(upload,))]).tool_calls] == [tool]


def test_a_short_request_for_somebody_enrolled(mini: MiniChat) -> None:
    (call,) = mini.invoke([ask("show me Alex Lacamoire")]).tool_calls
    assert (call["name"], call["args"]) == ("face_recognition", {"person": "Alex Lacamoire"})
    known = [Person(0, "Ana Xu", "", 1)]
    for text, wanted in (
        ("show me the wooden crate", False), ("where was Ana Xu's car", False), ("find Ana Xu a parking space", False),
        ("where is Ana Xu now?", True), ("show me Ana Xu", True),
    ):  # fmt: skip
        assert asks_for_somebody(read(text, find_mentions(text, [], known))) is wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("what alerts have i got set up", "with viot alert: list"),
        ("get rid of the dock alert", "with viot alert: list"),
        ("how do I enrol a new colleague?", "with viot person"),
        ("order me a pizza", "Ask what I can do"),
        ("how does face recognition work here?", "list everyone whose face was seen. Not for:"),
    ],
)
def test_what_no_tool_does_is_said_shortly_with_what_helps(mini: MiniChat, text: str, said: str) -> None:
    assert said in str(mini.invoke([ask(text)]).content)


def test_plates_known_in_part() -> None:
    read_there = {"sightings": [{"plate": "FWE50"}, {"plate": "BS47040"}, {"plate": "BSX1"}]}
    every, one = Call("plate_recognition", {"time": "today"}), Call("plate_recognition", {"plate": "FWE50"})
    told = {
        "any plates today that start with RK?": "No plate of these begins with RK.",
        "which plates were read that end in 50": "Of these FWE50 ends with 50.",
        "plates beginning with the letters BS": "Of these BS47040 and BSX1 begin with BS.",
        "Plates starting with fw": "Of these FWE50 begins with fw.",
        "which plates do not start with RK": "",
        "plates that start with R or D": "",
        "list the plates of the shift that starts in 2 hours": "",
        "plates from the shift that ends in 50": "",
        "which plates were read at the end in the yard": "",
        "my shift ends in 50 minutes": "",
    }
    assert {asked: fitting(asked, [(every, read_there)]) for asked in told} == told
    assert fitting("plates that start with RK?", [(one, read_there)]) == ""


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("gate 1 or gate 2, which was busier?", "Most people in view at once: gate 2, 5; fewest: gate 1, 3."),
        ("where were the most people", "Most people in view at once: gate 2, 5; fewest: gate 1, 3."),
        ("how many people were at gate 1 and gate 2", ""),
        ("were more people than 4 there? more than 4 people?", ""),
        ("were there more people than usual at both", ""),
        ("more people than twenty?", ""),
    ],
)
def test_which_was_busier(asked: str, said: str) -> None:
    call = Call("crowd_counting", {"cameras": ["gate 1", "gate 2"], "time": "today"}, "found")
    data = {"cameras": {"gate 1": {"max": 3}, "gate 2": {"max": 5}}, "untold": []}
    assert compared(asked, [(call, data)]) == said
    assert compared(asked, [(call, data | {"untold": ["gate 3"]})]) == ""


def test_when_it_was_busier() -> None:
    then, now = (Call("crowd_counting", {"cameras": ["gate 1"], "time": t}, "found") for t in ("yesterday", "today"))
    three, none = {"cameras": {"gate 1": {"max": 3}}}, {"cameras": {"gate 1": {"max": 0}}}
    asked = "was gate 1 busier yesterday or today?"
    assert (
        compared(asked, [(then, three), (now, none)]) == "Most people in view at once: yesterday, 3; fewest: today, 0."
    )
    same = "As many people were in view at once: yesterday and today, 3 each."
    assert compared(asked, [(then, three), (now, three)]) == same
    elsewhere = replace(now, args={"cameras": ["gate 2"], "time": "today"})
    assert compared(asked, [(then, three), (elsewhere, {"cameras": {"gate 2": {"max": 1}}})]) == ""
    alert = Call("create_alert", {"event": "person"}, "found")
    assert compared(asked, [(then, three), (now, none), (alert, {})]) == ""
    many = {"cameras": {"A": {"max": 3}, "B": {"max": 3}, "C": {"max": 0}}}
    said = "Most people in view at once: A and B, 3 each; fewest: C, 0."
    assert compared("which was quietest", [(then, many)]) == said
    assert (
        compared(asked, [(then, three)]) == compared(asked, [(then, three), (replace(now, status="failed"), {})]) == ""
    )


def test_a_misspelt_camera_is_named_as_it_is_called_in_copied_words() -> None:
    fleet = [Camera(0, "north gate", "", (), "UTC", None)]
    text = "what colour was the first car at nroth gate"
    reading = read(text, find_mentions(text, fleet, []))
    step = planner_module._spelt(Step("act", tool="video_qa", args={"question": text}), reading)
    assert step.args["question"] == "what colour was the first car at north gate"


def test_nets_decide_together() -> None:
    """The mean of the nets' log-probabilities: one alone may be overruled by a surer one."""

    class Fixed:
        def __init__(self, scores: list[float]) -> None:
            self.layout = Layout(0, 0, 0)
            self.scores = np.full(self.layout.size, -50, np.float32)
            for name, score in zip(("NEED", "NOTOOL"), scores, strict=True):
                self.scores[SYM[name]] = score

        def feed(self, elements: Any) -> Any:
            return self.scores

    class OneWord:
        prefix, written, step = (), (), None

        def allowed(self) -> list[Any]:
            return [("sym", SYM["NEED"]), ("sym", SYM["NOTOOL"])]

        def push(self, element: Any) -> None:
            self.step = element

    monkey = pytest.MonkeyPatch()
    with monkey.context() as m:
        m.setattr(planner_module, "lean", lambda grammar, allowed, *_: np.zeros(len(allowed)))
        for scores, right in (
            ([[1, 0], [0, 3]], "NOTOOL"),
            ([[3, 0], [0, 1]], "NEED"),
            ([[101, 100], [0, 3]], "NOTOOL"),
        ):
            made: Any = planner_module.decode(OneWord(), [Fixed(s) for s in scores])  # type: ignore[arg-type]
            assert made == ("sym", SYM[right])


def test_long_requests_are_read_whole(mini: MiniChat) -> None:
    for net in mini.planner().nets:
        states = net.encoder.units(make_units("word " * 900))
        assert states.shape == (900, 384)
        assert (np.abs(states).sum(axis=1) > 0).all()


def test_a_wrong_or_missing_file_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / assets.HUB_NAME
    folder.mkdir()
    for name in ("model.safetensors", "tokenizer.json"):
        (folder / name).write_bytes(b"not it")
    monkeypatch.setenv("VIOT_MODELS", str(tmp_path))
    assert assets.encoder_dir() == folder
    with pytest.raises(FailedFault, match="sha256"):
        Encoder({}, 1.0, home=tmp_path)
    with pytest.raises(WeightsMissing, match="viot_finetune"):
        Weights.load(tmp_path / "none.safetensors")


def test_the_shipped_weights_are_small_and_carded() -> None:
    assert assets.DECODER.stat().st_size < 15e6
    for arrays in Weights.load().nets:
        assert sum(v.size for k, v in arrays.items() if not k.startswith("lora.")) <= 5_100_000
    card = assets.DECODER.with_suffix(".md").read_text("utf-8")
    assert assets.sha256_of(assets.DECODER) in card
    assert assets.ENCODER_SHA256 in card


@pytest.mark.parametrize(
    "text",
    [
        "Quién estaba en el theatre ayer?",
        "¿Cuántas personas había en gate 1 ayer?",
        "Wann war Barack Obama auf theatre?",
        "Qui était au theatre hier ?",
        "谁昨天在theatre?",
        "Кто был вчера на theatre?",
        "Où est ?",
        "Ou est Alex Lacamoire ?",
        "Où est Alex Lacamoire ?",
        "Dov'è Alex Lacamoire?",
        "Onde está Alex Lacamoire?",
        "Waar is Alex Lacamoire?",
        "C'est qui ?",
    ],
)
def test_another_language_is_not_guessed_at(mini: MiniChat, text: str) -> None:
    step = mini.invoke([ask(text)])
    assert (step.additional_kwargs["kind"], step.tool_calls) == ("ask", [])
    assert "English" in str(step.content)


@pytest.mark.parametrize(
    "text",
    [
        "find María de los Ángeles on theatre",
        "was Müller at gate 1?",
        "Is 王芳 on theatre now?",
        "is José on theatre? he está late",
        "who was at the café at 9 est",
        "find Dov",
        "where's Dov?",
        "track Waar on gate 1",
    ],
)
def test_a_name_from_elsewhere_is_english_enough(mini: MiniChat, text: str) -> None:
    assert "English" not in str(mini.invoke([ask(text)]).content)


@pytest.mark.parametrize(
    "text",
    [
        "who was not on theatre?",
        "Who wasn't at gate 1 today?",
        "tell me who hasnt been seen on gate 2 yesterday",
        "which of our people were not on theatre",
        "who is missing from theatre",
    ],
)
def test_who_was_not_there_is_asked_of_a_named_person(mini: MiniChat, text: str) -> None:
    """Who *was* there would be the answer to another question."""
    step = mini.invoke([ask(text)])
    assert (step.additional_kwargs["kind"], step.tool_calls) == ("ask", [])
    assert step.additional_kwargs["missing"] == ["person"]
    assert "not who was not" in str(step.content)


@pytest.mark.parametrize(
    "text",
    [
        "who was not recognised on theatre?",
        "was Alex Lacamoire not on theatre?",
        "who was on theatre, not gate 1?",
        "I do not care who was not there. How many people were on gate 1?",
        "which of the cameras are not working?",
        "Which of the cars was not seen yesterday?",
        "which ones are not indexed yet?",
        "Who was not wearing a mask at gate 1?",
        "who isn't sitting down",
        "who was missing a helmet?",
        "who is not on the list?",
        "who was not clearly recognised?",
        "which of them was not at gate 1: Alex Lacamoire or Lin-Manuel Miranda?",
        "Who was not there? Also count people on gate 2.",
    ],
)
def test_other_negations_are_no_such_question(text: str) -> None:
    assert not asks_who_was_not(text)


def counted(most: int) -> dict[str, Any]:
    return {"verdict": "found", "data": {"cameras": {"gate 2": {"min": 0, "max": most, "different": most}}}}


@pytest.mark.parametrize(
    ("condition", "most", "then"),
    [
        ("more than 5 people were on gate 2 today", 29, ["export_clip"]),
        ("more than 5 people were on gate 2 today", 5, []),
        ("more than five people were on gate 2 today", 6, ["export_clip"]),
        ("at least 5 people were on gate 2 today", 5, ["export_clip"]),
        ("there were over 50 people on gate 2 today", 29, []),
    ],
)
def test_a_number_in_a_condition_is_compared_by_code(
    mini: MiniChat, condition: str, most: int, then: list[str]
) -> None:
    request = ask(f"If {condition}, save me gate 2 today from 10:00 to 10:01")
    first = mini.invoke([request])
    assert first.tool_calls[0]["name"] == "crowd_counting"
    seen = f"On gate 2 between 10:00:00 and 10:00:04: at most {most} people at once, at 10:00:03 [e1]; usually nobody."
    end = mini.invoke(after(request, first, summary=seen, **counted(most)))
    assert [c["name"] for c in end.tool_calls] == then
    assert end.additional_kwargs.get("unmet", []) == ([] if then else ["export_clip"])


@pytest.mark.parametrize(
    ("condition", "most", "holds"),
    [
        ("there were more than 5.", 6, True),  # the end of a sentence
        ("there were more than 5. Then save it", 5, False),
        ("more than twenty-five people came", 25, False),
        ("more than twenty five people came", 26, True),
        ("ninety or more came", 90, True),
        ("at least forty two came", 41, False),
        ("more than 5.5 came", 29, None),
        ("more than 5,000 people came", 29, None),
        ("more than two hundred people came", 29, None),
        ("two hundred and twenty or more came", 29, None),
        ("more than two dozen came", 24, False),
        ("half a dozen or more came", 6, True),
        ("at least a dozen people came", 11, False),
        ("more than six dozen people came", 99, None),
        ("somebody stays for more than twenty five minutes", 29, None),
        ("more than 5 bikes are parked there", 29, None),
        ("over 5 suitcases pile up, cut a clip", 29, None),
        ("at least 3 dogs ran about", 29, None),
        ("more than 5 customers are waiting", 6, True),
        ("more than 5 in the hall", 5, False),
        ("more than 5, cut a clip", 6, True),
        ("anybody stays for more than 5 minutes", 29, None),
        ("10 or more cars came", 29, None),
    ],
)
def test_numbers_are_read_whole_or_not_at_all(condition: str, most: int, holds: bool | None) -> None:
    call = Call("crowd_counting", {"cameras": ["gate 2"]}, "found")
    assert settled(f"If {condition}, save me gate 2", call, counted(most)["data"]) is holds


@pytest.mark.parametrize(
    ("asked", "cameras", "holds"),
    [
        ("if at most 3 people were in the yard set an alert", {"yard": {"max": 3}}, True),
        ("save it if no more than two people were in the lobby", {"lobby": {"max": 3}}, False),
        ("under 10 in the hall? then clip it", {"hall": {"max": 4}}, True),
        ("fewer than 5 in the hall? then clip it", {"hall": {"max": 4, "different": 9}}, None),
        ("fewer than 5 people in both? then clip it", {"a": {"max": 3}, "b": {"max": 4}}, None),
        ("unless it is under 10 send me the clip", {"hall": {"max": 4}}, None),
        ("if it stayed below 300 leave it, otherwise clip it", {"hall": {"max": 4}}, None),
        ("if it was not below 10, clip it", {"hall": {"max": 4}}, None),
    ],
)
def test_fewer_than_a_number(asked: str, cameras: dict[str, Any], holds: bool | None) -> None:
    assert settled(asked, Call("crowd_counting", {}, "found"), {"cameras": cameras}) is holds


def test_the_number_an_alert_is_to_tell_of_is_no_condition() -> None:
    call = Call("crowd_counting", {}, "found", ("create_alert",), (0,))
    asked = "if the lobby was under 40 people, watch it for crowds above 50"
    assert settled(asked, call, {"cameras": {"lobby": {"max": 40}}}) is False
    assert settled(asked, call, {"cameras": {"lobby": {"max": 39}}}) is True


def test_fewer_than_a_number_on_a_camera_that_cannot_be_told_of() -> None:
    data = {"cameras": {"hall": {"max": 1}}, "untold": ["yard"]}
    assert settled("fewer than 5 people? clip it", Call("crowd_counting", {}, "found"), data) is None


def test_a_camera_that_cannot_be_told_of_leaves_a_number_unsettled() -> None:
    call = Call("crowd_counting", {"cameras": ["gate 1", "gate 2"]}, "found")
    few = counted(2)["data"] | {"untold": ["gate 1"]}
    assert settled("if more than 5 people were at the gates", call, few) is None
    assert settled("if more than 5 people were at the gates", call, few | {"untold": []}) is False
    assert settled("if more than 5 people were at the gates", call, counted(9)["data"] | {"untold": ["gate 1"]}) is True


def test_a_condition_that_cannot_be_told_of_one_camera_is_called_so(mini: MiniChat) -> None:
    request = ask("If more than 5 people were on gate 1 or gate 2 today, save me gate 2 today from 10:00 to 10:01")
    first = mini.invoke([request])
    seen = "Cannot tell: gate 1 is not indexed yet. On gate 2 between 10:00:00 and 10:00:04: at most 2 people at once."
    facts = counted(2)
    facts["data"]["untold"] = ["gate 1"]
    end = mini.invoke(after(request, first, summary=seen, **facts))
    assert end.tool_calls == []
    assert end.additional_kwargs["unsettled"] == ["export_clip"]


def test_a_condition_that_cannot_be_told_is_called_so(mini: MiniChat) -> None:
    request = ask("if there is smoke at gate 2 between 8 and 9 this morning, save me the clip")
    first = mini.invoke([request])
    end = mini.invoke(after(request, first, verdict="cannot_tell", summary="Cannot tell: gate 2 is not indexed."))
    assert end.tool_calls == []
    assert end.additional_kwargs["unsettled"] == ["export_clip"]


@pytest.mark.parametrize("text", ["Blur the faces in image-2, please.", "redact the second picture"])
def test_a_file_that_is_not_attached_is_asked_for(mini: MiniChat, text: str) -> None:
    step = mini.invoke([ask(text, uploads=("image-1",))])
    assert step.tool_calls == []
    assert step.additional_kwargs["missing"] == ["media"]
    assert mini.invoke([ask("Blur the faces in image-1, please.", uploads=("image-1",))]).tool_calls


def test_what_was_exported_is_not_exported_again(mini: MiniChat) -> None:
    assert mini.invoke([ask("today at 12:00 we exported the gate 2 clip and it was too dark")]).tool_calls == []
    assert only_tells_of_an_export("we saved the footage last week, it was too dark")
    assert not only_tells_of_an_export("we exported the yard clip, now save the gate too")
    assert not only_tells_of_an_export("export the clip that we saved")


def test_a_condition_or_a_number_of_people_is_no_time() -> None:
    assert no_time("between 5 and 10", "if between 5 and 10 people were there")
    assert no_time("and if either has more than 2", "")
    assert not no_time("between 5 and 10", "who came between 5 and 10 yesterday")
    assert not no_time("", "people")


@pytest.mark.parametrize("joint", ["and", "or"])
def test_each_of_two_people_is_looked_for(mini: MiniChat, joint: str) -> None:
    request = ask(f"Was Lin-Manuel Miranda {joint} Alex Lacamoire on theatre?")
    first = mini.invoke([request])
    messages = after(request, first, verdict="none", summary="Not recognised on theatre.")
    second = mini.invoke(messages)
    called = [m.tool_calls[0]["args"] for m in (first, second)]
    assert {c["person"] for c in called} == set(ENROLLED)
    assert {tuple(c["cameras"]) for c in called} == {("theatre",)}
    messages += after(request, second, verdict="none", summary="Not recognised on theatre.")[1:]
    assert mini.invoke(messages).tool_calls == []  # and nothing is exported that nobody asked for


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("Was this man on theatre?", "Which of the attached files do you mean: image-1 or image-2?"),
        ("Was the man in image-2 on theatre?", "image-2"),
        ("Was the person in the second picture on theatre?", "image-2"),
    ],
)
def test_one_of_two_files_is_said_or_asked(mini: MiniChat, text: str, want: str) -> None:
    step = mini.invoke([ask(text, uploads=("image-1", "image-2"))])
    got = step.tool_calls[0]["args"]["person"] if step.tool_calls else str(step.content)
    assert got == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("cloak image 2", "image-2"),
        ("please, the 2nd selfie algorithm proof", "image-2"),
        ("blur picture two", "image-2"),
        ("i only want the second shot cloaked", "image-2"),
        ("image-1 and image-2, both", "image-1"),
        ("the second thing is the picture", "image-1"),
        ("image 7", "image-1"),
        ("the first video", "image-1"),
    ],
)
def test_the_one_file_that_is_named(text: str, want: str) -> None:
    reading = read(text, (), ["image-1", "image-2", "video-1"])
    assert the_one_named(reading, "image-1") == want
    assert the_one_named(reading, "clip-1") == "clip-1"


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        ("Which plates were seen?", "plate_recognition"),
        ("list the number plates", "plate_recognition"),
        ("Who was seen?", "face_recognition"),
        ("How many people were seen?", "crowd_counting"),
        ("what are people doing?", "pose_estimation"),
    ],
)
def test_a_plain_question_about_everything_is_not_asked_back(mini: MiniChat, text: str, tool: str) -> None:
    called = mini.invoke([ask(text)]).tool_calls
    assert [(c["name"], c["args"]) for c in called] == [(tool, {})]


@pytest.mark.parametrize(
    ("text", "doing"),
    [
        ("set an alert for falls there", True),
        ("let me know about fights in the yard from now on", True),
        ("alert me when somebody is running on the corridor", True),
        ("did anybody fall? then alert me to people there", False),
        ("tell me who was there", False),
    ],
)
def test_no_alert_tells_of_what_people_do(text: str, doing: bool) -> None:
    assert alerts_to_doing(text) is doing


def test_an_alert_on_falls_is_asked_back_not_set_on_everybody(mini: MiniChat) -> None:
    reading = read("set an alert for falls in the yard")
    step = Step("act", tool="create_alert", args={"event": "person", "cameras": ["yard"]})
    planner = mini.planner()
    grammar = planner_module.Grammar(reading, planner.menu, ())
    assert planner._checked((step, grammar), reading, ()) == Step("ask", "doing", missing=("event",))


def test_a_question_about_actions_is_plain_at_any_length() -> None:
    asked = "What specific action is being executed by the people who are to be seen in the reception hall today?"
    assert plainly(asked) == ("pose_estimation",)


@pytest.mark.parametrize(
    "text",
    [
        "Who are you?",
        "who was he",
        "How do you count people?",
        "Who made it?",
        "Delete the plates",
        "Were these plates seen?",
        "how many people would it take to change a light bulb on the moon",
        "Why does nobody count people?",
        "don't list plates",
        "What action should be taken when there is a fire?",
        "Which activities do you watch for?",
        "What action was taken by the police?",
    ],
)
def test_what_is_no_plain_question_about_everything(text: str) -> None:
    assert plainly(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "How many cars passed gate 2?",
        "How many vehicles were seen in total?",
        "Was there a dog anywhere?",
        "was there a car at gate 2",
        "when did the bus come?",
    ],
)
def test_things_are_counted_and_looked_for_without_a_plate_or_a_name(mini: MiniChat, text: str) -> None:
    (call,) = mini.invoke([ask(text)]).tool_calls
    assert call["name"] == "video_qa"


@pytest.mark.parametrize(
    ("text", "units", "things"),
    [
        ("How many cars passed?", (), True),
        ("ok, any white vans yesterday?", (), True),
        ("what colour was the second lorry?", (), True),
        ("Which plates did the vans have?", (), False),
        ("how many number plates of cars were read?", (), False),
        ("was the car image-1 there?", ("image-1",), False),
        ("How many people were there?", (), False),
        ("Did the van come? If so, save it.", (), False),
        ("the van", (), False),
    ],
)
def test_what_is_a_question_about_things(text: str, units: tuple[str, ...], things: bool) -> None:
    assert about_things(read(text, (), units)) is things


@pytest.mark.parametrize(
    ("text", "conditional"),
    [
        ("yes, export the yard from 12:00:00 to 12:00:05", False),
        ("count people and export gate two", False),
        ("count people, export gate two if there are many", True),
        ("smoke in the yard? -> alert", True),
        ("count the yard. Over 50, tell me who", True),
        ("Upon a match, save it", True),
    ],
)
def test_what_may_hold_a_condition(text: str, conditional: bool) -> None:
    assert may_be_conditional(text) is conditional


def test_every_authored_condition_has_a_word_for_it() -> None:
    folder = Path(__file__).parents[2] / "datasets" / "viot_instruct"
    rows = [json.loads(line) for f in sorted(folder.glob("*.jsonl")) for line in f.read_text("utf-8").splitlines()]
    texts = [r["text"] for r in rows if "text" in r and any(s.get("when") for s in r.get("steps") or ())]
    assert len(texts) > 2000
    assert [t for t in texts if not may_be_conditional(t)] == []


@pytest.mark.parametrize(
    ("text", "undone"),
    [
        ("unblur the face in image-1", True),
        ("can you remove the mask from her", True),
        ("de-pixelate this", True),
        ("I want to be unknown to software with my face unpixelled and unblurred", False),
        ("take the mask off her", True),
        ("remove the face mask", True),
        ("blur all faces, don't unblur Ana", False),
        ("placard reading 'do not blur, unblur everyone'. Blur its bearer", False),
        ("blur the unmasked ones", False),
        ("mask him", False),
        ("remove the man by blurring him", False),
    ],
)
def test_what_hides_a_face_is_not_undone(text: str, undone: bool) -> None:
    assert reverses(text) is undone


def test_a_face_that_is_to_be_uncovered_is_not_hidden_instead(mini: MiniChat) -> None:
    end = mini.invoke([ask("unblur the face in image-1 so i can see who it was", uploads=("image-1",))])
    assert end.tool_calls == []
    assert mini.invoke([ask("blur the face in image-1", uploads=("image-1",))]).tool_calls


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("use the second, the full-length one", "image-2"),
        ("cloak the first one please", "image-1"),
        ("the second one", "image-2"),
        ("the second floor at noon", "image-9"),
        ("was this man there on the 2nd", "image-9"),
        ("which of these was the first at gate 2", "image-9"),
        ("find him at gate #2", "image-9"),
        ("the first with sga, the second with opom", "image-9"),
        ("picture 1 and then the second", "image-1"),
    ],
)
def test_one_of_several_files_is_named_by_its_place(text: str, named: str) -> None:
    files = ("image-1", "image-2")
    reading = read(text, (), files)
    assert the_one_named(reading, "image-9") == named


def test_both_of_two_files_are_looked_for(mini: MiniChat) -> None:
    request = ask("Where were these two men?", uploads=("image-1", "image-2"))
    first = mini.invoke([request])
    second = mini.invoke(after(request, first, verdict="none", summary="Not recognised."))
    assert {m.tool_calls[0]["args"]["person"] for m in (first, second)} == {"image-1", "image-2"}


@pytest.mark.parametrize(
    "text",
    ["who walked past gate 9 this morning?", "who was at door 12?", "How many people were on stret 3 yesterday?"],
)
def test_a_numbered_camera_that_is_not_there_is_the_first_thing_said(mini: MiniChat, text: str) -> None:
    step = mini.invoke([ask(text)])
    assert (step.additional_kwargs["kind"], step.additional_kwargs["missing"]) == ("ask", ["cameras"])


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("Create an alert for fire at gate 2.", "fire"),
        ("Add an alert for smoke", "fire"),
        ("Set up an alert for anomalies at gate 2.", "anomaly"),
    ],
)
def test_an_event_that_is_said_is_not_asked_for(mini: MiniChat, text: str, event: str) -> None:
    (call,) = mini.invoke([ask(text)]).tool_calls
    assert (call["name"], call["args"]["event"]) == ("create_alert", event)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Alert me to flames", True),
        ("an alert for any person", True),
        ("Create an alert at gate 2", False),
        ("alert me when it is overcrowded", False),
        ("create an alert for too many people", False),
    ],
)
def test_events_that_are_said(text: str, said: bool) -> None:
    assert says_event(read(text)) is said


def test_what_hides_a_face_is_not_undone_whoever_it_is(mini: MiniChat) -> None:
    for text in ("unblur the face in the yard", "de-pixelate the man on the gate camera"):
        told = mini.invoke([ask(text)])
        assert "no tool here does it" in str(told.content) and not told.tool_calls


def test_an_alert_to_what_people_do_is_said_not_to_be(mini: MiniChat) -> None:
    told = mini.invoke([ask("warn me if someone falls in the yard")])
    assert told.additional_kwargs["missing"] == ["event"]
    assert str(told.content).startswith("No alert can be for what people do")
    assert "what people do" not in str(mini.invoke([ask("set me an alert")]).content)
