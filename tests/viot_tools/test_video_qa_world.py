"""VIoT-QA: the truth is one thing for a seed, every gold follows from it, and the answers are spread."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from viot_agent.errors import UserFault
from viot_agent.fleet.times import resolve_time
from viot_tools.bench.video_qa import all_floors
from viot_tools.bench.video_qa_questions import (
    FORMS,
    HOLES,
    UNTOLD_FORMS,
    Phrasing,
    Suite,
    load_phrasings,
    make_suite,
    time_words,
)
from viot_tools.bench.video_qa_words import Thing, article, describe, twisted
from viot_tools.bench.video_qa_world import APART, Actor, make_scene, still, view
from viot_tools.qa.program import VEHICLES
from viot_tools.qa.types import FACTOID

SLOTS = {
    "colour_claim": "{vehicle} {colour} {camera}",
    "compare": "{as} or {bs} {time}",
    "compare_cameras": "{things} {camera} {camera2}",
    "count_claim": "{n} {things} {camera}",
    "did_action": "{person} {action_ing}",
    "mc_colour": "{vehicle} {o1} {o2} {o3} {o4}",
    "mc_count": "{things} {o1} {o2} {o3} {o4}",
    "mc_order": "{o1} {o2} {o3} {camera}",
    "name_seen": "{name} {camera}",
    "waits": "{thing} {n} {camera}",
    "change": "{things} {time}",
    "hidden": "bag",
}
PLAIN = {
    **dict.fromkeys(("exists", "where", "when_first", "when_last", "duration", "still_there"), "a {thing} {camera}"),
    **dict.fromkeys(("approaches", "direction"), "a {thing} {camera}"),
    **dict.fromkeys(("count", "enters", "leaves", "at_once", "busiest"), "{things} {camera}"),
    **dict.fromkeys(("order", "left_first", "before", "during"), "{a} {b} {camera}"),
    **dict.fromkeys(("count_after", "count_before"), "{as} {b} {camera}"),
    **dict.fromkeys(("colour_upper", "colour_lower", "carried", "action", "exists_not"), "{person} {camera}"),
    **dict.fromkeys(("why", "thoughts"), "{person}"),
    **dict.fromkeys(("colour_vehicle", "second_vehicle_colour", "predict"), "{vehicle} {camera}"),
    **dict.fromkeys(("kind_first", "kind_last", "who_first", "last_person_upper"), "{camera}"),
    "next_after": "{b} {camera}",
}


def phrasings() -> list[Phrasing]:
    """Two bare sentences a form, one of them with a time where it has none."""
    found = []
    for form in (*FORMS, *UNTOLD_FORMS):
        text = SLOTS.get(form) or PLAIN[form]
        text = text.replace("{camera}", "") if form in ("busiest", "where") else text
        found.append(Phrasing(f"{form}-1", form, f"{form} {text}"))
        if "{time}" not in text:
            found.append(Phrasing(f"{form}-2", form, f"{form}: {text} {{time}}"))
    return found


@pytest.fixture(scope="module")
def suite() -> Suite:
    return make_suite(3, phrasings(), each=8, scenes=8)


def test_a_scene_hangs_on_its_seed_alone() -> None:
    assert make_scene(1, 2) == make_scene(1, 2)
    assert make_scene(1, 2).actors != make_scene(2, 2).actors


@pytest.mark.parametrize("number", range(6))
def test_scenes_keep_what_they_promise(number: int) -> None:
    scene = make_scene(0, number, holes=number == 5)
    assert 3 <= len(scene.cameras) <= 10
    assert 600 <= scene.end - scene.start <= 3 * 3600 < scene.now
    assert scene.now > scene.end
    assert (scene.empty in {c.name for c in scene.cameras}) == (number == 5)
    assert not [a for a in scene.actors if a.camera == scene.empty]
    for camera in scene.filmed:
        edges = [t for a in scene.actors if a.camera == camera for t in (a.start, a.end)]
        inner = sorted(t for t in edges if t not in (scene.start, scene.end))
        assert all(b - a >= APART for a, b in itertools.pairwise(inner))
        assert all(scene.start <= t <= scene.end for t in edges)
    names = [a.name for a in scene.actors if a.name]
    assert len(names) == len(set(names))


def test_every_form_gets_all_its_questions(suite: Suite) -> None:
    assert set(suite.missing) <= {"at_once"}  # four at one time are rare in few scenes
    forms = Counter(q.form for q in suite.questions)
    assert set(forms) == {*FORMS, *UNTOLD_FORMS, *HOLES}
    assert len({q.id for q in suite.questions}) == len(suite.questions)
    asked = Counter((q.scene, q.question, q.cameras, q.time) for q in suite.questions if q.answerable)
    assert max(asked.values()) == 1


def test_the_same_seed_gives_the_same_questions(suite: Suite) -> None:
    again = make_suite(3, phrasings(), each=8, scenes=8)
    assert again.questions == suite.questions


def test_answers_are_spread(suite: Suite) -> None:
    for form in FORMS:
        mine = [q for q in suite.questions if q.form == form]
        answers = Counter(str(q.answer) for q in mine)
        if set(answers) <= {"yes", "no", "left", "right", "person", "vehicle"}:
            assert answers.most_common()[0][1] * 2 == len(mine), form
        if mine[0].options:
            places = Counter(q.options.index(str(q.answer)) for q in mine)
            assert max(places.values()) - min(places.values()) <= 1, form


def test_guessers_stay_near_chance(suite: Suite) -> None:
    for types in (FACTOID, ("order", "before_after", "state_change")):
        mine = [q for q in suite.questions if q.answerable and q.type in types]
        found = all_floors(mine)
        assert max(found.values()) < 0.45, found


def test_supporting_stretches_lie_in_the_footage(suite: Suite) -> None:
    for q in suite.questions:
        scene = suite.scenes[q.scene]
        for camera, a, b in q.spans:
            assert camera in scene.filmed, q
            assert scene.start <= a <= b <= scene.end, q
        assert q.answerable or (q.spans == () and q.answer == "cannot tell")


def test_golds_are_what_one_finds_by_hand(suite: Suite) -> None:
    """The colour of a vehicle named by its kind, and how many of a kind, again from the question's words alone."""
    checked = Counter[str]()
    for q in suite.questions:
        scene = suite.scenes[q.scene]
        words = q.question.removeprefix(q.form).lstrip(":").split()
        if q.form not in ("colour_vehicle", "count", "kind_first") or q.time or " and " in q.question:
            continue
        noun = "" if q.form == "kind_first" else words.pop(0).removesuffix("s").replace("buse", "bus")
        named = " ".join(words)
        if noun not in ("", "vehicle", *VEHICLES) or named not in ("", *scene.filmed):
            continue
        cameras = [named] if named else list(q.cameras) or list(scene.filmed)
        there = [a for a in scene.actors if a.kind == "vehicle" and a.camera in cameras]
        meant = [a for a in there if noun in ("", "vehicle", a.label)]
        gold = {
            "colour_vehicle": lambda m=meant: [a.looks["colour"] for a in m],
            "count": lambda m=meant: [len(m)],
            "kind_first": lambda m=meant: [a.label for a in m[:1]],
        }[q.form]()
        assert [q.answer] == gold, q
        checked[q.form] += 1
    assert {"colour_vehicle", "kind_first"} <= set(checked)


@pytest.mark.parametrize("number", range(8))
def test_said_times_mean_the_stretch_they_were_made_of(number: int) -> None:
    import random

    scene = make_scene(0, number)
    rng = random.Random(number)
    for _ in range(20):
        a = scene.start + 300 * rng.randint(0, 1)
        b = a + 60 * rng.randint(1, 5)
        words = time_words(rng, scene, a, b)
        window = resolve_time(words, scene.now, scene.tz)
        assert (window.start, window.end) == (a, b), (words, ZoneInfo(scene.tz))


def test_one_picture_shows_who_is_there_and_nothing_of_time() -> None:
    scene = make_scene(0, 1)
    whole = view(scene)
    middle = (scene.start + scene.end) / 2
    seen = still(whole)
    assert {a.id for a in seen.actors} == {a.id for a in scene.actors if a.start <= middle <= a.end}
    assert all(a.start == a.end == middle and a.path == "" for a in seen.actors)


def test_descriptions_fit_what_they_describe() -> None:
    import random

    rng = random.Random(5)
    for number in range(4):
        for actor in make_scene(0, number).actors:
            thing = describe(rng, actor)
            assert thing.fits(actor) and thing.might(actor)
            if actor.kind != "fire":
                other = twisted(rng, actor)
                assert (other.looks, other.label) != (actor.looks, actor.label)


def test_a_backpack_may_be_called_a_bag() -> None:
    carrier = Actor(1, "person", "c", 0.0, 1.0, looks={"carrying": "backpack", "sex": "male"})
    bag = Thing("person", "man", after=("with a bag",), must=(("carrying", "bag", True),))
    assert not bag.fits(carrier)
    assert bag.might(carrier)
    assert not bag.might(replace(carrier, looks={"carrying": "nothing", "sex": "male"}))
    assert (bag.one, bag.many) == ("man with a bag", "men with a bag")


def test_filling_slots_minds_the_article() -> None:
    phrasing = Phrasing("x", "exists", "A {thing} or a {a}, {camera}?")
    assert phrasing.slots == {"thing", "a", "camera"}
    filled = phrasing.fill({"thing": "orange van", "a": "red bus", "camera": "gate 2"})
    assert filled == "An orange van or a red bus, gate 2?"
    assert article("yellow car") == "a yellow car"
    with pytest.raises(KeyError):
        phrasing.fill({"thing": "van"})


def test_bad_phrasings_are_said(tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    with pytest.raises(UserFault, match="cannot be read"):
        load_phrasings(file)
    file.write_text('{"id": "a", "form": "exists"}\n', "utf-8")
    with pytest.raises(UserFault, match="line 1"):
        load_phrasings(file)
    file.write_text(json.dumps({"id": "a", "form": "exists", "text": "x"}) + "\n", "utf-8")
    with pytest.raises(UserFault, match="no phrasing of action"):
        load_phrasings(file)
