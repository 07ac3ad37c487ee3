"""The vocabulary of time phrases, and cutting a phrase into time tokens.

Owns spellings: synonyms, abbreviations, small typos, clock and date literals. Does not know what a phrase means
(``timegrammar``) nor what time it is (``times``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from viot_agent.fleet.words import TENS, UNITS, fold_mapped

WEEKDAYS = {w: n for n, w in enumerate("monday tuesday wednesday thursday friday saturday sunday".split())}
MONTH_WORDS = {
    w: n
    for n, w in enumerate(
        "january february march april may june july august september october november december".split(), start=1
    )
}
TIME_UNITS = ("second", "minute", "hour", "day", "week", "month", "year")
PARTS = {
    # hours of the day; beyond 24 = the day after
    "morning": (6, 12),
    "afternoon": (12, 18),
    "evening": (18, 24),
    "night": (22, 30),
    "tonight": (18, 30),
    "small hours": (0, 6),
    "daytime": (6, 18),
    "breakfast": (7, 9),
    "lunchtime": (11.5, 13.5),
    "dinner": (18, 20),
}
MEDIA = ("recording", "video", "clip", "footage", "film", "movie", "tape", "file")

_ALIASES = {
    **{a: w for w in WEEKDAYS for a in (w[:3], w + "s")},
    **{m[:3]: m for m in MONTH_WORDS},
    "sept": "september",
    "tues": "tuesday",
    "weds": "wednesday",
    "thur": "thursday",
    "thurs": "thursday",
    "wensday": "wednesday",
    "sec": "second",
    "secs": "second",
    "s": "second",
    "min": "minute",
    "mins": "minute",
    "h": "hour",
    "hr": "hour",
    "hrs": "hour",
    **{u + "s": u for u in TIME_UNITS},
    "wk": "week",
    "wks": "week",
    "yr": "year",
    "yrs": "year",
    "weekends": "weekend",
    "wkend": "weekend",
    "mornings": "morning",
    "afternoons": "afternoon",
    "evenings": "evening",
    "nights": "night",
    "morn": "morning",
    "nighttime": "night",
    "lunch": "lunchtime",
    "dinnertime": "dinner",
    "tonite": "tonight",
    "2nite": "tonight",
    "2day": "today",
    "tmrw": "tomorrow",
    "tomoz": "tomorrow",
    "yday": "yesterday",
    "rn": "now",
    "atm": "now",
    "midday": "noon",
    "noontime": "noon",
    "til": "until",
    "till": "until",
    "thru": "to",
    "through": "to",
    "prior": "before",
    "beyond": "after",
    "about": "around",
    "approximately": "around",
    "approx": "around",
    "roughly": "around",
    "circa": "around",
    "ca": "around",
    "nearly": "around",
    "almost": "around",
    "clips": "clip",
    "videos": "video",
    "recordings": "recording",
    "tapes": "tape",
    "start": "beginning",
    "previous": "past",
    "preceding": "past",
    "current": "this",
    "coming": "next",
    "following": "next",
    "upcoming": "next",
    "shortly": "just",
    "immediately": "just",
    "straight": "just",
    "anytime": "any time",
}

_OTHER = (
    "now right moment just currently presently instant second today yesterday tomorrow tonight overnight "
    "in on at during over for within throughout the of a an into onto this last past next first final opening early "
    "late earlier later before after since from until to between and but up by ago noon midnight o'clock am pm half "
    "quarter couple few several dozen any time always ever whenever all whole entire full weekend weekday lunchtime "
    "beginning end middle part around or so ish sharp exactly precisely sometime some point shift long far only "
    "starting as small wee fortnight decade other onwards onward no than more less one's mid it utc gmt z break clock "
    "halfway midway"
).split()
VOCABULARY = frozenset(
    [*_ALIASES, *_OTHER, *WEEKDAYS, *MONTH_WORDS, *TIME_UNITS, *MEDIA, *UNITS, *TENS]
    + [w for p in PARTS for w in p.split()]
)

# words whose small misspellings are taken; chosen so that no common English word is one edit away
_CORRECTABLE = (
    *WEEKDAYS,
    *(m for m in MONTH_WORDS if len(m) >= 6),
    *("yesterday", "tomorrow", "tonight", "morning", "afternoon", "evening", "midnight", "lunchtime", "weekend"),
    *("minute", "minutes", "seconds", "before", "between", "beginning", "recording", "o'clock", "during"),
)
_NOT_TYPOS = frozenset(
    "warning mourning mornings leaning evenings minuet minuted weekends weekend's weekday weekdays betweens "
    "recoding recordings recorded midnights seconds second hondas sundays mondays fridays daring doring".split()
)


@lru_cache(maxsize=4096)
def correct(word: str) -> str | None:
    """The time word that ``word`` misspells (one edit; two in nine letters or more), or None when it is not one."""
    if len(word) < 5 or len(word) > 12 or word in _NOT_TYPOS:
        return None
    from rapidfuzz.distance import OSA  # late: a phrase without unknown words does not pay for it

    near = [
        w
        for w in _CORRECTABLE
        if w[0] == word[0]
        and OSA.distance(word, w, score_cutoff=(2 if len(w) >= 8 else 1)) <= (2 if len(w) >= 8 else 1)
    ]
    return near[0] if len(near) == 1 else None


@dataclass(frozen=True, slots=True)
class TimeToken:
    """One token of a time phrase.

    ``kind``: ``word``, ``number``, ``ordinal``, ``clock`` (``parts`` as written; ``meridiem``), ``date`` (``text`` the
    literal), ``mark`` (``- , / ~``), ``break`` (anything that ends a phrase). ``known`` is False for words that are no
    time words; ``fixed`` when a typo was mended.
    """

    kind: str
    text: str
    start: int
    end: int
    value: float = 0.0
    parts: tuple[float, ...] = ()
    meridiem: str = ""
    offset: float | None = None
    known: bool = True
    fixed: bool = False
    wide: bool = False  # the hour was written with two digits


_LITERAL = re.compile(
    r"""
      (?P<iso>\d{4}[-/]\d{1,2}[-/]\d{1,2}(?!\d))t?
    | (?P<date>\d{1,2}(?P<sep>[./-])\d{1,2}(?P=sep)(?:\d{4}|\d{2})(?!\d))
    | (?P<military>(?:[01]\d|2[0-3])[0-5]\d)\s?(?:hours|hrs|h)\b(?!\s+ago)
    | (?P<h>\d{1,3}):(?P<m>\d{2})(?::(?P<s>\d{2}(?:\.\d{1,6})?))?(?!\d|:\d)
        (?:\s?(?P<mer>[ap])(?:\.\s?m\b\.?|m\b)|(?P<zulu>z)\b)?
    | (?P<h3>\d{1,2})h(?P<m3>\d{2})\b
    | (?P<h2>\d{1,2})(?:\.(?P<m2>[0-5]\d))?\s?(?P<mer2>[ap])(?:\.\s?m\b\.?|m\b)
    | (?P<ampm>[ap]\.\s?m\b\.?)
    | (?P<short>\d{1,2}/\d{1,2})(?![\d/])
    | (?P<ordinal>\d{1,2})(?:st|nd|rd|th)\b
    | (?P<number>\d{1,9}(?:\.\d{1,6})?)(?!\d)
    | (?P<word>[^\W\d_]+(?:['-][^\W\d_]+)*)
    | (?P<mark>[-,/~@])
    | (?P<space>\s+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})(?!\d)")
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−→"), "-") | dict.fromkeys(map(ord, "’‘ʼ´`"), "'")


def lex(text: str) -> list[TimeToken]:
    """Cut ``text`` into time tokens; ``start``/``end`` are places in ``text``. What is no time is ``break``."""
    folded, at = fold_mapped(text)
    folded = folded.translate(_DASHES)
    out: list[TimeToken] = []
    place = 0
    while place < len(folded):
        found = _LITERAL.match(folded, place)
        if found is None:  # digits beyond reason
            found = re.compile(r"\d+|.", re.DOTALL).match(folded, place)
            assert found is not None  # the pattern takes any character
            out.append(TimeToken("break", "", at[place], at[found.end() - 1] + 1, known=False))
            place = found.end()
            continue
        after = found.end()
        g = found.groupdict()
        start, end = at[place], at[after - 1] + 1
        if g["iso"]:
            out.append(TimeToken("date", g["iso"].replace("/", "-"), start, at[found.end("iso") - 1] + 1))
        elif g["date"]:
            out.append(TimeToken("date", g["date"], start, end))
        elif g["short"]:
            out.append(TimeToken("date", g["short"], start, end))
        elif g["military"]:
            hm = g["military"]
            if out and out[-1].text in ("last", "past", "next", "first", "final"):  # "the last 1200 hours"
                after = found.end("military")
                out.append(TimeToken("number", hm, start, at[after - 1] + 1, float(hm)))
                place = after
                continue
            out.append(TimeToken("clock", hm, start, end, parts=(float(hm[:2]), float(hm[2:])), wide=True))
        elif g["h"] or g["h2"] or g["h3"]:
            offset = 0.0 if g["zulu"] else None
            if out and out[-1].kind == "date" and folded[place - 1] == "t":  # an offset belongs to ISO 8601 only
                zone = _OFFSET.match(folded, after)
                if zone:
                    offset = (3600 * int(zone[2]) + 60 * int(zone[3])) * (-1 if zone[1] == "-" else 1)
                    after = zone.end()
                    end = at[after - 1] + 1
            hour = g["h"] or g["h2"] or g["h3"]
            parts: tuple[float, ...] = (float(hour), float(g["m"] or g["m2"] or g["m3"] or 0))
            if g["s"]:
                parts += (float(g["s"]),)
            meridiem = {"a": "am", "p": "pm"}.get(g["mer"] or g["mer2"] or "", "")
            out.append(
                TimeToken(
                    "clock", found[0], start, end, 0, parts, meridiem, offset, wide=len(hour) == 2 or bool(g["h3"])
                )
            )
        elif g["ampm"]:
            out.append(TimeToken("word", g["ampm"][0] + "m", start, end))
        elif g["ordinal"]:
            out.append(TimeToken("ordinal", g["ordinal"], start, end, float(g["ordinal"])))
        elif g["number"]:
            out.append(TimeToken("number", g["number"], start, end, float(g["number"])))
        elif g["word"]:
            out.extend(_words(g["word"], place, at))
        elif g["mark"]:
            out.append(TimeToken("mark", g["mark"], start, end))
        elif g["other"] == "." and out and out[-1].end == start and text[out[-1].start : start].lower() in _ALIASES:
            pass  # "approx.", "Mon."
        elif g["other"]:
            out.append(TimeToken("break", g["other"], start, end, known=False))
        place = after
    return out


def _words(run: str, place: int, at: list[int]) -> list[TimeToken]:
    """A run of letters: whole (``o'clock``), or its hyphenated pieces; a possessive 's is dropped."""
    out = []
    pieces = [run] if run in _ALIASES or run in VOCABULARY else run.split("-")
    for piece in pieces:
        start, end = at[place], at[place + len(piece) - 1] + 1
        place += len(piece) + 1
        word = piece
        if word not in VOCABULARY and "'" in word:
            word = re.sub(r"'(s|t|ve|re|ll|d|m)?$", "", word) if word.split("'")[0] in VOCABULARY else word
        fixed = False
        if word not in VOCABULARY:
            mended = correct(word)
            if mended is None:
                out.append(TimeToken("word", word, start, end, known=False))
                continue
            word, fixed = mended, True
        for k, single in enumerate(_ALIASES.get(word, word).split()):
            out.append(TimeToken("word", single, start if k == 0 else end, end, fixed=fixed))
    return out
