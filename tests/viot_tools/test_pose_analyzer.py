"""The analyzer ``poses``: whom it looks at, the square it cuts, the rows it writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import WeightsMissing
from viot_agent.library.rows import SegmentInfo, Shared
from viot_agent.media.types import XYXY, Frame
from viot_agent.weights import Weights
from viot_tools.objects.analyzer import ObjectFrame
from viot_tools.objects.detections import Detections
from viot_tools.pose.analyzer import AT_ONCE, LEAST, PosesAnalyzer
from viot_tools.pose.movenet import PADDING, FakePoses, Square, cut_square, mean_pose, square_around, to_frame
from viot_tools.pose.skeleton import LEFT_OUT, MIRROR
from viot_tools.registry import analyzers

INFO = SegmentInfo("gate", Path("gate.mp4"), 0, 0.0, 30.0, 320, 240, 5.0)


def a_frame(t: float) -> Frame:
    return Frame(round(t * 5), t, np.zeros((240, 320, 3), np.uint8))


def people(*boxes: XYXY, label: str = "person") -> Shared:
    n = len(boxes)
    found = Detections(np.array(boxes, np.float32).reshape(n, 4), np.full(n, 0.8, np.float32), (label,) * n)
    return Shared(results={"objects": ObjectFrame(found, tuple(f"p{i + 1}" for i in range(n)))})


def analyzer(home: Path, fake: FakePoses) -> PosesAnalyzer:
    return PosesAnalyzer(Weights(home, tier="hub"), estimator=fake)


def test_rows_name_the_tracks_of_the_objects(tmp_path: Path) -> None:
    fake = FakePoses()
    analysis = analyzer(tmp_path, fake).start(INFO)
    for t in (0.0, 0.2, 0.4):
        analysis.see(a_frame(t), people((10, 20, 60, 200), (100, 20, 140, 150)))
    rows = analysis.finish()
    assert [(p.track, p.t) for p in rows.poses] == [(k, t) for t in (0.0, 0.2, 0.4) for k in ("p1", "p2")]
    np.testing.assert_allclose(rows.poses[0].keypoints, mean_pose((10, 20, 60, 200)))
    assert rows.events == ()


def test_still_frames_and_frames_shown_again_cost_nothing(tmp_path: Path) -> None:
    fake = FakePoses()
    analysis = analyzer(tmp_path, fake).start(INFO)
    analysis.see(a_frame(0.0), people((10, 20, 60, 200)))
    still = people((10, 20, 60, 200))
    still.still = True
    assert analysis.see(a_frame(0.2), still) == {}
    assert analysis.see(a_frame(0.2), people((10, 20, 60, 200))) == {}
    assert len(fake.asked) == 1 and len(analysis.finish().poses) == 1


def test_the_small_and_the_many_are_left_out_and_counted(tmp_path: Path) -> None:
    fake = FakePoses()
    analysis = analyzer(tmp_path, fake).start(INFO)
    sizes = [100.0 - i for i in range(AT_ONCE + 2)]
    boxes = [(0.0, 0.0, 20.0, s) for s in sizes] + [(0.0, 0.0, 10.0, LEAST - 1)]
    analysis.see(a_frame(0.0), people(*boxes))
    assert [b[3] for b in fake.asked] == sizes[:AT_ONCE], "the largest first"
    [event] = analysis.finish().events
    assert (event.kind, event.data) == (LEFT_OUT, {"small": 1, "crowded": 2})


def test_who_is_looked_at_later_was_not_left_out(tmp_path: Path) -> None:
    analysis = analyzer(tmp_path, FakePoses()).start(INFO)
    analysis.see(a_frame(0.0), people((0, 0, 10, 30)))
    analysis.see(a_frame(0.2), people((0, 0, 20, 90)))
    assert analysis.finish().events == ()


@pytest.mark.parametrize("shared", [people((0, 0, 50, 100), label="car"), Shared(), people()])
def test_nobody_gives_no_rows(shared: Shared, tmp_path: Path) -> None:
    fake = FakePoses()
    analysis = analyzer(tmp_path, fake).start(INFO)
    analysis.see(a_frame(0.0), shared)
    assert analysis.finish().poses == () and fake.asked == []


def test_without_weights_ingest_says_the_command(tmp_path: Path) -> None:
    absent = PosesAnalyzer(Weights(tmp_path, tier="hub"))
    with pytest.raises(WeightsMissing) as caught:
        absent.start(INFO)
    assert "viot models pull movenet" in caught.value.fix


def test_the_builtin_tier_offers_no_poses(tmp_path: Path) -> None:
    assert "poses" not in [a.name for a in analyzers(Weights(tmp_path, tier="builtin"))]


@pytest.mark.parametrize(
    ("box", "square"),
    [
        ((10, 20, 50, 120), Square(-32.5, 7.5, 125.0)),
        ((0, 0, 100, 40), Square(-12.5, -42.5, 125.0)),
        ((5, 5, 5, 5), Square(4.375, 4.375, 1.25)),
    ],
)
def test_the_square_holds_the_box_in_its_middle(box: XYXY, square: Square) -> None:
    assert square_around(box) == square


def test_the_square_is_padded_and_never_stretched() -> None:
    image = np.full((100, 100, 3), 200, np.uint8)
    cut = cut_square(image, Square(-50, -50, 100), 100)
    assert cut.shape == (100, 100, 3)
    assert (cut[:50] == PADDING).all() and (cut[:, :50] == PADDING).all() and (cut[50:, 50:] == 200).all()
    assert (cut_square(image, Square(500, 500, 50)) == PADDING).all(), "wholly outside"


def test_key_points_come_back_to_where_they_were() -> None:
    square = square_around((30, 10, 70, 130))
    raw = np.stack([np.full(17, 0.5), np.linspace(0, 1, 17), np.full(17, 0.9)], 1).astype(np.float32)
    made = to_frame(raw, square)
    assert made[8, 0] == pytest.approx(50, abs=1) and made[8, 1] == pytest.approx(70, abs=1)
    assert made[0, 0] == pytest.approx(square.left, abs=1)
    assert made.dtype == np.float32 and (made[:, 2] == np.float32(0.9)).all()


def test_the_mirror_is_its_own_inverse() -> None:
    assert [MIRROR[MIRROR[i]] for i in range(17)] == list(range(17))
