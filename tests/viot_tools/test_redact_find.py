"""Finding for redaction: what is found at several sizes and turns is one face at its right place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.faces.detect import Face, YuNet, overlap
from viot_tools.redact.find import DetectorFinder, Haar, make_finder, merged, same

NOWHERE = np.full((5, 2), np.nan, np.float32)


class Upright:
    """Finds bright squares, as an upright face only where their upper half is the brighter one."""

    model, model_version, blind_to = "upright", "1", ""

    def __init__(self, score: float = 0.9, most: int = 10_000) -> None:
        self.score, self.most = score, most

    def detect(self, image: Image) -> list[Face]:
        if max(image.shape[:2]) > self.most:
            return []
        y, x = np.nonzero(image[..., 0] > 100)
        if not len(x):
            return []
        box = (float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1))
        middle = int((box[1] + box[3]) / 2)
        part = image[:, int(box[0]) : int(box[2]), 0].astype(float)
        if part[int(box[1]) : middle].mean() <= part[middle : int(box[3])].mean() + 20:
            return []
        points = np.array([[box[0] + 2, box[1] + 2]] * 5, np.float32)
        return [Face(box, self.score, points)]


def finder(*quick: Upright, further: Sequence[Upright] = (), turned: bool = True) -> DetectorFinder:
    return DetectorFinder(tuple(quick), tuple(further), 0.5, "", turned)


def picture(height: int = 120, width: int = 200) -> Image:
    image = np.zeros((height, width, 3), np.uint8)
    image[20:40, 50:80], image[40:60, 50:80] = 220, 120
    return image


def test_one_face_found_twice_is_one_and_the_surer_find_stays() -> None:
    [face] = finder(Upright(0.4), Upright(0.8)).look(picture())
    assert face.xyxy == (50.0, 20.0, 80.0, 60.0) and face.score == 0.8


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_lying_face_of_a_picture_is_found_where_it_lies(turns: int) -> None:
    image = np.ascontiguousarray(np.rot90(picture(), turns))
    [face] = finder(Upright()).study(image)
    y, x = np.nonzero(image[..., 0] > 100)
    assert face.xyxy == (x.min(), y.min(), x.max() + 1, y.max() + 1)
    assert face.xyxy[0] <= face.landmarks[0, 0] <= face.xyxy[2]
    assert face.xyxy[1] <= face.landmarks[0, 1] <= face.xyxy[3]
    assert bool(finder(Upright()).look(image)) is (turns == 0)  # frames are looked at upright only
    assert bool(finder(Upright(), turned=False).study(image)) is (turns == 0)


def test_a_turned_find_must_be_sure() -> None:
    assert finder(Upright(0.4)).study(np.ascontiguousarray(np.rot90(picture(), 1))) == []


def test_a_large_picture_is_looked_at_in_tiles_too() -> None:
    image = np.zeros((1500, 3000, 3), np.uint8)
    image[700:720, 2500:2530], image[720:740, 2500:2530] = 220, 120
    blind = Upright(most=1280)  # sees nothing of the whole
    [face] = finder(blind, turned=False).study(image)
    assert face.xyxy == (2500.0, 700.0, 2530.0, 740.0)


@pytest.mark.parametrize(
    ("a", "b", "one"),
    [
        ((0, 0, 10, 10), (1, 1, 11, 11), True),
        ((0, 0, 10, 10), (2, 2, 9, 9), True),  # within, and like in size
        ((0, 0, 100, 100), (40, 40, 60, 60), False),  # a small face before a large one
        ((0, 0, 10, 10), (9, 0, 19, 10), False),
    ],
)
def test_what_is_one_face(a: tuple[int, ...], b: tuple[int, ...], one: bool) -> None:
    assert same(a, b) is one  # type: ignore[arg-type]
    found = merged([Face(a, 0.5, NOWHERE), Face(b, 0.6, NOWHERE)])  # type: ignore[arg-type]
    assert len(found) == (1 if one else 2) and found[0].score == 0.6


def test_the_builtin_tier_sees_a_portrait_and_says_what_it_is_blind_to(tmp_path: Path) -> None:
    from skimage import data

    found = make_finder(Weights(tmp_path, None, "builtin"))
    assert found.model == "dlib-hog+opencv-haar" and "from the side" in found.blind_to
    faces = found.look(np.asarray(data.astronaut()[:300, 60:400]))
    best = max(faces, key=lambda f: overlap(f.xyxy, (115.0, 65.0, 205.0, 175.0)))
    assert overlap(best.xyxy, (115.0, 65.0, 205.0, 175.0)) > 0.4


def test_the_hub_tier_asks_from_lower_scores_on_than_the_tools_that_name_people(tmp_path: Path) -> None:
    found = make_finder(Weights(tmp_path, None, "hub"))
    assert isinstance(found, DetectorFinder) and found.model == "yunet"
    lows = [d._min_score for d in (*found.quick, *found.further) if isinstance(d, YuNet)]
    assert len(lows) == 4 and max(lows) < YuNet(Weights(tmp_path, None, "hub"))._min_score


def test_cascades_see_both_profiles_and_scale_back() -> None:
    from skimage import data

    image = np.asarray(data.astronaut()[:300, 60:400])
    [large] = Haar().detect(np.repeat(np.repeat(image, 4, 0), 4, 1))[:1]
    [small] = Haar().detect(image)[:1]
    assert np.allclose(np.array(large.xyxy) / 4, small.xyxy, atol=12)
    assert np.isnan(large.landmarks).all()
