"""Outside cases: what is read leniently, what is refused with its line, and how canned tools answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from viot_agent.bench.cases import Case
from viot_agent.bench.models import PolicyChat
from viot_agent.bench.oracle import ORACLE
from viot_agent.bench.outside import case_from, read_cases
from viot_agent.bench.run import run_case
from viot_agent.bench.score import Judged, judge
from viot_agent.bench.walk import walk_case
from viot_agent.errors import UserFault
from viot_agent.llm.load import LoadedModel
from viot_agent.react import Act, Finish

PLAIN: dict[str, Any] = {
    "id": "o-1",
    "request": "was Ana at gate 2 today? save the last 5 minutes and blur it",
    "uploads": [],
    "cameras": ["gate 2", "gate 3"],
    "people": ["Ana Silva"],
    "steps": [
        {
            "tool": "face_recognition",
            "args": {"person": "Ana Silva", "cameras": ["gate 2"], "time": "today"},
            "observation": "Ana Silva was seen at 14:05.",
        },
        {
            "tool": "export_clip",
            "args": {"cameras": ["gate 2"], "time": "last 5 minutes"},
            "observation": "Saved as clip-7 (300 s).",
        },
        {
            "tool": "face_redaction",
            "args": {"media": "clip-7"},
            "observation": {"result": "redacted-1", "faces": 3, "verdict": "info"},
        },
    ],
    "any_order": False,
    "answer_contains": ["14:05", "redacted-1"],
    "tags": ["chain"],
}


def run(case: Case, *calls: tuple[str, dict[str, Any]]) -> Judged:
    class Script:
        def next(self, view: Any) -> Any:
            if len(view.history) < len(calls):
                return Act("A tool is needed.", *calls[len(view.history)])
            return Finish("Done.", " ".join(p.observation.summary for p in view.history if p.observation) or "Hello.")

    return judge(walk_case(case, Script(), {}))


CALLS = [(s["tool"], s["args"]) for s in PLAIN["steps"]]


def test_the_expected_calls_bring_their_observations() -> None:
    case = case_from(PLAIN, 1)
    found = run(case, *CALLS)
    assert found.sr and found.answer and found.edge == 1.0
    assert judge(run_case(case, ORACLE(case))).sr
    said = run(case, ("face_recognition", {"person": "ana", "cameras": ["GATE-2"], "time": "Today"}), *CALLS[1:])
    assert said.sr


@pytest.mark.parametrize(
    ("calls", "why"),
    [
        ([CALLS[1]], "missing"),
        ([("face_recognition", {"person": "Ana Silva", "cameras": ["gate 3"], "time": "today"}), *CALLS[1:]], ""),
        ([*CALLS, ("list_cameras", {})], "extra list_cameras"),
        ([], "called no tool"),
        ([CALLS[0], CALLS[1], ("face_redaction", {"media": "clip-1"})], "media"),
    ],
)
def test_any_other_call_fails_the_case(calls: list[tuple[str, dict[str, Any]]], why: str) -> None:
    found = run(case_from(PLAIN, 1), *calls)
    assert not found.sr and why in found.why


def test_any_order() -> None:
    loose = case_from({**PLAIN, "any_order": True, "steps": PLAIN["steps"][:2]}, 1)
    assert run(loose, CALLS[1], CALLS[0]).sr
    assert not run(case_from({**PLAIN, "steps": PLAIN["steps"][:2]}, 1), CALLS[1], CALLS[0]).sr


def test_no_steps_means_no_tool() -> None:
    case = case_from({"request": "hello", "steps": []}, 4)
    assert case.id == "case-4"
    assert run(case).sr and run(case).idle
    assert not run(case, ("list_cameras", {})).sr


def test_a_chained_scene_step_may_leave_out_cameras_and_time() -> None:
    odd = {
        "request": "anything odd at gate 2 today?",
        "cameras": ["gate 2", "gate 3"],
        "steps": [
            {"tool": "scene_recognition", "args": {"cameras": "gate 2", "time": "today"}, "observation": "car park"},
            {
                "tool": "anomaly_detection",
                "args": {"scene": "car park", "cameras": ["gate 2"], "time": "today"},
                "observation": "nothing",
            },
        ],
    }
    last = ("anomaly_detection", {"scene": "Car park", "cameras": ["gate 2"], "time": "today"})
    assert run(case_from(odd, 1), ("scene_recognition", {}), last).sr
    assert not run(case_from(odd, 1), ("scene_recognition", {"cameras": ["gate 3"]}), last).sr


def test_lenient_reading() -> None:
    case = case_from(
        {
            "request": "x",
            "uploads": ["photo.JPG", {"path": "walk.mp4"}, "image-2", {"handle": "video-2", "kind": "video"}],
            "cameras": [
                {"name": "gate 2", "groups": ["north wing"], "aliases": "front door"},
                {"name": "lobby", "group": "inside"},
            ],
            "people": [{"name": "Ana Silva", "aliases": ["Ani"]}, "Bo Li"],
            "steps": [
                {
                    "tool": "crowd_counting",
                    "args": {"cameras": "the front door"},
                    "observation": {"max": 7, "at": "14:05", "busy": True},
                },
                {
                    "tool": "face_recognition",
                    "args": {"person": "Ani", "time": ""},
                    "observation": {"verdict": "none", "text": "0 hits"},
                },
                {"tool": "fire_smoke_detection", "args": {}},
            ],
            "any_order": True,
            "answer_contains": "7",
            "tags": "odd",
        },
        1,
    )
    [turn] = case.turns
    assert turn.uploads == ("image-1", "video-1", "image-2", "video-2")
    assert [(c.text, c.verdict) for c in turn.canned] == [
        ("max: 7; at: 14:05; busy: yes", "info"),
        ("text: 0 hits", "none"),
        ("Done.", "info"),
    ]
    assert turn.contains == (("7",),) and case.tags == ("odd",)
    assert dict(turn.calls[1].args) == {"person": "Ani"}
    found = run(
        case,
        ("face_recognition", {"person": "Ana Silva"}),
        ("fire_smoke_detection", {}),
        ("crowd_counting", {"cameras": ["gate 2"]}),
    )
    assert found.sr


def test_a_file_of_lines_or_one_array(tmp_path: Path) -> None:
    lines, array = tmp_path / "a.jsonl", tmp_path / "a.json"
    lines.write_text("\ufeff" + json.dumps(PLAIN) + "\n\n" + json.dumps({**PLAIN, "id": "o-2"}) + "\n")
    array.write_text(json.dumps([PLAIN, {**PLAIN, "id": "o-2"}], indent=1))
    assert [c.id for c in read_cases(lines)] == [c.id for c in read_cases(array)] == ["o-1", "o-2"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{oops", "no JSON"),
        ("[1, 2]", "an object, not list"),
        ('{"steps": []}', "no request"),
        ('{"request": "x"}', "no list of steps"),
        ('{"request": "x", "steps": [{"tool": "fly"}]}', "no tool 'fly'"),
        ('{"request": "x", "steps": [{"tool": "list_cameras", "args": {"speed": 3}}]}', "takes no 'speed'"),
        ('{"request": "x", "steps": [3]}', "not an object"),
        ('{"request": "x", "steps": [], "cameras": [{"zone": 1}]}', "a camera is a name"),
        ('{"request": "x", "steps": [], "uploads": [{}]}', "an upload is a handle"),
        ('{"request": "x", "steps": [], "tags": 3}', "tags is a list"),
    ],
)
def test_every_malformed_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    file = tmp_path / "c.jsonl"
    file.write_text("\n".join([json.dumps(PLAIN), line, "", line]))
    with pytest.raises(UserFault, match=f"line 2: .*{words}.*line 4: ") as caught:
        read_cases(file)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(("text", "words"), [("", "no case"), ('[{"request": "x"', "line 1"), ("[3,\n 4]", "line 2")])
def test_files_that_hold_no_cases(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "c.json"
    file.write_text(text)
    with pytest.raises(UserFault, match=words):
        read_cases(file)
    with pytest.raises(UserFault, match="cannot be read"):
        read_cases(tmp_path / "absent")


def test_a_model_sees_handles_of_canned_texts() -> None:
    seen: list[Any] = []

    class Spy:
        def next(self, view: Any) -> Any:
            seen.extend(p.observation.data for p in view.history[-1:] if p.observation)
            return Act("A tool is needed.", *CALLS[len(view.history)]) if len(view.history) < 3 else Finish("", "x")

    assert judge(run_case(case_from(PLAIN, 1), LoadedModel(PolicyChat(policy=Spy()), "spy", True))).sr
    assert seen == [{}, {"handle": "clip-7"}, {"handle": "redacted-1"}]
