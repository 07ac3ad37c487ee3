"""The builtin detector of people: its windows and their margins."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from viot_agent.media.readers import open_media
from viot_tools.objects.hog import HogPeople


def windows(found: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Windows with their margins (N, 5), in an order that does not depend on threads."""
    boxes, margins = found
    rows = np.column_stack([np.asarray(boxes, float).reshape(-1, 4), np.asarray(margins, float).reshape(-1)])
    return rows[np.lexsort(rows.T[::-1])]


@pytest.mark.real
def test_every_window_has_the_margin_that_opencv_gives_it(shared: Path) -> None:
    """Against ``detectMultiScale`` on a street with many hits at every scale."""
    people, seen = HogPeople(), 0
    reader = open_media(shared / "videos" / "pedestrians.mp4")
    for frame in reader.read([0.5, 1.5, 2.5]):
        grey = cv2.cvtColor(cv2.resize(frame.image, (960, 540)), cv2.COLOR_RGB2GRAY)
        opencv = people._hog.detectMultiScale(grey, 0.0, (8, 8), (8, 8), people.step, 0)
        np.testing.assert_allclose(windows(people._windows(grey)), windows(opencv), atol=1e-3)
        seen += len(opencv[0])
    assert seen > 30


def test_nobody_is_found_where_nobody_can_be() -> None:
    people = HogPeople()
    assert not len(people.detect(np.zeros((48, 48, 3), np.uint8)))
    assert not len(people.detect(np.full((480, 640, 3), 90, np.uint8)))
    flat = people._windows(np.zeros((130, 70), np.uint8))
    assert (flat[0].shape, flat[1].shape) == ((0, 4), (0,))


def test_windows_lie_in_the_picture() -> None:
    people = HogPeople(least=-1)
    picture = skimage.data.astronaut()
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    boxes, margins = people._windows(grey)
    assert len(boxes) == len(margins)
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 0] + boxes[:, 2] <= 512).all()
