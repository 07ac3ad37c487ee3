"""What a follow-up takes over from earlier turns: their time, and of their cameras and people those that it means.

"Narrow it to last Monday" goes for both cameras that were named side by side, "both: strangers" for the two that were
asked about one after the other, "anywhere on site" for none of them; "add the yard", "drop the third" and "only the
latter" change which, "any time" gives the time up. Owns these words. Writes no step of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from viot_agent.llm.mini.checks import named_together
from viot_agent.llm.mini.menu import Step
from viot_agent.llm.mini.units import REQUEST, Reading, Unit, trim_time

_CAMERAS = frozenset(("camera", "group"))
_ANYWHERE = re.compile(
    r"\b(?:any|every)where\b(?! (?:else )?(?:in|on|near|around|by|at|along|inside|there|under|behind|within|from)\b)|"
    r"\b(?:any|every)where (?:on|in|at|around) (?:the |our |this )?(?:site|premises|estate|property|building|fleet)\b|"
    r"\b(?:all|every|each|any) (?:of )?(?:the |our |my )?cam(?:era)?s?\b|"
    r"\b(?:whole|entire) (?:site|fleet|place|estate|building|premises|property|museum|mall|campus|hospital|school|park|"
    r"cent(?:re|er)|venue|station|plant|factory|hotel|stadium|grounds|complex|compound)\b|\bsite[ -]?wide\b",
    re.I,
)
_UNRELATED = re.compile(
    r"\bunrelated\b|\bchange of (?:subject|topic)\b|"
    r"\b(?:new|different|another|separate) (?:thing|question|subject|topic|matter)\b",
    re.I,
)
_BOTH = re.compile(
    r"\b(?:both|either|neither|the two(?: of them)?|the pair)\b(?! (?:people|persons|men|women|of us)\b)", re.I
)
_ORDINALS = "first|second|third|fourth|1st|2nd|3rd|4th|former|latter|last"
_PLACES = {"first": 0, "1st": 0, "former": 0, "second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3, "4th": 3}
_ONLY_NTH = re.compile(rf"^\W*(?:(?:and|but|no|ok|please),?\s+)*(?:only|just)\s+(?:the\s+)?({_ORDINALS})\b", re.I)
_NTH = re.compile(
    rf"\b(?:back|return\w*|go(?:ing)? back)\s+to\s+(?:the\s+)?({_ORDINALS})\b|"
    rf"\b({_ORDINALS})(?:\s+(?:one|cam(?:era)?|of (?:the|those) \w+))?\s+(?:only|alone)\b",
    re.I,
)
_BUT_NTH = re.compile(
    rf"\b(?:drop|leave out|skip|without|lose|forget|minus|except|not)\s+(?:the\s+)?({_ORDINALS})"
    r"(?:\s+(?:one|cam(?:era)?))?\s*(?:$|[.,;:!?])",
    re.I,
)
_DROPS = re.compile(
    r"^\W*(?:(?:please|and|now|ok(?:ay)?|but|no|can you|could you)\W+)*(?:drop|leave out|skip|lose|remove|take out|"
    r"without|minus|except)\s+(?:(?:the|camera|cam)\s+)*(?:\S+\s*){1,4}\W*$",
    re.I,
)
_JOINS = re.compile(
    r"^\W*(?:(?:please|kindly|and|now|ok(?:ay)?|can you|could you)\W+)*"
    r"(?:(?:add|include|throw in)\b|extend (?:it|this|that)\b|(?:expand|widen) (?:it|this|that) to\b)",
    re.I,
)
_THERE = re.compile(
    r"(?<!is )(?<!was )(?<!are )(?<!were )\bthere\b(?! (?:was|were|is|are|has|have|been)\b)|"
    r"\b(?:same|those|these|that) (?:cam(?:era)?s?|place|spot)\b",
    re.I,
)
_ELSEWHERE = re.compile(
    r"\b(?:where\w*|any\w*|every\w*|all|whole|entire|site|fleet|premises|system|else\w*|forget|drop|don['’]?t)\b", re.I
)
_NO_TIME_MEANT = re.compile(
    r"\b(?:any ?time|ever|always|whenever|no matter|doesn['’]?t matter|whichever|never mind|forget|drop|without|leave|"
    r"exclude|skip|lose|limit nothing|no dates?|no time|(?:all|any|every) (?:day|date|hour|time)s?|in general|at all|"
    r"whole (?:recording|archive|footage)|everything you have)\b",
    re.I,
)
_ANY_TIME = re.compile(
    r"\b(?:any ?time|whenever|no matter when|doesn['’]?t matter when|(?:all|any|every) (?:day|date|hour|time)s?|"
    r"(?:drop|forget|without|leave out|skip) the (?:time|date|hours?))\b",
    re.I,
)
"""Takes the time of an earlier turn back."""
_WHOLE = re.compile(
    r"^\W*(?:(?:and|ok|okay|so|also|then|now|thanks|fine|great|good)\W+)*(?:how|who|which|what(?! about)|was|were|is|"
    r"are|did|do|does|has|have|any|anyone|anybody|count|show|check|list|read|find|see|look|tell|give)\b",
    re.I,
)
"""Begins a whole question. Of the short ones that name a camera and no time after another tool's request 1 in 10 keeps
the time (counted as above)."""
_GOES_ON = re.compile(r"\b(?:then|too|also|as well|same|again)\b", re.I)
_NOW = re.compile(r"\bnow\b|\b(?:an?|one) (?:second|minute|moment) ago\b|\bmoment\b", re.I)
"""Times that have passed by the next turn, and often none at all ("attached now")."""
SHORT = 7
"""Words that a follow-up has at most which says no time, and so keeps that of the last turn that said one: of 735 such
follow-ups to a request for the same tool 664 do, and of 46 answers to what was asked back 45. Of those that say
no camera 2,551 of 2,641 keep the cameras, and of the others most say "everywhere" (authored conversations, counted by
hand)."""
_AFTER_ONE = re.compile(
    r"\b(?:was|is|did|has|does|had|(?:where|when)(?:['’]s| is| was| did| has)?)\s+(?:he|she)\b"
    r"(?! (?:a|an|the|my|our|one of)\b)|"
    r"\b(?:find|spot|see|seen|look for|check for) (?:him|her)\b",
    re.I,
)
_WHO = re.compile(r"\b(?:who|whom|anybody|anyone|somebody|someone|else|with (?:him|her))\b", re.I)
_RETURNS = re.compile(r"\b(?:back|previous\w*|prior|earlier|before|original\w*|initial\w*)\b", re.I)
_SEVERAL = re.compile(r"\b(?:both|each|either|neither|two|those|these|(?<!at )all|pair|respective\w*)\b", re.I)
_PICKS = re.compile(
    r"\b(?:only|just|first|second|third|middle|last one|latter|former|other|drop|without|except|instead|one of|not)\b",
    re.I,
)


def taken_over(step: Step, reading: Reading, cameras: str, time: str) -> Step:
    """``step`` with all the cameras that its request means, where it takes some over from an earlier turn.

    ``cameras`` and ``time`` are the names of the call's arguments of these kinds, or empty."""
    return _with_cameras(_with_time(step, reading, time), reading, cameras, time)


def _with_time(step: Step, reading: Reading, time: str) -> Step:
    """A short follow-up's call with the time that was said last, where it says none itself and not that any will do."""
    asked = reading.plain
    if step.kind != "act" or not time or any(u.segment == REQUEST and "time" in u.kinds for u in reading.units):
        return step
    if time in step.args and _ANY_TIME.search(asked) and str(step.args[time]) not in reading.asked:
        return replace(step, args={k: v for k, v in step.args.items() if k != time})
    if step.tool == "create_alert":
        return step  # an alert stands from now on
    if time in step.args:
        last = _said_since(reading, str(step.args[time]))
        return replace(step, args=step.args | {time: last}) if last else step
    if _said(reading.units) and _WHOLE.match(asked) and not _GOES_ON.search(asked):
        return step  # a question of its own
    before = [u for u in reading.units if u.segment < REQUEST and "time" in u.kinds and not _NOW.search(u.value)]
    words = sum(u.segment == REQUEST and u.shape != "punct" for u in reading.units)
    if not before or words > SHORT or _UNRELATED.search(asked) or _NO_TIME_MEANT.search(asked):
        return step
    if _ANY_TIME.search(reading.text[before[-1].end : reading.request[0]]):
        return step
    return replace(step, args=step.args | {time: trim_time(before[-1].value)})


def _said_since(reading: Reading, value: str) -> str:
    """The time of a later turn than the one that said ``value``: of several that were said one after the other the last
    one counts, unless the follow-up means several or names one of the earlier cameras. Of 104 such follow-ups to two
    times 99 take the last, and no other an older one (authored conversations, counted by hand). Empty where there is
    none."""
    before = [u for u in reading.units if u.segment < REQUEST and "time" in u.kinds and not _NOW.search(u.value)]
    asked = reading.plain
    if not before or _SEVERAL.search(asked) or _PICKS.search(asked) or _RETURNS.search(asked):
        return ""
    named = [u.value for u in reading.units if u.segment < REQUEST and not _CAMERAS.isdisjoint(u.kinds)]
    if any(u.segment == REQUEST and u.value in named for u in reading.units):
        return ""
    turn = reading.text.rfind("\n", 0, before[-1].start)
    older = [u for u in before if value in (u.value, trim_time(u.value))]
    return trim_time(before[-1].value) if older and older[-1].end <= turn else ""


def _with_cameras(step: Step, reading: Reading, cameras: str, time: str) -> Step:
    """The call with the cameras of earlier turns that it means; with none, and no time, where it is a new matter."""
    values = step.args.get(cameras) if cameras else None
    if step.kind == "act" and cameras and values is None and not _said(reading.units):
        return _where_before(step, reading, cameras)
    if step.kind != "act" or not isinstance(values, list):
        return step
    if _said(reading.units):
        return _joined(step, reading, cameras, values)
    before = [u for u in reading.units if u.segment < REQUEST and not _CAMERAS.isdisjoint(u.kinds)]
    names = tuple(dict.fromkeys(u.value for u in before))
    if not set(values) <= set(names):
        return step
    if _UNRELATED.search(reading.plain):
        kept = {k: v for k, v in step.args.items() if k != cameras and (k != time or str(v) in reading.asked)}
        return replace(step, args=kept)
    if _ANYWHERE.search(reading.plain):
        return replace(step, args={k: v for k, v in step.args.items() if k != cameras})
    people = {u.value for u in reading.units if u.segment < REQUEST and "person" in u.kinds}
    if _BOTH.search(reading.plain) and len(names) == 2 and len(people) < 2:
        return replace(step, args=step.args | {cameras: list(names)})
    if len(names) > 1 and len(people) < 2:
        one, other = _nth(reading.plain, len(names)), _left_out(reading.plain, len(names))
        if one is not None:
            return replace(step, args=step.args | {cameras: [names[one]]})
        if other is not None:
            return replace(step, args=step.args | {cameras: [n for i, n in enumerate(names) if i != other]})
    if before and not _PICKS.search(reading.text[before[-1].end : reading.request[1]]):
        together = named_together(reading.text, before, values[0])
        if set(values) < set(together):
            return replace(step, args=step.args | {cameras: list(together)})
    return step


def _where_before(step: Step, reading: Reading, cameras: str) -> Step:
    """A call on the cameras that were named last, where a follow-up points back at them ("there", "those cameras"), or
    is short, and nobody has looked everywhere since."""
    before = [u for u in reading.units if u.segment < REQUEST and not _CAMERAS.isdisjoint(u.kinds)]
    words = sum(u.segment == REQUEST and u.shape != "punct" for u in reading.units)
    if not before or any("unknown" in u.kinds for u in before) or _UNRELATED.search(reading.plain):
        return step
    since = reading.text[before[-1].end : reading.request[1]]
    points = _THERE.search(reading.plain) is not None and not _ANYWHERE.search(since)
    if not points and (words > SHORT or _ELSEWHERE.search(since)):
        return step
    return replace(step, args=step.args | {cameras: list(named_together(reading.text, before, before[-1].value))})


def _nth(asked: str, count: int) -> int | None:
    """Which of ``count`` things a follow-up picks, from 0; None where it picks none."""
    found = _ONLY_NTH.match(asked) or _NTH.search(asked)
    return _place(next((g for g in found.groups() if g), "") if found is not None else "", count)


def _left_out(asked: str, count: int) -> int | None:
    """Which of ``count`` things a follow-up leaves out."""
    found = _BUT_NTH.search(asked)
    return _place(found[1] if found is not None else "", count)


def _place(word: str, count: int) -> int | None:
    place = _PLACES.get(word.casefold(), count - 1 if word else None)
    return place if place is not None and place < count else None


def _joined(step: Step, reading: Reading, cameras: str, values: list[str]) -> Step:
    """A call on the cameras of the last turn too, where the follow-up adds one to them ("add gate 3"); on the others of
    earlier turns where it takes one away ("drop gate 3")."""
    own = {u.value for u in reading.units if u.segment == REQUEST and not _CAMERAS.isdisjoint(u.kinds)}
    before = [u for u in reading.units if u.segment < REQUEST and not _CAMERAS.isdisjoint(u.kinds)]
    if set(values) <= own and _DROPS.match(reading.plain):
        left = list(dict.fromkeys(u.value for u in before if u.value not in own))
        return replace(step, args=step.args | {cameras: left}) if left else step
    if not before or not set(values) <= own or not _JOINS.match(reading.plain):
        return step
    last = named_together(reading.text, before, before[-1].value)
    return replace(step, args=step.args | {cameras: [*(n for n in last if n not in values), *values]})


def the_person(step: Step, reading: Reading, person: str) -> Step:
    """The call for the one of two people whom a follow-up picks ("only the latter"), or for the one who was named last
    where it asks after "him" or "her" (so 24 of 25 such authored follow-ups); where nobody was, that is asked."""
    before = [u for u in reading.units if u.segment < REQUEST and "person" in u.kinds]
    before = [u for u in before if not {"unknown", "fuzzy"} & set(u.kinds)]
    names = tuple(dict.fromkeys(u.value for u in before))
    if step.kind != "act" or any(u.segment == REQUEST and "person" in u.kinds for u in reading.units):
        return step
    after_one = _AFTER_ONE.search(reading.plain) and not _WHO.search(reading.plain)
    turn = reading.text.rfind("\n", 0, before[-1].start) if before else 0
    if len({u.value for u in before if u.start > turn}) > 1:
        after_one = False  # which of the two is not said
    if step.tool == "face_recognition" and person not in step.args and after_one:
        return replace(step, args=step.args | {person: before[-1].value}) if names else Step("ask", missing=("person",))
    if len(names) != 2 or step.args.get(person) not in names:
        return step
    nth = _nth(reading.plain, 2)
    return step if nth is None else replace(step, args=step.args | {person: names[nth]})


def _said(units: Sequence[Unit]) -> bool:
    """Whether the request names a camera itself."""
    return any(u.segment == REQUEST and not u.virtual and not _CAMERAS.isdisjoint(u.kinds) for u in units)
