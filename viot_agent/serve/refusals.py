"""What was turned away at the door, noted in the audit log: who came, from where, for what, and why not.

A refused request never reaches the agent, so it has no run. A flood must not fill the log: of refusals that are alike
(who, from where, why) the first of a minute is written at once, and the rest of that minute as one row with their
number; of all together at most ``MOST`` are written in a minute. Owns that; decides nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from viot_agent.steps import Principal

WINDOW = 60.0
MOST = 60
LONGEST = 300
NOBODY = Principal("nobody", "none")
"""Who came without saying who, or could not prove it."""


class Notes(Protocol):
    """The part of the audit log that is written here (``viot_agent.policy.audit.Audit``)."""

    def note(
        self, kind: str, *, by: Principal, data: Mapping[str, Any] | None = None, words: Mapping[str, Any] | None = None
    ) -> object: ...


@dataclass(slots=True)
class _Held:
    since: float
    more: int
    principal: Principal
    what: str


@dataclass(frozen=True, slots=True)
class _Row:
    principal: Principal
    address: str
    what: str
    why: str
    more: int = 0


class Refusals:
    """Thread-safe. ``clock`` gives seconds that only grow; ``close`` writes what is still held back."""

    def __init__(self, audit: Notes, *, way: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._audit, self._way, self._clock = audit, way, clock
        self._held: dict[tuple[str, str, str], _Held] = {}
        self._lock = threading.Lock()
        self._since, self._written, self._over = clock(), 0, 0

    def tell(self, principal: Principal, address: str, what: str, why: str) -> None:
        """Somebody was refused ``what`` because of ``why`` (a sentence without its full stop)."""
        now, key = self._clock(), (principal.name, address, why)
        with self._lock:
            rows = self._due(now)
            held = self._held.get(key)
            if held is not None:
                held.more += 1
            elif self._written < MOST:
                self._written += 1
                self._held[key] = _Held(now, 0, principal, what)
                rows.append(_Row(principal, address, what, why))
            else:
                self._over += 1
        self._write(rows)

    def close(self) -> None:
        """Write the numbers that are still held back."""
        with self._lock:
            rows = self._due(float("inf"))
        self._write(rows)

    def _due(self, now: float) -> list[_Row]:
        """What is to be written of windows that are over by ``now``."""
        rows = []
        for key in [k for k, h in self._held.items() if now - h.since >= WINDOW]:
            held = self._held.pop(key)
            if held.more:
                rows.append(_Row(held.principal, key[1], held.what, key[2], held.more))
        if now - self._since >= WINDOW:
            if self._over:
                rows.append(_Row(NOBODY, "several", "several", "more refusals than are written one by one", self._over))
            self._since, self._written, self._over = now, 0, 0
        return rows

    def _write(self, rows: list[_Row]) -> None:
        for row in rows:
            data = {"way": self._way, "address": row.address[:64], "why": row.why, "more": row.more}
            self._audit.note("request_refused", by=row.principal, data=data, words={"request": row.what[:LONGEST]})
