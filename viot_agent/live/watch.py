"""All live cameras at once: a thread a camera reads and records, one looks at what was recorded, one tells how it goes.

Owns starting, stopping, and the overload decision. Everything that is held in memory is bounded: packets are written as
they come, what waits to be looked at lies on disk, and of that at most ``Settings.backlog`` files a camera are waited
for; a file beyond that is kept, is not looked at, and the library says so.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from viot_agent.errors import BackendFault, BusyFault, LibraryFault, MediaFault, NameFault, UserFault
from viot_agent.fleet.types import Camera
from viot_agent.library.beside import Beside
from viot_agent.library.lock import Held
from viot_agent.library.looking import OpenReader
from viot_agent.library.rows import Analyzer
from viot_agent.library.store import Library
from viot_agent.live import ring as rings
from viot_agent.live.age import Age
from viot_agent.live.backlog import Backlog, Recorded
from viot_agent.live.camera import Clock, LiveCamera
from viot_agent.live.claim import claimed
from viot_agent.live.health import Health, read_health, write_health
from viot_agent.live.ladder import GIVE_UP, Pressure, ladder
from viot_agent.live.looker import Looker, unseen
from viot_agent.live.recorder import Mp4Recorder, OpenRecorder
from viot_agent.live.stamps import Stamps
from viot_agent.live.stream import READ_SECONDS, OpenStream, open_stream

log = logging.getLogger(__name__)

BEAT = 2.0
"""Seconds between two writings of the health files."""
DRAIN = 30.0
"""Seconds in which a stopped watch still looks at what waits; the rest is looked at when it starts again."""
PRESENT = 5.0
"""Seconds between two looks whether the cameras are still in the library; another machine may remove one."""
TRIES = 3
SILENT = 5.0
"""Seconds without a picture after which the rate is nought."""
BUSY_SECONDS = 30.0
"""Over how long the share of time spent looking is taken."""
TOO_BUSY = "not looked at: there was more to look at than there was time"
REMOVED = "was removed from the library"
FROZEN = "not looked at: the picture had been frozen"


@dataclass(frozen=True, slots=True)
class Settings:
    """``segment`` seconds of a recorded file (at least; it ends at a key frame); ``keep`` seconds and ``keep_bytes`` of
    recordings a camera; ``sample_fps`` frames a second looked at when there is time; ``backlog`` files a camera
    that may wait; ``give_up`` the order of analyzers under overload; ``patience`` seconds that a file may wait
    before something is given up, 1.5 segments where it is None."""

    segment: float = 10.0
    keep: float = 86_400.0
    keep_bytes: float = 10e9
    sample_fps: float = 5.0
    backlog: int = 4
    give_up: tuple[str, ...] = tuple(GIVE_UP)
    patience: float | None = None

    def __post_init__(self) -> None:
        if not 0.5 <= self.segment <= 300:
            raise UserFault(f"segments of {self.segment:g} seconds", fix="give 0.5 to 300 seconds")
        if not 0.1 <= self.sample_fps <= 100:
            raise UserFault(f"{self.sample_fps:g} frames a second", fix="give 0.1 to 100")
        if not (self.keep >= 4 * self.segment and self.keep_bytes >= 1e6):
            raise UserFault("too little is kept to look at it", fix="keep at least a minute and a hundredth of a GB")


@dataclass(frozen=True, slots=True)
class Looked:
    """One file was looked at, or not (``frames`` 0). ``lag`` seconds from its end to its rows and alerts; ``spent``
    seconds of work; ``step`` of the ladder."""

    item: Recorded
    frames: int
    lag: float
    spent: float
    step: int


class _Stop(threading.Event):
    """Set by itself, or as soon as ``whole`` is. Who waits is woken when it is set itself."""

    def __init__(self, whole: threading.Event) -> None:
        super().__init__()
        self.whole = whole

    def is_set(self) -> bool:
        return super().is_set() or self.whole.is_set()


@dataclass(slots=True)
class _Camera:
    camera: Camera
    reader: LiveCamera
    ring: rings.Ring
    health: Health
    stop: _Stop
    """Ends its reader: with all others, or alone when the camera was removed."""
    thread: threading.Thread | None = None
    left: deque[Recorded] = field(default_factory=deque)
    gone: bool = False
    told: bool = False
    """Its health was written for the last time."""


class Watch:
    """Watches ``cameras``, all of which are live.

    ``stored`` is called after each stored segment (alerts); ``looked`` hears of every file, ``note`` of everything that
    a person should know: (camera name, words).
    """

    def __init__(
        self,
        library: Library,
        home: Path,
        cameras: Sequence[Camera],
        analyzers: Sequence[Analyzer],
        *,
        open_reader: OpenReader,
        settings: Settings = Settings(),
        open_stream: OpenStream = open_stream,
        open_recorder: OpenRecorder = Mp4Recorder,
        stored: Callable[[], None] | None = None,
        looked: Callable[[Looked], None] = lambda looked: None,
        note: Callable[[str, str], None] = lambda camera, words: None,
        clock: Clock = Clock(),  # noqa: B008 (frozen)
        workers: int | None = None,
        seed: int = 0,
        present: float = PRESENT,
    ) -> None:
        if not cameras:
            raise UserFault(
                "no camera is live", fix="viot camera add NAME rtsp://HOST/PATH; for recordings there is viot index"
            )
        self.library, self.home, self.settings, self.clock = library, home, settings, clock
        self.cameras = tuple(cameras)
        self.steps = ladder(analyzers, settings.sample_fps, settings.give_up)
        patience = max(3.0, 1.5 * settings.segment) if settings.patience is None else settings.patience
        self.pressure = Pressure(len(self.steps), patience)
        self._over = False  # a file was left out since the last look at the pressure
        self.backlog = Backlog(settings.backlog)
        self.open_reader, self.open_stream, self.open_recorder = open_reader, open_stream, open_recorder
        self.stored, self.looked, self.note, self.workers, self.seed = stored, looked, note, workers, seed
        self.present = present
        self.health: dict[str, Health] = {c.name: Health(c.name) for c in cameras}
        self._spent: deque[tuple[float, float]] = deque()
        self._told: dict[str, tuple[float, str]] = {}
        self._mine: dict[str, _Camera] = {}
        self._held: dict[str, Held] = {}
        self._leaving = threading.Lock()
        self._numbers = {c.name: c.id for c in cameras}

    def run(self, stop: threading.Event) -> None:
        """Until ``stop`` is set, or every camera was removed. Raises BusyFault when one of the cameras is watched
        already, and what the library or an analyzer raises that no waiting mends; what was stored stays."""
        ended = threading.Event()
        with ExitStack() as held, Beside(self.workers) as beside:
            for camera in self.cameras:
                self._held[camera.name] = held.enter_context(claimed(self.library, self.home, camera))
            looker = Looker(self.library, self.open_reader, beside, self._numbers)
            for camera in self.cameras:
                self._mine[camera.name] = self._camera(camera, looker, stop)
            beat = threading.Thread(target=self._beat, args=(ended,), name="health", daemon=True)
            present = threading.Thread(target=self._present, args=(stop,), name="present", daemon=True)
            try:
                for mine in self._mine.values():
                    name = f"camera-{mine.camera.id}"
                    mine.thread = threading.Thread(target=mine.reader.run, args=(mine.stop,), name=name, daemon=True)
                    mine.thread.start()
                beat.start()
                present.start()
                while not stop.is_set():
                    self._turn(looker, stop)
                self._join()
                until = time.monotonic() + DRAIN
                while time.monotonic() < until and (item := self.backlog.get(0.0)) is not None:
                    self._look(looker, item, stop)
            finally:
                stop.set()
                self._join()
                ended.set()
                if beat.ident is not None:
                    beat.join()
                if present.ident is not None:
                    present.join()

    def _camera(self, camera: Camera, looker: Looker, stop: threading.Event) -> _Camera:
        """A camera's parts, with what an earlier process left to do."""
        least = self.settings.backlog + 2  # those that wait, the one that is looked at, the one that has just come
        root = rings.folder(self.home, camera.id) / "ring"
        ring = rings.Ring(root, self.settings.keep, self.settings.keep_bytes, least)
        health = self.health[camera.name]
        health.since, health.bytes = self.clock.wall(), ring.size
        latest = self._end(ring, looker.latest(camera.name))
        if ring.salvage(latest) is not None:
            latest = self._end(ring, latest)
        age = self._age(camera, ring, latest)
        health.reckoned, health.held, health.need = age.estimate, age.held, age.need
        left = deque(unseen(self.library, camera, ring.files()))
        reader = LiveCamera(
            camera.name,
            camera.source,
            ring,
            health,
            self._recorded,
            open_stream=self.open_stream,
            open_recorder=self.open_recorder,
            stamps=Stamps(latest),
            segment=self.settings.segment,
            clock=self.clock,
            seed=self.seed + camera.id,
            age=age,
        )
        return _Camera(camera, reader, ring, health, _Stop(stop), left=left)

    def _age(self, camera: Camera, ring: rings.Ring, latest: float) -> Age:
        """By what recordings grow old: what an earlier process knew of the time, else when the recordings end."""
        before = read_health(self.home, camera.id)
        if before is not None and before.reckoned is not None:
            return Age(ring.keep, before.reckoned, before.held, before.need)
        return Age(ring.keep, latest if ring.files() else None)

    def _end(self, ring: rings.Ring, latest: float) -> float:
        """When the recordings end, ``latest`` at least."""
        kept = ring.files()
        if not kept:
            return latest
        try:
            return max(latest, kept[-1].start + self.open_reader(kept[-1].path).info.duration)
        except MediaFault:  # its file is damaged: its beginning is what is known
            return max(latest, kept[-1].start)

    def _present(self, stop: threading.Event) -> None:
        """Look every ``present`` seconds whether the cameras are still there; end all readers with ``stop``."""
        while not stop.wait(self.present):
            for mine in self._mine.values():
                try:
                    self._here(mine)
                except (BackendFault, BusyFault, LibraryFault) as fault:
                    log.warning("whether %s is still in the library is not known: %s", mine.camera.name, fault)
            if all(mine.gone for mine in self._mine.values()):
                stop.set()
        self._stop_readers()

    def _here(self, mine: _Camera) -> bool:
        """Whether the camera is in the library, under its own number: one of the same name that was added anew is
        another. When it is not, its reader ends and nothing more is stored."""
        if not mine.gone and mine.camera.id not in {c.id for c in self.library.cameras()}:
            self._gone(mine)
        return not mine.gone

    def _gone(self, mine: _Camera) -> None:
        place = rings.folder(self.home, mine.camera.id)
        with self._leaving:
            if mine.gone:
                return
            mine.gone = True
            mine.health.note(self.clock.wall(), f"{REMOVED}: recording ends; what was recorded stays in {place}")
        mine.stop.set()
        mine.left.clear()

    def _missing(self, mine: _Camera, fault: NameFault) -> None:
        """The library says ``fault`` of a camera: that it is not there any more is told once, as what it is."""
        try:
            here = self._here(mine)
        except (BackendFault, BusyFault, LibraryFault) as unknown:
            log.warning("whether %s is still in the library is not known: %s", mine.camera.name, unknown)
            here = True
        if here:
            mine.health.note(self.clock.wall(), str(fault))
            mine.health.skipped += 1

    def _recorded(self, item: Recorded) -> None:
        """A file is finished (on its camera's thread)."""
        if self._mine[item.camera].gone:
            return
        over = self.backlog.put(item)
        if over is not None:
            self._over = True
            self._skip(over, TOO_BUSY)

    def _skip(self, item: Recorded, why: str) -> None:
        mine = self._mine[item.camera]
        health = mine.health
        if mine.gone:
            return
        health.skipped += 1
        try:
            if self._here(mine):
                Looker(self.library, self.open_reader, Beside(1), self._numbers).skip(item, why)
        except NameFault as fault:  # it was removed just now
            self._missing(mine, fault)
        except (MediaFault, BackendFault, BusyFault) as fault:
            # the file lies there without a row: the next watch finds it
            health.note(self.clock.wall(), str(fault))

    def _turn(self, looker: Looker, stop: threading.Event) -> None:
        """One file, or a moment without any."""
        item = self.backlog.get(0.5)
        now = time.monotonic()
        if item is None:
            self._set(self.pressure.look(now, 0.0, self._busy(now)))
            self._leftover(looker, stop)
            return
        waits = [t for t in (item.end, self.backlog.oldest()) if t is not None]
        waited = max(0.0, self.clock.wall() - min(waits))
        if self._over:  # what was left out no longer waits, but it is why the others do not wait longer
            self._over, waited = False, float("inf")
        self._set(self.pressure.look(now, waited, self._busy(now)))
        self._look(looker, item, stop)

    def _leftover(self, looker: Looker, stop: threading.Event) -> None:
        """There is time: one file that an earlier process left."""
        mine = next((m for m in self._mine.values() if m.left), None)
        if mine is not None:
            item = mine.left.popleft()
            if item.path.exists():
                self._look(looker, item, stop, live=False)

    def _look(self, looker: Looker, item: Recorded, stop: threading.Event, *, live: bool = True) -> None:
        """Look at a file; what waiting may mend is tried again."""
        mine, number = self._mine[item.camera], self.pressure.step
        step, began = self.steps[number], time.monotonic()
        for left in reversed(range(TRIES)):
            try:
                if not self._here(mine):
                    return
                mine.reader.frozen = looker.frozen(item) if live else mine.reader.frozen
                if live and mine.reader.frozen:
                    self._skip(item, FROZEN)
                    return
                report = looker.look(item, step.on, step.sample_fps, self.stored, self._held[item.camera])
                break
            except (BackendFault, BusyFault) as fault:
                if mine.gone:
                    return
                mine.health.note(self.clock.wall(), str(fault))
                if not left or stop.is_set():
                    mine.health.skipped += 1  # it lies there without rows: the next watch finds it
                    return
                self.clock.wait(stop, 2.0)
            except MediaFault as fault:  # it cannot be read
                mine.health.note(self.clock.wall(), str(fault))
                mine.health.skipped += 1
                return
            except NameFault as fault:  # the camera was removed while the file was looked at
                self._missing(mine, fault)
                return
        now = time.monotonic()
        self._spent.append((now, now - began))
        for problem in report.problems:
            mine.health.note(self.clock.wall(), problem.message)
        lag = self.clock.wall() - item.end
        if live:
            mine.health.lag = max(0.0, lag)
        self.looked(Looked(item, report.frames, lag, now - began, number))

    def _busy(self, now: float) -> float:
        """The share of the last half minute that went into looking."""
        while self._spent and self._spent[0][0] < now - BUSY_SECONDS:
            self._spent.popleft()
        return min(1.0, sum(spent for _, spent in self._spent) / BUSY_SECONDS)

    def _set(self, number: int) -> None:
        words = self.steps[number].words(number)
        for health in self.health.values():
            if health.step != number:
                health.note(self.clock.wall(), f"overload: {words}" if words else "everything is looked at again")
            health.step, health.words = number, words

    def _beat(self, ended: threading.Event) -> None:
        """Write every camera's health and tell what is new, until the end."""
        while True:
            last = ended.wait(BEAT)
            for mine in self._mine.values():
                health = mine.health
                health.heartbeat, health.waiting = self.clock.wall(), self.backlog.waiting(health.camera)
                if health.last_frame is not None and health.heartbeat - health.last_frame > SILENT:
                    health.fps = 0.0
                if mine.thread is not None and not mine.thread.is_alive() and health.state != "stopped":
                    health.state, health.problem = "stopped", "its reader broke down; see the log"
                if mine.told:
                    continue
                mine.told = mine.gone and (mine.thread is None or not mine.thread.is_alive())
                try:
                    write_health(self.home, mine.camera.id, health)
                except BackendFault as fault:
                    log.warning("%s", fault)
                notes, seen = health.notes, self._told.get(health.camera)
                # by the note itself, not by its time: the clock may have been set back
                new = next((i + 1 for i in reversed(range(len(notes))) if notes[i] is seen), 0)
                for note in notes[new:]:
                    self._told[health.camera] = note
                    self.note(health.camera, note[1])
            if last:
                return

    def _stop_readers(self) -> None:
        for mine in self._mine.values():
            mine.stop.set()

    def _join(self) -> None:
        self._stop_readers()
        for mine in self._mine.values():
            if mine.thread is not None and mine.thread.ident is not None:
                mine.thread.join(READ_SECONDS + 5.0)
        self.backlog.close()
