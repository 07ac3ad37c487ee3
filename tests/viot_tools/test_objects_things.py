"""The analyzer ``things``: what becomes a row, and that people and vehicles are none of its business."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from viot_agent.library.rows import Rows, SegmentInfo, Shared
from viot_agent.media.types import Frame, Image
from viot_agent.weights import Weights
from viot_tools.objects.analyzer import ObjectFrame, ObjectsAnalyzer
from viot_tools.objects.detect import COCO, NAMES, decode, decode_things
from viot_tools.objects.detections import THINGS, Detections, FakeDetector
from viot_tools.objects.things import BEST, LOST_AFTER, NEW, SEEN, ThingsAnalyzer

INFO = SegmentInfo("gate", Path("gate.mp4"), 0, 0.0, 30.0, 320, 240, 5.0)
PICTURE = np.full((240, 320, 3), 90, np.uint8)
CHAIR = (100.0, 100.0, 150.0, 180.0)


def of(label: str, *scores: float) -> Detections:
    n = len(scores)
    return Detections(np.array([CHAIR] * n, np.float32).reshape(n, 4), np.array(scores, np.float32), (label,) * n)


def run(home: Path, *seen: Detections, still: frozenset[int] = frozenset()) -> Rows:
    analysis = ThingsAnalyzer(Weights(home, tier="hub")).start(INFO)
    for i, others in enumerate(seen):
        shared = Shared(still=i in still, results={"objects": ObjectFrame(Detections.none(), (), others)})
        analysis.see(Frame(i, i * 0.2, PICTURE), shared)
    return analysis.finish()


def test_a_chair_is_a_row_with_a_picture(tmp_path: Path) -> None:
    rows = run(tmp_path, *[of("chair", 0.8)] * 10)
    [track] = rows.tracks
    assert (track.kind, track.label, len(track.points)) == ("object", "chair", 10)
    assert {c.track for c in rows.crops} == {track.key} and rows.counts == ()


NONE = {
    "seen too seldom": [of("chair", 0.9)] * (SEEN - 1),
    "never surely": [of("chair", BEST - 0.05)] * 10,
    "too weak to start": [of("chair", NEW - 0.05)] * 10,
    "nothing": [Detections.none()] * 3,
}


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_row(tmp_path: Path, name: str) -> None:
    assert run(tmp_path, *NONE[name]) == Rows()


def test_a_thing_that_flickers_is_one(tmp_path: Path) -> None:
    gap = [Detections.none()] * int((LOST_AFTER - 1) * 5)
    rows = run(tmp_path, *[of("cup", 0.8)] * 3, *gap, *[of("cup", 0.8)] * 3)
    assert [len(t.points) for t in rows.tracks] == [6]


def test_a_phone_is_called_so(tmp_path: Path) -> None:
    assert [t.label for t in run(tmp_path, *[of("cell phone", 0.8)] * 5).tracks] == ["phone"]


class Both(FakeDetector):
    """A detector that sees things in the same pass."""

    def detect_all(self, image: Image) -> tuple[Detections, Detections]:
        return self.detect(image), of("chair", 0.8)


@pytest.mark.parametrize(("kind", "n"), [(FakeDetector, 0), (Both, 1)])
def test_objects_passes_them_on_and_keeps_its_rows(tmp_path: Path, kind: type[FakeDetector], n: int) -> None:
    walker = Detections(np.array([(10, 20, 50, 180)], np.float32), np.array([0.9], np.float32), ("person",))
    analysis = ObjectsAnalyzer(Weights(tmp_path, tier="builtin"), detector=kind([walker])).start(INFO)
    seen = [analysis.see(Frame(i, i * 0.2, PICTURE), Shared(still=i == 4)) for i in range(5)]
    assert [len(x.others) for x in seen] == [n] * 5
    rows = analysis.finish()
    assert [(t.kind, t.label) for t in rows.tracks] == [("person", "person")]
    assert {c.kind for c in rows.counts} == {"person", "vehicle"}


def raw(cell: int, label: str, second: str = "", objectness: float = 0.9) -> np.ndarray:
    """The output for a picture of 32 x 32 pixels (21 cells) with one thing."""
    out = np.zeros((21, 85), np.float32)
    out[cell, 4] = objectness
    out[cell, 5 + NAMES.index(label)] = 0.9
    if second:
        out[cell, 5 + NAMES.index(second)] = 0.8
    return out


def test_names_agree() -> None:
    assert len(NAMES) == 80 and set(NAMES) >= THINGS and not THINGS & set(COCO.values())
    assert all(NAMES[i] == name for i, name in COCO.items())


CASES = {
    # (output, people and vehicles, things)
    "a chair": (raw(3, "chair"), (), ("chair",)),
    "a person who might be a chair": (raw(3, "person", "chair"), ("person",), ()),
    "what is not kept": (raw(3, "toilet"), (), ()),
    "an empty picture": (np.zeros((21, 85), np.float32), (), ()),
    "unsure": (raw(3, "chair", objectness=0.1), (), ()),
}


@pytest.mark.parametrize("name", CASES)
def test_decoding(name: str) -> None:
    given, followed, things = CASES[name]
    assert decode(given, 32, 32, 0.15).label == followed
    found = decode_things(given, 32, 32, 0.15)
    assert found.label == things
    if things:
        assert found.score[0] == pytest.approx(0.81)
        np.testing.assert_allclose(found.xyxy[0], decode(raw(3, "person"), 32, 32, 0.15).xyxy[0])
