"""The cards of the 18 tools of DESIGN section 5: what a language model reads of each, whether it is built yet or not.

A tool that is not built exists only here and in the benchmark's world; it is never registered for users. A test holds
every registered tool equal to its card, and ``mini`` to the hash over all of them.

Owns the cards. Runs nothing: calling a card is an error.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from viot_agent.errors import FailedFault
from viot_agent.steps import Observation
from viot_agent.toolbox.contract import ArgSpec, ToolSpec

_FILE = Path(__file__).with_name("cards.json")


def refuse(*_: Any, **__: Any) -> Observation:
    """What every card does when it is called. Raises FailedFault."""
    raise FailedFault("a card of the benchmark cannot be called", fix="use the tools of viot_tools")


def spec_of(name: str, entry: dict[str, Any]) -> ToolSpec:
    """A card's JSON entry as a ToolSpec whose function refuses to run."""
    args = tuple(ArgSpec(n, k, required, about, tuple(*rest)) for n, k, required, about, *rest in entry["args"])
    return ToolSpec(name, entry["purpose"], entry["not_for"], args, refuse, origin="viot_agent.bench.cards")


@lru_cache(maxsize=1)
def cards() -> dict[str, ToolSpec]:
    """All cards by name, in the order of DESIGN section 5."""
    return {name: spec_of(name, entry) for name, entry in json.loads(_FILE.read_text("utf-8")).items()}


def cards_hash() -> str:
    """sha256 over everything a model reads of the cards: purpose, limits and every argument."""
    text = "\n".join(
        "\n".join([spec.card(), *(f"{a.name} {a.kind} {a.required} {a.description} {a.choices}" for a in spec.args)])
        for spec in cards().values()
    )
    return hashlib.sha256(text.encode()).hexdigest()
