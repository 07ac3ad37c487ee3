"""The grammar of mini: whatever the scores, a finished step is well formed, valid and copied to the letter."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from viot_agent.errors import FailedFault
from viot_agent.fleet.types import Mention
from viot_agent.llm.mini.grammar import Grammar
from viot_agent.llm.mini.menu import SYM, Call, Menu, Step
from viot_agent.llm.mini.planner import unknown_names
from viot_agent.llm.mini.units import (
    Passage,
    find_span,
    make_units,
    read,
    scene_end,
    threshold,
    trim_time,
)
from viot_agent.llm.mini.words import to_react
from viot_agent.react import Act, parse, render
from viot_agent.steps import Observation
from viot_agent.toolbox import Toolbox, ToolSpec
from viot_agent.toolbox.contract import ArgSpec


def _never(*_: Any, **__: Any) -> Observation:
    raise FailedFault("a stub is never called")


def spec(name: str, *args: tuple[str, str, bool] | tuple[str, str, bool, tuple[str, ...]]) -> ToolSpec:
    rows = [ArgSpec(a[0], a[1], a[2], f"the {a[0]}", a[3] if len(a) > 3 else ()) for a in args]  # type: ignore[arg-type]
    return ToolSpec(name, f"Does {name.replace('_', ' ')} things.", "anything else.", tuple(rows), _never)


# every kind of argument there is, so that tools of later issues are covered too
BOX = Toolbox(
    [
        spec("face_recognition", ("person", "person", False), ("cameras", "cameras", False), ("time", "time", False)),
        spec("plate_recognition", ("plate", "plate", False), ("cameras", "cameras", False), ("time", "time", False)),
        spec("list_cameras"),
        spec("export_clip", ("cameras", "cameras", True), ("time", "time", True)),
        spec("privacy_cloak", ("media", "media", True), ("method", "choice", False, ("opom", "ga"))),
        spec("action_recognition", ("poses", "handle", True)),
        spec("video_qa", ("question", "text", True), ("cameras", "cameras", False)),
        spec("vehicle_reid", ("vehicle", "vehicle", True)),
        spec("anomaly_detection", ("scene", "scene", True), ("cameras", "cameras", False)),
        spec("create_alert", ("event", "event", True, ("face:", "plate:", "fire", "crowd>")), ("time", "time", False)),
    ]
)
MENU = Menu.of(list(BOX))
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            [
                "gate 2",
                "Is",
                "Zoë",
                "皖AT6M00",
                "李小龙",
                "on",
                "at",
                "between 8 and 9",
                "'s",
                "?!",
                "प्रिया",
                "e\u0301",
                "KX-4821",
            ]
        ),
        max_size=12,
    ).map(" ".join),
)


def write(grammar: Grammar, rng: random.Random) -> Step:
    """A step under random scores."""
    for _ in range(2000):
        if grammar.step is not None:
            return grammar.step
        options = grammar.allowed()
        assert options, "the grammar leaves nothing to write"
        grammar.push(rng.choice(options))
    raise AssertionError("the grammar does not end")


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, list[Mention], list[str]]:
    text = draw(TEXTS)
    mentions = []
    for _ in range(draw(st.integers(0, 5))):
        if not text:
            break
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, min(len(text), start + 12)))
        kind = draw(st.sampled_from(["camera", "group", "person", "time", "plate", "upload"]))
        mentions.append(Mention(kind, start, end, text[start:end], "x", draw(st.sampled_from([100.0, 81.0]))))
    return text, mentions, draw(st.lists(st.sampled_from(["image-1", "video-1", "clip-1"]), max_size=2))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(requests(), st.integers(0, 10**6), st.booleans())
def test_any_scores_give_a_valid_step(
    request_: tuple[str, list[Mention], list[str]], seed: int, after_a_call: bool
) -> None:
    text, mentions, handles = request_
    history = [Call("face_recognition", {"person": "Zoë", "cameras": ["nowhere"]}, "found")] if after_a_call else []
    seen = [Passage("car park on gate 2, 7 people, poses-3", tool="scene_recognition")] if after_a_call else []
    reading = read(text, mentions, handles, earlier=[Passage("before: Zoë?")], seen=seen)
    step = write(Grammar(reading, MENU, history), random.Random(seed))
    written = render(to_react(step, ["Seen."], [t.description for t in BOX]))
    parsed = parse(written)
    assert render(parsed) == written
    if step.kind != "act":
        return
    assert isinstance(parsed, Act)
    assert parsed.tool == step.tool == step.plan[0]
    assert dict(parsed.args) == step.args
    if all(v.strip() for v in _strings(step.args)):
        BOX.check_args(step.tool, step.args)
    for value in _strings(step.args):
        named = (
            value in handles
            or value in ("opom", "ga", "fire", "x", "poses-3")
            or value.startswith(("crowd>", "face:", "plate:"))
        )
        assert named or value in reading.text, "copies are made to the letter"


def _strings(args: dict[str, Any]) -> list[str]:
    return [v for value in args.values() for v in (value if isinstance(value, list) else [value])]


@settings(max_examples=300, deadline=None)
@given(requests())
def test_units_are_ordered_spans_that_cover_all_but_spaces(request_: tuple[str, list[Mention], list[str]]) -> None:
    text, mentions, handles = request_
    real = [u for u in make_units(text, mentions, handles) if not u.virtual]
    at = 0
    for unit in real:
        assert at <= unit.start < unit.end
        # a half-said or misspelt name stands for the name it means
        assert unit.value in (text[unit.start : unit.end], "x")
        assert not text[at : unit.start].strip()
        at = unit.end
    assert not text[at:].strip()


@pytest.mark.parametrize(
    ("phrase", "trimmed"),
    [
        ("on Friday", "Friday"),
        ("in the last 30 minutes", "last 30 minutes"),
        ("since midnight", "since midnight"),
        ("between 8 and 9", "between 8 and 9"),
        ("At 14:05", "14:05"),
        ("on", "on"),
        ("throughout the night", "night"),
        ("the whole of yesterday evening", "yesterday evening"),
        ("whole day", "whole day"),
        ("all this week", "this week"),
        ("all since Tuesday", "since Tuesday"),
        ("all day", "all day"),
        ("about Sunday", "Sunday"),
        ("about 5 pm", "about 5 pm"),
        ("about midday", "about midday"),
        ("after, this morning", "this morning"),
        ("after this morning", "after this morning"),
    ],
)
def test_trim_time(phrase: str, trimmed: str) -> None:
    assert trim_time(phrase) == trimmed


@pytest.mark.parametrize(
    ("value", "span"),
    [("gate 2", (0, 0)), ("Lin-Manuel Miranda", (2, 5)), ("nobody", None), ("image-1", (8, 8)), ("Friday", (7, 7))],
)
def test_find_span(value: str, span: tuple[int, int] | None) -> None:
    text = "gate 2: Lin-Manuel Miranda ? on Friday"
    mentions = [
        Mention("camera", 0, 6, "gate 2", "gate 2", 100.0),
        Mention("time", 29, 38, "on Friday", "on Friday", 100.0),
    ]
    assert find_span(text, make_units(text, mentions, ["image-1"]), value) == span


def test_a_finished_or_wrong_push_is_refused() -> None:
    grammar = Grammar(read("hello"), MENU)
    with pytest.raises(ValueError, match="may not come now"):
        grammar.push(("start", 0))


@pytest.mark.parametrize("status", ["retry", "refused"])
def test_after_a_retry_only_the_end_may_come(status: str) -> None:
    history = [Call("crowd_counting", {"cameras": ["gate 9"]}, status)]
    grammar = Grammar(read("how many at gate 9"), MENU, history)
    assert len(grammar.allowed()) == 1
    grammar.push(grammar.allowed()[0])
    assert grammar.step == Step("finish", "done")


@pytest.mark.parametrize(
    ("text", "kind", "copies"),
    [
        ("When did he come", "time", set()),
        (
            "around elevenish maybe",
            "time",
            {"around elevenish", "around elevenish maybe", "elevenish", "elevenish maybe"},
        ),
        ("the red van", "plate", set()),
        ("van ab12 here", "plate", {"van ab12", "van ab12 here", "ab12", "ab12 here"}),
        ("the roof", "person", {"the", "the roof", "roof"}),
    ],
)
def test_plain_words_that_may_be_copied(text: str, kind: str, copies: set[str]) -> None:
    tool = spec("a_tool", ("x", kind, True))
    found = set()
    rng = random.Random(0)
    for _ in range(200):
        step = write(Grammar(read(text), Menu.of([tool])), rng)
        if step.kind == "act":
            found.add(_strings(step.args)[0])
    assert found == copies


def test_no_call_without_what_it_requires() -> None:
    only = Menu.of([BOX.get("privacy_cloak"), BOX.get("action_recognition")])
    rng = random.Random(0)
    for _ in range(50):
        assert write(Grammar(read("cloak this"), only), rng).kind != "act"
    kinds = {write(Grammar(read("cloak this", (), ["image-1"]), only), rng).kind for _ in range(50)}
    assert "act" in kinds


def test_a_scene_is_what_was_observed_and_a_handle_one_that_was_made() -> None:
    tools = Menu.of([BOX.get("anomaly_detection"), BOX.get("action_recognition")])
    asked = "anything odd in the kitchen?"
    before = [write(Grammar(read(asked), tools), random.Random(k)).kind for k in range(30)]
    assert "act" not in before, "neither can be called before something was observed"
    seen = [Passage("car park; poses-12: 3 people", tool="scene_recognition")]
    steps = [write(Grammar(read(asked, seen=seen), tools), random.Random(k)) for k in range(200)]
    scenes = {s.args["scene"] for s in steps if s.tool == "anomaly_detection"}
    assert "car park" in scenes and not any("kitchen" in s for s in scenes)
    assert {s.args["poses"] for s in steps if s.tool == "action_recognition"} == {"poses-12"}


@pytest.mark.parametrize(
    ("told", "scenes"),
    [
        (("info", "failed"), {"car park"}),
        (("failed", "info"), {"office kitchen"}),
        (("failed", "failed"), set()),
        (("retry", "info"), {"office kitchen"}),
    ],
)
def test_no_scene_is_read_from_a_step_that_failed(told: tuple[str, str], scenes: set[str]) -> None:
    tools = Menu.of([BOX.get("anomaly_detection")])
    earlier = [Passage("is the yard empty?")]
    seen = [Passage("car park", tool="scene_recognition"), Passage("office kitchen", tool="scene_recognition")]
    past = [Call("scene_recognition", {}, status) for status in told]
    reading = read("anything odd in the kitchen?", earlier=earlier, seen=seen)
    steps = [write(Grammar(reading, tools, past), random.Random(k)) for k in range(120)]
    found = {s.args["scene"] for s in steps if s.tool == "anomaly_detection"}
    assert found & {"car park", "office kitchen"} == scenes
    assert bool(found) is bool(scenes)


def test_of_two_scenes_the_one_not_gone_on_with_is_read() -> None:
    tools = Menu.of([BOX.get("anomaly_detection")])
    seen = [
        Passage("car park", tool="scene_recognition"),
        Passage("nothing", tool="anomaly_detection"),
        Passage("office kitchen", tool="scene_recognition"),
    ]
    past = [
        Call("scene_recognition", {"time": "today"}, "info"),
        Call("anomaly_detection", {"scene": "car park", "time": "today"}, "none"),
        Call("scene_recognition", {"time": "yesterday"}, "info"),
    ]
    reading = read("anything odd?", seen=seen)

    def scenes(past: list[Call]) -> set[str]:
        return {write(Grammar(reading, tools, past), random.Random(k)).args.get("scene", "") for k in range(120)}

    assert "car park" not in scenes(past)
    assert "office kitchen" in scenes(past)
    assert "car park" in scenes([past[0], replace(past[1], args={"scene": "car park"}), past[2]]), "of another hour"


@pytest.mark.parametrize(
    ("text", "named", "scenes"),
    [
        ("Yard: Square 2 and Dock. North Car Park: car park.", ("yard", "north car park"), {"Yard", "North Car Park"}),
        ("On Lobby: hotel lobby.", ("hotel lobby",), {"hotel lobby"}),
        ("The loading dock, 0.91", ("loading dock",), {"loading dock"}),
    ],
)
def test_of_an_observation_whose_data_names_scenes_no_other_words_are_one(
    text: str, named: tuple[str, ...], scenes: set[str]
) -> None:
    cameras = [
        Mention("camera", text.index(n), text.index(n) + len(n), n, n, 100.0) for n in ("Dock", "Lobby") if n in text
    ]
    seen = [Passage(text, tuple(cameras), tool="scene_recognition", scenes=named)]
    reading = read("anything odd there?", seen=seen)
    past = [Call("scene_recognition", {}, "info")]
    menu = Menu.of([BOX.get("anomaly_detection")])
    steps = [write(Grammar(reading, menu, past), random.Random(k)) for k in range(150)]
    assert {s.args["scene"] for s in steps if s.tool == "anomaly_detection"} == scenes
    other = read("anything odd there?", seen=[replace(seen[0], scenes=("abattoir",))])
    assert any(write(Grammar(other, menu, past), random.Random(k)).tool for k in range(60)), "its words are read"


def test_an_alert_names_what_the_request_names() -> None:
    text = "tell me when Zoë or more than twenty people are there"
    mentions = [Mention("person", 13, 16, "Zoë", "Zoë", 100.0)]
    menu = Menu.of([BOX.get("create_alert")])
    steps = [write(Grammar(read(text, mentions), menu), random.Random(k)) for k in range(300)]
    events = {s.args["event"] for s in steps if s.kind == "act"}
    assert events == {"face:Zoë", "fire", "crowd>20"}, "no plate was said"


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("if more than 15 people are there", 15),
        ("at least ten", 10),
        ("gate has 3 doors, call me above 40", 40),
        ("20 or more", 20),
        ("two vans and 3 cars", None),
        ("nothing to compare", None),
    ],
)
def test_the_number_that_is_compared_with(text: str, limit: int | None) -> None:
    assert threshold(make_units(text)) == limit


def test_observed_counts_are_compared_and_clocks_are_not() -> None:
    seen = [Passage("gate 2: 17 people at 14:02, 9 before, 97 % covered", tool="crowd_counting")]
    mentions = [Mention("camera", 3, 9, "gate 2", "gate 2", 100.0)]
    units = read("if gate 2 has more than 15 people", mentions, seen=seen).units
    marks = {u.value: u.kinds for u in units if "seen" in u.kinds and u.shape == "digit"}
    assert "more" in marks["17"] and "less" in marks["9"]
    assert marks["14"] == marks["97"] == ("seen",)
    assert any(u.value == "gate 2" and "camera" in u.kinds and "seen" in u.kinds for u in units)


def test_an_open_condition_is_thought_of() -> None:
    step = Step("act", plan=("list_cameras", "export_clip"), open=(1,), tool="list_cameras")
    assert to_react(step, (), ()).thought == "A tool is needed: list_cameras, then if its condition holds export_clip."


@pytest.mark.parametrize(
    ("text", "mentions", "first", "last", "missing", "words"),
    [
        ("who was in the rooftop bar", (), 4, 5, ("cameras",), ("rooftop bar",)),
        ("who was at gate 9", (Mention("camera", 11, 17, "gate 9", "", 0.0),), 3, None, ("cameras",), ()),
        ("who was at gate 2", (Mention("camera", 11, 17, "gate 2", "gate 2", 100.0),), 3, None, (), ()),
    ],
)
def test_names_that_nothing_carries(
    text: str, mentions: tuple[Mention, ...], first: int, last: int | None, missing: Any, words: Any
) -> None:
    grammar = Grammar(read(text, mentions), MENU)
    tool = MENU.index("face_recognition")
    assert tool is not None
    person, cameras, time = MENU.slots_of(tool)
    row: list[Any] = [("sym", SYM["NEED"]), ("cand", tool), ("sym", SYM["PLAN_END"]), ("cand", tool)]
    row += [("slot", person), ("sym", SYM["SKIP"]), ("slot", cameras), ("start", first)]
    row += [("end", last)] if last is not None else []
    row += [("sym", SYM["ARG_END"]), ("slot", time), ("sym", SYM["SKIP"]), ("sym", SYM["END"])]
    for element in row:
        grammar.push(element)
    assert unknown_names(grammar) == (missing, words)


@pytest.mark.parametrize(
    ("about", "upload", "fits"),
    [
        ("an attached video of a walking person, or an enrolled name", "video-1", True),
        ("an attached video of a walking person, or an enrolled name", "image-1", False),
        ("an enrolled name or an attached picture", "image-1", True),
        ("an enrolled name or an attached picture", "video-1", False),
        ("an attached picture or video", "video-1", True),
        ("an attached picture or video", "image-1", True),
        ("the person", "image-1", True),
    ],
)
def test_the_card_says_which_upload_a_person_is_shown_in(about: str, upload: str, fits: bool) -> None:
    tool = ToolSpec("find", "Find somebody.", "", (ArgSpec("person", "person", True, about),), _never)
    grammar = Grammar(read("find them", (), [upload]), Menu.of([tool]))
    assert (("sym", SYM["NEED"]) in grammar.allowed()) == fits


@pytest.mark.parametrize(
    ("seen", "scene"),
    [
        ("Folly shows a park now.", "park"),
        ("Annex 1 shows a parking lot tonight.", "parking lot"),
        ("It shows an alley this morning.", "alley"),
        ("it looks like a train station platform in the last hour", "train station platform"),
    ],
)
def test_a_scene_ends_where_a_time_begins(seen: str, scene: str) -> None:
    units = make_units(seen)
    first = next(i for i, u in enumerate(units) if u.value == scene.split()[0])
    last = scene_end(units, first)
    assert last is not None
    assert seen[units[first].start : units[last].end] == scene
