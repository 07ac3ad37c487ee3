"""The decision: thresholds by gallery, votes, links, groups of strangers."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from viot_agent.errors import FailedFault
from viot_tools.faces.identity import Calibration, Look, cluster, could_be, linked, load, summary, template, vote
from viot_tools.faces.recognise import unit

CALIBRATION = Calibration(
    model="fake",
    model_version="1",
    detector="fake",
    far=1e-3,
    curve=((1e-2, 0.3), (1e-3, 0.4), (1e-4, 0.5)),
    lower=0.25,
    lower_poor=0.1,
    margin=0.05,
    gate=0.3,
    same=0.4,
)


def at(cosine: float, axis: int = 0, spare: int = 7) -> NDArray[np.float32]:
    """A unit vector of 8 numbers whose cosine to ``axis`` is ``cosine``."""
    vector = np.zeros(8, np.float32)
    vector[axis], vector[spare] = cosine, np.sqrt(1 - cosine**2)
    return vector


def look(vector: NDArray[np.float32], quality: float = 1.0) -> Look:
    return Look(0.0, quality, vector)


ANNA, BEN = at(1.0, 0), at(1.0, 1)
PEOPLE = {"Anna": ANNA, "Ben": BEN}


@pytest.mark.parametrize(("enrolled", "expected"), [(1, 0.5), (10, 0.5), (1000, 0.5)])
def test_the_threshold_of_small_galleries_is_that_of_ten(enrolled: int, expected: float) -> None:
    assert CALIBRATION.upper(enrolled) == pytest.approx(expected)
    assert CALIBRATION.measured_to == 10


@given(st.integers(1, 500), st.integers(1, 500))
def test_the_threshold_never_falls_with_the_gallery(a: int, b: int) -> None:
    for model, detector in (
        ("mobilefacenet", "yunet"),
        ("mobilefacenet+dlib-face-recogniser", "yunet"),
        ("dlib-face-recogniser", "dlib-hog"),
    ):
        calibration = load(model, detector)
        low, high = sorted((a, b))
        assert calibration.upper(low) <= calibration.upper(high)


@pytest.mark.parametrize(
    ("looks", "answer", "who"),
    [
        ([look(at(0.9))], "match", "Anna"),
        ([look(at(0.45))], "unsure", "Anna"),
        ([look(at(0.2))], "no", "Anna"),
        # under the gate nobody is named, and only a very low score rules out
        ([look(at(0.9), 0.2)], "unsure", "Anna"),
        ([look(at(0.05), 0.2)], "no", "Anna"),
        # too near to the runner-up
        ([look(unit(at(1.0, 0) + at(0.99, 1)))], "unsure", "Anna"),
        # poor looks are not heard beside good ones
        ([look(at(0.9)), look(at(1.0, 1), 0.1), look(at(1.0, 1), 0.29)], "match", "Anna"),
        # several doubtful looks that differ in everything else add up
        ([look(at(0.45, 0, spare)) for spare in (4, 5, 6)], "match", "Anna"),
    ],
)
def test_vote(looks: list[Look], answer: str, who: str) -> None:
    verdict = vote(looks, PEOPLE, CALIBRATION)
    assert (verdict.answer, verdict.who) == (answer, who)


def test_vote_without_anybody_enrolled() -> None:
    assert vote([look(ANNA)], {}, CALIBRATION).answer == "no"
    assert vote([look(ANNA, 0.1)], {}, CALIBRATION).answer == "unsure"


def test_equal_scores_fall_to_the_first_name_and_are_unsure() -> None:
    verdict = vote([look(ANNA)], {"B": ANNA, "A": ANNA}, CALIBRATION)
    assert (verdict.answer, verdict.who, verdict.runner_up) == ("unsure", "A", pytest.approx(1.0))


@pytest.mark.parametrize(
    ("own", "other", "named"),
    [
        (at(0.45), at(0.45), True),
        (at(0.45), at(0.45, 0, 5), False),  # not like the named track
        (at(0.2), at(0.2), False),  # ruled out already
        (at(0.9), at(0.9), False),  # a match of its own needs no link
    ],
)
def test_linked(own: NDArray[np.float32], other: NDArray[np.float32], named: bool) -> None:
    verdict = vote([look(own)], PEOPLE, CALIBRATION)
    link = linked([look(own)], verdict, {"Anna": [other]}, CALIBRATION, 2, CALIBRATION.margin)
    assert (link is not None) == named


def test_a_link_needs_a_good_face_and_the_same_name() -> None:
    poor = [look(at(0.45), 0.1)]
    assert linked(poor, vote(poor, PEOPLE, CALIBRATION), {"Anna": [at(0.45)]}, CALIBRATION, 2, 0.05) is None
    good = [look(at(0.45))]
    assert linked(good, vote(good, PEOPLE, CALIBRATION), {"Ben": [at(0.45)]}, CALIBRATION, 2, 0.05) is None
    # the margin is that of the thresholds which gave the verdict
    assert linked(good, vote(good, PEOPLE, CALIBRATION), {"Anna": [at(0.45)]}, CALIBRATION, 2, 0.05) is not None
    assert linked(good, vote(good, PEOPLE, CALIBRATION), {"Anna": [at(0.45)]}, CALIBRATION, 2, 0.5) is None


@pytest.mark.parametrize(("score", "poor", "expected"), [(0.25, False, True), (0.24, False, False), (0.1, True, True)])
def test_could_be(score: float, poor: bool, expected: bool) -> None:
    assert could_be(score, poor, CALIBRATION) == expected


def test_summary_weighs_by_quality() -> None:
    both = summary([look(ANNA, 0.9), look(BEN, 0.3)], CALIBRATION)
    assert both[0] == pytest.approx(3 * both[1])
    assert np.linalg.norm(both) == pytest.approx(1)


def test_template_is_one_vector_however_many_pictures() -> None:
    assert template(np.stack([ANNA, ANNA, BEN])).shape == (8,)
    assert np.linalg.norm(template(np.stack([ANNA, BEN]))) == pytest.approx(1)


@pytest.mark.parametrize(
    ("rows", "apart", "labels"),
    [
        ([], [], []),
        ([ANNA], [], [0]),
        ([ANNA, BEN, ANNA, BEN], [], [0, 1, 0, 1]),
        ([ANNA, at(0.39), at(0.41, 0, 6)], [], [0, 1, 0]),
        ([ANNA, ANNA], [(0, 1)], [0, 1]),
        ([ANNA, ANNA, ANNA], [(0, 1)], [0, 1, 0]),
    ],
)
def test_cluster(rows: list[NDArray[np.float32]], apart: list[tuple[int, int]], labels: list[int]) -> None:
    vectors = np.stack(rows) if rows else np.zeros((0, 8), np.float32)
    assert cluster(vectors, 0.4, apart) == labels


@given(st.integers(1, 12), st.integers(0, 1000))
def test_cluster_labels_are_numbered_by_first_appearance(n: int, seed: int) -> None:
    vectors = unit(np.random.default_rng(seed).normal(size=(n, 8)))
    labels = cluster(vectors, 0.4)
    firsts = list(dict.fromkeys(labels))
    assert firsts == list(range(len(firsts)))
    assert cluster(vectors, 0.4) == labels


def test_no_thresholds_for_a_stranger_among_models() -> None:
    with pytest.raises(FailedFault, match="no calibrated thresholds"):
        load("somebody-elses", "yunet")


def test_shipped_thresholds_are_sane() -> None:
    rows = json.loads((files("viot_tools.faces") / "thresholds.json").read_text("utf-8"))["calibrations"]
    assert {(r["model"], r["detector"]) for r in rows} == {
        ("mobilefacenet", "yunet"),
        ("mobilefacenet+dlib-face-recogniser", "yunet"),
        ("mobilefacenet+eyes", "yunet"),
        ("dlib-face-recogniser", "dlib-hog"),
    }
    for row in rows:
        calibration = load(row["model"], row["detector"])
        rates = [far for far, _ in calibration.curve]
        scores = [score for _, score in calibration.curve]
        assert rates == sorted(rates, reverse=True) and scores == sorted(scores)
        assert calibration.lower_poor <= calibration.lower < calibration.upper(1)
        assert row["on_other_people"]["far"] <= 2 * row["far"]
        assert calibration.measured_to >= 10
