"""Timing that several benchmarks share; not one itself."""

from __future__ import annotations

import time
from collections.abc import Callable


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """(seconds of the clock, seconds of the processor) of one call."""
    clock, processor = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - clock, time.process_time() - processor
