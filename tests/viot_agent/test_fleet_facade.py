"""Fleet over a fake library: scope, windows on the camera's clock, descriptions."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from viot_agent.errors import NameFault, PolicyRefusal, TimeFault
from viot_agent.fleet import Camera, Fleet, Person, Window
from viot_agent.library.fake import FakeLibrary, Looked
from viot_agent.library.rows import Footage

NOW = datetime(2026, 11, 23, 15, 20, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
GATE, DOCK, LOBBY = (
    Camera(1, "gate 1", "g.mp4", ("outside",), "Europe/Berlin", NOW - 600),
    Camera(2, "dock", "d.mp4", ("outside", "yard"), "Asia/Tokyo", None),
    Camera(3, "lobby", "l.mp4", (), "UTC", None),
)


@pytest.fixture
def fleet() -> Fleet:
    return Fleet(
        FakeLibrary(
            [GATE, DOCK, LOBBY],
            [Person(1, "Lin-Manuel Miranda", "written consent", 2)],
            footage=[Footage("gate 1", Path("g.mp4"), 0.0, NOW - 600, NOW - 540)],
            looked=[Looked("faces", "m", "gate 1", NOW - 600, NOW - 540)],
        )
    )


def test_cameras_and_scope(fleet: Fleet) -> None:
    assert fleet.resolve_cameras(None) == [GATE, DOCK, LOBBY]
    assert fleet.resolve_cameras(["outside"]) == [GATE, DOCK]
    assert fleet.resolve_cameras(["outside"], scope=frozenset({"dock"})) == [DOCK]
    assert fleet.resolve_cameras(None, scope={"dock", "lobby"}) == [DOCK, LOBBY]
    with pytest.raises(PolicyRefusal, match="gate 1"):
        fleet.resolve_cameras(["gate 1"], scope={"dock"})
    with pytest.raises(PolicyRefusal):
        fleet.resolve_cameras(None, scope=())


def test_faults_name_only_what_the_scope_shows(fleet: Fleet) -> None:
    with pytest.raises(NameFault) as caught:
        fleet.resolve_cameras(["gate 2"])
    assert caught.value.nearest == ("gate 1",)
    with pytest.raises(NameFault) as caught:
        fleet.resolve_cameras(["gate 2"], scope={"dock"})
    assert "gate 1" not in caught.value.nearest


def test_no_camera_yet() -> None:
    with pytest.raises(NameFault, match="no camera yet"):
        Fleet(FakeLibrary()).resolve_cameras(None)


def test_person(fleet: Fleet) -> None:
    assert fleet.resolve_person("miranda").name == "Lin-Manuel Miranda"
    with pytest.raises(NameFault):
        fleet.resolve_person("Obama")


def test_windows_are_on_the_camera_clock(fleet: Fleet) -> None:
    assert fleet.window(None, GATE, NOW) == Window(None, None)
    here, there = fleet.window("since midnight", GATE, NOW), fleet.window("since midnight", DOCK, NOW)
    assert here.start == datetime(2026, 11, 23, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    assert there.start == datetime(2026, 11, 23, tzinfo=ZoneInfo("Asia/Tokyo")).timestamp()
    assert fleet.window("first 10 seconds", GATE, NOW) == Window(NOW - 600, NOW - 590, "first 10 seconds")
    with pytest.raises(TimeFault, match="nothing is indexed"):
        fleet.window("first 10 seconds", DOCK, NOW)


def test_words(fleet: Fleet) -> None:
    assert fleet.local(NOW + 12, GATE) == "15:20:12 on 23 November 2026"
    assert fleet.local(NOW, DOCK) == "23:20:00 on 23 November 2026"
    states = fleet.describe()
    assert [s.state for s in states] == ["indexed", "not indexed", "not indexed"]
    assert states[0].sentence() == (
        "gate 1 (group outside): indexed from 15:10:00 on 23 November 2026 to 15:11:00 on 23 November 2026, "
        "60 s of footage"
    )
    assert states[1].sentence() == "dock (groups outside, yard): not indexed yet"
    assert [s.camera.name for s in fleet.describe(scope={"dock"})] == ["dock"]


def test_mentions(fleet: Fleet) -> None:
    found = fleet.mentions("is this man at the dock since midnight?", ["image-1"])
    assert [(m.kind, m.target) for m in found] == [
        ("upload", "image-1"),
        ("camera", "dock"),
        ("time", "since midnight"),
    ]
