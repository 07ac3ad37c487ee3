"""Half-said camera names: the "3" of "gate 2 and 3", of "gate 2, no, 3", the "north" of "the north and south gates".

In a short follow-up the "3" of "On 3?" too. Owns finding the rest of a name that the other camera of the sentence, or
one of an earlier turn, completes. Only a name that then is exactly a
known one is found; what whole names look like lies in ``names`` and ``mentions``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial

from viot_agent.fleet.names import SIDES, name_tokens, singulars
from viot_agent.fleet.words import Token, join

Find = Callable[[str], list[str]]
"""The camera names under a lookup key (exact), or an empty list."""
Hit = tuple[int, int, str]
"""Where a camera is named: from, to, and its own name."""

_REACH = 7  # tokens between a name and its half-said sibling
_BETWEEN = frozenset(
    "and or nor but to the no not nope nah sorry wait i mean meant rather actually make that scratch correction hang "
    "hold on er um uh oops then than vs versus against plus also with should be was one camera cam number maybe both "
    "either it its it's is this say well ok okay sry srry soz ach pardon instead please even other".split()
)
MEASURES = re.compile(
    r"\s?(?:[.:]\d|am\b|pm\b|a\.m|p\.m|o'?clock|minutes?\b|mins?\b|hours?\b|hrs?\b|days?\b|people\b|persons?\b|times?\b|"
    r"seconds?\b|secs?\b|weeks?\b|%|more\b|of\b|cars?\b|guys?\b|men\b|women\b)",
    re.IGNORECASE,
)

GOES_ON = re.compile(
    r"\s+(?:and|or|to|on|at|in|since|from|between|before|after|until|till|during|around|is|was|are|were|for|please|pls|"
    r"too|then|yesterday|today|tonight|last|this|now|not|only|no|sorry|i|as|both|vs|with|by|over|while|if|when|\d\S*)\b|"
    r"\s+(?:cheers|thanks|thx|ta)\W*$",
    re.I,
)
"""What may follow a camera's letter, and follows no article."""


def half_said(
    text: str, whole: Sequence[tuple[int, int, str]], taken: Sequence[tuple[int, int]], find: Find
) -> Iterator[tuple[int, int, str]]:
    """``(start, end, camera)`` of each half-said name.

    ``whole`` are the stretches of whole camera names with the cameras' own names, ``taken`` stretches that mean
    something else (times, plates). ``find`` looks a key up among the known cameras.
    """
    cut = name_tokens(text)
    busy = [(a, b) for a, b, _ in whole] + list(taken)
    closed = {t.start for t in cut if any(a < t.end and t.start < b for a, b in busy)}
    found: set[tuple[int, int]] = set()
    for start, end, name in whole:
        parts = [t.text for t in name_tokens(name)]
        if len(parts) < 2:
            continue
        after = [t for t in cut if t.start >= end]
        own = partial(alike, find, name)
        yield from _fresh(_walk(text, after, closed, parts, own, back=False), found)
        before = [t for t in reversed(cut) if t.end <= start]
        yield from _fresh(_walk(text, before, closed, parts, own, back=True), found)
    yield from _fresh(_plural_heads(text, cut, busy, closed, find), found)


def alike(find: Find, name: str, key: str) -> list[str]:
    """Of cameras of one key ("Yard 2", "yard-2") the one that is written as ``name`` is: with its words parted so, and
    then with its capitals."""
    names = find(key)
    if len(names) < 2:
        return names
    shared = [(_common(name.casefold(), n.casefold()), _common(name, n)) for n in names]
    best = [n for n, k in zip(names, shared, strict=True) if k == max(shared)]
    return best if max(shared)[0] and len(best) == 1 else names


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda two: two[0] == two[1], pairs))


def _fresh(hits: Iterator[tuple[int, int, str]], found: set[tuple[int, int]]) -> Iterator[tuple[int, int, str]]:
    for hit in hits:
        if hit[:2] not in found:
            found.add(hit[:2])
            yield hit


def _walk(
    text: str,
    row: Iterable[Token],
    closed: Collection[int],
    parts: Sequence[str],
    find: Find,
    *,
    back: bool,
) -> Iterator[tuple[int, int, str]]:
    """Step away from a whole name over joining words; each token that completes a sibling's name is one. ``closed``:
    where tokens begin that mean something else."""
    left = _REACH
    joined = False  # the last word was "than", "and", "or": a preposition may follow ("than at C")
    for n, token in enumerate(row):
        if left == 0:
            return
        inside = token.start in closed
        name = (
            None
            if inside or _article(text, token) or _pronoun(text, token) or MEASURES.match(text, token.end)
            else sibling(token.text, parts, find, back=back)
            or (sibling(token.text, parts, find, back=False) if back and _placed(text, token) else None)
        )
        if name is not None and not (token.text.isdigit() and _AT.search(_near(text, token))):
            yield token.start, token.end, name
            left = _REACH
        elif inside or token.text in _BETWEEN or (token.text in _PREPOSITIONS and (joined or (back and n == 0))):
            left -= 1
        else:
            return
        joined = token.text in _JOINERS


_JOINERS = frozenset("than and or then vs versus & to against".split())
_PREPOSITIONS = frozenset("at in on by".split())
_AT = re.compile(r"\b(?:at|in|on|by)\s+$", re.I)
_PLACED = re.compile(
    r"(?:^|[.,:;!?(]|\b(?:at|in|on|by|of|from|for|between|both|either|is|compare))\s*(?:the\s+)?$", re.I
)
_TO_THE_NAME = re.compile(
    r"\s*(?:(?:and|or|than|vs\.?|versus|against)\s|[&/])\s*(?:(?:at|in|on|by)\s+)?(?:the\s+)?[^\W_]", re.I
)


def _placed(text: str, token: Token) -> bool:
    """Whether a side or a letter stands where a camera's name would, right before a whole one ("at C than at foyer A",
    "B and warehouse A")."""
    letter = len(token.text) == 1 and token.text.isalpha() and text[token.start].isupper()
    if not (letter or token.text in SIDES) or token.text == "i":
        return False
    return _PLACED.search(_near(text, token)) is not None and _TO_THE_NAME.match(text, token.end) is not None


FOLLOW_UP = 8
"""Words of a follow-up at most in which a camera's telling word stands for its name."""
_NO_CAMERA_BEFORE = re.compile(
    r"\b(?:more|less|fewer|over|above|under|below|than|least|most|beyond|exceed\w*|up to|make (?:it|that)|past|after|"
    r"before|until|till|since|from|last|next|page|channel \d+ and)\s+(?:the\s+)?$",
    re.I,
)
_ALONE = re.compile(r"\s*(?:$|[.,;:!?)—–])")


_WHAT_ABOUT = re.compile(r"\b(?:what|how) about (?:the )?(\d{1,3})\s*(?:$|[.,;:!?)—–])", re.I)


def asked_about(text: str) -> list[tuple[int, int]]:
    """Where a number alone is asked about ("what about 3?"): no time of day, where a camera was spoken of."""
    return [m.span(1) for m in _WHAT_ABOUT.finditer(text)]


def said_before(
    text: str, cut: Sequence[Token], names: Sequence[str], busy: Sequence[tuple[int, int]], find: Find
) -> Iterator[Hit]:
    """``(start, end, camera)`` of a short follow-up's telling word alone: "On 5?", "who's in West?" after one of the
    cameras ``names`` was spoken of (the last one last)."""
    if len(cut) > FOLLOW_UP:
        return
    known = [(partial(alike, find, name), [t.text for t in name_tokens(name)]) for name in reversed(names)]
    for token in cut:
        said = text[token.start : token.end].casefold()
        if not (token.text in SIDES or token.text.isdigit() or len(token.text) == 1) or said in ("one", "i"):
            continue
        alone = _ALONE.match(text, token.end) is not None
        if (said == "a" and not alone) or any(a < token.end and token.start < b for a, b in busy):
            continue
        if not alone and (MEASURES.match(text, token.end) or GOES_ON.match(text, token.end) is None):
            continue
        if _NO_CAMERA_BEFORE.search(text[: token.start]):
            continue
        hit = next(
            filter(None, (sibling(token.text, parts, own, back=False) for own, parts in known if len(parts) > 1)), None
        )
        if hit is not None:
            yield token.start, token.end, hit


_LETTER = re.compile(r"\s+[^\W_]")
_ONE_OF = re.compile(r"['’]s|\s+(?:or more|of)\b")
_WORD = re.compile(r"\s+[^\W\d_]")
_ONE = re.compile(r"\b(?:no|any|some|every|each|the|this|that|which|another|other)\s*$", re.I)


def _pronoun(text: str, token: Token) -> bool:
    """Whether *one* is no number of a camera ("no one's in it", "one or more people", "gate 2, one man")."""
    if not text[token.start : token.end].casefold().startswith("one"):
        return False
    if _ONE.search(_near(text, token)) or _ONE_OF.match(text, token.end):
        return True
    return _WORD.match(text, token.end) is not None and GOES_ON.match(text, token.end) is None


def _near(text: str, token: Token) -> str:
    """What stands right before a word."""
    return text[max(0, token.start - 40) : token.start]


def _article(text: str, token: Token) -> bool:
    """Whether "a" is an article ("gate B and a dog") and no letter."""
    return (
        token.text == "a"
        and text[token.start] == "a"
        and _LETTER.match(text, token.end) is not None
        and (GOES_ON.match(text, token.end) is None)
    )


def sibling(word: str, parts: Sequence[str], find: Find, *, back: bool) -> str | None:
    """The one camera whose name is ``parts`` with its telling word exchanged for ``word``."""
    if back:
        # "north and south gate": the word in front is exchanged; a number stands behind its noun
        tries = [[word, *parts[1:]]] if not parts[0].isdigit() and not word.isdigit() else []
    else:
        tries = [[*parts[:-1], word], [*parts[:-2], word, parts[-1]]] if len(parts) > 2 else [[*parts[:-1], word]]
        tries.append([*parts, word])  # "Ward Garden or ... the north one"
        if not word.isdigit() and not any(p.isdigit() for p in parts):
            tries.append([word, *parts[1:]])
    for attempt in tries:
        if list(attempt) == list(parts):
            continue
        names = find("".join(attempt))
        if len(names) == 1:
            return names[0]
    return None


def _plural_heads(
    text: str, cut: Sequence[Token], busy: Sequence[tuple[int, int]], closed: Collection[int], find: Find
) -> Iterator[tuple[int, int, str]]:
    """``gates 2 and 3``: the plural noun with its first number, then the numbers alone."""
    for i, token in enumerate(cut[:-1]):
        for single in singulars(token.text):
            first = cut[i + 1]
            if text[token.end : first.start].strip() or MEASURES.match(text, first.end):
                continue
            head = [t.text for t in cut[max(0, i - 2) : i]]
            for words in (head, head[1:], []):
                head_said = text[cut[i - len(words)].start : token.start + len(single)]
                names = alike(
                    find, f"{head_said} {text[first.start : first.end]}", "".join([*words, single, first.text])
                )
                if len(names) != 1:
                    continue
                start = cut[i - len(words)].start if words else token.start
                if not any(a < first.end and start < b for a, b in busy if (a, b) != (token.start, token.end)):
                    yield start, first.end, names[0]
                    parts = [*words, single, first.text]
                    yield from _walk(text, cut[i + 2 :], closed, parts, partial(alike, find, names[0]), back=False)
                break


def lookup_key(name: str) -> str:
    """The key ``find`` is asked with."""
    return join(name_tokens(name))
