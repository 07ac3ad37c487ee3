"""Names of cameras, groups and people as people say them: exact after normalising, or not at all.

Owns when a said name *is* a known one (case, separators, number words, plurals that stand for several cameras, a given
name that only one person has). Near misses are offered in ``NameFault.nearest`` and never taken. Does not know the
library or scopes.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from viot_agent.errors import NameFault
from viot_agent.fleet.types import Camera, Person
from viot_agent.fleet.words import Token, fold, is_unspaced, join, numbered, tokens

FEW = 8
"""Up to so many cameras are all named where a name is not among them and none resembles it."""
_ARTICLES = frozenset("the a an our my your".split())
_SHARING = frozenset("all both every each any either".split())
_CAMERA_WORDS = frozenset("camera cameras cam cams cctv feed feeds".split())
_ALL = frozenset(
    "all any everything everywhere anywhere fleet allcameras everycamera eachcamera anycamera allcams wholefleet "
    "entirefleet allofthem cameras cams feeds wholesite entiresite".split()
)
SIDES = {
    "north": "n", "south": "s", "east": "e", "west": "w", "left": "l", "right": "r", "upper": "", "lower": "",
    "inner": "", "outer": "", "front": "", "back": "", "rear": "", "top": "", "bottom": "", "main": "", "side": "",
    "old": "", "new": "",
}  # fmt: skip
"""Words that tell one camera from its sibling, and how they are cut short."""
_NUMBER_SIGNS = frozenset("no nr number num".split())
_TITLES = frozenset("mr mrs ms miss mx dr doctor prof professor sir madam officer".split())


# Normalising --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8192)
def name_tokens(text: str, *, accents: bool = False) -> tuple[Token, ...]:
    """Tokens of a camera's name: number words as digits, "number" before a digit dropped."""
    cut = numbered(tokens(text, accents=accents))
    return tuple(
        t for i, t in enumerate(cut) if not (t.text in _NUMBER_SIGNS and i and i + 1 < len(cut) and cut[i + 1].number)
    )


@lru_cache(maxsize=8192)
def normalise_name(text: str) -> str:
    """The form in which camera names are compared: ``Gate-Two``, ``gate_02`` and ``GATE 2`` are all ``gate 2``."""
    out = ""
    last: Token | None = None
    for t in name_tokens(unicodedata.normalize("NFC", text), accents=True):
        glued = last is not None and last.end == t.start and is_unspaced(last.text[-1]) and is_unspaced(t.text[0])
        out += t.text if last is None or glued else " " + t.text
        last = t
    return out


@lru_cache(maxsize=8192)
def camera_key(text: str) -> str:
    """A looser form for looking up: no accents, no separators."""
    return join(name_tokens(unicodedata.normalize("NFC", text)))


@lru_cache(maxsize=8192)
def person_key(text: str) -> str:
    """The lookup form of a person's name: no accents, no separators."""
    return join(tokens(unicodedata.normalize("NFC", text)))


def singulars(word: str) -> tuple[str, ...]:
    """What ``word`` may be the plural of; empty when it is no plural."""
    if len(word) < 4 or not word.endswith("s") or word.endswith("ss"):
        return ()
    out = [word[:-1]]
    if word.endswith("ies"):
        out.append(word[:-3] + "y")
    if word.endswith(("ches", "shes", "xes", "ses", "zes")):
        out.append(word[:-2])
    return tuple(out)


def head_words(parts: Sequence[str]) -> set[str]:
    """What a camera's name says it is: ``gate`` of "gate 2", "north gate" and "gate 2 north"."""
    words = [p for p in parts if not p.isdigit() and len(p) > 1]
    heads = set(words[-1:])
    heads |= {a for a, b in itertools.pairwise(parts) if len(a) > 1 and (b.isdigit() or len(b) == 1)}
    return {h for h in heads if not h.isdigit()}


# Cameras -------------------------------------------------------------------------------------------------------------


def is_everything(name: str) -> bool:
    """Whether ``name`` means the whole fleet: "all cameras", "everywhere"."""
    parts = [t.text for t in tokens(name) if t.text not in _ARTICLES]
    return "".join(parts) in _ALL


def resolve_camera_names(names: Sequence[str], cameras: Iterable[Camera]) -> list[Camera]:
    """The cameras that ``names`` mean, in the order said, each once.

    A name is a camera's or a group's (normalised), a plural or shared form ("gates", "both gates", "the gate cameras"
    = every camera with that head word), an enumeration ("gates 1 and 3") or the whole fleet ("all cameras"). Raises
    NameFault with the nearest names otherwise.
    """
    fleet = list(cameras)
    found: dict[int, Camera] = {}
    for name in names:
        for camera in _cameras(name, fleet):
            found.setdefault(camera.id, camera)
    return list(found.values())


def _cameras(name: str, fleet: Sequence[Camera]) -> list[Camera]:
    exact = _exact(name, fleet)
    if exact:
        return exact
    if is_everything(name) and fleet:
        return list(fleet)
    shared = shared_cameras(name, fleet) or ranged(name, fleet) or area(name, fleet) or _listed(name, fleet)
    if shared:
        return shared
    known = list(dict.fromkeys([c.name for c in fleet] + [g for c in fleet for g in c.groups]))
    near = nearest_names(name, known)
    if not known:
        raise NameFault(
            f"there is no camera called {name!r}: none has been added", name=name, fix="viot camera add NAME SOURCE"
        )
    few = f"the cameras are {', '.join(c.name for c in fleet)}" if len(fleet) <= FEW else ""
    fix = f"did you mean {', '.join(near)}?" if near else few or "viot camera list shows the names"
    raise NameFault(f"there is no camera or group called {name!r}", name=name, nearest=near, fix=fix)


def _exact(name: str, fleet: Sequence[Camera]) -> list[Camera]:
    """By the name as written, then normalised, then without accents, then without "the" and "camera"."""
    for form in (fold, normalise_name, camera_key, _trimmed):
        key = form(name) if form is not fold else fold(name, accents=True)
        if not key:
            continue
        hits = [c for c in fleet if (form(c.name) if form is not fold else fold(c.name, accents=True)) == key]
        if len(hits) > 1:
            raise NameFault(
                f"{name!r} may be any of {', '.join(c.name for c in hits)}",
                name=name,
                nearest=[c.name for c in hits[:3]],
                fix="write the name exactly as viot camera list shows it",
            )
        if hits:
            return hits
        members = [c for c in fleet if any(form(g) == key for g in c.groups)] if form is not fold else []
        if members:
            return members
    return []


def _trimmed(name: str) -> str:
    """Lookup key without articles in front and camera words at either end ("the gate 2 camera")."""
    parts = name_tokens(name)
    while len(parts) > 1 and (parts[0].text in _ARTICLES or parts[0].text in _CAMERA_WORDS):
        parts = parts[1:]
    while len(parts) > 1 and (parts[-1].text in _CAMERA_WORDS or parts[-1].text == "s"):
        parts = parts[:-1]
    return join(parts)


def shared_cameras(name: str, fleet: Sequence[Camera]) -> list[Camera]:
    """Every camera that a plural or shared form covers, or its group; empty when it is no such form."""
    words = [t.text for t in name_tokens(name)]
    said_shared = False
    while words and (words[0] in _ARTICLES or words[0] in _SHARING or words[0] == "of"):
        said_shared |= words[0] in _SHARING
        words = words[1:]
    if said_shared and len(words) > 1 and words[0].isdigit():  # "all three gates"
        words = words[1:]
    while len(words) > 1 and words[-1] in _CAMERA_WORDS:
        said_shared |= words[-1].endswith("s")
        words = words[:-1]
    if not words or any(w.isdigit() for w in words):
        return []
    *before, last = words
    heads = set(singulars(last)) | ({last} if said_shared else set())
    if not heads:
        return []
    forms = {"".join([*before, h]) for h in heads} | {"".join(words)} | {"".join([*before, last + "s"])}
    members = [c for c in fleet if any(camera_key(g) in forms for g in c.groups)]
    if members:
        return members
    fits = [c for c in fleet if _words_of(c.name).issuperset(before)]
    by_head = [c for c in fits if heads & _heads_of(c.name)]
    return by_head or [c for c in fits if heads & _words_of(c.name)]


@lru_cache(maxsize=8192)
def _words_of(name: str) -> frozenset[str]:
    return frozenset(t.text for t in name_tokens(name))


@lru_cache(maxsize=8192)
def _heads_of(name: str) -> frozenset[str]:
    return frozenset(head_words([t.text for t in name_tokens(name)]))


RANGE = re.compile(r"(\d{1,4})\s*(-|–|—|to|thru|through)\s*(\d{1,4})$", re.IGNORECASE)
"""From which number to which: "gates 1 to 3"."""
_FARTHEST = 200


def ranged(name: str, fleet: Sequence[Camera]) -> list[Camera]:
    """``gates 1 to 3``, ``gate 1 thru 3``: the cameras of that name with a number from the first to the last, both of
    which there must be; empty when it is no such form."""
    span = RANGE.search(name.strip())
    if span is None:
        return []
    head = [t.text for t in name_tokens(name.strip()[: span.start()])]
    head = head[1:] if head and head[0] in _ARTICLES else head
    first, last = int(span[1]), int(span[3])
    if not head or not first < last <= first + _FARTHEST:
        return []
    plural = singulars(head[-1])
    if not plural and span[2].casefold() not in ("thru", "through"):
        return []  # "gate 2 to 4" may be a time
    by_key: dict[str, list[Camera]] = {}
    for camera in fleet:
        by_key.setdefault(camera_key(camera.name), []).append(camera)
    for noun in (*plural, head[-1]):
        rows = [by_key.get(camera_key(" ".join([*head[:-1], noun, str(n)])), []) for n in range(first, last + 1)]
        if rows[0] and rows[-1]:
            return [camera for row in rows for camera in row]
    return []


def area(name: str, fleet: Sequence[Camera]) -> list[Camera]:
    """``the archive`` for "Archive Door" and "Archive Stacks": the cameras, two or more, whose names begin so and go on
    with a word. Not ``the gate`` for "gate 1" and "gate 2": that is one of them, and which is not said."""
    words = [t.text for t in name_tokens(name)]
    words = words[1:] if words and words[0] in _ARTICLES else words
    found = []
    for camera in fleet:
        parts = [t.text for t in name_tokens(camera.name)]
        if words and len(parts) > len(words) and parts[: len(words)] == words:
            if parts[len(words)].isdigit() or len(parts[len(words)]) < 3 or parts[len(words)] in SIDES:
                return []
            found.append(camera)
    return found if len(found) > 1 and sum(map(len, words)) > 2 else []


_JOINTS = re.compile(r"\s*(?:,|&|\+|\band\b|\bor\b)\s*", re.IGNORECASE)


def _listed(name: str, fleet: Sequence[Camera]) -> list[Camera]:
    """``gates 1 and 3``, ``gate 1, 2 and 3``, ``gate 1 and the lobby``: all parts exact, or nothing."""
    pieces = [p for p in _JOINTS.split(name) if p]
    if not 2 <= len(pieces) <= 32:
        return []
    first = [t.text for t in name_tokens(pieces[0]) if t.text not in _ARTICLES]
    stems = [" ".join([*first[:-2], s]) for s in (*singulars(first[-2]), first[-2])] if len(first) > 1 else []
    out: list[Camera] = []
    for k, piece in enumerate(pieces):
        tries = [piece] if k or not stems else [f"{stem} {first[-1]}" for stem in stems] + [piece]
        if k and len(tokens(piece)) == 1:
            tries += [f"{stem} {piece}" for stem in stems]
        hits = next((h for h in (_exact(t, fleet) for t in tries) if h), [])
        if not hits:
            return []
        out += hits
    return out


def nearest_names(name: str, known: Iterable[str], *, limit: int = 3, cutoff: float = 55) -> list[str]:
    """Up to ``limit`` known names that resemble ``name``, best first (rapidfuzz; ``cutoff`` 0..100)."""
    from rapidfuzz import fuzz, process  # late: only a miss pays for the import

    choices = list(known)
    keys = [camera_key(c) for c in choices]
    found = process.extract(camera_key(name), keys, scorer=fuzz.ratio, limit=limit, score_cutoff=cutoff)
    if len(found) < limit:  # a part of a longer name
        more = process.extract(camera_key(name), keys, scorer=fuzz.partial_ratio, limit=limit, score_cutoff=85)
        found += [m for m in more if m[2] not in {f[2] for f in found}] if len(camera_key(name)) >= 3 else []
    return [choices[i] for _, _, i in found[:limit]]


# People --------------------------------------------------------------------------------------------------------------


def person_parts(name: str) -> list[str]:
    """The words of a person's name, folded, without accents."""
    return [t.text for t in tokens(unicodedata.normalize("NFC", name))]


def match_people(name: str, people: Iterable[Person]) -> list[Person]:
    """Everybody whom ``name`` may mean exactly: one by the full name, else all who have it as a part of theirs."""
    everyone = list(people)
    said = unicodedata.normalize("NFC", name)
    for form in (lambda n: join(tokens(n, accents=True)), person_key):
        full = [p for p in everyone if form(unicodedata.normalize("NFC", p.name)) == form(said)] if form(said) else []
        if full:
            return full
    parts = person_parts(said)
    while len(parts) > 1 and parts[0] in _TITLES:
        parts = parts[1:]
    while len(parts) > 1 and parts[-1] == "s":  # Miranda's
        parts = parts[:-1]
    if not parts:
        return []
    full = [p for p in everyone if sorted(person_parts(p.name)) == sorted(parts)]  # "Obama, Barack"
    return full or [p for p in everyone if _has_part(person_parts(p.name), parts)]


def _has_part(whole: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether ``parts`` are neighbouring words of ``whole``; of an unspaced name at least two characters of its end."""
    if all(is_unspaced(p[0]) for p in parts):
        return len("".join(parts)) > 1 and "".join(whole).endswith("".join(parts))
    if all(len(p) == 1 for p in parts):
        return False
    n = len(parts)
    return any(list(whole[i : i + n]) == list(parts) for i in range(len(whole) - n + 1))


def resolve_person_name(name: str, people: Iterable[Person]) -> Person:
    """The one enrolled person of this full, given or family name. Raises NameFault with the nearest names."""
    everyone = list(people)
    found = match_people(name, everyone)
    if len(found) == 1:
        return found[0]
    if found:
        both = [p.name for p in found]
        raise NameFault(
            f"{name!r} may be {' or '.join(both[:5])}", name=name, nearest=both, fix="say which one, by the full name"
        )
    near = nearest_people(name, everyone)
    fix = f"did you mean {', '.join(near)}?" if near else "viot person list shows who is enrolled"
    raise NameFault(f"nobody called {name!r} is enrolled", name=name, nearest=near, fix=fix)


def nearest_people(name: str, people: Iterable[Person], *, limit: int = 3, cutoff: float = 70) -> list[str]:
    """Up to ``limit`` enrolled names that resemble ``name`` as a whole or in one of their parts."""
    from rapidfuzz import fuzz

    said = person_key(name)
    scored = []
    for p in people:
        forms = [person_key(p.name), *(w for w in person_parts(p.name) if len(w) >= 4)]
        score = max(fuzz.ratio(said, f) for f in forms)
        if score >= cutoff:
            scored.append((-score, p.name))
    return [n for _, n in sorted(scored)[:limit]]
