"""A question as the network reads it: cameras, times and names made alike, each token with its state and its marks.

What the fleet knows by name is found by rule and stands as the same word in every question, so that no name of a camera
teaches the network anything. Training and serving call the same functions. Owns this reading. Knows no form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viot_agent.fleet.types import Camera
from viot_agent.sentences import WIDTH, Encoded
from viot_tools.qa.lexicon import noun_list, phrases
from viot_tools.qa.parse_words import mentioned, plain, respelt

Array = npt.NDArray[np.float32]
MARKS = ("camera", "time", "name", "person", "vehicle", "object", "C", "G", "I", "H", "doing", "number", "neg", "ord")
"""What a word is known as beforehand: a mention of the fleet, or its tag in the lexicon."""
FEATURES = WIDTH + len(MARKS)
_STANDS = {"camera": ("the lobby", "the garage", "the roof"), "time": ("this morning",), "name": ("Anna",)}
_WORD = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)?")
_ORDINAL = frozenset("first second third fourth fifth sixth seventh eighth ninth tenth 1st 2nd 3rd 4th".split())


@dataclass(frozen=True, slots=True)
class Place:
    """Characters ``[start, end)`` of the read text that stand for a mention of ``kind``; ``was``: where it stood."""

    kind: str
    start: int
    end: int
    was: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Masked:
    """``text``: as the network reads it. ``places`` in order. ``cameras``, ``names``: what each mention of them means;
    ``problem``: why the question cannot be answered whatever it asks (a camera that nobody has)."""

    text: str
    places: tuple[Place, ...] = ()
    cameras: tuple[tuple[str, ...], ...] = ()
    names: tuple[str, ...] = ()
    problem: str = ""

    def moved(self, start: int, end: int) -> tuple[int, int]:
        """Characters of the plain question as characters of ``text``."""
        shift = 0
        for place in self.places:
            if place.was[1] <= start:
                shift += (place.end - place.start) - (place.was[1] - place.was[0])
        return start + shift, end + shift


def masked(question: str, cameras: Sequence[Camera] = (), people: Sequence[str] = ()) -> Masked:
    """The question with its mentions made alike. Never raises."""
    text = plain(question)
    kept, problem = mentioned(text, cameras, people)
    out, at = "", 0
    places: list[Place] = []
    named: list[str] = []
    places_of: list[tuple[str, ...]] = []
    for m in kept:
        if m.start < at:
            continue
        kind = {"person": "name", "time": "time"}.get(m.kind, "camera")
        out += text[at : m.start]
        before = sum(p.kind == kind for p in places)
        word = _STANDS[kind][min(before, len(_STANDS[kind]) - 1)]
        places.append(Place(kind, len(out), len(out) + len(word), (m.start, m.end)))
        out, at = out + word, m.end
        if kind == "name":
            named.append(m.target)
        elif kind == "camera":
            groups = tuple(c.name for c in cameras if m.target in c.groups) if m.kind == "group" else (m.target,)
            places_of.append(groups or (m.target,))
    return Masked(out + text[at:], tuple(places), tuple(places_of), tuple(named), problem)


def marks(text: str, spans: Sequence[tuple[int, int]], places: Sequence[Place]) -> Array:
    """What each token is known as, (T, len(MARKS)) of 0 and 1."""
    out = np.zeros((len(spans), len(MARKS)), np.float32)
    words = [(m.start(), m.end(), _known(m[0])) for m in _WORD.finditer(text)]
    for i, (a, b) in enumerate(spans):
        if a == b:
            continue
        place = next((p for p in places if p.start <= a < p.end), None)
        if place is not None:
            out[i, MARKS.index(place.kind)] = 1.0
            continue
        known = next((k for s, e, k in words if s <= a < e), "")
        if known:
            out[i, MARKS.index(known)] = 1.0
    return out


def features(read: Masked, encoded: Encoded) -> Array:
    """(T, FEATURES) float32."""
    return np.concatenate([encoded.states, marks(read.text, encoded.spans, read.places)], axis=1)


def _known(word: str) -> str:
    low = word.casefold()
    if low[0].isdigit():
        return "number"
    if low in _ORDINAL:
        return "ord"
    if low in ("not", "no", "without", "never", "none", "nobody", "nothing", "t"):
        return "neg"
    tag = phrases().get((respelt(low),), "")
    if tag.startswith("<N:"):
        kind = noun_list()[int(tag[3:-1])].kind
        return kind if kind in ("person", "vehicle") else "object"
    name = tag.strip("<>").split(":")[0]
    return {"n": "number"}.get(name, name) if name in MARKS or name == "n" else ""
