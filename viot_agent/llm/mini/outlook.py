"""What an observation means for what a request has left to do: whether any of it happens now, and what of it does not.

Owns the order of those who are asked: code where a number of people settles the only thing left, else the judge of
conditions, else the nets. Runs neither of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from viot_agent.llm.mini.checks import finds, may_be_conditional, people_together
from viot_agent.llm.mini.conditions import LATER, NOTHING, SURE, passed_by
from viot_agent.llm.mini.limits import first_case, only_otherwise, settled, two_cases
from viot_agent.llm.mini.menu import Call
from viot_agent.llm.mini.planner import Planner
from viot_agent.llm.mini.units import REQUEST, Reading

_UNTOLD = re.compile(
    r"\b(?:can(?:['’]?t|no ?t) (?:tell|say|see|be)|unclear|unsure|not (?:sure|certain|clear)|inconclusive|uncertain|"
    r"doubt\w*|down|offline|dead|broken|fail\w*|errors?|unavailable|unless|either way|regardless|any ?way|whatever|"
    r"no (?:footage|recordings?))\b",
    re.I,
)
"""Words that may say what is to be done where nobody can tell."""


_CHAINS = (
    ("scene_recognition", "anomaly_detection"),
    ("pose_estimation", "action_recognition"),
    ("export_clip", "face_redaction"),
)
"""Two steps of one goal: in the authored requests of two cases they are always for the same one."""
EXPECTED = 1.3
"""How much likelier the next step is where what was looked for was seen, and less where it was not: people name the
case that they expect first. Of 730 observations of phrasings kept from training the judge alone is right of 658, so of
662 (by hand)."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """``settled``: whether anything that is left happens now (None: the nets say); ``barred``: tools of it that do
    not; ``other``: it is the other case than the one that was named first."""

    settled: bool | None = None
    barred: frozenset[str] = frozenset()
    other: bool = False


def outlook(planner: Planner, reading: Reading, call: Call, data: Mapping[str, Any]) -> Outlook:
    """After ``call``, the last one; ``data`` is its observation's."""
    left = call.rest or ()
    if not left or 0 not in call.waiting or people_together(reading):
        # what comes next waits for nothing; of several people together the words say whether one is enough
        return Outlook()
    if any(u.segment < REQUEST for u in reading.units) and not may_be_conditional(reading.plain):
        return Outlook()  # the condition was put in an earlier turn: the judge reads the last
    if len(left) == 1:
        held = settled(reading.plain, call, data)
        if held is not None:
            return Outlook(held)
    pair = len(left) == 2 and set(call.waiting) >= {0, 1}
    held = first_case(reading.plain, call, data) if pair else None
    if held is not None and only_otherwise(reading.plain, left):
        return _none_of(left, call) if held else Outlook(True)
    if held is not None and (held or two_cases(reading.plain)):
        return _case(left, reading.plain, other=not held)
    if held is not None:
        return _none_of(left, call)
    if call.tool == "crowd_counting" and data.get("untold"):
        return _none_of(left, call)  # what hangs on a camera nobody can tell of does not happen
    if call.status in ("cannot_tell", "failed", "refused") and not _UNTOLD.search(reading.plain):
        return _none_of(left, call)  # nobody knows whether it holds
    if call.status not in ("found", "none", "info") or passed_by(reading, data):
        return Outlook()
    shares = planner.judged(reading, call, data, left)
    if shares is None or shares.max() < SURE:
        return Outlook()
    if finds(call.tool, call.args):
        shares = shares * np.array([EXPECTED if call.status == "found" else 1 / EXPECTED, 1.0, 1.0])
    answer = int(shares.argmax())
    if answer != NOTHING:
        return _case(left, reading.plain, other=answer == LATER)
    return _none_of(left, call)


def _case(left: tuple[str, ...], asked: str, *, other: bool) -> Outlook:
    """The first of what is left happens, or (``other``) something after it; of two cases the one bars the other."""
    if other:
        return Outlook(True, frozenset((left[0],)) if set(left[1:]) - {left[0]} else frozenset(), True)
    bars = len(left) == 2 and left[0] != left[1] and left not in _CHAINS and two_cases(asked)
    bars = bars and not only_otherwise(asked, left)
    return Outlook(True, frozenset((left[1],)) if bars else frozenset())


def _none_of(left: tuple[str, ...], call: Call) -> Outlook:
    """Nothing that waits happens; what waits for nothing does."""
    waiting = {tool for i, tool in enumerate(left) if i in call.waiting}
    plain = {tool for i, tool in enumerate(left) if i not in call.waiting}
    return Outlook(True, frozenset(waiting - plain)) if plain else Outlook(False)
