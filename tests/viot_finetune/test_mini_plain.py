"""What the words of a request say does not hang on what its cameras and people are called, or on when it was."""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from dataclasses import fields
from pathlib import Path

import pytest

from viot_agent.fleet.mentions import find_mentions
from viot_agent.fleet.types import Camera, Person
from viot_agent.llm.mini.attachments import says_which
from viot_agent.llm.mini.checks import may_be_conditional, of_what_is_seen, says_event
from viot_agent.llm.mini.units import REQUEST, Reading, read
from viot_finetune.instruct.fill import fill, load_rows
from viot_finetune.instruct.site import Noise
from viot_finetune.mini.prepare import reading_of

DATA = Path(__file__).resolve().parents[2] / "datasets" / "viot_instruct"
_VARIED = re.compile(r"\{(?:n\w*|pair\w*|plural\w*|group\w*|future\w*|\w+_short)\}")
"""Slots that a filling writes in several ways: numbers, lists, what is to come."""
QUIET = Noise(**{f.name: 0.0 for f in fields(Noise) if isinstance(getattr(Noise(), f.name), float)})


FLEET = [
    Camera(i, n, f"{i}.mp4", (), "UTC", 0.0) for i, n in enumerate(("Fire Exit Front", "camera 04", "gate 2", "gate 3"))
]


def _read(text: str) -> Reading:
    return read(text, find_mentions(text, FLEET, [Person(0, "Ana Xu", "", 1)]))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("was Ana Xu at Fire Exit Front last Monday at 7.40?", "was X at X today?"),
        ("plates at gate 2 and gate 3, on Sunday", "plates at X and X, today"),
        ("who came by on Friday evening", "who came by today"),
        ("was WX66 GVL at gate 9?", "was X at X?"),
        ("Who is this?", "Who is this?"),
    ],
)
def test_what_code_recognised_is_put_in_other_words(text: str, plain: str) -> None:
    assert _read(text).plain == plain


def test_a_name_says_nothing() -> None:
    assert not says_event(_read("warn me about Fire Exit Front"))
    assert says_event(_read("warn me about fire at gate 2"))
    assert not of_what_is_seen(_read("how many wheels has camera 04").plain)
    assert not says_which(_read("is this her, last Monday at gate 2"))
    assert says_which(_read("is the second picture her, last Monday at gate 2"))
    assert not may_be_conditional(_read("pictures of gate 2 on Monday at 7.40").plain)
    assert may_be_conditional(_read("pictures of gate 2 if Ana Xu came").plain)


def test_fillings_of_one_phrasing_read_alike() -> None:
    """Where the same kinds of things were recognised, the words around them are the same, and so is all that is known
    by them."""
    rng = random.Random(0)
    apart = compared = 0
    rows = [r for r in load_rows(DATA, "phrasings_[k-m].jsonl") if not _VARIED.search(json.dumps(r))]
    for row in rng.sample(rows, 150):
        texts: dict[tuple[int, tuple[str, ...]], set[str]] = defaultdict(set)
        for _ in range(3):
            for turn, example in enumerate(fill(row, rng, "train", QUIET)):
                reading = reading_of(example, ())
                own = [u for u in reading.units if u.segment == REQUEST and u.marked and not u.virtual]
                kinds = tuple("time" if "time" in u.kinds else "name" for u in own)
                texts[turn, kinds].add(reading.plain)
        compared += len(texts)
        apart += sum(len(plain) > 1 for plain in texts.values())
    # times that code does not resolve ("every night", "before opening") are words like others
    assert apart <= 0.05 * compared, (apart, compared)
