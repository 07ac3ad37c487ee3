"""The authored families: one JSON object a line in ``datasets/viot_bench/families.jsonl``, checked when read.

A family is one request (or a conversation) with slots, what a perfect agent does, and a paraphrase. The format is that
of ``datasets/viot_instruct/AUTHORING.md`` with ``id``, ``level``, ``paraphrase`` and ``paraphrase_question`` beside.

Owns reading and checking. Does not fill slots.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viot_agent.bench.cards import cards
from viot_agent.errors import UserFault
from viot_agent.foreign import read_json

LEVELS = ("L0", "L1", "L2", "L3", "L4")
SLOTS = frozenset(
    "person person2 camera camera2 camera3 camera2_short pair plural group plate plate2 time time2 time_np time_at "
    "future n nocamera noperson".split()
)
REPLIES = ("greeting", "thanks", "help", "out_of_scope", "ask")
SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Step:
    """``when``: (number of the tested step from 1, whether its condition must hold), None = always."""

    tool: str
    args: Mapping[str, Any]
    when: tuple[int, bool] | None
    obs: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing that is said, and what is to be done about it. ``other`` is the paraphrase."""

    text: str
    other: str
    uploads: tuple[str, ...]
    steps: tuple[Step, ...]
    reply: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """One authored row. ``other_question`` replaces the question of a ``video_qa`` step in the paraphrase."""

    id: str
    level: str
    tags: tuple[str, ...]
    turns: tuple[Turn, ...]
    other_question: str

    @property
    def tools(self) -> frozenset[str]:
        """All tools that any of its steps names."""
        return frozenset(s.tool for t in self.turns for s in t.steps)

    def said(self, *, paraphrase: bool) -> str:
        """Everything that is said."""
        return "\n".join(t.other if paraphrase else t.text for t in self.turns)


def read_families(path: Path) -> tuple[Family, ...]:
    """All families of a file. Raises UserFault naming the line that is wrong."""
    found: list[Family] = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserFault(f"{path} cannot be read: {error}", fix="name a JSON Lines file in UTF-8") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(family_of(read_json(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserFault(
                f"{path.name}, line {number}: {error}", fix="see datasets/viot_instruct/AUTHORING.md"
            ) from error
    double = [f.id for f in found if [g.id for g in found].count(f.id) > 1]
    if double:
        raise UserFault(f"{path.name}: two families are called {double[0]}")
    return tuple(found)


def family_of(row: Mapping[str, Any]) -> Family:
    """A family from its row. Raises ValueError saying what is wrong with it."""
    rows = row.get("turns") or [row]
    others = row["paraphrase"] if isinstance(row["paraphrase"], list) else [row["paraphrase"]]
    if row["level"] not in LEVELS:
        raise ValueError(f"there is no level {row['level']!r}")
    if len(others) != len(rows):
        raise ValueError(f"{len(rows)} turns but {len(others)} paraphrases")
    turns = tuple(_turn(raw, other) for raw, other in zip(rows, others, strict=True))
    family = Family(row["id"], row["level"], tuple(row["tags"]), turns, row.get("paraphrase_question", ""))
    for paraphrase in (False, True):
        said: set[str] = set()
        for turn in turns:
            said |= set(SLOT.findall(turn.other if paraphrase else turn.text))
            used = {s for step in turn.steps for s in SLOT.findall(json.dumps(dict(step.args)))}
            if used - said:
                raise ValueError(f"{family.id}: {sorted(used - said)} in the arguments, not in the text")
        if said - SLOTS:
            raise ValueError(f"{family.id}: unknown slots {sorted(said - SLOTS)}")
    return family


def _turn(raw: Mapping[str, Any], other: str) -> Turn:
    steps = tuple(_step(s, n) for n, s in enumerate(raw["steps"], 1))
    reply = raw.get("reply", "")
    if not steps and reply not in REPLIES:
        raise ValueError(f"a turn without steps needs a reply of {', '.join(REPLIES)}")
    tested = {s.when[0] for s in steps if s.when}
    for n in tested:
        if set(steps[n - 1].obs) != {"met", "unmet"}:
            raise ValueError(f"step {n} is tested and needs observations met and unmet")
    return Turn(raw["text"], other, tuple(raw.get("uploads", ())), steps, reply, tuple(raw.get("missing", ())))


def _step(raw: Mapping[str, Any], number: int) -> Step:
    if raw["tool"] not in cards():
        raise ValueError(f"there is no tool {raw['tool']!r}")
    known = {a.name for a in cards()[raw["tool"]].args}
    if set(raw["args"]) - known:
        raise ValueError(f"{raw['tool']} takes no {sorted(set(raw['args']) - known)}")
    when = None
    if "when" in raw:
        match = re.fullmatch(r"(not )?(\d+)", str(raw["when"]))
        if match is None or int(match[2]) >= number:
            raise ValueError(f"when {raw['when']!r} must name an earlier step")
        when = (int(match[2]), match[1] is None)
    obs = raw.get("obs", {})
    return Step(raw["tool"], dict(raw["args"]), when, obs if isinstance(obs, dict) else {"met": list(obs)})
