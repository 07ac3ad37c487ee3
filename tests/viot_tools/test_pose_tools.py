"""``pose_estimation`` and ``action_recognition`` over a library in memory: handles, sentences, verdicts, evidence."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from viot_agent.bench.cards import cards
from viot_agent.errors import BackendFault, NameFault, PolicyRefusal, RetryFault, WeightsMissing
from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera
from viot_agent.library.fake import Crop, FakeLibrary, Looked
from viot_agent.library.rows import Event, Footage, Poses, Track
from viot_agent.steps import Observation, Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_agent.weights.store import Entry, load_manifest
from viot_tools.pose.action_tool import _parts, action_recognition
from viot_tools.pose.actions import Done
from viot_tools.pose.handles import KEPT, KEPT_RUN
from viot_tools.pose.movenet import mean_pose
from viot_tools.pose.network import HEADS, LAYERS, MODEL, WIDE
from viot_tools.pose.skeleton import LEFT_OUT
from viot_tools.pose.tool import pose_estimation
from viot_tools.pose.windows import CHANNELS, FRAMES

T0 = 1_772_546_700.0  # 14:05:00 UTC on 3 March 2026
GATE = Camera(1, "gate 2", "gate.mp4", ("gates",), "UTC", T0)
DOCK = Camera(2, "dock b", "dock.mp4", (), "UTC", T0)
CLASSES = ("standing", "walking", "lying", "falling", "other")


def constant_network(folder: Path, says: str) -> Weights:
    """Weights whose action network says ``says`` of everything; the pose model's file is not there."""
    shapes = {
        "embed.weight": (WIDE, CHANNELS * 17),
        "embed.bias": (WIDE,),
        "place": (1, FRAMES, WIDE),
        "norm.weight": (WIDE,),
        "norm.bias": (WIDE,),
        "out.weight": (len(CLASSES), WIDE),
    }
    for i in range(LAYERS):
        for part in ("query", "key", "value", "mix"):
            shapes |= {f"layers.{i}.{part}.weight": (WIDE, WIDE), f"layers.{i}.{part}.bias": (WIDE,)}
        shapes |= {f"layers.{i}.norm{k}.{w}": (WIDE,) for k in (1, 2) for w in ("weight", "bias")}
        shapes |= {f"layers.{i}.up.weight": (2 * WIDE, WIDE), f"layers.{i}.up.bias": (2 * WIDE,)}
        shapes |= {f"layers.{i}.down.weight": (WIDE, 2 * WIDE), f"layers.{i}.down.bias": (WIDE,)}
    assert WIDE % HEADS == 0
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    arrays["out.bias"] = np.array([4.0 if name == says else 0.0 for name in CLASSES], np.float32)
    note = {"classes": CLASSES, "temperature": 1.0, "least": 0.5, "false_accept": 0.1}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{says}.safetensors"
    save_file(arrays, path, metadata={"calibration": json.dumps(note)})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    entry = Entry(MODEL, "hub", "a fake", path.name, path.stat().st_size, digest, "Apache-2.0", True, True)
    return Weights(folder / "home", folder, "hub", {**load_manifest(), MODEL: entry})


Box = tuple[float, float, float, float]
STAND: Box = (100, 50, 140, 150)
TIPS: Box = (95, 80, 150, 152)
LIE: Box = (80, 120, 180, 155)


def person(number: int, start: float, boxes: Sequence[Box], camera: str = "gate 2") -> tuple[Track, Poses]:
    ts = start + 0.2 * np.arange(len(boxes))
    at: NDArray[np.float32] = np.array(boxes, np.float32)
    points = np.stack([mean_pose(b) for b in boxes])
    points[:, :, 2] = 0.5
    track = Track(
        number, number, camera, "person", "person", "yolox-nano", "a", ts, at, np.full(len(ts), 0.8, np.float32)
    )
    return track, Poses(number, number, camera, ts, points, "movenet", "abc")


def library(
    *who: tuple[Track, Poses], seconds: float = 60.0, looked: float | None = None, events: Sequence[Event] = ()
) -> FakeLibrary:
    covered = seconds if looked is None else looked
    return FakeLibrary(
        [GATE, DOCK],
        footage=[Footage(c.name, Path(c.source), 0.0, T0, T0 + seconds) for c in (GATE, DOCK)],
        looked=[Looked("objects", "yolox-nano", c.name, T0, T0 + seconds) for c in (GATE, DOCK)]
        + ([Looked("poses", "movenet", c.name, T0, T0 + covered) for c in (GATE, DOCK)] if covered else []),
        tracks=[t for t, _ in who],
        poses=[p for _, p in who],
        crops=[Crop(t.id, t.start, b"jpeg-%d" % t.id) for t, _ in who],
        events=events,
    )


def context(
    rows: FakeLibrary,
    home: Path,
    weights: Weights | None = None,
    *,
    scope: frozenset[str] | None = None,
    conversation: str = "",
    run: str = "run-1",
) -> ToolContext:
    request = Request("what are they doing?", now=T0 + 600, camera_scope=scope, conversation=conversation)
    weights = weights or constant_network(home / "models", "walking")
    return ToolContext(request, Fleet(rows), rows, weights, home, run, "call-1")


def two() -> FakeLibrary:
    return library(person(7, T0 + 10, [STAND] * 50), person(8, T0 + 30, [(300, 50, 350, 160)] * 30))


@pytest.mark.parametrize("spec", [pose_estimation, action_recognition], ids=lambda s: s.name)
def test_the_cards_are_those_the_model_learned(spec: object) -> None:
    card = cards()[spec.name]  # type: ignore[attr-defined]
    assert (spec.description, spec.not_for, spec.args) == (card.description, card.not_for, card.args)  # type: ignore[attr-defined]


# pose_estimation -----------------------------------------------------------------------------------------------------


def test_poses_are_named(tmp_path: Path) -> None:
    ctx = context(two(), tmp_path)
    seen = pose_estimation.fn(ctx, cameras=["gate 2"])
    assert seen.summary == (
        "poses-1 holds the poses of 2 people on gate 2 between 14:05:10 and 14:05:35 on 3 March 2026 "
        "(80 poses) [e1] [e2]."
    )
    assert (seen.verdict, seen.data["handle"], seen.data["people"]) == ("info", "poses-1", {"gate 2": 2})
    assert [(e.track, e.model, e.crop_jpeg, e.skeleton) for e in seen.evidence] == [
        ("7", "movenet", b"jpeg-7", True),
        ("8", "movenet", b"jpeg-8", True),
    ]
    assert seen.coverage is not None and seen.coverage.fraction == 1.0
    assert pose_estimation.fn(ctx, cameras=["gate 2"]).data["handle"] == "poses-2"


def test_nobody_gets_no_handle_but_what_was_covered(tmp_path: Path) -> None:
    seen = pose_estimation.fn(context(library(), tmp_path), cameras=["gate 2"])
    assert seen.summary == (
        "Nobody whose pose could be estimated on gate 2 in the 60 s of footage that was looked at "
        "(5 frames a second sampled)."
    )
    assert seen.verdict == "none" and seen.data == {}


def test_half_covered_is_no_no(tmp_path: Path) -> None:
    seen = pose_estimation.fn(context(library(looked=30.0), tmp_path), cameras=["gate 2"])
    assert seen.verdict == "cannot_tell"
    assert "Cannot tell for certain: only 50 % of what gate 2 recorded is indexed: viot index 'gate 2'." in seen.summary


def test_who_was_left_out_is_said(tmp_path: Path) -> None:
    event = Event("gate 2", T0, T0 + 30, LEFT_OUT, 1.0, {"small": 1, "crowded": 17}, "movenet", "abc")
    rows = library(person(7, T0 + 10, [STAND] * 50), events=[event])
    seen = pose_estimation.fn(context(rows, tmp_path), cameras=["gate 2"])
    assert seen.summary.endswith(
        "On gate 2 no pose was made of 1 track of people too small and 17 tracks of people beyond the largest of a "
        "crowded picture."
    )


@pytest.mark.parametrize("tier", ["builtin", "hub"])
def test_without_poses_and_a_model_the_command_is_said(tier: str, tmp_path: Path) -> None:
    weights = Weights(tmp_path, tier="builtin" if tier == "builtin" else "hub")
    with pytest.raises(WeightsMissing) as caught:
        pose_estimation.fn(context(library(looked=0), tmp_path, weights))
    # one file alone would make the tier hub, where every other one is missed
    assert caught.value.fix.startswith("viot models pull (") and "viot index" in caught.value.fix


def test_poses_that_are_stored_answer_in_every_tier(tmp_path: Path) -> None:
    seen = pose_estimation.fn(context(two(), tmp_path, Weights(tmp_path, tier="builtin")), cameras=["gate 2"])
    assert seen.data["handle"] == "poses-1"


def test_the_neighbours_pose_is_not_mine(tmp_path: Path) -> None:
    track, poses = person(7, T0 + 10, [STAND] * 50)
    wrong = np.stack([mean_pose((300, 50, 340, 150))] * 20)
    mixed = Poses(7, 7, "gate 2", poses.ts, np.concatenate([poses.keypoints[:30], wrong]), "movenet", "abc")
    seen = pose_estimation.fn(context(library((track, mixed)), tmp_path), cameras=["gate 2"])
    assert "(30 poses)" in seen.summary
    all_wrong = Poses(7, 7, "gate 2", poses.ts[:20], wrong, "movenet", "abc")
    assert pose_estimation.fn(context(library((track, all_wrong)), tmp_path), cameras=["gate 2"]).verdict == "none"


def test_flickers_are_nobody(tmp_path: Path) -> None:
    track, poses = person(7, T0 + 10, [STAND])
    weak = Track(7, 7, "gate 2", "person", "", "yolox-nano", "a", track.ts, track.boxes, track.scores * 0.5)
    assert pose_estimation.fn(context(library((weak, poses)), tmp_path), cameras=["gate 2"]).verdict == "none"


def test_an_unknown_camera_and_one_out_of_scope(tmp_path: Path) -> None:
    with pytest.raises(NameFault, match="gate 2"):
        pose_estimation.fn(context(two(), tmp_path), cameras=["gat 2"])
    with pytest.raises(PolicyRefusal):
        pose_estimation.fn(context(two(), tmp_path, scope=frozenset({"dock b"})), cameras=["gate 2"])


# handles -------------------------------------------------------------------------------------------------------------


def test_a_handle_lives_on_in_its_conversation_only(tmp_path: Path) -> None:
    first = context(two(), tmp_path, conversation="morning")
    assert pose_estimation.fn(first, cameras=["gate 2"]).data["handle"] == "poses-1"
    later = context(two(), tmp_path, conversation="morning", run="run-2")
    assert action_recognition.fn(later, poses="poses-1").verdict == "found"
    assert pose_estimation.fn(later, cameras=["gate 2"]).data["handle"] == "poses-2", "numbers go on"
    for other in (context(two(), tmp_path, conversation="evening"), context(two(), tmp_path, run="run-3")):
        with pytest.raises(RetryFault, match="no poses called 'poses-1'"):
            action_recognition.fn(other, poses="poses-1")


def test_old_handles_are_removed_when_the_next_is_written(tmp_path: Path) -> None:
    said = {"morning": KEPT, "lately": KEPT - 3600, "": KEPT_RUN}
    folders: dict[str, Path] = {}
    for name in said:
        ctx = context(two(), tmp_path, conversation=name, run="run-1")
        pose_estimation.fn(ctx, cameras=["gate 2"])
        folders[name] = ctx.handles["poses-1"].parent
    for name, age in said.items():
        for path in (*folders[name].iterdir(), folders[name]):
            os.utime(path, (time.time() - age - 60, time.time() - age - 60))
    assert len(list((tmp_path / "poses").iterdir())) == 3
    pose_estimation.fn(context(two(), tmp_path, conversation="now", run="run-2"), cameras=["gate 2"])
    assert len(list((tmp_path / "poses").iterdir())) == 2  # lately, now
    lately = context(two(), tmp_path, conversation="lately", run="run-3")
    assert action_recognition.fn(lately, poses="poses-1").verdict == "found"
    with pytest.raises(RetryFault, match="no poses called"):
        action_recognition.fn(context(two(), tmp_path, conversation="morning", run="run-4"), poses="poses-1")


def test_a_file_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "poses" / "mine"
    theirs.mkdir(parents=True)
    (theirs / "notes.txt").write_text("keep")
    os.utime(theirs, (0, 0))
    pose_estimation.fn(context(two(), tmp_path), cameras=["gate 2"])
    assert (theirs / "notes.txt").read_text() == "keep"


def test_a_wrong_handle_gets_the_nearest(tmp_path: Path) -> None:
    ctx = context(two(), tmp_path)
    pose_estimation.fn(ctx, cameras=["gate 2"])
    with pytest.raises(RetryFault) as caught:
        action_recognition.fn(ctx, poses="poses-9")
    assert caught.value.nearest == ("poses-1",) and "pose_estimation" in caught.value.fix


@pytest.mark.parametrize("name", ["../../etc/passwd", "poses-1/../x", "image-1", ""])
def test_a_handle_is_a_name_and_no_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(RetryFault, match="no poses called"):
        action_recognition.fn(context(two(), tmp_path), poses=name)


def test_a_torn_handle_is_asked_for_again(tmp_path: Path) -> None:
    ctx = context(two(), tmp_path)
    pose_estimation.fn(ctx, cameras=["gate 2"])
    ctx.handles["poses-1"].write_text('[{"camera":', "utf-8")
    with pytest.raises(RetryFault, match="cannot be read any more"):
        action_recognition.fn(ctx, poses="poses-1")


def test_a_home_that_takes_no_file(tmp_path: Path) -> None:
    (tmp_path / "poses").write_text("in the way")
    with pytest.raises(BackendFault, match="cannot be written"):
        pose_estimation.fn(context(two(), tmp_path), cameras=["gate 2"])


def test_the_scope_holds_for_a_handle_too(tmp_path: Path) -> None:
    pose_estimation.fn(context(two(), tmp_path, conversation="c"), cameras=["gate 2"])
    narrow = context(two(), tmp_path, conversation="c", scope=frozenset({"dock b"}))
    with pytest.raises(PolicyRefusal):
        action_recognition.fn(narrow, poses="poses-1")


# action_recognition --------------------------------------------------------------------------------------------------


def done(rows: FakeLibrary, home: Path, says: str = "walking") -> Observation:
    ctx = context(rows, home, constant_network(home / "models", says))
    pose_estimation.fn(ctx, cameras=["gate 2"])
    return action_recognition.fn(ctx, poses="poses-1")


def test_what_each_person_did(tmp_path: Path) -> None:
    seen = done(two(), tmp_path)
    assert seen.summary == (
        "On gate 2 1 person: walking from 14:05:10 to 14:05:20 on 3 March 2026 [e3]. "
        "On gate 2 1 person: walking from 14:05:30 to 14:05:36 on 3 March 2026 [e4]."
    )
    assert (seen.verdict, seen.claims[0].evidence) == ("found", ("e3",))
    assert [(e.tool, e.model, e.label, e.skeleton) for e in seen.evidence] == [
        ("action_recognition", MODEL, "walking", True)
    ] * 2
    first = seen.data["people"][0]["actions"][0]
    assert first["action"] == "walking" and first["alarm"] is True and first["start"] == pytest.approx(T0 + 10)


def test_a_fall_comes_first_and_is_no_alarm(tmp_path: Path) -> None:
    rows = library(
        person(7, T0 + 10, [(300, 50, 350, 160)] * 60), person(8, T0 + 30, [STAND] * 15 + [TIPS] + [LIE] * 25)
    )
    seen = done(rows, tmp_path, "other")
    assert seen.summary == (
        "On gate 2 1 person fell at 14:05:33 on 3 March 2026 and stayed down for 5 s at least [e3]. "
        "On gate 2 it cannot be told what 1 person more did. "
        "Take falling, lying as a hint: measured on fewer than 3 real clips, so never an alarm."
    )
    [fall] = [a for p in seen.data["people"] for a in p["actions"] if a["action"] == "falling"]
    assert fall["alarm"] is False and fall["start"] == pytest.approx(T0 + 32.8)
    assert seen.evidence[0].at == pytest.approx(T0 + 33.0, abs=0.3)


def doing(*done: tuple[str, float, float]) -> list[str]:
    camera = Camera(1, "gate 2", "g.mp4", (), "UTC", T0)
    fleet_of = context(two(), Path("/nowhere"), Weights(Path("/nowhere"), None, "hub"))
    return _parts(fleet_of, camera, [Done(name, T0 + a, T0 + b, 0.9) for name, a, b in done])


def test_time_between_two_actions_is_not_bridged() -> None:
    assert doing(("walking", 0, 4), ("standing", 4, 9)) == [
        "walking from 14:05:00 to 14:05:04 on 3 March 2026",
        "standing until 14:05:09",
    ]
    assert doing(("waving", 5, 6), ("waving", 33, 34)) == [
        "waving from 14:05:05 to 14:05:06 on 3 March 2026",
        "waving again from 14:05:33 to 14:05:34 on 3 March 2026",
    ]
    assert doing(("walking", 1, 1.6)) == ["walking at 14:05:01 on 3 March 2026"]


def test_unknown_is_cannot_tell(tmp_path: Path) -> None:
    seen = done(two(), tmp_path, "other")
    assert seen.summary == "On gate 2 it cannot be told what 2 people did."
    assert seen.verdict == "cannot_tell" and seen.evidence == ()


def test_many_people_are_counted(tmp_path: Path) -> None:
    boxes = [(100.0 * k, 50.0, 100.0 * k + 40, 150.0) for k in range(9)]
    rows = library(*(person(k + 1, T0 + 10, [box] * 20) for k, box in enumerate(boxes)))
    seen = done(rows, tmp_path)
    assert len(seen.evidence) == 6 and "On gate 2 3 people more: 3 walking." in seen.summary


def test_rows_that_went_are_said_to_be_gone(tmp_path: Path) -> None:
    rows = two()
    ctx = context(rows, tmp_path)
    pose_estimation.fn(ctx, cameras=["gate 2"])
    rows._poses.clear()
    seen = action_recognition.fn(ctx, poses="poses-1")
    assert seen.summary == "Cannot tell: the poses of poses-1 are not stored any more."
    assert seen.verdict == "cannot_tell"


def test_an_upload_is_no_pose_handle(tmp_path: Path) -> None:
    ctx = context(two(), tmp_path)
    ctx.handles["image-1"] = tmp_path / "me.jpg"
    ctx.handles["image-1"].write_text("[]", "utf-8")
    with pytest.raises(RetryFault, match="no poses called 'image-1'"):
        action_recognition.fn(ctx, poses="image-1")


def test_of_long_footage_the_latest_poses_are_read_and_that_is_said(tmp_path: Path) -> None:
    who = person(7, T0 + 10, [STAND] * 50), person(8, T0 + 3 * 3600, [STAND] * 50)
    seen = pose_estimation.fn(context(library(*who, seconds=4 * 3600.0), tmp_path), cameras=["gate 2"])
    assert seen.data["people"] == {"gate 2": 1} and [e.track for e in seen.evidence] == ["8"]
    assert "Only the latest 2 h of footage of gate 2 were read, from 16:05:00 on 3 March 2026 on" in seen.summary
    early = pose_estimation.fn(context(library(who[0], seconds=4 * 3600.0), tmp_path), cameras=["gate 2"])
    assert early.verdict == "cannot_tell", "nobody in the part that was read is no nobody at any time"


def test_who_another_model_left_out_is_not_said_twice(tmp_path: Path) -> None:
    events = [Event("gate 2", T0, T0 + 30, LEFT_OUT, 1.0, {"small": 1}, m, "abc") for m in ("movenet", "older")]
    seen = pose_estimation.fn(context(library(events=events), tmp_path), cameras=["gate 2"])
    assert "no pose was made of 1 track of people too small." in seen.summary
