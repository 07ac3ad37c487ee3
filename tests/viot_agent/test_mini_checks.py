"""What code reads off a request's words: times compared, an alert "there", an exact number of people."""

from __future__ import annotations

from typing import Any

import pytest

from viot_agent.fleet.mentions import find_mentions
from viot_agent.fleet.types import Camera
from viot_agent.llm.mini.attachments import says_which, the_one_named
from viot_agent.llm.mini.checks import (
    NO_ALERT,
    about_things,
    alerts_there,
    denied_goals,
    no_time,
    only_asks_where,
    times_compared,
    undoes_first,
    unwatched,
)
from viot_agent.llm.mini.limits import first_case, only_otherwise, settled, two_cases
from viot_agent.llm.mini.menu import Call, Step
from viot_agent.llm.mini.planner import _without_denied
from viot_agent.llm.mini.units import Passage, read

FLEET = [Camera(i, n, "", (), "UTC", None) for i, n in enumerate(("gate 1", "gate 2"))]


@pytest.mark.parametrize(
    ("asked", "times"),
    [
        ("more people at gate 1 at noon or at 4 pm yesterday?", ("noon", "4 pm yesterday")),
        ("was it fuller at gate 1 at noon than at 4 pm?", ("noon", "4 pm")),
        ("gate 1: more smoke after 15:20 yesterday or more this week?", ("after 15:20 yesterday", "this week")),
        ("count gate 1 at noon and gate 2 at 4 pm, which had more", ()),
        ("how many at gate 1 at noon and at 4 pm", ()),
        ("who was at gate 1 yesterday and fewer this morning", ()),
        ("was it busier at gate 1 at noon, at 2 pm or at 4 pm", ()),
    ],
)
def test_two_times_that_are_compared(asked: str, times: tuple[str, ...]) -> None:
    assert times_compared(read(asked, find_mentions(asked, FLEET, []))) == times


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("if she came, an alert for her there", True),
        ("ALERT ME ABOUT FIRE THERE", True),
        ("alert me if there is fire", False),
        ("warn me when there's smoke", False),
        ("alert me. who was there?", False),
    ],
)
def test_an_alert_at_the_place_that_was_spoken_of(asked: str, there: bool) -> None:
    assert alerts_there(asked) is there


@pytest.mark.parametrize(
    ("asked", "tools"),
    [
        ("plates at gate 1, and spare me the head counts", {"crowd_counting"}),
        ("don't count them, I only want the names", {"crowd_counting"}),
        ("no number plates please, just how many people", {"plate_recognition"}),
        ("if no plates were read, count them", set()),
        ("count gate 1. don't count gate 2", set()),
        ("how many at gate 1", set()),
    ],
)
def test_goals_that_are_named_in_order_not_to_be_had(asked: str, tools: set[str]) -> None:
    assert denied_goals(asked) == tools


@pytest.mark.parametrize(
    ("asked", "data", "holds"),
    [
        ("exactly two people? then who", {"max": 2}, True),
        ("exactly two people? then who", {"max": 5}, False),
        ("exactly two people? then who", {"max": 2, "different": 9}, None),
        ("exactly two people? then who", {"max": 1, "different": 1}, False),
        ("exactly two people? then who", {"max": 1, "different": 4}, None),
        ("exactly two people? then who, otherwise a clip", {"max": 2}, None),
        ("exactly 2 bikes? then who", {"max": 2}, None),
    ],
)
def test_exactly_as_many(asked: str, data: dict[str, Any], holds: bool | None) -> None:
    call = Call("crowd_counting", {}, "found", ("face_recognition",), (0,))
    assert settled(asked, call, {"cameras": {"gate 1": data}}) is holds
    assert settled(asked, call, {"cameras": {"gate 1": data}, "untold": ["gate 1"]}) is None


@pytest.mark.parametrize(
    ("earlier", "asked", "handle"),
    [
        ("masks on both pictures", "second one surgical pls", "image-2"),
        ("cloak both", "just the first again, using ga", "image-1"),
        ("hide the faces in the first picture", "and the other picture", "image-2"),
        ("hide the faces in both", "and the other picture", "image-1"),
        ("masks on both pictures", "the second camera too", "image-1"),
        ("the same kind on image two", "hmm let's see that one patterned", "image-2"),
        ("cloth on image one\nthe same kind on picture 2", "do it again", "image-2"),
        ("the same kind on image two", "both again", "image-1"),
        ("masks on both pictures", "do it again", "image-1"),
    ],
)
def test_a_follow_up_picks_a_file(earlier: str, asked: str, handle: str) -> None:
    reading = read(asked, (), ["image-1", "image-2"], earlier=[Passage(earlier)])
    assert the_one_named(reading, "image-1") == handle
    alone = read(asked, (), ["image-1", "image-2"])
    assert says_which(alone) or the_one_named(alone, "image-1") == "image-1"


@pytest.mark.parametrize(
    ("asked", "times"),
    [
        ("against yesterday, is it fuller on gate 1 today", ("yesterday", "today")),
        ("gate 1 yesterday versus, well, the same gate 1 today", ("yesterday", "today")),
        ("gate 1 yesterday and gate 1 today", ()),
        ("fuller on gate 1 yesterday than usual? sorry, today", ()),
        ("more people at gate 1 today than 5? if so, plates yesterday", ()),
        ("fuller on gate 1 today than on gate 2 yesterday", ()),
    ],
)
def test_two_times_may_stand_apart_where_nothing_else_is_wanted(asked: str, times: tuple[str, ...]) -> None:
    assert times_compared(read(asked, find_mentions(asked, FLEET, [])), alone=True) == times


@pytest.mark.parametrize(
    ("asked", "both"),
    [
        ("more than 5 at gate 1? then who, otherwise count gate 2", True),
        ("more than 5 at gate 1? then a clip and an alert, otherwise nothing", False),
        ("more than 5 at gate 1? then a clip, if not leave it", False),
        ("more than 5 at gate 1? then a clip", False),
        ("more than 5 at gate 1? then a clip, before anybody else sees it", False),
        ("more than 5 at gate 1? then a clip, else count gate 2", True),
        ("was she at gate 1? if not, who was there, and the clip", False),
        ("was she at gate 1? if not, who was there; if so, the clip", True),
        ("if she was at gate 1, the clip, if not, who was there", True),
        ("something odd at gate 1? then the clip and an alert, if not neither", False),
        ("he says otherwise, but something odd at gate 1 means the clip and an alert", False),
    ],
)
def test_two_cases_are_ordered_or_one(asked: str, both: bool) -> None:
    assert two_cases(asked) is both


@pytest.mark.parametrize(("most", "holds"), [(6, True), (5, False)])
def test_the_first_case_is_settled_by_its_own_words(most: int, holds: bool) -> None:
    call = Call("crowd_counting", {}, "found", ("face_recognition", "crowd_counting"), (0, 1))
    data = {"cameras": {"gate 1": {"max": most}}}
    assert first_case("more than 5 at gate 1? then who, otherwise count gate 2", call, data) is holds
    assert first_case("more than 5 at gate 1? then who", call, data) is None


def test_a_plan_leaves_out_what_is_named_in_order_not_to_be_had() -> None:
    tools = ("plate_recognition", "crowd_counting", "export_clip")
    step = Step("act", plan=tools, open=(1, 2), tool=tools[0])
    left = _without_denied(step, "plates only at gate 2, spare me the head count, clip it if there are any")
    assert (left.plan, left.open) == (("plate_recognition", "export_clip"), (1,))
    assert _without_denied(step, "plates at gate 2, the head count, the clip") == step
    first = Step("act", plan=tools[1:], tool=tools[1])
    assert _without_denied(first, "is it packed? spare me the count, and clip it") == first


@pytest.mark.parametrize(
    ("asked", "only"),
    [
        ("fewer than 5 at gate 1? good. otherwise the clip and an alert", True),
        ("more than 5 at gate 1? the clip, otherwise an alert", False),
        ("more than 5 at gate 1? then the clip. if not, save nothing and set no alarm", False),
        ("smoke at gate 1? if not, keep the film; if so, an alert", False),
        ("the clip and an alert for gate 1", False),
    ],
)
def test_both_goals_after_otherwise_are_of_one_case(asked: str, only: bool) -> None:
    assert only_otherwise(asked, ("export_clip", "create_alert")) is only


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ("when was X seen, and on which camera?", True),
        ("by what camera was X read", True),
        ("on which of our cameras was X seen, and list the cameras", False),
        ("from which of our cameras is footage indexed", False),
        ("which cameras do we have", False),
        ("when was X seen", False),
    ],
)
def test_a_question_of_where_is_no_list_of_cameras(asked: str, where: bool) -> None:
    assert only_asks_where(asked) is where
    step = Step("act", plan=("face_recognition", "list_cameras"), tool="face_recognition")
    assert _without_denied(step, asked).plan == (step.plan[:1] if where else step.plan)


@pytest.mark.parametrize(
    ("text", "things"),
    [
        ("was the dog in the garden?", True),
        ("where is my black suitcase", True),
        ("did our two dogs come past gate 1 yesterday?", True),
        ("is the dog walker at gate 1", False),
        ("was the man with the dog seen? count people", False),
        ("is the alarm on at gate 2", False),
    ],
)
def test_an_animal_or_a_thing_is_looked_for_as_one(text: str, things: bool) -> None:
    assert about_things(read(text, find_mentions(text, FLEET, []))) is things


@pytest.mark.parametrize(
    ("asked", "bare"),
    [
        ("show me X without any blur", True),
        ("the clip of X today, without redaction please", True),
        ("the clip without blurring X", False),
        ("hide the faces, but without pixelation", False),
        ("the clip, no blurring", False),
    ],
)
def test_what_nothing_hides(asked: str, bare: bool) -> None:
    assert ("face_redaction" in denied_goals(asked)) is bare


def test_an_alert_that_watches_half_of_it_is_said_to() -> None:
    call = Call("create_alert", {"event": "fire"})
    assert unwatched("warn me if there's smoke or someone collapses in X", [call]) == NO_ALERT
    assert unwatched("warn me if there's smoke in X", [call]) == ""
    assert unwatched("warn me if someone collapses in X", [Call("pose_estimation", {})]) == ""


def test_what_hides_is_undone_first() -> None:
    assert undoes_first("please unblurr X in the clip of X")
    assert not undoes_first("blur X, then unblur X")
    assert not undoes_first("was X seen? unblur X")


def test_words_of_order_are_no_time() -> None:
    assert no_time("show me who", "show me who was in X and then clip X")
    assert no_time("footage of the second time", "send me the footage of the second time only")
    assert not no_time("tonight", "send me X tonight")
