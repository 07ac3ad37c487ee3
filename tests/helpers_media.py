"""Test videos whose every frame tells its own number: what readers are tested with.

Owns the files (written with PyAV on the spot, nothing is downloaded) and the reading back of the number. Knows nothing
of the readers under test. Not a test module: ``tests/viot_agent/conftest.py`` loads it and offers it as the fixture
``media`` (see there for why it is not imported by name).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

BITS = 12
WIDTH, HEIGHT = 320, 180
_CELL = WIDTH // BITS
_BAR = 40  # pixels: the height of the barcode


def paint(number: int, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """(height, width, 3): a grey picture with ``number`` as a 12-bit barcode on top and a red square bottom right."""
    image = np.full((height, width, 3), 110, np.uint8)
    for bit in range(BITS):
        on = number >> (BITS - 1 - bit) & 1
        image[:_BAR, bit * _CELL : (bit + 1) * _CELL] = 235 if on else 16
    image[height - 40 :, width - 40 :] = (200, 30, 30)
    return image


def number_of(image: Image) -> int:
    """The number in a picture made by :func:`paint`, also after lossy coding and scaling."""
    scale = image.shape[1] / WIDTH
    y0, y1 = int(8 * scale), max(int(8 * scale) + 1, int((_BAR - 8) * scale))
    number = 0
    for bit in range(BITS):
        x0, x1 = int((bit * _CELL + 8) * scale), int(((bit + 1) * _CELL - 8) * scale)
        number = number << 1 | int(image[y0:y1, x0 : max(x1, x0 + 1)].mean() > 125)
    return number


def is_upright(image: Image) -> bool:
    """True when the red square is where :func:`paint` put it."""
    h, w = image.shape[:2]
    red = image[h - h // 9 :, w - w // 16 :].reshape(-1, 3).mean(0)
    return bool(red[0] > 150 and red[1] < 90)


def write(
    path: Path,
    numbers: Iterable[int] = range(100),
    *,
    codec: str = "libx264",
    container: str | None = None,
    fps: int = 25,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    pix_fmt: str = "yuv420p",
    rotation: int = 0,
    gop: int = 30,
    b_frames: int | None = None,
    metadata: dict[str, str] | None = None,
    audio: bool = False,
    picture: Callable[[int], Image] = paint,
) -> Path:
    """Write frames as a video. ``pts`` in ``time_base`` units for a variable rate; ``rotation`` degrees clockwise.

    A rotated file holds its pictures turned the other way, so that a right player shows them upright.
    """
    with av.open(str(path), "w", format=container, options=container_options or {}) as out:
        out.metadata.update(metadata or {})
        stream: Any = out.add_stream(codec, rate=fps)
        first = np.rot90(picture(0), rotation // 90)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = pix_fmt
        context = stream.codec_context
        context.gop_size = gop
        context.thread_count = 1
        context.time_base = time_base or Fraction(1, fps)
        if b_frames is not None:
            context.max_b_frames = b_frames
        context.options = options or {}
        if rotation:
            stream.set_display_rotation(-rotation)
        sound: Any = out.add_stream("aac", rate=16000) if audio else None
        for i, number in enumerate(numbers):
            upright = np.ascontiguousarray(np.rot90(picture(number), rotation // 90))
            frame = av.VideoFrame.from_ndarray(upright, format="rgb24")
            frame.pts = i if pts is None else pts[i]
            frame.time_base = time_base or Fraction(1, fps)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if sound is not None:
            _mux_tone(out, sound)
    return path


def write_audio(path: Path, codec: str = "aac", seconds: int = 2) -> Path:
    """A file with a tone and no picture."""
    with av.open(str(path), "w") as out:
        _mux_tone(out, out.add_stream(codec, rate=16000), seconds)
    return path


def _mux_tone(out: Any, stream: Any, seconds: int = 1) -> None:
    n = 1024
    for i in range(16000 * seconds // n):
        wave = np.sin(2 * np.pi * 440 * (np.arange(n) + i * n) / 16000).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 16000, i * n, Fraction(1, 16000)
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


_FAST = {"preset": "ultrafast", "crf": "20"}


def h264_b(path: Path, n: int = 100) -> Path:
    """MP4, H.264 with B-frames and closed groups of 30."""
    options = {"preset": "veryfast", "crf": "20", "x264-params": "bframes=3:b-adapt=0"}
    return write(path, range(n), options=options, b_frames=3)


def h264_open(path: Path) -> Path:
    """MP4, H.264 with B-frames and *open* groups: a key frame is not where the next group begins to be shown."""
    params = "bframes=3:b-adapt=0:open-gop=1:keyint=24:min-keyint=24:scenecut=0"
    return write(path, options={"preset": "veryfast", "crf": "20", "x264-params": params}, b_frames=3, gop=24)


def mpeg4_avi(path: Path) -> Path:
    """AVI, MPEG-4 part 2."""
    return write(path, codec="mpeg4", options={"b": "2000000"}, gop=12)


def vp9_webm(path: Path) -> Path:
    """WebM, VP9."""
    return write(path, codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8", "b": "800k"}, gop=40)


def vp8_webm(path: Path) -> Path:
    """WebM, VP8 with hidden alternate reference frames: packets that show nothing."""
    opts = {"deadline": "good", "cpu-used": "5", "b": "800k", "auto-alt-ref": "1", "lag-in-frames": "16"}
    return write(path, codec="libvpx", options=opts, gop=40)


def mjpeg_avi(path: Path) -> Path:
    """AVI, one JPEG a frame."""
    return write(path, range(50), codec="mjpeg", pix_fmt="yuvj420p", options={"qscale": "4"})


def h264_mkv(path: Path) -> Path:
    """Matroska, H.264 with B-frames and sound."""
    return write(path, options={"preset": "veryfast", "crf": "20"}, b_frames=2, audio=True)


def h264_ts(path: Path) -> Path:
    """MPEG transport stream, as network recorders write; its clock starts at 1.4 s."""
    return write(path, options=_FAST, container="mpegts")


def elementary(path: Path) -> Path:
    """Raw H.264: pictures and no clock at all. B-frames, so decode order is not show order."""
    return write(path, options={"preset": "veryfast", "crf": "20"}, container="h264", b_frames=3)


VFR_MS = tuple(int(v) for v in np.cumsum([0] + [40, 40, 200, 40, 1000, 33, 500, 40] * 8)[:60])
"""Milliseconds at which the frames of the variable-rate file are shown."""


def vfr(path: Path) -> Path:
    """MP4 whose frames stand on screen for 33 ms to 1 s."""
    return write(path, range(len(VFR_MS)), pts=VFR_MS, time_base=Fraction(1, 1000), options=_FAST)


def rotated(path: Path, degrees: int) -> Path:
    """MP4 held by a display matrix: players turn its pictures by ``degrees`` clockwise."""
    return write(path, range(40), options=_FAST, rotation=degrees)


def faststart(path: Path) -> Path:
    """MP4 with its index in front, so that its first part can be read when the rest is missing."""
    return write(path, options=_FAST, container_options={"movflags": "faststart"})


def avi_b(path: Path) -> Path:
    """AVI, H.264 with B-frames: a container without presentation times, whose guessed ones are wrong."""
    return write(path, options={"preset": "veryfast", "crf": "20"}, b_frames=2, gop=24)


def hidden(path: Path) -> Path:
    """WebM, VP8, with every tenth packet marked as one that shows nothing (bit 4 of RFC 6386, section 9.1)."""
    plain = vp8_webm(path.with_name("plain-" + path.name))
    with av.open(str(plain)) as source, av.open(str(path), "w") as out:
        stream: Any = out.add_stream_from_template(source.streams.video[0])
        for i, packet in enumerate(p for p in source.demux(video=0) if p.size):
            data = bytearray(bytes(packet))
            if i % 10 == 5:
                data[0] &= ~0x10 & 0xFF
            copy: Any = av.Packet(bytes(data))
            copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
            copy.is_keyframe, copy.stream = packet.is_keyframe, stream
            out.mux(copy)
    return path


def late_start(path: Path) -> Path:
    """MP4 cut between two key frames: the first 10 pictures have nothing to be decoded from."""
    whole = write(path.with_name("whole-" + path.name), options=_FAST, gop=40, container="mpegts")
    with av.open(str(whole)) as source, av.open(str(path), "w", format="mp4") as out:
        stream: Any = out.add_stream_from_template(source.streams.video[0])
        for i, packet in enumerate(p for p in source.demux(video=0) if p.size):
            if i >= 30:
                packet.stream = stream
                out.mux(packet)
    return path


def offset(path: Path) -> Path:
    """Matroska whose first frame is at 5 s of the file's own clock."""
    return write(path, range(50), pts=range(125, 175), options=_FAST)


def long_video(path: Path, seconds: int = 1800, fps: int = 5) -> Path:
    """MP4 of half an hour: 320x180, 5 fps, a still picture but for the number. Takes a few seconds to write."""
    return write(
        path,
        (i % 4096 for i in range(seconds * fps)),
        fps=fps,
        gop=50,
        options={"preset": "ultrafast", "crf": "30", "tune": "zerolatency"},
        picture=_quick_paint(),
    )


def _quick_paint() -> Callable[[int], Image]:
    base = paint(0)

    def quick(number: int) -> Image:
        image = base.copy()
        image[:_BAR] = paint(number, WIDTH, 81)[:_BAR]
        return image

    return quick


# Damage --------------------------------------------------------------------------------------------------------------


def boxes(data: bytes) -> Iterator[tuple[str, int, int]]:
    """The top-level boxes of an MP4 file: (name, offset, size)."""
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        if size == 1:
            (size,) = struct.unpack(">Q", data[at + 8 : at + 16])
        if size < 8:
            return
        yield name.decode("latin1"), at, size
        at += size


def cut(source: Path, path: Path, keep: float) -> Path:
    """The first ``keep`` (0..1) of a file's bytes."""
    data = source.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


def scribble(source: Path, path: Path, start: float, stop: float) -> Path:
    """The file with the bytes between two shares of its ``mdat`` box replaced by noise of a fixed seed."""
    data = bytearray(source.read_bytes())
    _, at, size = next(b for b in boxes(bytes(data)) if b[0] == "mdat")
    a, b = at + 16 + int((size - 16) * start), at + 16 + int((size - 16) * stop)
    data[a:b] = np.random.default_rng(7).integers(0, 256, b - a, dtype=np.uint8).tobytes()
    path.write_bytes(bytes(data))
    return path
