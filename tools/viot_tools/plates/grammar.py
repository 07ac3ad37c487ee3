"""What plates look like as text: patterns of countries, characters that get confused, and what is surely no plate.

A pattern may re-rank what was read (``RKO26AJ`` -> ``RK026AJ``: no pattern has three letters, two digits, two letters),
but only between characters that get confused and only as far as the reader's own probabilities allow. Nothing is ever
inserted; the raw text is kept beside it by the reader.

Owns patterns and confusions. Does not know pictures.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from viot_tools.plates.alphabet import ALPHABET, DIGITS, LETTERS, PROVINCES, SUFFIXES

CONFUSIONS = (
    "0OQD",
    "1IL",
    "8B",
    "5S",
    "2Z",
    "6G",
    "7T",
    "4A",
    "VY",
    "MN",
    "UV",
    "CG",
    "EF",
    "3B",
    "PR",
    "KX",
    "9G",
    "7Z",
)
"""Groups of characters that readers mistake for each other."""

SETS = {
    "L": LETTERS,
    "D": DIGITS,
    "P": PROVINCES,
    "S": SUFFIXES,
    "X": DIGITS + "ABCDEFGHJKLMNPQRSTUVWXYZ",
    "E": "ABCDEFGHJK",
    "H": "EH",
}

# country, patterns: L letter, D digit, P province, S suffix, X letter or digit without I and O, E the
# letters of electric cars in China, H German H (historic) and E (electric); {m,n} as in a regex
_TABLE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("CN", ("PLX{5}", "PLX{4}S", "PLEXDDDD", "PLDDDDDE")),
    ("GB", ("LLDDLLL", "LD{1,3}LLL", "LLLD{1,3}L")),
    ("SK FR IT HR", ("LLDDDLL",)),
    ("CZ", ("DLDDDDD", "DLLDDDD")),
    ("DE", ("L{2,3}D{1,4}", "L{3,5}D{1,4}", "L{2,5}D{1,4}H")),
    ("AT", ("L{1,2}D{1,5}L{1,3}",)),
    ("PL DK NO GR", ("LLDDDDD", "LLLDDDD", "LDDDDDD")),
    ("ES EE LT HU SE FI", ("DDDDLLL", "DDDLLL", "LLLDDD", "LLLDDL", "LLLLDDD")),
    ("NL PT", ("DDLLDD", "LLDDLL", "DDDDLL", "DDLLLL", "LLLLDD", "DDLLLD", "DLLLDD", "LLDDDL", "LDDDLL", "DDDLLD")),
    ("BE", ("DLLLDDD",)),
    ("RO BG HR", ("LLDDDDLL", "LDDDDLL", "LDDDLLL")),
    ("CH LV", ("LLD{1,6}",)),
    ("RU", ("LDDDLLDD", "LDDDLLDDD")),
    ("TR", ("DDLD{4}", "DDLLD{3,4}", "DDLLLD{2,3}")),
    ("IN", ("LLDDL{1,2}DDDD",)),
    ("VN", ("DDLD{4,5}",)),
    ("US CA", ("LLLDDDD", "DLLLDDD", "LLDLDDD", "LLDDDDD")),
)

_LOOSE = {"DE", "AT", "CH LV", "PL DK NO GR", "US CA"}
"""Patterns so wide that many misreadings fit them: they confirm a text but never pull one towards them."""

_MAX_CHANGES = 2
# nats given up per changed character: the alternative must keep at least e^-5 of the winner's probability
_MAX_COST = 5.0
_NO_PLATE = re.compile(
    r"^(?:CAM(?:ERA)?|CHANNEL|CH|GATE|EXIT|ENTRY|ZONE|LEVEL|DOCK|ROOM|LANE|YARD|DOOR|LOBBY|PLATFORM|TEL|FAX|WWW|REC|FPS|AM|PM|KMH?|MPH"
    r"|MAX)\d+$"
)


def confusable(a: str, b: str) -> bool:
    """Whether readers mistake ``a`` for ``b``."""
    return a != b and any(a in group and b in group for group in CONFUSIONS)


@dataclass(frozen=True, slots=True)
class Fit:
    """A text under the patterns. ``country`` names the countries whose pattern it fits ('' for none)."""

    text: str
    scores: tuple[float, ...]
    country: str
    changes: int = 0


def _expand(pattern: str) -> list[str]:
    """``"LD{1,2}"`` -> ``["LD", "LDD"]``."""
    match = re.search(r"(\w)\{(\d+)(?:,(\d+))?\}", pattern)
    if match is None:
        return [pattern]
    low, high = int(match[2]), int(match[3] or match[2])
    heads = [pattern[: match.start()] + match[1] * n + pattern[match.end() :] for n in range(low, high + 1)]
    return [one for head in heads for one in _expand(head)]


@lru_cache(maxsize=1)
def templates() -> dict[int, tuple[tuple[str, str, bool], ...]]:
    """All patterns written out, by length: (template, countries, whether it is narrow)."""
    found: dict[int, dict[str, list[str]]] = {}
    for country, patterns in _TABLE:
        for pattern in patterns:
            for one in _expand(pattern):
                found.setdefault(len(one), {}).setdefault(one, []).append(country)
    return {
        n: tuple((t, " ".join(dict.fromkeys(c)), not _LOOSE.issuperset(c)) for t, c in by.items())
        for n, by in found.items()
    }


def fits(text: str, *, narrow: bool = False) -> str:
    """The countries of the first pattern (``narrow``: no loose one) that ``text`` fits as it stands, '' for none."""
    for template, country, tight in templates().get(len(text), ()):
        if (tight or not narrow) and all(c in SETS[kind] for c, kind in zip(text, template, strict=True)):
            return country
    return ""


def rerank(text: str, dist: NDArray[np.float32]) -> Fit:
    """The best reading of ``text`` under the patterns. ``dist`` (N, len(ALPHABET)): probabilities per character.

    A text that fits a pattern stays. Else at most two characters change, each to one it is confused with, where that
    costs least in log probability; where no pattern is in reach the text stays and ``country`` is ''.
    """
    if len(text) != len(dist):
        raise ValueError(f"{len(text)} characters, {len(dist)} distributions")
    own = tuple(float(dist[i, ALPHABET.index(c)]) for i, c in enumerate(text))
    country = fits(text)
    if country or not text:
        return Fit(text, own, country)
    best = _nearest(text, own, dist)
    return best[1] if best else Fit(text, own, "")


_TWINS = {"0": "O", "O": "0", "1": "I", "I": "1"}


def _loss(read: str, option: str, p_read: float, p_option: float) -> float:
    """Nats given up by taking ``option``. Twins (0/O, 1/I) are told apart by nothing but the pattern: the reader's own
    preference weighs little there."""
    loss = math.log(max(p_read, 1e-6)) - math.log(max(p_option, 1e-6))
    return min(loss, 2.0) if _TWINS.get(read) == option else loss


def _chance(dist: NDArray[np.float32], i: int, character: str) -> float:
    return float(dist[i, ALPHABET.index(character)])


def _nearest(text: str, own: tuple[float, ...], dist: NDArray[np.float32]) -> tuple[float, Fit] | None:
    """(cost in nats, fit) of the cheapest change into a narrow pattern."""
    best: tuple[float, Fit] | None = None
    for template, where, tight in templates().get(len(text), ()):
        if not tight:
            continue
        cost, changed, changes = 0.0, "", 0
        scores: list[float] = []
        for i, (character, kind) in enumerate(zip(text, template, strict=True)):
            if character in SETS[kind]:
                changed, scores = changed + character, [*scores, own[i]]
                continue
            # a province sign looks like nothing Latin: it has to have been in the reader's mind
            options = [c for c in SETS[kind] if confusable(character, c) or (kind == "P" and _chance(dist, i, c) > 0.1)]
            if not options:
                break
            losses = {c: _loss(character, c, own[i], _chance(dist, i, c)) for c in options}
            option = min(options, key=lambda c: (losses[c], c))
            if losses[option] > _MAX_COST:
                break
            cost += losses[option]
            twins = _TWINS.get(character) == option
            changed, scores = changed + option, [*scores, own[i] if twins else _chance(dist, i, option)]
            changes += 1
        else:
            if changes <= _MAX_CHANGES and (best is None or cost < best[0]):
                best = (cost, Fit(changed, tuple(scores), where, changes))
    return best


_STICKERS = "8B0OQ36GS"


def settle(text: str, dist: NDArray[np.float32]) -> Fit:
    """:func:`rerank`, and where the text fits nothing, the same without one inner sticker or one edge character.

    Round stickers between the groups read as ``8`` (Czech "4B3 8 9376"), a country band or a screw as a first or last
    character. What goes costs its own certainty: a clear character goes only where nothing else explains the text.
    """
    fit = rerank(text, dist)
    if fit.country and fit.changes == 0:
        return fit
    own = tuple(float(dist[i, ALPHABET.index(c)]) for i, c in enumerate(text))
    options: list[tuple[float, Fit]] = []
    whole = _nearest(text, own, dist)
    if whole:
        options.append(whole)
    for i, character in enumerate(text):
        edge = i in (0, len(text) - 1)
        if (
            len(text) < 6
            or (edge and own[i] > 0.95)
            or not (edge or (character in _STICKERS and 2 <= i <= len(text) - 3))
        ):
            continue
        rest, kept, left = text[:i] + text[i + 1 :], own[:i] + own[i + 1 :], np.delete(dist, i, axis=0)
        # bands and crests stand on the left; on the right there is little that could be read as a character
        price = 3.0 + 3.0 * own[i] + (2.5 if i == len(text) - 1 else 0.0)
        # an "8" between the groups is two round stickers more often than a digit that no pattern knows
        country = fits(rest, narrow=edge)
        if country:
            options.append((price, Fit(rest, kept, country, 1)))
        elif (near := _nearest(rest, kept, left)) is not None:
            options.append((price + near[0], near[1]))
    return min(options, key=lambda o: o[0])[1] if options else fit


_TO_DIGITS = str.maketrans("OIZS", "0125")
_DATE = re.compile(
    "|".join(
        name.translate(_TO_DIGITS) + r"\d{2}|\d{2}" + name.translate(_TO_DIGITS)
        for name in "MON TUE WED THU FRI SAT SUN JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
    )
)


def caption(text: str) -> bool:
    """Whether ``text`` is rather a clock, a date or a camera's name in the picture, allowing for misread digits."""
    digits = text.translate(_TO_DIGITS)
    letters = sum(not c.isdigit() for c in digits)
    return letters == 0 or bool(_NO_PLATE.match(text)) or (letters == 3 and bool(_DATE.search(digits)))


def plausible(text: str, raw: str, scores: Sequence[float], *, strict: bool) -> bool:
    """Whether this can be a plate at all.

    Always: 4 to 10 characters, a digit, mean score at least .5. ``strict`` (nothing but the text says that it is a
    plate): it has to fit a pattern with letters and at least two digits, mean score .7, and neither it nor the ``raw``
    reading may be a caption.
    """
    if not 4 <= len(text) <= 10 or not scores:
        return False
    mean, digits = float(np.mean(scores)), sum(c.isdigit() for c in text)
    if not strict:
        return mean >= 0.5 and digits >= 1
    if caption(text) or caption(raw):
        return False
    return mean >= 0.7 and 2 <= digits < len(text) and len(text) >= 5 and bool(fits(text))
