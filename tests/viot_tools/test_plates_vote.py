"""The vote over readings: order does not matter, and nothing is voted that nobody read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viot_tools.plates.vote import Reading, align, distance, vote


def reading(text: str, score: float = 0.9) -> Reading:
    return Reading(text, (score,) * len(text))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], ""),
        (["KX4821"], "KX4821"),
        (["KX4821", "KX4821", "KX4B21"], "KX4821"),
        (["X4821", "KX4821", "KX4821"], "KX4821"),  # one lost its first character
        (["KX48211", "KX4821", "KX4821"], "KX4821"),  # one has one too many
        (["KX4821", "KX4B21"], "KX4821"),  # a tie: the same every time
    ],
)
def test_vote(texts: list[str], expected: str) -> None:
    assert vote([reading(t) for t in texts]).text == expected


def test_sure_readings_outvote_unsure_ones() -> None:
    unsure = Reading("KX4B21", (0.9, 0.9, 0.9, 0.3, 0.9, 0.9))
    assert vote([reading("KX4821"), unsure, unsure]).text == "KX4821"


def test_agreement_and_score() -> None:
    voted = vote([reading("KX4821"), reading("KX4821"), reading("KX4B21")])
    assert voted.readings == 3
    assert voted.agreement == pytest.approx((5 + 2 / 3) / 6)
    assert voted.score == pytest.approx((5 * 0.9 + 0.9 * 2 / 3) / 6)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("KX4821", "KX4821", 0),
        ("KX4821", "KX4B21", 0.5),
        ("KX4821", "KX4921", 1),
        ("KX4821", "X4821", 1),
        ("", "AB", 2),
    ],
)
def test_distance(a: str, b: str, expected: float) -> None:
    assert distance(a, b) == expected == distance(b, a)


def test_scores_must_match_the_text() -> None:
    with pytest.raises(ValueError, match="2 characters but 1 scores"):
        Reading("AB", (0.5,))


plates = st.text(alphabet="AB8O01", max_size=8)
readings = st.lists(
    plates.flatmap(
        lambda t: st.lists(st.floats(0, 1), min_size=len(t), max_size=len(t)).map(lambda s: Reading(t, tuple(s)))
    ),
    max_size=6,
)


@given(readings, st.randoms())
def test_order_does_not_matter(some: list[Reading], random: object) -> None:
    shuffled = list(some)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert vote(shuffled) == vote(some)


@given(readings)
def test_nothing_is_invented(some: list[Reading]) -> None:
    voted = vote(some)
    assert set(voted.text) <= {c for r in some for c in r.text}
    assert len(voted.scores) == len(voted.text)
    assert 0 <= voted.score <= 1 + 1e-9
    assert 0 <= voted.agreement <= 1 + 1e-9


@given(plates, st.integers(1, 5), st.floats(0.01, 1))
def test_equal_readings_give_themselves(text: str, n: int, score: float) -> None:
    voted = vote([reading(text, score)] * n)
    assert voted.text == text
    if text:
        assert voted.agreement == pytest.approx(1)
        assert voted.score == pytest.approx(score)


@given(plates, plates)
def test_alignment_keeps_order_and_loses_nothing(a: str, b: str) -> None:
    pairs = align(a, b)
    assert [i for i, _ in pairs if i is not None] == list(range(len(a)))
    assert [j for _, j in pairs if j is not None] == list(range(len(b)))


@given(plates, plates, plates)
def test_distance_is_a_metric_up_to_confusions(a: str, b: str, c: str) -> None:
    assert distance(a, b) == distance(b, a)
    assert (distance(a, b) == 0) == (a == b)
    assert distance(a, c) <= distance(a, b) + distance(b, c) + 1e-9
