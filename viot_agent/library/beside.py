"""Analyzers side by side: each has its own thread and takes the frames in order, ``AHEAD`` ahead of another at most.

ONNX Runtime, OpenCV and the decoders leave Python's lock while they work, so two cores are used by one process and no
model is loaded twice. The rows are the same as one after the other: an analyzer has its own state and reads only the
results of those it needs. Owns the threads. Knows no analyzer and no storage.
"""

from __future__ import annotations

import os
from collections import deque
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


AHEAD = 2
"""Frames that may be under way at once; more would only hold more pictures in memory."""


class Beside:
    """The threads of one ingest run; ``workers`` 1 means one analyzer after the other. Use as a context manager."""

    def __init__(self, workers: int | None = None) -> None:
        self._threaded = (cores() if workers is None else workers) > 1
        self._threads: dict[str, ThreadPoolExecutor] = {}
        self._under_way: deque[list[Future[Any]]] = deque()

    def __enter__(self) -> Beside:
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads.values():
            thread.shutdown(wait=True, cancel_futures=True)

    def see(
        self, looking: Sequence[tuple[Analyzer, SegmentAnalysis]], frame: Frame, shared: Shared, clock: Clock
    ) -> None:
        """Every analyzer (in dependency order) looks at ``frame``, now or soon; ``flush`` waits for all.

        Raises what an analyzer raised on this frame or one of the last.
        """

        def look(analyzer: Analyzer, analysis: SegmentAnalysis, before: Sequence[Future[Any]]) -> None:
            for needed in before:
                needed.result()
            with clock(analyzer.name):
                shared.results[analyzer.name] = analysis.see(frame, shared)

        if not self._threaded or len(looking) == 1:
            for analyzer, analysis in looking:
                look(analyzer, analysis, ())
            return
        futures: dict[str, Future[Any]] = {}
        for analyzer, analysis in looking:
            before = [futures[n] for n in analyzer.needs if n in futures]
            futures[analyzer.name] = self._thread(analyzer.name).submit(look, analyzer, analysis, before)
        self._under_way.append(list(futures.values()))
        if len(self._under_way) > AHEAD:
            self._wait()

    def flush(self) -> None:
        """Wait until every frame given so far was looked at. Raises what an analyzer raised."""
        while self._under_way:
            self._wait()

    def _thread(self, name: str) -> ThreadPoolExecutor:
        if name not in self._threads:
            self._threads[name] = ThreadPoolExecutor(1, f"analyzer-{name}")
        return self._threads[name]

    def _wait(self) -> None:
        faults = [e for future in self._under_way.popleft() if (e := future.exception()) is not None]
        if faults:
            while self._under_way:  # let the others end: their state is still in use
                for future in self._under_way.popleft():
                    future.exception()
            raise faults[0]
