"""Conditions on numbers of people that code settles: were there more, fewer, or exactly as many as a request says.

Owns reading one limit of a request and holding a count against it. What a limit leaves open is for the judge.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from viot_agent.fleet.words import TENS, UNITS
from viot_agent.llm.mini.menu import Call

_ONES = "|".join(w for w, n in UNITS.items() if 0 < n < 10)
_DOZENS = {"half a": 6, "a": 12, "one": 12, "two": 24, "three": 36, "four": 48, "five": 60}
# atomic: of "twenty-five minutes" no part may be read as people
_N = (
    rf"(?P<n>(?>\d{{1,6}}\b|(?:{'|'.join(_DOZENS)})\s+dozen\b|"
    rf"(?:{'|'.join(TENS)})(?:[\s-]+(?:{_ONES})\b)?\b|(?:{'|'.join(UNITS)})\b))"
)
# what may follow a number of people: their own nouns, words that hold a sentence together, the end. Of any other noun
# ("5 bikes", "5 suitcases") code settles nothing
_OF_PEOPLE = (
    r"(?!\d|[.,:]\d|[\s-]?(?:hundred|thousand|million|dozen)s?\b|\s?%)"
    r"(?=\s*(?:$|[^\w\s]|\+|(?:or|and) more\b|"
    r"(?:people|persons?|ppl|folks?|guys|men|women|adults|kids|children|students|pupils|customers|clients|visitors|"
    r"guests|shoppers|workers|staff|employees|pedestrians|passengers|humans|heads|bodies|souls|pax|individuals|"
    r"strangers|fans|others|of (?:them|us|you)|"
    r"in|on|at|inside|outside|around|near|by|there|here|then|together|altogether|waiting|standing|queu\w*|gathered|"
    r"loitering|walking|sitting|crowding|were|was|are|is|show\w*|turn\w*|came|come|present|during|between|from|to|"
    r"after|before|today|yesterday|tonight|last|this|cut|save|send|export|clip|please|i|we|you|let|give|get|set|alert|"
    r"make|then|and|or|but|per|for|with)\b))"
)
_ABOVE = re.compile(
    rf"(?<!not )(?<!no )\b(?:more than|over|above|exceed(?:s|ed|ing)?|greater than|upwards of)\s+{_N}{_OF_PEOPLE}",
    re.I,
)
_REACHES = (
    re.compile(rf"\b(?:at least|no (?:fewer|less) than|not (?:fewer|less) than)\s+{_N}{_OF_PEOPLE}", re.I),
    re.compile(
        rf"(?<![\d.,:-])(?<!hundred )(?<!hundred and )(?<!thousand )(?<!thousand and )\b{_N}"
        rf"(?:\+|\s+(?:or|and) more\b){_OF_PEOPLE}",
        re.I,
    ),
)
_FEWER = re.compile(rf"\b(?:fewer than|less than|under|below)\s+{_N}{_OF_PEOPLE}", re.I)
_AT_MOST = re.compile(rf"\b(?:at most|no more than|not more than|up to|max(?:imum)?(?: of)?)\s+{_N}{_OF_PEOPLE}", re.I)
_EXACTLY = re.compile(rf"\b(?:exactly|precisely|just exactly)\s+{_N}{_OF_PEOPLE}", re.I)
_TURNED = re.compile(
    r"\b(?:unless|otherwise|else|except|skip|leave|ignore|don['’]?t|do not|never ?mind|not?)\b",
    re.I,
)
"""Words that may turn a number's condition round, or put something on both sides of it."""
_BELOW = re.compile(
    r"\b(?:fewer|less|under|below|at most|up to|no more|not more|exactly|only|just|empty|quiet)\b", re.I
)
_OTHERWISE = re.compile(
    r"(?<!proven )(?<!says )(?<!say )(?<!said )(?<!told )(?<!think )(?<!claims )\botherwise\b|"
    r"\b(?:or else|if not|if (?:it|he|she|they|there|that) \w+(?:n['’]t| not))\b|(?<=[.,;:!?] )else\b",
    re.I,
)
"""Begins what is done in the other case."""
_FIRST_CASE = re.compile(
    r"\b(?:if|when\w*|should|provided|in case|where|given|yes|unless|once|only|had|were)\b|[→=:]|->", re.I
)
"""Puts the case that "if not" is the other one of."""
_SECOND_CASE = re.compile(r"\bif (?:so|yes|(?:it|he|she|they|there|that) \w+(?! not|n['’]t)|on\b|pass)", re.I)
_NOTHING = re.compile(
    r"\W*(?:\w+\W+){0,3}?(?:leave|nothing|skip|forget|ignore|don['’]?t|do not|no|never|not|stop|fine|ok|okay|good|done|"
    r"all|neither)\b|"
    r"\W*$",
    re.I,
)
_WATCHED_FOR = re.compile(
    r"\b(?:crowds?|watch\w*|alert\w*|alarm\w*|warn\w*|notify|ping|tell me|let me know)\b[^.;,?!]*", re.I
)


def settled(asked: str, call: Call, data: Mapping[str, Any]) -> bool | None:
    """Whether there were more people than a number, or as many, that ``asked`` puts before something, after ``call``;
    None where it says no such number, or more than one. ``data`` is the observation's."""
    if call.tool != "crowd_counting" or call.status not in ("found", "none"):
        return None
    if "create_alert" in (call.rest or ()):
        asked = _WATCHED_FOR.sub(" ", asked)  # the number that an alert is to tell of is no condition
    return _crowded(asked, data)


def first_case(asked: str, call: Call, data: Mapping[str, Any]) -> bool | None:
    """The same where the request says what is to be done in either case ("..., otherwise ..."), read up to there."""
    turn = _OTHERWISE.search(asked)
    return settled(asked[: turn.start()], call, data) if turn is not None else None


def two_cases(asked: str) -> bool:
    """Whether a request orders something for either case: "otherwise" with more behind it than that nothing is done;
    "if not" only beside another case ("Is it there? If not, who was there, and the clip" has one)."""
    turn = _OTHERWISE.search(asked)
    if turn is None or _NOTHING.match(asked, turn.end()):
        return False
    if not turn[0].casefold().startswith("if"):
        return True
    return bool(_FIRST_CASE.search(asked, 0, turn.start()) or _SECOND_CASE.search(asked, turn.end()))


_SAID_FOR = {
    "export_clip": r"clips?|films?|footage|recordings?|videos?|tapes?|saved?|export\w*|keep|cut|download|record|"
    r"stretch",
    "face_recognition": r"who|whose|faces?|names?|identify|recogni[sz]e|strangers?|culprits?",
    "crowd_counting": r"count\w*|how many|head ?counts?|heads|numbers?|tally|busy|crowd",
    "create_alert": r"alerts?|alarms?|warn\w*|(?:tell|let|message|ping|ring|buzz|text|notify|call) (?:me|us)|notify|"
    r"watch|shout|signal|heads.up|wake",
    "plate_recognition": r"plates?|regs?|registrations?|licen[cs]e",
}
"""Words that speak of a tool's goal."""
_FURTHER_CASE = re.compile(r"\b(?:if|when|should)\b", re.I)
_BEFORE_TURN = 140
"""Characters before "otherwise" in which the first case's order stands."""


def only_otherwise(asked: str, left: Sequence[str]) -> bool:
    """Whether both goals of ``left`` are ordered for the other case alone: "fewer than 5? fine. Otherwise the clip and
    the names". Of 21 authored requests with two conditional goals of which this is true, 20 mean it so (by hand)."""
    turn = _OTHERWISE.search(asked)
    if turn is None or len(left) != 2 or not set(left) <= set(_SAID_FOR) or _FURTHER_CASE.search(asked, turn.end()):
        return False
    first, second = (re.compile(rf"(?<!\w)(?:{_SAID_FOR[tool]})(?!\w)", re.I) for tool in left)
    before = asked[max(0, turn.start() - _BEFORE_TURN) : turn.start()]
    said = first.search(asked, turn.end()) and second.search(asked, turn.end())
    return said is not None and first.search(before) is None


def _crowded(asked: str, data: Mapping[str, Any]) -> bool | None:
    above = [m["n"] for m in _ABOVE.finditer(asked)]
    reaches = [m["n"] for pattern in _REACHES for m in pattern.finditer(asked)]
    cameras = data.get("cameras")
    if not above and not reaches and isinstance(cameras, Mapping):
        if _EXACTLY.search(asked):
            return _exactly(asked, cameras, bool(data.get("untold")))
        return _few(asked, cameras, bool(data.get("untold")))
    if len(above) + len(reaches) != 1 or (above and _BELOW.search(asked)) or not isinstance(cameras, Mapping):
        return None
    least = _number((above or reaches)[0]) + bool(above)
    counts = [c for c in cameras.values() if isinstance(c, Mapping) and "max" in c]
    if any(c["max"] >= least for c in counts):
        return True
    # one after the other there were as many: whether that was meant is not for code to say; nor is how many there were
    # on a camera that could not be told of
    if not counts or data.get("untold") or any(c.get("different", 0) >= least for c in counts):
        return None
    return False


def _exactly(asked: str, cameras: Mapping[str, Any], untold: bool) -> bool | None:
    """Whether there were as many people at once as the one number that ``asked`` names exactly; where more passed one
    after the other code says nothing."""
    said = [_number(m["n"]) for m in _EXACTLY.finditer(asked)]
    counts = [c for c in cameras.values() if isinstance(c, Mapping) and "max" in c]
    if len(said) != 1 or len(counts) != 1 or untold or _TURNED.search(asked):
        return None
    most = counts[0]["max"]
    several = max(most, counts[0].get("different", most))
    if most != said[0]:
        return False if most > said[0] or several < said[0] else None
    return True if several == most else None


def _few(asked: str, cameras: Mapping[str, Any], untold: bool) -> bool | None:
    """Whether there were fewer people than the one number that ``asked`` puts before something: everywhere together,
    one after the other too; False where one camera alone saw too many at once."""
    below = [(m["n"], 0) for m in _FEWER.finditer(asked)] + [(m["n"], 1) for m in _AT_MOST.finditer(asked)]
    plain = _AT_MOST.sub(" ", asked)
    if len(below) != 1 or _TURNED.search(plain):
        return None
    limit = _number(below[0][0]) + below[0][1]
    counts = [c for c in cameras.values() if isinstance(c, Mapping) and "max" in c]
    if any(c["max"] >= limit for c in counts):
        return False
    if not counts or untold or sum(max(c["max"], c.get("different", 0)) for c in counts) >= limit:
        return None
    return True


def _number(said: str) -> int:
    """The whole number that ``_N`` found: digits, dozens, or words below a hundred."""
    if said.isdecimal():
        return int(said)
    words = " ".join(said.casefold().split())
    if words.endswith(" dozen"):
        return _DOZENS[words.removesuffix(" dozen")]
    return sum(UNITS.get(word, TENS.get(word, 0)) for word in re.split(r"[\s-]+", said.casefold()))
