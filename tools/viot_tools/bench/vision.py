"""``viot bench vision``: how well the vision tools look, both tiers in one table, floors beside.

Owns the list of parts. The figures are the parts' own; each part says what it skips.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from viot_agent.bench.report import Report, Row
from viot_agent.errors import WeightsMissing
from viot_agent.weights import Weights
from viot_tools.bench import counting, plates

Part = Callable[[Path, Weights, bool, int], tuple[list[Row], list[str]]]
PARTS: tuple[Part, ...] = (counting.measure, plates.measure)


def bench(data: Path, *, quick: bool = False, seed: int = 0) -> Report:
    """All parts on ``data`` (laid out like ``../shared/data``); hub files come from ``VIOT_MODELS`` or ``data/models``.

    A tier whose weights are missing is skipped and said so.
    """
    base = Weights.from_env()
    local = base.models_dir or (data / "models" if (data / "models").is_dir() else None)
    rows: list[Row] = []
    skipped: list[str] = []
    for part in PARTS:
        try:
            found, left = part(data, Weights(base.home, local, "hub"), quick, seed)
        except WeightsMissing as error:
            skipped.append(f"{part.__module__.rpartition('.')[2]}: {error}")
            continue
        rows += found
        skipped += left
    return Report(tuple(rows), tuple(dict.fromkeys(skipped)))
