"""What in a sentence speaks against the form and the slots that the network sees in it.

Three guards. Outside of the slots the lexicon may see only what it has seen in sentences of this form; a form is not
taken where words of another one stand (*fewer than* in a claim of *more than*, *before* in a count of what came after),
nor where words say more than any form (a place in the picture, *nearly*, *all the time*, *most of them*).
Where the network is sure (``SURE``, ``SUREST``) its word counts for more than a rare or a missing one; what narrows a
question (a colour, a number, a *not*, *with* behind a thing), and the side of a count, is guarded whatever it says.
Owns these guards. Knows no network.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from viot_tools.qa.neutral import EXCEPTING
from viot_tools.qa.parse_words import tag, tokens

_FREE: Final = frozenset("cam time yesno nil ask thing timeword came each name moves rec".split())
"""Tags that never narrow what is asked."""
CRITICAL: Final = (
    frozenset("n secs C G I H N neg not never ord doing later leaves enters waits".split())
    | frozenset("left right goleft goright fromleft fromright fromwhich else other others".split())
    | EXCEPTING
)
"""Tags that do so most: to have been seen once in sentences of a form is not enough for them."""
SURE: Final = 0.85
"""From here on a word that sentences of the form did not have, or that they all had, no longer decides. Nearly all that
was refused so of five authors' sentences, which no network had read, was right."""
SUREST: Final = 0.95
"""From here on so do tags of ``_MOVES``, but for forms of ``_NARROWED``."""
_MOVES: Final = frozenset("leaves enters only".split())
_STEPS: Final = frozenset("later waits doing".split())
"""Tags that do so from ``SURE`` on."""
_ALIKE: Final = frozenset("neg not never neither same".split())
"""What offers that nothing changed: "up, down or neither"."""
_HARMLESS: Final = re.compile(
    r"\bno idea\b|\b(?:can|could|would|will) (?:some|any)(?:body|one)\b|\byou people\b|\bhello again\b|"
    r"[,;.] *full stop\b|\beven for a second\b(?! time)|\bto the second\b(?=\s*(?:[,;.?!]|if\b|$))|"
    r",\s*(?:is|was|are|were|does|did|do|has|have|had|can|could|would|will|wo|ai)(?:n't| not)? "
    r"(?:he|she|it|they|there|we|you|i)\b(?: not)?(?=\s*[?.!]*$)|"
    r"\bthe second (?=the |when |he |she |it )|\bsome1\b|\b4 (?=the |a |me\b)",
    re.IGNORECASE,
)
"""Turns of phrase of which a word alone would narrow the question."""
_B4: Final = re.compile(r"\bb4\b", re.IGNORECASE)
_AFTER: Final = (
    r"after|following|follow\w*|since|once|from|later|behind|then|subsequent\w*|onwards?|upon|next|start\w*|trail\w*|"
    r"succe\w+|wake|heels"
)
_BEFORE: Final = (
    r"before\w*|earlier|prior|until|till|up to|so far|already|ahead|preced\w+|previous\w*|by the time|by then|"
    r"beforehand|leading|had|lead\w*|predat\w*|first"
)
_LIMITS: Final = (
    r"less|fewer|under|below|exactly|precisely|at most|at least|no more|not more|no longer|up to|about|around|roughly|"
    r"between|equal\w*|only|within|just|minimum|maximum"
)
_PARTS: Final = (
    r"ties?|shoes?|boots?|socks?|cap|hair|bag|backpack|rucksack|handbag|gloves?|scarf|glasses|helmet|eyes?|skin|roof|"
    r"wheels?|tyres?|lights|plates|stripes?|umbrella|suitcase|signs?|walls?|floor|seats?|interior|logo|letters|"
    r"cloth|neck|apron|mask|beard|face|hands?|belt|sash|towel|ball|door|windows?|curtains?"
)
"""What has a colour that the index does not know."""
_AGAINST: Final[dict[str, re.Pattern[str]]] = {
    form: re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
    for form, words in {
        "count_claim": _LIMITS + r"|numbered|leave|left|enter\w*",
        "waits": r"less|fewer|under|below|exactly|precisely|at most|no more|no longer|up to|between|only|minimum",
        "order": r"out|off|gone|go|goes|home|depart\w*|exit\w*|leave|left|longer|longest|faster|fastest|bigger|nearer|"
        r"closer|taller|slower|stay\w*|last",
        "left_first": r"longer|longest|faster|fastest|bigger|nearer|closer|taller|slower|stayed|last",
        "compare": r"than|longer|longest|faster|fastest|taller|first|last",
        "when_first": r"up to|until|till|last|latest|final\w*|end|ended|leave|left|gone|depart\w*|disappear\w*",
        "when_last": r"first|earliest|arriv\w*|appear|appears|appeared|since",
        "busiest": r"fewest|least|fewer|quietest|first|last",
        "compare_cameras": r"fewest|least|fewer|quieter|less|first|last",
        "exists": r"still|towards?|approach\w*|making for|waiting|again|twice",
        "count": r"into|join\w*|leave|left",
        **dict.fromkeys(("colour_upper", "colour_lower", "colour_vehicle"), _PARTS),
        "action": r"with (?:his|her|their|its|one|both)|job|before|after",
        "carried": r"buy|bought|going to|drop\w*|eat\w*|drink\w*|said to|inside|contents?|was in it",
        "exists_not": r"should|supposed|still",
        "kind_first": r"last|latest|final|second",
        "kind_last": r"first|second",
        "last_person_upper": rf"{_PARTS}|first|second|last but one",
    }.items()
}
"""Form -> words that another form would have."""
_NARROWED: Final = frozenset(
    "colour_upper colour_lower colour_vehicle last_person_upper carried action exists exists_not waits count_claim "
    "second_vehicle_colour mc_colour colour_claim".split()
)
"""Forms whose words of another form would narrow what is asked."""
_SIDES: Final[dict[str, tuple[str, str]]] = {
    "count_after": (_AFTER, _BEFORE),
    "count_before": (_BEFORE, _AFTER),
    "before": (_BEFORE, _AFTER),
}
"""Form -> words of its own side and of the other one: the other side's words alone speak against it."""
_TURNED: Final = {"count_after": "count_before", "count_before": "count_after"}
_NEEDS: Final[dict[str, re.Pattern[str]]] = {
    "still_there": re.compile(
        r"\b(?:end\w*|finish\w*|clos\w+|still|stop\w*|last|final\w*|remain\w*|left|over|gone|done|until|till|"
        r"out|yet|stay\w*|"
        r"conclu\w+|ran|runs|off|through|hang\w*|linger\w*)\b",
        re.IGNORECASE,
    ),
    "at_once": re.compile(
        r"\b(?:times?|once|simult\w*|together|peak\w*|max\w*|high\w*|full\w*|bus\w+|crowd\w*|concurr\w*|moment\w*|"
        r"instant|frame|picture|single|same|second|worst|top|overlap\w*|height|one go|record|side by side|crammed|"
        r"pack\w*|never more)\b",
        re.IGNORECASE,
    ),
    "exists_not": re.compile(
        r"\b(?:no|not|never|none|nobody|nothing|nowt|nil|zero|0|without|free|clear\w*|empty|absen\w*|devoid|lack\w*|"
        r"rul\w+ out|exclude\w*|neither|nor|false|den\w+|spared|wrong|zilch|missing|didnt|wasnt|werent|hasnt|n)\b|n't",
        re.IGNORECASE,
    ),
    **dict.fromkeys(
        ("kind_first", "kind_last"),
        re.compile(
            r"\b(?:vehic\w*|veh|cars?|vans?|trucks?|bus(?:es)?|lorr\w+|motor\w*|bikes?|bicycles?|wheel\w*|traffic|ride|"
            r"transport|auto\w*|engine|driv\w+|drove|vehcile|vehicel)\b",
            re.IGNORECASE,
        ),
    ),
    "second_vehicle_colour": re.compile(
        r"\b(?:second|2nd|two|2|next|one after|after|follow\w*|other|runner\w*|secnd|secodn|seocnd|scond)\b",
        re.IGNORECASE,
    ),
}
"""Form -> words without one of which it is not it."""
_BEHIND: Final = (
    r"with|without|pushing|near|behind|beside|next to|under|opposite|nearest|closest|wearing|holding|carrying|dressed"
)
_DANGLING: Final = re.compile(
    rf"\s*,?\s*(?:{_BEHIND})\b(?! (?:it|them|him|her|that|this|which|regard|respect|reference|a dwell|dwell|"
    r"the (?:lobby|garage|roof))\b)",
    re.IGNORECASE,
)
_WEARS: Final = re.compile(r"wearing|holding|carrying|dressed", re.IGNORECASE)
"""Behind a thing: a condition of it that its slot does not hold."""
_GONE: Final = re.compile(r"\b(?:gone|left|leav\w+|away|depart\w*|vanish\w*|disappear\w*|empty)\b", re.IGNORECASE)
_STAYED: Final = re.compile(r"\b(?:still|present|remain\w*|or|there|here|stay\w*|yet to)\b", re.IGNORECASE)
_LEFT: Final = re.compile(r"\b(?:[Ll]eft\w*|LEFT|L)\b")
_RIGHT: Final = re.compile(r"\b(?:[Rr]ight\w*|RIGHT|rite|R)\b")
_SHE: Final = re.compile(r"\b(?:he|she|him|her)\b", re.IGNORECASE)
_LEFT_OUT: Final = re.compile(
    r"\b(?:do not|don't|dont|not|without) count(?:ing)?\b(?!.*\b(?:twice|double|again|more than once)\b)", re.IGNORECASE
)
_PLACED: Final = re.compile(
    r"\b(?:at|by|near|behind|under|beside|on|against|opposite|beneath|below|above|next to|"
    r"in front of|close to) "
    r"(?:the|a|an|that|this|his|her|their|my|our) (?:\w+ ){0,2}?(?:door|doorway|doors|counter|desk|table|tables|bench|"
    r"benches|window|windows|wall|stairs|steps|kerb|curb|pavement|sidewalk|crossing|corner|pillar|tree|trees|shelf|"
    r"shelves|till|register|cash point|atm|machine|bed|chair|chairs|sofa|couch|mat|stop|fence|fountain|lawn|grass|"
    r"stand|pole|lamp|escalator|queue|bin|bins|dumpster|statue|railing|rail|kiosk|stall|cart|pram|bridge|pool|"
    r"treadmill|barrier|sign|pump|pumps|dock|crosswalk|zebra|curtain|mirror|car|van|bus|truck|lorry)s?\b|"
    r"\b(?:(?:in|inside) (?:the|a|that|this) (?:\w+ ){0,2}?doorway|"
    r"(?:to|towards) (?:the|a|that|this) (?:\w+ ){0,2}?doors?)\b",
    re.IGNORECASE,
)
"""A part of the picture that the index knows nothing of."""
_EITHER_WAY: Final = re.compile(
    r"\bor (?:\w+ ){0,2}?(?:away|from|leaving|receding|back)\b|"
    r"\baway\b[^?]*\bor (?:\w+ ){0,2}?(?:towards?|to|nearer|closer)\b",
    re.IGNORECASE,
)
"""Asks which way, not whether."""
_STORY: Final = 17
"""Words from which on a sentence tells a story, in which such a place is mostly where somebody else is."""
_MOST: Final = re.compile(r"\b(?:most|majority|half|none) of\b", re.IGNORECASE)
_OF_MOST: Final = frozenset("at_once busiest compare compare_cameras exists_not change".split())
"""Forms that may ask where or when most of them were."""
_HEDGED: Final = re.compile(
    r"\b(?:nearly|almost|pretend\w*|might|about to|seems?|looks? like|appears? to|keeps?|kept|keep|"
    r"(?:whole|entire|full|all the) time|throughout|always|constantly|stops? \w+ing|ever nobody|"
    r"everybody|everyone|(?<!at )(?<!in )(?<!after )(?<!of )all(?! (?:day|night|morning|told|right)))\b",
    re.IGNORECASE,
)
"""Words that say more than that something was once so."""
_OF_DOING: Final = frozenset(("did_action", "exists", "exists_not", "approaches"))
_WORDS: Final = {
    "n": "the number", "secs": "the length of time", "C": "the colour", "neg": "the 'not'", "N": "another thing",
    "G": "the clothes", "I": "what is carried", "H": "the hat", "doing": "the action",
}  # fmt: skip


_SAID: Final = frozenset(("not", "never", "else", "other", "others"))


def outside(text: str, slots: Sequence[tuple[str, int, int]]) -> frozenset[str]:
    """What the lexicon sees in a masked text outside of its slots: the tags that may narrow what is asked, and words
    that take something out. An ordinal comes with its number (``ord:3``)."""
    tags, _ = tag(tokens(_rest(text, slots)))
    found = {t.strip("<>") for t in tags if t.startswith("<") and t[1:2].isalpha()}
    names = {t if t.startswith("ord:") else t.split(":")[0] for t in found}
    return frozenset((names - _FREE) | {t for t in tags if t in EXCEPTING or t in _SAID})


def said_outside(text: str, slots: Sequence[tuple[str, int, int]]) -> list[tuple[str, str]]:
    """The tags that the lexicon sees outside of the slots, each with the words behind it."""
    tags, said = tag(tokens(_rest(text, slots)))
    return list(zip(tags, said, strict=True))


def contradicted(
    form: str, text: str, slots: Sequence[tuple[str, int, int]], seen: Collection[str], sure: float = 0.0
) -> str:
    """What speaks against the form, in words; "" where nothing does. ``seen``: tags that its sentences have; ``sure``:
    the network of form and slots, 0..1."""
    strange = sorted(t for t in outside(text, slots) - set(seen) if _counts(t, form, sure))
    if strange:
        return _WORDS.get(strange[0], f"'{strange[0]}'")
    rest = _rest(text, slots)
    against = _AGAINST.get(form) if sure < SURE or form in _NARROWED else None
    word = against.search(rest) if against is not None else None
    if word is not None:
        return f"'{word[0]}'"
    word = _other_side(form, rest)
    if word is not None:
        return f"'{word[0]}'"
    if sure < SURE and form in _NEEDS and _NEEDS[form].search(rest) is None:
        return "that"
    behind = next((m for _, _, end in slots if (m := _DANGLING.match(text, end)) is not None), None)
    asked = form in ("colour_upper", "colour_lower", "carried")  # there it is the question's own verb
    if behind is not None and not (asked and _WEARS.search(behind[0])):
        return f"'{behind[0].strip()}'"
    if form == "still_there" and re.search(r"\bempty\b", rest, re.IGNORECASE):
        return "'empty'"
    if form == "still_there" and _GONE.search(rest) and not _STAYED.search(rest):
        return "that it was gone"
    if sure < SURE and form == "direction" and bool(_LEFT.search(rest)) != bool(_RIGHT.search(rest)):
        return "the one side"
    if form == "did_action" and not any(slot == "thing" for slot, _, _ in slots) and _SHE.search(rest):
        return "the pronoun"
    left_out = _LEFT_OUT.search(text) or _placed(rest) or (_MOST.search(rest) if form not in _OF_MOST else None)
    if left_out is not None:
        return f"'{left_out[0]}'"
    hedged = _HEDGED.search(rest) if form in _OF_DOING else None
    if hedged is not None:
        return f"'{hedged[0]}'"
    if form == "approaches" and _EITHER_WAY.search(rest):
        return "'or'"
    if form == "action" and len(_actions(rest)) == 1:
        return "the action"
    if form == "mc_count" and re.search(r"(?<!\()\b\d+\b(?!\))", rest):
        return "the number"
    return ""


def _placed(rest: str) -> re.Match[str] | None:
    """Where in the picture, of a short question."""
    return _PLACED.search(rest) if len(rest.split()) < _STORY else None


def turned(form: str, text: str, slots: Sequence[tuple[str, int, int]]) -> str:
    """The count of the other side, where only its words stand in a sentence that the network takes for this one; ""
    where that is not so. The slots of both are the same."""
    return _TURNED[form] if form in _TURNED and _other_side(form, _rest(text, slots)) is not None else ""


def _other_side(form: str, rest: str) -> re.Match[str] | None:
    """A word of the other side where none of the form's own stands."""
    if form not in _SIDES:
        return None
    own, other = (re.search(rf"\b(?:{words})\b", rest, re.IGNORECASE) for words in _SIDES[form])
    return other if own is None else None


def _counts(tag_: str, form: str, sure: float) -> bool:
    """Whether a tag that sentences of the form do not have still speaks against it."""
    kind = tag_.split(":")[0]
    if sure < SURE or form in _NARROWED:
        return True
    if kind == "only" and form in _TURNED:
        return False  # "only those after it" counts no others
    if kind in _STEPS or (form == "change" and kind in _ALIKE):
        return False
    return kind in CRITICAL and not (sure >= SUREST and kind in _MOVES)


def _actions(text: str) -> set[str]:
    tags, _ = tag(tokens(text))
    return {t for t in tags if t.startswith("<doing:")}


def _rest(text: str, slots: Sequence[tuple[str, int, int]]) -> str:
    """What is outside of the slots, without turns of phrase that say nothing."""
    out, at = "", 0
    for _, start, end in sorted(slots, key=lambda s: s[1]):
        out += text[at:start] + " , "
        at = max(at, end)
    return _HARMLESS.sub(" ", _B4.sub("before", out + text[at:]))
