"""The analyzer ``attributes``: whose pictures it keeps, the rows it writes, what each tier tells."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import WeightsMissing
from viot_agent.library.rows import AttributeRow, Rows, SegmentInfo, Shared
from viot_agent.media.pictures import decode_image
from viot_agent.media.types import Frame, Image
from viot_agent.weights import Weights
from viot_tools.attributes import judge
from viot_tools.attributes.analyzer import AttributesAnalyzer
from viot_tools.attributes.network import OUTPUTS, PersonNetwork, Read
from viot_tools.objects.analyzer import ObjectFrame
from viot_tools.objects.detections import Detections
from viot_tools.registry import analyzers

INFO = SegmentInfo("gate", Path("gate.mp4"), 0, 0.0, 30.0, 320, 240, 5.0)
PERSON = (100.0, 20.0, 160.0, 200.0)
CAR = (190.0, 100.0, 310.0, 180.0)


class FakeNetwork(PersonNetwork):
    """Says the same of everybody."""

    model_version = "fake"

    def __init__(self, **scores: float) -> None:
        self.asked: list[tuple[int, ...]] = []
        self._scores = np.array([scores.get(name, 0.5) for name in OUTPUTS], np.float32)

    def read(self, picture: Image) -> Read:
        self.asked.append(picture.shape)
        return Read(self._scores, np.zeros(2, np.float32), np.zeros(2, np.float32))


def scene(person: tuple[int, int, int] = (200, 20, 25), lower: tuple[int, int, int] = (20, 60, 200)) -> Image:
    """A person in two colours and a yellow car on a light grey ground."""
    image = np.full((240, 320, 3), 190, np.uint8)
    image[20:110, 100:160], image[110:200, 100:160] = person, lower
    image[100:180, 190:310] = (240, 210, 40)
    return image


def shared(*things: tuple[tuple[float, float, float, float], str, str], still: bool = False) -> Shared:
    boxes = np.array([t[0] for t in things], np.float32).reshape(-1, 4)
    found = Detections(boxes, np.full(len(things), 0.9, np.float32), tuple(t[1] for t in things))
    return Shared(still=still, results={"objects": ObjectFrame(found, tuple(t[2] for t in things))})


def told(rows: Rows, track: str) -> dict[str, str]:
    return {a.name: a.value for a in rows.attributes if a.track == track}


def run(
    analyzer: AttributesAnalyzer, image: Image, *things: tuple[tuple[float, float, float, float], str, str]
) -> Rows:
    analysis = analyzer.start(INFO)
    for i in range(10):
        analysis.see(Frame(i, i * 0.2, image), shared(*things))
    return analysis.finish()


def test_builtin_tells_the_colours_of_clothes(tmp_path: Path) -> None:
    analyzer = AttributesAnalyzer(Weights(tmp_path, tier="builtin"))
    assert (analyzer.needs, analyzer.model) == (("objects",), "colour-names")
    rows = run(analyzer, scene(), (PERSON, "person", "p1"))
    assert told(rows, "p1") == {"upper_colour": "red", "lower_colour": "blue"}
    assert all(judge.sure(a.name, a.value, a.score) for a in rows.attributes)


def test_hub_tells_more_of_people_and_the_paint_of_vehicles(tmp_path: Path) -> None:
    network = FakeNetwork(male=0.99, long_trousers=0.99, long_hair=0.01, hat=0.99)
    analyzer = AttributesAnalyzer(Weights(tmp_path, tier="hub"), network=network)
    assert analyzer.needs == ("objects", "poses") and "person-attributes" in analyzer.model
    rows = run(analyzer, scene(), (PERSON, "person", "p1"), (CAR, "car", "v1"))
    seen = told(rows, "p1")
    assert (seen["lower"], seen["hair"]) == ("trousers", "short")
    assert not {"hat", "sex", "carrying"} & seen.keys(), "what was never reliable is not told"
    assert told(rows, "v1") == {"colour": "yellow"}
    assert len(network.asked) <= 4, "a few pictures a track"
    assert {a.t for a in rows.attributes if a.track == "p1"} <= {i * 0.2 for i in range(10)}


def test_small_hidden_still_and_repeated_bring_nothing(tmp_path: Path) -> None:
    analyzer = AttributesAnalyzer(Weights(tmp_path, tier="builtin"))
    small = (10.0, 10.0, 20.0, 40.0)
    assert run(analyzer, scene(), (small, "person", "p1")) == Rows()
    inside = (100.0, 20.0, 160.0, 199.0)
    rows = run(analyzer, scene(), (inside, "person", "p1"), (PERSON, "person", "p2"))
    assert {a.track for a in rows.attributes} == {"p2"}, "somebody stands before p1"
    analysis = analyzer.start(INFO)
    analysis.see(Frame(0, 0.0, scene()), shared((PERSON, "person", "p1")))
    analysis.see(Frame(1, 0.2, scene((20, 140, 40))), shared((PERSON, "person", "p1"), still=True))
    analysis.see(Frame(0, 0.0, scene((20, 140, 40))), shared((PERSON, "person", "p1")))
    assert told(analysis.finish(), "p1")["upper_colour"] == "red"


BAG = (150.0, 110.0, 170.0, 140.0)


@pytest.mark.parametrize(
    ("frames", "score", "expected"),
    [((0, 3), 0.5, "bag"), ((0,), 0.9, None), ((0, 3), 0.2, None), ((), 0.5, None)],
    ids=["twice", "once", "too weak", "never"],
)
def test_a_bag_is_told_when_it_was_seen_twice(
    tmp_path: Path, frames: tuple[int, ...], score: float, expected: str | None
) -> None:
    analysis = AttributesAnalyzer(Weights(tmp_path, tier="hub"), network=FakeNetwork()).start(INFO)
    bag = Detections(np.array([BAG], np.float32), np.array([score], np.float32), ("handbag",))
    for i in range(5):
        seen = shared((PERSON, "person", "p1"))
        seen.results["objects"] = replace(seen.results["objects"], others=bag if i in frames else Detections.none())
        analysis.see(Frame(i, i * 0.2, scene()), seen)
    rows = [a for a in analysis.finish().attributes if a.name == "carrying"]
    assert [a.value for a in rows] == ([expected] if expected else [])
    assert all(judge.sure(a.name, a.value, a.score) for a in rows)


def test_nobody_gives_no_rows(tmp_path: Path) -> None:
    assert run(AttributesAnalyzer(Weights(tmp_path, tier="builtin")), scene()) == Rows()


def test_a_box_over_the_edge_is_cut(tmp_path: Path) -> None:
    rows = run(AttributesAnalyzer(Weights(tmp_path, tier="builtin")), scene(), ((100, 20, 160, 260), "person", "p1"))
    assert all(isinstance(a, AttributeRow) for a in rows.attributes)


def test_missing_weights_are_an_error_at_the_first_look(tmp_path: Path) -> None:
    analyzer = AttributesAnalyzer(Weights(tmp_path, tier="hub"))
    with pytest.raises(WeightsMissing, match="person-attributes"):
        run(analyzer, scene(), (PERSON, "person", "p1"))


def test_it_is_registered_in_both_tiers(tmp_path: Path) -> None:
    names = [a.name for a in analyzers(Weights(tmp_path, tier="builtin"))]
    assert names.count("attributes") == 1 and "things" not in names


@pytest.mark.real
def test_the_hub_has_both(tmp_path: Path, shared_models: Path) -> None:
    names = [a.name for a in analyzers(Weights(tmp_path, shared_models, "hub"))]
    assert names.count("attributes") == 1 and names.count("things") == 1


@pytest.mark.real
def test_the_network_tells_trousers_from_a_dress(shared: Path, tmp_path: Path) -> None:
    """Two people of the calibration half, so that the way from file to outputs is run once."""
    network = PersonNetwork(Weights(tmp_path, shared / "models", "hub"))
    frame = decode_image(shared / "videos/stills/prw_market1501_frames/c1s1_009376.jpg")
    marked = json.loads((Path(__file__).parents[2] / "datasets/annotations/attributes.json").read_text("utf-8"))
    said = {}
    for row in marked["people"]:
        if row["file"].endswith("c1s1_009376.jpg") and "sex" in row:
            x0, y0, x1, y1 = row["box"]
            said[row["sex"][0]] = network.read(frame[y0:y1, x0:x1]).scores
    assert said["male"][OUTPUTS.index("long_hair")] < 0.5 < said["female"][OUTPUTS.index("long_hair")]
    assert said["male"][OUTPUTS.index("male")] > said["female"][OUTPUTS.index("male")]
