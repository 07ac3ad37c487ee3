"""One live camera over scripted streams: what is recorded, when it is said to have been, and what is said of faults."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import pytest

from viot_agent.errors import BackendFault, DiskFault
from viot_agent.live.backlog import Recorded
from viot_agent.live.camera import DISK_PAUSE, GARBLED, NO_KEY, LiveCamera
from viot_agent.live.fake import START, Event, FakeClock, FakeRecorder, FakeStream, FakeStreams, film
from viot_agent.live.health import Health
from viot_agent.live.ring import Ring
from viot_agent.live.stamps import Stamps
from viot_agent.live.stream import Garbled, LiveStream, Packet, StreamEnded, StreamInfo

Connection = Iterable[Event] | LiveStream | StreamEnded


@dataclass
class World:
    """A camera of 10 s files, its clock and everything that came of it."""

    root: Path
    keep: float = 1e9
    clock: FakeClock = field(default_factory=FakeClock)
    stamps: Stamps = field(default_factory=Stamps)
    health: Health = field(default_factory=lambda: Health("gate"))
    done: list[Recorded] = field(default_factory=list)
    fails: Callable[[], BackendFault | None] = lambda: None
    during: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def watch(self, *connections: Connection) -> World:
        stop = threading.Event()
        self.ring = Ring(self.root, self.keep, 1e9)
        streams = FakeStreams(
            [c if isinstance(c, StreamEnded | FakeStream) else FakeStream(c, self.clock) for c in connections], stop
        )
        LiveCamera(
            "gate",
            "rtsp://gate/1",
            self.ring,
            self.health,
            self.done.append,
            open_stream=streams,
            open_recorder=lambda path, info: FakeRecorder(path, info, self.fails),
            stamps=self.stamps,
            segment=10.0,
            clock=self.clock.clock(),
        ).run(stop)
        return self

    @property
    def spans(self) -> list[tuple[float, float]]:
        """Of the files, seconds from the start."""
        return [(round(r.start - START, 3), round(r.end - START, 3)) for r in self.done]

    def notes(self) -> str:
        return "; ".join(words for _, words in self.health.notes)

    def state(self) -> None:
        """In a script: what the state is now."""
        self.during.append(self.health.state)
        self.problems.append(self.health.problem)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "ring")


def test_a_stream_becomes_files_that_begin_with_key_frames_and_touch(world: World) -> None:
    world.watch([*film(34.0), world.state])
    assert world.during == ["live"]
    assert world.spans == [(0.2, 10.2), (10.2, 20.2), (20.2, 30.2), (30.2, 34.2)]
    assert [r.path.read_text().split()[0] for r in world.done] == ["0.000", "10.000", "20.000", "30.000"]
    assert sorted(p.name for p in world.root.iterdir()) == [r.path.name for r in world.done]
    h = world.health
    assert (h.frames, h.dropped, h.files, h.connects, h.state) == (170, 0, 4, 1, "stopped")
    assert h.fps == pytest.approx(5.0)
    assert h.last_frame == pytest.approx(START + 34)


def test_nothing_is_recorded_before_the_first_key_frame(world: World) -> None:
    world.watch([e if not (isinstance(e, Packet) and e.dts == 0) else replace(e, key=False) for e in film(12.0)])
    assert world.done[0].path.read_text().split()[0] == "2.000"


def test_a_server_that_is_gone_for_a_while_leaves_a_gap(world: World) -> None:
    gone = [StreamEnded("no answer in time")] * 4
    world.watch(film(12.0), *gone, [world.state, *film(12.0, at=700.0)])
    assert len(world.clock.waits) >= 5
    assert [0.5 * 2**i <= w <= 1.5 * 2**i for i, w in enumerate(world.clock.waits[:5])] == [True] * 5
    away = sum(world.clock.waits[:5])
    assert world.spans[:2] == [(0.2, 10.2), (10.2, 12.2)]
    assert world.spans[2][0] == pytest.approx(12.2 + away, abs=0.01)
    assert (world.health.connects, world.health.reconnects) == (2, 6)
    assert "no answer in time" in world.notes()


def test_after_a_good_connection_the_first_pause_is_short_again(world: World) -> None:
    world.watch(*[StreamEnded("refused")] * 6, film(12.0), film(1.0))
    assert max(world.clock.waits) > 20
    assert world.clock.waits[6] <= 1.5


def test_garbage_is_counted_and_much_of_it_ends_the_connection(world: World) -> None:
    bad = Garbled("damaged packet")
    good = list(film(4.0))
    world.watch([*good[:10], bad, bad, *good[10:], *[bad] * (GARBLED + 1), *film(4.0, at=4.0)], film(2.0))
    h = world.health
    assert (h.garbled, h.connects) == (GARBLED + 3, 2)
    assert "times in a row" in world.notes()
    assert world.spans[0] == (0.2, 4.2)


def test_dropped_pictures_are_counted(world: World) -> None:
    kept = [e for e in film(20.0) if not (isinstance(e, Packet) and e.dts is not None and 5.9 < e.dts < 7.1)]
    world.watch(kept)
    assert world.health.dropped == 6
    assert world.spans == [(0.2, 10.2), (10.2, 20.2)]


def test_another_picture_is_opened_anew_at_once(world: World) -> None:
    small, large = StreamInfo("h264", 64, 36), StreamInfo("h264", 128, 72)

    def with_config(events: Iterable[Event], config: bytes) -> list[Event]:
        return [replace(e, config=config) if isinstance(e, Packet) and e.key else e for e in events]

    script = [*with_config(film(6.0), b"a"), *with_config(film(6.0, at=6.0), b"b")]
    world.watch(FakeStream(script, world.clock, small), FakeStream(with_config(film(5.0), b"b"), world.clock, large))
    assert world.clock.waits[:1] != [] and world.health.connects == 2
    assert (world.health.width, world.health.height) == (128, 72)
    assert "changed its picture" in world.notes() and "128x72 now" in world.notes()
    assert world.spans[0] == (0.2, 6.2)
    assert world.spans[1][0] == pytest.approx(6.4), "no pause before the second connection"


@pytest.mark.parametrize(
    ("seconds", "stream", "gap"),
    [(3600.0, False, 3600.0), (-3600.0, False, 0.0), (-9.0, True, 0.0), (86400.0, True, 0.0)],
)
def test_a_clock_that_jumps_begins_a_new_stretch_and_never_goes_back(
    world: World, seconds: float, stream: bool, gap: float
) -> None:
    def jump() -> None:
        if not stream:
            world.clock.posix += seconds

    world.watch([*film(15.0), jump, *film(15.0, at=15.0 + (seconds if stream else 0.0))])
    spans = world.spans
    assert [s[0] for s in spans] == sorted(s[0] for s in spans)
    assert all(b[0] >= a[1] - 1e-6 for a, b in pairwise(spans)), "no time twice"
    assert spans[:2] == [(0.2, 10.2), (10.2, 15.2)]
    assert spans[2][0] - spans[1][1] == pytest.approx(gap, abs=0.01)
    whose = "the stream's clock" if stream else "this machine's clock"
    assert f"{whose} jumped {'back' if seconds < 0 else 'forward'}" in world.notes()
    assert world.health.ahead == pytest.approx(3600 if seconds == -3600 else 0, abs=0.5)


def test_footage_goes_on_after_what_the_library_holds_already(world: World) -> None:
    world.stamps.latest = START + 500.0
    world.watch(film(12.0))
    assert world.spans == [(500.0, 510.0), (510.0, 512.0)]
    assert "ends 500 s ahead of this machine's clock" in world.notes()


def test_a_full_disk_takes_the_oldest_files_and_is_tried_again(world: World) -> None:
    left = [4]

    def fails() -> BackendFault | None:
        now = world.clock.counter
        if 25 < now < 40 and left[0]:
            left[0] -= 1
            return DiskFault("The disk is full: nothing was recorded.", fix="free the disk")
        return None

    world.fails = fails
    states = [e for t in film(70.0) for e in (t, world.state)]
    world.watch(states)
    assert "disk full" in world.during and world.during[-1] == "live"
    assert "disk is full" in world.notes() and "file(s) were taken away" in world.notes()
    assert world.problems[-1] == "" and world.health.unrecorded >= 2 * 5 * (DISK_PAUSE - 1)
    assert not world.done[0].path.exists(), "the oldest went"
    assert world.spans[-1][1] == pytest.approx(70.2)
    assert all(b[0] >= a[1] - 1e-6 for a, b in pairwise(world.spans))
    assert not world.ring.part.exists()


def test_a_folder_that_cannot_be_written_is_said_and_nothing_is_deleted(world: World) -> None:
    world.fails = lambda: BackendFault("cannot be recorded: permission denied") if world.clock.counter > 25 else None
    world.watch([*film(60.0), world.state])
    assert "permission denied" in world.problems[-1]
    assert len(world.done) == 2 and all(r.path.exists() for r in world.done)


def test_a_stream_without_times_is_timed_by_arrival(world: World) -> None:
    script = [replace(e, dts=None, pts=None) if isinstance(e, Packet) else e for e in film(12.0)]
    world.watch(FakeStream(script, world.clock, StreamInfo("mjpeg", 64, 36, "arrival")))
    assert world.spans == [(0.2, 10.2), (10.2, 12.2)]


def test_the_first_packet_may_have_no_time(world: World) -> None:
    """As RTSP's: it is the key frame, and is recorded all the same."""
    world.watch([replace(e, dts=None, pts=None) if isinstance(e, Packet) and e.dts == 0 else e for e in film(12.0)])
    assert world.done[0].path.read_text().split()[:2] == ["0.160", "0.200"]
    assert (world.health.frames, "jumped" in world.notes()) == (60, False)


def test_a_stream_without_key_frames_is_given_up(world: World) -> None:
    world.watch([replace(e, key=False) if isinstance(e, Packet) else e for e in film(NO_KEY + 5)])
    assert "no key frame" in world.notes()
    assert world.done == []


def test_whoever_looks_says_that_the_picture_is_frozen(world: World) -> None:
    stop = threading.Event()
    camera = LiveCamera(
        "gate",
        "x",
        Ring(world.root, 1e9, 1e9),
        world.health,
        world.done.append,
        open_stream=FakeStreams([FakeStream([*film(3.0), world.state], world.clock)], stop),
        open_recorder=FakeRecorder,
        stamps=Stamps(),
        segment=10.0,
        clock=world.clock.clock(),
    )
    camera.frozen = True
    camera.run(stop)
    assert world.during == ["frozen"]


def test_recordings_grow_old_while_their_camera_is_away(world: World) -> None:
    world.keep = 100.0
    world.watch(film(12.0), *[StreamEnded("no answer in time")] * 8)
    assert world.clock.posix > START + 200
    assert len(world.done) == 2
    assert (world.ring.files(), world.health.bytes) == ([], 0)
