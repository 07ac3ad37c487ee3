"""One table of questions, asked of the library on disk, on PostgreSQL and of the fake: all must answer alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from viot_agent.errors import LibraryFault, NameFault, UserFault, ViotError
from viot_agent.fleet.types import Camera, Person
from viot_agent.library import api
from viot_agent.library.fake import Crop, FakeLibrary, Looked
from viot_agent.library.records import Fingerprint, RunRows, RunStamp, SegmentSpan
from viot_agent.library.rows import (
    Attribute,
    AttributeRow,
    Count,
    CountRow,
    CropRow,
    Event,
    EventRow,
    Footage,
    Hit,
    PlateRead,
    PlateRow,
    PoseRow,
    Poses,
    Rows,
    Track,
    TrackPoint,
    TrackRow,
    VectorRow,
)
from viot_agent.library.store import Library

DAY = 1_767_225_600.0  # 2026-01-01 00:00 UTC
VECTORS = {
    "gate a": (DAY + 5, [1.0, 0.0, 0.0, 0.0]),
    "gate b": (DAY + 35, [0.0, 1.0, 0.0, 0.0]),
    "Dock ü": (DAY + 105, [0.6, 0.8, 0.0, 0.0]),
}


def _track(key: str, kind: str, *times: float) -> TrackRow:
    return TrackRow(key, kind, tuple(TrackPoint(t, (1.0, 2.0, 30.0, 40.0), 0.5) for t in times), "a")


def _pose(number: float) -> NDArray[np.float32]:
    """Key points that tell which pose they are."""
    return np.arange(51, dtype=np.float32).reshape(17, 3) + np.float32(number)


def stored(library: Library) -> Library:
    """Two cameras: ``gate`` with a minute in two segments, ``Dock ü`` with half a minute, 100 s later, less well
    indexed."""
    library.add_camera("gate", "gate.mp4", groups=["north", "doors"], tz="Europe/Berlin", start=DAY)
    library.add_camera("Dock ü", "dock", groups=[])
    library.add_person("Ada", [b"one", b"two"], "signed form")
    common: dict[str, Any] = {"start_origin": "camera", "fps": 25.0, "width": 64, "height": 36}
    gate = library.add_media("gate", Path("gate.mp4"), Fingerprint(1, 1.0, "a"), start_ts=DAY, duration=60.0, **common)
    dock = library.add_media(
        "Dock ü", Path("dock/1.mp4"), Fingerprint(1, 1.0, "b"), start_ts=DAY + 100, duration=30.0, **common
    )
    faces, people = RunStamp("faces", "1", "net", "7"), RunStamp("people", "1", "yolo", "2")
    vec = {k: np.array(v, np.float32) for k, (_, v) in VECTORS.items()}
    first = Rows(
        tracks=(_track("a", "face", 1, 5, 29.5), _track("lone", "face", 10)),
        crops=(CropRow("a", 5, (0, 0, 1, 1), b"good", 0.9), CropRow("a", 29, (0, 0, 1, 1), b"late", 0.4)),
        vectors=(VectorRow("a", 5, "embed", vec["gate a"], 0.75),),
        events=(EventRow("fire", 3, 3, 0.5, {"level": 1}), EventRow("fire", 8, 12, 0.25)),
    )
    second = Rows(
        tracks=(_track("b", "face", 30.5, 59),),
        vectors=(VectorRow("b", 35, "embed", vec["gate b"], 0.5),),
        plates=(PlateRow("b", 40, "皖AT6M00", 0.75, (0.5, 1.0), (1, 2, 3, 4), b"plate"),),
        counts=(CountRow("person", 31, 3), CountRow("person", 30, 2)),
        poses=(PoseRow("b", 31, _pose(1)), PoseRow("b", 32, _pose(2)), PoseRow("b", 59, _pose(3))),
        attributes=(
            AttributeRow("b", 35, "upper_colour", "red", 0.5),
            AttributeRow("b", 36, "carrying", "bag", 0.25),
            AttributeRow("b", 36, "carrying", "backpack", 0.75),
        ),
    )
    third = Rows(
        tracks=(_track("c", "face", 5, 6), _track("v", "vehicle", 1, 2)),
        vectors=(VectorRow("c", 5, "embed", vec["Dock ü"], 0.25),),
        counts=(CountRow("person", 5, 1), CountRow("car", 5, 4)),
        poses=(PoseRow("c", 5, _pose(4)),),
        attributes=(AttributeRow("v", 1, "colour", "white", 0.75),),
    )
    library.write_segment(gate, SegmentSpan(0, 0.0, 30.0), [RunRows(faces, first, 5.0, 150)])
    library.write_segment(gate, SegmentSpan(1, 30.0, 60.0), [RunRows(faces, second, 5.0, 150)])
    library.write_segment(
        dock,
        SegmentSpan(0, 0.0, 30.0),
        [RunRows(RunStamp("faces", "1", "old net", "1"), third, 2.0, 60), RunRows(people, Rows(), 5.0, 150)],
    )
    return library


def in_memory(home: Path) -> FakeLibrary:
    """The same, as rows."""

    def track(id: int, chain: int, camera: str, kind: str, model: str, *times: float) -> Track:
        n = len(times)
        boxes = np.tile(np.array([1, 2, 30, 40], np.float32), (n, 1))
        return Track(
            id, chain, camera, kind, "a", *model.split("/"), np.array(times), boxes, np.full(n, 0.5, np.float32)
        )

    hits = [
        Hit(n, "gate" if "gate" in key else key, ts, math.nan, q, np.array(v, np.float32))
        for (key, (ts, v)), n, q in zip(VECTORS.items(), (1, 3, 4), (0.75, 0.5, 0.25), strict=True)
    ]
    return FakeLibrary(
        [
            Camera(1, "gate", "gate.mp4", ("doors", "north"), "Europe/Berlin", DAY),
            Camera(2, "Dock ü", "dock", (), "UTC", None),
        ],
        [Person(1, "Ada", "signed form", 2)],
        pictures={"Ada": [b"one", b"two"]},
        footage=[
            Footage("gate", Path("gate.mp4"), 0.0, DAY, DAY + 60, 64, 36),
            Footage("Dock ü", Path("dock/1.mp4"), 0.0, DAY + 100, DAY + 130, 64, 36),
        ],
        looked=[
            Looked("faces", "net", "gate", DAY, DAY + 30),
            Looked("faces", "net", "gate", DAY + 30, DAY + 60),
            Looked("faces", "old net", "Dock ü", DAY + 100, DAY + 130, 2.0),
            Looked("people", "yolo", "Dock ü", DAY + 100, DAY + 130),
        ],
        tracks=[
            track(1, 1, "gate", "face", "net/7", DAY + 1, DAY + 5, DAY + 29.5),
            track(2, 2, "gate", "face", "net/7", DAY + 10),
            track(3, 1, "gate", "face", "net/7", DAY + 30.5, DAY + 59),
            track(4, 4, "Dock ü", "face", "old net/1", DAY + 105, DAY + 106),
            track(5, 5, "Dock ü", "vehicle", "old net/1", DAY + 101, DAY + 102),
        ],
        hits={"embed": hits},
        crops=[Crop(1, DAY + 5, b"good", 0.9), Crop(1, DAY + 29, b"late", 0.4)],
        plates=[
            PlateRead(3, "gate", DAY + 40, "皖AT6M00", 0.75, (0.5, 1.0), (1, 2, 3, 4), b"plate", "net", "7"),
        ],
        poses=[
            Poses(4, 4, "Dock ü", np.array([DAY + 105]), _pose(4)[None], "old net", "1"),
            Poses(
                3, 1, "gate", DAY + np.array([31.0, 32.0, 59.0]), np.stack([_pose(n) for n in (1, 2, 3)]), "net", "7"
            ),
        ],
        attributes=[
            Attribute(3, 1, "gate", DAY + 35, "upper_colour", "red", 0.5, "net", "7"),
            Attribute(5, 5, "Dock ü", DAY + 101, "colour", "white", 0.75, "old net", "1"),
            Attribute(3, 1, "gate", DAY + 36, "carrying", "bag", 0.25, "net", "7"),
            Attribute(3, 1, "gate", DAY + 36, "carrying", "backpack", 0.75, "net", "7"),
        ],
        counts=[
            Count("gate", DAY + 31, "person", 3, "net", "7"),
            Count("gate", DAY + 30, "person", 2, "net", "7"),
            Count("Dock ü", DAY + 105, "person", 1, "old net", "1"),
            Count("Dock ü", DAY + 105, "car", 4, "old net", "1"),
        ],
        events=[
            Event("gate", DAY + 8, DAY + 12, "fire", 0.25, {}, "net", "7"),
            Event("gate", DAY + 3, DAY + 3, "fire", 0.5, {"level": 1}, "net", "7"),
        ],
    )


def plain(value: Any) -> Any:
    """Rows with arrays as lists, numbers rounded, nan comparable."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, float):
        return "nan" if math.isnan(value) else round(value, 3)
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value


Ask = Callable[[api.Library], Any]
ASKS: dict[str, tuple[Ask, int | None]] = {
    # name: (question, how many rows the answer has)
    "cameras": (lambda x: x.cameras(), 2),
    "same camera again": (lambda x: x.add_camera("GATE ", "gate.mp4", groups=["other"]), None),
    "people": (lambda x: x.people(), 1),
    "pictures": (lambda x: x.person_pictures("ada"), 2),
    "no vectors": (lambda x: x.person_vectors("Ada", "embed").shape, None),
    "spans": (lambda x: x.spans("gate"), 1),
    "spans, other case": (lambda x: x.spans("dock Ü"), 1),
    "coverage of all": (lambda x: x.coverage("faces", None, None, None), None),
    "coverage by model": (lambda x: x.coverage("faces", None, None, None, model="net"), None),
    "coverage of a window": (lambda x: x.coverage("faces", ["gate"], DAY + 10, DAY + 90), None),
    "coverage, nothing there": (lambda x: x.coverage("faces", ["gate"], DAY + 500, DAY + 600), None),
    "coverage, never run": (lambda x: x.coverage("fire", ["Dock ü", "gate"], None, None), None),
    "coverage, open start": (lambda x: x.coverage("people", None, None, DAY + 110), None),
    "models": (lambda x: x.models("faces", None), 2),
    "models of one": (lambda x: x.models("faces", ["Dock ü"]), 1),
    "models, none": (lambda x: x.models("fire", None), 0),
    "footage": (lambda x: x.footage("gate", DAY + 50, DAY + 500), 1),
    "footage, none": (lambda x: x.footage("gate", DAY + 60, DAY + 500), 0),
    "tracks": (lambda x: x.tracks("face", None, None, None), 4),
    "tracks by model": (lambda x: x.tracks("face", None, None, None, model="old net"), 1),
    "tracks of a camera": (lambda x: x.tracks("face", ["gate", "gate"], None, None), 3),
    "tracks, end excluded": (lambda x: x.tracks("face", ["gate"], DAY, DAY + 1), 0),
    "tracks, start at a track's end": (lambda x: x.tracks("face", ["gate"], DAY + 29.5, DAY + 30), 0),
    "tracks, reaching in": (lambda x: x.tracks("face", ["gate"], DAY + 15, DAY + 16), 1),
    "tracks, a point at the start": (lambda x: x.tracks("face", ["gate"], DAY + 10, DAY + 10.1), 2),
    "tracks, a point at the end": (lambda x: x.tracks("face", ["gate"], DAY + 9, DAY + 10), 1),
    "tracks, nowhere": (lambda x: x.tracks("face", [], None, None), 0),
    "vectors": (lambda x: x.vectors("embed", None, None, None), 3),
    "vectors in a window": (lambda x: x.vectors("embed", ["gate"], DAY + 5, DAY + 35), 1),
    "vectors, other model": (lambda x: x.vectors("none", None, None, None), 0),
    "search": (lambda x: x.search("embed", np.array([3, 1, 0, 0], np.float32), None, None, None), 3),
    "search, one best": (lambda x: x.search("embed", np.array([3, 1, 0, 0], np.float32), None, None, None, k=1), 1),
    "search, k 0": (lambda x: x.search("embed", np.ones(4, np.float32), None, None, None, k=0), 0),
    "search a camera": (lambda x: x.search("embed", np.ones(4, np.float32), ["Dock ü"], None, None), 1),
    "search a window": (lambda x: x.search("embed", np.ones(4, np.float32), None, DAY + 35, DAY + 105), 1),
    "search with zeros": (lambda x: x.search("embed", np.zeros(4, np.float32), None, None, None), 0),
    "one track": (lambda x: [x.track(t.id) for t in x.tracks("face", None, None, None)], 4),
    "no such track": (lambda x: [x.track(999)], 1),
    "best crop": (lambda x: x.best_crop(1), None),
    "best crop near": (lambda x: x.best_crop(1, near=DAY + 28), None),
    "no crop": (lambda x: x.best_crop(3), None),
    "plates": (lambda x: x.plates(None, None, None), 1),
    "plates by model": (lambda x: x.plates(None, None, None, model="old net"), 0),
    "plates, at the start": (lambda x: x.plates(["gate"], DAY + 40, None), 1),
    "plates, at the end": (lambda x: x.plates(["gate"], None, DAY + 40), 0),
    "poses": (lambda x: x.poses(None, None, None), 2),
    "poses of a camera": (lambda x: x.poses(["gate"], None, None), 1),
    "poses in a window": (lambda x: x.poses(None, DAY + 31, DAY + 59), 1),
    "poses, at the last one": (lambda x: x.poses(None, DAY + 59, DAY + 60), 1),
    "poses, between two": (lambda x: x.poses(None, DAY + 40, DAY + 50), 0),
    "poses by model": (lambda x: x.poses(None, None, None, model="old net"), 1),
    "attributes": (lambda x: x.attributes(None, None, None), 4),
    "attributes of a camera": (lambda x: x.attributes(["Dock ü"], None, None), 1),
    "attributes, a stretch of the track where they were not seen": (
        lambda x: x.attributes(None, DAY + 50, DAY + 51),
        3,
    ),
    "attributes, before the track": (lambda x: x.attributes(None, DAY, DAY + 30.5), 0),
    "attributes, at the track's end": (lambda x: x.attributes(["gate"], DAY + 59, None), 0),
    "attributes by model": (lambda x: x.attributes(None, None, None, model="old net"), 1),
    "counts": (lambda x: x.counts("person", None, None, None), 3),
    "counts in a window": (lambda x: x.counts("person", None, DAY + 31, DAY + 105), 1),
    "counts by model": (lambda x: x.counts("person", None, None, None, model="old net"), 1),
    "events": (lambda x: x.events("fire", None, None, None), 2),
    "events, a point": (lambda x: x.events("fire", None, DAY + 3, DAY + 4), 1),
    "events, reaching in": (lambda x: x.events("fire", ["gate"], DAY + 10, DAY + 11), 1),
}

FAULTS: dict[str, tuple[Ask, type[ViotError], str]] = {
    "unknown camera": (lambda x: x.tracks("face", ["gaet"], None, None), NameFault, "did you mean 'gate'"),
    "unknown camera, spans": (lambda x: x.spans("zzz"), NameFault, "known: Dock ü, gate"),
    "unknown camera, search": (
        lambda x: x.search("embed", np.ones(4, np.float32), ["dok ü"], None, None),
        NameFault,
        "did you mean 'Dock ü'",
    ),
    "unknown camera, removed": (lambda x: x.remove_camera("nowhere"), NameFault, "no camera named 'nowhere'"),
    "unknown person": (lambda x: x.person_pictures("Adda"), NameFault, "did you mean 'Ada'"),
    "unknown person, vectors": (
        lambda x: x.set_person_vectors("Bob", "m", np.ones((1, 4), np.float32)),
        NameFault,
        "no person named 'Bob'",
    ),
    "taken by another source": (lambda x: x.add_camera("Gate", "other.mp4"), NameFault, "already a camera 'gate'"),
    "enrolled twice": (lambda x: x.add_person("ADA", [], "signed"), NameFault, "already enrolled"),
    "no consent": (lambda x: x.add_person("Bob", [], "  "), UserFault, "needs a consent"),
    "no name": (lambda x: x.add_camera(" ", "a"), UserFault, "needs a name"),
    "long name": (lambda x: x.add_camera("x" * 121, "a"), UserFault, "121 characters"),
    "control characters": (lambda x: x.add_person("a\x00b", [], "c"), UserFault, "control characters"),
    "bad group": (lambda x: x.add_camera("new", "a", groups=["\n"]), UserFault, "group needs a name"),
    "no source": (lambda x: x.add_camera("new", " "), UserFault, "needs a source"),
    "no such zone": (lambda x: x.add_camera("new", "a", tz="Mars/North"), UserFault, "no time zone 'Mars/North'"),
    "bad zone": (lambda x: x.add_camera("new", "a", tz="../etc/passwd"), UserFault, "no time zone"),
    "other length": (lambda x: x.search("embed", np.ones(3, np.float32), None, None, None), LibraryFault, "length 4"),
}


@pytest.fixture(scope="module")
def both(module_place: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[api.Library, api.Library]]:
    home = tmp_path_factory.mktemp("contract")
    with stored(module_place.open(home)) as library:
        yield library, in_memory(home)


@pytest.mark.parametrize("name", ASKS)
def test_same_answers(both: tuple[api.Library, api.Library], name: str) -> None:
    ask, n = ASKS[name]
    real, fake = (plain(ask(x)) for x in both)
    assert real == fake
    assert n is None or len(real) == n


@pytest.mark.parametrize("name", FAULTS)
def test_same_faults(both: tuple[api.Library, api.Library], name: str) -> None:
    ask, kind, words = FAULTS[name]
    for library in both:
        with pytest.raises(kind) as caught:
            ask(library)
        assert type(caught.value) is kind
        assert words in str(caught.value)
    assert plain(both[0].cameras()) == plain(both[1].cameras())


@pytest.mark.parametrize("fake", [False, True])
def test_changes(fake: bool, place: Any, tmp_path: Path) -> None:
    """What changes the library: cameras, people, vectors; told apart only by who keeps it."""
    library: api.Library = in_memory(tmp_path) if fake else stored(place.open(tmp_path))
    assert library.add_camera("new", "new.mp4", groups=["b", "a", "a"]).groups == ("a", "b")
    bob = library.add_person("  Bob Ü ", [b"p"], " because ")
    assert (bob.name, bob.consent, bob.pictures) == ("Bob Ü", "because", 1)
    assert [p.name for p in library.people()] == ["Ada", "Bob Ü"]
    vectors = np.arange(8, dtype=np.float32).reshape(2, 4)
    library.set_person_vectors("bob ü", "embed", vectors)
    library.set_person_vectors("bob ü", "other", vectors[:1])
    np.testing.assert_array_equal(library.person_vectors("Bob Ü", "embed"), vectors)
    library.set_person_vectors("Bob Ü", "embed", vectors[:1] + 1)
    np.testing.assert_array_equal(library.person_vectors("Bob Ü", "embed"), vectors[:1] + 1)
    library.set_person_vectors("Bob Ü", "embed", np.zeros((0, 4), np.float32))
    assert library.person_vectors("Bob Ü", "embed").shape == (0, 0)
    with pytest.raises(ValueError, match=r"\(N, D\)"):
        library.set_person_vectors("Bob Ü", "embed", np.ones(4, np.float32))
    library.remove_person("BOB ü")
    assert [p.name for p in library.people()] == ["Ada"]
    library.remove_camera("Gate")
    assert [c.name for c in library.cameras()] == ["Dock ü", "new"]
    assert {h.camera for h in library.search("embed", np.ones(4, np.float32), None, None, None)} == {"Dock ü"}
    assert library.plates(None, None, None) == []
    assert [p.camera for p in library.poses(None, None, None)] == ["Dock ü"]
    assert [a.camera for a in library.attributes(None, None, None)] == ["Dock ü"]
    assert library.events("fire", None, None, None) == []
    assert [t.camera for t in library.tracks("face", None, None, None)] == ["Dock ü"]
    assert library.best_crop(1) is None
    assert library.models("faces", None) == ["old net"]
    assert library.add_camera("gate", "another.mp4").id not in (1, 2)
    assert library.spans("gate") == []
    if isinstance(library, Library):
        library.close()
