"""Face detectors: decoding, suppression, landmarks, and dlib on the portraits that come with the dependencies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.faces.detect import DlibHog, Face, around, decode_yunet, five_points, overlap, refine, suppress


def portrait() -> Image:
    """scikit-image's astronaut (public domain, in its wheel): one large frontal face."""
    from skimage import data

    return np.asarray(data.astronaut(), np.uint8)


def grid_outputs(size: tuple[int, int]) -> dict[str, NDArray[np.float32]]:
    """YuNet's outputs with nothing found."""
    out = {}
    for stride in (8, 16, 32):
        n = (size[0] // stride) * (size[1] // stride)
        for name, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            out[f"{name}_{stride}"] = np.zeros((1, n, width), np.float32)
    return out


@pytest.mark.parametrize(("stride", "column", "row"), [(8, 0, 0), (8, 7, 3), (16, 2, 1), (32, 1, 1)])
def test_decode_yunet(stride: int, column: int, row: int) -> None:
    size = (64, 96)
    out = grid_outputs(size)
    cell = row * (size[1] // stride) + column
    out[f"cls_{stride}"][0, cell] = 0.81
    out[f"obj_{stride}"][0, cell] = 1.0
    out[f"bbox_{stride}"][0, cell] = (0.5, 0.25, np.log(2), np.log(3))
    out[f"kps_{stride}"][0, cell] = np.arange(10) / 10
    [found] = decode_yunet(out, size, 0.6)
    cx, cy = (column + 0.5) * stride, (row + 0.25) * stride
    assert found[:4] == pytest.approx([cx - stride, cy - 1.5 * stride, cx + stride, cy + 1.5 * stride])
    assert found[4] == pytest.approx(0.9)
    assert found[5:7] == pytest.approx([column * stride, (row + 0.1) * stride])


def test_decode_yunet_keeps_nothing_under_the_score() -> None:
    out = grid_outputs((32, 32))
    out["cls_8"][0, 3], out["obj_8"][0, 3] = 0.5, 0.5
    assert decode_yunet(out, (32, 32), 0.6).shape == (0, 15)
    assert len(decode_yunet(out, (32, 32), 0.5)) == 1


def test_suppress_keeps_the_best_of_overlapping_boxes() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60], [0, 0, 10, 10]], np.float64)
    assert suppress(boxes, np.array([0.7, 0.9, 0.8, 0.7]), 0.3) == [1, 2]
    assert suppress(boxes[[0, 3]], np.array([0.7, 0.7]), 0.3) == [0]
    assert suppress(np.zeros((0, 4)), np.zeros(0), 0.3) == []


BOX = st.tuples(*(st.floats(0, 100) for _ in range(2)), *(st.floats(1, 50) for _ in range(2)))


@given(BOX, BOX)
def test_overlap_is_symmetric_and_bounded(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    p = (a[0], a[1], a[0] + a[2], a[1] + a[3])
    q = (b[0], b[1], b[0] + b[2], b[1] + b[3])
    assert overlap(p, q) == pytest.approx(overlap(q, p))
    assert 0 <= overlap(p, q) <= 1 + 1e-9
    assert overlap(p, p) == pytest.approx(1)


def test_five_points_puts_the_left_eye_of_the_picture_first() -> None:
    marks = np.array([[90, 50], [70, 50], [30, 50], [50, 50], [60, 80]], np.float32)
    points = five_points(marks)
    assert points[:3].tolist() == [[40, 50], [80, 50], [60, 80]]
    assert np.isnan(points[3:]).all()


def test_dlib_finds_the_face_of_the_portrait(home: Path) -> None:
    detector = DlibHog(Weights(home, None, "builtin"))
    [face] = detector.detect(portrait())
    x0, y0, x1, y1 = face.xyxy
    assert 150 < x0 < 210 and 270 > x1 > 230 and 60 < y0 < 110 and 150 < y1 < 200
    assert 0.7 < face.score <= 1
    left, right, nose = face.landmarks[:3]
    assert x0 < left[0] < nose[0] < right[0] < x1 and left[1] < nose[1] < y1


@pytest.mark.parametrize("shape", [(8, 8), (1, 300), (240, 320), (300, 1)])
def test_dlib_finds_nothing_in_grey(shape: tuple[int, int], home: Path) -> None:
    assert DlibHog(Weights(home, None, "builtin")).detect(np.full((*shape, 3), 127, np.uint8)) == []


class Shifted:
    """A detector that finds one face, at the place where the wanted one is, with its nose somewhere else."""

    model, model_version, blind_to = "fake", "1", ""

    def __init__(self, faces: list[Face]) -> None:
        self.faces = faces
        self.seen: list[tuple[int, ...]] = []

    def detect(self, image: Image) -> list[Face]:
        self.seen.append(image.shape)
        return self.faces


def face(x: float, y: float, side: float, score: float = 0.9) -> Face:
    points = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
    return Face((x, y, x + side, y + side), score, points * side + np.array([x, y], np.float32))


def test_around_keeps_the_face_in_place() -> None:
    image = np.arange(100 * 120 * 3, dtype=np.int64).reshape(100, 120, 3).astype(np.uint8)
    copy, inside = around(image, face(50, 40, 20))
    x0, y0 = round(inside.xyxy[0]), round(inside.xyxy[1])
    assert (copy[y0, x0] == image[40, 50]).all()
    assert copy.base is None


def test_refine_takes_landmarks_of_the_enlarged_face() -> None:
    image = np.zeros((100, 120, 3), np.uint8)
    small = face(50, 40, 20)
    # the cut-out starts at (38, 28) and is enlarged 5.6 times
    again = face((50 - 38) * 5.6, (40 - 28) * 5.6, 112)
    moved = Face(again.xyxy, 0.8, again.landmarks + np.float32(5.6))
    better = refine(Shifted([moved]), image, small)
    assert better.xyxy == small.xyxy and better.score == small.score
    assert better.landmarks == pytest.approx(small.landmarks + 1, abs=0.05)


@pytest.mark.parametrize("found", [[], [face(200, 200, 30)]])
def test_refine_leaves_a_face_that_is_not_found_again(found: list[Face]) -> None:
    small = face(50, 40, 20)
    assert refine(Shifted(found), np.zeros((100, 120, 3), np.uint8), small) is small


def test_refine_leaves_large_faces_alone() -> None:
    detector, large = Shifted([]), face(0, 0, 80)
    assert refine(detector, np.zeros((100, 120, 3), np.uint8), large) is large
    assert detector.seen == []
