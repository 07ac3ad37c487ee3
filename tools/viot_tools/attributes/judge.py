"""What pictures say of a thing together: values with scores that mean something, and from which score one is sure.

The numbers stand in ``calibration.json`` (made by ``calibrate``): of colours, ``softmax(power * log(share + SOME) +
bias)`` over the eleven names; of what the network says, a logistic curve for each output (Platt, 1999). A value's
``sure`` is the score from which at least nine in ten are right, as far as the calibration half of
``datasets/annotations/attributes.json`` shows; a value without one was never reliable there, and is not told at all.

Owns numbers -> values. Knows no picture, no network and no storage.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from viot_tools.attributes.naming import COLOURS
from viot_tools.attributes.network import OUTPUTS

COLOUR_NAMES: Final = ("upper_colour", "lower_colour", "colour")
"""Attributes whose values are ``COLOURS``: of people's clothes, and of vehicles."""
SOME: Final = 0.02
"""Added to every share before the logarithm: a colour nowhere in a small patch is rare, not impossible."""
LEAST: Final = 0.34
"""The score below which a value is not worth a row: others are as likely."""
BINARY: Final[Mapping[str, tuple[str, str, str]]] = {
    # attribute: (output of the network, the value for yes, the value for no)
    "sex": ("male", "male", "female"),
    "hat": ("hat", "yes", "no"),
    "sleeves": ("long_sleeves", "long", "short"),
    "lower": ("long_trousers", "trousers", "short"),
    "hair": ("long_hair", "long", "short"),
    "coat": ("coat", "yes", "no"),
}
BAGS: Final = ("bag", "backpack")
CARRIED: Final = 0.89
"""The chance that a bag which was seen is one (``carried``): seven of seven were, counted as eight of nine."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Value:
    """A value of an attribute, with the chance that it is right."""

    name: str
    value: str
    score: float


def colour(name: str, shares: Sequence[Numbers], weights: Sequence[float], numbers: Mapping[str, Any]) -> Numbers:
    """(11,) the chances of ``COLOURS`` for the attribute ``name``, from the shares (11,) of each picture and how much
    it counts. ``numbers`` is the attribute's entry of the calibration."""
    logs = np.average([np.log(s + SOME) for s in shares], axis=0, weights=weights)
    bias = np.array([numbers["bias"][c] for c in COLOURS])
    x = numbers["power"] * logs + bias
    each = np.exp(x - x.max())
    return np.asarray(each / each.sum())


def chance(score: float, curve: Mapping[str, float]) -> float:
    """The chance of yes for an output of the network (0..1)."""
    p = min(max(float(score), 1e-4), 1 - 1e-4)
    return 1 / (1 + math.exp(-(curve["weight"] * math.log(p / (1 - p)) + curve["bias"])))


def values(scores: Sequence[NDArray[np.float32]], weights: Sequence[float]) -> list[Value]:
    """What the network's numbers (8,) of each picture say together of a person; only what calibration lets tell."""
    curves = calibration()["network"]
    each = {
        output: float(np.average([chance(float(s[i]), curves[output]) for s in scores], weights=weights))
        for i, output in enumerate(OUTPUTS)
        if output in curves
    }
    found = []
    for name, (output, yes, no) in BINARY.items():
        if output in each:
            p = each[output]
            found.append(Value(name, yes, p) if p >= 0.5 else Value(name, no, 1 - p))
    return [v for v in found if level(v.name, v.value) is not None and v.score >= LEAST]


def best_colour(name: str, shares: Sequence[Numbers], weights: Sequence[float]) -> Value | None:
    """The likeliest colour, None where no colour is likely or pictures are wanting."""
    if not shares or not sum(weights) > 0:
        return None
    p = colour(name, shares, weights, calibration()["colours"][name])
    i = int(p.argmax())
    return Value(name, COLOURS[i], float(p[i])) if p[i] >= LEAST else None


def level(name: str, value: str) -> float | None:
    """The score from which ``value`` of ``name`` is sure; None for what is not told."""
    numbers = calibration()
    if name in COLOUR_NAMES:
        return float(numbers["colours"][name]["sure"])
    if name == "carrying":
        return CARRIED - 0.1 if value in BAGS else None  # a vote over tracks may take a little off
    found = numbers["sure"].get(name, {}).get(value)
    return None if found is None else float(found)


def sure(name: str, value: str, score: float) -> bool:
    """Whether a stored value is to be relied on: at least nine in ten such were right where it was calibrated."""
    least = level(name, value)
    return least is not None and score >= least


def told(tier: str) -> frozenset[str]:
    """The names of attributes that a tier tells at all."""
    if tier == "builtin":
        return frozenset(COLOUR_NAMES[:2])
    return frozenset(COLOUR_NAMES) | {"carrying"} | {name for name, each in calibration()["sure"].items() if each}


@lru_cache(maxsize=1)
def calibration() -> dict[str, Any]:
    """The package's numbers."""
    return dict(json.loads(Path(__file__).with_name("calibration.json").read_text("utf-8")))
