"""The gait figures: the protocol, the floor and the walkers, on little."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from viot_agent.weights import Weights
from viot_tools.bench import gait
from viot_tools.bench.walkers import CHANGED, EVERYDAY, camera, film, person
from viot_tools.gait.net import GaitNet
from viot_tools.gait.walks import LEAST_GOOD


def named(who: int, heading: int) -> gait.Filmed:
    return gait.Filmed(np.zeros((1, 64, 44), np.uint8), who, heading)


@pytest.mark.parametrize(
    ("own", "found"), [(False, {0: [0.0], 1: [1.0]}), (True, {0: [1.0], 1: [1.0]})], ids=["across", "own heading"]
)
def test_the_gallery_walk_of_the_own_heading_is_left_out(own: bool, found: dict[int, list[float]]) -> None:
    gallery = [named(0, 0), named(0, 1), named(1, 0), named(1, 1)]
    probes = [named(0, 0), named(1, 1)]
    scores = np.array([[0.9, 0.1, 0.5, 0.6], [0.2, 0.2, 0.8, 0.3]], np.float32)
    assert gait.hits(scores, probes, gallery, own_heading=own) == found


@pytest.mark.parametrize("wear", [EVERYDAY, *CHANGED])
def test_a_walk_in_any_clothes_passes_the_tools_own_path(wear: str) -> None:
    rng = np.random.default_rng(7)
    made = film(person(rng), wear, camera(rng, 90.0), 3.6, rng)
    assert made.shape[1:] == (64, 44)
    assert len(made) >= LEAST_GOOD


def test_walkers_are_seeded() -> None:
    a, b, c = (
        film(person(rng), EVERYDAY, camera(rng, 45.0), 2.0, rng) for rng in map(np.random.default_rng, (1, 1, 2))
    )
    assert np.array_equal(a, b)
    assert a.shape != c.shape or not np.array_equal(a, c)


def test_the_floor_tells_wide_from_narrow() -> None:
    wide, narrow = np.zeros((5, 64, 44), np.uint8), np.zeros((5, 64, 44), np.uint8)
    wide[:, :, 5:40], narrow[:, :, 15:30] = 255, 255
    table = np.stack([gait.statistics(wide), gait.statistics(narrow)])
    assert gait.nearest(table, table).argmax(1).tolist() == [0, 1]


@pytest.mark.slow
def test_rows_have_intervals_floors_and_paired_gains(tmp_path: Path) -> None:
    weights = Weights(tmp_path, tier="builtin")
    rows = gait.simulated(GaitNet.of(weights), weights.tier, 3, 0)
    by_id = {r.id: r for r in rows}
    for name in ("gait.rank1", "gait.rank1.same_clothes", "gait.rank1.own_heading"):
        row, gain = by_id[name], by_id[f"{name}.gain"]
        assert row.low <= row.value <= row.high
        assert row.n == 12
        assert row.floor is not None
        assert gain.value == pytest.approx(row.value - row.floor)
    assert {"gait.far", "gait.tpr", "gait.frr"} <= by_id.keys()
    _, skipped = gait.real(GaitNet.of(weights), tmp_path, weights, True, 0)
    assert any("no videos/people-detection.264" in line for line in skipped)
