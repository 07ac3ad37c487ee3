"""``crowd_counting`` over a library in memory: sentences, verdicts, evidence, coverage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import NameFault, PolicyRefusal
from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera
from viot_agent.library.fake import Crop, FakeLibrary, Looked
from viot_agent.library.rows import Count, Footage, Track
from viot_agent.steps import Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_tools.objects.crowd_tool import CURVE_POINTS, crowd_counting

T0 = 1_772_546_700.0  # 14:05:00 UTC on 3 March 2026
GATE = Camera(1, "gate 2", "gate.mp4", ("gates",), "UTC", T0)
DOCK = Camera(2, "dock b", "dock.mp4", (), "UTC", T0)
MODEL = "yolox-nano"


def counts(numbers: Sequence[int], camera: str = "gate 2", model: str = MODEL, step: float = 0.2) -> list[Count]:
    return [Count(camera, T0 + i * step, "person", float(n), model, "abc") for i, n in enumerate(numbers)]


def a_track(number: int, start: float, end: float, chain: int | None = None, score: float = 0.8) -> Track:
    ts = np.arange(start, end + 1e-6, 0.2)
    boxes = np.tile(np.array([[10, 20, 50, 120]], np.float32), (len(ts), 1))
    scores = np.full(len(ts), score, np.float32)
    return Track(number, chain or number, "gate 2", "person", "person", MODEL, "abc", ts, boxes, scores)


def context(library: FakeLibrary, home: Path, scope: frozenset[str] | None = None) -> ToolContext:
    request = Request("how many people?", now=T0 + 600, camera_scope=scope)
    return ToolContext(request, Fleet(library), library, Weights(home, tier="builtin"), home, "run-1", "call-1")


def gate(
    numbers: Sequence[int], tracks: Sequence[Track] = (), *, seconds: float = 60.0, indexed: float | None = None
) -> FakeLibrary:
    looked = seconds if indexed is None else indexed
    return FakeLibrary(
        [GATE],
        footage=[Footage("gate 2", Path("gate.mp4"), 0.0, T0, T0 + seconds)],
        looked=[Looked("objects", MODEL, "gate 2", T0, T0 + looked)] if looked else [],
        counts=counts(numbers),
        tracks=tracks,
        crops=[Crop(t.id, t.start, b"jpeg-%d" % t.id) for t in tracks],
    )


def test_a_busy_minute(tmp_path: Path) -> None:
    numbers = [0] * 100 + [1] * 58 + [2, 4, 4, 4, 2] + [1] * 137
    tracks = [a_track(7, T0 + 20, T0 + 40, score=0.7), a_track(8, T0 + 30, T0 + 34), a_track(9, T0 + 50, T0 + 55)]
    seen = crowd_counting.fn(context(gate(numbers, tracks), tmp_path), time="between 14:05 and 14:06")
    assert seen.summary == (
        "On gate 2 between 14:05:00 and 14:06:00 on 3 March 2026: at most 4 people at once, at 14:05:32 [e1]; usually "
        "1 person, at times nobody; about 4 different people in all."
    )
    assert (seen.verdict, seen.status, seen.call_id) == ("found", "ok", "call-1")
    [piece] = seen.evidence
    assert (piece.id, piece.track, piece.crop_jpeg, piece.model) == ("e1", "8", b"jpeg-8", MODEL)
    assert piece.at == pytest.approx(T0 + 32)
    assert piece.start < T0 + 32 < piece.end and piece.xyxy == (10, 20, 50, 120)
    assert seen.claims[0].evidence == ("e1",)
    assert seen.coverage is not None and seen.coverage.fraction == 1.0
    assert seen.data["cameras"]["gate 2"] == {
        "min": 0,
        "max": 4,
        "typical": 1.0,
        "max_at": pytest.approx(T0 + 32),
        "different": 4,
    }
    curve = seen.data["curve"]["gate 2"]
    assert len(curve) <= CURVE_POINTS and max(n for _, n in curve) == 4


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        (
            [0, 1, 1],
            "never more than 1 person at once, for example at 14:05:00 [e1]; usually 1 person, at times nobody",
        ),
        ([0, 0, 1], "never more than 1 person at once, for example at 14:05:00 [e1]; usually nobody"),
        ([0, 3, 0], "at most 3 people at once, at 14:05:00 [e1]; usually nobody"),
        ([2, 3, 2, 3], "at most 3 people at once, at 14:05:00 [e1]; usually 2 or 3 people, never fewer than 2"),
    ],
)
def test_the_numbers_are_said_plainly(numbers: list[int], said: str, tmp_path: Path) -> None:
    seen = crowd_counting.fn(context(gate(numbers, seconds=len(numbers) / 5), tmp_path))
    assert said in seen.summary and "typically" not in seen.summary
    alone = "probably one and the same person." if max(numbers) == 1 else "about 3 different people in all."
    assert seen.summary.endswith(alone)


def test_everybody_in_view_stands_beside_the_one_who_is_cut_out(tmp_path: Path) -> None:
    tracks = [a_track(7, T0 + 20, T0 + 40), a_track(8, T0 + 30, T0 + 34), a_track(9, T0 + 50, T0 + 55)]
    [piece] = crowd_counting.fn(context(gate([0] * 150 + [2] * 10 + [0] * 140, tracks), tmp_path)).evidence
    assert {str(piece.track), *piece.beside} == {"7", "8"}  # of these the picture shows the boxes


def test_nobody_is_none_with_what_was_covered(tmp_path: Path) -> None:
    seen = crowd_counting.fn(context(gate([0] * 300), tmp_path))
    assert seen.summary == (
        "On gate 2 between 14:05:00 and 14:06:00 on 3 March 2026: nobody in view in any of the 300 frames looked at "
        "(5 a second, 100 % of the footage)."
    )
    assert seen.verdict == "none" and seen.evidence == () and seen.data["cameras"]["gate 2"]["max"] == 0


def test_different_people_are_chains_without_flickers(tmp_path: Path) -> None:
    tracks = [
        a_track(1, T0, T0 + 10, chain=1),
        a_track(2, T0 + 10, T0 + 20, chain=1),
        a_track(3, T0 + 30, T0 + 30, score=0.4),
        a_track(4, T0 + 40, T0 + 50),
    ]
    seen = crowd_counting.fn(context(gate([1] * 300, tracks), tmp_path))
    assert seen.data["cameras"]["gate 2"]["different"] == 2
    assert "1 person all the time, for example at 14:05:30 [e1]; about 2 different people in all." in seen.summary


def test_there_are_never_fewer_different_people_than_were_seen_at_once(tmp_path: Path) -> None:
    seen = crowd_counting.fn(context(gate([0, 3, 3] * 100, [a_track(1, T0, T0 + 10)]), tmp_path))
    assert seen.data["cameras"]["gate 2"]["different"] == 3


CANNOT = [
    ("not indexed", gate([], indexed=0), None, "Cannot tell: gate 2 is not indexed yet: viot index 'gate 2'."),
    (
        "out of the footage",
        gate([1] * 300),
        "between 16:00 and 17:00",
        "Cannot tell: gate 2 has footage from 14:05:00 to 14:06:00 on 3 March 2026, "
        "and none for 'between 16:00 and 17:00' (from 16:00:00 to 17:00:00 on 2 March 2026).",
    ),
    (
        "half indexed",
        gate([1] * 150, indexed=30.0),
        None,
        "Cannot tell: only 50 % of what gate 2 recorded is indexed (viot index 'gate 2').",
    ),
    (
        "indexed by another analyzer only",
        FakeLibrary(
            [GATE],
            footage=[Footage("gate 2", Path("gate.mp4"), 0.0, T0, T0 + 60)],
            looked=[Looked("faces", "yunet", "gate 2", T0, T0 + 60)],
        ),
        None,
        "Cannot tell: gate 2 was not searched for people then: viot index 'gate 2'.",
    ),
]


@pytest.mark.parametrize(("name", "library", "time", "said"), CANNOT, ids=[c[0] for c in CANNOT])
def test_cannot_tell(name: str, library: FakeLibrary, time: str | None, said: str, tmp_path: Path) -> None:
    seen = crowd_counting.fn(context(library, tmp_path), time=time)
    assert seen.summary == said
    assert seen.verdict == "cannot_tell" and seen.data["cameras"] == {} and seen.evidence == ()


def test_a_window_wider_than_the_footage_is_said(tmp_path: Path) -> None:
    seen = crowd_counting.fn(context(gate([0, 1] * 150), tmp_path), time="between 14:00 and 15:00")
    assert seen.summary.startswith(
        "On gate 2, which has footage only between 14:05:00 and 14:06:00 on 3 March 2026 of the time asked for: never"
    )


def test_the_model_that_covers_more_speaks(tmp_path: Path) -> None:
    library = FakeLibrary(
        [GATE],
        footage=[Footage("gate 2", Path("gate.mp4"), 0.0, T0, T0 + 60)],
        looked=[
            Looked("objects", MODEL, "gate 2", T0, T0 + 60),
            Looked("objects", "opencv-hog-people", "gate 2", T0, T0 + 30),
        ],
        counts=counts([2] * 300) + counts([9] * 150, model="opencv-hog-people"),
    )
    seen = crowd_counting.fn(context(library, tmp_path))
    assert seen.data["cameras"]["gate 2"]["max"] == 2 and seen.evidence[0].model == MODEL


def test_between_equals_the_tier_in_force_speaks(tmp_path: Path) -> None:
    library = FakeLibrary(
        [GATE],
        footage=[Footage("gate 2", Path("gate.mp4"), 0.0, T0, T0 + 60)],
        looked=[Looked("objects", m, "gate 2", T0, T0 + 60) for m in (MODEL, "opencv-hog-people")],
        counts=counts([2] * 300) + counts([9] * 300, model="opencv-hog-people"),
    )
    assert crowd_counting.fn(context(library, tmp_path)).data["cameras"]["gate 2"]["max"] == 9


TWO = [
    ("found beats cannot tell", [1] * 300, None, "found"),
    ("nobody here, unknown there", [0] * 300, None, "cannot_tell"),
    ("nobody anywhere", [0] * 300, [0] * 300, "none"),
]


@pytest.mark.parametrize(("name", "here", "there", "verdict"), TWO, ids=[c[0] for c in TWO])
def test_two_cameras(name: str, here: list[int], there: list[int] | None, verdict: str, tmp_path: Path) -> None:
    cameras = ["gate 2", "dock b"] if there is not None else ["gate 2"]
    library = FakeLibrary(
        [GATE, DOCK],
        footage=[Footage(c.name, Path("x.mp4"), 0.0, T0, T0 + 60) for c in (GATE, DOCK)],
        looked=[Looked("objects", MODEL, c, T0, T0 + 60) for c in cameras],
        counts=counts(here) + counts(there or [], "dock b"),
    )
    seen = crowd_counting.fn(context(library, tmp_path))
    assert seen.verdict == verdict and len(seen.claims) == 2
    assert seen.data["untold"] == ([] if there is not None else ["dock b"])


def test_faults_are_the_fleets(tmp_path: Path) -> None:
    with pytest.raises(NameFault, match="gate 9"):
        crowd_counting.fn(context(gate([1]), tmp_path), cameras=["gate 9"])
    library = FakeLibrary([GATE, DOCK])
    with pytest.raises(PolicyRefusal):
        crowd_counting.fn(context(library, tmp_path, frozenset({"dock b"})), cameras=["gate 2"])
