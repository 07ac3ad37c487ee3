"""Scenes and falls on real footage, through the analyzers and the tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from viot_agent.fleet import Fleet
from viot_agent.library.ingest import ingest
from viot_agent.library.store import Library
from viot_agent.media.readers import open_media
from viot_agent.steps import Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_tools.anomaly.analyzer import ActivityAnalyzer
from viot_tools.anomaly.tool import anomaly_detection
from viot_tools.objects.analyzer import ObjectsAnalyzer
from viot_tools.scene.analyzer import SceneAnalyzer
from viot_tools.scene.tool import scene_recognition

pytestmark = [pytest.mark.real]
T0 = 1_772_546_700.0


def indexed(clip: str, shared: Path, home: Path, tier: str) -> ToolContext:
    weights = Weights(home, shared / "models", "hub" if tier == "hub" else "builtin")
    library = Library.open(home)
    library.add_camera("gate 2", str(shared / "videos" / clip), start=T0)
    analyzers = [ObjectsAnalyzer(weights), SceneAnalyzer(weights), ActivityAnalyzer(weights)]
    ingest(library, "gate 2", analyzers, open_reader=open_media)
    return ToolContext(Request("?", now=T0 + 600), Fleet(library), library, weights, home, "run-1", "call-1")


CLIPS = [
    ("falls/fall.mp4", {"kitchen"}, True),
    ("violence/3.mp4", {"park", "forest", "field", "green place", "outdoors"}, False),
]


@pytest.mark.parametrize(("clip", "words", "fall"), CLIPS)
@pytest.mark.slow
def test_a_kitchen_with_a_fall_and_a_lawn_without(
    clip: str, words: set[str], fall: bool, shared: Path, tmp_path: Path
) -> None:
    ctx = indexed(clip, shared, tmp_path, "hub")
    place = scene_recognition.fn(ctx, ["gate 2"])
    assert set(place.data["scenes"]) <= words
    seen = anomaly_detection.fn(ctx, (place.data["scenes"] or ["outdoors"])[0], ["gate 2"])
    assert ("fall" in [a["cause"] for a in seen.data["anomalies"]]) is fall
    assert seen.verdict == ("found" if fall else "cannot_tell")


def test_the_builtin_tier_answers_without_any_hub_file(shared: Path, tmp_path: Path) -> None:
    ctx = indexed("violence/3.mp4", shared, tmp_path, "builtin")
    place = scene_recognition.fn(ctx, ["gate 2"])
    assert set(place.data["scenes"]) <= {"outdoors", "indoors"}
    assert anomaly_detection.fn(ctx, "outdoors", ["gate 2"]).status == "ok"
