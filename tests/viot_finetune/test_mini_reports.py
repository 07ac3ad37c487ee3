"""What a row's condition turns on, and the reports that are made of it."""

from __future__ import annotations

import random

import pytest

from viot_finetune.mini.reports import (
    ACTIONS,
    Turning,
    acted,
    acted_in_words,
    faces,
    faces_turning,
    told,
    turning,
)


@pytest.mark.parametrize(
    ("text", "done", "denied"),
    [
        ("running 0.86", {"running"}, set()),
        ("walking 18, running 0", {"walking"}, {"running"}),
        ("none running; standing x8", {"standing"}, {"running"}),
        ("One person fell and lay still.", {"falling", "lying"}, set()),
        ("he sits, does not lie", {"sitting"}, {"lying"}),
        ("Nobody carried anything.", set(), {"carrying"}),
        ("all upright", set(), set()),
    ],
)
def test_what_a_report_tells_and_denies(text: str, done: set[str], denied: set[str]) -> None:
    assert told((text,)) == (done, denied)


@pytest.mark.parametrize(
    ("met", "unmet", "wanted"),
    [
        (["running 1"], ["nobody ran", "walking 5"], Turning(frozenset({"running"}), True, frozenset({"running"}))),
        (["no one fell"], ["a fall, 08:19"], Turning(frozenset({"falling"}), False, frozenset({"falling"}))),
        (["fall, lying after"], ["no fall"], Turning(frozenset({"falling"}), True, frozenset({"falling", "lying"}))),
        (["falls: 2", "nobody fell"], ["falls: 3"], None),  # they are counted
        (["standing"], ["running"], None),  # which of the two is asked about the reports do not say
        (["yes"], ["no"], None),
    ],
)
def test_what_a_condition_turns_on(met: list[str], unmet: list[str], wanted: Turning | None) -> None:
    assert turning({"met": met, "unmet": unmet}) == wanted


def test_reports_hold_what_is_asked_or_none_like_it() -> None:
    turn = Turning(frozenset({"falling"}), True, frozenset({"falling"}))
    for seed in range(80):
        rng = random.Random(seed)
        yes, no = acted(turn, True, rng), acted(turn, False, rng)
        assert "falling" in yes
        assert not {"falling", "lying"} & set(no), "who lies may have fallen"
        assert "lying" not in yes
        assert no
        assert set(yes) | set(no) <= set(ACTIONS)
        words = acted_in_words(yes, rng)
        assert all(action in words for action in yes)
        assert told((words,))[0] == set(yes)


@pytest.mark.parametrize(
    ("met", "unmet", "wanted"),
    [
        (["2 unknown faces", "a stranger"], ["all known", "unknown: 0, enrolled: 4"], ("unknown", True)),
        (["no strangers", "only staff, all enrolled"], ["unknown: 1"], ("unknown", False)),
        (["one known face", "enrolled: 2"], ["no known face", "only unknown faces"], ("known", True)),
        (["5 unknown faces"], ["4 unknown faces"], None),
        (["two faces"], ["nobody"], None),
    ],
)
def test_whom_a_look_at_all_faces_turns_on(met: list[str], unmet: list[str], wanted: tuple[str, bool] | None) -> None:
    found = faces_turning({"met": met, "unmet": unmet})
    assert (None if found is None else (*found.these, found.held)) == wanted


def test_faces_are_those_of_the_branch() -> None:
    for kind in ("unknown", "known"):
        for held in (True, False):
            turn = Turning(frozenset({kind}), held)
            for seed in range(30):
                data = faces(turn, True, random.Random(seed))
                assert bool(data[kind]) is held
                assert data["unknown"] or data["known"]
