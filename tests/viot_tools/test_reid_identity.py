"""Three answers under calibrated thresholds, the look of a track, and how people become subjects and appearances."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from viot_agent.errors import FailedFault
from viot_agent.fleet.types import Camera
from viot_agent.library.fake import FakeLibrary, Looked
from viot_agent.library.rows import Footage, Hit, Track
from viot_agent.weights import Weights
from viot_agent.weights.store import Tier
from viot_tools.gait.analyzer import GaitAnalyzer
from viot_tools.objects.detections import MODEL_OF_TIER
from viot_tools.reid.analyzer import PeopleLooksAnalyzer, VehicleLooksAnalyzer
from viot_tools.reid.calibrate import CLIPS, calibrations, fingerprint
from viot_tools.reid.embed import PEOPLE_MODEL, FakeEmbedder, people_embedder, unit
from viot_tools.reid.identity import Calibration, decide, load, summary
from viot_tools.reid.sightings import appearances, beside, crowd
from viot_tools.reid.vehicle import VehicleLook

NUMBERS = Calibration("m", 0.01, ((1e-2, 0.4), (1e-3, 0.6), (1e-4, 0.7)), 0.3, 0.01, 0.05)


@pytest.mark.parametrize(
    ("n", "upper"),
    [(0, 0.4), (1, 0.4), (10, 0.6), (100, 0.7), (1000, 0.8), (10**9, 1.0), (3, 0.4 + 0.2 * np.log10(3))],
)
def test_more_people_need_a_higher_cosine(n: int, upper: float) -> None:
    assert NUMBERS.upper(n) == pytest.approx(upper)


@pytest.mark.parametrize(
    ("scores", "pairs", "said"),
    [
        ([], [], []),
        ([0.9, 0.1, 0.35], [], ["same", "other", "unsure"]),
        # together on one camera: only the better one can be right
        ([0.9, 0.8, 0.1], [(0, 1)], ["same", "other", "other"]),
        # one who is ruled out rules nobody else out: the third may be the first, seen again
        ([0.95, 0.89, 0.83], [(0, 1), (1, 2)], ["same", "other", "same"]),
        # and when they are about equally alike, nobody is named
        ([0.9, 0.88, 0.1], [(0, 1)], ["unsure", "unsure", "other"]),
        ([0.88, 0.9, 0.1], [(0, 1)], ["unsure", "unsure", "other"]),
        # one in doubt who stood beside the one that was found is somebody else; one who did not may be
        ([0.9, 0.35, 0.35], [(0, 1)], ["same", "other", "unsure"]),
        # two apart in time may both be right
        ([0.9, 0.88, 0.1], [], ["same", "same", "other"]),
        ([0.3, 0.299], [], ["unsure", "other"]),
    ],
)
def test_what_a_score_says(scores: list[float], pairs: list[tuple[int, int]], said: list[str]) -> None:
    together = {frozenset(pair) for pair in pairs}
    assert decide(np.array(scores), lambda i, j: frozenset((i, j)) in together, NUMBERS) == said


LIFTED = replace(NUMBERS, curve=((1e-2, 0.2), (1e-3, 0.3)), levels=(0.25, 0.5))


@pytest.mark.parametrize(
    ("scores", "level"),
    [
        ([], 0.5),  # an unknown camera is taken for the worst
        ([0.3] * 4, 0.4),  # four people weigh as much as not knowing
        ([0.3] * 96, 0.308),
        ([0.0] * 96, 0.25),
        ([0.9] * 96, 0.5),  # somebody who passes all day does not hide himself
        ([*([0.3] * 95), 1.0], 0.308),  # nor does the one asked for among many
    ],
)
def test_the_level_of_a_camera(scores: list[float], level: float) -> None:
    assert LIFTED.level(np.array(scores)) == pytest.approx(level)
    assert NUMBERS.level(np.array(scores)) == 0.0  # vehicles: cosines as they are


def test_strangers_who_all_look_alike_are_not_named() -> None:
    """The same cosine names somebody on a street and nobody in a crowd in one uniform."""
    scores = np.array([0.6])
    assert decide(scores, lambda i, j: False, LIFTED, 1, np.array([0.3])) == ["same"]
    assert decide(scores, lambda i, j: False, LIFTED, 1, np.array([0.5])) == ["unsure"]


def test_who_was_beside_whom_is_asked_of_the_likely_ones_only() -> None:
    asked: list[tuple[int, int]] = []

    def beside(i: int, j: int) -> bool:
        asked.append((i, j))
        return False

    decide(np.array([0.9, *([0.1] * 500), 0.95]), beside, NUMBERS)
    assert asked == [(0, 501)]  # not 125,000 pairs


def test_a_lower_bound_above_the_threshold_leaves_no_hole() -> None:
    lax = Calibration("m", 0.01, ((1e-2, 0.2), (1e-3, 0.3)), 0.5, 0.01, 0.05)
    assert decide(np.array([0.25, 0.1]), lambda i, j: False, lax, n=1) == ["same", "other"]


def test_the_look_is_the_sum_by_quality() -> None:
    a, b = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    assert summary([a, b], [3.0, 4.0]) == pytest.approx([0.6, 0.8])
    assert summary([a], [0.0]) == pytest.approx([1, 0])  # a picture of no quality is still the only one


@pytest.mark.parametrize("model", ["osnet+reid-0288", "clothes", "vehicle-look"])
def test_what_ships_is_calibrated(model: str) -> None:
    numbers = load(model)
    scores = [score for _, score in numbers.curve]
    assert (
        scores == sorted(scores)
        and numbers.lower < numbers.levels[1] + numbers.upper(1)
        and numbers.upper(5) <= numbers.upper(50)
    )


def test_the_thresholds_are_those_of_the_weights_that_ship(home: Path) -> None:
    hub, builtin = Weights(home, None, "hub"), Weights(home, None, "builtin")
    looks = (people_embedder(hub), people_embedder(builtin), VehicleLook(hub))
    assert {r["model"]: r["model_version"] for r in shipped()["calibrations"]} == {
        k.model: k.model_version for k in looks
    }


def test_the_thresholds_were_chosen_with_the_detectors_that_ship(home: Path) -> None:
    rows = {r["model"]: r["chosen_on"] for r in shipped()["calibrations"]}
    hub = MODEL_OF_TIER["hub"]
    assert rows["osnet+reid-0288"]["detector"] == f"{hub} {Weights(home, None, 'hub').entry(hub).model_version}"
    # its version is OpenCV's, which differs between machines
    assert rows["clothes"]["detector"].startswith(f"{MODEL_OF_TIER['builtin']} ")
    assert all(list(rows[model]["clips"]) == list(CLIPS) for model in ("osnet+reid-0288", "clothes"))


@pytest.mark.real
def test_the_thresholds_were_chosen_on_the_clips_that_are_there(shared: Path) -> None:
    for row in shipped()["calibrations"]:
        for name, mark in row["chosen_on"].get("clips", {}).items():
            assert fingerprint(shared / "videos" / name) == mark, "run python -m viot_tools.reid.calibrate again"


@pytest.mark.real
@pytest.mark.slow
def test_the_command_prints_what_ships(shared: Path, shared_models: Path, home: Path) -> None:
    """A change of the detector, the tracker, the choice of pictures or an embedder moves these numbers."""
    again = calibrations(shared, Weights(home, shared_models, "hub"))["calibrations"]
    for fresh, kept in zip(again, shipped()["calibrations"], strict=True):
        where = f"{kept['model']}: run python -m viot_tools.reid.calibrate --data DIR --out thresholds.json"
        # first who was followed and compared: other tracks give other quantiles
        for count in {"people", "tracks", "genuine", "impostor", "views"} & set(kept["chosen_on"]):
            assert fresh["chosen_on"][count] == kept["chosen_on"][count], f"{count}; {where}"
        assert fresh["lower"] == pytest.approx(kept["lower"], abs=2e-3), where
        assert fresh["margin"] == pytest.approx(kept["margin"], abs=2e-3), where
        # its far ends are single pairs, which rounding on another processor moves by a hundredth
        assert dict(fresh["curve"]) == pytest.approx(dict(kept["curve"]), abs=1e-2), where


def shipped() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((files("viot_tools.reid") / "thresholds.json").read_text("utf-8"))
    return found


def test_an_unknown_model_says_how_to_calibrate() -> None:
    with pytest.raises(FailedFault, match=r"viot_tools\.reid\.calibrate"):
        load("somebody-elses")


def track(number: int, camera: str, start: float, end: float, chain: int | None = None, n: int = 5) -> Track:
    ts = np.linspace(start, end, n)
    boxes, scores = np.tile(np.array([[10, 20, 50, 140]], np.float32), (n, 1)), np.full(n, 0.9, np.float32)
    return Track(number, chain or number, camera, "person", "", "yolox-nano", "v1", ts, boxes, scores)


def hit(number: int, camera: str, ts: float, vector: list[float], quality: float = 0.8) -> Hit:
    return Hit(number, camera, ts, float("nan"), quality, unit(np.array(vector, np.float32)))


KINDS = ("person", "m", "yolox-nano")
X = unit(np.array([1, 0], np.float32))


def library(tracks: list[Track], hits: list[Hit]) -> FakeLibrary:
    cameras = [Camera(1, "gate", "g.mp4", (), "UTC", 0.0), Camera(2, "yard", "y.mp4", (), "UTC", 0.0)]
    return FakeLibrary(
        cameras,
        footage=[Footage(c.name, Path(c.source), 0.0, 0, 100) for c in cameras],
        looked=[Looked("people_looks", "m", c.name, 0, 100) for c in cameras],
        tracks=tracks,
        hits={"m": hits},
    )


def test_a_chain_is_one_subject_and_flickers_do_not_count() -> None:
    tracks = [
        track(1, "gate", 10, 30),
        track(2, "gate", 30, 40, chain=1),
        track(3, "gate", 12, 14),
        track(4, "gate", 50, 50, n=1),
        track(5, "yard", 10, 20),
    ]
    tracks[3].scores[:] = 0.4  # one weak box: a flicker, not a person who could not be compared
    hits = [hit(1, "gate", 12, [1, 0]), hit(2, "gate", 35, [0, 1]), hit(5, "yard", 11, [1, 1])]
    shelf, query = library(tracks, hits), unit(np.array([1, 1], np.float32))
    seen = crowd(shelf, "gate", 20.0, 38.0, KINDS, query, 0.5)
    [one] = seen.subjects
    assert (one.start, one.end, one.score) == (20.0, 38.0, pytest.approx(1.0))
    assert one.track in (1, 2) and one.best.vector is None
    whole = crowd(shelf, "gate", None, None, KINDS, query, 0.5)
    assert (whole.subjects[0].start, whole.subjects[0].end, len(whole.compared), whole.without) == (10, 40, 1, 1)
    assert crowd(shelf, "gate", None, None, (*KINDS[:2], "other-detector"), query, 0.5).subjects == ()


def test_who_is_unlike_is_counted_and_let_go() -> None:
    tracks = [track(1, "gate", 0, 10), track(2, "gate", 20, 30)]
    hits = [hit(1, "gate", 5, [1, 0]), hit(2, "gate", 25, [0, 1])]
    seen = crowd(library(tracks, hits), "gate", None, None, KINDS, unit(np.array([1, 0.1], np.float32)), 0.5)
    assert [s.track for s in seen.subjects] == [1]
    assert seen.compared == pytest.approx([0.995, 0.0995], abs=1e-3)


def test_together_means_one_camera_and_half_a_second() -> None:
    tracks = [track(1, "gate", 0, 10), track(2, "gate", 5, 15), track(3, "gate", 14.6, 20), track(4, "yard", 0, 20)]
    hits = [hit(t.id, t.camera, t.start, [1, 0]) for t in tracks]
    shelf = library(tracks, hits)
    subjects = [s for c in ("gate", "yard") for s in crowd(shelf, c, None, None, KINDS, X, -1.0).subjects]
    pairs = {(i, j) for i, a in enumerate(subjects) for j, b in enumerate(subjects) if i != j and beside(a, b)}
    assert pairs == {(0, 1), (1, 0)}


def test_appearances_bridge_a_moment_only() -> None:
    tracks = [track(1, "gate", 0, 10), track(2, "gate", 11.5, 20), track(3, "gate", 30, 40), track(4, "yard", 12, 13)]
    hits = [hit(t.id, t.camera, t.start, [1, 0]) for t in tracks]
    shelf = library(tracks, hits)
    subjects = [s for c in ("gate", "yard") for s in crowd(shelf, c, None, None, KINDS, X, -1.0).subjects]
    scored = [replace(s, score=v) for s, v in zip(subjects, [0.7, 0.9, 0.8, 0.6], strict=True)]
    merged = appearances(scored)
    assert [(a.camera, a.start, a.end, a.score) for a in merged] == [
        ("gate", 0, 20, 0.9),
        ("gate", 30, 40, 0.8),
        ("yard", 12, 13, 0.6),
    ]
    assert merged[0].best is scored[1]


@pytest.mark.parametrize("tier", ["hub", "builtin"])
def test_the_list_of_models_says_from_where_on_somebody_is_told(home: Path, tier: Tier) -> None:
    weights = Weights(home, None, tier)
    summaries = [PeopleLooksAnalyzer(weights).summary, GaitAnalyzer(weights).summary]
    summaries += [VehicleLooksAnalyzer(weights).summary] if tier == "hub" else []
    for said in summaries:
        assert "strangers pass" in said and "told " in said, said
    numbers = load(PEOPLE_MODEL[tier])
    assert f"among 10 people from {numbers.upper(10):.3f}" in summaries[0] and f"{numbers.far:g} of" in summaries[0]
    assert ("camera's own level" in summaries[0]) is (tier == "hub")
    assert PeopleLooksAnalyzer(weights, embedder=FakeEmbedder()).summary.endswith("no calibrated thresholds")
