"""Fire and smoke on real footage: the burning car is found, quiet clips raise no alarm, a picture of fire is none."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from viot_agent.weights import Weights
from viot_tools.bench import fire as bench
from viot_tools.bench import fire_clips as clips
from viot_tools.fire.analyzer import FireAnalyzer

pytestmark = [pytest.mark.real]


@pytest.fixture
def analyzer(tmp_path: Path) -> FireAnalyzer:
    return FireAnalyzer(Weights(tmp_path / "home", tier="builtin"))


def test_the_burning_car(analyzer: FireAnalyzer, shared: Path) -> None:
    [events] = clips.events_of([analyzer], shared / "videos" / "fire" / "fire_input.mp4")
    fires = [e for e in events if e.kind == "fire"]
    assert fires and all(clips.alarm(e) for e in fires)
    assert sum(e.t1 - e.t0 for e in fires) > 3.0
    x0, y0, x1, y1 = max(fires, key=lambda e: e.score).data["xyxy"]
    assert 0 <= x0 < x1 <= 854 and 0 <= y0 < y1 <= 480 and (x1 - x0) * (y1 - y0) > 0.01 * 854 * 480


@pytest.mark.parametrize("name", ["falls/fall.mp4", "actions/test_video_structuralize.mp4", "violence/3.mp4"])
def test_quiet_clips(name: str, analyzer: FireAnalyzer, shared: Path) -> None:
    [events] = clips.events_of([analyzer], shared / "videos" / name)
    assert not [e for e in events if clips.alarm(e)]


@pytest.mark.slow
def test_no_clip_without_fire_raises_an_alarm(analyzer: FireAnalyzer, shared: Path, tmp_path: Path) -> None:
    rows, skipped = clips.clip_rows(shared, Weights(tmp_path / "home", tier="builtin"), analyzer, False)
    by_id = {row.id: row for row in rows}
    assert by_id["fire.clips.false_alarms"].value == 0.0, skipped
    assert by_id["fire.clips.found"].value == 1.0


def test_pictures(analyzer: FireAnalyzer, shared: Path, shared_models: Path, tmp_path: Path) -> None:
    weights = Weights(tmp_path / "home", shared_models, "builtin")
    rows, _ = bench.picture_rows(shared, weights, analyzer.looker, False, 0)
    by_id = {row.id: row for row in rows}
    assert by_id["fire.auc"].value >= 0.86
    assert by_id["fire.auc.valid"].value >= 0.98
    for name in ("fire.auc", "fire.auc.valid", "fire.auc.photos"):  # better than the supplied classifier
        assert by_id[name].floor is not None and by_id[name].value > by_id[name].floor
    assert by_id["fire.hit"].value >= 0.9


def test_a_picture_of_fire_held_before_the_camera(analyzer: FireAnalyzer, shared: Path, tmp_path: Path) -> None:
    """It looks like fire and does not move: neither an alarm nor lost."""
    still = bench.picture(sorted((shared / bench_folder()).glob("*.jpg"))[1])
    path = tmp_path / "poster.mp4"
    rng = np.random.default_rng(0)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10, (256, 256))
    for _ in range(50):
        noisy = np.clip(still[..., ::-1] + rng.normal(0, 2, still.shape), 0, 255)
        writer.write(np.ascontiguousarray(noisy.astype(np.uint8)))
    writer.release()
    [events] = clips.events_of([analyzer], path)
    fires = [e for e in events if e.kind == "fire"]
    assert fires and not any(clips.alarm(e) for e in fires)


def bench_folder() -> str:
    return "videos/stills/fire_smoke_bbox/valid/images"
