"""Families to cases: reading, conditions, filling, and the packed file that is what the families give."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from viot_agent.bench.build import RENDERINGS, SOURCE, build, render
from viot_agent.bench.cards import cards_hash
from viot_agent.bench.cases import PACK, Case, load_pack, pack
from viot_agent.bench.conditions import need_of, numbers
from viot_agent.bench.families import Family, family_of, read_families
from viot_agent.bench.filling import bare_time, fill, present
from viot_agent.bench.site import make_site, site_keys
from viot_agent.errors import FailedFault, UserFault
from viot_agent.fleet.times import resolve_time


def row(**more: Any) -> dict[str, Any]:
    base = {
        "id": "x-1",
        "level": "L1",
        "tags": ["single"],
        "text": "queue at {camera} {time}?",
        "steps": [{"tool": "crowd_counting", "args": {"cameras": ["{camera}"], "time": "{time}"}}],
        "paraphrase": "{time}, {camera}: many people?",
    }
    return {**base, **more}


CHAIN = row(
    id="x-2",
    level="L2",
    tags=["condition", "chain"],
    text="If anybody fell at {camera} {time}, save it and blur all but {person}, else warn me {future} of {n} or more.",
    paraphrase="{camera} {time}: a fall? then a clip, only {person} visible. No? alert {future} above {n}",
    steps=[
        {"tool": "pose_estimation", "args": {"cameras": ["{camera}"], "time": "{time}"}},
        {
            "tool": "action_recognition",
            "args": {"poses": "@1"},
            "obs": {"met": ["One person falls.", "falling 1"], "unmet": ["Nobody falls, all walk.", "walking 3"]},
        },
        {"tool": "export_clip", "args": {"cameras": ["{camera}"], "time": "{time}"}, "when": "2"},
        {"tool": "face_redaction", "args": {"media": "@3", "keep": "{person}"}, "when": "2"},
        {"tool": "create_alert", "args": {"event": "crowd>{n}", "time": "{future}"}, "when": "not 2"},
    ],
)
TALK = row(
    id="x-3",
    level="L3",
    text=None,
    steps=None,
    turns=[
        {"text": "seen him?", "steps": [], "reply": "ask", "missing": ["person"]},
        {"text": "{person}", "steps": [{"tool": "face_recognition", "args": {"person": "{person}"}}]},
    ],
    paraphrase=["where is he", "I mean {person}"],
)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"level": "L7"}, "no level"),
        ({"paraphrase": "nothing"}, "in the arguments, not in the text"),
        ({"paraphrase": ["a", "b"]}, "2 paraphrases"),
        ({"text": "queue at {camera} {time} {oops}?"}, "unknown slots"),
        ({"steps": [{"tool": "fly", "args": {}}]}, "no tool 'fly'"),
        ({"steps": [{"tool": "crowd_counting", "args": {"speed": "3"}}]}, "takes no"),
        ({"steps": []}, "needs a reply"),
        ({"steps": [{"tool": "list_cameras", "args": {}, "when": "1"}]}, "earlier step"),
    ],
)
def test_a_wrong_family_is_named_with_its_line(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    file = tmp_path / "families.jsonl"
    file.write_text(json.dumps(row()) + "\n\n" + json.dumps(row(id="x-9", **change)) + "\n")
    with pytest.raises(UserFault, match=f"line 3: .*{words}"):
        read_families(file)


def test_two_families_of_one_name_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "families.jsonl"
    file.write_text(json.dumps(row()) + "\n" + json.dumps(row()) + "\n")
    with pytest.raises(UserFault, match="two families are called x-1"):
        read_families(file)


@pytest.mark.parametrize(
    ("tool", "met", "unmet", "want", "not_want"),
    [
        ("fire_smoke_detection", ["Smoke at 14:02"], ["No fire."], ("presence", True), ("presence", False)),
        ("anomaly_detection", ["All normal.", "0 events"], ["1 odd interval"], ("presence", False), ("presence", True)),
        ("crowd_counting", ["17 people", "min 13, max 21"], ["at most 9", "4 to 6"], (17, 21), (4, 9)),
        ("crowd_counting", ["2 people", "0 to 3"], ["16 people"], (0, 3), (16, 16)),
        ("crowd_counting", ["nobody in view", "0 people"], ["2 people at 14:05"], (0, 0), (2, 2)),
        ("scene_recognition", ["Scene: kitchen."], ["parking lot, 0.93"], "kitchen", "parking lot"),
        ("action_recognition", ["2 fighting"], ["Nobody fights, 3 walk"], ("fighting", "walking"), ("walking",)),
        ("action_recognition", ["All are sitting"], ["sitting 2, walking 1"], ("sitting",), ("sitting", "walking")),
        ("video_qa", ["Yes, open."], ["No."], "Yes, open.", "No."),
        ("face_recognition", ["2 unknown faces"], ["no unknown faces"], 2, 0),
    ],
)
def test_conditions(tool: str, met: list[str], unmet: list[str], want: Any, not_want: Any) -> None:
    [turn] = family_of(row(steps=[{"tool": tool, "args": {}, "obs": {"met": met, "unmet": unmet}}])).turns
    for holds, expected in ((True, want), (False, not_want)):
        need = need_of(turn.steps[0], "", holds, {})
        got = {
            "presence": ("presence", need.found),
            "crowd": (need.low, need.high),
            "actions": need.actions,
            "strangers": need.low,
        }.get(need.kind, need.text)
        assert got == expected


def test_numbers_are_people_not_times() -> None:
    assert numbers("At 14:05 there were 12 people (score 0.81), 97 % covered") == [12]
    assert numbers("three people on {camera}") == [3]
    assert numbers("nobody") == [0]


def families() -> tuple[Family, ...]:
    return tuple(family_of(r) for r in (row(), CHAIN, TALK))


def test_four_renderings_differ_in_names_order_size_and_wording() -> None:
    cases = [c for c in build(families()) if c.part == "main"]
    assert len(cases) == len(families()) * RENDERINGS
    for family in families():
        mine = [c for c in cases if c.family == family.id]
        assert len({c.turns[-1].text for c in mine}) == RENDERINGS
        assert len({c.plan.site for c in mine if c.plan}) == RENDERINGS
        assert {c.plan.size for c in mine if c.plan} == {10, 50, 200}
        assert [bool(c.order) for c in mine] == [False, True, False, True]


def test_a_condition_is_met_in_some_renderings_and_not_in_others() -> None:
    mine = [c for c in build(families()) if c.family == "x-2" and c.part == "main"]
    ends = Counter(tuple(call.tool for call in c.turns[0].calls)[2:] for c in mine)
    assert ends == {("export_clip", "face_redaction"): 2, ("create_alert",): 2}
    met = next(c for c in mine if len(c.turns[0].calls) == 4)
    assert [c.after for c in met.turns[0].calls] == [(), (0,), (1,), (1, 2)]
    assert met.turns[0].calls[3].args["media"] == "@3"
    assert met.state["clips"] and met.state["media"] and not met.state["alerts"]


def test_a_conversation_keeps_its_names_and_expects_the_question_back() -> None:
    case = next(c for c in build(families()) if c.family == "x-3")
    assert (case.turns[0].status, case.turns[0].missing, case.turns[0].calls) == ("needs_input", ("person",), ())
    assert case.turns[1].text == case.turns[1].calls[0].args["person"]


def test_fillings_can_be_read_at_their_present() -> None:
    text = "{camera} {camera2} {camera3} {camera2_short} {pair} {plural} {group} {nocamera} {person} {plate} {n}"
    text += "{time} {time2} {time_np} {time_at} {future}"
    family = family_of(row(text=text, paraphrase=text))
    for i, key in enumerate(site_keys()):
        site, rng = make_site(key, (10, 50, 200)[i % 3]), random.Random(i)
        now = present(rng, site.tz)
        said = fill(family, site, now, rng, paraphrase=False).said
        for slot in ("time", "time2", "time_np", "time_at", "future"):
            resolve_time(said[slot], now, site.tz)
        first, second = site.named(said["camera"])[0], site.named(said["camera2"])[0]
        assert first != second and second.name in site.siblings(first.name)
        assert len(site.named(said["pair"])) == 2 and len(site.named(said["plural"])) >= 2
        with pytest.raises(Exception, match="no camera"):
            site.named(said["nocamera"])
    assert bare_time("In the Last hour") == "Last hour"


def test_a_missing_pack_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(FailedFault, match=r"viot_agent\.bench\.build"):
        load_pack(tmp_path / "none.json.gz")


def test_packing_keeps_everything(tmp_path: Path) -> None:
    cases = build(families())
    file = tmp_path / "p.json.gz"
    file.write_bytes(pack(cases, "cards"))
    read = load_pack(file)
    assert pack(read, "cards") == file.read_bytes()
    assert [plainly(c) for c in read] == [plainly(c) for c in cases]


def plainly(case: Case) -> Case:
    turns = tuple(replace(t, calls=tuple(replace(c, args=dict(c.args)) for c in t.calls)) for t in case.turns)
    return replace(case, turns=turns, state=json.loads(json.dumps(case.state)))


def test_the_packed_benchmark_is_what_the_families_give() -> None:
    built = pack(build(read_families(SOURCE / "families.jsonl")), cards_hash())
    assert built == PACK.read_bytes(), "run: python -m viot_agent.bench.build"
    assert len(built) < 3e6


def test_levels_and_slices_are_all_there() -> None:
    cases = load_pack()
    assert {c.level for c in cases} == {"L0", "L1", "L2", "L3", "L4"}
    parts = Counter(c.part for c in cases)
    assert parts["main"] == RENDERINGS * len({c.family for c in cases})
    assert min(parts[p] for p in ("scrambled", "errors", "injection")) >= 40
    used = {t for c in cases for t in c.tools}
    assert len(used) == 18


def test_faults_and_signs_change_what_is_expected() -> None:
    [family] = [f for f in families() if f.id == "x-2"]
    whole = render(0, family, 0)
    down = render(0, family, 0, down=("pose_estimation",))
    assert [c.tool for c in down.turns[0].calls] == ["pose_estimation"]
    assert (whole.turns[0].status, down.turns[0].status) == ("answered", "incomplete")
    flaky = render(0, family, 0, flaky=("pose_estimation",))
    assert flaky.turns[0].flaky == 0 and len(flaky.turns[0].calls) == len(whole.turns[0].calls)
