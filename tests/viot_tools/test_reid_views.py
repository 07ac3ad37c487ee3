"""Who is surely two in a clip, what a search in a view compares, and the tail of views that weigh the same."""

from __future__ import annotations

import numpy as np
import pytest

from viot_agent.media.types import XYXY
from viot_tools.bench.clip_people import Followed
from viot_tools.reid.calibrate import FAR, SAFETY, VIEW_RATES, view_numbers
from viot_tools.reid.embed import unit
from viot_tools.reid.identity import Calibration
from viot_tools.reid.pictures import Picture
from viot_tools.reid.views import Search, View, clip_view, levels, overlap, sequence_view, surely_two, tail

PIXEL = np.zeros((8, 8, 3), np.uint8)
LEFT: XYXY = (0.0, 0.0, 10.0, 30.0)
RIGHT: XYXY = (50.0, 0.0, 60.0, 30.0)
INSIDE: XYXY = (2.0, 2.0, 9.0, 20.0)


def followed(start: float, end: float, box: XYXY) -> Followed:
    times = [round(t, 1) for t in np.arange(start, end + 0.05, 0.2)]
    return Followed((Picture(times[0], 1.0, PIXEL), Picture(times[-1], 0.5, PIXEL)), dict.fromkeys(times, box))


@pytest.mark.parametrize(
    ("a", "b", "visits", "two"),
    [
        (followed(0, 4, LEFT), followed(2, 6, RIGHT), [], True),
        (followed(0, 4, LEFT), followed(3.8, 6, RIGHT), [], False),  # a track handed on
        (followed(0, 4, LEFT), followed(2, 6, INSIDE), [], False),  # one person found twice
        (followed(0, 4, LEFT), followed(5, 9, RIGHT), [], False),  # may come back
        (followed(0, 4, LEFT), followed(5, 9, RIGHT), [4.5], True),  # not in this clip
        (followed(0, 4, LEFT), followed(5, 9, RIGHT), [20.0], False),
    ],
)
def test_surely_two(a: Followed, b: Followed, visits: list[float], two: bool) -> None:
    assert surely_two(a, b, visits) is two and surely_two(b, a, visits) is two


def test_overlap_is_of_the_smaller_box() -> None:
    assert overlap(LEFT, INSIDE) == 1.0 and overlap(LEFT, RIGHT) == 0.0
    assert overlap((0.0, 0.0, 10.0, 10.0), (5.0, 0.0, 25.0, 10.0)) == pytest.approx(0.5)
    assert overlap((0.0, 0.0, 0.0, 0.0), LEFT) == 1.0  # of no box nothing is known


def test_a_clips_searches() -> None:
    people = [followed(0, 4, LEFT), followed(2, 6, RIGHT), followed(7, 7.4, RIGHT)]
    vectors = [unit(np.array(v, np.float32)) for v in ([[1, 0], [1, 0.1]], [[0, 1], [0, 1]], [[1, 1], [1, 1]])]
    made = clip_view("clip", people, vectors, [])
    first = made.searches[0]
    assert len(made.searches) == 6 and len(first.everybody) == 3
    assert first.strange == pytest.approx([0.0]) and first.own == pytest.approx(0.995, abs=1e-3)
    assert made.searches[4].own is None and len(made.searches[4].strange) == 0  # too brief, and alone
    assert len(made.strange) == 4


def test_a_sequences_searches_leave_the_picture_out() -> None:
    vectors = [unit(np.array(v, np.float32)) for v in ([[1, 0], [0, 1]], [[1, 1]])]
    made = sequence_view("street", vectors)
    assert made.searches[0].own == pytest.approx(0.0) and made.searches[2].own is None
    assert made.searches[0].strange == pytest.approx([0.7071], abs=1e-3)


def test_every_view_weighs_the_same() -> None:
    few, many = np.array([0.9, 0.1]), np.full(1000, 0.5)
    assert tail([few, many], 0.2) == 0.9  # a quarter of the whole lies at it
    assert tail([few, many], 0.3) == 0.5 and tail([many], 0.0) == 0.5


def test_the_curve_keeps_its_promise_on_its_own_views() -> None:
    rng = np.random.default_rng(3)
    views = []
    for level in (0.2, 0.3, 0.5):
        strange = [rng.normal(level, 0.05, 40) for _ in range(60)]
        views.append(View(f"{level}", tuple(Search(s, s, None) for s in strange)))
    numbers = view_numbers(views)
    scores = [score for _, score in numbers["curve"]]
    assert scores == sorted(scores) and [r for r, _ in numbers["curve"]] == [*VIEW_RATES, 1e-4]
    low, high = levels(views)
    assert numbers["levels"] == [round(low, 4), round(high, 4)] and low < 0.25 < 0.45 < high
    judge = Calibration("", FAR, tuple((r, s) for r, s in numbers["curve"]), 0, 0, 0, (low, high))
    named = [
        np.mean([(s.strange - judge.level(s.everybody)).max() >= judge.upper(40) for s in v.searches]) for v in views
    ]
    assert np.mean(named) <= FAR / SAFETY + 1e-9
    assert view_numbers(views, plain=True)["levels"] == [0.0, 0.0]
