"""``viot bench vision``: how well the vision tools look, both tiers in one table, floors beside.

Owns the list of parts. The figures are the parts' own; each part says what it skips.
"""

from __future__ import annotations

from pathlib import Path

from viot_agent.bench.report import Report, Row
from viot_agent.errors import WeightsMissing
from viot_agent.weights import Weights
from viot_agent.weights.store import Tier
from viot_tools.bench import counting, plates


def bench(data: Path, *, quick: bool = False, seed: int = 0) -> Report:
    """Counting and plates on ``data`` (laid out like ``../shared/data``), in both tiers.

    Hub files come from ``VIOT_MODELS``, else ``data/models``. A tier whose weights are missing is skipped and said so.
    """
    base = Weights.from_env()
    local = base.models_dir or (data / "models" if (data / "models").is_dir() else None)
    rows, skipped = counting.measure(data, Weights(base.home, local, "hub"), quick, seed)
    skipped += plates.missing(data)
    tiers: tuple[Tier, ...] = ("hub", "builtin")
    for tier in tiers:
        try:
            rows += [Row(**row) for row in plates.rows(data, Weights(base.home, local, tier), quick, seed)]
        except WeightsMissing as error:
            skipped.append(f"plates.* in tier {tier}: {error}")
    return Report(tuple(rows), tuple(dict.fromkeys(skipped)))
