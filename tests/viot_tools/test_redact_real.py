"""Redaction on real footage: the labelled clip, with one of its two men kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from viot_agent.fleet import Fleet
from viot_agent.library.fake import FakeLibrary
from viot_agent.media.readers import open_media
from viot_agent.steps import Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_tools.faces.detect import YuNet
from viot_tools.redact.find import make_finder
from viot_tools.redact.hide import BLOCKS, NOISE
from viot_tools.redact.video import redact_video
from viot_tools.redact.who import keeper

pytestmark = [pytest.mark.real, pytest.mark.slow]
LABELS = Path(__file__).resolve().parents[2] / "datasets" / "annotations" / "hamilton_faces.json"


def test_one_man_is_kept_in_his_shot_and_nobody_else_anywhere(
    shared: Path, shared_models: Path, tmp_path: Path
) -> None:
    library = FakeLibrary()
    library.add_person("Lin", [(shared / "faces/ageitgey/lin-manuel-miranda.png").read_bytes()], "test")
    weights = Weights(tmp_path, shared_models, "hub")
    ctx = ToolContext(Request(""), Fleet(library), library, weights, tmp_path)
    source, out = shared / "videos/faces/short_hamilton_clip.mp4", tmp_path / "out.mp4"
    report = redact_video(source, out, make_finder(weights), keeper=keeper(ctx, "Lin"))
    label = json.loads(LABELS.read_text("utf-8"))["visible"]["Lin-Manuel Miranda"][1]
    assert report.shown
    for span in report.shown:  # in his labelled shot alone
        assert label["start"] - 0.1 <= span.first and span.last <= label["end"] + 0.1
    assert sum(s.last - s.first for s in report.shown) > 0.8 * (label["end"] - label["start"])
    times = [t / 10 for t in range(91)]
    detector = YuNet(weights)
    for t, before, after in zip(times, open_media(source).read(times), open_media(out).read(times), strict=True):
        for face in detector.detect(before.image):
            x0, y0, x1, y1 = (int(v) for v in face.xyxy)
            if label["start"] <= t < label["end"] or face.score < 0.7:
                continue
            part = after.image[y0:y1, x0:x1].astype(float)
            was = before.image[y0:y1, x0:x1].astype(float)
            fine = [np.abs(np.diff(p.mean(axis=2), axis=1)).mean() for p in (was, part)]
            # in a dark, coarse face the noise that is drawn is as steep as what it hides: blocks apart by their noise
            noisy = 2 * NOISE * BLOCKS / (x1 - x0)
            assert fine[1] < max(0.4 * fine[0], noisy), (t, face.xyxy)
