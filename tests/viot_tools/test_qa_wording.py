"""The question that is read: the person's own sentence, not the part of it that a language model copied."""

from __future__ import annotations

from dataclasses import replace

import pytest

from viot_agent.fleet.types import Camera, Mention
from viot_tools.qa.parse import parse
from viot_tools.qa.program import Program, Unparsed
from viot_tools.qa.wording import own_words, respelt

GATE = Camera(1, "gate 2", "gate.mp4", (), "UTC", 0.0)


def read(words: str) -> Program | Unparsed:
    return parse(words, cameras=[GATE])


@pytest.mark.parametrize(
    ("request_", "question", "words"),
    [
        # a condition that was cut off is asked all the same
        (
            "what colour was the van that came after the red car on gate 2?",
            "what colour was the van",
            "what colour was the van that came after the red car on gate 2?",
        ),
        # ... also where no program says the whole: then nothing is answered
        (
            "what colour was the van of the plumber on gate 2?",
            "what colour was the van",
            "what colour was the van of the plumber on gate 2?",
        ),
        # a question of its own beside another one
        ("is there smoke anywhere, and what colour was the van?", "what colour was the van", "what colour was the van"),
        ("Please look at gate 2. What colour was the van?", "What colour was the van", "What colour was the van?"),
        (
            "what colour was the van on gate 2?",
            "what colour was the van on gate 2?",
            "what colour was the van on gate 2?",
        ),
        # not in the request: an earlier turn's
        ("and yesterday?", "what colour was the van", "what colour was the van"),
        (
            "video qa: question what colour was the van, cameras gate 2",
            "what colour was the van",
            "what colour was the van",
        ),
        ("anything", "  ", ""),
    ],
)
def test_own_words(request_: str, question: str, words: str) -> None:
    assert own_words(request_, question, read) == words


def test_a_misspelt_camera_stands_under_its_name() -> None:
    asked = "what colour was the first car at car prak east, and at car park east"
    found = [
        Mention("camera", 33, 46, asked[33:46], "Car Park East", 90.9),
        Mention("camera", 55, 68, asked[55:68], "Car Park East", 100.0),
    ]
    assert respelt(asked, found) == "what colour was the first car at Car Park East, and at car park east"
    assert respelt(asked, [replace(found[0], score=60.0)]) == asked
