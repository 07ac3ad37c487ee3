"""What a follow-up that names no camera takes over from earlier turns."""

from __future__ import annotations

from typing import Any

import pytest

from viot_agent.fleet.mentions import find_mentions
from viot_agent.fleet.types import Camera, Person
from viot_agent.llm.mini.earlier import taken_over, the_person
from viot_agent.llm.mini.menu import Step
from viot_agent.llm.mini.units import Passage, read

FACES = "face_recognition"
PEOPLE = [Person(0, "Ana Lund", "", 1), Person(1, "Bo Diaz", "", 1)]
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
        (["smoke on Dock 1?", "now check it for the whole museum"], ["Dock 1"], None),
        (["Dock 1, Lobby, Yard: fire?", "drop the third. since noon"], ["Dock 1"], ["Dock 1", "Lobby"]),
        (["Dock 1, Lobby, Yard: fire?", "only the third then"], ["Dock 1"], ["Yard"]),
        (["queue at Dock 1?", "and over at the Lobby", "back to the first one"], ["Lobby"], ["Dock 1"]),
        (["Dock 1 and the Lobby?", "the second camera alone"], ["Dock 1", "Lobby"], ["Lobby"]),
        (["Dock 1 or Dock 2, which is fuller?", "add the Yard to that"], ["Yard"], ["Dock 1", "Dock 2", "Yard"]),
        (["smoke on Dock 1?", "how was the Yard"], ["Yard"], ["Yard"]),
        (["people on Dock 1?", "add the Lobby to that", "drop the Lobby"], ["Lobby"], ["Dock 1"]),
        (["people on Dock 1?", "drop Dock 1"], ["Dock 1"], ["Dock 1"]),
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


def picked(turns: list[str], person: str) -> str:
    *before, last = (Passage(t, tuple(find_mentions(t, FLEET, PEOPLE))) for t in turns)
    reading = read(last.text, last.mentions, earlier=before)
    return str(the_person(Step("act", tool="t", args={"person": person}), reading, "person").args["person"])


def test_one_of_two_people_is_picked() -> None:
    both = "when were Ana Lund and Bo Diaz at Dock 1?"
    assert picked([both, "only the latter, until noon"], "Ana Lund") == "Bo Diaz"
    assert picked([both, "just the first please"], "Bo Diaz") == "Ana Lund"
    assert picked([both, "and at the second dock?"], "Ana Lund") == "Ana Lund"
    assert picked([both, "only Ana Lund, not the latter"], "Ana Lund") == "Ana Lund"


@pytest.mark.parametrize(
    ("turns", "wanted"),
    [
        (["was Bo Diaz on Dock 1?", "was he on Dock 2 too?"], Step("act", tool=FACES, args={"person": "Bo Diaz"})),
        (["was Ana Lund there", "Bo Diaz?", "where was he"], Step("act", tool=FACES, args={"person": "Bo Diaz"})),
        (["was Ana Lund with Bo Diaz", "where did she go"], Step("act", tool=FACES)),
        (["was Bo Diaz on Dock 1?", "is he the guard? list all faces"], Step("act", tool=FACES)),
        (["who was on Dock 1?", "was he on Dock 2 too?"], Step("ask", missing=("person",))),
        (["was Bo Diaz on Dock 1?", "who was he with on Dock 2?"], Step("act", tool=FACES)),
        (["was Bo Diaz on Dock 1?", "any strangers on Dock 2?"], Step("act", tool=FACES)),
    ],
)
def test_he_is_whoever_was_named_last(turns: list[str], wanted: Step) -> None:
    *before, last = (Passage(t, tuple(find_mentions(t, FLEET, PEOPLE))) for t in turns)
    assert the_person(Step("act", tool=FACES), read(last.text, last.mentions, earlier=before), "person") == wanted


@pytest.mark.parametrize(
    ("turns", "time"),
    [
        (["people on Dock 1 yesterday?", "and the Yard?"], "yesterday"),
        (["people on Dock 1 yesterday?", "on Friday too", "and the Yard?"], "Friday"),
        (["people on Dock 1 yesterday?", "the Yard, any time"], None),
        (["people on Dock 1 yesterday?", "the Yard today"], None),
        (["people on Dock 1 yesterday?", "any time", "and the Yard?"], None),
        (["people on Dock 1 yesterday?", "how many people in the Yard?"], None),
        (["people on Dock 1 yesterday?", "was anybody in the Yard too?"], "yesterday"),
        (["people on Dock 1 right now?", "and the Yard?"], None),
        (["people on Dock 1 yesterday?", "now something else, how full is the Yard with all its lorries"], None),
    ],
)
def test_a_short_follow_up_keeps_the_time(turns: list[str], time: str | None) -> None:
    assert taken(turns, {"cameras": ["Yard"]}).get("time") == time


@pytest.mark.parametrize(
    ("turns", "cameras"),
    [
        (["fire on Dock 1 or the Lobby?", "who was there"], ["Dock 1", "Lobby"]),
        (
            ["fire on Dock 1?", "this is her picture, look on those cameras again for the whole of last week"],
            ["Dock 1"],
        ),
        (["fire on Dock 1?", "and where is she now"], None),
        (["fire on Dock 1?", "no, everywhere", "same for him"], None),
        (["fire on Dock 1?", "is there a way to see what all of us did in the last few days"], None),
    ],
)
def test_a_follow_up_that_points_back_keeps_the_cameras(turns: list[str], cameras: list[str] | None) -> None:
    assert taken(turns, {"person": "Ana"}).get("cameras") == cameras


def test_an_alert_takes_no_time_over() -> None:
    *before, last = map(passage, ["who was on Dock 1 yesterday?", "alert me there"])
    reading = read(last.text, last.mentions, earlier=before)
    step = Step("act", tool="create_alert", args={"event": "person", "cameras": ["Dock 1"]})
    assert taken_over(step, reading, "cameras", "time") == step


def test_any_time_takes_the_time_back() -> None:
    turns = ["people on Dock 1 yesterday?", "any time"]
    assert taken(turns, {"cameras": ["Dock 1"], "time": "yesterday"}) == {"cameras": ["Dock 1"]}
    turns = ["people on Dock 1 yesterday?", "the Yard"]
    assert taken(turns, {"cameras": ["Yard"], "time": "yesterday"})["time"] == "yesterday"


@pytest.mark.parametrize(
    ("turns", "time"),
    [
        (["was 12 AB 34 on Dock 1 yesterday?", "today, rather", "which ones were read at all?"], "today"),
        (["people on Dock 1 yesterday?", "and today?", "and both times on the Yard"], "yesterday"),
        (["people on Dock 1 yesterday?", "on the Yard today?", "who was on Dock 1"], "yesterday"),
        (["people on Dock 1 yesterday or today?", "and faces?"], "yesterday"),
        (["people on Dock 1 yesterday?", "and today?", "back to the earlier day: faces"], "yesterday"),
    ],
)
def test_the_time_that_was_said_last_counts(turns: list[str], time: str) -> None:
    assert taken(turns, {"cameras": ["Dock 1"], "time": "yesterday"})["time"] == time
