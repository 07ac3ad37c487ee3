"""Masks on picture files of every sort: correct, or a sentence that says why not. The face is scikit-image's."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pil

from viot_agent.errors import MediaFault, UserFault
from viot_agent.weights import Weights
from viot_tools.faces.detect import Face
from viot_tools.masks.face import pose_scale
from viot_tools.masks.landmarks import SMALLEST, Landmarks
from viot_tools.masks.pictures import (
    choose,
    counted,
    free_name,
    mask_picture,
    open_picture,
    usable,
    write_picture,
)


@pytest.fixture(scope="module")
def landmarks(tmp_path_factory: pytest.TempPathFactory) -> Landmarks:
    return Landmarks(Weights(tmp_path_factory.mktemp("home"), tier="builtin"))


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    from skimage import data

    return np.asarray(data.astronaut()[:300, 60:400], np.uint8)


def test_the_landmarks_lie_on_the_face(landmarks: Landmarks, astronaut: np.ndarray) -> None:
    [(face, points)] = landmarks.find(astronaut)
    assert points.shape == (68, 2) and points.dtype == np.float32
    x0, y0, x1, y1 = face.xyxy
    inner = points[17:]
    assert (inner[:, 0] > x0).all() and (inner[:, 0] < x1).all() and (inner[:, 1] > y0).all()
    assert points[36:42, 0].mean() < points[30, 0] < points[42:48, 0].mean()
    assert points[36:48, 1].mean() < points[30, 1] < points[48:60, 1].mean() < points[8, 1] < y1 + 0.2 * (y1 - y0)


def test_roll_does_not_matter_to_the_landmarks(landmarks: Landmarks, astronaut: np.ndarray) -> None:
    import cv2

    from viot_tools.faces.detect import Face

    [(face, points)] = landmarks.find(astronaut)
    five = np.stack([points[36:42].mean(0), points[42:48].mean(0), points[30], points[48], points[54]])
    turn = cv2.getRotationMatrix2D((170.0, 150.0), 40, 1.0)
    tilted = cv2.warpAffine(astronaut, turn, (340, 300))
    upright = landmarks.points(astronaut, Face(face.xyxy, 1.0, five.astype(np.float32)))
    marks = (five @ turn[:, :2].T + turn[:, 2]).astype(np.float32)
    found = landmarks.points(tilted, Face(face.xyxy, 1.0, marks))
    back = (found - turn[:, 2]) @ np.linalg.inv(turn[:, :2]).T
    assert np.linalg.norm(back - upright, axis=1).mean() < 0.05 * pose_scale(upright)


def test_one_face_gets_one_mask_and_the_rest_of_the_picture_stays(landmarks: Landmarks, astronaut: np.ndarray) -> None:
    before = astronaut.copy()
    made = mask_picture(astronaut, landmarks, mask="kn95", seed=1)
    assert (astronaut == before).all()
    assert [(w.template, w.seed) for w in made.worn] == [("kn95-grey", 1)]
    assert (made.image[made.alpha == 0] == astronaut[made.alpha == 0]).all()
    assert 0.02 < (made.alpha > 0.5).mean() < 0.2
    assert abs(made.worn[0].yaw) < 25 and made.too_small == 0


def test_several_faces_take_the_templates_in_turn(landmarks: Landmarks, astronaut: np.ndarray) -> None:
    both = np.hstack([astronaut, astronaut[:, ::-1]])
    made = mask_picture(both, landmarks, mask="cloth")
    assert [(w.template, w.seed) for w in made.worn] == [("cloth-navy", 0), ("cloth-beige", 1)]
    assert made.worn[0].xyxy[0] < made.worn[1].xyxy[0]
    assert counted(made.worn) == "cloth-navy, cloth-beige"


def save(image: np.ndarray, path: Path, kind: str) -> Path:
    """The portrait as a file of some sort."""
    picture = Pil.fromarray(image)
    if kind == "exif":
        exif = Pil.Exif()
        exif[0x0112] = 6  # shown turned by a quarter clockwise
        exif[0x010F] = "a camera"
        picture.rotate(90, expand=True).save(path.with_suffix(".jpg"), exif=exif, quality=95)
        return path.with_suffix(".jpg")
    if kind == "grey":
        picture.convert("L").save(path.with_suffix(".png"))
    elif kind == "cmyk":
        picture.convert("CMYK").save(path.with_suffix(".jpg"), quality=95)
        return path.with_suffix(".jpg")
    elif kind == "deep":
        deep = np.asarray(picture.convert("L"), np.uint16) * 257
        Pil.fromarray(deep).save(path.with_suffix(".png"))
    elif kind == "deep colours":
        import cv2

        cv2.imwrite(str(path.with_suffix(".png")), image[:, :, ::-1].astype(np.uint16) * 257)
    elif kind == "alpha":
        picture.putalpha(
            Pil.fromarray(np.tile(np.linspace(255, 80, image.shape[1]).astype(np.uint8), (image.shape[0], 1)))
        )
        picture.save(path.with_suffix(".png"))
    elif kind == "palette":
        picture.quantize(255).save(path.with_suffix(".png"))
    elif kind == "gif":
        picture.save(path.with_suffix(".gif"), save_all=True, append_images=[Pil.new("RGB", picture.size)])
        return path.with_suffix(".gif")
    elif kind == "webp":
        picture.save(path.with_suffix(".webp"), save_all=True, append_images=[Pil.new("RGB", picture.size)], quality=95)
        return path.with_suffix(".webp")
    elif kind == "tiff":
        picture.save(path.with_suffix(".tiff"))
        return path.with_suffix(".tiff")
    elif kind == "plain":
        picture.save(path.with_suffix(".png"))
    return path.with_suffix(".png")


@pytest.mark.parametrize(
    ("kind", "note"),
    [
        ("plain", ""),
        ("tiff", ""),
        ("palette", ""),
        ("grey", ""),
        ("exif", "turned upright"),
        ("cmyk", "CMYK"),
        ("deep", "16-bit greys"),
        ("deep colours", "16-bit colours"),
        ("alpha", "laid on white"),
        ("gif", "holds 2 pictures; only the first"),
        ("webp", "holds 2 pictures; only the first"),
    ],
)
def test_every_sort_of_picture_gets_its_mask(
    kind: str, note: str, landmarks: Landmarks, astronaut: np.ndarray, tmp_path: Path
) -> None:
    path = save(astronaut, tmp_path / "me", kind)
    opened = open_picture(path)
    assert opened.image.shape == astronaut.shape and opened.image.dtype == np.uint8
    assert opened.jpeg == (path.suffix == ".jpg")
    assert note in "; ".join(opened.notes) if note else opened.notes == ()
    made = mask_picture(opened.image, landmarks)
    assert len(made.worn) == 1
    if kind in ("grey", "deep"):
        assert (made.image[..., 0] == made.image[..., 1]).all()
    out = tmp_path / "out.png"
    write_picture(made.image, out, profile=opened.profile)
    with Pil.open(out) as again:
        assert (np.asarray(again) == made.image).all()
        assert not again.getexif()


def bomb(path: Path) -> Path:
    """A PNG of some bytes that claims 100 megapixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 30_001 * 100)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p, "no file"),
        (lambda p: (p.write_bytes(b""), p)[1], "empty"),
        (lambda p: (p.write_bytes(b"<svg onload='x'/>"), p)[1], "not a picture"),
        (lambda p: (p.write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 50), p)[1], "picture"),
        (lambda p: (p.mkdir(), p)[1], "folder"),
        (bomb, "at most 89 megapixels"),
    ],
    ids=["missing", "empty", "svg", "cut-off", "folder", "bomb"],
)
def test_what_is_no_picture_is_said(make: object, words: str, tmp_path: Path) -> None:
    assert callable(make)
    with pytest.raises(MediaFault, match=words):
        open_picture(make(tmp_path / "x.png"))


class Told:
    """A detector that sees one face, whose box and points it was told, in every picture."""

    model, model_version, blind_to = "told", "1", ""

    def __init__(self, face: Face) -> None:
        self.face = face

    def detect(self, image: np.ndarray) -> list[Face]:
        return [self.face]


def test_no_face_means_no_mask_and_a_tiny_one_is_counted(
    landmarks: Landmarks, astronaut: np.ndarray, tmp_path: Path
) -> None:
    empty = np.full((200, 300, 3), 120, np.uint8)
    made = mask_picture(empty, landmarks)
    assert made.worn == () and made.too_small == 0 and (made.image == empty).all() and made.alpha.max() == 0
    import cv2

    [(face, points)] = landmarks.find(astronaut)
    by = 0.7 * SMALLEST / face.eye_distance
    small = np.asarray(cv2.resize(astronaut, None, fx=by, fy=by, interpolation=cv2.INTER_AREA), np.uint8)
    x0, y0, x1, y1 = (by * v for v in face.xyxy)
    shrunk_face = Face((x0, y0, x1, y1), face.score, np.asarray(face.landmarks * by, np.float32))
    tiny = mask_picture(small, Landmarks(Weights(tmp_path, None, "builtin"), Told(shrunk_face)))
    assert tiny.worn == () and tiny.too_small == 1 and (tiny.image == small).all()
    assert usable(points, face.xyxy[3] - face.xyxy[1])
    shrunk = points * (0.9 * SMALLEST / pose_scale(points))
    assert not usable(shrunk, 30.0)
    assert not usable(np.full((68, 2), np.nan, np.float32), 30.0)


def test_names_are_checked_before_anything_is_done(landmarks: Landmarks) -> None:
    image = np.zeros((50, 50, 3), np.uint8)
    with pytest.raises(UserFault, match="no kind of mask"):
        mask_picture(image, landmarks, mask="gas")
    with pytest.raises(UserFault, match="no n95 mask"):
        mask_picture(image, landmarks, mask="n95", name="cloth-red")
    assert choose(None, None, 0, 0) == "surgical-blue"
    assert choose("n95", "n95-valve", 5, 9) == "n95-valve"


def test_jpeg_is_written_fine_and_other_endings_are_refused(astronaut: np.ndarray, tmp_path: Path) -> None:
    write_picture(astronaut, tmp_path / "a" / "x.jpg")
    with Pil.open(tmp_path / "a" / "x.jpg") as again:
        assert np.abs(np.asarray(again).astype(int) - astronaut).mean() < 2
    with pytest.raises(UserFault, match=r"\.png or \.jpg"):
        write_picture(astronaut, tmp_path / "x.gif")
    assert [p.name for p in tmp_path.rglob("*.part")] == []


def test_an_rgb_profile_is_kept_and_another_is_not(astronaut: np.ndarray, tmp_path: Path) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Pil.fromarray(astronaut).save(tmp_path / "rgb.png", icc_profile=profile)
    assert open_picture(tmp_path / "rgb.png").profile == profile
    Pil.fromarray(astronaut).save(tmp_path / "odd.png", icc_profile=profile[:16] + b"GRAY" + profile[20:])
    assert open_picture(tmp_path / "odd.png").profile is None


def test_nobodys_file_is_written_over(tmp_path: Path) -> None:
    assert free_name(tmp_path, "me", ".png").name == "me-masked.png"
    (tmp_path / "me-masked.png").symlink_to(tmp_path / "nowhere")
    assert free_name(tmp_path, "me", ".png").name == "me-masked-2.png"
