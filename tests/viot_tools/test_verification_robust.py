"""Painting, fusing and choosing for faces behind masks, on made-up vectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viot_agent.errors import UserFault
from viot_tools.verification.folds import squared_distance
from viot_tools.verification.robust import BROW, Fusion, best_threshold, choose, fused, periocular, right


def test_what_is_under_the_row_is_the_mean_of_what_is_over_it() -> None:
    faces = np.random.default_rng(0).integers(0, 255, (3, 112, 112, 3)).astype(np.uint8)
    before = faces.copy()
    made = periocular(faces, 66)
    assert (faces == before).all() and (made[:, :66] == faces[:, :66]).all()
    for k in range(3):
        assert len(np.unique(made[k, 66:].reshape(-1, 3), axis=0)) == 1
        assert made[k, 80, 5] == pytest.approx(faces[k, BROW:66].mean(axis=(0, 1)), abs=0.5)
    # two masks on one face look alike
    other = faces.copy()
    other[:, 66:] = 0
    assert (periocular(other, 66) == made).all()


@pytest.mark.parametrize("row", [0, BROW, 112, 200])
def test_rows_that_cut_no_face(row: int) -> None:
    with pytest.raises(ValueError, match="does not cut"):
        periocular(np.zeros((1, 112, 112, 3), np.uint8), row)


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1), st.integers(0, 2**31))
def test_the_fused_distance_is_that_of_the_mean_cosine(weight: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b, c, d = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in rng.normal(size=(4, 5, 6)))
    cosine = (1 - weight) * (a * b).sum(axis=1) + weight * (c * d).sum(axis=1)
    assert fused(squared_distance(a, b), squared_distance(c, d), weight) == pytest.approx(2 - 2 * cosine, abs=1e-9)


def test_the_threshold_stands_in_the_middle_of_the_gap() -> None:
    threshold, accuracy = best_threshold(np.array([0.5, 0.6, 1.0, np.nan]), np.array([True, True, False, False]))
    assert threshold == pytest.approx(0.805, abs=0.01) and accuracy == 0.75
    said = right(np.array([0.5, 1.2, np.nan, np.nan]), np.array([True, False, True, False]), threshold)
    assert said.tolist() == [True, True, False, False]


def test_the_reading_that_tells_them_apart_is_chosen() -> None:
    rng = np.random.default_rng(0)
    same = np.arange(400) % 2 == 0
    noise = rng.normal(1.0, 0.3, 400)
    good = np.where(same, 0.8, 1.2) + rng.normal(0, 0.02, 400)
    made = choose(noise, {60: good, 66: noise}, same)
    assert made.fusion.row == 60 and made.fusion.weight > 0 and made.accuracy > 0.99
    # where the whole face says all, nothing is changed
    assert choose(good, {60: noise, 66: noise}, same).fusion == Fusion(66, 0.0)
    with pytest.raises(UserFault, match="one person"):
        choose(good, {60: good}, np.ones(400, bool))
