"""What time it is for retention: the clock of this machine, unless that was set forward.

A recording goes when it is too old, and nothing brings it back; a clock that was set wrong must not do that. So time
goes on by the counter that is never set, and the clock is followed while it stays near. One that is far ahead is
believed after it has stayed so for a stated time. Owns that estimate. Reads no clock itself.
"""

from __future__ import annotations

BOUND = 300.0
"""Seconds by which the clock may leave the estimate and is followed at once."""
HOLD = 86_400.0
"""Seconds for which a clock that was set forward must run before it is believed; ``keep`` where that is less: by then
all that was recorded before has grown too old by the counter too."""
HOLD_START = 3_600.0
"""The same for a clock that is found ahead at the start: most often nobody watched for a while."""


class Age:
    """Ask :meth:`now` again and again. ``keep`` seconds of recordings are kept.

    ``known``: the estimate that an earlier process left, or the end of the newest recording; None where there is
    neither, and the clock is believed. ``held``: seconds for which that process had not believed the clock, and
    ``need`` after how many it would have.
    """

    def __init__(
        self, keep: float = float("inf"), known: float | None = None, held: float = 0.0, need: float = 0.0
    ) -> None:
        self.estimate = known
        self.held, self.need, self._keep = held, need, keep
        self.ahead = 0.0
        """Seconds by which the clock is ahead and not believed; 0 when it is."""
        self._mono: float | None = None

    def now(self, wall: float, mono: float) -> tuple[float, str]:
        """POSIX seconds against which recordings are old, and what is to be said (mostly nothing)."""
        first, before = self._mono is None, self.ahead
        passed = 0.0 if self._mono is None else max(0.0, mono - self._mono)
        self._mono = mono
        if self.estimate is None:
            self.estimate = wall
        self.estimate += passed
        ahead = wall - self.estimate
        if ahead <= BOUND:
            if ahead >= -BOUND:
                self.estimate = wall
            # further back: stamps go on from where they were, and their time with them
            self.ahead = self.held = self.need = 0.0
            return self.estimate, "this machine's clock is right again; recordings grow old by it" if before else ""
        again = first and self.need > 0  # an earlier process did not believe it either
        if not before and not again:
            self.held, self.need = 0.0, min(self._keep, HOLD_START if first else HOLD)
            passed = 0.0
        elif abs(ahead - before) > BOUND and not first:  # set once more
            self.held, passed, before = 0.0, 0.0, 0.0
        self.held += passed
        if self.held >= self.need:
            self.estimate = wall
            self.ahead = self.held = self.need = 0.0
            return wall, f"this machine's clock, {_long(ahead)} ahead, is believed now; recordings grow old by it"
        self.ahead = ahead
        away = ", or nobody watched for as long" if first else ""
        words = (
            f"this machine's clock is {_long(ahead)} ahead of what was known{away}; nothing is taken away as too old "
            f"by it until it has run so for {_long(self.need - self.held)}"
        )
        return self.estimate, "" if before else words


def _long(seconds: float) -> str:
    """Roughly, for people."""
    for unit, length in (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
