"""What a later goal of a request shares with an earlier one of the same request: its only time, its only cameras.

Owns the two rules, which add what was left out and change nothing that was said. What a follow-up takes over from
earlier turns lies in ``earlier``.
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


def with_its_own(step: Step, reading: Reading, history: Sequence[Call], time: str, cameras: str) -> Step:
    """A call with the one time of its request, where an earlier call for the same cameras or of the same tool has it;
    and with the one camera of it, where that is spoken of as *there*. ``time`` and ``cameras`` are what its tool calls
    these arguments, empty where it takes none.

    Of 1,631 phrasings that nothing was learnt from, 5 made a call that left the only time out after such an earlier
    one, and all 5 want it there (by hand); an alert's time is its own.
    """
    if step.kind != "act" or not history or step.tool == "create_alert":
        return step
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
