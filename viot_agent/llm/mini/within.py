"""What a later goal of a request shares with an earlier one of the same request: its only time, its only cameras.

Owns these rules, which add what was left out, and put a clip's own time for that of the step before. What a follow-up
takes over from earlier turns lies in ``earlier``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from viot_agent.llm.mini.menu import Call, Step
from viot_agent.llm.mini.units import REQUEST, Reading, trim_time

_OTHER_TIME = re.compile(
    r"\b(?:now|moment|minute|second|present|currently|live|speak|ever|never|always|still|any ?time|any day|regardless|"
    r"in total|overall)\b",
    re.I,
)
"""Words by which a goal can mean another time than the one that is said."""
_THERE = re.compile(
    r"\b(?:been|seen|shows?|showed|shown|look|looked|stands?|stood|go|goes|went|come|comes|came|in|up|down|over|out|still|"
    r"again|parked|him|her|it|them|friend|same) there\b(?! (?:is|was|are|were)\b)",
    re.I,
)
_ELSEWHERE = re.compile(
    r"\b(?:any\w*|every\w*|all|whole|entire|site\w*|fleet|premises|grounds|system|else\w*|other|another|rest)\b", re.I
)


_STRETCH = re.compile(
    r"(?:from |between )?\d{1,2}(?:[:.]\d\d)?(?: ?[ap]\.?m\.?)?\s*(?:-|–|to|till|until|and)\s*\d{1,2}(?:[:.]\d\d)?",
    re.I,
)
_ALERT = re.compile(r"\b(?:alert|alarm|warn|watch|ping|notif)\w*", re.I)
_WRITTEN = frozenset(("export_clip", "face_redaction"))


def its_stretch(step: Step, reading: Reading, history: Sequence[Call], time: str) -> Step:
    """A clip of the one stretch that a request says and no call has taken, instead of the time that an earlier call was
    for: "was he there this evening? cut me 19:10 to 19:15". Only where one camera is named, nothing else is left to
    do, and no alert is spoken of, which may be for it. Of 3,125 clips of authored requests after another call for a
    time it changes none (by hand). ``time``: what the tool calls that argument."""
    taken = {trim_time(str(c.args.get(time, ""))).casefold() for c in history}
    now = trim_time(str(step.args.get(time, ""))).casefold() if step.tool == "export_clip" and time else ""
    if not now or now not in taken or _STRETCH.match(now) or not set(step.plan) <= _WRITTEN:
        return step
    own = [u for u in reading.units if u.segment == REQUEST and not u.virtual]
    said = dict.fromkeys(trim_time(u.value) for u in own if "time" in u.kinds)
    stretches = [v for v in said if _STRETCH.match(v)]
    cameras = {u.value.casefold() for u in own if {"camera", "group"} & set(u.kinds)}
    if len(stretches) != 1 or len(cameras) > 1 or stretches[0].casefold() in taken or _ALERT.search(reading.plain):
        return step
    return replace(step, args=step.args | {time: stretches[0]})


def with_its_own(step: Step, reading: Reading, history: Sequence[Call], time: str, cameras: str) -> Step:
    """A call with the one time of its request, where an earlier call for the same cameras or of the same tool has it;
    and with the one camera of it, where that is spoken of as *there*. ``time`` and ``cameras`` are what its tool calls
    these arguments, empty where it takes none.

    Of 1,631 phrasings that nothing was learnt from, 5 made a call that left the only time out after such an earlier
    one, and all 5 want it there (by hand); an alert's time is its own.
    """
    if step.kind != "act" or not history or step.tool == "create_alert":
        return step
    step = its_stretch(step, reading, history, time)
    before = [
        call
        for call in history
        if call.tool == step.tool or (cameras and call.args.get(cameras) == step.args.get(cameras))
    ]
    said = {trim_time(u.value).casefold() for u in reading.units if u.segment == REQUEST and "time" in u.kinds}
    if time and time not in step.args and len(said) == 1 and not _OTHER_TIME.search(reading.asked):
        taken = next((c.args[time] for c in before if str(c.args.get(time, "")).casefold() in said), None)
        step = step if taken is None else replace(step, args=step.args | {time: taken})
    if cameras and cameras not in step.args and _THERE.search(reading.plain) and not _ELSEWHERE.search(reading.plain):
        places = [c.args[cameras] for c in history if c.args.get(cameras)]
        if places and all(place == places[0] for place in places):
            step = replace(step, args=step.args | {cameras: places[0]})
    return step
