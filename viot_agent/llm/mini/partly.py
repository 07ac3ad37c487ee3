"""What is known of a plate only in part: "any plates that start with RK?".

``plate_recognition`` looks for whole plates, or lists all that were read; which of these fit is told here, from its
observation. Owns reading that part of a request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from viot_agent.fleet.plates import normalise_plate
from viot_agent.llm.mini.menu import Call

_PART = re.compile(
    r"\b(?:plates?|regs?|registrations?|numbers?|that|which|it)\b[^.;!?]{0,40}?"
    r"\b(?P<how>start|begin|end|finish)\w*\s+(?:with|in|on|by)\s+(?:(?:the )?(?:letters?|numbers?|digits?)\s+)?"
    r"[\"'“‘]?(?P<part>[A-Z0-9]{1,6})\b",
)


def fitting(asked: str, calls: Iterable[tuple[Call, Mapping[str, Any]]]) -> str:
    """A sentence on which of all plates that were read begin or end as ``asked`` says (in capitals or digits); empty
    where it says no such part, or no call listed plates. ``calls`` come with their observations' data."""
    part = _PART.search(asked)
    read = [
        str(s.get("plate", ""))
        for call, data in calls
        if call.tool == "plate_recognition" and "plate" not in call.args
        for s in data.get("sightings", ())
        if isinstance(s, Mapping)
    ]
    if part is None or not read:
        return ""
    begins = part["how"].casefold() in ("start", "begin")
    how = f"{'begins' if begins else 'ends'} with {part['part']}"
    keys = {plate: normalise_plate(plate) for plate in read}
    fits = [p for p, key in keys.items() if (key.startswith if begins else key.endswith)(normalise_plate(part["part"]))]
    if not fits:
        return f"No plate of these {how}."
    if len(fits) == 1:
        return f"Of these {fits[0]} {how}."
    return f"Of these {', '.join(fits[:-1])} and {fits[-1]} {how.replace('begins', 'begin').replace('ends', 'end')}."
