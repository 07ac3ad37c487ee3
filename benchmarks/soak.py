"""A watch that runs for long while everything goes wrong in turn: the server goes, garbage comes, the picture stands
still, disk and library fail. Afterwards nothing may be lost or double, and memory must be back where it was.

    python benchmarks/soak.py [--seconds 3600] [--json]

One camera of 64x36 at 20 frames a second, files of a second, analyzers that need no model; a fault every three seconds.
Ends with exit code 1 when something did not hold. `pytest --slow tests/viot_agent/test_live_soak.py` runs it for 45 s.
The limits that take long (a frozen picture, a full disk) are set to a second or two, so that a short run meets them.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import psutil
from sqlalchemy import func, select

from viot_agent.errors import DiskFault, LostFault
from viot_agent.library.fake_analyzer import FakeLooks, FakeThings, moving_square
from viot_agent.library.records import MediaRow, RunRows, SegmentSpan
from viot_agent.library.schema import media, segment_runs, segments
from viot_agent.library.store import Library
from viot_agent.live import camera as cameras
from viot_agent.live import looker as lookers
from viot_agent.live.camera import Clock
from viot_agent.live.loop import LoopStream
from viot_agent.live.recorder import Mp4Recorder
from viot_agent.live.stream import Garbled, LiveStream, Packet, StreamEnded
from viot_agent.live.watch import FROZEN, Looked, Settings, Watch
from viot_agent.media.readers import Backend, open_media

FPS, GOP = 20, 10
EVERY = 3.0
"""Seconds from one fault to the next."""
FAULTS = ("gone", "garbage", "noise", "frozen", "disk", "library")
BACKENDS: tuple[Backend, ...] = ("decord", "pyav") if find_spec("decord") else ("pyav",)
WARM = 10.0
"""Seconds in which memory may grow: libraries load, caches fill."""


def film(path: Path) -> None:
    """20 s of the moving square, which never leaves; a key frame every half second."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        stream.codec_context.gop_size = GOP
        for i in range(20 * FPS):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(moving_square(i / 10 % 30), format="rgb24")))
        out.mux(stream.encode())


def warm(path: Path) -> None:
    """Open and read the film as often as it takes until the allocator holds what decoders want (20 MB, in the first 100
    to 300 times); what memory does after that is the watch's doing."""
    for _ in range(150):
        for backend in BACKENDS:
            for _frame in open_media(path, backend=backend).read([0.1, 0.5, 1.0]):
                pass


class Trouble:
    """Which fault is on at the moment, by the time that has passed; counts what was done."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.done: Counter[str] = Counter()
        self._given: set[int] = set()

    def due(self, *kinds: str) -> bool:
        """Whether it is the turn of one of these, for the first time in this turn."""
        turn = int((time.monotonic() - self.began) / EVERY)
        kind = FAULTS[turn % len(FAULTS)]
        if turn == 0 or turn in self._given or kind not in kinds:
            return False
        self._given.add(turn)
        self.done[kind] += 1
        return True


class Faulty:
    """A camera that plays a file and has troubles of its own: it goes away, sends garbage, scrambles pictures."""

    def __init__(self, source: str, trouble: Trouble) -> None:
        self._inner, self._trouble = LoopStream(source), trouble
        self.info = self._inner.info
        self._bad = self._noisy = self._still = 0
        self._key: Packet | None = None

    def read(self) -> Packet:
        """The next packet, or what goes wrong. Raises StreamEnded, Garbled."""
        packet = self._inner.read()
        if self._trouble.due("gone"):
            raise StreamEnded("the server is gone")
        if self._trouble.due("garbage"):
            self._bad = 30
        elif self._trouble.due("noise"):
            self._noisy = 30
        elif self._trouble.due("frozen"):
            self._still = 5 * FPS
        if self._bad:
            self._bad -= 1
            raise Garbled("a packet that cannot be read")
        if self._noisy and not packet.key:
            self._noisy -= 1
            data = bytearray(packet.data)
            data[len(data) // 2 :] = os.urandom(len(data) - len(data) // 2)
            return replace(packet, data=bytes(data))
        if packet.key and not self._still:
            self._key = packet
        if self._still and self._key is not None:
            self._still -= 1
            return replace(packet, key=True, data=self._key.data, config=self._key.config)
        return packet

    def close(self) -> None:
        """Hang up."""
        self._inner.close()


class Recorder(Mp4Recorder):
    """Writes to a disk that is full for a moment."""

    trouble: Trouble

    def write(self, packet: Packet, t: float, shown: float) -> None:
        if self.trouble.due("disk"):
            raise DiskFault("The disk is full.", fix="free it")
        super().write(packet, t, shown)


class Shaky(Library):
    """Its database is away for a moment."""

    trouble: Trouble

    def write_segment(self, row: MediaRow, span: SegmentSpan, found: Sequence[RunRows]) -> None:
        if self.trouble.due("library"):
            raise LostFault("The database does not answer.")
        super().write_segment(row, span, found)


def committed(library: Library) -> set[tuple[str, int]]:
    """Every segment that is stored: its file and number."""
    with library.db.read() as connection:
        query = select(media.c.path, segments.c.idx).join(media, media.c.id == segments.c.media_id)
        return {(path, idx) for path, idx in connection.execute(query)}


def double(library: Library) -> list[str]:
    """What is stored twice: files, times, runs."""
    found = []
    with library.db.read() as connection:
        paths = connection.execute(select(media.c.path, func.count()).group_by(media.c.path).having(func.count() > 1))
        found += [f"file {path}" for path, _ in paths]
        spans = connection.execute(select(segments.c.start_ts, segments.c.end_ts).order_by(segments.c.start_ts)).all()
        found += [f"time {b[0]:.3f} before {a[1]:.3f}" for a, b in pairwise(spans) if b[0] < a[1] - 1e-3]
        runs = select(segment_runs.c.segment_id, func.count()).group_by(segment_runs.c.segment_id)
        found += [f"runs of segment {s}: {n}" for s, n in connection.execute(runs.having(func.count() != 2))]
    return found


def slope(samples: Sequence[tuple[float, float]]) -> float:
    """MB a minute, by Theil and Sen: the median of the slopes of all pairs, which single jumps do not move."""
    pairs = [(b[1] - a[1]) / (b[0] - a[0]) for i, a in enumerate(samples) for b in samples[i + 1 :] if b[0] > a[0]]
    return 60 * statistics.median(pairs) if pairs else 0.0


def eighths(values: Sequence[float]) -> list[float]:
    """The median of each eighth of them, in order: how memory went."""
    n = len(values)
    parts = [values[n * i // 8 : n * (i + 1) // 8] for i in range(8)]
    return [round(statistics.median(part), 1) for part in parts if part]


def soak(home: Path, seconds: float) -> dict[str, Any]:
    """Run it; what was found."""
    film(home / "film.mp4")
    warm(home / "film.mp4")
    process, stop, trouble = psutil.Process(), threading.Event(), Trouble()
    Recorder.trouble = Shaky.trouble = trouble
    cameras.DISK_PAUSE, lookers.FROZEN = 1.0, 2.0
    lost: set[tuple[str, int]] = set()
    before: set[tuple[str, int]] = set()
    looked: list[Looked] = []
    notes: list[str] = []
    memory: list[tuple[float, float]] = []

    def sample() -> None:
        """Twice a second, and after all is loaded."""
        while not stop.wait(0.5):
            at = time.monotonic() - trouble.began
            if at > WARM:
                memory.append((at, process.memory_info().rss / 1e6))

    with Shaky.open(home / "home") as library:
        library.add_camera("gate", f"loop://{home / 'film.mp4'}")

        def stored() -> None:
            nonlocal before
            now = committed(library)
            lost.update(before - now)
            before = now

        def opened(source: str) -> LiveStream:
            return Faulty(source, trouble)

        work = Watch(
            library,
            library.home,
            library.cameras(),
            [FakeThings(), FakeLooks()],
            open_reader=open_media,
            settings=Settings(segment=1.0, keep_bytes=1e6),
            open_stream=opened,
            open_recorder=Recorder,
            stored=stored,
            looked=looked.append,
            note=lambda _, words: notes.append(words),
            clock=Clock(wait=lambda stopped, wanted: stopped.wait(min(wanted, 0.3))),
        )
        threads, files = process.num_threads(), process.num_fds()
        timer = threading.Timer(seconds, stop.set)
        timer.start()
        sampler = threading.Thread(target=sample, daemon=True)
        sampler.start()
        work.run(stop)
        timer.cancel()
        sampler.join()
        stored()
        gc.collect()
        with library.db.read() as connection:
            frozen = connection.execute(
                select(func.count()).select_from(media).where(media.c.problem == FROZEN)
            ).scalar_one()
        health = work.health["gate"]
        kept = memory[: max(1, len(memory) // 4)], memory[-max(1, len(memory) // 4) :]
        grown = statistics.median(m for _, m in kept[1]) - statistics.median(m for _, m in kept[0]) if memory else 0.0
        return {
            "seconds": round(time.monotonic() - trouble.began, 1),
            "faults": {kind: trouble.done[kind] for kind in FAULTS},
            "files": health.files,
            "looked": len(looked),
            "segments": len(before),
            "skipped": health.skipped,
            "frozen": frozen,
            "garbled": health.garbled,
            "reconnects": health.reconnects,
            "unrecorded": health.unrecorded,
            "lost": sorted(f"{path} {idx}" for path, idx in lost),
            "double": double(library),
            "memory_mb": eighths([mb for _, mb in memory]),
            "grown_mb": round(grown, 2),
            "slope_mb_per_minute": round(slope(memory[:: max(1, len(memory) // 200)]), 2),
            "threads": process.num_threads() - threads,
            "files_open": process.num_fds() - files,
            "ring_bytes": work.health["gate"].bytes,
            "notes": sorted(set(notes))[:20],
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--json", action="store_true", help="one line for programs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = soak(Path(folder), options.seconds)
    if options.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name}: {value}")
    return int(bool(found["lost"] or found["double"]))


if __name__ == "__main__":
    sys.exit(main())
