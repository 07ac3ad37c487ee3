"""The bench's searches on made-up vectors, its paired rows, the copies of the recipe, and the thresholds' choice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import UserFault
from viot_agent.weights import Weights
from viot_tools.bench import reid
from viot_tools.bench.reid_rows import gain, row
from viot_tools.bench.vehicles import annotation, sightings
from viot_tools.reid.calibrate import FAR, VEHICLE_FAR, Strangers, choose, strangers
from viot_tools.reid.embed import unit
from viot_tools.reid.fit_vehicle import copies, fit, write
from viot_tools.reid.identity import Calibration, load
from viot_tools.reid.vehicle import PARTS, REDUCED, Basis
from viot_tools.reid.views import Search, View

PIXEL = np.zeros((8, 8, 3), np.uint8)
NUMBERS = Calibration("m", 0.01, ((1e-2, 0.5), (1e-3, 0.6), (1e-4, 0.7)), 0.3, 0.01, 0.05)


def person(name: str, camera: str, query: bool = False) -> reid.Marked:
    return reid.Marked(name, camera, PIXEL, query)


def test_a_search_looks_at_the_other_camera_only() -> None:
    people = [person("a", "c1"), person("a", "c1"), person("b", "c1"), person("a", "c3"), person("c", "c3")]
    people += [person("a", "c6", query=True), person("", "c3")]
    vectors = unit(
        np.array([[1, 0, 0], [1, 0.1, 0], [0, 1, 0], [1, 0, 0.2], [0, 0, 1], [1, 0.05, 0], [0.1, 0, 1]], np.float32)
    )
    present, absent = reid.search(people, vectors, np.zeros((0, 3), np.float32), frozenset(), NUMBERS)
    # a twice from c1, a from c3, the query crop; b and c are seen by one camera only
    assert present.who == ("a", "a", "a", "a") and all(present.first) and all(present.named)
    assert absent.who == ("a", "a", "b", "a", "c", "a") and not any(absent.wrongly)


def test_strangers_can_win_and_be_named() -> None:
    people = [person("a", "c1"), person("a", "c3")]
    vectors = unit(np.array([[1, 0], [1, 1]], np.float32))
    present, absent = reid.search(people, vectors, unit(np.array([[1, 0.01]], np.float32)), frozenset(), NUMBERS)
    assert present.first == (False, False) and present.named == (True, True)
    assert present.wrongly == (True, True) == absent.wrongly


def test_people_nobody_can_tell_apart_are_no_error() -> None:
    people = [person("purple-1", "c1"), person("purple-a", "c3"), person("b", "c3")]
    vectors = unit(np.array([[1, 0], [1, 0], [0, 1]], np.float32))
    unknown = frozenset({"purple-1", "purple-a"})
    present, absent = reid.search(people, vectors, np.zeros((0, 2), np.float32), unknown, NUMBERS)
    assert present.who == () and absent.wrongly == (False, False, False)


def test_a_paired_row() -> None:
    made = gain("x.gain", [1.0, 1.0, 0.0], [0.0, 1.0, 0.0], 0, "m", "hub")
    assert made.value == pytest.approx(1 / 3) and made.low == 0.0 and made.floor == 0.0 and made.n == 3


@pytest.mark.parametrize(
    ("ours", "floor", "low", "high"),
    [([1.0] * 17, None, 0.805, 1.0), ([0.0] * 23, None, 0.0, 0.148), ([1.0] * 17, [1.0] * 17, -0.195, 0.195)],
)
def test_equal_units_claim_no_certainty(ours: list[float], floor: list[float] | None, low: float, high: float) -> None:
    made = row("x", "", ours, 0, "m", "hub") if floor is None else gain("x", ours, floor, 0, "m", "hub")
    assert (made.low, made.high) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))


def test_nothing_there_is_said(tmp_path: Path, home: Path) -> None:
    rows, skipped = reid.rows(tmp_path, Weights(home, None, "builtin"), True, 0)
    assert (
        rows == []
        and any("MOT17-mini" in s for s in skipped)
        and any("nothing there finds vehicles" in s for s in skipped)
    )


def test_the_data_folders_own_annotations_come_first(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "vehicles.json").write_text(json.dumps({"clips": {"x": {"path": "no.mp4"}}}))
    assert annotation(tmp_path, "vehicles.json") == {"clips": {"x": {"path": "no.mp4"}}}
    assert sightings(tmp_path) == [] and annotation(tmp_path, "nothing.json") is None


def test_a_view_is_judged_by_the_others() -> None:
    """Two streets whose strangers score .2, and two where they score .5: with the camera's level all are told apart,
    without it the latter name strangers or the former nobody."""
    rng = np.random.default_rng(0)

    def view(name: str, level: float) -> View:
        found = []
        for _ in range(20):
            strange = np.clip(rng.normal(level, 0.02, 30), -1, 1)
            found.append(Search(strange, strange, level + 0.3))
        return View(name, tuple(found))

    rows = {
        r.id: r for r in reid.view_rows([view("a", 0.2), view("b", 0.2), view("c", 0.5), view("d", 0.5)], 0, "m", "hub")
    }
    far, tpr = rows["reid.person.views.far"], rows["reid.person.views.tpr"]
    assert far.value < 0.05 and tpr.value > 0.6 and tpr.n == 4
    assert far.floor is not None and tpr.floor is not None
    assert far.floor > 0.3 or tpr.floor < 0.6


@pytest.mark.parametrize("name", ["prw_people.json", "vehicles.json"])
def test_the_marks_are_boxes(name: str) -> None:
    marks = annotation(Path("/nowhere"), name)
    assert marks is not None
    groups = list(marks["frames"].values()) if "frames" in marks else []
    groups += [places for clip in marks.get("clips", {}).values() for places in clip["vehicles"].values()]
    boxes = [box for group in groups for box in group.values()]
    assert len(boxes) >= 45 and all(0 <= a < c <= 1920 and 0 <= b < d <= 1080 for a, b, c, d in boxes)


def test_thresholds_come_from_the_tail() -> None:
    rng = np.random.default_rng(0)
    found = Strangers(rng.uniform(0, 0.5, 25_000), rng.uniform(0.1, 0.5, 50))
    row = choose(rng.uniform(0.6, 1.0, 100), found)
    curve = dict(row["curve"])
    assert curve[1e-2] == pytest.approx(0.4975, abs=2e-3) and curve[3e-4] <= 0.5
    assert row["lower"] == pytest.approx(0.495, abs=3e-3) and row["margin"] >= 0.01
    with pytest.raises(UserFault, match="too few"):
        choose(rng.uniform(0.6, 1.0, 5), found)


def test_strangers_leave_oneself_out() -> None:
    vectors = [unit(np.array(v, np.float32)) for v in ([[1, 0], [1, 0.1]], [[0, 1], [0, 1]], [[1, 1]])]
    found = strangers(vectors, ["street", "street", "square"])
    assert len(found.impostor) == 2 * 2 + 2 * 2 + 2 and len(found.leads) == 2 and found.impostor.max() < 0.8


def test_copies_are_the_same_on_every_run() -> None:
    crop = np.random.default_rng(1).integers(0, 255, (120, 200, 3)).astype(np.uint8)
    first, again, other = copies("a.jpg", crop, 3), copies("a.jpg", crop, 3), copies("b.jpg", crop, 3)
    assert all(np.array_equal(x, y) for x, y in zip(first, again, strict=True))
    assert not all(np.array_equal(x, y) for x, y in zip(first, other, strict=True))
    assert all(max(c.shape[:2]) <= 480 and c.dtype == np.uint8 for c in first)


def test_the_basis_is_what_is_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sizes = {"mobilenet": 1280, "early": 64, "middle": 128, "colours": 144}
    vehicle = np.repeat(np.arange(20), 8)
    centres = {k: rng.normal(size=(20, n)) for k, n in sizes.items()}
    numbers = {
        k: np.asarray(centres[k][vehicle] + 0.3 * rng.normal(size=(160, n)), np.float32) for k, n in sizes.items()
    }
    basis = fit(numbers, vehicle)
    write(tmp_path / "basis.safetensors", basis)
    read = Basis.read(tmp_path / "basis.safetensors")
    assert set(read.means) == set(PARTS) and read.first.shape == (1280, REDUCED)
    a, b = basis.vectors(numbers), read.vectors(numbers)
    assert a == pytest.approx(b, abs=1e-6)
    cosine = a @ a.T
    same = vehicle[:, None] == vehicle[None]
    assert cosine[same].min() > cosine[~same].max()


def test_what_ships_states_its_rates() -> None:
    assert (load("osnet+reid-0288").far, load("clothes").far, load("vehicle-look").far) == (FAR, FAR, VEHICLE_FAR)
