"""The type of a question from its words alone, and why some questions no footage answers.

Rules over the question's own words, first match wins: what asks for a cause is *why* even if it counts something. Owns
these rules; they have the last word only where a question cannot be parsed (``classify``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from viot_tools.qa.parse_words import plain, respelt
from viot_tools.qa.types import Data, Kind, QuestionType

_COLOURS = "black|white|gr[ea]y|red|orange|yellow|green|blue|purple|pink|brown|silver|beige|navy"
_POLITE = re.compile(
    r"\b(?:would (?:you|u|it be|somebody|someone)(?: say| call| mind| be)?|will (?:you|u)\b(?! be)|(?:i|we)(?: wi|')ll|"
    r"(?:i|we)(?: woul|')d (?:like|be|love|want|bet)|if (?:you|u) (?:can|could|count|please|would)|if so|if i "
    r"\w+|as if)\b"
)
_CLAUSE = (
    r"(?:before|after|until|till|once|while|whilst|during|as long as|by the time|prior to|ahead of|following|"
    r"since)"
)
_TYPE_WORDS: tuple[tuple[QuestionType, str], ...] = (
    (
        "counterfactual",
        r"\b(?:if|had|suppose|supposing|imagine|were)\b.*\b(?:would|could|might)\b|"
        r"\b(?:would|could|might)\b.*\b(?:if|had)\b|\bwould\b.*\bhave (?:been|\w+ed)\b",
    ),
    (
        "why",
        r"\bwhy\b|\bhow come\b|\b(?:reason|motive|cause|explanation)\b|\bexplain\b(?!.*(?:feel|mood|emotion))|"
        r"\bwhat (?:made|caused|drove|led)\b|\bwhat for\b|\boccasion\b|\bexplain the (?:departure|"
        r"arrival)\b|\bpurpose\b",
    ),
    (
        "predictive",
        r"\b(?:will|shall|gonna|going to|about to|predict|prediction|forecast|foresee|expect|future|tomorrow|"
        r"likely|what happens next|next move)\b|\bdo(?:es)? (?:\w+ )?next\b|\bcoming (?:week|days?)\b|"
        r"\bwhere is .* seconds later\b",
    ),
    (
        "how",
        r"^(?=.*\b(?:he|she|they|them|their|his|her|person|man|woman|people|guy|lady|stranger|one)\b).*"
        r"\b(?:thinking|feel|feels|feeling|felt|mood|emotions?|intentions?|intend|intends|angry|happy|sad|scared|nervous|"
        r"frightened|on (?:their|his|her) minds?|through the (?:head|mind)|heart of hearts)\b(?! about (?:a|the)\b)",
    ),
    (
        "state_change",
        r"\b(?:up or down|down or up|increase|increased|decrease|decreased|rising|falling or|fuller|emptier|"
        r"shrink|shrank|"
        r"trend|net change|plus or minus|upwards|downwards|grow in number|more or less)\b|\bchanged?\b|"
        r"\bstill\b.*\b(?:end|finish|close|last|stops?|ends?|there|present|in view|on)\b|\b(?:end|finish|"
        r"close)\b.*\bstill\b|"
        r"\b(?:at|by|to|until|till) the (?:very )?(?:end|finish|close|last)\b(?! of (?:the )?(?:street|road|"
        r"hall|queue))|"
        r"\bfinal frame\b|\blast (?:moment|picture|frame)\b|\b(?:footage|clip|recording|video|tape) (?:stops|ends|"
        r"finishes|ran out|runs out)\b|\bremain(?:ed|s)?\b|\byet there\b|\bget up again\b|\bback\b.*\bdown\b",
    ),
    (
        "order",
        r"\b(?:which|who|what|whose|whichever|name|tell|sequence|order|between|earliest|of)\b.*\b(?:first|"
        r"earlier|earliest|"
        r"sooner|soonest|ahead|last|leads?|led|before (?:its|the (?:rest|others?)))\b.*\b(?:or|and|vs|/)\b|"
        r"\b(?:vs|versus|or)\b.*\b(?:first|earlier|sooner|ahead|before)\b|"
        r"\bwhich (?:of|comes?|came)\b.*\b(?:first|last)\b|\border of\b|\bsequence\b|\bdo (?:they|we) .*first\b",
    ),
    (
        "before_after",
        rf"\b{_CLAUSE}\b(?! (?:\d|noon|midnight|dark|all|camera|the camera|any other|everybody|that is))|"
        r"\bnext (?:to (?:appear|come)|arrival|thing|car)\b|\bright (?:after|before|behind)\b|\bfollow(?:s|"
        r"ed|ing|er)?\b|"
        r"\b(?:at the same time|together|overlap|coincide\w*|alongside|share the scene)\b|\bearlier than\b|"
        r"\balready\b|"
        r"\bpreced\w+|\bsubsequent\b|\blater than\b|\bwhen .* (?:arrived|came|rolled)\b.*\b(?:had|was)\b",
    ),
    (
        "how_many",
        r"\bhow (?:many|much)(?! (?:time|minutes|seconds|hours)\b)\b|\b(?:number|count|tally|total|sum|amount|"
        r"quantity|"
        r"headcount|maximum|peak|majority|outnumber|busiest|highest|most)\b|\bmore\b.*\bor more\b|\bmore "
        r"than (?:\d|a hundred|two|three|four|five|six|seven|eight|nine|ten)|\bexceed|"
        r"\bin excess of \d|\babove \d|\bover \d+ \w+s\b|\bgreater than \d|\b(?:larger|bigger|greater)\b|"
        r"\bmostly\b",
    ),
    (
        "when",
        r"^when\b|\bwhen (?:was|were|did|do|does|is|the|they|it)\b|\b(?:what|which) (?:\w+ )?(?:time|hour|"
        r"moment|second|minute|"
        r"date|day|year)\b|\bhow (?:long|early|late|soon)\b|\bsince when|\buntil when|\btimestamp|"
        r"\bduration\b|\bdwell\b|"
        r"\blonger\b|\b(?:arrival|departure) time\b|\btime of\b|\bhow much time\b|\blength of (?:stay|time|"
        r"visit)\b|"
        r"\b\d+ ?(?:s|sec|secs|seconds|minutes)\b|\bby day\b|\bat night\b|, time\b|\blast sighting\b|"
        r"\bfirst sighting\b|"
        r"\bfrom which minute\b|\bexact moment\b|\blatest timestamp\b",
    ),
    (
        "where",
        r"\bwhere(?:abouts)?\b|\b(?:which|what|whose) (?:camera|cam|cameras|picture|side|edge|way|direction|"
        r"place|room|spot)\b|"
        r"\blocation\b|\bdirection\b|\bheading\b|\bleft\b.{1,12}\bright\b|\bright\b.{1,12}\bleft\b|\bwhich way\b|"
        r"\bkind of (?:room|place)\b|\boutdoors?\b|\bindoors?\b|\bleftwards\b|\bfind me the camera\b",
    ),
    (
        "which_colour",
        rf"\bcolou?r(?:s|ed)?\b|\b(?:shade|hue|tint|paint|painted|paintwork)\b|\b(?:is|was|are|were|really|"
        rf"correct)\b.*\b"
        rf"(?:{_COLOURS})\b[^a-z]*(?:(?:or|,).*)?$|\b(?:{_COLOURS}) or (?:rather )?(?:{_COLOURS})\b",
    ),
    (
        "action",
        r"\bdoing\b|\bactivit|\bactions?\b|\bbehav|\bup to\b|\b(?:running|walking|sitting|standing|lying|"
        r"falling|fighting|"
        r"waving|squatting|crouching|runs?|fights?)\b|\btowards? (?:the )?camera\b|\bapproach|\b(?:nearer|"
        r"closer)\b|"
        r"\bwhat (?:did|does|do) (?:he|she|they|the \w+) do\b|\bon the move\b|\bmovement\b",
    ),
    ("how", r"\bhow\b(?! (?:old|tall|big|far))"),
    (
        "who",
        r"^(?!(?:what|which)\b)(?=.*(?:\bwho(?:se|m)?\b|\b(?:anyone|anybody|someone|somebody|nobody|no one|person|"
        r"people|man|men|guy|lady|woman|women|enrolled|colleague|names?)\b))",
    ),
)
_TYPES = tuple((kind, re.compile(pattern)) for kind, pattern in _TYPE_WORDS)
_DATA_WORDS: tuple[tuple[Data, str], ...] = (
    (
        "multi-modal",
        r"\b(?:say|said|saying|says|shout\w*|sing\w*|talk\w*|conversation|hear|heard|sound|noise|music|"
        r"speak\w*|spoke|"
        r"read|written|text|letters|sign|logo|subtitle\w*|label)\b",
    ),
    ("commonsense", r"\b(?:usually|normally|most likely|probably|used for)\b"),
    (
        "knowledge",
        r"\b(?:brand|make of|model of|website|which town|job|occupation|nationality|price|cost|company)\b",
    ),
)
_DATA = tuple((kind, re.compile(pattern)) for kind, pattern in _DATA_WORDS)
_BEYOND: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        (
            r"\b(?:thinking|feel|feels|feeling|felt|mood|emotions?|intentions?|angry|happy|scared|frightened|"
            r"nervous|minds?|heart)\b",
            "footage shows what people do, not what they think or feel",
        ),
        (
            r"\b(?:say to each|said to|shouting|conversation|talking about|did .* say|sounds? of|noise)\b",
            "sound and speech are not looked at",
        ),
        (r"\bhow old\b|\b(?:age|aged|years old)\b", "how old somebody is cannot be told for certain"),
        (
            r"\b(?:name|names) of (?!known|first|the first known|our)|\bwho is (?:that|this|the stranger)\b|"
            r"\bstranger\b",
            "I can name enrolled people only",
        ),
        (
            r"\b(?:what is inside|inside (?:the|his|her|their|a) (?:bag|backpack|car|van)|hidden|contents?|"
            r"under the clothes)\b",
            "what is hidden from the camera cannot be told",
        ),
        (
            r"\b(?:read|written|text|licen[cs]e|plate|phone display|screen of|logo|sign says)\b",
            "text is not read from the pictures here; number plates are plate_recognition's",
        ),
        (
            r"\bbefore (?:the |this )?(?:recording|clip|video|film|footage|tape)(?: has| had)? (?:start|beg[aiu]n)|"
            r"\bafter (?:the |this )?(?:recording|clip|video|film|footage|tape)(?: has| had| is| was)? "
            r"(?:end|stop|finish|over)",
            "what was before or after the recording is not in it",
        ),
        (
            r"\b(?:price|cost|occupation|job|nationality|married|address|related to|religion)\b",
            "that is not to be seen in footage",
        ),
    )
)
_BY_TYPE = {
    "why": "footage shows what happened, not why: a cause needs a model that understands the scene",
    "predictive": "what comes after the footage cannot be told from what is indexed",
    "counterfactual": "what would have happened cannot be told from what is indexed",
}


def by_words(question: str, options: Sequence[str] = ()) -> Kind:
    """The kind of a question. Any text has one: what is no question is *what*."""
    text = _spelt(question)
    kind: QuestionType = next((name for name, rule in _TYPES if rule.search(text)), "what")
    data: Data = next((name for name, rule in _DATA if rule.search(text)), "normal")
    if kind in ("predictive", "counterfactual", "why") and data == "normal":
        data = "commonsense"
    chosen = bool(options) or _offered(text)
    return Kind(kind, "multiple-choice" if chosen else "open", data)


def refusal(question: str, kind: Kind) -> str:
    """Why no footage answers it, in words; "" where some may."""
    text = _spelt(question)
    for rule, reason in _BEYOND:
        if rule.search(text):
            return reason
    return _BY_TYPE.get(kind.type, "")


def beyond(question: str) -> bool:
    """Whether it has words of what no footage shows: feelings, speech, ages, trades, what is hidden."""
    text = _spelt(question)
    return any(rule.search(text) for rule, _ in _BEYOND)


def _offered(text: str) -> bool:
    """Whether the question lists its own options: three and more, or lettered."""
    if re.search(r"\(?\b[abcd1234][).]\s.*\(?\b[bcd234][).]\s", text):
        return True
    colours = re.findall(rf"\b(?:{_COLOURS})\b", text)
    return len(colours) > 3 or bool(re.search(r"\d+ ?(?:,|/|or) ?\d+ ?(?:,|/|or|, or) ?\d+", text))


def _spelt(question: str) -> str:
    text = plain(question[:800]).casefold().replace("what's", "what is").replace("who's", "who is")
    text = _POLITE.sub(" ", text)
    return re.sub(r"[a-z]{4,}", lambda m: respelt(m[0]), text)
