"""Files of strangers are decoded in a process of their own first: what breaks there is a sentence here."""

from __future__ import annotations

import io
import os
import random
import signal
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from viot_agent.errors import MediaFault, UserFault
from viot_agent.media.apart import Apart, look_first, open_stranger
from viot_agent.media.looked import said
from viot_agent.system import attachments

pytestmark = pytest.mark.trust


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    made = Apart()
    yield made
    made.close()


def picture(path: Path, size: tuple[int, int] = (64, 48), mode: str = "RGB") -> Path:
    Image.new(mode, size, 90 if mode == "L" else (90,) * len(mode)).save(path)
    return path


def png_of(width: int, height: int) -> bytes:
    """A PNG that claims a size, with next to nothing in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def test_what_is_good_is_looked_at_once(apart: Apart, video: Callable[[str, str], Path], tmp_path: Path) -> None:
    for kind, ending in (("h264_b", "mp4"), ("mjpeg_avi", "avi"), ("h264_ts", "ts"), ("vp9_webm", "webm")):
        apart.look(video(kind, ending), "video")
    still = picture(tmp_path / "a.png")
    apart.look(still, "image")
    process = apart._process
    assert process is not None
    process.kill()
    process.wait()
    apart.look(still, "image")
    assert apart._process is process, "nothing was asked again"
    picture(still, (65, 48))
    os.utime(still, (1, 1))
    apart.look(still, "image")
    assert apart._process is not process, "another file: and the process that had ended is begun anew"


@pytest.mark.parametrize(
    ("name", "data", "kind", "why"),
    [
        ("huge.png", png_of(60_000, 60_000), "image", "too large"),
        ("long.png", png_of(2_000_000_000, 1), "image", "too large|damaged|not a picture"),
        ("thin.png", png_of(9_000, 9_000), "image", "damaged"),
        ("head.mp4", b"\0\0\0\x18ftypmp42" + b"\xff" * 400, "video", "head.mp4"),
        ("text.mp4", b"#EXTM3U\nfile:///etc/passwd\n", "video", "text.mp4"),
        ("no.png", b"not a picture", "image", "not a picture"),
        ("empty.mp4", b"", "video", "empty.mp4"),
    ],
)
def test_what_is_none_is_told_as_ever(
    apart: Apart, tmp_path: Path, name: str, data: bytes, kind: Any, why: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(MediaFault, match=why) as caught:
        apart.look(path, kind)
    assert name in caught.value.message and caught.value.fix
    if data:
        here = said({"path": str(path), "kind": kind})
        assert (here["message"], here["fix"]) == (caught.value.message, caught.value.fix), "the same words as without"


@pytest.mark.parametrize(
    ("kind", "ending"), [("h264_b", "mp4"), ("mpeg4_avi", "avi"), ("h264_mkv", "mkv"), ("vp8_webm", "webm")]
)
def test_mutated_and_truncated_videos_are_read_or_refused(
    apart: Apart, video: Callable[[str, str], Path], tmp_path: Path, kind: str, ending: str
) -> None:
    data = video(kind, ending).read_bytes()
    outcomes = {broken(apart, tmp_path / f"{n}.{ending}", data, n, "video") for n in range(8)}
    assert outcomes <= {"read", "refused"} and len(outcomes) >= 1
    assert apart._process is not None and apart._process.poll() is None, "it took none of it to heart"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
def test_mutated_and_truncated_pictures_are_read_or_refused(apart: Apart, tmp_path: Path, form: str) -> None:
    out = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    Image.fromarray(noise).save(out, form)
    for n in range(10):
        assert broken(apart, tmp_path / f"{n}.{form.lower()}", out.getvalue(), n, "image") in ("read", "refused")


def broken(apart: Apart, path: Path, data: bytes, seed: int, kind: Any) -> str:
    """What becomes of the data with some bytes changed, or cut short, by ``seed``."""
    rng = random.Random(seed)
    changed = bytearray(data[: rng.randrange(len(data) // 4, len(data))] if seed % 3 == 0 else data)
    for _ in range(rng.choice((1, 8, 60))):
        changed[rng.randrange(len(changed))] = rng.choice((0, 255, rng.randrange(256)))
    path.write_bytes(changed)
    try:
        apart.look(path, kind)
    except MediaFault as fault:
        assert fault.message and fault.fix
        return "refused"
    return "read"


def test_a_giant_declared_picture_size_in_a_video(
    apart: Apart, video: Callable[[str, str], Path], tmp_path: Path
) -> None:
    data = bytearray(video("mpeg4_avi", "avi").read_bytes())
    at = data.index(b"avih") + 8 + 32
    data[at : at + 8] = struct.pack("<II", 2**31 - 1, 2**31 - 1)
    at = data.index(b"strf") + 8 + 4
    data[at : at + 8] = struct.pack("<ii", 2**30, 2**30)
    path = tmp_path / "giant.avi"
    path.write_bytes(data)
    assert broken_or_read(apart, path)


def broken_or_read(apart: Apart, path: Path) -> bool:
    try:
        apart.look(path, "video")
    except MediaFault:
        return True
    return open_stranger(path).info.width < 20_000  # what the stream itself says counts


@pytest.mark.skipif(os.name != "posix", reason="limits of processes are POSIX")
def test_what_takes_too_much_is_a_sentence(tmp_path: Path) -> None:
    big = picture(tmp_path / "big.png", (9_000, 9_000), "RGBA")
    small = picture(tmp_path / "small.png")
    for limits, why in (({"memory": 100 << 20}, "damaged|more than 100 MB|broke"), ({"cpu": 1}, "does not end")):
        tight = Apart(**limits)
        try:
            with pytest.raises(MediaFault, match=why):
                tight.look(big, "image")
            tight.look(small, "image")
        finally:
            tight.close()


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_dies_or_hangs_is_a_sentence_and_the_next_file_is_read(tmp_path: Path, how: int) -> None:
    apart = Apart(cpu=1)
    try:
        still = picture(tmp_path / "a.png")
        apart.look(still, "image")
        process = apart._process
        assert process is not None
        os.kill(process.pid, how)
        picture(still, (65, 48))
        os.utime(still, (1, 1))
        began = time.monotonic()
        if how == signal.SIGKILL:
            process.wait()
            apart.look(still, "image")
        else:
            apart.wait = -9.0  # one second in all
            with pytest.raises(MediaFault, match="does not end"):
                apart.look(still, "image")
            assert process.poll() is not None, "it is gone"
        assert time.monotonic() - began < 60
    finally:
        apart.close()


def test_every_way_in_looks_first(tmp_path: Path) -> None:
    path = tmp_path / "thin.png"
    path.write_bytes(png_of(9_000, 9_000))
    with pytest.raises(MediaFault, match="damaged"):
        attachments([path])
    with pytest.raises(MediaFault, match="There is no file"):
        open_stranger(tmp_path / "none.mp4")
    with pytest.raises(UserFault, match="an address"):
        look_first("rtsp://192.0.2.1/x")


def test_a_picture_is_told_by_its_bytes(tmp_path: Path) -> None:
    picture(tmp_path / "still.png").rename(tmp_path / "still.mp4")
    assert [a.handle for a in attachments([tmp_path / "still.mp4"])] == ["image-1"]
    (tmp_path / "none.jpg").mkdir()
    with pytest.raises(MediaFault, match="is a folder"):
        attachments([tmp_path / "none.jpg"])
    with pytest.raises(MediaFault, match="there is no file"):
        attachments([tmp_path / "nothing.jpg"])


def test_no_secret_goes_there(apart: Apart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/proc/self/environ").exists():
        pytest.skip("no /proc here")
    monkeypatch.setenv("VIOT_KEY", "viot_secret")
    fresh = Apart()
    try:
        fresh.look(picture(tmp_path / "a.png"), "image")
        assert fresh._process is not None
        assert b"viot_secret" not in Path(f"/proc/{fresh._process.pid}/environ").read_bytes()
    finally:
        fresh.close()
