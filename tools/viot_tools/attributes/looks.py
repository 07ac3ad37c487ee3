"""From pictures of one thing to its attributes: clothes and what is carried of people, colours of vehicles.

A shirt's colour is the mean over the pixels of its part of the picture, a vehicle's that of the middle of its box less
that of the corners, which are road. Owns pictures -> values. Knows no frame, no track and no storage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image
from viot_tools.attributes import judge, naming
from viot_tools.attributes.judge import Value
from viot_tools.attributes.network import PersonNetwork
from viot_tools.attributes.regions import Parts, cut
from viot_tools.reid.colour import window

SIDE: Final = 32
"""Pixels a side to which a vehicle is brought."""


@dataclass(frozen=True, slots=True)
class Look:
    """A picture of a thing, cut out of its frame.

    ``image`` RGB, ``light`` that of the frame (``naming.light_of``), ``quality`` 0..1, ``parts`` where a person's
    clothes are.
    """

    image: Image
    light: naming.Light
    quality: float
    parts: Parts | None = None


def person(looks: Sequence[Look], network: PersonNetwork | None) -> list[Value]:
    """The attributes of one person; without a network only colours. Raises WeightsMissing, FailedFault."""
    found = []
    for name in judge.COLOUR_NAMES[:2]:
        shares, weights = [], []
        for look in looks:
            part = clothes(look, name)
            if part is not None:
                shares.append(part)
                weights.append(look.quality)
        value = judge.best_colour(name, shares, weights)
        if value is not None:
            found.append(value)
    if network is not None and looks:
        reads = [network.read(look.image).scores for look in looks]
        found += judge.values(reads, [look.quality for look in looks])
    return found


def vehicle(looks: Sequence[Look]) -> list[Value]:
    """The colour of one vehicle."""
    value = judge.best_colour("colour", [paint(look) for look in looks], [look.quality for look in looks])
    return [] if value is None else [value]


def clothes(look: Look, name: str) -> NDArray[np.float64] | None:
    """(11,) the shares of colours of ``upper_colour`` or ``lower_colour``; None where it is not to be seen."""
    if look.parts is None:
        return None
    part = look.parts.upper if name == "upper_colour" else look.parts.lower
    if part is None:
        return None
    return np.asarray(naming.names(naming.lab(cut(look.image, part), look.light)).mean(0))


def paint(look: Look) -> NDArray[np.float64]:
    """(11,) the shares of colours of a vehicle. The corners are road, so half of what they have is taken off; half of
    the middle's own share always stays: a grey car on a grey road is grey."""
    shares = naming.names(naming.lab(look.image, look.light, SIDE))
    bell = window(SIDE, SIDE, 0.31 * SIDE, 0.27 * SIDE).ravel()
    corners = np.clip(0.4 - bell, 0, None)
    middle, road = bell @ shares / bell.sum(), corners @ shares / corners.sum()
    left = np.maximum(middle - 0.5 * road, 0.5 * middle)
    return np.asarray(left / left.sum())
