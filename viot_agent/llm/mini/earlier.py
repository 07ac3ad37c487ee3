"""What a follow-up that names no camera takes over from earlier turns: all of those meant together, or none.

"Narrow it to last Monday" goes for both cameras that were named side by side, "both: strangers" for the two that were
asked about one after the other, "anywhere on site" for none of them. Owns these words. Writes no step of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from viot_agent.llm.mini.checks import named_together
from viot_agent.llm.mini.menu import Step
from viot_agent.llm.mini.units import REQUEST, Reading, Unit

_CAMERAS = frozenset(("camera", "group"))
_ANYWHERE = re.compile(
    r"\b(?:any|every)where\b(?! (?:else )?(?:in|on|near|around|by|at|along|inside|there|under|behind|within|from)\b)|"
    r"\b(?:any|every)where (?:on|in|at|around) (?:the |our |this )?(?:site|premises|estate|property|building|fleet)\b|"
    r"\b(?:all|every|each) (?:of )?(?:the |our |my )?cam(?:era)?s?\b|"
    r"\b(?:whole|entire) (?:site|fleet|place|estate|building)\b|\bsite[ -]?wide\b",
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
_ONLY_NTH = re.compile(
    r"^\W*(?:(?:and|but|no|ok|please),?\s+)*(?:only|just)\s+(?:the\s+)?(first|second|1st|2nd|former|latter|last)\b",
    re.I,
)
_PICKS = re.compile(
    r"\b(?:only|just|first|second|third|middle|last one|latter|former|other|drop|without|except|instead|one of|not)\b",
    re.I,
)


def taken_over(step: Step, reading: Reading, cameras: str, time: str) -> Step:
    """``step`` with all the cameras that its request means, where it takes some over from an earlier turn.

    ``cameras`` and ``time`` are the names of the call's arguments of these kinds, or empty."""
    values = step.args.get(cameras) if cameras else None
    if step.kind != "act" or not isinstance(values, list) or _said(reading.units):
        return step
    before = [u for u in reading.units if u.segment < REQUEST and not _CAMERAS.isdisjoint(u.kinds)]
    names = tuple(dict.fromkeys(u.value for u in before))
    if not set(values) <= set(names):
        return step
    if _UNRELATED.search(reading.asked):
        kept = {k: v for k, v in step.args.items() if k != cameras and (k != time or str(v) in reading.asked)}
        return replace(step, args=kept)
    if _ANYWHERE.search(reading.asked):
        return replace(step, args={k: v for k, v in step.args.items() if k != cameras})
    people = {u.value for u in reading.units if u.segment < REQUEST and "person" in u.kinds}
    if _BOTH.search(reading.asked) and len(names) == 2 and len(people) < 2:
        return replace(step, args=step.args | {cameras: list(names)})
    nth = _ONLY_NTH.match(reading.asked)
    if nth is not None and len(names) == 2:
        return replace(
            step, args=step.args | {cameras: [names[nth[1].casefold() in ("second", "2nd", "latter", "last")]]}
        )
    if before and not _PICKS.search(reading.text[before[-1].end : reading.request[1]]):
        together = named_together(reading.text, before, values[0])
        if set(values) < set(together):
            return replace(step, args=step.args | {cameras: list(together)})
    return step


def _said(units: Sequence[Unit]) -> bool:
    """Whether the request names a camera itself."""
    return any(u.segment == REQUEST and not u.virtual and not _CAMERAS.isdisjoint(u.kinds) for u in units)
