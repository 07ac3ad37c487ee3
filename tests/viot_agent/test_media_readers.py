"""Readers: the right frame at the right time, from every container and both decoders; a sentence for every bad file."""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pil

from viot_agent.errors import FailedFault, MediaFault, UserFault
from viot_agent.media.decord_reader import DecordReader
from viot_agent.media.fake import FakeReader, fake_info
from viot_agent.media.probe import examine, probe
from viot_agent.media.pyav_reader import PyavReader
from viot_agent.media.readers import open_media
from viot_agent.media.timeline import SLACK, Timeline, constant
from viot_agent.media.types import DamagedMedia, Frame, Reader

Make = Callable[[str, str], Path]

# (file, extension, frames, who reads it)
CONTAINERS = [
    ("h264_b", "mp4", 100, DecordReader),
    ("h264_open", "mp4", 100, PyavReader),
    ("h264_mkv", "mkv", 100, DecordReader),
    ("h264_ts", "ts", 100, PyavReader),
    ("mpeg4_avi", "avi", 100, DecordReader),
    ("avi_b", "avi", 100, PyavReader),
    ("mjpeg_avi", "avi", 50, DecordReader),
    ("vp9_webm", "webm", 100, DecordReader),
    ("vp8_webm", "webm", 100, DecordReader),
    ("elementary", "264", 100, PyavReader),
    ("offset", "mkv", 50, DecordReader),
]
NAMES = [c[0] for c in CONTAINERS]


def wrong(media: ModuleType, reader: Reader, times: list[float], fps: float = 25.0) -> list[tuple[float, int, int]]:
    """(time, index, number in the picture) of every frame that is not the one on screen at its time."""
    bad = []
    for time, frame in zip(times, reader.read(times), strict=True):
        number = media.number_of(frame.image)
        due = min(int((time + SLACK) * fps), reader.info.n_frames - 1)
        if not number == frame.index == due or abs(frame.t - due / fps) > 1e-6:
            bad.append((time, frame.index, number))
    return bad


@pytest.mark.parametrize("backend", ["auto", "pyav"])
@pytest.mark.parametrize(("kind", "extension", "n", "expected"), CONTAINERS, ids=NAMES)
def test_frame_accuracy(
    media: ModuleType, video: Make, kind: str, extension: str, n: int, expected: type, backend: str
) -> None:
    reader = open_media(video(kind, extension), backend=backend)  # type: ignore[arg-type]
    assert type(reader) is (expected if backend == "auto" else PyavReader)
    info = reader.info
    assert (info.n_frames, info.width, info.height) == (n, 320, 180)
    assert info.fps == pytest.approx(25)
    assert info.duration == pytest.approx(n / 25)
    assert not info.variable_rate
    assert info.has_clock == (kind != "elementary")
    rng = np.random.default_rng(3)
    every = [k / 25 for k in range(n)]
    assert wrong(media, reader, every) == []
    assert wrong(media, reader, every[:: n // 9]) == []
    assert wrong(media, reader, sorted(rng.uniform(0, n / 25, 60).tolist())) == []
    for time in rng.uniform(0, n / 25, 15).tolist():  # jumps forth and back
        assert wrong(media, reader, [time]) == []


def test_both_readers_give_the_same_pixels(video: Make) -> None:
    path = video("h264_b", "mp4")
    times = [0.0, 1.0, 2.5, 3.9]
    for a, b in zip(open_media(path).read(times), open_media(path, backend="pyav").read(times), strict=True):
        assert (a.index, a.t) == (b.index, b.t)
        assert np.array_equal(a.image, b.image)
        assert a.image.dtype == np.uint8
        assert a.image.flags.writeable
        assert a.image.flags.c_contiguous


def test_the_choice_of_pyav_is_logged(video: Make, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="viot_agent.media"):
        open_media(video("elementary", "264"))
    assert "PyAV reads" in caplog.text
    with pytest.raises(FailedFault, match="decord cannot be used"):
        open_media(video("elementary", "264"), backend="decord")


@pytest.mark.parametrize("backend", ["decord", "pyav"])
def test_variable_rate(media: ModuleType, video: Make, backend: str) -> None:
    reader = open_media(video("vfr", "mp4"), backend=backend)  # type: ignore[arg-type]
    shown = [ms / 1000 for ms in media.VFR_MS]
    assert reader.info.variable_rate
    assert reader.info.n_frames == len(shown)
    times = sorted({t + d for t in shown for d in (0.0, 0.017, 0.031)})
    for time, frame in zip(times, reader.read(times), strict=True):
        due = max(i for i, t in enumerate(shown) if t <= time + 1e-6)
        assert (frame.index, media.number_of(frame.image)) == (due, due)
        assert frame.t == pytest.approx(shown[due])


@pytest.mark.parametrize("width", [None, 160])
@pytest.mark.parametrize("backend", ["decord", "pyav"])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation(media: ModuleType, tmp_path: Path, degrees: int, backend: str, width: int | None) -> None:
    path = media.rotated(tmp_path / "turned.mp4", degrees)
    reader = open_media(path, backend=backend, width=width)  # type: ignore[arg-type]
    assert (reader.info.rotation, reader.info.width, reader.info.height) == (degrees, 320, 180)
    for frame in reader.read([0.0, 0.5, 1.2]):
        assert frame.image.shape == ((180, 320, 3) if width is None else (90, 160, 3))
        assert media.number_of(frame.image) == frame.index
        assert media.is_upright(frame.image)


def test_width_never_enlarges(video: Make) -> None:
    for backend in ("decord", "pyav"):
        reader = open_media(video("h264_b", "mp4"), width=4000, backend=backend)  # type: ignore[arg-type]
        assert next(iter(reader.read([0.0]))).image.shape == (180, 320, 3)


@pytest.mark.parametrize(("kind", "extension"), [("h264_b", "mp4"), ("elementary", "264")])
def test_times_outside_and_repeats(video: Make, kind: str, extension: str) -> None:
    reader = open_media(video(kind, extension))
    frames = list(reader.read([-5.0, 0.0, 1.0, 1.001, 1.039, 99.0]))
    assert [f.index for f in frames] == [0, 0, 25, 25, 25, 99]
    assert frames[2] is frames[3] is frames[4]
    assert list(reader.read([])) == []


class Disordered:
    """A decoder's session over a damaged file: what it gives for each frame asked for is not in order."""

    ended, wanted = False, -1

    def __init__(self, gives: dict[int, int]) -> None:
        self.gives = gives

    def at(self, index: int) -> tuple[int, Any]:
        self.wanted = index
        return self.gives[index], av.VideoFrame(16, 16, "rgb24")

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        pytest.param([0, 4, 8, 12], [0, 10, 10, 12], id="forward"),
        pytest.param([8, 8, 12, 4, 0], [7, 7, 12, 10, 0], id="back is back"),
        pytest.param([4, 8, 4, 8], [10, 10, 10, 10], id="to and fro"),
    ],
)
def test_frames_of_a_damaged_file_go_forward_when_times_do(video: Make, asked: list[int], given: list[int]) -> None:
    reader = PyavReader(examine(video("h264_b", "mp4")))
    session: Any = Disordered({0: 0, 4: 10, 8: 7, 12: 12})
    reader._idle.append(session)
    timeline = reader._examined.timeline
    assert [f.index for f in reader.read([timeline.t(i) for i in asked])] == given


def test_frames_stay_in_order_where_another_reader_takes_over(video: Make) -> None:
    reader = PyavReader(examine(video("h264_b", "mp4")))
    session: Any = Disordered({4: 2, 8: 7})
    reader._idle.append(session)
    timeline = reader._examined.timeline
    last = Frame(3, timeline.t(3), np.zeros((16, 16, 3), np.uint8))
    assert [f.index for f in reader.read([timeline.t(4), timeline.t(8)], last)] == [3, 7]


@pytest.mark.parametrize("backend", ["decord", "pyav"])
def test_interleaved_and_abandoned_reads(media: ModuleType, video: Make, backend: str) -> None:
    reader = open_media(video("h264_b", "mp4"), backend=backend)  # type: ignore[arg-type]
    first, second = reader.read([0.0, 1.0, 3.0]), reader.read([2.0, 2.04, 2.08])
    numbers = [media.number_of(f.image) for pair in zip(first, second, strict=True) for f in pair]
    assert numbers == [0, 50, 25, 51, 75, 52]
    for frame in reader.read([1.0, 2.0, 3.0]):
        assert frame.index == 25
        break
    assert wrong(media, reader, [0.4, 2.2]) == []


def test_frames_before_the_first_key_frame_do_not_exist(media: ModuleType, tmp_path: Path) -> None:
    reader = open_media(media.late_start(tmp_path / "late.mp4"))
    assert isinstance(reader, PyavReader)
    assert reader.info.n_frames == 60
    frames = list(reader.read([0.0, 1.0, 2.36]))
    assert [media.number_of(f.image) for f in frames] == [40, 65, 99]
    assert [f.t for f in frames] == pytest.approx([0.0, 1.0, 2.36])


def test_hidden_frames_are_not_counted(media: ModuleType, tmp_path: Path) -> None:
    reader = open_media(media.hidden(tmp_path / "hidden.webm"))
    assert isinstance(reader, PyavReader)
    assert reader.info.n_frames == 90
    frames = list(reader.read([k / 25 for k in range(100)]))
    assert [media.number_of(f.image) for f in frames] == [k - (k % 10 == 5) for k in range(100)]


@pytest.mark.parametrize("fps", [10, 12, 30])
def test_a_raw_stream_has_the_rate_it_declares(media: ModuleType, tmp_path: Path, fps: int) -> None:
    info = probe(media.write(tmp_path / "raw.264", range(20), fps=fps, container="h264"))
    assert (info.fps, info.has_clock) == (pytest.approx(fps), False)
    assert info.duration == pytest.approx(20 / fps)


def test_container_facts(media: ModuleType, tmp_path: Path) -> None:
    when = "2024-05-06T07:08:09.000000Z"
    path = media.write(tmp_path / "dated.mp4", range(10), metadata={"creation_time": when})
    assert probe(path).started_at == pytest.approx(1714979289.0)
    path = media.write(tmp_path / "unset.mp4", range(10), metadata={"creation_time": "1970-01-01T00:00:00.000000Z"})
    info = probe(path)
    assert info.started_at is None
    assert (info.path, info.codec, info.damaged_at) == (path, "h264", None)


@pytest.mark.parametrize("name", ["a b.mp4", "Größe-北门.mp4", "-leading.mp4", "http:x.mp4", "100%d.mp4", "[x]?.mp4"])
@pytest.mark.parametrize("relative", [True, False])
def test_awkward_names(video: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, relative: bool) -> None:
    (tmp_path / name).write_bytes(video("h264_b", "mp4").read_bytes())
    monkeypatch.chdir(tmp_path)
    path = Path(name) if relative else tmp_path / name
    for backend in ("decord", "pyav"):
        reader = open_media(path, backend=backend)  # type: ignore[arg-type]
        assert [f.index for f in reader.read([2.0])] == [50]


def test_a_name_that_is_not_utf8(video: Make, tmp_path: Path) -> None:
    path = Path(os.fsdecode(bytes(tmp_path) + b"/\xff.mp4"))
    path.write_bytes(video("h264_b", "mp4").read_bytes())
    assert [f.index for f in open_media(path).read([2.0])] == [50]


# Bad files -----------------------------------------------------------------------------------------------------------


def _picture(path: Path) -> Path:
    Pil.new("RGB", (64, 48), (9, 9, 9)).save(path)
    return path


def _animated(path: Path) -> Path:
    frames = [Pil.new("P", (64, 48), i) for i in range(5)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    return path


def _text(path: Path, content: str = "not a video\n" * 50) -> Path:
    path.write_text(content)
    return path


def _bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def _playlist(path: Path, target: Path) -> Path:
    return _text(path, f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{target}\n#EXT-X-ENDLIST\n")


def _no_frames(media: ModuleType, path: Path) -> Path:
    """An MP4 whose sample data is overwritten: it says 100 frames, none decodes."""
    whole = media.faststart(path.with_name("whole.mp4"))
    return Path(media.scribble(whole, path, 0.0, 1.0))


# (name, how it is made, words of the sentence)
BAD: list[tuple[str, Callable[[Path, ModuleType, Make], Path], str]] = [
    ("missing.mp4", lambda p, m, v: p, "There is no file"),
    ("folder.mp4", lambda p, m, v: _folder(p), "is a folder"),
    ("fifo.mp4", lambda p, m, v: _fifo(p), "not a regular file"),
    ("empty.mp4", lambda p, m, v: _bytes(p, b""), "is empty"),
    ("text.mp4", lambda p, m, v: _text(p), "is a text file"),
    ("noise.mp4", lambda p, m, v: _bytes(p, np.random.default_rng(1).bytes(9000)), "not a video that can be read"),
    ("one.mp4", lambda p, m, v: _bytes(p, b"\x00"), "not a video that can be read"),
    ("photo.jpg", lambda p, m, v: _picture(p), "is a JPEG picture"),
    ("photo.png", lambda p, m, v: _picture(p), "is a PNG picture"),
    ("photo.bmp", lambda p, m, v: _picture(p), "is a BMP picture"),
    ("photo.webp", lambda p, m, v: _picture(p), "is a WebP picture"),
    ("photo.tiff", lambda p, m, v: _picture(p), "is a TIFF picture"),
    ("renamed.gif", lambda p, m, v: _animated(p), "is a GIF picture"),
    ("sound.m4a", lambda p, m, v: m.write_audio(p), "only sound"),
    ("sound.mp3", lambda p, m, v: m.write_audio(p, "mp3"), "only sound"),
    ("sound.wav", lambda p, m, v: m.write_audio(p, "pcm_s16le"), "only sound"),
    ("sound.mkv", lambda p, m, v: m.write_audio(p), "only sound"),
    ("cut.mp4", lambda p, m, v: m.cut(v("h264_b", "mp4"), p, 0.6), "without its index"),
    ("head.mp4", lambda p, m, v: m.cut(v("faststart", "mp4"), p, 0.1), "without its index|No frame|no frames"),
    ("list.m3u8", lambda p, m, v: _playlist(p, v("h264_ts", "ts")), "is a text file"),
    ("list.mp4", lambda p, m, v: _playlist(p, v("h264_ts", "ts")), "is a text file"),
    ("concat.mp4", lambda p, m, v: _text(p, f"ffconcat version 1.0\nfile {v('h264_b', 'mp4')}\n"), "is a text file"),
    ("dead.mp4", lambda p, m, v: _no_frames(m, p), "can be decoded|no frames"),
]


def open_files() -> int:
    """How many files this process holds open (0 where the system does not tell)."""
    gc.collect()
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


@pytest.mark.parametrize(("name", "make", "words"), BAD, ids=[b[0] for b in BAD])
def test_bad_files(
    media: ModuleType,
    video: Make,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    name: str,
    make: Callable[[Path, ModuleType, Make], Path],
    words: str,
) -> None:
    path = make(tmp_path / name, media, video)
    capfd.readouterr()
    before = open_files()
    for attempt in (probe, open_media):
        with pytest.raises(MediaFault, match=words) as caught:
            attempt(path)
        assert str(path) in caught.value.message
        assert caught.value.fix
        assert caught.value.exit_code == 2
    assert open_files() <= before
    assert capfd.readouterr() == ("", "")


def test_an_address_is_no_file() -> None:
    with pytest.raises(UserFault, match="is an address"):
        probe("rtsp://127.0.0.1:1/x")


_DENIED = """
import os, sys
from viot_agent.errors import MediaFault
from viot_agent.media.probe import probe
if os.geteuid() == 0:
    os.seteuid(65534)  # nothing is denied to root
try:
    probe(sys.argv[1])
except MediaFault as fault:
    print(fault)
"""


def test_permission_denied(video: Make) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        path = folder / "secret.mp4"
        path.write_bytes(video("h264_b", "mp4").read_bytes())
        path.chmod(0)
        told = subprocess.run([sys.executable, "-c", _DENIED, str(path)], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == f"{path} may not be read by this user. (chmod u+r {path})"


# Damage --------------------------------------------------------------------------------------------------------------


def test_cut_off_but_playable(media: ModuleType, video: Make, tmp_path: Path) -> None:
    path = media.cut(video("faststart", "mp4"), tmp_path / "cut.mp4", 0.6)
    reader = open_media(path)
    info = reader.info
    assert info.damaged_at == pytest.approx(info.duration)
    assert 1.0 < info.duration < 3.5
    read = []
    with pytest.raises(DamagedMedia, match=r"only until \d\.\d s") as caught:
        for frame in reader.read([k / 25 for k in range(100)]):
            read.append(media.number_of(frame.image))
    assert read[: info.n_frames] == list(range(info.n_frames))
    assert caught.value.until == pytest.approx(info.duration)
    assert str(path) in caught.value.message
    # what is there reads without complaint
    assert len(list(reader.read([k / 25 for k in range(info.n_frames)]))) == info.n_frames


@pytest.mark.parametrize("backend", ["auto", "pyav"])
def test_a_tail_that_does_not_decode(media: ModuleType, video: Make, tmp_path: Path, backend: str) -> None:
    path = media.scribble(video("faststart", "mp4"), tmp_path / "tail.mp4", 0.6, 1.0)
    reader = open_media(path, backend=backend)  # type: ignore[arg-type]
    read = []
    with pytest.raises(DamagedMedia) as caught:
        for frame in reader.read([k / 25 for k in range(100)]):
            read.append(frame)
    assert 1.5 < caught.value.until < 3.0
    assert [media.number_of(f.image) for f in read[:45]] == list(range(45))
    assert read[-1].t <= caught.value.until


def test_a_hole_is_bridged(media: ModuleType, video: Make, tmp_path: Path) -> None:
    path = media.scribble(video("faststart", "mp4"), tmp_path / "hole.mp4", 0.3, 0.4)
    frames = list(open_media(path).read([k / 25 for k in range(100)]))
    assert len(frames) == 100
    assert [media.number_of(f.image) for f in frames[:20]] == list(range(20))
    assert [media.number_of(f.image) for f in frames[60:]] == list(range(60, 100))
    assert all(f.t <= k / 25 + SLACK for k, f in enumerate(frames))


def test_a_file_that_goes_away(video: Make, tmp_path: Path) -> None:
    path = tmp_path / "gone.264"
    path.write_bytes(video("elementary", "264").read_bytes())
    reader = open_media(path)
    path.unlink()
    with pytest.raises(MediaFault, match="There is no file"):
        list(reader.read([1.0]))


def test_probe_sees_a_changed_file(media: ModuleType, tmp_path: Path) -> None:
    path = media.write(tmp_path / "x.mp4", range(10))
    assert probe(path).n_frames == 10
    media.write(path, range(20))
    assert probe(path).n_frames == 20


# Long video ----------------------------------------------------------------------------------------------------------

_MEASURE = """
import resource, sys
from viot_agent.media.readers import open_media
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
reader = open_media(sys.argv[1], backend=sys.argv[2])
for n, frame in enumerate(reader.read([float(k) for k in range(1800)]), 1):
    if n in (180, 1800):
        print(n, frame.index, peak())
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["decord", "pyav"])
def test_memory_is_flat_over_half_an_hour(video: Make, backend: str) -> None:
    """Peak resident memory after three minutes of a 30-minute file, and after all of it, one frame a second."""
    path = video("long_video", "mp4")
    assert probe(path).duration == pytest.approx(1800)
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(path), backend], check=True, capture_output=True, text=True
    )
    early, late = (line.split() for line in done.stdout.splitlines())
    assert (early[1], late[1]) == ("895", "8995")
    assert float(late[2]) - float(early[2]) < 60, done.stdout


def test_long_video_frames(media: ModuleType, video: Make) -> None:
    reader = open_media(video("long_video", "mp4"))
    times = [0.0, 17.2, 899.8, 1234.6, 1799.8]
    assert [media.number_of(f.image) for f in reader.read(times)] == [round(t * 5) % 4096 for t in times]


# Arithmetic ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=40), st.lists(st.floats(-1, 100), min_size=1, max_size=30))
def test_timeline_finds_the_frame_on_screen(gaps: list[int], times: list[float]) -> None:
    from fractions import Fraction

    pts = np.cumsum([500, *gaps]).astype(np.int64)
    timeline = Timeline(pts, np.zeros(1, np.int64), Fraction(1, 1000), int(pts[-1]) + 40)
    for time, index in zip(times, timeline.indices(times).tolist(), strict=True):
        assert 0 <= index < len(pts)
        assert timeline.t(index) <= max(0.0, time + SLACK + 1e-9)
        if index + 1 < len(pts):
            assert timeline.t(index + 1) > time + SLACK - 1e-3 - 1e-9
    assert timeline.duration == pytest.approx((int(pts[-1]) + 40 - 500) / 1000)


def test_timeline_rates() -> None:
    from fractions import Fraction

    assert constant(100, Fraction(25)).fps == pytest.approx(25)
    assert not constant(100, Fraction(30000, 1001)).variable
    assert constant(1, Fraction(25)).fps == 0.0
    assert constant(1, Fraction(25)).duration == pytest.approx(0.04)
    # 29.97 fps rounded to milliseconds, as Matroska stores it, is constant
    rounded = np.round(np.arange(300) * 1001 / 30).astype(np.int64)
    assert not Timeline(rounded, np.zeros(1, np.int64), Fraction(1, 1000), int(rounded[-1]) + 33).variable


def test_fake_reader_keeps_the_contract() -> None:
    info = fake_info(2.0, fps=10)
    reader = FakeReader(info, lambda t: np.full((180, 320, 3), round(t * 100), np.uint8))
    frames = list(reader.read([-1.0, 0.0, 0.15, 0.1999, 9.0]))
    assert [f.index for f in frames] == [0, 0, 1, 2, 19]
    assert [int(f.image[0, 0, 0]) for f in frames] == [0, 0, 10, 20, 190]
    assert reader.decoded == 4


# Real files ----------------------------------------------------------------------------------------------------------

# (file, reader, frames, seconds, variable rate, has a clock)
REAL = [
    ("faces/short_hamilton_clip.mp4", DecordReader, 275, 9.18, False, True),
    ("people-detection.264", PyavReader, 596, 49.67, False, False),
    ("traffic.mp4", PyavReader, 734, 73.23, True, True),
    ("actions/test.avi", PyavReader, 164, 6.56, False, True),
    ("pedestrians.mp4", DecordReader, 96, 3.84, False, True),
]


@pytest.mark.real
@pytest.mark.parametrize(("name", "kind", "n", "seconds", "variable", "clock"), REAL, ids=[r[0] for r in REAL])
def test_real_files(shared: Path, name: str, kind: type, n: int, seconds: float, variable: bool, clock: bool) -> None:
    reader = open_media(shared / "videos" / name)
    info = reader.info
    assert type(reader) is kind
    assert (info.n_frames, info.variable_rate, info.has_clock) == (n, variable, clock)
    assert info.duration == pytest.approx(seconds, abs=0.02)
    times = [0.0, seconds / 3, seconds * 0.9]
    ours = list(reader.read(times))
    other = list(open_media(info.path, backend="pyav").read(times))
    for a, b in zip(ours, other, strict=True):
        assert a.index == b.index
        assert np.array_equal(a.image, b.image)
    assert examine(info.path).info == info
