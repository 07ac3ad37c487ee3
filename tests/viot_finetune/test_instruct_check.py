"""The rules of authored phrasings: what breaks them is found, and the phrasings that ship keep them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from viot_agent.bench.cards import cards
from viot_finetune.instruct.check import ARGS, JACCARD, faults, load, main, skeleton, twins

DATA = Path(__file__).resolve().parents[2] / "datasets" / "viot_instruct"
GOOD: dict[str, Any] = {
    "text": "is {person} at {camera} now",
    "steps": [{"tool": "face_recognition", "args": {"person": "{person}", "cameras": ["{camera}"], "time": "now"}}],
}


def step(tool: str, **args: Any) -> dict[str, Any]:
    return {"text": "x {person} {camera} {time} at noon", "steps": [{"tool": tool, "args": args}]}


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (GOOD, None),
        (step("unlock_door"), "no tool"),
        (step("export_clip", cameras=["{camera}"]), "needs time"),
        (step("list_cameras", cameras=["{camera}"]), "takes no cameras"),
        (step("crowd_counting", cameras="{camera}"), "cameras is a list"),
        (step("crowd_counting", cameras=["{camera2}"]), "not in the text"),
        (step("crowd_counting", time="at noon"), "leading preposition"),
        (step("anomaly_detection", scene="@1"), "comes after scene_recognition"),
        (step("privacy_cloak", media="image-1"), "not attached"),
        (step("create_alert", event="flood"), "event"),
        ({"text": "hm", "steps": []}, "needs a reply"),
        ({"text": "hm {mood}", "steps": [], "reply": "help"}, "unknown slots"),
        ({"text": "hm", "steps": [], "reply": "ask"}, "missing goes with ask"),
        ({"turns": [{"text": "hm", "steps": [], "reply": "help"}]}, "at least two"),
    ],
)
def test_faults(row: dict[str, Any], fault: str | None) -> None:
    found = list(faults(row))
    assert (found == []) if fault is None else any(fault in f for f in found), found


def test_a_condition_needs_observations_that_settle_it() -> None:
    row = {
        "text": "if {person} is at {camera}, save {camera} {time}",
        "steps": [
            {"tool": "face_recognition", "args": {"person": "{person}", "cameras": ["{camera}"]}},
            {"tool": "export_clip", "args": {"cameras": ["{camera}"], "time": "{time}"}, "when": "1"},
        ],
    }
    assert any("met and unmet" in f for f in faults(row))


def test_twins_share_a_skeleton() -> None:
    rows = [{"text": "has {person} been at gate now please"}, {"text": "please, has {plate} been at gate now?"}]
    named = [(str(i), skeleton(r)) for i, r in enumerate(rows)]
    assert list(twins(named)) == ["1 shares its skeleton with 0"]
    assert list(twins(named[:1], [("z", frozenset("other words of no kin".split()))])) == []


def test_the_rules_are_the_cards(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, spec in cards().items():
        needed, optional = ARGS[name]
        assert {a.name for a in spec.args if a.required} == set(needed), name
        assert {a.name for a in spec.args if not a.required} == set(optional), name
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps(GOOD) + "\n{broken\n", "utf-8")
    with pytest.raises(ValueError, match=r"a\.jsonl:2"):
        load(file)
    file.write_text(json.dumps({**GOOD, "text": "nobody"}) + "\n", "utf-8")
    assert main([str(file)]) == 1
    assert "not in the text" in capsys.readouterr().out


def shipped() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{file.name}:{n}", row)
        for file in sorted(DATA.glob("phrasings_*.jsonl"))
        for n, row in enumerate(load(file), 1)
    ]


def test_all_shipped_phrasings_keep_the_rules() -> None:
    every = shipped()
    assert len(every) >= 3000
    assert [f"{name}: {fault}" for name, row in every for fault in faults(row)] == []


@pytest.mark.slow
def test_no_two_shipped_phrasings_have_one_skeleton() -> None:
    """Across files, too."""
    assert list(twins([(name, skeleton(row)) for name, row in shipped()])) == []


def test_rare_words_find_the_twins_that_counting_all_words_finds() -> None:
    rng = random.Random(0)
    words = [f"w{k}" for k in range(30)]
    rows = [(str(n), frozenset(rng.choices(words, k=rng.randint(4, 12)))) for n in range(300)]
    counted = {
        (b[0], a[0])
        for k, b in enumerate(rows)
        for a in rows[:k]
        if min(len(a[1]), len(b[1])) > 3 and len(a[1] & b[1]) / len(a[1] | b[1]) > JACCARD
    }
    assert counted
    found = [line.split(" shares its skeleton with ") for line in twins(rows)]
    assert sorted(map(tuple, found)) == sorted(counted)
