"""Where clothes are: by key points, by shares of a standing box, and half a person."""

from __future__ import annotations

import numpy as np
import pytest

from viot_tools.attributes.regions import HALF, LOWER, UPPER, Parts, cut, parts
from viot_tools.pose.movenet import mean_pose

BOX = (100.0, 50.0, 180.0, 290.0)


def test_without_a_pose_shares_of_the_box() -> None:
    assert parts(BOX) == Parts(UPPER, LOWER)
    assert parts((0, 0, 100, 110)) == Parts(HALF, None)


def test_with_a_pose_between_shoulders_hips_and_knees() -> None:
    pose = mean_pose(BOX)
    pose[:, 2] = 0.9
    found = parts(BOX, pose)
    at = (pose[:, :2] - np.array(BOX[:2])) / np.array([80, 240])
    assert found.upper is not None and found.lower is not None
    assert (
        at[[5, 6], 1].mean()
        < found.upper[1]
        < found.upper[3]
        < found.lower[1]
        < found.lower[3]
        <= at[[13, 14], 1].max()
    )
    assert 0 <= found.upper[0] < at[:, 0].mean() < found.upper[2] <= 1


@pytest.mark.parametrize(("unsure", "expected"), [([5], Parts(UPPER, LOWER)), ([11, 12], Parts(UPPER, LOWER))])
def test_unsure_points_are_not_believed(unsure: list[int], expected: Parts) -> None:
    pose = mean_pose(BOX)
    pose[:, 2] = 0.9
    pose[unsure, 2] = 0.1
    assert parts(BOX, pose) == expected


def test_no_knees_no_lower_clothing() -> None:
    pose = mean_pose(BOX)
    pose[:, 2] = 0.9
    pose[[13, 14], 2] = 0.1
    found = parts(BOX, pose)
    assert found.upper is not None and found.lower is None


def test_a_part_has_pixels_even_of_a_small_picture() -> None:
    picture = np.arange(4 * 3 * 3, dtype=np.uint8).reshape(4, 3, 3)
    assert cut(picture, (0.9, 0.9, 1.0, 1.0)).shape == (2, 2, 3)
    assert cut(np.zeros((100, 50, 3), np.uint8), UPPER).shape == (26, 22, 3)
