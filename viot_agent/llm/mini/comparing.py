"""Which was busier? A verdict on counts of people that a request compares, from the observations' data.

Owns reading that something is compared and the sentence; the counts and their own sentences are the tool's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from viot_agent.llm.mini.menu import Call

_WHO = "(?:people|visitors|customers|guests|folks?)"
_COMPARES = re.compile(
    r"\b(?:busi(?:er|est)|full(?:er|est)|empti(?:er|est)|quiet(?:er|est)|crowd(?:ier|iest)|"
    rf"(?:more|most|less|least) (?:crowded|busy|{_WHO})|few(?:er|est) {_WHO})\b",
    re.I,
)
_THAN_A_NUMBER = re.compile(
    r"\b(?:more|fewer|less)(?: people)? than (?:\d|a |an |one|two|three|four|five|six|ten)", re.I
)


def compared(asked: str, calls: Iterable[tuple[Call, Mapping[str, Any]]]) -> str:
    """A sentence on where, or when, most people were in view at once; empty where ``asked`` compares nothing, fewer
    than two cameras or times were counted, or one could not be told of. ``calls`` come with their data."""
    if not _COMPARES.search(asked) or _THAN_A_NUMBER.search(asked):
        return ""
    counted = [(call, data) for call, data in calls if call.tool == "crowd_counting"]
    if any(data.get("untold") or call.status not in ("found", "none") for call, data in counted):
        return ""
    most: dict[str, int] = {}
    for call, data in counted:
        for camera, count in data.get("cameras", {}).items():
            label = camera if len(counted) == 1 else str(call.args.get("time", ""))
            if not label or label in most or not isinstance(count, Mapping) or "max" not in count:
                return ""
            most[label] = count["max"]
    if len(most) < 2:
        return ""
    order = sorted(most, key=lambda label: -most[label])
    first, last = order[0], order[-1]
    if most[first] == most[order[1]]:
        return f"At once as many people were in view: {first} {most[first]}, {order[1]} {most[order[1]]}."
    return f"Most people in view at once: {first}, {most[first]}; fewest: {last}, {most[last]}."
