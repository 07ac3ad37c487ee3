"""Units: the stretches of a request that the model can point at, each an exact character span of the original text.

A unit is a mention that code recognised (a camera's name, a person, a time phrase, a plate: one unit each, however
many words), a plain word, a punctuation mark, or a *virtual* unit for an attached file or a handle made earlier in
the run. The encoder reads recognised names under a stand-in word of their kind (``reading``), so what a camera or a
person is called cannot change what the model does; a copy always gives the original characters (``value``).

Owns the cutting of text. Does not find mentions (``fleet.mentions`` does) and knows no tensors.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from viot_agent.fleet.types import Mention

KINDS = ("camera", "group", "person", "time", "plate", "upload", "handle", "fuzzy")
"""Marks a unit can carry, in the order of the model's embedding rows; ``fuzzy`` = matched, but not exactly."""
SHAPES = ("lower", "title", "upper", "digit", "mixed", "script", "punct", "virtual")
"""How a unit is written: the encoder is uncased, and case tells names."""

_STAND_IN = {"camera": "the gate", "group": "the building", "person": "john", "plate": "plate abc123"}
_LEAD = re.compile(r"^(?:(?:in|on|at|during|over|for|within|throughout|the|a|an)\s+)+(?=\S)", re.IGNORECASE)

_TIME_WORDS = tuple(
    (
        "monday tuesday wednesday thursday friday saturday sunday january february march april june july august "
        "september october november december today yesterday tomorrow tonight midnight midday noon morning afternoon "
        "evening night dawn dusk lunch breakfast dinner hour minute second day week month year weekend fortnight shift "
        "one two three four five six seven eight nine ten eleven twelve half quarter past recent late early"
    ).split()
)


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing to point at. ``start``/``end`` are character offsets (both -1 for a virtual unit)."""

    start: int
    end: int
    value: str
    reading: str
    kinds: tuple[str, ...]
    shape: str

    @property
    def marked(self) -> bool:
        """Recognised by code (a mention, an upload or a handle)."""
        return bool(self.kinds)

    @property
    def virtual(self) -> bool:
        return self.start < 0


def make_units(text: str, mentions: Iterable[Mention] = (), handles: Sequence[str] = ()) -> tuple[Unit, ...]:
    """Cut ``text`` into units; ``handles`` (``image-1``, ``clip-1``) become virtual units at the end.

    Overlapping mentions are settled by exactness, then length, then score; mentions of the same stretch are merged
    into one unit.
    """
    chosen: list[Mention] = []
    merged: dict[tuple[int, int], list[Mention]] = {}
    for m in sorted(mentions, key=lambda m: (m.score < 100, m.start - m.end, -m.score, m.start, m.kind)):
        if not 0 <= m.start < m.end <= len(text):
            continue
        if (m.start, m.end) in merged:
            merged[m.start, m.end].append(m)
        elif all(m.end <= c.start or c.end <= m.start for c in chosen):
            chosen.append(m)
            merged[m.start, m.end] = [m]
    units: list[Unit] = []
    at = 0
    for mention in sorted(chosen, key=lambda m: m.start):
        units += _plain(text, at, mention.start)
        units.append(_marked(text, merged[mention.start, mention.end]))
        at = mention.end
    units += _plain(text, at, len(text))
    for handle in dict.fromkeys(handles):
        stem, _, number = handle.rpartition("-")
        kind = "upload" if stem in ("image", "video") else "handle"
        reading = f"attached {stem} {number}" if kind == "upload" else f"{stem or handle} {number}"
        units.append(Unit(-1, -1, handle, reading, (kind,), "virtual"))
    return tuple(units)


def trim_time(phrase: str) -> str:
    """A time phrase without leading in/on/at/during/over/for/within/throughout or article: still a span of the text."""
    return _LEAD.sub("", phrase.strip())


def time_like(unit: Unit) -> bool:
    """Whether a plain word can belong to a time phrase that code did not recognise: a number, a day, a part of one."""
    return unit.shape == "digit" or any(unit.value.casefold().startswith(word) for word in _TIME_WORDS)


def find_span(text: str, units: Sequence[Unit], value: str) -> tuple[int, int] | None:
    """The first units ``(first, last)`` whose copied text is ``value``: how earlier calls are pointed at again."""
    for i, unit in enumerate(units):
        if unit.marked and value in (unit.value, trim_time(unit.value)):
            return i, i
    starts = {u.start: i for i, u in enumerate(units) if not u.marked}
    ends = {u.end: i for i, u in enumerate(units) if not u.marked}
    at = text.find(value)
    while at >= 0 and value:
        first, last = starts.get(at), ends.get(at + len(value))
        if first is not None and last is not None and not any(u.marked for u in units[first : last + 1]):
            return first, last
        at = text.find(value, at + 1)
    return None


def shape_of(word: str) -> str:
    """One of SHAPES for a word as written."""
    if not any(c.isalnum() for c in word):
        return "punct"
    if any(c.isdigit() for c in word):
        return "digit"
    if any(unicodedata.category(c) == "Lo" for c in word):
        return "script"
    if word.islower():
        return "lower"
    if len(word) > 1 and word.isupper():
        return "upper"
    if word[0].isupper():
        return "title"
    return "mixed"


def _marked(text: str, mentions: Sequence[Mention]) -> Unit:
    first = mentions[0]
    value = text[first.start : first.end]
    kinds = tuple(k for k in KINDS if any(m.kind == k for m in mentions))
    reading = _STAND_IN.get(kinds[0], value)
    if all(m.score < 100 for m in mentions) and kinds[0] in ("camera", "group", "person"):
        # perhaps no name at all: the encoder sees the words themselves
        kinds, reading = (*kinds, "fuzzy"), value
    return Unit(first.start, first.end, value, reading, kinds, shape_of(value))


def _plain(text: str, start: int, end: int) -> list[Unit]:
    units: list[Unit] = []
    at = start
    while at < end:
        kind = _class(text[at])
        to = at + 1
        while kind == "word" and to < end and _class(text[to]) == "word":
            to += 1
        if kind != "space":
            word = text[at:to]
            units.append(Unit(at, to, word, word, (), shape_of(word)))
        at = to
    return units


def _class(char: str) -> str:
    if char.isspace():
        return "space"
    if "\u3400" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff" or (ord(char) >= 0x20000 and char.isalpha()):
        return "ideograph"
    # combining marks belong to the letter before them: names in Devanagari, Thai or decomposed Latin stay whole
    if char.isalnum() or char == "_" or unicodedata.category(char).startswith("M"):
        return "word"
    return "mark"
