"""What code settles better than a network: unasked exports, several people, times compared, what is plainly asked.

Owns these readings of the request's words. The planner asks; nothing here writes a step or knows the weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from viot_agent.fleet.names import SIDES
from viot_agent.fleet.narrowing import corrects
from viot_agent.llm.mini.menu import Call
from viot_agent.llm.mini.units import REQUEST, Reading, Unit, trim_time

_TIMES = re.compile(r"\b\d{1,2}:\d\d(?::\d\d)?\b|\b\d{4}-\d\d-\d\d\b")
_CONDITIONAL = re.compile(
    r"\b(?:iff?|unless|case|as long as|so long as|should|shld|provid\w+|otherwise|else|when\w*|once|where|only|alone|"
    r"whether|assum\w+|suppos\w+|depend\w*|given|except|event|or|until|till|condition\w*|contingent|failing|barring|"
    r"subject|then|without|w/o|no|not|no ?one|noone|nobody|none|nothing|never|absent|zero|were|in that|moment|"
    r"as soon as|u?pon|on|any|over|above|abov|under|below|beyond|exceed\w*|fewer|less|more|least|most|plus|up|"
    r"reach\w*|still|but|so|even|with|had|lacking|granted|unseen|anything|two seen|and i['’]d want|match\w*|confirm\w*|"
    r"positive|negative|affirmative|hit|found|true|false|claim\w*|says?|said)\b"
    r"|n['’]t\b|[?:=>+≤≥≠→]|;|\d",
    re.I,
)
_PRESENCE = {
    "face_recognition": "person",
    "plate_recognition": "plate",
    "fire_smoke_detection": "",
    "person_reid": "person",
    "gait_recognition": "person",
    "vehicle_reid": "vehicle",
}


def finds(tool: str, args: Mapping[str, Any]) -> bool:
    """Whether a call looks for one thing that is then seen or not: of a question about anybody, or about what
    somebody does or how something looks, *found* is no answer to a condition."""
    if tool == "anomaly_detection":
        return True
    needed = _PRESENCE.get(tool)
    return needed is not None and (not needed or needed in args)


def may_be_conditional(asked: str) -> bool:
    """Whether any word or sign of the request may put a condition before something (nearly every word that can is
    taken; of the authored requests with a condition all have one: a test of the data looks)."""
    return _CONDITIONAL.search(_TIMES.sub(" ", asked)) is not None


NO_ALERT = "No alert can be for what people do, such as falling or fighting."
_DOING = re.compile(
    r"\b(?:alerts?|alarms?|notify|warn\w*|tell me|let me know|watch|ping)\b[^.;,?!]{0,40}?"
    r"\b(?:falls?|falling|collaps\w+|faints?|fights?|fighting|runs|running|lies down|lying|squats?|squatting|waves|"
    r"waving)\b",
    re.I,
)


def alerts_to_doing(asked: str) -> bool:
    """Whether an alert is asked for on what people do, of which no alert tells: one on anybody at all would be
    another."""
    return _DOING.search(asked) is not None


def unwatched(asked: str, calls: Sequence[Call]) -> str:
    """What is said where an alert was set for one thing and asked for on what people do, too; else nothing."""
    doing = alerts_to_doing(asked) and any(call.tool == "create_alert" for call in calls)
    return NO_ALERT if doing else ""


_ALERT_THERE = re.compile(
    r"\b(?:alert|alarm|warn|notify|ping|buzz|wake)\w*\b[^.;?!]*?\bthere\b(?!['’]s|\s+(?:is|are|was|were|has|have)\b)",
    re.I,
)


def alerts_there(asked: str) -> bool:
    """Whether an alert is asked for at the place that was spoken of ("an alert for her there")."""
    return _ALERT_THERE.search(asked) is not None


_SAVING = re.compile(
    r"\b(?:export\w*|sav\w+|clips?|cut\w*|cop(?:y|ies|ied)|footage|recordings?|record|video|vid|film|tapes?|download\w*|"
    r"files?|stick|usb|send|keep|kept|hand\w*|give|gimme|get|pull\w*|extract\w*|snip\w*|grab\w*|stor\w*|archiv\w*|"
    r"preserv\w*|burn\w*|secure|evidence|mp4|back ?up|put|need|want|reel|excerpt|segment|dump|fetch|share|forward|"
    r"e?mail|bring|take|rip|trim|lift|material|police|insur\w*|court|dis[ck]|drive|bag|package|pass|leave|make|"
    r"produce|show|see|watch|have it|let|isolate|bank|stash|retain|carve|chop|slice|piece|stretch|pictures?|movie)\b",
    re.I,
)
_QUESTION = re.compile(
    r"^\W*(?:was|were|is|are|did|do|does|has|have|had|who|whom|whose|when|where|how (?:many|much|often|long|full|busy)|"
    r"which|what)\b[^.?!;\n]*\?*\s*$",
    re.I,
)


def only_asks(asked: str) -> bool:
    """Whether the request is one plain question, with no word of saving, cutting or handing over: nothing may be
    written out for it. (Of the authored requests for an export none reads so: a test of the data looks.)"""
    return bool(_QUESTION.match(asked.strip())) and not _SAVING.search(asked)


_EXPORTED = re.compile(
    r"\b(?:i|we|you|he|she|they|someone|somebody|the \w+|\w+['’]ve)\s+(?:(?:had|have|has|already|just|once)\s+)*"
    r"(?:exported|saved|clipped|downloaded|archived|extracted)\b"
    r"(?:(?:\s+[\w'’-]+){0,4}?\s+(?:clips?|footage|recordings?|videos?|tapes?|copy|copies)\b)?",
    re.I,
)


def only_tells_of_an_export(asked: str) -> bool:
    """Whether a request tells that something was exported, and has no other word of saving."""
    rest, told = _EXPORTED.subn(" ", asked)
    return bool(told) and not _SAVING.search(rest)


_NO_TIME = re.compile(
    r"(?:and |or |but )*(?:if|unless|either|no more|more|less|fewer|at least|at most|over \d+|under \d+|"
    r"(?:show|tell|give|send) (?:me|us)|who\b|(?:footage|clip|film|video|recording|tape) of)\b",
    re.I,
)
_PEOPLE_AFTER = re.compile(r"\s+(?:people|persons?|ppl|folks?|men|women|kids|guests|visitors|customers|heads)\b", re.I)


def no_time(value: str, text: str) -> bool:
    """Whether words copied as a time are a condition or a number of people ("between 5 and 10 people")."""
    at = text.find(value)
    after = text[at + len(value) :] if at >= 0 else ""
    return bool(_NO_TIME.match(value)) or (value[-1:].isdigit() and bool(_PEOPLE_AFTER.match(after)))


_WHO_NOT = re.compile(
    r"^\W*(?:(?:and|so|ok(?:ay)?|please|hey|hi|(?:can|could) you (?:tell|show) me|tell me|show me|list|say)\W+)*"
    r"(?:who|which (?:people|persons?|of (?:them|us|(?:the|our|my) (?:\w+ )?(?:people|staff|team|employees|workers|"
    r"guards|residents|students|pupils|family|colleagues|men|women|children|kids|visitors|guests|drivers))))\s+"
    r"(?:(?:was|were|is|are|has|have|had|did|do|does)(?:\s+not|\s?n['’]?t)|never"
    r"|(?:was|is|were|are) (?:missing|absent))\b"
    r"(?:\s+been)?(?=\W*$|\s+(?:seen|present|around|here|there|in|at|on|inside|near|by|from|since|during|between|today|"
    r"yesterday|this|last|tonight)\b(?!.*\b(?:list|file|database|records?|system|register)\b))[^.?!:]*\W*$",
    re.I,
)


def asks_who_was_not(asked: str) -> bool:
    """Whether the request asks who was *not* there, and nothing else. Tools say who was seen; that somebody was not is
    told of a named person only, with what was looked at. What people did not do or wear is another question."""
    return bool(_WHO_NOT.match(asked))


_JOIN = re.compile(
    r"\s*(?:,|,?\s*(?:and|or|nor|&|as well as|and/or|and also))(?:\s+(?:also|either|even|the|at|on|in|by))*\s*", re.I
)


def people_together(reading: Reading, kind: str = "person") -> tuple[str, ...]:
    """Known people (or what else of one ``kind``) whom the request names side by side ("Ana and Ben", "Ana, Ben or
    Cleo"), as they are called with."""
    people = [u for u in reading.units if u.segment == REQUEST and kind in u.kinds and not u.virtual]
    people = [u for u in people if not {"unknown", "fuzzy", "camera", "group"} & set(u.kinds)]
    best = max(_runs(reading.text, people), key=len, default=[])
    return tuple(dict.fromkeys(u.value for u in best)) if len(best) > 1 else ()


def named_together(text: str, units: Sequence[Unit], value: str) -> tuple[str, ...]:
    """The values of those of ``units`` that are named side by side with the last one of them that is ``value``."""
    found = [run for run in _runs(text, units) if any(u.value == value for u in run)]
    return tuple(dict.fromkeys(u.value for u in found[-1])) if found else ()


def _runs(text: str, units: Sequence[Unit]) -> list[list[Unit]]:
    """Units, in order, in runs of those with nothing but "and", "or" or a comma between."""
    runs: list[list[Unit]] = []
    for unit in units:
        if runs and _JOIN.fullmatch(text[runs[-1][-1].end : unit.start]):
            runs[-1].append(unit)
        else:
            runs.append([unit])
    return runs


_COMPARES = re.compile(
    r"\b(?:compare\w*|comparison|versus|vs|difference|than|(?:more|less|fewer)(?! than)|busier|fuller|emptier|quieter|"
    r"worse|calmer|as (?:many|full|busy))\b",
    re.I,
)
_OR_THAN = re.compile(
    r"\W*(?:\w+\W+){0,3}?(?:or|than|versus|vs|and|with|to|against)\b\W*(?:(?:at|on|in|for|it was|more|the)\W+){0,3}",
    re.I,
)
ALONE = frozenset(
    ("crowd_counting", "fire_smoke_detection", "face_recognition", "plate_recognition", "person_reid", "vehicle_reid")
)
"""Tools that look on their own: none goes on with another's observation."""


_CASES = re.compile(r"\b(?:if|when|whenever|should|unless|provided|in case|otherwise|else)\b", re.I)


def times_compared(reading: Reading, *, alone: bool = False) -> tuple[str, ...]:
    """The two times that a request compares ("more people at noon or at 4 pm?"), as they are called with; nothing where
    it names others, or more than one camera.

    ``alone``: nothing else is to be done, so that the two need not stand side by side ("counted against Tuesday, was it
    fuller on Monday"). Of authored requests for one tool with two times and a word that compares, and without a
    condition or a correction, all 56 want it asked of both (by hand).
    """
    said = [u for u in reading.units if u.segment == REQUEST and not u.virtual]
    times = [u for u in said if "time" in u.kinds]
    values = tuple(dict.fromkeys(trim_time(u.value) for u in times))
    cameras = [u.value.casefold() for u in said if {"camera", "group"} & set(u.kinds)]
    if len(values) != 2 or not _COMPARES.search(reading.plain) or len(set(cameras)) > 1:
        return ()
    if alone and not corrects(reading.plain) and not _CASES.search(reading.plain):
        return values
    if len(times) != 2 or len(cameras) > 1:
        return ()
    return values if _OR_THAN.fullmatch(reading.text[times[0].end : times[1].start]) else ()


PLAIN = 8
"""Words that a plain request has at most."""
_POINTS = re.compile(
    r"\b(?:you|your|yourself|he|him|his|she|her|hers|they|them|their|it|its|this|that|these|those|same|my|our|i|me to|"
    r"not|no|never|don'?t|if|delete|erase|why)\b",
    re.I,
)
_SUBJECTS = {
    "plate_recognition": re.compile(r"\b(?:number ?plates|licen[cs]e plates|plates|registrations)\b", re.I),
    "face_recognition": re.compile(r"^\W*who\b(?! (?:is|are|am) (?:i|the)\b)|\bstrangers\b|\bunknown faces\b", re.I),
    "crowd_counting": re.compile(r"\b(?:how many|count)\b.*\b(?:people|persons)\b", re.I),
    "pose_estimation": re.compile(
        r"\bwhat (?:is|are|was|were) (?:people|everybody|everyone|anybody|anyone) doing\b", re.I
    ),
}
_WHAT_ACTION = re.compile(
    r"^\W*(?:what|which)\s+(?:[\w-]+\s+){0,2}?(?:actions?|activit(?:y|ies))\s+(?:is|are|was|were|did|do|does)\b(?!.*\btaken?\b)"
    r"[^.?!;\n]{0,90}\W*$",
    re.I,
)
"""Asks outright what people do, at any length of one sentence."""


_REVERSES = re.compile(
    r"\b(?:(?:un|de)-?(?:blurr?(?:ing)?|pixel(?:l?ing|at(?:e|ing)|i[sz](?:e|ing))?|redact(?:ing)?|cloak|mask)|"
    r"de-?anonymi[sz](?:e|ing))\b|"
    r"\b(?:remove|undo|reverse|strip|lift)\s+(?:(?:the|this|that|his|her|their|face|face's)\s+){0,2}"
    r"(?:blur(?:ring)?|mask(?:ing)?|pixel\w*|redaction|cloak(?:ing)?)\b|"
    r"\btake\s+(?:off\s+)?(?:the|this|that|his|her|their)\s+(?:face\s+)?(?:blur(?:ring)?|mask|pixels|redaction|cloak)\b",
    re.I,
)
_HIDES = re.compile(r"\b(?:blur|pixel\w*|mask|cloak|redact|anonymi[sz]e|hide|cover)\b", re.I)


def reverses(asked: str) -> bool:
    """Whether all that the request wants of a face is that what hides it be undone ("unblur her"): no tool does."""
    bare, undone = _REVERSES.subn(" ", asked)
    return bool(undone) and not _HIDES.search(bare)


_FIRST = re.compile(
    rf"^\W*(?:(?:please|pls|can|could|would|will|you|now|then|ok(?:ay)?|and|just)\W+)*(?:{_REVERSES.pattern})", re.I
)


def undoes_first(asked: str) -> bool:
    """Whether the request begins with that, whomever it names: "unblur Ana in that clip"."""
    return _FIRST.match(asked) is not None and reverses(asked)


def plainly(asked: str) -> tuple[str, ...]:
    """The tools whose subject a short request names outright, over everything there is: "Which plates were seen?".
    Nothing for what speaks of somebody or something not said ("was he seen?"), or of the system itself."""
    if _POINTS.search(asked):
        return ()
    if _WHAT_ACTION.match(asked):
        return ("pose_estimation",)
    if len(re.findall(r"\w+", asked)) > PLAIN:
        return ()
    return tuple(tool for tool, words in _SUBJECTS.items() if words.search(asked))


_SOMEBODY = re.compile(
    r"^\W*(?:(?:please|pls|hey|hi|ok(?:ay)?|and|can you|could you)\W+)*"
    r"(?:show(?: me| us)?|find(?: me)?|where(?:['’]s| is| was)?|look for|search(?: for)?|locate|spot|any sign of|"
    r"(?:have you )?seen)\s+X(?=\s*(?:$|[.,!?]|(?:at|on|in|by|near|now|today|anywhere|around|please|pls)\b))",
    re.I,
)


def asks_for_somebody(reading: Reading) -> bool:
    """Whether a short request wants no more than to see somebody enrolled ("show me Ana Xu"): of 18 authored ones 17
    do, and one corrects itself."""
    first = next((u for u in reading.units if u.segment == REQUEST and not u.virtual and u.marked), None)
    known = first is not None and "person" in first.kinds and not {"unknown", "fuzzy"} & set(first.kinds)
    return known and _SOMEBODY.match(reading.plain) is not None and len(re.findall(r"\w+", reading.plain)) <= PLAIN


_THINGS = re.compile(
    r"^\W*(?:(?:and|so|ok(?:ay)?|please|hey|hi|tell me|(?:can|could) you (?:tell|show) me)\W+)*"
    r"(?:how many|was there|were there|is there|are there|have there been|has there been|any|did (?:a|an|any|the)|"
    r"has (?:a|an|any)|have any|when did (?:a|an|the)|when was (?:a|an|the)|"
    r"what colou?r (?:was|is|were|are) (?:a|an|the))\s+"
    r"(?:[\w-]+\s+){0,4}?"
    r"(?:cars?|vehicles?|vans?|trucks?|lorr(?:y|ies)|bus(?:es)?|coach(?:es)?|minibus(?:es)?|pickups?|taxis?|trams?|"
    r"trains?|bikes?|bicycles?|motorbikes?|motorcycles?|scooters?|dogs?|cats?|animals?|birds?|horses?|suitcases?|backpacks?|"
    r"umbrellas?|pushchairs?)\b[^.?!;\n]*\?*\s*$",
    re.I,
)
_THE_THING = re.compile(
    r"^\W*(?:(?:and|so|ok(?:ay)?|please|hey|hi|tell me|(?:can|could) you (?:tell|show) me)\W+)*"
    r"(?:was|were|is|are|has|have|did|where(?:['’]s| is| was| were| are)|when (?:was|were|did))\s+"
    r"(?:the|my|our|his|her|their|that|this)\s+(?:[\w-]+\s+){0,3}?"
    r"(?:dogs?|cats?|animals?|birds?|horses?|fox(?:es)?|pets?|pupp(?:y|ies)|kittens?|suitcases?|backpacks?|umbrellas?|"
    r"pushchairs?|strollers?|prams?)\b(?! (?:walk|own|handl|keep|sitt)\w*)[^.?!;\n]*\?*\s*$",
    re.I,
)
"""Asks for one animal or thing as if it were known; of such authored requests that name nobody all six are for
video_qa (by hand)."""
_PLATES = re.compile(r"\b(?:plates?|registrations?|reg(?:s|istered)?|licen[cs]e|numbers?|tags?|index)\b", re.I)


_EVENT = re.compile(
    r"\b(?:fires?|flames?|smoke|smoking|burning|anomal(?:y|ies|ous)|unusual|(?:a|any) persons?)\b", re.I
)


def says_event(reading: Reading) -> bool:
    """Whether a request names outright what an alert can be for: fire, smoke, anything unusual, a person, a plate or
    somebody enrolled."""
    marked = any(
        u.segment == REQUEST and {"person", "plate"} & set(u.kinds) and "unknown" not in u.kinds for u in reading.units
    )
    return marked or _EVENT.search(reading.plain) is not None


def about_things(reading: Reading) -> bool:
    """Whether a request is one plain question that counts, looks for or times vehicles, animals or things, and names
    nobody, no plate and no file: "How many cars passed gate 2?"."""
    named = any(
        u.segment == REQUEST and {"person", "plate", "upload", "vehicle", "unknown"} & set(u.kinds)
        for u in reading.units
    )
    asks = _THINGS.match(reading.plain) or _THE_THING.match(reading.plain)
    return not named and asks is not None and not _PLATES.search(reading.plain)


_SEEING = re.compile(
    r"\b(?:seen|see|filmed|recorded|captured|camera|cameras|pass|passed|passes|drove|driven|parked|came|come|went|"
    r"in total|in all|altogether)\b",
    re.I,
)
_ELSE = re.compile(r"\b(?:world|sold?|sell|buy|bought|own(?:s|ed)?|average|cost|price|country|legs|wheels)\b", re.I)


def of_what_is_seen(asked: str) -> bool:
    """Whether a question about things is plainly one of what cameras saw ("How many vehicles were seen in total?")."""
    return bool(_SEEING.search(asked)) and not _ELSE.search(asked)


def missing_camera(units: Sequence[Unit]) -> bool:
    """Whether the request names a camera by a number or a side that no camera has ("gate 9", "the south gate")."""
    return any(
        unit.segment == REQUEST
        and {"camera", "unknown"} <= set(unit.kinds)
        and (any(c.isdigit() for c in unit.value) or re.split(r"[\s-]", unit.value)[0].casefold() in SIDES)
        for unit in units
    )


_NOT_WANTED = (
    r"\b(?:no(?! more)|not|don['’]?t|do not|never|without|skip|spare (?:me|us)|forget|leave out|leave the|never ?mind|"
    r"no need|rather than|instead of)\s+(?:(?:the|a|an|any|do|need|want|care|about|for|to|me|us|bother|with|by|of|how|"
    r"read|reading|looking|look|at|your|their|another)\s+){0,5}"
)
_WORDS_FOR = {
    "crowd_counting": r"(?:head ?-?counts?|counts?\b|counted\b|counting|how many|numbers?\b(?! plates?)|tally|totals?)",
    "plate_recognition": r"(?:(?:number |licen[cs]e )?plates?|registrations?|regs?)\b",
    "face_recognition": r"(?:faces|names?)\b",
}
_BARE = re.compile(
    r"\bwithout (?:any |the |a )?(?:blur\w*|pixel\w*|redact\w*|anonymi[sz]\w*|censor\w*)\b(?!\W+(?:\w+\W+)?X\b)", re.I
)
"""Asks for what nothing hides: "the clip without any blur"."""
_IN_CASE = re.compile(r"\b(?:if|when|unless|where|were|was|are|is|should|in case)\b[^.;!?]*$", re.I)


_WHICH_CAMERA = re.compile(
    r"\b(?:on|at|in|by|from|via|past) (?:which|what|whose) (?:of (?:the|our|my|your) )?(?:\w+ )?cam(?:era)?s?\b", re.I
)
_OF_CAMERAS = re.compile(
    r"\b(?:cam(?:era)?s?|feeds?|units?|devices?|lens(?:es)?|list\w*|inventory|roster|status|index\w*|online|offline|"
    r"record\w*|footage)\b",
    re.I,
)


def only_asks_where(asked: str) -> bool:
    """Whether all that a request says of cameras is on which of them something was: what looks for it tells that, and
    a list of the cameras is not asked for."""
    rest, where = _WHICH_CAMERA.subn(" ", asked)
    return bool(where) and not _OF_CAMERAS.search(rest)


def denied_goals(asked: str) -> frozenset[str]:
    """The tools whose subject a request names only in order not to have it ("and spare me the head counts"). What
    stands in a condition ("if no plates were read") denies nothing."""
    out = set()
    for tool, words in _WORDS_FOR.items():
        denied = [m.span() for m in re.finditer(_NOT_WANTED + words, asked, re.I)]
        denied = [(a, b) for a, b in denied if not _IN_CASE.search(asked[:a])]
        said = [m.start() for m in re.finditer(rf"\b{words}", asked, re.I)]
        if denied and all(any(a <= at < b for a, b in denied) for at in said):
            out.add(tool)
    bare, times = _BARE.subn(" ", asked)
    if times and not _HIDES.search(bare):
        out.add("face_redaction")
    return frozenset(out)
