"""Who is asked what an observation means for what is left to do, and what follows from the answer."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from viot_agent.llm.mini.conditions import FIRST, LATER, NOTHING
from viot_agent.llm.mini.menu import Call
from viot_agent.llm.mini.outlook import Outlook, outlook
from viot_agent.llm.mini.planner import Planner
from viot_agent.llm.mini.units import Passage, Reading, read

LEFT = ("export_clip", "create_alert")


class Judge:
    """Gives one answer, and keeps what it was asked."""

    def __init__(self, answer: int | None, sure: float = 0.9) -> None:
        self.shares = None if answer is None else np.full(3, (1 - sure) / 2, np.float32)
        if answer is not None and self.shares is not None:
            self.shares[answer] = sure
        self.asked: list[tuple[str, ...]] = []

    def judged(self, reading: Reading, call: Call, data: Any, left: Any) -> Any:
        self.asked.append(tuple(left))
        return self.shares


def after(
    judge: Judge,
    text: str = "smoke at gate 2? then the clip, else an alert",
    *,
    tool: str = "video_qa",
    status: str = "found",
    rest: tuple[str, ...] | None = LEFT,
    waiting: tuple[int, ...] = (0, 1),
    data: dict[str, Any] | None = None,
) -> Outlook:
    reading = read(text, seen=[Passage("Seen.", tool=tool)])
    return outlook(cast(Planner, judge), reading, Call(tool, {}, status, rest, waiting), data or {})


def test_the_judge_says_what_happens() -> None:
    assert after(Judge(FIRST)) == Outlook(True, frozenset(("create_alert",)))
    assert after(Judge(LATER)) == Outlook(True, frozenset(("export_clip",)), other=True)
    assert after(Judge(NOTHING)) == Outlook(False)


def test_of_two_goals_for_one_tool_none_is_barred() -> None:
    same = ("create_alert", "create_alert")
    assert after(Judge(LATER), rest=same) == Outlook(True, other=True)
    assert after(Judge(FIRST), rest=same) == Outlook(True)


def test_a_clip_and_its_blurring_are_for_one_case() -> None:
    rest = ("export_clip", "face_redaction")
    assert after(Judge(FIRST), "nobody? fine. otherwise the clip, faces blurred", rest=rest) == Outlook(True)


def test_both_may_be_for_the_other_case_alone() -> None:
    text = "smoke at gate 2? none is fine. otherwise the clip and an alert"
    assert after(Judge(FIRST), text) == Outlook(True)
    assert after(Judge(NOTHING), text) == Outlook(False)


def test_a_number_settles_a_case_of_which_nothing_is_done() -> None:
    text = "more than 50 at gate 2 is fine, otherwise the clip and an alert"
    for most, settled in ((60, False), (40, True)):
        data = {"cameras": {"gate 2": {"max": most, "different": most}}}
        assert after(Judge(None), text, tool="crowd_counting", data=data) == Outlook(settled)


def test_what_is_done_in_one_case_bars_nothing_of_it() -> None:
    assert after(Judge(FIRST), "smoke at gate 2? then the clip and an alert, otherwise nothing") == Outlook(True)
    assert after(Judge(FIRST), "smoke at gate 2? then the clip and an alert") == Outlook(True)


@pytest.mark.parametrize(
    ("text", "most", "wanted"),
    [
        ("exactly 3 people? then the clip, otherwise an alert", 3, Outlook(True, frozenset(("create_alert",)))),
        ("exactly 3 people? then the clip, otherwise an alert", 1, Outlook(True, frozenset(("export_clip",)), True)),
        ("over 9 people? then the clip and an alert, otherwise nothing", 4, Outlook(False)),
        ("over 9 people? then the clip and an alert, otherwise nothing", 10, Outlook(True)),
    ],
)
def test_of_two_cases_a_number_is_settled_by_code(text: str, most: int, wanted: Outlook) -> None:
    judge = Judge(None)
    data = {"cameras": {"gate 2": {"max": most}}}
    assert after(judge, text, tool="crowd_counting", data=data) == wanted
    assert not judge.asked


@pytest.mark.parametrize(
    ("tool", "status", "happens"),
    [("fire_smoke_detection", "found", True), ("fire_smoke_detection", "none", False), ("video_qa", "found", False)],
)
def test_what_was_seen_tips_an_even_judge(tool: str, status: str, happens: bool) -> None:
    even = Judge(NOTHING, 0.5)
    even.shares = np.array([0.499, 0.0, 0.501], np.float32)
    assert after(even, tool=tool, status=status).settled is happens


@pytest.mark.parametrize("sure", [0.34, 0.49])
def test_in_doubt_the_nets_say(sure: float) -> None:
    assert after(Judge(NOTHING, sure)) == Outlook()
    assert after(Judge(None)) == Outlook()


def test_where_nothing_waits_nobody_is_asked() -> None:
    judge = Judge(NOTHING)
    assert after(judge, waiting=()) == Outlook()
    assert after(judge, waiting=(1,)) == Outlook(), "the first of what is left happens in any case"
    assert after(judge, rest=None) == Outlook()
    assert after(judge, rest=()) == Outlook()
    assert after(judge, rest=("crowd_counting",) * 2, waiting=(1,)) == Outlook()
    assert judge.asked == []


def test_what_is_called_again_decides_nothing() -> None:
    judge = Judge(FIRST)
    assert after(judge, status="retry") == Outlook()
    assert judge.asked == []


CROWD: dict[str, Any] = {"tool": "crowd_counting", "data": {"cameras": {"gate 2": {"max": 9}}, "untold": []}}


def test_code_goes_before_the_judge_where_a_number_settles_the_only_thing_left() -> None:
    judge = Judge(NOTHING)
    alone: dict[str, Any] = CROWD | {"rest": LEFT[:1], "waiting": (0,)}
    assert after(judge, "more than 5 people at gate 2? then the clip", **alone) == Outlook(True)
    assert after(judge, "more than 9 people at gate 2? then the clip", **alone) == Outlook(False)
    assert judge.asked == []
    otherwise = "more than 9 people at gate 2? then the clip, otherwise an alert"
    assert after(judge, otherwise, **CROWD) == Outlook(True, frozenset(LEFT[:1]), True), "the other case happens"
    assert judge.asked == []


def test_what_waits_for_nothing_happens_where_nothing_else_does() -> None:
    assert after(Judge(NOTHING), waiting=(0,)) == Outlook(True, frozenset(LEFT[:1]))
    same = ("export_clip", "create_alert", "export_clip")
    assert after(Judge(NOTHING), rest=same, waiting=(0, 1)) == Outlook(True, frozenset(("create_alert",)))


def test_a_count_that_one_camera_could_not_give_lets_nothing_happen_that_hangs_on_it() -> None:
    crowd: dict[str, Any] = {"tool": "crowd_counting", "data": {"cameras": {"a": {"max": 2}}, "untold": ["b"]}}
    assert after(Judge(FIRST), "more than 5 people? then the clip", **crowd) == Outlook(False)
    assert after(Judge(FIRST), "more than 5? then the clip", **crowd, waiting=(0,)) == Outlook(
        True, frozenset(LEFT[:1])
    )


@pytest.mark.parametrize("status", ["cannot_tell", "failed", "refused"])
def test_what_nobody_can_tell_lets_nothing_happen_that_hangs_on_it(status: str) -> None:
    judge = Judge(FIRST)
    assert after(judge, status=status) == Outlook(False)
    assert after(judge, status=status, waiting=(0,)) == Outlook(True, frozenset(LEFT[:1]))
    assert after(judge, "smoke? the clip. If you can't tell, an alert", status=status) == Outlook()
    assert judge.asked == []


def test_at_once_or_one_after_the_other_is_not_for_arithmetic_to_say() -> None:
    judge = Judge(NOTHING)
    data = {"cameras": {"gate 2": {"max": 4, "different": 80}}, "untold": []}
    assert after(judge, "more than 50 came through? the clip", tool="crowd_counting", data=data) == Outlook()
    assert judge.asked == []


def test_a_condition_of_an_earlier_turn_is_left_to_the_nets() -> None:
    judge = Judge(NOTHING)
    reading = read("I meant gate", earlier=[Passage("smoke? then the clip")], seen=[Passage("Seen.", tool="video_qa")])
    call = Call("video_qa", {}, "found", LEFT, (0, 1))
    assert outlook(cast(Planner, judge), reading, call, {}) == Outlook()
    assert judge.asked == []
