"""People's names in running text: those who are known, capitalised names that nobody known carries, and namesakes.

Owns what counts as a name and what does not (words that begin sentences, titles, enrolled names that are words too).
What a name *is* lies in ``names``; which finds are kept, in ``mentions``.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from functools import lru_cache

from viot_agent.fleet.lookup import NameIndex, runs
from viot_agent.fleet.names import person_key, person_parts, singulars
from viot_agent.fleet.types import Mention, Person
from viot_agent.fleet.words import fold, is_unspaced, join, tokens

# enrolled names that are also words: taken only with a capital inside a sentence
_WORDS_TOO = frozenset(
    "will may mark grace rose hope dawn art drew chase bill hall gates banks field parker park cole lane woods "
    "king young brown baker walker long best white black green north day rice wood stone bush little big old van "
    "der de la da bin al dr mr mrs ms prof officer sheikh st sky summer autumn april june august faith joy jack "
    "guy kay ray pat sue rob".split()
)
# words that begin a sentence, or stand capitalised for another reason, and are nobody's name
NO_NAME = frozenset(
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

PLACE_BEFORE = frozenset("in at on inside outside near into onto by towards".split())
_PARTICLES = frozenset("van von der den de la le da do dos das di del bin ibn al el ben st".split())


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


def namesake(text: str, known: Mention, stranger: Mention) -> bool:
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


def headline(text: str) -> bool:
    """Whether nearly every word begins with a capital: capitals tell no names then."""
    words = [w for w in text.split() if w[0].isalpha()]
    return len(words) > 4 and sum(w[0].isupper() for w in words) > 0.8 * len(words)


def person_mentions(text: str, people: Sequence[Person]) -> Iterator[Mention]:
    index, parts = _people_index(tuple(p.name for p in people))
    full = {person_key(p.name): p.name for p in people}
    caseless = text.lower() == text or text.upper() == text
    for run in runs(text, tokens(text), index.longest + 1):
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
                if len(owners) == 1 and (not one or key not in NO_NAME):
                    yield Mention("person", start, end, said, owners[0], round(score, 1))


def _begins(text: str, start: int) -> bool:
    """Whether a sentence begins at ``start``."""
    before = text[:start].rstrip(" \t\"'(")
    return not before or before[-1] in ".?!;\n"


_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*\.?")


def unknown_people(text: str, places: Container[str], score: float) -> Iterator[Mention]:
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
        if word is not None and _is_name(word[0], places) and (adjoining or not run):
            run.append(word)
            continue
        yield from _named(text, run, score)
        run = [word] if word is not None and _is_name(word[0], places) else []


def _goes_on(text: str, one: re.Match[str], other: re.Match[str]) -> bool:
    """Whether two words can be of one name: on one line, no end of a sentence between ("Dr." ends none)."""
    between = text[one.end() : other.start()]
    ended = one[0].endswith(".") and len(one[0]) > 4
    return not between.strip() and "\n" not in between and not ended


def _is_name(word: str, places: Container[str]) -> bool:
    plain = word.rstrip(".").lower()
    second = word[1:2]
    if not word[0].isupper() or not (second.islower() or second in ("'", "’", ".")) or re.match(r"I['’]", word):
        return False
    bare = re.sub(r"['’]s$", "", plain)
    return bare not in NO_NAME and bare not in places and not any(s in places for s in singulars(bare))


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
    place = bool(before) and before[-1].lower() in PLACE_BEFORE
    followed = re.match(r"\s?-?\s?\d", text[end:])
    if place or followed or (len(run) == 1 and (_begins(text, start) or len(run[0][0]) < 3)):
        return
    yield Mention("person", start, end, text[start:end], text[start:end], score)
