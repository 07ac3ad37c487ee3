"""What engine (a) vouches for on real footage."""

from __future__ import annotations

import pytest

from viot_tools.qa.abilities import doubt
from viot_tools.qa.parse import parse
from viot_tools.qa.program import Program


def asked(question: str) -> Program:
    parsed = parse(question)
    assert isinstance(parsed, Program)
    return parsed


@pytest.mark.parametrize(
    "question",
    [
        "How many people are there?",
        "Is anybody in view at second 6?",
        "When does the man leave?",
        "Does she go left or right?",
        "Is he on his feet at second 6?",
        "When does the man fall?",
        "Is there any smoke?",
        "What's the highest number of people at the same moment?",
        "How long is she in view?",
    ],
)
def test_what_was_measured_is_claimed(question: str) -> None:
    assert doubt(asked(question)) == ""


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("What is the man doing?", "only standing"),
        ("What colour is his t-shirt?", "half of the people"),
        ("What colour is the van?", "a third"),
        ("What is she carrying?", "only bags"),
        ("How many men are there?", "look like"),
        ("Are there more men than women?", "look like"),
        ("How many cars are there?", "vehicles"),
        ("Is anybody fighting?", "fighting"),
        ("Does anyone get up?", "gets up"),
        ("When does the running man leave?", "running"),
        ("Does she sit down?", "sitting"),
        ("Which way does the first woman leave?", "look like"),
        ("Is anyone lying on the floor?", "everybody's poses"),
        ("Did anybody fall?", "everybody's poses"),
        ("How many people fell?", "everybody's poses"),
        ("How many people came after the red van?", "vehicles"),
        ("When did the woman in the green coat leave?", "look like"),
    ],
)
def test_what_is_told_of_few_is_not(question: str, reason: str) -> None:
    assert reason in doubt(asked(question))
