"""Cameras that are told from others, and those that are not there."""

from __future__ import annotations

import pytest

from viot_agent.fleet.mentions import find_mentions
from viot_agent.fleet.types import Camera

FLEET = [
    Camera(i, name, "", (), "UTC", None)
    for i, name in enumerate(
        ("North Gate", "North Gate 2", "Car Park East", "Car Park West", "Reception", "yard",
         "canteen 01", "canteen 02", "lift 1", "lift 2", "lift 3")
    )
]  # fmt: skip


def named(text: str, *before: str) -> list[tuple[str, str, float]]:
    """What is said of which camera, and how sure."""
    return [(m.text, m.target, m.score) for m in find_mentions(text, FLEET, [], (), before) if m.kind == "camera"]


@pytest.mark.parametrize(
    ("before", "text", "said", "camera"),
    [
        ("North Gate", "ok and what about the other gate?", "other gate", "North Gate 2"),
        ("North Gate 2", "and the other one?", "other one", "North Gate"),
        ("Car Park East", "the other car park too", "other car park", "Car Park West"),
        # of three lifts there are two others; the gate is no car park; of Reception there is no other
        ("lift 1", "and the other lift", "", ""),
        ("North Gate", "the other car park", "", ""),
        ("Reception", "the other one", "", ""),
        ("North Gate", "was the other one there too?", "", ""),
        ("", "who was at the other gate", "", ""),
    ],
)
def test_the_other_of_two(before: str, text: str, said: str, camera: str) -> None:
    assert named(text, *([before] if before else [])) == ([(said, camera, 100.0)] if said else [])


def test_the_other_of_two_in_one_breath() -> None:
    found = named("was he at north gate, or by the other gate")
    assert found == [("north gate", "North Gate", 100.0), ("other gate", "North Gate 2", 100.0)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("what did the South Gate camera see", "South Gate"),
        ("what does the back gate camera show", "back gate"),
        ("who came in by the east gate", "east gate"),
        ("how many were at north gate 1 today", "north gate 1"),
        ("did something catch fire at yard 14 during lunch", "yard 14"),
        ("check yard 44 for fire", "yard 44"),
    ],
)
def test_a_camera_that_is_not_there(text: str, said: str) -> None:
    assert named(text) == [(said, said, 0.0)]


@pytest.mark.parametrize(
    ("text", "camera"),
    [
        ("the van left gate and all", None),
        ("does its rear gate hang open", None),
        ("is the rear gate of the van open", None),
        ("in the yard 3 vans", "yard"),
        ("yard 5 red cars", "yard"),
        ("did the yard 12 alarm fire", "yard"),
        ("who was in the yard 14:00", "yard"),
        ("yard 2 to 4 pm", "yard"),
        ("yard 2 people?", "yard"),
        ("yard 14 minutes ago", "yard"),
        ("is north gate 0 also", "North Gate"),
        ("north gate 2 pm", "North Gate"),
        ("north gate 2:15", "North Gate"),
        ("north gate 2 people", "North Gate 2"),
    ],
)
def test_a_number_that_names_no_other_camera(text: str, camera: str | None) -> None:
    assert [target for _, target, score in named(text) if score] == ([camera] if camera else [])


@pytest.mark.parametrize("text", ["canteens 02 & 01 last Saturday", "canteens 02 and 01 yesterday"])
def test_the_second_of_two_numbers_is_no_hour(text: str) -> None:
    assert [target for _, target, _ in named(text)] == ["canteen 02", "canteen 01"]


def test_a_group_that_is_called_alike_is_not_meant_by_a_number() -> None:
    fleet = [Camera(0, "North Gate", "", ("gates",), "UTC", None)]
    found = find_mentions("how many people at gate 9 today", fleet, [])
    assert [(m.kind, m.text, m.score) for m in found if m.kind != "time"] == [("camera", "gate 9", 0.0)]
