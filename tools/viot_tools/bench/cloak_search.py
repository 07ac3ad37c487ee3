"""The search for the product's method: ``viot bench cloak --suite search``.

Every lever is moved alone from one starting point, on the half of the people on which methods are chosen, and nobody
of the other half is looked at. What gains is then put together. Figures are those of the table; ``over.base`` is the
paired difference from the starting point.

Owns the levers. Which of them the product uses stands in ``viot_tools.cloak.making``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from viot_agent.bench.report import Row
from viot_tools.bench.cloak_scores import Figure, Scores, Way, gain_row, looks_rows, share_row, verdict
from viot_tools.cloak.methods import METHODS, Method
from viot_tools.cloak.optimise import Options

BASE = Method("convex", Options(rounds=24, momentum=1.0, diversity=0.7, smoothing=1.0), warm_up=METHODS["opom"].warm_up)
LEVERS: tuple[Way, ...] = (
    Way("base", BASE),
    Way("smooth2", BASE.but(smoothing=2.0)),
    Way("smooth3", BASE.but(smoothing=3.0)),
    Way("views15-b5", BASE.but(batch=5), 15),
    Way("views10", BASE, 10),
    Way("alpha2", BASE.but(alpha=2.0)),
    Way("alpha4", BASE.but(alpha=4.0)),
    Way("alpha4-rounds80", BASE.but(alpha=4.0, rounds=80)),
    Way("alpha2-smooth05", BASE.but(alpha=2.0, smoothing=0.5)),
    Way("alpha2-views10", BASE.but(alpha=2.0), 10),
    Way("shrink70", BASE.but(diversity=1.0, smallest=0.7)),
    Way("rounds80", BASE.but(rounds=80)),
    Way("loss-fiuap+", METHODS["fi-uap+"].but(rounds=24, momentum=1.0, diversity=0.7, smoothing=1.0)),
    Way("mobilefacenet-alone", BASE, white=("mobilefacenet",)),
    Way("dlib-alone", BASE, white=("dlib",)),
    Way("smooth0", BASE.but(smoothing=0.0)),
    Way("no-momentum", BASE.but(momentum=0.0)),
)
"""The starting point, then each lever moved alone: size of the smoothing, synthetic views, step, input diversity,
rounds, loss, surrogates, momentum; two of them together where both promised something."""

NAMES = frozenset(way.name for way in LEVERS)


def rows(
    found: Mapping[str, Scores], figures: Mapping[str, Figure], models: str, seed: int, metrics: Mapping[str, str]
) -> tuple[list[Row], list[str]]:
    """Of the levers' scores at epsilon 8, and the gain of each over the first in words."""
    made: list[Row] = []
    notes: list[str] = []
    base = next(iter(found.values()))
    for name, s in found.items():
        for key, figure in figures.items():
            share = figure(s)
            made.append(share_row(f"cloak.search.{name}.{key}.eps8", metrics[key], share, models, figure(base).value))
            if s is not base:
                id_ = f"cloak.search.{name}.over.base.{key}.eps8"
                made.append(gain_row(id_, "paired difference", share, figure(base), models))
        made += [r for r in looks_rows(f"cloak.search.{name}", ".eps8", s, seed) if ".seconds." in r.id]
        if s is not base:
            notes.append(verdict(s, base, figures) + " (search)")
    return made, notes


def chosen(names: Sequence[str]) -> tuple[Way, ...]:
    """The levers among those names, the starting point first; all where no name is given at all."""
    return tuple(w for w in LEVERS if not names or w.name in names or w is LEVERS[0])
