"""What a file is: one pass over its packets and one decoded frame.

Owns :func:`probe`, the exact timeline, and the facts by which a reader is chosen. Containers lie about frame counts and
durations, so both are counted. Opening is restricted to the demuxers in ``FORMATS``: a playlist (m3u8, concat, sdp)
renamed to .mp4 could otherwise make the decoder read other files or addresses. Does not read frames for anybody.

The pass costs one reading of the file (about 5 microseconds a packet plus the disk); the last few results are kept, by
path, size and time of change.
"""

from __future__ import annotations

import contextlib
import logging
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np

from viot_agent.errors import MediaFault
from viot_agent.media.sniff import head_of, refuse_picture, unreadable
from viot_agent.media.timeline import Timeline, constant
from viot_agent.media.types import MediaInfo

log = logging.getLogger(__name__)

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,wtv,dhav,ivf,mxf,nut,"
    "h264,hevc,m4v,obu,av1,mjpeg,mp3,aac,wav,flac,amr"
)
"""Demuxers that may open a file. Sound formats are among them so that a sound file is called one."""

NO_CLOCK_FPS = Fraction(25)
"""Assumed where a raw stream declares no rate."""

_RAW = {"h264", "hevc", "m4v", "mpegvideo", "mjpeg", "obu", "av1"}
"""Formats that are a bare stream of pictures."""

_EARLY_END = 1.0
"""Seconds by which a file may fall short of its declared length before it is called damaged."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A file that holds at least one picture that decodes.

    ``stream`` is the index of its picture stream. ``counted``: the timestamps on its frames are missing or wrong, so
    frame k of the timeline is simply the k-th that decodes, from the beginning. ``odd`` is the reason why a reader that
    seeks by frame number would not find the right frames, or None.
    """

    info: MediaInfo
    timeline: Timeline
    stream: int
    format: str
    counted: bool
    odd: str | None


def probe(path: str | Path) -> MediaInfo:
    """What the file at ``path`` is, with frames and duration counted, not believed.

    Raises MediaFault for anything that is no readable video: the sentence names the file and says what to do.
    """
    return examine(path).info


def examine(path: str | Path) -> Examined:
    """:func:`probe` with the timeline and what a reader needs. Raises as it does."""
    path = Path(path)
    head = head_of(path)
    refuse_picture(path, head)
    status = path.stat()
    return _examine(path, status.st_size, status.st_mtime_ns)


@contextlib.contextmanager
def open_container(path: Path) -> Iterator[Any]:
    """The file as a PyAV container, closed at the end. Raises MediaFault when no allowed demuxer takes it."""
    container = _open(path)
    try:
        yield container
    finally:
        container.close()


def _open(path: Path) -> Any:
    try:
        # absolute: a name such as "-x.mp4" or "http:x.mp4" must not be taken for an option or an address
        return av.open(str(path.absolute()), container_options={"format_whitelist": FORMATS}, metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise unreadable(path, head_of(path), str(getattr(error, "strerror", "") or error)) from error


@lru_cache(maxsize=4)
def _examine(path: Path, size: int, changed: int) -> Examined:
    with open_container(path) as container:
        stream = _picture_stream(path, container)
        packets = _scan(container, stream)
    if not packets.pts:
        raise MediaFault(f"{path} holds a picture stream but no frames.", fix="export it again from the recorder")
    with open_container(path) as container:
        first = _first_frame(path, container, container.streams[stream.index])
    timeline, how = _timeline(packets, first, stream)
    rotation, has_clock = first.rotation, how != "assumed"
    width, height = first.width, first.height
    if rotation in (90, 270):
        width, height = height, width
    early = _early_end(packets, timeline, has_clock)
    if early is not None:
        log.warning("%s ends at %.1f s, although it says %.1f s: it was cut off", path, early, packets.declared)
    info = MediaInfo(
        path=path,
        duration=timeline.duration,
        fps=timeline.fps or float(stream.rate),
        n_frames=len(timeline),
        width=width,
        height=height,
        codec=stream.codec,
        variable_rate=has_clock and timeline.variable,
        rotation=rotation,
        started_at=stream.started_at,
        has_clock=has_clock,
        damaged_at=early,
    )
    odd = "its frames carry no right timestamps" if how != "pts" else _oddity(packets, timeline, stream, early)
    return Examined(info, timeline, stream.index, stream.format, how != "pts", odd)


@dataclass(frozen=True, slots=True)
class _Stream:
    index: int
    codec: str
    format: str
    rate: Fraction
    time_base: Fraction
    reorders: bool
    pictures: int
    started_at: float | None


@dataclass(slots=True)
class _Packets:
    """Packets in decode order. ``declared`` seconds or 0; ``whole`` is False when reading stopped on an error.

    ``backwards``: the clock runs back by more than half a second somewhere (pieces glued together).
    """

    pts: array[int]
    dts: array[int]
    key: array[int]
    end: int = 0
    declared: float = 0.0
    whole: bool = True
    all_pts: bool = True
    all_dts: bool = True
    backwards: bool = False
    hidden: int = 0
    dropped: int = 0


def _picture_stream(path: Path, container: Any) -> _Stream:
    streams = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    if not streams:
        what = "only sound, no picture" if container.streams.audio else "no picture stream"
        raise MediaFault(f"{path} holds {what}.", fix="give a video file")
    best = container.streams.best("video")
    chosen = best if best in streams else streams[0]
    if chosen.codec_context is None:
        raise MediaFault(f"{path} is coded in a way that cannot be decoded here.", fix="convert it to H.264 in MP4")
    rate = chosen.average_rate or chosen.guessed_rate or NO_CLOCK_FPS
    if container.format.name in _RAW:
        # FFmpeg calls every raw stream 25 fps; what the stream itself declares stands with the decoder
        rate = chosen.codec_context.framerate or NO_CLOCK_FPS
    if not 0.1 <= rate <= 300:
        rate = NO_CLOCK_FPS
    return _Stream(
        index=chosen.index,
        codec=chosen.codec_context.name,
        format=container.format.name,
        rate=Fraction(rate),
        time_base=Fraction(chosen.time_base),
        reorders=bool(chosen.codec_context.has_b_frames),
        pictures=len(streams),
        started_at=_started_at(container.metadata),
    )


def _scan(container: Any, stream: _Stream) -> _Packets:
    found = _Packets(array("q"), array("q"), array("b"))
    source = container.streams[stream.index]
    others = sum(1 for s in container.streams if s.index != stream.index)
    # the container's length covers sound too, so it counts only where there is nothing but the picture
    if source.duration is not None:
        found.declared = float(source.duration * source.time_base)
    elif container.duration is not None and not others and container.start_time is not None:
        found.declared = (container.duration - container.start_time) / av.time_base
    last_dts: int | None = None
    step_back = -0.5 / float(stream.time_base)
    try:
        for packet in container.demux(source):
            if not packet.size:
                continue
            if packet.is_discard or packet.is_corrupt:
                found.dropped += 1
                continue
            if stream.codec == "vp8" and not bytes(packet)[0] & 0x10:  # RFC 6386, 9.1: show_frame
                found.hidden += 1
                continue
            found.key.append(packet.is_keyframe)
            pts, dts = packet.pts, packet.dts
            found.pts.append(0 if pts is None else pts)
            found.dts.append(0 if dts is None else dts)
            found.all_pts &= pts is not None
            found.all_dts &= dts is not None
            found.end = max(found.end, (pts or 0) + (packet.duration or 0))
            if last_dts is not None and dts is not None and dts - last_dts < step_back:
                found.backwards = True
            last_dts = dts
    except (av.error.FFmpegError, OSError) as error:
        log.warning("reading the packets stopped after %d: %s", len(found.pts), error)
        found.whole = False
    return found


@dataclass(frozen=True, slots=True)
class _First:
    """The first frame that decodes. ``rotation`` degrees clockwise; ``in_order``: the clock of the next few agrees."""

    pts: int | None
    width: int
    height: int
    rotation: int
    in_order: bool


def _first_frame(path: Path, container: Any, source: Any) -> _First:
    """Decode one frame, or a few where frames are reordered: some files stamp those wrongly."""
    source.codec_context.thread_count = 1
    enough = 8 if source.codec_context.has_b_frames else 1
    found: list[Any] = []
    detail = ""
    try:
        for packet in container.demux(source):
            try:
                frames = packet.decode()
            except av.error.FFmpegError as error:
                detail = str(error.strerror)
                continue
            found.extend(frames)
            if len(found) >= enough:
                break
    except (av.error.FFmpegError, OSError) as error:
        detail = str(error.strerror)
    if found:
        stamps = [frame.pts for frame in found if frame.pts is not None]
        first = found[0]
        turn = (-round(first.rotation / 90) * 90) % 360
        return _First(first.pts, first.width, first.height, turn, stamps == sorted(stamps))
    reason = f" ({detail})" if detail else ""
    raise MediaFault(f"No frame of {path} can be decoded{reason}.", fix="export it again, or convert it to H.264 MP4")


def _timeline(packets: _Packets, first: _First, stream: _Stream) -> tuple[Timeline, Literal["pts", "dts", "assumed"]]:
    """The timeline and what it stands on.

    AVI holds no presentation times: what PyAV calls so is a guess, wrong where frames are reordered. The times at which
    frames are *decoded* are sound there, and there are as many; sorted, they are the times of showing.
    """
    pts = np.frombuffer(packets.pts, np.int64)
    dts = np.frombuffer(packets.dts, np.int64)
    key = np.frombuffer(packets.key, np.int8).astype(bool)
    usual = round(1 / (stream.rate * stream.time_base))
    good = packets.all_pts and first.in_order and not packets.backwards
    if first.pts is None or not good or (stream.format == "avi" and stream.reorders):
        if packets.all_dts and not packets.backwards and (np.diff(dts) > 0).all():
            return Timeline(dts, np.zeros(1, np.int64), stream.time_base, int(dts[-1]) + usual), "dts"
        return constant(len(pts), stream.rate), "assumed"
    # what is shown before the first frame that decodes (a recording that begins between key frames) does not exist
    shown = pts >= first.pts
    pts, key = pts[shown], key[shown]
    order = np.argsort(pts, kind="stable")
    pts = pts[order]
    usual = int(np.median(np.diff(pts))) if len(pts) > 1 else usual
    end = packets.end if packets.end > pts[-1] else int(pts[-1]) + usual
    return Timeline(pts, np.flatnonzero(key[order]), stream.time_base, end), "pts"


def _early_end(packets: _Packets, timeline: Timeline, has_clock: bool) -> float | None:
    if not has_clock:
        return None if packets.whole else timeline.duration
    start = float(int(timeline.pts[0]) * timeline.time_base)
    short = packets.declared - start - timeline.duration
    # by the declared end on the file's clock, and by the declared length: starts differ between formats
    if packets.whole and min(short, packets.declared - timeline.duration) <= _EARLY_END:
        return None
    return timeline.duration


def _oddity(packets: _Packets, timeline: Timeline, stream: _Stream, early: float | None) -> str | None:
    """Why counting frames would not find them, or None."""
    n = len(packets.pts)
    if len(timeline) != n:
        return "it does not begin with a key frame"
    key = np.frombuffer(packets.key, np.int8)
    if not np.array_equal(np.flatnonzero(key), timeline.keys):
        return "its groups of pictures are open"
    if stream.format.partition(",")[0] == "mpegts":
        return "it has no index to seek by"
    reasons = (
        (packets.dropped > 0, "it holds packets that are not to be shown"),
        (packets.hidden > 0, "it holds hidden frames"),
        (early is not None, "it is damaged"),
        (stream.pictures > 1, "it holds several picture streams"),
        (not key[0], "it does not begin with a key frame"),
    )
    return next((reason for holds, reason in reasons if holds), None)


def _started_at(metadata: dict[str, str]) -> float | None:
    """POSIX seconds of the recording, or None. Clocks that were never set (1904, 1970) are no start."""
    for name in ("com.apple.quicktime.creationdate", "creation_time", "date"):
        try:
            moment = datetime.fromisoformat(metadata.get(name, ""))
        except ValueError:
            continue
        if moment.tzinfo is not None and moment.year >= 1990:
            return moment.timestamp()
    return None
