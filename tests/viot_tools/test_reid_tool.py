"""``person_reid`` and ``vehicle_reid`` over a library in memory: verdicts, sentences, evidence, and every way not to
know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from viot_agent.errors import NameFault, PolicyRefusal, RetryFault, TimeFault, WeightsMissing
from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera, Person
from viot_agent.library.fake import Crop, FakeLibrary, Looked
from viot_agent.library.rows import Footage, Hit, Track
from viot_agent.media.pictures import encode_jpeg
from viot_agent.steps import Attachment, Observation, Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_tools.objects.detections import Detections, FakeDetector
from viot_tools.reid import person_tool, vehicle_tool
from viot_tools.reid.embed import Vectors, unit
from viot_tools.reid.identity import load
from viot_tools.reid.query import largest
from viot_tools.reid.vehicle import Read

NOON = 1_800_014_400.0  # 12:00:00 UTC on 15 January 2027
PEOPLE, VEHICLES = "osnet+reid-0288", "vehicle-look"
NOBODY = Detections.none()
LIKE, MAYBE, UNLIKE = 0.95, None, 0.02


def one(*boxes: tuple[float, float, float, float], label: str = "person") -> Detections:
    return Detections(np.array(boxes, np.float32), np.full(len(boxes), 0.9, np.float32), (label,) * len(boxes))


class Axis:
    """An embedder whose every picture is the first axis."""

    model_version = "v1"

    def __init__(self, model: str) -> None:
        self.model = model
        self.seen: list[NDArray[np.uint8]] = []

    def embed(self, pictures: Sequence[NDArray[np.uint8]]) -> Vectors:
        self.seen += pictures
        return np.tile(np.eye(8, dtype=np.float32)[0], (len(pictures), 1))

    def look(self, pictures: Sequence[NDArray[np.uint8]]) -> tuple[Vectors, list[Read]]:
        red, car = np.eye(7, dtype=np.float32)[3], np.eye(4, dtype=np.float32)[0]
        return self.embed(pictures), [Read(red, red, car)] * len(pictures)


@dataclass
class World:
    """Two cameras with a minute from noon; things at offsets in seconds, each at a cosine to the one asked for."""

    kind: str = "person"
    indexed: Sequence[tuple[str, float, float]] = (("gate", 0, 60), ("yard", 0, 60))
    tracks: list[Track] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    crops: list[Crop] = field(default_factory=list)
    pictures: dict[str, list[bytes]] = field(default_factory=dict)
    indexed_with: str = ""

    @property
    def model(self) -> str:
        return PEOPLE if self.kind == "person" else VEHICLES

    @property
    def analyzer(self) -> str:
        return "people_looks" if self.kind == "person" else "vehicle_looks"

    def thing(self, camera: str, start: float, end: float, cosine: float | None, chain: int | None = None) -> World:
        """One track. ``cosine`` None: nothing was embedded of it."""
        number, n = len(self.tracks) + 1, max(2, round((end - start) * 5) + 1)
        ts = NOON + np.linspace(start, end, n)
        boxes, scores = np.tile(np.array([[10, 20, 50, 140]], np.float32), (n, 1)), np.full(n, 0.9, np.float32)
        self.tracks.append(
            Track(number, chain or number, camera, self.kind, "", "fake-detector", "v1", ts, boxes, scores)
        )
        if cosine is not None:
            vector = np.zeros(8, np.float32)
            vector[0], vector[1 + number % 7] = cosine, np.sqrt(1 - cosine**2)
            self.hits.append(Hit(number, camera, float(ts[n // 2]), float("nan"), 0.8, unit(vector)))
        self.crops.append(Crop(number, float(ts[n // 2]), b"jpeg"))
        return self

    def ask(
        self,
        home: Path,
        what: str = "image-1",
        cameras: list[str] | None = None,
        time: str | None = None,
        *,
        script: Sequence[Detections] = (),
        shape: tuple[int, int] = (600, 800),
        scope: frozenset[str] | None = None,
        kinds: Sequence[str] = ("image",),
        now: float = NOON + 3600,
    ) -> Observation:
        files = []
        for i, kind in enumerate(kinds, 1):
            path = home.parent / f"{kind}{i}.jpg"
            path.write_bytes(encode_jpeg(np.full((*shape, 3), 120, np.uint8)))
            files.append(Attachment(f"{kind}-{i}", "video" if kind == "video" else "image", path))
        cams = [Camera(i, name, f"{name}.mp4", (), "UTC", NOON) for i, name in enumerate(("gate", "yard"), 1)]
        shelf = FakeLibrary(
            cams,
            [Person(i, name, "signed", 1) for i, name in enumerate(self.pictures, 1)],
            footage=[Footage(c.name, Path(c.source), 0.0, NOON, NOON + 60) for c in cams],
            looked=[
                Looked(self.analyzer, self.indexed_with or self.model, c, NOON + a, NOON + b)
                for c, a, b in self.indexed
            ],
            tracks=self.tracks,
            hits={self.model: self.hits},
            crops=self.crops,
            pictures=self.pictures,
        )
        request = Request("?", now=now, camera_scope=scope, attachments=tuple(files))
        context = ToolContext(request, Fleet(shelf), shelf, Weights(home, None, "hub"), home, call_id="call-1")
        default = one((100, 50, 300, 550)) if self.kind == "person" else one((100, 50, 500, 350), label="car")
        detector = FakeDetector(script or [default])
        if self.kind == "person":
            return person_tool.find(context, what, cameras, time, detector, Axis(PEOPLE))
        return vehicle_tool.find(context, what, cameras, time, detector, Axis(VEHICLES))  # type: ignore[arg-type]


def doubtful(model: str) -> float:
    """A cosine inside the doubt band of a search for one among one."""
    numbers = load(model)
    return (numbers.lower + numbers.level(np.array([numbers.lower])) + numbers.upper(1)) / 2


def test_seen_on_two_cameras_with_evidence(home: Path) -> None:
    world = World().thing("gate", 5, 8, LIKE).thing("gate", 8.2, 9, LIKE).thing("yard", 30, 32, LIKE)
    seen = world.thing("yard", 40, 50, UNLIKE).ask(home)
    assert (seen.verdict, seen.status, seen.call_id, seen.tool) == ("found", "ok", "call-1", "person_reid")
    assert seen.summary == (
        "The person in image-1 was seen on gate once: from 12:00:05 to 12:00:09 on 15 January 2027 [e1]; by body and "
        "clothing, which others may share. The person in image-1 was seen on yard once: from 12:00:30 to 12:00:32 on "
        "15 January 2027 [e2]; by body and clothing, which others may share."
    )
    assert [
        (c["camera"], round(c["start"] - NOON, 1), round(c["end"] - NOON, 1)) for c in seen.data["appearances"]
    ] == [
        ("gate", 5.0, 9.0),
        ("yard", 30.0, 32.0),
    ]
    first = seen.evidence[0]
    assert (first.camera, first.model, first.model_version, first.who) == ("gate", PEOPLE, "v1", None)
    assert first.track in ("1", "2") and first.crop_jpeg == b"jpeg" and first.xyxy == (10, 20, 50, 140)
    assert first.score == pytest.approx(LIKE, abs=1e-3) and seen.data["compared"] == 4
    assert seen.coverage is not None and seen.coverage.fraction == 1.0


def test_not_seen_says_what_was_compared(home: Path) -> None:
    seen = World().thing("gate", 5, 8, UNLIKE).thing("yard", 5, 8, UNLIKE).ask(home)
    assert seen.verdict == "none" and seen.evidence == ()
    assert seen.summary == (
        "The person in image-1 was not seen on gate and yard in the 2 min indexed (5 frames a second); 2 people seen "
        "there were compared by body and clothing."
    )


def test_a_doubtful_one_is_shown_and_nobody_is_named(home: Path) -> None:
    seen = World().thing("gate", 5, 8, doubtful(PEOPLE)).ask(home)
    assert seen.verdict == "cannot_tell" and seen.data["appearances"] == [] and seen.data["undecided"] == 1
    assert seen.summary.startswith("Cannot tell: 1 person may be the person in image-1, and body and clothing alone")
    assert "Otherwise the person in image-1 was not seen" in seen.summary
    assert seen.evidence[0].label == "may be the person in image-1"


def test_two_alike_side_by_side_are_neither(home: Path) -> None:
    seen = World().thing("gate", 5, 15, 0.95).thing("gate", 6, 14, 0.949).ask(home, cameras=["gate"])
    assert seen.verdict == "cannot_tell" and seen.data["undecided"] == 2


def test_the_less_alike_of_two_side_by_side_is_somebody_else(home: Path) -> None:
    seen = World().thing("gate", 5, 15, 0.99).thing("gate", 6, 14, 0.75).ask(home, cameras=["gate"])
    assert seen.verdict == "found" and [c["camera"] for c in seen.data["appearances"]] == ["gate"]
    assert [e.track for e in seen.evidence] == ["1"]


@pytest.mark.parametrize(
    ("world", "cameras", "words"),
    [
        (World(indexed=()), ["gate"], "gate is not indexed yet: viot index gate"),
        (World(indexed=(("gate", 0, 30),)), ["gate"], "only 50 % of what gate recorded is indexed"),
        (
            World(indexed_with="clothes"),
            ["gate"],
            "indexed with clothes, which cannot be compared with osnet+reid-0288",
        ),
        (
            World().thing("gate", 5, 8, None),
            ["gate"],
            "1 person could not be compared (too small, or seen too briefly)",
        ),
    ],
)
def test_what_was_not_looked_at_is_not_denied(home: Path, world: World, cameras: list[str], words: str) -> None:
    seen = world.ask(home, cameras=cameras)
    assert seen.verdict == "cannot_tell" and words in seen.summary and "annot tell" in seen.summary


def test_the_builtin_detector_denies_nobody(home: Path) -> None:
    shelf = FakeLibrary(
        [Camera(1, "gate", "g.mp4", (), "UTC", NOON)],
        footage=[Footage("gate", Path("g.mp4"), 0.0, NOON, NOON + 60)],
        looked=[Looked("people_looks", "clothes", "gate", NOON, NOON + 60)],
    )
    path = home.parent / "someone.png"
    path.write_bytes(encode_jpeg(np.full((600, 800, 3), 120, np.uint8)))
    request = Request("?", now=NOON + 3600, attachments=(Attachment("image-1", "image", path),))
    context = ToolContext(request, Fleet(shelf), shelf, Weights(home, None, "builtin"), home)
    detector = FakeDetector([one((100, 50, 300, 550))])
    detector.model = "opencv-hog-people"
    seen = person_tool.find(context, "image-1", None, None, detector, Axis("clothes"))
    assert seen.verdict == "cannot_tell" and "opencv-hog-people misses people who sit, are cut off" in seen.summary


def test_a_window_is_a_window(home: Path) -> None:
    world = World().thing("gate", 5, 8, LIKE)
    early = world.ask(home, cameras=["gate"], time="between 12:00:00 and 12:00:20")
    late = world.ask(home, cameras=["gate"], time="between 12:00:20 and 12:00:40")
    assert (early.verdict, late.verdict) == ("found", "none")


@pytest.mark.parametrize(
    ("what", "kinds", "script", "error", "words"),
    [
        ("image-1", ("image",), [NOBODY], RetryFault, "no person was found in image-1"),
        ("image-2", ("image",), [], RetryFault, "there is no image-2 (attached: image-1)"),
        ("image-1", (), [], RetryFault, "nothing is attached"),
        ("video-1", ("video",), [], RetryFault, "video-1 is a video, and a person is looked for by a picture"),
    ],
)
def test_pictures_that_cannot_be_used(
    home: Path, what: str, kinds: Sequence[str], script: Sequence[Detections], error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as caught:
        World().ask(home, what, kinds=kinds, script=script)
    assert words in str(caught.value) and "attach a picture" in str(caught.value)


def test_a_file_that_is_no_picture(home: Path) -> None:
    path = home.parent / "no.jpg"
    path.write_bytes(b"not a picture")
    shelf = FakeLibrary([Camera(1, "gate", "g.mp4", (), "UTC", NOON)])
    request = Request("?", now=NOON, attachments=(Attachment("image-1", "image", path),))
    context = ToolContext(request, Fleet(shelf), shelf, Weights(home, None, "hub"), home)
    with pytest.raises(RetryFault, match="not a picture"):
        person_tool.find(context, "image-1", None, None, FakeDetector([NOBODY]), Axis(PEOPLE))


def test_half_a_person_is_not_looked_for(home: Path) -> None:
    seen = World().thing("gate", 5, 8, LIKE).ask(home, script=[one((100, 50, 400, 300))])
    assert seen.verdict == "cannot_tell" and "shows only a part of the person" in seen.summary


def test_several_people_the_largest_is_taken_and_said(home: Path) -> None:
    seen = World().thing("gate", 5, 8, LIKE).ask(home, script=[one((0, 0, 100, 300), (200, 0, 310, 320))])
    assert seen.verdict == "found"
    assert seen.summary.startswith("image-1 shows 2 people; the largest was looked for. ")


@pytest.mark.parametrize(
    ("shape", "script", "start"),
    [
        (
            (256, 100),
            [NOBODY, NOBODY],
            "No person was recognised in image-1 for certain; the whole of image-1 was taken",
        ),
        ((256, 100), [one((10, 5, 60, 60))], "The whole of image-1 was taken for the person"),
        ((256, 100), [one((5, 5, 95, 250))], "The person in image-1 was not seen"),
    ],
)
def test_cut_outs(home: Path, shape: tuple[int, int], script: Sequence[Detections], start: str) -> None:
    seen = World().thing("gate", 5, 8, UNLIKE).ask(home, shape=shape, script=script, cameras=["gate"])
    assert seen.summary.startswith(start)
    assert seen.verdict == ("cannot_tell" if "for certain" in start else "none")


@pytest.mark.parametrize(("kind", "shape", "label"), [("person", (256, 100), "car"), ("vehicle", (288, 384), "person")])
def test_a_small_picture_of_something_else_is_no_cut_out(
    home: Path, kind: str, shape: tuple[int, int], label: str
) -> None:
    script = [one((10, 10, 90, 90), label=label), NOBODY]
    with pytest.raises(RetryFault, match=f"no {kind} was found in image-1"):
        World(kind).ask(home, shape=shape, script=script)


def test_what_may_be_no_vehicle_gets_no_colour(home: Path) -> None:
    seen = World("vehicle").thing("gate", 5, 8, UNLIKE).ask(home, shape=(288, 384), script=[NOBODY, NOBODY])
    assert seen.summary.startswith("No vehicle was recognised in image-1 for certain; the whole of image-1 was taken")
    assert "reads as" not in seen.summary and seen.verdict == "cannot_tell"


def test_a_large_picture_is_framed_small_and_its_box_comes_back_large() -> None:
    class Watching(FakeDetector):
        def detect(self, image: NDArray[np.uint8]) -> Detections:
            shapes.append(image.shape[:2])
            return super().detect(image)

    shapes: list[tuple[int, ...]] = []
    # found in the framed picture only, which is 1600 x 800 with 640 and 320 pixels around it
    detector = Watching([NOBODY, one((320 + 100, 640 + 200, 320 + 300, 640 + 900))])
    asked = largest(np.zeros((3200, 1600, 3), np.uint8), "image-1", "person", detector)
    assert shapes == [(3200, 1600), (2880, 1440)]
    assert asked is not None and asked.upright == pytest.approx(700 / 200)


def test_an_enrolled_name(home: Path) -> None:
    picture = encode_jpeg(np.full((600, 400, 3), 90, np.uint8))
    world = World(pictures={"Anna Berg": [picture]}).thing("gate", 5, 8, LIKE)
    whole = world.ask(home, "anna berg", kinds=(), script=[one((50, 20, 250, 560))])
    assert whole.verdict == "found" and whole.summary.startswith("Anna Berg is looked for by the clothes of the enrol")
    assert "Somebody who looks like Anna Berg in the enrolment picture was seen on gate once" in whole.summary
    assert "Anna Berg was seen" not in whole.summary and whole.evidence[0].label != "Anna Berg"
    other = World(pictures={"Anna Berg": [picture]}).thing("gate", 5, 8, UNLIKE)
    absent = other.ask(home, "Anna Berg", kinds=(), script=[one((50, 20, 250, 560))])
    assert absent.verdict == "cannot_tell" and "Cannot tell for certain" in absent.summary  # clothes are changed
    face = world.ask(home, "Anna Berg", kinds=(), script=[one((50, 20, 350, 300))])
    assert face.verdict == "cannot_tell" and face.fix == "attach a picture of the whole person"
    assert face.summary == (
        "Cannot tell: Anna Berg is enrolled by face only: attach a picture of the whole person, or ask for the face."
    )
    stranger = world.ask(home, "Carl", kinds=())
    assert stranger.verdict == "cannot_tell" and "Attach a picture of the whole person" in stranger.summary


@pytest.mark.parametrize(
    ("cameras", "time", "scope", "error"),
    [
        (["roof"], None, None, NameFault),
        (["gate"], "at blurrypast", None, TimeFault),
        (["yard"], None, frozenset({"gate"}), PolicyRefusal),
    ],
)
def test_faults_of_names_times_and_scope(
    home: Path, cameras: list[str], time: str | None, scope: frozenset[str] | None, error: type[Exception]
) -> None:
    with pytest.raises(error):
        World().ask(home, cameras=cameras, time=time, scope=scope)


def test_a_vehicle_with_its_colour(home: Path) -> None:
    seen = World("vehicle").thing("gate", 5, 8, 0.999).thing("yard", 5, 8, UNLIKE).ask(home)
    assert seen.verdict == "found" and seen.tool == "vehicle_reid"
    assert seen.summary == (
        "The vehicle in image-1 reads as red, car. The vehicle in image-1 was seen on gate once: from 12:00:05 to "
        "12:00:08 on 15 January 2027 [e1]; by its look, which others may share."
    )


def test_a_vehicle_that_may_be(home: Path) -> None:
    seen = World("vehicle").thing("gate", 5, 8, doubtful(VEHICLES)).ask(home, cameras=["gate"])
    assert seen.verdict == "cannot_tell" and "1 vehicle may be the vehicle in image-1" in seen.summary


@pytest.mark.parametrize("what", ["the red car", "B-XY 123"])
def test_a_vehicle_needs_a_picture(home: Path, what: str) -> None:
    with pytest.raises(RetryFault, match="attach a picture of the vehicle"):
        World("vehicle").ask(home, what)


def test_no_vehicles_in_the_builtin_tier(home: Path) -> None:
    shelf = FakeLibrary([Camera(1, "gate", "g.mp4", (), "UTC", NOON)])
    context = ToolContext(Request("?"), Fleet(shelf), shelf, Weights(home, None, "builtin"), home)
    with pytest.raises(WeightsMissing, match="viot models pull"):
        vehicle_tool.vehicle_reid.fn(context, vehicle="image-1")
