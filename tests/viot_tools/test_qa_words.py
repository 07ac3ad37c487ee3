"""Picks in words, options of a multiple choice, movement by thresholds."""

from __future__ import annotations

import pytest

from viot_tools.qa import motion
from viot_tools.qa.describe import article, described, plural
from viot_tools.qa.facts import Found, Spot, Thing
from viot_tools.qa.options import option_of
from viot_tools.qa.program import Has, Pick, Program


@pytest.mark.parametrize(
    ("pick", "one", "many"),
    [
        (Pick("person"), "person", "people"),
        (Pick("person", attributes=(Has("sex", ("female",)), Has("upper_colour", ("blue",)), Has("coat", ("yes",)))),
         "woman in a blue coat", "women in a blue coat"),
        (Pick("vehicle", ("van", "truck"), (Has("colour", ("white",)),)), "white van or truck", "white vans or trucks"),
        (Pick("vehicle", ("bus",), number=2), "second bus", "second buses"),
        (Pick("person", attributes=(Has("carrying", ("backpack",), no=True),), which="last"),
         "last person without a backpack", "last people without a backpack"),
        (Pick("person", attributes=(Has("lower_colour", ("red",)), Has("upper_colour", ("black",)))),
         "person in a black top and red trousers", "people in a black top and red trousers"),
        (Pick("person", attributes=(Has("hat", ("no",)), Has("hair", ("long",)))),
         "person without a hat with long hair", "people without a hat with long hair"),
        (Pick("person", name="Ana Silva", doing=("running",)), "Ana Silva running", "Ana Silva running"),
        (Pick("vehicle", motion="waits", stay=(30.0, None)),
         "vehicle waiting for 30 s or more", "vehicles waiting for 30 s or more"),
        (Pick("person", place="left"), "person on the left", "people on the left"),
        (Pick("person", attributes=(Has("name", ()),)), "person with an enrolled name", "people with an enrolled name"),
        (Pick("anomaly"), "unusual event", "unusual events"),
    ],
)  # fmt: skip
def test_picks_in_words(pick: Pick, one: str, many: str) -> None:
    assert (described(pick), described(pick, many=True)) == (one, many)


def test_small_words() -> None:
    assert [article(w) for w in ("van", "orange van", "unusual event", "umbrella", "Ana Silva", "smoke")] == [
        "a van", "an orange van", "an unusual event", "an umbrella", "Ana Silva", "smoke",
    ]  # fmt: skip
    assert [plural(w) for w in ("car", "bus", "bench", "box")] == ["cars", "buses", "benches", "boxes"]


@pytest.mark.parametrize(
    ("value", "options", "option"),
    [
        ("red", ("The red one", "blue", "green"), "The red one"),
        ("3", ("two", "three", "13"), "three"),
        ("3", ("13", "30"), None),
        ("left", ("to the left", "to the right"), "to the left"),
        ("red", ("not red", "red"), "red"),
        ("red", ("dark red", "light red"), None),
        ("walking", ("she is walking", "she sits"), "she is walking"),
        ("purple", ("red", "blue"), None),
        ("standing and walking", ("walking", "running"), "walking"),
    ],
)
def test_options(value: str, options: tuple[str, ...], option: str | None) -> None:
    assert option_of(Found(value), Program("attribute", (Pick("person"),), "what", options=options)) == option


def test_options_of_picks_go_by_the_pick() -> None:
    asked = Program("order", (Pick("person"), Pick("vehicle")), "order", options=("the bloke", "the motor"))
    assert option_of(Found("vehicle", pick=1), asked) == "the motor"


def way(x: tuple[float, float], h: tuple[float, float] = (0.3, 0.3)) -> Thing:
    n = 30
    parts = [i / (n - 1) for i in range(n)]
    spots = tuple(
        Spot(10.0 + i, x[0] + p * (x[1] - x[0]), 0.5, 0.1, h[0] + p * (h[1] - h[0])) for i, p in enumerate(parts)
    )
    return Thing("a", "person", "gate", 10.0, 39.0, path=spots)


@pytest.mark.parametrize(
    ("thing", "direction", "part", "still"),
    [
        (way((0.1, 0.9)), "right", "", 0.2),
        (way((0.9, 0.1)), "left", "", 0.2),
        (way((0.5, 0.5), (0.1, 0.6)), "towards the camera", "middle", 1.0),
        (way((0.5, 0.5), (0.6, 0.1)), "away from the camera", "middle", 1.0),
        (way((0.15, 0.16)), "stays", "left", 1.0),
        (way((0.8, 0.8)), "stays", "right", 1.0),
        (way((0.8, 0.9)), "", "right", 1.0),  # too far for staying, too short for a direction
    ],
)
def test_ways(thing: Thing, direction: str, part: str, still: float) -> None:
    assert (motion.direction(thing), motion.part(thing)) == (direction, part)
    a, b = motion.longest_still(thing.path)
    assert (b - a) / 29 == pytest.approx(still, abs=0.11)


def test_a_way_that_is_not_known() -> None:
    bare = Thing("a", "person", "gate", 10.0, 39.0)
    assert (motion.direction(bare), motion.part(bare), motion.lies(bare, "left")) == ("", "", None)
