"""Whom a redaction leaves visible."""

from __future__ import annotations

import pytest

from viot_agent.fleet.mentions import find_mentions
from viot_agent.fleet.types import Camera, Person
from viot_agent.llm.mini.hiding import sparing, when_to_hide
from viot_agent.llm.mini.menu import Step
from viot_agent.llm.mini.units import read

FLEET = [Camera(i, n, f"{i}.mp4", (), "UTC", 0.0) for i, n in enumerate(("Dock 1", "Dock 2", "Lobby"))]
PEOPLE = [Person(1, "Ada Byron", "", 1), Person(2, "Tom Reed", "", 1)]


@pytest.mark.parametrize(
    ("text", "keep"),
    [
        ("Blur everyone else in video-1, Ada Byron stays", "Ada Byron"),
        ("if Ada Byron is in it, hide the others and send it", "Ada Byron"),
        ("pixelate all the other faces, not Ada Byron's", "Ada Byron"),
        ("Ada Byron and Tom Reed; blur the others", None),
        ("blur the others", None),
        ("was Ada Byron there? blur everyone", None),
        ("blur everyone else but Ada Byron. No, blur everybody", None),
        ("blur Ada Byron like the others", None),
        ("blur everyone else, only Zoe Quux stays", None),
        ("anonymise everyone else than the woman next to Ada Byron", None),
        ("hide everyone else, and Ada Byron too", None),
    ],
)
def test_a_redaction_of_the_others_spares_the_one_who_is_named(text: str, keep: str | None) -> None:
    reading = read(text, find_mentions(text, FLEET, PEOPLE))
    step = Step("act", tool="face_redaction", args={"media": "video-1"})
    assert sparing(step, reading, "keep").args.get("keep") == keep


def test_nothing_else_is_spared_and_nobody_twice() -> None:
    text = "Blur everyone else in video-1, Ada Byron stays"
    reading = read(text, find_mentions(text, FLEET, PEOPLE))
    for step in (
        Step("act", tool="privacy_cloak", args={"media": "video-1"}),
        Step("act", tool="face_redaction", args={"media": "video-1", "keep": "image-1"}),
    ):
        assert sparing(step, reading, "keep") is step
    step = Step("act", tool="face_redaction", args={"media": "video-1"})
    assert sparing(step, reading, "") is step


@pytest.mark.parametrize(
    "text",
    [
        "Lobby yesterday. Ada Byron objects to being shown. blur her. blur the others.",
        "Export the Lobby today. Ada Byron asked to be removed from it, so blur her, everyone else already agreed.",
        "cut the Lobby clip of yesterday with Ada Byron blurred, everyone else can stay",
        "in the Lobby yesterday hide everyone including Ada Byron",
        "Lobby yesterday, blur everybody. Even Ada Byron.",
        "Lobby yesterday, blur everyone, Ada Byron not excepted",
        "Lobby yesterday: blur Ada Byron like everyone else",
        "yesterday, Lobby: blur the others. Do not spare Ada Byron.",
        "blur everyone else in the Lobby yesterday, and Ada Byron too",
        "hide the others, and Ada Byron as well, Lobby yesterday 20:00",
        "blur the others in the Lobby yesterday. Also blur Ada Byron.",
        "who was in the Lobby? blur everyone else and Ada Byron in the clip of yesterday",
    ],
)
def test_who_is_hidden_too_is_not_kept(text: str) -> None:
    """Whatever the nets wrote."""
    reading = read(text, find_mentions(text, FLEET, PEOPLE))
    for args in ({"media": "clip-1", "keep": "Ada Byron"}, {"media": "clip-1"}):
        assert sparing(Step("act", tool="face_redaction", args=args), reading, "keep").args == {"media": "clip-1"}


@pytest.mark.parametrize(
    "text",
    [
        "blur everyone but Ada Byron in video-1",
        "everyone but Ada Byron blurred, please",
        "blur Ada Byron? no, blur everyone except Ada Byron",
        "do not blur Ada Byron, hide the others",
        "hide the rest, Ada Byron stays",
        "Lobby from 8 to 9 with Ada Byron's face left visible and the rest blurred",
        "blur him. Oh no: blur everybody else! He's Ada Byron.",
        "blur the others and also keep Ada Byron visible",
    ],
)
def test_who_is_meant_to_be_seen_stays(text: str) -> None:
    reading = read(text, find_mentions(text, FLEET, PEOPLE))
    step = Step("act", tool="face_redaction", args={"media": "clip-1", "keep": "Ada Byron"})
    assert sparing(step, reading, "keep") is step


NO_TOOL, ATTACH, WHEN = Step("finish", "out_of_scope"), Step("ask", missing=("media",)), Step("ask", missing=("time",))


@pytest.mark.parametrize("step", [NO_TOOL, ATTACH])
@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Blur everybody else in the Lobby. Keep Ada Byron and Tom Reed visible.", True),
        ("hide the faces on Dock 1", True),
        ("blur Ada Byron in the Lobby", True),
        ("blur everyone in the Lobby from 8 to 9", False),
        ("blur everyone in the picture of the Lobby", False),
        ("blur the plates in the Lobby", False),
        ("blur everyone", False),
        ("do not blur him in the Lobby", False),
    ],
)
def test_a_time_is_what_hiding_on_a_camera_lacks(step: Step, text: str, asks: bool) -> None:
    reading = read(text, find_mentions(text, FLEET, PEOPLE))
    assert when_to_hide(step, reading) == (WHEN if asks else step)


def test_other_steps_lack_no_time() -> None:
    reading = read("hide the faces on Dock 1", find_mentions("hide the faces on Dock 1", FLEET, []))
    for step in (Step("act", tool="export_clip"), Step("ask", missing=("person",)), Step("finish", "done")):
        assert when_to_hide(step, reading) is step
