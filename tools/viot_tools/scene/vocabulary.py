"""The scenes that can be named, how they nest, and how specific an answer may be.

Forty-four plain words (``SCENES``), each inside a broader word (``GROUPS``), each of those inside *indoors* or
*outdoors*. The 33 scene words of VIoTGPT's test files are not published in full (the sample holds *corridor*), so
this list is ours; the card's words (car park, corridor, shop, street, kitchen) are in it. No word holds a comma.

The answer hedges: the most specific word whose probability, the sum over the scenes inside it, reaches a calibrated
level (Deng et al., "Hedging Your Bets: Optimizing Accuracy-Specificity Trade-offs in Large Scale Visual Recognition",
CVPR 2012, section 3: the deepest node whose posterior is at least a threshold). Knows no picture and no model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float32]
"""(44,) over ``SCENES``, sums to 1."""

INDOORS: Final = "indoors"
OUTDOORS: Final = "outdoors"

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "home": ("kitchen", "living room", "bedroom", "bathroom"),
    "place of work": ("office", "meeting room", "classroom", "laboratory", "room"),
    "works hall": ("workshop", "factory floor", "warehouse"),
    "passage": ("corridor", "lobby", "staircase"),
    "place of trade": ("shop", "supermarket", "shopping mall", "restaurant", "bank"),
    "hall": ("gym", "stage", "library", "church", "station hall"),
    "street or road": ("street", "road", "crossroads", "car park", "petrol station", "bridge"),
    "place for people on foot": ("square", "shop front", "courtyard", "railway platform", "stadium"),
    "green place": ("park", "forest", "field"),
    "waterside": ("beach", "harbour", "sea"),
    "industrial place": ("industrial site", "construction site"),
}
_INSIDE: Final[Mapping[str, tuple[str, ...]]] = {
    INDOORS: ("home", "place of work", "works hall", "passage", "place of trade", "hall"),
    OUTDOORS: ("street or road", "place for people on foot", "green place", "waterside", "industrial place"),
}
SCENES: Final[tuple[str, ...]] = tuple(scene for scenes in GROUPS.values() for scene in scenes)
GROUP_OF: Final[Mapping[str, str]] = {scene: group for group, scenes in GROUPS.items() for scene in scenes}
SIDE_OF: Final[Mapping[str, str]] = {group: side for side, groups in _INSIDE.items() for group in groups}

Level = Literal["scene", "group", "side"]


@dataclass(frozen=True, slots=True)
class Named:
    """A word for a place. ``probability`` is the sum over the scenes inside it."""

    word: str
    level: Level
    probability: float


@dataclass(frozen=True, slots=True)
class Levels:
    """The least probability at which a word of each level is said."""

    scene: float
    group: float
    side: float


def inside(word: str) -> tuple[str, ...]:
    """The scenes that ``word`` covers: itself, those of a group, those of a side; () for a word that is not ours."""
    folded = " ".join(word.casefold().split())
    if folded in GROUP_OF:
        return (folded,)
    if folded in GROUPS:
        return GROUPS[folded]
    return tuple(s for group in _INSIDE.get(folded, ()) for s in GROUPS[group])


def share(p: Probabilities, word: str) -> float:
    """The probability of ``word``: the sum over what it covers."""
    return float(sum(p[SCENES.index(scene)] for scene in inside(word)))


def best(p: Probabilities, level: Level) -> Named:
    """The likeliest word of one level."""
    words = {"scene": SCENES, "group": tuple(GROUPS), "side": tuple(_INSIDE)}[level]
    word = max(words, key=lambda w: share(p, w))
    return Named(word, level, share(p, word))


def hedged(p: Probabilities, levels: Levels) -> Named | None:
    """The most specific word that is sure enough, or None: cannot tell."""
    least: Mapping[Level, float] = {"scene": levels.scene, "group": levels.group, "side": levels.side}
    for level, wanted in least.items():
        named = best(p, level)
        if named.probability >= wanted:
            return named
    return None


def agree(a: str, b: str) -> bool:
    """Whether two words can mean one place: one covers the other."""
    left, right = set(inside(a)), set(inside(b))
    return bool(left and right) and (left <= right or right <= left)
