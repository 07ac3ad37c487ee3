"""What must be so in the world for an authored condition to hold, read from how its author would see it reported.

The tested step of a family has observations for *met* and *unmet*. From these (and the numbers of the request) comes a
typed need: presence, a range of people, actions, a scene, an answer, strangers. Owns that reading. Plans no world.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from viot_agent.bench.families import Step
from viot_agent.bench.verdict import verdict_of

PRESENCE = frozenset(
    (
        "face_recognition person_reid gait_recognition plate_recognition vehicle_reid fire_smoke_detection "
        "anomaly_detection"
    ).split()
)
_ACTS = {
    "standing": r"stand\w*|stood",
    "walking": r"walk\w*",
    "running": r"run\w*|ran",
    "sitting": r"sit\w*|sat|seated",
    "falling": r"fall\w*|fell|tumbl\w*",
    "lying": r"lie|lies|lying|lay",
    "waving": r"wav\w*",
    "squatting": r"squat\w*",
    "fighting": r"fight\w*|fought|punch\w*",
    "carrying": r"carr\w*|lug\w*",
}
_WORDS = {w: i for i, w in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())}
_DENIED = re.compile(r"\b(?:no|nobody|none|without|not)\b[^,.;]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Need:
    """What the world must hold for one tested step. Only the fields of its ``kind`` count.

    ``kind``: presence (``found``), crowd (``low``..``high`` people), actions, scene, answer, strangers (``low``).
    """

    kind: str
    found: bool = False
    low: int = 0
    high: int = 0
    actions: tuple[str, ...] = ()
    text: str = ""


def need_of(step: Step, text: str, met: bool, values: Mapping[str, str]) -> Need:
    """The need for ``met`` (or unmet). ``values`` fill the slots of hand-written answers.

    Raises ValueError when the two kinds of observation cannot be told apart.
    """
    mine, other = (step.obs["met"], step.obs["unmet"]) if met else (step.obs["unmet"], step.obs["met"])
    if step.tool == "crowd_counting":
        return _crowd(mine, other)
    if step.tool == "action_recognition":
        return _actions(step, met)
    if step.tool == "scene_recognition":
        return Need("scene", text=_scene(mine[0]))
    if step.tool == "video_qa":
        return Need("answer", text=mine[0].format(**values))
    if step.tool not in PRESENCE:
        raise ValueError(f"{step.tool} cannot be a condition")
    everybody = step.tool == "face_recognition" and "person" not in step.args
    if everybody and any(re.search(r"unknown|stranger", o, re.IGNORECASE) for o in (*mine, *other)):
        return Need("strangers", low=max(_unknown(o) for o in mine))
    seen = [sum(verdict_of(step.tool, o) == "found" for o in group) / len(group) for group in (mine, other)]
    if seen[0] == seen[1]:
        raise ValueError(f"met and unmet of {step.tool} cannot be told apart")
    return Need("presence", found=seen[0] > seen[1])


def numbers(text: str) -> list[int]:
    """Whole numbers of people in a report: no clock times, no decimals; "nobody" is 0."""
    bare = re.sub(r"\d+[:.]\d+|\d+\s?%", " ", re.sub(r"\{\w+\}", " ", text))
    found = [int(n) for n in re.findall(r"(?<![\w.-])\d+(?![\w.:-])", bare)]
    found += [_WORDS[w] for w in re.findall(r"[a-z]+", bare.casefold()) if w in _WORDS]
    if not found and re.search(r"\b(?:nobody|no (?:one|person|people)|none|empty)\b", bare, re.IGNORECASE):
        return [0]
    return found


def _crowd(mine: Sequence[str], other: Sequence[str]) -> Need:
    """A range of people that makes ``mine`` so: between what its reports say, on this side of the others."""
    ours, theirs = ([numbers(o) for o in group if numbers(o)] for group in (mine, other))
    if not ours or not theirs:
        raise ValueError("a condition on people needs numbers in its observations")
    if max(max(n) for n in ours) == 0:
        return Need("crowd", low=0, high=0)
    more = min(max(n) for n in ours) > max(max(n) for n in theirs)
    if more:  # the least that any report calls its most is enough
        low = min(max(n) for n in ours)
        return Need("crowd", low=low, high=max(low, max(max(n) for n in ours)))
    high = max(max(n) for n in ours)
    if min(max(n) for n in theirs) <= high:
        raise ValueError("the numbers of met and unmet overlap")
    return Need("crowd", low=min(min(n) for n in ours), high=high)


def _acts(reports: Sequence[str]) -> list[str]:
    said = " ".join(_DENIED.sub(" ", r) for r in reports)
    return [a for a, form in _ACTS.items() if re.search(rf"\b(?:{form})\b", said, re.IGNORECASE)]


def _actions(step: Step, met: bool) -> Need:
    yes, no = _acts(step.obs["met"]), _acts(step.obs["unmet"])
    telling = [a for a in yes if a not in no]
    if telling:
        # of several telling actions the one that every report names
        telling.sort(key=lambda a: -sum(a in _acts([r]) for r in step.obs["met"]))
        calm = [a for a in no if a not in telling] or ["standing"]
        return Need("actions", actions=(*telling[:1], *calm[:1]) if met else tuple(calm[:2]))
    spoiling = [a for a in no if a not in yes]
    if not yes or not spoiling:
        raise ValueError("the actions of met and unmet cannot be told apart")
    return Need("actions", actions=tuple(yes[:1]) if met else (*yes[:1], *spoiling[:2]))


def _scene(report: str) -> str:
    """``kitchen`` of "Scene: kitchen." and of "parking lot, 0.93"."""
    bare = re.sub(r"^\W*scene\W+|[,(]?\s*\d?\.\d+\)?|\W+$", "", report, flags=re.IGNORECASE)
    return bare.strip(" .,()").casefold()


def _unknown(report: str) -> int:
    """How many unknown faces a report speaks of."""
    if re.search(r"\bno unknown|unknown\w*(?: faces?)?\s*[:=]\s*0|\b0 unknown", report, re.IGNORECASE):
        return 0
    match = re.search(r"(\d+) (?:unknown|stranger)|unknown(?: faces?)?\s*[:=]\s*(\d+)", report, re.IGNORECASE)
    return int(match[1] or match[2]) if match else 1
