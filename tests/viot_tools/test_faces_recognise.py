"""Alignment and embedding: the similarity transform, and dlib's recogniser on two portraits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.faces.detect import DlibHog, Face
from viot_tools.faces.quality import measure
from viot_tools.faces.recognise import TEMPLATE, DlibResnet, embed, similarity, unit, warp


@given(st.floats(0.1, 10), st.floats(-3.1, 3.1), st.floats(-300, 300), st.floats(-300, 300))
def test_similarity_undoes_any_turn_scale_and_shift(scale: float, angle: float, dx: float, dy: float) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (TEMPLATE @ turn.T + (dx, dy)).astype(np.float32)
    matrix = similarity(points, TEMPLATE)
    back = points @ matrix[:, :2].T + matrix[:, 2]
    assert back == pytest.approx(TEMPLATE, abs=0.05)


def test_similarity_leaves_out_missing_points() -> None:
    points = TEMPLATE * 2
    points[3:] = np.nan
    assert similarity(points, TEMPLATE)[:, :2] == pytest.approx(np.eye(2) / 2, abs=1e-4)


def test_similarity_never_mirrors() -> None:
    mirrored = TEMPLATE * np.array([-1, 1], np.float32)
    assert np.linalg.det(similarity(mirrored, TEMPLATE)[:, :2]) >= 0


def test_similarity_of_one_place_is_a_shift() -> None:
    matrix = similarity(np.full((5, 2), 7, np.float32), TEMPLATE)
    assert matrix[:, :2] == pytest.approx(np.eye(2))


@pytest.mark.parametrize("scale", [0.1, 0.3, 0.9, 3.0])
def test_warp_keeps_a_flat_picture_flat(scale: float) -> None:
    image = np.full((1200, 1300, 3), 90, np.uint8)
    matrix = np.array([[scale, 0, 0], [0, scale, 0]], np.float64)
    chip = warp(image, matrix, 112)
    assert chip.shape == (112, 112, 3) and chip.dtype == np.uint8
    # cubic sampling rings at the black edge of the picture
    inner = chip[12 : min(112, int(1200 * scale) - 3), 12 : min(112, int(1300 * scale) - 3)]
    assert (np.abs(inner.astype(int) - 90) <= 1).all()


def test_unit() -> None:
    assert np.linalg.norm(unit(np.array([3.0, 4.0]))) == pytest.approx(1)
    assert unit(np.zeros((2, 3))).tolist() == [[0, 0, 0]] * 2


def portraits() -> tuple[Image, Image]:
    import matplotlib.cbook
    from PIL import Image as Pil
    from skimage import data

    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        other = np.asarray(Pil.open(file).convert("RGB"), np.uint8)
    return np.asarray(data.astronaut(), np.uint8), other


def test_dlib_tells_two_portraits_apart(home: Path) -> None:
    weights = Weights(home, None, "builtin")
    detector, recogniser = DlibHog(weights), DlibResnet(weights)
    first, second = portraits()
    mirrored = np.ascontiguousarray(first[:, ::-1])
    rows = []
    for image in (first, mirrored, second):
        faces = detector.detect(image)[:1]
        rows.append(embed(recogniser, image, faces))
        assert measure(faces[0], recogniser.align(image, faces[0])).value > 0.5
    vectors = np.vstack(rows)
    assert vectors.shape == (3, 128) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert vectors[0] @ vectors[1] > 0.97
    assert vectors[0] @ vectors[2] < 0.90
    assert embed(recogniser, first, []).shape == (0, 128)


FRONT = np.array([[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]], np.float32)
NOISE = np.random.default_rng(0).integers(0, 255, (112, 112, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("points", "score", "chip", "reasons"),
    [
        (FRONT, 0.9, NOISE, ()),
        (FRONT, 0.61, NOISE, ("half hidden",)),
        (FRONT, 0.9, np.full((112, 112, 3), 9, np.uint8), ("too blurred", "too dark")),
        (FRONT + np.array([[0, 0], [0, 0], [35, 0], [0, 0], [0, 0]], np.float32), 0.9, NOISE, ("turned away",)),
        (FRONT / 6, 0.9, NOISE, ("too small",)),
        (np.full((5, 2), 7, np.float32), 0.9, NOISE, ("turned away",)),
    ],
)
def test_quality_names_what_is_wrong(
    points: np.ndarray[tuple[int, ...], np.dtype[np.float32]], score: float, chip: Image, reasons: tuple[str, ...]
) -> None:
    side = 120.0 if reasons != ("too small",) else 18.0
    quality = measure(Face((0, 0, side * 0.8, side), score, points), chip)
    assert quality.reasons(0.3) == reasons
    assert (quality.value < 0.3) == bool(reasons)
