"""By what recordings grow old when the clock of the machine is set wrong, and when it is set right."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from viot_agent.library.fake_analyzer import FakeThings
from viot_agent.library.store import Library
from viot_agent.live import ring as rings
from viot_agent.live.age import BOUND, HOLD, HOLD_START, Age
from viot_agent.live.camera import LiveCamera
from viot_agent.live.fake import START, Event, FakeClock, FakeRecorder, FakeStream, FakeStreams, film
from viot_agent.live.health import Health, read_health, write_health
from viot_agent.live.ring import Ring
from viot_agent.live.stamps import Stamps
from viot_agent.live.watch import Settings, Watch
from viot_agent.media.readers import open_media

HOUR, DAY, YEAR = 3_600.0, 86_400.0, 365 * 86_400.0


def ask(age: Age, clock: FakeClock, seconds: float = 0.0, step: float = 60.0) -> tuple[float, list[str]]:
    """The estimate, seconds from the start, after so many seconds of asking, and all that was said."""
    said = []
    for _ in range(round(seconds / step)):
        clock.pass_(step)
        said.append(age.now(clock.posix, clock.counter)[1])
    now, words = age.now(clock.posix, clock.counter)
    return now - START, [w for w in [*said, words] if w]


@pytest.mark.parametrize("jump", [HOUR, DAY, YEAR])
@pytest.mark.parametrize(("keep", "need"), [(3 * DAY, HOLD), (DAY, DAY), (2 * HOUR, 2 * HOUR)])
def test_a_clock_set_forward_is_believed_after_a_stated_time(jump: float, keep: float, need: float) -> None:
    age, clock = Age(keep), FakeClock()
    assert ask(age, clock, 600) == (600.0, [])
    clock.posix += jump
    now, [words] = ask(age, clock, need - 60)
    assert now == 600 + need - 60, "time goes on by the counter"
    assert "ahead of what was known; nothing is taken away" in words
    assert age.ahead == jump
    now, [words] = ask(age, clock, 120)
    assert now == clock.posix - START
    assert "is believed now" in words
    assert ask(age, clock, 600) == (clock.posix - START, [])


def test_a_mistake_that_is_mended_leaves_nothing(tmp_path: Path) -> None:
    age, clock = Age(DAY), FakeClock()
    ask(age, clock)
    clock.posix += YEAR
    ask(age, clock, 5 * HOUR)
    clock.posix -= YEAR
    now, words = ask(age, clock, 60)
    assert (now, age.ahead, age.held) == (5 * HOUR + 60, 0.0, 0.0)
    assert words == ["this machine's clock is right again; recordings grow old by it"]


def test_a_clock_that_is_set_once_more_must_run_anew() -> None:
    age, clock = Age(DAY), FakeClock()
    ask(age, clock)
    clock.posix += DAY
    ask(age, clock, 20 * HOUR)
    clock.posix += DAY
    now, words = ask(age, clock, 20 * HOUR)
    assert (now, len(words)) == (40 * HOUR, 1)


@pytest.mark.parametrize("step", [BOUND, -BOUND, 1.0])
def test_small_corrections_are_followed(step: float) -> None:
    age, clock = Age(DAY), FakeClock()
    ask(age, clock)
    clock.posix += step
    assert ask(age, clock) == (step, [])


def test_set_back_time_goes_on_where_it_was_as_stamps_do() -> None:
    age, clock = Age(DAY), FakeClock()
    ask(age, clock)
    clock.posix -= DAY
    assert ask(age, clock, HOUR) == (HOUR, [])


def test_at_the_start_what_was_known_counts_for_an_hour() -> None:
    age, clock = Age(DAY, START - 3 * DAY), FakeClock()
    _, [words] = ask(age, clock)
    assert ask(age, clock, HOLD_START - 60) == (-3 * DAY + HOLD_START - 60, [])
    assert "3 days ahead of what was known, or nobody watched for as long" in words
    assert ask(age, clock, 60)[0] == HOLD_START
    # a restart in the middle of a day of doubt does not shorten it
    age = Age(DAY, START - 3 * DAY, held=10 * HOUR, need=HOLD)
    clock = FakeClock()
    ask(age, clock)
    assert ask(age, clock, 14 * HOUR - 60)[0] < -2 * DAY
    assert ask(age, clock, 60)[0] == 14 * HOUR


# on a camera ---------------------------------------------------------------------------------------------------------


def live(
    root: Path, clock: FakeClock, keep: float, script: list[Event], keep_bytes: float = 1e9
) -> tuple[Ring, Health]:
    ring, health, stop = Ring(root, keep, keep_bytes), Health("gate"), threading.Event()
    LiveCamera(
        "gate",
        "rtsp://gate/1",
        ring,
        health,
        lambda item: None,
        open_stream=FakeStreams([FakeStream(script, clock)], stop),
        open_recorder=FakeRecorder,
        stamps=Stamps(),
        segment=10.0,
        clock=clock.clock(),
    ).run(stop)
    return ring, health


@pytest.mark.parametrize("jump", [HOUR, DAY, YEAR])
def test_a_clock_set_forward_takes_no_recording_away(tmp_path: Path, jump: float) -> None:
    clock = FakeClock()

    def forward() -> None:
        clock.posix += jump

    ring, health = live(tmp_path, clock, 600.0, [*film(60.0), forward, *film(60.0, at=60.0)])
    starts = [k.start - START for k in ring.files()]
    assert len([s for s in starts if s < 60]) == 6, "all that was recorded before is there"
    assert len([s for s in starts if s > jump]) >= 5
    assert health.doubted == pytest.approx(jump, abs=1.0)
    assert any("nothing is taken away as too old" in words for _, words in health.notes)
    health.heartbeat, health.state = clock.posix, "live"
    assert "nothing is too old by it yet" in health.line(clock.posix)


def test_what_was_recorded_before_goes_at_its_true_age(tmp_path: Path) -> None:
    clock = FakeClock()

    def forward() -> None:
        clock.posix += YEAR

    ring, _ = live(tmp_path, clock, 100.0, [*film(60.0), forward, *film(80.0, at=60.0)])
    early = [k.start - START for k in ring.files() if k.start < START + HOUR]
    assert early and min(early) == pytest.approx(50.2, abs=0.1)


def test_size_is_a_limit_while_the_clock_is_doubted(tmp_path: Path) -> None:
    clock = FakeClock()

    def forward() -> None:
        clock.posix += YEAR

    ring, health = live(tmp_path, clock, 1e6, [*film(60.0), forward, *film(60.0, at=60.0)], keep_bytes=1000.0)
    assert health.doubted and ring.size <= 1000
    assert all(k.start > START + DAY for k in ring.files())


def test_a_watch_that_starts_after_the_clock_was_set_takes_nothing(tmp_path: Path) -> None:
    """By the health record of the one before; without one, by the newest recording."""
    with Library.open(tmp_path) as library:
        camera = library.add_camera("gate", "rtsp://gate/1")
        root = rings.folder(tmp_path, camera.id) / "ring"
        root.mkdir(parents=True)
        for i in range(5):
            (root / rings.name_of(START + 10 * i)).write_bytes(b"film")
        for record in (None, Health("gate", reckoned=START + 60.0)):
            if record is not None:
                write_health(tmp_path, camera.id, record)
            clock, stop = FakeClock(posix=START + YEAR), threading.Event()
            Watch(
                library,
                tmp_path,
                [camera],
                [FakeThings()],
                open_reader=open_media,
                open_stream=FakeStreams([], stop),
                settings=Settings(keep=DAY),
                clock=replace(clock.clock(), wait=lambda stop, seconds: True),
            ).run(stop)
            assert len(list(root.glob("*.mp4"))) == 5
            health = read_health(tmp_path, camera.id)
            assert health is not None and health.reckoned is not None and health.need == HOLD_START
            assert START <= health.reckoned < START + HOUR
