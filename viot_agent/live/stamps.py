"""When a picture of a stream was taken, on the clock of the wall.

A stream counts seconds from anywhere, at its own speed; packets arrive late and in bursts. The true time of a picture
is its arrival less the delay, and of many delays the least is nearest to the truth: so the offset between the stream's
clock and ours is the least lateness of the last ``WINDOW`` seconds (the rule of NTP's clock filter, RFC 5905 section
10, on one-way delays). That follows drift, and lets no burst push times about. Jumps of either clock are told, not
averaged.

Owns the mapping and the telling of jumps. Reads no clock itself, and promises one thing: what it places never lies
before what it placed earlier.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

WINDOW = 30.0
"""Seconds in which the least lateness counts."""
JUMP = 5.0
"""Seconds by which the stream's clock must leave ours at once to have jumped; bursts of buffered pictures are less."""
BACK = 0.5
"""Seconds that a stream may go back between two packets by rounding; more is a jump."""
SEAM = 0.04
"""Seconds by which a file may begin after the one before it ended without a gap between them in the library."""
HOLE = 2.0
"""Seconds of difference that are a hole in the recording, not drift."""
WALL_JUMP = 2.0
"""Seconds by which this machine's clock must leave its own counter to have been set; NTP's slewing is far less."""


@dataclass(frozen=True, slots=True)
class Jump:
    """A clock that jumped: of the ``stream`` or this machine's (``wall``), by ``seconds`` (negative: back)."""

    clock: Literal["stream", "wall"]
    seconds: float

    def sentence(self) -> str:
        """For people."""
        whose = "the stream's clock" if self.clock == "stream" else "this machine's clock"
        way = "forward" if self.seconds > 0 else "back"
        return f"{whose} jumped {way} by {abs(self.seconds):.1f} s"


class Stamps:
    """Feed it every packet with :meth:`see`; ask :meth:`place` for POSIX seconds.

    ``latest``: POSIX seconds before which nothing may be placed (the end of what is recorded already).
    """

    def __init__(self, latest: float = float("-inf")) -> None:
        self.latest = latest
        self.behind = 0.0  # seconds by which stamps must run ahead of this machine's clock, because that was set back
        self._wall: tuple[float, float] | None = None  # (POSIX, monotonic) of the last packet
        self._base = 0.0  # POSIX less monotonic
        self._last: tuple[float, float] | None = None  # (stream, monotonic) of the last packet
        self._least: deque[tuple[float, float]] = deque()  # (monotonic, lateness), rising: its first is the least

    def jump(self, t: float, wall: float, mono: float) -> Jump | None:
        """Whether a clock has jumped before this packet: then place what came earlier, and :meth:`begin` anew."""
        return self._wall_jump(wall, mono) or self._stream_jump(t, mono)

    def see(self, t: float, wall: float, mono: float) -> None:
        """A packet of stream time ``t`` arrived at ``wall`` POSIX seconds, ``mono`` by the counter."""
        self._base = wall - mono  # small corrections of this machine's clock are followed
        self._wall, self._last = (wall, mono), (t, mono)
        late = mono - t
        while self._least and self._least[-1][1] >= late:
            self._least.pop()
        self._least.append((mono, late))
        while self._least[0][0] < mono - WINDOW:
            self._least.popleft()

    def place(self, t: float) -> float:
        """POSIX seconds of stream time ``t``, from what is known by now; never before ``latest``."""
        if not self._least:
            raise ValueError("nothing was seen yet")
        return max(self.latest, self._base + t + self._least[0][1])

    def next_start(self, t: float) -> float:
        """:meth:`place` for a file that goes on where the last one ended, at ``latest``: drift is followed in steps
        that leave no gap, and only a hole is a hole."""
        placed = self.place(t)
        return placed if placed - self.latest > HOLE else min(placed, self.latest + SEAM)

    def begin(self, wall: float, mono: float) -> None:
        """Start a stretch: forget the stream's clock (a new connection, a jump), believe this machine's again."""
        self._least.clear()
        self._last = None
        self._wall = (wall, mono)
        self.behind = max(0.0, self.latest - wall)

    def _wall_jump(self, wall: float, mono: float) -> Jump | None:
        if self._wall is None:
            return None
        moved = (wall - self._wall[0]) - (mono - self._wall[1])
        return Jump("wall", moved) if abs(moved) > WALL_JUMP else None

    def _stream_jump(self, t: float, mono: float) -> Jump | None:
        if self._last is None:
            return None
        went, passed = t - self._last[0], mono - self._last[1]
        if went < -BACK or went > passed + JUMP:
            return Jump("stream", went - max(0.0, passed))
        return None
