"""The oracle: makes the right calls of a case, one after the other, through the same graph as every model.

It shows that each case can be solved and that the scorer says so. Owns that policy alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from viot_agent.bench.cases import Case, CaseTurn, open_goals
from viot_agent.bench.models import Past, PolicyChat, View
from viot_agent.bench.run import Mind, menu_of
from viot_agent.llm.load import LoadedModel
from viot_agent.react import Act, AskBack, Finish, ReactStep

_REPLIES = {"greeting": "Hello.", "thanks": "You are welcome.", "help": "I look at footage with tools.", "": "Done."}


class Oracle:
    """Knows the case."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.names = menu_of(case)[1]

    def next(self, view: View) -> ReactStep:
        """The next right call; one that failed is made again, and left with all that hangs on it if refused."""
        turn = next(t for t in self.case.turns if t.text.strip() == view.text.strip())
        made: dict[int, Past] = {}
        tries: dict[int, int] = {}
        at = 0
        for past in view.history:
            tries[at] = tries.get(at, 0) + 1
            if past.observation is not None and past.observation.status != "retry":
                made[at] = past
            if at in made or tries[at] == 2:
                at = self._after(turn, at, made)
        if at < len(turn.calls):
            call = turn.calls[at]
            left = [self.names.get(tool, tool) for tool in open_goals(turn, at)]
            args = {k: _made(v, made) for k, v in call.args.items()}
            return Act(f"A tool is needed: {', then '.join(left)}.", self.names.get(call.tool, call.tool), args)
        if turn.reply == "ask":
            return AskBack("Something is missing.", turn.missing, "Which one do you mean?")
        reply = _REPLIES.get(turn.reply, "I cannot do that.")
        return Finish("No tool is needed.", _text(list(made.values())) if turn.calls else reply)

    @staticmethod
    def _after(turn: CaseTurn, at: int, made: Mapping[int, Past]) -> int:
        """The next call all of whose foregoers were made."""
        return next(
            (i for i in range(at + 1, len(turn.calls)) if set(turn.calls[i].after) <= set(made)), len(turn.calls)
        )


def _text(done: list[Past]) -> str:
    return " ".join(p.observation.summary for p in done if p.observation) or "Nothing was observed."


def _made(value: Any, made: Mapping[int, Past]) -> Any:
    match = re.fullmatch(r"@(\d+)", str(value))
    if match is None:
        return value
    observation = made[int(match[1]) - 1].observation
    data = observation.data if observation is not None else {}
    return data["handle"] if "handle" in data else data["scenes"][0]


def oracle_mind(case: Case) -> LoadedModel:
    """The model that solves this case."""
    return LoadedModel(PolicyChat(policy=Oracle(case)), "oracle", True)


ORACLE: Mind = oracle_mind
