"""A file played over and over as if it were a camera (``loop:///path/show.mp4``): for trying things out and for tests.

Owns the pace: packets come when their time has come, and go on without a break where the file begins again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from viot_agent.live.stream import Packet, StreamEnded, described, packed, reason

FPS = 25.0
"""Of files without a clock that declare no rate."""


class LoopStream:
    """A :class:`~viot_agent.live.stream.LiveStream`. ``pace`` 2 plays twice as fast, 0 as fast as it is read."""

    def __init__(self, source: str, *, pace: float = 1.0) -> None:
        import av

        self._path = Path(source.removeprefix("loop://"))
        self._pace = pace
        try:
            self._container: Any = av.open(str(self._path.absolute()), metadata_errors="replace")
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise StreamEnded(f"{self._path} cannot be opened: {reason(error)}") from error
        if not self._container.streams.video:
            self._container.close()
            raise StreamEnded(f"{self._path} holds no picture")
        self._stream: Any = self._container.streams.video[0]
        found = described(self._stream, "file", str(self._path))
        self.info = replace(found, clock="stream")
        self._rate = float(self._stream.average_rate or self._stream.guessed_rate or FPS)
        self._packets = self._forever()
        self._began: float | None = None

    def read(self) -> Packet:
        """The next packet, when its time has come. Raises StreamEnded where the file cannot be read (any more)."""
        packet = next(self._packets)
        now = time.monotonic()
        if packet.dts is not None and self._pace > 0:
            if self._began is None:
                self._began = now - packet.dts / self._pace
            time.sleep(max(0.0, self._began + packet.dts / self._pace - now))
        return packet

    def close(self) -> None:
        """Shut the file."""
        self._container.close()

    def _forever(self) -> Iterator[Packet]:
        import av

        offset, n = 0.0, 0
        container, stream = self._container, self._stream
        while True:
            first: float | None = None
            last, before = offset, n
            try:
                for raw in container.demux(stream):
                    if raw.size == 0:
                        continue
                    packet = packed(raw, self.info)
                    at = packet.dts if packet.dts is not None else (n - before) / self._rate
                    shown = packet.pts if packet.pts is not None else at
                    first = at if first is None else first
                    # some containers give no decoding time to the first picture and an earlier one to the second
                    last, n = max(last + 1e-3 if n > before else last, at - first + offset), n + 1
                    yield replace(packet, dts=last, pts=shown - first + offset)
                if n == before:
                    raise StreamEnded(f"{self._path} holds no pictures")
                # opened anew: not every format can be sought; the first stays open, recordings copy its header
                if container is not self._container:
                    container.close()
                container = av.open(str(self._path.absolute()), metadata_errors="replace")
                stream = container.streams.video[0]
            except (av.error.FFmpegError, OSError) as error:
                raise StreamEnded(f"{self._path} cannot be read: {reason(error)}") from error
            offset = last + 1 / self._rate
