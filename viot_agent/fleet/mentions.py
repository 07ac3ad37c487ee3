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

from viot_agent.fleet.ellipsis import MEASURES, asked_about, half_said, said_before
from viot_agent.fleet.lookup import NameIndex
from viot_agent.fleet.names import (
    area,
    camera_key,
    head_words,
    is_everything,
    name_tokens,
    person_key,
    person_parts,
    ranged,
    shared_cameras,
    singulars,
)
from viot_agent.fleet.narrowing import narrowed, reordered, shared_tail
from viot_agent.fleet.plates import find_plates, normalise_plate
from viot_agent.fleet.timemention import find_times
from viot_agent.fleet.types import Camera, Mention, MentionKind, Person
from viot_agent.fleet.uploads import find_uploads
from viot_agent.fleet.words import Token, fold, is_unspaced, join, tokens

MAX_TEXT = 6_000  # characters that are searched; a request is far shorter

_GAP = re.compile(r"[\s\-_.·/#'’‐‑–]{0,3}")
_SUBJECTS = frozenset("it he she who".split())  # a verb follows, no plural
_SHARING = frozenset("all both every each either".split())
_VEHICLES = frozenset(
    "cars wheels vans trucks lorries buses bikes trams trains coaches trailers boats taxis cabs".split()
)
_NUMBER_FOLLOWS = re.compile(r"\s*,?\s*(?:\d|[^\W\d_]\b)")
# "2 till 4": no till, and no camera
_SPAN_BEGUN = re.compile(r"(?:\d|\b(?:[ap]\.?m\.?|noon|midnight|o'clock))\s*$", re.I)
_NUMBERED = re.compile(r"\b([^\W\d_]{3,20})[ -](\d{1,3})\b(?!\s?(?:[-–]|to|till|until|and)\s?\d)")
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

# enrolled names that are also words: taken only with a capital inside a sentence
_WORDS_TOO = frozenset(
    "will may mark grace rose hope dawn art drew chase bill hall gates banks field parker park cole lane woods "
    "king young brown baker walker long best white black green north day rice wood stone bush little big old van "
    "der de la da bin al dr mr mrs ms prof officer sheikh st sky summer autumn april june august faith joy jack "
    "guy kay ray pat sue rob".split()
)
# words that begin a sentence, or stand capitalised for another reason, and are nobody's name
_NO_NAME = frozenset(
    "i is has have had did does do was were are am be been can could would should will shall may might must who "
    "whom whose what when where which why how show find check tell give get export save pull look search see "
    "watch list count name any anyone anybody anything has hasn't is there this that these those the a an and or "
    "but if of in on at by for from to with near please hello hi hey thanks thank good morning afternoon evening "
    "night sorry ok okay yes no not now also then today yesterday tomorrow tonight last next first second third "
    "since until before after between around during over monday tuesday wednesday thursday friday saturday sunday "
    "january february march april june july august september october november december cctv camera cameras cam "
    "video image picture photo plate car vehicle somebody someone nobody everyone everybody people person man "
    "woman boy girl my your our his her their its it he she we you they me him them us need want let let's make "
    "cut send copy clip footage recording alert notify report who's what's where's i'm i've blur hide mask cloak "
    "redact compare track follow locate confirm verify unit over out how's there's just still".split()
)
# what people are called by before a name ("Nurse Silva" is whoever of that name is enrolled), and a few words that
# stand beside one and are no part of it
_TITLES = frozenset(
    "mr mrs ms miss mister missus dr doctor prof professor sir dame lord lady father mother brother sister uncle aunt "
    "auntie nurse officer constable sergeant inspector detective captain lieutenant major colonel general judge agent "
    "guard porter warden ranger driver coach trainer teacher headmaster principal dean tutor chef cook waiter barista "
    "manager director chairman president mayor minister senator councillor deputy reverend pastor rabbi imam bishop "
    "engineer foreman supervisor operator dispatcher courier janitor cleaner caretaker landlord tenant resident guest "
    "visitor client customer patient passenger witness suspect colleague pupil student trainee intern apprentice "
    "lecturer old young little big granny grandma grandpa nan herr frau monsieur madame senor senora signora sgt cpl "
    "lt capt employee security staff member team leader head chief boss worker prime first runner player number case "
    "christmas trace".split()
)
_PLACE_BEFORE = frozenset("in at on inside outside near into onto by towards".split())
_PARTICLES = frozenset("van von der den de la le da do dos das di del bin ibn al el ben st".split())


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


@lru_cache(maxsize=4)
def _people_index(known: tuple[str, ...]) -> tuple[NameIndex[str], dict[str, list[str]]]:
    """Names by key (full and parts), and who has each part."""
    index: NameIndex[str] = NameIndex()
    parts: dict[str, list[str]] = {}
    for name in known:
        words = person_parts(name)
        index.add(person_key(name), name, len(words))
        keys = set()
        if all(is_unspaced(w[0]) for w in words):
            whole = "".join(words)
            keys |= {whole[-n:] for n in (2, 3) if n < len(whole)}
        else:
            for i in range(len(words)):
                for j in range(i + 1, len(words) + 1):
                    if (
                        j - i < len(words)
                        and (j - i > 1 or len(words[i]) > 2)
                        and words[i] not in ("dr", "mr", "mrs", "ms")
                    ):
                        keys.add("".join(words[i:j]))
        for key in keys:
            index.add(key, name, len(words))
            parts.setdefault(key, []).append(name)
    return index, parts


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
    found = list(_camera_mentions(text, fleet))
    exact = [(m.start, m.end) for m in found if m.score == 100 and m.kind == "camera"]
    found += [
        m
        for m in _shared_mentions(text, cameras, fleet)
        if not _inside(m.start, m.end, exact, touching=True)
        # "either gate 2 or the lobby" is no pair of gates
        and not (m.text.casefold().startswith("either") and _NUMBER_FOLLOWS.match(text, m.end))
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
    found += _numbered_places(text, fleet, [(m.start, m.end) for m in found])
    # "gate 9" names a camera that is not there, and no time either
    taken = exact + [(m.start, m.end) for m in found if m.kind == "plate" or (m.score < 100 and " " in m.text)]
    taken += asked_about(text) if before else []
    found += [Mention("time", a, b, text[a:b], text[a:b], score) for a, b, score in find_times(text, taken)]
    halves = [m for m in _half_said(text, fleet, found, before) if not _inside(m.start, m.end, spans, touching=True)]
    covered = [(m.start, m.end) for m in halves]
    found = [m for m in found if m.kind != "group" or not _inside(m.start, m.end, covered)]
    # "cam 5" of a follow-up, where kitchen 1 was spoken of and there is a kitchen 5
    found = [m for m in found if m.score or not _inside(m.start, m.end, covered, touching=True)] + halves
    found += [Mention("upload", a, b, text[a:b], handle, score) for a, b, handle, score in find_uploads(text, uploads)]
    named = list(_person_mentions(text, people))
    named = [m for m in named if m.score == 100 or not _inside(m.start, m.end, exact, touching=True)]
    strangers = list(_unknown_people(text, fleet, 0.0 if people else 50.0))
    if not _headline(text):
        named = [m for m in named if not any(_namesake(text, m, other) for other in strangers)]
    covered = [(m.start, m.end) for m in (*found, *named)]
    named += [m for m in strangers if not _inside(m.start, m.end, covered, touching=True)]
    return sorted(_longest([*found, *named]), key=lambda m: (m.start, m.end, m.kind))


def cameras_named(mentions: Iterable[Mention]) -> tuple[str, ...]:
    """The cameras that ``mentions`` name for certain, in order."""
    return tuple(m.target for m in mentions if m.kind == "camera" and m.score >= 99)


def _namesake(text: str, known: Mention, stranger: Mention) -> bool:
    """Whether one name of somebody known is said with another that is not theirs: "Beatrix Loame" and "Patrice Smith"
    are not Patrice Loame. What begins a sentence may be any word."""
    own = (known.start - stranger.start, known.end - stranger.start)
    if own[0] < 0 or known.end > stranger.end or len(known.text.split()) > 1:
        return False
    if own[0] > 0 and known.end < stranger.end:
        return False  # the middle of a longer name
    others = (stranger.text[: own[0]] + stranger.text[own[1] :]).split()
    others = others[own[0] > 0 and _begins(text, stranger.start) :]
    others = [fold(w.rstrip(".")) for w in others]
    others = [w for w in others if w not in _TITLES]
    theirs = {fold(w) for w in known.target.split()}
    # "Alexander" may be Alex
    return bool(others) and not any(len(w) < 3 or w.startswith(t) or t.startswith(w) for w in others for t in theirs)


def _headline(text: str) -> bool:
    """Whether nearly every word begins with a capital: capitals tell no names then."""
    words = [w for w in text.split() if w[0].isalpha()]
    return len(words) > 4 and sum(w[0].isupper() for w in words) > 0.8 * len(words)


def _inside(start: int, end: int, spans: Iterable[tuple[int, int]], *, touching: bool = False) -> bool:
    """Whether the stretch lies in one of ``spans``, or (``touching``) overlaps one."""
    return any(a < end and start < b if touching else a <= start and end <= b for a, b in spans)


def _longest(found: Iterable[Mention]) -> list[Mention]:
    """Of overlapping mentions of one kind the exact ones, then the longest, then the best."""
    kept: list[Mention] = []
    for m in sorted(found, key=lambda m: (m.score < 100, -(m.end - m.start), -m.score, m.start)):
        if not any(k.kind == m.kind and k.start < m.end and m.start < k.end for k in kept):
            kept.append(m)
    return kept


def _runs(text: str, cut: Sequence[Token], longest: int) -> Iterator[Sequence[Token]]:
    """Neighbouring tokens, up to ``longest`` of them, with nothing but separators between."""
    for i in range(len(cut)):
        for j in range(i + 1, min(len(cut), i + longest) + 1):
            if j - i > 1 and not _GAP.fullmatch(text[cut[j - 2].end : cut[j - 1].start]):
                break
            yield cut[i:j]


# Cameras and groups --------------------------------------------------------------------------------------------------


def _camera_mentions(text: str, fleet: _Fleet) -> Iterator[Mention]:
    cut = name_tokens(text)
    for run in _runs(text, cut, fleet.names.longest + 2):
        key = join(run)
        start, end = run[0].start, run[-1].end
        hits = fleet.names.exact.get(key)
        if hits:
            for kind, target in hits:
                # the end of a name is as good as the name, but a misspelt whole name is better
                yield Mention(kind, start, end, text[start:end], target, 99.0 if key in fleet.partial else 100.0)
            continue
        if len(run) == 1 and (singulars(key) or key in fleet.words or key in _NO_NAME):
            continue  # "gates" is no misspelt "gate 1", nor is "gate"; "count" is no "court"
        for other, score in fleet.names.near(key):
            if key + "s" == other or other in fleet.partial:
                continue
            same_numbers = re.findall(r"\d+", key) == re.findall(r"\d+", other)
            for kind, target in fleet.names.exact[other]:
                yield Mention(kind, start, end, text[start:end], target, round(score if same_numbers else score / 2, 1))


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
            if any(not _GAP.fullmatch(text[a.end : b.start]) for a, b in itertools.pairwise(run)):
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
    return bool(before) and (before[-1] in (_PLACE_BEFORE | words) or before[-1] in ("both", "either", "from"))


def _whole_noun(text: str, cut: Sequence[Token], i: int, cameras: Sequence[Camera], fleet: _Fleet) -> int:
    """The last word of what "either" or "both" stands before: "either cash office door", not "either cash"."""
    if not i or cut[i - 1].text not in _SHARING:
        return i
    last = i
    for j in range(i + 1, len(cut)):
        if cut[j].text not in fleet.words or not _GAP.fullmatch(text[cut[j - 1].end : cut[j].start]):
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


def _numbered_places(text: str, fleet: _Fleet, taken: Sequence[tuple[int, int]]) -> Iterator[Mention]:
    """``gate 9`` and ``stret 3``, where no camera is called so: a name that does not exist, and no time."""
    for found in _NUMBERED.finditer(text):
        word = fold(found[1])
        if word == "till" and _SPAN_BEGUN.search(text, 0, found.start()):
            continue
        known = word in _PLACES or word in fleet.words
        if not known and len(word) >= 5:
            known = any(len(w) >= 5 and OSA.distance(word, w, score_cutoff=1) <= 1 for w in fleet.words | _PLACES)
        if known and not MEASURES.match(text, found.end()) and not _inside(*found.span(), taken, touching=True):
            yield Mention("camera", found.start(), found.end(), found[0], found[0], 0.0)


def _half_said(text: str, fleet: _Fleet, found: Sequence[Mention], before: Sequence[str]) -> list[Mention]:
    """``gate 2 and 3``: the cameras whose names are said only in part, beside one that is said whole."""

    def find(key: str) -> list[str]:
        return [target for kind, target in fleet.names.exact.get(key, ()) if kind == "camera"]

    whole = [(m.start, m.end, m.target) for m in found if m.kind == "camera" and m.score >= 99]
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


# People --------------------------------------------------------------------------------------------------------------


def _person_mentions(text: str, people: Sequence[Person]) -> Iterator[Mention]:
    index, parts = _people_index(tuple(p.name for p in people))
    full = {person_key(p.name): p.name for p in people}
    caseless = text.lower() == text or text.upper() == text
    for run in _runs(text, tokens(text), index.longest + 1):
        key = join(run)
        start, end = run[0].start, run[-1].end
        said = text[start:end]
        one = len(run) == 1
        capital = said[:1].isupper() or not said[:1].islower()
        if one and key in _WORDS_TOO and (caseless or not capital or _begins(text, start)):
            continue
        if key in full:
            yield Mention("person", start, end, said, full[key], 100.0)
        elif key in index.exact:
            owners = parts.get(key, [])
            alone = len(owners) == 1
            yield Mention("person", start, end, said, owners[0] if alone else said, 100.0 if alone else 50.0)
        elif capital or caseless:
            for other, score in index.near(key):
                owners = index.exact[other]
                if len(owners) == 1 and (not one or key not in _NO_NAME):
                    yield Mention("person", start, end, said, owners[0], round(score, 1))


def _begins(text: str, start: int) -> bool:
    """Whether a sentence begins at ``start``."""
    before = text[:start].rstrip(" \t\"'(")
    return not before or before[-1] in ".?!;\n"


_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*\.?")


def _unknown_people(text: str, fleet: _Fleet, score: float) -> Iterator[Mention]:
    """Capitalised names that nobody known carries: two words and more, or one inside a sentence."""
    if text.upper() == text:
        return
    run: list[re.Match[str]] = []
    words = [*_WORD.finditer(text), None]
    for word in words:
        adjoining = word is not None and bool(run) and _goes_on(text, run[-1], word)
        if word is not None and adjoining and word[0].lower() in _PARTICLES:
            run.append(word)
            continue
        if word is not None and _is_name(word[0], fleet) and (adjoining or not run):
            run.append(word)
            continue
        yield from _named(text, run, score)
        run = [word] if word is not None and _is_name(word[0], fleet) else []


def _goes_on(text: str, one: re.Match[str], other: re.Match[str]) -> bool:
    """Whether two words can be of one name: on one line, no end of a sentence between ("Dr." ends none)."""
    between = text[one.end() : other.start()]
    ended = one[0].endswith(".") and len(one[0]) > 4
    return not between.strip() and "\n" not in between and not ended


def _is_name(word: str, fleet: _Fleet) -> bool:
    plain = word.rstrip(".").lower()
    second = word[1:2]
    if not word[0].isupper() or not (second.islower() or second in ("'", "’", ".")) or re.match(r"I['’]", word):
        return False
    bare = re.sub(r"['’]s$", "", plain)
    return bare not in _NO_NAME and bare not in fleet.words and not any(s in fleet.words for s in singulars(bare))


def _named(text: str, run: list[re.Match[str]], score: float) -> Iterator[Mention]:
    while run and run[-1][0].lower() in _PARTICLES:
        run = run[:-1]
    if not run:
        return
    start, end = run[0].start(), run[-1].end()
    if text[end - 1] == "." and len(run[-1][0]) > 2:
        end -= 1
    if re.search(r"['’]s$", text[start:end]):
        end -= 2
    before = text[:start].split()
    place = bool(before) and before[-1].lower() in _PLACE_BEFORE
    followed = re.match(r"\s?-?\s?\d", text[end:])
    if place or followed or (len(run) == 1 and (_begins(text, start) or len(run[0][0]) < 3)):
        return
    yield Mention("person", start, end, text[start:end], text[start:end], score)
