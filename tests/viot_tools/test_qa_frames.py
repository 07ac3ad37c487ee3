"""Frames for a question: what the index knows on it decides, and what it does not know is said."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from viot_tools.qa.facts import Doing, Facts, Spot, Thing, Value
from viot_tools.qa.frames import GAP, choose, evenly
from viot_tools.qa.meant import meant, spoken
from viot_tools.qa.program import Has, Pick, Program, Relation, Unparsed
from viot_tools.qa.types import QuestionType

T0 = 1_000_000.0
SPANS = {"gate": ((T0, T0 + 600),)}


def spot(t: float, size: float = 0.1, x: float = 0.5) -> Spot:
    return Spot(T0 + t, x, 0.5, size, size)


def thing(id: str, start: float, end: float, kind: str = "person", **rest: object) -> Thing:
    base = Thing(id, kind, "gate", T0 + start, T0 + end)  # type: ignore[arg-type]
    return replace(base, **rest)  # type: ignore[arg-type]


def facts(*things: Thing) -> Facts:
    known = frozenset(t.kind for t in things)
    return Facts(("gate",), T0, T0 + 600, things, known)


MAN = thing(
    "man",
    100,
    140,
    path=(spot(100), spot(120, 0.4), spot(140)),
    attributes={"upper_colour": Value("red", 0.9)},
    doing=(Doing("walking", T0 + 100, T0 + 130, 0.9), Doing("falling", T0 + 132, T0 + 134, 0.8)),
)
WOMAN = thing("woman", 300, 320, attributes={"upper_colour": Value("blue", 0.9)}, doing=())
VAN = thing("van", 200, 260, "vehicle", label="van", attributes={"colour": Value("white", 0.9)})
CAR = thing("car", 400, 420, "vehicle", label="car")
DOG = thing("dog", 500, 510, "object", label="dog")
FIRE = thing("fire", 550, 580, "fire")
ALL = facts(MAN, VAN, WOMAN, CAR, DOG, FIRE)


def times(question: str, type_: QuestionType, known: Facts = ALL, budget: int = 16) -> list[float]:
    found = choose(question, type_, Unparsed(type_, ""), known, SPANS, budget=budget)
    assert found.aware
    return [m.t - T0 for m in found.moments]


def near(found: list[float], low: float, high: float) -> int:
    return sum(low <= t <= high for t in found)


@pytest.mark.parametrize(
    ("question", "stretch"),
    [
        ("why did the van stop?", (198, 262)),
        ("What is the dog doing?", (498, 512)),
        ("why did it burn?", (548, 582)),
        ("What made the lorries and vans wait?", (198, 262)),
        ("why is the car there?", (398, 422)),
    ],
)
def test_frames_show_what_the_question_names(question: str, stretch: tuple[float, float]) -> None:
    found = times(question, "why" if question.startswith("why") else "what")
    assert near(found, *stretch) >= 0.8 * len(found) and len(found) >= 5


def test_attributes_weigh_more_than_they_rule_out() -> None:
    found = times("what is the man in red holding?", "what", budget=4)
    assert near(found, 98, 142) >= 3  # the woman in blue is not ruled out, only less likely


def test_the_action_asked_about_is_shown() -> None:
    found = times("why did somebody fall?", "why", budget=6)
    assert near(found, 132, 134) >= 1


def test_what_it_looks_like_is_shown_where_it_is_largest() -> None:
    first = choose("what does the man wear?", "what", Unparsed("what", ""), facts(MAN), SPANS, budget=1)
    assert [m.t for m in first.moments] == [T0 + 120]
    assert first.moments[0].why == "a person is seen best"


def test_what_comes_before_and_after_is_shown() -> None:
    found = times("why did the van leave?", "why", facts(VAN), budget=8)
    assert any(198 <= t < 200 for t in found) and any(260 < t <= 262 for t in found)
    assert 0.0 not in found


def test_order_shows_the_first_and_the_last_of_the_footage() -> None:
    found = times("was the van there before the car?", "order", budget=8)
    assert found[0] == 0.0 and found[-1] > 599
    assert near(found, 198, 262) and near(found, 398, 422)


def test_how_many_shows_most_of_them_at_one_time() -> None:
    people = [thing(f"p{i}", 10 * i, 100, path=()) for i in range(5)] + [thing("late", 400, 500)]
    found = choose("how many people?", "how_many", Unparsed("how_many", ""), facts(*people), SPANS, budget=1)
    assert 40 <= found.moments[0].t - T0 <= 100 and found.moments[0].why == "5 at one time"


def test_a_program_is_followed_to_its_anchor() -> None:
    van = Pick("vehicle", labels=("van",))
    woman = Pick("person", attributes=(Has("upper_colour", ("blue",)),), when=(Relation("after", van, edge="end"),))
    found = choose("?", "before_after", Program("exists", (woman,), "before_after"), ALL, SPANS, budget=10)
    seen = [m.t - T0 for m in found.moments]
    assert near(seen, 198, 262) and near(seen, 298, 322)
    assert not near(seen, 398, 422)


def test_what_the_index_does_not_know_is_looked_for_evenly_and_said() -> None:
    for question in ("why did the zebra cross?", "is the gate open?"):
        found = choose(question, "why", Unparsed("why", ""), ALL, SPANS, budget=4)
        assert not found.aware
        assert found.words == "the index has nothing on it: 4 frames, evenly spaced"
        assert [m.t - T0 for m in found.moments] == [75, 225, 375, 525]


def test_what_happened_is_everything_that_changed() -> None:
    found = times("what happened here?", "what", budget=12)
    for m in (MAN, VAN, WOMAN, CAR, DOG, FIRE):
        assert near(found, m.start - T0 - 2, m.end - T0 + 2), m.id


def test_a_busy_thing_does_not_take_every_frame() -> None:
    many = [thing(f"p{i}", 100 + i, 101 + i) for i in range(40)] + [thing("last", 560, 565)]
    found = times("who is there?", "who", facts(*many), budget=8)
    assert near(found, 558, 567) >= 1


@pytest.mark.parametrize("type_", ["why", "how_many"])
def test_ten_thousand_people_are_no_square_of_work(type_: QuestionType) -> None:
    """Measured: half a second of work on a busy machine; comparing all with all took minutes."""
    many = [thing(f"p{i}", i / 20, i / 20 + 8) for i in range(10_000)]
    began = time.process_time()
    found = choose("why are people here?", type_, Unparsed(type_, ""), facts(*many), SPANS)
    assert len(found.moments) == 16
    assert time.process_time() - began < 10


def test_moments_outside_of_the_footage_are_moved_in_or_left_out() -> None:
    spans = {"gate": ((T0 + 210, T0 + 230),)}
    found = choose("why did the van stop?", "why", Unparsed("why", ""), facts(VAN), spans, budget=16)
    assert found.moments and all(T0 + 210 <= m.t < T0 + 230 for m in found.moments)
    elsewhere = choose("why did the car stop?", "why", Unparsed("why", ""), facts(CAR), spans, budget=2)
    assert not elsewhere.aware and all(T0 + 210 <= m.t < T0 + 230 for m in elsewhere.moments)


def test_no_footage_no_frames() -> None:
    assert choose("why?", "why", Unparsed("why", ""), ALL, {}).moments == ()
    with pytest.raises(ValueError, match="shows nothing"):
        choose("why?", "why", Unparsed("why", ""), ALL, SPANS, budget=0)


@given(
    st.lists(st.tuples(st.floats(0, 590), st.floats(0, 200)), min_size=1, max_size=12),
    st.integers(1, 20),
    st.sampled_from(["why", "what", "order", "how_many", "action"]),
)
def test_the_budget_holds_and_frames_keep_apart(
    stays: list[tuple[float, float]], budget: int, type_: QuestionType
) -> None:
    people = [thing(f"p{i}", a, min(a + length, 600)) for i, (a, length) in enumerate(stays)]
    found = choose("why are people here?", type_, Unparsed(type_, ""), facts(*people), SPANS, budget=budget)
    at = [m.t for m in found.moments]
    assert 1 <= len(at) <= budget
    assert at == sorted(at) and all(b - a >= GAP - 1e-6 for a, b in pairwise(at))
    assert all(T0 <= t < T0 + 600 for t in at)


@given(st.lists(st.floats(0.5, 100), min_size=1, max_size=4), st.integers(1, 30))
@example([1.1, 34.57397271665463, 1.5739727166546302, 34.1], 29)  # a + at - before fell below a
def test_even_frames_lie_in_the_footage(lengths: list[float], budget: int) -> None:
    at, stretches = 0.0, []
    for length in lengths:
        stretches.append((at, at + length))
        at += length + 50
    found = evenly({"gate": stretches}, budget)
    assert 1 <= len(found) <= budget
    assert all(any(a <= m.t < b for a, b in stretches) for m in found)


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("why is the woman with the backpack running?", [("person", (), ("running",))]),
        ("why did the lorries stop?", [("vehicle", ("truck",), ())]),
        ("did anyone pass a bike?", [("person", (), ()), ("vehicle", ("bicycle",), ())]),
        ("why is there smoke?", [("smoke", (), ())]),
        ("was anything unusual?", [("anomaly", (), ())]),
        ("what ran past the dog?", [("object", ("dog",), ())]),
        ("is the site random?", []),
        ("", []),
    ],
)
def test_words_that_name_things(question: str, kinds: list[tuple[str, tuple[str, ...], tuple[str, ...]]]) -> None:
    found = [(p.kind, p.labels, p.doing) for p in spoken(question, ALL)]
    assert found == kinds


def test_a_named_person_is_meant_and_others_told_otherwise_are_not() -> None:
    ana = replace(MAN, id="ana", name="Ana Silva", named=True)
    ben = replace(WOMAN, id="ben", name="Ben", named=True)
    who = replace(WOMAN, id="who")
    picks = Program("when", (Pick("person", name="Ana Silva"),), "when")
    found = {m.thing.id: m.weight for m in meant("?", picks, facts(ana, ben, who))}
    assert found == {"ana": 1.0, "who": pytest.approx(0.4)}
    assert [m.words for m in meant("why did ana silva stop?", Unparsed("why", ""), facts(ana))] == ["Ana Silva"]
