"""Calls that look at the camera where an earlier call found something."""

from __future__ import annotations

from dataclasses import replace

import pytest

from viot_agent.bench.cards import cards
from viot_agent.llm.mini.found import cameras_of, points_back
from viot_agent.llm.mini.menu import Call, Step
from viot_agent.llm.mini.model import MiniChat, _Past
from viot_agent.steps import Evidence, Observation
from viot_agent.toolbox import Toolbox

NAMES = ("Dock 1", "Dock 1 North", "Lobby")


@pytest.mark.parametrize(
    ("asked", "points"),
    [
        ("which camera saw Nadia? how many people are on that one now?", True),
        ("find the van, then list every face on that same camera", True),
        ("which cam had him? alert me to any person on exactly that cam", True),
        ("count the people wherever he turned up", True),
        ("set an alert for smoke on the camera where KX-4821 was read", True),
        ("people on the camera where Eileen Collins was last seen", True),
        ("is that the camera you mean? count people everywhere", False),
        ("was he seen on Dock 1, and how many people were in the lobby?", False),
        ("how many people are there now?", False),
        ("Where was Eileen Collins seen? How many people came in all?", False),
    ],
)
def test_words_that_point_back(asked: str, points: bool) -> None:
    assert points_back(asked) is points


def seen(summary: str, *cameras: str, verdict: str = "found", status: str = "ok") -> Observation:
    proof = tuple(Evidence(f"e{i}", c, 0, 1, "face_recognition", "m", "1") for i, c in enumerate(cameras))
    return Observation("call-1", "face_recognition", status, summary, verdict, evidence=proof)  # type: ignore[arg-type]


def test_it_is_where_something_was_found() -> None:
    assert cameras_of({}, seen("Seen twice.", "Lobby", "Dock 1", "Lobby"), NAMES) == ("Lobby", "Dock 1")
    assert cameras_of({}, seen("Nadia was seen on dock 1 north at 10:02."), NAMES) == ("Dock 1 North",)
    assert cameras_of({}, seen("Seen on Docklands."), NAMES) == ()
    assert cameras_of({"cameras": ["Dock 1", "Lobby"]}, seen("On Lobby at 9."), NAMES) == ("Lobby",)
    assert cameras_of({"cameras": ["Dock 1"]}, None, NAMES) == ("Dock 1",)


def test_who_may_have_been_somewhere_was_not_found_there() -> None:
    told = replace(
        seen("Seen; may be too.", "Lobby", "Dock 1"), data={"appearances": [{"who": "A", "camera": "Lobby"}]}
    )
    assert cameras_of({}, told, NAMES) == ("Lobby",)


def test_nothing_found_points_nowhere() -> None:
    assert cameras_of({}, None, NAMES) == ()
    assert cameras_of({}, seen("Not seen on Lobby.", verdict="none"), NAMES) == ()
    assert cameras_of({}, seen("Lobby is not indexed.", verdict="cannot_tell"), NAMES) == ()
    assert cameras_of({}, seen("Lobby is down.", status="failed"), NAMES) == ()
    assert cameras_of({}, seen("Seen on Lobby."), ()) == ()


@pytest.mark.parametrize(
    ("status", "cameras", "wanted"),
    [
        ("found", ("Lobby",), Step("act", tool="create_alert", args={"event": "fire", "cameras": ["Lobby"]})),
        ("none", (), Step("finish", "done")),
        ("cannot_tell", (), Step("finish", "done")),
        ("failed", (), Step("finish", "done")),
        ("found", (), Step("act", tool="create_alert", args={"event": "fire"})),
    ],
)
def test_no_alert_goes_everywhere_for_a_camera_that_is_not_known(
    status: str, cameras: tuple[str, ...], wanted: Step
) -> None:
    chat = MiniChat(toolbox=Toolbox(cards().values()))
    verdict = status if status != "failed" else "cannot_tell"
    past = _Past(
        Call("plate_recognition", {"plate": "KX 4821"}, status), "", "", {}, seen("", *cameras, verdict=verdict)
    )
    step = Step("act", tool="create_alert", args={"event": "fire"})
    assert chat._where_found(step, "alert me to fire on the camera where KX 4821 was read", [past], NAMES) == wanted
    assert chat._where_found(step, "alert me to fire everywhere", [past], NAMES) == step
