"""Marking of short answers, overlap of stretches, and what guessers reach."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from viot_tools.bench.video_qa_figures import (
    Marked,
    Said,
    accuracy,
    mark,
    overlaps,
    seconds_words,
)
from viot_tools.bench.video_qa_marking import Accepted, BadQuestions, floors, overlap, right


@dataclass(frozen=True, slots=True)
class Q:
    id: str = "q"
    question: str = "what"
    type: str = "what"
    answer: str | float = "red"
    accept: tuple[Accepted, ...] = ()
    options: tuple[str, ...] = ()
    answerable: bool = True


@pytest.mark.parametrize(
    ("answer", "accept", "said", "is_right"),
    [
        ("red", (), "The red", True),
        ("red", (), "reddish", False),
        ("grey", ("silver",), "silver", True),
        ("yes", (), "Yes: a van was seen", True),
        ("yes", (), "no", False),
        (3.0, (), "three", True),
        (3.0, (), "3.0", True),
        (3.0, (), "3 or 4", False),
        (100.0, ((95.0, 105.0),), "104.9", True),
        (100.0, ((95.0, 105.0),), "94.9", False),
    ],
)
def test_right(answer: str | float, accept: tuple[Accepted, ...], said: str, is_right: bool) -> None:
    assert right(Q(answer=answer, accept=accept), said) is is_right


def test_a_number_is_marked_by_itself_and_not_by_the_words_around_it() -> None:
    q = Q(answer=1790000000.0, accept=((1789999995.0, 1790000005.0),))
    assert mark(q, Said("14:05:12", 1790000003.0))
    assert not mark(q, Said("14:05:12", 1790000009.0))
    assert not mark(q, Said("", 1790000003.0))


def test_who_cannot_tell_is_right_where_nobody_can_and_nowhere_else() -> None:
    untold = Q(answer="cannot tell", answerable=False)
    assert mark(untold, Said(""))
    assert not mark(untold, Said("because she was late"))
    told = Marked(Q(), Said(""))
    assert not told.right
    assert not told.wrong
    assert Marked(Q(), Said("blue")).wrong


@pytest.mark.parametrize(
    ("ours", "theirs", "iou"),
    [
        ([("a", 0.0, 10.0)], [("a", 5.0, 15.0)], 5 / 15),
        ([("a", 0.0, 10.0)], [("b", 0.0, 10.0)], 0.0),
        ([("a", 0.0, 4.0), ("a", 2.0, 10.0)], [("a", 0.0, 10.0)], 1.0),
        ([("a", 0.0, 10.0), ("b", 0.0, 10.0)], [("a", 0.0, 10.0)], 0.5),
        ([], [("a", 0.0, 10.0)], 0.0),
        ([], [], 0.0),
    ],
)
def test_overlap(ours: list[tuple[str, float, float]], theirs: list[tuple[str, float, float]], iou: float) -> None:
    assert overlap(ours, theirs) == pytest.approx(iou)


def test_evidence_is_held_against_the_truth_only_where_the_answer_is_right() -> None:
    spans = [("a", 0.0, 10.0)]
    right_one = Marked(Q("1"), Said("red", spans=(("a", 0.0, 5.0),)))
    wrong_one = Marked(Q("2"), Said("blue", spans=(("a", 0.0, 10.0),)))
    assert overlaps([right_one, wrong_one], lambda _: spans) == [0.5]


def test_floors_of_nothing_are_an_error() -> None:
    with pytest.raises(BadQuestions, match="no questions"):
        floors([])


def test_a_row_holds_its_interval_and_floor() -> None:
    marked = [Marked(Q(str(n)), Said("red" if n < 3 else "blue", seconds=0.1 * n)) for n in range(4)]
    row = accuracy("videoqa.x.acc", "all", marked, 0, "symbolic", "builtin", 0.4)
    assert (row.value, row.n, row.floor) == (0.75, 4, 0.4)
    assert row.low <= row.value <= row.high
    assert seconds_words(marked).startswith("0.150 s")
