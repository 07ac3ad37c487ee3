"""The cards that mini was trained on are the registered tools' own: a changed card means training again."""

from __future__ import annotations

import pytest

from viot_finetune.mini.cards import card_specs
from viot_tools.registry import TOOLS


@pytest.mark.parametrize("spec", TOOLS, ids=lambda s: s.name)
def test_the_trained_card_is_the_registered_one(spec) -> None:  # type: ignore[no-untyped-def]
    plain = card_specs()[spec.name][0]
    assert [(a.name, a.kind, a.required) for a in plain.args] == [(a.name, a.kind, a.required) for a in spec.args]
    assert plain.card() == spec.card(), "retrain mini (python -m viot_finetune.mini) and update cards.json"


def test_no_card_without_a_tool() -> None:
    assert set(card_specs()) == {spec.name for spec in TOOLS}
