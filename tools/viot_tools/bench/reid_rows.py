"""What the two halves of the re-identification bench share: searches, rows, and the trivial descriptor.

Owns no figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from viot_agent.bench.report import Row, bootstrap
from viot_agent.media.types import Image
from viot_tools.reid.colour import lab, layout, window
from viot_tools.reid.embed import Vectors, unit


@dataclass(frozen=True, slots=True)
class Searches:
    """What came of every search, one entry each: ``who`` was asked for; ``first`` the most alike was right; ``named``
    and ``wrongly``: the right one, and a wrong one, passed the threshold."""

    who: tuple[str, ...]
    first: tuple[bool, ...]
    named: tuple[bool, ...]
    wrongly: tuple[bool, ...]


def searches(found: Sequence[tuple[str, bool, bool, bool]]) -> Searches:
    who, first, named, wrongly = zip(*found, strict=True) if found else ((), (), (), ())
    return Searches(tuple(who), tuple(first), tuple(named), tuple(wrongly))


def whole_colours(pictures: Sequence[Image]) -> Vectors:
    """(N, 36): the trivial descriptor, colours of the whole box."""
    flat = window(48, 96, 1e6)
    return unit(np.stack([layout(lab(p, 48, 96), 1, 1, flat) for p in pictures]))


def floats(values: Sequence[bool]) -> list[float]:
    return [float(v) for v in values]


def by_unit(who: Sequence[str], values: Sequence[float]) -> list[float]:
    """Means by person or vehicle, in the order of their names: these are the independent units."""
    return [float(np.mean([v for w, v in zip(who, values, strict=True) if w == name])) for name in sorted(set(who))]


def row(
    id_: str,
    metric: str,
    values: Sequence[float],
    seed: int,
    model: str,
    tier: str,
    floor: Sequence[float] | None = None,
) -> Row:
    low, high = _exact(values) if len(set(values)) == 1 else bootstrap(values, seed)
    return Row(
        id_,
        metric,
        float(np.mean(values)),
        low,
        high,
        len(values),
        model,
        tier,
        None if floor is None else float(np.mean(floor)),
    )


def _exact(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval (Clopper and Pearson, 1934) where all or none of the units came out right: drawing again from
    equal values would claim certainty. Other equal values have none."""
    least = 0.025 ** (1 / len(values))
    return {1.0: (least, 1.0), 0.0: (0.0, 1 - least)}.get(values[0], (values[0], values[0]))


def gain(id_: str, ours: Sequence[float], floor: Sequence[float], seed: int, model: str, tier: str) -> Row:
    """The paired difference to the floor."""
    each = [a - b for a, b in zip(ours, floor, strict=True)]
    made = row(id_, "the same minus its floor, paired", each, seed, model, tier, [0.0])
    return replace(made, low=-made.high) if not any(each) else made  # no unit differs: it could have, either way
