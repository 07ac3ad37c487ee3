"""``viot bench redact`` on made faces: what counts as missed, found and known, and whether the attack can succeed."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from viot_agent.errors import UserFault
from viot_agent.media.clips import write_clip
from viot_agent.media.types import Image
from viot_tools.bench import redact
from viot_tools.bench.redact_attack import (
    Portrait,
    blocks,
    crop,
    halves,
    light_blur,
    mosaic,
    right,
    rows,
    solid,
    untouched,
)
from viot_tools.bench.redact_clips import Eyes, covered, found_rows, known_rows, missed_rows, share, watch
from viot_tools.faces.detect import Face
from viot_tools.faces.recognise import TEMPLATE
from viot_tools.redact.find import DetectorFinder
from viot_tools.redact.hide import Region
from viot_tools.verification.recognisers import Pixels

W, H, SIDE, FPS = 320, 180, 56, 25
PLACE = (100.0, 60.0)


class Yellow:
    """Finds the yellow square with a face in it, wherever enough of its yellow is left."""

    model_version, blind_to = "1", ""

    def __init__(self, model: str = "yunet", blind: bool = False) -> None:
        self.model, self.blind = model, blind

    def detect(self, image: Image) -> list[Face]:
        yellow = (image[..., 0].astype(int) - image[..., 2] > 90) & (image[..., 1].astype(int) - image[..., 2] > 90)
        if self.blind or yellow.sum() < 300:
            return []
        y, x = np.nonzero(yellow)
        box = (float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1))
        return [Face(box, 0.9, (TEMPLATE * ((box[2] - box[0]) / 112) + box[:2]).astype(np.float32))]


def scene(made: ModuleType, person: int, x: int = 100) -> Image:
    image = np.full((H, W, 3), 110, np.uint8)
    image[60 : 60 + SIDE, x : x + SIDE] = cv2.resize(made.face_of(person), (SIDE, SIDE))
    cv2.rectangle(image, (x, 60), (x + SIDE - 1, 60 + SIDE - 1), (230, 230, 20), 4)
    return image


@pytest.fixture(scope="module")
def data(made: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    (root / "videos" / "faces").mkdir(parents=True)
    (root / "annotations").mkdir()
    write_clip([scene(made, 1) for _ in range(50)], root / "videos" / "faces" / "a.mp4", FPS, crf=10)
    label = {"video": "videos/faces/a.mp4", "visible": {"x": [{"start": 0.0, "end": 1.0}],
                                                        "y": [{"start": 0.5, "end": 1.0}]}}  # fmt: skip
    (root / "annotations" / "hamilton_faces.json").write_text(json.dumps(label))
    return root


class Judge(Pixels):
    """A recogniser under the name of one whose threshold is measured."""

    name = "retail-0095"


def eyes(finds: bool, floor: bool) -> Eyes:
    finder = DetectorFinder((Yellow(blind=not finds),), (), 0.5, "", turned=False)
    return Eyes(finder, Yellow(blind=not floor), [Yellow()], [Yellow(), Yellow("dlib-hog")])


def test_a_redacted_clip_has_nothing_missed_found_or_known(data: Path) -> None:
    seen = watch(data, ["faces/a.mp4", "faces/none.mp4"], eyes(True, False), 0)
    assert len(seen.places) == 10 and "none.mp4" in seen.skipped[0]
    missed, hand = missed_rows(seen, "hub", 0)
    assert (missed.id, missed.value, missed.floor, missed.n) == ("redact.missed", 0.0, 1.0, 10)
    # one person is there, and two are labelled in half of the labelled time
    assert (hand.id, hand.n) == ("redact.missed.hand", 5) and hand.value == pytest.approx(0.6, abs=0.21)
    assert hand.floor == 1.0
    assert [(r.id, r.value, r.floor) for r in found_rows(seen, "hub", 0)] == [
        ("redact.found.yunet", 0.0, 1.0),
        ("redact.found.dlib-hog", 0.0, 1.0),
    ]
    known, nobody, told, every = known_rows(seen, "hub", [Judge()], 0)
    assert known.id == "redact.known.clips.retail-0095" and known.value == 0.0 and known.floor == 1.0
    assert (nobody.id, nobody.floor) == ("redact.known.clips.nobody.retail-0095", None) and nobody.value < 0.2
    assert (told.id, told.value, told.floor) == ("redact.known.clips.told.retail-0095", 0.0, 1.0)
    assert every.id == "redact.known.clips.all.retail-0095" and every.n == known.n == 10


def test_a_finder_that_sees_nothing_misses_everything(data: Path) -> None:
    seen = watch(data, ["faces/a.mp4"], eyes(False, True), 0)
    missed, hand = missed_rows(seen, "hub", 0)
    assert (missed.value, missed.floor) == (1.0, 0.0)
    assert hand.value == 1.0 and hand.floor == pytest.approx(0.6, abs=0.21)
    assert {r.value for r in found_rows(seen, "hub", 0)} == {1.0}
    known, nobody, told, _ = known_rows(seen, "hub", [Judge()], 0)
    assert (known.value, told.value) == (1.0, 1.0) and nobody.value < 0.2


def test_how_much_of_a_box_is_hidden() -> None:
    box = (0.0, 0.0, 10.0, 10.0)
    assert covered(box, []) == 0.0
    assert covered(box, [Region((0.0, 0.0, 5.0, 10.0), round=False)]) == pytest.approx(0.5)
    assert covered(box, [Region((0.0, 0.0, 10.0, 10.0))]) == pytest.approx(np.pi / 4, abs=0.02)
    halved = [Region((0.0, 0.0, 5.0, 10.0), round=False), Region((5.0, 0.0, 10.0, 10.0), round=False)]
    assert covered(box, halved) == 1.0


def test_the_share_is_over_values_and_its_interval_over_groups() -> None:
    parts = [("a", 1.0)] * 30 + [("b", 0.0)] * 10
    value, low, high = share(parts, 0)
    assert value == 0.75 and (low, high) == (0.0, 1.0)
    assert np.isnan(share([], 0)[0])


# the attack -----------------------------------------------------------------------------------------------------------


def people(made: ModuleType, count: int = 8, each: int = 8) -> list[Portrait]:
    """Made faces under noise, each person in front of the same wall."""
    box = (40.0, 30.0, 152.0, 142.0)
    return [
        Portrait(f"p{k}", made.picture((180, 200), {k: (40.0, 30.0, 112.0)}, seed=50 * k + i), box)
        for k in range(count)
        for i in range(each)
    ]


def test_the_attack_names_people_under_a_blur_and_under_a_bare_mosaic(made: ModuleType) -> None:
    """If it could not, its failing on the product's redaction would say nothing."""
    some = people(made)
    for redact_with in (untouched, light_blur, mosaic):
        told = right(some, redact_with, Judge(), inside=True)
        assert set(told) == {"ridge", "retail-0095"} and min(t.mean() for t in told.values()) > 0.9


def test_it_names_hardly_anybody_under_blocks_and_nobody_under_grey(made: ModuleType) -> None:
    some = people(made)
    under_blocks = max(t.mean() for t in right(some, blocks(np.random.default_rng(0)), Judge(), True).values())
    under_grey = max(t.mean() for t in right(some, solid, Judge(), True).values())
    assert under_blocks < 0.5 and under_grey == 1 / 8


def test_the_rows_of_the_attack_hold_floor_and_interval(made: ModuleType) -> None:
    found, notes = rows({"made": people(made, 4, 6)}, None, 0)
    assert [r.id for r in found] == [
        f"redact.parrot.made.{way}.{where}" for where in ("inside", "rim") for way in ("blocks", "solid", "mosaic")
    ]
    for row in found:
        assert row.low <= row.value <= row.high and row.floor is not None and row.floor > 0.9 and row.n == 24
    assert "chance names 0.250" in notes[0]


def test_halves_and_crops() -> None:
    assert list(halves(["a", "b", "a", "a", "b"])) == [0, 0, 1, 0, 1]
    image = np.zeros((600, 600, 3), np.uint8)
    image[200:400, 200:400] = 255
    inner = crop(image, (250.0, 250.0, 350.0, 350.0), 0.0)
    outer = crop(image, (250.0, 250.0, 350.0, 350.0), 0.6)
    assert inner.shape == (112, 112, 3) and inner.min() > 250
    assert outer[0, 0].max() < 5 and outer[56, 56].min() > 250


def test_unknown_suites_and_tiers_are_said(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match="the suites are clips, portraits, parrot"):
        redact.bench(tmp_path, suite="faces")
    with pytest.raises(UserFault, match="hub, builtin"):
        redact.bench(tmp_path, suite="parrot", tiers="remote")


@pytest.mark.real
@pytest.mark.slow
def test_on_real_footage_a_redacted_face_is_found_by_nobody_and_known_less_than_behind_a_light_blur(
    shared: Path, home: Path
) -> None:
    report = redact.bench(shared, quick=True, suite="clips", tiers="hub")
    found = [r for r in report.rows if r.id.startswith("redact.found.")]
    # none as printed here; another processor's detectors may see one or two of 29 in the noise
    assert len(found) == 4 and all(r.value < 0.1 and r.floor is not None and r.floor > 0.15 for r in found)
    told = [r for r in report.rows if r.id.startswith("redact.known.clips.told.")]
    # the copy is one drawing more of the same kind as the forty: of 13 places one may be the highest of them by chance
    assert len(told) == 5 and all(r.value < 0.1 for r in told) and sum(r.value > 0 for r in told) <= 1
    assert sum(r.floor is not None and r.floor > 0 for r in told) >= 3  # under a light blur they know somebody
    assert sum(".nobody." in r.id for r in report.rows) == 5
    [missed] = [r for r in report.rows if r.id == "redact.missed"]
    assert missed.value < 0.05 and missed.floor is not None and missed.value <= missed.floor
