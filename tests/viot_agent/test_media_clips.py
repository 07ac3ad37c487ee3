"""Clips: H.264 that plays from the first byte, every frame in its time, all or nothing on disk."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest

from viot_agent.errors import BackendFault, MediaFault, UserFault
from viot_agent.media.clips import cut_clip, write_clip
from viot_agent.media.fake import FakeReader, fake_info
from viot_agent.media.probe import probe
from viot_agent.media.readers import open_media
from viot_agent.media.types import Frame, Image

Make = Callable[[str, str], Path]


def plays(media: ModuleType, path: Path) -> list[int]:
    """The numbers in all frames, after checking that any player can play the file at once."""
    with av.open(str(path)) as container:
        assert len(container.streams) == 1
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        numbers = [media.number_of(f.to_ndarray(format="rgb24")) for f in container.decode(stream)]
    names = [name for name, _, _ in media.boxes(path.read_bytes())]
    assert names.index("moov") < names.index("mdat")
    return numbers


def test_write_clip(media: ModuleType, tmp_path: Path) -> None:
    out = tmp_path / "new" / "clip -1 北.mp4"
    info = write_clip((media.paint(i) for i in range(37)), out, 12.5)
    assert plays(media, out) == list(range(37))
    assert (info.path, info.n_frames, info.width, info.height) == (out, 37, 320, 180)
    assert info.duration == pytest.approx(37 / 12.5)
    assert info.size == out.stat().st_size
    seen = probe(out)
    assert seen.fps == pytest.approx(12.5)
    assert seen.duration == pytest.approx(info.duration, abs=0.01)
    assert [p.name for p in out.parent.iterdir()] == [out.name]


@pytest.mark.parametrize(
    ("shape", "max_width", "size"),
    [
        ((181, 321, 3), None, (320, 180)),
        ((180, 320, 3), 160, (160, 90)),
        ((180, 320, 3), 101, (100, 56)),
        ((180, 320, 3), 5000, (320, 180)),
        ((3, 3, 3), None, (2, 2)),
    ],
)
def test_sizes_are_even(
    tmp_path: Path, shape: tuple[int, int, int], max_width: int | None, size: tuple[int, int]
) -> None:
    info = write_clip([np.full(shape, 90, np.uint8)] * 3, tmp_path / "c.mp4", 5, max_width=max_width)
    seen = probe(tmp_path / "c.mp4")
    assert (info.width, info.height) == (seen.width, seen.height) == size


def test_one_frame_is_a_clip(media: ModuleType, tmp_path: Path) -> None:
    info = write_clip([media.paint(7)], tmp_path / "one.mp4", 25)
    assert info.duration == pytest.approx(0.04)
    assert plays(media, info.path) == [7]


@pytest.mark.parametrize(
    ("t0", "t1", "fps", "numbers"),
    [
        (1.0, 2.0, None, list(range(25, 50))),
        (1.0, 2.0, 5.0, [25, 30, 35, 40, 45]),
        (-3.0, 0.2, None, [0, 1, 2, 3, 4]),
        (3.8, 99.0, None, [95, 96, 97, 98, 99]),
        (1.01, 1.02, None, [25]),
    ],
)
def test_cut_clip(
    media: ModuleType, video: Make, tmp_path: Path, t0: float, t1: float, fps: float | None, numbers: list[int]
) -> None:
    info = cut_clip(video("h264_b", "mp4"), t0, t1, tmp_path / "c.mp4", fps=fps)
    assert plays(media, info.path) == numbers
    assert info.n_frames == len(numbers)
    assert info.duration == pytest.approx(len(numbers) / (fps or 25), abs=0.05)


def test_a_clip_keeps_a_variable_rate(media: ModuleType, video: Make, tmp_path: Path) -> None:
    shown = [ms / 1000 for ms in media.VFR_MS]
    info = cut_clip(video("vfr", "mp4"), shown[10], shown[30], tmp_path / "c.mp4")
    reader = open_media(info.path)
    frames = list(reader.read([t - shown[10] for t in shown[10:30]]))
    assert [media.number_of(f.image) for f in frames] == list(range(10, 30))
    assert [f.t for f in frames] == pytest.approx([t - shown[10] for t in shown[10:30]], abs=1e-3)


def test_a_still_end_lasts(media: ModuleType, tmp_path: Path) -> None:
    """One frame a second, cut 0.9 s after the last change, at 10 frames a second."""
    reader = FakeReader(fake_info(5.0, fps=1.0), lambda t: media.paint(round(t)))
    info = cut_clip(reader, 1.0, 3.9, tmp_path / "c.mp4", fps=10)
    assert info.duration == pytest.approx(2.9)
    assert probe(info.path).duration == pytest.approx(2.9, abs=0.02)
    assert plays(media, info.path) == [1, 2, 3, 3]


def test_draw_sees_whole_frames(media: ModuleType, video: Make, tmp_path: Path) -> None:
    seen: list[Frame] = []

    def draw(frame: Frame) -> Image:
        seen.append(frame)
        return media.paint(frame.index + 1000)

    info = cut_clip(video("h264_b", "mp4"), 0, 0.4, tmp_path / "c.mp4", draw=draw, max_width=240)
    assert plays(media, info.path) == list(range(1000, 1010))
    assert {f.image.shape for f in seen} == {(180, 320, 3)}
    assert info.width == 240


def test_a_rotated_source_gives_an_upright_clip(media: ModuleType, tmp_path: Path) -> None:
    source = media.rotated(tmp_path / "turned.mp4", 90)
    info = cut_clip(source, 0, 1, tmp_path / "c.mp4")
    assert plays(media, info.path) == list(range(25))
    assert probe(info.path).rotation == 0


# What goes wrong -----------------------------------------------------------------------------------------------------


def _broken(media: ModuleType) -> Iterator[Image]:
    yield media.paint(0)
    raise MediaFault("the source broke")


def test_nothing_is_left_of_a_failed_clip(media: ModuleType, video: Make, tmp_path: Path) -> None:
    old = tmp_path / "c.mp4"
    old.write_bytes(b"the old clip")
    with pytest.raises(MediaFault, match="the source broke"):
        write_clip(_broken(media), old, 25)
    with pytest.raises(MediaFault, match="no frame to write"):
        write_clip([], old, 25)
    with pytest.raises(UserFault, match=r"nothing between 9\.0 s and 12\.0 s: it runs from 0 s to 4\.0 s"):
        cut_clip(video("h264_b", "mp4"), 9, 12, old)
    with pytest.raises(UserFault, match="nothing between"):
        cut_clip(video("h264_b", "mp4"), 2, 2, old)
    with pytest.raises(MediaFault, match="There is no file"):
        cut_clip(tmp_path / "none.mp4", 0, 1, old)
    with pytest.raises(ValueError, match="fps"):
        write_clip([media.paint(0)], old, 0)
    assert old.read_bytes() == b"the old clip"
    assert [p.name for p in tmp_path.iterdir()] == ["c.mp4"]


def test_a_place_that_cannot_be_written(media: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BackendFault, match="cannot be written") as caught:
        write_clip([media.paint(0)], tmp_path / "file" / "c.mp4", 25)
    assert caught.value.fix


_FULL = """
import resource, sys
import numpy as np
from viot_agent.errors import BackendFault
from viot_agent.media.clips import write_clip
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), -1))
noise = np.random.default_rng(0)
try:
    write_clip((noise.integers(0, 256, (180, 320, 3), dtype=np.uint8) for _ in range(30)), sys.argv[1], 25)
except BackendFault as fault:
    print(fault)
"""


@pytest.mark.parametrize("limit", [0, 4_000, 200_000])
def test_a_full_disk(tmp_path: Path, limit: int) -> None:
    """The kernel's own limit on a file's size stands in for the full disk: the write fails in the same place."""
    out = tmp_path / "c.mp4"
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(out), str(limit)], check=True, capture_output=True, text=True
    )
    assert f"The disk is full: {out} was not written" in done.stdout
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.real
def test_a_clip_of_real_footage(shared: Path, tmp_path: Path) -> None:
    info = cut_clip(shared / "videos" / "faces" / "short_hamilton_clip.mp4", 2.0, 4.0, tmp_path / "c.mp4")
    assert info.duration == pytest.approx(2.0, abs=0.05)
    source = next(iter(open_media(shared / "videos" / "faces" / "short_hamilton_clip.mp4").read([3.0]))).image
    copy = next(iter(open_media(info.path).read([1.0]))).image
    assert np.abs(source.astype(int) - copy).mean() < 4
