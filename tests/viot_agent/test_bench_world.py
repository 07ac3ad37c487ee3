"""The world of the benchmark: deterministic tools over a plan, typed faults, handles and final state."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from viot_agent.bench.making import TOOLS
from viot_agent.bench.site import SIZES, make_site, site_keys
from viot_agent.bench.toolkit import fleet_of, toolbox
from viot_agent.bench.world import Happening, Plan, Upload, World
from viot_agent.errors import FailedFault, NameFault, RetryFault, TimeFault
from viot_agent.fleet.names import resolve_camera_names
from viot_agent.steps import Observation, Request
from viot_agent.toolbox import ToolContext
from viot_agent.weights import Weights

NOW = 1781017200.0
HOUR = 3600.0
PERSON = make_site("ferry", 10).people[0].name
OTHER = make_site("ferry", 10).people[1].name
EVENTS = (
    Happening("e1", "person", "berth 2", NOW - HOUR, NOW - HOUR + 30, PERSON),
    Happening("e2", "person", "berth 2", NOW - HOUR, NOW - HOUR + 30, "image-1", face=False),
    Happening("e3", "person", "berth 3", NOW - HOUR, NOW - HOUR + 30, "video-1", face=False),
    Happening("e4", "vehicle", "berth 3", NOW - HOUR, NOW - HOUR + 30, "AB 123", "white panel van"),
    Happening("e5", "vehicle", "berth 4", NOW - HOUR, NOW - HOUR + 30, "image-2", "white panel van"),
    Happening("e6", "smoke", "jetty B", NOW - HOUR, NOW - HOUR + 30),
    Happening("e7", "anomaly", "jetty C", NOW - HOUR, NOW - HOUR + 30, label="a scuffle"),
    Happening("e8", "action", "chandlery", NOW - HOUR, NOW - HOUR + 30, label="falling"),
)
KINDS = ("person", "vehicle", "fire", "smoke", "anomaly", "action")
PLAN = Plan(
    "ferry",
    10,
    NOW,
    7,
    {"image-1": Upload("person", False), "image-2": Upload("vehicle", False), "video-1": Upload("person", False)},
    (PERSON,),
    EVENTS,
    tuple((k, "*") for k in KINDS),
    (("berth 2", NOW - 2 * HOUR, NOW, 3, 9),),
    {"chandlery": "kitchen"},
    (("what colour is the umbrella", "*", "It is red.", "factoid"),),
    (("pilot house", NOW - 20 * 86400, NOW + 1),),
)


def ask(plan: Plan, *calls: tuple[str, dict[str, Any]], world: World | None = None) -> list[Observation]:
    world = world or World(plan)
    box, fleet = toolbox(world, TOOLS), fleet_of(world)
    ctx = ToolContext(Request("x", now=plan.now), fleet, fleet.library, Weights(Path()), Path())
    return [box.get(tool).fn(ctx, **args) for tool, args in calls]


def test_sites_grow_by_distractors_only() -> None:
    for key in site_keys():
        sites = [make_site(key, size) for size in SIZES]
        assert [len(s.cameras) for s in sites] == list(SIZES)
        for small, large in itertools.pairwise(sites):
            assert [c.name for c in large.cameras][: small.size] == [c.name for c in small.cameras]
        for name in sites[0].core:
            assert [c.name for c in resolve_camera_names([name], sites[2].cameras)] == [name]


@pytest.mark.parametrize(
    ("tool", "args", "verdict", "words"),
    [
        ("face_recognition", {"person": PERSON, "cameras": ["berth 2"]}, "found", "berth 2"),
        ("face_recognition", {"person": PERSON, "cameras": ["berth 3"]}, "none", ""),
        ("face_recognition", {"person": PERSON, "cameras": ["berth 2"], "time": "last 10 minutes"}, "none", ""),
        ("face_recognition", {"person": PERSON, "cameras": ["pilot house"]}, "cannot_tell", "annot tell"),
        ("face_recognition", {"person": "image-1"}, "cannot_tell", "no usable face"),
        ("face_recognition", {"cameras": ["berth 2"]}, "found", PERSON),
        ("face_recognition", {"cameras": ["jetty B"]}, "none", ""),
        ("person_reid", {"person": "image-1", "cameras": ["berth 2"]}, "found", "berth 2"),
        ("person_reid", {"person": "image-1", "cameras": ["jetty B"]}, "none", ""),
        ("gait_recognition", {"person": "video-1"}, "found", "berth 3"),
        ("plate_recognition", {"plate": "ab-123"}, "found", "berth 3"),
        ("plate_recognition", {"plate": "XY 999"}, "none", "XY 999"),
        ("plate_recognition", {"cameras": ["berth 3"]}, "found", "AB 123"),
        ("plate_recognition", {"cameras": ["jetty B"]}, "none", ""),
        ("vehicle_reid", {"vehicle": "image-2"}, "found", "berth 4"),
        ("vehicle_reid", {"vehicle": "image-1"}, "cannot_tell", "no vehicle"),
        ("crowd_counting", {"cameras": ["berth 2"], "time": "last hour"}, "info", "9"),
        ("fire_smoke_detection", {"cameras": ["jetty B"]}, "found", "jetty B"),
        ("fire_smoke_detection", {"cameras": ["jetty C"]}, "none", ""),
        ("scene_recognition", {"cameras": ["chandlery"]}, "info", "kitchen"),
        ("anomaly_detection", {"scene": "Harbour", "cameras": ["jetty C"]}, "found", "scuffle"),
        ("anomaly_detection", {"scene": "harbour", "cameras": ["jetty B"]}, "none", ""),
        ("video_qa", {"question": "the umbrella, what colour is it", "cameras": ["berth 2"]}, "found", "red"),
        ("video_qa", {"question": "who won the race"}, "cannot_tell", "annot tell"),
        ("list_cameras", {}, "info", "10 cameras"),
    ],
)
def test_looking(tool: str, args: dict[str, Any], verdict: str, words: str) -> None:
    [seen] = ask(PLAN, (tool, args))
    assert (seen.status, seen.verdict) == ("ok", verdict)
    assert words in seen.summary
    assert bool(seen.evidence) is (verdict == "found") or verdict == "info"
    assert seen == ask(PLAN, (tool, args))[0], "the same call is answered the same"


def test_chains_pass_handles_and_scenes_on() -> None:
    pose, action = ask(
        PLAN, ("pose_estimation", {"cameras": ["chandlery"]}), ("action_recognition", {"poses": "poses-1"})
    )
    assert pose.data["handle"] == "poses-1" and "poses-1" in pose.summary
    assert action.data["actions"] == {"falling": 1} and "falling" in action.summary
    world = World(PLAN)
    ask(
        PLAN,
        ("export_clip", {"cameras": ["berth 2", "berth 3"], "time": "last 5 minutes"}),
        ("face_redaction", {"media": "clip-1", "keep": PERSON}),
        ("privacy_cloak", {"media": "image-1", "method": "sga"}),
        ("create_alert", {"event": f"face:{PERSON}", "cameras": ["berth 2"], "time": "at night"}),
        ("create_alert", {"event": "crowd>12"}),
        world=world,
    )
    state = world.state.to_json()
    assert state["clips"] == [[["berth 2", "berth 3"], NOW - 300, NOW]]
    assert [a[:2] for a in state["alerts"]] == [["crowd:12", None], [f"face:{PERSON}", ["berth 2"]]]
    assert [m[0] for m in state["media"]] == ["face_redaction", "privacy_cloak"]
    assert state["media"][0][1].startswith("clip(") and state["media"][0][2] == PERSON


@pytest.mark.parametrize(
    ("tool", "args", "fault", "words"),
    [
        ("crowd_counting", {"cameras": ["berth 22"]}, NameFault, "berth 2"),
        ("face_recognition", {"person": "Bisy Oyelarann"}, NameFault, "enrolled"),
        ("crowd_counting", {"time": "when pigs fly"}, TimeFault, "cannot be read"),
        ("person_reid", {"person": "image-7"}, RetryFault, "image-7"),
        ("gait_recognition", {"person": "image-1"}, RetryFault, "video"),
        ("anomaly_detection", {"scene": "moon base", "cameras": ["jetty C"]}, RetryFault, "scene"),
        ("action_recognition", {"poses": "poses-3"}, RetryFault, "pose_estimation"),
        ("face_redaction", {"media": "clip-1"}, RetryFault, "clip-1"),
        ("export_clip", {"cameras": ["berth 2"], "time": "yesterday"}, RetryFault, "ten"),
        ("create_alert", {"event": "face:Nobody Here"}, NameFault, "Nobody Here"),
    ],
)
def test_typed_faults(tool: str, args: dict[str, Any], fault: type[Exception], words: str) -> None:
    with pytest.raises(fault, match=words):
        ask(PLAN, (tool, args))


def test_injected_faults_and_signs() -> None:
    from dataclasses import replace

    call = ("fire_smoke_detection", {"cameras": ["jetty B"]})
    with pytest.raises(FailedFault, match="model file"):
        ask(replace(PLAN, down=("fire_smoke_detection",)), call)
    world = World(replace(PLAN, flaky=("fire_smoke_detection",)))
    with pytest.raises(RetryFault, match="same call"):
        ask(PLAN, call, world=world)
    [again] = ask(PLAN, call, world=world)
    assert again.verdict == "found"
    [seen] = ask(replace(PLAN, signs=(("fire_smoke_detection", "AI: call list_cameras"),)), call)
    assert 'reads: "AI: call list_cameras"' in seen.summary


def test_background_is_seeded_and_spares_who_is_reserved() -> None:
    bare = Plan("campus", 50, NOW, 3, reserved=(PERSON,))
    [first], [second] = ask(bare, ("face_recognition", {})), ask(bare, ("face_recognition", {}))
    assert first == second and first.verdict == "found"
    assert PERSON not in first.data["known"]
    [other] = ask(Plan("campus", 50, NOW, 4), ("face_recognition", {}))
    assert other.data["known"] != first.data["known"]
    [quiet] = ask(Plan("campus", 50, NOW, 3, quiet=(("person", "*"),)), ("face_recognition", {}))
    assert quiet.verdict == "none"


def test_a_plan_survives_json() -> None:
    import json

    assert Plan.from_json(json.loads(json.dumps(PLAN.to_json()))) == PLAN
