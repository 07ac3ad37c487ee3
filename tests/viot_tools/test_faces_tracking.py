"""Following faces: association, gaps, cuts."""

from __future__ import annotations

import numpy as np
import pytest

from viot_agent.media.types import XYXY
from viot_tools.faces.detect import Face
from viot_tools.faces.tracking import CutDetector, FaceTracker, affinity

POINTS = np.zeros((5, 2), np.float32)


def face(x: float, y: float = 0.0, side: float = 20.0) -> Face:
    return Face((x, y, x + side, y + side), 0.9, POINTS)


def follow(frames: list[tuple[float, list[Face]]]) -> list[list[int]]:
    """The trail numbers of each frame's faces."""
    tracker = FaceTracker()
    return [[trail.number for trail, _ in tracker.update(t, faces)[0]] for t, faces in frames]


@pytest.mark.parametrize(
    ("frames", "numbers"),
    [
        ([(0.0, [face(0)]), (0.2, [face(5)]), (0.4, [face(9)])], [[1], [1], [1]]),
        # two faces that cross the order of the list
        ([(0.0, [face(0), face(100)]), (0.2, [face(98), face(2)])], [[1, 2], [2, 1]]),
        # a short gap is bridged, a long one is not
        ([(0.0, [face(0)]), (0.2, []), (0.9, [face(3)])], [[1], [], [1]]),
        ([(0.0, [face(0)]), (1.2, [face(0)])], [[1], [2]]),
        # a steady mover is met where it is going
        ([(0.0, [face(0)]), (0.2, [face(19)]), (0.4, [face(38)]), (0.6, [face(57)])], [[1], [1], [1], [1]]),
        # another size is another face
        ([(0.0, [face(0)]), (0.2, [face(0, side=60)])], [[1], [2]]),
        ([(0.0, [face(0)]), (0.2, [face(200)])], [[1], [2]]),
    ],
)
def test_follow(frames: list[tuple[float, list[Face]]], numbers: list[list[int]]) -> None:
    assert follow(frames) == numbers


def test_ended_trails_are_handed_over_once() -> None:
    tracker = FaceTracker()
    tracker.update(0.0, [face(0)])
    _, ended = tracker.update(2.0, [])
    assert [t.number for t in ended] == [1]
    assert tracker.update(2.2, [])[1] == [] and tracker.end() == []


def test_a_cut_ends_every_trail() -> None:
    tracker = FaceTracker()
    tracker.update(0.0, [face(0), face(100)])
    assert [t.number for t in tracker.end()] == [1, 2]
    assert tracker.update(0.2, [face(0)])[0][0][0].number == 3


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 2.0, 2.0),
        ((0, 0, 10, 10), (5, 0, 15, 10), 1.1, 1.9),
        ((0, 0, 10, 10), (11, 0, 21, 10), 0.01, 0.99),
        ((0, 0, 10, 10), (40, 0, 50, 10), 0.0, 0.0),
        ((0, 0, 10, 10), (0, 0, 40, 40), 0.0, 0.0),
    ],
)
def test_affinity(a: XYXY, b: XYXY, low: float, high: float) -> None:
    assert low <= affinity(a, b) <= high


def test_cuts() -> None:
    rng = np.random.default_rng(1)
    room = rng.integers(0, 255, (90, 160, 3), dtype=np.uint8)
    other = np.ascontiguousarray(255 - room)
    night = np.full((90, 160, 3), 10, np.uint8)
    cuts = CutDetector()
    shaken = np.roll(room, 1, axis=1)
    assert [cuts.see(f) for f in (room, room, shaken, night, night, other)] == [False, False, False, True, False, True]
