"""The importer of the released VIoT-Tool files: three layouts, names mapped, defects counted; router and oracle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from viot_agent.bench.oracle import Oracle
from viot_agent.bench.router import Router
from viot_agent.bench.run import run_cases
from viot_agent.bench.score import judge
from viot_agent.bench.spread import mind_of
from viot_agent.bench.viot_tool import FILES, import_suite
from viot_agent.bench.walk import walk_case, walk_cases
from viot_agent.errors import UserFault
from viot_agent.react import Act, Finish

YES = "Thought: Do I need to use a tool? Yes.\n"
POSE = YES + "Action: Detect the Human Pose\nAction Input: video/{city}.mp4\nObservation: \n"
ACT = YES + "Action: {name}\nAction Input: results/HumanPose_{city}.pkl\nObservation: \n"


def write(folder: Path, name: str, rows: list[dict[str, Any]], *, lines: bool = False) -> None:
    text = "\n".join(json.dumps(r) for r in rows) if lines else json.dumps(rows, indent=1)
    (folder / f"test_{name}.json").write_text(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "benchmarks" / "viot-tool-sample"
    place.mkdir(parents=True)
    flat = {
        "query": "Has the vehicle in the uploaded image been to Wuhu?",
        "img_path": "x",
        "action": "Recognize the Vehicle Plate",
    }
    write(place, "vehiclereid", [{**flat, "action_input": "{query_upload_img_path},video/Wuhu.mp4"}])
    walk = {
        "action": "Recognize the Person by Gait",
        "action_input": "{query_upload_video_path},video/Zibo.mp4",
        "observation": "",
    }
    write(
        place,
        "gait",
        [{"query": "Does the gait in the uploaded video match someone in Zibo?", "chains": [walk]}],
        lines=True,
    )
    quality = "Access the Quality of Actions Condition on both Pose and Action"
    act = "Recognize the Action Condition on Pose"
    write(
        place,
        "action",
        [
            {
                "id": "What are the people in Datong doing?",
                "chains": POSE.format(city="Datong") + ACT.format(name=act, city="Datong"),
            },
            {
                "id": "What are the people in {} doing?",
                "chains": POSE.format(city="{}") + ACT.format(name=act, city="{}"),
            },
            {
                "id": "How well do the people in Datong act?",
                "chains": POSE.format(city="Datong") + ACT.format(name=quality, city="Datong"),
            },
        ],
    )
    scene = YES + "Action: Recognize the Scene in the Video\nAction Input: video/Anomaly_Jilin.mp4\nObservation: cell\n"
    odd = (
        YES
        + "Action: Detect Anomaly Condition on Video Scene\nAction Input: cell,video/Anomaly_Jilin.mp4\nObservation: \n"
    )
    write(place, "anomaly", [{"id": "Anything strange in Jilin?", "chains": scene + odd, "result": ""}])
    return tmp_path


def test_three_layouts_mended_and_counted(folder: Path) -> None:
    brought = import_suite(folder)
    assert [c.id for c in brought.cases] == ["gait-1", "vehiclereid-1", "anomaly-1", "action-1"]
    told = "\n".join(brought.notes)
    for words in (
        "6 items",
        "4 answerable",
        "unfilled {}: 1",
        "Access the Quality of Actions Condition on both Pose and Action': 1",
        "labelled with the plate tool: 1",
        "'Recognize the Action Condition on Pose' is no registered tool's name: 1",
        "viot-tool face: there is no test_face.json",
    ):
        assert words in told
    gait, vehicle, anomaly, action = (c.turns[0] for c in brought.cases)
    assert [(c.tool, dict(c.args)) for c in gait.calls] == [
        ("gait_recognition", {"person": "video-1", "cameras": ["Zibo"]})
    ]
    assert vehicle.calls[0].tool == "vehicle_reid" and vehicle.uploads == ("image-1",)
    assert [c.tool for c in anomaly.calls] == ["scene_recognition", "anomaly_detection"]
    assert anomaly.calls[1].args == {"scene": "cell", "cameras": ["Jilin"]} and anomaly.canned[0].text == "cell"
    assert [c.tool for c in action.calls] == ["pose_estimation", "action_recognition"]


def test_router_and_oracle_solve_it_and_times_are_not_graded(folder: Path) -> None:
    cases = import_suite(folder).cases
    router = Router()
    assert all(judge(r).sr for r in walk_cases(cases, lambda case: router))
    assert all(judge(r).sr for r in walk_cases(cases, Oracle))

    class Timed:
        def next(self, view: Any) -> Any:
            args = {"person": "video-1", "cameras": ["zibo"], "time": "now"}
            return Finish("", "x") if view.history else Act("A tool is needed.", "gait_recognition", args)

    assert judge(walk_case(cases[0], Timed(), {})).sr


def test_a_folder_without_the_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match=r"test_face\.json"):
        import_suite(tmp_path)
    (tmp_path / "test_face.json").write_text("[{]")
    with pytest.raises(UserFault, match="neither a JSON array nor JSON Lines"):
        import_suite(tmp_path)


@pytest.mark.real
def test_the_sample_of_all_nine_files(shared: Path) -> None:
    brought = import_suite(shared)
    assert len(brought.cases) == 2 * len(FILES)
    router = Router()
    assert sum(judge(r).sr for r in walk_cases(brought.cases, lambda case: router)) >= 0.98 * len(brought.cases)


@pytest.mark.real
def test_the_embedded_model_solves_the_sample(shared: Path) -> None:
    cases = import_suite(shared).cases
    assert [r.case.id for r in run_cases(cases, mind_of("mini")) if not judge(r).sr] == []
    assert len(cases) == 18
