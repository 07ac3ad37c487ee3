"""A live stream as a row of packets: the seam, and FFmpeg behind it.

Owns opening with time limits, reading one packet after another, and saying in words why a stream ended. Decodes nothing
but what opening needs. Does not know clocks of the wall, files or cameras.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from viot_agent.errors import BackendFault
from viot_agent.live.address import opening, shown

OPEN_SECONDS = 15.0
"""Limit of opening; five were too few once, on a busy machine."""
READ_SECONDS = 10.0
"""A stream that sends nothing for so long has ended."""
CODECS = {"h264": "H.264", "hevc": "H.265", "mjpeg": "motion JPEG", "mpeg4": "MPEG-4", "av1": "AV1", "vp9": "VP9"}
"""What is recorded by copying its packets into MP4."""


class StreamEnded(BackendFault):
    """The stream cannot be opened, has ended, or does not answer in time."""


class Garbled(BackendFault):
    """One packet could not be read; the next may be good."""


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What the stream says of itself. ``clock``: whether packets carry the camera's own times, or none and are timed
    when they arrive. ``template``: the stream of FFmpeg that a recording copies its header from."""

    codec: str
    width: int
    height: int
    clock: Literal["stream", "arrival"] = "stream"
    template: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Packet:
    """One coded picture. ``dts``, ``pts``: seconds of the stream's clock by decoding and by showing, None where it has
    none; ``key``: decoding can begin here. ``config``: the codec's parameter sets in it, b"" where it brings none:
    others mean another picture."""

    dts: float | None
    pts: float | None
    key: bool
    data: bytes = field(repr=False)
    config: bytes = field(default=b"", repr=False)


class LiveStream(Protocol):
    """The seam. ``read`` blocks until the next packet. Raises StreamEnded, Garbled."""

    info: StreamInfo

    def read(self) -> Packet: ...
    def close(self) -> None: ...


OpenStream = Callable[[str], LiveStream]


def open_stream(source: str) -> LiveStream:
    """The stream of a camera's source. Raises StreamEnded with the reason in words."""
    if source.startswith("loop://"):
        from viot_agent.live.loop import LoopStream

        return LoopStream(source)
    return AvStream(source)


class AvStream:
    """A stream read by FFmpeg through PyAV."""

    def __init__(self, source: str) -> None:
        import av

        how = opening(source)
        self._name = shown(source)
        try:
            self._container: Any = av.open(
                how.url,
                format=how.format,
                options=dict(how.options),
                timeout=(OPEN_SECONDS, READ_SECONDS),
                metadata_errors="replace",
            )
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise StreamEnded(f"{self._name} cannot be opened: {reason(error)}") from error
        try:
            found = self._container.streams.video
            if not found:
                raise StreamEnded(f"{self._name} sends no picture")
            self._stream: Any = found[0]
            self.info = described(self._stream, self._container.format.name, self._name)
        except BaseException:
            self._container.close()
            raise
        self._packets: Iterator[Any] = self._container.demux(self._stream)

    def read(self) -> Packet:
        """The next packet. Raises StreamEnded, Garbled."""
        import av

        try:
            packet = next(self._packets, None)
        except av.error.InvalidDataError as error:
            self._packets = self._container.demux(self._stream)  # the generator is over once it has raised
            raise Garbled(f"{self._name} sent what cannot be read: {reason(error)}") from error
        except (av.error.FFmpegError, OSError) as error:
            raise StreamEnded(f"{self._name} ended: {reason(error)}") from error
        if packet is None or packet.size == 0:
            raise StreamEnded(f"{self._name} ended")
        if packet.is_corrupt:
            raise Garbled(f"{self._name} sent a damaged packet")
        return packed(packet, self.info)

    def close(self) -> None:
        """Hang up."""
        self._container.close()


def described(stream: Any, format_name: str, name: str) -> StreamInfo:
    """What FFmpeg found. Raises StreamEnded for a codec whose packets cannot be copied."""
    codec = stream.codec_context.name.replace("libdav1d", "av1")
    if codec not in CODECS:
        raise StreamEnded(
            f"{name} sends {codec}, which cannot be recorded as it is",
            fix=f"set the camera to one of {', '.join(CODECS.values())}",
        )
    # motion JPEG over HTTP carries no times: FFmpeg would make some up at 25 a second
    clock: Literal["stream", "arrival"] = "arrival" if format_name in ("mpjpeg", "mjpeg", "jpeg_pipe") else "stream"
    return StreamInfo(codec, stream.codec_context.width, stream.codec_context.height, clock, stream)


def packed(packet: Any, info: StreamInfo) -> Packet:
    """A packet of PyAV in our type."""
    data = bytes(packet)
    base = float(packet.time_base) if packet.time_base else 0.0
    dts = None if packet.dts is None or info.clock == "arrival" else packet.dts * base
    pts = None if packet.pts is None or info.clock == "arrival" else packet.pts * base
    return Packet(
        dts if dts is not None else pts,
        pts if pts is not None else dts,
        bool(packet.is_keyframe),
        data,
        config_of(info.codec, data) if packet.is_keyframe else b"",
    )


_START = re.compile(rb"\x00\x00\x01")


def config_of(codec: str, data: bytes) -> bytes:
    """The sequence parameter sets of an H.264 or H.265 packet in byte-stream format (ITU-T H.264 and H.265, annex B),
    or the size in a JPEG's frame header; b"" where there is none."""
    if codec == "mjpeg":
        at = data.find(b"\xff\xc0")
        return data[at + 5 : at + 9] if at >= 0 else b""
    if codec not in ("h264", "hevc"):
        return b""
    starts = [m.end() for m in _START.finditer(data[:4096])]  # parameter sets stand in front of the picture
    found = []
    for start, end in zip(starts, [s - 3 for s in starts[1:]], strict=False):
        kind = data[start] & 0x1F if codec == "h264" else data[start] >> 1 & 0x3F
        if kind == (7 if codec == "h264" else 33):
            found.append(data[start:end].rstrip(b"\0"))
    return b"".join(found)


def reason(error: BaseException) -> str:
    """FFmpeg's reason in few words, without the address (it may hold a password)."""
    import av

    if isinstance(error, av.error.ExitError | TimeoutError):
        return "no answer in time"
    if isinstance(error, av.error.HTTPUnauthorizedError):
        return "the user or the password is wrong"
    words = str(getattr(error, "strerror", "") or type(error).__name__)
    return words[0].lower() + words[1:] if words else "no reason given"
