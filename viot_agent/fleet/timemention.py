"""Finding time phrases in running text: the longest stretches that ``times`` understands and that are meant as times.

Owns the judgement what is *meant* ("may", "second", "at 9" against "9 people"). Spans begin without in/on/at/during/
over/for/within/throughout and articles; since/between/from/after/before/until/around stay.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from viot_agent.errors import TimeFault
from viot_agent.fleet.moments import NO_SUCH_DAY
from viot_agent.fleet.timedays import LEADS
from viot_agent.fleet.timegrammar import parse
from viot_agent.fleet.times import resolve_time
from viot_agent.fleet.timetree import Always, Between, Clock, MediaSpan, Moment, Phrase, When
from viot_agent.fleet.timewords import TimeToken, lex
from viot_agent.fleet.words import TENS, UNITS

LONGEST = 16  # tokens of a phrase
NUMBERS = 5  # plain numbers in a phrase
_NOON = 1_790_000_000.0  # any present will do: only whether the calendar has the day is asked
_EXTENT = (_NOON - 1e6, _NOON)

# what may follow a bare number that is a time ("at 9 on Monday"), not an amount ("at 9 cameras")
_AFTER_NUMBER = frozenset(
    "and or on in at by near did was is are were who what when where for from with please to but then if because "
    "while until till inside outside through per via i you he she we they any there this that so than has have "
    "had do does can as against versus vs than compared too also only pls thanks thx again either instead".split()
)
_AT = frozenset(("at", "@", "by", "around"))
_BY_VERBS = frozenset(
    "come comes came coming stop stops stopped stopping drop drops dropped pass passes passed passing swing swung go "
    "goes went gone drive drives drove driven walk walks walked been".split()
)
# "gate 9 this morning": the number is the place's, whether such a place is known or not
_PLACES = frozenset(
    "gate door dock bay cam camera lane platform entrance exit floor level lot pump aisle ramp row zone hall room ward "
    "pier track stairs stairwell lift elevator tower block building unit terminal berth yard till corridor street "
    "road hangar warehouse shed checkpoint kiosk atm pole pillar section sector area channel feed desk counter".split()
)
_DAILY = frozenset(("offset", "weekday", "week", "weekend"))
_PAST_VERBS = frozenset("walking going passing driving coming running moving riding rode ran runs".split())
_SHORT_DAYS = frozenset("mon tue wed thu fri sat sun".split())


def find_times(text: str, taken: Sequence[tuple[int, int]] = ()) -> Iterator[tuple[int, int, float]]:
    """``(start, end, score)`` of the time phrases in ``text``; score 90 where a typo was mended.

    ``taken`` are stretches that mean something else (names, plates): no phrase reaches into them.
    """
    cut = [replace(t, kind="break", text="") if _overlaps(t, taken) or _parts(t, text) else t for t in lex(text)]
    cut = [replace(t, kind="break", text="") if _of_a_place(cut, k, text) else t for k, t in enumerate(cut)]
    cut = [replace(t, kind="break", text="") if _of_a_list(t, text) or _no_part(t, text) else t for t in cut]
    cut = [replace(t, kind="break", text="") if _no_end(t, text) else t for t in cut]
    i = 0
    while i < len(cut):
        if not _can_begin(cut[i]):
            i += 1
            continue
        limit, numbers = i, 0
        while limit < len(cut) and limit - i < LONGEST and cut[limit].known and cut[limit].kind != "break":
            numbers += cut[limit].kind == "number"
            if numbers > NUMBERS:
                break
            limit += 1
        for j in range(limit, i, -1):
            if cut[j - 1].kind == "mark" or (cut[j - 1].text in LEADS and cut[j - 1].text != "on"):
                continue
            tree = parse(cut[i:j])
            if tree is None or not _meant(tree, cut, i, j, text):
                continue
            if cut[j - 1].text == "on" and not _onwards(tree):
                continue
            begin = _after_from(tree, cut, i, j)
            start, end = cut[begin].start, cut[j - 1].end
            if _readable(text[start:end]):
                yield start, end, 90.0 if any(t.fixed for t in cut[begin:j]) else 100.0
                i = j - 1
                break
        i += 1


def _overlaps(t: TimeToken, taken: Sequence[tuple[int, int]]) -> bool:
    return any(a < t.end and t.start < b for a, b in taken)


_DOING = re.compile(
    r"\bwhat(?:['’](?:s|re)| is| are| was| were) (?:been )?(?:(?!\w+(?:ed|en|ing)\b)[\w'’-]+ ){1,3}$|"
    r"\bwhat\b[^.?!,;:]{0,30}\b(?:get|gets|got|getting) $",
    re.I,
)


def _no_end(t: TimeToken, text: str) -> bool:
    """Whether a word that can end a time ends none: a till ("the till, 18:20 to 18:24"), or what people are up to."""
    said = text[t.start : t.end].casefold()
    if said == "till":
        return text[t.end : t.end + 1] == ","
    before = text[: t.start].casefold().removesuffix("up ") if said == "to" else text[: t.start]
    return said in ("up", "to") and text[: t.end].casefold().endswith(("up", "up to")) and bool(_DOING.search(before))


def _parts(t: TimeToken, text: str) -> bool:
    """Whether it is a dash that parts thoughts ("on Thursday night — Friday night, sorry"), none between ends."""
    if t.kind != "mark" or text[t.start : t.end] != "\u2014":
        return False
    before, after = text[: t.start], text[t.end :]
    clocks = before.rstrip()[-1:].isdigit() and after.lstrip()[:1].isdigit()
    return before[-1:].isspace() and after[:1].isspace() and not clocks


_CLOCKED = re.compile(
    r"\b(?:at|since|before|after|until|till?|from|around|about|by|past|to|between|and|half)\s+$", re.I
)
_GROWS = re.compile(
    r"(?:^|\b(?:is|are|it['’]s|gets?|goes?|going|rises?|climbs?|swells?|grows?|counts?|numbers?|crowds?|people|shout|"
    r"alert|alarm|ping|ring|text|buzz|(?:tell|warn|notify) (?:me|us)))\W*$",
    re.I,
)


_NEAR = 48
"""Characters before a word that say what it is of."""
_ENUMERATED = re.compile(r",\s*one\s*[.;:]", re.I)
_LIST_ENDS = re.compile(r"\s*(?:$|[.;:!?])")


def _of_a_list(t: TimeToken, text: str) -> bool:
    """Whether a number begins a point of a list ("tonight 2) ...") or ends one of several ("cameras, one; plates
    tonight, two"): no clock."""
    before = text[max(0, t.start - _NEAR) : t.start]
    if t.kind == "number" and text.startswith(")", t.end):
        return text.rfind("(", 0, t.start) <= text.rfind(")", 0, t.start) and not _CLOCKED.search(before)
    ends = t.text in ("two", "three") and before.rstrip().endswith(",") and _LIST_ENDS.match(text, t.end)
    return bool(ends) and _ENUMERATED.search(text) is not None


_COUNTED = re.compile(
    r"\b(?:above|over|exceed(?:s|ed|ing)?|under|below|at least|at most|tops?|topped|hits?|reach(?:es|ed)?|the other|"
    r"(?:more|fewer|less|greater|higher|bigger) than)\s+$",
    re.I,
)
_TIMED = re.compile(
    r"\s*-?(?:o.?clock|[ap]\.?m\b|[:.]\d|h\b|sec|min|hours?\b|hrs?\b|days?\b|weeks?\b|months?\b|years?\b|nights?\b|"
    r"fortnight|half|past|and a half|thirty|fifteen|twenty|forty|fifty|ish\b|sharp|to\b|till?\b|until\b|[-–]|in the\b)",
    re.I,
)
_ONE_TIMED = re.compile(
    r"\s*(?:mornings?|evenings?|afternoons?|weekends?|second|minute|thirty|ten|five|"
    r"this (?:morning|afternoon|evening))\b",
    re.I,
)
_TENS_BEFORE = re.compile(r"\b(?:twenty|thirty|forty|fifty)[\s-]+$", re.I)
_SOME_ONE = re.compile(
    r"\b(?:the|that|this|which|an?|each|any|every|some|no|not|only|last|other|another|first|second|third|next|it|if|had|has|have|got|saw|see)\s+"
    r"(?:[\w'’-]+\s+){0,2}$",
    re.I,
)
_ONE_IS = re.compile(r"\s+(?:is|was|of|or more|more)\b|\s*:")
_ALL_ELSE = re.compile(
    r"\s*(?:[,.;:]|(?:over|in|for|at|during|on|since|until|till?|from|between|before|after|about|just|now|right|"
    r"of between)\b)",
    re.I,
)
_AT_ALL = re.compile(r"\bat\s+$", re.I)
_WHOLE = re.compile(r"\s*(?:day|night|week|weekend|month|year|hour|shift|morning|afternoon|evening)", re.I)
_LED = frozenset(("before", "after", "by", "around", "past"))


def _no_part(t: TimeToken, text: str) -> bool:
    """Whether a word that can be of a time says something else here: *one* for a thing said before ("the emptier one,
    tonight"), a number that is counted to ("above 1, on Sunday"), *at all*, *full* of a room, "been in before, ..."."""
    before = text[max(0, t.start - _NEAR) : t.start]
    said = text[t.start : t.end].casefold()
    if said == "all":
        return _AT_ALL.search(before) is not None or _ALL_ELSE.match(text, t.end) is not None
    if said == "full":
        return _WHOLE.match(text, t.end) is None
    if t.text in _LED and text.startswith(",", t.end):
        return True
    if t.kind == "number" or t.text in UNITS or t.text in TENS:
        if _TIMED.match(text, t.end):
            return False
        if said == "one":
            if _CLOCKED.search(before) or _TENS_BEFORE.search(before) or _ONE_TIMED.match(text, t.end):
                return False
            return _SOME_ONE.search(before) is not None or _ONE_IS.match(text, t.end) is not None
        return _COUNTED.search(before) is not None
    return False


def _of_a_place(cut: Sequence[TimeToken], k: int, text: str) -> bool:
    """Whether a bare number says which place: right after a word for one, and no range begins with it."""
    ranged = k + 1 < len(cut) and (cut[k + 1].kind == "mark" or cut[k + 1].text in ("to", "until", "and"))
    return (
        k > 0
        and not ranged
        and cut[k].kind == "number"
        and cut[k - 1].text in _PLACES
        and not text[cut[k - 1].end : cut[k].start].strip()
    )


def _can_begin(t: TimeToken) -> bool:
    if not t.known or t.kind == "break":
        return False
    return t.text == "~" if t.kind == "mark" else t.kind != "word" or t.text not in LEADS


def _onwards(tree: Phrase) -> bool:
    """``from second 3 on``."""
    return isinstance(tree, MediaSpan) and tree.end == math.inf


def _after_from(tree: Phrase, cut: Sequence[TimeToken], i: int, j: int) -> int:
    """Where the phrase begins: "from yesterday" means "of yesterday", and in "came by yesterday" *by* is the verb's."""
    if i + 1 < j and _of_the_verb(tree, cut, i):
        begin = i + 1
        while begin < j - 1 and cut[begin].text in LEADS:
            begin += 1
        return begin
    ranged = isinstance(tree, Between | MediaSpan) or (isinstance(tree, When) and tree.op != "")
    if cut[i].text != "from" or ranged:
        return i
    begin = i + 1
    while begin < j - 1 and (cut[begin].text in LEADS or cut[begin].kind == "mark"):
        begin += 1
    return begin


def _of_the_verb(tree: Phrase, cut: Sequence[TimeToken], i: int) -> bool:
    """Whether the first word is none of the time's: "up and about right now", "strangers about tonight", "came by
    yesterday", "walking past the day before yesterday"."""
    if not isinstance(tree, When):
        return False
    m, before = tree.moment, cut[i - 1].text if i else ""
    daily = m.clock is None and m.ago is None and m.day is not None and m.day.kind in _DAILY
    daily = daily and not (m.day is not None and m.day.kind == "offset" and m.day.unit)  # "about two weeks ago"
    if tree.op == "around":
        return m.ago == 0 or daily
    if cut[i].text == "by":
        return before in _BY_VERBS or (daily and before in ("was", "were", "be", "is"))
    return cut[i].text == "past" and daily and (before in _BY_VERBS or before in _PAST_VERBS or tree.op == "after")


def _readable(phrase: str) -> bool:
    try:
        resolve_time(phrase, _NOON, "UTC", extent=_EXTENT)
    except TimeFault as fault:
        # "31 February" is asked about as it stands: the February that is left without the 31 was not meant
        return NO_SUCH_DAY in fault.message
    return True


def _meant(tree: Phrase, cut: Sequence[TimeToken], i: int, j: int, text: str) -> bool:
    if isinstance(tree, Always):
        return False
    before = cut[i - 1].text if i else ""
    following = cut[j] if j < len(cut) else None
    if isinstance(tree, MediaSpan):
        if cut[i].text in ("halfway", "midway"):  # of the recording, not of a shift
            return following is None or following.kind in ("break", "mark") or following.text in _AFTER_NUMBER
        counted = following is not None and following.kind == "word" and following.text not in _AFTER_NUMBER
        if _number(cut[j - 1]) and counted:
            return False  # "after second 9 people came"
        said = " ".join(t.text for t in cut[max(0, i - 1) : j])
        return not said.endswith("the second one")
    last = tree.b if isinstance(tree, Between) else tree.moment if isinstance(tree, When) else None
    counted = following is not None and following.kind == "word" and following.text not in _AFTER_NUMBER
    if counted and following is not None and following.text not in _MEASURES and _DIGITAL.fullmatch(cut[j - 1].text):
        counted = False  # "at 9.15 goes into the file"
    if last is not None and _bare(last.clock) and _number(cut[j - 1]) and counted:
        return False
    if isinstance(tree, Between):
        loose = _bare_only(tree.a) and _bare_only(tree.b) and tree.context.empty
        return tree.marked or not loose or _named(cut[i], text)
    if not isinstance(tree, When):
        return True
    if tree.edge:
        day = tree.moment.day
        return j - i > 1 and day is not None and day.kind not in ("weekday", "monthname")
    if tree.op or not tree.context.empty:
        if tree.op != "after" or not _bare(tree.moment.clock):
            return True
        word, end = text[cut[i].start : cut[i].end].casefold(), text[cut[j - 1].start : cut[j - 1].end].casefold()
        if word == "beyond":  # a number of people, where something grows or an alert is asked for
            return tree.moment.day is not None or not end.isalnum() or not _GROWS.search(text[: cut[i].start])
        return word != "past"
    return _moment_meant(tree.moment, cut, i, j, text, before)


def _moment_meant(m: Moment, cut: Sequence[TimeToken], i: int, j: int, text: str, before: str) -> bool:
    following = cut[j] if j < len(cut) else None
    written = text[cut[i].start : cut[j - 1].end]
    if _bare_only(m):
        return before in _AT or _named(cut[i], text) or (i + 1 == j and _stands_alone(cut, i, text))
    if m.clock is not None or m.ago is not None:
        return True
    noun = following is not None and following.kind == "word" and not following.known
    if m.part is not None and m.day is None and noun and before in ("the", "a") and not _governed(cut, i):
        return following is not None and following.text in _AFTER_NUMBER  # not "the night supervisor"
    if m.part is not None:
        return m.day is not None or before in LEADS or before in ("all", "whole", "entire", "from") or j - i > 1
    day = m.day
    if day is None:
        return True
    if day.kind == "monthname" and not day.text and day.which is None:
        return before in ("in", "from", "of") or written.lower() not in ("may", "march", "mar")
    if day.kind == "yearname":
        return before == "in" or before in _AT
    if day.kind == "monthday":
        return before == "the" and (following is None or following.kind != "word" or following.text in _AFTER_NUMBER)
    if day.kind == "weekday" and written.lower() in _SHORT_DAYS:
        return before in ("on", "from") or (written[0].isupper() and not written.isupper())
    if day.kind == "date" and "/" in written and len(written) < 6:
        return len(written) == 5
    return True


_DIGITAL = re.compile(r"0\d[0-5]\d|(?:[01]?\d|2[0-3])[.:][0-5]\d")
_MEASURES = frozenset(
    "euro euros eur pound pounds gbp quid dollar dollars usd bucks francs kg km metre metres meter meters m cm mm "
    "ft feet foot inch inches percent litre litres gallon gallons ton tons tonne tonnes mile miles mph kph kmh "
    "degree degrees deg bar psi hz db decibel decibels volt volts amp amps watt watts kw points stars each apiece "
    "million thousand mb gb lux people persons".split()
)
_ENDS = re.compile(r"\s*(?:$|[.,;:!?)](?!\d))")


_SAYS_TIME = re.compile(
    r"(?:^|[,.;:!?(]\s*|\b(?:at|the|for|from|with|in|of|and|between)\s+)"
    r"(?:times?|hours?|hrs|time ?(?:frame|window|slot|span|stamp|range|period)s?)\s*"
    r"(?:is|was|of|from|between|[:=-])?\s*$",
    re.I,
)


def _named(t: TimeToken, text: str) -> bool:
    """Whether words stand before a number that make it a time of day: "anything abnormal, time 0500"."""
    return _SAYS_TIME.search(text, max(0, t.start - _NEAR), t.start) is not None


_CODED = re.compile(
    r"\b(?:badge|id|pin|no|number|nr|code|ticket|invoice|total|rooms?|price|reg|plates?|ends?|staff|order|extension|ext|ref|"
    r"case|phone|call|flight|bus|train|line|route|sum|costs?|paid|pay|was|is|were|are)\b[^.;!?]{0,12}$",
    re.I,
)


def _stands_alone(cut: Sequence[TimeToken], i: int, text: str) -> bool:
    """Whether a number between a name or a comma and the end of a clause is a time of day: "ward inner, 1255: ...".
    After a word for a number of another kind it is that."""
    said = cut[i].text
    if not re.fullmatch(r"(?:[01]\d|2[0-3])[0-5][05]|0\d[0-5]\d|(?:[01]?\d|2[0-3])\.[0-5]\d", said):
        return False
    before = text[max(0, cut[i].start - _NEAR) : cut[i].start]
    parted = not before.strip() or before.rstrip().endswith(",") or (i > 0 and cut[i - 1].kind == "break")
    return parted and not _CODED.search(before) and _ENDS.match(text, cut[i].end) is not None


def _governed(cut: Sequence[TimeToken], i: int) -> bool:
    """Whether a preposition stands before the article: "in the morning"."""
    return i > 1 and cut[i - 2].text in LEADS


def _number(t: TimeToken) -> bool:
    return t.kind == "number" or t.text in UNITS or t.text in TENS


def _bare(clock: Clock | None) -> bool:
    return clock is not None and clock.bare


def _bare_only(m: Moment) -> bool:
    return _bare(m.clock) and m.day is None and m.part is None
