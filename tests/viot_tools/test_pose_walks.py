"""Walking by the way of a box."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from viot_tools.pose.actions import UNKNOWN, Done, _with_walks
from viot_tools.pose.walks import walks


def box(
    seconds: float = 6.0, speed: float = 0.0, height: float = 100.0, width: float = 40.0, growth: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """A box that goes ``speed`` heights a second to the right, growing by ``growth`` of itself a second."""
    t = np.arange(0.0, seconds, 0.2)
    x, h = 50 + speed * height * t, height * np.exp(growth * t)
    w = width * np.exp(growth * t)
    return t + 1.79e9, np.stack([x - w / 2, 300 - h, x + w / 2, np.full_like(t, 300)], 1).astype(np.float32)


def test_who_goes_through_the_picture_walks() -> None:
    ts, boxes = box(speed=0.7)
    [(start, end)] = walks(ts, boxes)
    assert start <= ts[0] + 0.6 and end >= ts[-1] - 0.6


@pytest.mark.parametrize(
    "boxes",
    [
        box(speed=0.05),  # sways
        box(speed=2.5),  # a cyclist
        box(speed=0.7, width=90.0),  # no upright person
        box(speed=0.7, growth=0.8),  # cut by the border
        box(seconds=0.8, speed=0.7),  # too short
    ],
)
def test_what_is_no_walking(boxes: tuple[NDArray[np.float64], NDArray[np.float32]]) -> None:
    assert walks(*boxes) == []


def test_a_box_that_trembles_does_not_walk() -> None:
    ts, boxes = box()
    rng = np.random.default_rng(0)
    assert walks(ts, boxes + rng.normal(0, 12, (len(ts), 1)).astype(np.float32)) == []


def test_only_the_stretch_that_was_walked_is_walking() -> None:
    ts, boxes = box(seconds=12.0)
    x = np.interp(ts - ts[0], [0, 4, 8, 12], [0, 0, 300, 300])
    moved = boxes + np.stack([x, 0 * x, x, 0 * x], 1).astype(np.float32)
    [(start, end)] = walks(ts, moved)
    assert 3.0 <= start - ts[0] <= 4.6 and 7.4 <= end - ts[0] <= 9.0


def test_nobody_walks_without_boxes() -> None:
    assert walks(np.zeros(0), np.zeros((0, 4), np.float32)) == []


def test_walking_fills_what_the_network_leaves_open() -> None:
    found = [Done(UNKNOWN, 0, 4, 0.3), Done("standing", 4, 6, 0.9), Done(UNKNOWN, 6, 10, 0.2)]
    told = _with_walks(found, [(1.0, 8.0)])
    assert [(d.action, d.start, d.end) for d in told] == [
        (UNKNOWN, 0, 1),
        ("walking", 1, 4),
        ("standing", 4, 6),
        ("walking", 6, 8),
        (UNKNOWN, 8, 10),
    ]


def test_walking_before_and_after_is_joined_to_the_networks_own() -> None:
    told = _with_walks([Done("walking", 2, 4, 0.9), Done(UNKNOWN, 4, 6, 0.2)], [(1.0, 6.0)])
    [walk] = told
    assert (walk.action, walk.start, walk.end) == ("walking", 1.0, 6.0) and 0.85 < walk.score < 0.9
