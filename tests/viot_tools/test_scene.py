"""Scenes: the vocabulary, hedged words, the written table, the choice of pictures, the vote, the sentences."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import NameFault, WeightsMissing
from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera
from viot_agent.library.fake import FakeLibrary, Looked
from viot_agent.library.rows import Event, EventRow, Footage, SegmentInfo, Shared
from viot_agent.media.types import Frame
from viot_agent.steps import Observation, Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_agent.weights.store import load_manifest
from viot_tools.objects.analyzer import ObjectFrame
from viot_tools.objects.detections import Detections
from viot_tools.scene.analyzer import SceneAnalyzer
from viot_tools.scene.classify import (
    LEVELS_OF_MODEL,
    MODEL_OF_TIER,
    Around,
    FakeScenes,
    StatisticsScenes,
    association,
    from_classes,
    scene_classifier,
    views,
    with_vehicles,
)
from viot_tools.scene.statistics import LENGTH, statistics
from viot_tools.scene.tool import scene_recognition
from viot_tools.scene.vocabulary import (
    GROUP_OF,
    GROUPS,
    SCENES,
    SIDE_OF,
    Levels,
    Probabilities,
    agree,
    best,
    hedged,
    inside,
    share,
)
from viot_tools.scene.votes import vote

T0 = 1_772_546_700.0  # 14:05:00 UTC on 3 March 2026
GATE = Camera(1, "gate 2", "gate.mp4", ("gates",), "UTC", T0)
DOCK = Camera(2, "dock b", "dock.mp4", (), "UTC", T0)
MODEL = MODEL_OF_TIER["hub"]


def probabilities(**parts: float) -> Probabilities:
    """What is named gets its share; the rest is spread evenly."""
    named = {name.replace("_", " "): value for name, value in parts.items()}
    p = np.full(len(SCENES), (1 - sum(named.values())) / (len(SCENES) - len(named)), np.float32)
    for name, value in named.items():
        p[SCENES.index(name)] = value
    return p


# the vocabulary


def test_the_words_of_the_card_are_scenes_and_none_holds_a_comma() -> None:
    assert {"car park", "corridor", "shop", "street", "kitchen"} <= set(SCENES)
    words = [*SCENES, *GROUPS, *SIDE_OF.values()]
    assert not [w for w in words if "," in w or w != w.strip()]
    assert len(set(SCENES)) == len(SCENES) and not set(SCENES) & set(GROUPS)
    assert set(SIDE_OF) == set(GROUPS) and set(GROUP_OF) == set(SCENES)


AGREE = [
    ("street", "street", True),
    ("Street", " street ", True),
    ("street", "street or road", True),
    ("outdoors", "street", True),
    ("kitchen", "street", False),
    ("street", "road", False),
    ("a lovely spot", "street", False),
    ("indoors", "outdoors", False),
]


@pytest.mark.parametrize(("a", "b", "expected"), AGREE)
def test_words_agree_when_one_covers_the_other(a: str, b: str, expected: bool) -> None:
    assert agree(a, b) is expected and agree(b, a) is expected


HEDGED = [
    ({"kitchen": 0.7}, "kitchen"),
    ({"street": 0.3, "road": 0.3, "car_park": 0.2}, "street or road"),
    ({"street": 0.3, "square": 0.3, "park": 0.25}, "outdoors"),
    ({"street": 0.25, "kitchen": 0.25, "shop": 0.2}, None),
]


@pytest.mark.parametrize(("parts", "expected"), HEDGED)
def test_the_most_specific_sure_word_is_said(parts: dict[str, float], expected: str | None) -> None:
    named = hedged(probabilities(**parts), Levels(0.5, 0.55, 0.8))
    assert (named.word if named else None) == expected


def test_a_broader_word_is_never_less_likely() -> None:
    p = probabilities(shop=0.4, supermarket=0.3)
    assert share(p, "shop") <= share(p, "place of trade") <= share(p, "indoors")
    assert share(p, "indoors") + share(p, "outdoors") == pytest.approx(1.0, abs=1e-5)
    assert inside("nowhere") == () and best(p, "group").word == "place of trade"


# the classifiers


def test_the_table_names_classes_that_exist_once_a_scene() -> None:
    table = association()
    assert table.shape == (1001, len(SCENES)) and table.min() >= 0
    assert (table.sum(0) > 0).all(), "every scene has at least one class that speaks for it"
    assert table.sum(1).max() <= 1 + 1e-6


@pytest.mark.real
def test_the_tables_words_are_those_of_the_classifiers_labels(shared_models: Path) -> None:
    lines = (shared_models / "classify" / "imagenet_labels.txt").read_text("utf-8").splitlines()
    labels = [line.split(maxsplit=1)[1] if line.split()[0].isdigit() else line for line in lines]
    path = Path(__file__).resolve().parents[2] / "tools" / "viot_tools" / "scene" / "associations.json"
    for entries in json.loads(path.read_text("utf-8"))["scenes"].values():
        for number, word, _ in entries:
            assert labels[number].split(",")[0] == word


def test_a_class_that_speaks_for_one_scene_brings_that_scene() -> None:
    scores = np.zeros(1001, np.float32)
    scores[int(np.argmax(association()[:, SCENES.index("petrol station")]))] = 0.9
    p = from_classes(scores)
    assert best(p, "scene").word == "petrol station" and p.sum() == pytest.approx(1, abs=1e-5)
    nothing = from_classes(np.zeros(1001, np.float32))
    assert nothing.std() == pytest.approx(0, abs=1e-6)


def test_vehicles_speak_for_roads_and_against_rooms() -> None:
    even = np.full(len(SCENES), 1 / len(SCENES), np.float32)
    heard = with_vehicles(even, Around(vehicles=1.0))
    assert share(heard, "street or road") > 2 * share(even, "street or road")
    assert share(heard, "indoors") < share(even, "indoors") / 2
    assert np.allclose(with_vehicles(even, Around()), even)


def test_views_are_the_whole_and_squares_of_it() -> None:
    assert [v.shape for v in views(np.zeros((100, 200, 3), np.uint8))] == [(100, 200, 3), (100, 100, 3), (100, 100, 3)]
    assert [v.shape for v in views(np.zeros((100, 100, 3), np.uint8))] == [(100, 100, 3), (100, 100, 3)]


def test_statistics_tell_a_meadow_under_a_sky_from_a_grey_wall() -> None:
    meadow = np.zeros((90, 160, 3), np.uint8)
    meadow[:45], meadow[45:] = (110, 160, 235), (60, 140, 50)
    wall = np.full((90, 160, 3), 128, np.uint8)
    a, b = statistics(meadow), statistics(wall)
    assert a.shape == (LENGTH,) and np.isfinite(a).all() and np.isfinite(b).all()
    band = LENGTH // 3 - 2  # sixteen numbers a band; sky is the seventh, green the eighth
    assert band == 16 and a[6] > 0.9 and a[2 * 16 + 7] > 0.9 and b[6] == 0 and b[9] > 0.9


def test_the_builtin_model_ships_with_its_card_and_the_manifests_bytes(tmp_path: Path) -> None:
    classifier = scene_classifier(Weights(tmp_path, tier="builtin"))
    assert isinstance(classifier, StatisticsScenes)
    p = classifier.look([np.full((90, 160, 3), 128, np.uint8)], Around())
    assert p.shape == (len(SCENES),) and p.sum() == pytest.approx(1, abs=1e-4)
    entry = load_manifest()["scene-statistics"]
    folder = Path(__file__).resolve().parents[2] / "tools" / "viot_tools" / "scene"
    assert (folder / entry.file).stat().st_size == entry.bytes < 4_000_000
    assert (folder / "scene.md").is_file()
    assert LEVELS_OF_MODEL[classifier.model].scene > 1, "the builtin model never names a scene"


def test_the_hub_says_how_to_get_its_model(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing) as caught:
        scene_classifier(Weights(tmp_path, tmp_path, "hub"))
    assert "viot models pull imagenet-mobilenet" in str(caught.value)


# the analyzer


def a_segment(seconds: float = 30.0) -> SegmentInfo:
    return SegmentInfo("gate 2", Path("gate.mp4"), 0, 0.0, seconds, 160, 90, 5.0)


def crowded(share_of_picture: float, label: str = "person") -> ObjectFrame:
    side = float(np.sqrt(share_of_picture * 160 * 90))
    boxes = np.array([[0, 0, side, side]], np.float32)
    return ObjectFrame(Detections(boxes, np.ones(1, np.float32), (label,)), ("p1",))


class Keeps(FakeScenes):
    """Remembers what it was shown."""

    def __init__(self) -> None:
        super().__init__([probabilities(kitchen=0.8)])
        self.shown: list[float] = []
        self.around = Around()

    def look(self, images: Sequence[np.ndarray], around: Around) -> Probabilities:
        self.shown, self.around = [float(i.mean()) for i in images], around
        return super().look(images, around)


def watched(brightness: Sequence[int], objects: Sequence[ObjectFrame | None]) -> tuple[Keeps, tuple[EventRow, ...]]:
    keeps = Keeps()
    analysis = SceneAnalyzer(Weights(Path(), tier="builtin"), classifier=keeps).start(a_segment())
    for i, (level, seen) in enumerate(zip(brightness, objects, strict=True)):
        frame = Frame(i, i * 30.0 / len(brightness), np.full((90, 160, 3), level, np.uint8))
        analysis.see(frame, Shared(results={} if seen is None else {"objects": seen}))
    return keeps, analysis.finish().events


def test_the_emptiest_picture_of_each_third_is_looked_at() -> None:
    full, empty = crowded(0.5), crowded(0.01)
    keeps, events = watched([100, 101, 102, 110, 111, 112], [full, empty, full, full, full, empty])
    assert keeps.shown == [101, 102, 112]
    [row] = events
    assert row.kind == "scene" and row.data["top"][0] == ["kitchen", 0.8] and len(row.data["p"]) == len(SCENES)
    assert row.data["frames"] == [5.0, 10.0, 25.0] and row.score == pytest.approx(0.8)


def test_vehicles_are_counted_over_the_whole_segment() -> None:
    keeps, _ = watched([100] * 4, [crowded(0.1, "car"), None, None, crowded(0.1)])
    assert keeps.around == Around(0.25)


def test_a_dark_segment_claims_nothing() -> None:
    keeps, events = watched([3] * 6, [None] * 6)
    assert keeps.seen == 0 and events[0].data["dark"] is True and "p" not in events[0].data


def test_no_frame_is_no_row() -> None:
    analysis = SceneAnalyzer(Weights(Path(), tier="builtin"), classifier=Keeps()).start(a_segment())
    assert analysis.finish().events == ()


# the tool


def an_event(p: Probabilities | None, camera: str = "gate 2", start: float = T0, model: str = MODEL) -> Event:
    data = {"dark": True, "frames": [1.0]} if p is None else {"p": [float(v) for v in p], "frames": [1.0]}
    return Event(camera, start, start + 30, "scene", 0.5, data, model, "abc")


def library(events: Sequence[Event], looked: float = 60.0, model: str = MODEL) -> FakeLibrary:
    return FakeLibrary(
        [GATE, DOCK],
        footage=[Footage(c, Path("x.mp4"), 0.0, T0, T0 + 60) for c in ("gate 2", "dock b")],
        looked=[Looked("scene", model, "gate 2", T0, T0 + looked)] if looked else [],
        events=events,
    )


def ask(lib: FakeLibrary, home: Path, cameras: list[str] | None = None, time: str | None = None) -> Observation:
    request = Request("what is it?", now=T0 + 600)
    return scene_recognition.fn(
        ToolContext(request, Fleet(lib), lib, Weights(home, home, "hub"), home, "run-1", "call-1"), cameras, time
    )


def test_a_sure_scene_is_one_short_sentence_with_evidence(tmp_path: Path) -> None:
    seen = ask(library([an_event(probabilities(car_park=0.88))]), tmp_path, ["gate 2"])
    assert seen.summary == "gate 2: car park (0.88) [e1]." and seen.verdict == "info"
    assert seen.data == {"scenes": ["car park"], "cameras": {"gate 2": "car park"}}
    [piece] = seen.evidence
    assert (piece.camera, piece.model, piece.label, piece.tool) == ("gate 2", MODEL, "car park", "scene_recognition")
    assert seen.claims[0].evidence == ("e1",)


def test_segments_vote_and_dark_ones_do_not(tmp_path: Path) -> None:
    events = [an_event(probabilities(shop=0.5, kitchen=0.3)), an_event(probabilities(kitchen=0.9)), an_event(None)]
    found = vote(events, MODEL)
    assert found is not None and found.named is not None
    assert (found.named.word, found.segments) == ("kitchen", 2)
    assert found.clearest is events[1]
    assert vote([an_event(None)], MODEL) is None and vote(events, "another model") is None


UNSURE = [
    (
        probabilities(street=0.3, road=0.3, bridge=0.2),
        "gate 2: street or road (0.81) [e1]. More exactly cannot be told.",
        "info",
    ),
    (
        probabilities(street=0.25, kitchen=0.2, shop=0.2),
        "gate 2: street (0.25) at best; cannot tell [e1].",
        "cannot_tell",
    ),
    (None, "Cannot tell what kind of place gate 2 shows: it is too dark to see the place.", "cannot_tell"),
]  # fmt: skip


@pytest.mark.parametrize(("p", "expected", "verdict"), UNSURE)
def test_what_is_not_sure_is_said_so(p: Probabilities | None, expected: str, verdict: str, tmp_path: Path) -> None:
    seen = ask(library([an_event(p)]), tmp_path, ["gate 2"])
    assert (seen.summary, seen.verdict) == (expected, verdict)


def test_the_builtin_model_says_that_it_is_rough(tmp_path: Path) -> None:
    model = MODEL_OF_TIER["builtin"]
    lib = library([an_event(probabilities(street=0.6, park=0.3), model=model)], model=model)
    seen = ask(lib, tmp_path, ["gate 2"])
    assert seen.summary.startswith("gate 2: outdoors (0.") and "Rough" in seen.summary
    assert seen.data["scenes"] == ["outdoors"]


def test_the_builtin_model_that_cannot_tell_names_no_place(tmp_path: Path) -> None:
    model = MODEL_OF_TIER["builtin"]
    lib = library([an_event(probabilities(street=0.4, kitchen=0.4), model=model)], model=model)
    seen = ask(lib, tmp_path, ["gate 2"])
    assert "at best; cannot tell [e1]. The built-in model only" in seen.summary and seen.verdict == "cannot_tell"
    assert seen.evidence[0].label == "a place that cannot be told" and seen.data["scenes"] == []


def test_cameras_that_were_not_looked_at_say_what_to_do(tmp_path: Path) -> None:
    seen = ask(library([an_event(probabilities(car_park=0.9))]), tmp_path)
    assert "Cannot tell: dock b is not indexed yet: viot index 'dock b'." in seen.summary
    assert seen.data["scenes"] == ["car park"] and seen.verdict == "info"
    nowhere = ask(library([], looked=0), tmp_path, ["dock b"])
    assert nowhere.verdict == "cannot_tell" and nowhere.data["scenes"] == []
    later = ask(library([an_event(probabilities(car_park=0.9))]), tmp_path, ["gate 2"], "between 16:00 and 17:00")
    assert later.verdict == "cannot_tell" and "has footage from 14:05:00" in later.summary
    with pytest.raises(NameFault):
        ask(library([]), tmp_path, ["gate 9"])


def test_only_the_model_in_force_votes(tmp_path: Path) -> None:
    other = replace(an_event(probabilities(kitchen=0.99)), model="scene-statistics")
    seen = ask(library([an_event(probabilities(car_park=0.9)), other]), tmp_path, ["gate 2"])
    assert seen.data["scenes"] == ["car park"]


def test_a_model_that_was_never_calibrated_names_nothing(tmp_path: Path) -> None:
    rows = [replace(an_event(probabilities(car_park=0.95)), model="older-scenes")]
    seen = ask(library(rows, model="older-scenes"), tmp_path, ["gate 2"])
    assert seen.verdict == "cannot_tell" and seen.summary == "gate 2: car park (0.95) at best; cannot tell [e1]."


def test_without_a_time_the_latest_day_votes_and_that_is_said(tmp_path: Path) -> None:
    rows = library([replace(an_event(probabilities(car_park=0.9)), start=T0 + 90_000.0, end=T0 + 90_060.0)])
    rows._footage = [Footage("gate 2", Path("x.mp4"), 0.0, T0, T0 + 172_800)]
    rows._looked = [Looked("scene", MODEL, "gate 2", T0, T0 + 172_800)]
    seen = ask(rows, tmp_path, ["gate 2"])
    assert seen.summary.startswith("gate 2: car park (0.90) [e1]. Only the latest 24 h of footage of gate 2 were read")
    assert seen.coverage is not None and seen.coverage.indexed_seconds == 86_400
