"""A question as words and tags: what it mentions (cameras, times, names) cut out, slips mended, phrases tagged.

Owns the surface: case, contractions, text-speak, enumerations, numbers, typos, mentions. Knows no grammar.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from rapidfuzz.distance import OSA
from spellchecker import SpellChecker

from viot_agent.fleet.mentions import find_mentions
from viot_agent.fleet.types import Camera, Mention, Person
from viot_agent.fleet.words import TENS, UNITS
from viot_tools.qa.lexicon import phrases
from viot_tools.qa.neutral import NEUTRAL, RECORDING, TEXT_SPEAK

LONGEST = 800
"""Characters of a question that are read."""
_PHRASE = max(len(p) for p in phrases())
_STRANGE = 4.0
"""What a word that nothing knows costs, in phrases: it is only left alone where no cut takes it in."""
_QUOTES = {ord("’"): "'", ord("‘"): "'", ord("“"): '"', ord("”"): '"', ord("`"): "'", ord("´"): "'"}
_CONTRACTED = (
    (r"\bcan't\b", "can not"),
    (r"\bwon't\b", "will not"),
    (r"\bain't\b", "is not"),
    (r"(\w)n't\b", r"\1 not"),
    (r"\b(didnt|wasnt|isnt|werent|doesnt|dont|hasnt|havent|hadnt|couldnt)\b", lambda m: m[1][:-2] + " not"),
    (r"\bcolour's\b", "colour is"),
    (r"\b(what|who|where|when|how|which|that|there|it|he|she|here)'?s\b(?<!its)", r"\1 is"),
    (r"\b(\w+)'re\b", r"\1 are"),
    (r"\b(\w+)'ve\b", r"\1 have"),
    (r"\b(\w+)'ll\b", r"\1 will"),
    (r"\b(i|he|she|they|we|you|it|there|who|what)'d\b", r"\1 would"),
    (r"\bi'm\b", "i am"),
    (r"\blet's\b", "let us"),
    (r"\bo'clock\b", "o clock"),
    (r"\bw/o\b", "without"),
    (r"\bw/", "with "),
    (r"\by/n\b", "yes or no"),
    (r"\b(\w+)'s\b", r"\1 s"),
)
_SIGNS = (("@", " at "), ("&", " and "), ("|", " , "), ("=", " , "))
_TOKEN = re.compile(r"<[a-z]+:\d+>|[^\W\d_]+(?:'[^\W\d_]+)*|\d+(?:st|nd|rd|th)\b|\d+(?:\.\d+)?|[.?!;:,/()\"\-–—]|\S")
_ENUMERATED = re.compile(r"\(?\b(?:[a-h]|[1-9])\)|\b[a-h]\.(?=\s)")
_LETTERED = re.compile(r"\b[A-H]\b(?=[\s:])")
_ORDINALS = {
    word: i
    for i, words in enumerate(
        (
            "second 2nd",
            "third 3rd",
            "fourth 4th",
            "fifth 5th",
            "sixth 6th",
            "seventh 7th",
            "eighth 8th",
            "ninth 9th",
            "tenth 10th",
        ),
        start=2,
    )
    for word in words.split()
}
_UNIT = {
    **dict.fromkeys("seconds secs sec s second".split(), 1.0),
    **dict.fromkeys("minutes mins min minute".split(), 60.0),
    **dict.fromkeys("hours hrs hr hour".split(), 3600.0),
}
_TIMES = {"dozen": 12, "hundred": 100, "thousand": 1000}
_NO_TIME = re.compile(
    r"^(?!.*\b(?:first|opening|final) minute)"
    r"(?:(?:from|until|till|since|at|in|by|to|of|before|after) )?(?:the )?(?:\w+ )?(?:moment|moments|second|"
    r"seconds|minute|present|instant|start|beginning|end|finish|close)"
    r"(?: of (?:the |this |that )?\w+)?$"
)
_NO_TIMES = frozenset(("all", "day", "evening", "once", "the day", "the evening", "minutes", "hours", "opening hours"))
_WORD = re.compile(r"[a-z]{3,}")


@dataclass(frozen=True, slots=True)
class Words:
    """``tags``: words and ``<tag>``s; ``said``: the words behind each. ``cameras``: by ``<cam:i>``; ``times`` and
    ``names`` likewise. ``problem``: why it cannot be read at all."""

    tags: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    cameras: tuple[tuple[str, ...], ...] = ()
    times: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    problem: str = ""


def plain(text: str) -> str:
    """Compatibility forms and quotes as plain characters, spaces single."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(_QUOTES).split())


def read(question: str, cameras: Sequence[Camera] = (), people: Sequence[str] = ()) -> Words:
    """The question as tags. Never raises for what it is given."""
    # from here on angle brackets are tags
    text = plain(question).replace("<", " less than ").replace(">", " more than ")
    kept, problem = mentioned(text, cameras, people)
    found: list[tuple[str, ...]] = []
    out: list[str] = []
    known: list[str] = []
    last: list[str] = []
    at = 0
    for m in kept:
        if m.start < at:
            continue
        out.append(text[at : m.start])
        at = m.end
        if m.kind == "time":
            out.append(f" <time:{len(last)}> ")
            last.append(m.target)
        elif m.kind == "person":
            out.append(f" <name:{len(known)}> ")
            known.append(m.target)
        else:
            out.append(f" <cam:{len(found)}> ")
            found.append(_members(m, cameras))
    out.append(text[at:])
    tags, said = tag(tokens("".join(out)))
    return Words(tuple(tags), tuple(said), tuple(found), tuple(last), tuple(known), problem)


# mentions ------------------------------------------------------------------------------------------------------------


def mentioned(text: str, cameras: Sequence[Camera], people: Sequence[str]) -> tuple[list[Mention], str]:
    """The cameras, times and people that a text names, in order, and why it cannot be read where it names others."""
    enrolled = [Person(i, name, "", 0) for i, name in enumerate(people)]
    kept: list[Mention] = []
    problem = ""
    for m in find_mentions(text, cameras, enrolled):
        if m.kind == "time":
            if m.text.casefold() not in _NO_TIMES and not _NO_TIME.match(m.text.casefold()):
                kept.append(_later_start(m, text))
        elif m.kind in ("camera", "group"):
            if m.score >= 99:
                kept.append(m)
            elif m.score == 0 or re.fullmatch(r"\w+[ -]?\d{1,3}", m.text):
                problem = problem or f"there is no camera called {m.text!r}"
        elif m.kind == "person":
            if m.score == 100:
                kept.append(m)
            elif _stranger(m, people):
                problem = problem or f"nobody called {m.text} is enrolled, and I know people by name only if they are"
        elif m.kind == "plate":
            problem = problem or "number plates are read by plate_recognition, not from what is seen"
    times = [m for m in kept if m.kind == "time"]
    if len(times) > 1:  # "now the second one, last night"
        kept = [m for m in kept if m.kind != "time" or m.text.casefold() != "now"]
    kept = sorted(kept, key=lambda m: (m.start, -(m.end - m.start)))
    return kept, problem


_NOT_THEIRS = re.compile(
    r"^(?:(?:the )?(?:very )?(?:start|beginning|end|finish|close) of |\d{1,3},\s*|"
    r"(?:earlier|later|first|last),\s*|around (?=\D))",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"\b(?:stick|stuck|hang|hung|hanging|walk|walking|wander|stand|standing|sticking)\s*$", re.IGNORECASE
)


def _later_start(m: Mention, text: str) -> Mention:
    """Without a word before the time that is another word's: ``departed earlier, yesterday``, ``hung around today``."""
    cut = _NOT_THEIRS.match(m.text)
    if cut is None or (cut[0].startswith("around") and not _ABOUT.search(text[: m.start])):
        return m
    said = m.text[cut.end() :]
    return replace(m, start=m.start + cut.end(), text=said, target=said)


def _stranger(m: Mention, people: Sequence[str]) -> bool:
    """Whether a capitalised stretch is the name of somebody who is not enrolled, and no word of the question."""
    words = re.findall(r"[^\W\d_]+", m.text.casefold())
    if m.score not in (0, 50):
        return False
    vocabulary_ = vocabulary()
    return bool(words) and not all(w in vocabulary_ or w in english() for w in words)


def _members(m: Mention, cameras: Sequence[Camera]) -> tuple[str, ...]:
    if m.kind == "camera":
        return (m.target,)
    members = tuple(c.name for c in cameras if m.target in c.groups)
    return members or (m.target,)


# tokens --------------------------------------------------------------------------------------------------------------


def tokens(text: str) -> list[str]:
    """Lower-case words, numbers and marks; ``.`` ends a sentence, ``,`` is every other pause."""
    for sign, word in _SIGNS:
        text = text.replace(sign, word)
    text = re.sub(r"\b[Nn][or]\. (?=of )", "number ", text)
    text = re.sub(r"\b(?:[Ll] ?(?:or|/) ?[Rr]|[Rr] ?(?:or|/) ?[Ll])\b", "left or right", text)
    text = re.sub(r"\b([Pp])ick-(up)", r"\1ick\2", text)
    if len(_LETTERED.findall(text)) >= 2 and re.search(r"\bB[\s:]", text) and re.search(r"\bA[\s:]", text):
        text = _LETTERED.sub(" , ", text)
    text = _ENUMERATED.sub(" , ", text.lower())
    text = text.replace("> 's ", "> s ")
    for pattern, to in _CONTRACTED:
        text = re.sub(pattern, to, text)  # type: ignore[arg-type]
    text = re.sub(r"(?<=\w)-(?=\w)", " ", text)
    out: list[str] = []
    for word in _TOKEN.findall(text):
        if word in ".!;":
            out.append(".")
        elif word == "?":
            out.append("?")
        elif word in ',:()"-–—':
            out.append(",")
        elif word.isascii() and word.replace(".", "").isdigit():
            out.append(f"<n:{word}>")
        else:
            out.extend(TEXT_SPEAK.get(word, word).split())
    return _numbers(out)


def _compounds(words: Sequence[str]) -> list[str]:
    """``twenty five`` and ``two hundred`` as ``<n:25>`` and ``<n:200>``; ``a dozen`` as ``<n:12>``."""
    out: list[str] = []
    for i, word in enumerate(words):
        before = out[-1] if out else ""
        if word in UNITS and 0 < UNITS[word] < 10 and i and words[i - 1] in TENS and words[i + 1 : i + 2] != ["of"]:
            out[-1] = f"<n:{TENS[words[i - 1]] + UNITS[word]}>"
        elif word not in _TIMES:
            out.append(word)
        elif before in ("a", "one"):
            out[-1] = f"<n:{_TIMES[word]}>"
        elif before.startswith("<n:"):
            out[-1] = f"<n:{float(before[3:-1]) * _TIMES[word]:g}>"
        elif before in UNITS or before in TENS:
            out[-1] = f"<n:{(UNITS[before] if before in UNITS else TENS[before]) * _TIMES[word]}>"
        else:
            out.append(word)
    return out


def _numbers(words: Sequence[str]) -> list[str]:
    """Number words, ordinals and units as tags."""
    words = _compounds(words)
    out: list[str] = []
    for i, word in enumerate(words):
        after_number = bool(out) and out[-1].startswith("<n:")
        if word in _UNIT and after_number:
            out[-1] = f"<secs:{float(out[-1][3:-1]) * _UNIT[word]:g}>"
        elif word == "1st":
            out.append("first")
        elif out and out[-1] == "number" and word in UNITS and 1 < UNITS[word] < 11:
            out[-1] = f"<ord:{UNITS[word]}>"
        elif word == "second" and out and out[-1] in ("what", "which", "exact"):
            out.append("moment")
        elif word in _ORDINALS:
            out.append(f"<ord:{_ORDINALS[word]}>")
        elif word in UNITS and word not in ("zero", "one"):
            out.append(f"<n:{UNITS[word]}>")
        elif word in TENS:
            out.append(f"<n:{TENS[word]}>")
        elif word == "one" and i + 1 < len(words) and words[i + 1] in _UNIT:
            out.append("<n:1>")
        else:
            out.append(word)
    return [
        w
        for i, w in enumerate(out)
        if not (w in (",", ".", "?") and i and out[i - 1] in (w, ".", "?") and w in (",", out[i - 1]))
    ]


def tag(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The longest phrases of the lexicon as tags, with what was said. Unknown words are respelt where they are none."""
    table = phrases()
    words = [respelt(w) for w in words]
    canon = [_canonical(w) for w in words]
    # the cheapest cut into phrases: a word that nothing knows costs most, and of equal cuts the longest phrases win
    cost = [0.0] * (len(words) + 1)
    step = [1] * len(words)
    for i in range(len(words) - 1, -1, -1):
        lone = 1.0 if words[i].startswith("<") or words[i] in NEUTRAL or not words[i].isalpha() else _STRANGE
        best, size = lone + cost[i + 1], 1
        for n in range(1, min(_PHRASE, len(words) - i) + 1):
            hit = table.get(tuple(canon[i : i + n]))
            if hit is None:
                continue
            price = (1.2 if hit == "<moves>" else 1.0) - 0.01 * n * n + cost[i + n]
            if price < best:
                best, size = price, n
        cost[i], step[i] = best, size
    tags: list[str] = []
    said: list[str] = []
    i = 0
    while i < len(words):
        n = step[i]
        tags.append(table.get(tuple(canon[i : i + n]), words[i]))
        said.append(" ".join(words[i : i + n]))
        i += n
    return tags, said


def _canonical(word: str) -> str:
    if word.startswith(("<cam:", "<time:")):
        return f"{word.split(':')[0]}>"
    return "<rec>" if word in RECORDING else word


# spelling ------------------------------------------------------------------------------------------------------------


@cache
def english() -> frozenset[str]:
    """English words, for telling a word that is not known here from a misspelt one (0.3 s at the first question)."""
    return frozenset(SpellChecker(language="en").word_frequency.words())


@cache
def vocabulary() -> frozenset[str]:
    """Every word of the lexicon."""
    known = {word for phrase in phrases() for word in phrase if _WORD.fullmatch(word)}
    return frozenset(known | NEUTRAL | RECORDING)


@cache
def _by_length() -> dict[int, tuple[str, ...]]:
    out: dict[int, list[str]] = {}
    for word in sorted(vocabulary()):
        if len(word) > 2:
            out.setdefault(len(word), []).append(word)
    return {n: tuple(words) for n, words in out.items()}


def respelt(word: str) -> str:
    """``word``, or the one word of the lexicon that it is a slip of: one letter from four on, two from seven on; of
    three letters two swapped. A word that English has is never taken for another."""
    if not _WORD.fullmatch(word) or word in vocabulary():
        return word
    return _respelt(word)


@cache
def _respelt(word: str) -> str:
    if word in english():
        return word
    slips = 2 if len(word) >= 7 else 1
    near: dict[int, set[str]] = {}
    for other in _candidates(len(word), slips):
        if other[0] != word[0] and other[:2] != word[1::-1]:
            continue
        if len(word) == 3 and sorted(other) != sorted(word):
            continue
        away = OSA.distance(word, other, score_cutoff=slips)
        if away <= slips:
            near.setdefault(away, set()).add(other)
    if not near:
        return word
    best = near[min(near)]
    best = {other for other in best if len(other) == len(word)} or best
    return best.pop() if len(best) == 1 else word


def _candidates(size: int, slips: int) -> Iterable[str]:
    for n in range(max(3, size - slips), size + slips + 1):
        yield from _by_length().get(n, ())


# other languages -----------------------------------------------------------------------------------------------------

_FOREIGN = {
    word
    for words in (
        "wer wann wie wieviele viele welche welcher welches wurde wurden gestern heute nicht ist und ein eine "
        "der den dem auf mit",
        "quien quienes cuando donde cuantas cuantos que cual estaba habia hubo ayer los las una el del con por",
        "qui quand combien quel quelle quels quelles est etait etaient hier les une dans sur avec il y avait",
        "chi quando dove quanti quante quale quali era erano stato sono ieri gli una della nel con",
        "quem quando onde quantas quantos qual quais estava havia ontem uma em na nas com",
        "hoeveel wanneer waar welke gisteren het een niet mensen op met",
        "kto kiedy gdzie ile wczoraj jest czy",
        "kim kac nerede vardi dun kisi",
    )
    for word in words.split()
}
_BOTH = frozenset("en is was hier die war man men so in on no a me per est van".split())


def foreign(text: str) -> bool:
    """Whether most of it is of another language than English: another script, or another language's small words."""
    letters = [c for c in text if c.isalpha()]
    strange = [c for c in letters if "LATIN" not in unicodedata.name(c, "")]
    if letters and len(strange) * 2 > len(letters):
        return True
    words = re.findall(r"[^\W\d_]+", unicodedata.normalize("NFD", text.casefold()).encode("ascii", "ignore").decode())
    other = sum(w in _FOREIGN and w not in _BOTH for w in words)
    own = sum(w in vocabulary() for w in words)
    return other >= 2 and other > own
