"""What a tool reports where several people did several things, of rows whose authors wrote of one.

An author's report of what is asked about ("running 1") and of what is not ("walking 4", "nobody ran") stand apart, and
a judge that reads no others takes any second action for a denial. So of each row is read what its condition turns on,
and reports are made that hold this among other things, or other things without it. Owns that reading. Knows no judge.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from viot_agent.llm.mini.conditions import ACTIONS

_STEMS = {
    r"stand\w*|stood": "standing",
    r"walk\w*|stroll\w*": "walking",
    r"runs?|ran|runn\w*|sprint\w*|jog\w*": "running",
    r"s[ia]ts?|sitt\w*|seated": "sitting",
    r"f[ae]ll\w*|collaps\w*|toppl\w*|tripp\w*": "falling",
    r"lying|lies|lie|lay|lain": "lying",
    r"wav(?:e[sd]?|ing)": "waving",
    r"squat\w*|crouch\w*": "squatting",
    r"fight\w*|fought|brawl\w*": "fighting",
    r"carr(?:y|ie|ying)\w*": "carrying",
}
_NEAR = ({"falling", "lying"}, {"sitting", "squatting"}, {"walking", "running"})
"""Of two like these one is never put beside the other: which was asked about is not for chance to say."""
_ACTION = re.compile("|".join(rf"(?P<{name}>\b(?:{stem})\b)" for stem, name in _STEMS.items()), re.I)
_DENIED = re.compile(r"\b(?:no|not|nobody|none|without|nothing|never|zero)\b|\b0\b(?!\.\d)|n['’]t\b", re.I)
_CLAUSE = re.compile(r"[,;]|\.(?:\s|$)|\band\b|\bbut\b", re.I)
_STRANGE = re.compile(
    r"\b(?:unknown|strangers?|un(?:enrolled|registered|familiar|recogni[sz]ed)|"
    r"not (?:enrolled|registered|known)|outsiders?)\b",
    re.I,
)
_KNOWN = re.compile(r"\b(?:known|enrolled|registered|recogni[sz]ed|familiar|colleagues?|employees?|residents?)\b", re.I)
_ONLY = re.compile(r"\b(?:all|every|each|only)\b", re.I)


@dataclass(frozen=True, slots=True)
class Turning:
    """What a condition turns on: ``these`` are reported where the branch is ``held``; ``beside`` stood with them."""

    these: frozenset[str]
    held: bool
    beside: frozenset[str] = frozenset()


def turning(reports: Mapping[str, Sequence[str]]) -> Turning | None:
    """The actions that one branch of ``reports`` (``met``, ``unmet``) tells and the other denies; None where that
    cannot be read, or both tell them (they are counted, then)."""
    tales = {key: told(texts) for key, texts in reports.items()}
    if tales.keys() != {"met", "unmet"}:
        return None
    found = [
        Turning(frozenset(done & tales[other][1]), key == "met", frozenset(done))
        for key, other in (("met", "unmet"), ("unmet", "met"))
        for done, _ in [tales[key]]
        if done & tales[other][1] and not done & tales[other][1] & tales[other][0]
    ]
    return found[0] if len(found) == 1 else None


def told(texts: Sequence[str]) -> tuple[set[str], set[str]]:
    """The actions that texts tell of, and those that they deny."""
    done: set[str] = set()
    denied: set[str] = set()
    for text in texts:
        for clause in _CLAUSE.split(text):
            named = {str(m.lastgroup) for m in _ACTION.finditer(clause)}
            (denied if _DENIED.search(clause) else done).update(named)
    return done, denied


def acted(turn: Turning, met: bool, rng: random.Random) -> dict[str, int]:
    """How many people did what, in the branch ``met``: what it turns on among other things, or others without it."""
    near = {a for pair in _NEAR if pair & turn.these for a in pair}
    free = [a for a in ACTIONS if a not in turn.these | turn.beside | near]
    wanted = met == turn.held
    done = rng.sample(sorted(turn.these), rng.randint(1, len(turn.these))) if wanted else []
    done += rng.sample(free, min(len(free), rng.choice((0, 1, 1, 2, 2, 3)) if wanted else rng.choice((1, 1, 2, 2, 3))))
    rng.shuffle(done)
    return {action: rng.choice((1, 1, 2, 2, 3, 4, rng.randint(5, 19))) for action in done}


def acted_in_words(done: Mapping[str, int], rng: random.Random) -> str:
    """The same as a report's text."""
    one: Callable[[str, int], str] = rng.choice(
        (
            lambda a, n: f"{a} {n}",
            lambda a, n: f"{n} {a}",
            lambda a, n: f"{a} ({n})",
            lambda a, n: f"{n} {'person' if n == 1 else 'people'} {a}",
            lambda a, n: f"{a}: {n}",
        )
    )
    text = ", ".join(one(a, n) for a, n in done.items())
    lead, end = rng.choice(
        (("", ""), ("", "."), ("Actions: ", "."), ("Seen: ", "."), (f"{sum(done.values())} people: ", ""))
    )
    return lead + text + end


def faces_turning(reports: Mapping[str, Sequence[str]]) -> Turning | None:
    """The same of a look at everybody's face: ``these`` is ``unknown`` or ``known``, whom one branch tells of and the
    other does not; None where neither, or both, can be read so."""
    found = []
    for kind in ("unknown", "known"):
        seen = {key: {t for text in texts if (t := _tells(text, kind)) is not None} for key, texts in reports.items()}
        if sorted(seen.items()) in ([("met", {True}), ("unmet", {False})], [("met", {False}), ("unmet", {True})]):
            found.append(Turning(frozenset((kind,)), seen["met"] == {True}))
    return found[0] if len(found) == 1 else None


def _tells(text: str, kind: str) -> bool | None:
    """Whether a report tells of people of a kind, or of none; None where it says neither."""
    said, other = (_STRANGE, _KNOWN) if kind == "unknown" else (_KNOWN, _STRANGE)
    some = None
    for clause in _CLAUSE.split(text):
        mine = bool(said.search(clause if kind == "unknown" else _STRANGE.sub(" ", clause)))
        if mine and not _DENIED.search(_STRANGE.sub(" ", clause)):
            return True
        if mine or (_ONLY.search(clause) and other.search(clause)):
            some = False
    return some


def faces(turn: Turning, met: bool, rng: random.Random) -> dict[str, Any]:
    """The data of a look at everybody's face in the branch ``met``."""
    wanted, [kind] = met == turn.held, turn.these
    many = rng.choice((1, 1, 2, 3, rng.randint(4, 12)))
    other = rng.randint(0, 4) if wanted else rng.randint(1, 5)
    unknown, known = (many * wanted, other) if kind == "unknown" else (other, many * wanted)
    return {"unknown": unknown, "known": {str(n): 1 for n in range(known)}}
