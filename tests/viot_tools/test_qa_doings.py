"""What people do, from the words of a question to the answer, on hand-written facts."""

from __future__ import annotations

import pytest

from viot_agent.steps import Coverage
from viot_tools.qa.execute import execute
from viot_tools.qa.facts import Doing, Facts, Spot, Thing, Value
from viot_tools.qa.parse import parse
from viot_tools.qa.program import Program

SEEN = Coverage(("gate",), 0.0, 1000.0, 1000.0, 1.0, 5.0)


def person(id: str, *done: tuple[str, float, float], sex: str = "", end: tuple[float, float] = (0.5, 0.5)) -> Thing:
    """Somebody who does this; ``end``: where in the picture they are seen last."""
    start, stop = done[0][1], done[-1][2]
    spots = (Spot(start, 0.5, 0.5, 0.1, 0.3), Spot((start + stop) / 2, 0.5, 0.5, 0.1, 0.3), Spot(stop, *end, 0.1, 0.3))
    looks = {"sex": Value(sex, 0.9)} if sex else {}
    return Thing(id, "person", "gate", start, stop, "", spots, looks, tuple(Doing(a, s, e, 0.9) for a, s, e in done))


def ask(question: str, *things: Thing) -> str:
    parsed = parse(question)
    assert isinstance(parsed, Program), parsed
    known = frozenset({"person", "action", "sex"})
    facts = Facts(("gate",), 0.0, 1000.0, things, known, {"person": SEEN}, {"gate": ((0.0, 1000.0),)})
    return execute(parsed, facts).value


UP = person("a", ("sitting", 100, 130), ("walking", 130, 160))
DOWN = person("b", ("walking", 100, 130), ("sitting", 130, 160))
SITS = person("c", ("sitting", 100, 300))
WALKS = person("d", ("walking", 350, 400))


@pytest.mark.parametrize("question", ["Did he get up?", "Did anyone get up?"])
def test_who_gets_up_was_down_before(question: str) -> None:
    assert ask(question, UP) == "yes"
    assert ask(question, DOWN) == "no"


def test_somebody_else_on_their_feet_is_nobody_getting_up() -> None:
    assert ask("Did anyone get up?", SITS, WALKS) == "no"
    assert ask("How many people got up?", UP, SITS, WALKS) == "1"


def test_of_several_all_are_meant() -> None:
    stands = person("e", ("standing", 100, 300))
    assert ask("Are they sitting?", SITS, stands) == ""
    assert ask("Are they sitting?", SITS, person("f", ("sitting", 120, 290))) == "yes"
    assert ask("Are the two sitting?", SITS, stands) == "no"
    assert ask("Are they running?", SITS, stands) == "no"


def test_a_pronoun_is_whoever_is_there_alone() -> None:
    assert ask("Does she sit down?", SITS) == "yes"
    assert ask("Does she sit down?", SITS, person("g", ("walking", 100, 280))) == ""
    man = person("h", ("walking", 100, 300), sex="male")
    woman = person("i", ("sitting", 100, 300), sex="female")
    assert ask("Does she sit down?", man, woman) == "yes"
    short = person("j", ("falling", 100, 110), sex="female")
    assert ask("Did she fall?", SITS, short) == ""


def test_what_ends_as_the_time_asked_about_begins_is_not_in_it() -> None:
    parsed = parse("Is anyone walking?")
    assert isinstance(parsed, Program)
    late = person("k", ("walking", 0, 300), ("sitting", 300, 900))
    facts = Facts(
        ("gate",),
        300.0,
        1000.0,
        (late,),
        frozenset({"person", "action"}),
        {"person": SEEN},
        {"gate": ((300.0, 1000.0),)},
    )
    assert execute(parsed, facts).value == "no"


def test_an_empty_room_is_one_in_which_nobody_is() -> None:
    man, other = person("l", ("walking", 0, 100)), person("m", ("standing", 50, 600))
    assert ask("Was the room empty after the first person left?", man) == "yes"
    assert ask("Was the room empty after the first person left?", man, other) == "no"
    assert ask("Was the room empty before the first person came in?", person("n", ("walking", 200, 300))) == "yes"


@pytest.mark.parametrize(
    ("end", "edge"),
    [((0.05, 0.5), "left"), ((0.95, 0.5), "right"), ((0.5, 0.85), "bottom"), ((0.4, 0.5), ""), ((0.05, 0.85), "")],
)
def test_the_edge_by_which_somebody_leaves_is_where_they_were_seen_last(end: tuple[float, float], edge: str) -> None:
    assert ask("On which side does the man leave?", person("o", ("walking", 100, 200), end=end)) == edge


def test_one_person_goes_down_and_many_become_fewer() -> None:
    falls = person("p", ("walking", 100, 130), ("falling", 130, 131), ("lying", 131, 200))
    for question in ("Did he go down?", "Did anyone go down?", "Did a person go down?"):
        assert ask(question, falls) == "yes"
    assert ask("Did a man go down?", falls) == ""  # nobody tells whether it is a man
