"""One look of many: the values of an attribute voted over all rows of a thing, weighted by their scores.

Owns the vote and what is sure. Knows no pixel and no storage.
"""

from __future__ import annotations

from collections.abc import Iterable

from viot_agent.library.rows import Attribute
from viot_tools.qa.facts import Value

SURE = 0.9
"""The score from which on a value is sure that an analyzer wrote which is none of this package's: a chance of nine in
ten, as this package's own levels are."""


def told(model: str, wanted: Iterable[str]) -> frozenset[str]:
    """Which of the attributes the analyzer with this model tells at all."""
    if not ours(model):
        return frozenset(wanted)
    from viot_tools.attributes import judge
    from viot_tools.attributes.analyzer import COLOURS_MODEL

    return judge.told("builtin" if model == COLOURS_MODEL else "hub") & frozenset(wanted)


def ours(model: str) -> bool:
    """Whether this package's analyzer made the rows."""
    from viot_tools.attributes.analyzer import COLOURS_MODEL  # brings OpenCV, wanted only by a question

    return COLOURS_MODEL in model.split("+")


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
    if not ours(rows[0].model):
        return Value(value, score, score >= SURE)
    from viot_tools.attributes.judge import sure

    return Value(value, score, sure(name, value, score))
