"""Poses and actions on real footage: the model's own picture, a fall that is found in time, and none where none is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from viot_agent.fleet import Fleet
from viot_agent.library.ingest import ingest
from viot_agent.library.store import Library
from viot_agent.media.readers import open_media
from viot_agent.steps import Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_tools.bench import pose
from viot_tools.objects.analyzer import ObjectsAnalyzer
from viot_tools.pose.action_tool import action_recognition
from viot_tools.pose.analyzer import PosesAnalyzer
from viot_tools.pose.tool import pose_estimation

pytestmark = [pytest.mark.real]
START = 1_772_546_700.0


def test_the_models_own_picture_and_people_marked_by_eye(shared: Path, home: Path) -> None:
    rows, skipped = pose.pose_rows(shared, Weights(home, shared / "models", "hub"), 0)
    by_id = {r.id: r for r in rows}
    assert skipped == [] and by_id["pose.reference"].value >= 0.9
    assert by_id["pose.pck"].value >= 0.85 and by_id["pose.pck.gain"].low > 0


@pytest.mark.parametrize(
    ("clip", "fall"), [("videos/falls/fall.mp4", 4.5), ("videos/actions/S001C001P001R001A001_rgb.avi", None)]
)
def test_a_fall_is_found_within_a_second(clip: str, fall: float | None, shared: Path, home: Path) -> None:
    weights = Weights(home, shared / "models", "hub")
    with Library.open(home) as library:
        library.add_camera("kitchen", str(shared / clip), start=START)
        ingest(library, "kitchen", [ObjectsAnalyzer(weights), PosesAnalyzer(weights)], open_reader=open_media)
        ctx = ToolContext(
            Request("did anyone fall?", now=START + 600), Fleet(library), library, weights, home, "r", "c"
        )
        handle = pose_estimation.fn(ctx).data["handle"]
        seen = action_recognition.fn(ctx, poses=handle)
    falls = [a for p in seen.data["people"] for a in p["actions"] if a["action"] == "falling"]
    if fall is None:
        assert falls == [] and "standing" in seen.summary
        return
    [only] = falls
    assert abs(only["end"] - START - fall) <= 1.0 and only["alarm"] is False
    assert "1 person fell at" in seen.summary and np.isfinite(seen.evidence[0].score or np.nan)
