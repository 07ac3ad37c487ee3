"""Which was busier? A verdict on counts of people that a request compares, from the observations' data.

Owns reading that something is compared and the sentence; the counts and their own sentences are the tool's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from viot_agent.fleet.words import TENS, UNITS
from viot_agent.llm.mini.menu import Call

_WHO = "(?:people|visitors|customers|guests|folks?)"
_COMPARES = re.compile(
    r"\b(?:busi(?:er|est)|full(?:er|est)|empti(?:er|est)|quiet(?:er|est)|crowd(?:ier|iest)|"
    rf"(?:more|most|less|least) (?:crowded|busy|{_WHO})|few(?:er|est) {_WHO})\b",
    re.I,
)
_NUMBERS = "|".join((*UNITS, *TENS, "dozen", "hundred"))
_THAN_ANOTHER = re.compile(rf"\bthan (?:\d|(?:{_NUMBERS}|an?|usual|usually|normal|ever|before|last|expected)\b)", re.I)
"""Compares with a number, or with what nobody counted."""


def compared(asked: str, calls: Iterable[tuple[Call, Mapping[str, Any]]]) -> str:
    """A sentence on where, or when, most and fewest people were in view at once, with all that share a place; empty
    where ``asked`` compares nothing, where fewer than two cameras or times were counted or one could not be told of,
    and where both differ or an alert is made. ``calls`` come with their observations' data."""
    made = list(calls)
    if not _COMPARES.search(asked) or _THAN_ANOTHER.search(asked) or any(c.tool == "create_alert" for c, _ in made):
        return ""
    counts: dict[tuple[str, str], int] = {}
    for call, data in made:
        if call.tool != "crowd_counting":
            continue
        if data.get("untold") or call.status not in ("found", "none"):
            return ""
        for camera, count in data.get("cameras", {}).items():
            place = str(camera), str(call.args.get("time", ""))
            if place in counts or not isinstance(count, Mapping) or "max" not in count:
                return ""
            counts[place] = count["max"]
    cameras, times = {camera for camera, _ in counts}, {time for _, time in counts}
    if len(counts) < 2 or (len(cameras) > 1 and len(times) > 1) or (len(times) > 1 and "" in times):
        return ""
    by = {(camera if len(cameras) > 1 else time): n for (camera, time), n in counts.items()}
    most, least = max(by.values()), min(by.values())
    top, bottom = ([name for name, n in by.items() if n == end] for end in (most, least))
    if most == least:
        return f"As many people were in view at once: {' and '.join(top)}, {most} each."
    each = (" each" if len(names) > 1 else "" for names in (top, bottom))
    return (
        f"Most people in view at once: {' and '.join(top)}, {most}{next(each)}; "
        f"fewest: {' and '.join(bottom)}, {least}{next(each)}."
    )
