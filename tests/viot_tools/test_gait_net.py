"""The shipped network: its form, its invariances, its files."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import FailedFault
from viot_agent.weights import Weights
from viot_tools.bench.walkers import EVERYDAY, camera, film, person
from viot_tools.gait.covered import judge
from viot_tools.gait.net import DIMENSIONS, ENTRY, MOST, STRIPS, GaitNet, Thresholds, thresholds


@pytest.fixture(scope="module")
def net() -> GaitNet:
    return GaitNet.of(Weights(Path("/nonexistent"), tier="builtin"))


@pytest.fixture(scope="module")
def walk() -> np.ndarray:
    rng = np.random.default_rng(5)
    return film(person(rng), EVERYDAY, camera(rng, 90.0), 3.6, rng)


def test_the_vector_has_length_one_and_the_stated_size(net: GaitNet, walk: np.ndarray) -> None:
    vector = net.embed(walk)
    assert vector.shape == (STRIPS * DIMENSIONS,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


def test_a_walk_is_a_set_the_order_of_pictures_does_not_matter(net: GaitNet, walk: np.ndarray) -> None:
    assert np.allclose(net.embed(walk), net.embed(walk[::-1]), atol=1e-5)


def test_any_number_of_silhouettes_is_taken_at_most_so_many_looked_at(net: GaitNet, walk: np.ndarray) -> None:
    assert np.isfinite(net.embed(walk[:1])).all()
    long = np.concatenate([walk] * (2 * MOST // len(walk) + 1))
    evenly = long[np.linspace(0, len(long) - 1, MOST).round().astype(int)]
    assert np.allclose(net.embed(long), net.embed(evenly), atol=1e-6)


def test_halves_of_a_walk_are_nearer_than_other_walkers(net: GaitNet, walk: np.ndarray) -> None:
    rng = np.random.default_rng(6)
    others = [film(person(rng), EVERYDAY, camera(rng, 90.0), 3.6, rng) for _ in range(6)]
    own = float(net.embed(walk[::2]) @ net.embed(walk[1::2]))
    assert own > max(float(net.embed(walk[::2]) @ net.embed(o)) for o in others)


def test_the_files_that_ship(net: GaitNet) -> None:
    weights = Weights(Path("/nonexistent"), tier="builtin")
    entry = weights.entry(ENTRY)
    assert (entry.tier, entry.licence, entry.permissive, entry.default) == ("builtin", "Apache-2.0", True, True)
    assert entry.bytes == weights.path(ENTRY).stat().st_size <= 3_000_000
    assert net.model_version == entry.sha256[:12]
    made = json.loads((files("viot_tools.gait") / "thresholds.json").read_text("utf-8"))
    assert made["calibration"]["pairs_strangers"] > 20_000
    limits = thresholds()
    assert -1 < limits.stranger < limits.match < 1
    assert limits.far <= 0.001
    card = (files("viot_tools.gait") / "gait.md").read_text("utf-8")
    assert made["command"] in card
    assert "simulation" in card


@pytest.mark.parametrize(
    ("score", "answer"),
    [(0.9, "match"), (0.7, "match"), (0.69, "cannot_tell"), (0.3, "cannot_tell"), (0.29, "stranger")],
)
def test_three_answers(score: float, answer: str) -> None:
    assert judge(score, Thresholds(match=0.7, far=0.001, stranger=0.3, frr=0.05)) == answer


def test_a_damaged_file_says_how_to_mend_it(tmp_path: Path, walk: np.ndarray) -> None:
    bad = tmp_path / "gait.safetensors"
    bad.write_bytes(b"nothing of the kind")
    with pytest.raises(FailedFault) as caught:
        GaitNet(bad, "x").embed(walk)
    assert "pip install" in caught.value.fix
