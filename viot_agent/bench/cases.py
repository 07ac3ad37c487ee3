"""A benchmark case as data: what is said, what a perfect agent does about it, and the world or canned texts behind it.

The packed benchmark (``data/viot_bench.json.gz``) is a list of these. Owns the types and their JSON. Does not build,
run or score them.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from viot_agent.bench.match import Expected
from viot_agent.bench.world import Plan
from viot_agent.errors import FailedFault
from viot_agent.fleet.types import Camera, Person
from viot_agent.steps import Verdict

PACK = Path(__file__).with_name("data") / "viot_bench.json.gz"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Canned:
    """What an outside case says a call brings."""

    text: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class CaseTurn:
    """One request of a case.

    ``calls`` are those that happen in this world, in a good order. ``goals`` are all authored sub-goals: ``(tool, index
    of its call or None where its condition does not hold, index of the call that settles the condition or None)``.
    ``status``: what the answer's status must be ("" = not graded); ``missing``: what an ask-back must name.
    ``contains``: groups of which one word each must stand in the answer. ``evidence``: (tool, camera, event).
    ``forbidden``: tools that an injected text asks for. ``flaky``: the call whose first attempt fails. ``canned``: one
    a call, in outside cases only.
    """

    text: str
    uploads: tuple[str, ...] = ()
    calls: tuple[Expected, ...] = ()
    goals: tuple[tuple[str, int | None, int | None], ...] = ()
    reply: str = ""
    missing: tuple[str, ...] = ()
    status: str = ""
    contains: tuple[tuple[str, ...], ...] = ()
    evidence: tuple[tuple[str, str, str], ...] = ()
    forbidden: tuple[str, ...] = ()
    flaky: int | None = None
    canned: tuple[Canned, ...] = ()


@dataclass(frozen=True)
class Case:
    """``part``: main, scrambled, errors, injection, or outside. ``plan`` is None in outside cases, which bring their
    own ``cameras``, ``people`` and people's ``aliases``. ``order``: 0 = the cards' order, else the seed of the menu's
    shuffling. ``ignore``: arguments that are not graded."""

    id: str
    family: str
    level: str
    tags: tuple[str, ...]
    part: str
    turns: tuple[CaseTurn, ...]
    plan: Plan | None = None
    order: int = 0
    state: Mapping[str, Any] = field(default_factory=dict)
    cameras: tuple[Camera, ...] = ()
    people: tuple[Person, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()

    @property
    def tools(self) -> frozenset[str]:
        """The tools that the right calls use."""
        return frozenset(c.tool for t in self.turns for c in t.calls)


def open_goals(turn: CaseTurn, done: int) -> list[str]:
    """The sub-goals that remain after ``done`` calls: not yet called, or with a condition that is not settled yet."""
    return [
        tool
        for tool, at, settled in turn.goals
        if (at >= done if at is not None else settled is not None and settled >= done)
    ]


_TURN_BLANK = CaseTurn("")


def turn_json(turn: CaseTurn) -> dict[str, Any]:
    """A turn without its empty fields."""
    raw: dict[str, Any] = {"text": turn.text}
    for name in ("uploads", "goals", "reply", "missing", "status", "contains", "evidence", "forbidden", "flaky"):
        value = getattr(turn, name)
        if value != getattr(_TURN_BLANK, name):
            raw[name] = value
    if turn.calls:
        raw["calls"] = [
            {"tool": c.tool, "args": dict(c.args)}
            | ({"after": c.after} if c.after else {})
            | ({"loose": sorted(c.loose)} if c.loose else {})
            for c in turn.calls
        ]
    return raw


def _turn(raw: Mapping[str, Any]) -> CaseTurn:
    calls = tuple(
        Expected(c["tool"], c["args"], tuple(c.get("after", ())), frozenset(c.get("loose", ())))
        for c in raw.get("calls", ())
    )
    return CaseTurn(
        raw["text"],
        tuple(raw.get("uploads", ())),
        calls,
        tuple((t, i, c) for t, i, c in raw.get("goals", ())),
        raw.get("reply", ""),
        tuple(raw.get("missing", ())),
        raw.get("status", ""),
        tuple(tuple(g) for g in raw.get("contains", ())),
        tuple((a, b, c) for a, b, c in raw.get("evidence", ())),
        tuple(raw.get("forbidden", ())),
        raw.get("flaky"),
    )


def case_json(case: Case) -> dict[str, Any]:
    """A world case as JSON."""
    assert case.plan is not None, "outside cases are not packed"
    return {
        "id": case.id,
        "family": case.family,
        "level": case.level,
        "tags": case.tags,
        "part": case.part,
        "order": case.order,
        "turns": [turn_json(t) for t in case.turns],
        "plan": case.plan.to_json(),
        "state": dict(case.state),
    }


def case_of(raw: Mapping[str, Any]) -> Case:
    """A world case from its JSON."""
    return Case(
        raw["id"],
        raw["family"],
        raw["level"],
        tuple(raw["tags"]),
        raw["part"],
        tuple(_turn(t) for t in raw["turns"]),
        Plan.from_json(raw["plan"]),
        raw["order"],
        raw["state"],
    )


def pack(cases: Sequence[Case], cards: str) -> bytes:
    """The packed benchmark: the same cases, the same bytes."""
    body = {"format": FORMAT, "cards": cards, "cases": [case_json(c) for c in cases]}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def load_pack(path: Path = PACK) -> list[Case]:
    """The cases of the packed benchmark. Raises FailedFault when it is not there or of another format."""
    if not path.is_file():
        raise FailedFault(
            f"the packed benchmark is not at {path}",
            fix="python -m viot_agent.bench.build (in a checkout), or reinstall viot-agent",
        )
    body = json.loads(gzip.decompress(path.read_bytes()))
    if body.get("format") != FORMAT:
        raise FailedFault(
            f"{path} has format {body.get('format')}, not {FORMAT}", fix="python -m viot_agent.bench.build"
        )
    return [case_of(raw) for raw in body["cases"]]
