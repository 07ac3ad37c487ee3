"""The measure of how masks lie, on faces whose landmarks are known exactly and on a few real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import UserFault
from viot_agent.weights import Weights
from viot_tools.masks.face import CANONICAL, pose_of
from viot_tools.masks.measure import METHODS, Measured, Pfld, judge, measure, table
from viot_tools.masks.sheet import sheet, spread

FLAT = np.full((260, 260, 3), 150, np.uint8)


def test_landmarks_that_are_right_leave_no_error_to_the_warp_and_some_to_a_paste() -> None:
    points = np.asarray(CANONICAL * 46 + (130, 95), np.float32)
    points[points[:, 0] > 130, 0] = 130 + (points[points[:, 0] > 130, 0] - 130) * 0.45  # turned to the right
    points[[30, 33], 0] += 8
    seen = judge(FLAT, points, points, "surgical-blue")
    assert seen.by["warp"][0] < 0.05 < seen.by["paste-6"][0]
    assert seen.by["warp"][0] < seen.by["paste-all"][0]
    assert seen.by["warp"][1] < 0.03 < seen.by["paste-6"][1]
    assert seen.by["warp"][2] == 1.0
    assert seen.yaw == pose_of(points).yaw > 5


def test_a_face_seen_elsewhere_is_an_error_for_every_method() -> None:
    points = np.asarray(CANONICAL * 46 + (130, 95), np.float32)
    seen = judge(FLAT, points, points + np.array([46, 0], np.float32), "surgical-blue")
    for method in METHODS:
        error, outside, _ = seen.by[method]
        assert 0.95 < error < 1.1 and outside > 0.2


def test_rows_hold_every_method_and_range_with_paired_gains() -> None:
    points = np.asarray(CANONICAL * 46 + (130, 95), np.float32)
    rows = table([judge(FLAT, points, points, name) for name in ("surgical-blue", "n95-white")])
    assert len(rows) == 4 * 3 * len(METHODS)
    whole = {(r["metric"], r["method"]): r for r in rows if r["yaw"] == "0-90"}
    assert whole["error", "warp"]["n"] == 2 and "minus_warp" not in whole["error", "warp"]
    gain = whole["error", "paste-6"]["value"] - whole["error", "warp"]["value"]
    assert whole["error", "paste-6"]["minus_warp"][0] == pytest.approx(gain, abs=2e-4)


def test_without_the_independent_landmarks_nothing_is_judged(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match="landmarks of another make"):
        Pfld(tmp_path / "pfld.onnx")


def test_a_face_that_is_not_in_the_picture_is_not_covered() -> None:
    points = np.asarray(CANONICAL * 46 + (130, 95), np.float32)
    away = judge(FLAT, points, points + np.array([900, 0], np.float32), "surgical-blue")
    half = judge(FLAT, points, points + np.array([0, 110], np.float32), "surgical-blue")  # the mouth below its edge
    assert {m: away.by[m][2] for m in METHODS} == {m: half.by[m][2] for m in METHODS} == dict.fromkeys(METHODS, 0.0)


def test_what_was_left_out_is_counted_in_words() -> None:
    assert Measured((), {"that cannot be read": 2, "without a face": 1, "x": 0}).left_words == (
        "left out: 2 pictures that cannot be read, 1 picture without a face"
    )
    assert Measured((), {"that cannot be read": 0}).left_words == ""


@pytest.mark.real
@pytest.mark.slow
def test_on_real_faces_the_warp_beats_both_pastes(shared: Path, tmp_path: Path) -> None:
    made = measure(shared, Weights(tmp_path, shared / "models", "hub"), limit=12)
    assert len(made.faces) + sum(made.left.values()) == 24
    rows = table(made.faces)
    error = {r["method"]: r["value"] for r in rows if r["metric"] == "error" and r["yaw"] == "0-90"}
    assert error["warp"] < 0.10
    assert error["warp"] < error["paste-all"] and error["warp"] < error["paste-6"]
    assert next(r["value"] for r in rows if (r["metric"], r["method"], r["yaw"]) == ("covered", "warp", "0-90")) == 1.0


@pytest.mark.real
def test_the_sheet_shows_turned_faces_too(shared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "faces" / "some"
    folder.parent.mkdir(parents=True)
    folder.symlink_to(shared / "faces" / "lfw_10x10" / "Tony_Blair")
    broken = tmp_path / "data" / "faces" / "broken"
    broken.mkdir()
    (broken / "x.jpg").write_bytes(b"no picture")
    said: list[str] = []
    image = sheet(tmp_path / "data", 6, 0, Weights(tmp_path, shared / "models", "hub"), columns=3, say=said.append)
    assert image.shape == (448, 672, 3)
    assert said == ["left out: 1 picture that cannot be read"]
    with pytest.raises(UserFault, match="no folder"):
        sheet(tmp_path, 6, 0, Weights(tmp_path, shared / "models", "hub"))


def test_faces_are_spread_over_poses() -> None:
    points = np.asarray(CANONICAL * 46 + (130, 95), np.float32)
    turned = points.copy()
    turned[27:36, 0] += 25
    faces = [(Path(f"{i}"), FLAT, turned if i % 5 == 0 else points) for i in range(50)]
    chosen = spread(faces, 12)
    assert len(chosen) == 12
    assert sum(p is turned for _, _, p in chosen) >= 4
