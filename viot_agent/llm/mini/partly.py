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
    r"\b(?:(?:number ?)?plates?|regs?|registrations?)\b(?P<between>[^.;!?]{0,40}?)"
    r"\b(?:(?P<begins>start(?:s|ing)?|begin(?:s|ning)?) (?:with|by)|end(?:s|ing)? (?:with|in|on)) "
    r"(?:(?:the )?(?:letters?|numbers?|digits?) )?[\"'“‘]?(?P<part>[a-z0-9]{1,3}\b(?!-)|[a-z]*\d[a-z\d-]*)",
    re.I,
)
_UNSURE = re.compile(r"\b(?:not|never|shift|hour|day|week|meeting)\b|n['’]t\b", re.I)
"""Turns it round, or begins and ends itself."""
_MORE = re.compile(r"\s*(?:or|and|/|min|hour|sec|day|week|h\b)", re.I)
"""Another part, or a time."""
_NO_PART = frozenset("a an the it its my our your his her that this".split())


def fitting(asked: str, calls: Iterable[tuple[Call, Mapping[str, Any]]]) -> str:
    """A sentence on which of all plates that were read begin or end as ``asked`` says; empty where it says no such
    part, or more than one, and where no call listed plates. ``calls`` come with their observations' data."""
    found = _PART.search(asked)
    if found is None or _UNSURE.search(found["between"]) or _MORE.match(asked, found.end()):
        return ""
    begins, part = found["begins"] is not None, found["part"]
    if part.casefold() in _NO_PART:
        return ""
    read = [
        str(s.get("plate", ""))
        for call, data in calls
        if call.tool == "plate_recognition" and "plate" not in call.args
        for s in data.get("sightings", ())
        if isinstance(s, Mapping)
    ]
    if not read:
        return ""
    how = f"{'begins' if begins else 'ends'} with {part}"
    keys, wanted = {plate: normalise_plate(plate) for plate in read}, normalise_plate(part)
    fits = [p for p, key in keys.items() if (key.startswith(wanted) if begins else key.endswith(wanted))]
    if not fits:
        return f"No plate of these {how}."
    if len(fits) == 1:
        return f"Of these {fits[0]} {how}."
    return f"Of these {', '.join(fits[:-1])} and {fits[-1]} {how.replace('begins', 'begin').replace('ends', 'end')}."
