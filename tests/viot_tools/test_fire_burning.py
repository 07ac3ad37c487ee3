"""The vote over frames, movement, and what an event says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from viot_tools.fire.burning import LEAST, SHARE, STIRS, THRESHOLD, WINDOW, Look, events, stirred

STEP = 0.2
MOVES = STIRS["fire"] + 1


def looks(pattern: str, *, stir: float | None = MOVES, kind: str = "fire", share: float = 0.1) -> list[Look]:
    """``#`` a positive frame, ``.`` a negative one; the first has nothing before it."""
    high, low = (1 + THRESHOLD[kind]) / 2, THRESHOLD[kind] - 0.05
    return [
        Look(i * STEP, high, (0, 0, 10, 10), share, stir if i else None)
        if mark == "#"
        else Look(i * STEP, low, None, 0.0, None)
        for i, mark in enumerate(pattern)
    ]


QUIET = "." * 20


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("." * 60, []),
        (QUIET + "#" + QUIET, []),  # a single frame is no fire
        (QUIET + "###" + QUIET, []),  # three of the fifteen of a window: not more than a fifth
        (QUIET + "####" + QUIET, [(4.0, 4.8)]),
        (QUIET + "#..#..#..#" + QUIET, [(4.0, 6.0)]),
        (QUIET + "#....#....#....#....#" + QUIET, []),  # never more than three in a window
        ("####" + QUIET, [(0.0, 0.8)]),
        (QUIET + "####", [(4.0, 4.8)]),
        ("#" * 60, [(0.0, 12.0)]),
        (("#" * 8) + "." * 40 + ("#" * 8), [(0.0, 1.6), (9.6, 11.2)]),
        ("#", [(0.0, 0.2)]),  # all there is of a still source
        ("##", [(0.0, 0.4)]),
        ("#.", []),
        ("", []),
    ],
)
def test_the_vote(pattern: str, found: list[tuple[float, float]]) -> None:
    made = events("fire", looks(pattern), STEP)
    assert [(round(e.t0, 3), round(e.t1, 3)) for e in made] == found
    assert all(e.kind == "fire" for e in made)


@pytest.mark.parametrize("apart", [0.2, 1.0, 3.0, 10.0])
@pytest.mark.parametrize(
    ("pattern", "found"), [("." * 30, 0), ("." * 9 + "#" + "." * 20, 0), ("." * 9 + "#" * 12 + "." * 9, 1)]
)
@pytest.mark.parametrize("sampled", [True, False], ids=["sampled slowly", "a slow clip"])
def test_slow_footage_burns_too(apart: float, pattern: str, found: int, sampled: bool) -> None:
    seen = [replace(look, t=i * apart) for i, look in enumerate(looks(pattern))]
    assert len(events("fire", seen, apart if sampled else STEP)) == found


def test_the_rule_is_viotgpts() -> None:
    assert SHARE == 0.2 and LEAST == 2 and round(WINDOW / STEP) == 15


@pytest.mark.parametrize(
    ("stir", "moves", "alone"),
    [(STIRS["fire"] + 0.1, True, False), (STIRS["fire"] - 0.1, False, False), (0.0, False, False), (None, False, True)],
)
def test_what_does_not_stir_does_not_move(stir: float | None, moves: bool, alone: bool) -> None:
    [event] = events("fire", looks("######", stir=stir), STEP)
    assert (event.data["moves"], event.data["alone"]) == (moves, alone)


def test_the_surest_frame_and_growth() -> None:
    seen = looks("#" * 9)
    seen = [Look(k.t, k.score, k.xyxy, 0.01 * (i + 1), k.stir) for i, k in enumerate(seen)]
    seen[5] = Look(seen[5].t, 0.999, (5, 6, 7, 8), 0.06, MOVES)
    [event] = events("fire", seen, STEP)
    assert event.data["xyxy"] == [5, 6, 7, 8]
    assert event.data["after"] == pytest.approx(1.0)
    assert event.data["grew"] == 4.0  # medians of the first and the last third: 0.08 over 0.02
    assert (event.data["positive"], event.data["frames"]) == (9, 9)
    assert THRESHOLD["fire"] < event.score < 0.999


def test_smoke_has_limits_of_its_own() -> None:
    [event] = events("smoke", looks("####", kind="smoke", stir=STIRS["smoke"] + 0.1), STEP)
    assert event.kind == "smoke" and event.data["moves"]


def test_stirred() -> None:
    before, now = np.zeros((4, 6), np.float32), np.zeros((4, 6), np.float32)
    now[1, 2] = 30
    hot = np.zeros((4, 6), bool)
    assert stirred(before, now, hot) is None
    hot[1, 1:4] = True
    assert stirred(before, now, hot) == pytest.approx(10.0)
    assert stirred(np.zeros((3, 6), np.float32), now, hot) is None  # another size: nothing to compare
