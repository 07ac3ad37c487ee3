"""What this package offers to the agent: its tools and its analyzers, named once, loaded late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viot_agent.toolbox.contract import ToolSpec

if TYPE_CHECKING:
    from viot_agent.library.rows import Analyzer
    from viot_agent.weights import Weights

TOOLS: list[ToolSpec] = []


def analyzers(weights: Weights) -> list[Analyzer]:
    """All analyzers of this package for the tier that ``weights`` stands for, in no particular order."""
    return []
