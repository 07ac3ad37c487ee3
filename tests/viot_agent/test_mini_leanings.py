"""Where mini's scores are leant over: what is not taken yet, what is taken back, and whether to call anything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from viot_agent.fleet.mentions import find_mentions
from viot_agent.fleet.types import Camera, Person
from viot_agent.llm.mini.grammar import Grammar
from viot_agent.llm.mini.leanings import (
    BESIDE,
    CALLED,
    DOUBT,
    ELSEWHERE,
    FRESH,
    NAMED,
    NEXT,
    SUPPLIED,
    TAKEN,
    TAKES,
    WITHDRAWN,
    alerted_everywhere,
    lean,
    withdrawn,
)
from viot_agent.llm.mini.menu import SYM, Call, Element, Menu
from viot_agent.llm.mini.units import Passage, Reading, read
from viot_finetune.mini.cards import stub_toolbox

MENU = Menu.of(list(stub_toolbox()))
FLEET = [Camera(i, n, "", (), "UTC", None) for i, n in enumerate(("gate 1", "gate 2", "north dock"))]
PLATES = (("KX-4821", "gate 1"), ("FTY 810", "gate 2"))
KNOWN = [Person(0, "Ana Lund", "", 1), Person(1, "Bo Diaz", "", 1)]


def reading(text: str, *uploads: str) -> Reading:
    return read(text, find_mentions(text, FLEET, KNOWN, uploads), uploads)


def at_slot(grammar: Grammar, tool: str, name: str, plan: tuple[str, ...] = ()) -> None:
    """Write up to the choice of one argument, leaving those before it out or taking the first copy."""
    tools = [("cand", MENU.index(t)) for t in (tool, *plan)]
    row: list[Any] = [("sym", SYM["NEED"]), *tools, ("sym", SYM["PLAN_END"]), tools[0]]
    for element in row:
        grammar.push(element)
    while True:
        (element,) = grammar.allowed()
        grammar.push(element)
        assert grammar.choosing is not None
        if grammar.choosing.name == name:
            return
        skip: Element = ("sym", SYM["SKIP"])
        grammar.push(skip if skip in grammar.allowed() else grammar.allowed()[0])
        if ("sym", SYM["ARG_END"]) in grammar.allowed():
            grammar.push(("sym", SYM["ARG_END"]))


def leant(grammar: Grammar) -> dict[str, float]:
    """What each copy is leant by, by the characters it begins with and the place of those alike."""
    allowed = grammar.allowed()
    found: dict[str, float] = {}
    for (channel, index), by in zip(allowed, lean(grammar, allowed), strict=True):
        name = grammar.units[index].value if channel == "start" else "SKIP" if index == SYM["SKIP"] else channel
        while name in found:
            name += "'"
        found[name] = round(float(by), 3)
    return found


def test_the_camera_that_no_call_took_comes_first() -> None:
    said = reading("smoke at gate 1, then faces at north dock, then plates at gate 2")
    past = [Call("fire_smoke_detection", {"cameras": ["gate 1"]}, "none")]
    grammar = Grammar(said, MENU, past)
    at_slot(grammar, "face_recognition", "cameras", ("plate_recognition",))
    by = leant(grammar)
    assert by["gate 1"] == pytest.approx(TAKEN)
    assert by["north dock"] == pytest.approx(FRESH + NEXT)
    assert by["gate 2"] == pytest.approx(FRESH)
    assert by["SKIP"] == 0


def test_a_camera_said_twice_is_taken_once_a_call() -> None:
    said = reading("count gate 1. count gate 2. faces at gate 2")
    past = [Call("crowd_counting", {"cameras": ["gate 1"]}), Call("crowd_counting", {"cameras": ["gate 2"]})]
    grammar = Grammar(said, MENU, past)
    at_slot(grammar, "face_recognition", "cameras")
    by = leant(grammar)
    assert [by["gate 2"], by["gate 2'"]] == pytest.approx([TAKEN, FRESH + NEXT])


def test_one_call_alone_is_not_leant_over() -> None:
    grammar = Grammar(reading("faces at gate 1 and gate 2 today"), MENU)
    at_slot(grammar, "face_recognition", "cameras")
    assert set(leant(grammar).values()) == {0.0}


def test_a_time_stands_beside_its_camera() -> None:
    said = reading("Count gate 1 yesterday. Faces at gate 2.")
    for camera, skip, time in (("gate 1", 0.0, BESIDE), ("gate 2", ELSEWHERE, 0.0)):
        grammar = Grammar(said, MENU)
        at_slot(grammar, "crowd_counting", "cameras", ("face_recognition",))
        place = next(i for i, u in enumerate(grammar.units) if u.value == camera)
        grammar.push(("start", place))
        grammar.push(("sym", SYM["ARG_END"]))
        (element,) = grammar.allowed()
        grammar.push(element)
        by = leant(grammar)
        assert [by["SKIP"], by["yesterday"]] == pytest.approx([skip, time])


def test_files_go_to_calls_in_order() -> None:
    said = reading("cloak the one, blur the other", "image-1", "image-2")
    grammar = Grammar(said, MENU, [Call("privacy_cloak", {"media": "image-1"})])
    at_slot(grammar, "face_redaction", "media")
    by = leant(grammar)
    assert [by["image-1"], by["image-2"]] == pytest.approx([0.0, FRESH + NEXT])


def test_in_doubt_nothing_is_called() -> None:
    grammar = Grammar(reading("who is at gate 1"), MENU)
    allowed = grammar.allowed()
    assert dict(zip(allowed, lean(grammar, allowed), strict=True))[("sym", SYM["NEED"])] == np.float32(DOUBT)
    both = Grammar(reading("is 皖AX239T tied to a vehicle at gate 1?"), MENU)
    by = dict(zip(both.allowed(), lean(both, both.allowed()), strict=True))
    assert by[("sym", SYM["NEED"])] == 0, "a known camera and a plate are no small talk"
    later = Grammar(reading("who is at gate 1"), MENU, [Call("face_recognition", {"cameras": ["gate 1"]})])
    assert not lean(later, later.allowed()).any()


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("smoke at gate 1, no, gate 2", ["gate 1"]),
        ("smoke at gate 1... sorry, I mean gate 2", ["gate 1"]),
        ("smoke at gate 1? um no, scrap gate 1, gate 2", ["gate 1", "gate 1"]),
        ("smoke at gate 2, not gate 1", ["gate 1"]),
        ("plates at gate 1? No alert for gate 2", []),
        ("plates at gate 1, then gate 2", []),
        ("not gate 1", []),
        ("smoke at gate 1, and don't forget gate 2", []),
        ("smoke at gate 1, do not skip gate 2", []),
        ("smoke at gate 1. Actually also check gate 2", []),
        ("smoke at gate 1. Sorry to bother you, gate 2 as well", []),
        ("smoke at gate 1, wait for the van at gate 2", []),
        ("gate 1, no, gate 2: smoke. gate 1: plates", ["gate 1"]),
    ],
)
def test_what_is_taken_back(text: str, back: list[str]) -> None:
    said = reading(text)
    marked = [i for i, u in enumerate(said.units) if "camera" in u.kinds]
    found = withdrawn(said.text, said.units, marked, denied=True)
    assert [said.units[i].value for i in sorted(found)] == back


def test_a_slip_is_leant_away_from() -> None:
    grammar = Grammar(reading("was Ana Lund here? sorry, Bo Diaz"), MENU)
    at_slot(grammar, "face_recognition", "person")
    by = leant(grammar)
    assert [by["Ana Lund"], by["Bo Diaz"]] == pytest.approx([WITHDRAWN, 0.0])


def test_a_choice_that_is_denied_is_leant_away_from() -> None:
    grammar = Grammar(reading("need n95s on the crew photo, not surgical", "image-1"), MENU, [])
    at_slot(grammar, "masked_face_generation", "mask")
    allowed = grammar.allowed()
    by = dict(zip(allowed, lean(grammar, allowed), strict=True))
    named = {MENU.candidates[i].value: float(by[(c, i)]) for c, i in allowed if c == "cand"}
    assert named == {"n95": 0.0, "surgical": WITHDRAWN}, "the plural is said, the other is denied"


def chosen(said: Reading, tool: str, name: str) -> dict[str, float]:
    """What each value of an argument of choices is leant by."""
    grammar = Grammar(said, MENU, [])
    at_slot(grammar, tool, name)
    allowed = grammar.allowed()
    by = dict(zip(allowed, lean(grammar, allowed), strict=True))
    return {MENU.candidates[i].value: round(float(by[(c, i)]), 3) for c, i in allowed if c == "cand"}


def test_a_choice_that_is_corrected_is_leant_away_from() -> None:
    said = chosen(reading("cloth, no: kn95", "image-1"), "masked_face_generation", "mask")
    assert said == {"cloth": WITHDRAWN, "kn95": 0.0}
    both = chosen(reading("cloth and kn95", "image-1"), "masked_face_generation", "mask")
    assert set(both.values()) == {0.0}


def test_the_choice_of_a_follow_up_comes_before_an_earlier_one() -> None:
    first = Passage("put a patterned mask on this face", (), "")
    said = read("plain black would suit better", (), ["image-1"], earlier=[first])
    by = chosen(said, "masked_face_generation", "mask")
    assert by["black"] == pytest.approx(FRESH + NEXT, abs=1e-3) and by["patterned"] == 0


def numbers(text: str, *past: Call) -> dict[str, float]:
    """What each number of an alert on a crowd is leant by."""
    grammar = Grammar(reading(text), MENU, past)
    at_slot(grammar, "create_alert", "event")
    grammar.push(next(e for e in grammar.allowed() if e[0] == "cand" and MENU.candidates[e[1]].value == "crowd>"))
    assert grammar.completing == "number"
    return {k: v for k, v in leant(grammar).items() if k.isdigit()}


def test_an_alert_has_its_own_number() -> None:
    past = Call("crowd_counting", {"cameras": ["gate 1"]}, "found")
    by = numbers("gate 1: 40 or more? alert me above 6 there", past)
    assert by == {"40": pytest.approx(TAKEN - FRESH, abs=1e-3), "6": pytest.approx(NEXT, abs=1e-3)}
    assert numbers("warn me if over 80 (not 60, 80) are at gate 1") == {"80": 0.0, "60": WITHDRAWN}
    assert numbers("tell me when more than 20, sorry, 30 are at gate 1") == {"20": WITHDRAWN, "30": 0.0}


@pytest.mark.parametrize(
    ("text", "everywhere"),
    [
        ("IF THERE WAS SMOKE AT GATE 1 I WANT AN ALERT FOR FIRE ON ALL CAMERAS", True),
        ("fire alert everywhere pls. was there smoke at gate 1", True),
        ("was he seen anywhere? alert me to fire at gate 1", False),
        ("tell me whether Ana Lund was seen anywhere today, and set an alert for her at gate 1", False),
        ("alert me when anyone is anywhere near gate 1", False),
        ("tell me when anyone falls anywhere. who was at gate 1", True),
    ],
)
def test_an_alert_everywhere_is_told_from_a_search(text: str, everywhere: bool) -> None:
    assert alerted_everywhere(reading(text)) is everywhere


def test_the_plate_of_an_alert_may_be_corrected() -> None:
    grammar = Grammar(reading("ping me on KX-4821, strike that, FTY 810"), MENU)
    at_slot(grammar, "create_alert", "event")
    grammar.push(next(e for e in grammar.allowed() if e[0] == "cand" and MENU.candidates[e[1]].value == "plate:"))
    by = leant(grammar)
    assert [by["KX-4821"], by["FTY 810"]] == [WITHDRAWN, 0.0]


@pytest.mark.parametrize(
    ("text", "tool", "against"),
    [
        ("fire at gate 1? if so who was there, if not count gate 2", "face_recognition", ["gate 2"]),
        ("fire at gate 1? if so who was at gate 2, otherwise count gate 1", "crowd_counting", ["gate 2"]),
        ("fire at gate 1? if so who was at gate 2, otherwise count gate 1", "face_recognition", ["gate 1'"]),
        ("fire at gate 1? then who was there, and count gate 2", "face_recognition", []),
        # the condition stands before its camera, or the cases have names
        ("if gate 1 burnt, say who was there, and if it wasn't, count gate 2", "face_recognition", ["gate 2"]),
        ("fire at gate 1. Present: who was there. Absent: count gate 2", "face_recognition", ["gate 2"]),
        ("see if gate 1 burnt. If it wasn't so, say who was at gate 2", "face_recognition", []),
    ],
)
def test_a_camera_of_the_other_case_is_leant_away_from(text: str, tool: str, against: list[str]) -> None:
    left = ("face_recognition", "crowd_counting")
    past = Call("fire_smoke_detection", {"cameras": ["gate 1"]}, "found", left, (0, 1))
    grammar = Grammar(reading(text), MENU, [past])
    at_slot(grammar, tool, "cameras")
    assert [k for k, v in leant(grammar).items() if v <= WITHDRAWN] == against


@pytest.mark.parametrize(("other", "against"), [(False, ["gate 2"]), (True, ["gate 1'"])])
def test_two_cases_of_one_tool_are_told_apart(other: bool, against: list[str]) -> None:
    text = "more than 50 at north dock? if so an alert for fire at gate 1, otherwise an alert for anomalies at gate 2"
    past = Call("crowd_counting", {"cameras": ["north dock"]}, "found", ("create_alert", "create_alert"), (0, 1))
    grammar = Grammar(reading(text), MENU, [past], settled=True, other=other)
    at_slot(grammar, "create_alert", "cameras")
    assert [k for k, v in leant(grammar).items() if v <= WITHDRAWN] == [k.removesuffix("'") for k in against]


def test_the_number_of_the_other_case_is_not_the_alert_s() -> None:
    text = "more than 50 at gate 1? if so alert me there above 60, otherwise alert me above 3 at gate 2"
    past = Call("crowd_counting", {"cameras": ["gate 1"]}, "found", ("create_alert", "create_alert"), (0, 1))
    for other, best in ((False, "60"), (True, "3")):
        grammar = Grammar(reading(text), MENU, [past], settled=True, other=other)
        at_slot(grammar, "create_alert", "event")
        grammar.push(next(e for e in grammar.allowed() if e[0] == "cand" and MENU.candidates[e[1]].value == "crowd>"))
        by = {k: v for k, v in leant(grammar).items() if k.isdigit()}
        assert max(by, key=lambda k: by[k]) == best and sorted(by.values())[-2] < 0


def test_the_same_time_is_said_once() -> None:
    said = "fire at gate 1 yesterday? if not, count gate 2 for the same time"
    past = Call("fire_smoke_detection", {"cameras": ["gate 1"], "time": "yesterday"}, "none", ("crowd_counting",), (0,))
    for text, skip in ((said, WITHDRAWN), (said.replace(" for the same time", ""), ELSEWHERE)):
        grammar = Grammar(reading(text), MENU, [past])
        at_slot(grammar, "crowd_counting", "cameras")
        grammar.push(("start", next(i for i, u in enumerate(grammar.units) if u.value == "gate 2")))
        grammar.push(("sym", SYM["ARG_END"]))
        (element,) = grammar.allowed()
        grammar.push(element)
        assert leant(grammar)["SKIP"] == pytest.approx(skip, abs=1e-3)


@pytest.mark.parametrize(
    ("text", "by"),
    [
        ("Has the person in the uploaded image been spotted near gate 2?", SUPPLIED),
        ("Establish whether the individual shown in the supplied photograph entered gate 2.", SUPPLIED),
        ("Has the face of the person in the uploaded image been spotted?", 0.0),
        ("Determine the identity of the individual in the supplied photograph.", 0.0),
        ("is the guy in this pic at gate 2", 0.0),
        ("Who is the person in the uploaded image?", 0.0),
        ("Is the person in the uploaded image Ana Lund?", 0.0),
        ("Create an alert for whenever the individual in the supplied photograph enters gate 2.", 0.0),
        ("Recognise the gait of the person in the uploaded image.", 0.0),
        ("Blur the uploaded image.", 0.0),
    ],
)
def test_a_person_in_an_uploaded_image_is_looked_for_as_a_whole(text: str, by: float) -> None:
    grammar = Grammar(reading(text, "image-1"), MENU)
    grammar.push(("sym", SYM["NEED"]))
    allowed = grammar.allowed()
    names = [MENU.tools[index].name for _, index in allowed]
    found = dict(zip(names, lean(grammar, allowed), strict=True))
    assert found.pop("person_reid") == by
    assert found.pop("face_recognition") == -by
    assert not any(found.values())


@pytest.mark.parametrize(
    ("text", "by"),
    [
        ("was KX21 ABC at gate 2", TAKES),
        ("any plates at gate 2", NAMED),
        ("was the plate KX21 ABC at gate 2", NAMED + TAKES),
        ("who was at gate 2", 0.0),
        ("copper plated door at gate 2", 0.0),
    ],
)
def test_a_tool_never_met_is_leant_to_where_it_is_named_or_takes_what_is_said(text: str, by: float) -> None:
    place = MENU.index("plate_recognition")
    assert place is not None
    grammar = Grammar(reading(text), MENU)
    allowed = grammar.allowed()
    start = lean(grammar, allowed, frozenset((place,))) - lean(grammar, allowed)
    assert dict(zip(allowed, start, strict=True))["sym", SYM["NEED"]] == min(CALLED, by)
    grammar.push(("sym", SYM["NEED"]))
    allowed = grammar.allowed()
    first = dict(zip(allowed, lean(grammar, allowed, frozenset((place,))), strict=True))
    assert first.pop(("cand", place)) == by
    assert not any(first.values())
    grammar.push(("cand", place))
    allowed = grammar.allowed()
    assert not lean(grammar, allowed, frozenset((place,))).any(), "once it is planned that is done"


@pytest.mark.parametrize(
    ("name", "text", "leant"),
    [
        ("people_flow", "how many people are at gate 2", False),  # a word of other cards
        ("motion_alerts", "create alerts for smoke at gate 1", False),  # the plural of one
        ("gate_control", "who was at gate 2", False),  # a camera's name
        ("clip_search", "search gate 2 for Ana Lund", False),  # anybody's word
        ("forklift_speed", "were the forklifts too fast at gate 2", True),
    ],
)
def test_a_plug_in_is_called_by_a_word_of_its_own_alone(name: str, text: str, leant: bool) -> None:
    specs = [*stub_toolbox()]
    menu = Menu.of([*specs, replace(specs[0], name=name, description="Tell how it is.", args=())])
    place = menu.index(name)
    assert place is not None
    grammar = Grammar(reading(text), menu)
    grammar.push(("sym", SYM["NEED"]))
    allowed = grammar.allowed()
    assert lean(grammar, allowed, frozenset((place,))).any() == leant


def test_the_one_named_again_as_the_only_one_is_meant() -> None:
    grammar = Grammar(reading("who was at gate 1 or gate 2? just gate 2"), MENU)
    at_slot(grammar, "face_recognition", "cameras")
    by = leant(grammar)
    assert by["gate 1"] == pytest.approx(WITHDRAWN) and by["gate 2"] == 0
    # of several goals it may belong to one alone
    grammar = Grammar(reading("faces at gate 1 and gate 2, a head count at only gate 2"), MENU)
    at_slot(grammar, "face_recognition", "cameras", ("crowd_counting",))
    assert leant(grammar)["gate 1"] == 0


def test_of_two_times_compared_the_first_is_asked_first() -> None:
    grammar = Grammar(reading("more people at gate 1 today or more yesterday?"), MENU)
    at_slot(grammar, "crowd_counting", "time")
    by = leant(grammar)
    assert [by["today"], by["yesterday"]] == [pytest.approx(NEXT, abs=1e-3), 0.0]


def test_an_alert_is_for_the_plate_that_is_said_of_it() -> None:
    text = "was KX-4821 at gate 1? And FTY 810 at gate 2? Let me know when FTY 810 comes to gate 1"
    past = [Call("plate_recognition", {"plate": p, "cameras": [c]}, "none") for p, c in PLATES]
    grammar = Grammar(reading(text), MENU, past)
    at_slot(grammar, "create_alert", "event")
    grammar.push(next(e for e in grammar.allowed() if e[0] == "cand" and MENU.candidates[e[1]].value == "plate:"))
    by = leant(grammar)
    assert max(by, key=lambda k: by[k]) == "FTY 810'" and by["KX-4821"] < 0


def test_what_is_named_beside_the_camera_of_an_earlier_call_shares_it() -> None:
    text = "set alerts for Ana Lund and for FTY 810 at gate 1, then count gate 2 yesterday"
    grammar = Grammar(reading(text), MENU, [Call("create_alert", {"event": "face:Ana Lund", "cameras": ["gate 1"]})])
    row: list[Any] = [
        ("sym", SYM["NEED"]),
        ("cand", MENU.index("create_alert")),
        ("cand", MENU.index("crowd_counting")),
    ]
    row += [("sym", SYM["PLAN_END"]), ("cand", MENU.index("create_alert"))]
    for element in row:
        grammar.push(element)
    grammar.push(grammar.allowed()[0])
    grammar.push(next(e for e in grammar.allowed() if e[0] == "cand" and MENU.candidates[e[1]].value == "plate:"))
    grammar.push(next(e for e in grammar.allowed() if grammar.units[e[1]].value == "FTY 810"))
    grammar.push(grammar.allowed()[0])
    by = leant(grammar)
    assert by["gate 1"] > 0 >= by["gate 2"]
    grammar.push(next(e for e in grammar.allowed() if e[0] == "start" and grammar.units[e[1]].value == "gate 1"))
    grammar.push(("sym", SYM["ARG_END"]))
    grammar.push(grammar.allowed()[0])
    assert leant(grammar)["yesterday"] == 0  # it is said of gate 2


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("through gate 1 and gate 2. Actually leave gate 1 out", {"gate 1"}),
        ("count gate 1? Sorry, I keep saying gate 1, it is gate 2 they want", {"gate 1"}),
        ("leave by gate 1, out of gate 2", set()),
        ("check gate 1, and don't leave gate 2 out", set()),
        ("was anyone at gate 1, and did anyone leave gate 2 out the back", set()),
    ],
)
def test_what_is_left_out(text: str, back: set[str]) -> None:
    read_as = reading(text)
    marked = [i for i, u in enumerate(read_as.units) if "camera" in u.kinds]
    assert {read_as.units[i].value for i in withdrawn(read_as.text, read_as.units, marked, denied=True)} == back
