"""How misspelt words are read."""

from __future__ import annotations

import pytest

from viot_agent.llm.mini.spelling import Speller, collect

WORDS = "the what now picture people burning truck surveillance search smoke".split()
KNOWN = frozenset("sparking at two".split())


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("teh", "the"),
        ("waht", "what"),
        ("pciture", "picture"),
        ("burnnig", "burning"),
        ("survailance", "surveillance"),  # two slips in a long word
        ("smoke", "smoke"),  # a word of the requests
        ("sparking", "sparking"),  # a word the encoder knows
        ("trampled", "trampled"),  # an English word that neither of them holds
        ("tramplde", "tramplde"),  # nothing near it was ever asked for
        ("nwo", "now"),
        ("nox", "nox"),  # of three letters only swapped ones are forgiven
        ("Trcuk", "truck"),
        ("gate2", "gate2"),  # no word
        ("Zürich", "Zürich"),
        ("", ""),
    ],
)
def test_read(typed: str, read: str) -> None:
    assert Speller(WORDS, KNOWN).read(typed) == read


def test_without_words_nothing_is_respelt() -> None:
    assert Speller((), KNOWN).read("pciture") == "pciture"


def test_collect_counts_texts_not_words() -> None:
    texts = ["smoke smoke smoke", "the smoke", "the fog", "The smoke is IT"]
    assert collect(texts, least=3) == ["smoke", "the"]
    assert collect(texts, least=1)[:3] == ["smoke", "the", "fog"]
