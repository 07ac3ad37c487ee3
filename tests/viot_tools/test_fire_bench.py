"""The fire part of ``viot bench vision`` on a small folder: which sets it takes, its rows, floors and intervals."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.bench import fire as bench
from viot_tools.bench import fire_clips as clips
from viot_tools.fire.analyzer import FireAnalyzer
from viot_tools.fire.model import FireMap

RED, BLUE, WARM = (250, 120, 20), (90, 140, 210), (200, 120, 60)


class Looker:
    """Red above 230 is fire: right about the flames here, and not taken in by what is merely warm."""

    model, model_version = "fake-fire", "0"

    def look(self, image: Image) -> FireMap:
        hot = image[::8, ::8, 0].astype(np.float32) - 230
        return FireMap(hot, np.full_like(hot, -9), image.shape[1], image.shape[0])


def painted(colour: tuple[int, int, int], at: int = 8, seed: int = 0) -> Image:
    image = np.full((64, 64, 3), BLUE, np.uint8)
    image[:, :, 1] += np.random.default_rng(seed).integers(0, 60, (64, 64), np.uint8)
    image[at : at + 16, at : at + 16] = colour
    return image


def save(path: Path, image: Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image[..., ::-1])


def clip(path: Path, flicker: bool, colour: tuple[int, int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10, (64, 64))
    for k in range(40):
        image = painted(colour)
        if flicker and k % 4 < 2:
            image[8:24, 8:24] = (255, 200, 120)
        writer.write(np.ascontiguousarray(image[..., ::-1]))
    writer.release()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    stills = tmp_path / "videos" / "stills"
    for split in ("valid", "train"):
        for k in range(3):
            save(stills / "any_set" / split / "images" / f"{k}.png", painted(RED, 8 * (k + 1), k))
            label = stills / "any_set" / split / "labels" / f"{k}.txt"
            label.parent.mkdir(exist_ok=True)
            label.write_text(f"0 {(8 * (k + 1) + 8) / 64} {(8 * (k + 1) + 8) / 64} 0.25 0.25\n")
    for k in range(4):
        save(stills / "photos" / "fire" / f"{k}.png", painted(RED, 8, 10 + k))
        save(stills / "photos" / "nonfire" / f"{k}.png", painted(WARM, 40, 20 + k))
    return tmp_path


def test_what_is_taken_of_a_folder(data: Path) -> None:
    found = bench.photos_of(data)
    assert [(p.source, p.fire) for p in found] == [("valid", True)] * 3 + [("photos", True)] * 4 + [
        ("photos", False)
    ] * 4
    assert found[0].boxes == ((0, 0.125, 0.125, 0.375, 0.375),)
    assert not any("train" in p.path.parts for p in found)


def test_picture_rows(data: Path, tmp_path: Path) -> None:
    weights = Weights(tmp_path / "home", tier="builtin")
    rows, skipped = bench.picture_rows(data, weights, Looker(), False, 0)
    by_id = {row.id: row for row in rows}
    assert set(by_id) == {"fire.auc", "fire.auc.valid", "fire.auc.photos", "fire.auc.gain.colour", "fire.hit"}
    assert by_id["fire.auc"].value == 1.0 and by_id["fire.auc"].n == 11
    assert by_id["fire.auc.valid"].n == 7 and by_id["fire.auc.photos"].n == 8
    assert by_id["fire.auc"].floor is not None  # flame colour, as the supplied classifier is not there
    assert by_id["fire.hit"].value == 1.0 and by_id["fire.hit"].floor == pytest.approx(2 / 3)
    assert skipped == ["fire.auc.gain: htn-fire is not on this machine; the floor is colour"]


def test_an_empty_folder_is_skipped_and_said(tmp_path: Path) -> None:
    weights = Weights(tmp_path / "home", tier="builtin")
    rows, skipped = bench.picture_rows(tmp_path, weights, Looker(), False, 0)
    assert not rows and "has no pictures of both kinds" in skipped[0]
    rows, skipped = clips.clip_rows(tmp_path, weights, FireAnalyzer(weights, looker=Looker()), False)
    assert not rows and [line.split(":")[0] for line in skipped] == ["fire.clips.found", "fire.clips.false_alarms"]


def test_clip_rows(tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    clip(videos / "fire" / "a.mp4", True, RED)
    clip(videos / "b.mp4", False, WARM)
    clip(videos / "shop" / "poster.mp4", False, RED)
    clip(videos / "shop" / "flames.mp4", True, RED)  # a fire where none should be: the false alarm that must be told
    (videos / "broken.mp4").write_bytes(b"no video")
    weights = Weights(tmp_path / "home", tier="builtin")
    rows, skipped = clips.clip_rows(tmp_path, weights, FireAnalyzer(weights, looker=Looker()), False)
    by_id = {row.id: (row.value, row.n) for row in rows}
    assert by_id["fire.clips.found"] == (1.0, 1)
    assert by_id["fire.clips.false_alarms"] == (pytest.approx(1 / 3), 3)
    assert by_id["fire.clips.unsure"] == (pytest.approx(1 / 3), 3)
    assert any("broken.mp4 left out" in line for line in skipped)
    assert any(line.startswith("fire.clips.false_alarms: flames.mp4: fire from 0.0 to") for line in skipped)


@pytest.mark.parametrize(
    ("yes", "no", "expected"), [([3, 2], [1, 0], 1.0), ([1], [1], 0.5), ([0, 3], [1, 2], 0.5), ([0], [1, 2], 0.0)]
)
def test_auc(yes: list[float], no: list[float], expected: float) -> None:
    scores, truth = np.array([*yes, *no], float), np.array([True] * len(yes) + [False] * len(no))
    assert bench.auc(scores, truth) == expected


def test_intervals() -> None:
    truth = np.array([True] * 20 + [False] * 20)
    scores = np.arange(40)[::-1].astype(float) + np.random.default_rng(0).normal(0, 12, 40)
    value, low, high = bench.auc_interval(scores, truth, np.arange(40), 0)
    assert low < value < high
    gain, gain_low, gain_high = bench.auc_interval(scores, truth, np.arange(40), 0, scores)
    assert (gain, gain_low, gain_high) == (0.0, 0.0, 0.0)  # to itself, on the same draws
    _, wide_low, _ = bench.auc_interval(scores, truth, np.arange(40) // 4, 0)
    assert wide_low < low  # near-duplicates are drawn together: less is known
    assert clips.wilson(0, 18) == (0.0, pytest.approx(0.176, abs=1e-3))


def test_near_duplicates() -> None:
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    groups = bench.near_duplicates([image, painted(RED), np.asarray(image // 2 + 60, np.uint8)])
    assert groups[0] == groups[2] != groups[1]


def test_the_floor_takes_the_place_of_the_network() -> None:
    looker = clips.FloorLooker("rule", lambda image: 0.8)
    seen = looker.look(painted(RED))
    assert seen.score("fire") == pytest.approx(0.8, abs=1e-4) and seen.score("smoke") < 1e-5
    assert bench.flame_coloured(painted(RED)) == 256 / 4096 and bench.flame_coloured(painted(BLUE)) == 0.0
