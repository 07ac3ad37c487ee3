"""Describing things of VIoT-QA in words, and knowing which things a description fits.

A description is words, their plural, and conditions on the truth. ``fits`` is the plain reading, ``might`` the widest
sensible one (a backpack is a bag): a question is only asked where both pick the same things. Owns the nouns. Knows no
question form.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

from viot_tools.bench.video_qa_world import Actor, Kind, View
from viot_tools.qa.program import COLOURS, VEHICLES

PLURALS = {"person": "people", "man": "men", "woman": "women", "bus": "buses", "fire": "fires"}
GARMENTS = ("top", "jacket", "shirt", "jumper")
_SEX = {"man": "male", "woman": "female"}


@final
@dataclass(frozen=True, slots=True)
class Thing:
    """A described thing. ``noun`` with ``before`` (an adjective), what it is dressed in (``within``) and what follows;
    ``must`` are (attribute, value, wanted) that hold together."""

    kind: Kind
    noun: str
    label: str = ""
    before: str = ""
    within: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    must: tuple[tuple[str, str, bool], ...] = ()

    @property
    def one(self) -> str:
        """``red van``, ``man with a backpack``."""
        return self._words(self.noun)

    @property
    def many(self) -> str:
        """``red vans``, ``men with a backpack``."""
        return self._words(PLURALS.get(self.noun, self.noun + "s"))

    def _words(self, noun: str) -> str:
        dressed = f"in {' and '.join(self.within)}" if self.within else ""
        return " ".join(w for w in (self.before, noun, dressed, " and ".join(self.after)) if w)

    def fits(self, a: Actor) -> bool:
        """The plain reading."""
        return self._is(a) and all((a.looks.get(name) == value) == wanted for name, value, wanted in self.must)

    def might(self, a: Actor) -> bool:
        """The widest reading: whoever carries a backpack has a bag too."""
        return self._is(a) and all(
            (a.looks.get(name) == value) == wanted or ((name, value) == ("carrying", "bag") and wanted and _backpack(a))
            for name, value, wanted in self.must
        )

    def _is(self, a: Actor) -> bool:
        return a.kind == self.kind and self.label in ("", a.label)

    def among(self, view: View) -> list[Actor] | None:
        """Who of the view it fits, by time; None where the two readings differ."""
        plain = [a for a in view.actors if self.fits(a)]
        return plain if len(plain) == sum(map(self.might, view.actors)) else None


def _backpack(a: Actor) -> bool:
    return a.looks.get("carrying") == "backpack"


def bare(kind: Kind) -> Thing:
    """``person``, ``vehicle``, ``fire``."""
    return Thing(kind, kind)


def describe(rng: random.Random, a: Actor, avoid: tuple[str, ...] = (), most: int = 2) -> Thing:
    """A description that fits ``a``, with up to ``most`` conditions, none of them about ``avoid``."""
    if a.kind == "fire":
        return bare("fire")
    if a.kind == "vehicle":
        noun, label = (a.label, a.label) if "label" not in avoid and rng.random() < 0.85 else ("vehicle", "")
        if "colour" in avoid or (label and most < 2 and rng.random() < 0.5):
            return Thing("vehicle", noun, label)
        return Thing("vehicle", noun, label, before=a.looks["colour"], must=(("colour", a.looks["colour"], True),))
    thing = bare("person")
    if "sex" not in avoid and rng.random() < 0.5:
        noun = "man" if a.looks["sex"] == "male" else "woman"
        thing = replace(thing, noun=noun, must=(("sex", _SEX[noun], True),))
    ways = [way for name, way in _WAYS if name not in avoid]
    rng.shuffle(ways)
    for way in list(dict.fromkeys(ways))[: rng.randint(1, most)]:
        thing = way(rng, a, thing)
    return thing


def _dressed(thing: Thing, words: str, name: str, value: str) -> Thing:
    return replace(thing, within=(*thing.within, words), must=(*thing.must, (name, value, True)))


def _with(thing: Thing, words: str, name: str, value: str, wanted: bool = True) -> Thing:
    return replace(thing, after=(*thing.after, words), must=(*thing.must, (name, value, wanted)))


def _upper(rng: random.Random, a: Actor, thing: Thing) -> Thing:
    colour = a.looks["upper_colour"]
    return _dressed(thing, f"{article(colour)} {rng.choice(GARMENTS)}", "upper_colour", colour)


def _lower(rng: random.Random, a: Actor, thing: Thing) -> Thing:
    return _dressed(thing, f"{a.looks['lower_colour']} trousers", "lower_colour", a.looks["lower_colour"])


def _hat(rng: random.Random, a: Actor, thing: Thing) -> Thing:
    return _with(thing, "with a hat" if a.looks["hat"] == "yes" else "without a hat", "hat", a.looks["hat"])


def _carrying(rng: random.Random, a: Actor, thing: Thing) -> Thing:
    held = a.looks["carrying"]
    if held == "nothing":
        return _with(thing, "without a backpack", "carrying", "backpack", False)
    return _with(thing, f"with a {held}", "carrying", held)


def _hair(rng: random.Random, a: Actor, thing: Thing) -> Thing:
    return _with(thing, f"with {a.looks['hair']} hair", "hair", a.looks["hair"])


_Way = Callable[[random.Random, Actor, Thing], Thing]
_WAYS: tuple[tuple[str, _Way], ...] = (
    ("upper_colour", _upper),
    ("upper_colour", _upper),
    ("lower_colour", _lower),
    ("carrying", _carrying),
    ("carrying", _carrying),
    ("hat", _hat),
    ("hair", _hair),
)


def twisted(rng: random.Random, a: Actor) -> Actor:
    """Somebody nearly like ``a`` with one thing different: what is asked for in vain."""
    looks = dict(a.looks)
    if a.kind == "vehicle":
        if rng.random() < 0.5:
            looks["colour"] = rng.choice([c for c in COLOURS if c != looks["colour"]])
            return replace(a, looks=looks)
        return replace(a, label=rng.choice([v for v in VEHICLES if v != a.label]))
    name = rng.choice(("upper_colour", "lower_colour", "carrying", "sex"))
    values = {"carrying": ("backpack", "bag"), "sex": ("male", "female")}.get(name, COLOURS)
    if a.kind == "person":
        looks[name] = rng.choice([v for v in values if v != looks[name]])
    return replace(a, looks=looks)


def article(word: str) -> str:
    """``an orange``, ``a red``."""
    return f"{'an' if word[:1].lower() in 'aeio' else 'a'} {word}"
