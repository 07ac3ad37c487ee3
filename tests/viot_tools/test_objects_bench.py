"""The counting bench on a made-up data folder, with a scripted detector: its arithmetic and what it skips."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from viot_agent.errors import FailedFault
from viot_agent.media.clips import write_clip
from viot_agent.weights import Weights
from viot_tools.bench.counting import (
    Judged,
    _heads,
    count_clip,
    count_sequence,
    count_still,
    head_count,
    measure,
    mot_truth,
    rows,
)
from viot_tools.objects.analyzer import ObjectsAnalyzer
from viot_tools.objects.detections import Detections, FakeDetector


@pytest.mark.parametrize(
    ("low", "high", "counted", "error", "floor"),
    [(2, 2, 2, 0, 1), (2, 3, 3, 0, 1), (2, 3, 5, 2, 1), (4, 4, 1, 3, 3), (0, 0, 0, 0, 1), (0, 1, 1, 0, 0)],
)
def test_an_unsure_frame_counts_as_a_range(low: int, high: int, counted: int, error: int, floor: int) -> None:
    judged = Judged(low, high, counted)
    assert (judged.error, judged.floor_error) == (error, floor)
    assert judged.strictly().error == abs(counted - low)


def people(n: int) -> Detections:
    boxes = np.array([(60 * i, 20, 60 * i + 30, 100) for i in range(n)], np.float32).reshape(-1, 4)
    return Detections(boxes, np.full(n, 0.9, np.float32), ("person",) * n)


def analyzer(home: Path, n: int) -> ObjectsAnalyzer:
    return ObjectsAnalyzer(Weights(home, tier="builtin"), detector=FakeDetector([people(n)]))


def test_annotated_frames_are_looked_at_themselves(tmp_path: Path) -> None:
    clip = tmp_path / "a.mp4"
    write_clip((np.full((120, 240, 3), 3 * k, np.uint8) for k in range(50)), clip, 25.0)
    assert count_clip(analyzer(tmp_path, 3), clip, [0, 7, 33, 49]) == {0: 3, 7: 3, 33: 3, 49: 3}


def sequence(root: Path, name: str) -> Path:
    folder = root / name
    (folder / "img1").mkdir(parents=True)
    (folder / "gt").mkdir()
    (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=30\n", "utf-8")
    lines = []
    for frame in (1, 2, 3):
        cv2.imwrite(str(folder / "img1" / f"{frame:06}.jpg"), np.full((120, 240, 3), 20 * frame, np.uint8))
        lines += [f"{frame},1,0,0,30,80,1,1,1.0", f"{frame},2,60,0,30,80,1,1,0.1", f"{frame},3,90,0,30,80,0,7,0.5"]
        lines += [f"{frame},4,9,9,30,80,0,12,1.0"]
    (folder / "gt" / "gt.txt").write_text("\n".join(lines), "utf-8")
    return folder


def test_mot_truth_counts_visible_people_only(tmp_path: Path) -> None:
    folder = sequence(tmp_path, "MOT17-02-FRCNN")
    assert mot_truth(folder) == {1: 2, 2: 2, 3: 2}
    assert count_sequence(analyzer(tmp_path, 3), folder) == [Judged(2, 2, 3)] * 3


def marked(path: Path, heads: int) -> None:
    """ShanghaiTech's ground truth with so many heads."""
    inner = np.zeros((1, 1), [("location", object), ("number", object)])
    inner[0, 0] = (np.arange(2.0 * heads).reshape(heads, 2), heads)
    cell = np.empty((1, 1), object)
    cell[0, 0] = inner
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(str(path), {"image_info": cell})


def test_a_picture_whose_heads_cannot_be_read_is_left_out_and_said(tmp_path: Path) -> None:
    folder = tmp_path / "videos" / "stills" / "crowd_india_annotated" / "part"
    (folder / "images").mkdir(parents=True)
    for name in ("IMG_1", "IMG_2", "IMG_3"):
        cv2.imwrite(str(folder / "images" / f"{name}.jpg"), np.full((120, 160, 3), 90, np.uint8))
    truth = folder / "ground-truth"
    marked(truth / "GT_IMG_1.mat", 7)
    (truth / "GT_IMG_3.mat").write_bytes((truth / "GT_IMG_1.mat").read_bytes()[:150])
    [row], skipped = _heads(analyzer(tmp_path, 3), tmp_path, False, "hub", 0)
    assert (row.id, row.value, row.n) == ("crowd.mae.heads", 4.0, 1)
    assert "IMG_2.jpg left out: there is no" in skipped[0] and "IMG_3.jpg left out" in skipped[1]
    (truth / "GT_IMG_1.mat").unlink()
    none, skipped = _heads(analyzer(tmp_path, 3), tmp_path, False, "hub", 0)
    assert none == [] and len(skipped) == 3


def test_heads_of_a_marked_picture(tmp_path: Path) -> None:
    marked(tmp_path / "GT_IMG_1.mat", 7)
    assert head_count(tmp_path / "GT_IMG_1.mat") == 7
    savemat(str(tmp_path / "other.mat"), {"points": np.zeros((3, 2))})
    with pytest.raises(FailedFault, match="does not hold heads"):
        head_count(tmp_path / "other.mat")
    cv2.imwrite(str(tmp_path / "IMG_1.jpg"), np.full((120, 160, 3), 90, np.uint8))
    assert count_still(analyzer(tmp_path, 3), tmp_path / "IMG_1.jpg") == 3


def test_the_bench_runs_on_any_folder_and_says_what_it_skips(tmp_path: Path) -> None:
    data = tmp_path / "data"
    sequence(data / "videos" / "stills" / "MOT17-mini" / "train", "MOT17-02-FRCNN")
    (data / "annotations").mkdir()
    clip = {"path": "videos/a.mp4", "frames": {"0": {"people": [[1, 2]], "unsure": []}, "9": {"people": []}}}
    text = json.dumps({"clips": {"a.mp4": clip, "b.mp4": {**clip, "path": "videos/b.mp4"}}})
    (data / "annotations" / "people_counts.json").write_text(text, "utf-8")
    write_clip((np.full((160, 240, 3), 90, np.uint8) for _ in range(20)), data / "videos" / "a.mp4", 10.0)
    found, skipped = measure(data, Weights(tmp_path / "home"), quick=False, seed=0)
    assert [(r.id, r.value, r.n, r.tier, r.floor) for r in found] == [
        ("count.within1", 1.0, 2, "builtin", 1.0),
        ("count.mae", 0.5, 2, "builtin", 0.5),
        ("count.within1.strict", 1.0, 2, "builtin", 1.0),
        ("count.mae.strict", 0.5, 2, "builtin", 0.5),
        ("count.within1.a", 1.0, 2, "builtin", 1.0),
        ("count.mae.a", 0.5, 2, "builtin", 0.5),
        ("crowd.mae", 2.0, 3, "builtin", 1.0),
    ]
    assert [s.split(":")[0] for s in skipped] == ["count.*, crowd.mae in tier hub", "count.*.b", "crowd.mae.heads"]
    assert {"id", "metric", "value", "low", "high", "n", "model", "tier", "floor"} == set(
        rows(data, Weights(tmp_path / "home"), quick=True, seed=0)[0]
    )
