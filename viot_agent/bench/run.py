"""Running cases through the real agent graph: one agent a case over its own world, one loaded model over all cases.

Owns what is set up for a case (world, menu, fleet, attachments, conversation) and the record of what came of it. Does
not judge it: ``score`` does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from viot_agent.agent.limits import Limits
from viot_agent.agent.runner import Agent
from viot_agent.bench.canned import CannedCase
from viot_agent.bench.cards import cards
from viot_agent.bench.cases import Case, CaseTurn
from viot_agent.bench.making import TOOLS
from viot_agent.bench.match import Ground, plain
from viot_agent.bench.models import Log, Policy, PolicyChat, Recorded
from viot_agent.bench.pairing import Made
from viot_agent.bench.toolkit import fleet_of, toolbox
from viot_agent.bench.world import World
from viot_agent.llm.load import LoadedModel
from viot_agent.policy import SingleUserPolicy
from viot_agent.policy.role_policy import RolePolicy
from viot_agent.steps import Attachment, Principal, Request, Run
from viot_agent.toolbox import Toolbox
from viot_agent.weights import Weights

LIMITS = Limits(seconds=600.0)
"""The product's own limits, but for time: a slow machine is no wrong answer."""
PURPOSE = "a benchmark"
"""What an operator who asks states."""
BARE = Limits(seconds=600.0, repeats=99, parse_retries=0)
"""Without the guards: repeated calls and unreadable text are not caught."""
Mind = Callable[[Case], LoadedModel]
"""Gives the model that answers a case: always the same one, or (the oracle) one that knows the case."""


@dataclass(frozen=True)
class TurnRun:
    """One turn as it went: the run record, what the model wrote, and its calls under the tools' own names."""

    run: Run
    log: Log
    made: tuple[Made, ...]


@dataclass(frozen=True)
class CaseRun:
    """A case as it went. ``state`` is the world's final state ({} in outside cases)."""

    case: Case
    turns: tuple[TurnRun, ...]
    ground: Ground
    state: Mapping[str, Any]
    strayed: bool = False


def menu_of(case: Case) -> tuple[list[str], dict[str, str]]:
    """The order of the tools in the menu, and the names they go by."""
    order = list(cards())
    if case.order:
        random.Random(f"menu {case.order}").shuffle(order)
    if case.part != "scrambled":
        return order, {}
    return order, {name: f"tool_{chr(ord('a') + i)}" for i, name in enumerate(order)}


def ground_of(case: Case) -> Ground:
    """What names and times mean in a case."""
    if case.plan is None:
        return Ground(case.cameras, case.people, aliases=case.aliases)
    world = World(case.plan)
    return Ground(world.site.cameras, world.site.people, world.now, world.begin, world.site.named)


def steady(llm: LoadedModel) -> Mind:
    """The same model for every case."""
    return lambda case: llm


def policy_mind(policy: Policy, name: str) -> Mind:
    """A policy in code as the mind of all cases."""
    return steady(LoadedModel(PolicyChat(policy=policy), name, True))


def ungrammatical(llm: LoadedModel) -> LoadedModel:
    """The model free to write anything, where it has a grammar that can be taken off."""
    if hasattr(llm.model, "grammar"):
        return replace(llm, model=llm.model.model_copy(update={"grammar": False}))
    return llm


def turns_taken(cases: Iterable[Case]) -> list[Case]:
    """Cases in the order in which they are run."""
    return sorted(cases, key=lambda c: (c.plan.site, c.plan.size) if c.plan else ("", 0))


def run_cases(
    cases: Iterable[Case],
    mind: Mind,
    *,
    limits: Limits = LIMITS,
    who: Principal | None = None,
    done: Callable[[], None] | None = None,
) -> Iterator[CaseRun]:
    """Run cases one after the other, in an order that keeps a site's name index warm; ``done`` is called after each."""
    for case in turns_taken(cases):
        yield run_case(case, mind(case), limits=limits, who=who)
        if done is not None:
            done()


def run_case(case: Case, llm: LoadedModel, *, limits: Limits = LIMITS, who: Principal | None = None) -> CaseRun:
    """All turns of one case through the agent. ``who`` asks: each call is then held against that role, and a purpose is
    stated; None is the single user, who needs neither."""
    order, names = menu_of(case)
    ground = ground_of(case)
    current = Log()
    home = Path()
    if case.plan is not None:
        world = World(case.plan)
        box, fleet, now = toolbox(world, TOOLS, order=order, names=names), fleet_of(world), world.now
        canned = None
    else:
        canned = CannedCase(case, ground)
        box, fleet, now = canned.toolbox(order), canned.fleet, canned.now
    agent = Agent(
        Recorded(inner=_over(llm, box, scrambled=bool(names)), log=lambda: current),
        box,
        fleet,
        fleet.library,
        Weights(home),
        home,
        llm_name=llm.name,
        react=llm.react,
        limits=limits,
        policy=SingleUserPolicy() if who is None else RolePolicy(fleet),
    )
    asking: dict[str, Any] = {} if who is None else {"principal": who, "purpose": PURPOSE}
    back = {alias: name for name, alias in names.items()}
    turns: list[TurnRun] = []
    for number, turn in enumerate(case.turns):
        current = Log()
        if canned is not None:
            canned.turn = number
        request = Request(turn.text, now=now, attachments=_attached(turn), conversation=case.id, **asking)
        run = agent.run(request, earlier=[t.run for t in turns])
        turns.append(TurnRun(run, current, tuple(made_of(run, back))))
    state = {} if case.plan is None else world.state.to_json()
    return CaseRun(case, tuple(turns), ground, state, canned is not None and canned.strayed)


def _over(llm: LoadedModel, box: Toolbox, *, scrambled: bool) -> Any:
    """The model; over the case's own cards where they bear other names than those it was loaded with."""
    if scrambled and hasattr(llm.model, "toolbox"):
        return llm.model.model_copy(update={"toolbox": box})
    return llm.model


def _attached(turn: CaseTurn) -> tuple[Attachment, ...]:
    return tuple(
        Attachment(
            h, "video" if h.startswith("video") else "image", Path(f"{h}.mp4" if h.startswith("video") else f"{h}.jpg")
        )
        for h in turn.uploads
    )


def made_of(run: Run, back: Mapping[str, str]) -> Iterator[Made]:
    """The run's calls, with what each brought."""
    for step in run.steps:
        seen = step.observation
        gave: set[str] = set()
        if seen is not None:
            gave = {plain(str(seen.data["handle"]))} if "handle" in seen.data else set()
            gave |= {plain(s) for s in seen.data.get("scenes", ())}
        ok = seen is not None and seen.status == "ok"
        # where the menu has other names, a tool's own name is nobody's
        tool = back.get(step.call.tool, f"?{step.call.tool}") if back else step.call.tool
        yield Made(tool, dict(step.call.args), frozenset(gave), ok)
