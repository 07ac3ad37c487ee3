"""Names said in two pieces, in another order, or as a range."""

from __future__ import annotations

import pytest

from viot_agent.errors import NameFault
from viot_agent.fleet.mentions import find_mentions
from viot_agent.fleet.names import resolve_camera_names
from viot_agent.fleet.types import Camera

FLEET = [
    Camera(i, name, "", (), "UTC", None)
    for i, name in enumerate(
        ("Stand A", "Stand B", "Stand B Roof", "Ferry Ramp East", "Ferry Ramp West", "Turnstile L", "Turnstile R",
         "Packing 5", "Packing 6", "Silo Station North", "Silo Station South", "gate 1", "gate 2", "gate 3", "gate 4",
         "Left Bank Walk", "Right Bank Walk", "Till Office Door 1", "Till Office Door 2", "Till Van", "Lift Top")
    )
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "cameras"),
    [
        # what is said again as the only one is no stranger
        ("who was in stand B since midnight. only B", {"stand B": "Stand B", "B": "Stand B"}),
        ("who came by stand B, anybody we know? I mean A", {"stand B": "Stand B", "A": "Stand A"}),
        ("faces at stand B or Stand B Roof? just the roof", {"stand B": "Stand B", "Stand B Roof": "Stand B Roof"}),
        # named in part, and told apart later
        ("smoke on the ferry ramp today? west side only", {"ferry ramp": "Ferry Ramp West", "west": "Ferry Ramp West"}),
        ("the silo station, only south", {"silo station": "Silo Station South", "south": "Silo Station South"}),
        # another order, another spelling of a side, a filling word
        ("north silo station. not south", {"north silo station": "Silo Station North", "south": "Silo Station South"}),
        ("has he used the turnstile on the left", {"turnstile on the left": "Turnstile L"}),
        ("the left turnstile please", {"left turnstile": "Turnstile L"}),
        ("who is on packing line 5 now", {"packing line 5": "Packing 5"}),
        ("left bank or the right bank walk", {"left bank": "Left Bank Walk", "right bank walk": "Right Bank Walk"}),
        # a slip that is mended later
        ("what does stand A show? oh, wrong one, B i mean", {"stand A": "Stand A", "B": "Stand B"}),
        ("NEGATIVE on packing 5, go 6: smoke?", {"packing 5": "Packing 5", "6": "Packing 6"}),
        ("smoke at packing 5 today? ah sorry, the number is 6.", {"packing 5": "Packing 5", "6": "Packing 6"}),
        ("wrong cam, 2 instead of gate 1, report", {"2": "gate 2", "gate 1": "gate 1"}),
        ("fire at turnstile L? cancel that, R", {"turnstile L": "Turnstile L", "R": "Turnstile R"}),
        ("who was at stand B? no one, I hope", {"stand B": "Stand B"}),
        ("how many at gate 2? sorry, I have 3 kids with me", {"gate 2": "gate 2"}),
        ("gate 2 please, no rush, 3 of us wait", {"gate 2": "gate 2"}),
        # and what is none of it
        ("stand B and a dog", {"stand B": "Stand B"}),
        ("only a few people at stand B", {"stand B": "Stand B"}),
        ("gate 2, only 3 people", {"gate 2": "gate 2"}),
        ("gate 2, only 3 minutes", {"gate 2": "gate 2"}),
        ("the ferry ramp is wet", {}),
        ("the turnstile's lock", {}),
    ],
)  # fmt: skip
def test_pieces_of_names(text: str, cameras: dict[str, str]) -> None:
    found = {m.text: m.target for m in find_mentions(text, FLEET, []) if m.kind == "camera" and m.score >= 99}
    assert found == cameras


@pytest.mark.parametrize(
    ("said", "count"), [("gates 1 to 3", 3), ("gates 2-4", 3), ("gate 1 thru 3", 3), ("gates 1 through 4", 4)]
)
def test_a_range_is_every_camera_from_the_first_to_the_last(said: str, count: int) -> None:
    (mention,) = find_mentions(f"how busy were {said} yesterday", FLEET, [])[:1]
    assert (mention.kind, mention.text) == ("group", said)
    assert len(resolve_camera_names([said], FLEET)) == count


def test_a_span_of_hours_is_no_range_of_cameras() -> None:
    found = find_mentions("how busy was gate 1 from 2 to 4 pm and gate 1 to 3 pm", FLEET, [])
    assert [m.text for m in found if m.kind in ("camera", "group")] == ["gate 1", "gate 1"]
    with pytest.raises(NameFault):
        resolve_camera_names(["gate 2 to 4"], FLEET)
    with pytest.raises(NameFault):
        resolve_camera_names(["gates 3 to 9"], FLEET)


def test_either_stands_before_a_whole_noun_and_a_verb_is_no_plural() -> None:
    either = [
        m.text for m in find_mentions("if she turns up at either till office door", FLEET, []) if m.kind == "group"
    ]
    assert either == ["either till office door"]
    assert len(resolve_camera_names(either, FLEET)) == 2
    assert not find_mentions("warn me when it tops 25 there", FLEET, [])


def test_an_area_is_every_camera_whose_name_begins_so() -> None:
    fleet = [
        Camera(i, n, "", (), "UTC", None) for i, n in enumerate(("Archive Door", "Archive Stacks", "gate 1", "gate 2"))
    ]
    found = find_mentions("was Ana in the archive yesterday", fleet, [])
    assert [(m.kind, m.text) for m in found if m.kind != "time"][-1:] == [("group", "archive")]
    assert [c.name for c in resolve_camera_names(["archive"], fleet)] == ["Archive Door", "Archive Stacks"]
    # which of the gates is not said, and a word of another thing is no place
    assert not [m for m in find_mentions("who is at the gate now", fleet, []) if m.kind == "group"]
    assert not [m for m in find_mentions("put it in the archive box", fleet, []) if m.kind == "group"]
    with pytest.raises(NameFault):
        resolve_camera_names(["gate"], fleet)
