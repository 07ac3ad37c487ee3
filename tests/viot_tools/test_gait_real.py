"""Walks on real footage: indexed by the real path, and asked about with a part of the same walk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from viot_agent.errors import RetryFault
from viot_agent.fleet import Fleet
from viot_agent.library.ingest import ingest
from viot_agent.library.store import Library
from viot_agent.media.clips import cut_clip
from viot_agent.media.readers import open_media
from viot_agent.steps import Attachment, Observation, Request
from viot_agent.toolbox import ToolContext
from viot_agent.weights import Weights
from viot_tools.gait.analyzer import GaitAnalyzer
from viot_tools.gait.tool import CAVEAT, gait_recognition
from viot_tools.objects.analyzer import ObjectsAnalyzer

pytestmark = [pytest.mark.real]
T0 = 1_772_373_600.0


@pytest.fixture(scope="module")
def weights(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return Weights(tmp_path_factory.mktemp("home"), shared / "models", "hub")


@pytest.fixture(scope="module")
def corridor(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 20 seconds: one person walks the length of the corridor (0 to 5 s), others meet and stand."""
    path = tmp_path_factory.mktemp("clips") / "corridor.mp4"
    cut_clip(shared / "videos" / "people-detection.264", 0.0, 20.0, path)
    return path


@pytest.fixture(scope="module")
def house(weights: Weights, corridor: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("library")) as library:
        library.add_camera("corridor", str(corridor), start=T0)
        ingest(library, "corridor", [ObjectsAnalyzer(weights), GaitAnalyzer(weights)], open_reader=open_media)
        yield library


def ask(house: Library, weights: Weights, video: Path) -> Observation:
    request = Request("?", now=T0 + 20.0, attachments=(Attachment("video-1", "video", video),))
    ctx = ToolContext(request, Fleet(house), house, weights, weights.home, call_id="c1")
    return gait_recognition.fn(ctx, person="video-1")


@pytest.mark.slow
def test_the_corridor_has_walks(house: Library) -> None:
    hits = house.vectors("gait-walkers", ["corridor"], None, None)
    assert 1 <= len(hits) <= 6
    assert all(house.track(h.track) is not None for h in hits)


def test_the_same_walk_is_found_in_its_own_footage(
    house: Library, weights: Weights, corridor: Path, tmp_path: Path
) -> None:
    part = tmp_path / "part.mp4"
    cut_clip(corridor, 0.0, 8.0, part)
    seen = ask(house, weights, part)
    assert seen.verdict == "found"
    [appearance] = seen.data["appearances"]
    assert appearance["start"] - T0 < 3.0 < 5.5 < appearance["end"] - T0
    assert CAVEAT in seen.summary


def test_a_video_in_which_nobody_walks_says_what_is_needed(
    house: Library, weights: Weights, shared: Path, tmp_path: Path
) -> None:
    road = tmp_path / "road.mp4"
    cut_clip(shared / "videos" / "intel" / "car-detection.mp4", 0.0, 6.0, road)
    with pytest.raises(RetryFault, match="no walk can be cut out of video-1"):
        ask(house, weights, road)
