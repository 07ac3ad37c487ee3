"""One segment: read its frames once, let every analyzer that is due look at each, and gather their rows.

Owns that loop, the motion gate and the clocks of its parts. Writes nothing, and does not know whether it runs in the
process that stores the rows or on another machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from viot_agent.errors import MediaFault
from viot_agent.library.beside import Beside
from viot_agent.library.motion import Gate, MotionGate
from viot_agent.library.plan import Due
from viot_agent.library.records import MediaRow, RunRows, RunStamp
from viot_agent.library.rows import Analyzer, SegmentAnalysis, SegmentInfo, Shared
from viot_agent.media.types import Frame, Reader

OpenReader = Callable[[Path], Reader]


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of one segment. ``fault`` tells that reading stopped at ``at`` seconds, inside it or before its
    start."""

    found: list[RunRows]
    frames: int
    at: float
    fault: MediaFault | None = None


@dataclass(slots=True)
class Looking:
    """Looks at segments of ``camera``. ``seconds`` is what each part took until now; ``shown`` hears of every frame
    that was looked at: its file, and up to where."""

    camera: str
    stamps: Mapping[str, RunStamp]
    beside: Beside
    gate: Gate = Gate()  # noqa: RUF009 (frozen)
    seconds: dict[str, float] = field(default_factory=dict)
    shown: Callable[[MediaRow, float], None] = lambda row, at: None

    def segment(self, row: MediaRow, work: Due, frames: Iterator[Frame]) -> Looked:
        """Let the analyzers look at the frames of one segment. Raises what an analyzer raises."""
        span = work.span
        info = SegmentInfo(self.camera, row.path, span.idx, span.t0, span.t1, row.width, row.height, work.sample_fps)
        spent = {a.name: -self.seconds.get(a.name, 0.0) for a in work.run}
        looking: list[tuple[Analyzer, SegmentAnalysis]] = []
        for analyzer in work.run:
            with self.clock(analyzer.name):
                looking.append((analyzer, analyzer.start(info)))
        gate = MotionGate(self.gate)
        n, at, fault = 0, span.t0, None
        for t in work.times():
            try:
                with self.clock("decode"):
                    frame = next(frames, None)
            except MediaFault as error:
                fault = error
                break
            if frame is None:
                fault = MediaFault(f"The file {row.path} ended before its time.")
                break
            with self.clock("motion"):
                motion, still = gate.look(frame)
            shared = Shared(motion, still)
            self.beside.see(looking, frame, shared, self.clock)
            n += 1
            at = min(span.t1, t + 1 / work.sample_fps)
            self.shown(row, at)
        self.beside.flush()
        found = []
        for analyzer, analysis in looking:
            if analyzer.name in work.write:
                with self.clock(analyzer.name):
                    rows = analysis.finish()
                cost = spent[analyzer.name] + self.seconds[analyzer.name]
                found.append(RunRows(self.stamps[analyzer.name], rows, work.sample_fps, n, cost))
        return Looked(found, n, span.t1 if fault is None else at, fault)

    @contextmanager
    def clock(self, part: str) -> Iterator[None]:
        """What runs in it counts as ``part``."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - start
