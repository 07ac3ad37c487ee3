"""The head that reads conditions: what it is fitted to, and what the shipped one must read."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from viot_agent.llm.mini.planner import Planner
from viot_agent.llm.mini.polarity import OTHER, SEEN, UNSEEN, Head, asked, features
from viot_agent.llm.mini.units import Passage, make_units, read
from viot_agent.llm.mini.weights import Weights
from viot_finetune.instruct.fill import fill
from viot_finetune.instruct.site import CLEAN
from viot_finetune.mini.cards import stub_toolbox
from viot_finetune.mini.polarity import fit, labelled
from viot_finetune.mini.prepare import reading_of
from viot_finetune.mini.train import Recipe, save, with_head

OBS = {"met": ["It was seen at 14:02.", "One match at 09:10."], "unmet": ["Not seen.", "No match at all."]}
ABSENT = {"met": OBS["unmet"], "unmet": OBS["met"]}


def row(text: str, when: str, obs: dict[str, list[str]] = OBS, *more: dict[str, Any]) -> dict[str, Any]:
    first = {"tool": "plate_recognition", "args": {"plate": "{plate}", "cameras": ["{camera}"]}, "obs": obs}
    then = {"tool": "crowd_counting", "args": {"cameras": ["{camera}"]}, "when": when}
    return {"id": text[:20], "text": text, "steps": [first, then, *more], "tags": []}


IF = row("{plate} at {camera}? If so, count the people there.", "1")
IF_NOT = row("{plate} at {camera}? If not, count the people there.", "not 1")
ABSENCE = row("If {plate} is nowhere on {camera}, count the people there.", "1", ABSENT)
EITHER = row(
    "{plate} at {camera}? If so count the people there, else tell me of fire there.",
    "1",
    OBS,
    {"tool": "fire_smoke_detection", "args": {"cameras": ["{camera}"]}, "when": "not 1"},
)


@pytest.mark.parametrize(("authored", "label"), [(IF, SEEN), (IF_NOT, UNSEEN), (ABSENCE, UNSEEN), (EITHER, OTHER)])
def test_what_a_follow_up_waits_for_is_told_by_what_happens(authored: dict[str, Any], label: int) -> None:
    found = [told for _, told in labelled([authored], "train")]
    assert found
    assert set(found) == {label}


def test_a_row_has_one_label_whatever_its_observations_read_like() -> None:
    """Hand-written observations are read by guess; of most of them the guess is right, and the row decides."""
    odd = {"met": ["It was seen at 14:02.", "he's not", "One match."], "unmet": ["Not seen.", "No match.", "clear"]}
    told = {label for _, label in labelled([row(IF["text"], "1", odd)] * 4, "train")}
    assert told == {SEEN}
    same = {"met": ["It was seen."] * 2, "unmet": ["It was seen."] * 2}
    assert not list(labelled([row(IF["text"], "1", same)], "train")), "what cannot be told apart teaches nothing"


def test_rows_without_one_tested_step_teach_nothing() -> None:
    plain = {
        "id": "p",
        "text": "count {camera}",
        "steps": [{"tool": "crowd_counting", "args": {"cameras": ["{camera}"]}}],
    }
    turns = {"id": "t", "turns": [{"text": "hello", "steps": [], "reply": "greeting"}] * 2}
    assert list(labelled([plain, turns], "train")) == []


def test_features_are_of_the_request_alone() -> None:
    said = read("if he is not there, count", (), ["image-1"], seen=[Passage("Not seen.", tool="face_recognition")])
    assert [u.value for u in asked(said)] == ["if", "he", "is", "not", "there", ",", "count"]
    states = np.arange(14, dtype=np.float32).reshape(7, 2)
    found = features(asked(said), states)
    mine = states[[0, 3, 4]]
    np.testing.assert_allclose(found, np.concatenate([mine.mean(0), states.mean(0), mine.max(0)]))
    assert not features((), np.zeros((0, 2), np.float32)).any()
    assert np.isfinite(features(make_units("count"), np.ones((1, 2), np.float32))).all()


def test_in_doubt_and_for_either_case_nothing_is_said() -> None:
    head = Head(np.eye(3, dtype=np.float32) * 4, np.zeros(3, np.float32))
    assert head.waits_for(np.array([1, 0, 0], np.float32)) is True
    assert head.waits_for(np.array([0, 1, 0], np.float32)) is False
    assert head.waits_for(np.array([0, 0, 1], np.float32)) is None
    assert head.waits_for(np.zeros(3, np.float32)) is None


PLAIN = [
    ("If Ana is not at gate 2 by nine, set an alert for her there.", False),
    ("Look for KX 4821 at gate 2 and save the last hour if it came.", True),
    ("Any smoke at the dock? When there is none, count the people there.", False),
    ("Is he at the gate? Should he be missing, ring me when he comes.", False),
    ("Unless there is a fire at dock 3, read me all plates there.", False),
    ("Was she in the lobby last night? If she was, cut that for me.", True),
    ("find this van at gate 2, and if you get a hit tell me who was around", True),
    ("Check for smoke in the kitchen. No smoke? Then look for odd things in the hall.", False),
    ("if he hasn't turned up at the gate, check the lobby for him", False),
    ("Anything odd in the yard tonight? If there is, export it.", True),
    ("Only if Ben shows up on camera 4, count the crowd at camera 5.", True),
    ("See if 12-AB-34 is in the yard; where it isn't, alert me once it is.", False),
]


def test_the_shipped_head_reads_plain_conditions() -> None:
    planner = Planner(list(stub_toolbox()), threads=1)
    read_ = [(planner.waits_for(read(text, ())), wanted) for text, wanted in PLAIN]
    assert sum(said is wanted for said, wanted in read_) >= 10
    assert not any(said is (not wanted) for said, wanted in read_), "in doubt it says nothing"


def test_a_head_is_fitted_and_put_beside_the_nets(tmp_path: Path) -> None:
    weights, path = Weights.load(), tmp_path / "mini.safetensors"
    save(weights.nets[:1], path, Recipe(nets=1), ["here"])
    bare = Weights.load(path)
    assert bare.polarity is None
    planner = Planner(list(stub_toolbox()), weights=bare, threads=1)
    assert planner.waits_for(read("if he is there, count", ())) is None
    with_head(path, fit(planner, [IF, IF_NOT, ABSENCE, EITHER]))
    loaded = Weights.load(path)
    assert loaded.words == ("here",)
    assert len(loaded.nets) == 1
    assert loaded.polarity is not None
    for authored, wanted in ((IF, True), (IF_NOT, False)):
        example = fill(authored, random.Random(5), "train", CLEAN)[0]
        assert loaded.polarity.waits_for(planner.words_of_condition(reading_of(example, ()))) is wanted
