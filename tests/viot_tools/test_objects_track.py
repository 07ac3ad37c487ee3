"""Following and counting, on boxes made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viot_agent.library.rows import TrackPoint, TrackRow
from viot_tools.objects.counts import believed, present
from viot_tools.objects.detections import Detections
from viot_tools.objects.track import SegmentTracker


def boxes(*rows: tuple[float, float, float]) -> Detections:
    """People 20 wide and 60 high at (x, y) with a score."""
    return Detections(
        np.array([(x, y, x + 20, y + 60) for x, y, _ in rows], np.float32).reshape(-1, 4),
        np.array([s for *_, s in rows], np.float32),
        ("person",) * len(rows),
    )


def follow(*frames: Detections, fps: float = 5.0) -> tuple[list[tuple[str | None, ...]], SegmentTracker]:
    tracker = SegmentTracker("person", "p", fps)
    return [tracker.update(i / fps, frame) for i, frame in enumerate(frames)], tracker


def test_a_key_is_given_at_the_first_box_and_stays() -> None:
    keys, tracker = follow(*(boxes((10 + 6 * i, 50, 0.8), (300 - 6 * i, 50, 0.7)) for i in range(8)))
    assert keys == [("p1", "p2")] * 8
    assert [(r.key, len(r.points)) for r in tracker.rows()] == [("p1", 8), ("p2", 8)]


def test_keys_follow_the_thing_and_not_its_place_in_the_list() -> None:
    keys, _ = follow(boxes((10, 50, 0.8), (300, 50, 0.7)), boxes((301, 50, 0.9), (12, 50, 0.6)))
    assert keys == [("p1", "p2"), ("p2", "p1")]


def test_a_weak_box_continues_but_never_starts() -> None:
    keys, _ = follow(boxes((10, 50, 0.2)), boxes((10, 50, 0.8)), boxes((10, 50, 0.2)), boxes((10, 50, 0.2)))
    assert keys == [(None,), ("p1",), ("p1",), ("p1",)]


def test_a_short_gap_keeps_the_key_a_long_one_does_not() -> None:
    here, away = boxes((10, 50, 0.8)), boxes()
    assert follow(here, here, away, away, here)[0][-1] == ("p1",)
    assert follow(here, here, *[away] * 8, here)[0][-1] == ("p2",)


def test_newborn_things_beside_old_ones_get_their_own_keys() -> None:
    keys, tracker = follow(
        boxes((10, 50, 0.8)),
        boxes((500, 50, 0.9), (12, 50, 0.8), (300, 50, 0.5)),
        boxes((300, 50, 0.9), (500, 52, 0.4), (14, 50, 0.8)),
    )
    assert keys[1][1] == keys[0][0] == "p1"
    assert keys[2] == (keys[1][2], keys[1][0], "p1")
    xs = {r.key: r.points[-1].xyxy[0] for r in tracker.rows()}
    assert xs == {"p1": 14, keys[1][0]: 500, keys[1][2]: 300}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 400), st.integers(0, 200), st.sampled_from([0.2, 0.4, 0.9])), max_size=4),
        min_size=1,
        max_size=8,
    )
)
def test_any_boxes_give_each_key_once_a_frame_and_the_same_on_every_run(
    frames: list[list[tuple[int, int, float]]],
) -> None:
    shown = [boxes(*rows) for rows in frames]
    keys, tracker = follow(*shown)
    again, _ = follow(*shown)
    assert keys == again
    for given_, frame in zip(keys, shown, strict=True):
        used = [k for k in given_ if k is not None]
        assert len(used) == len(set(used))
        assert all(k is not None for k, s in zip(given_, frame.score, strict=True) if s >= 0.35)
    points = {r.key: [p.t for p in r.points] for r in tracker.rows()}
    assert set(points) == {k for given_ in keys for k in given_ if k is not None}  # every key handed out becomes a row
    assert all(ts == sorted(set(ts)) for ts in points.values())


def track(*ts: float, score: float = 0.4) -> TrackRow:
    return TrackRow("p1", "person", tuple(TrackPoint(t, (0, 0, 1, 1), score) for t in ts))


TIMES = [round(i / 5, 3) for i in range(11)]
COUNTS = [
    ("nobody", [], [0] * 11),
    ("there all the time", [track(*TIMES)], [1] * 11),
    ("a blink of two samples is bridged", [track(0.4, 0.6, 1.2, 1.4)], [0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0]),
    ("three missed are not", [track(0.2, 0.4, 1.2, 1.4)], [0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0]),
    ("a flicker does not count", [track(1.0)], [0] * 11),
    ("a strong single box does", [track(1.0, score=0.7)], [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]),
    ("nor is the border a flicker", [track(0.0), track(2.0)], [1] + [0] * 9 + [1]),
    ("two at once", [track(*TIMES[:5]), track(*TIMES[3:8])], [1, 1, 1, 2, 2, 1, 1, 1, 0, 0, 0]),
]


@pytest.mark.parametrize(("name", "tracks", "expected"), COUNTS, ids=[c[0] for c in COUNTS])
def test_present(name: str, tracks: list[TrackRow], expected: list[int]) -> None:
    assert present(tracks, TIMES, 5.0) == expected


@pytest.mark.parametrize(("n", "score", "yes"), [(1, 0.5, False), (1, 0.6, True), (2, 0.1, True)])
def test_believed(n: int, score: float, yes: bool) -> None:
    assert believed(n, score) is yes
