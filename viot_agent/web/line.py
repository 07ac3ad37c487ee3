"""Requests wait in line: so many are worked on at once, the others hear what number they are.

Owns the threads and the order. Knows nothing of what a request does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Place:
    """One that waits; ``number`` is what it was told last, 0 for nothing."""

    moved: Callable[[int], None]
    number: int = 0


class Line(Generic[T]):
    """First come, first served, by ``at_once`` threads."""

    def __init__(self, at_once: int, name: str) -> None:
        self.at_once = at_once
        self._pool = ThreadPoolExecutor(at_once, name)
        self._lock = threading.Lock()
        self._waiting: list[_Place] = []
        self._working = 0

    def submit(self, work: Callable[[], T], moved: Callable[[int], None]) -> Future[T]:
        """Do ``work`` when its turn comes. Where it must wait, ``moved`` hears its number in line (1: the next), each
        lower one, and 0 when the work begins.

        A future that is cancelled before its turn leaves the line, and the others move up.
        """
        place = _Place(moved)

        def turn() -> T:
            self._leave(place, 1)
            try:
                if place.number:
                    moved(0)
                return work()
            finally:
                with self._lock:
                    self._working -= 1

        with self._lock:  # both at once: the order of the numbers is the order of the work
            future = self._pool.submit(turn)
            self._waiting.append(place)
            self._tell()
        future.add_done_callback(lambda done: self._leave(place, 0) if done.cancelled() else None)
        return future

    def _leave(self, place: _Place, working: int) -> None:
        with self._lock:
            self._waiting.remove(place)
            self._working += working
            self._tell()

    def _tell(self) -> None:
        """Numbers that are new. Those for whom a thread is free begin at once and are told nothing."""
        free = self.at_once - self._working
        for number, place in enumerate(self._waiting[max(0, free) :], 1):
            if number != place.number:
                place.number = number
                place.moved(number)
