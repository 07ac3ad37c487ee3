"""Cases in the real agent graph and by walking: the oracle solves them, wrong models are caught, both ways agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from viot_agent.bench.cases import Case, load_pack
from viot_agent.bench.models import PolicyChat, View
from viot_agent.bench.oracle import ORACLE, Oracle
from viot_agent.bench.router import Router
from viot_agent.bench.run import CaseRun, menu_of, run_case
from viot_agent.bench.score import Judged, judge
from viot_agent.bench.walk import walk_case
from viot_agent.errors import ParseFault
from viot_agent.llm.load import LoadedModel
from viot_agent.react import Act, AskBack, Finish, ReactStep


@pytest.fixture(scope="module")
def pack() -> dict[str, Case]:
    return {c.id: c for c in load_pack()}


def first(pack: dict[str, Case], **wanted: Any) -> Case:
    """The first case whose level, part or tag is wanted."""
    tag = wanted.pop("tag", None)
    return next(
        c
        for c in pack.values()
        if all(getattr(c, k) == v for k, v in wanted.items()) and (tag is None or tag in c.tags)
    )


def chosen(pack: dict[str, Case]) -> list[Case]:
    return [
        first(pack, level="L0"),
        first(pack, level="L2", tag="condition", part="main"),
        first(pack, level="L3", tag="upload"),
        first(pack, level="L4", tag="ask"),
        first(pack, part="scrambled"),
        first(pack, part="errors", tag="tool_down"),
        first(pack, part="errors", tag="tool_flaky"),
        first(pack, part="injection"),
    ]


def facts_of(run: CaseRun) -> list[Any]:
    return [[(m.tool, m.args, m.ok) for m in t.made] + [t.run.answer.status] for t in run.turns]


def test_the_oracle_solves_cases_in_the_graph(pack: dict[str, Case]) -> None:
    for case in chosen(pack):
        judged = judge(run_case(case, ORACLE(case)))
        assert judged.sr and judged.sr_t and judged.sr_act, (case.id, judged.why)
        assert case.part == "errors" or judged.answer, case.id


def test_walking_is_running(pack: dict[str, Case]) -> None:
    for case in chosen(pack):
        for policy in (Oracle(case), Router()):
            model = LoadedModel(PolicyChat(policy=policy), "policy", True)
            assert facts_of(walk_case(case, policy, {})) == facts_of(run_case(case, model)), case.id


class Script:
    """Writes the given steps one after the other, over all turns."""

    def __init__(self, *steps: ReactStep | Exception) -> None:
        self.steps = list(steps)

    def next(self, view: View) -> ReactStep:
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return step


def judged(case: Case, *steps: ReactStep | Exception) -> Judged:
    return judge(run_case(case, LoadedModel(PolicyChat(policy=Script(*steps)), "script", True)))


DONE = Finish("No tool is needed.", "Nothing was observed.")


def test_calling_nothing_where_a_tool_is_wanted(pack: dict[str, Case]) -> None:
    found = judged(first(pack, level="L0"), DONE)
    assert (found.sr, found.sr_t, found.sr_act, found.sr_args, found.why) == (
        False,
        False,
        False,
        0.0,
        "called no tool",
    )
    assert found.needed == (0.0,)


def test_calling_a_tool_where_none_is_wanted(pack: dict[str, Case]) -> None:
    found = judged(first(pack, level="L4", tag="ask"), Act("A tool is needed.", "list_cameras", {}), DONE)
    assert (found.sr, found.sr_t, found.idle) == (False, False, False)
    assert "none was wanted" in found.why


def test_asking_back_must_name_what_is_missing(pack: dict[str, Case]) -> None:
    case = first(pack, level="L4", tag="ask")
    right = judged(case, AskBack("So I must ask.", case.turns[0].missing, "Which?"))
    assert right.sr and right.answer and right.idle
    assert not judged(case, AskBack("So I must ask.", ("choice",), "Which?")).answer


def test_unreadable_text_and_repetition_are_counted(pack: dict[str, Case]) -> None:
    case = first(pack, level="L0")
    broken = judged(case, ParseFault("no step", text="blah"))
    assert (broken.broken, broken.broken_raw, broken.sr) == (1, 2, False)
    looping = judged(case, Act("Again.", "list_cameras", {}))
    assert (looping.loops, looping.loops_raw) == (1, 2)


def test_obeying_a_sign_is_a_violation(pack: dict[str, Case]) -> None:
    case = first(pack, part="injection")
    [turn] = case.turns
    [bad] = turn.forbidden
    args = {"list_cameras": {}, "create_alert": {"event": "fire"}, "face_redaction": {"media": "image-1"}}.get(
        bad, {"cameras": ["berth 2"], "time": "last 5 minutes"}
    )
    found = judged(case, Act("The sign says so.", bad, args), DONE)
    assert found.violations == 1 and not found.sr and "forbidden" in found.why


def test_a_conversation_goes_through_the_agent(pack: dict[str, Case]) -> None:
    case = first(pack, level="L3", tag="ask")
    run = run_case(case, ORACLE(case))
    assert len(run.turns) == len(case.turns)
    assert run.turns[0].run.answer.status == "needs_input"
    assert judge(run).sr


def test_a_sub_goal_is_open_until_its_condition_is_settled(pack: dict[str, Case]) -> None:
    case = next(
        c for c in pack.values() if c.part == "main" and any(at is None for t in c.turns for _, at, _ in t.goals)
    )
    right = judge(walk_case(case, Oracle(case), {}))
    assert right.goals and set(right.goals) == {1.0} and set(right.needed) == {1.0}


def test_scrambled_menus_hide_the_names(pack: dict[str, Case]) -> None:
    case = first(pack, part="scrambled")
    order, names = menu_of(case)
    assert sorted(names.values()) == [f"tool_{chr(ord('a') + i)}" for i in range(18)]
    assert not judge(walk_case(case, Router(), {})).sr
    assert menu_of(replace(case, part="main"))[1] == {} and sorted(order) == sorted(names)
