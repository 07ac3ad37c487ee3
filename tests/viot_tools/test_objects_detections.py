"""Boxes, suppression and YOLOX's decoding, on numbers made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viot_tools.objects.detect import COCO, decode
from viot_tools.objects.detections import PERSON, Detections, FakeDetector, box_iou
from viot_tools.objects.suppress import suppress


def found(*rows: tuple[float, float, float, float, float, str]) -> Detections:
    """x0, y0, x1, y1, score, label."""
    return Detections(
        np.array([r[:4] for r in rows], np.float32).reshape(-1, 4),
        np.array([r[4] for r in rows], np.float32),
        tuple(r[5] for r in rows),
    )


def test_detections_must_agree() -> None:
    with pytest.raises(ValueError, match="must agree"):
        Detections(np.zeros((2, 4), np.float32), np.zeros(1, np.float32), ("car", "car"))


def test_people_and_vehicles_are_told_apart() -> None:
    all_ = found((0, 0, 1, 1, 0.9, "car"), (0, 0, 2, 2, 0.8, "person"), (0, 0, 3, 3, 0.7, "bicycle"))
    assert all_.people().label == ("person",)
    assert all_.vehicles().label == ("car", "bicycle")
    assert len(Detections.none()) == len(Detections.none().people()) == 0


def test_the_fake_repeats_its_last_line() -> None:
    fake = FakeDetector([found((0, 0, 1, 1, 0.9, "car")), Detections.none()])
    picture = np.zeros((4, 4, 3), np.uint8)
    assert [len(fake.detect(picture)) for _ in range(3)] == [1, 0, 0]


CASES = [
    ("apart", [(0, 0, 10, 10, 0.9, "person"), (20, 0, 30, 10, 0.8, "person")], [0.9, 0.8]),
    ("the same", [(0, 0, 10, 10, 0.8, "person"), (0, 0, 10, 11, 0.9, "person")], [0.9]),
    ("half inside another", [(0, 0, 10, 30, 0.9, "person"), (1, 1, 9, 12, 0.8, "person")], [0.9]),
    ("a rider and the bicycle", [(0, 0, 10, 20, 0.9, "person"), (0, 2, 10, 20, 0.8, "bicycle")], [0.9, 0.8]),
    ("a van seen as two classes", [(0, 0, 10, 10, 0.9, "car"), (0, 0, 10, 10, 0.8, "truck")], [0.9]),
    ("nothing", [], []),
]


@pytest.mark.parametrize(("name", "rows", "kept"), CASES, ids=[c[0] for c in CASES])
def test_suppress(name: str, rows: list[tuple[float, float, float, float, float, str]], kept: list[float]) -> None:
    assert suppress(found(*rows), 0.55, 0.8).score.tolist() == pytest.approx(kept)


boxes = st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(1, 40), st.integers(1, 40), st.integers(1, 99))


@given(st.lists(boxes, max_size=12))
def test_what_suppress_keeps_does_not_overlap_and_is_stable(rows: list[tuple[int, int, int, int, int]]) -> None:
    start = found(*((x, y, x + w, y + h, s / 100, PERSON) for x, y, w, h, s in rows))
    once = suppress(start, 0.55, 0.8)
    overlap = box_iou(once.xyxy, once.xyxy)
    np.fill_diagonal(overlap, 0)
    assert (overlap <= 0.55 + 1e-6).all()
    assert (np.diff(once.score) <= 0).all()
    assert suppress(once, 0.55, 0.8).score.tolist() == once.score.tolist()
    assert bool(len(start)) == bool(len(once))


def test_iou_of_empty_boxes_is_no_division_by_zero() -> None:
    flat = np.zeros((1, 4), np.float32)
    assert box_iou(flat, flat).tolist() == [[0.0]]


@pytest.mark.parametrize(("stride", "cell", "class_index"), [(8, (3, 2), 0), (16, (1, 3), 2), (32, (0, 1), 7)])
def test_decode_finds_the_box_that_was_encoded(stride: int, cell: tuple[int, int], class_index: int) -> None:
    rows = cols = 64
    raw = np.zeros((sum((rows // s) * (cols // s) for s in (8, 16, 32)), 85), np.float32)
    before = sum((rows // s) * (cols // s) for s in (8, 16, 32) if s < stride)
    at = before + cell[1] * (cols // stride) + cell[0]
    raw[at, :4] = 0.5, 0.25, np.log(20 / stride), np.log(40 / stride)
    raw[at, 4], raw[at, 5 + class_index] = 0.8, 0.5
    got = decode(raw, rows, cols, 0.15)
    x, y = (cell[0] + 0.5) * stride, (cell[1] + 0.25) * stride
    assert got.label == (COCO[class_index],)
    assert got.score.tolist() == pytest.approx([0.4])
    assert got.xyxy[0].tolist() == pytest.approx([x - 10, y - 20, x + 10, y + 20], abs=1e-3)


def test_decode_leaves_out_what_is_weak_or_no_class_of_ours() -> None:
    raw = np.zeros((21 * 4, 85), np.float32)
    raw[0, 4], raw[0, 5] = 0.3, 0.4  # 0.12
    raw[1, 4], raw[1, 5 + 16] = 0.9, 0.9  # a dog
    assert len(decode(raw, 64, 64, 0.15)) == 0
