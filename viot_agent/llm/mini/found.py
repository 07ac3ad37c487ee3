"""What a later call takes from what an earlier one of the run found: the cameras, and the time of a clip.

"Which camera saw her? How many people are on that one now?" names no camera, and "if it burns, send me the clip" no
time; the decoder copies only what was said. Owns the words that point back and what they point at. Writes no step of
its own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from viot_agent.fleet.clock import human, zone
from viot_agent.llm.mini.menu import Call
from viot_agent.llm.mini.units import REQUEST, Reading
from viot_agent.steps import Observation

AROUND = 5.0
"""Seconds of a clip before and after what was found."""
LONGEST = 600.0
"""Seconds from the first find to the last that one clip can hold; of finds further apart one must be named."""

_THAT = re.compile(
    r"\b(?:"
    r"(?:that|the same|that same|this same|the very same|the very|whichever|whatever|said)\s+"
    r"(?:one\s+)?(?:cam(?:era)?s?|place|spot|location|area|view|feed)"
    r"|(?:on|at|from|by|for|of) (?:that|the same) one"
    r"|where(?:ver)? (?!(?:was|were|is|are|did|do|does|has|have|had)\b)\S+(?: \S+){0,2}? (?:was |were |is |got |last )*"
    r"(?:seen|found|spotted|read|recogni[sz]ed|showed up|turned up|appeared|passed|came (?:by|past|through))"
    r")\b",
    re.I,
)
_ENDS = ("start", "end")


def points_back(asked: str) -> bool:
    """Whether a request speaks of a camera only as the one where something was found."""
    return _THAT.search(asked) is not None


def cameras_of(args: Mapping[str, Any], observed: Observation | None, names: Sequence[str]) -> tuple[str, ...]:
    """The cameras that a call found something on: those of its appearances, where its data tells them (a face that only
    may be somebody's is evidence, and no appearance), else those of its evidence, else those its summary names, of
    ``names`` and of the ones that were looked at; the one that was looked at where it was one."""
    looked = [str(c) for c in args.get("cameras") or ()]
    if len(looked) == 1:
        return tuple(looked)
    if observed is None or observed.status != "ok" or observed.verdict not in ("found", "info"):
        return ()
    sure = observed.data.get("appearances")
    certain = [str(a["camera"]) for a in sure if "camera" in a] if isinstance(sure, (list, tuple)) else []
    proofs = certain or [e.camera for e in observed.evidence]
    return tuple(dict.fromkeys(proofs)) or _named(observed.summary, names)


def _named(text: str, names: Sequence[str]) -> tuple[str, ...]:
    """The ``names`` that ``text`` says, the longest first where one is part of another."""
    if not names:
        return ()
    known = {n.casefold(): n for n in names}
    longest = "|".join(re.escape(n) for n in sorted(known, key=len, reverse=True))
    found = re.findall(rf"(?<!\w)(?:{longest})(?!\w)", text, re.I)
    return tuple(dict.fromkeys(known[n.casefold()] for n in found if n.casefold() in known))


def when_found(observed: Observation | None, zones: Mapping[str, str]) -> tuple[tuple[str, ...], str]:
    """The cameras on which an observation found something, and the time around all of it in words that say the day;
    empty where nothing was found, where it lies further apart than a clip can hold, or where the cameras' clocks
    differ. ``zones``: the cameras' IANA time zones by name."""
    if observed is None or observed.status != "ok" or observed.verdict != "found":
        return (), ""
    spans = _spans(observed.data) or [(e.camera, e.start, e.end) for e in observed.evidence]
    cameras = tuple(dict.fromkeys(camera for camera, _, _ in spans))
    clocks = {zones.get(camera) for camera in cameras}
    clock = clocks.pop() if len(clocks) == 1 else None
    if clock is None:
        return (), ""
    first, last = min(start for _, start, _ in spans), max(end for _, _, end in spans)
    if last - first > LONGEST - 2 * AROUND - 1:
        return (), ""
    a, b = human(first - AROUND, zone(clock)), human(math.ceil(last) + AROUND, zone(clock))
    time, _, day = a.partition(" on ")
    return cameras, f"from {time if b.endswith(f' on {day}') else a} to {b}"


def all_looked_for(reading: Reading, calls: Sequence[Call], cameras: Sequence[str]) -> bool:
    """Whether every camera that a request names is one of ``cameras`` (a group: one that the last call looked at), and
    everybody and every plate that it names was looked for by one of ``calls``."""
    asked = {str(v).casefold() for call in calls for v in call.args.values() if isinstance(v, str)}
    places = {c.casefold() for c in cameras}
    groups = {str(c).casefold() for c in calls[-1].args.get("cameras") or ()} if calls else set()
    for unit in reading.units:
        if unit.segment != REQUEST or unit.virtual:
            continue
        value = unit.value.casefold()
        if "camera" in unit.kinds and value not in places:
            return False
        if "group" in unit.kinds and "camera" not in unit.kinds and value not in groups:
            return False
        if {"person", "plate"} & set(unit.kinds) and value not in asked:
            return False
    return True


def _spans(data: Mapping[str, Any]) -> list[tuple[str, float, float]]:
    """(camera, start, end) of what an observation's data tells for certain."""
    for key in ("appearances", "events", "sightings"):
        rows = data.get(key)
        if isinstance(rows, (list, tuple)) and rows and all(map(_is_span, rows)):
            return [(str(r["camera"]), float(r["start"]), float(r["end"])) for r in rows]
    return []


def _is_span(row: object) -> bool:
    """Data of an outside tool may have any form."""
    return isinstance(row, Mapping) and "camera" in row and all(isinstance(row.get(k), (int, float)) for k in _ENDS)
