"""Who walks, who stands, and what is cut out, on rendered footage of the benchmark's walkers."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from viot_agent.errors import RetryFault
from viot_agent.library.rows import SegmentInfo, Shared
from viot_agent.media.fake import FakeReader, fake_info
from viot_agent.media.types import Frame
from viot_agent.weights import Weights
from viot_tools.gait.analyzer import FULL, GaitAnalyzer, silhouettes_of
from viot_tools.gait.net import DIMENSIONS, STRIPS, GaitNet
from viot_tools.gait.query import walker_of
from viot_tools.gait.silhouette import align
from viot_tools.gait.walks import CUTS, LEAST_GOOD, Stretch, pace, unfit
from viot_tools.objects.analyzer import ObjectFrame, ObjectsAnalyzer
from viot_tools.objects.detections import Detections, FakeDetector

WIDE, HIGH, TALL = 480, 270, 110
GROUND = cv2.resize(np.random.default_rng(3).uniform(80, 170, (20, 30, 3)).astype(np.float32), (WIDE, HIGH)).astype(
    np.uint8
)


def paint(people: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """A picture with a figure at each (x of the middle, phase), and their boxes (N, 4)."""
    image, boxes = GROUND.copy(), []
    top, foot = 100, 100 + TALL
    for x, phase in people:
        c = int(x)
        swing = int(22 * np.sin(phase))
        cv2.circle(image, (c, top + 10), 10, (30, 30, 200), -1)
        cv2.rectangle(image, (c - 13, top + 20), (c + 13, top + 62), (220, 30, 30), -1)
        for s in (swing, -swing):
            cv2.line(image, (c, top + 60), (c + s, foot - 4), (220, 30, 30), 9)
        boxes.append([c - max(14, abs(swing) + 5), top, c + max(14, abs(swing) + 5), foot])
    return image, np.array(boxes, np.float32).reshape(-1, 4)


def frames(paths: list[list[float]], n: int) -> list[tuple[Frame, ObjectFrame]]:
    """``n`` frames at 5 a second; ``paths[p]`` = [x at the start, pixels a frame]."""
    found = []
    for i in range(n):
        image, boxes = paint([(x + step * i, 1.1 * i) for x, step in paths])
        detections = Detections(boxes, np.full(len(boxes), 0.9, np.float32), ("person",) * len(boxes))
        keys = tuple(f"p{k + 1}" for k in range(len(boxes)))
        found.append((Frame(i, i / 5, image), ObjectFrame(detections, keys)))
    return found


def watched(paths: list[list[float]], n: int = 20) -> Stretch:
    stretch = Stretch()
    for frame, objects in frames(paths, n):
        stretch.see(frame, objects, still=False)
    return stretch


def net() -> GaitNet:
    return GaitNet.of(Weights(Path("/nonexistent"), tier="builtin"))


def test_one_walks_and_one_stands() -> None:
    stretch = watched([[60, 12], [420, 0]])
    [walk] = stretch.walks()
    assert walk.key == "p1"
    assert len(walk.times) >= 15
    assert walk.silhouettes.shape == (len(walk.times), 64, 44)
    assert (np.diff(walk.times) > 0).all()
    assert stretch.reasons()["standing"] >= 15


def test_the_silhouettes_are_those_of_the_figure() -> None:
    [walk] = watched([[60, 12]]).walks()
    image, _ = paint([(240, 1.1 * 15)])
    true = (np.abs(image.astype(int) - GROUND).max(-1) > 10)[100:211]
    best = max(
        ((s > 127) & (align(true) > 127)).sum() / ((s > 127) | (align(true) > 127)).sum() for s in walk.silhouettes
    )
    assert best > 0.85


@pytest.mark.parametrize(
    ("paths", "n", "why"),
    [
        ([[60, 12]], LEAST_GOOD - 1, ""),
        ([[100, 8], [112, 8]], 20, "hidden by others"),
        ([[-2, 0.9]], 14, "cut off by the edge of the picture"),
    ],
    ids=["too short", "two side by side", "at the edge"],
)
def test_no_walk(paths: list[list[float]], n: int, why: str) -> None:
    stretch = watched(paths, n)
    assert stretch.walks() == []
    assert why in {*stretch.reasons(), ""}
    assert not why or stretch.reasons()[why] > 0


@pytest.mark.parametrize(
    ("box", "others", "why"),
    [
        ((100, 50, 140, 150), [], ""),
        ((100, 50, 120, 100), [], "too small"),
        ((0, 50, 40, 150), [], "cut off by the edge of the picture"),
        ((100, 180, 140, 299), [], "cut off by the edge of the picture"),
        ((100, 50, 190, 150), [], "not upright"),
        ((100, 50, 140, 150), [(130, 50, 170, 150)], "hidden by others"),
    ],
)
def test_which_boxes_are_fit(box: tuple[float, ...], others: list[tuple[float, ...]], why: str) -> None:
    assert unfit(box, others, 400, 300) == why  # type: ignore[arg-type]


def test_pace_counts_steps_sideways_and_growing() -> None:
    aside = [(i / 5, (10.0 * i, 0.0, 10.0 * i + 40, 100.0)) for i in range(6)]
    nearer = [(i / 5, (50.0 - 2 * i, 0.0, 90.0 + 2 * i, 100.0 * 1.04**i)) for i in range(6)]
    still = [(i / 5, (50.0, 0.0, 90.0, 100.0)) for i in range(6)]
    assert pace(aside, 0.4) == pytest.approx(0.5, abs=0.01)
    assert pace(nearer, 0.4) > 0.18
    assert pace(still, 0.4) == 0.0
    assert pace(still[:1], 0.0) == 0.0


def test_memory_is_bounded() -> None:
    stretch = Stretch()
    for i in range(300):
        image, boxes = paint([(60 + 4 * i % 360, 1.1 * i)])
        found = Detections(boxes, np.array([0.9], np.float32), ("person",))
        stretch.see(Frame(i, i / 5, image), ObjectFrame(found, ("p1",)), still=False)
    assert len(stretch._pictures) <= 17
    assert len(stretch._people["p1"].cuts) == CUTS


def test_who_stands_for_long_and_then_walks_is_a_walker() -> None:
    stretch, standing = Stretch(), CUTS + 20
    for i in range(standing + 25):
        image, boxes = paint([(60 + 12 * max(0, i - standing), 1.1 * max(0, i - standing))])
        found = Detections(boxes, np.array([0.9], np.float32), ("person",))
        stretch.see(Frame(i, i / 5, image), ObjectFrame(found, ("p1",)), still=False)
    [walk] = stretch.walks()
    assert len(walk.times) >= 15 and walk.times[0] >= standing / 5 - 0.5
    assert len(stretch._people["p1"].cuts) <= CUTS and stretch.reasons()["standing"] >= CUTS


def test_a_repeated_or_still_frame_teaches_nothing() -> None:
    stretch = Stretch()
    for frame, objects in frames([[60, 12]], 20):
        stretch.see(frame, objects, still=frame.index % 2 == 1)
        stretch.see(frame, objects, still=False)
    once = len(stretch.walks()[0].times)
    assert once <= 20


def test_the_analyzer_writes_one_vector_a_walk_and_names_the_track() -> None:
    analyzer = GaitAnalyzer(Weights(Path("/nonexistent"), tier="builtin"), net=net())
    assert analyzer.needs == ("objects",)
    analysis = analyzer.start(SegmentInfo("c", Path("x"), 0, 0.0, 30.0, WIDE, HIGH, 5.0))
    for frame, objects in frames([[60, 12], [420, 0]], 20):
        analysis.see(frame, Shared(1.0, False, {"objects": objects}))
    rows = analysis.finish()
    [vector] = rows.vectors
    assert vector.track == "p1"
    assert vector.model == analyzer.model
    assert np.linalg.norm(vector.vector) == pytest.approx(1.0, abs=1e-5)
    assert silhouettes_of(vector.quality) >= 15
    assert silhouettes_of(1.0) == FULL
    assert rows.tracks == ()


def video(paths: list[list[float]], n: int = 20) -> tuple[FakeReader, ObjectsAnalyzer]:
    made = frames(paths, n)
    reader = FakeReader(fake_info(n / 5, fps=5.0, width=WIDE, height=HIGH), lambda t: made[round(t * 5)][0].image)
    detector = FakeDetector([objects.detections for _, objects in made])
    return reader, ObjectsAnalyzer(Weights(Path("/nonexistent"), tier="builtin"), detector=detector)


def test_the_walker_of_a_video() -> None:
    reader, objects = video([[60, 12], [420, 0]])
    query = walker_of(Path("v.mp4"), "video-1", objects, net(), reader)
    assert query.silhouettes >= 15
    assert query.others == 0
    assert not query.cut
    assert query.vector.shape == (STRIPS * DIMENSIONS,)


def test_a_long_video_is_not_judged_beyond_what_was_looked_at() -> None:
    empty = FakeReader(fake_info(90.0, fps=5.0, width=WIDE, height=HIGH), lambda t: GROUND)
    objects = ObjectsAnalyzer(Weights(Path("/nonexistent"), tier="builtin"), detector=FakeDetector([Detections.none()]))
    with pytest.raises(RetryFault, match="cut out of the first 60 s of video-1: nobody"):
        walker_of(Path("v.mp4"), "video-1", objects, net(), empty)


@pytest.mark.parametrize(
    ("paths", "n", "said"),
    [
        ([[60, 0]], 20, "no walk can be cut out of video-1: standing"),
        ([], 5, "no walk can be cut out of video-1: nobody was found in it"),
        ([[30, 9], [230, 9]], 20, "2 people walk in video-1"),
    ],
)
def test_a_video_that_shows_no_single_walker_says_what_is_needed(paths: list[list[float]], n: int, said: str) -> None:
    reader, objects = video(paths, n)
    with pytest.raises(RetryFault, match=said) as caught:
        walker_of(Path("v.mp4"), "video-1", objects, net(), reader)
    assert "attach" in caught.value.fix
