"""What a follow-up that names no camera takes over from earlier turns."""

from __future__ import annotations

from typing import Any

import pytest

from viot_agent.fleet.mentions import find_mentions
from viot_agent.fleet.types import Camera
from viot_agent.llm.mini.earlier import taken_over
from viot_agent.llm.mini.menu import Step
from viot_agent.llm.mini.units import Passage, read

FLEET = [Camera(i, n, f"{i}.mp4", (), "UTC", 0.0) for i, n in enumerate(("Dock 1", "Dock 2", "Lobby", "Yard"))]


def passage(text: str) -> Passage:
    return Passage(text, tuple(find_mentions(text, FLEET, [])))


def taken(turns: list[str], args: dict[str, Any]) -> dict[str, Any]:
    *before, last = map(passage, turns)
    reading = read(last.text, last.mentions, earlier=before)
    return taken_over(Step("act", tool="t", args=args), reading, "cameras", "time").args


@pytest.mark.parametrize(
    ("turns", "chosen", "wanted"),
    [
        (["people on Dock 1 and Dock 2 today?", "narrow it to this morning"], ["Dock 1"], ["Dock 1", "Dock 2"]),
        (["smoke on Dock 1?", "and on the Lobby?", "alert me to fire on both"], ["Lobby"], ["Dock 1", "Lobby"]),
        (["smoke on Dock 1?", "and on the Lobby?", "how many there now"], ["Lobby"], ["Lobby"]),
        (["Dock 1, Dock 2: strangers?", "only the second one, yesterday"], ["Dock 2"], ["Dock 2"]),
        (["Dock 1 or the Lobby?", "alert me on both", "only the second one"], ["Dock 1", "Lobby"], ["Lobby"]),
        (["Dock 1 or the Lobby?", "just the first, please"], ["Lobby"], ["Dock 1"]),
        (["Dock 1, Dock 2: strangers?", "just the first", "and yesterday?"], ["Dock 1"], ["Dock 1"]),
        (["Dock 1, Lobby, Yard: fire?", "and yesterday"], ["Dock 1"], ["Dock 1", "Lobby", "Yard"]),
        (["smoke on Dock 1?", "people on the Yard, not both"], ["Yard"], ["Yard"]),
        (["smoke on Dock 1?", "is there any anywhere on site?"], ["Dock 1"], None),
        (["smoke on Dock 1?", "did Ana leave it anywhere in there?"], ["Dock 1"], ["Dock 1"]),
        (["smoke on Dock 1?", "unrelated: who came by?"], ["Dock 1"], None),
    ],
)
def test_all_that_are_meant_or_none(turns: list[str], chosen: list[str], wanted: list[str] | None) -> None:
    assert taken(turns, {"cameras": chosen}).get("cameras") == wanted


def test_a_new_matter_takes_no_time_over_either() -> None:
    turns = ["smoke on Dock 1 yesterday?", "new question, who is Ana?"]
    assert taken(turns, {"person": "Ana", "cameras": ["Dock 1"], "time": "yesterday"}) == {"person": "Ana"}
    turns = ["smoke on Dock 1 yesterday?", "different matter: who came today?"]
    assert taken(turns, {"cameras": ["Dock 1"], "time": "today"}) == {"time": "today"}


def test_what_is_no_call_and_what_was_not_said_stays() -> None:
    last = passage("and both?")
    reading = read(last.text, last.mentions, earlier=[passage("Dock 1?"), passage("Lobby?")])
    ask = Step("ask", missing=("cameras",))
    assert taken_over(ask, reading, "cameras", "") == ask
    other = Step("act", tool="t", args={"cameras": ["Yard"]})
    assert taken_over(other, reading, "cameras", "time") == other
    none = Step("act", tool="t", args={})
    assert taken_over(none, reading, "", "") == none
