"""Finding what a request mentions: cameras, groups, people, plates, times and attached files, as character spans.

Owns the search in running text and which finds are kept. What a name, a plate or a time *is* lies in ``names``,
``plates`` and ``times``. A near miss is marked by its score and carries the known name; nobody is named silently.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from rapidfuzz.distance import OSA

from viot_agent.fleet.ellipsis import GOES_ON, MEASURES, asked_about, half_said, said_before
from viot_agent.fleet.lookup import GAP, NameIndex, runs
from viot_agent.fleet.names import (
    area,
    camera_key,
    head_words,
    is_everything,
    name_tokens,
    ranged,
    shared_cameras,
    singulars,
)
from viot_agent.fleet.narrowing import narrowed, reordered, shared_tail
from viot_agent.fleet.others import no_such_side, the_other, told_by_the_clock
from viot_agent.fleet.persons import NO_NAME, PLACE_BEFORE, headline, namesake, person_mentions, unknown_people
from viot_agent.fleet.plates import find_plates, normalise_plate
from viot_agent.fleet.timemention import find_times
from viot_agent.fleet.types import Camera, Mention, MentionKind, Person
from viot_agent.fleet.uploads import find_uploads
from viot_agent.fleet.words import Token, fold, join

MAX_TEXT = 6_000  # characters that are searched; a request is far shorter

_SUBJECTS = frozenset("it he she who".split())  # a verb follows, no plural
_SHARING = frozenset("all both every each either".split())
_VEHICLES = frozenset(
    "cars wheels vans trucks lorries buses bikes trams trains coaches trailers boats taxis cabs".split()
)
_NUMBER_FOLLOWS = re.compile(r"\s*,?\s*(?:\d|[^\W\d_]\b)")
# "2 till 4": no till, and no camera
_STOPS = re.compile(r"\s*(?:$|[.,;:!?)—–])")
_SPAN_BEGUN = re.compile(r"(?:\d|\b(?:[ap]\.?m\.?|noon|midnight|o'clock))\s*$", re.I)
_JOINED = re.compile(
    r"(?:\b(?:and|or|nor|plus|vs|versus|i mean(?:t)?|meant|sor+y|sr+y|soz|ach|no|nope|rather|actually|correction|"
    r"corrigendum|than in|wait|hang on|hold on|make (?:it|that)|(?:scratch|scrap|cancel) that)|[&/])\s*,?\s*$",
    re.I,
)
"""What joins a number to a camera named before it, so that it is none of a time. A mere comma ("gate 2, 5 on Friday
evening") joins only what is no hour, or is written with a zero as a camera's is."""
_HOURLY = re.compile(
    r"\s*(?:[-–—/:.]\s?\d|(?:to|till?|until|through|thru)\s+(?:\d|noon|midnight|midday|half|quarter)|o.?clock\b|"
    r"[ap]\s?\.?\s?m\b|h\d|past\b|after\b|noon\b|midnight\b|midday\b|(?:st|nd|rd|th)\b|and a half\b|"
    r"(?:s|h|secs?|seconds?|mins?|minutes?|hrs?|hours?|days?|nights?|wks?|weeks?|months?|yrs?|years?)\b|"
    r"in the (?:morning|afternoon|evening)|at night|(?:of )?(?:jan|feb|mar(?:ch)?\b|apr|may\b|june?\b|july?\b|aug|"
    r"sept?\b|sept?ember|oct|nov|dec))",
    re.I,
)
"""What follows a number of a time or an amount."""
_NUMBERED = re.compile(r"\b([^\W\d_]{3,20})[ -](\d{1,3})\b(?!\s?(?:[-–]|to|till|until|and)\s?\d)")
_NUMBERED_CAMS = re.compile(
    r"\b(?P<name>[^\W\d_]+(?: [^\W\d_]+){0,2}) (?:cam|camera)s? (?:no\.? ?|number |# ?)?(?P<number>\d{1,3})\b"
    r"(?![:.]\d)",
    re.I,
)
_RANGE_SAID = re.compile(
    r"(?:[^\W\d_]+ ){0,2}[^\W\d_]+[ -]?\d{1,4}\s*(?:-|–|—|\bto\b|\bthru\b|\bthrough\b)\s*\d{1,4}\b(?![:.]\d)", re.I
)
_IN_THE = re.compile(
    r"\b(?:in|at|inside|outside|near|around|on|from|to|through|thru|past|by|into|of) the "
    r"(?P<place>[^\W\d_]{3,}(?: [^\W\d_]{3,})??)(?=\W|$)",
    re.I,
)
_AREA_ENDS = re.compile(
    r"\s*(?:$|[,.;:?!)—–]|\b(?:at|in|on|since|from|between|before|after|until|till|during|around|and|or|for|to|yesterday|"
    r"today|tonight|now|last|this|is|was|are|were|please|pls|while|when|then|if|again|earlier|overnight|camera|cameras|cam|"
    r"cams)\b)",
    re.I,
)
_PLACES = frozenset(
    "gate door dock street entrance exit camera cam hall corridor aisle bay platform terminal lane tower pier "
    "warehouse lobby yard ramp turnstile stairwell lift elevator checkpoint till checkout".split()
)
_CAMERA_WORDS = frozenset("cameras cams feeds".split())


@dataclass(slots=True)
class _Fleet:
    """The cameras' and groups' names, indexed."""

    names: NameIndex[tuple[MentionKind, str]] = field(default_factory=NameIndex)
    words: set[str] = field(default_factory=set)  # of all names: what a plural may stand for
    taken: set[str] = field(default_factory=set)  # as plates
    partial: set[str] = field(default_factory=set)  # keys that are only the end of a name
    parts: list[list[str]] = field(default_factory=list)  # the words of each camera's name


@lru_cache(maxsize=4)
def _fleet_index(known: tuple[tuple[str, tuple[str, ...]], ...]) -> _Fleet:
    out = _Fleet()
    seen: set[str] = set()
    ends: dict[str, list[tuple[MentionKind, str]]] = {}
    for name, groups in known:
        entries: list[tuple[MentionKind, str]] = [("camera", name)]
        entries += [("group", g) for g in groups if g not in seen]
        seen.update(groups)
        for kind, target in entries:
            parts = name_tokens(target)
            out.names.add(camera_key(target), (kind, target), len(parts))
            out.parts += [[t.text for t in parts]] if kind == "camera" else []
            if parts and parts[0].text in ("cam", "camera"):
                other = "camera" if parts[0].text == "cam" else "cam"
                out.names.add(join([Token(other, 0, 0), *parts[1:]]), (kind, target), len(parts))
            for k in range(1, len(parts) - 1):  # "dock B" for "Loading Dock B", where only one camera ends so
                ends.setdefault(join(parts[k:]), []).append((kind, target))
            out.words |= head_words([t.text for t in parts]) | {t.text for t in parts}
            out.taken.add(normalise_plate(target))
    for key, owners in ends.items():
        if len(owners) == 1 and key not in out.names.exact:
            out.names.add(key, owners[0], 1)
            out.partial.add(key)
    return out


def find_mentions(
    text: str,
    cameras: Sequence[Camera],
    people: Sequence[Person],
    uploads: Sequence[str] = (),
    before: Sequence[str] = (),
) -> list[Mention]:
    """All mentions in ``text``, by start. Mentions of different kinds may overlap; of one kind they do not.

    ``uploads`` are the handles of attached files (``image-1``, ``video-1``), ``before`` the cameras that earlier turns
    of the conversation named, in order (``cameras_named``). ``score`` 100 is exact; below, a near miss
    of the ``target``; 0 is a capitalised name that nobody known carries (``target`` = as written; 50 where nobody at
    all is known).
    """
    text = text[:MAX_TEXT]
    fleet = _fleet_index(tuple((c.name, c.groups) for c in cameras))
    found = [*_camera_mentions(text, fleet), *_numbered_cams(text, fleet)]
    begun = {(m.start, m.end) for m in found if m.score == 100 and m.kind == "camera"}
    hours = {s for s in begun if told_by_the_clock(text, s[1]) and any(a == s[0] and b < s[1] for a, b in begun)}
    found = [m for m in found if (m.start, m.end) not in hours]
    exact = [(m.start, m.end) for m in found if m.score == 100 and m.kind == "camera"]
    found += [
        m
        for m in _shared_mentions(text, cameras, fleet)
        if not _inside(m.start, m.end, exact, touching=True)
        # "either gate 2 or the lobby" is no pair of gates
        and not (m.text.casefold().startswith("either") and _NUMBER_FOLLOWS.match(text, m.end))
        and not _two_named(m, found)
    ]
    ranges = [*_ranges(text, cameras), *_areas(text, cameras, fleet, [(m.start, m.end) for m in found])]
    spans = [(m.start, m.end) for m in ranges]
    found = [m for m in found if not _inside(m.start, m.end, spans, touching=True)] + ranges
    exact = [(m.start, m.end) for m in found if m.score == 100]
    found = [m for m in found if m.score == 100 or not _inside(m.start, m.end, exact, touching=True)]
    found += [
        Mention("plate", a, b, text[a:b], normalise_plate(text[a:b]), 100.0)
        for a, b in find_plates(text, fleet.taken)
        if not _inside(a, b, exact, touching=True)
    ]
    numbered = list(_numbered_places(text, fleet, found))
    absent = [(m.start, m.end) for m in numbered]
    found = [m for m in found if m.kind == "plate" or not _inside(m.start, m.end, absent)] + numbered
    # "gate 9" names a camera that is not there, and no time either
    taken = exact + [(m.start, m.end) for m in found if m.kind == "plate" or (m.score < 100 and " " in m.text)]
    taken += asked_about(text) if before else []
    taken += _numbers_alone(text, fleet, found)
    found += [Mention("time", a, b, text[a:b], text[a:b], score) for a, b, score in find_times(text, taken)]
    halves = [m for m in _half_said(text, fleet, found, before) if not _inside(m.start, m.end, spans, touching=True)]
    covered = [(m.start, m.end) for m in halves]
    found = [m for m in found if m.kind != "group" or not _inside(m.start, m.end, covered)]
    # "cam 5" of a follow-up, where kitchen 1 was spoken of and there is a kitchen 5
    found = [m for m in found if m.score or not _inside(m.start, m.end, covered, touching=True)] + halves
    found += [Mention("upload", a, b, text[a:b], handle, score) for a, b, handle, score in find_uploads(text, uploads)]
    known = [(-1, name) for name in before] + [(a, name) for a, _, name in _whole(found)]
    found += [Mention("camera", a, b, text[a:b], name, 100.0) for a, b, name in the_other(text, cameras, known)]
    spans = [(m.start, m.end) for m in found if m.kind in ("camera", "group", "plate")]
    found += [Mention("camera", a, b, text[a:b], text[a:b], 0.0) for a, b in no_such_side(text, fleet.parts, spans)]
    named = list(person_mentions(text, people))
    named = [m for m in named if m.score == 100 or not _inside(m.start, m.end, exact, touching=True)]
    strangers = list(unknown_people(text, fleet.words, 0.0 if people else 50.0))
    if not headline(text):
        named = [m for m in named if not any(namesake(text, m, other) for other in strangers)]
    covered = [(m.start, m.end) for m in (*found, *named)]
    named += [m for m in strangers if not _inside(m.start, m.end, covered, touching=True)]
    return sorted(_longest([*found, *named]), key=lambda m: (m.start, m.end, m.kind))


def cameras_named(mentions: Iterable[Mention]) -> tuple[str, ...]:
    """The cameras that ``mentions`` name for certain, in order."""
    return tuple(m.target for m in mentions if m.kind == "camera" and m.score >= 99)


def _inside(start: int, end: int, spans: Iterable[tuple[int, int]], *, touching: bool = False) -> bool:
    """Whether the stretch lies in one of ``spans``, or (``touching``) overlaps one."""
    return any(a < end and start < b if touching else a <= start and end <= b for a, b in spans)


def _longest(found: Iterable[Mention]) -> list[Mention]:
    """Of overlapping mentions of one kind the exact ones, then the longest, then the best; of namesakes ("Yard 2",
    "yard-2") the one that is written so."""
    kept: list[Mention] = []
    for m in sorted(found, key=lambda m: (m.score < 100, -(m.end - m.start), -m.score, m.start, m.target != m.text)):
        if not any(k.kind == m.kind and k.start < m.end and m.start < k.end for k in kept):
            kept.append(m)
    return kept


# Cameras and groups --------------------------------------------------------------------------------------------------


def _camera_mentions(text: str, fleet: _Fleet) -> Iterator[Mention]:
    cut = name_tokens(text)
    for run in runs(text, cut, fleet.names.longest + 2):
        key = join(run)
        start, end = run[0].start, run[-1].end
        hits = fleet.names.exact.get(key)
        if hits:
            for kind, target in hits:
                # the end of a name is as good as the name, but a misspelt whole name is better
                yield Mention(kind, start, end, text[start:end], target, 99.0 if key in fleet.partial else 100.0)
            continue
        if len(run) == 1 and (singulars(key) or key in fleet.words or key in NO_NAME):
            continue  # "gates" is no misspelt "gate 1", nor is "gate"; "count" is no "court"
        for other, score in fleet.names.near(key):
            if key + "s" == other or other in fleet.partial:
                continue
            same_numbers = re.findall(r"\d+", key) == re.findall(r"\d+", other)
            for kind, target in fleet.names.exact[other]:
                yield Mention(kind, start, end, text[start:end], target, round(score if same_numbers else score / 2, 1))


def _numbered_cams(text: str, fleet: _Fleet) -> Iterator[Mention]:
    """``quay cams 3``, where a camera is called quay 3."""
    cut = name_tokens(text)
    for said in _NUMBERED_CAMS.finditer(text):
        words = [t for t in cut if said.start("name") <= t.start and t.end <= said.end("name")]
        number = [t for t in cut if t.start == said.start("number")]
        known = bool(number) and not _HOURLY.match(text, said.end())  # "the quay cams 3 pm"
        for k in range(len(words)):
            for kind, target in fleet.names.exact.get(join([*words[k:], *number]), ()) if known else ():
                yield Mention(kind, words[k].start, said.end(), text[words[k].start : said.end()], target, 100.0)


def _two_named(shared: Mention, found: Iterable[Mention]) -> bool:
    """Whether ``both chutes`` only leads up to the two that are named, too ("both chutes, chute 1 and chute 2")."""
    *first, noun = [t.text for t in name_tokens(shared.text)]
    if first != ["both"]:
        return False
    ones = {noun, *singulars(noun)}
    named = {m.target for m in found if m.kind == "camera" and m.score == 100}
    return sum(any(t.text in ones for t in name_tokens(name)) for name in named) == 2


def _shared_mentions(text: str, cameras: Sequence[Camera], fleet: _Fleet) -> Iterator[Mention]:
    """``gates``, ``both gates``, ``north gates``, ``the gate cameras``."""
    cut = name_tokens(text)
    for i, t in enumerate(cut):
        shared = any(s in fleet.words for s in singulars(t.text)) or (
            t.text in fleet.words and ((i and cut[i - 1].text in _SHARING) or _next_is(cut, i, _CAMERA_WORDS))
        )
        if not shared or (i and cut[i - 1].text in _SUBJECTS):
            continue  # "it tops 25" is no camera at the top
        if t.text in _VEHICLES and not (_next_is(cut, i, _CAMERA_WORDS) or _placed(cut, i, fleet.words)):
            continue  # "how many cars" asks for no cable car's camera
        last = i + 1 if _next_is(cut, i, _CAMERA_WORDS) else i
        last = max(last, _whole_noun(text, cut, i, cameras, fleet))
        for first in range(max(0, i - 3), i + 1):
            run = cut[first : last + 1]
            if any(not GAP.fullmatch(text[a.end : b.start]) for a, b in itertools.pairwise(run)):
                continue
            if run[0].text in ("the", "a", "an", "our", "of", "any"):
                continue
            start, end = run[0].start, run[-1].end
            name = text[start:end]
            members = [] if is_everything(name) else shared_cameras(name, cameras)
            if members:
                groups = dict.fromkeys(g for c in members for g in c.groups)
                whole = [g for g in groups if {c.id for c in cameras if g in c.groups} == {c.id for c in members}]
                yield Mention("group", start, end, name, whole[0] if len(whole) == 1 else name, 100.0)
                break


def _placed(cut: Sequence[Token], i: int, words: set[str]) -> bool:
    """Whether the word before, or before its article, puts something there ("in the cars", "both buses"), or is part of
    a camera's name too ("cable cars"; ``words``)."""
    before = [t.text for t in cut[max(0, i - 2) : i]]
    if before and before[-1] in ("the", "our", "these", "those", "all"):
        before.pop()
    return bool(before) and (before[-1] in (PLACE_BEFORE | words) or before[-1] in ("both", "either", "from"))


def _whole_noun(text: str, cut: Sequence[Token], i: int, cameras: Sequence[Camera], fleet: _Fleet) -> int:
    """The last word of what "either" or "both" stands before: "either cash office door", not "either cash"."""
    if not i or cut[i - 1].text not in _SHARING:
        return i
    last = i
    for j in range(i + 1, len(cut)):
        if cut[j].text not in fleet.words or not GAP.fullmatch(text[cut[j - 1].end : cut[j].start]):
            break
        if shared_cameras(text[cut[i - 1].start : cut[j].end], cameras):
            last = j
    return last


def _ranges(text: str, cameras: Sequence[Camera]) -> Iterator[Mention]:
    """``gates 1 to 3``, ``greenhouse 1 thru 3``."""
    for span in _RANGE_SAID.finditer(text):
        if MEASURES.match(text, span.end()):
            continue
        for name in (span[0], span[0].partition(" ")[2], span[0].partition(" ")[2].partition(" ")[2]):
            if name[:1].isalpha() and ranged(name, cameras):
                yield Mention("group", span.end() - len(name), span.end(), name, name, 100.0)
                break


def _areas(text: str, cameras: Sequence[Camera], fleet: _Fleet, taken: Sequence[tuple[int, int]]) -> Iterator[Mention]:
    """``in the archive``, where several cameras begin so."""
    for found in _IN_THE.finditer(text):
        start, end = found.span("place")
        if fold(found["place"].split()[0]) not in fleet.words or _inside(start, end, taken, touching=True):
            continue
        if _AREA_ENDS.match(text, end) and area(found["place"], cameras):
            yield Mention("group", start, end, found["place"], found["place"], 100.0)


def _numbered_places(text: str, fleet: _Fleet, found: Sequence[Mention]) -> Iterator[Mention]:
    """``gate 9`` and ``stret 3``, where no camera is called so: a name that does not exist, and no time."""
    for said in _NUMBERED.finditer(text):
        word, end = fold(said[1]), said.end()
        if word == "till" and _SPAN_BEGUN.search(text, 0, said.start()):
            continue
        known = word in _PLACES or word in fleet.words
        if not known and len(word) >= 5:
            known = any(len(w) >= 5 and OSA.distance(word, w, score_cutoff=1) <= 1 for w in fleet.words | _PLACES)
        # "yard" is a camera, "yard 14" another one; "yard 14:00" is a time at the first
        apart = _HOURLY.match(text, end) is not None or not int(said[2])
        apart |= not (GOES_ON.match(text, end) or _STOPS.match(text, end))  # "yard 3 vans"
        bare = [m for m in found if not apart and m.start <= said.start() and m.end == said.end(1)]
        start = min([said.start(), *(m.start for m in bare)])
        weak = [m for m in found if m.kind == "group" and m.score < 60]
        others = [(m.start, m.end) for m in found if m not in bare and m not in weak]
        if known and not MEASURES.match(text, end) and not _inside(start, end, others, touching=True):
            yield Mention("camera", start, end, text[start:end], text[start:end], 0.0)


def _numbers_alone(text: str, fleet: _Fleet, found: Sequence[Mention]) -> list[tuple[int, int]]:
    """Numbers that make a known camera of one said before, and so no time ("gate 7 and 8 on Monday")."""
    whole = _whole(found)
    taken = [(m.start, m.end) for m in found if m.kind not in ("camera", "group")]
    hits = half_said(text, whole, taken, lambda key: _cameras_of(fleet, key))
    return [
        (a, b)
        for a, b, _ in hits
        if text[a:b].isdigit()
        and (_JOINED.search(text[max(0, a - 24) : a]) or text[a] == "0" or int(text[a:b]) > 24)
        and not _HOURLY.match(text, b)
    ]


def _whole(found: Sequence[Mention]) -> list[tuple[int, int, str]]:
    """Where cameras are named for certain, each once."""
    return [(m.start, m.end, m.target) for m in _longest(m for m in found if m.kind == "camera" and m.score >= 99)]


def _cameras_of(fleet: _Fleet, key: str) -> list[str]:
    return [target for kind, target in fleet.names.exact.get(key, ()) if kind == "camera"]


def _half_said(text: str, fleet: _Fleet, found: Sequence[Mention], before: Sequence[str]) -> list[Mention]:
    """``gate 2 and 3``: the cameras whose names are said only in part, beside one that is said whole."""

    def find(key: str) -> list[str]:
        return _cameras_of(fleet, key)

    whole = _whole(found)
    taken = [(m.start, m.end) for m in found if m.kind not in ("camera", "group")]
    hits = list(half_said(text, whole, taken, find))
    cut = name_tokens(text)
    if before and not any(m.kind in ("camera", "group") and m.score for m in found):
        hits += said_before(text, cut, before, taken, find)
    busy = [(a, b) for a, b, _ in (*whole, *hits)] + taken
    hits += reordered(text, cut, busy, find)
    whole += hits
    hits += shared_tail(text, cut, whole, [(a, b) for a, b, _ in whole] + taken, find)
    hits += narrowed(text, cut, whole, [(a, b) for a, b, _ in whole] + taken, find, fleet.parts)
    return [Mention("camera", a, b, text[a:b], name, 100.0) for a, b, name in hits]


def _next_is(cut: Sequence[Token], i: int, words: frozenset[str]) -> bool:
    return i + 1 < len(cut) and cut[i + 1].text in words
