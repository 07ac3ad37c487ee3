"""Which things a pick means: three-valued conditions, and the n-th of things of which some only may belong."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viot_agent.steps import Coverage
from viot_tools.qa.facts import Doing, Facts, Spot, Thing, Value
from viot_tools.qa.ground import CannotTell, Ground
from viot_tools.qa.program import Has, Pick, Relation
from viot_tools.qa.select import Candidate, carries, choose, labelled, named, nth

ALL = frozenset({"person", "vehicle", "upper_colour", "carrying", "colour", "action", "name"})


def ground(*things: Thing, end: float = 1000.0) -> Ground:
    seen = Coverage(("gate",), 0.0, end, end, 1.0, 5.0)
    coverage = {"person": seen, "vehicle": seen}
    return Ground(Facts(("gate",), 0.0, end, things, ALL, coverage, {"gate": ((0.0, end),)}))


def person(id: str, start: float, end: float, **more: object) -> Thing:
    return Thing(id, "person", "gate", start, end, **more)  # type: ignore[arg-type]


def ids(some: Iterable[Candidate]) -> list[str]:
    return [c.thing.id for c in some]


RED, UNSURE = {"upper_colour": Value("red", 0.9)}, {"upper_colour": Value("red", 0.4, sure=False)}


@pytest.mark.parametrize(
    ("thing", "has", "told"),
    [
        (person("a", 1, 2, attributes=RED), Has("upper_colour", ("red",)), True),
        (person("a", 1, 2, attributes=RED), Has("upper_colour", ("blue", "red")), True),
        (person("a", 1, 2, attributes=RED), Has("upper_colour", ("blue",)), False),
        (person("a", 1, 2, attributes=RED), Has("upper_colour", ("blue",), no=True), True),
        (person("a", 1, 2, attributes=UNSURE), Has("upper_colour", ("red",)), None),
        (person("a", 1, 2, attributes=UNSURE), Has("upper_colour", ("blue",), no=True), None),
        (person("a", 1, 2), Has("upper_colour", ("red",), no=True), None),
        (person("a", 1, 2, name="Ana Silva", named=True), Has("name", ()), True),
        (person("a", 1, 2, named=True), Has("name", ()), False),
        (person("a", 1, 2), Has("name", ()), None),
    ],
)
def test_attributes(thing: Thing, has: Has, told: bool | None) -> None:
    assert carries(thing, has) is told


def test_labels_and_names() -> None:
    van = Thing("v", "vehicle", "gate", 1, 2, "van")
    assert labelled(van, ("van", "truck")) is True and labelled(van, ("car",)) is False
    assert labelled(Thing("v", "vehicle", "gate", 1, 2), ("car",)) is None
    doubted = Thing("v", "vehicle", "gate", 1, 2, "car", attributes={"label": Value("van", 0.5, sure=False)})
    assert labelled(doubted, ("car",)) is None
    assert named(person("a", 1, 2, name="Ana Silva", named=True), "ana silva") is True
    assert named(person("a", 1, 2, name="Ben", named=True), "Ana Silva") is False
    assert named(person("a", 1, 2, named=True), "Ana Silva") is False
    assert named(person("a", 1, 2), "Ana Silva") is None


def test_actions_have_stretches_and_unknown_ones_leave_it_open() -> None:
    ran = person("a", 10, 30, doing=(Doing("walking", 10, 20, 0.9), Doing("running", 20, 30, 0.9)))
    stood = person("b", 40, 60, doing=(Doing("standing", 40, 60, 0.9),))
    hid = person("c", 70, 90, doing=(Doing("unknown", 70, 88, 0.0), Doing("standing", 88, 90, 0.9)))
    blind = person("d", 100, 120)
    picked = choose(ground(ran, stood, hid, blind), Pick("person", doing=("running",)))
    assert ids(picked.sure) == ["a"] and picked.sure[0].spans == ((20, 30),)
    assert ids(picked.maybe) == ["c", "d"]
    # who ran ran after the first quarter, though they came before it
    late = Pick("person", doing=("running",), when=(Relation("after", clock="first 15 seconds", edge="end"),))
    assert ids(choose(ground(ran), late).sure) == ["a"]


def test_a_stay_that_the_footage_cuts_may_be_longer() -> None:
    whole, cut, short = person("a", 100, 140), person("b", 970, 1000), person("c", 200, 210)
    picked = choose(ground(whole, cut, short), Pick("person", stay=(35.0, None)))
    assert ids(picked.sure) == ["a"] and ids(picked.maybe) == ["b"]
    brief = choose(ground(whole, cut, short), Pick("person", stay=(None, 20.0)))
    assert ids(brief.sure) == ["c"] and not brief.maybe


def test_waiting_is_timed_in_one_place() -> None:
    still = tuple(Spot(float(t), 0.5, 0.5, 0.1, 0.3) for t in range(100, 125))
    walks = tuple(Spot(200.0 + t, 0.1 + 0.08 * t, 0.5, 0.1, 0.3) for t in range(10))
    waits, passes = person("a", 100, 124, path=still), person("b", 200, 209, path=walks)
    unknown = person("c", 300, 320)
    picked = choose(ground(waits, passes, unknown), Pick("person", motion="waits"))
    assert ids(picked.sure) == ["a"] and ids(picked.maybe) == ["c"]
    assert choose(ground(waits), Pick("person", motion="waits", stay=(60.0, None))).candidates == ()


def test_next_is_the_nearest_one_and_anchors_that_are_not_there_are_said() -> None:
    van = Thing("v", "vehicle", "gate", 50, 60, "van")
    people = [person("a", 10, 20), person("b", 70, 80), person("c", 55, 58), person("d", 300, 310)]
    after = Relation("after", Pick("vehicle", ("van",)), edge="end", next=True)
    assert ids(choose(ground(van, *people), Pick("person", when=(after,))).sure) == ["b"]
    before = Relation("before", Pick("vehicle", ("van",)), next=True)
    assert ids(choose(ground(van, *people), Pick("person", when=(before,))).sure) == ["a"]
    with pytest.raises(CannotTell, match="no van was seen, and the question is about the time after that"):
        choose(ground(*people), Pick("person", when=(after,)))
    with pytest.raises(CannotTell, match="cannot be read"):
        choose(ground(*people), Pick("person", when=(Relation("after", clock="soonish"),)))


def test_what_was_not_looked_for_is_said() -> None:
    bare = Ground(Facts(("gate",), 0.0, 10.0, (), frozenset({"person"})))
    for pick, what in (
        (Pick("vehicle"), "vehicles: not looked for"),
        (Pick("person", attributes=(Has("hat", ("yes",)),)), "hat of people"),
        (Pick("person", doing=("running",)), "what people do"),
        (Pick("person", name="Ana"), "who people are"),
    ):
        with pytest.raises(CannotTell, match=what):
            choose(bare, pick)
    why = Ground(Facts(("gate",), 0.0, 10.0, (), frozenset(), problems={"vehicle": "gate is not indexed yet"}))
    with pytest.raises(CannotTell, match=r"^gate is not indexed yet$"):
        choose(why, Pick("vehicle"))


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=6), st.integers(1, 4))
def test_the_nth_is_sure_where_it_is_the_nth_in_every_possible_world(found: list[tuple[int, bool]], n: int) -> None:
    """Oracle: every choice of those that may belong, and every order of those that are level."""
    some = [Candidate(person(str(i), t, t + 1), sure, ((t, t + 1),)) for i, (t, sure) in enumerate(found)]
    got = {c.thing.id: c.sure for c in nth(some, lambda c: c.start, n, 0.5)}
    worlds = [
        [c for c, there in zip(some, choice, strict=True) if there]
        for choice in product(*([True] if c.sure else [True, False] for c in some))
    ]
    possible: set[str] = set()
    always = {c.thing.id for c in some}
    for world in worlds:
        keys = sorted(c.start for c in world)
        here = {c.thing.id for c in world if len(world) >= n and c.start == keys[n - 1]}
        possible |= here
        always &= here if len(here) == 1 else set()
    assert set(got) == possible
    assert {i for i, sure in got.items() if sure} == {i for i in always if i in got}


def test_which() -> None:
    far = tuple(Spot(float(t), 0.5, 0.5, 0.05, 0.1) for t in range(10, 20))
    near = tuple(Spot(float(t), 0.5, 0.5, 0.2, 0.5) for t in range(30, 90))
    people = [person("a", 10, 20, path=far), person("b", 30, 90, path=near), person("c", 35, 60)]
    for pick, wanted in (
        (Pick("person", which="first"), ["a"]),
        (Pick("person", which="last"), ["c"]),
        (Pick("person", which="last", motion="leaves"), ["b"]),
        (Pick("person", number=2), ["b"]),
        (Pick("person", number=2, which="last"), ["b"]),
        (Pick("person", number=4), []),
        (Pick("person", which="longest"), ["b"]),
        (Pick("person", which="largest"), ["b"]),
    ):
        assert ids(choose(ground(*people), pick).sure) == wanted, pick
    # two that came within a step of each other: neither is surely the first
    tied = choose(ground(person("a", 10, 20), person("b", 10.1, 20)), Pick("person", which="first"))
    assert not tied.sure and ids(tied.maybe) == ["a", "b"]


def test_place() -> None:
    def at(id: str, x: float) -> Thing:
        return person(id, 10, 20, path=tuple(Spot(float(t), x, 0.5, 0.1, 0.3) for t in range(10, 21)))

    things = (at("left", 0.2), at("middle", 0.5), at("right", 0.9), person("?", 10, 20))
    picked = choose(ground(*things), Pick("person", place="left"))
    assert ids(picked.sure) == ["left"] and set(ids(picked.maybe)) == {"middle", "?"}
    assert ids(choose(ground(*things), Pick("person", place="middle")).sure) == ["middle"]
