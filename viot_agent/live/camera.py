"""One live camera: connect, read, record, cut, and connect again, until told to stop.

A thread a camera. Owns the order of things and the counting; what is read, written and stamped is behind seams. Frames
are never held here: a recorded file is handed on, its pictures are decoded by who looks at it.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from viot_agent.errors import BackendFault, DiskFault
from viot_agent.live.age import Age
from viot_agent.live.backlog import Recorded
from viot_agent.live.health import Health
from viot_agent.live.recorder import OpenRecorder, Recorder
from viot_agent.live.ring import Ring
from viot_agent.live.stamps import WALL_JUMP, Jump, Stamps
from viot_agent.live.stream import Garbled, LiveStream, OpenStream, Packet, StreamEnded

GARBLED = 200
"""Packets in a row that cannot be read before the connection is given up."""
GOOD = 10.0
"""Seconds of pictures after which a connection was a good one: the next attempt begins with the shortest pause."""
NO_KEY = 30.0
"""Seconds without a key frame before the connection is given up."""
DISK_PAUSE = 10.0
"""Seconds before a full disk is tried again."""
RATE_SECONDS = 10.0
STEP = 0.04
"""Seconds from a picture to the next while nothing is known."""
EARLY = 25


@dataclass(frozen=True, slots=True)
class Clock:
    """The clocks: POSIX seconds, a counter that is never set, and a wait that a stop ends."""

    wall: Callable[[], float] = time.time
    mono: Callable[[], float] = time.monotonic
    wait: Callable[[threading.Event, float], bool] = lambda stop, seconds: stop.wait(seconds)


def pauses(seed: int, first: float = 1.0, longest: float = 60.0) -> Iterator[float]:
    """Seconds to wait before each attempt: doubled each time up to ``longest``, times 0.5 to 1.5 by a seeded draw, so
    that many cameras do not come back at one moment."""
    draw = random.Random(seed)
    pause = first
    while True:
        yield pause * draw.uniform(0.5, 1.5)
        pause = min(longest, 2 * pause)


class LiveCamera:
    """Reads ``source`` until ``stop``; hands every finished file to ``done``.

    ``segment`` seconds is the least length of a file: it ends with the first key frame after that.
    """

    def __init__(
        self,
        name: str,
        source: str,
        ring: Ring,
        health: Health,
        done: Callable[[Recorded], None],
        *,
        open_stream: OpenStream,
        open_recorder: OpenRecorder,
        stamps: Stamps,
        segment: float,
        clock: Clock = Clock(),
        seed: int = 0,
        age: Age | None = None,
    ) -> None:
        self.age = Age(ring.keep) if age is None else age
        self.name, self.source, self.ring, self.health, self.done = name, source, ring, health, done
        self.open_stream, self.open_recorder = open_stream, open_recorder
        self.stamps, self.segment, self.clock, self.seed = stamps, segment, clock, seed
        self._file: _File | None = None
        self._times: deque[float] = deque(maxlen=4096)
        self._steps: deque[float] = deque(maxlen=50)
        self.frozen = False
        """Set by who looks at the pictures."""
        self._last: float | None = None
        self._early: list[Packet] = []  # came before the first time of the stream
        self._fresh = True  # the next file begins a stretch
        self._disk_until = float("-inf")

    def run(self, stop: threading.Event) -> None:
        """Until ``stop`` is set. Raises nothing that a stream or a disk does."""
        attempts = pauses(self.seed)
        while not stop.is_set():
            self._trim()  # while a camera is away its recordings grow old all the same
            self.health.state = "waiting" if self.health.reconnects else "connecting"
            good, again = self._connection(stop)
            if stop.is_set():
                break
            self.health.reconnects += 1
            if good:
                attempts = pauses(self.seed + self.health.reconnects)
            if not again:
                self.health.state = "waiting"
                self.clock.wait(stop, next(attempts))
        self.health.state = "stopped"

    def _connection(self, stop: threading.Event) -> tuple[bool, bool]:
        """One connection from beginning to end: (whether pictures came for a while, whether to come back at once)."""
        try:
            stream = self.open_stream(self.source)
        except StreamEnded as fault:
            self._problem(str(fault))
            return False, False
        began = self.clock.mono()
        again = False
        self.health.connects += 1
        self.health.codec, size = stream.info.codec, (stream.info.width, stream.info.height)
        if self.health.width and size != (self.health.width, self.health.height):
            self._note(f"the picture is {size[0]}x{size[1]} now, it was {self.health.width}x{self.health.height}")
        self.health.width, self.health.height = size
        self.stamps.begin(self.clock.wall(), began)
        if self.stamps.behind > WALL_JUMP and self.health.ahead <= WALL_JUMP:
            self._note(f"its footage ends {self.stamps.behind:.0f} s ahead of this machine's clock; stamps go on there")
        self.health.ahead = self.stamps.behind
        self._last, self._fresh, self._early = None, True, []
        self._times.clear()
        try:
            again = self._read(stream, stop)
        except StreamEnded as fault:
            self._problem(str(fault))
        finally:
            self._cut()
            stream.close()
        return self.clock.mono() - began > GOOD, again

    def _read(self, stream: LiveStream, stop: threading.Event) -> bool:
        """Packets until the stream ends; True when it changed its picture and is to be opened anew."""
        bad = 0
        config = b""
        keyed = self.clock.mono()
        while not stop.is_set():
            try:
                packet = stream.read()
            except Garbled as fault:
                bad += 1
                self.health.garbled += 1
                if bad > GARBLED:
                    raise StreamEnded(f"{fault.message}, {bad} times in a row") from fault
                continue
            bad = 0
            wall, mono = self.clock.wall(), self.clock.mono()
            if packet.key:
                keyed = mono
            elif mono - keyed > NO_KEY:
                raise StreamEnded(f"no key frame came for {NO_KEY:.0f} s", fix="set a shorter interval in the camera")
            if packet.config and config and packet.config != config:
                self._note("the stream changed its picture; opening it anew")
                return True
            config = packet.config or config
            for timed, at in self._timed(stream, packet, mono):
                jump = self.stamps.jump(at, wall, mono)
                if jump is not None:
                    self._jumped(jump, wall, mono)
                self.stamps.see(at, wall, mono)
                self._count(at, wall, mono, jumped=jump is not None)
                self._record(stream, timed, at, mono)
        return False

    def _timed(self, stream: LiveStream, packet: Packet, mono: float) -> list[tuple[Packet, float]]:
        """The packet with its time in seconds; with it those before the first time of the stream: RTSP's first packet
        has none, and is the key frame that the others need."""
        if stream.info.clock == "arrival":
            return [(packet, mono)]
        step = self._usual() or STEP
        if packet.dts is not None:
            early, self._early = self._early, []
            return [*((p, packet.dts - (len(early) - i) * step) for i, p in enumerate(early)), (packet, packet.dts)]
        if self._last is not None:
            return [(packet, self._last + step)]
        self._early = [*self._early, packet][-EARLY:]
        return []

    def _record(self, stream: LiveStream, packet: Packet, at: float, mono: float) -> None:
        shown = at if packet.pts is None else packet.pts
        if self._file is not None and packet.key and at - self._file.first >= self.segment - 1e-3:
            self._cut(until=at)
        if self._file is None:
            if mono < self._disk_until:
                self.health.unrecorded += 1
                return
            if not packet.key:
                return  # nothing can be decoded before the first key frame
            self._open(stream, at)
        if self._file is None:
            self.health.unrecorded += 1
            return
        try:
            self._file.recorder.write(packet, at, shown)
        except BackendFault as fault:
            self._full(fault)
            return
        self._file.last = max(self._file.last, shown)

    def _open(self, stream: LiveStream, at: float) -> None:
        try:
            recorder = self.open_recorder(self.ring.part, stream.info)
        except BackendFault as fault:
            self._full(fault)
            return
        self._file = _File(recorder, at, at)

    def _cut(self, until: float | None = None) -> None:
        """End the file in progress, give it its time and hand it on. ``until``: where the next begins."""
        file, self._file = self._file, None
        if file is None:
            return
        end = until if until is not None else file.last + (self._usual() or STEP)
        try:
            file.recorder.close()
            start = self.stamps.place(file.first) if self._fresh else self.stamps.next_start(file.first)
            path = self.ring.add(start)
        except BackendFault as fault:
            file.recorder.discard()
            self._full(fault)
            return
        self.stamps.latest = start + max(0.0, end - file.first)
        self._fresh = False
        self.health.files += 1
        self.health.problem = ""
        self._trim()
        size, rate = (self.health.width, self.health.height), 1 / (self._usual() or STEP)
        self.done(Recorded(self.name, path, start, self.stamps.latest, *size, rate))

    def _trim(self) -> None:
        """What is too old, or too much, goes; a clock that was set forward makes nothing old."""
        now, words = self.age.now(self.clock.wall(), self.clock.mono())
        if words:
            self._note(words)
        self.ring.trim(now)
        health, age = self.health, self.age
        health.bytes, health.reckoned, health.doubted = self.ring.size, now, age.ahead
        health.held, health.need = age.held, age.need

    def _jumped(self, jump: Jump, wall: float, mono: float) -> None:
        """A clock jumped: what was recorded keeps its time, and a new stretch begins."""
        self._cut()
        self.stamps.begin(wall, mono)
        self._last, self._fresh = None, True
        self.health.ahead = self.stamps.behind
        words = jump.sentence()
        if jump.clock == "wall" and jump.seconds < 0:
            words += "; stamps go on from where they were, so that nothing is stored twice for one time"
        self._note(words)

    def _full(self, fault: BackendFault) -> None:
        """Nothing can be written: make room, and try again after a pause. What arrives meanwhile is not recorded."""
        if self._file is not None:
            self._file.recorder.discard()
            self._file = None
        self._disk_until = self.clock.mono() + DISK_PAUSE
        freed = self.ring.make_room() if isinstance(fault, DiskFault) else 0
        self.health.bytes = self.ring.size
        self.health.state = "disk full" if isinstance(fault, DiskFault) else "waiting"
        self._problem(f"{fault} The oldest {freed} file(s) were taken away." if freed else str(fault))

    def _count(self, at: float, wall: float, mono: float, *, jumped: bool) -> None:
        """Rate, and pictures that the stream's clock says are missing."""
        health = self.health
        health.frames += 1
        health.last_frame = wall
        if mono >= self._disk_until:
            health.state = "frozen" if self.frozen else "live"
        if jumped:
            self._times.clear()
        self._times.append(at)  # by the stream's clock: a burst is no higher rate
        while self._times[0] < at - RATE_SECONDS:
            self._times.popleft()
        spent = at - self._times[0]
        health.fps = (len(self._times) - 1) / spent if spent > 0.5 else health.fps
        if self._last is not None and not jumped and at > self._last:
            step, usual = at - self._last, self._usual()
            if usual is not None and step > 1.7 * usual:
                health.dropped += max(1, round(step / usual) - 1)
            self._steps.append(step)
        self._last = at

    def _usual(self) -> float | None:
        """Seconds from a picture to the next, the median of the last; None while too few were seen."""
        return sorted(self._steps)[len(self._steps) // 2] if len(self._steps) >= 10 else None

    def _problem(self, words: str) -> None:
        if words != self.health.problem:
            self._note(words)
        self.health.problem = words

    def _note(self, words: str) -> None:
        self.health.note(self.clock.wall(), words)


@dataclass(slots=True)
class _File:
    """The file in progress: ``first`` and ``last`` by the stream's clock."""

    recorder: Recorder
    first: float
    last: float
