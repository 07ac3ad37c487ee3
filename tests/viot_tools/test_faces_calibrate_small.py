"""Calibration of small faces on made-up vectors, where what must come out is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import UserFault
from viot_tools.faces.calibrate import Picture
from viot_tools.faces.calibrate_small import (
    EYES,
    RATES,
    Seen,
    choose,
    compared,
    fitted,
    frames,
    left_out,
    per_comparison,
    report,
    searches,
    tracks,
    upper_limits,
)
from viot_tools.faces.joint import LEAST_LOOKS
from viot_tools.faces.recognise import unit


def faces(people: int, each: int, noise: float, seed: int = 0) -> list[Seen]:
    """People in random directions; each picture an original and a copy of every size, which has more noise."""
    rng = np.random.default_rng(seed)
    seen = []
    for p in range(people):
        centres = unit(rng.normal(size=(2, 32)))
        for k in range(each):
            picture = Picture("lfw", f"person {seed}-{p}", Path(f"{p}-{k}.jpg"))
            for original in (True, *[False] * len(EYES)):
                spread = noise * (1 if original else 1.5)
                first, second = unit(centres + spread * unit(rng.normal(size=(2, 32)))).astype(np.float32)
                seen.append(Seen(picture, p * each + k, original, 0.9 if original else 0.5, first, second))
    return seen


def test_frames_and_tracks() -> None:
    seen = faces(4, 2, 0.3)
    assert len(frames(seen)) == 4 * 2 * len(EYES) and all(len(f) == 1 and not f[0].original for f in frames(seen))
    assert len(tracks(seen)) == 8 and all(len(t) == LEAST_LOOKS == len({*map(id, t)}) for t in tracks(seen))
    assert tracks(seen[:3]) == []  # an original and two copies


def test_a_table_compares_people_of_one_set_and_no_picture_with_itself() -> None:
    seen = faces(5, 2, 0.2)
    elsewhere = [Seen(Picture("orl", "s1", Path("1.pgm")), 99, True, 0.9, seen[0].first, seen[0].second)]
    table = compared(fitted(seen), frames(seen), [*(s for s in seen if s.original), *elsewhere])
    assert table.cosine.shape == (30, 11)
    assert table.genuine.sum() == 30 and table.impostor.sum() == 30 * 8
    assert not table.impostor[:, -1].any() and not (table.genuine & table.impostor).any()


def test_leaving_people_out_changes_every_cosine_a_little() -> None:
    seen = faces(30, 2, 0.3)
    inside, outside = compared(fitted(seen), frames(seen), [s for s in seen if s.original]), left_out(seen)
    assert (inside.impostor == outside.impostor).all()
    apart = np.abs(inside.cosine - outside.cosine)
    assert 0 < apart.mean() < 0.2 and (apart > 0).mean() > 0.99
    # the fit flatters those it saw: strangers among them look less alike
    assert np.quantile(inside.cosine[inside.impostor], 0.99) < np.quantile(outside.cosine[outside.impostor], 0.99)


def test_upper_limits_lie_above_what_was_measured_and_never_fall() -> None:
    table = left_out(faces(30, 2, 0.3))
    limits = upper_limits(table, RATES, draws=100)
    assert limits == sorted(limits)
    for rate, limit in zip(RATES, limits, strict=True):
        assert limit >= np.quantile(table.cosine[table.impostor], 1 - rate) - 1e-6
    assert limits == upper_limits(table, RATES, draws=100)


def test_rates() -> None:
    seen = faces(20, 2, 0.3)
    table = compared(fitted(seen), frames(seen), [s for s in seen if s.original])
    middle = float(np.median(table.cosine[table.impostor]))
    rate, low, high = per_comparison(table, middle, draws=100)
    assert rate == pytest.approx(0.5, abs=0.01) and low < rate < high
    assert per_comparison(table, 2.0, draws=10) == [0, 0, 0]


def test_searches() -> None:
    seen = faces(12, 2, 0.3)
    table = compared(fitted(seen), tracks(seen), [s for s in seen if s.original])
    every = searches(table, -1.0, 0.0, 3)
    assert (every["people"], every["searches"], every["rate"], every["interval"]) == (12, 24 * 20, 1.0, [1.0, 1.0])
    assert searches(table, -1.0, 2.5, 3)["named"] == 0  # nobody leads by so much
    high = float(np.quantile(table.cosine[table.impostor], 0.95))
    few, many = (searches(table, high, 0.0, n)["rate"] for n in (2, 10))
    assert 0 < few < many < 1
    assert searches(table, 0.9, 0.0, 10)["interval"] == [0, 0]


@pytest.mark.slow
def test_choose_and_report() -> None:
    basis, chosen = choose(faces(40, 3, 0.3))
    assert [rate for rate, _ in chosen["curve"]] == list(RATES)
    assert chosen["lower"] == chosen["lower_poor"] <= chosen["threshold"] and chosen["margin"] >= 0
    other = report(faces(40, 3, 0.3, seed=1), basis, chosen)
    assert other["frames"]["far"] == other["far"] <= 2e-3
    assert other["tracks"]["tar_at_1e-4"] >= other["frames"]["tar_at_1e-4"] > 0.5
    assert other["tracks"]["probes"] == 120 and other["frames"]["probes"] == 360
    assert [s["enrolled"] for s in other["tracks"]["searches"]] == [2, 3, 5, 10]


def test_too_few_faces() -> None:
    with pytest.raises(UserFault, match="too few"):
        choose(faces(5, 2, 0.3))
