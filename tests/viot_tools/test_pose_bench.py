"""The pose bench: how people are judged against annotations, F1 and its floor, falls, and what is skipped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from viot_agent.weights import Weights
from viot_tools.bench import pose
from viot_tools.bench.pose import Judged, f1, judge, torso
from viot_tools.pose.actions import Done
from viot_tools.pose.movenet import mean_pose
from viot_tools.pose.people import Person

ANNOTATIONS = Path(__file__).resolve().parents[2] / "datasets" / "annotations"


def a_person(start: float, end: float, x: float = 100.0) -> Person:
    ts = np.arange(start, end, 0.2)
    boxes = np.tile(np.array([[x, 50, x + 40, 150]], np.float32), (len(ts), 1))
    points = np.stack([mean_pose((x, 50, x + 40, 150))] * len(ts))
    return Person("gate", (1,), ts, points, ts, boxes, "movenet", "1")


def test_moments_are_judged_where_the_person_is_seen() -> None:
    truth = {"spans": [[0.0, 2.0, "standing"], [8.0, 9.0, "walking"]]}
    [judged] = judge("clip", truth, [(a_person(0, 3), [Done("standing", 0, 1.0, 0.9), Done("unknown", 1.0, 3, 0.2)])])
    assert set(judged.truth) == {"standing"}, "nobody was there at 8 s"
    assert judged.told == ("standing", "standing", "standing", "", "")


def test_who_stands_in_an_ignored_path_is_left_out() -> None:
    truth = {"spans": [[0.0, 2.0, "walking"]], "ignore": [[[0.0, 120, 100], [3.0, 121, 100]]]}
    seen = [(a_person(0, 3), [Done("walking", 0, 3, 0.9)]), (a_person(0, 3, 400), [Done("walking", 0, 3, 0.9)])]
    assert len(judge("clip", truth, seen)) == 1


@pytest.mark.parametrize(
    ("truth", "told", "value"),
    [
        (("a", "a", "a"), ("a", "a", "b"), 0.8),
        (("a", "b", "b"), ("", "", ""), 0.0),
        (("a", "a", "b"), ("a", "b", "b"), 2 / 3),
        (("a", "a", "b"), ("a", "b", "a"), 0.5),
        (("b",), ("b",), 0.0),
    ],
)
def test_f1(truth: tuple[str, ...], told: tuple[str, ...], value: float) -> None:
    assert f1(truth, told, "a") == pytest.approx(value)


def test_torso_is_the_longest_that_is_annotated() -> None:
    points = {5: np.array([0.0, 0]), 6: np.array([10.0, 0]), 12: np.array([10.0, 30])}
    assert torso(points) == pytest.approx(np.hypot(10, 30))


def test_rows_have_intervals_and_floors() -> None:
    judged = [
        Judged("a", ("standing",) * 4 + ("walking",) * 4, ("standing",) * 4 + ("walking",) * 4),
        Judged("b", ("other",) * 4, ("", "", "", "standing")),
    ]
    rows = {r.id: r for r in pose._f1_rows(judged, "hub", 0)}
    assert rows["action.macro_f1"].value == pytest.approx((8 / 9 + 1) / 2)
    assert rows["action.macro_f1"].floor == pytest.approx(0.25, abs=1e-3), "standing: 8/16, walking: 0"
    assert rows["action.f1.walking"].value == 1.0 and rows["action.other"].value == 0.75
    gain = rows["action.macro_f1.gain"]
    assert gain.low <= gain.value <= gain.high and gain.low > 0


def test_falls_are_timed_and_false_ones_counted() -> None:
    fall = Done("falling", 3.8, 4.4, 0.9)
    seen = {
        "fall.mp4": [(a_person(0, 6), [fall])],
        "calm.mp4": [(a_person(0, 6), [])],
        "bad.mp4": [(a_person(0, 6), [fall])],
    }
    rows = {r.id: r for r in pose._fall_rows({"fall.mp4": {"fall": [3.85, 4.5]}}, seen, "hub", 0)}
    assert rows["action.fall.delay"].value == pytest.approx(0.1)
    assert rows["action.fall.false"].value == 0.5 and rows["action.fall.false"].n == 2
    missed = {r.id: r for r in pose._fall_rows({"fall.mp4": {"fall": [3.85, 4.5]}}, {"fall.mp4": []}, "hub", 0)}
    assert missed["action.fall.delay"].value == float("inf")


def test_the_builtin_tier_says_what_it_lacks(tmp_path: Path) -> None:
    rows, skipped = pose.rows(tmp_path, Weights(tmp_path, tier="builtin"))
    assert rows == [] and "viot models pull movenet" in skipped[0]


@pytest.mark.parametrize("name", ["actions.json", "poses.json"])
def test_annotations_are_in_order(name: str) -> None:
    listed = json.loads((ANNOTATIONS / name).read_text("utf-8"))
    if name == "poses.json":
        assert len(listed["people"]) >= 12
        for person in listed["people"]:
            assert {int(k) for k in person["points"]} <= set(range(17)) and torso(
                {int(k): np.array(v, float) for k, v in person["points"].items()}
            ) > 10
        return
    names = {*listed["classes"], "other"}
    for clip in listed["clips"].values():
        for start, end, action in clip["spans"]:
            assert start < end and action in names
