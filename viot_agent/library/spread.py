"""Indexing by many workers: they look at pieces of recordings, this process alone plans and stores.

A worker is given a piece (a few segments of one recording) and gives back rows; it opens no library. So nothing is
lost or doubled whatever becomes of workers: a piece that a dead one had is looked at again by another, and one that
comes back twice is stored once, under the same lock and the same unique constraints as everywhere. Pieces are stored in
their order, so the rows are those of one process. Memory: ``cluster.AHEAD`` pieces for each worker.

Owns pieces and their order. Does not know what runs them (``cluster`` does), and not what an analyzer looks for.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from viot_agent.cluster import AHEAD, Pool
from viot_agent.errors import FailedFault, MediaFault
from viot_agent.fleet.types import Camera
from viot_agent.library.beside import Beside
from viot_agent.library.ingest import IngestReport, Job, Problem, Progress, camera_of
from viot_agent.library.looking import Looked, Looking, OpenReader
from viot_agent.library.motion import Gate
from viot_agent.library.plan import Due, order, stamps, times
from viot_agent.library.records import MediaRow, RunStamp, SegmentSpan
from viot_agent.library.rows import Analyzer
from viot_agent.library.store import Library

PIECE = 4
"""Segments of one recording that a worker looks at in one go."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is due of a segment, in names: a :class:`~viot_agent.library.plan.Due` that can travel."""

    span: SegmentSpan
    sample_fps: float
    run: tuple[str, ...]
    write: frozenset[str]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some segments of one recording. ``stamps``: of every analyzer that runs, as who planned it knows them."""

    camera: str
    row: MediaRow
    work: tuple[Work, ...]
    stamps: tuple[RunStamp, ...]
    gate: Gate = Gate()  # noqa: RUF009 (frozen)


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a piece: one :class:`Looked` a segment, fewer where reading stopped; ``seconds`` of each part.
    ``shut``: the recording could not be opened at all."""

    looked: tuple[Looked, ...]
    seconds: dict[str, float] = field(default_factory=dict)
    shut: MediaFault | None = None


def look(piece: Piece, analyzers: Sequence[Analyzer], open_reader: OpenReader) -> Seen:
    """What a worker does. Raises FailedFault where its analyzers are not those that the piece was planned with."""
    ordered = order([a for a in analyzers if a.name in {s.analyzer for s in piece.stamps}])
    mine = stamps(ordered)
    for stamp in piece.stamps:
        if mine.get(stamp.analyzer) != stamp:
            has = mine.get(stamp.analyzer)
            words = "none" if has is None else f"{has.model} {has.model_version}"
            raise FailedFault(
                f"The worker on {socket.gethostname()} would look at {piece.camera} with another {stamp.analyzer}: "
                f"{words}, not {stamp.model} {stamp.model_version}.",
                fix="install the same version there, with the same VIOT_MODELS and VIOT_TIER, before `ray start`",
            )
    todo = [
        Due(w.span, w.sample_fps, tuple(a for a in ordered if a.name in w.run), frozenset(w.write)) for w in piece.work
    ]
    found: list[Looked] = []
    with Beside(1) as beside:
        looking = Looking(piece.camera, mine, beside, piece.gate)
        try:
            frames = open_reader(piece.row.path).read(times(todo))
        except MediaFault as fault:
            return Seen((), shut=MediaFault(f"{fault.message} (on {socket.gethostname()})", fix=fault.fix))
        for work in todo:
            found.append(looking.segment(piece.row, work, frames))
            if found[-1].fault is not None:
                break
        return Seen(tuple(found), looking.seconds)


def ingest_spread(
    library: Library,
    cameras: Sequence[Camera],
    analyzers: Sequence[Analyzer],
    pool: Pool,
    *,
    open_reader: OpenReader,
    segment_seconds: float = 30.0,
    sample_fps: float = 5.0,
    progress: Callable[[Progress], None] | None = None,
    gate: Gate = Gate(),  # noqa: B008 (frozen)
    wait: bool = False,
    owner: str = "local",
    stored: Callable[[], None] | None = None,
) -> list[IngestReport]:
    """Index what is new on ``cameras`` as :func:`~viot_agent.library.ingest.ingest` does each. One report each,
    in their order.

    A recording that cannot be opened is a problem of its camera's report, also where it is the only one. Raises
    BusyFault when another process is indexing (unless ``wait``), FailedFault, BackendFault: what was stored stays, and
    the next run goes on there.
    """
    ordered = order(analyzers)
    turns: dict[int, _Turn] = {}
    with ExitStack() as stack, Beside(1) as beside:
        shared = None if library.db.server else stack.enter_context(library.ingest_lock(cameras[0], wait=wait))

        def pieces() -> Iterator[tuple[_Turn, Piece, list[Due], frozenset[int], int]]:
            for named in sorted(cameras, key=lambda c: c.id):  # whoever waits for locks takes them in this order
                turn = _Turn(stack.enter_context(ExitStack()))
                held = shared or turn.lock.enter_context(library.ingest_lock(named, wait=wait))
                camera = camera_of(library, named.name)  # it may have changed while this process waited
                turn.job = job = Job(
                    library, camera, ordered, open_reader, segment_seconds, sample_fps, progress, gate, owner, beside
                )
                job.held = held
                if stored is not None:
                    job.stored, job.seconds["alerts"] = stored, 0.0
                turns[named.id] = turn
                for row, _ in job.files_due(alone=False):
                    todo, before = job.plan(row)
                    for i in range(0, len(todo), PIECE):
                        turn.out += 1
                        some = todo[i : i + PIECE]
                        yield turn, _piece(job, row, some, gate), some, before, job.file
                turn.planned = True
                turn.rest()

        given: deque[tuple[_Turn, Piece, list[Due], frozenset[int], int, Any]] = deque()
        left = pieces()
        broken: set[int] = set()
        while True:
            while len(given) < AHEAD * max(1, pool.size) and (one := next(left, None)) is not None:
                given.append((*one, pool.submit(one[1])))
            if not given:
                return [turns[camera.id].job.report() for camera in cameras]
            turn, piece, todo, before, file, handle = given.popleft()
            if piece.row.id not in broken and not _store(turn.job, piece, todo, before, file, pool.result(handle)):
                broken.add(piece.row.id)  # nothing after that can be read
            turn.out -= 1
            turn.rest()


@dataclass(slots=True)
class _Turn:
    """A camera's job, and the lock that is held until its last piece is stored. ``out`` pieces are given out."""

    lock: ExitStack
    out: int = 0
    planned: bool = False
    job: Job = field(init=False)

    def rest(self) -> None:
        """Let others at the camera when all is done."""
        if self.planned and not self.out:
            self.lock.close()


def _piece(job: Job, row: MediaRow, todo: Sequence[Due], gate: Gate) -> Piece:
    names = {a.name for due in todo for a in due.run}
    work = tuple(Work(due.span, due.sample_fps, tuple(a.name for a in due.run), due.write) for due in todo)
    return Piece(job.camera.name, row, work, tuple(s for n, s in job.looking.stamps.items() if n in names), gate)


def _store(job: Job, piece: Piece, todo: Sequence[Due], before: frozenset[int], file: int, seen: Seen) -> bool:
    """Store what came of a piece; False when nothing after it can be read."""
    for part, spent in seen.seconds.items():
        job.seconds[part] = job.seconds.get(part, 0.0) + spent
    if seen.shut is not None:
        job.problems.append(Problem(piece.row.path, 0.0, str(seen.shut)))
        return False
    job.file = file
    for due, looked in zip(todo, seen.looked, strict=False):  # fewer where reading stopped
        job.frames += looked.frames
        if not job.store(piece.row, due, looked, before):
            return False
    return True
