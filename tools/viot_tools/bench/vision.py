"""``viot bench vision``: how well the vision tools look, both tiers in one table, floors beside.

Owns the list of parts. The figures are the parts' own; each part says what it skips.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from viot_agent.bench.report import Report, Row
from viot_agent.errors import WeightsMissing
from viot_agent.weights import Weights
from viot_agent.weights.store import Tier
from viot_tools.bench import anomaly, attributes, counting, fire, gait, plates, pose, reid, scenes

Part = Callable[[Path, Weights, bool, int], tuple[list[Row], list[str]]]
"""``(data, weights of one tier, quick, seed)`` to rows and what was skipped. May raise WeightsMissing."""


def _plates(data: Path, weights: Weights, quick: bool, seed: int) -> tuple[list[Row], list[str]]:
    return [Row(**row) for row in plates.rows(data, weights, quick, seed)], plates.missing(data)


PARTS: dict[str, Part] = {
    "pose": pose.rows,
    "plates": _plates,
    "gait": gait.rows,
    "reid": reid.rows,
    "scene": scenes.rows,
    "anomaly": anomaly.rows,
    "fire": fire.rows,
    "attributes": attributes.rows,
}
"""What is measured in each tier, after counting (which runs both tiers by itself)."""


def bench(data: Path, *, quick: bool = False, seed: int = 0) -> Report:
    """All parts on ``data`` (laid out like ``../shared/data``), in both tiers.

    Hub files come from ``VIOT_MODELS``, else ``data/models``. A tier whose weights are missing is skipped and said so.
    """
    base = Weights.from_env()
    local = base.models_dir or (data / "models" if (data / "models").is_dir() else None)
    rows, skipped = counting.measure(data, Weights(base.home, local, "hub"), quick, seed)
    tiers: tuple[Tier, ...] = ("hub", "builtin")
    for name, part in PARTS.items():
        for tier in tiers:
            try:
                found, without = part(data, Weights(base.home, local, tier), quick, seed)
            except WeightsMissing as error:
                skipped.append(f"{name}.* in tier {tier}: {error}")
                continue
            rows += found
            skipped += without
    return Report(tuple(rows), tuple(dict.fromkeys(skipped)))
