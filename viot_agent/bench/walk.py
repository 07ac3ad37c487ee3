"""A policy's way through a case without the graph: the same menu, mentions, faults and limits, twenty times faster.

Floors and oracle walk here, so that they can be printed beside every model. A test holds a walk equal to the same
policy in the real graph. Owns that shortcut. Models never walk: they run (``run``).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from viot_agent.agent.grounding import write_answer
from viot_agent.bench.canned import CannedCase
from viot_agent.bench.cases import Case
from viot_agent.bench.making import TOOLS
from viot_agent.bench.models import Log, Past, Policy, View
from viot_agent.bench.run import LIMITS, CaseRun, TurnRun, ground_of, made_of, menu_of
from viot_agent.bench.toolkit import fleet_of, toolbox
from viot_agent.bench.world import World
from viot_agent.errors import ArgsFault, FailedFault, RetryFault, TransientFault, UserFault
from viot_agent.fleet import Fleet
from viot_agent.fleet.mentions import cameras_named
from viot_agent.fleet.types import Mention
from viot_agent.llm.messages import to_message
from viot_agent.react import Act, AskBack, ReactStep
from viot_agent.steps import Answer, Observation, Request, Run, Step, Thought, ToolCall
from viot_agent.toolbox import Toolbox, ToolContext
from viot_agent.weights import Weights

Marks = dict[tuple[str, int], tuple[Mention, ...]]
"""Mentions by case and turn, kept between policies: finding them costs more than walking."""


def walk_cases(
    cases: Iterable[Case], policy_of: Callable[[Case], Policy], marks: Marks | None = None
) -> Iterator[CaseRun]:
    """Walk cases one after the other, sites together."""
    kept: Marks = {} if marks is None else marks
    for case in sorted(cases, key=lambda c: (c.plan.site, c.plan.size) if c.plan else ("", 0)):
        yield walk_case(case, policy_of(case), kept)


def walk_case(case: Case, policy: Policy, marks: Marks) -> CaseRun:
    """All turns of one case."""
    order, names = menu_of(case)
    ground = ground_of(case)
    canned: CannedCase | None = None
    world: World | None = None
    if case.plan is not None:
        world = World(case.plan)
        box, fleet, now = toolbox(world, TOOLS, order=order, names=names), fleet_of(world), world.now
    else:
        canned = CannedCase(case, ground)
        box, fleet, now = canned.toolbox(order), canned.fleet, canned.now
    back = {alias: name for name, alias in names.items()}
    turns: list[TurnRun] = []
    at_hand: list[str] = []
    named: tuple[str, ...] = ()
    for number, turn in enumerate(case.turns):
        if canned is not None:
            canned.turn = number
        at_hand = list(dict.fromkeys([*at_hand, *turn.uploads]))
        key = (case.id, number)
        if key not in marks:
            marks[key] = tuple(fleet.mentions(turn.text, at_hand, named))
        named += cameras_named(marks[key])
        view = View(turn.text, marks[key], tuple(at_hand), (), box.names)
        log = Log()
        run = _walk_turn(policy, view, Request(turn.text, now=now, conversation=case.id), box, fleet, log)
        turns.append(TurnRun(run, log, tuple(made_of(run, back))))
    state = {} if world is None else world.state.to_json()
    return CaseRun(case, tuple(turns), ground, state, canned is not None and canned.strayed)


def _walk_turn(policy: Policy, view: View, request: Request, box: Toolbox, fleet: Fleet, log: Log) -> Run:
    started = time.monotonic()
    ctx = ToolContext(request, fleet, fleet.library, Weights(Path()), Path())
    steps: list[Step] = []
    calls: dict[str, int] = {}
    while True:
        if len(steps) >= LIMITS.steps:
            return _end(request, steps, "", started, stop=f"the limit of {LIMITS.steps} steps is used up")
        step = policy.next(view)
        log.messages.append(to_message(step))
        if not isinstance(step, Act):
            return _finish(step, request, steps, started)
        key = step.tool + json.dumps(dict(step.args), sort_keys=True, ensure_ascii=False, default=str)
        calls[key] = calls.get(key, 0) + 1
        if calls[key] > 1 + LIMITS.repeats:
            return _end(request, steps, "", started, stop=f"the language model keeps asking {step.tool} the same thing")
        seen: Observation | None = None
        if calls[key] == 1:
            ctx.call_id = f"call-{len(steps) + 1}"
            thought, call = Thought(step.thought), ToolCall(ctx.call_id, step.tool, dict(step.args))
            try:
                seen = _observe(step, ctx, box)
            except TransientFault as fault:  # the agent makes such a call once more by itself
                steps.append(Step(thought, call, Observation(ctx.call_id, step.tool, "retry", str(fault))))
                seen = _observe(step, ctx, box)
            steps.append(Step(thought, call, seen))
        view = replace(view, history=(*view.history, Past(step.tool, step.args, seen)))


def _observe(step: Act, ctx: ToolContext, box: Toolbox) -> Observation:
    """The call, its typed faults as observations."""
    try:
        box.check_args(step.tool, dict(step.args))
        return box.get(step.tool).fn(ctx, **step.args)
    except ArgsFault as fault:
        return Observation(ctx.call_id, step.tool, "retry", str(fault), data={"fault": "model"})
    except TransientFault:
        raise
    except (RetryFault, UserFault) as fault:
        return Observation(ctx.call_id, step.tool, "retry", str(fault))
    except FailedFault as fault:
        return Observation(ctx.call_id, step.tool, "failed", fault.message, fix=fault.fix)


def _finish(step: ReactStep, request: Request, steps: list[Step], started: float) -> Run:
    if isinstance(step, AskBack):
        answer = Answer(step.question, "needs_input", (), step.missing)
        return Run("walk", request, tuple(steps), answer, "policy", time.monotonic() - started)
    assert not isinstance(step, Act)
    return _end(request, steps, step.text, started)


def _end(request: Request, steps: list[Step], text: str, started: float, *, stop: str = "") -> Run:
    seen = [s.observation for s in steps if s.observation is not None]
    answer = write_answer(text, request.text, seen, stop=stop)
    return Run("walk", request, tuple(steps), answer, "policy", time.monotonic() - started)
