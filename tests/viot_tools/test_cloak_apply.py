"""A mask on a face of a picture: never more than epsilon, only inside the crop, and the same mask when it is cut out
again; and what of EXIF a copy keeps."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as Pil

from viot_tools.cloak.apply import SIDE, Spot, again, carried, faded, largest_change, lay, spots
from viot_tools.cloak.metadata import kept_exif
from viot_tools.cloak.views import filled
from viot_tools.faces.detect import Face


def spot(angle: float = 0.0, scale: float = 1.0, x: float = 40.0, y: float = 30.0) -> Spot:
    """A crop turned by ``angle`` radians whose corner lies at (x, y); ``scale`` crop pixels to a picture's."""
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.array([[c, -s], [s, c]])
    matrix = np.hstack([linear, (-linear @ np.array([x, y]))[:, None]])
    box = (x, y, x + SIDE / scale, y + SIDE / scale)
    return Spot(Face(box, 0.9, np.full((5, 2), np.nan, np.float32)), matrix)


def a_mask(seed: int = 0, epsilon: float = 8.0) -> NDArray[np.float32]:
    signs = np.random.default_rng(seed).integers(0, 2, (SIDE, SIDE, 3))
    return (epsilon * (2.0 * signs - 1)).astype(np.float32)


def grainy_mask() -> NDArray[np.float32]:
    """Signs in grains of about three pixels, as learnt masks have them."""
    noise = np.random.default_rng(1).normal(size=(SIDE, SIDE, 3)).astype(np.float32)
    return np.asarray(8 * np.sign(cv2.GaussianBlur(noise, (0, 0), 1.2)), np.float32)


def soft_mask() -> NDArray[np.float32]:
    at = np.arange(SIDE) / SIDE * 2 * np.pi
    wave = np.sin(3 * at)[:, None] * np.cos(2 * at)[None]
    return np.repeat(8 * wave[..., None], 3, axis=2).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(
    angle=st.floats(-3.2, 3.2),
    scale=st.floats(0.3, 3.0),
    x=st.floats(-90, 190),
    y=st.floats(-90, 150),
    epsilon=st.sampled_from([1.0, 4.0, 7.5, 8.0]),
    seed=st.integers(0, 9),
)
def test_no_value_changes_by_more_than_epsilon_and_none_outside_the_crop(
    angle: float, scale: float, x: float, y: float, epsilon: float, seed: int
) -> None:
    clean = np.random.default_rng(seed).integers(0, 256, (160, 200, 3)).astype(np.uint8)
    image, where = clean.copy(), spot(angle, scale, x, y)
    lay(image, clean, [(a_mask(seed, epsilon), where)], epsilon)
    assert largest_change(clean, image) <= np.floor(epsilon)
    yy, xx = np.mgrid[:160, :200]
    inside = np.stack([xx, yy, np.ones_like(xx)], -1) @ where.matrix.T
    outside = ((inside < -1 - scale) | (inside > SIDE + scale)).any(-1)
    assert np.array_equal(image[outside], clean[outside])


def test_a_mask_reaches_its_bound_on_a_face_of_the_crops_size() -> None:
    clean = np.full((200, 220, 3), 128, np.uint8)
    image = clean.copy()
    lay(image, clean, [(a_mask(), spot())], 8)
    assert largest_change(clean, image) == 8
    inner = image[40:130, 50:140].astype(int) - 128
    assert (np.abs(inner) == 8).mean() > 0.99


@pytest.mark.parametrize("level", [0, 255])
def test_values_at_the_ends_do_not_wrap(level: int) -> None:
    clean = np.full((160, 160, 3), level, np.uint8)
    image = clean.copy()
    lay(image, clean, [(a_mask(), spot(x=10, y=10))], 8)
    assert largest_change(clean, image) == 8  # uint8 that wrapped would differ by 248 or more


def test_two_crops_that_overlap_stay_within_the_bound_together() -> None:
    clean = np.full((200, 260, 3), 128, np.uint8)
    image = clean.copy()
    push = np.full((SIDE, SIDE, 3), 6, np.float32)
    lay(image, clean, [(push, spot(x=20)), (push, spot(x=80))], 8)
    assert largest_change(clean, image) == 8
    assert image[90, 60, 0] == 134  # under one mask
    assert image[90, 110, 0] == 136  # under both: 12 were asked


@pytest.mark.parametrize(
    ("scale", "angle", "mask", "least"),
    [
        (0.25, 0.3, grainy_mask(), 0.97),
        (0.5, -0.2, grainy_mask(), 0.97),
        (1.0, 0.0, a_mask(), 0.99),
        (2.0, 0.1, soft_mask(), 0.95),
    ],
    ids=["face of 448 pixels", "face of 224", "face of 112", "face of 56"],
)
def test_the_mask_is_found_again_when_the_face_is_cut_out(
    scale: float, angle: float, mask: NDArray[np.float32], least: float
) -> None:
    clean = np.full((900, 900, 3), 128, np.uint8)
    image, where = clean.copy(), spot(angle, scale, 250, 150)
    lay(image, clean, [(mask, where)], 8)
    back = where.crop(image).astype(float) - 128
    wanted = faded(mask)
    inner = (slice(8, -8), slice(8, -8))
    assert np.corrcoef(back[inner].ravel(), wanted[inner].ravel())[0, 1] > least


def test_a_face_out_of_the_picture_changes_nothing() -> None:
    clean = np.full((100, 100, 3), 90, np.uint8)
    image = clean.copy()
    lay(image, clean, [(a_mask(), spot(x=400, y=400))], 8)
    assert np.array_equal(image, clean)


def test_a_mask_is_averaged_down_not_thinned_out() -> None:
    stripes = np.zeros((SIDE, SIDE, 3), np.float32)
    stripes[:, ::2], stripes[:, 1::2] = 8, -8  # every second value: thinning would keep one sign
    where = spot(scale=2.0, x=0, y=0)
    small = carried(stripes, where, where.region(60, 60))
    assert np.abs(small[10:-10, 10:-10]).max() < 1


def test_spots_come_from_left_to_right_and_a_face_is_found_again(made: object) -> None:
    detector = made.Placed({(200, 400): [(220, 40, 112), (20, 30, 112)]})  # type: ignore[attr-defined]
    image = made.picture((200, 400), {1: (20, 30, 112), 2: (220, 40, 112)})  # type: ignore[attr-defined]
    left, right = spots(image, detector)
    assert left.face.xyxy[0] == 20 and right.face.xyxy[0] == 220
    found = again(image, right, detector)
    assert found is not None and found.face.xyxy == right.face.xyxy
    assert again(image[:, :200].copy(), right, detector) is None


def test_views_are_the_faces_and_then_others_of_them_the_same_each_time(made: object) -> None:
    face = made.face_of(1)  # type: ignore[attr-defined]
    views = filled([face], 5, seed=3)
    assert views.shape == (5, 112, 112, 3) and np.array_equal(views[0], face)
    assert np.array_equal(views, filled([face], 5, seed=3))
    assert not np.array_equal(views[1:], filled([face], 5, seed=4)[1:])
    for a in range(5):
        for b in range(a):
            assert np.abs(views[a].astype(int) - views[b]).mean() > 1
    assert filled([face] * 12, 10).shape[0] == 12


def photo(path: Path) -> Path:
    """A JPEG with EXIF: turn, camera, time, place, maker note, and a preview picture."""
    exif = Pil.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 6
    exif.get_ifd(0x8769).update({0x9003: "2026:03:03 10:00:00", 0x927C: b"preview inside"})
    exif.get_ifd(0x8825).update({1: "N", 2: (60.0, 10.0, 0.0)})
    Pil.new("RGB", (64, 48), (200, 10, 10)).save(path, exif=exif)
    return path


def test_exif_that_is_kept_has_no_turn_and_no_maker_note(tmp_path: Path) -> None:
    data, note = kept_exif(photo(tmp_path / "a.jpg"))
    assert data is not None and "where it was taken" in note
    out = io.BytesIO()
    Pil.new("RGB", (64, 48)).save(out, "JPEG", exif=data)
    read = Pil.open(io.BytesIO(out.getvalue())).getexif()
    assert read[0x010F] == "Maker" and 0x0112 not in read
    assert read.get_ifd(0x8769)[0x9003] == "2026:03:03 10:00:00" and 0x927C not in read.get_ifd(0x8769)
    assert read.get_ifd(0x8825)[1] == "N"


def test_a_file_without_exif_keeps_none(tmp_path: Path) -> None:
    Pil.new("RGB", (8, 8)).save(tmp_path / "a.png")
    assert kept_exif(tmp_path / "a.png") == (None, "it holds no EXIF to keep")
