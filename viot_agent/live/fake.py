"""Fakes of the seams of watching: a clock set by hand, a stream that follows a script, a recorder of text.

``FakeStream`` moves the clock as it goes, so that an hour of a camera's life takes no time. Owns nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from viot_agent.errors import BackendFault
from viot_agent.live.camera import Clock
from viot_agent.live.stream import LiveStream, Packet, StreamEnded, StreamInfo

START = 1_767_225_600.0


@dataclass(slots=True)
class FakeClock:
    """``posix`` and ``counter`` seconds; ``waits`` are the pauses that were waited, which pass at once."""

    posix: float = START
    counter: float = 0.0
    waits: list[float] = field(default_factory=list)

    def pass_(self, seconds: float) -> None:
        """Time passes on both."""
        self.posix += seconds
        self.counter += seconds

    def clock(self) -> Clock:
        """For who wants a :class:`Clock`."""

        def wait(stop: threading.Event, seconds: float) -> bool:
            self.waits.append(seconds)
            self.pass_(seconds)
            return stop.is_set()

        return Clock(lambda: self.posix, lambda: self.counter, wait)


Event = Packet | float | BackendFault | Callable[[], None]
"""A packet; seconds that pass; a fault that reading raises; something that happens."""


class FakeStream:
    """A :class:`~viot_agent.live.stream.LiveStream` that plays ``script`` and ends."""

    def __init__(self, script: Iterable[Event], clock: FakeClock, info: StreamInfo | None = None) -> None:
        self.info = StreamInfo("h264", 64, 36) if info is None else info
        self._script: Iterator[Event] = iter(script)
        self._clock = clock
        self.closed = False

    def read(self) -> Packet:
        """The next packet of the script. Raises its faults, and StreamEnded at its end."""
        for event in self._script:
            if isinstance(event, Packet):
                return event
            if isinstance(event, float):
                self._clock.pass_(event)
            elif isinstance(event, BackendFault):
                raise event
            else:
                event()
        raise StreamEnded("the script is over")

    def close(self) -> None:
        """Remember it."""
        self.closed = True


def film(seconds: float, *, fps: float = 5.0, at: float = 0.0, gop: int = 10) -> Iterator[Event]:
    """``seconds`` of packets, ``fps`` a second, as they come: stream time from ``at``, every ``gop``-th a key frame."""
    for i in range(round(seconds * fps)):
        yield 1 / fps
        t = at + i / fps
        yield Packet(t, t, i % gop == 0, b"picture")


class FakeStreams:
    """What is found at an address, one connection after another: a stream, or the fault of opening. ``stop`` is set
    when nothing is left. ``opened`` counts."""

    def __init__(self, connections: Iterable[LiveStream | StreamEnded], stop: threading.Event) -> None:
        self._connections = iter(connections)
        self._stop = stop
        self.opened = 0

    def __call__(self, source: str) -> LiveStream:
        found = next(self._connections, None)
        if found is None:
            self._stop.set()
            raise StreamEnded("nothing is left")
        if isinstance(found, StreamEnded):
            raise found
        self.opened += 1
        return found


class FakeRecorder:
    """A :class:`~viot_agent.live.recorder.Recorder` whose file holds the decoding times; ``fails`` gives a fault."""

    def __init__(self, path: Path, info: StreamInfo, fails: Callable[[], BackendFault | None] = lambda: None) -> None:
        self.path, self._fails = path, fails
        self._times: list[float] = []

    def write(self, packet: Packet, t: float, shown: float) -> None:
        """Note the packet. Raises what ``fails`` gives."""
        fault = self._fails()
        if fault is not None:
            raise fault
        self._times.append(t)

    def close(self) -> int:
        """Write the file."""
        text = "\n".join(f"{t:.3f}" for t in self._times)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(text)
        return len(text)

    def discard(self) -> None:
        """Leave nothing."""
        self.path.unlink(missing_ok=True)
