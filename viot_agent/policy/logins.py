"""Wrong passwords and keys: after a few, the same name from the same address waits, longer each time.

Owns the counts and the waiting. Checks no password or key, and reads no request.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

FREE = 5
"""Wrong passwords before anything is made to wait."""
FIRST, MOST = 2.0, 60.0
"""Seconds of the first and of the longest wait; it doubles with each further wrong password."""
FORGOTTEN = 900.0
"""Seconds without a wrong password after which the count begins anew."""
KNOWN = 10_000
"""Names that are remembered; the longest untouched goes first."""

Key = tuple[str, str]
"""(address, name). Not the address alone: behind a proxy or a router all people have one."""


@dataclass(slots=True)
class _Count:
    wrong: int
    last: float


class Logins:
    """Counts wrong passwords. ``clock`` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: OrderedDict[Key, _Count] = OrderedDict()

    def wait(self, key: Key) -> float:
        """Seconds until the next password of this name and address is looked at; 0 for at once."""
        count = self._counts.get(key)
        if count is None or count.wrong < FREE:
            return 0.0
        pause = min(MOST, FIRST * 2.0 ** min(count.wrong - FREE, 30))
        return max(0.0, count.last + pause - self._clock())

    def wrong(self, key: Key) -> None:
        """A password was wrong."""
        now = self._clock()
        count = self._counts.pop(key, None)
        if count is None or now - count.last > FORGOTTEN:
            count = _Count(0, now)
        self._counts[key] = _Count(count.wrong + 1, now)
        while len(self._counts) > KNOWN:
            self._counts.popitem(last=False)

    def right(self, key: Key) -> None:
        """It was right: nothing is held against the name from there."""
        self._counts.pop(key, None)
