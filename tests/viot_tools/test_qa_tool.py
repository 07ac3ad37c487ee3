"""``video_qa`` over a library in memory: rows to facts to sentences, what is read for which question, hostile input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from viot_agent.bench.cards import cards
from viot_agent.errors import NameFault, PolicyRefusal, RetryFault, TimeFault
from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera, Person
from viot_agent.library.fake import Crop, FakeLibrary, Looked
from viot_agent.library.rows import Attribute, Event, Footage, Track
from viot_agent.steps import Attachment, Evidence, Observation, Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_tools.qa.engine import Reasoned, Symbolic, chosen
from viot_tools.qa.facts import Doing, Facts, Found
from viot_tools.qa.program import Pick, Program, Relation, Unparsed
from viot_tools.qa.stored import Place, facts, needs
from viot_tools.qa.tool import ask, video_qa
from viot_tools.qa.types import Kind
from viot_tools.registry import TOOLS

T0 = 1_772_546_700.0  # 14:05:00 UTC on 3 March 2026
GATE = Camera(1, "gate 2", "gate.mp4", ("gates",), "UTC", T0)
DOCK = Camera(2, "dock b", "dock.mp4", (), "UTC", T0)
TRUTH = "truth"


def track(
    id: int, kind: str, start: float, end: float, label: str = "", *, chain: int | None = None, x: float = 100.0
) -> Track:
    n = int((end - start) / 0.5) + 1
    ts = T0 + np.linspace(start, end, n)
    left = x + np.linspace(0, 300, n)
    boxes = np.stack([left, np.full(n, 100.0), left + 60, np.full(n, 260.0)], 1).astype(np.float32)
    return Track(id, chain or id, "gate 2", kind, label, TRUTH, "1", ts, boxes, np.full(n, 0.9, np.float32))


def looks(id: int, name: str, value: str, score: float = 0.95) -> Attribute:
    return Attribute(id, id, "gate 2", T0 + 20, name, value, score, TRUTH, "1")


TRACKS = [
    track(1, "person", 10, 20),
    track(2, "person", 60, 90, x=900),
    track(3, "vehicle", 30, 50, "van", x=400),
    # one person over a border of segments, and one whose track broke
    track(4, "person", 200, 210, x=200),
    track(5, "person", 210.5, 220, chain=4, x=500),
]
LOOKS = [
    looks(1, "upper_colour", "red"),
    looks(2, "upper_colour", "blue"),
    looks(4, "upper_colour", "red", 0.92),
    looks(5, "upper_colour", "red", 0.96),
    looks(3, "colour", "white"),
]


def books(
    *, seconds: float = 600.0, looked: Sequence[str] = ("objects", "attributes", "fire"), **more: object
) -> FakeLibrary:
    return FakeLibrary(
        [GATE, DOCK],
        [Person(1, "Ana Silva", "form", 1)],
        footage=[Footage("gate 2", Path("gate.mp4"), 0.0, T0, T0 + 600, 1280, 720)],
        looked=[Looked(analyzer, TRUTH, "gate 2", T0, T0 + seconds) for analyzer in looked],
        tracks=TRACKS,
        attributes=LOOKS,
        crops=[Crop(id, T0 + 15, b"jpeg%d" % id) for id in range(1, 6)],
        **more,  # type: ignore[arg-type]
    )


def context(home: Path, library: FakeLibrary | None = None, **request: object) -> ToolContext:
    library = books() if library is None else library
    asked = Request("?", now=T0 + 3600, **request)  # type: ignore[arg-type]
    return ToolContext(asked, Fleet(library), library, Weights(home, tier="builtin"), home)


class Untouched:
    """Sources that no question of looks may ask."""

    def problem(self, place: Place) -> str:
        raise AssertionError(f"{place} was looked at")

    def doing(self, place: Place) -> Mapping[int, Sequence[Doing]]:
        raise AssertionError(f"{place} was looked at")

    def names(self, place: Place, people: Sequence[Track]) -> Mapping[int, str]:
        raise AssertionError(f"{place} was looked at")


class Known:
    """What people did and who they are, by track."""

    def __init__(
        self, done: Mapping[int, Sequence[Doing]] | None = None, named: Mapping[int, str] | None = None
    ) -> None:
        self._done, self._named = done or {}, named or {}

    def problem(self, place: Place) -> str:
        return ""

    def doing(self, place: Place) -> Mapping[int, Sequence[Doing]]:
        return self._done

    def names(self, place: Place, people: Sequence[Track]) -> Mapping[int, str]:
        return self._named


def say(ctx: ToolContext, question: str, *args: object, **more: object) -> Observation:
    return ask(ctx, question, *args, **more)  # type: ignore[arg-type]


def test_the_tool_is_registered_and_equal_to_its_card() -> None:
    card = cards()["video_qa"]
    assert video_qa in TOOLS
    assert (video_qa.description, video_qa.not_for, video_qa.args) == (card.description, card.not_for, card.args)
    assert video_qa.schema() == card.schema()


@pytest.mark.parametrize(
    ("question", "answer", "verdict", "words"),
    [
        (
            "What colour was the van at gate 2?",
            "white",
            "found",
            "The colour of the van is white: gate 2 from",
        ),
        (
            "how many people in a red top were seen on gate 2",
            "2",
            "found",
            "2 people in a red top were seen: gate 2 from 14:05:10",
        ),
        ("Was there a man in a red top at gate 2?", "", "cannot_tell", "Cannot tell"),
        (
            "Was there a person in a green top at gate 2?",
            "no",
            "none",
            "No: no person in a green top was seen on gate 2 in the 10 min",
        ),
        (
            "which came first on gate 2, the white van or the person in blue?",
            "white van",
            "found",
            "White van came first",
        ),
        ("Did anyone come after the van left, on gate 2?", "yes", "found", "Yes: 2 people were seen"),
        (
            "when was the van first seen at gate 2?",
            "2026-03-03T14:05:30.000Z",
            "found",
            "first seen at 14:05:30 on 3 March 2026",
        ),
        ("How long was the van at gate 2?", "20 s", "found", "The van was in view for 20 s"),
    ],
)
def test_answers(tmp_path: Path, question: str, answer: str, verdict: str, words: str) -> None:
    """Looks are answered without faces, poses or networks."""
    seen = say(context(tmp_path), question, actions=Untouched(), names=Untouched())
    assert (seen.data["answer"], seen.verdict) == (answer, verdict), seen.summary
    assert words in seen.summary
    assert "Question type: " in seen.summary and "answered by the symbolic engine" in seen.summary
    assert {id for claim in seen.claims for id in claim.evidence} == {e.id for e in seen.evidence}
    assert verdict == "cannot_tell" or bool(seen.evidence) == (verdict == "found")


def test_evidence_shows_the_tracks_that_were_found(tmp_path: Path) -> None:
    seen = say(context(tmp_path), "how many people in red were seen on gate 2")
    assert [e.track for e in seen.evidence] == ["1", "4"]
    first = seen.evidence[0]
    assert (first.crop_jpeg, first.at, first.tool, first.model) == (b"jpeg1", T0 + 15, "video_qa", TRUTH)
    assert first.start == T0 + 10 and first.end == T0 + 20 and first.xyxy is not None
    assert seen.data["number"] == 2 and seen.data["intervals"][1] == ["gate 2", T0 + 200, T0 + 220]
    assert seen.coverage is not None and seen.coverage.fraction == 1.0


def test_actions_and_names_come_from_their_sources(tmp_path: Path) -> None:
    done = {2: [Doing("running", T0 + 60, T0 + 90, 0.9)], 1: [Doing("walking", T0 + 10, T0 + 20, 0.9)]}
    ran = say(context(tmp_path), "was anyone running on gate 2", actions=Known(done))
    assert ran.data["answer"] == "yes" and [e.track for e in ran.evidence] == ["2"]
    named = Known(named={1: "Ana Silva", 2: "", 4: ""})
    seen = say(context(tmp_path), "was Ana Silva seen on gate 2?", names=named)
    assert seen.data["answer"] == "yes" and seen.evidence[0].who == "Ana Silva"
    strangers = say(context(tmp_path), "was Ana Silva seen on gate 2?", names=Known(named={1: "", 2: "", 4: ""}))
    assert strangers.data["answer"] == "no"
    hidden = say(context(tmp_path), "was Ana Silva seen on gate 2?", names=Known(named={1: ""}))
    assert hidden.data["answer"] == "" and "no face tells who it is" in hidden.summary


def test_a_tier_without_poses_says_how_to_get_them(tmp_path: Path) -> None:
    seen = say(context(tmp_path), "was anyone running on gate 2")
    assert seen.verdict == "cannot_tell" and "viot models pull" in seen.summary


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("", "the question is empty"),
        ("  ?!  ", "there is no question in it"),
        ("colour? " * 700, "1000 characters|read up to"),
        ("Welche Farbe hatte der Lieferwagen gestern Abend?", "English only"),
        ("What was the person at gate 2 thinking?", "Cannot tell"),
        ("Why did the person at gate 2 leave?", "VIOT_VIDEO_LLM"),
    ],
)
def test_hostile_and_unanswerable_questions_are_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, question: str, words: str
) -> None:
    import re

    monkeypatch.delenv("VIOT_VIDEO_LLM", raising=False)
    seen = say(context(tmp_path), question)
    assert seen.verdict == "cannot_tell" and seen.data["answer"] == "" and not seen.evidence
    assert seen.summary.startswith("Cannot tell: ") and re.search(words, seen.summary), seen.summary


def test_cameras_and_times_of_the_call_or_of_the_question(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    whole = say(ctx, "how many people in red were there?")
    assert whole.data["answer"] == "2" and "dock b is not indexed yet: viot index 'dock b'" in whole.summary
    none = say(ctx, "was there a person in a pink top?")
    assert none.verdict == "cannot_tell" and "dock b" in none.summary
    early = say(ctx, "how many people in red were on gate 2 between 14:05 and 14:06?")
    assert early.data["answer"] == "1"
    called = say(ctx, "how many people in red were there?", ["gate 2"], "between 14:05 and 14:06")
    assert called.data["answer"] == "1"
    both = say(ctx, "how many people in red were there before 14:06?", ["gate 2"], "on 3 March")
    assert both.data["answer"] == "1"
    with pytest.raises(RetryFault, match="give one time"):
        say(ctx, "how many people in red were there in the first 10 seconds?", ["gate 2"], "yesterday")
    gates = FakeLibrary([GATE, Camera(3, "gate 1", "g1.mp4", (), "UTC", T0)])
    choice = say(context(tmp_path, gates), "how many people were there on gate 2: 1, 4 or 3?", options=("1", "4", "3"))
    assert "gate 2 is not indexed" in choice.summary and "gate 1" not in choice.summary
    # the question names two cameras and the call one of them
    two = say(ctx, "were there more people on gate 2 or on dock b?", ["gate 2"])
    assert "dock b is not indexed yet" in two.summary
    future = say(ctx, "was there a person in red on gate 2 tomorrow?")
    assert future.verdict == "cannot_tell" and "footage" in future.summary
    empty = say(ctx, "was there a van on dock b?")
    assert empty.verdict == "cannot_tell" and "dock b is not indexed yet" in empty.summary
    with pytest.raises(NameFault, match="gate 9") as fault:
        say(ctx, "how many people were on gate 9?")
    assert fault.value.nearest[0] == "gate 2"
    with pytest.raises(NameFault):
        say(ctx, "how many people were there?", ["gate 9"])
    with pytest.raises(TimeFault):
        say(ctx, "how many people were there?", ["gate 2"], "at half past soon")
    scoped = context(tmp_path, camera_scope=frozenset({"dock b"}))
    with pytest.raises(PolicyRefusal):
        say(scoped, "how many people in red were on gate 2?")


def test_a_no_says_when_too_little_was_indexed(tmp_path: Path) -> None:
    ctx = context(tmp_path, books(seconds=300.0))
    no = say(ctx, "was there a person in a pink top on gate 2?")
    assert no.verdict == "cannot_tell" and "only 50 % of what gate 2 recorded is indexed" in no.summary
    assert say(ctx, "was there a person in a red top on gate 2?").data["answer"] == "yes"
    without = context(tmp_path, books(looked=("faces",)))
    seen = say(without, "was there a van on gate 2?")
    assert "gate 2 was not searched for vehicles: viot index 'gate 2'" in seen.summary


def test_the_builtin_detector_finds_no_vehicles_and_says_so(tmp_path: Path) -> None:
    hog = FakeLibrary(
        [GATE],
        footage=[Footage("gate 2", Path("gate.mp4"), 0.0, T0, T0 + 600, 1280, 720)],
        looked=[Looked("objects", "opencv-hog-people", "gate 2", T0, T0 + 600)],
    )
    seen = say(context(tmp_path, hog), "was there a van?")
    assert seen.verdict == "cannot_tell"
    assert "vehicles on gate 2 are not looked for by opencv-hog-people, only people: viot models pull" in seen.summary


def test_a_detector_without_a_word_for_vans_rules_none_out(tmp_path: Path) -> None:
    car = track(3, "vehicle", 30, 50, "car")
    yolo = FakeLibrary(
        [GATE],
        footage=[Footage("gate 2", Path("gate.mp4"), 0.0, T0, T0 + 600, 1280, 720)],
        looked=[Looked("objects", "yolox-nano", "gate 2", T0, T0 + 600)],
        tracks=[Track(3, 3, "gate 2", "vehicle", "car", "yolox-nano", "1", car.ts, car.boxes, car.scores)],
    )
    seen = say(context(tmp_path, yolo), "was there a van?")
    assert seen.data["answer"] == "" and "may be a van (the kind of thing is not sure)" in seen.summary
    assert say(context(tmp_path, yolo), "was there a bus?").data["answer"] == "no"


def test_fires_that_do_not_move_are_no_yes(tmp_path: Path) -> None:
    def event(start: float, moves: bool) -> Event:
        data = {"moves": moves, "alone": False, "after": 0.0, "frames": 5, "positive": 5, "grew": None}
        return Event("gate 2", T0 + start, T0 + start + 10, "fire", 0.8, data, TRUTH, "1")

    still = say(context(tmp_path, books(events=[event(100, False)])), "was there a fire on gate 2?")
    assert still.data["answer"] == "" and "it may be nothing" in still.summary
    moving = say(context(tmp_path, books(events=[event(100, False), event(300, True)])), "was there a fire on gate 2?")
    assert moving.data["answer"] == "yes" and [e.start for e in moving.evidence] == [T0 + 300]
    assert say(context(tmp_path), "was there a fire on gate 2?").data["answer"] == "no"


def test_what_is_seen_briefly_and_weakly_is_a_maybe(tmp_path: Path) -> None:
    def library(score: float) -> FakeLibrary:
        brief = track(6, "person", 400, 401)
        brief = Track(6, 6, "gate 2", "person", "", TRUTH, "1", brief.ts, brief.boxes, np.full(3, score, np.float32))
        return FakeLibrary(
            [GATE],
            footage=[Footage("gate 2", Path("gate.mp4"), 0.0, T0, T0 + 600, 1280, 720)],
            looked=[Looked("objects", TRUTH, "gate 2", T0, T0 + 600)],
            tracks=[*TRACKS, brief],
        )

    counted = say(context(tmp_path, library(0.5)), "how many people were seen on gate 2?")
    assert counted.data["answer"] == "3" and "1 more may be too (it may be nothing" in counted.summary
    assert say(context(tmp_path, library(0.9)), "how many people were seen on gate 2?").data["answer"] == "4"


def test_an_attached_video_is_not_indexed(tmp_path: Path) -> None:
    film = (Attachment("video-1", "video", tmp_path / "walk.mp4"),)
    seen = say(context(tmp_path, attachments=film), "what colour is the van in this video?")
    assert seen.verdict == "cannot_tell" and "viot index 'my video'" in seen.summary and seen.fix
    picture = (Attachment("image-1", "image", tmp_path / "car.jpg"),)
    assert (
        "is a picture" in say(context(tmp_path, attachments=picture), "what colour is the car in this picture?").summary
    )
    # an attachment that the question does not speak of is no matter
    assert say(context(tmp_path, attachments=film), "what colour was the van at gate 2?").data["answer"] == "white"


class Oracle:
    """An engine that says yes to whatever no program says."""

    name = "oracle"

    def claims(self, kind: Kind, parsed: Program | Unparsed) -> bool:
        return isinstance(parsed, Unparsed)

    def tries(self, kind: Kind, parsed: Program | Unparsed) -> bool:
        return isinstance(parsed, Unparsed)

    def answer(
        self,
        question: str,
        kind: Kind,
        parsed: Program | Unparsed,
        facts: Facts,
        library: object,
        options: Sequence[str] = (),
    ) -> Reasoned:
        assert {t.id for t in facts.things} == {"1", "2", "3", "4"}
        return Reasoned(Found("because of the queue", intervals=(("gate 2", T0, T0 + 5),)), ("it saw 3 frames",))

    def evidence(self, told: Reasoned, ctx: ToolContext, tool: str) -> tuple[Evidence, ...]:
        return (Evidence(ctx.evidence_id(), "gate 2", T0, T0 + 5, tool, "oracle", "1"),)


def test_the_engine_is_chosen_by_who_claims_and_is_named(tmp_path: Path) -> None:
    engines = [Symbolic(), Oracle()]
    why = say(context(tmp_path), "Why did the person at gate 2 leave?", engines=engines)
    assert why.data["engine"] == "oracle" and why.data["answer"] == "because of the queue"
    assert "It saw 3 frames." in why.summary and "answered by the oracle engine" in why.summary
    assert why.verdict == "found" and why.claims[0].evidence == (why.evidence[0].id,)
    colour = say(context(tmp_path), "What colour was the van at gate 2?", engines=engines)
    assert colour.data["engine"] == "symbolic"
    assert chosen(Kind("why"), Unparsed("why", "no"), [Symbolic()]) == []
    with pytest.raises(TypeError, match="programs only"):
        Symbolic().answer("?", Kind("why"), Unparsed("why", "no"), Facts((), 0, 1, (), frozenset()), books())


def test_what_a_program_needs() -> None:
    van = Pick("vehicle", ("van",))
    asked = Program(
        "attribute", (Pick("person", doing=("running",), when=(Relation("after", van),)),), "who", attribute="hat"
    )
    assert needs(asked) == {"person", "vehicle", "action", "hat"}
    assert needs(Program("attribute", (van,), "where", attribute="direction")) == {"vehicle", "path"}
    assert needs(Program("count", (Pick("person", motion="enters"),), "how_many")) == {"person", "path"}
    assert needs(Program("exists", (Pick("person", name="Ana"),), "who")) == {"person", "name"}


def test_facts_join_tracks_and_leave_out_flickers(tmp_path: Path) -> None:
    lonely = Track(
        9,
        9,
        "gate 2",
        "person",
        "",
        TRUTH,
        "1",
        np.array([T0 + 400.0]),
        np.ones((1, 4), np.float32),
        np.array([0.4], np.float32),
    )
    broken = track(6, "person", 220.8, 230, x=800)
    library = FakeLibrary(
        [GATE],
        footage=[Footage("gate 2", Path("gate.mp4"), 0.0, T0, T0 + 600, 1280, 720)],
        looked=[Looked("objects", TRUTH, "gate 2", T0, T0 + 600)],
        tracks=[*TRACKS, lonely, broken],
    )
    ctx = context(tmp_path, library)
    place = Place(GATE, ctx.fleet.window(None, GATE, T0))
    known = facts(ctx, [place], frozenset({"person", "path"}), Untouched(), Untouched())
    assert not facts(ctx, [place], frozenset({"person"}), Untouched(), Untouched()).things[0].path
    assert [(t.id, t.start - T0, t.end - T0) for t in known.things] == [("1", 10, 20), ("2", 60, 90), ("4", 200, 230)]
    assert known.known == {"person"} and known.spans == {"gate 2": ((T0, T0 + 600),)}
    spot = known.things[0].path[0]
    assert (round(spot.x * 1280), round(spot.y * 720), round(spot.w * 1280), round(spot.h * 720)) == (130, 180, 60, 160)


def test_where_the_crowd_is_on_the_only_camera_asked_about_is_a_place_in_the_picture(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    one = ask(ctx, "Where were most people?", ["gate 2"])
    assert one.data["answer"] == ""
    assert "where in the picture" in one.summary
    named = ask(ctx, "On which camera were most people?", ["gate 2"])
    assert "where in the picture" not in named.summary


def test_who_somebody_is_is_not_vouched_for_where_nobody_is_enrolled(tmp_path: Path) -> None:
    question = "Who came in first?"
    assert ask(context(tmp_path), question, ["gate 2"]).data["claimed"] is True
    nobody = FakeLibrary([GATE, DOCK])
    assert ask(context(tmp_path, nobody), question, ["gate 2"]).data["claimed"] is False
