"""Recorded files that wait to be looked at: few a camera, the longest waiting first.

Owns the bound. Memory holds paths and numbers only: what waits lies on disk.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Recorded:
    """A finished file of ``camera`` (its name), ``start`` to ``end`` POSIX seconds; ``width`` and ``height`` in pixels
    and ``fps`` as its stream had them, 0 where that is not known."""

    camera: str
    path: Path
    start: float
    end: float
    width: int = 0
    height: int = 0
    fps: float = 0.0


class Backlog:
    """At most ``limit`` files a camera. Safe between threads."""

    def __init__(self, limit: int = 4) -> None:
        self.limit = limit
        self._waiting: dict[str, deque[Recorded]] = {}
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: Recorded) -> Recorded | None:
        """Add a file; gives back the camera's oldest where it has more than ``limit``: nobody will look at that one."""
        with self._changed:
            mine = self._waiting.setdefault(item.camera, deque())
            mine.append(item)
            self._changed.notify()
            return mine.popleft() if len(mine) > self.limit else None

    def get(self, timeout: float) -> Recorded | None:
        """The file that has waited longest, of all cameras; None after ``timeout`` seconds or when closed."""
        with self._changed:
            if not any(self._waiting.values()) and not self._closed:
                self._changed.wait(timeout)
            heads = [(q[0].end, name) for name, q in self._waiting.items() if q]
            return self._waiting[min(heads)[1]].popleft() if heads else None

    def close(self) -> None:
        """Nothing more comes: ``get`` no longer waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def oldest(self) -> float | None:
        """POSIX seconds at which the longest waiting file ended."""
        with self._changed:
            return min((q[0].end for q in self._waiting.values() if q), default=None)

    def waiting(self, camera: str) -> int:
        """How many files of this camera wait."""
        with self._changed:
            return len(self._waiting.get(camera, ()))
