"""Half-said camera names, beside one that is said whole."""

from __future__ import annotations

import pytest

from viot_agent.fleet.mentions import cameras_named, find_mentions
from viot_agent.fleet.types import Camera

FLEET = [
    Camera(i, name, "", (), "UTC", None)
    for i, name in enumerate(
        ("gate 2", "gate 3", "gate 2 north", "north gate", "south gate", "Loading Dock A", "Loading Dock B", "cam-07",
         "cam-08", "lobby")
    )
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "cameras"),
    [
        ("how many at gate 2, no wait, 3?", ["gate 2", "gate 3"]),
        ("gates 2 and 3 please", ["gate 2", "gate 3"]),
        ("gates 2 & 3", ["gate 2", "gate 3"]),
        ("the north and south gate", ["north gate", "south gate"]),
        ("loading dock A, sorry, B", ["Loading Dock A", "Loading Dock B"]),
        ("loading docks A and B", ["Loading Dock A", "Loading Dock B"]),
        ("compare cam-07 with 08", ["cam-07", "cam-08"]),
        ("gate 2 - scratch that, 3 - since noon", ["gate 2", "gate 3"]),
        ("dock B burns", ["Loading Dock B"]),
        ("gate 2 and 3 on Monday", ["gate 2", "gate 3"]),
        ("gate 2, i mean 3, tonight", ["gate 2", "gate 3"]),
        ("are there more people in B than in Loading Dock A", ["Loading Dock B", "Loading Dock A"]),
        ("Loading Dock A is fuller than B", ["Loading Dock A"]),
        # other numbers are other things
        ("gate 2 on 3 March", ["gate 2"]),
        ("gate 2, 3 March", ["gate 2"]),
        ("gate 3. No one was there", ["gate 3"]),
        ("from gate 2 to 3 tonight", ["gate 2"]),
        ("gate 2 3-5pm", ["gate 2"]),
        ("gate 2, 3 to 5pm yesterday", ["gate 2"]),
        ("gate 2 and 3, 1 to 4 yesterday", ["gate 2", "gate 3"]),
        ("gate 2, 3 o\u2019clock", ["gate 2"]),
        ("gate 2, 3 months ago", ["gate 2"]),
        ("gate 2, 3 past 4", ["gate 2"]),
        ("gate 2, 3rd of March", ["gate 2"]),
        ("gate 2, 3/4/2026", ["gate 2"]),
        ("gate 2, it was 3 in the morning", ["gate 2"]),
        ("gate 2. 3 on Friday evening", ["gate 2"]),
        ("gate 2, 3 yesterday evening", ["gate 2"]),
        ("gate 3, one man", ["gate 3"]),
        ("on the left, Loading Dock B", ["Loading Dock B"]),
        ("at Loading Dock B was a thanks note", ["Loading Dock B"]),
        ("gate 2 at 3 pm", ["gate 2"]),
        ("gate 2 with 3 people", ["gate 2"]),
        ("gate 2 between 3 and 4", ["gate 2"]),
        ("gate 2, 3 minutes ago", ["gate 2"]),
        ("gate 2 had a fight and 3 were hurt", ["gate 2"]),
        ("lobby, 3", ["lobby"]),
    ],
)
def test_half_said_names(text: str, cameras: list[str]) -> None:
    found = [m.target for m in find_mentions(text, FLEET, []) if m.kind == "camera" and m.score >= 99]
    assert found == cameras


@pytest.mark.parametrize(
    ("text", "before", "cameras"),
    [
        ("On 3?", ("gate 2",), ["gate 3"]),
        ("who's in B", ("Loading Dock A",), ["Loading Dock B"]),
        ("and the south?", ("north gate",), ["south gate"]),
        ("not that, cam 08", ("cam-07",), ["cam-08"]),
        ("On 3?", ("lobby", "gate 2"), ["gate 3"]),
        ("what about 3?", ("gate 2",), ["gate 3"]),
        ("how about at 3?", ("gate 2",), []),
        ("On 3?", (), []),
        ("On 3?", ("lobby",), []),
        ("make it 3", ("gate 2",), []),
        ("more than 3?", ("gate 2",), []),
        ("and 3 people?", ("gate 2",), []),
        ("no one else?", ("gate 2",), []),
        ("cam-07 and 3", ("gate 2",), ["cam-07"]),
        ("I would like to know whether he came back to us at 3", ("gate 2",), []),
    ],
)
def test_a_follow_up_says_a_sibling_by_its_telling_word(text: str, before: tuple[str, ...], cameras: list[str]) -> None:
    found = find_mentions(text, FLEET, [], (), before)
    assert [m.target for m in found if m.kind == "camera" and m.score >= 99] == cameras
    assert cameras_named(found) == tuple(cameras)


def test_a_number_that_no_camera_has_is_marked_as_unknown() -> None:
    (mention,) = [m for m in find_mentions("who was at gate 9 today", FLEET, []) if m.kind == "camera"]
    assert mention.text == "gate 9" and mention.score < 60
    assert any(m.kind == "time" and m.text == "today" for m in find_mentions("who was at gate 9 today", FLEET, []))


@pytest.mark.parametrize(
    ("text", "cameras"),
    [
        ("Yard 1 and 2", ["Yard 1", "Yard 2"]),
        ("yard-1 and 2", ["yard-1", "yard-2"]),
        ("count Yards 1 & 2", ["Yard 1", "Yard 2"]),
    ],
)
def test_of_namesakes_the_one_that_is_written_as_its_sibling(text: str, cameras: list[str]) -> None:
    names = ("Yard 1", "Yard 2", "yard-2", "yard-1")
    fleet = [Camera(i, n, "", (), "UTC", None) for i, n in enumerate(names)]
    found = [m.target for m in find_mentions(text, fleet, []) if m.kind == "camera"]
    assert [n for n in dict.fromkeys(found) if n in cameras] == cameras
    assert found[-1] == cameras[-1]
