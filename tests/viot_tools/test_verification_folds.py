"""The ten folds, the curve and its refusals, and intervals over people, on made-up scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viot_agent.errors import UserFault
from viot_tools.verification.folds import THRESHOLDS, both_views, by_folds, fold_numbers, squared_distance
from viot_tools.verification.people import balanced, exact, interval, pairing
from viot_tools.verification.roc import TooFew, needed, roc, tar_at_far


def test_the_grid_of_thresholds() -> None:
    assert len(THRESHOLDS) == 400 and THRESHOLDS[0] == 0.0 and THRESHOLDS[1] == 0.01 and THRESHOLDS[-1] == 3.99


def test_folds_are_consecutive_blocks() -> None:
    assert fold_numbers(6000).tolist() == [i // 600 for i in range(6000)]
    assert np.bincount(fold_numbers(23)).tolist() == [3, 3, 3, 2, 2, 2, 2, 2, 2, 2]


def test_both_views_add_the_mirror_image() -> None:
    def embed(faces: np.ndarray) -> np.ndarray:
        return faces[:, 0, :2, 0].astype(np.float32)

    faces = np.zeros((1, 1, 2, 3), np.uint8)
    faces[0, 0, :, 0] = 3, 1  # f(x) = (3, 1), f(flip) = (1, 3): the sum has equal parts
    assert both_views(embed, faces)[0] == pytest.approx([2**-0.5, 2**-0.5])


def test_squared_distance_is_two_minus_two_cosines() -> None:
    a = np.array([[1.0, 0.0], [1.0, 0.0]], np.float32)
    b = np.array([[0.0, 1.0], [-1.0, 0.0]], np.float32)
    assert squared_distance(a, b) == pytest.approx([2.0, 4.0])


def test_the_threshold_comes_from_the_other_folds() -> None:
    # fold 0 would be perfect at any threshold in (0.2, 0.9]; the others want one in (1.0, 1.5]
    distance = np.array([0.2, 0.9] + [1.0, 1.5] * 9)
    same = np.array([True, False] * 10)
    made = by_folds(distance, same)
    assert made.threshold[0] == 1.01  # the smallest that is best on the nine
    assert made.accuracy[0] == 0.5 and made.right[:2].tolist() == [True, False]
    assert made.accuracy[1:].tolist() == [1.0] * 9 and made.accuracy.mean() == pytest.approx(0.95)


def test_a_distance_on_the_threshold_is_not_under_it() -> None:
    made = by_folds(np.array([0.5, 0.51] * 2), np.array([True, False] * 2), np.array([0, 0, 1, 1]))
    assert made.threshold.tolist() == [0.51, 0.51] and made.accuracy.mean() == 1.0


def test_a_face_that_was_not_found_is_an_error_of_either_kind() -> None:
    distance = np.array([0.1, 1.9] * 10)
    distance[[0, 3]] = np.nan
    made = by_folds(distance, np.array([True, False] * 10))
    assert made.right.sum() == 18 and not made.right[0] and not made.right[3]


@pytest.mark.parametrize(
    ("distance", "same", "folds"),
    [([0.1], [True, False], None), ([0.1, 0.2], [True, False], [0, 0]), ([0.1, 0.2], [True, False], [0, 1, 2])],
)
def test_lists_that_do_not_fit(distance: list[float], same: list[bool], folds: list[int] | None) -> None:
    with pytest.raises(UserFault):
        by_folds(np.array(distance), np.array(same), None if folds is None else np.array(folds))


scores = st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=4, max_size=60).filter(
    lambda rows: 0 < sum(s for _, s in rows) < len(rows)
)


@settings(max_examples=60, deadline=None)
@given(scores)
def test_the_area_is_the_chance_of_the_right_order(rows: list[tuple[int, bool]]) -> None:
    score, same = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows])
    curve = roc(score, same)
    gap = score[same][:, None] - score[~same][None]
    assert curve.auc == pytest.approx(((gap > 0) + (gap == 0) / 2).mean())
    assert (np.diff(curve.far) >= 0).all() and (np.diff(curve.tar) >= 0).all()
    assert curve.far[-1] == curve.tar[-1] == 1.0


@settings(max_examples=60, deadline=None)
@given(scores, st.sampled_from([0.1, 0.25, 0.5]))
def test_no_more_impostors_pass_than_were_asked_for(rows: list[tuple[int, bool]], far: float) -> None:
    score, same = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows])
    rate = tar_at_far(score, same, far, least=0)
    assert rate.far <= far
    assert rate.far == pytest.approx((score[~same] > rate.threshold).mean())
    assert rate.tar == pytest.approx((score[same] > rate.threshold).mean())
    # the next lower score would let too many pass
    lower = score[~same] >= rate.threshold
    assert lower.mean() > far or lower.all()


def test_a_rate_that_cannot_be_shown_is_refused() -> None:
    score, same = np.arange(1000.0), np.arange(1000) >= 500
    assert needed(1e-3) == 10_000 and needed(1e-2) == 1000
    assert tar_at_far(score, same, 0.02).tar == 1.0
    with pytest.raises(TooFew, match=r"500 impostor pairs cannot show a false-accept rate of 0\.001.*10000 are needed"):
        tar_at_far(score, same, 1e-3)
    with pytest.raises(UserFault, match="makes no sense"):
        tar_at_far(score, same, 0.0)
    with pytest.raises(UserFault, match="two people"):
        roc(score, np.ones(1000, bool))


def test_a_missing_score_is_never_accepted() -> None:
    score = np.r_[np.nan, 5.0, np.linspace(0, 1, 100)]
    same = np.r_[True, True, np.zeros(100, bool)]
    assert tar_at_far(score, same, 0.1).tar == 0.5
    lost = roc(np.array([np.nan, 1.0, np.nan, 0.5]), np.array([True, True, False, False]))
    assert lost.auc == pytest.approx(0.625) and lost.threshold[-1] == -np.inf  # one tie among four


def test_people_are_drawn_not_pairs() -> None:
    """A hundred pairs of two people are two units: their interval is as wide as two coins', not as a hundred."""
    who = ["a"] * 50 + ["b"] * 50
    values = np.r_[np.ones(50), np.zeros(50)]
    low, high = interval(pairing(who, who), balanced(values, np.ones(100, bool)), 0)
    assert (low, high) == (0.0, 1.0)


def test_a_pair_of_two_people_counts_as_often_as_both() -> None:
    seen = []

    def keep(weight: np.ndarray) -> float:
        seen.append(weight)
        return 0.0

    interval(pairing(["a", "a", "b"], ["a", "b", "b"]), keep, 3, draws=50)
    for weight in seen:
        a, both, b = weight
        assert a + b == 2 and both == a * b


def test_people_are_drawn_within_their_set() -> None:
    pairs = pairing(["a", "b", "c"], ["a", "b", "c"])
    totals: list[float] = []
    interval(pairs, lambda w: totals.append(w[:2].sum()) or 0.0, 0, draws=20, strata=np.array([0, 0, 1]))  # type: ignore[func-returns-value]
    assert set(totals) == {2.0}


def test_the_same_seed_gives_the_same_interval() -> None:
    pairs = pairing(range(20), range(20))
    values = balanced(np.random.default_rng(0).uniform(size=20), np.ones(20, bool))
    assert interval(pairs, values, 1) == interval(pairs, values, 1) != interval(pairs, values, 2)


@pytest.mark.parametrize(
    ("low", "high", "value", "expected"),
    [(1.0, 1.0, 1.0, (0.692, 1.0)), (0.0, 0.0, 0.0, (0.0, 0.308)), (0.2, 0.4, 0.3, (0.2, 0.4))],
)
def test_all_right_is_not_certainty(low: float, high: float, value: float, expected: tuple[float, float]) -> None:
    assert exact(low, high, value, 10) == (pytest.approx(expected[0], abs=1e-3), pytest.approx(expected[1], abs=1e-3))
