"""Windows, features, who is one person, falls and the vote over time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from viot_tools.pose.actions import ALARM_CLIPS, REAL_CLIPS, UNKNOWN, Done, actions
from viot_tools.pose.falls import falls
from viot_tools.pose.movenet import mean_pose
from viot_tools.pose.network import Calibration
from viot_tools.pose.people import Person, join
from viot_tools.pose.windows import FRAMES, STEP, features, windows

CLASSES = ("standing", "walking", "lying", "falling", "other")
CALIBRATION = Calibration(CLASSES, 1.0, 0.5, 0.1)


class Script:
    """Says by the number of the window what ``plan`` says: (class, probability)."""

    calibration = CALIBRATION

    def __init__(self, plan: Sequence[tuple[str, float]]) -> None:
        self.plan = plan

    def probabilities(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        out = np.zeros((len(x), len(CLASSES)), np.float32)
        for i in range(len(x)):
            name, p = self.plan[min(i, len(self.plan) - 1)]
            out[i] = (1 - p) / (len(CLASSES) - 1)
            out[i, CLASSES.index(name)] = p
        return out


def a_person(ts: Sequence[float], boxes: Sequence[tuple[float, float, float, float]], track: int = 1) -> Person:
    points = np.stack([mean_pose(b) for b in boxes])
    at = np.array(ts, float)
    return Person("gate", (track,), at, points, at, np.array(boxes, np.float32), "movenet", "1")


def upright(seconds: float, start: float = 0.0) -> Person:
    ts = [start + k * STEP for k in range(round(seconds / STEP))]
    return a_person(ts, [(100, 50, 140, 150)] * len(ts))


# windows -------------------------------------------------------------------------------------------------------------


def test_windows_overlap_and_cover() -> None:
    person = upright(6)
    seen = list(windows(person.ts, person.keypoints))
    assert [round(w.start, 3) for w in seen] == [round(0.4 * k, 3) for k in range(11)]
    assert all(w.keypoints.shape == (FRAMES, 17, 3) for w in seen)
    assert seen[0].middle == pytest.approx(0.9) and seen[0].end == pytest.approx(1.8)


@pytest.mark.parametrize(
    ("ts", "n"),
    [
        ([], 0),
        ([0.0], 0),
        ([0.0, 0.2, 0.4], 0),
        ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2], 1),
        ([0.0, 2.0, 4.0, 6.0], 11),
        ([0.0, 5.0], 0),
    ],
    ids=["none", "one", "too short", "short but enough", "still pictures", "a hole"],
)
def test_which_tracks_have_windows(ts: list[float], n: int) -> None:
    points = np.stack([mean_pose((0, 0, 40, 100))] * len(ts)) if ts else np.zeros((0, 17, 3), np.float32)
    assert len(list(windows(np.array(ts, float), points))) == n


def test_features_forget_place_and_size() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 100, (3, FRAMES, 17, 3)).astype(np.float32)
    points[..., 2] = rng.uniform(0.1, 0.9, points.shape[:-1])
    moved = points.copy()
    moved[..., :2] = moved[..., :2] * 3 + np.array([500, -80], np.float32)
    made = features(points)
    assert made.shape == (3, 7, FRAMES, 17) and made.dtype == np.float32
    np.testing.assert_allclose(features(moved), made, atol=1e-3)
    np.testing.assert_allclose(made[:, 6], points[..., 2], atol=1e-6)


def test_features_of_points_that_coincide_are_finite() -> None:
    assert np.isfinite(features(np.zeros((1, FRAMES, 17, 3), np.float32))).all()


# people --------------------------------------------------------------------------------------------------------------


def test_a_broken_track_goes_on_nearby() -> None:
    first, second = a_person([0, 0.2], [(100, 50, 140, 150)] * 2, 1), a_person([0.8, 1.0], [(90, 110, 170, 150)] * 2, 2)
    [whole] = join([first, second])
    assert whole.tracks == (1, 2) and whole.ts.tolist() == [0, 0.2, 0.8, 1.0] and len(whole.boxes) == 4


@pytest.mark.parametrize(
    ("ts", "box"),
    [([3.0, 3.2], (90, 110, 170, 150)), ([0.8, 1.0], (400, 110, 480, 150)), ([0.1, 0.3], (90, 110, 170, 150))],
    ids=["too late", "too far", "at the same time"],
)
def test_others_stay_others(ts: list[float], box: tuple[float, float, float, float]) -> None:
    assert len(join([a_person([0, 0.2], [(100, 50, 140, 150)] * 2, 1), a_person(ts, [box] * 2, 2)])) == 2


# falls ---------------------------------------------------------------------------------------------------------------


def path(*parts: tuple[float, tuple[float, float, float, float]]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Boxes at 5 a second: each part holds for its seconds."""
    boxes = [box for seconds, box in parts for _ in range(round(seconds / STEP))]
    return np.arange(len(boxes)) * STEP, np.array(boxes, np.float32)


STAND, LIE = (100.0, 50.0, 140.0, 150.0), (80.0, 120.0, 180.0, 155.0)
TIPS = (0.2, (95.0, 80.0, 150.0, 152.0))


def test_a_fall_is_found_where_it_is() -> None:
    [fall] = falls(*path((3, STAND), TIPS, (4, LIE)))
    assert fall.start == pytest.approx(2.8) and fall.end == pytest.approx(3.2)
    assert fall.down_until == pytest.approx(7.0) and fall.score > 1


def test_getting_up_again_ends_the_lying() -> None:
    [fall] = falls(*path((3, STAND), TIPS, (4, LIE), (3, STAND)))
    assert fall.down_until == pytest.approx(7.2)


def test_two_falls_are_two() -> None:
    assert len(falls(*path((3, STAND), TIPS, (4, LIE), (3, STAND), TIPS, (4, LIE)))) == 2


@pytest.mark.parametrize(
    "parts",
    [
        ((8, STAND),),
        ((3, STAND), (5, (100.0, 75.0, 145.0, 150.0))),
        ((3, STAND), TIPS, (0.8, LIE), (3, STAND)),
        ((3, STAND), TIPS, (0.6, LIE)),
        ((3, STAND), (4, LIE)),
        tuple((0.2, (100.0, 50.0 + 12 * k, 140.0, 150.0 + 12 * k)) for k in range(25)),
        tuple((0.2, (100.0, 50.0 + 5 * k, 140.0, 150.0)) for k in range(19)),
        ((0.2, STAND), (4, LIE)),
    ],
    ids=["stands", "sits", "bends", "gone at once", "jumps", "comes nearer", "leaves below", "too little before"],
)
def test_no_fall(parts: tuple[tuple[float, tuple[float, float, float, float]], ...]) -> None:
    assert falls(*path(*parts)) == []


# the vote ------------------------------------------------------------------------------------------------------------


def test_one_action_is_one_stretch() -> None:
    [done] = actions(upright(6), Script([("walking", 0.9)]))
    assert (done.action, done.start) == ("walking", 0.0)
    assert done.end == pytest.approx(6.0, abs=0.3) and done.score == pytest.approx(0.9, abs=1e-4)


def test_actions_follow_each_other() -> None:
    done = actions(upright(12), Script([("walking", 0.9)] * 12 + [("standing", 0.9)]))
    assert [d.action for d in done if d.action != UNKNOWN] == ["walking", "standing"]
    assert all(a.end <= b.start + 1e-6 for a, b in pairwise(done))


@pytest.mark.parametrize("said", [("walking", 0.4), ("lying", 0.6), ("other", 0.9), ("falling", 0.95)])
def test_unsure_other_and_a_fall_without_the_body_falling_are_unknown(said: tuple[str, float]) -> None:
    assert {d.action for d in actions(upright(6), Script([said]))} == {UNKNOWN}


def fallen() -> Person:
    ts, boxes = path((3, STAND), TIPS, (4, LIE))
    a, b, c, d = boxes.T.tolist()
    return a_person(ts.tolist(), list(zip(a, b, c, d, strict=True)))


def test_a_fall_is_cut_out_of_what_the_network_says() -> None:
    done = actions(fallen(), Script([("walking", 0.9)] * 5 + [("other", 0.9)]))
    told = [d.action for d in done if d.action != UNKNOWN]
    assert told == ["walking", "falling", "lying"]
    [fall] = [d for d in done if d.action == "falling"]
    assert fall.start == pytest.approx(2.8) and done[-1].end == pytest.approx(7.2)


def test_who_stands_afterwards_has_not_fallen() -> None:
    assert "falling" not in {d.action for d in actions(fallen(), Script([("standing", 0.95)]))}


def test_nobody_is_nothing() -> None:
    assert actions(upright(0.4), Script([("walking", 0.9)])) == []


@pytest.mark.parametrize("name", REAL_CLIPS)
def test_only_what_was_measured_enough_may_alarm(name: str) -> None:
    assert Done(name, 0, 1, 1.0).alarm is (REAL_CLIPS[name] >= ALARM_CLIPS)
