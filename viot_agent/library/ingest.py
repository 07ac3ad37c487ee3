"""From a camera's files to rows: what is due of each, looked at (``looking``) and stored segment by segment.

A segment's rows are one transaction, so a killed run resumes where it stood and neither loses nor doubles anything;
memory holds one segment. Owns the loop over files, the lock, progress and the report. Does not know what an analyzer
looks for, how a file is decoded, or SQL.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from viot_agent.errors import MediaFault, NameFault
from viot_agent.fleet.types import Camera
from viot_agent.library import names, sources, started
from viot_agent.library.beside import Beside
from viot_agent.library.lock import Held
from viot_agent.library.looking import Looked, Looking, OpenReader
from viot_agent.library.motion import Gate
from viot_agent.library.plan import Due, due, order, stamps, times
from viot_agent.library.records import MediaRow, SegmentSpan
from viot_agent.library.rows import Analyzer
from viot_agent.library.store import Library
from viot_agent.media.types import Reader


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands. ``at`` of ``duration`` seconds in file ``file`` (from 1) of ``files``; ``frames`` looked at
    and their ``fps`` by the wall clock; ``times_real_time`` seconds of footage a second."""

    camera: str
    media: Path
    file: int
    files: int
    at: float
    duration: float
    frames: int
    fps: float
    times_real_time: float


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that could not be read, or not past ``t`` seconds."""

    media: Path
    t: float
    message: str


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What a run did. ``footage`` seconds were looked at in ``wall`` seconds; ``segments`` stored, ``done_before``
    found complete. ``seconds`` per part: ``decode``, ``motion``, ``store``, ``alerts`` and each analyzer by name;
    analyzers run side by side, so their sum may exceed ``wall``."""

    camera: str
    files: int
    segments: int
    done_before: int
    frames: int
    footage: float
    wall: float
    seconds: dict[str, float] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    messages: tuple[str, ...] = ()

    @property
    def fps(self) -> float:
        """Frames looked at a second of wall time."""
        return self.frames / self.wall if self.wall > 0 else 0.0

    @property
    def times_real_time(self) -> float:
        """Seconds of footage a second of wall time."""
        return self.footage / self.wall if self.wall > 0 else 0.0


def ingest(
    library: Library,
    camera: str,
    analyzers: Sequence[Analyzer],
    *,
    open_reader: OpenReader,
    segment_seconds: float = 30.0,
    sample_fps: float = 5.0,
    progress: Callable[[Progress], None] | None = None,
    gate: Gate = Gate(),  # noqa: B008 (frozen)
    wait: bool = False,
    owner: str = "local",
    workers: int | None = None,
    stored: Callable[[], None] | None = None,
) -> IngestReport:
    """Index what is new on ``camera``: every segment that one of ``analyzers`` has not looked at.

    Analyzers that do not need each other look at a frame at the same time, on ``workers`` threads (default: the cores
    this process may use). Frames are sampled at ``sample_fps``; segments are ``segment_seconds`` long (a file seen
    before keeps its own). ``stored`` is called after each of them is committed. A file that breaks off keeps what was
    read and is named in the report's ``problems``; so is a file of a folder that cannot be opened. Raises NameFault for
    an unknown camera, MediaFault when the source is not there or its only file cannot be opened, BusyFault when another
    process is indexing (unless ``wait``), FailedFault
    for analyzers that do not fit together, and BackendFault when the disk is full: what was committed stays.
    """
    if segment_seconds <= 0 or sample_fps <= 0:
        raise ValueError("segment_seconds and sample_fps must be positive")
    ordered = order(analyzers)
    found = camera_of(library, camera)
    with library.ingest_lock(found, wait=wait) as held:
        found = camera_of(library, camera)  # it may have changed while this process waited
        with Beside(workers) as beside:
            job = Job(library, found, ordered, open_reader, segment_seconds, sample_fps, progress, gate, owner, beside)
            job.held = held
            if stored is not None:
                job.stored, job.seconds["alerts"] = stored, 0.0
            return job.run()


def ingest_file(
    library: Library,
    camera: str,
    row: MediaRow,
    analyzers: Sequence[Analyzer],
    *,
    open_reader: OpenReader,
    beside: Beside,
    sample_fps: float = 5.0,
    gate: Gate = Gate(),  # noqa: B008 (frozen)
    stored: Callable[[], None] | None = None,
    held: Held | None = None,
) -> IngestReport:
    """Index what is left to do of one file that has its row already, as :func:`ingest` does; for live recordings.

    Takes no lock: the caller holds the camera's (``held``). Raises NameFault, FailedFault, MediaFault when the file
    cannot be opened, BackendFault when the disk is full.
    """
    found = camera_of(library, camera)
    job = Job(library, found, order(analyzers), open_reader, row.segment_seconds, sample_fps, None, gate, "", beside)
    if stored is not None:
        job.stored, job.seconds["alerts"] = stored, 0.0
    job.file, job.files, job.held = 1, 1, held
    job.due(row, None)
    return job.report()


def camera_of(library: Library, name: str) -> Camera:
    """The camera of this name. Raises NameFault."""
    known = library.cameras()
    match: Camera | None = next((c for c in known if names.folded(c.name) == names.folded(name)), None)
    if match is None:
        fault: NameFault = names.unknown("camera", name, [c.name for c in known])
        raise fault
    return match


class Job:
    """One run over one camera: what is due, what was stored, and how it went."""

    def __init__(
        self,
        library: Library,
        camera: Camera,
        ordered: Sequence[Analyzer],
        open_reader: OpenReader,
        segment_seconds: float,
        sample_fps: float,
        progress: Callable[[Progress], None] | None,
        gate: Gate,
        owner: str,
        beside: Beside,
    ) -> None:
        self.stored: Callable[[], None] | None = None
        self.held: Held | None = None
        self.library = library
        self.camera = camera
        self.ordered = ordered
        self.open_reader = open_reader
        self.segment_seconds = segment_seconds
        self.sample_fps = sample_fps
        self.progress = progress
        self.owner = owner
        self.began = time.perf_counter()
        self.shown = 0.0
        self.seconds = dict.fromkeys(["decode", "motion", *(a.name for a in ordered), "store"], 0.0)
        self.looking = Looking(camera.name, stamps(ordered), beside, gate, self.seconds, self._seen)
        self.segments = self.done_before = self.frames = 0
        self.footage = 0.0
        self.file, self.files = 0, 0
        self.single = not Path(camera.source).is_dir()
        self.problems: list[Problem] = []
        self.messages: list[str] = []

    def run(self) -> IngestReport:
        """All files in order."""
        for row, reader in self.files_due(alone=True):
            try:
                self.due(row, reader)
            except MediaFault as fault:
                if self.single:
                    raise
                self.problems.append(Problem(row.path, 0.0, str(fault)))
        return self.report()

    def files_due(self, *, alone: bool) -> Iterator[tuple[MediaRow, Reader | None]]:
        """All files in order, each with its row, and its reader where it had to be opened for that. ``alone``: a fault
        of the camera's only file is raised; else it is a problem of the report."""
        try:
            paths = sources.files(self.camera)
        except MediaFault as fault:
            if alone:
                raise
            self.problems.append(Problem(Path(self.camera.source), 0.0, str(fault)))
            return
        if not self.single and self.camera.start is not None:
            self.messages.append("The camera's start time is for a single file; each file of its folder keeps its own.")
        known = {row.path: row for row in self.library.media_rows(self.camera.name)}
        self.files = len(paths)
        for i, path in enumerate(paths):
            self.file = i + 1
            try:
                found = self._file(path, known.get(path))
            except MediaFault as fault:
                if self.single and alone:
                    raise
                self.problems.append(Problem(path, 0.0, str(fault)))
                continue
            yield found

    def report(self) -> IngestReport:
        """What was done until now."""
        return IngestReport(
            camera=self.camera.name,
            files=self.files,
            segments=self.segments,
            done_before=self.done_before,
            frames=self.frames,
            footage=self.footage,
            wall=time.perf_counter() - self.began,
            seconds=self.seconds,
            problems=tuple(self.problems),
            messages=tuple(self.messages),
        )

    def _file(self, path: Path, row: MediaRow | None) -> tuple[MediaRow, Reader | None]:
        """One file: its row, made where it is new or has changed."""
        mark = sources.fingerprint(path)
        reader: Reader | None = None
        if row is None or not sources.same(row.fingerprint, mark):
            reader = self.open_reader(path)
            info = reader.info
            if info.duration <= 0:
                raise MediaFault(f"The file {path} holds no frames.")
            if row is not None:
                self.messages.append(f"{path} has changed since it was indexed; what was found in it is replaced.")
            start_ts, origin = started.began(self.camera, info, mark.mtime, single=self.single)
            why = "" if origin == "camera" else started.named(path.name, self.camera.tz)[1]
            if why:
                self.messages.append(f"{path}: {why}, so that its start is {started.BY[origin]}.")
            row = self.library.add_media(
                self.camera.name,
                path,
                mark,
                start_ts=start_ts,
                start_origin=origin,
                duration=info.duration,
                fps=info.fps,
                width=info.width,
                height=info.height,
                segment_seconds=self.segment_seconds,
                owner=self.owner,
            )
        elif row.problem:
            self.problems.append(Problem(path, row.duration, row.problem))
        return row, reader

    def due(self, row: MediaRow, reader: Reader | None) -> None:
        """Look at and store the segments of one file that are left to do; ``reader`` where it is open already."""
        todo, before = self.plan(row)
        if not todo:
            return
        reader = reader or self.open_reader(row.path)
        frames = reader.read(times(todo))
        for work in todo:
            if not self.store(row, work, self.looking.segment(row, work, frames), before):
                return

    def plan(self, row: MediaRow) -> tuple[list[Due], frozenset[int]]:
        """The segments of one file that are left to do, and the numbers of those that were stored before."""
        stored = self.library.stored_runs(row.id)
        purged = self.library.purged(row)
        wanted = due(row, self.ordered, stored, self.sample_fps)
        todo = [one for one in wanted if all(one.span.t1 <= a or one.span.t0 >= b for a, b in purged)]
        if len(todo) < len(wanted):
            left = len(wanted) - len(todo)
            self.messages.append(f"{row.path}: {left} segment(s) lie in a time that was purged; they are left out.")
        before = frozenset(s.idx for s in stored)
        self.done_before += len(before - {d.span.idx for d in todo})
        return todo, before

    def store(self, row: MediaRow, work: Due, looked: Looked, before: frozenset[int]) -> bool:
        """Store one segment, let alerts look, tell how far it is; False when nothing after it can be read."""
        if looked.frames or looked.fault is None:
            cut = SegmentSpan(work.span.idx, work.span.t0, looked.at)
            with self.looking.clock("store"):
                if self.held is not None:
                    self.held.check()
                self.library.write_segment(row, cut, looked.found)
            self.segments += 1
            self.footage += looked.at - work.span.t0
            if self.stored is not None:
                with self.looking.clock("alerts"):
                    self.stored()
            self._show(row, looked.at, force=True)
        if looked.fault is not None:
            self._stopped(row, work, looked.fault, looked.at, first=all(idx < work.span.idx for idx in before))
        return looked.fault is None

    def _stopped(self, row: MediaRow, work: Due, fault: MediaFault, at: float, *, first: bool) -> None:
        """Report a file that broke off; the same file is not tried past that point again.

        ``first`` is False when another analyzer once got through here: then the file was whole, so only this run is
        told.
        """
        message = f"{fault.message} Read up to {at:.1f} s of {row.duration:.1f} s."
        self.problems.append(Problem(row.path, at, message))
        if first:
            self.library.media_stopped(row.id, at, message)

    def _seen(self, row: MediaRow, at: float) -> None:
        self.frames += 1
        self._show(row, at)

    def _show(self, row: MediaRow, at: float, *, force: bool = False) -> None:
        """Tell how far it is, at most five times a second."""
        now = time.perf_counter()
        if self.progress is None or (now - self.shown < 0.2 and not force):
            return
        self.shown = now
        wall = max(now - self.began, 1e-9)
        # in the middle of a segment its seconds so far count too
        footage = self.footage if force else self.footage + at % row.segment_seconds
        self.progress(
            Progress(
                self.camera.name,
                row.path,
                self.file,
                self.files,
                at,
                row.duration,
                self.frames,
                self.frames / wall,
                footage / wall,
            )
        )
