"""The judge of conditions: what it is asked, what it is fitted to, and what the shipped one must say."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from viot_agent.errors import UserFault
from viot_agent.llm.mini import assets
from viot_agent.llm.mini.conditions import ACTIONS as ACTIONS_OF_THE_TOOL
from viot_agent.llm.mini.conditions import (
    FIRST,
    LATER,
    NOTHING,
    PARTS,
    Question,
    amounts,
    counted,
    of_several,
    often,
    question,
    reaches,
    stacked,
    statement,
)
from viot_agent.llm.mini.encoder import Reader
from viot_agent.llm.mini.menu import Call
from viot_agent.llm.mini.outlook import Outlook, outlook
from viot_agent.llm.mini.planner import Planner
from viot_agent.llm.mini.units import Passage, make_units, read
from viot_agent.llm.mini.weights import Weights
from viot_finetune.instruct.fill import Expected, fill
from viot_finetune.instruct.site import CLEAN
from viot_finetune.mini.cards import stub_toolbox
from viot_finetune.mini.conditions import (
    Fitting,
    Head,
    answer,
    asked,
    data_of,
    fit,
    further,
    judged,
    padded,
    reported,
    varied,
)
from viot_finetune.mini.recipe import Recipe
from viot_finetune.mini.train import save, with_judge

OBS = {"met": ["It was seen at 14:02.", "One match at 09:10."], "unmet": ["Not seen.", "No match at all."]}
COUNT = {"tool": "crowd_counting", "args": {"cameras": ["{camera}"]}}
FIRE = {"tool": "fire_smoke_detection", "args": {"cameras": ["{camera}"]}}


def row(text: str, *steps: dict[str, Any], obs: dict[str, list[str]] = OBS) -> dict[str, Any]:
    first = {"tool": "plate_recognition", "args": {"plate": "{plate}", "cameras": ["{camera}"]}, "obs": obs}
    return {"id": text[:24], "text": text, "steps": [first, *steps], "tags": []}


IF = row("{plate} at {camera}? If so, count the people there.", COUNT | {"when": "1"})
IF_NOT = row("{plate} at {camera}? If not, count the people there.", COUNT | {"when": "not 1"})
EITHER = row(
    "{plate} at {camera}? If so count the people there, else tell me of fire there.",
    COUNT | {"when": "1"},
    FIRE | {"when": "not 1"},
)
ANYWAY = row("If {plate} is at {camera} count the people there, and look for fire anyhow.", COUNT | {"when": "1"}, FIRE)
PLAIN = row("{plate} at {camera}, and then count the people there.", COUNT)


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(assets.encoder_dir())


@pytest.mark.parametrize(
    ("authored", "met", "unmet"),
    [
        (IF, FIRST, NOTHING),
        (IF_NOT, NOTHING, FIRST),
        (EITHER, FIRST, LATER),
        (ANYWAY, FIRST, LATER),
        (PLAIN, FIRST, FIRST),
    ],
)
def test_what_comes_next_is_told_by_what_happens(authored: dict[str, Any], met: int, unmet: int) -> None:
    found = set()
    for seed in range(12):
        [example] = fill(authored, random.Random(seed), "test", CLEAN)
        found.add((example.steps[0].status, answer(example.steps[0])))
    assert {a for status, a in found if status == "found"} == {met}
    assert {a for status, a in found if status == "none"} == {unmet}


def test_a_plan_does_not_know_what_will_be_observed() -> None:
    """What hangs on a later step that may not happen stands in the plan in either case, and is not decided yet."""
    chain = row(
        "If {plate} was at {camera}, look for fire; burning, count the people.",
        FIRE | {"when": "1", "obs": OBS},
        COUNT | {"when": "2"},
    )
    first = [fill(chain, random.Random(seed), "test", CLEAN)[0].steps[0] for seed in range(12)]
    assert {s.status for s in first} == {"found", "none"}
    assert {s.rest for s in first} == {(("fire_smoke_detection", True), ("crowd_counting", True))}
    assert {s.then for s in first} == {(True, None), (False, None)}


def test_a_presence_has_one_status_whatever_its_reports_read_like() -> None:
    odd = {"met": ["It was seen at 14:02.", "he's not", "One match."], "unmet": ["Not seen.", "No match.", "clear"]}
    authored = row(IF["text"], COUNT | {"when": "1"}, obs=odd)
    steps = [fill(authored, random.Random(seed), "test", CLEAN)[0].steps for seed in range(30)]
    assert {(s[0].status, len(s)) for s in steps} == {("found", 2), ("none", 1)}
    assert {s[0].observation for s in steps} == {*odd["met"], *odd["unmet"]}


def words(asked_: Question, reader: Reader, part: int) -> str:
    ids = [i for i, p in zip(asked_.ids, asked_.parts, strict=True) if p == part]
    return str(reader._tokenizer.decode(ids, skip_special_tokens=False))


def test_numbers_are_compared_in_the_request_and_names_are_not_read(reader: Reader) -> None:
    reading = read(
        "more than twenty-five at gate 2, cut it; over 30, two dozen bikes, call me",
        seen=[Passage("At most 28 people at 14:02.", tool="crowd_counting")],
    )
    found = question(reading, Call("crowd_counting", {}, "info"), {}, ["export_clip", "create_alert"], reader)
    assert found is not None
    assert words(found, reader, 1) == (
        "more than twenty - five ( more seen ) at gate 2 ( more seen ), cut it ; over 30 ( fewer seen ), "
        "two dozen ( more seen ) bikes, call me"
    )
    assert words(found, reader, 2) == "crowd counting : 28 people were seen"
    assert words(found, reader, 3) == "export clip, create alert"
    assert found.parts[0] == 0
    assert len(found.ids) == len(found.parts)


def test_where_status_and_data_say_all_the_text_is_not_read(reader: Reader) -> None:
    def told(call: Call, text: str, data: dict[str, Any]) -> str:
        reading = read("if so, save it", seen=[Passage(text, tool=call.tool)])
        found = question(reading, call, data, ["export_clip"], reader)
        assert found is not None
        return words(found, reader, 2)

    face = Call("face_recognition", {"person": "Ana"}, "none")
    assert told(face, "Whatever [e3].", {}) == "face recognition : it was not seen"
    who = Call("face_recognition", {}, "found")
    assert told(who, "Two strangers.", {}) == "face recognition : two strangers."
    both = {"unknown": 0, "known": {"Ana": 1, "Ben": 2}}
    assert told(who, "Ana; Ben; no unknown face.", both) == (
        "face recognition : no unknown faces and 2 known faces were seen"
    )
    real = {"unknown": 3, "undecided": 0, "appearances": [{"who": "Ana"}, {"who": "Ana"}]}
    assert told(who, "...", real) == "face recognition : 3 unknown faces and 1 known faces were seen"
    assert told(who, "...", real | {"undecided": 2}) == (
        "face recognition : 3 unknown faces and 1 known faces were seen"
    )
    unsure = real | {"unknown": 0, "undecided": 2}
    assert told(who, "Two may be Ana.", unsure) == "face recognition : two may be ana."
    people = {"people": [{"actions": [{"action": "walking"}, {"action": "falling"}]}, {"actions": []}]}
    act = Call("action_recognition", {"poses": "poses-1"}, "found")
    assert told(act, "Somebody ...", people) == "action recognition : people were walking, falling"
    assert told(act, "He waved.", {}) == "action recognition : he waved."
    two = read("two of them fell? save it", seen=[Passage("One fell.", tool=act.tool)])
    counted_ = question(two, act, people, ["export_clip"], reader)
    assert counted_ is not None
    assert words(counted_, reader, 2) == "action recognition : one fell.", "how many did it stands in the text alone"
    odd = Call("anomaly_detection", {"scene": "park"}, "found")
    assert told(odd, "A fight.", {}) == "anomaly detection : it was seen a fight."


@pytest.mark.parametrize(
    ("data", "seen", "people"),
    [
        ({"cameras": {"gate 1": {"max": 3}, "gate 2": {"max": 7}}}, "", 7),
        ({"cameras": {}}, "12 people", None),
        ({"low": 2, "high": 9}, "", 9),
        ({}, "Between 3 and 12 people, most at 14:02 (0.92).", 12),
        ({}, "nobody on gate", 0),
        ({}, "1 person in 120 frames", 1),
        ({}, "2 people between 9 and 10", 2),
        ({}, "Three people; nobody at the till", 3),
        ({}, "hard to say", None),
    ],
)
def test_the_most_people_are_read_from_data_or_text(data: dict[str, Any], seen: str, people: int | None) -> None:
    assert counted(data, seen) == people


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("over 20 people", [20]),
        ("twenty five or more", [25]),
        ("half a dozen or two dozen", [6, 24]),
        ("three hundred, not thirty", [300, 30]),
        ("half a hundred", [50]),
        ("ninety", [90]),
        ("nobody, none, zero", []),
        ("20 30", [20, 30]),
        ("over a hundred and ten", [110]),
        ("two hundred and twenty five, or one hundred", [225, 100]),
        ("a hundred, and ten more", [100, 10]),
    ],
)
def test_amounts_are_read_whole(text: str, numbers: list[int]) -> None:
    assert list(amounts(make_units(text)).values()) == numbers


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("at least 5 people", True), ("5 or more", True), ("5 people or more", True), ("no fewer than 5", True),
        ("under 5", True), ("5+", True), ("5 upwards", True), ("a minimum of 5", True), ("≥ 5", True),
        ("more than 5", False), ("over 5", False), ("no more than 5", False), ("up to 5", False), ("5 tops", False),
        ("5 heads or under", False), ("if they pass 5, i go", False), ("<= 5", False),
        ("exactly 5", None), ("5 people", None),
    ],
)  # fmt: skip
def test_whether_just_as_many_count_with_more_or_with_fewer(text: str, side: bool | None) -> None:
    at = text.index("5")
    assert reaches(text, at, at + 1) is side


@pytest.mark.parametrize(
    ("tool", "args", "data", "text", "count"),
    [
        ("plate_recognition", {"plate": "x"}, {"count": 4}, "Read twice.", 4),
        ("plate_recognition", {"plate": "x"}, {}, "3 sightings on gate 2, confidence 0.93", 3),
        ("plate_recognition", {}, {"plates": ["a", "b"]}, "", 2),
        ("vehicle_reid", {"vehicle": "x"}, {}, "once at 10:12", 1),
        ("person_reid", {"person": "x"}, {"appearances": [{}, {}]}, "", 2),
        ("face_recognition", {}, {}, "unknown: 7, enrolled: 2", 7),
        ("face_recognition", {}, {"unknown": 3, "undecided": 0}, "", 3),
        ("face_recognition", {}, {"unknown": 3, "undecided": 1}, "unknown: 3", None),
        ("action_recognition", {"poses": "p"}, {}, "falls: 3", 3),
        ("action_recognition", {"poses": "p"}, {}, "Two people ran.", 2),
        ("action_recognition", {"poses": "p"}, {}, "standing 3, falling 2", None),
        ("fire_smoke_detection", {}, {"count": 2}, "2 events", None),
        ("vehicle_reid", {"vehicle": "x"}, {}, "match: white van, 14:02, 0.85", None),
    ],
)
def test_how_often_something_was_seen(
    tool: str, args: dict[str, Any], data: dict[str, Any], text: str, count: int | None
) -> None:
    assert often(Call(tool, args, "found"), data, text) == count
    assert often(Call(tool, args, "cannot_tell"), data, text) is None


def test_other_numbers_than_people_are_compared_where_they_count(reader: Reader) -> None:
    reading = read("the van of bus 9: more than 3 times? clip it", seen=[Passage("3 sightings", tool="vehicle_reid")])
    found = question(reading, Call("vehicle_reid", {"vehicle": "x"}, "found"), {}, ["export_clip"], reader)
    assert found is not None
    assert words(found, reader, 1) == "the van of bus 9 : more than 3 ( fewer seen ) times? clip it"
    reading = read("crowd alert over 10 where she was; more than twice?", seen=[Passage("once", tool="person_reid")])
    found = question(reading, Call("person_reid", {"person": "x"}, "found"), {}, ["create_alert"], reader)
    assert found is not None
    assert words(found, reader, 1) == "crowd alert over 10 where she was ; more than twice ( fewer seen )?"


def test_what_is_too_long_is_not_asked(reader: Reader) -> None:
    reading = read("if " + "so " * 600, seen=[Passage("Seen.", tool="plate_recognition")])
    assert question(reading, Call("plate_recognition", {}, "found"), {}, ["export_clip"], reader) is None


def test_of_several_actions_the_one_that_is_asked_about_decides() -> None:
    def share(answer_: int, sure: float = 0.9) -> Any:
        out = np.full(3, (1 - sure) / 2)
        out[answer_] = sure
        return out

    if_fallen = {a: share(FIRST if a == "falling" else NOTHING) for a in ACTIONS_OF_THE_TOOL}
    assert of_several(if_fallen, ["standing", "falling"]).argmax() == FIRST
    assert of_several(if_fallen, ["standing", "walking"]).argmax() == NOTHING
    if_nobody_ran = {a: share(NOTHING if a == "running" else FIRST) for a in ACTIONS_OF_THE_TOOL}
    assert of_several(if_nobody_ran, ["standing", "running", "lying"]).argmax() == NOTHING
    assert of_several(if_nobody_ran, ["standing"]).argmax() == FIRST


def test_two_adapters_are_one() -> None:
    rng = np.random.default_rng(0)
    a = {"lora.x.A": rng.normal(size=(4, 6)), "lora.x.B": rng.normal(size=(5, 4)), "lora.x.C": np.zeros(1)}
    b = {"lora.x.A": rng.normal(size=(2, 6)), "lora.x.B": rng.normal(size=(5, 2)), "inner.weight": np.zeros(1)}
    both = stacked(a, b)
    assert set(both) == {"lora.x.A", "lora.x.B"}
    np.testing.assert_allclose(
        both["lora.x.B"] @ both["lora.x.A"], a["lora.x.B"] @ a["lora.x.A"] + b["lora.x.B"] @ b["lora.x.A"]
    )


def test_actions_come_as_data_only_where_none_is_denied() -> None:
    def some(text: str) -> list[dict[str, Any]]:
        return [data_of(Expected("action_recognition", {}, text, "found"), random.Random(n)) for n in range(20)]

    assert {"actions": {"walking": 1, "carrying": 1}} in some("two walk, one carries a box")
    assert not any(some("nobody fell"))
    assert statement(Call("action_recognition", {}), {}, None) is None


FELL = {"met": ["falling 1", "One person fell, 09:10."], "unmet": ["walking 4, standing 2", "nobody fell"]}


def test_of_several_people_reports_are_made() -> None:
    """An author's report tells of one action; where one of several people did what is asked about, it happened too."""
    authored = {
        "id": "x", "text": "Did anybody fall at {camera}? If so, save it.", "tags": [],
        "steps": [
            {"tool": "pose_estimation", "args": {"cameras": ["{camera}"]}},
            {"tool": "action_recognition", "args": {"poses": "@1"}, "obs": FELL},
            {"tool": "export_clip", "args": {"cameras": ["{camera}"]}, "when": "2"},
        ],
    }  # fmt: skip
    assert varied(authored)
    assert not varied(IF)
    found = []
    for seed in range(60):
        rng = random.Random(seed)
        [example] = fill(authored, rng, "test", CLEAN)
        acted_ = example.steps[1]
        found.append((acted_.met, acted_.observation, *reported(acted_, rng)))
        assert reported(acted_, rng, counts=True)[0] == acted_.observation
    made = [(met, data["actions"]) for met, author, text, data in found if data and text != author]
    assert {met for met, _ in made} == {True, False}
    assert all(("falling" in done) is met for met, done in made)
    assert any(len(done) > 1 for met, done in made if met)
    assert any(text == author for _, author, text, _ in found)


def test_a_batch_is_padded_and_only_words_of_the_request_are_hidden(reader: Reader) -> None:
    rows = list(asked([IF, EITHER], reader, "test", random.Random(3)))
    assert rows
    assert all(r.open for r in rows)
    ids, parts, answers = padded(rows, 1.0, random.Random(0), reader.unk)
    assert ids.shape == parts.shape
    for k, one in enumerate(rows):
        size = len(one.question.ids)
        hidden = [p == 1 for p in one.question.parts]
        assert [int(i) == reader.unk for i in ids[k, :size]] == hidden
        assert (parts[k, size:] == -2).all()
    assert answers.tolist() == [r.answer for r in rows]


def test_the_head_is_that_of_the_runtime(reader: Reader) -> None:
    torch.manual_seed(0)
    head = Head().eval()
    parts = torch.tensor([[0, 1, 1, -1, 2, -1, 3, -1, -2]])
    states = torch.randn(1, 9, 384)
    means = [states[0][(parts[0] == p)].mean(0) for p in range(PARTS)]
    want = head.outer(torch.tanh(head.inner(torch.cat(means))))
    torch.testing.assert_close(head(states, parts)[0], want)


def test_a_judge_is_put_beside_the_nets(tmp_path: Path) -> None:
    weights, path = Weights.load(), tmp_path / "mini.safetensors"
    save(weights.nets[:1], path, Recipe(nets=1), ["here"])
    bare = Weights.load(path)
    assert bare.judge is None
    assert judged(bare, [IF]) == ""
    planner = Planner(list(stub_toolbox()), weights=bare, threads=1)
    reading = read("if it came, count", seen=[Passage("Seen.", tool="plate_recognition")])
    call = Call("plate_recognition", {"plate": "x"}, "info", ("crowd_counting",), (0,))
    assert planner.judged(reading, call, {}, ["crowd_counting"]) is None
    assert outlook(planner, reading, call, {}) == Outlook()
    with_judge(path, fit(bare, [IF, IF_NOT], Fitting(fillings=1, epochs=1)))
    loaded = Weights.load(path)
    assert loaded.words == ("here",)
    assert len(loaded.nets) == 1
    assert loaded.judge is not None
    assert loaded.judge["lora.encoder.layer.0.attention.self.query.weight.A"].shape == (Fitting().rank, 384)
    with pytest.raises(UserFault, match="no judge of conditions to go on from"):
        further(bare, [IF])
    gone = further(loaded, [IF, IF_NOT], [Fitting(fillings=1, epochs=1, rate=r) for r in (0.0, 1e-2)])
    moved = {n for n, a in gone.items() if not np.allclose(a, loaded.judge[n], atol=1e-6)}
    assert any(n.startswith("lora.") for n in moved)
    assert gone.keys() == loaded.judge.keys()
    shares = Planner(list(stub_toolbox()), weights=loaded, threads=1).judged(reading, call, {}, ["crowd_counting"])
    assert shares is not None
    assert shares.sum() == pytest.approx(1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_judge_learns(tmp_path: Path) -> None:
    path = tmp_path / "mini.safetensors"
    save(Weights.load().nets[:1], path, Recipe(nets=1))
    rows = [IF, IF_NOT, EITHER, PLAIN] * 6
    with_judge(path, fit(Weights.load(path), rows, Fitting(epochs=60, plain=1.0)))
    line = judged(Weights.load(path), rows)
    found = re.fullmatch(r".* after 18 observations: (\d+) rightly; .* after 6: (\d)\.", line)
    assert found is not None
    assert int(found[1]) >= 16
    assert int(found[2]) == 6


PLAIN_ENGLISH = [
    ("If Ana is not at gate 2 by nine, set an alert for her there.", "face_recognition", "create_alert", (2, 0)),
    ("Look for KX 4821 at gate 2 and save the last hour if it came.", "plate_recognition", "export_clip", (0, 2)),
    ("Any smoke at the dock? When there is none, count the people.", "fire_smoke_detection", "crowd_counting", (2, 0)),
    (
        "Unless there is a fire at dock 3, read me all plates there.",
        "fire_smoke_detection",
        "plate_recognition",
        (2, 0),
    ),
    (
        "find this van at gate 2, and if you get a hit tell me who was around",
        "vehicle_reid",
        "face_recognition",
        (0, 2),
    ),
    ("if he hasn't turned up at the gate, check the lobby for him", "face_recognition", "face_recognition", (2, 0)),
    ("Only if Ben shows up on camera 4, count the crowd there.", "face_recognition", "crowd_counting", (0, 2)),
    ("Was she in the lobby last night? If she was, cut that for me.", "face_recognition", "export_clip", (0, 2)),
]


def test_the_shipped_judge_reads_plain_conditions() -> None:
    planner = Planner(list(stub_toolbox()), threads=1)
    right = 0
    for text, tool, then, answers in PLAIN_ENGLISH:
        for status, wanted in zip(("found", "none"), answers, strict=True):
            call = Call(tool, {"person": "x", "plate": "x", "vehicle": "x"}, status)
            shares = planner.judged(read(text, seen=[Passage("...", tool=tool)]), call, {}, [then])
            assert shares is not None
            right += int(shares.argmax()) == wanted
    assert right >= 15


ACTIONS = [
    ("has anybody fallen over at the gate? if so export the clip", "falling", "export_clip"),
    ("watch for a fight at the gate, if there is one set an alert", "fighting", "create_alert"),
    ("Did people fight at the gate yesterday? Clip it if they did.", "fighting", "export_clip"),
    ("if somebody is carrying something out at the gate, export that", "carrying", "export_clip"),
    ("is anyone running at the gate? if they run, alert me from then on", "running", "create_alert"),
    ("somebody lying on the floor of the hall? then i need the number of people there", "lying", "crowd_counting"),
]


def test_the_shipped_judge_knows_what_was_asked_from_what_else_was_done() -> None:
    planner = Planner(list(stub_toolbox()), threads=1)
    right = 0
    for text, action, left in ACTIONS:
        for done, wanted in (
            (["standing", action], 0), (["walking", "sitting", action], 0), (["standing", "walking"], 2),
            (["squatting"], 2),
        ):  # fmt: skip
            call = Call("action_recognition", {"poses": "poses-1"}, "found", (left,), (0,))
            reading = read(text, seen=[Passage("...", tool=call.tool)])
            shares = planner.judged(reading, call, {"actions": dict.fromkeys(done, 1)}, [left])
            assert shares is not None
            right += int(shares.argmax()) == wanted
    assert right >= 22


COUNTS = [
    ("More than 20 people at gate 2? Then I need the clip.", 21, 20, "export_clip"),
    ("If fewer than 5 people are in the hall, count the lobby.", 4, 5, "crowd_counting"),
    ("Is the pool empty? If so, alert me to anybody there.", 0, 2, "create_alert"),
    ("Anyone in the yard? Tell me who it is, if so.", 1, 0, "face_recognition"),
    ("At least a dozen at the till? If so, export it.", 12, 11, "export_clip"),
    ("count the queue, and unless it is under 10 send me the clip", 10, 9, "export_clip"),
    ("No one at the desk? Then set an alert for people there.", 0, 1, "create_alert"),
    ("Check the stands: if it stayed below 300 leave it, otherwise clip it", 300, 299, "export_clip"),
    ("how many in the waiting room? beyond 15 i want whoever is known named", 16, 15, "face_recognition"),
    ("Were there exactly 4 people in the vault? If not, cut me that stretch.", 5, 4, "export_clip"),
    ("If the lobby had people in it, save the footage", 3, 0, "export_clip"),
    ("if the gym's deserted just arm a person alert", 0, 4, "create_alert"),
]


def test_code_and_the_shipped_judge_read_numbers() -> None:
    planner = Planner(list(stub_toolbox()), threads=1)
    right = 0
    for text, yes, no, left in COUNTS:
        for people, wanted in ((yes, True), (no, False)):
            reading = read(text, seen=[Passage(f"{people} people were seen.", tool="crowd_counting")])
            call = Call("crowd_counting", {}, "found" if people else "none", (left,), (0,))
            right += outlook(planner, reading, call, {"cameras": {"a": {"max": people}}}).settled is wanted
    # 21 of 24: it errs at "unless ... under" and at "below ... leave it, otherwise"
    assert right >= 20
