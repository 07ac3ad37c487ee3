"""One recorded file: a stream's packets copied into MP4, never encoded again.

Written in fragments, one a group of pictures, so that what a killed process leaves can be read up to its last fragment.
Owns the file. Does not know when a file begins and ends, nor what it is called at last.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from viot_agent.errors import BackendFault, DiskFault
from viot_agent.live.stream import Packet, StreamInfo

TICKS = 90_000
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Recorder(Protocol):
    """The seam. ``write`` and ``close`` raise DiskFault, BackendFault; ``discard`` never does."""

    def write(self, packet: Packet, t: float, shown: float) -> None: ...
    def close(self) -> int: ...
    def discard(self) -> None: ...


OpenRecorder = Callable[[Path, StreamInfo], Recorder]


class Mp4Recorder:
    """A :class:`Recorder` on ``path``."""

    def __init__(self, path: Path, info: StreamInfo) -> None:
        import av

        self.path = path
        self._first: float | None = None
        self._last = -1
        self._steps: deque[int] = deque(maxlen=5)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # a fragment goes to the disk when it is whole: FFmpeg's buffer would hold a quiet camera's whole file
            flags = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}
            self._container: Any = av.open(str(path.absolute()), "w", format="mp4", options=flags)
            self._stream: Any = self._container.add_stream_from_template(info.template)
        except (OSError, av.error.FFmpegError, ValueError) as error:
            raise written(path, error) from error

    def write(self, packet: Packet, t: float, shown: float) -> None:
        """Add a packet that is decoded at ``t`` and shown at ``shown`` seconds of one clock; both start at 0 here."""
        import av

        if self._first is None:
            self._first = t
        # MP4 wants decoding times that rise
        dts = max(self._last + 1, round((t - self._first) * TICKS))
        copy: Any = av.Packet(packet.data)
        copy.dts, copy.pts = dts, max(dts, round((shown - self._first) * TICKS))
        copy.time_base, copy.is_keyframe, copy.stream = Fraction(1, TICKS), packet.key, self._stream
        if self._last >= 0:
            self._steps.append(dts - self._last)
        # without it the last picture would last no time, and each border of two files would be a gap; the usual step,
        # not the last one: after a loss that would reach into the time of the next file
        usual = sorted(self._steps)[(len(self._steps) - 1) // 2] if self._steps else TICKS // 25
        copy.duration = max(1, min(usual, TICKS))
        self._last = dts
        try:
            self._container.mux_one(copy)
        except (OSError, av.error.FFmpegError) as error:
            raise written(self.path, error) from error

    def close(self) -> int:
        """Finish the file; its size in bytes."""
        import av

        try:
            self._container.close()
            return self.path.stat().st_size
        except (OSError, av.error.FFmpegError) as error:
            raise written(self.path, error) from error

    def discard(self) -> None:
        """Give up and leave nothing behind."""
        import av

        with contextlib.suppress(OSError, av.error.FFmpegError):  # the disk that is full is the reason we are here
            self._container.close()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


def written(path: Path, error: BaseException) -> BackendFault:
    """The fault for a file that could not be written."""
    code = getattr(error, "errno", None)
    if code in _FULL:
        return DiskFault(f"The disk is full: {path.name} was not recorded.", fix=f"free the disk of {path.parent}")
    why = os.strerror(code) if isinstance(code, int) and 0 < code < 200 else str(error)
    return BackendFault(f"{path} cannot be recorded: {why}.", fix=f"check that {path.parent} is a writable folder")
