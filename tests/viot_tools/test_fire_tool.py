"""``fire_smoke_detection`` on a library in memory: verdicts, words, evidence and coverage."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from viot_agent.errors import NameFault
from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera
from viot_agent.library.fake import FakeLibrary, Looked
from viot_agent.library.rows import Event, Footage
from viot_agent.steps import Observation, Request
from viot_agent.toolbox import ToolContext
from viot_agent.weights import Weights
from viot_tools.fire.tool import LISTED, fire_smoke_detection, joined

T0 = 1_772_373_600.0  # 14:00:00 on 1 March 2026, UTC
NOW = T0 + 3600
MODEL = "viot-fire"
DOCK = Camera(1, "dock B", "dock.mp4", ("docks",), "UTC", T0)
YARD = Camera(2, "yard", "yard.mp4", (), "UTC", T0)


def event(
    kind: str = "fire",
    start: float = 60,
    end: float = 70,
    *,
    camera: str = "dock B",
    moves: bool = True,
    score: float = 0.9,
    model: str = MODEL,
    **data: object,
) -> Event:
    whole = {
        "xyxy": [1, 2, 3, 4],
        "after": 2.0,
        "frames": 50,
        "positive": 40,
        "moves": moves,
        "alone": False,
        "stir": 9.0,
        "grew": 1.0,
        **data,
    }
    return Event(camera, T0 + start, T0 + end, kind, score, whole, model, "v1")


def library(*events: Event, indexed: float = 600.0, model: str = MODEL) -> FakeLibrary:
    cameras = [DOCK, YARD]
    looked = [Looked("fire", model, c.name, T0, T0 + indexed) for c in cameras] if indexed else []
    footage = [Footage(c.name, Path(c.source), 0.0, T0, T0 + 600) for c in cameras]
    return FakeLibrary(cameras, footage=footage, looked=looked, events=events)


def ask(books: FakeLibrary, home: Path, scope: frozenset[str] | None = None, **args: object) -> Observation:
    request = Request("?", now=NOW, camera_scope=scope)
    context = ToolContext(request, Fleet(books), books, Weights(home, tier="builtin"), home, call_id="c1")
    return fire_smoke_detection.fn(context, **args)


def test_importing_the_tool_loads_no_vision_library() -> None:
    code = "import sys, viot_tools.fire.tool; print([m for m in ('cv2', 'onnxruntime', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_found(tmp_path: Path) -> None:
    seen = ask(library(event(grew=3.0), event("smoke", 65, 80)), tmp_path)
    assert seen.verdict == "found"
    assert seen.claims[0].text == (
        "Fire was seen on dock B from 14:01:00 to 14:01:10 on 1 March 2026 "
        "(score 0.90, in 40 of 50 frames, growing to 3.0 times its size) [e1]."
    )
    assert seen.claims[1].text.startswith("Smoke was seen on dock B from 14:01:05 to 14:01:20")
    assert "No fire or smoke was seen on yard in the 10 min of footage" in seen.summary
    piece = seen.evidence[0]
    assert (piece.camera, piece.start, piece.end, piece.at) == ("dock B", T0 + 60, T0 + 70, T0 + 62)
    assert (piece.xyxy, piece.label, piece.model, piece.model_version) == ((1, 2, 3, 4), "fire", MODEL, "v1")
    assert [c.evidence for c in seen.claims[:2]] == [("e1",), ("e2",)]
    assert [e["kind"] for e in seen.data["events"]] == ["fire", "smoke"]


def test_what_does_not_move_is_never_an_alarm(tmp_path: Path) -> None:
    seen = ask(library(event(moves=False)), tmp_path, cameras=["dock B"])
    assert seen.verdict == "cannot_tell"
    assert seen.claims[0].text.startswith("Cannot tell whether dock B shows real fire: something looks like it from")
    assert "does not move" in seen.summary and seen.evidence[0].label == "fire?"


def test_one_picture_alone(tmp_path: Path) -> None:
    seen = ask(library(event(moves=False, alone=True)), tmp_path, cameras=["dock B"])
    assert seen.verdict == "cannot_tell" and "no second one shows whether it moves" in seen.summary


def test_none_says_what_was_looked_at(tmp_path: Path) -> None:
    seen = ask(library(), tmp_path)
    assert seen.verdict == "none" and not seen.evidence
    assert seen.summary.startswith("No fire or smoke was seen on dock B and yard in the 20 min of footage")
    assert "5 frames a second sampled" in seen.summary
    assert seen.coverage is not None and seen.coverage.fraction == 1.0


@pytest.mark.parametrize(
    ("indexed", "args", "words"),
    [
        (0.0, {}, "dock B is not indexed yet: viot index 'dock B'"),
        (300.0, {}, "only 50 % of what dock B recorded is indexed"),
        (600.0, {"time": "between 13:00 and 14:00 on 1 March 2026"}, "dock B has footage from 14:00:00"),
    ],
)
def test_too_little_was_looked_at(tmp_path: Path, indexed: float, args: dict[str, object], words: str) -> None:
    seen = ask(library(indexed=indexed), tmp_path, cameras=["dock B"], **args)
    assert seen.verdict == "cannot_tell" and words in seen.summary


@pytest.mark.parametrize(("moves", "verdict"), [(True, "found"), (False, "cannot_tell")])
def test_what_was_not_looked_at_is_said_also_where_something_was_found(
    tmp_path: Path, moves: bool, verdict: str
) -> None:
    seen = ask(library(event(moves=moves), indexed=300.0), tmp_path, cameras=["dock B"])
    assert seen.verdict == verdict and "only 50 % of what dock B recorded is indexed" in seen.summary


def test_none_spans_only_what_was_searched_for_fire(tmp_path: Path) -> None:
    footage = [Footage("dock B", Path("dock.mp4"), 0.0, T0, T0 + 600)]
    looked = [Looked("fire", MODEL, "dock B", T0 + 20, T0 + 580), Looked("objects", "x", "dock B", T0, T0 + 600)]
    seen = ask(FakeLibrary([DOCK], footage=footage, looked=looked), tmp_path)
    assert seen.verdict == "none"
    assert "(from 14:00:20 to 14:09:40 on 1 March 2026; 5 frames a second sampled)" in seen.summary


def test_of_two_models_that_looked_at_as_much_the_one_in_force_speaks(tmp_path: Path) -> None:
    footage = [Footage("dock B", Path("dock.mp4"), 0.0, T0, T0 + 600)]
    looked = [Looked("fire", m, "dock B", T0, T0 + 600) for m in ("an-older-one", MODEL)]
    books = FakeLibrary([DOCK], footage=footage, looked=looked, events=[event(model="an-older-one")])
    assert ask(books, tmp_path).verdict == "none"


def test_a_fire_is_found_also_where_the_rest_is_not_indexed(tmp_path: Path) -> None:
    seen = ask(library(event(), indexed=300.0), tmp_path)
    assert seen.verdict == "found" and "Cannot tell for certain" in seen.summary


def test_the_window_cuts_the_event(tmp_path: Path) -> None:
    books = library(event(start=30, end=300))
    seen = ask(books, tmp_path, cameras=["dock B"], time="between 14:02 and 14:03 on 1 March 2026")
    assert seen.verdict == "found"
    assert (seen.evidence[0].start, seen.evidence[0].end) == (T0 + 120, T0 + 180)
    assert seen.evidence[0].at == T0 + 150 and seen.evidence[0].xyxy is None  # the surest frame lies outside
    later = ask(books, tmp_path, cameras=["dock B"], time="between 14:06 and 14:08 on 1 March 2026")
    assert later.verdict == "none"


def test_scope_and_names(tmp_path: Path) -> None:
    assert ask(library(event()), tmp_path, scope=frozenset({"yard"})).verdict == "none"
    with pytest.raises(NameFault):
        ask(library(), tmp_path, cameras=["dock Z"])


def test_events_across_a_border_of_segments_are_one() -> None:
    a, b = event(start=20, end=30, score=0.8, after=1.0), event(start=30.2, end=40, score=0.95, after=4.0, moves=False)
    far = event(start=60, end=62)
    made = joined([b, a, far, event("smoke", 21, 22)])
    assert [(e.kind, e.start - T0, e.end - T0) for e in made] == [
        ("fire", 20, 40),
        ("smoke", 21, 22),
        ("fire", 60, 62),
    ]
    assert made[0].score == 0.95 and made[0].data["moves"]
    assert made[0].start + made[0].data["after"] == pytest.approx(T0 + 34.2)  # the moment of the surer one
    assert (made[0].data["frames"], made[0].data["positive"]) == (100, 80)


def test_a_long_list_is_counted(tmp_path: Path) -> None:
    many = [event(start=10 + 20 * k, end=12 + 20 * k) for k in range(LISTED + 3)]
    seen = ask(library(*many), tmp_path, cameras=["dock B"])
    assert len(seen.evidence) == LISTED and "There are 3 more such stretches." in seen.summary


def test_rows_of_another_model_do_not_speak(tmp_path: Path) -> None:
    seen = ask(library(event(model="older"), indexed=600.0), tmp_path, cameras=["dock B"])
    assert seen.verdict == "none"


def test_a_fire_that_only_two_segments_together_make_is_found(tmp_path: Path) -> None:
    def end(start: float, stop: float, first: float) -> Event:
        looks = [[round(first + 0.2 * i - start, 2), 0.99, [1, 2, 3, 4], 0.1, 9.0] for i in range(3)]
        quiet = [[round(0.2 * i, 2), 0.1, None, 0.0, None] for i in range(15)]
        kept = [*(q for q in quiet if all(abs(q[0] - k[0]) > 0.1 for k in looks)), *looks]
        data = {"step": 0.2, "looks": sorted(kept, key=lambda k: float(k[0]))}  # type: ignore[arg-type]
        return Event("dock B", T0 + start, T0 + stop, "fire-edge", 0.0, data, MODEL, "v2")

    both = [end(27, 30, 29.4), end(30, 33, 30.0)]
    seen = ask(library(*both), tmp_path, cameras=["dock B"])
    assert seen.verdict == "found"
    assert seen.claims[0].text.startswith("Fire was seen on dock B from 14:00:29 to 14:00:30 on 1 March 2026")
    for one in both:
        assert ask(library(one), tmp_path, cameras=["dock B"]).verdict == "none"
    # the window's edge does not hide the other side of the border
    asked = ask(library(*both), tmp_path, cameras=["dock B"], time="between 14:00:30 and 14:01 on 1 March 2026")
    assert asked.verdict == "found"
    later = ask(library(*both), tmp_path, cameras=["dock B"], time="between 14:01 and 14:02 on 1 March 2026")
    assert later.verdict == "none"
