"""Tool cards to train on: the five tools of the first cut, each with several wordings, so that no wording is learnt.

The argument names and kinds equal the real tools' (a test of the lead's holds them equal); the functions are stubs that
refuse to run. Owns nothing but this.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from viot_agent.errors import FailedFault
from viot_agent.steps import Observation
from viot_agent.toolbox import Toolbox, ToolSpec
from viot_agent.toolbox.contract import ArgSpec

_CARDS = Path(__file__).with_name("cards.json")


def _stub(*_: Any, **__: Any) -> Observation:
    raise FailedFault("a training card cannot be called", fix="use the tools of viot_tools")


def card_specs() -> dict[str, tuple[ToolSpec, ...]]:
    """Every tool's wordings by name; the first wording is the plain one."""
    table = json.loads(_CARDS.read_text("utf-8"))
    return {name: tuple(_spec(name, entry["args"], card) for card in entry["cards"]) for name, entry in table.items()}


def stub_toolbox(names: Sequence[str] = ()) -> Toolbox:
    """A toolbox of stubs with the plain wordings (all five, or these)."""
    specs = card_specs()
    return Toolbox(specs[n][0] for n in (names or specs))


def _spec(name: str, args: list[Any], card: dict[str, Any]) -> ToolSpec:
    specs = tuple(
        ArgSpec(arg, kind, required, about) for (arg, kind, required), about in zip(args, card["about"], strict=True)
    )
    return ToolSpec(name, card["purpose"], card["not_for"], specs, _stub, origin="viot_finetune.mini.cards")
