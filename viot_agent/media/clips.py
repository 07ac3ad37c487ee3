"""Video files that play everywhere: H.264, yuv420p, index in front.

Owns writing. A clip appears whole or not at all: it is written beside its place under a hidden name and moved there at
the end. Frames keep their own times (a clip of a variable-rate file has a variable rate). Sound is not copied. Colours
are left untagged on purpose: readers decode with the matrix the writer encodes with, so what a player shows is what it
would show of the source. Does not know what is drawn on the frames.
"""

from __future__ import annotations

import errno
import itertools
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from viot_agent.errors import BackendFault, DiskFault, MediaFault, UserFault
from viot_agent.media.readers import open_media
from viot_agent.media.types import Frame, Image, Reader

TICKS = 90_000
"""Time base of written clips: 1/90000 s."""

_MAX_RATE = 60.0
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """A written clip. ``duration`` seconds; ``width``/``height`` pixels, even; ``size`` bytes; H.264 in MP4."""

    path: Path
    duration: float
    n_frames: int
    width: int
    height: int
    size: int


def write_clip(
    frames: Iterable[Image],
    path: str | Path,
    fps: float,
    *,
    max_width: int | None = None,
    crf: int = 23,
    preset: str = "superfast",
) -> ClipInfo:
    """Write pictures of one size, ``fps`` a second, to the MP4 file ``path`` (an existing one is replaced).

    An odd last row or column is cut off. ``max_width``: scaled down to at most that many pixels. Raises MediaFault when
    there is no picture, BackendFault when the disk is full or the folder cannot be written; nothing is left then.
    """
    if not fps > 0:
        raise ValueError(f"fps must be above 0, not {fps}")
    timed = ((i / fps, image) for i, image in enumerate(frames))
    return _write(timed, Path(path), 1 / fps, max_width, crf, preset)


def cut_clip(
    source: str | Path | Reader,
    t0: float,
    t1: float,
    out: str | Path,
    *,
    max_width: int | None = None,
    fps: float | None = None,
    draw: Callable[[Frame], Image] | None = None,
    crf: int = 23,
    preset: str = "superfast",
) -> ClipInfo:
    """Write what ``source`` shows from ``t0`` to ``t1`` (seconds from its first frame) to the MP4 file ``out``.

    ``fps``: frames to look at per second, None = every frame. ``draw`` gets each frame in full size and returns the
    picture to write. The window is cut to what the file holds. Raises UserFault when nothing of it is left, and
    what :func:`open_media` and :func:`write_clip` raise.
    """
    reader = open_media(source) if isinstance(source, str | Path) else source
    info = reader.info
    start, stop = max(0.0, t0), min(t1, info.duration)
    if stop <= start:
        raise UserFault(
            f"{info.path} has nothing between {t0:.1f} s and {t1:.1f} s: it runs from 0 s to {info.duration:.1f} s.",
            fix="ask for a time inside it",
        )
    # where the rate varies, look often enough to meet every frame; repeats cost nothing and are left out
    rate = fps or (_MAX_RATE if info.variable_rate else info.fps)
    times = (start + np.arange(max(1, round((stop - start) * rate))) / rate).tolist()
    paint = draw or _image_of
    return _write(_timed(reader, times, start, stop - start, paint), Path(out), 1 / rate, max_width, crf, preset)


def _image_of(frame: Frame) -> Image:
    return frame.image


def _timed(
    reader: Reader, times: list[float], start: float, length: float, paint: Callable[[Frame], Image]
) -> Iterator[tuple[float, Image]]:
    """(seconds in the clip, picture): each frame once, and the last again where it stays on screen to the end."""
    step = times[1] - times[0] if len(times) > 1 else length
    shown = -1
    at = 0.0
    image: Image | None = None
    for frame in reader.read(times):
        if frame.index == shown:
            continue
        shown, at, image = frame.index, max(0.0, frame.t - start), paint(frame)
        yield at, image
    if image is not None and length - at > 2.1 * step:
        yield length - step, image


def _write(
    timed: Iterable[tuple[float, Image]], path: Path, step: float, max_width: int | None, crf: int, preset: str
) -> ClipInfo:
    source = iter(timed)
    first = next(source, None)
    if first is None:
        raise MediaFault(f"There is no frame to write to {path}.", fix="ask for a longer stretch of time")
    width, height = _even_size(first[1], max_width)
    part = path.with_name(f".{path.stem[:40]}.{secrets.token_hex(4)}.part.mp4")
    done = False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(part.absolute()), "w", format="mp4", options={"movflags": "faststart"}) as container:
            n, last = _encode(container, itertools.chain([first], source), (width, height), step, crf, preset)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        size = part.stat().st_size
        part.replace(path)
        done = True
    except OSError as error:
        raise _disk_fault(path, error) from error
    finally:
        if not done and part.exists():
            part.unlink()
    return ClipInfo(path, last + step, n, width, height, size)


def _encode(
    container: Any, timed: Iterable[tuple[float, Image]], size: tuple[int, int], step: float, crf: int, preset: str
) -> tuple[int, float]:
    """Encode all; (number of frames, seconds at which the last is shown)."""
    width, height = size
    stream = container.add_stream("libx264", rate=Fraction(1 / step).limit_denominator(1001))
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.options = {"crf": str(crf), "preset": preset}
    context = stream.codec_context
    context.time_base = Fraction(1, TICKS)
    context.thread_count = 1
    context.max_b_frames = (
        0  # MP4 times frames by decoding order: with a variable rate, reordering would shift the last
    )
    context.gop_size = max(1, round(2 / step))  # a key frame every two seconds: players jump to those
    held = round(step * TICKS)

    def mux(packets: list[Any]) -> None:
        for packet in packets:
            packet.duration = held  # else the last frame lasts as long as the gap before it
            container.mux(packet)

    n, at, previous = 0, 0.0, -1
    for n, (at, image) in enumerate(timed, 1):  # noqa: B007 - the last values are the result
        frame = av.VideoFrame.from_ndarray(_fit(image, width, height), format="rgb24")
        previous = max(previous + 1, round(at * TICKS))
        frame.pts, frame.time_base = previous, Fraction(1, TICKS)
        mux(stream.encode(frame))
    mux(stream.encode(None))
    return n, at


def _even_size(image: Image, max_width: int | None) -> tuple[int, int]:
    height, width = image.shape[:2]
    if max_width is not None and width > max_width:
        width, height = max_width, round(height * max_width / width)
    return max(2, width // 2 * 2), max(2, height // 2 * 2)


def _fit(image: Image, width: int, height: int) -> Image:
    """The picture in the clip's size: cut by a pixel, or scaled."""
    h, w = image.shape[:2]
    if (w, h) == (width, height):
        return np.ascontiguousarray(image)
    if w // 2 * 2 == width and h // 2 * 2 == height:
        return np.ascontiguousarray(image[:height, :width])
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _disk_fault(path: Path, error: OSError) -> BackendFault:
    if error.errno in _FULL:
        return DiskFault(
            f"The disk is full: {path} was not written, and nothing of it was left behind.",
            fix=f"free some space on the disk of {path.parent} and ask again",
        )
    reason = os.strerror(error.errno) if error.errno and 0 < error.errno < 200 else str(error)
    return BackendFault(f"{path} cannot be written: {reason}.", fix=f"check that {path.parent} is a writable folder")
