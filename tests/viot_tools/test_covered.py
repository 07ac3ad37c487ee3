"""Whether enough was looked at for a *no*, and in which words it was not."""

from __future__ import annotations

from pathlib import Path

import pytest

from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera, Window
from viot_agent.library.fake import FakeLibrary, Looked
from viot_agent.library.rows import Footage
from viot_agent.steps import Request
from viot_agent.toolbox import ToolContext
from viot_agent.weights import Weights
from viot_tools.covered import covered, together
from viot_tools.saying import footage_words, share_words

T0 = 1_772_373_600.0  # 14:00:00 on 1 March 2026, UTC
GATE = Camera(1, "gate 1", "gate.mp4", (), "UTC", T0)


def judge(home: Path, looked: list[tuple[str, str, float, float]], window: Window) -> tuple[str | None, str]:
    """(model that speaks, problem) of ten minutes of footage; ``looked``: (analyzer, model, from, to) in seconds."""
    books = FakeLibrary(
        [GATE],
        footage=[Footage("gate 1", Path("gate.mp4"), 0.0, T0, T0 + 600)],
        looked=[Looked(analyzer, model, "gate 1", T0 + a, T0 + b) for analyzer, model, a, b in looked],
    )
    ctx = ToolContext(Request("?", now=T0 + 3600), Fleet(books), books, Weights(home, tier="builtin"), home)
    found = covered(ctx, GATE, window, "fire", "fire and smoke", "m")
    assert found.looked == (found.coverage.indexed_seconds > 0)
    assert together([found, found]).indexed_seconds == 2 * found.coverage.indexed_seconds
    return found.model, found.problem


ANY, LATE = Window(None, None), Window(T0 + 400, T0 + 500)
TOMORROW = Window(T0 + 86_400, T0 + 90_000)


@pytest.mark.parametrize(
    ("looked", "window", "model", "problem"),
    [
        ([], ANY, None, "gate 1 is not indexed yet: viot index 'gate 1'"),
        ([("fire", "m", 0, 600)], ANY, "m", ""),
        ([("fire", "m", 0, 600)], LATE, "m", ""),
        ([("objects", "o", 0, 600)], ANY, None, "gate 1 was not searched for fire and smoke: viot index 'gate 1'"),
        # the footage is there, others have looked at it, this analyzer has not: not "gate 1 has footage from ..."
        (
            [("fire", "m", 0, 300), ("objects", "o", 0, 600)],
            LATE,
            "m",
            "gate 1 was not searched for fire and smoke at that time: viot index 'gate 1'",
        ),
        # a run that was killed: the rest of the file is known and nobody has looked at it
        (
            [("fire", "m", 0, 300)],
            LATE,
            "m",
            "gate 1 was not searched for fire and smoke at that time: viot index 'gate 1'",
        ),
        (
            [("fire", "m", 0, 600)],
            TOMORROW,
            "m",
            "gate 1 has footage from 14:00:00 to 14:10:00 on 1 March 2026",
        ),
        ([("fire", "m", 0, 300)], ANY, "m", "only 50 % of what gate 1 recorded is indexed: viot index 'gate 1'"),
        ([("fire", "old", 0, 600), ("fire", "m", 0, 600)], ANY, "m", ""),
        ([("fire", "old", 0, 600), ("fire", "m", 0, 300)], ANY, "old", ""),
        (
            [("fire", "m", 0, 600)],
            Window(T0 - 86_400 * 30, T0 + 600),
            "m",
            "gate 1 has footage from 14:00:00 to 14:10:00 on 1 March 2026, less than 1 % of the time asked about",
        ),
    ],
)
def test_what_a_camera_can_be_asked(
    home: Path, looked: list[tuple[str, str, float, float]], window: Window, model: str | None, problem: str
) -> None:
    assert judge(home, looked, window) == (model, problem)


def test_a_live_camera_that_nobody_watched_is_for_viot_watch() -> None:
    fleet = Fleet(FakeLibrary([GATE]))
    live = Camera(2, "gate 2", "rtsp://127.0.0.1:8554/gate", (), "UTC", None)
    assert footage_words(fleet, live, []) == "nothing of gate 2 was looked at yet: viot watch --camera 'gate 2'"
    assert footage_words(fleet, GATE, []) == "gate 1 is not indexed yet: viot index 'gate 1'"


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "less than 1 %"),
        (0.0001, "less than 1 %"),
        (0.0099, "less than 1 %"),
        (0.29, "29 %"),
        (0.999, "99 %"),
        (1.0, "100 %"),
    ],
)
def test_a_share_is_never_rounded_up(share: float, words: str) -> None:
    assert share_words(share) == words
