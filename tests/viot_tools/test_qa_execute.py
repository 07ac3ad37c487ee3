"""Programs on hand-written facts: every ask, what makes it *cannot tell*, and counts against a brute-force oracle."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viot_agent.errors import TimeFault
from viot_agent.fleet.types import Window
from viot_agent.steps import Coverage, iso
from viot_tools.qa.execute import execute
from viot_tools.qa.facts import Doing, Facts, Spot, Thing, Value
from viot_tools.qa.program import Has, Pick, Program, Relation

KNOWN = frozenset(
    {"person", "vehicle", "fire", "colour", "upper_colour", "lower_colour", "carrying", "sex", "action", "name"}
)
WHITE_VAN = Pick("vehicle", ("van",), (Has("colour", ("white",)),))
SEEN = Coverage(("gate",), 0.0, 1000.0, 1000.0, 1.0, 5.0)


def path(
    start: float, end: float, x: tuple[float, float] = (0.05, 0.95), h: tuple[float, float] = (0.3, 0.3)
) -> tuple[Spot, ...]:
    """A way over the picture, a spot a second."""
    n = max(2, int(end - start) + 1)
    parts = [i / (n - 1) for i in range(n)]
    return tuple(
        Spot(start + p * (end - start), x[0] + p * (x[1] - x[0]), 0.5, 0.1, h[0] + p * (h[1] - h[0])) for p in parts
    )


def person(id: str, start: float, end: float, *, camera: str = "gate", **more: object) -> Thing:
    return Thing(id, "person", camera, start, end, path=path(start, end), **more)  # type: ignore[arg-type]


def vehicle(id: str, start: float, end: float, label: str, colour: str = "", *, camera: str = "gate") -> Thing:
    looks = {"colour": Value(colour, 0.9)} if colour else {}
    return Thing(id, "vehicle", camera, start, end, label, path(start, end), looks)


def looks(**values: str) -> dict[str, Value]:
    """``upper_colour="red"``; ``"red?"`` is not sure."""
    return {
        name: Value(v.rstrip("?"), 0.4 if v.endswith("?") else 0.9, not v.endswith("?")) for name, v in values.items()
    }


def facts(*things: Thing, cameras: tuple[str, ...] = ("gate",), coverage: Coverage = SEEN, problems: str = "") -> Facts:
    kinds = ("person", "vehicle", "fire")
    return Facts(
        cameras,
        0.0,
        1000.0,
        things,
        KNOWN,
        dict.fromkeys(kinds, coverage),
        dict.fromkeys(cameras, ((0.0, 1000.0),)),
        dict.fromkeys(kinds, problems) if problems else {},
    )


STREET = facts(
    person(
        "ana", 100, 120, attributes=looks(upper_colour="red", carrying="backpack", sex="female"), name="Ana", named=True
    ),
    person(
        "ben", 200, 260, attributes=looks(upper_colour="blue", carrying="nothing", sex="male"), name="Ben", named=True
    ),
    person("eve", 240, 300, attributes=looks(upper_colour="red", carrying="bag", sex="female"), named=True),
    vehicle("van", 150, 170, "van", "white"),
    vehicle("car", 500, 560, "car", "red"),
    vehicle("bus", 520, 600, "bus", "yellow"),
)
P = Pick("person")


@pytest.mark.parametrize(
    ("program", "value", "number", "shown"),
    [
        (Program("exists", (P,), "who"), "yes", None, ["ana", "ben", "eve"]),
        (Program("exists", (Pick("fire"),), "what"), "no", None, []),
        (Program("exists", (Pick("fire"),), "what", value="no"), "yes", None, []),
        (Program("exists", (WHITE_VAN,), "what", value="no"), "no", None, ["van"]),
        (Program("exists", (Pick("person", name="Ana"),), "who"), "yes", None, ["ana"]),
        (Program("exists", (Pick("person", number=4),), "who"), "no", None, []),
        (Program("exists", (P, Pick("fire")), "who"), "no", None, []),
        (Program("count", (P,), "how_many"), "3", 3, ["ana", "ben", "eve"]),
        (Program("count", (P, Pick("vehicle")), "how_many"), "6", 6, ["ana", "ben", "eve", "van", "car", "bus"]),
        (Program("count", (Pick("fire"),), "how_many"), "0", 0, []),
        (Program("count", (P,), "how_many", value=">2"), "yes", None, ["ana", "ben", "eve"]),
        (Program("count", (P,), "how_many", value="<=2"), "no", None, ["ana", "ben", "eve"]),
        (Program("count", (P,), "how_many", value="3"), "yes", None, ["ana", "ben", "eve"]),
        (Program("count", (P,), "how_many", options=("one", "two", "three")), "three", 3, ["ana", "ben", "eve"]),
        (
            Program("count", (Pick("person", when=(Relation("after", WHITE_VAN, edge="end"),)),), "before_after"),
            "2",
            2,
            ["ben", "eve"],
        ),
        (Program("at_once", (P,), "how_many"), "2", 2, ["ben", "eve"]),
        (Program("at_once", (P,), "how_many", edge="end", by="start"), "0", 0, []),
        (Program("attribute", (WHITE_VAN,), "which_colour", attribute="colour"), "white", None, ["van"]),
        (
            Program("attribute", (WHITE_VAN,), "which_colour", attribute="colour", value="red"),
            "no",
            None,
            ["van"],
        ),
        (
            Program("attribute", (Pick("vehicle", which="last"),), "what", attribute="label"),
            "bus",
            None,
            ["bus"],
        ),
        (
            Program(
                "attribute",
                (Pick("vehicle", number=2),),
                "which_colour",
                attribute="colour",
                options=("blue", "a red one"),
            ),
            "a red one",
            None,
            ["car"],
        ),
        (Program("attribute", (Pick("person", which="first"),), "who", attribute="name"), "Ana", None, ["ana"]),
        (Program("attribute", (P,), "who", attribute="name"), "Ana and Ben", None, ["ana", "ben"]),
        (Program("attribute", (WHITE_VAN,), "where", attribute="direction"), "right", None, ["van"]),
        (Program("when", (WHITE_VAN,), "when"), iso(150), 150, ["van"]),
        (Program("when", (P,), "when", edge="end"), iso(300), 300, ["eve"]),
        (Program("when", (WHITE_VAN,), "when", edge="both"), f"{iso(150)}/{iso(170)}", 150, ["van"]),
        (Program("duration", (Pick("person", attributes=(Has("sex", ("male",)),)),), "when"), "60 s", 60, ["ben"]),
        (
            Program("duration", (Pick("person", when=(Relation("after", WHITE_VAN),)),), "when"),
            "100 s",
            100,
            ["ben", "eve"],
        ),
        (Program("order", (Pick("vehicle", ("bus",)), Pick("vehicle", ("car",))), "order"), "car", 500, ["bus", "car"]),
        (
            Program("order", (Pick("vehicle", ("bus",)), Pick("vehicle", ("car",))), "order", fewest=True),
            "bus",
            520,
            ["bus", "car"],
        ),
        (
            Program("order", (Pick("vehicle", ("bus",)), WHITE_VAN), "order", edge="end"),
            "white van",
            170,
            ["bus", "van"],
        ),
        (Program("compare", (P, WHITE_VAN), "how_many"), "people", 3, ["ana", "ben", "eve"]),
        (Program("compare", (P, Pick("vehicle")), "how_many"), "same", 3, ["ana", "ben", "eve", "van", "car", "bus"]),
        (
            Program("compare", (Pick("vehicle", ("car",)), Pick("vehicle", ("bus",))), "when", by="duration"),
            "bus",
            80,
            ["bus"],
        ),
        (Program("cameras", (P,), "where"), "gate", 3, ["ana", "ben", "eve"]),
        (Program("change", (P,), "state_change"), "same", 0, []),
    ],
)
def test_every_ask(program: Program, value: str, number: float | None, shown: list[str]) -> None:
    found = execute(program, STREET)
    assert (found.value, found.number) == (value, number), found.reason
    assert [t.id for t in found.things] == shown


UNTOLD = facts(
    person("red", 100, 120, attributes=looks(upper_colour="red")),
    person("perhaps red", 200, 220, attributes=looks(upper_colour="red?")),
    person("blind", 300, 320),
)
RED = Pick("person", attributes=(Has("upper_colour", ("red",)),))
BLUE = Pick("person", attributes=(Has("upper_colour", ("blue",)),))


@pytest.mark.parametrize(
    ("program", "value", "reason"),
    [
        (Program("exists", (RED,), "who"), "yes", r"2 more may be too \(the colour of upper clothing is not sure\)"),
        (Program("exists", (BLUE,), "who"), "", r"2 people may be people in a blue top \(the colour of upper"),
        (Program("count", (RED,), "how_many"), "", "between 1 and 3: too many may or may not fit"),
        (Program("count", (BLUE,), "how_many"), "", "2 people may be people in a blue top"),
        (Program("count", (RED,), "how_many", value=">0"), "yes", ""),
        (Program("count", (RED,), "how_many", value=">3"), "no", ""),
        (Program("count", (RED,), "how_many", value=">1"), "", "between 1 and 3 of them may fit"),
        (Program("count", (RED,), "how_many", options=("2", "7")), "2", "2 more may be too"),
        (Program("compare", (RED, BLUE), "how_many"), "", "what is not sure could turn it round"),
        (Program("order", (RED, BLUE), "order"), "", "2 people may be people in a blue top"),
        (Program("when", (RED,), "when"), "", "2 more may be too|may be people in a red top"),
        (Program("duration", (BLUE,), "when"), "", "2 people may be people in a blue top"),
        (
            Program("attribute", (P,), "which_colour", attribute="upper_colour"),
            "",
            "the colour of upper clothing is not sure",
        ),
        (Program("attribute", (P,), "who", attribute="name"), "", "no face tells who it is"),
        (Program("exists", (Pick("person", name="Ana"),), "who"), "", "no face tells who it is"),
        (Program("exists", (Pick("object"),), "what"), "", "objects: not looked for"),
        (Program("attribute", (WHITE_VAN,), "which_colour", attribute="colour"), "", "^no white van was seen$"),
        (Program("change", (P,), "state_change", attribute="colour"), "", "looks are read once"),
        (Program("count", (P,), "how_many", value="a few"), "", "is not about a number"),
        (Program("count", (P,), "how_many", options=("4", "5", "6")), "", "3, is none of the options"),
        (Program("order", (P, Pick("vehicle")), "order"), "", "no vehicle was seen"),
    ],
)
def test_what_is_not_known_and_could_change_the_answer(program: Program, value: str, reason: str) -> None:
    import re

    found = execute(program, UNTOLD)
    assert found.value == value
    assert re.search(reason, found.reason), found.reason


def test_a_no_needs_that_enough_was_looked_at() -> None:
    half = replace(SEEN, fraction=0.5, indexed_seconds=500.0)
    for program in (
        Program("exists", (Pick("fire"),), "what"),
        Program("count", (Pick("fire"),), "how_many"),
        Program("count", (P,), "how_many", value="<9"),
        Program("change", (P,), "state_change"),
        Program("compare", (P, WHITE_VAN), "how_many"),
    ):
        found = execute(program, facts(*STREET.things, coverage=half))
        assert found.value == "" and "only 50 % of the footage was searched" in found.reason, program
    # a yes rests on what was seen, and a lower limit too
    assert execute(Program("exists", (P,), "who"), facts(*STREET.things, coverage=half)).value == "yes"
    assert execute(Program("count", (P,), "how_many", value=">2"), facts(*STREET.things, coverage=half)).value == "yes"
    # a camera that nobody indexed: a no is open, and what the others saw is told with that reserve
    missing = facts(*STREET.things, problems="dock is not indexed yet")
    assert (
        execute(Program("exists", (Pick("fire"),), "what"), missing).reason
        == "no fire was seen, but dock is not indexed yet"
    )
    counted = execute(Program("count", (P,), "how_many"), missing)
    assert counted.value == "3" and counted.reason == "dock is not indexed yet"
    nothing = replace(STREET, coverage={})
    assert "no footage was searched for fire" in execute(Program("exists", (Pick("fire"),), "what"), nothing).reason


def test_the_man_is_who_is_there_where_nobody_tells_men_from_women() -> None:
    man = Pick("person", attributes=(Has("sex", ("male",)),))
    asked = Program("attribute", (man,), "which_colour", attribute="upper_colour")
    alone = replace(facts(person("a", 100, 120, attributes=looks(upper_colour="red"))), known=KNOWN - {"sex"})
    assert execute(asked, alone).value == "red" and execute(Program("when", (man,), "when"), alone).number == 100
    assert execute(Program("exists", (man,), "who"), alone).value == ""
    woman = facts(person("a", 100, 120, attributes=looks(upper_colour="red", sex="female")))
    assert execute(asked, woman).reason == "no man was seen"
    two = (person("a", 100, 120, attributes=looks(upper_colour="red")), person("b", 200, 220))
    assert execute(Program("when", (man,), "when"), facts(*two)).value == ""


def test_several_that_differ_are_no_answer_and_pieces_of_one_thing_are() -> None:
    differ = execute(Program("attribute", (Pick("vehicle"),), "which_colour", attribute="colour"), STREET)
    assert (
        differ.value == "" and "3 of them were seen, and they differ: 1 white and 1 red and 1 yellow" in differ.reason
    )
    assert [t.id for t in differ.things] == ["van", "car", "bus"]
    pieces = facts(
        vehicle("a", 100, 140, "van", "white"), vehicle("b", 150, 156, "van"), vehicle("c", 200, 230, "van", "white")
    )
    asked = Program("attribute", (Pick("vehicle", ("van",)),), "which_colour", attribute="colour")
    assert execute(asked, pieces).value == "white"
    long_unknown = facts(vehicle("a", 100, 140, "van", "white"), vehicle("b", 150, 190, "van"))
    assert execute(asked, long_unknown).value == ""


def test_times_of_day_and_of_the_footage() -> None:
    late = Pick("person", when=(Relation("after", clock="first 190 seconds", edge="end"),))
    assert execute(Program("count", (late,), "how_many"), STREET).value == "2"
    first = Pick("person", when=(Relation("during", clock="first 110 seconds"),))
    assert [t.id for t in execute(Program("exists", (first,), "who"), STREET).things] == ["ana"]

    def clock(phrase: str, camera: str) -> Window:
        if phrase != "lunch":
            raise TimeFault(f"the time {phrase!r} cannot be read")
        return Window(190.0, 210.0)

    asked = Program("count", (Pick("person", when=(Relation("during", clock="lunch"),)),), "how_many")
    assert execute(asked, STREET, clock=clock).value == "1"
    unread = Program("count", (Pick("person", when=(Relation("during", clock="supper"),)),), "how_many")
    assert execute(unread, STREET, clock=clock).reason == "the time 'supper' cannot be read"


def test_comings_and_goings_end_with_the_footage() -> None:
    there = person("all the time", 0.0, 1000.0)
    came = person("came", 100, 1000.0)
    went = person("went", 0.2, 900)
    known = facts(there, came, went)
    for motion, wanted in (("enters", ["came"]), ("leaves", ["went"]), ("passes", [])):
        found = execute(Program("exists", (Pick("person", motion=motion),), "who"), known)  # type: ignore[arg-type]
        assert [t.id for t in found.things if t.id in ("came", "went")] == wanted
    still = Program("exists", (Pick("person"),), "state_change", edge="end")
    assert [t.id for t in execute(still, known).things] == ["all the time", "came"]
    change = execute(Program("change", (P,), "state_change"), facts(came, person("x", 200, 1000)))
    assert (change.value, change.number) == ("more", 2)
    assert execute(Program("change", (P,), "state_change"), facts(went)).value == "fewer"
    long = execute(Program("duration", (Pick("person"),), "when"), facts(came))
    assert long.value == "900 s" and "at least" in long.reason


def test_windows_cut_what_is_counted() -> None:
    """Someone who was there before the window did not come in it, and is seen from its start on."""
    window = replace(
        facts(person("a", 100, 400), person("b", 350, 420)), start=300.0, spans={"gate": ((300.0, 1000.0),)}
    )
    arrivals = execute(Program("count", (Pick("person", motion="enters"),), "how_many"), window)
    assert [t.id for t in arrivals.things] == ["b"]
    first = execute(Program("when", (P,), "when"), window)
    assert first.number == 300.0 and "as the footage began" in first.reason
    assert execute(Program("duration", (P,), "when"), window).number == 120.0


def test_actions() -> None:
    done = (Doing("walking", 100, 110, 0.9), Doing("sitting", 110, 150, 0.9), Doing("unknown", 150, 160, 0.0))
    known = facts(
        person("a", 100, 160, doing=done, attributes=looks(sex="male")),
        person("b", 300, 310, doing=(), attributes=looks(sex="female")),
        person("c", 400, 410, attributes=looks(sex="female")),
        vehicle("van", 102, 108, "van"),
    )
    man, woman = (Pick("person", attributes=(Has("sex", (sex,)),)) for sex in ("male", "female"))
    assert execute(Program("action", (man,), "action"), known).value == "sitting"
    beside = replace(man, when=(Relation("during", Pick("vehicle", ("van",))),))
    found = execute(Program("action", (beside,), "action"), known)
    assert found.value == "walking" and found.intervals == (("gate", 102, 108),)
    assert execute(Program("action", (man,), "action", value="walking"), known).value == "yes"
    assert execute(Program("action", (man,), "action", value="running"), known).value == "no"
    assert execute(Program("action", (woman,), "action"), known).reason == "what was done there is not sure"
    assert execute(Program("when", (replace(man, doing=("sitting",)),), "when"), known).number == 110
    assert execute(Program("duration", (replace(man, doing=("sitting",)),), "when"), known).value == "40 s"


def test_cameras() -> None:
    two = facts(
        person("a", 100, 120),
        person("b", 200, 220, camera="dock"),
        person("c", 300, 320, camera="dock"),
        cameras=("gate", "dock"),
    )
    most = execute(Program("cameras", (P,), "where"), two)
    assert most.value == "dock" and most.reason == "gate: 1, dock: 2"
    assert execute(Program("cameras", (P,), "where", fewest=True), two).value == "gate"
    assert execute(Program("where", (Pick("person", which="first"),), "where"), two).value == "gate"
    assert execute(Program("where", (P,), "where"), two).value == "gate and dock"
    pair = tuple(Pick("person", cameras=(name,)) for name in ("gate", "dock"))
    assert execute(Program("compare", pair, "how_many"), two).value == "dock"
    assert execute(Program("at_once", (P,), "how_many"), two).value == "1"


def test_what_came_next_needs_only_one_of_the_kinds() -> None:
    after = Relation("after", WHITE_VAN, next=True)
    asked = Program(
        "order",
        (Pick("person", when=(after,)), Pick("vehicle", when=(after,))),
        "before_after",
        options=("person", "vehicle"),
    )
    assert execute(asked, STREET).value == "person"
    assert (
        execute(asked, facts(vehicle("van", 10, 20, "van", "white"), vehicle("car", 30, 40, "car"))).value == "vehicle"
    )


def test_at_about_the_same_time() -> None:
    level = facts(vehicle("a", 100, 110, "van", "white"), vehicle("b", 100.1, 110, "bus"))
    assert execute(Program("order", (WHITE_VAN, Pick("vehicle", ("bus",))), "order"), level).value == ""


def test_a_program_needs_a_pick() -> None:
    with pytest.raises(ValueError, match="at least one pick"):
        execute(Program("count", (), "how_many"), STREET)


values = st.sampled_from(["red", "blue", "red?", "blue?", ""])


@settings(max_examples=150)
@given(st.lists(values, max_size=6), st.integers(0, 6), st.sampled_from(["<", ">", "<=", ">=", ""]))
def test_counts_and_claims_hold_in_every_world_that_the_facts_allow(seen: list[str], limit: int, sign: str) -> None:
    """Oracle: an unsure or absent colour may be any."""
    known = facts(
        *(person(str(i), 10 + i, 20 + i, attributes=looks(upper_colour=v) if v else {}) for i, v in enumerate(seen))
    )
    least = sum(v == "red" for v in seen)
    possible = range(least, least + sum(v in ("red?", "blue?", "") for v in seen) + 1)
    compare = {"<": int.__lt__, ">": int.__gt__, "<=": int.__le__, ">=": int.__ge__, "": int.__eq__}[sign]
    said = {compare(n, limit) for n in possible}
    claim = execute(Program("count", (RED,), "how_many", value=f"{sign}{limit}"), known).value
    assert claim == (("yes" if said.pop() else "no") if len(said) == 1 else "")
    there = execute(Program("exists", (RED,), "who"), known).value
    assert there == ("yes" if least else "no" if len(possible) == 1 else "")
    count = execute(Program("count", (RED,), "how_many"), known)
    if len(possible) == 1:
        assert count.number == least
    else:
        assert count.number in (None, least) and (count.number is None or len(count.maybe) <= least)


@pytest.mark.parametrize("ask", ["count", "at_once"])
def test_at_a_moment_who_comes_later_in_that_second_may_be_meant_or_not(ask: Any) -> None:
    here, goes, comes = person("here", 30, 60), person("goes", 30, 40.4), person("comes", 40.6, 60)
    second = replace(facts(here, goes, comes), start=40.0, end=41.0, spans={"gate": ((40.0, 41.0),)})
    told = execute(Program(ask, (P,), "how_many"), second)
    assert told.value == "2"
    assert execute(Program("count", (P,), "how_many", value=">2"), second).value == "", "that hangs on who is meant"
    longer = replace(second, end=42.0, spans={"gate": ((40.0, 42.0),)})
    assert execute(Program("count", (P,), "how_many"), longer).value == "3"


def test_who_comes_within_the_second_into_an_empty_picture_was_there() -> None:
    second = replace(facts(person("comes", 40.6, 60)), start=40.0, end=41.0, spans={"gate": ((40.0, 41.0),)})
    for ask in ("count", "at_once"):
        assert execute(Program(ask, (P,), "how_many"), second).value == "1"  # type: ignore[arg-type]
    two = replace(second, things=(person("a", 30, 60), person("b", 40.6, 60)))
    at_the_end = Program("at_once", (P,), "how_many", edge="end")
    assert execute(at_the_end, two).value == "2"


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 20)), max_size=8))
def test_at_once_is_the_most_at_any_moment(stays: list[tuple[int, int]]) -> None:
    known = facts(*(person(str(i), a, a + n) for i, (a, n) in enumerate(stays)))
    found = execute(Program("at_once", (P,), "how_many"), known)
    moments = [t + 0.5 for t in range(70)]
    most = max((sum(a <= t < a + n for a, n in stays) for t in moments), default=0)
    assert found.number == most
    for camera, a, b in found.intervals:
        t = (a + b) / 2
        assert camera == "gate" and sum(s <= t < s + n for s, n in stays) == most
