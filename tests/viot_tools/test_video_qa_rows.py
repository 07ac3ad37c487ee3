"""Truth as library rows, and the whole way of a question over them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from viot_agent.errors import UserFault, WeightsMissing
from viot_agent.library.rows import TrackPoint, TrackRow
from viot_agent.media.types import XYXY
from viot_agent.weights import Weights
from viot_tools.bench.video_qa import FLAWS, all_floors, bench, meant, transcript
from viot_tools.bench.video_qa_ask import Asker, engine_name
from viot_tools.bench.video_qa_figures import Marked, Said
from viot_tools.bench.video_qa_questions import Question
from viot_tools.bench.video_qa_rates import Tally, tally
from viot_tools.bench.video_qa_rows import HEIGHT, NONE, WIDTH, Flaws, TrueActions, TrueNames, store
from viot_tools.bench.video_qa_world import Actor, Scene, make_scene


@pytest.fixture
def scene() -> Scene:
    """One camera of a made scene with a red van, a man who sits, and a named woman who walks to the left."""
    made = make_scene(0, 0)
    camera, t = made.filmed[0], made.start
    dressed = {"carrying": "backpack", "hat": "no", "hair": "short", "sleeves": "long", "lower": "trousers"}
    man = dressed | {"sex": "male", "upper_colour": "blue", "lower_colour": "black"}
    woman = dressed | {"sex": "female", "upper_colour": "green", "lower_colour": "grey", "carrying": "nothing"}
    actors = (
        Actor(0, "vehicle", camera, t + 60, t + 80, "van", {"colour": "red"}, "right"),
        Actor(1, "person", camera, t + 100, t + 190, "", man, "stay", "sitting"),
        Actor(2, "person", camera, t + 300, t + 320, "", woman, "left", "walking", made.people[0].name),
    )
    return replace(made, actors=actors)


@pytest.fixture
def ask(scene: Scene, tmp_path: Path) -> Callable[..., Said]:
    stored = store(scene)
    weights = Weights(tmp_path, None, "hub")
    actions, names = TrueActions(stored), TrueNames(stored)
    return Asker(stored.library, weights, tmp_path, scene.now, actions=actions, names=names)


def test_rows_hold_the_truth(scene: Scene) -> None:
    stored = store(scene)
    tracks = stored.library.tracks("person", None, None, None)
    assert [(t.start, t.end) for t in tracks] == [(a.start, a.end) for a in scene.actors if a.kind == "person"]
    for track in [*tracks, *stored.library.tracks("vehicle", None, None, None)]:
        assert track.boxes.min() >= 0
        assert track.boxes[:, 2].max() <= WIDTH
        assert track.boxes[:, 3].max() <= HEIGHT
        assert (track.boxes[:, 2] > track.boxes[:, 0]).all()
    looks = {(a.track, a.name): a.value for a in stored.library.attributes(None, None, None)}
    [van] = stored.library.tracks("vehicle", None, None, None)
    assert (van.label, looks[van.id, "colour"]) == ("van", "red")


def test_what_was_not_looked_for_has_no_rows(scene: Scene) -> None:
    names = {a.name for a in store(replace(scene, unknown=frozenset({"hat"}))).library.attributes(None, None, None)}
    assert "hat" not in names
    assert "upper_colour" in names


def test_flaws_lose_invent_and_break() -> None:
    scene = make_scene(0, 4)
    things = [a for a in scene.actors if a.kind != "fire"]
    assert len(store(scene, NONE).of) == len(things)
    assert store(scene, Flaws(miss=1.0)).of == {}
    assert len(store(scene, Flaws(false=1.0)).of) == 2 * len(things)
    broken = store(scene, Flaws(switch=1.0))
    assert len(broken.of) == 2 * len(things)
    assert sorted({a.id for a in broken.of.values()}) == sorted(a.id for a in things)
    assert store(scene, FLAWS, 1).of == store(scene, FLAWS, 1).of
    assert store(scene, FLAWS, 1).of != store(scene, FLAWS, 2).of


def test_the_whole_way_from_the_words_to_the_answer(ask: Callable[..., Said], scene: Scene) -> None:
    camera = scene.filmed[0]
    van = ask("What colour was the van?")
    assert van.answer == "red"
    assert van.spans == ((camera, scene.start + 60, scene.start + 80),)
    assert van.engine == "symbolic"
    assert van.parsed
    assert ask(f"How many people were there on {camera}?", (camera,)).number == 2
    assert ask("What was the man doing?").answer == "sitting"
    assert ask("Was there a person with a backpack?").answer == "yes"
    assert ask(f"Was {scene.people[0].name} seen?").answer == "yes"
    assert ask("What colour was the van?", (), "", ("blue", "red", "green")).answer == "red"


def test_what_nobody_can_tell_is_not_told(ask: Callable[..., Said]) -> None:
    why = ask("Why did the man leave?")
    assert (why.answer, why.parsed) == ("", False)
    assert why.text.startswith("Cannot tell")


def test_a_fault_of_the_call_counts_as_cannot_tell(ask: Callable[..., Said]) -> None:
    said = ask("What colour was the van?", ("no such camera anywhere",))
    assert said.answer == ""
    assert said.text.startswith("NameFault")


def test_an_engine_must_be_known_and_there(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserFault, match="no engine 'oracle'"):
        engine_name("oracle")
    monkeypatch.delenv("VIOT_VIDEO_LLM", raising=False)
    with pytest.raises(WeightsMissing, match="no video language model"):
        Asker(store(scene).library, Weights(tmp_path, None, "hub"), tmp_path, scene.now, engine="video-llm")


def test_a_guesser_who_knows_the_form_is_bounded_by_the_answers() -> None:
    forms = [("exists", "yes", "no"), ("exists", "no", "no"), ("exists", "yes", "yes"), ("exists", "no", None)]
    asked = [Question(str(n), 0, f, "what", f"q{n}", a, glimpse=g) for n, (f, a, g) in enumerate(forms)]
    asked.append(Question("5", 0, "order", "order", "a or b", "a"))
    asked.append(Question("6", 0, "mc_count", "how_many", "x", "1", options=("1", "2", "3", "4")))
    found = all_floors(asked)
    assert found["form known"] == pytest.approx((2 + 0.5 + 0.25) / 6)
    # the picture shows two rightly, one wrongly, and the fourth is guessed
    assert found["single frame"] == pytest.approx((2.5 + 0.5 + 0.25) / 6)


@pytest.mark.parametrize(
    ("answer", "means"),
    [
        ("man with a hat in a brown top", "man in a brown jumper with a hat"),
        ("the brown bus", "brown bus"),
        ("bus", "brown bus"),
        ("", ""),
        ("somebody", "somebody"),
    ],
)
def test_the_named_thing_is_known_in_other_words(answer: str, means: str) -> None:
    assert meant(answer, ("man in a brown jumper with a hat", "brown bus")) == means
    assert meant(answer, ()) == answer


def test_a_transcript_says_what_was_asked_and_answered() -> None:
    q = Question("count-1", 0, "count", "how_many", "how many vans", 3.0)
    lines = transcript(Marked(q, Said("2", 2.0, text="2 vans were seen.")))
    assert lines[0] == "WRONG count-1 [how_many] how many vans"
    assert "right: 3.0; said: 2 [2]" in lines[1]


def test_bad_options_are_said(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match="no half"):
        bench(split="train")
    with pytest.raises(UserFault, match="needs its folder"):
        bench(suite="real")
    with pytest.raises(UserFault, match="no suite 'x'"):
        bench(tmp_path, suite="x")
    with pytest.raises(UserFault, match="cannot be read"):
        bench(phrasings=tmp_path / "none.jsonl")


def box(x: float) -> XYXY:
    return (x, 0.0, x + 10, 20.0)


def track(key: str, *points: tuple[float, float]) -> TrackRow:
    return TrackRow(key, "person", tuple(TrackPoint(t, box(x), 0.9) for t, x in points))


def test_rates_are_counted_as_clear_mot_counts() -> None:
    times = {1: 0.0, 2: 0.2, 3: 0.4}
    truth = {n: ((1, box(0), True), (2, box(100), True), (3, box(200), False)) for n in times}
    tracks = [
        track("a", (0.0, 0), (0.2, 0)),
        track("b", (0.4, 1)),  # takes the first person over
        track("c", (0.0, 500), (0.2, 500)),  # nobody
        track("d", (0.0, 200), (0.2, 200), (0.4, 200)),  # on somebody who need not be found
    ]
    found = tally(truth, tracks, times)
    assert found == Tally(people=2, missed=1, switches=1, tracks=4, false=1, seconds=pytest.approx(1.2))
    assert (found + found).people == 4
