"""``plate_recognition`` on a library in memory: verdicts, words and evidence."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import NameFault, RetryFault
from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera
from viot_agent.library.fake import FakeLibrary, Looked
from viot_agent.library.rows import Footage, PlateRead, Track
from viot_agent.steps import Observation, Request
from viot_agent.toolbox import ToolContext
from viot_agent.weights import Weights
from viot_tools.plates.tool import LISTED, plate_recognition

T0 = 1_772_373_600.0  # 14:00:00 on 1 March 2026, UTC
NOW = T0 + 3600
MODEL = "pp-ocr"
GATE = Camera(1, "gate 1", "gate1.mp4", ("gates",), "UTC", T0)
YARD = Camera(2, "yard", "yard.mp4", (), "UTC", T0)


def reads(
    track: int, camera: str, texts: list[str], start: float, score: float = 0.95, model: str = MODEL
) -> list[PlateRead]:
    return [
        PlateRead(track, camera, T0 + start + i, t, score, (score,) * len(t), (10, 20, 90, 40), b"jpeg", model, "v1")
        for i, t in enumerate(texts)
    ]


def track(number: int, camera: str, start: float, end: float, chain: int | None = None, model: str = MODEL) -> Track:
    ts = np.array([T0 + start, T0 + end])
    boxes, scores = np.zeros((2, 4), np.float32), np.ones(2, np.float32)
    return Track(number, number if chain is None else chain, camera, "plate", "", model, "v1", ts, boxes, scores)


def library(
    plates: list[PlateRead],
    tracks: list[Track] | None = None,
    *,
    indexed: float = 600.0,
    yard: bool = True,
    model: str = MODEL,
) -> FakeLibrary:
    cameras = [GATE, YARD] if yard else [GATE]
    looked = [Looked("plates", model, c.name, T0, T0 + indexed) for c in cameras] if indexed else []
    if any(t.kind == "vehicle" for t in tracks or ()):
        looked += [Looked("objects", "yolox-nano", c.name, T0, T0 + indexed) for c in cameras]
    footage = [Footage(c.name, Path(c.source), 0.0, T0, T0 + 600) for c in cameras]
    return FakeLibrary(cameras, footage=footage, looked=looked, plates=plates, tracks=tracks or [])


def ask(books: FakeLibrary, home: Path, scope: frozenset[str] | None = None, **args: object) -> Observation:
    request = Request("?", now=NOW, camera_scope=scope)
    context = ToolContext(request, Fleet(books), books, Weights(home, tier="builtin"), home, call_id="c1")
    return plate_recognition.fn(context, **args)


def test_the_contract() -> None:
    assert plate_recognition.needs == ("plates",)
    assert not plate_recognition.biometric
    assert [(a.name, a.kind, a.required) for a in plate_recognition.args] == [
        ("plate", "plate", False),
        ("cameras", "cameras", False),
        ("time", "time", False),
    ]


def test_importing_the_tool_loads_no_vision_library() -> None:
    code = "import sys, viot_tools.plates.tool; print([m for m in ('cv2', 'onnxruntime', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("said", ["KX-4821", "kx 4821", "KX4821", "kx·48-21"])
def test_found(tmp_path: Path, said: str) -> None:
    books = library(
        reads(7, "gate 1", ["KX4821", "KX4821", "KX4B21"], 60) + reads(8, "yard", ["AB1234"], 90),
        [track(7, "gate 1", 59, 64), track(8, "yard", 90, 90)],
    )
    seen = ask(books, tmp_path, plate=said)
    assert seen.verdict == "found"
    [claim] = seen.claims
    assert claim.text.startswith(f"{said} was read on gate 1 from 14:00:59 to 14:01:04 on 1 March 2026 (3 readings")
    assert claim.text.endswith("[e1].")
    assert claim.evidence == ("e1",)
    [piece] = seen.evidence
    assert (piece.camera, piece.start, piece.end, piece.track, piece.who) == ("gate 1", T0 + 59, T0 + 64, "7", "KX4821")
    assert (piece.tool, piece.model, piece.model_version) == ("plate_recognition", MODEL, "v1")
    assert piece.crop_jpeg == b"jpeg" and piece.xyxy == (10, 20, 90, 40)
    assert piece.at is not None and T0 + 60 <= piece.at <= T0 + 61  # a frame that says what the vote says
    assert seen.data["sightings"][0]["plate"] == "KX4821"


def test_chinese_plates(tmp_path: Path) -> None:
    books = library(reads(1, "gate 1", ["皖AT6M00"], 5))
    assert ask(books, tmp_path, plate="皖A·T6M00").verdict == "found"
    assert ask(books, tmp_path, plate="AT6M00").verdict == "cannot_tell"  # without its province it is only similar


@pytest.mark.parametrize("text", ["KX4B21", "KX4921", "X4821", "KX48211"])
def test_similar_is_never_a_match(tmp_path: Path, text: str) -> None:
    seen = ask(library(reads(7, "gate 1", [text], 60)), tmp_path, plate="KX-4821")
    assert seen.verdict == "cannot_tell"
    assert seen.claims[0].text == "Cannot tell whether KX-4821 was seen: no reading says exactly that."
    assert seen.claims[1].text.startswith(f"A similar plate, {text}, was read on gate 1 at 14:01:00 on 1 March 2026")
    assert "KX-4821 was not read exactly so on gate 1 and yard" in seen.summary


def test_a_single_frame_that_says_it_is_similar_only(tmp_path: Path) -> None:
    seen = ask(library(reads(7, "gate 1", ["MN3377", "MN3377", "KX4821"], 60)), tmp_path, plate="KX4821")
    assert seen.verdict == "cannot_tell"


def test_none_says_what_was_looked_at(tmp_path: Path) -> None:
    seen = ask(library(reads(7, "gate 1", ["AB1234"], 60)), tmp_path, plate="KX-4821")
    assert seen.verdict == "none"
    assert seen.evidence == ()
    assert "KX-4821 was not read on gate 1 and yard in the 20 min of footage that was looked at" in seen.summary
    assert "5 frames a second" in seen.summary
    assert seen.coverage is not None and seen.coverage.fraction == 1.0
    assert seen.coverage.cameras == ("gate 1", "yard")


@pytest.mark.parametrize(
    ("indexed", "time", "words"),
    [
        (0.0, None, "gate 1 is not indexed yet: viot index 'gate 1'"),
        (300.0, None, "only 50 % of what gate 1 recorded is indexed"),
        (600.0, "since 13:00", "gate 1 has footage from 14:00:00 to 14:10:00 on 1 March 2026, 8 % of the time asked"),
        (600.0, "yesterday", "gate 1 has footage from 14:00:00 to 14:10:00 on 1 March 2026"),
    ],
)
def test_cannot_tell(tmp_path: Path, indexed: float, time: str | None, words: str) -> None:
    seen = ask(library([], indexed=indexed, yard=False), tmp_path, plate="KX-4821", time=time)
    assert seen.verdict == "cannot_tell"
    assert words in seen.summary
    assert "Cannot tell" in seen.summary


def test_a_camera_indexed_without_plates(tmp_path: Path) -> None:
    books = FakeLibrary(
        [GATE],
        footage=[Footage("gate 1", Path("g"), 0.0, T0, T0 + 600)],
        looked=[Looked("faces", "dlib", "gate 1", T0, T0 + 600)],
    )
    seen = ask(books, tmp_path)
    assert seen.verdict == "cannot_tell"
    assert "gate 1 was not searched for plates: viot index 'gate 1'" in seen.summary


def test_every_plate(tmp_path: Path) -> None:
    books = library(
        reads(1, "gate 1", ["KX4821", "KX4821"], 60)
        + reads(2, "yard", ["KX4821"], 200)
        + reads(3, "gate 1", ["HJ593TF"], 90, score=0.6)
    )
    seen = ask(books, tmp_path)
    assert seen.verdict == "found"
    assert seen.claims[0].text == "2 different plates were read on gate 1 and yard."
    assert [c.text.split(" on ")[0] for c in seen.claims[1:]] == ["KX4821", "KX4821", "HJ593TF"]  # grouped by text
    assert "the reading is uncertain" in seen.claims[3].text
    assert "the reading is uncertain" not in seen.claims[1].text
    assert [e.id for e in seen.evidence] == ["e1", "e2", "e3"]
    assert ask(library([]), tmp_path).verdict == "none"


def test_window_and_cameras(tmp_path: Path) -> None:
    books = library(reads(1, "gate 1", ["KX4821"], 60) + reads(2, "yard", ["KX4821"], 60))
    assert ask(books, tmp_path, plate="KX4821", time="between 14:05 and 14:08").verdict == "none"
    assert len(ask(books, tmp_path, plate="KX4821", cameras=["gates"]).evidence) == 1
    assert [e.camera for e in ask(books, tmp_path, frozenset({"yard"}), plate="KX4821").evidence] == ["yard"]
    with pytest.raises(NameFault, match="gate 9"):
        ask(books, tmp_path, plate="KX4821", cameras=["gate 9"])


@pytest.mark.parametrize("plate", ["-", "A", "?!", "THIS IS NO PLATE AT ALL"])
def test_no_plate(tmp_path: Path, plate: str) -> None:
    with pytest.raises(RetryFault, match="no number plate"):
        ask(library([]), tmp_path, plate=plate)


def test_segments_and_short_gaps_are_one_sighting(tmp_path: Path) -> None:
    books = library(
        reads(1, "gate 1", ["KX4821"], 28)
        + reads(2, "gate 1", ["KX4B21", "KX4821"], 30)
        + reads(3, "gate 1", ["KX4821"], 39),
        [track(1, "gate 1", 26, 30), track(2, "gate 1", 30, 33, chain=1), track(3, "gate 1", 39, 41)],
    )
    [piece] = ask(books, tmp_path, plate="KX4821").evidence
    assert (piece.start, piece.end) == (T0 + 26, T0 + 41)
    far = library(reads(1, "gate 1", ["KX4821"], 28) + reads(3, "gate 1", ["KX4821"], 90))
    assert len(ask(far, tmp_path, plate="KX4821").evidence) == 2


def boxed(read: PlateRead, *xyxy: float) -> PlateRead:
    return replace(read, xyxy=(xyxy[0], xyxy[1], xyxy[2], xyxy[3]))


def test_a_part_of_a_plate_and_all_of_it_are_one(tmp_path: Path) -> None:
    part, whole = reads(1, "gate 1", ["47040"] * 3, 60, score=0.99), reads(2, "gate 1", ["BS47040"] * 3, 60, score=0.9)
    here = [boxed(r, 195, 364, 389, 432) for r in part] + [boxed(r, 159, 364, 403, 432) for r in whole]
    seen = ask(library(here), tmp_path)
    assert [s["plate"] for s in seen.data["sightings"]] == ["BS47040"]
    assert seen.claims[0].text == "1 plate was read on gate 1."
    assert "(3 readings, score 0.90)" in seen.claims[1].text  # frames, not boxes
    assert ask(library(here), tmp_path, plate="BS47040").verdict == "found"
    assert ask(library(here), tmp_path, plate="47040").verdict == "cannot_tell"
    elsewhere = [boxed(r, 500, 100, 600, 130) for r in part] + here[3:]  # another car that happens to be called so
    later = [*reads(1, "gate 1", ["47040"], 70), *reads(2, "gate 1", ["BS47040"], 60)]
    for books in (library(elsewhere), library(later)):
        assert len(ask(books, tmp_path).data["sightings"]) == 2


def test_one_more_letter_in_a_frame_takes_nothing_from_a_plate_that_was_read_well(tmp_path: Path) -> None:
    well = [boxed(r, 195, 364, 389, 432) for r in reads(1, "gate 1", ["ABC123"] * 10, 60, score=0.97)]
    rim = [boxed(r, 190, 364, 389, 432) for r in reads(2, "gate 1", ["IABC123"], 60, score=0.45)]
    seen = ask(library(well + rim), tmp_path, plate="ABC123")
    assert seen.verdict == "found"
    assert "ABC123 was read on gate 1" in seen.summary


def vehicle(number: int, camera: str, start: float, end: float, *xyxy: float, label: str = "car", n: int = 5) -> Track:
    ts, boxes = T0 + np.linspace(start, end, n), np.tile(np.array([xyxy], np.float32), (n, 1))
    scores = np.full(n, 0.5, np.float32)
    return Track(number, number, camera, "vehicle", label, "yolox-nano", "v2", ts, boxes, scores)


def test_a_vehicle_without_a_read_plate_may_be_the_one(tmp_path: Path) -> None:
    plates = [boxed(r, 120, 180, 160, 190) for r in reads(1, "gate 1", ["AB1234"], 60)]
    read = vehicle(11, "gate 1", 59, 62, 100, 100, 200, 200)
    beside = vehicle(12, "gate 1", 59, 62, 300, 100, 400, 200)
    later = vehicle(13, "yard", 90, 94, 100, 100, 260, 200, label="truck")
    none = [vehicle(14, "yard", 10, 12, 0, 0, 9, 9, label="bicycle"), vehicle(15, "yard", 20, 20, 0, 0, 9, 9, n=1)]
    seen = ask(library(plates, [read, beside, later, *none]), tmp_path, plate="KX-4821")
    assert seen.verdict == "cannot_tell" and seen.data["unread"] == 2
    assert seen.summary.startswith("Cannot tell: KX-4821 was not read on gate 1 and yard in the 20 min")
    assert seen.claims[-1].text == (
        "KX-4821 may be on one of about 2 vehicles seen on gate 1 and yard whose plates were not read: on gate 1 from "
        "14:00:59 to 14:01:02 on 1 March 2026 [e1], on yard from 14:01:30 to 14:01:34 on 1 March 2026 [e2]."
    )
    assert [(e.camera, e.track, e.who, e.label) for e in seen.evidence] == [
        ("gate 1", "12", None, "car, plate not read"),
        ("yard", "13", None, "truck, plate not read"),
    ]
    listed = ask(library(plates, [read, beside]), tmp_path)
    assert listed.claims[-1].text.startswith("The plate of 1 more vehicle seen on gate 1 was not read: from 14:00:59")
    assert ask(library(plates, [read]), tmp_path, plate="KX-4821").verdict == "none"
    assert ask(library(plates, [read, beside]), tmp_path, plate="AB1234").summary.count("not read") == 0


def test_a_vehicle_is_read_though_the_window_ends_before_its_plate_was(tmp_path: Path) -> None:
    plates = [boxed(r, 120, 180, 160, 190) for r in reads(1, "gate 1", ["AB1234"], 66)]
    books = library(plates, [vehicle(11, "gate 1", 58, 66, 100, 100, 200, 200, n=41)])
    assert ask(books, tmp_path, plate="KX-4821", cameras=["gate 1"], time="between 14:00 and 14:01").verdict == "none"


def test_long_lists_are_cut_and_counted(tmp_path: Path) -> None:
    books = library([r for i in range(LISTED + 3) for r in reads(i, "gate 1", [f"KX48{i:02d}"], 20 * i)])
    seen = ask(books, tmp_path)
    assert len(seen.evidence) == LISTED
    assert "Plates were read 3 more times." in seen.summary
    assert len(seen.data["sightings"]) == LISTED + 3


def test_the_model_that_covers_most_speaks(tmp_path: Path) -> None:
    hub = "lpd-yunet+pp-ocr"
    books = FakeLibrary(
        [GATE],
        footage=[Footage("gate 1", Path("g"), 0.0, T0, T0 + 600)],
        looked=[
            Looked("plates", MODEL, "gate 1", T0, T0 + 600),
            Looked("plates", hub, "gate 1", T0, T0 + 100),
        ],
        plates=[*reads(1, "gate 1", ["KX4821"], 60), *reads(2, "gate 1", ["KX4821"], 60, model=hub)],
    )
    [piece] = ask(books, tmp_path, plate="KX4821").evidence
    assert piece.model == MODEL
