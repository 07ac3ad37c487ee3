"""Tool cards to train on: the real cards in several wordings, and tools that do not exist, so that cards are *read*.

The first wording of each tool is the card itself (``viot_agent.bench.cards``). Owns nothing but this.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from viot_agent.bench.cards import cards, spec_of
from viot_agent.toolbox import Toolbox, ToolSpec

_WORDINGS = Path(__file__).parents[1] / "instruct" / "wordings.json"
_FICTITIOUS = Path(__file__).parents[1] / "instruct" / "fictitious.json"


def card_specs() -> dict[str, tuple[ToolSpec, ...]]:
    """Every tool's wordings by name; the first wording is the real card."""
    others: dict[str, list[dict[str, Any]]] = json.loads(_WORDINGS.read_text("utf-8"))
    return {name: (spec, *(_reworded(spec, w) for w in others.get(name, ()))) for name, spec in cards().items()}


def fictitious() -> dict[str, ToolSpec]:
    """Tools that exist only in training."""
    table: dict[str, dict[str, Any]] = json.loads(_FICTITIOUS.read_text("utf-8"))
    return {name: spec_of(name, entry) for name, entry in table.items()}


def stub_toolbox(names: Sequence[str] = ()) -> Toolbox:
    """A toolbox of the real cards (all, or these), which refuse to run."""
    return Toolbox(cards()[n] for n in (names or cards()))


def _reworded(spec: ToolSpec, wording: dict[str, Any]) -> ToolSpec:
    args = tuple(replace(a, description=about) for a, about in zip(spec.args, wording["about"], strict=True))
    return replace(spec, description=wording["purpose"], not_for=wording["not_for"], args=args)
