"""Words: how a stretch of text is folded and cut before names, plates and time phrases are looked for in it.

Owns folding (compatibility forms, case, accents) with a map back to the original characters, cutting into tokens, and
number words. Knows neither cameras nor people nor clocks.

Scripts without spaces (Chinese, Japanese, Korean, Thai, ...) are cut into single characters, so that a name inside a
run of them can be found by joining neighbours.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

UNITS = {
    word: n
    for n, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen".split()
    )
}
TENS = {w: 10 * n for n, w in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)}

# letters that no compatibility decomposition takes apart, yet people type without their stroke or ligature
_PLAIN = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}

# marks that may be left out: Latin/Greek/Cyrillic accents, Hebrew points, Arabic vowel signs. Not the vowel signs of
# Indic scripts nor the Japanese voicing marks: without those it is another name.
_ACCENTS = ((0x0300, 0x036F), (0x0591, 0x05C7), (0x064B, 0x0652), (0x0670, 0x0670))

_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul, decomposed
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x9FFF),  # CJK radicals to unified ideographs, kana
    (0xAC00, 0xD7AF),  # Hangul
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a number or a single unspaced character: folded ``text``, and where it stands in the original text."""

    text: str
    start: int
    end: int

    @property
    def number(self) -> bool:
        return self.text.isdigit()


def _within(c: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    o = ord(c)
    return any(a <= o <= b for a, b in ranges)


def is_unspaced(c: str) -> bool:
    """Whether ``c`` belongs to a script that is written without spaces."""
    return ord(c) > 0x0DFF and _within(c, _UNSPACED)


@lru_cache(maxsize=4096)
def fold_char(c: str, accents: bool = False) -> str:
    """``c`` without compatibility form, case and (unless ``accents``) accents. May be empty or several characters."""
    if c.isascii():
        return c.lower()
    out = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", c).casefold())
    if accents:
        return out
    parts = unicodedata.normalize("NFD", out) if not all(is_unspaced(x) for x in out) else out
    return "".join(_PLAIN.get(x, x) for x in parts if not _within(x, _ACCENTS))


def fold(text: str, *, accents: bool = False) -> str:
    """``text`` folded: NFKC, casefold, and without accents unless ``accents``."""
    return "".join(fold_char(c, accents) for c in unicodedata.normalize("NFC", text))


def fold_mapped(text: str) -> tuple[str, list[int]]:
    """``text`` folded without accents, and the place in ``text`` of each character of the result (and of its end)."""
    if text.isascii():
        return text.lower(), list(range(len(text) + 1))
    out: list[str] = []
    at: list[int] = []
    for i, c in enumerate(text):
        folded = fold_char(c)
        out.append(folded)
        at.extend([i] * len(folded))
    at.append(len(text))
    return "".join(out), at


def tokens(text: str, *, accents: bool = False) -> list[Token]:
    """Cut ``text`` into folded words, numbers and single unspaced characters. Everything else separates.

    Letters and digits part company (``gate2`` is two tokens); decimal digits of any script become ASCII.
    """
    out: list[Token] = []
    kind, begin, held = "", 0, ""

    def close(end: int) -> None:
        nonlocal kind, held
        if held:
            out.append(Token(held, begin, end))
        kind, held = "", ""

    for i, c in enumerate(text):
        for f in fold_char(c, accents):
            category = unicodedata.category(f)
            if category == "Nd":
                now, f = "digit", str(unicodedata.decimal(f))
            elif category[0] in "LN" or (category[0] == "M" and held):
                now = "letter"
                if is_unspaced(f) and not (category[0] == "M" and kind == "letter"):
                    close(i)
            else:
                close(i)
                continue
            if now != kind or (held and is_unspaced(held[0]) and category[0] != "M"):
                close(i)
            if not held:
                kind, begin = now, i
            held += f
    close(len(text))
    return [t for t in out if t.text]


def numbered(items: Sequence[Token]) -> list[Token]:
    """The same tokens with number words as digits (``two`` -> ``2``, ``twenty two`` -> ``22``), no leading zeros."""
    out: list[Token] = []
    i = 0
    while i < len(items):
        t = items[i]
        if t.text in TENS and i + 1 < len(items) and 1 <= UNITS.get(items[i + 1].text, 0) <= 9:
            out.append(Token(str(TENS[t.text] + UNITS[items[i + 1].text]), t.start, items[i + 1].end))
            i += 2
            continue
        value = UNITS.get(t.text, TENS.get(t.text))
        text = t.text if value is None else str(value)
        out.append(Token(text.lstrip("0") or "0" if text.isdigit() else text, t.start, t.end))
        i += 1
    return out


def join(items: Sequence[Token]) -> str:
    """A key that does not depend on how the words are separated; two numbers side by side stay two."""
    out: list[str] = []
    for a, t in enumerate(items):
        if a and t.number and items[a - 1].number:
            out.append(" ")
        out.append(t.text)
    return "".join(out)
