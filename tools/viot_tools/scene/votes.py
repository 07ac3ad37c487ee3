"""One place from many segments: the vote over the rows of kind ``scene``.

A camera stands still, so its segments are looks at one place: the geometric mean of their probabilities (each segment
one vote; the log-linear opinion pool, Genest and Zidek, "Combining Probability Distributions", Statistical Science
1986). Dark segments do not vote. Owns the vote. Knows no sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from viot_agent.library.rows import Event
from viot_tools.scene.classify import LEVELS_OF_MODEL, ROUGH
from viot_tools.scene.vocabulary import SCENES, Named, Probabilities, best, hedged

FLOOR = 1e-4
"""No single segment may rule a scene out."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What the segments say together. ``named`` None: cannot tell; then ``guess`` is the likeliest scene all the same.

    ``clearest`` is the segment that says it most plainly.
    """

    named: Named | None
    guess: Named
    clearest: Event
    segments: int
    rough: bool
    p: Probabilities


def vote(events: Sequence[Event], model: str) -> Vote | None:
    """The vote of the rows that ``model`` wrote; None where none has light. A model whose levels were never calibrated
    (one that was here once, or a stranger's) guesses and names nothing."""
    light = [e for e in events if e.model == model and "p" in e.data and len(e.data["p"]) == len(SCENES)]
    if not light:
        return None
    logs = np.log(np.maximum(np.array([e.data["p"] for e in light], np.float64), FLOOR)).mean(0)
    p = np.exp(logs - logs.max())
    p = np.asarray(p / p.sum(), np.float32)
    levels = LEVELS_OF_MODEL.get(model)
    named, guess = None if levels is None else hedged(p, levels), best(p, "scene")
    index = SCENES.index(guess.word)
    clearest = max(light, key=lambda e: float(e.data["p"][index]))
    return Vote(named, guess, clearest, len(light), model in ROUGH, p)


def dark(events: Sequence[Event], model: str) -> bool:
    """Whether every row of ``model`` was too dark to tell a place."""
    mine = [e for e in events if e.model == model]
    return bool(mine) and all(e.data.get("dark") for e in mine)
