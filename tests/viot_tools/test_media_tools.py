"""``list_cameras`` and ``export_clip`` over a library in memory and clips written on the spot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import FailedFault, NameFault, RetryFault
from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera
from viot_agent.library.fake import FakeLibrary, Looked
from viot_agent.library.rows import Footage
from viot_agent.media.clips import write_clip
from viot_agent.media.probe import probe
from viot_agent.steps import Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_tools.media_tools import export_clip, list_cameras
from viot_tools.saying import footage_words, people_words

T0 = 1_772_546_700.0  # 14:05:00 UTC on 3 March 2026


def context(library: FakeLibrary, home: Path, scope: frozenset[str] | None = None) -> ToolContext:
    request = Request("a clip, please", now=T0 + 600, camera_scope=scope)
    return ToolContext(request, Fleet(library), library, Weights(home, tier="builtin"), home, "run-1", "call-1")


def camera(number: int, name: str, source: str = "rtsp://10.0.0.1/live") -> Camera:
    return Camera(number, name, source, ("gates",), "UTC", T0)


@pytest.fixture
def recorded(tmp_path: Path) -> FakeLibrary:
    """Two files of 4 s on one camera, 14:05:00 and 14:05:10."""
    footage = []
    for i, start in enumerate((T0, T0 + 10)):
        path = tmp_path / f"part {i}.mp4"
        write_clip((np.full((48, 64, 3), 40 * i + k, np.uint8) for k in range(40)), path, 10.0)
        footage.append(Footage("gate 2", path, 0.0, start, start + 4))
    looked = [Looked("objects", "yolox-nano", "gate 2", f.start, f.end) for f in footage]
    return FakeLibrary([camera(1, "gate 2")], footage=footage, looked=looked)


def test_list_cameras_says_state_span_and_missing_sources(tmp_path: Path) -> None:
    library = FakeLibrary(
        [camera(1, "gate 2"), camera(2, "dock b", str(tmp_path / "gone.mp4"))],
        footage=[Footage("gate 2", Path("x.mp4"), 0.0, T0, T0 + 60)],
        looked=[Looked("objects", "yolox-nano", "gate 2", T0, T0 + 60)],
    )
    seen = list_cameras.fn(context(library, tmp_path))
    assert seen.summary == (
        "There are 2 cameras: gate 2 (group gates): indexed from 14:05:00 on 3 March 2026 to 14:06:00 on 3 March 2026, "
        "60 s of footage. dock b (group gates): not indexed yet; its source is not there now."
    )
    assert [c["source_exists"] for c in seen.data["cameras"]] == [True, False]
    assert seen.verdict == "info" and len(seen.claims) == 2


@pytest.mark.parametrize(
    ("scope", "said"), [(frozenset({"gate 2"}), "There is 1 camera: gate 2"), (frozenset[str](), "There is no camera")]
)
def test_list_cameras_keeps_to_the_scope(scope: frozenset[str], said: str, tmp_path: Path) -> None:
    library = FakeLibrary([camera(1, "gate 2"), camera(2, "dock b")])
    seen = list_cameras.fn(context(library, tmp_path, scope))
    assert seen.summary.startswith(said) and "dock b" not in seen.summary


def test_export_cuts_every_file_of_the_window(recorded: FakeLibrary, tmp_path: Path) -> None:
    ctx = context(recorded, tmp_path / "home")
    seen = export_clip.fn(ctx, cameras=["gate 2"], time="between 14:05:02 and 14:05:12")
    assert seen.summary == (
        "clip-1 shows gate 2 from 14:05:02 to 14:05:04 on 3 March 2026 [e1]. "
        "clip-2 shows gate 2 from 14:05:10 to 14:05:12 on 3 March 2026 [e2]."
    )
    assert list(ctx.handles) == ["clip-1", "clip-2"]
    for piece, path in zip(seen.evidence, ctx.handles.values(), strict=True):
        assert piece.clip == str(path)
        assert path.is_relative_to(tmp_path / "home" / "exports" / "run-1")
        assert probe(path).duration == pytest.approx(2.0, abs=0.11)
    assert seen.verdict == "info" and [c["handle"] for c in seen.data["clips"]] == ["clip-1", "clip-2"]


def test_nothing_recorded_then_cannot_be_told(recorded: FakeLibrary, tmp_path: Path) -> None:
    seen = export_clip.fn(context(recorded, tmp_path / "home"), cameras=["gate 2"], time="between 15:00 and 15:05")
    assert seen.verdict == "cannot_tell" and seen.evidence == ()
    assert seen.summary == (
        "Cannot tell: gate 2 has footage from 14:05:00 to 14:05:04 on 3 March 2026, from 14:05:10 to 14:05:14 on "
        "3 March 2026, and none for 'between 15:00 and 15:05' (from 15:00:00 to 15:05:00 on 2 March 2026)."
    )
    assert not (tmp_path / "home" / "exports").exists()


def test_a_camera_never_indexed_says_how(tmp_path: Path) -> None:
    for source, how in (
        ("rtsp://10.0.0.1/live", "nothing of gate 2 was looked at yet: viot watch --camera 'gate 2'."),
        ("gate.mp4", "gate 2 is not indexed yet: viot index 'gate 2'."),
    ):
        library = FakeLibrary([camera(1, "gate 2", source)])
        seen = export_clip.fn(context(library, tmp_path), cameras=["gate 2"], time="since midnight")
        assert seen.summary == f"Cannot tell: {how}"


def test_more_than_ten_minutes_asks_for_less(tmp_path: Path) -> None:
    hour = Footage("gate 2", tmp_path / "hour.mp4", 0.0, T0, T0 + 3600)
    library = FakeLibrary(
        [camera(1, "gate 2")], footage=[hour], looked=[Looked("objects", "yolox-nano", "gate 2", T0, T0 + 3600)]
    )
    with pytest.raises(RetryFault, match="55 minutes of footage; a clip may have 10"):
        export_clip.fn(context(library, tmp_path), cameras=["gate 2"], time="between 14:00 and 15:00")


def test_a_long_time_with_little_footage_is_cut(recorded: FakeLibrary, tmp_path: Path) -> None:
    seen = export_clip.fn(context(recorded, tmp_path / "home"), cameras=["gate 2"], time="today")
    assert [c["end"] - c["start"] for c in seen.data["clips"]] == [4.0, 4.0]


def test_nothing_is_cut_when_one_camera_is_wrong(recorded: FakeLibrary, tmp_path: Path) -> None:
    with pytest.raises(NameFault):
        export_clip.fn(context(recorded, tmp_path / "home"), cameras=["gate 2", "dock 9"], time="at 14:05")
    assert not (tmp_path / "home").exists()


def test_a_recording_that_is_gone_fails_with_the_way_out(tmp_path: Path) -> None:
    library = FakeLibrary(
        [camera(1, "gate 2")],
        footage=[Footage("gate 2", tmp_path / "gone.mp4", 0.0, T0, T0 + 60)],
        looked=[Looked("objects", "yolox-nano", "gate 2", T0, T0 + 60)],
    )
    with pytest.raises(FailedFault, match="not there any more"):
        export_clip.fn(context(library, tmp_path), cameras=["gate 2"], time="between 14:05:10 and 14:05:20")


def test_a_strange_camera_name_makes_a_plain_file_name(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_clip((np.zeros((48, 64, 3), np.uint8) for _ in range(20)), path, 10.0)
    library = FakeLibrary(
        [camera(1, "../hof & tor")],
        footage=[Footage("../hof & tor", path, 0.0, T0, T0 + 2)],
        looked=[Looked("objects", "yolox-nano", "../hof & tor", T0, T0 + 2)],
    )
    ctx = context(library, tmp_path / "home")
    export_clip.fn(ctx, cameras=["../hof & tor"], time="between 14:05:00 and 14:05:02")
    assert [p.name for p in ctx.handles.values()] == ["hof-tor-20260303T140500Z-1.mp4"]


def test_words(tmp_path: Path) -> None:
    gate = camera(1, "gate 2")
    fleet = Fleet(FakeLibrary([gate]))
    many = [(T0 + 100 * i, T0 + 100 * i + 5) for i in range(5)]
    assert footage_words(fleet, gate, many).endswith(", and 2 more stretches")
    assert [people_words(n) for n in (0, 1, 2)] == ["nobody", "1 person", "2 people"]
