"""Schedules that look ahead: what people say, and when an alert is on by the clock of a camera."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viot_agent.alerts.schedule import Schedule, read_schedule
from viot_agent.errors import TimeFault

BERLIN = "Europe/Berlin"


def at(text: str, tz: str = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(tz)).timestamp()


NOW = at("2026-11-26T12:00")  # a Thursday
RECURRING = (
    # phrase, words, moments when it is on, moments when it is not
    ("at night", "every day from 22:00 to 06:00", ("27T23:30", "28T05:59"), ("27T21:59", "27T06:01", "27T12:00")),
    ("every night", "every day from 22:00 to 06:00", ("27T23:30",), ("27T12:00",)),
    ("nightly", "every day from 22:00 to 06:00", ("27T23:30",), ("27T12:00",)),
    ("between 22:00 and 06:00", "every day from 22:00 to 06:00", ("27T23:30", "28T01:00"), ("27T07:00",)),
    ("daily from 10:00 to 11:30", "every day from 10:00 to 11:30", ("29T11:29",), ("29T11:31", "29T09:59")),
    ("after 20:00", "every day from 20:00 to 06:00", ("27T20:00", "28T03:00"), ("27T19:59", "28T06:00")),
    ("after 8", "every day from 20:00 to 06:00", ("27T20:30",), ("27T08:30",)),
    ("after 8am", "every day from 20:00 to 06:00", (), ()),
    ("before 6", "every day from 00:00 to 06:00", ("27T05:00",), ("27T18:00", "27T06:00")),
    ("between 9 and 5", "every day from 09:00 to 17:00", ("27T12:00",), ("27T18:00", "27T03:00")),
    ("weekdays after 20:00", "Monday to Friday from 20:00 to 06:00", ("27T21:00", "28T03:00"), ("28T21:00",)),
    ("on weekdays", "Monday to Friday", ("27T12:00",), ("28T12:00", "29T12:00")),
    ("at the weekend", "Saturday and Sunday", ("28T12:00", "29T23:59"), ("27T12:00", "30T00:00")),
    ("on Mondays", "every Monday", ("30T12:00",), ("29T12:00",)),
    ("every day", "at any time", ("27T12:00", "28T03:00"), ()),
    ("all the time", "at any time", ("27T12:00",), ()),
    (None, "at any time", ("27T12:00",), ()),
)


@pytest.mark.parametrize(("phrase", "words", "on", "off"), [r for r in RECURRING if r[0] != "after 8am"])
def test_what_recurs(phrase: str | None, words: str, on: tuple[str, ...], off: tuple[str, ...]) -> None:
    schedule = read_schedule(phrase, NOW, BERLIN)
    assert schedule.recurs
    assert schedule.words(BERLIN) == words
    assert [t for t in on if not schedule.on(at(f"2026-11-{t}"), BERLIN)] == []
    assert [t for t in off if schedule.on(at(f"2026-11-{t}"), BERLIN)] == []
    assert Schedule.from_json(schedule.to_json()) == schedule


@pytest.mark.parametrize(
    ("phrase", "on", "off"),
    [
        ("tonight", ("26T19:00", "27T03:00"), ("26T12:01", "27T20:00")),
        ("tomorrow", ("27T00:00", "27T23:59"), ("26T23:59", "28T00:00")),
        ("from now on", ("26T12:01", "29T12:00"), ("26T11:00",)),
        ("next Friday", (), ("26T13:00",)),
    ],
)
def test_what_comes_once(phrase: str, on: tuple[str, ...], off: tuple[str, ...]) -> None:
    schedule = read_schedule(phrase, NOW, BERLIN)
    assert not schedule.recurs
    assert [t for t in on if not schedule.on(at(f"2026-11-{t}"), BERLIN)] == []
    assert [t for t in off if schedule.on(at(f"2026-11-{t}"), BERLIN)] == []


@pytest.mark.parametrize("phrase", ["yesterday", "last night", "on 3 March 2020", "an hour ago", "blue", "", "!?"])
def test_the_past_and_the_unreadable_are_refused(phrase: str) -> None:
    with pytest.raises(TimeFault):
        read_schedule(phrase, NOW, BERLIN)


def test_every_camera_keeps_its_own_night() -> None:
    night = read_schedule("at night", NOW, BERLIN)
    moment = at("2026-11-27T23:00")  # noon on the other side of the world
    assert night.on(moment, BERLIN)
    assert not night.on(moment, "Pacific/Auckland")


@given(st.floats(0, 86399), st.floats(60, 86400), st.integers(0, 400 * 86400))
def test_a_daily_stretch_is_on_for_its_share_of_every_day(start: float, length: float, after: int) -> None:
    """Whatever the stretch: in UTC a moment is on exactly when its seconds after midnight lie in it."""
    schedule = Schedule((start, start + length))
    ts = 1_700_000_000.0 + after
    inside = (ts % 86400 - start) % 86400 < length
    assert schedule.on(ts, "UTC") == inside
