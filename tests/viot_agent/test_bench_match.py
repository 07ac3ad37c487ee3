"""Typed matching and pairing: a table of each convention, and what must hold for any arguments."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viot_agent.bench.cards import cards
from viot_agent.bench.match import Expected, Ground, camera_set, differences, overlap, time_text, word_f1
from viot_agent.bench.pairing import Made, f1, made_edges, pair, wanted_edges
from viot_agent.fleet.types import Camera, Person

NAMES = ("pier 1", "pier 2", "pier 3", "Chapel", "kiln hall")
CAMERAS = tuple(
    Camera(
        i, n, "x", ("waterfront",) if n.startswith("pier") else (), "Europe/Lisbon" if i < 4 else "Asia/Tashkent", None
    )
    for i, n in enumerate(NAMES)
)
PEOPLE = (Person(1, "Bisi Oyelaran", "x", 1), Person(2, "Ngaio Tuhoe", "x", 1))
NOW = 1781000000.0
TEXT = Ground(CAMERAS, PEOPLE)
WORLD = Ground(CAMERAS, PEOPLE, NOW, NOW - 14 * 86400)


def wrong(tool: str, wanted: dict[str, Any], got: dict[str, Any], ground: Ground = TEXT, **more: Any) -> list[str]:
    return differences(Expected(tool, wanted, **more), got, ground, {"@1": frozenset({"clip-2", "harbour"})})


@pytest.mark.parametrize(
    ("tool", "wanted", "got", "bad"),
    [
        ("crowd_counting", {"cameras": ["pier 1"]}, {"cameras": ["PIER-01"]}, []),
        ("crowd_counting", {"cameras": ["pier 1", "Chapel"]}, {"cameras": ["the chapel", "Pier 1"]}, []),
        ("crowd_counting", {"cameras": ["piers"]}, {"cameras": ["pier 3", "pier 1", "pier 2"]}, []),
        ("crowd_counting", {"cameras": ["waterfront"]}, {"cameras": ["all the piers"]}, []),
        ("crowd_counting", {"cameras": ["piers 1 and 3"]}, {"cameras": ["pier 1", "pier 3"]}, []),
        ("crowd_counting", {"cameras": ["piers"]}, {"cameras": ["pier 1", "pier 2"]}, ["cameras"]),
        ("crowd_counting", {}, {"cameras": list(NAMES)}, []),
        ("crowd_counting", {"cameras": ["all cameras"]}, {}, []),
        ("crowd_counting", {"cameras": ["pier 1"]}, {}, ["cameras"]),
        ("crowd_counting", {"cameras": ["pier 9"]}, {"cameras": ["pier 9"]}, []),
        ("crowd_counting", {"time": "yesterday afternoon"}, {"time": "in the Yesterday  afternoon"}, []),
        ("crowd_counting", {"time": "last night"}, {"time": "over the last night."}, []),
        ("crowd_counting", {"time": "since noon"}, {"time": "noon"}, ["time"]),
        ("crowd_counting", {"time": "now"}, {}, ["time"]),
        ("crowd_counting", {}, {"time": "now"}, ["time"]),
        ("face_recognition", {"person": "Bisi Oyelaran"}, {"person": "bisi"}, []),
        ("face_recognition", {"person": "Bisi Oyelaran"}, {"person": "Ngaio Tuhoe"}, ["person"]),
        ("face_recognition", {"person": "image-1"}, {"person": "Image-1"}, []),
        ("face_recognition", {"person": "image-1"}, {"person": "image-2"}, ["person"]),
        ("face_recognition", {"person": "Nobody Known"}, {"person": "nobody known"}, []),
        ("plate_recognition", {"plate": "LR19 KXB"}, {"plate": "lr-19kxb"}, []),
        ("plate_recognition", {"plate": "LR19 KXB"}, {"plate": "LR19 KXD"}, ["plate"]),
        ("vehicle_reid", {"vehicle": "image-1"}, {"vehicle": "image-1"}, []),
        ("video_qa", {"question": "what colour is the umbrella"}, {"question": "colour of the umbrella?"}, []),
        ("video_qa", {"question": "what colour is the umbrella"}, {"question": "who came first"}, ["question"]),
        ("privacy_cloak", {"media": "image-1", "method": "opom"}, {"media": "image-1", "method": "OPOM"}, []),
        ("privacy_cloak", {"media": "image-1"}, {"media": "image-1", "method": "opom"}, ["method"]),
        ("privacy_cloak", {"media": "image-1", "method": "opom"}, {"media": "image-1"}, ["method"]),
        ("face_redaction", {"media": "@1", "keep": "Bisi Oyelaran"}, {"media": "clip-2", "keep": "Oyelaran"}, []),
        ("face_redaction", {"media": "@1"}, {"media": "clip-1"}, ["media"]),
        ("anomaly_detection", {"scene": "@1"}, {"scene": "Harbour"}, []),
        ("anomaly_detection", {"scene": "car park"}, {"scene": "a Car Park"}, []),
        ("create_alert", {"event": "crowd>25"}, {"event": "crowd > 25"}, []),
        ("create_alert", {"event": "crowd>25"}, {"event": "crowd>26"}, ["event"]),
        ("create_alert", {"event": "face:Bisi Oyelaran"}, {"event": "face:Bisi"}, []),
        ("create_alert", {"event": "plate:AB-123"}, {"event": "plate:ab 123"}, []),
        ("create_alert", {"event": "person"}, {"event": "fire"}, ["event"]),
        ("list_cameras", {}, {"cameras": ["pier 1"]}, ["cameras"]),
    ],
)  # fmt: skip
def test_conventions(tool: str, wanted: dict[str, Any], got: dict[str, Any], bad: list[str]) -> None:
    assert wrong(tool, wanted, got) == bad


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("between 14:05 and 15:00", "14:05 to 15:00", True),
        ("at noon", "midday", True),
        ("yesterday", "yesterday afternoon", False),
        ("14:05", "around 14:05", False),
        ("since midnight", "today so far", True),
        ("last 30 minutes", "past half hour", True),
        ("any time", None, True),
        ("until the cows come home", "until the cows come home", True),
        ("until the cows come home", "yesterday", False),
    ],
)
def test_world_times_are_intervals(a: str | None, b: str | None, same: bool) -> None:
    args = [{} if t is None else {"time": t} for t in (a, b)]
    assert (wrong("crowd_counting", args[0], args[1], WORLD) == []) is same


def test_what_may_be_left_out() -> None:
    wanted = {"cameras": ["pier 1"], "time": "now"}
    loose = frozenset({"cameras", "time"})
    assert wrong("scene_recognition", wanted, {}, loose=loose) == []
    assert wrong("scene_recognition", wanted, {"cameras": ["pier 2"]}, loose=loose) == ["cameras"]
    assert wrong("scene_recognition", wanted, {}) == ["cameras", "time"]


WORDS = st.text(st.characters(categories=("L", "N"), include_characters=" -'?"), min_size=1, max_size=30)
ARGS = {
    "cameras": st.lists(st.sampled_from([*NAMES, "piers", "waterfront", "nowhere 4"]), min_size=1, max_size=4),
    "time": st.sampled_from(["yesterday", "since noon", "now", "between 8 and 9 this morning", "half past something"]),
    "person": st.sampled_from(["Bisi Oyelaran", "Ngaio", "image-1", "A Stranger"]),
    "plate": st.from_regex(r"[A-Z]{2}[0-9]{2} [A-Z]{3}", fullmatch=True),
    "vehicle": st.sampled_from(["image-1", "image-2"]),
    "media": st.sampled_from(["image-1", "video-1", "clip-1"]),
    "handle": st.just("poses-1"),
    "scene": st.sampled_from(["harbour", "car park"]),
    "text": WORDS.filter(lambda t: any(c.isalnum() for c in t)),
    "event": st.sampled_from(["fire", "person", "anomaly", "crowd>3", "face:Bisi Oyelaran", "plate:AB 12"]),
}


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    tool = draw(st.sampled_from(list(cards())))
    args: dict[str, Any] = {}
    for spec in cards()[tool].args:
        if spec.required or draw(st.booleans()):
            args[spec.name] = draw(st.sampled_from(spec.choices)) if spec.kind == "choice" else draw(ARGS[spec.kind])
    return tool, args


@settings(max_examples=60, deadline=None)
@given(calls(), st.sampled_from([TEXT, WORLD]))
def test_every_call_matches_itself(call: tuple[str, dict[str, Any]], ground: Ground) -> None:
    tool, args = call
    assert differences(Expected(tool, args), args, ground, {}) == []


@settings(max_examples=60, deadline=None)
@given(calls(), st.data())
def test_a_missing_or_added_argument_is_wrong(call: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
    tool, args = call
    if not args:
        return
    name = data.draw(st.sampled_from(sorted(args)))
    less = {k: v for k, v in args.items() if k != name}
    everything = name == "cameras" and camera_set(args[name], TEXT) is None
    assert (name in differences(Expected(tool, args), less, TEXT, {})) is not everything
    assert (name in differences(Expected(tool, less), args, TEXT, {})) is not everything


@settings(max_examples=60, deadline=None)
@given(st.permutations(NAMES), st.lists(st.sampled_from(NAMES), max_size=3))
def test_order_and_doubles_of_cameras_do_not_matter(order: list[str], more: list[str]) -> None:
    assert camera_set(order[:3] + [m for m in more if m in order[:3]], TEXT) == camera_set(sorted(order[:3]), TEXT)


@settings(max_examples=60, deadline=None)
@given(
    st.from_regex(r"[A-Z]{1,3}[0-9]{2,4}[A-Z]{0,2}", fullmatch=True),
    st.lists(st.integers(0, 8), max_size=3),
    st.booleans(),
)
def test_plates_are_compared_without_separators(plate: str, at: list[int], lower: bool) -> None:
    other = plate.lower() if lower else plate
    for i in at:
        other = other[: i % len(other)] + (" " if i % 2 else "-") + other[i % len(other) :]
    assert wrong("plate_recognition", {"plate": plate}, {"plate": other}) == []


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["yesterday", "last hour", "since noon", "14:05"]),
    st.lists(st.sampled_from(["in", "the", "At", "during", "a"]), max_size=3),
)
def test_leading_words_of_times_do_not_matter(phrase: str, lead: list[str]) -> None:
    assert time_text(" ".join([*lead, phrase.upper()]) + ".") == phrase


@settings(max_examples=60, deadline=None)
@given(WORDS, WORDS)
def test_word_f1_is_a_symmetric_share(a: str, b: str) -> None:
    assert 0.0 <= word_f1(a, b) <= 1.0
    assert word_f1(a, b) == pytest.approx(word_f1(b, a))
    assert word_f1(a, a) in (0.0, 1.0)


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 100), st.floats(0, 100))
def test_overlap_is_a_symmetric_share(a: float, b: float, c: float, d: float) -> None:
    left, right = (min(a, b), max(a, b)), (min(c, d), max(c, d))
    assert 0.0 <= overlap(left, right) <= 1.0
    assert overlap(left, right) == pytest.approx(overlap(right, left))
    assert overlap(left, left) == 1.0


# pairing -------------------------------------------------------------------------------------------------------------

SCENE = Expected("scene_recognition", {"cameras": ["Chapel"]}, loose=frozenset({"cameras", "time"}))
ODD = Expected("anomaly_detection", {"scene": "@1", "cameras": ["Chapel"]}, (0,))
COUNT = Expected("crowd_counting", {"cameras": ["pier 1"]})


def made(tool: str, *gave: str, **args: Any) -> Made:
    return Made(tool, args, frozenset(gave))


def test_independent_calls_pair_in_any_order_and_chains_in_theirs() -> None:
    scene = made("scene_recognition", "chapel")
    odd = made("anomaly_detection", scene="Chapel", cameras=["chapel"])
    count = made("crowd_counting", cameras=["pier 1"])
    for order in itertools.permutations([scene, odd, count]):
        chained = order.index(scene) < order.index(odd)
        found = pair([SCENE, ODD, COUNT], order, TEXT)
        assert found.perfect is chained
        assert found.tools_right is chained
        assert (found.args_share == 1.0) is chained


def test_what_is_wrong_is_named_by_argument() -> None:
    found = pair([COUNT], [made("crowd_counting", cameras=["pier 2"], time="now")], TEXT)
    assert (found.perfect, found.tools_right, found.args_share) == (False, True, 0.0)
    assert found.wrong == {0: ("cameras", "time")}


def test_an_extra_or_missing_call_spoils_the_pairing() -> None:
    count = made("crowd_counting", cameras=["pier 1"])
    assert pair([], [], TEXT).perfect
    assert not pair([COUNT], [], TEXT).perfect
    assert not pair([], [count], TEXT).perfect
    assert pair([COUNT], [count, made("list_cameras")], TEXT).args_share == 0.5


def test_edges_follow_what_was_passed_on() -> None:
    clip = Expected("export_clip", {"cameras": ["pier 1"], "time": "now"})
    blur = Expected("face_redaction", {"media": "@1"}, (0,))
    right = [made("export_clip", "clip-1", cameras=["pier 1"], time="now"), made("face_redaction", media="clip-1")]
    other = [right[0], made("face_redaction", media="image-1")]
    for calls_, share in ((right, 1.0), (other, 1.0), (right[:1], 0.0)):
        found = pair([clip, blur], calls_, TEXT)
        assert f1(wanted_edges([clip, blur]), made_edges(found, [clip, blur], calls_)) == share
    stray = [*right, made("face_redaction", media="clip-1")]
    found = pair([clip, blur], stray, TEXT)
    assert f1(wanted_edges([clip, blur]), made_edges(found, [clip, blur], stray)) == pytest.approx(2 / 3)
