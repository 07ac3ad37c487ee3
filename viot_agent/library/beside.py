"""Analyzers of one frame side by side: those that do not need each other look at the same time, on threads.

ONNX Runtime, OpenCV and the decoders leave Python's lock while they work, so two cores are used by one process and no
model is loaded twice. The rows are the same as one after the other: an analyzer has its own state and reads only the
results of those it needs. Owns the threads. Knows no analyzer and no storage.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

from viot_agent.library.rows import Analyzer, SegmentAnalysis, Shared
from viot_agent.media.types import Frame

Clock = Callable[[str], AbstractContextManager[None]]


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Beside:
    """``workers`` threads for one ingest run; 1 means one analyzer after the other. Use as a context manager."""

    def __init__(self, workers: int | None = None) -> None:
        workers = cores() if workers is None else workers
        self._pool = ThreadPoolExecutor(workers, "analyzer") if workers > 1 else None

    def __enter__(self) -> Beside:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def see(
        self, looking: Sequence[tuple[Analyzer, SegmentAnalysis]], frame: Frame, shared: Shared, clock: Clock
    ) -> None:
        """Every analyzer (in dependency order) looks at ``frame``; results are in ``shared`` when this returns.

        Raises what an analyzer raised, after all have ended.
        """

        def look(analyzer: Analyzer, analysis: SegmentAnalysis, before: Sequence[Future[Any]]) -> None:
            for needed in before:
                needed.result()
            with clock(analyzer.name):
                shared.results[analyzer.name] = analysis.see(frame, shared)

        if self._pool is None or len(looking) == 1:
            for analyzer, analysis in looking:
                look(analyzer, analysis, ())
            return
        futures: dict[str, Future[Any]] = {}
        for analyzer, analysis in looking:  # in order: what is needed has been started before who waits for it
            before = [futures[n] for n in analyzer.needs if n in futures]
            futures[analyzer.name] = self._pool.submit(look, analyzer, analysis, before)
        faults = [error for future in futures.values() if (error := future.exception()) is not None]
        if faults:
            raise faults[0]
