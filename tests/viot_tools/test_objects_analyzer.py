"""The analyzer from frames to rows, with a scripted detector; and once with the real ones on real footage."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from viot_agent.errors import WeightsMissing
from viot_agent.library.rows import Rows, SegmentInfo, Shared
from viot_agent.media.readers import open_media
from viot_agent.media.types import Frame
from viot_agent.weights import Weights
from viot_tools.objects.analyzer import ObjectFrame, ObjectsAnalyzer
from viot_tools.objects.crops import Album, crop_quality
from viot_tools.objects.detections import PERSON, Detections, FakeDetector

SEGMENT = SegmentInfo("gate 2", Path("x.mp4"), 0, 0.0, 30.0, 320, 240, 5.0)
PICTURE = np.full((240, 320, 3), 90, np.uint8)


def scene(*rows: tuple[float, float, float, float, float, str]) -> Detections:
    return Detections(
        np.array([r[:4] for r in rows], np.float32).reshape(-1, 4),
        np.array([r[4] for r in rows], np.float32),
        tuple(r[5] for r in rows),
    )


def run(
    detector: FakeDetector, home: Path, n: int, still: frozenset[int] = frozenset(), step: float = 0.2
) -> tuple[Rows, list[ObjectFrame]]:
    analysis = ObjectsAnalyzer(Weights(home, tier="builtin"), detector=detector).start(SEGMENT)
    seen = [analysis.see(Frame(i, i * step, PICTURE), Shared(still=i in still)) for i in range(n)]
    return analysis.finish(), seen


WALKER = (100.0, 60.0, 140.0, 200.0, 0.9, "person")
CAR = (10.0, 20.0, 90.0, 80.0, 0.8, "car")


def test_rows_of_a_walker_and_a_car(tmp_path: Path) -> None:
    rows, seen = run(FakeDetector([scene(WALKER, CAR)]), tmp_path, 10)
    assert [(t.key, t.kind, t.label, len(t.points)) for t in rows.tracks] == [
        ("p1", "person", "person", 10),
        ("v1", "vehicle", "car", 10),
    ]
    assert {(c.kind, c.n) for c in rows.counts} == {("person", 1.0), ("vehicle", 1.0)}
    assert len(rows.counts) == 20
    assert seen[0].track_keys == ("p1", "v1") and seen[0].detections.label == ("person", "car")
    by_track = {key: [c for c in rows.crops if c.track == key] for key in ("p1", "v1")}
    assert {len(c) for c in by_track.values()} == {2}
    assert all(abs(c[0].t - c[1].t) >= 1.0 for c in by_track.values())
    assert cv2.imdecode(np.frombuffer(rows.crops[0].jpeg, np.uint8), cv2.IMREAD_COLOR) is not None


def test_a_tier_that_sees_no_vehicles_writes_no_vehicle_counts(tmp_path: Path) -> None:
    rows, _ = run(FakeDetector([scene(WALKER)], sees=frozenset({PERSON})), tmp_path, 3)
    assert {c.kind for c in rows.counts} == {"person"}


def test_an_empty_picture_is_counted_as_nobody(tmp_path: Path) -> None:
    rows, seen = run(FakeDetector([Detections.none()]), tmp_path, 4)
    assert [c.n for c in rows.counts if c.kind == "person"] == [0.0] * 4
    assert rows.tracks == () and rows.crops == () and seen[0].track_keys == ()


def test_a_still_picture_is_not_looked_at_again(tmp_path: Path) -> None:
    detector = FakeDetector([scene(WALKER), Detections.none()])
    rows, seen = run(detector, tmp_path, 5, still=frozenset({1, 2, 3, 4}))
    assert detector.seen == 1
    assert [c.n for c in rows.counts if c.kind == "person"] == [1.0] * 5
    assert seen[-1].track_keys == ("p1",)


def test_the_first_frame_is_looked_at_even_if_called_still(tmp_path: Path) -> None:
    detector = FakeDetector([scene(WALKER)])
    run(detector, tmp_path, 1, still=frozenset({0}))
    assert detector.seen == 1


def test_a_frame_shown_again_counts_once(tmp_path: Path) -> None:
    rows, seen = run(FakeDetector([scene(WALKER)]), tmp_path, 4, step=0.0)
    assert len([c for c in rows.counts if c.kind == "person"]) == 1
    assert seen[3] is seen[0]


def test_segments_share_no_state_and_repeat_exactly(tmp_path: Path) -> None:
    analyzer = ObjectsAnalyzer(Weights(tmp_path, tier="builtin"), detector=FakeDetector([scene(WALKER, CAR)]))
    results = []
    for _ in range(2):
        analysis = analyzer.start(SEGMENT)
        for i in range(6):
            analysis.see(Frame(i, i / 5, PICTURE), Shared())
        results.append(analysis.finish())
    assert results[0] == results[1]


def test_an_empty_segment_has_no_rows(tmp_path: Path) -> None:
    assert run(FakeDetector([Detections.none()]), tmp_path, 0)[0] == Rows()


def test_hub_without_its_file_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="viot models pull yolox-nano"):
        ObjectsAnalyzer(Weights(tmp_path, tier="hub"))


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ((100, 50, 140, 180, 0.9), (100, 50, 140, 180, 0.5)),
        ((100, 50, 140, 180, 0.6), (100, 50, 110, 80, 0.6)),
        ((100, 50, 140, 180, 0.6), (0, 50, 40, 180, 0.8)),
    ],
    ids=["surer", "larger", "not cut off"],
)
def test_crop_quality(better: tuple[float, ...], worse: tuple[float, ...]) -> None:
    def quality(b: tuple[float, ...]) -> float:
        return crop_quality(320, 240, (b[0], b[1], b[2], b[3]), b[4])

    assert 0 < quality(worse) < quality(better) <= 1


def test_the_album_keeps_the_best_two_and_small_ones(tmp_path: Path) -> None:
    album = Album()
    big = np.zeros((900, 900, 3), np.uint8)
    for t, score in enumerate([0.3, 0.9, 0.5, 0.8, 0.1]):
        album.offer("p1", float(t), big, (10, 10, 400, 800), score)
    rows = album.rows(["p1", "p9"])
    assert [r.t for r in rows] == [1.0, 3.0]
    picture = cv2.imdecode(np.frombuffer(rows[0].jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None and max(picture.shape) == 256


def test_a_box_outside_the_frame_gives_no_crop() -> None:
    album = Album()
    album.offer("p1", 0.0, PICTURE, (400, 10, 500, 80), 0.9)
    assert album.rows(["p1"]) == ()


@pytest.mark.real
@pytest.mark.parametrize(("tier", "vehicles"), [("hub", True), ("builtin", False)])
def test_real_people_are_found(tier: str, vehicles: bool, shared: Path, shared_models: Path, tmp_path: Path) -> None:
    analyzer = ObjectsAnalyzer(Weights(tmp_path, shared_models, "hub" if tier == "hub" else "builtin"))
    clip = shared / "videos" / "actions" / "demo_skeleton.mp4"  # two men in an empty room
    reader = open_media(clip)
    analysis = analyzer.start(SEGMENT)
    for frame in reader.read([i / 5 for i in range(5)]):
        analysis.see(frame, Shared())
    rows = analysis.finish()
    people = [c.n for c in rows.counts if c.kind == "person"]
    assert np.median(people) == 2
    assert any(c.kind == "vehicle" for c in rows.counts) is vehicles
    assert all(0 <= p.xyxy[0] < p.xyxy[2] <= 1920 for t in rows.tracks for p in t.points)
