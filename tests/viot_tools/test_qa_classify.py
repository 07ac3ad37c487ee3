"""The classifier of questions: types, task and data on a table, on half of the real clips, on any text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viot_tools.qa.classify import classify
from viot_tools.qa.types import TYPES

REAL = Path(__file__).resolve().parents[2] / "datasets" / "viot_qa" / "real_clips.jsonl"


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Was there a red van?", "what"),
        ("What is the floor made of?", "what"),
        ("Is anybody there?", "who"),
        ("Who came in first?", "who"),
        ("Where was the bus?", "where"),
        ("Which way did the van go?", "where"),
        ("Where does the man stand waiting?", "where"),
        ("When did the bus leave?", "when"),
        ("How long was the man there?", "when"),
        ("Did a man wait for more than 30 seconds?", "when"),
        ("How many people were there?", "how_many"),
        ("Are there more than a hundred people in view?", "how_many"),
        ("How many times does the picture cut?", "how_many"),
        ("What colour are the eyes of the woman?", "which_colour"),
        ("Was the van red?", "which_colour"),
        ("What was the man doing?", "action"),
        ("Does anyone run?", "action"),
        ("Which came first, the van or the bus?", "order"),
        ("What do they do first, hug or stand facing each other?", "order"),
        ("Was there a man before the van came?", "before_after"),
        ("What happens right after he reaches the stove?", "before_after"),
        ("Did the number of people go up or down?", "state_change"),
        ("Is the van still there at the end?", "state_change"),
        ("why does he end up on the floor?", "why"),
        ("How come the person left?", "why"),
        ("How does the singer hold the microphone?", "how"),
        ("How did the woman feel?", "how"),
        ("What will this man most likely need next?", "predictive"),
        ("Will he be back at work tomorrow?", "predictive"),
        ("If he'd had both hands free, would it have been easier?", "counterfactual"),
        ("Would they have hugged if nobody had been filming them?", "counterfactual"),
        # politeness is no future and no condition
        ("Would you tell me where the bus was?", "where"),
        ("Will you please count the people?", "how_many"),
        ("I would like to know what colour the van was", "which_colour"),
        ("", "what"),
        ("?!", "what"),
    ],
)
def test_types(question: str, kind: str) -> None:
    assert classify(question).type == kind


def test_task_and_data() -> None:
    assert classify("Was there a red van?").words == "what (factoid, open)"
    assert classify("Which colour?", ("red", "blue")).task == "multiple-choice"
    assert classify("Is the van red, blue, green or white?").task == "multiple-choice"
    assert classify("How many people: (a) 2 (b) 3 (c) 4").task == "multiple-choice"
    assert classify("What is he shouting?").data == "multi-modal"
    assert classify("What make of car is it?").data == "knowledge"
    assert classify("Why did he fall?").data == "commonsense"
    assert classify("Where was the bus?").data == "normal"
    assert not classify("Why did he fall?").factoid


def test_most_of_the_real_questions_of_the_development_half() -> None:
    """142 of 178 when this was written; the test half is not read."""
    rows = [row for line in REAL.read_text("utf-8").splitlines() if (row := json.loads(line))["split"] == "dev"]
    right = sum(classify(row["question"], row["options"]).type == row["type"] for row in rows)
    assert len(rows) == 178
    assert right >= 0.77 * len(rows)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=5000))
def test_any_text_has_a_kind(text: str) -> None:
    assert classify(text).type in TYPES
