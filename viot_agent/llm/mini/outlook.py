"""What an observation means for what a request has left to do: whether any of it happens now, and what of it does not.

Owns the order of those who are asked: code where a number of people settles it, else the judge of conditions, else the
nets. Runs neither of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from viot_agent.llm.mini.checks import people_together, settled
from viot_agent.llm.mini.conditions import FIRST, LATER, SURE
from viot_agent.llm.mini.menu import Call
from viot_agent.llm.mini.planner import Planner
from viot_agent.llm.mini.units import Reading


@dataclass(frozen=True, slots=True)
class Outlook:
    """``settled``: whether anything that is left happens now (None: the nets say); ``barred``: tools of it that do
    not."""

    settled: bool | None = None
    barred: frozenset[str] = frozenset()


def outlook(planner: Planner, reading: Reading, call: Call, data: Mapping[str, Any]) -> Outlook:
    """After ``call``, the last one; ``data`` is its observation's."""
    if not call.rest or call.rest[0] not in call.waiting or people_together(reading):
        # what comes next waits for nothing; of several people together the words say whether one is enough
        return Outlook()
    if set(call.rest) <= set(call.waiting):
        held = settled(reading.asked, call, data)
        if held is None and call.tool == "crowd_counting" and data.get("untold"):
            held = False  # a number that hangs on a camera nobody can tell of does not let anything happen
        if held is not None:
            return Outlook(held)
    if call.status not in ("found", "none", "info"):
        return Outlook()
    shares = planner.judged(reading, call, data, call.rest)
    if shares is None or shares.max() < SURE:
        return Outlook()
    answer, first = int(shares.argmax()), call.rest[0]
    others = set(call.rest) - {first}
    return Outlook(answer in (FIRST, LATER), frozenset((first,) if answer == LATER and others else ()))
