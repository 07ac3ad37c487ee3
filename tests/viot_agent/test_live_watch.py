"""Watching from the stream to the rows, with real files, a real library and analyzers that need no model."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from viot_agent.alerts.engine import Alerts
from viot_agent.alerts.events import Watched
from viot_agent.alerts.types import Firing, Looking, Sighting
from viot_agent.errors import BusyFault, DiskFault, UserFault
from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera
from viot_agent.library.fake_analyzer import FakeLooks, FakeThings, moving_square
from viot_agent.library.records import MediaRow, RunRows, SegmentSpan
from viot_agent.library.rows import Analyzer
from viot_agent.library.schema import media as media_table
from viot_agent.library.store import Library
from viot_agent.live import ring as rings
from viot_agent.live.camera import Clock
from viot_agent.live.health import read_health
from viot_agent.live.ladder import GIVE_UP
from viot_agent.live.loop import LoopStream
from viot_agent.live.recorder import Mp4Recorder
from viot_agent.live.start import index_recordings
from viot_agent.live.stream import LiveStream, Packet, StreamEnded, StreamInfo
from viot_agent.live.watch import FROZEN, TOO_BUSY, Looked, Settings, Watch
from viot_agent.media.readers import open_media
from viot_agent.weights import Weights

FPS = 5


@pytest.fixture(scope="module")
def film(media: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 s of the moving square, a key frame every two seconds."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return square(media, path)


def square(media: ModuleType, path: Path, n: int = 200, gop: int = 10, still: bool = False) -> Path:
    """Coded with one quantiser all the time, as an encoder does whose rate control has come to rest."""

    def picture(i: int) -> Any:
        return np.ascontiguousarray(moving_square(0.0 if still else i / FPS))

    made: Path = media.write(
        path,
        range(n),
        fps=FPS,
        gop=gop,
        options={"preset": "ultrafast", "tune": "zerolatency", "qp": "20"},
        picture=picture,
    )
    return made


@dataclass
class World:
    """A library with one live camera, and what was heard."""

    library: Library
    source: str
    looked: list[Looked] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stored: int = 0

    @property
    def home(self) -> Path:
        return self.library.home

    @property
    def camera(self) -> Camera:
        return self.library.cameras()[0]

    def watch(self, analyzers: Sequence[Analyzer], files: int, *, pace: float = 20.0, **more: Any) -> Watch:
        """Until ``files`` were looked at, or not."""
        stop = threading.Event()

        def heard(looked: Looked) -> None:
            self.looked.append(looked)
            if len(self.looked) >= files:
                stop.set()

        def stored() -> None:
            self.stored += 1

        def open_stream(source: str) -> LiveStream:
            return LoopStream(source, pace=pace)

        settings = more.pop("settings", Settings(segment=10.0, backlog=50))
        watch = Watch(
            self.library,
            self.home,
            self.library.cameras(),
            analyzers,
            open_reader=open_media,
            open_stream=more.pop("open_stream", open_stream),
            settings=settings,
            stored=more.pop("stored", stored),
            looked=heard,
            note=lambda camera, words: self.notes.append(words),
            workers=1,
            **more,
        )
        watch.run(stop)
        return watch


@pytest.fixture
def world(tmp_path: Path, film: Path) -> Iterator[World]:
    with Library.open(tmp_path / "home") as library:
        library.add_camera("gate", f"loop://{film}")
        yield World(library, f"loop://{film}")


def test_what_is_seen_live_is_what_indexing_the_film_would_find(world: World) -> None:
    world.watch([FakeThings(), FakeLooks()], 4)
    library, rows = world.library, world.library.media_rows("gate")
    assert [r.start_origin for r in rows] == ["stream"] * len(rows)
    assert all(r.path.is_file() and r.path.parent == rings.folder(world.home, 1) / "ring" for r in rows)
    [span] = library.spans("gate")
    assert span == (pytest.approx(rows[0].start_ts), pytest.approx(rows[-1].start_ts + rows[-1].duration, abs=0.05))
    cover = library.coverage("looks", ["gate"], *span)
    assert (cover.fraction, cover.sampled_fps, cover.gaps) == (1.0, 5.0, ())
    tracks = library.tracks("person", None, span[0], span[0] + 40)
    # as in the test of indexing the same film: away from 30 to 40 s, one thing before
    assert [round(t.start - span[0], 1) for t in tracks] == [0.0, 10.0, 20.0]
    assert len({t.chain for t in tracks}) == 1
    assert [round(t.end - span[0], 1) for t in tracks] == [9.8, 19.8, 29.8]
    assert len(library.counts("person", None, *span)) == round(5 * (span[1] - span[0]))
    [piece] = library.footage("gate", span[0] + 12, span[0] + 13)
    assert piece.media == rows[1].path and piece.offset == pytest.approx(2.0)
    assert world.stored == len(rows)
    assert all(one.frames == 50 for one in world.looked[:4])
    health = read_health(world.home, 1)
    assert health is not None
    assert (health.state, health.skipped, health.codec, health.width) == ("stopped", 0, "h264", 64)
    assert health.frames >= 200 and health.lag is not None


@dataclass
class Squares:
    """A matcher of ``person`` that sees every stored track."""

    kinds: tuple[str, ...] = ("person",)
    needs: tuple[str, ...] = ("things",)

    def look(self, watched: Watched, looking: Looking) -> Sequence[Sighting]:
        tracks = looking.library.tracks("person", [looking.camera], looking.start, looking.end)
        return [Sighting(f"person#{t.chain}", looking.camera, t.start, t.end, "A person was seen") for t in tracks]


def test_alerts_look_after_each_segment_and_fire_once_a_thing(world: World) -> None:
    alerts = Alerts(world.library, Fleet(world.library), Weights(world.home, None, "builtin"), [Squares()])
    alerts.add("person", cooldown=0.0)
    fired: list[Firing] = []
    world.watch([FakeThings()], 4, stored=lambda: fired.extend(alerts.scan()))
    chains = {t.chain for t in world.library.tracks("person", None, None, None)}
    assert [f.sighting.key for f in fired] == [f"person#{c}" for c in sorted(chains)]
    first = world.library.media_rows("gate")[0]
    assert fired[0].sighting.start == pytest.approx(first.start_ts)


def test_an_alert_that_cannot_be_kept_does_not_store_a_segment_twice(world: World) -> None:
    broken = [DiskFault("The disk is full.", fix="free it")]

    def stored() -> None:
        if broken:
            raise broken.pop()

    soon = Clock(wait=lambda stop, seconds: stop.wait(0.01))
    world.watch([FakeThings()], 2, stored=stored, clock=soon)
    assert broken == []
    rows = world.library.media_rows("gate")
    assert len({r.path for r in rows}) == len(rows)
    tracks = world.library.tracks("person", None, None, None)
    assert [t.id for t in tracks] == list(range(1, len(tracks) + 1)), "no row was made, removed and made again"


def test_again_goes_on_and_doubles_nothing(world: World) -> None:
    world.watch([FakeThings()], 2)
    first = world.library.media_rows("gate")
    world.looked.clear()
    world.watch([FakeThings()], 2)
    rows = world.library.media_rows("gate")
    assert rows[: len(first)] == first
    assert len(rows) > len(first)
    ends = [(r.start_ts, r.start_ts + r.duration) for r in rows]
    assert all(b[0] >= a[1] - 0.05 for a, b in pairwise(ends))


def test_two_watchers_on_one_camera(world: World) -> None:
    with (
        rings.watching(world.home, world.camera.id, "gate"),
        pytest.raises(BusyFault, match=r"Another process.* is watching gate"),
    ):
        world.watch([FakeThings()], 1)
    assert world.looked == []
    with rings.watching(world.home, world.camera.id, "gate"), pytest.raises(BusyFault):
        index_recordings(world.library, world.camera, [FakeThings()], open_reader=open_media)


def test_no_camera_is_live(world: World) -> None:
    with pytest.raises(UserFault, match="no camera is live"):
        Watch(world.library, world.home, [], [FakeThings()], open_reader=open_media)


@pytest.mark.parametrize(
    "bad",
    [
        {"segment": 0.1},
        {"segment": 1000.0},
        {"keep": 10.0},
        {"keep_bytes": 10.0},
        {"keep_bytes": math.nan},
        {"sample_fps": 0.0},
    ],
)
def test_settings_that_make_no_sense(bad: dict[str, float]) -> None:
    with pytest.raises(UserFault):
        Settings(**bad)  # type: ignore[arg-type]


def problems(library: Library) -> list[str]:
    with library.db.read() as connection:
        return list(connection.execute(media_table.select().with_only_columns(media_table.c.problem)).scalars())


def test_overload_gives_up_steps_then_files_and_says_both(world: World, media: ModuleType, tmp_path: Path) -> None:
    """Looking takes longer than the footage at full rate and at half of it; only the last step keeps up."""
    slow, quick = FakeThings(name=GIVE_UP[0], delay=0.5), FakeThings(name="objects", model="quick")
    path = square(media, tmp_path / "short.mp4", 50, gop=5)
    world.library.remove_camera("gate")
    world.library.add_camera("gate", f"loop://{path}")
    watch = world.watch([slow, quick], 6, pace=1.0, settings=Settings(segment=1.0, backlog=1, patience=1.0))
    assert max(one.step for one in world.looked) == 2
    assert "overload: step 1: 2.5 frames a second" in world.notes
    assert f"overload: step 2: 2.5 frames a second; off: {GIVE_UP[0]}" in world.notes
    health = watch.health["gate"]
    assert health.skipped == problems(world.library).count(TOO_BUSY) > 0
    [camera] = world.library.cameras()
    objects, things = (world.library.coverage(n, ["gate"], None, None) for n in ("objects", GIVE_UP[0]))
    assert 0 < things.fraction < objects.fraction < 1
    assert objects.sampled_fps == 2.5
    # what was given up can be made good when nobody watches
    report = index_recordings(world.library, camera, [quick], open_reader=open_media)
    assert report.segments >= health.skipped
    again = world.library.coverage("objects", ["gate"], None, None)
    assert (again.fraction, again.sampled_fps) == (pytest.approx(1.0, abs=0.02), 5.0)


def test_a_frozen_picture_is_no_evidence_that_nobody_was_there(world: World, media: ModuleType, tmp_path: Path) -> None:
    path = square(media, tmp_path / "frozen.mp4", 100, still=True)
    world.library.remove_camera("gate")
    world.library.add_camera("gate", f"loop://{path}")
    stored: list[str] = []
    ended = threading.Event()
    watch = Watch(
        world.library,
        world.home,
        world.library.cameras(),
        [FakeThings()],
        open_reader=open_media,
        open_stream=lambda source: LoopStream(source, pace=40.0),
        settings=Settings(segment=4.0, backlog=50),
        stored=lambda: stored.append("one"),
        workers=1,
    )

    def until_frozen() -> None:
        while not ended.wait(0.05):
            if watch.health["gate"].skipped >= 2:
                ended.set()

    looking = threading.Thread(target=until_frozen)
    looking.start()
    watch.run(ended)
    looking.join()
    assert watch.health["gate"].skipped >= 2
    assert problems(world.library).count(FROZEN) >= 2
    assert 5 <= len(stored) <= 7, "looked at until it had stood still for 20 s"
    assert world.library.coverage("things", ["gate"], None, None).fraction < 1


class Full(Library):
    """Its disk is full twice."""

    faults = 2

    def write_segment(self, row: MediaRow, span: SegmentSpan, found: Sequence[RunRows]) -> None:
        if self.faults:
            self.faults -= 1
            raise DiskFault("The disk is full.", fix="free it")
        super().write_segment(row, span, found)


def test_a_full_disk_in_the_library_is_waited_out(tmp_path: Path, film: Path) -> None:
    with Full.open(tmp_path / "home") as library:
        library.add_camera("gate", f"loop://{film}")
        world = World(library, f"loop://{film}")
        soon = Clock(wait=lambda stop, seconds: stop.wait(0.01))
        world.watch([FakeThings()], 3, clock=soon)
        assert any("The disk is full" in words for words in world.notes)
        assert library.coverage("things", ["gate"], None, None).fraction == 1.0
        assert len({r.path for r in library.media_rows("gate")}) == len(library.media_rows("gate"))


class Scribbler(Mp4Recorder):
    """Writes noise in place of the pictures of the second file."""

    made = 0

    def __init__(self, path: Path, info: StreamInfo) -> None:
        super().__init__(path, info)
        type(self).made += 1
        self.noisy = self.made == 2

    def write(self, packet: Packet, t: float, shown: float) -> None:
        if self.noisy:
            packet = Packet(packet.dts, packet.pts, packet.key, b"\x00\x00\x00\x08" + b"\xa5" * 8)
        super().write(packet, t, shown)


def test_a_file_of_garbage_is_said_and_passed_over(world: World) -> None:
    world.watch([FakeThings()], 3, open_recorder=Scribbler)
    assert any(("mp4" in words and "read" in words) or "decode" in words for words in world.notes), world.notes
    cover = world.library.coverage("things", ["gate"], None, None)
    assert any(8 < b - a < 12 for _, a, b in cover.gaps)


KILLED = textwrap.dedent("""
    import sys, threading
    from pathlib import Path
    from viot_agent.library.fake_analyzer import FakeThings
    from viot_agent.library.store import Library
    from viot_agent.live.loop import LoopStream
    from viot_agent.live.watch import Settings, Watch
    from viot_agent.media.readers import open_media

    with Library.open(Path(sys.argv[1])) as library:
        Watch(
            library, library.home, library.cameras(), [FakeThings(delay=0.01)], open_reader=open_media,
            open_stream=lambda source: LoopStream(source, pace=20.0), settings=Settings(segment=10.0, backlog=50),
            looked=lambda looked: print(looked.item.path.name, flush=True), workers=1,
        ).run(threading.Event())
""")


def test_a_killed_watch_loses_nothing_that_was_recorded_and_doubles_nothing(world: World) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(world.home)], stdout=subprocess.PIPE, text=True, env={**os.environ}
    )
    assert process.stdout is not None
    before = [process.stdout.readline().strip() for _ in range(3)]
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    recorded = sorted(p.name for p in (rings.folder(world.home, 1) / "ring").glob("*.mp4"))
    assert len(before) == len(set(before)) == 3, "each is looked at once"
    assert set(before) <= set(recorded)
    left = len(recorded) - len(world.library.media_rows("gate"))
    world.watch([FakeThings()], 3 + left, pace=8.0)
    # on a busy machine the watch had no time for what was left
    index_recordings(world.library, world.camera, [FakeThings()], open_reader=open_media)
    rows = world.library.media_rows("gate")
    assert [r.path.name for r in rows] == sorted({r.path.name for r in rows})
    assert set(recorded) <= {r.path.name for r in rows}
    assert world.library.coverage("things", ["gate"], None, None).fraction == pytest.approx(1.0, abs=1e-6)
    spans = [(r.start_ts, r.start_ts + r.duration) for r in rows]
    assert all(b[0] >= a[1] - 0.05 for a, b in pairwise(spans))
    assert not (rings.folder(world.home, 1) / "ring" / rings.PART).exists()


def test_retention_takes_files_and_leaves_rows(world: World) -> None:
    watch = world.watch([FakeThings()], 4, settings=Settings(segment=4.0, backlog=50, keep_bytes=1e6))
    assert watch.health["gate"].bytes <= 1e6
    ring = rings.Ring(rings.folder(world.home, 1) / "ring", 1e9, 1e9)
    ring.make_room(1.0)
    assert ring.files() == []
    assert world.library.coverage("things", ["gate"], None, None).fraction == 1.0


def test_what_happens_after_the_clock_was_set_back_is_told_too(world: World) -> None:
    stop = threading.Event()
    walls = iter(range(2_000_000_000, 0, -100))

    def away(source: str) -> LiveStream:
        away.n += 1  # type: ignore[attr-defined]
        if away.n > 3:  # type: ignore[attr-defined]
            stop.set()
        raise StreamEnded(f"away {away.n}")  # type: ignore[attr-defined]

    away.n = 0  # type: ignore[attr-defined]
    clock = Clock(wall=lambda: float(next(walls)), wait=lambda stop, seconds: stop.is_set())
    Watch(
        world.library,
        world.home,
        world.library.cameras(),
        [FakeThings()],
        open_reader=open_media,
        open_stream=away,
        note=lambda camera, words: world.notes.append(words),
        clock=clock,
    ).run(stop)
    assert world.notes == ["away 1", "away 2", "away 3", "away 4"]
