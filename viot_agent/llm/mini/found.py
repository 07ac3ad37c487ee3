"""A call that looks "on that camera": at the cameras where an earlier call of the run found what it looked for.

"Which camera saw her? How many people are on that one now?" names no camera, and the decoder copies only names that
were said. Owns the words that point back and what they point at. Writes no step of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from viot_agent.steps import Observation

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
