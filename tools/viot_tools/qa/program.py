"""Typed programs: what a question asks of the facts, with nothing left of its words.

``how many people with a backpack came in after the white van left?`` is::

    van = Pick("vehicle", labels=("van",), attributes=(Has("colour", ("white",)),))
    people = Pick("person", attributes=(Has("carrying", ("backpack",)),), motion="enters",
                  when=(Relation("after", van, edge="end"),))
    Program("count", (people,), type="before_after")

Owns the forms. Does not know how they are found (``parse``) nor what they are run on (``facts``, ``execute``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from viot_tools.qa.types import QuestionType

Subject = Literal["person", "vehicle", "object", "fire", "smoke", "anomaly"]
Ask = Literal[
    "exists",  # yes or no: is there such a thing
    "count",  # how many such things, all in all
    "at_once",  # how many at one time, at most (by "start": at the edge "start" or "end")
    "attribute",  # which value of ``attribute`` (colours, carrying, label = kind of vehicle or object, name, direction;
    # exit, entry = the edge of the picture)
    "where",  # on which cameras; with one camera, in which part of the picture
    "when",  # at what time (edge: first seen, last seen, both)
    "duration",  # for how long
    "action",  # doing what
    "order",  # which of ``picks`` was first (by "start": came first; edge "end": left first)
    "compare",  # which of ``picks`` is more (by count or duration)
    "cameras",  # on which camera are most (least with ``fewest``) such things
    "change",  # does the number of such things (or ``attribute``) change between start and end: more, fewer, same
]
Motion = Literal["", "enters", "leaves", "waits", "approaches", "recedes", "passes", "to_left", "to_right"]
"""``enters``: first seen at a border or after the footage began; ``leaves`` likewise at its end. ``waits``: stays in
one place. ``approaches``: comes nearer to the camera (grows); ``recedes``: shrinks. ``passes``: enters and leaves."""

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "upper_colour": (),
    "lower_colour": (),
    "carrying": ("backpack", "bag", "nothing"),
    "hat": ("yes", "no"),
    "hair": ("long", "short"),
    "sleeves": ("long", "short"),
    "lower": ("trousers", "short"),
    "coat": ("yes", "no"),
    "sex": ("male", "female"),
    "colour": (),
}
"""Attributes of people (all but the last) and of vehicles (``colour``); an empty tuple stands for ``COLOURS``."""
COLOURS = ("black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
"""Berlin and Kay's basic colour terms, the eleven of English. ``beige``, ``silver``, ``navy`` ... are read as these."""
VEHICLES = ("car", "van", "truck", "bus", "motorcycle", "bicycle")
ACTIONS = (
    "standing",
    "walking",
    "running",
    "sitting",
    "lying",
    "falling",
    "squatting",
    "waving",
    "carrying",
    "fighting",
)
"""What ``action_recognition`` can tell, in its words."""


@dataclass(frozen=True, slots=True)
class Has:
    """An attribute with any of these values; ``no`` turns it round."""

    attribute: str
    values: tuple[str, ...]
    no: bool = False


@dataclass(frozen=True, slots=True)
class Relation:
    """When, beside something else: ``before``, ``after`` or ``during`` the anchor, ``together`` = at the same time.

    ``edge``: the anchor's end is meant (``after it left``), else its start. ``within`` seconds of it at most.
    ``next``: only the nearest one (``right after``, ``the next``). ``clock``: an anchor that is a time of day or a
    second of the footage (``after 14:05``, ``in the first ten seconds``), as the person wrote it. ``present``: before
    and after ask who was there then, not who came then.
    """

    how: Literal["before", "after", "during", "together"]
    anchor: Pick | None = None
    edge: Literal["start", "end"] = "start"
    within: float | None = None
    next: bool = False
    clock: str = ""
    present: bool = False


@dataclass(frozen=True, slots=True)
class Pick:
    """Some things out of the facts. All conditions hold together; ``labels``, ``doing`` and ``values`` mean any of.

    ``name``: an enrolled person. ``number``: the second, third ... to come (1-based); ``which`` picks out of those
    left.
    ``stay``: (least, most) seconds in view. ``cameras``: only these, by name; empty = those of the question.
    ``side``: with ``enters`` and ``leaves``, by which edge of the picture. ``known_by``: as ``doing``, of who did any
    of it at whatever time (``how long was the running man there?``).
    ``after_doing``: ``doing`` only of who did any of these before (who gets up sat or lay).
    ``heads``: how many people must have been there in all, for this to mean them (``he``: 1, ``the two``: 2; ``they``:
    0, all who were there).
    """

    kind: Subject
    labels: tuple[str, ...] = ()
    attributes: tuple[Has, ...] = ()
    doing: tuple[str, ...] = ()
    motion: Motion = ""
    name: str = ""
    stay: tuple[float | None, float | None] = (None, None)
    cameras: tuple[str, ...] = ()
    when: tuple[Relation, ...] = ()
    which: Literal["all", "first", "last", "longest", "largest", "only"] = "all"
    number: int | None = None
    place: Literal["", "left", "right", "middle", "top", "bottom"] = ""
    side: Literal["", "left", "right"] = ""
    known_by: tuple[str, ...] = ()
    after_doing: tuple[str, ...] = ()
    heads: int | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """What is asked of the picks. ``options``: of a multiple-choice question, as written.

    ``value``: a claim to hold against the answer (``is the van white?`` asks ``attribute`` with value ``white``; ``were
    there more than five people?`` asks ``count`` with value ``>5``): the answer is then yes or no.
    """

    ask: Ask
    picks: tuple[Pick, ...]
    type: QuestionType
    attribute: str = ""
    edge: Literal["start", "end", "both"] = "start"
    by: Literal["count", "duration", "start"] = "count"
    fewest: bool = False
    value: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unparsed:
    """A question that no program says: ``type`` as far as it can be told, and the reason in words for a person.
    ``final``: whoever reads it, it cannot be answered (it names a camera that nobody has, it is in another language).
    """

    type: QuestionType
    reason: str
    options: tuple[str, ...] = ()
    final: bool = False
