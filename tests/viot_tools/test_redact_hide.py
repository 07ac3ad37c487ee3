"""What hides a region: nothing of it is left, nothing beside it is changed, and two drawings differ."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from viot_tools.redact.hide import BLOCKS, GREY, NOISE, Region, colours, eased, head, hide, noise, plate

FACE = (60.0, 50.0, 100.0, 102.0)


def scene(seed: int) -> np.ndarray:
    """A picture full of detail."""
    return np.random.default_rng(seed).integers(0, 256, (160, 200, 3)).astype(np.uint8)


def hidden(image: np.ndarray, region: Region, *, solid: bool = False, rng: int = 0) -> np.ndarray:
    out = image.copy()
    under = colours(image, region)
    assert under is not None
    hide(out, region, None if solid else under + noise(np.random.default_rng(rng)))
    return out


def inside(region: Region, shape: tuple[int, int]) -> np.ndarray:
    x0, y0, x1, y1 = region.xyxy
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    u, v = (x - (x0 + x1) / 2) / ((x1 - x0) / 2), (y - (y0 + y1) / 2) / ((y1 - y0) / 2)
    return np.asarray(u**2 + v**2 < 1 if region.round else np.maximum(abs(u), abs(v)) < 1)


def test_the_head_holds_the_whole_face_with_a_margin() -> None:
    region = head(FACE)
    x0, y0, x1, y1 = FACE
    corners = [(x0, y0), (x1, y0), (x0, y1), (x1, y1)]
    a, b, c, d = region.xyxy
    for x, y in corners:
        assert ((x - (a + c) / 2) / ((c - a) / 2)) ** 2 + ((y - (b + d) / 2) / ((d - b) / 2)) ** 2 < 0.8
    assert (c - a) / (x1 - x0) > 1.5 and (d - b) / (y1 - y0) > 1.5


@pytest.mark.parametrize("region", [head(FACE), plate(FACE)])
@pytest.mark.parametrize("solid", [False, True])
def test_no_detail_is_left_inside_and_none_is_lost_beyond_the_rim(region: Region, solid: bool) -> None:
    image = scene(0)
    out = hidden(image, region, solid=solid)
    mask = inside(region, image.shape[:2])
    fine = out.astype(np.float32) - cv2.GaussianBlur(out.astype(np.float32), (0, 0), 2)
    core = cv2.erode(mask.astype(np.uint8), np.ones((13, 13), np.uint8)).astype(bool)
    assert np.abs(fine[core]).max() < 4.0  # of 255: what the blur of the blocks has; the picture itself has 180
    before, after = image[mask].astype(float).ravel(), out[mask].astype(float).ravel()
    assert after.std() < 0.4 * before.std()
    away = cv2.dilate(mask.astype(np.uint8), np.ones((17, 17), np.uint8)) == 0
    assert (out[away] == image[away]).all()


def test_solid_is_the_same_for_everybody() -> None:
    a, b = (hidden(scene(k), head(FACE), solid=True) for k in (1, 2))
    mask = inside(head(FACE), (160, 200))
    assert (a[mask] == GREY).all() and (b[mask] == GREY).all()


def test_what_is_drawn_holds_nothing_of_the_head() -> None:
    """Two heads of other light, complexion and texture in one place: under one noise the very same drawing."""
    drawn, noisy = [], noise(np.random.default_rng(1))
    region = head(FACE)
    x0, y0, x1, y1 = (round(v) for v in region.xyxy)
    for k in (1, 2):
        image = np.full((160, 200, 3), 90, np.uint8)
        image[y0:y1, x0:x1] = np.random.default_rng(k).integers(0, 256, (y1 - y0, x1 - x0, 3), np.uint8) // k
        under = colours(image, region)
        assert under is not None
        hide(image, region, under + noisy)
        drawn.append(image)
    mask = inside(region, (160, 200))
    assert np.array_equal(drawn[0][mask], drawn[1][mask])


def test_noise_comes_anew_each_time_unless_it_is_seeded() -> None:
    assert not np.allclose(noise(), noise())
    assert np.array_equal(noise(np.random.default_rng(3)), noise(np.random.default_rng(3)))
    drawn = np.stack([noise(np.random.default_rng(k)) for k in range(200)])
    assert drawn.shape == (200, BLOCKS, BLOCKS, 3)
    assert drawn.std() == pytest.approx(NOISE * 2**0.5, rel=0.1)


def test_the_colour_is_that_of_what_is_around() -> None:
    image = np.full((160, 200, 3), (30, 120, 200), np.uint8)
    under = colours(image, head(FACE))
    assert under is not None and under.shape == (BLOCKS, BLOCKS, 3)
    assert np.allclose(under, (30, 120, 200))


def test_colours_follow_slowly() -> None:
    old, new = np.zeros((BLOCKS, BLOCKS, 3), np.float32), np.full((BLOCKS, BLOCKS, 3), 100, np.float32)
    assert eased(None, new, 0.0) is new
    assert eased(old, new, 0.04).max() < 10
    assert eased(old, new, 5.0).min() > 99


@pytest.mark.parametrize("box", [(-30.0, -20.0, 20.0, 30.0), (180.0, 140.0, 260.0, 220.0), (5.0, 5.0, 6.0, 6.0)])
def test_regions_over_the_rim_and_tiny_ones_are_hidden_as_far_as_they_are_seen(
    box: tuple[float, float, float, float],
) -> None:
    image = scene(4)
    out = hidden(image, head(box))
    x0, y0 = max(0, int(box[0])), max(0, int(box[1]))
    assert not np.array_equal(out[y0 : y0 + 1, x0 : x0 + 1], image[y0 : y0 + 1, x0 : x0 + 1])


def test_a_region_outside_of_the_picture_changes_nothing() -> None:
    image = scene(5)
    region = head((400.0, 400.0, 440.0, 440.0))
    assert colours(image, region) is None
    out = image.copy()
    hide(out, region, None)
    assert (out == image).all()
