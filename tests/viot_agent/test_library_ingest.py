"""Ingest: each segment exactly once, whatever is killed, added, changed, broken or full."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import textwrap
import threading
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from viot_agent.errors import BackendFault, BusyFault, FailedFault, MediaFault, NameFault, UserFault
from viot_agent.fleet.types import Camera
from viot_agent.library import sources, started
from viot_agent.library.fake_analyzer import HEIGHT, WIDTH, FakeLooks, FakeThings, moving_square
from viot_agent.library.ingest import IngestReport, Progress, ingest
from viot_agent.library.motion import Gate, MotionGate
from viot_agent.library.plan import due, order, spans
from viot_agent.library.records import Fingerprint, MediaRow
from viot_agent.library.rows import Analyzer, CountRow, Rows, SegmentInfo, Shared
from viot_agent.library.schema import metadata
from viot_agent.library.store import Library
from viot_agent.media.types import Frame, Image, MediaInfo, Reader

START = 1_767_225_600.0


class Film:
    """A reader of an invented film: ``moving_square`` at 25 fps; breaks off with MediaFault at ``breaks`` seconds."""

    def __init__(
        self,
        path: Path,
        seconds: float,
        *,
        breaks: float | None = None,
        ends: float | None = None,
        started_at: float | None = None,
        paint: Callable[[float], Image] = moving_square,
    ) -> None:
        n = round(seconds * 25)
        self.info = MediaInfo(path, seconds, 25.0, n, WIDTH, HEIGHT, "fake", started_at=started_at)
        self.breaks, self.ends, self.paint = breaks, ends, paint
        self.asked: list[float] = []

    def read(self, times: Sequence[float]) -> Iterator[Frame]:
        for t in times:
            if self.breaks is not None and t >= self.breaks:
                raise MediaFault(f"{self.info.path} is damaged.")
            if self.ends is not None and t >= self.ends:
                return
            self.asked.append(t)
            index = min(round(t * 25), self.info.n_frames - 1)
            yield Frame(index, index / 25, self.paint(index / 25))


@dataclass
class World:
    """A library, a camera on one file, and what the readers were asked."""

    library: Library
    path: Path
    film: Callable[[Path], Film]
    place: Any = None

    def index(self, analyzers: Sequence[Analyzer], **more: Any) -> IngestReport:
        options = {"segment_seconds": 10.0, "sample_fps": 5.0, "open_reader": self.film, **more}
        return ingest(self.library, "cam", analyzers, **options)


@pytest.fixture
def world(slow_place: Any, tmp_path: Path) -> Iterator[World]:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"film")
    with slow_place.open(tmp_path / "home") as library:
        library.add_camera("cam", str(path), start=START)
        yield World(library, path, lambda p: Film(p, 65.0), slow_place)


def dump(library: Library, *, without: Sequence[str] = (), ids: bool = True) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table that ingest writes, without clock times; vectors by their numbers."""
    skip = {"seconds", "done_at", "created", "mtime", "made_by", "file_id", "first"}
    found = {}
    with library.db.read() as connection:
        for table in metadata.sorted_tables:
            if table.name in ("library_info", "vector_files", "vector_batches", *without):
                continue
            columns = [c for c in table.c if c.name not in skip and (ids or not c.name.endswith(("id", "chain")))]
            rows = connection.execute(table.select().with_only_columns(*columns)).all()
            found[table.name] = sorted(tuple(str(v) for v in r) for r in rows)
    for model in ("look", "look2"):
        hits = library.vectors(model, None, None, None)
        found[model] = [
            (h.track * ids, h.camera, h.ts, h.quality, h.vector.tobytes()) for h in hits if h.vector is not None
        ]
    return found


def test_a_whole_run(world: World) -> None:
    shown: list[Progress] = []
    report = world.index([FakeLooks(), FakeThings()], progress=shown.append)
    assert (report.camera, report.files, report.segments, report.done_before) == ("cam", 1, 7, 0)
    assert (report.frames, report.footage, report.problems, report.messages) == (325, 65.0, (), ())
    assert list(report.seconds) == ["decode", "motion", "things", "looks", "store"]
    assert all(s > 0 for s in report.seconds.values())
    assert max(report.seconds.values()) <= report.wall  # analyzers look side by side: the sum may be more
    assert report.fps > 0 and report.times_real_time > 0
    assert shown[-1].at == shown[-1].duration == 65.0
    assert (shown[-1].file, shown[-1].files, shown[-1].frames) == (1, 1, 325)
    assert shown[-1].fps > 0 and shown[-1].times_real_time > 0
    library = world.library
    assert library.spans("cam") == [(START, START + 65)]
    cover = library.coverage("looks", None, START + 5, START + 100)
    assert (cover.indexed_seconds, cover.fraction, cover.sampled_fps) == (60.0, 1.0, 5.0)
    assert cover.gaps == (("cam", START + 65, START + 100),)
    counts = library.counts("person", None, None, None)
    assert [c.ts - START for c in counts] == pytest.approx([k / 5 for k in range(325)])
    tracks = library.tracks("person", None, None, None)
    assert [t.start - START for t in tracks] == pytest.approx([0, 10, 20, 40, 50, 60])
    assert [t.end - START for t in tracks] == pytest.approx([9.8, 19.8, 29.8, 49.8, 59.8, 64.8])
    assert [t.chain for t in tracks] == [1, 1, 1, 4, 4, 4], "the square is away from 30 to 40 s"
    assert library.best_crop(2) == (b"jpeg at 10.000", START + 10)
    assert [p.text for p in library.plates(None, START + 40, None)] == ["SQ 040", "SQ 050", "SQ 060"]
    hits = library.vectors("look", None, None, None)
    assert {h.track for h in hits} == {t.id for t in tracks}
    assert len(hits) == 55
    assert len(library.events("square", None, None, None)) == 6


def test_again_does_nothing(world: World) -> None:
    world.index([FakeThings(), FakeLooks()])
    before = dump(world.library)

    def never(path: Path) -> Reader:
        raise AssertionError("nothing is due, so nothing is opened")

    report = world.index([FakeThings(), FakeLooks()], open_reader=never)
    assert (report.segments, report.done_before, report.frames) == (0, 7, 0)
    report = world.index([FakeThings()], open_reader=never, sample_fps=2.0, segment_seconds=3.0)
    assert (report.segments, report.done_before) == (0, 7), "a lower rate and another length find it done"
    assert dump(world.library) == before


def test_one_analyzer_more_adds_only_its_rows(world: World) -> None:
    """The one it needs looks again beside it, but its rows stay as they are."""
    world.index([FakeThings()])
    before = dump(world.library)
    report = world.index([FakeThings(), FakeLooks()])
    assert (report.segments, report.done_before, report.frames) == (7, 0, 325)
    after = dump(world.library)
    for table in before:
        if table not in ("segment_runs", "plates", "vector_batches", "look"):
            assert after[table] == before[table], table
    assert len(after["segment_runs"]) == 14
    at_once = dump_of_new(world, [FakeThings(), FakeLooks()])
    for table in ("plates", "look", "tracks", "counts"):
        assert [r[2:] for r in after[table]] == [r[2:] for r in at_once[table]], table
    assert [r[0] for r in after["look"]] == [r[0] for r in at_once["look"]], "on the same tracks"


def dump_of_new(world: World, analyzers: Sequence[Analyzer], **more: Any) -> dict[str, list[tuple[Any, ...]]]:
    """What an uninterrupted run into a new library gives."""
    with Library.open(world.library.home.parent / "new") as library:
        library.add_camera("cam", str(world.path), start=START)
        World(library, world.path, world.film).index(analyzers, **more)
        return dump(library)


CHANGES: dict[str, tuple[list[Analyzer], set[str], int]] = {
    # what runs the second time, whose runs are new, models of "things" afterwards
    "nothing": ([FakeThings(), FakeLooks()], set(), 1),
    "reader's version": ([FakeThings(), FakeLooks(version="2")], {"looks"}, 1),
    "reader's model version": ([FakeThings(), FakeLooks(model_version="2")], {"looks"}, 1),
    "reader's model": ([FakeThings(), FakeLooks(model="look2")], {"looks"}, 1),
    "finder's version": ([FakeThings(version="2"), FakeLooks()], {"things", "looks"}, 1),
    "finder's model version": ([FakeThings(model_version="2"), FakeLooks()], {"things", "looks"}, 1),
    "finder's model": ([FakeThings(model="other"), FakeLooks()], {"things", "looks"}, 2),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_indexes_again(world: World, name: str) -> None:
    again, new, models = CHANGES[name]
    world.index([FakeThings(), FakeLooks()])
    before = {r[0] for r in dump(world.library)["segment_runs"]}
    report = world.index(again)
    assert report.segments == (7 if new else 0)
    runs = dump(world.library)["segment_runs"]
    assert {r[2] for r in runs if r[0] not in before} == new
    assert len(world.library.models("things", None)) == models
    tracks = {t.id for t in world.library.tracks("person", None, None, None, model=again[0].model)}
    assert len(tracks) == 6
    hits = world.library.vectors(again[1].model, None, None, None)
    assert len(hits) == 55
    assert {h.track for h in hits} == tracks, "every embedding hangs on a track that is there"
    assert len(world.library.plates(None, None, None)) == (12 if again[1].model == "look2" else 6)


def test_a_higher_rate_replaces_and_stays(world: World) -> None:
    world.index([FakeThings()], sample_fps=2.0)
    assert world.index([FakeThings()], sample_fps=5.0).segments == 7
    assert len(world.library.counts("person", None, None, None)) == 325
    report = world.index([FakeThings(), FakeLooks()], sample_fps=1.0)
    assert report.frames == 325, "a new analyzer reads at the rate of the tracks it hangs on"
    assert len(world.library.counts("person", None, None, None)) == 325
    assert world.library.coverage("looks", None, None, None).sampled_fps == 5.0


def test_a_changed_file_replaces_its_rows(world: World) -> None:
    world.index([FakeThings(), FakeLooks()])
    os.utime(world.path, (1.0, 1.0))
    report = world.index([FakeThings(), FakeLooks()])
    assert (report.segments, report.messages) == (0, ()), "touched, not changed"
    world.path.write_bytes(b"fil")
    world.film = lambda p: Film(p, 25.0)
    report = world.index([FakeThings(), FakeLooks()])
    assert report.segments == 3
    assert "has changed since it was indexed" in report.messages[0]
    assert world.library.spans("cam") == [(START, START + 25)]
    assert len(world.library.vectors("look", None, None, None)) == 25
    assert world.library.footage("cam", START + 30, START + 60) == []


@pytest.mark.parametrize(
    ("film", "seen", "words"),
    [
        ({"breaks": 23.0}, 23.0, "is damaged. Read up to 23.0 s of 65.0 s."),
        ({"breaks": 20.0}, 20.0, "is damaged. Read up to 20.0 s"),
        ({"ends": 41.1}, 41.2, "ended before its time. Read up to 41.2 s"),
        ({"breaks": 0.0}, 0.0, "is damaged. Read up to 0.0 s"),
    ],
)
def test_a_file_that_breaks_off(world: World, film: dict[str, Any], seen: float, words: str) -> None:
    """What was read stays; the same file is not tried there again; a whole one in its place is read whole."""
    world.film = lambda p: Film(p, 65.0, **film)
    report = world.index([FakeThings()])
    [problem] = report.problems
    assert (problem.media, problem.t) == (world.path, pytest.approx(seen))
    assert words in problem.message
    assert world.library.spans("cam") == ([(START, pytest.approx(START + seen))] if seen else [])
    assert len(world.library.counts("person", None, None, None)) == round(seen * 5)
    before = dump(world.library)
    world.film = lambda p: Film(p, 65.0)
    again = world.index([FakeThings()])
    assert (again.segments, [p.message for p in again.problems]) == (0, [problem.message])
    assert dump(world.library) == before
    world.path.write_bytes(b"whole")
    whole = world.index([FakeThings()])
    assert (whole.segments, whole.problems) == (7, ())


def test_a_file_that_was_whole_before_stays_so(world: World) -> None:
    world.index([FakeThings()])
    world.film = lambda p: Film(p, 65.0, breaks=15.0)
    report = world.index([FakeThings(), FakeLooks()])
    assert [p.t for p in report.problems] == [15.0]
    assert world.library.spans("cam") == [(START, START + 65)]
    world.film = lambda p: Film(p, 65.0)
    report = world.index([FakeThings(), FakeLooks()])
    assert report.problems == ()
    assert len(world.library.tracks("person", None, None, None)) == 6


# folders and starts --------------------------------------------------------------------------------------------------


def test_a_folder(tmp_path: Path) -> None:
    """Sorted, videos only, each with its own start; a bad one is named and the others are read."""
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in ("b.mp4", "a.MKV", "bad.avi", "empty.mov", "notes.txt", ".hidden.mp4"):
        (folder / name).write_bytes(name.encode())
        os.utime(folder / name, (5000.0, 5000.0))
    (folder / "sub.mp4").mkdir()

    def film(path: Path) -> Film:
        if path.name == "bad.avi":
            raise MediaFault("bad.avi is no video.")
        if path.name == "empty.mov":
            return Film(path, 0.0)
        return Film(path, 12.0, started_at=START if path.name == "a.MKV" else None)

    with Library.open(tmp_path / "home") as library:
        library.add_camera("cam", str(folder), start=1.0)
        report = ingest(library, "CAM", [FakeThings()], open_reader=film, segment_seconds=10.0)
        assert (report.files, report.segments) == (4, 4)
        assert [(p.media.name, p.message) for p in report.problems] == [
            ("bad.avi", "bad.avi is no video."),
            ("empty.mov", f"The file {folder / 'empty.mov'} holds no frames."),
        ]
        assert "for a single file" in report.messages[0]
        rows = library.media_rows("cam")
        assert [(r.path.name, r.start_ts, r.start_origin) for r in rows] == [
            ("b.mp4", 4988.0, "mtime"),
            ("a.MKV", START, "container"),
        ]
        again = ingest(library, "cam", [FakeThings()], open_reader=film)
        assert (again.segments, len(again.problems)) == (0, 2)


NO_SOURCE: dict[str, tuple[str, type[UserFault], str]] = {
    "absent": ("nothing.mp4", MediaFault, "is not there"),
    "empty folder": (".", MediaFault, "holds no video files"),
    "stream": ("rtsp://camera/1", UserFault, "is a live stream"),
}


@pytest.mark.parametrize("name", NO_SOURCE)
def test_no_source(tmp_path: Path, name: str) -> None:
    source, kind, words = NO_SOURCE[name]
    (tmp_path / "void").mkdir()
    with Library.open(tmp_path / "home") as library:
        library.add_camera("cam", source if "://" in source else str(tmp_path / "void" / source))
        with pytest.raises(kind, match=words):
            ingest(library, "cam", [FakeThings()], open_reader=lambda p: Film(p, 1.0))
        with pytest.raises(NameFault, match="did you mean 'cam'"):
            ingest(library, "can", [FakeThings()], open_reader=lambda p: Film(p, 1.0))
        assert library.media_rows("cam") == []


def test_a_single_bad_file_raises(world: World) -> None:
    def bad(path: Path) -> Reader:
        raise MediaFault("film.mp4 is no video.")

    with pytest.raises(MediaFault, match="no video"):
        world.index([FakeThings()], open_reader=bad)
    assert world.library.media_rows("cam") == []


@pytest.mark.parametrize(
    ("start", "started_at", "single", "expected"),
    [
        (5.0, 7.0, True, (5.0, "camera")),
        (0.0, 7.0, True, (0.0, "camera")),
        (None, 7.0, True, (7.0, "container")),
        (None, None, True, (88.0, "mtime")),
        (5.0, 7.0, False, (7.0, "container")),
        (5.0, None, False, (88.0, "mtime")),
    ],
)
def test_began(start: float | None, started_at: float | None, single: bool, expected: tuple[float, str]) -> None:
    info = Film(Path("x"), 12.0, started_at=started_at).info
    assert started.began(Camera(1, "c", "x", (), "UTC", start), info, 100.0, single=single) == expected


MINUTE = 1_262_304_060.0
"""2010-01-01 00:01:00 UTC."""


@pytest.mark.parametrize(("start", "expected"), [(5.0, (5.0, "camera")), (None, (MINUTE, "name"))])
def test_a_name_comes_after_start_and_before_what_the_file_says(
    start: float | None, expected: tuple[float, str]
) -> None:
    info = Film(Path("/x/2010-01-01_00-01-00.mp4"), 12.0, started_at=7.0).info
    assert started.began(Camera(1, "c", "x", (), "UTC", start), info, 100.0, single=True) == expected
    assert started.began(Camera(1, "c", "x", (), "UTC", start), info, 100.0, single=False) == (MINUTE, "name")


NAMES = [
    ("2026-11-27_08-15-00.mp4", "America/New_York", "2026-11-27T08:15:00-05:00", ""),
    ("gate2-20261127081500.mkv", "Europe/Berlin", "2026-11-27T08:15:00+01:00", ""),
    ("CH01_20261127_081500_main.avi", "UTC", "2026-11-27T08:15:00+00:00", ""),
    ("rec 2026-11-27T08-15-00 (2).mp4", "Asia/Tokyo", "2026-11-27T08:15:00+09:00", ""),
    ("2026.11.27 08.15.00.mp4", "UTC", "2026-11-27T08:15:00+00:00", ""),
    ("North-Gate-20261127T131500Z-1.mp4", "America/New_York", "2026-11-27T13:15:00+00:00", ""),
    ("2026-11-27T08-15-00.000Z.mp4", "America/New_York", "2026-11-27T08:15:00+00:00", ""),
    ("2026-11-27T08-15-00-000Z.webm", "America/New_York", "2026-11-27T08:15:00+00:00", ""),
    ("2026-11-27_08-15-00 UTC.mp4", "America/New_York", "2026-11-27T08:15:00+00:00", ""),
    ("2026-11-27T08:15:00+0100.mp4", "America/New_York", "2026-11-27T08:15:00+01:00", ""),
    ("2026-11-27_08-15-00 (20261127081500).mp4", "UTC", "2026-11-27T08:15:00+00:00", ""),
    ("2026-11-27_08-15-00-0830.mp4", "UTC", "2026-11-27T08:15:00+00:00", ""),  # a running number
    ("2000-01-01_00-00-00.mp4", "UTC", "", "in its name is no time of a recording"),
    ("2026-07-01_08-15-00.mp4", "America/New_York", "2026-07-01T08:15:00-04:00", ""),
    ("gate.mp4", "UTC", "", ""),
    ("2026-11-27.mp4", "UTC", "", ""),
    ("0120261127081500.mp4", "UTC", "", ""),  # which of its digits are the time, nobody can say
    ("2026-11-27_08-1500.mp4", "UTC", "", ""),
    ("20261127081500_20261127082000.mp4", "UTC", "", "its name holds two times"),
    ("2026-02-30_08-15-00.mp4", "UTC", "", "2026-02-30 08:15:00 in its name is no time"),
    ("2026-11-27_25-15-00.mp4", "UTC", "", "2026-11-27 25:15:00 in its name is no time"),
    ("30261127081500.mp4", "UTC", "", "in its name is no time of a recording"),
    ("2026-03-29_02-30-00.mp4", "Europe/Berlin", "", "did not exist in Europe/Berlin: the clocks were set forward"),
    ("2026-10-25_02-30-00.mp4", "Europe/Berlin", "", "came twice in Europe/Berlin: the clocks were set back"),
]


@pytest.mark.parametrize(("name", "tz", "start", "why"), NAMES)
def test_the_time_in_a_name(name: str, tz: str, start: str, why: str) -> None:
    found, said = started.named(name, tz)
    assert found == (datetime.fromisoformat(start).timestamp() if start else None)
    assert why in said and bool(said) == bool(why)


def test_a_folder_goes_by_names_and_says_where_it_cannot(tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    for name in ("2026-11-27_08-15-00.mp4", "2026-13-27_08-15-00.mp4"):
        (folder / name).write_bytes(name.encode())
        os.utime(folder / name, (5000.0, 5000.0))
    with Library.open(tmp_path / "home") as library:
        library.add_camera("cam", str(folder), tz="America/New_York")
        report = ingest(library, "cam", [FakeThings()], open_reader=lambda p: Film(p, 12.0), segment_seconds=10.0)
        at = datetime.fromisoformat("2026-11-27T08:15:00-05:00").timestamp()
        rows = library.media_rows("cam")
        assert {(r.start_ts, r.start_origin) for r in rows} == {(at, "name"), (4988.0, "mtime")}
        [said] = report.messages
        assert "2026-13-27 08:15:00 in its name is no time, so that its start is by when the file was changed" in said


def test_what_is_known_of_files_before_they_are_indexed(tmp_path: Path) -> None:
    paths = [tmp_path / n for n in ("20100101000100.mp4", "20100101000200.mp4", "20109901000200.mp4", "b.mp4")]
    for path in paths:
        path.write_bytes(b"x")
        os.utime(path, (MINUTE + 440, MINUTE + 440))
    asked: list[str] = []

    def look(path: Path) -> MediaInfo:
        asked.append(path.name)
        if path.name == "b.mp4":
            raise MediaFault("no video")
        return Film(path, 12.0).info

    camera = Camera(1, "c", str(tmp_path), (), "UTC", None)
    seen = started.foreseen(camera, paths, {}, look)
    assert (seen.files, seen.origins, seen.unopened) == (4, {"name": 2, "mtime": 1}, 0)
    assert (seen.first, seen.last) == (MINUTE, MINUTE + 440)
    assert asked == ["20100101000200.mp4", "20109901000200.mp4", "b.mp4"]  # of those with a time only the last
    assert "20109901000200.mp4: 2010-99-01 00:02:00 in its name is no time, so that it is not gone by" in seen.notes
    assert "b.mp4 cannot be read: no video" in seen.notes
    many = [tmp_path / f"{i}.mp4" for i in range(started.MOST + 1)]
    seen = started.foreseen(camera, many, {}, look)
    assert (seen.first, seen.last, seen.unopened) == (None, None, started.MOST + 1)


def test_fingerprints(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(300_000))
    first = sources.fingerprint(path)
    for at, differs in ((0, True), (70_000, False), (299_999, True), (65_536, False)):
        data = bytearray(300_000)
        data[at] = 1
        path.write_bytes(data)
        assert sources.same(first, sources.fingerprint(path)) is not differs
    with pytest.raises(MediaFault, match="not there"):
        sources.fingerprint(tmp_path / "b")


# the plan ------------------------------------------------------------------------------------------------------------


def test_order() -> None:
    things, looks = FakeThings(), FakeLooks()
    third = FakeLooks(name="third", needs=("looks", "things"))
    assert [a.name for a in order([third, looks, things])] == ["things", "looks", "third"]
    with pytest.raises(FailedFault, match="'looks' needs 'things', which is not registered"):
        order([looks])
    with pytest.raises(FailedFault, match="Two analyzers"):
        order([things, FakeThings(version="2")])
    with pytest.raises(FailedFault, match="circle: things -> looks -> things"):
        order([FakeThings(needs=("looks",)), looks])


@pytest.mark.parametrize("fps", [1.0, 2.0, 5.0, 7.5, 29.97])
@pytest.mark.parametrize("length", [0.3, 1.0, 7.3, 30.0])
@pytest.mark.parametrize("duration", [0.1, 30.0, 61.7])
def test_segments_cut_nothing_off(fps: float, length: float, duration: float) -> None:
    """Segments follow each other without gaps; their samples are those of the whole file, each once."""
    row = MediaRow(1, 1, Path("a"), Fingerprint(1, 1, ""), 0.0, "", duration, 25.0, 1, 1, length, "")
    cut = spans(row)
    assert cut[0].t0 == 0 and cut[-1].t1 == duration
    assert all(a.t1 == pytest.approx(b.t0) and a.t0 < a.t1 for a, b in itertools.pairwise(cut))
    times = [t for work in due(row, [FakeThings()], [], fps) for t in work.times()]
    whole = [k / fps for k in range(round(duration * fps) + 2) if k / fps < duration - 1e-9]
    assert times == pytest.approx(whole)


# motion --------------------------------------------------------------------------------------------------------------


def frames(*pictures: tuple[float, int]) -> Iterator[Frame]:
    for t, x in pictures:
        image = np.full((90, 160, 3), 40, np.uint8)
        image[10:40, x : x + 20] = 200
        yield Frame(0, t, image)


def test_motion_gate() -> None:
    gate = MotionGate()
    seen = [gate.look(f) for f in frames((0, 5), (0.5, 5), (1.0, 50), (1.5, 50), (2.9, 50), (3.0, 50), (3.2, 50))]
    assert [still for _, still in seen] == [False, True, False, True, True, False, True]
    assert seen[0][0] == 1.0 and seen[1][0] == 0.0
    assert seen[2][0] == pytest.approx(2 * 600 / 14400, abs=0.01)
    never = MotionGate(Gate(share=0.0))
    assert not any(never.look(f)[1] for f in frames((0, 5), (0.1, 5)))


def test_slow_change_is_not_missed() -> None:
    """The comparison is with the last frame looked at, so a creep of one pixel a frame adds up."""
    gate = MotionGate(Gate(share=0.02, hold=100.0))
    still = [gate.look(f)[1] for f in frames(*((t / 5, 5 + t) for t in range(30)))]
    assert 2 <= still.count(False) <= 10


# one at a time -------------------------------------------------------------------------------------------------------


class Gatekeeper(FakeThings):
    """Stops in its first segment until told to go on."""

    entered: threading.Event
    go: threading.Event

    def start(self, segment: SegmentInfo) -> Any:
        self.entered.set()
        assert self.go.wait(30)
        return super().start(segment)


def test_two_at_once(world: World) -> None:
    slow = Gatekeeper()
    slow.entered, slow.go = threading.Event(), threading.Event()
    reports: list[IngestReport] = []
    first = threading.Thread(target=lambda: reports.append(world.index([slow])))
    first.start()
    assert slow.entered.wait(30)
    who = rf"process {os.getpid()} on .+\) is indexing the camera 'cam'"
    if not world.library.db.server:
        who = rf"process {os.getpid()}\) is indexing this library"
    with pytest.raises(BusyFault, match=who):
        world.index([FakeThings()])
    second = threading.Thread(target=lambda: reports.append(world.index([FakeThings()], wait=True)))
    second.start()
    slow.go.set()
    first.join(30)
    second.join(30)
    assert [(r.segments, r.done_before) for r in reports] == [(7, 0), (0, 7)]
    assert dump(world.library) == dump_of_new(world, [FakeThings()])


# kills and full disks ------------------------------------------------------------------------------------------------

COMMON = """
import os, random, resource, signal, sys, time
from pathlib import Path
from viot_agent.errors import BackendFault
from viot_agent.library.fake_analyzer import FakeLooks, FakeThings, moving_square
from viot_agent.library.ingest import ingest
from viot_agent.library.store import Library
from viot_agent.media.fake import FakeReader, fake_info
import cv2  # before the fork, so that a child's time is all work

home, path = Path(sys.argv[1]), Path(sys.argv[2])

db = os.environ.get("VIOT_TEST_DB")

def work(things=FakeThings()):
    with Library.open(home, db) as library:
        ingest(library, "cam", [things, FakeLooks()], segment_seconds=3.0,
               open_reader=lambda p: FakeReader(fake_info(120.0, width=64, height=36), moving_square))
"""

KILLER = """
class Telling(FakeThings):
    # writes a byte for every segment it begins, so that a kill falls into the work however busy the machine is
    def start(self, segment):
        os.write(tell, b"x")
        return FakeThings.start(self, segment)

rng = random.Random(int(sys.argv[3]))
for _ in range(10):
    hear, tell = os.pipe()
    child = os.fork()
    if child == 0:
        work(Telling())
        os._exit(0)
    os.close(tell)
    for _ in range(rng.randint(1, 7)):
        os.read(hear, 1)
    time.sleep(rng.uniform(0.0, 0.03))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(hear)
    with Library.open(home, db) as library:
        [row] = library.media_rows("cam") or [None]
        print(len({r.idx for r in library.stored_runs(row.id)}) if row else 0)
work()
"""

FULL = """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), hard))
try:
    work()
except BackendFault as fault:
    print(fault)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
work()
"""


def in_process(code: str, *args: object, db: str | None = None) -> list[str]:
    env = {**os.environ, "OMP_NUM_THREADS": "1", **({"VIOT_TEST_DB": db} if db else {})}
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(COMMON + code), *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[tuple[Any, ...]]]]:
    """The film's path, and the dump of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("calm")
    (folder / "film.mp4").write_bytes(b"film")
    with Library.open(folder / "home") as library:
        library.add_camera("cam", str(folder / "film.mp4"), start=START)
    in_process("work()", folder / "home", folder / "film.mp4")
    with Library.open(folder / "home") as library:
        return folder / "film.mp4", dump(library)


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_ten_kills_lose_and_double_nothing(
    slow_place: Any, tmp_path: Path, uninterrupted: tuple[Path, dict[str, list[tuple[Any, ...]]]]
) -> None:
    path, calm = uninterrupted
    with slow_place.open(tmp_path) as library:
        library.add_camera("cam", str(path), start=START)
    stood = [int(line) for line in in_process(KILLER, tmp_path, path, 7, db=slow_place.url(tmp_path))]
    assert len(stood) == 10
    assert stood == sorted(stood), "a kill never loses a segment"
    assert len(set(stood)) >= 5, f"the kills must fall into the work: {stood}"
    assert stood[-2] < 40, f"the last kill must find work left: {stood}"
    with slow_place.open(tmp_path) as library:
        if slow_place.server:  # what is rolled back there leaves a gap in the ids
            with Library.open(path.parent / "home") as whole:
                assert dump(library, ids=False) == dump(whole, ids=False)
        else:
            assert dump(library) == calm
        for path_ in (tmp_path / "vectors").rglob("*.vec"):
            assert path_.stat().st_size > 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
@pytest.mark.parametrize("limit", [9_000, 300_000])
def test_a_full_disk(tmp_path: Path, uninterrupted: tuple[Path, dict[str, list[tuple[Any, ...]]]], limit: int) -> None:
    """No file may grow past the limit: a clear fault, and with room again the run ends as if nothing had been."""
    path, calm = uninterrupted
    with Library.open(tmp_path) as library:
        library.add_camera("cam", str(path), start=START)
    [said] = in_process(FULL, tmp_path, path, limit)
    assert "free space on the disk" in said
    with Library.open(tmp_path) as library:
        assert dump(library) == calm


def test_a_fault_in_an_analyzer_leaves_whole_segments(world: World) -> None:
    class Failing(FakeThings):
        def start(self, segment: SegmentInfo) -> Any:
            if segment.index == 3:
                raise FailedFault("the model is gone")
            return super().start(segment)

    with pytest.raises(FailedFault, match="the model is gone"):
        world.index([Failing(), FakeLooks()])
    assert world.library.spans("cam") == [(START, START + 30)]
    assert world.index([FakeThings(), FakeLooks()]).segments == 4
    assert dump(world.library) == dump_of_new(world, [FakeThings(), FakeLooks()])


@pytest.mark.parametrize("slow_place", ["sqlite"], indirect=True)
def test_a_full_disk_is_a_backend_fault(world: World) -> None:
    """The database's own word for it."""
    world.index([FakeThings()])
    with pytest.raises(BackendFault, match="database or disk is full"), world.library.db.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        connection.exec_driver_sql("CREATE TABLE x (y)")
        connection.exec_driver_sql("INSERT INTO x VALUES (zeroblob(10000000))")


@pytest.mark.parametrize("slow_place", ["sqlite"], indirect=True)
def test_memory_is_flat(world: World) -> None:
    """Six times the film, no more memory: nothing is kept beyond a segment but the sampled times."""

    def peak(seconds: float, home: str) -> int:
        with Library.open(world.library.home.parent / home) as library:
            library.add_camera("cam", str(world.path), start=START)
            tracemalloc.start()
            try:
                World(library, world.path, lambda p: Film(p, seconds)).index([FakeThings()], sample_fps=2.0)
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    peak(20.0, "warm")
    assert peak(240.0, "long") < peak(40.0, "short") + 300_000


def test_frames_are_shared(world: World) -> None:
    """One reading serves all, in order of need, with the motion gate's word and the results before it."""
    heard: list[tuple[float, bool, Any]] = []

    class Listener(FakeThings):
        def start(self, segment: SegmentInfo) -> Any:
            return self

        def see(self, frame: Frame, shared: Shared) -> None:
            heard.append((shared.motion, shared.still, shared.results["things"]))

        def finish(self) -> Rows:
            return Rows(counts=(CountRow("heard", 0.0, len(heard)),))

    film = Film(world.path, 10.0)
    world.index([Listener(name="ears", needs=("things",)), FakeThings()], open_reader=lambda p: film)
    assert film.asked == pytest.approx([k / 5 for k in range(50)])
    assert len(heard) == 50
    assert heard[0][:2] == (1.0, False)
    assert heard[0][2] == (26.0, 24.0, 38.0, 36.0)
    assert 0 < heard[1][0] < 0.2
    assert replace(world.library.counts("heard", None, None, None)[0], ts=0.0).n == 50


def test_who_wants_to_know_hears_of_every_committed_segment(world: World) -> None:
    heard: list[int] = []
    media = lambda: world.library.media_rows("cam")[0].id  # noqa: E731
    report = world.index([FakeThings()], stored=lambda: heard.append(len(world.library.stored_runs(media()))))
    assert heard == list(range(1, report.segments + 1))
    assert report.seconds["alerts"] > 0
