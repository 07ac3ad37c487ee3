"""What a later goal of a request shares with an earlier one of the same request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from viot_agent.fleet.mentions import find_mentions
from viot_agent.fleet.types import Camera
from viot_agent.llm.mini.menu import Call, Step
from viot_agent.llm.mini.units import read
from viot_agent.llm.mini.within import with_its_own

FLEET = [Camera(i, n, f"{i}.mp4", (), "UTC", 0.0) for i, n in enumerate(("Dock 1", "Dock 2", "Lobby"))]


def done(text: str, before: tuple[str, dict[str, Any]], tool: str, args: dict[str, Any]) -> dict[str, Any]:
    reading = read(text, find_mentions(text, FLEET, []))
    history = [Call(before[0], before[1], "found")]
    return with_its_own(Step("act", tool=tool, args=args), reading, history, "time", "cameras").args


@pytest.mark.parametrize(
    ("text", "first", "tool", "args", "time"),
    [
        ("fire on Dock 1 today? then count Dock 1", "fire", "count", {"cameras": ["Dock 1"]}, "today"),
        ("count Dock 1 today; if quiet, check Dock 2 too", "count", "count", {"cameras": ["Dock 2"]}, "today"),
        ("fire on Dock 1 today? plates on Dock 2", "fire", "plates", {"cameras": ["Dock 2"]}, None),
        ("fire on Dock 1 today? count Dock 1 tonight", "fire", "count", {"cameras": ["Dock 1"]}, None),
        ("fire on Dock 1 right now? then count Dock 1", "fire", "count", {"cameras": ["Dock 1"]}, None),
        ("fire on Dock 1 today? has Tom ever been on Dock 1", "fire", "count", {"cameras": ["Dock 1"]}, None),
        ("fire on Dock 1 today? how many are on it live", "fire", "count", {"cameras": ["Dock 1"]}, None),
        ("fire on Dock 1 today? then an alert on Dock 1", "fire", "create_alert", {"cameras": ["Dock 1"]}, None),
    ],
)
def test_the_only_time(text: str, first: str, tool: str, args: dict[str, Any], time: str | None) -> None:
    said = "right now" if "right now" in text else "today"
    assert done(text, (first, {"cameras": ["Dock 1"], "time": said}), tool, args).get("time") == time


@pytest.mark.parametrize(
    ("text", "cameras"),
    [
        ("plates on Dock 1? and the van of my picture, has it been there?", ["Dock 1"]),
        ("plates on Dock 1? and the van of my picture, is there any trace", None),
        ("plates on Dock 1? and the van, has it been there or anywhere?", None),
        ("plates on Dock 1? and the van of my picture", None),
        ("plates on Dock 1? it has been there, find it on all the cameras", None),
        ("plates on Dock 1? has it been there or on any other camera?", None),
    ],
)
def test_there(text: str, cameras: list[str] | None) -> None:
    assert done(text, ("plates", {"cameras": ["Dock 1"]}), "vehicle", {"vehicle": "image-1"}).get("cameras") == cameras


def test_a_tool_that_takes_no_cameras_shares_none() -> None:
    reading = read(
        "fire on Dock 1 today? list the notes", find_mentions("fire on Dock 1 today? list the notes", FLEET, [])
    )
    history = [Call("fire", {"cameras": ["Dock 1"], "time": "today"}, "found")]
    assert with_its_own(Step("act", tool="notes", args={}), reading, history, "time", "").args == {}


def test_what_was_said_stays_and_the_first_goal_has_nothing_to_take() -> None:
    own = {"cameras": ["Dock 2"], "time": "yesterday"}
    assert (
        done("fire on Dock 1 today? count Dock 2", ("fire", {"cameras": ["Dock 1"], "time": "today"}), "count", own)
        == own
    )
    reading = read("count Dock 1 today", find_mentions("count Dock 1 today", FLEET, []))
    assert with_its_own(Step("act", tool="count", args={}), reading, [], "time", "cameras").args == {}


@pytest.mark.parametrize(
    ("text", "stretch"),
    [
        ("If Ada came to Dock 1 this evening, cut me 19:10 to 19:15 of it", "19:10 to 19:15"),
        ("fire on Dock 1 this evening? I need from 19:10 to 19:15 kept", "from 19:10 to 19:15"),
        ("fire on Dock 1 this evening? save it", None),
        ("fire on Dock 1 this evening or on Dock 2 from 19:10 to 19:15? save Dock 1", None),
        ("fire on Dock 1 this evening? save it, else an alarm there from 19:10 to 19:15", None),
        ("fire on Dock 1 this evening? from 8 to 9 or from 9 to 10, a clip", None),
    ],
)
def test_a_clip_of_its_own_stretch(text: str, stretch: str | None) -> None:
    args = {"cameras": ["Dock 1"], "time": "this evening"}
    step = Step("act", plan=("export_clip",), tool="export_clip", args=args)
    reading = read(text, find_mentions(text, FLEET, []))
    made = with_its_own(step, reading, [Call("fire", dict(args), "found")], "time", "cameras")
    assert made.args["time"] == (stretch or "this evening")
    taken = [Call("fire", dict(args), "found"), Call("count", {"time": stretch}, "found")]
    assert with_its_own(step, reading, taken, "time", "cameras").args["time"] == "this evening"
    busy = replace(step, plan=("export_clip", "crowd_counting"))
    assert with_its_own(busy, reading, [Call("fire", dict(args), "found")], "time", "cameras") == busy
