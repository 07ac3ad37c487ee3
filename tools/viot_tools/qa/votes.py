"""One look of many: the values of an attribute voted over all rows of a thing, weighted by their scores.

Owns the vote and what is sure. Knows no pixel and no storage.
"""

from __future__ import annotations

from collections.abc import Iterable

from viot_agent.library.rows import Attribute
from viot_tools.qa.facts import Value

SURE = 0.6
"""Mean score over all rows of an attribute from which on its value is sure, where no level was calibrated for it."""


def looks(rows: Iterable[Attribute]) -> dict[str, Value]:
    """The winning value of each attribute; its score is the sum of its rows' scores over the number of rows, so that
    rows that say otherwise count against it."""
    by_name: dict[str, list[Attribute]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    return {name: _vote(name, mine) for name, mine in by_name.items()}


def _vote(name: str, rows: list[Attribute]) -> Value:
    sums: dict[str, float] = {}
    for row in rows:
        sums[row.value] = sums.get(row.value, 0.0) + row.score
    value = max(sums, key=lambda v: (sums[v], v))
    score = sums[value] / len(rows)
    return Value(value, score, score >= SURE)
