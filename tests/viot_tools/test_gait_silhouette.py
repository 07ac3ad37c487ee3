"""Backgrounds, masks and silhouettes on painted pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from viot_tools.gait.silhouette import (
    COLUMNS,
    ROWS,
    align,
    background,
    clean,
    crowded,
    fault,
    foreground,
    window,
)

BOX = (30.0, 20.0, 70.0, 120.0)


def figure(shape: tuple[int, int] = (140, 100)) -> np.ndarray:
    """A standing figure as a mask: head, body, two legs; it fills ``BOX`` from top to bottom."""
    mask = np.zeros(shape, np.uint8)
    cv2.circle(mask, (50, 30), 10, 1, -1)
    cv2.rectangle(mask, (31, 40), (69, 75), 1, -1)
    cv2.rectangle(mask, (30, 75), (43, 120), 1, -1)
    cv2.rectangle(mask, (57, 75), (70, 120), 1, -1)
    return mask.astype(bool)


def scene(rng: np.random.Generator) -> np.ndarray:
    rough = rng.uniform(90, 160, (18, 13, 3)).astype(np.float32)
    return cv2.resize(rough, (100, 140)).astype(np.uint8)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_the_background_is_what_people_leave_free() -> None:
    empty = scene(np.random.default_rng(0))
    pictures = np.repeat(empty[None], 9, axis=0)
    covered = np.zeros(pictures.shape[:3], bool)
    for n in range(9):  # somebody stands on the left in six of nine pictures: an ordinary median would keep them
        if n < 6:
            pictures[n, 20:120, 10:50] = 20
            covered[n, 15:125, 5:55] = True
    made = background(pictures, covered)
    assert made.known.all()
    assert np.array_equal(made.median, empty)
    assert made.noise == 0.0


def test_a_place_that_nobody_left_is_unknown() -> None:
    pictures = np.zeros((8, 40, 40, 3), np.uint8)
    covered = np.zeros((8, 40, 40), bool)
    covered[:6, 10:20, 10:20] = True
    made = background(pictures, covered)
    assert not made.known[12, 12]
    assert made.known[30, 30]


@pytest.mark.parametrize(("light", "noise"), [(0, 0.0), (25, 0.0), (-20, 0.0), (0, 3.0), (12, 3.0)], ids=str)
def test_a_person_is_told_from_the_background(light: int, noise: float) -> None:
    rng = np.random.default_rng(1)
    empty, true = scene(rng), figure()
    seen = np.where(true[..., None], np.array([200, 40, 60], np.uint8), empty).astype(float)
    seen = np.clip(seen + light + rng.normal(0, noise, seen.shape), 0, 255).astype(np.uint8)
    mask = clean(foreground(seen, empty, BOX, noise), BOX)
    assert overlap(mask, true) > 0.85
    assert fault(mask, BOX) == ""


def test_a_shadow_on_the_ground_is_no_part_of_the_person() -> None:
    empty, true = np.full((140, 100, 3), 150, np.uint8), figure()
    shadow = np.zeros(true.shape, np.uint8)
    cv2.ellipse(shadow, (70, 117), (28, 4), 0, 0, 360, 1, -1)
    seen = np.where(shadow[..., None] > 0, (empty * 0.7).astype(np.uint8), empty)
    seen[true] = (40, 60, 160)
    mask = clean(foreground(seen, empty, BOX, 1.0), BOX)
    assert overlap(mask, true) > 0.85
    assert not mask[117, 85]


def nothing(mask: np.ndarray) -> np.ndarray:
    return mask & False


def legless(mask: np.ndarray) -> np.ndarray:
    return mask & (np.arange(mask.shape[0]) < 80)[:, None]


def torn(mask: np.ndarray) -> np.ndarray:
    return mask & ((np.arange(mask.shape[0]) < 72) | (np.arange(mask.shape[0]) > 82))[:, None]


def two(mask: np.ndarray) -> np.ndarray:
    beside = np.roll(mask, 34, axis=1)
    bridge = np.zeros_like(mask)
    bridge[50:60, 40:95] = True
    return mask | beside | bridge


def thin(mask: np.ndarray) -> np.ndarray:
    line = np.zeros_like(mask)
    line[20:121, 49:51] = True
    line[60:63, 30:70] = True
    return line


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda m: m, ""),
        (nothing, "not told from the background"),
        (legless, "incomplete"),
        (torn, "in pieces"),
        (two, "not alone"),
        (thin, "not told from the background"),
    ],
    ids=["good", "nothing", "legless", "torn", "two", "thin"],
)
def test_a_mask_is_refused_for_a_reason(spoil, why: str) -> None:
    assert fault(spoil(figure()), BOX) == why


def test_a_small_person_is_refused() -> None:
    small = cv2.resize(figure().astype(np.uint8), (40, 56), interpolation=cv2.INTER_NEAREST).astype(bool)
    assert fault(small, (12.0, 8.0, 28.0, 48.0)) == "too small"


def test_specks_and_small_holes_go_the_gap_between_the_legs_stays() -> None:
    true = figure()
    raw = true.copy()
    raw[55:58, 48:51] = False
    raw[5:7, 90:92] = True
    mask = clean(raw, BOX)
    assert mask[56, 49]
    assert not mask[6, 91]
    assert not mask[110, 50]


@pytest.mark.parametrize("shift", [-12, 0, 15])
@pytest.mark.parametrize("zoom", [0.6, 1.0, 2.0])
def test_a_silhouette_has_one_form_wherever_and_however_large_the_person_is(shift: int, zoom: float) -> None:
    moved = np.roll(figure(), shift, axis=1).astype(np.uint8)
    large = cv2.resize(moved, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_NEAREST).astype(bool)
    made, plain = align(large), align(figure())
    assert made.shape == (ROWS, COLUMNS)
    assert made.dtype == np.uint8
    assert made[0].max() > 0
    assert made[-1].max() > 0
    assert overlap(made > 127, plain > 127) > 0.85


@pytest.mark.parametrize(
    ("others", "yes"),
    [([], False), ([(75, 20, 110, 120)], False), ([(60, 20, 100, 120)], True), ([(35, 100, 65, 200)], True)],
)
def test_who_is_covered_by_others(others: list[tuple[float, float, float, float]], yes: bool) -> None:
    assert crowded(BOX, others) is yes


def test_the_window_stays_inside_the_picture() -> None:
    assert window((-5, -5, 30, 90), 100, 80) == (0, 0, 42, 80)
