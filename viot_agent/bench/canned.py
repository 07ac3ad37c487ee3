"""An outside case as tools: a call that matches an expected step gets its canned text, any other a typed error.

Owns the matching of live calls with canned steps. How arguments compare is ``match``'s; what outside files look like is
``outside``'s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from viot_agent.bench.cards import cards
from viot_agent.bench.cases import Case
from viot_agent.bench.match import Ground, differences, plain
from viot_agent.bench.toolkit import BenchLibrary
from viot_agent.bench.world import SPAN
from viot_agent.errors import FailedFault
from viot_agent.fleet import Fleet
from viot_agent.steps import Claim, Observation
from viot_agent.toolbox import Toolbox, ToolContext

NOW = 1795446000.0
"""The present of outside cases, which bring no clock: 23 November 2026, 15:00 UTC."""
_NAME = re.compile(r"[\w'’-]+(?: [\w'’-]+){0,3}")
HANDLE = re.compile(r"\b(?:poses|clip|cloak|mask|redacted|alert)-\d+\b")


class CannedCase:
    """The tools of one outside case. ``turn`` is the turn under way; ``strayed``: some call had no canned text."""

    def __init__(self, case: Case, ground: Ground) -> None:
        self.case, self.ground, self.now = case, ground, NOW
        self.turn = 0
        self.strayed = False
        self.fleet = Fleet(BenchLibrary(case.cameras, case.people, NOW - SPAN, NOW))
        self._used: dict[int, dict[int, frozenset[str]]] = {}

    def toolbox(self, order: Sequence[str]) -> Toolbox:
        """All 18 tools."""
        return Toolbox(replace(cards()[name], fn=self._tool(name)) for name in order)

    def _tool(self, name: str) -> Any:
        def run(ctx: ToolContext, **args: Any) -> Observation:
            return self._answer(ctx, name, args)

        return run

    def _answer(self, ctx: ToolContext, tool: str, args: dict[str, Any]) -> Observation:
        turn = self.case.turns[self.turn]
        used = self._used.setdefault(self.turn, {})
        made = {f"@{i + 1}": gave for i, gave in used.items()}
        for i, want in enumerate(turn.calls):
            if i in used or want.tool != tool or not set(want.after) <= set(used):
                continue
            if differences(want, args, self.ground, made, ignore=self.case.ignore):
                continue
            text, verdict = turn.canned[i].text, turn.canned[i].verdict
            handles = HANDLE.findall(text)
            used[i] = frozenset([plain(text), *handles])
            data: dict[str, Any] = {"handle": handles[0]} if len(handles) == 1 else {}
            if tool == "scene_recognition" and _NAME.fullmatch(text):
                data["scenes"] = [text]  # a sentence is no scene: the name is to be read out of it
            return Observation(ctx.call_id, tool, "ok", text, verdict, (Claim(text),), data=data)
        self.strayed = True
        raise FailedFault(
            f"this case has no observation for that call of {tool}", fix="make the call that the request asks for"
        )
