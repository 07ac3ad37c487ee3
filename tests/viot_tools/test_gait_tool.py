"""``gait_recognition`` on a library in memory: verdicts, words and evidence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import MediaFault, NameFault, RetryFault, TimeFault
from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera
from viot_agent.library.fake import FakeLibrary, Looked
from viot_agent.library.rows import Footage, Hit, Track
from viot_agent.steps import Attachment, Observation, Request
from viot_agent.toolbox import ToolContext
from viot_agent.weights import Weights
from viot_tools.gait.net import ENTRY, Thresholds
from viot_tools.gait.query import Query
from viot_tools.gait.tool import CAVEAT, LISTED, answer, gait_recognition

T0 = 1_772_373_600.0  # 14:00:00 on 1 March 2026, UTC
NOW = T0 + 3600
GATE = Camera(1, "gate 1", "gate1.mp4", ("gates",), "UTC", T0)
YARD = Camera(2, "yard", "yard.mp4", (), "UTC", T0)
LIMITS = Thresholds(match=0.7, far=0.001, stranger=0.3, frr=0.05)
QUERY = Query(np.array([1.0, 0.0], np.float32), 17, 0.4, 4.2, 0, False)
DETECTOR = "opencv-hog-people"


def track(number: int, camera: str, start: float, end: float, chain: int | None = None, model: str = DETECTOR) -> Track:
    ts = np.linspace(T0 + start, T0 + end, 5)
    boxes, scores = np.tile(np.array([10, 20, 50, 120], np.float32), (5, 1)), np.full(5, 0.8, np.float32)
    return Track(number, number if chain is None else chain, camera, "person", "", model, "v1", ts, boxes, scores)


def walk(number: int, camera: str, at: float, cosine: float, n: int = 20) -> Hit:
    vector = np.array([cosine, np.sqrt(1 - cosine**2)], np.float32)
    return Hit(number, camera, T0 + at, float("nan"), n / 50, vector)


def library(walks: list[Hit], tracks: list[Track], *, indexed: float = 600.0) -> FakeLibrary:
    cameras = [GATE, YARD]
    looked = [Looked("gait", ENTRY, c.name, T0, T0 + indexed) for c in cameras] if indexed else []
    footage = [Footage(c.name, Path(c.source), 0.0, T0, T0 + 600) for c in cameras]
    return FakeLibrary(cameras, footage=footage, looked=looked, hits={ENTRY: walks}, tracks=tracks)


def context(books: FakeLibrary, home: Path, attachments: tuple[Attachment, ...] = ()) -> ToolContext:
    request = Request("?", now=NOW, attachments=attachments)
    return ToolContext(request, Fleet(books), books, Weights(home, tier="builtin"), home, call_id="c1")


def ask(books: FakeLibrary, home: Path, time: str | None = None, query: Query = QUERY) -> Observation:
    ctx = context(books, home)
    windows = [(c, ctx.fleet.window(time, c, NOW)) for c in ctx.fleet.resolve_cameras(None)]
    return answer(ctx, "video-1", query, windows, LIMITS, ENTRY, "v9")


def test_the_card_is_the_one_that_models_were_trained_on() -> None:
    import viot_agent.bench as bench

    cards = json.loads((Path(bench.__file__).parent / "cards.json").read_text("utf-8"))
    card = cards["gait_recognition"]
    assert gait_recognition.description == card["purpose"]
    assert gait_recognition.not_for == card["not_for"]
    assert [[a.name, a.kind, a.required, a.description] for a in gait_recognition.args] == card["args"]
    assert gait_recognition.needs == ("gait",)
    assert gait_recognition.biometric


def test_importing_the_tool_loads_no_vision_library() -> None:
    code = "import sys, viot_tools.gait.tool; print([m for m in ('cv2', 'onnxruntime', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_found(tmp_path: Path) -> None:
    books = library(
        [walk(1, "gate 1", 62, 0.9), walk(2, "yard", 90, 0.1)], [track(1, "gate 1", 60, 66), track(2, "yard", 88, 92)]
    )
    seen = ask(books, tmp_path)
    assert seen.verdict == "found"
    assert seen.claims[0].text == (
        "The walker in video-1 was seen on gate 1 from 14:01:00 to 14:01:06 on 1 March 2026 "
        "(cosine 0.90, 20 silhouettes) [e1]."
    )
    [piece] = seen.evidence
    assert (piece.camera, piece.track, piece.tool, piece.model, piece.model_version) == (
        "gate 1", "1", "gait_recognition", ENTRY, "v9",
    )  # fmt: skip
    assert piece.who is None
    assert piece.score == pytest.approx(0.9, abs=1e-3)
    assert [a["camera"] for a in seen.data["appearances"]] == ["gate 1"]
    assert "17 silhouettes between 0.4 and 4.2 s of video-1" in seen.summary


def test_every_answer_says_what_it_is_worth(tmp_path: Path) -> None:
    for walks in ([], [walk(1, "gate 1", 62, 0.9)], [walk(1, "gate 1", 62, 0.5)], [walk(1, "gate 1", 62, 0.0)]):
        assert CAVEAT in ask(library(walks, [track(1, "gate 1", 60, 66)]), tmp_path).summary
    assert CAVEAT in gait_recognition.fn(context(library([], []), tmp_path), person="Ann").summary


def test_a_person_over_two_segments_is_one_walk_and_the_longer_part_weighs_more(tmp_path: Path) -> None:
    tracks = [track(1, "gate 1", 28, 30, chain=1), track(2, "gate 1", 30, 36, chain=1)]
    seen = ask(library([walk(1, "gate 1", 29, 0.2, n=6), walk(2, "gate 1", 33, 0.95, n=30)], tracks), tmp_path)
    assert seen.verdict == "found"
    [piece] = seen.evidence
    assert piece.track in {"1", "2"}
    assert seen.data["appearances"][0]["silhouettes"] == 36
    assert seen.data["appearances"][0]["score"] > 0.85


@pytest.mark.parametrize("cosine", [0.31, 0.5, 0.69])
def test_between_the_thresholds_nothing_is_told(tmp_path: Path, cosine: float) -> None:
    seen = ask(library([walk(1, "gate 1", 62, cosine)], [track(1, "gate 1", 60, 66)]), tmp_path)
    assert seen.verdict == "cannot_tell"
    said = "Cannot tell: 1 walk can be neither taken for that of the walker in video-1 nor ruled out: gate 1 from"
    assert seen.claims[0].text.startswith(said)
    assert seen.evidence[0].who is None
    assert seen.data["undecided"] == 1


def test_not_seen(tmp_path: Path) -> None:
    seen = ask(library([walk(1, "gate 1", 62, 0.1)], [track(1, "gate 1", 60, 66)]), tmp_path)
    assert seen.verdict == "none"
    assert seen.claims[0].text == (
        "The walker in video-1 was not recognised on gate 1 and yard in the 20 min indexed (5 frames a second); "
        "1 walk there is another person's."
    )
    assert seen.coverage is not None
    assert seen.coverage.fraction == 1.0


def test_somebody_who_cannot_be_compared_may_be_the_one(tmp_path: Path) -> None:
    books = library([walk(1, "gate 1", 62, 0.1)], [track(1, "gate 1", 60, 66), track(2, "yard", 70, 75)])
    seen = ask(books, tmp_path)
    assert seen.verdict == "cannot_tell"
    assert "1 person was seen there who did not walk long, whole and apart enough to be compared." in seen.summary
    assert seen.data["incomparable"] == 1


@pytest.mark.parametrize(
    ("indexed", "time", "said"),
    [
        (
            0.0,
            None,
            "Cannot tell: gate 1 is not indexed yet: viot index 'gate 1'; yard is not indexed yet: viot index yard.",
        ),
        (300.0, None, "only 50 % of what gate 1 recorded is indexed"),
        (600.0, "yesterday", "and none for 'yesterday' (from 00:00:00 on 28 February 2026 to "),
        (600.0, "today", "of the time asked about"),
    ],
)
def test_a_no_needs_coverage(tmp_path: Path, indexed: float, time: str | None, said: str) -> None:
    seen = ask(library([], [], indexed=indexed), tmp_path, time=time)
    assert seen.verdict == "cannot_tell"
    assert said in seen.summary


def test_footage_that_others_looked_at_is_not_said_to_be_missing(tmp_path: Path) -> None:
    footage = [Footage("gate 1", Path("g.mp4"), 0.0, T0, T0 + 600)]
    looked = [Looked("gait", ENTRY, "gate 1", T0, T0 + 300), Looked("objects", "yolox-nano", "gate 1", T0, T0 + 600)]
    seen = ask(FakeLibrary([GATE], footage=footage, looked=looked), tmp_path, "between 14:06 and 14:08 on 1 March 2026")
    assert seen.verdict == "cannot_tell"
    assert "gate 1 was not searched for walks at that time: viot index 'gate 1'" in seen.summary
    assert "and none for" not in seen.summary


@pytest.mark.parametrize(
    ("detectors", "verdict"),
    [((DETECTOR,), "cannot_tell"), (("yolox-nano",), "none"), ((DETECTOR, "yolox-nano"), "none")],
)
def test_a_detector_that_misses_people_denies_nobody(tmp_path: Path, detectors: tuple[str, ...], verdict: str) -> None:
    footage = [Footage("gate 1", Path("g.mp4"), 0.0, T0, T0 + 600)]
    looked = [Looked("objects", d, "gate 1", T0, T0 + 600) for d in detectors]
    books = FakeLibrary(
        [GATE], footage=footage, looked=[Looked("gait", ENTRY, "gate 1", T0, T0 + 600), *looked],
        hits={ENTRY: [walk(1, "gate 1", 62, 0.1)]}, tracks=[track(1, "gate 1", 60, 66)],
    )  # fmt: skip
    seen = ask(books, tmp_path)
    assert seen.verdict == verdict
    assert (f"found by {DETECTOR}, which misses those who are cut off" in seen.summary) == (verdict == "cannot_tell")


def test_walks_are_read_in_one_go(tmp_path: Path) -> None:
    class Counting(FakeLibrary):
        asked = 0

        def track(self, id: int) -> Track | None:
            self.asked += 1
            return super().track(id)

    numbers = range(1, 40)
    books = Counting(
        [GATE], footage=[Footage("gate 1", Path("g.mp4"), 0.0, T0, T0 + 600)],
        looked=[Looked("gait", ENTRY, "gate 1", T0, T0 + 600)],
        hits={ENTRY: [walk(i, "gate 1", 10 * i, 0.1) for i in numbers]},
        tracks=[track(i, "gate 1", 10 * i - 2, 10 * i + 2) for i in numbers],
    )  # fmt: skip
    assert ask(books, tmp_path).claims[0].text.endswith("39 walks there are other people's.")
    assert books.asked == 0


def test_what_another_network_read_is_not_compared(tmp_path: Path) -> None:
    footage = [Footage("gate 1", Path("g.mp4"), 0.0, T0, T0 + 600)]
    books = FakeLibrary([GATE], footage=footage, looked=[Looked("gait", "an-older-one", "gate 1", T0, T0 + 600)])
    seen = ask(books, tmp_path)
    assert seen.verdict == "cannot_tell"
    assert f"gate 1 was indexed with an-older-one, which cannot be compared with {ENTRY}: viot index" in seen.summary


def test_a_fleet_of_cameras_without_footage_is_summed_up(tmp_path: Path) -> None:
    books = FakeLibrary([Camera(i, f"cam {i}", "x.mp4", (), "UTC", T0) for i in range(1, 13)])
    seen = ask(books, tmp_path)
    assert seen.verdict == "cannot_tell" and seen.summary.count("is not indexed yet") == 6
    assert "; and so on for 6 more cameras." in seen.summary


@pytest.mark.parametrize(
    ("there", "said"), [((), "nothing is attached"), (("video-1",), "attached: video-1")], ids=["none", "another"]
)
def test_a_handle_of_nothing_can_be_corrected(tmp_path: Path, there: tuple[str, ...], said: str) -> None:
    files = tuple(Attachment(h, "video", tmp_path / "v.mp4") for h in there)
    with pytest.raises(RetryFault, match=rf"there is no video-7 \({said}\)") as caught:
        gait_recognition.fn(context(library([], []), tmp_path, files), person="video-7")
    assert list(caught.value.nearest) == list(there)


def test_many_walks_are_counted(tmp_path: Path) -> None:
    n = LISTED + 3
    books = library(
        [walk(i, "gate 1", 10 * i, 0.9) for i in range(1, n + 1)],
        [track(i, "gate 1", 10 * i - 2, 10 * i + 2) for i in range(1, n + 1)],
    )
    seen = ask(books, tmp_path)
    assert len(seen.evidence) == LISTED
    assert ", and 3 more." in seen.claims[0].text


def test_the_longest_of_several_walkers_is_named(tmp_path: Path) -> None:
    query = Query(QUERY.vector, 60, 0.0, 55.0, 2, True)
    seen = ask(library([], []), tmp_path, query=query)
    assert "50 silhouettes or more" in seen.summary
    assert "(the one who walks longest; 2 other people walk there too)" in seen.summary
    assert "the first minute was looked at" in seen.summary


def test_a_picture_does_not_walk(tmp_path: Path) -> None:
    attached = (Attachment("image-1", "image", tmp_path / "a.png"),)
    with pytest.raises(RetryFault, match="nobody walks in a picture") as caught:
        gait_recognition.fn(context(library([], []), tmp_path, attached), person="image-1")
    assert "attach a video" in caught.value.fix


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ann lee", "Cannot tell: Ann Lee is enrolled by face, not by gait; attach a video"),
        (
            "Bob",
            "Cannot tell: nobody's walk is known as 'Bob': people are enrolled by face, not by gait; attach a video",
        ),
    ],
)
def test_a_name_has_no_walk(tmp_path: Path, name: str, said: str) -> None:
    books = library([], [])
    books.add_person("Ann Lee", [b"jpeg"], "yes")
    seen = gait_recognition.fn(context(books, tmp_path), person=name)
    assert seen.verdict == "cannot_tell"
    assert seen.summary.startswith(said)
    assert "attach a video" in seen.fix


@pytest.mark.parametrize(
    ("args", "fault"),
    [({"cameras": ["gate 9"]}, NameFault), ({"time": "the day of the fish"}, TimeFault), ({}, MediaFault)],
    ids=["camera", "time", "no video"],
)
def test_faults_are_typed(tmp_path: Path, args: dict[str, object], fault: type[Exception]) -> None:
    text = tmp_path / "v.mp4"
    text.write_text("no video at all")
    ctx = context(library([], []), tmp_path, (Attachment("video-1", "video", text),))
    with pytest.raises(fault):
        gait_recognition.fn(ctx, person="video-1", **args)
