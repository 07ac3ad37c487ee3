"""Pairing the calls that a run made with the calls that a case expects: parallel calls in any order, chains in theirs.

Owns the pairing and the edges of the call graph. What makes two calls equal is ``match``'s; figures are ``score``'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from viot_agent.bench.match import Expected, Ground, differences, plain

Edge = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Made:
    """A call that a run made. ``gave``: the handle or scenes that its observation brought, in ``plain`` form."""

    tool: str
    args: Mapping[str, Any]
    gave: frozenset[str] = frozenset()
    ok: bool = True


@dataclass(frozen=True, slots=True)
class Pairing:
    """``pairs``: made call -> expected call, all arguments right; ``tools``: the same by tool name only. ``wrong``: for
    calls whose tool alone is right, the arguments that are not."""

    made: int
    expected: int
    pairs: Mapping[int, int]
    tools: Mapping[int, int]
    wrong: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def perfect(self) -> bool:
        """Every call made is expected and every expected call was made."""
        return len(self.pairs) == self.made == self.expected

    @property
    def tools_right(self) -> bool:
        """The right tools, whatever their arguments."""
        return len(self.tools) == self.made == self.expected

    @property
    def args_share(self) -> float:
        """Calls right in every argument, over the longer of the two chains; 1 when both are empty."""
        longer = max(self.made, self.expected)
        return len(self.pairs) / longer if longer else 1.0


def pair(
    wanted: Sequence[Expected], made: Sequence[Made], ground: Ground, *, ignore: frozenset[str] = frozenset()
) -> Pairing:
    """The pairing with the most fully right calls, respecting the order of dependent calls."""
    pairs = _best(wanted, made, ground, ignore, by_tool=False)
    tools = _best(wanted, made, ground, ignore, by_tool=True)
    wrong: dict[int, tuple[str, ...]] = {}
    for g, e in tools.items():
        if g not in pairs:
            known = _gave(pairs, made)
            wrong[g] = tuple(differences(wanted[e], made[g].args, ground, known, ignore=ignore))
    return Pairing(len(made), len(wanted), pairs, tools, wrong)


def _gave(pairs: Mapping[int, int], made: Sequence[Made]) -> dict[str, frozenset[str]]:
    return {f"@{e + 1}": made[g].gave for g, e in pairs.items()}


def _best(
    wanted: Sequence[Expected], made: Sequence[Made], ground: Ground, ignore: frozenset[str], *, by_tool: bool
) -> dict[int, int]:
    best: dict[int, int] = {}

    def fits(g: int, e: int, so_far: Mapping[int, int]) -> bool:
        if made[g].tool != wanted[e].tool or e in so_far.values():
            return False
        if not set(wanted[e].after) <= set(so_far.values()):
            return False
        return by_tool or not differences(wanted[e], made[g].args, ground, _gave(so_far, made), ignore=ignore)

    def search(g: int, so_far: dict[int, int]) -> None:
        nonlocal best
        if len(so_far) > len(best):
            best = dict(so_far)
        if g == len(made) or len(so_far) + len(made) - g <= len(best) or len(best) == len(wanted):
            return
        for e in range(len(wanted)):
            if fits(g, e, so_far):
                search(g + 1, {**so_far, g: e})
        search(g + 1, so_far)

    search(0, {})
    return best


def wanted_edges(wanted: Sequence[Expected]) -> set[Edge]:
    """Who must come before whom."""
    return {(a, b) for b, call in enumerate(wanted) for a in call.after}


def made_edges(pairing: Pairing, wanted: Sequence[Expected], made: Sequence[Made]) -> set[Edge]:
    """The edges of a run in the expected calls' numbers; an edge that no expected one can be has a negative number.

    An edge is drawn where a call names what an earlier one made, and where both ends of an expected edge (a condition
    and what hangs on it) were called in that order.
    """
    place = dict(pairing.tools)
    edges: set[Edge] = set()
    for g, call in enumerate(made):
        values = {plain(str(v)) for v in call.args.values() if isinstance(v, str)}
        for value in values:
            if not re.fullmatch(r"[a-z]+-\d+", value) and "scene" not in call.args:
                continue
            # of two scenes of one name the later was looked up for this call
            source = next((i for i in range(g - 1, -1, -1) if value in made[i].gave), None)
            if source is not None:
                edges.add((place.get(source, -1 - source), place.get(g, -1 - g)))
    order = {e: g for g, e in place.items()}
    edges |= {(a, b) for a, b in wanted_edges(wanted) if a in order and b in order and order[a] < order[b]}
    return edges


def f1(wanted: set[Any], made: set[Any]) -> float:
    """F1 of two sets; 1 when both are empty."""
    if not wanted and not made:
        return 1.0
    return 2.0 * len(wanted & made) / (len(wanted) + len(made))
