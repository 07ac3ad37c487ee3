"""The bench of anomalies and scenes: what is inserted, the curve's area, the intervals, the floors, what is absent."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from viot_agent.weights import Weights
from viot_tools.bench import anomaly, scenes
from viot_tools.bench.insertions import FPS, Kind, insert, passages
from viot_tools.objects.detections import Detections, FakeDetector


def street(seconds: int = 20) -> list[np.ndarray]:
    """A grey street on which a bright box passes from left to right, again and again."""
    frames = []
    for i in range(seconds * FPS):
        image = np.full((90, 160, 3), 80, np.uint8)
        x = (i % 25) * 7
        if x < 150:
            image[40:70, x : x + 12] = (220, 200, 90)
        frames.append(image)
    return frames


def test_what_moves_is_cut_out_and_followed() -> None:
    things = passages(street())
    assert things and all(6 <= len(t) <= 60 for t in things)
    longest = things[0]
    assert longest[-1].centre[0] - longest[0].centre[0] > 60
    assert longest[0].mask.mean() > 0.7


KINDS: list[Kind] = ["left", "runner", "wrong way", "dark", "covered", "crowd"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_insertion_changes_its_own_frames_alone_and_the_same_way_again(kind: Kind) -> None:
    frames = street()
    things = passages(frames)
    made = insert(frames, kind, 3, things)
    again = insert(frames, kind, 3, things)
    assert made is not None and again is not None
    assert len(made.frames) == len(frames) and len(frames) // 2 <= made.first < made.last <= len(frames)
    differs = [bool((a != b).any()) for a, b in zip(frames, made.frames, strict=True)]
    assert (
        not any(differs[: made.first])
        and not any(differs[made.last :])
        and sum(differs) > 0.5 * (made.last - made.first)
    )
    assert all((a == b).all() for a, b in zip(made.frames, again.frames, strict=True))


def test_nothing_moves_means_nothing_to_cut_out() -> None:
    frames = [np.full((90, 160, 3), 80, np.uint8)] * 60
    assert passages(frames) == [] and insert(frames, "runner", 0, []) is None


AREAS = [
    ([3, 2, 1, 0], [True, True, False, False], 1.0),
    ([0, 1, 2, 3], [True, True, False, False], 0.0),
    ([1, 1, 1, 1], [True, False, True, False], 0.5),
    ([3, 1, 2, 0], [True, True, False, False], 0.75),
]


@pytest.mark.parametrize(("scores", "anomalous", "expected"), AREAS)
def test_the_area_under_the_curve(scores: list[float], anomalous: list[bool], expected: float) -> None:
    assert anomaly.auc(np.array(scores, float), np.array(anomalous)) == expected


def test_the_poisson_interval_is_garwoods() -> None:
    assert anomaly.poisson(0) == pytest.approx((0.0, 3.689), abs=1e-3)
    assert anomaly.poisson(3) == pytest.approx((0.619, 8.767), abs=1e-3)
    assert anomaly.poisson(10) == pytest.approx((4.795, 18.390), abs=1e-3)


def test_a_picture_is_detected_once() -> None:
    remembering = anomaly.Remembering(FakeDetector([Detections.none()]))
    frames = street(2)
    for image in [*frames, *frames]:
        remembering.detect(image)
    assert remembering.inner.seen == len({f.tobytes() for f in frames})


def test_watching_darkness_tells_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    place = rng.integers(60, 180, (90, 160, 3))
    frames = [np.clip(place + rng.normal(0, 2, place.shape), 0, 255).astype(np.uint8) for _ in range(60 * FPS)]
    for i in range(200, 230):
        frames[i] = (frames[i] * 0.05).astype(np.uint8)
    seen = anomaly.watch(frames, Weights(tmp_path, tier="builtin"), FakeDetector([Detections.none()]))
    assert len(seen.seconds) == 60 and any(a <= 42 and b >= 44 for a, b in seen.told)
    inside = (seen.seconds.t > 40) & (seen.seconds.t < 46)
    assert anomaly.auc(seen.total, inside) > 0.95
    assert seen.difference.shape == (60,)


def test_absent_footage_is_skipped_and_said(tmp_path: Path) -> None:
    rows, skipped = anomaly.rows(tmp_path, Weights(tmp_path, tier="builtin"), False, 0)
    assert rows == [] and len([s for s in skipped if "no videos/" in s]) == len(skipped) > 5


def test_the_floor_is_the_word_of_the_others() -> None:
    outside = [("a", ("street",)), ("b", ("street", "road")), ("c", ("street",)), ("f", ("street",))]
    places = [*outside, ("d", ("kitchen",)), ("e", ("shop",))]
    assert scenes.floor_words(places, "scene") == [True, True, True, True, False, False]
    assert scenes.floor_words(places, "side") == [True, True, True, True, False, False]
    assert scenes.lifted(("street", "shop"), "group") == {"street or road", "place of trade"}


def test_scenes_without_footage_are_skipped_and_said(tmp_path: Path) -> None:
    rows, skipped = scenes.rows(tmp_path, Weights(tmp_path, tier="builtin"), False, 0)
    assert rows == [] and any("videos/falls/fall.mp4" in s for s in skipped)
    assert not any("videos/traffic.mp4" in s for s in skipped), "the builtin model was trained on it"


def test_other_pictures_with_other_annotations_are_judged(tmp_path: Path) -> None:
    import cv2

    (tmp_path / "annotations").mkdir()
    listed = []
    for i, colour in enumerate([(60, 140, 50), (200, 200, 200), (120, 110, 100)]):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((90, 160, 3), colour, np.uint8))
        listed.append({"path": f"{i}.png", "source": str(i), "scenes": ["park"], "licence": "none"})
    (tmp_path / "annotations" / "scenes.json").write_text(json.dumps({"clips": listed, "stills": []}))
    rows, skipped = scenes.rows(tmp_path, Weights(tmp_path, tier="builtin"), False, 0)
    by_id = {row.id: row for row in rows}
    assert skipped == [] and by_id["scene.top1"].n == 3 and by_id["scene.top1"].floor == 1.0
    assert by_id["scene.side.gain"].value == pytest.approx(by_id["scene.side"].value - 1.0)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("tier", ["hub", "builtin"])
def test_the_real_fall_and_inserted_anomalies(tier: str, shared: Path, tmp_path: Path) -> None:
    weights = Weights(tmp_path, shared / "models", "hub" if tier == "hub" else "builtin")
    rows, _ = anomaly.rows(shared, weights, True, 0)
    by_id = {row.id: row for row in rows}
    floor = by_id["anomaly.auc"].floor
    assert floor is not None and by_id["anomaly.auc"].value > max(0.75, floor)
