"""A camera that is removed by another process while it is watched: two homes, one library."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from viot_agent.library.fake_analyzer import FakeThings, moving_square
from viot_agent.library.records import MediaRow, RunRows, SegmentSpan
from viot_agent.library.schema import media as media_table
from viot_agent.library.schema import segments
from viot_agent.library.store import Library
from viot_agent.live import ring as rings
from viot_agent.live.health import read_health
from viot_agent.live.loop import LoopStream
from viot_agent.live.watch import REMOVED, Looked, Settings, Watch
from viot_agent.media.readers import open_media

SOON = 20.0
"""Seconds for what takes one or two on a machine with nothing else to do."""
REMOVE = """
import sys
from pathlib import Path
from viot_agent.library.store import Library
with Library.open(Path(sys.argv[1])) as library:
    library.remove_camera("gate")
    library.add_camera("gate", "rtsp://10.0.0.2/1")
"""


@pytest.fixture(scope="module")
def film(media: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 s of the moving square, a key frame every second."""

    def picture(i: int) -> Any:
        return np.ascontiguousarray(moving_square(i / 5))

    path = tmp_path_factory.mktemp("film") / "film.mp4"
    made: Path = media.write(path, range(100), fps=5, gop=5, picture=picture)
    return made


@dataclass
class Watching:
    """A watch in home ``b`` over the library of home ``a``, and what was heard of it."""

    library: Library
    there: Library
    present: float = 0.1
    looked: list[Looked] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> None:
        self.watch = Watch(
            self.there,
            self.there.home,
            self.there.cameras(),
            [FakeThings()],
            open_reader=open_media,
            open_stream=lambda source: LoopStream(source, pace=20.0),
            settings=Settings(segment=4.0, backlog=50),
            looked=self.looked.append,
            note=lambda camera, words: self.notes.append((camera, words)),
            workers=1,
            present=self.present,
        )
        self.thread = threading.Thread(target=self.watch.run, args=(self.stop,))
        self.thread.start()

    def until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + SOON
        while not true():
            assert time.monotonic() < end, (self.notes, self.watch.health)
            time.sleep(0.02)

    def heard(self, camera: str) -> int:
        return sum(one.item.camera == camera for one in self.looked)

    def files(self, camera: int) -> int:
        return len(list((rings.folder(self.there.home, camera) / "ring").glob("*.mp4")))

    def end(self) -> None:
        self.stop.set()
        self.thread.join(SOON)
        assert not self.thread.is_alive()


class Removing(Library):
    """Its camera is removed by ``other`` while the third segment is looked at."""

    other: Library
    n = 0
    anew: str = ""
    """The source of the camera that gets its name, when it is removed before its third file has a row."""
    files = 0

    def add_media(self, camera: str, *args: Any, **more: Any) -> MediaRow:
        self.files += 1
        if self.anew and self.files == 3:
            self.other.remove_camera("gate")
            self.other.add_camera("gate", self.anew)
        return super().add_media(camera, *args, **more)

    def write_segment(self, row: MediaRow, span: SegmentSpan, found: Sequence[RunRows]) -> None:
        self.n += 1
        if self.n == 3:
            self.other.remove_camera("gate")
        super().write_segment(row, span, found)


@pytest.fixture
def two(tmp_path: Path, film: Path) -> Iterator[Watching]:
    with Library.open(tmp_path / "a") as one:
        one.add_camera("gate", f"loop://{film}")
        with Removing.open(tmp_path / "b", f"sqlite:{tmp_path / 'a'}") as there:
            there.n, there.other = 10, one
            watching = Watching(one, there)
            yield watching
            watching.stop.set()
            watching.thread.join(SOON)


def rows(library: Library) -> list[int]:
    with library.db.read() as connection:
        return [
            int(connection.execute(select(func.count()).select_from(t)).scalar() or 0) for t in (media_table, segments)
        ]


def test_a_camera_that_another_process_removed_is_recorded_no_more(two: Watching, film: Path) -> None:
    """The other camera goes on; and one that is added anew under the name is another one."""
    two.library.add_camera("hall", f"loop://{film}")
    two.begin()
    two.until(lambda: two.heard("gate") >= 2 and two.heard("hall") >= 2)
    subprocess.run([sys.executable, "-c", REMOVE, str(two.library.home)], check=True, env={**os.environ})
    gate = next(m for m in two.watch._mine.values() if m.camera.name == "gate")
    two.until(lambda: gate.thread is not None and not gate.thread.is_alive())
    files, hall = two.files(1), two.heard("hall")
    two.until(lambda: two.heard("hall") >= hall + 3)
    two.until(lambda: any(name == "gate" and words.startswith(REMOVED) for name, words in two.notes))
    two.end()
    assert two.files(1) == files > 0, "nothing was recorded any more"
    assert sum(words.startswith(REMOVED) for _, words in two.notes) == 1
    assert two.library.media_rows("gate") == [], "nothing was stored for the one that has its name"
    assert {c.name for c in two.library.cameras()} == {"gate", "hall"}
    health = read_health(two.there.home, 1)
    assert health is not None and health.state == "stopped"
    assert health.notes[-1][1].startswith(REMOVED)


def test_when_no_camera_is_left_the_watch_ends(two: Watching) -> None:
    two.begin()
    two.until(lambda: two.heard("gate") >= 1)
    two.library.remove_camera("gate")
    two.thread.join(SOON)
    assert not two.thread.is_alive() and two.stop.is_set()
    assert rows(two.library) == [0, 0]
    assert [words.startswith(REMOVED) for name, words in two.notes][-1]


def test_removed_while_one_of_its_files_is_looked_at(two: Watching) -> None:
    """No look at the library but the one before each file: it is noticed all the same, and no row is left."""
    assert isinstance(two.there, Removing)
    two.there.n, two.present = 0, 3600.0
    two.begin()
    two.until(lambda: any(words.startswith(REMOVED) for _, words in two.notes))
    two.end()
    assert rows(two.library) == [0, 0]
    assert two.heard("gate") == 2


def test_removed_and_added_anew_just_before_one_of_its_files_is_stored(two: Watching) -> None:
    """What is told of it is that it was removed, once, and nothing after that."""
    assert isinstance(two.there, Removing)
    two.there.anew, two.present = "rtsp://10.0.0.2/1", 3600.0
    two.begin()
    two.until(lambda: any(words.startswith(REMOVED) for _, words in two.notes))
    two.end()
    assert two.library.media_rows("gate") == [], "nothing was stored for the one that has its name"
    health = read_health(two.there.home, 1)
    assert health is not None and [words.startswith(REMOVED) for _, words in health.notes] == [True]
