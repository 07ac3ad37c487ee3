"""NTU RGB+D files: read whole, and refused with the line when they are something else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import MediaFault
from viot_finetune.vision.skeleton_ntu import KINECT, action_of, read


def joint(k: int, frame: int, state: int = 2) -> str:
    return f"0.1 0.2 3.0 200 150 {100 + k} {500 + 2 * k + frame} 0 0 0 1 {state}"


def body(name: str, frame: int, state: int = 2) -> list[str]:
    return [f"{name} 0 1 1 1 1 0 0.01 -0.2 2", "25", *(joint(k, frame, state) for k in range(25))]


def written(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_two_bodies_over_three_frames(tmp_path: Path) -> None:
    lines = ["3", "1", *body("7205", 0), "2", *body("7205", 1), *body("7206", 1, state=1), "0"]
    first, second = read(written(tmp_path / "S001C001P001R001A043.skeleton", lines))
    assert (first.id, second.id) == ("7205", "7206")
    np.testing.assert_allclose(first.ts, [0, 1 / 30])
    assert first.keypoints.shape == (2, 17, 3) and first.keypoints.dtype == np.float32
    for k in (0, 5, 10, 16):
        np.testing.assert_allclose(first.keypoints[1, k, :2], [100 + KINECT[k], 501 + 2 * KINECT[k]])
    assert first.keypoints[0, 5, 2] == pytest.approx(0.8)
    assert second.keypoints[0, 5, 2] == pytest.approx(0.3)
    assert first.keypoints[0, 1, 2] < 0.1, "Kinect has no eyes"


@pytest.mark.parametrize(
    ("name", "action"),
    [("S001C001P001R001A043", "falling"), ("S010C003P021R002A023", "waving"), ("S001C001P001R001A001", ""), ("x", "")],
)
def test_action_of_a_name(name: str, action: str) -> None:
    assert action_of(name) == action


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["many"], "line 1: a whole number"),
        (["1"], "line 2: the file ends too early"),
        (["1", "1", "7205 0 1"], "line 3: a body has ten values"),
        (["1", "1", "7205 0 1 1 1 1 0 0 0 2", "24", *(joint(k, 0) for k in range(24))], "25 joints"),
        (["1", "1", "7205 0 1 1 1 1 0 0 0 2", "25", "1 2 3"], "line 5: a joint has 12 values"),
        (["1", "1", "7205 0 1 1 1 1 0 0 0 2", "25", "a b"], "line 5: numbers belong here"),
    ],
)
def test_other_layouts_are_refused(lines: list[str], words: str, tmp_path: Path) -> None:
    with pytest.raises(MediaFault, match=words):
        read(written(tmp_path / "a.skeleton", lines))


def test_no_text_at_all(tmp_path: Path) -> None:
    (tmp_path / "a.skeleton").write_bytes(b"\xff\xfe\x00\xd8" * 10)
    with pytest.raises(MediaFault, match="cannot be read as text"):
        read(tmp_path / "a.skeleton")
