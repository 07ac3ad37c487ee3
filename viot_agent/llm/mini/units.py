"""Units: the stretches that the model can point at, each an exact character span of what was said or observed.

What is read is one text of several segments: earlier turns of the conversation, the request, and what this run has
observed so far. A unit is a mention that code recognised (a camera's name, a person, a time phrase, a plate: one unit
each, however many words), a plain word, a punctuation mark, or a *virtual* unit for an attached file or a handle. The
encoder reads recognised names under a stand-in word of their kind (``reading``), so what a camera or a person is called
cannot change what the model does. A copy gives the original characters (``value``); a half-said or misspelt name
that code could settle gives the name it stands for.

Observed numbers are compared with the number the request asks about (``more``, ``less``, ``same``): arithmetic is
code's.

Owns the cutting of text. Does not find mentions (``fleet.mentions`` does) and knows no tensors.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from viot_agent.fleet.names import normalise_name
from viot_agent.fleet.types import Mention
from viot_agent.fleet.words import TENS, UNITS

KINDS = (
    "camera",
    "group",
    "person",
    "time",
    "plate",
    "upload",
    "handle",
    "fuzzy",
    "unknown",
    "number",
    "more",
    "less",
    "same",
    "earlier",
    "seen",
)
"""Marks a unit can carry, in the order of the model's embedding rows. ``fuzzy`` = matched, but not exactly; ``unknown``
= has the form of a name that nothing known carries."""
NAMED = frozenset(("camera", "group", "person", "time", "plate", "upload", "handle"))
"""The marks of what code recognised as a thing; the others describe a word."""
_PROPER = NAMED - {"upload", "handle"}
_BEFORE_TIME = re.compile(r"(?:\b(?:on|at|in|during|over|for|the)\s+)+$", re.I)
SHAPES = ("lower", "title", "upper", "digit", "mixed", "script", "punct", "virtual")
"""How a unit is written: the encoder is uncased, and case tells names."""
REQUEST = 1
"""The segment of the request; 0 holds earlier turns, 2 and on the observations."""
LONGEST_SEEN = 60
"""Units of one observation that take part in a decision; the answer is written from the whole."""

_STAND_IN = {"camera": "the gate", "group": "the building", "person": "john", "plate": "plate abc123"}
_LEAD = re.compile(
    r"^(?:(?:in|on|at|during|over|for|within|throughout|the|a|an|(?:whole|all) of|"
    r"all(?=\s+(?:since|this|last|from)\b)|about(?=\s+(?:(?:mon|tues|wednes|thurs|fri|satur|sun|yester|to)day|tonight|this|last)\b)|"
    r"(?:before|after),)\s+)+(?=\S)",
    re.IGNORECASE,
)
_NO_SCENE = frozenset(
    "now today tonight overnight yesterday tomorrow this that last in on at from to between during over since until "
    "for by and or then with throughout all".split()
)
"""Words that end a scene's name: they begin a time, or something else."""
_HANDLE = re.compile(r"\b(?:poses?|clip|image|video|cloak|mask|redacted|alert)-\d{1,4}\b")
# whole numbers that count something: no clock, no share, no decimal, no duration
_COUNT = re.compile(
    r"(?<![\d:.,\-])\d{1,6}(?![\d:]|\s?%|[.,]\d|\s?(?:s|sec|secs|seconds|min|mins|minutes|am|pm|h|fps|px)\b)"
)
_COMPARING = frozenset(
    "more over above exceed exceeds exceeding beyond past least most fewer less under below than reach reaches hits "
    "hit passes minimum maximum up goes".split()
)
# what the shipped weights were trained with: their marks of a number must not change under them
_NUMBER_WORDS = (
    UNITS | {w: n for w, n in TENS.items() if n <= 60} | {"dozen": 12, "hundred": 100, "nobody": 0, "none": 0}
)

_TIME_WORDS = tuple(
    (
        "monday tuesday wednesday thursday friday saturday sunday january february march april june july august "
        "september october november december today yesterday tomorrow tonight midnight midday noon morning afternoon "
        "evening night dawn dusk lunch breakfast dinner hour minute second day week month year weekend fortnight shift "
        "one two three four five six seven eight nine ten eleven twelve half quarter past recent late early now "
        "closing opening office working business match game show concert break rush delivery event service lesson "
        "meeting hours"
    ).split()
)


ORDER = 4
"""Words that a quoted order has at least."""
_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|‘([^’]+)’(?!\w)|(?<!\w)'((?:[^']|(?<=\w)'(?=\w))+)'(?!\w)")
_OWN = frozenset(
    "is are was were am do does did has have had can could will would shall should may might must what who whom whose "
    "which when where why how if whether unless any anyone anybody".split()
)
"""First words of a question or a condition."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing to point at. ``start``/``end`` are character offsets in the whole text (both -1: virtual)."""

    start: int
    end: int
    value: str
    reading: str
    kinds: tuple[str, ...]
    shape: str
    segment: int = REQUEST

    @property
    def marked(self) -> bool:
        """Recognised by code (a mention, an upload or a handle)."""
        return not NAMED.isdisjoint(self.kinds)

    @property
    def virtual(self) -> bool:
        return self.start < 0


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of text with what code recognised in it: an earlier turn, or an observation of ``tool``, with the
    ``scenes`` that its data names."""

    text: str
    mentions: tuple[Mention, ...] = ()
    tool: str = ""
    scenes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """All that the model reads: the joined ``text``, its ``units``, where the request stands in it. Of each observation
    ``seen`` is the tool, and ``scenes`` what its data names."""

    text: str
    units: tuple[Unit, ...]
    request: tuple[int, int]
    seen: tuple[str, ...] = ()
    scenes: tuple[tuple[str, ...], ...] = ()

    @property
    def asked(self) -> str:
        return self.text[self.request[0] : self.request[1]]

    @property
    def plain(self) -> str:
        """The request with what code recognised in it in other words: "today" for a time, "X" for a camera, a person or
        a plate. What its words say must not hang on what a camera is called ("Fire Exit Front") or when it was ("last
        Monday, 7.40")."""
        out, at = "", self.request[0]
        for unit in self.units:
            if unit.segment != REQUEST or unit.virtual or unit.start < at or _PROPER.isdisjoint(unit.kinds):
                continue
            out += self.text[at : unit.start]
            out = _BEFORE_TIME.sub("", out) + "today" if "time" in unit.kinds else out + "X"
            at = unit.end
        return out + self.text[at : self.request[1]]

    def tool_of(self, unit: Unit) -> str:
        """The tool whose observation a unit stands in, or an empty string."""
        return self.seen[unit.segment - REQUEST - 1] if unit.segment > REQUEST else ""


def read(
    request: str,
    mentions: Iterable[Mention] = (),
    handles: Sequence[str] = (),
    *,
    earlier: Sequence[Passage] = (),
    seen: Sequence[Passage] = (),
) -> Reading:
    """Cut everything into units: earlier turns, the request with its attached files, observations in order.

    What the request only quotes is not read (see :func:`quoted_orders`).
    """
    text = ""
    units: list[Unit] = []
    mentions = tuple(mentions)
    for passage in earlier:
        units += _shifted(make_units(passage.text, passage.mentions), len(text), 0, "earlier")
        text += passage.text + "\n"
    at = (len(text), len(text) + len(request))
    quoted = quoted_orders(request)
    asked = _numbered(
        [u for u in make_units(request, mentions, handles) if not any(a <= u.start < b for a, b in quoted)]
    )
    units += _shifted(asked, len(text), REQUEST, "")
    text += request
    limit = threshold(asked)
    for k, passage in enumerate(seen):
        text += "\n"
        cut = _seen_units(passage, limit, mentions)[:LONGEST_SEEN]
        units += _shifted(cut, len(text), REQUEST + 1 + k, "seen")
        text += passage.text
    return Reading(text, tuple(units), at, tuple(p.tool for p in seen), tuple(p.scenes for p in seen))


def quoted_orders(text: str) -> list[tuple[int, int]]:
    """Stretches in quotation marks that are somebody else's words: a sign, a note, a message that is passed on.

    They are data: whatever they order, nobody here asked for it. Short quotes are names; a quoted question or
    condition is the speaker's own (``"is the gate open"``), and so is all when hardly anything stands outside.
    """
    found = []
    for quote in _QUOTED.finditer(text):
        said = next(part for part in quote.groups() if part is not None)
        words = re.findall(r"[^\W_]+", said)
        if len(words) >= ORDER and not said.rstrip().endswith("?") and words[0].casefold() not in _OWN:
            found.append(quote.span())
    outside = len(re.findall(r"[^\W_]+", text)) - sum(len(re.findall(r"[^\W_]+", text[a:b])) for a, b in found)
    return found if outside >= ORDER else []


def make_units(text: str, mentions: Iterable[Mention] = (), handles: Sequence[str] = ()) -> tuple[Unit, ...]:
    """Cut ``text`` into units; ``handles`` (``image-1``, ``clip-1``) become virtual units at the end.

    Overlapping mentions are settled by exactness, then length, then score; mentions of the same stretch are merged
    into one unit.
    """
    chosen: list[Mention] = []
    merged: dict[tuple[int, int], list[Mention]] = {}
    for m in sorted(mentions, key=lambda m: (m.score < 99, m.start - m.end, -m.score, m.start, m.kind)):
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
    return (*units, *(virtual(h) for h in dict.fromkeys(handles)))


def virtual(handle: str) -> Unit:
    """The unit of an attached file or of a handle that stands nowhere in the text."""
    stem, _, number = handle.rpartition("-")
    kind = "upload" if stem in ("image", "video") else "handle"
    reading = f"attached {stem} {number}" if kind == "upload" else f"{stem or handle} {number}"
    return Unit(-1, -1, handle, reading, (kind,), "virtual")


def trim_time(phrase: str) -> str:
    """A time phrase without leading in/on/at/during/over/for/within/throughout or article: still a span of the text."""
    return _LEAD.sub("", phrase.strip())


def time_like(unit: Unit) -> bool:
    """Whether a plain word can belong to a time phrase that code did not recognise: a number, a day, a part of one."""
    return unit.shape == "digit" or unit.value.casefold().startswith(_TIME_WORDS)


def scene_end(units: Sequence[Unit], start: int) -> int | None:
    """The last unit of the words that a scene beginning at ``start`` may take, None where none may begin.

    A scene is plain words between marks and numbers. Where an observation names it after a colon (``gate 2: car park``)
    it begins with the first word there, which may also be what the camera is called.
    """
    same = [k for k, u in enumerate(units) if u.segment == units[start].segment]
    word = {
        k
        for k in same
        if not units[k].virtual
        and units[k].shape in ("lower", "title", "upper", "mixed", "script")
        and units[k].value.casefold() not in _NO_SCENE
    }
    if start not in word:
        return None
    last = start
    while last + 1 in word:
        last += 1
    named = {k + 1 for k in same if units[k].value == ":" and k + 1 in word}
    if named:
        return last if start in named else None
    return None if any(units[k].marked for k in range(start, last + 1)) else last


def named_scenes(reading: Reading) -> dict[int, dict[int, int]]:
    """For each observation's segment the scenes that its data names, where its text says one: the unit that each begins
    with, and the one that it ends with. An observation without such data has no entry."""
    found: dict[int, dict[int, int]] = {}
    units = reading.units
    for segment, names in enumerate(reading.scenes, REQUEST + 1):
        own = [k for k, u in enumerate(units) if u.segment == segment and not u.virtual]
        ends = {units[k].end: k for k in own}
        for k, name in itertools.product(own, names):
            stop = units[k].start + len(name)
            if stop in ends and reading.text[units[k].start : stop].casefold() == name.casefold():
                found.setdefault(segment, {})[k] = ends[stop]
    return found


def number_of(unit: Unit) -> int | None:
    """The whole number that a plain unit says, in digits or in words, or None."""
    if unit.marked or unit.virtual:
        return None
    word = unit.value.casefold()
    return int(word) if word.isdecimal() and len(word) < 7 else _NUMBER_WORDS.get(word)


def threshold(units: Sequence[Unit]) -> int | None:
    """The number that a request compares with: the one beside a comparing word, else its only number, else None."""
    numbers = [(i, n) for i, u in enumerate(units) if (n := number_of(u)) is not None]
    beside = [
        n
        for i, n in numbers
        if any(u.value.casefold() in _COMPARING for u in [*units[max(0, i - 4) : i], *units[i + 1 : i + 3]])
    ]
    if beside:
        return beside[0]
    return numbers[0][1] if len(numbers) == 1 else None


def find_span(text: str, units: Sequence[Unit], value: str) -> tuple[int, int] | None:
    """The first units ``(first, last)`` whose copied text is ``value``: how earlier calls are pointed at again."""
    for i, unit in enumerate(units):
        if unit.marked and value in (unit.value, trim_time(unit.value)):
            return i, i
    starts = {u.start: i for i, u in enumerate(units) if not u.virtual}
    ends = {u.end: i for i, u in enumerate(units) if not u.virtual}
    at = text.find(value)
    while at >= 0 and value:
        first, last = starts.get(at), ends.get(at + len(value))
        if first is not None and last is not None:
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


def _shifted(units: Iterable[Unit], by: int, segment: int, mark: str) -> list[Unit]:
    return [
        replace(
            u,
            start=u.start + by if u.start >= 0 else -1,
            end=u.end + by if u.end >= 0 else -1,
            kinds=(*u.kinds, mark) if mark else u.kinds,
            segment=segment,
        )
        for u in units
    ]


def _numbered(units: Sequence[Unit]) -> tuple[Unit, ...]:
    return tuple(replace(u, kinds=(*u.kinds, "number")) if number_of(u) is not None else u for u in units)


def _seen_units(passage: Passage, limit: int | None, said: Sequence[Mention]) -> list[Unit]:
    """The units of an observation: handles and the request's own cameras whole, counts compared with ``limit``."""
    out: list[Unit] = []
    handles = {m.start(): m for m in _HANDLE.finditer(passage.text)}
    counts = {m.start() for m in _COUNT.finditer(passage.text)}
    at = -1
    for unit in make_units(passage.text, passage.mentions or tuple(_again(passage.text, said))):
        found = handles.get(unit.start)
        if found is not None:
            kind = "upload" if found[0].startswith(("image", "video")) else "handle"
            out.append(Unit(found.start(), found.end(), found[0], found[0].replace("-", " "), (kind,), "mixed"))
            at = found.end()
        elif unit.start >= at:
            number = number_of(unit)
            if number is not None and limit is not None and (unit.shape != "digit" or unit.start in counts):
                mark = "more" if number > limit else "less" if number < limit else "same"
                unit = replace(unit, kinds=(*unit.kinds, "number", mark))
            out.append(unit)
    return out


def _again(text: str, said: Sequence[Mention]) -> Iterator[Mention]:
    """Where an observation names the cameras and people that the request named."""
    for m in said:
        if m.kind in ("camera", "group", "person") and m.target:
            for found in re.finditer(rf"(?<!\w){re.escape(m.target)}(?!\w)", text, re.IGNORECASE):
                yield Mention(m.kind, found.start(), found.end(), found[0], m.target, 100.0)


def _marked(text: str, mentions: Sequence[Mention]) -> Unit:
    first = mentions[0]
    said = text[first.start : first.end]
    kinds = tuple(k for k in KINDS if any(m.kind == k for m in mentions))
    value, reading = said, _STAND_IN.get(kinds[0], said)
    if kinds[0] == "camera" and first.score >= 60 and normalise_name(said) != normalise_name(first.target):
        # half said, or misspelt by a letter: the name it stands for is what the tool is asked for, in plain sight
        value = first.target
    if kinds[0] == "person" and 60 <= first.score < 99:
        value = first.target
    if kinds[0] in ("camera", "group", "person"):
        best = max(m.score for m in mentions)
        if best < 60 and not (kinds[0] == "person" and best == 50):
            kinds = (*kinds, "unknown")
        elif best < 99:
            # perhaps no name at all: the encoder sees the words themselves
            kinds, reading = (*kinds, "fuzzy"), said
    return Unit(first.start, first.end, value, reading, kinds, shape_of(said))


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
