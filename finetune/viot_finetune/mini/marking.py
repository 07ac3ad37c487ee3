"""Mentions for training: the very finder that serves, then a little loss, so that plain words are copied too.

Owns only the small fleet around a text and the loss; finding is ``viot_agent.fleet.mentions``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from viot_agent.fleet.mentions import find_mentions
from viot_agent.fleet.types import Camera, Mention, Person


def mark(
    text: str, cameras: Sequence[str], groups: Sequence[str], people: Sequence[str], uploads: Sequence[str]
) -> tuple[Mention, ...]:
    """All mentions of the text as the agent would find them in a fleet of these names (groups dealt out in turn)."""
    fleet = [
        Camera(i, name, "", tuple(groups[i % len(groups) :][:1]) if groups else (), "UTC", None)
        for i, name in enumerate(cameras)
    ]
    # more groups than cameras: the last camera is in all that are left
    if fleet and len(groups) > len(fleet):
        last = fleet[-1]
        fleet[-1] = Camera(last.id, last.name, "", tuple(groups[len(fleet) - 1 :]), "UTC", None)
    known = [Person(i, name, "", 1) for i, name in enumerate(people)]
    return tuple(find_mentions(text, fleet, known, uploads))


def lose(mentions: Sequence[Mention], rng: random.Random, rate: float) -> tuple[Mention, ...]:
    """Each mention left out with this chance, uploads never."""
    return tuple(m for m in mentions if m.kind == "upload" or rng.random() >= rate)
