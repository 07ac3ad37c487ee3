"""Every registered tool is its card, and the cards are those that mini was trained on."""

from __future__ import annotations

import pytest

from viot_agent.bench.cards import cards, cards_hash
from viot_agent.errors import FailedFault
from viot_agent.llm.mini import assets
from viot_tools.registry import TOOLS


@pytest.mark.parametrize("spec", TOOLS, ids=lambda s: s.name)
def test_the_card_is_the_registered_tool(spec) -> None:  # type: ignore[no-untyped-def]
    card = cards()[spec.name]
    assert card.args == spec.args
    assert card.card() == spec.card(), "update viot_agent/bench/cards.json and train mini again"


def test_mini_was_trained_on_these_cards() -> None:
    card = assets.DECODER.with_suffix(".md").read_text("utf-8")
    assert cards_hash() in card, "a card changed: train mini again (python -m viot_finetune.mini)"


def test_a_card_that_is_not_built_cannot_be_called() -> None:
    assert len(cards()) == 18
    with pytest.raises(FailedFault, match="cannot be called"):
        cards()["gait_recognition"].fn()
