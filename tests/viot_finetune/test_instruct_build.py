"""The training expansion: what is written passes its three checks, and no phrasing leaks into a test family."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from viot_agent.bench.cards import cards
from viot_agent.errors import FailedFault
from viot_agent.toolbox import Toolbox
from viot_finetune.instruct.build import build, case_of, faults_of, leaks
from viot_finetune.instruct.fill import fill, load_rows
from viot_finetune.instruct.site import CLEAN

DATA = Path(__file__).resolve().parents[2] / "datasets"


def test_no_training_phrasing_shares_a_skeleton_with_a_test_family() -> None:
    assert leaks(DATA / "viot_instruct", DATA / "viot_bench" / "families.jsonl") == []


def test_cases_are_written_in_the_published_format(tmp_path: Path) -> None:
    tally = build(DATA / "viot_instruct", tmp_path, 60, 3)
    rows = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) == tally.written == 60
    for row in rows:
        assert {"id", "request", "uploads", "cameras", "people", "steps", "any_order", "answer_contains"} <= set(row)
        assert all(set(s) == {"tool", "args", "observation"} and s["observation"] for s in row["steps"])
    again = build(DATA / "viot_instruct", tmp_path / "again", 60, 3)
    assert again.written == 60
    assert (tmp_path / "again" / "train.jsonl").read_bytes() == (tmp_path / "train.jsonl").read_bytes()


def test_a_leak_stops_the_build(tmp_path: Path) -> None:
    row = {"text": "was {person} truly near the {camera} or somewhere else {time}", "steps": [], "reply": "help"}
    (tmp_path / "phrasings_x.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    family = {"id": "t-1", **row, "paraphrase": "quite another wording of all this"}
    tests = tmp_path / "families.jsonl"
    tests.write_text(json.dumps(family) + "\n", "utf-8")
    with pytest.raises(FailedFault, match="t-1 shares its skeleton"):
        build(tmp_path, tmp_path / "out", 5, 0, tests)
    assert not (tmp_path / "out").exists(), "nothing half-written"


def test_what_is_wrong_is_refused() -> None:
    import random

    row = {
        "id": "r",
        "text": "heads at {camera} {time}",
        "steps": [{"tool": "crowd_counting", "args": {"cameras": ["{camera}"], "time": "{time}"}}],
    }
    (example,) = fill(row, random.Random(1), "train", CLEAN)
    toolbox = Toolbox(cards().values())
    assert list(faults_of(example, toolbox)) == []
    (step,) = example.steps
    for args, reason in (
        ({"cameras": "gate"}, "format"),
        ({"cameras": ["a camera of nobody 77"]}, "execution"),
        ({"time": "never said"}, "meaning"),
    ):
        wrong = replace(example, steps=(replace(step, args=args),))
        assert [f.partition(":")[0] for f in faults_of(wrong, toolbox)] == [reason]
    assert case_of(example)["family"] == "r"
    assert load_rows(DATA / "viot_instruct")[0]["id"].startswith("a-")
