"""Calls that look at the camera where an earlier call found something."""

from __future__ import annotations

from dataclasses import replace

import pytest

from viot_agent.bench.cards import cards
from viot_agent.fleet.mentions import find_mentions
from viot_agent.fleet.types import Camera, Person
from viot_agent.llm.mini.found import LONGEST, all_looked_for, cameras_of, points_back, when_found
from viot_agent.llm.mini.menu import Call, Step
from viot_agent.llm.mini.model import MiniChat, _Past
from viot_agent.llm.mini.outlook import Outlook
from viot_agent.llm.mini.units import read
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


NOON = 1_795_863_600.0  # 12:00:00 in Berlin, 28 November 2026
ZONES = dict.fromkeys(NAMES, "Europe/Berlin")


def fire(*spans: tuple[str, float, float], verdict: str = "found") -> Observation:
    rows = [{"camera": c, "start": NOON + a, "end": NOON + b} for c, a, b in spans]
    return replace(seen("Fire was seen.", "Dock 1", verdict=verdict), data={"events": rows})


@pytest.mark.parametrize(
    ("spans", "cameras", "time"),
    [
        ([("Lobby", 0, 6.2)], ("Lobby",), "from 11:59:55 to 12:00:12 on 28 November 2026"),
        ([("Lobby", 0, 0)], ("Lobby",), "from 11:59:55 to 12:00:05 on 28 November 2026"),
        ([("Lobby", 60, 70), ("Dock 1", 0, 9)], ("Lobby", "Dock 1"), "from 11:59:55 to 12:01:15 on 28 November 2026"),
        (
            [("Lobby", 43_195, 43_205)],
            ("Lobby",),
            "from 23:59:50 on 28 November 2026 to 00:00:10 on 29 November 2026",
        ),
        ([("Lobby", 0, 6), ("Lobby", LONGEST, LONGEST + 6)], (), ""),
    ],
)
def test_the_time_around_what_was_found(
    spans: list[tuple[str, float, float]], cameras: tuple[str, ...], time: str
) -> None:
    assert when_found(fire(*spans), ZONES) == (cameras, time)


def test_there_is_no_time_where_nothing_was_found_or_clocks_differ() -> None:
    one, two = ("Lobby", 0.0, 6.0), ("Dock 1", 0.0, 6.0)
    assert when_found(None, ZONES) == ((), "")
    assert when_found(fire(one, verdict="none"), ZONES) == ((), "")
    assert when_found(seen("Found."), ZONES) == ((), "")
    assert when_found(fire(one), {}) == ((), "")
    assert when_found(fire(one, two), {**ZONES, "Dock 1": "Asia/Tokyo"}) == ((), "")
    by_evidence = replace(seen("Seen.", "Lobby"), data={"appearances": [{"camera": "Lobby"}]})
    assert when_found(by_evidence, ZONES) == (("Lobby",), "from 00:59:55 to 01:00:06 on 1 January 1970")


ASKS = Step("ask", missing=("time",))
PLAIN = read("if there is a fire send me the clip")
FLEET = [Camera(i, n, "", ("Docks",) if "Dock" in n else (), "Europe/Berlin", None) for i, n in enumerate(NAMES)]


def looked(rest: tuple[str, ...], waiting: tuple[int, ...] = (), observed: Observation | None = None) -> _Past:
    call = Call("fire_smoke_detection", {}, "found", rest, waiting)
    return _Past(call, "", "", {}, observed or fire(("Lobby", 0, 6)))


def test_a_clip_is_of_what_was_found() -> None:
    """The rest of the plan is kept, with what still waits in it."""
    chat = MiniChat(toolbox=Toolbox(cards().values()))
    args = {"cameras": ["Lobby"], "time": "from 11:59:55 to 12:00:11 on 28 November 2026"}
    cut = Step("act", plan=("export_clip",), tool="export_clip", args=args)
    both = replace(cut, plan=("export_clip", "face_redaction"))
    assert chat._when_found(ASKS, PLAIN, [looked(("export_clip",), (0,))], Outlook(True), ZONES) == cut
    past = looked(("export_clip", "face_redaction"), (0, 1))
    assert chat._when_found(ASKS, PLAIN, [past], Outlook(True), ZONES) == replace(both, open=(1,))
    past = looked(("create_alert", "export_clip"), (0, 1))
    assert chat._when_found(ASKS, PLAIN, [past], Outlook(True, frozenset(("create_alert",))), ZONES) == cut


def test_a_time_is_still_asked_for_where_no_finding_has_it() -> None:
    chat = MiniChat(toolbox=Toolbox(cards().values()))
    due = looked(("export_clip",))
    assert chat._when_found(ASKS, PLAIN, [], Outlook(), ZONES) is ASKS
    assert chat._when_found(ASKS, PLAIN, [looked(())], Outlook(), ZONES) is ASKS
    assert chat._when_found(ASKS, PLAIN, [looked(("create_alert",))], Outlook(), ZONES) is ASKS
    assert (
        chat._when_found(ASKS, PLAIN, [looked(("export_clip",), (), seen("No.", verdict="none"))], Outlook(), ZONES)
        is ASKS
    )
    assert chat._when_found(ASKS, PLAIN, [due], Outlook(True, frozenset(("export_clip",))), ZONES) is ASKS
    other = Step("ask", missing=("person",))
    assert chat._when_found(other, PLAIN, [due], Outlook(), ZONES) is other


@pytest.mark.parametrize(
    ("text", "cuts"),
    [
        ("fire in the Lobby? and send me the clip", True),
        ("fire in the Lobby? and send me the clip of Dock 1", False),
        ("if there was a fire on Dock 1 or the Lobby, the clip of Dock 1", False),
        ("fire anywhere? the clip", True),
        ("was Ada Byron seen? a clip, if there was a fire in the Lobby", False),
        ("fire in the Docks? a clip of it", False),
    ],
)
def test_a_clip_is_of_what_was_asked_for(text: str, cuts: bool) -> None:
    """Nothing is cut of a camera where nothing was found, nor before everybody was looked for."""
    chat = MiniChat(toolbox=Toolbox(cards().values()))
    reading = read(text, find_mentions(text, FLEET, [Person(1, "Ada Byron", "", 1)]))
    step = chat._when_found(ASKS, reading, [looked(("export_clip",))], Outlook(), ZONES)
    assert (step.kind == "act") is cuts


def test_what_was_looked_for_is_what_calls_say() -> None:
    text = "was Ada Byron on the Docks? a clip of it"
    reading = read(text, find_mentions(text, FLEET, [Person(1, "Ada Byron", "", 1)]))
    call = Call("face_recognition", {"person": "Ada Byron", "cameras": ["Docks"]}, "found", ("export_clip",))
    assert all_looked_for(reading, [call], ("Dock 1",))
    assert not all_looked_for(reading, [replace(call, args={"cameras": ["Docks"]})], ("Dock 1",))
    assert not all_looked_for(reading, [], ("Dock 1",))


@pytest.mark.parametrize("rows", [[1, 2], ["gate"], [{"camera": "Lobby", "start": None, "end": "noon"}], [None]])
def test_data_of_another_form_is_passed_over(rows: list[object]) -> None:
    """An outside tool may call anything its events: the evidence tells when."""
    assert when_found(replace(seen("Seen.", "Lobby"), data={"events": rows}), ZONES)[0] == ("Lobby",)
