"""The vote over frames, movement, and what an event says."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from viot_agent.library.rows import Event
from viot_tools.fire.border import across, edges
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


def segment(pattern: str, t0: float) -> list[Look]:
    return [replace(look, t=look.t + t0) for look in looks(pattern)]


def told(*patterns: str, hole: float = 0.0, kind: str = "fire") -> list[tuple[float, float]]:
    """What is told of segments of these patterns that follow each other, in steps of ``STEP``."""
    found, ends, t0 = [], [], 0.0
    for pattern in patterns:
        seen = segment(pattern, t0)
        won = events(kind, seen, STEP)
        found += [(e.t0, e.t1) for e in won]
        ends += [
            Event("gate", 1000 + e.t0, 1000 + e.t1, e.kind, e.score, json.loads(json.dumps(e.data)), "m", "v")
            for e in edges(kind, seen, STEP, won)
        ]
        t0 += len(pattern) * STEP + hole
    found += [(e.start - 1000, e.end - 1000) for e in across(kind, ends)]
    return [(round(a, 3), round(b, 3)) for a, b in sorted(found)]


@pytest.mark.parametrize(
    ("patterns", "hole", "found"),
    [
        ((QUIET + "###", "###" + QUIET), 0.0, [(4.0, 5.2)]),  # six of fifteen, three in each: neither alone is believed
        ((QUIET + "###", "###" + QUIET), 0.4, [(4.0, 5.6)]),  # files that do not quite follow each other
        ((QUIET + "###", "###" + QUIET), 5.0, []),  # but not with a hole between them
        ((QUIET + "##", "#" + QUIET), 0.0, []),  # three of fifteen are too few on one side or on two
        ((QUIET + "###", QUIET + "###"), 0.0, []),
        ((QUIET + "####", "####" + QUIET), 0.0, [(4.0, 4.8), (4.8, 5.6)]),  # each has won: nothing is told twice
        ((QUIET + "##", ".#.", "##" + QUIET), 0.0, [(4.0, 5.4)]),  # a file that is shorter than the window
        ((QUIET, QUIET), 0.0, []),
        (("",), 0.0, []),
    ],
)
def test_a_fire_over_a_border_is_one_fire(
    patterns: tuple[str, ...], hole: float, found: list[tuple[float, float]]
) -> None:
    assert told(*patterns, hole=hole) == found


def test_over_a_border_it_moves_or_not_as_elsewhere() -> None:
    still = [replace(look, stir=0.0) for look in segment(QUIET + "###", 0.0)]
    after = [replace(look, stir=None if i == 0 else 0.0) for i, look in enumerate(segment("###" + QUIET, 4.6))]
    rows = [
        Event("gate", e.t0, e.t1, e.kind, e.score, e.data, "m", "v")
        for seen in (still, after)
        for e in edges("fire", seen, STEP, ())
    ]
    [one] = across("fire", rows)
    assert not one.data["moves"] and (one.data["positive"], one.model) == (6, "m")


def test_an_end_is_kept_only_where_something_could_be_lost() -> None:
    for pattern, kept in [("." * 40, 0), (QUIET + "####", 0), (QUIET + "###", 1), ("#" + "." * 40 + "#", 2), ("#", 0)]:
        seen = looks(pattern)
        assert len(edges("fire", seen, STEP, events("fire", seen, STEP))) == kept, pattern


@pytest.mark.parametrize("apart", [3.0, 10.0])
def test_a_time_lapse_has_borders_too(apart: float) -> None:
    rows = []
    for t0, pattern in ((0.0, "......#"), (7 * apart, "#......")):
        seen = [replace(look, t=t0 + i * apart) for i, look in enumerate(looks(pattern))]
        rows += [Event("g", e.t0, e.t1, e.kind, 0.0, e.data, "m", "v") for e in edges("fire", seen, STEP, ())]
    [one] = across("fire", rows)
    assert one.start == pytest.approx(6 * apart)
