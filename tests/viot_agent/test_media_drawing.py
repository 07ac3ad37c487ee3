"""Drawing marks where it should and nowhere else; pictures of every kind come in as RGB."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pil

from viot_agent.errors import MediaFault
from viot_agent.media.drawing import PALETTE, SURE, caption, contact_sheet, draw_boxes, draw_skeletons
from viot_agent.media.fonts import fitting, missing, spelled
from viot_agent.media.pictures import decode_image, encode_jpeg
from viot_agent.media.types import Image


def grey(height: int = 240, width: int = 320, value: int = 100) -> Image:
    return np.full((height, width, 3), value, np.uint8)


def changed(a: Image, b: Image) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.asarray((a != b).any(axis=2))


# Skeletons -----------------------------------------------------------------------------------------------------------


def keypoints(score: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Joints on a line across the picture, one bone of them crossing it: left hip to left knee."""
    points = np.full((17, 3), 20, np.float32)
    points[:, 2] = 0
    points[11], points[13] = (50, 60, score), (200, 60, score)
    return points


def test_a_sure_bone_is_drawn_from_joint_to_joint() -> None:
    image = grey()
    drawn = draw_skeletons(image, [keypoints(0.9)], thickness=2)
    marks = changed(image, drawn)
    assert (image == 100).all()
    assert marks[60, 55:195].all() and not marks[:50].any() and not marks[:, :40].any()


def test_unsure_joints_are_not_drawn() -> None:
    image = grey()
    assert not changed(image, draw_skeletons(image, [keypoints(SURE - 0.01)])).any()
    assert not changed(image, draw_skeletons(image, [])).any()


# Boxes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", range(len(PALETTE)))
def test_a_box_has_its_colour_and_touches_nothing_else(colour: int) -> None:
    image = grey()
    drawn = draw_boxes(image, [(100, 80, 200, 180)], colours=[colour], thickness=2)
    assert (image == 100).all()
    marks = changed(image, drawn)
    assert marks[70:190, 90:210].any()
    marks[75:186, 95:206] = False
    assert not marks.any()
    assert (drawn[90:170, 110:190] == 100).all()
    expected = [int(PALETTE[colour][i : i + 2], 16) for i in (1, 3, 5)]
    assert drawn[80, 150].tolist() == expected


def test_labels_stand_above_their_box_in_its_colour() -> None:
    image = grey()
    drawn = draw_boxes(image, [(100, 80, 200, 180)], ["Ana 0.93"], colours=[1])
    marks = changed(image, drawn)
    assert marks[60:78, 100:150].mean() > 0.6
    marks[50:190, 95:215] = False
    assert not marks.any()
    assert drawn.flags.writeable


@pytest.mark.parametrize("box", [(0, 0, 30, 30), (290, 210, 320, 240), (-50, -50, 10, 10), (310, 0, 400, 20)])
def test_labels_stay_inside_the_picture(box: tuple[float, float, float, float]) -> None:
    image = grey()
    drawn = draw_boxes(image, [box], ["a long label here"])
    assert drawn.shape == image.shape
    assert changed(image, drawn).sum() > 1000  # the whole label is visible


def test_no_boxes_is_a_copy() -> None:
    image = grey()
    drawn = draw_boxes(image, [], [])
    assert np.array_equal(drawn, image)
    assert drawn is not image
    unlabelled = draw_boxes(image, [(10, 10, 50, 50)])
    assert np.array_equal(draw_boxes(image, [(10, 10, 50, 50)], [" "]), unlabelled)


def test_numbers_must_agree() -> None:
    with pytest.raises(ValueError, match="2 labels for 1 boxes"):
        draw_boxes(grey(), [(1, 1, 9, 9)], ["a", "b"])
    with pytest.raises(ValueError, match="colours"):
        draw_boxes(grey(), [(1, 1, 9, 9)], colours=[])


# Text ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["gate 2 · 14:05:03", "Größe Щерба Ωμέγα", "北门 14:05", "皖AT6M00", "🙂", "a\nb\tc"])
def test_caption_marks_only_its_band(text: str) -> None:
    image = grey()
    drawn = caption(image, text)
    assert (image == 100).all()
    assert not changed(image, drawn)[:200].any()
    assert changed(image, drawn)[-15:].mean() > 0.95
    assert drawn[-20:].max() > 200  # white letters


def test_different_names_look_different() -> None:
    """Nothing becomes a row of question marks or boxes: two names that no font has are still told apart."""
    a, b = caption(grey(), "皖A"), caption(grey(), "沪A")
    assert changed(a, b).any()


def test_characters_without_a_font_are_spelled_out() -> None:
    _, path, _ = fitting("plain", 12)
    assert path.name == "DejaVuSans.ttf"
    assert spelled("皖A", path) == "[U+7696]A"
    assert spelled("Größe Щ Ω 14:05", path) == "Größe Щ Ω 14:05"
    _, _, shown = fitting("\U0010fffeA", 12)
    assert shown == "[U+10FFFE]A"
    assert missing("abc \U0010fffe") == "\U0010fffe"
    assert missing("Größe") == ""


def test_long_and_empty_captions() -> None:
    assert np.array_equal(caption(grey(), "  "), grey())
    assert caption(grey(20, 30), "a caption much longer than the picture is wide").shape == (20, 30, 3)


@pytest.mark.parametrize(("n", "columns", "rows", "across"), [(1, 4, 1, 1), (4, 4, 1, 4), (5, 4, 2, 4), (3, 1, 3, 1)])
def test_contact_sheet(n: int, columns: int, rows: int, across: int) -> None:
    tiles = [(grey(90, 160, 40 * i + 60), f"picture {i}") for i in range(n)]
    sheet = contact_sheet(tiles, columns, tile_width=160)
    assert sheet.shape[1] == across * 166 + 6
    assert sheet.shape[0] == pytest.approx(rows * (90 + 19 + 6) + 6, abs=rows * 3)
    for i in range(n):
        y, x = 6 + i // across * (sheet.shape[0] - 6) // rows + 45, 6 + i % across * 166 + 80
        assert sheet[y, x].tolist() == [40 * i + 60] * 3


def test_contact_sheet_of_odd_shapes() -> None:
    tiles = [(grey(400, 30), "tall"), (grey(10, 900), "a very long text under a wide picture " * 5), (grey(1, 1), "")]
    assert contact_sheet(tiles, 2, tile_width=120).shape[1] == 2 * 126 + 6
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([], 3)


def test_supervision_is_imported_only_to_draw() -> None:
    code = "import sys, viot_agent.media.drawing as d; assert 'supervision' not in sys.modules, 'imported'"
    subprocess.run([sys.executable, "-c", code], check=True)


# Pictures ------------------------------------------------------------------------------------------------------------


def _file(mode: str, fill: object, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Pil.new(mode, (40, 30), fill).save(buffer, form, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def _deep(value: int) -> bytes:
    buffer = io.BytesIO()
    Pil.fromarray(np.full((30, 40), value, np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()


def _animated() -> bytes:
    buffer = io.BytesIO()
    frames = [Pil.new("RGB", (40, 30), c) for c in ("red", "blue")]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


# (what, bytes, the colour of the middle)
PICTURES = [
    ("rgb jpeg", lambda: _file("RGB", (10, 200, 30), "JPEG", quality=95), (10, 200, 30)),
    ("grey jpeg", lambda: _file("L", 77, "JPEG"), (77, 77, 77)),
    ("cmyk jpeg", lambda: _file("CMYK", (0, 255, 255, 0), "JPEG", quality=95), (255, 0, 0)),
    ("png palette", lambda: _file("P", 0, "PNG"), (0, 0, 0)),
    ("png half red", lambda: _file("RGBA", (255, 0, 0, 128), "PNG"), (255, 127, 127)),
    ("png clear", lambda: _file("LA", (0, 0), "PNG"), (255, 255, 255)),
    ("png palette with a clear colour", lambda: _file("P", 0, "PNG", transparency=0), (255, 255, 255)),
    ("png one bit", lambda: _file("1", 1, "PNG"), (255, 255, 255)),
    ("png 16 bit", lambda: _deep(32896), (128, 128, 128)),
    ("png 16 bit dark", lambda: _deep(514), (2, 2, 2)),
    ("tiff float", lambda: _file("F", 0.5, "TIFF"), (128, 128, 128)),
    ("webp", lambda: _file("RGB", (10, 200, 30), "WEBP", lossless=True), (10, 200, 30)),
    ("bmp", lambda: _file("RGB", (10, 200, 30), "BMP"), (10, 200, 30)),
    ("animated gif, its first frame", _animated, (255, 0, 0)),
]


@pytest.mark.parametrize(("what", "make", "colour"), PICTURES, ids=[p[0] for p in PICTURES])
def test_pictures_become_rgb(
    what: str, make: Callable[[], bytes], colour: tuple[int, int, int], tmp_path: Path
) -> None:
    path = tmp_path / "-a b 北.dat"
    path.write_bytes(make())
    for source in (path.read_bytes(), path, str(path)):
        image = decode_image(source)
        assert (image.shape, image.dtype) == ((30, 40, 3), np.uint8)
        assert np.abs(image[15, 20].astype(int) - colour).max() <= 3
        assert image.flags.writeable


@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_turns_are_undone(turn: int) -> None:
    upright = Pil.new("RGB", (40, 30), "white")
    upright.paste("red", (0, 0, 20, 15))
    undo = [None, None, 0, 3, 1, 5, 2, 6, 4][turn]  # the Pillow transposition that stores the picture that way
    stored = upright if undo is None else upright.transpose(Pil.Transpose(undo))
    if turn in (6, 8):
        stored = upright.transpose(Pil.Transpose.ROTATE_90 if turn == 6 else Pil.Transpose.ROTATE_270)
    exif = Pil.Exif()
    exif[0x0112] = turn
    buffer = io.BytesIO()
    stored.save(buffer, "PNG", exif=exif)
    image = decode_image(buffer.getvalue())
    assert image.shape == (30, 40, 3)
    assert image[5, 5].tolist() == [255, 0, 0]
    assert image[25, 35].tolist() == [255, 255, 255]


def _claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")


BAD = [
    ("nothing", b"", "is empty"),
    ("text", b"hello there, this is text", "not a picture"),
    ("noise", bytes(range(256)) * 9, "not a picture"),
    ("postscript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
    ("half a jpeg", _file("RGB", 0, "JPEG")[:300], "not a picture|damaged"),
    ("half a png", _deep(9)[:60], "not a picture|damaged"),
    ("100 megapixels", _claims(10_000, 10_000), "too large"),
    ("a bomb", _claims(60_000, 60_000), "too large"),
]


@pytest.mark.parametrize(("what", "data", "words"), BAD, ids=[b[0] for b in BAD])
def test_bad_pictures(what: str, data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    with pytest.raises(MediaFault, match=words) as caught:
        decode_image(data)
    assert caught.value.fix
    with pytest.raises(MediaFault, match=words) as caught:
        decode_image(path)
    assert str(path) in caught.value.message


@pytest.mark.parametrize("name", ["missing.jpg", "."])
def test_no_picture_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(MediaFault, match=r"no file|folder"):
        decode_image(tmp_path / name)


def test_jpeg_and_back() -> None:
    image = grey(50, 70)
    image[:, 35:] = (200, 40, 20)
    data = encode_jpeg(image, 95)
    assert data[:2] == b"\xff\xd8"
    assert np.abs(decode_image(data)[:, :30].astype(int) - image[:, :30]).max() < 4
    assert np.abs(decode_image(data)[25, 60].astype(int) - image[25, 60]).max() < 12
    assert len(encode_jpeg(image, 20)) < len(data)
    for bad in (image[:, :, 0], image.astype(np.float32), image[:0]):
        with pytest.raises(ValueError, match="image is"):
            encode_jpeg(bad)  # type: ignore[arg-type]
