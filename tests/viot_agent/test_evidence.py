"""Evidence made visible: crops for all, clips for the first few, boxes that move, and footage that is gone."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from viot_agent.agent.evidence import CLIP_WIDTH, FRAMES, EvidenceFiles
from viot_agent.cancel import cancellable
from viot_agent.cli.ask import without_clip
from viot_agent.fleet import Camera, Fleet
from viot_agent.library.fake import FakeLibrary
from viot_agent.library.rows import Footage, Poses, Track
from viot_agent.media.clips import write_clip
from viot_agent.media.pictures import decode_image, encode_jpeg
from viot_agent.media.probe import probe
from viot_agent.media.readers import open_media
from viot_agent.steps import Evidence

GREY = np.full((360, 960, 3), 90, np.uint8)
START = 1_000_000.0


def track(number: int, x: float) -> Track:
    ts = START + np.arange(0, 6, 0.5)
    boxes = np.array([[x + 10 * i, 100, x + 60 + 10 * i, 250] for i in range(len(ts))], np.float32)
    return Track(number, number, "gate", "person", "", "m", "1", ts, boxes, np.ones(len(ts), np.float32))


@pytest.fixture
def library(tmp_path: Path) -> FakeLibrary:
    clip = tmp_path / "gate.mp4"
    write_clip((GREY for _ in range(60)), clip, 10.0)
    camera = Camera(1, "gate", str(clip), (), "UTC", START)
    footage = [Footage("gate", clip, 0.0, START, START + 6)]
    return FakeLibrary([camera], footage=footage, tracks=[track(1, 100), track(2, 500)])


def piece(number: int, **changes: object) -> Evidence:
    base = Evidence(
        f"e{number}",
        "gate",
        START + 1,
        START + 5,
        "crowd_counting",
        "m",
        "1",
        track="1",
        at=START + 3,
        crop_jpeg=encode_jpeg(GREY),
        label="2 people",
        beside=("2",),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_crops_for_all_and_clips_for_the_first(library: FakeLibrary, tmp_path: Path) -> None:
    files = EvidenceFiles(library, Fleet(library), tmp_path / "out", clips=2)
    done = files.write("run-1", [piece(n) for n in range(1, 5)])
    assert [bool(done[f"e{n}"].clip) for n in range(1, 5)] == [True, True, False, False]
    assert all(Path(str(p.crop)).is_file() for p in done.values())
    assert without_clip(list(done.values())) == ["e3", "e4"]  # the list says so
    assert without_clip([done["e4"]]) == []  # of a run in which no clip was cut there is another reason
    info = probe(str(done["e1"].clip))
    assert info.codec == "h264" and info.width == CLIP_WIDTH
    assert 3.5 <= info.duration <= 4.5


def test_every_counted_person_has_a_box(library: FakeLibrary, tmp_path: Path) -> None:
    done = EvidenceFiles(library, Fleet(library), tmp_path / "out").write("run-1", [piece(1)])
    reader = open_media(str(done["e1"].clip))
    [frame] = list(reader.read([2.0]))
    coloured = frame.image.astype(int).max(2) - frame.image.astype(int).min(2) > 60
    left, right = coloured[:, : CLIP_WIDTH // 2].sum(), coloured[:, CLIP_WIDTH // 2 :].sum()
    assert left > 100 and right > 100


def test_footage_that_is_gone_leaves_the_crop(library: FakeLibrary, tmp_path: Path) -> None:
    (tmp_path / "gate.mp4").unlink()
    done = EvidenceFiles(library, Fleet(library), tmp_path / "out").write("run-1", [piece(1)])
    assert done["e1"].clip is None
    assert "no clip" in done["e1"].label and "gate.mp4" in done["e1"].label
    assert str(tmp_path) not in done["e1"].label
    assert done["e1"].crop


def test_the_picture_of_several_shows_them_all(library: FakeLibrary, tmp_path: Path) -> None:
    done = EvidenceFiles(library, Fleet(library), tmp_path / "out", clips=0).write("run-1", [piece(1)])
    shown = decode_image(str(done["e1"].crop)).astype(int)
    coloured = shown.max(2) - shown.min(2) > 60
    assert shown.shape[:2] == (360, 960) and coloured[:, :480].sum() > 100 and coloured[:, 480:].sum() > 100


def test_a_piece_without_a_crop_gets_the_frame_of_its_moment(library: FakeLibrary, tmp_path: Path) -> None:
    files = EvidenceFiles(library, Fleet(library), tmp_path / "out", clips=0)
    bare = piece(1, crop_jpeg=None, beside=(), track=None, label="indoors")
    late = piece(2, crop_jpeg=None, beside=(), start=START + 100, end=START + 101, at=START + 100.5)
    gone = piece(3, crop_jpeg=None, beside=(), camera="yard")
    made = piece(4, crop_jpeg=None, beside=(), camera="video-1", clip="made.mp4")
    done = files.write("run-1", [bare, late, gone, made])
    assert decode_image(str(done["e1"].crop)).shape[:2] == (360, 960) and done["e1"].label == "indoors"
    assert done["e2"].crop is None
    assert done["e2"].label == "2 people (no picture: there is no footage of gate for this now)"
    assert done["e3"].crop is None and "(no picture: " in done["e3"].label
    assert (done["e4"].crop, done["e4"].label) == (None, "2 people")  # a file that a tool made speaks for itself


def test_footage_that_cannot_be_read_is_no_full_disk(
    library: FakeLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> None:
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr("viot_agent.agent.evidence.open_media", broken)
    files = EvidenceFiles(library, Fleet(library), tmp_path / "out", clips=0)
    done = files.write("run-1", [piece(1, crop_jpeg=None, beside=())])
    assert done["e1"].label == "2 people (no picture: the footage cannot be read: Input/output error)"


def test_of_many_pieces_the_first_get_a_frame_and_the_others_say_so(library: FakeLibrary, tmp_path: Path) -> None:
    pieces = [piece(n, crop_jpeg=None if n % 2 else encode_jpeg(GREY[:50, :50])) for n in range(FRAMES + 2)]
    done = EvidenceFiles(library, Fleet(library), tmp_path / "out", clips=0).write("run-1", pieces)
    shapes = [None if p.crop is None else decode_image(p.crop).shape[:2] for p in done.values()]
    assert shapes == [(360, 960)] * FRAMES + [(50, 50), None]
    assert done[f"e{FRAMES}"].label == "2 people (picture of one in view)"
    assert f"(no picture: frames are drawn of the first {FRAMES} pieces" in done[f"e{FRAMES + 1}"].label


def test_of_somebody_who_is_named_no_more_than_the_box_is_shown(library: FakeLibrary, tmp_path: Path) -> None:
    named = piece(1, crop_jpeg=None, who="Anna Berg", xyxy=(100.0, 50.0, 160.0, 130.0))
    done = EvidenceFiles(library, Fleet(library), tmp_path / "out", clips=0).write("run-1", [named])
    assert decode_image(str(done["e1"].crop)).shape[:2] == (80, 60)


def test_a_time_without_footage_has_no_clip(library: FakeLibrary, tmp_path: Path) -> None:
    late = piece(1, start=START + 100, end=START + 101, at=START + 100.5)
    assert EvidenceFiles(library, Fleet(library), tmp_path / "out").write("run-1", [late])["e1"].clip is None


def test_a_posed_person_has_a_skeleton(library: FakeLibrary, tmp_path: Path) -> None:
    points = np.full((1, 17, 3), 20, np.float32)
    points[..., 2] = 0
    points[0, 11], points[0, 13] = (300, 300, 0.9), (600, 300, 0.9)  # a bone far from every box
    library._poses = [Poses(1, 1, "gate", np.array([START + 3]), points, "movenet", "1")]
    files = EvidenceFiles(library, Fleet(library), tmp_path / "out")
    done = files.write("run-1", [piece(1, skeleton=True, beside=()), piece(2, beside=())])

    def marked(number: int) -> bool:
        reader = open_media(Path(str(done[f"e{number}"].clip)))
        frame = next(iter(reader.read([2.0])))  # the clip begins two seconds before the moment
        y, x = round(300 * CLIP_WIDTH / 960), round(450 * CLIP_WIDTH / 960)
        return bool(np.ptp(frame.image[y - 2 : y + 3, x].astype(int), axis=-1).max() > 40)

    assert marked(1) and not marked(2)


def test_a_stop_leaves_the_clips_for_later(library: FakeLibrary, tmp_path: Path) -> None:
    files, token = EvidenceFiles(library, Fleet(library), tmp_path / "out"), threading.Event()
    token.set()
    with cancellable(token):
        done = files.write("run-1", [piece(1), piece(2)])
    said = (None, "2 people (picture of one in view)", True)
    assert [(p.clip, p.label, bool(p.crop)) for p in done.values()] == [said] * 2
    assert sorted(p.name for p in (tmp_path / "out" / "run-1").iterdir()) == ["e1.jpg", "e2.jpg"]  # nothing half-made
    assert files.clip("run-1", piece(1)).is_file()  # cut now that it is asked for
