"""Redacting videos: every frame, steadily; the sound; who is kept; number plates; nothing half-written."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from viot_agent.errors import MediaFault, UserFault
from viot_agent.media.clips import write_clip
from viot_agent.media.readers import open_media
from viot_agent.media.types import Image
from viot_agent.steps import Attachment
from viot_tools.faces.detect import Face
from viot_tools.faces.enrol import Kit
from viot_tools.faces.identity import template
from viot_tools.faces.recognise import TEMPLATE
from viot_tools.plates.detect import PlateBox
from viot_tools.redact.find import DetectorFinder
from viot_tools.redact.follow import Track
from viot_tools.redact.hide import Region, Style, head
from viot_tools.redact.plates import PlateFinder
from viot_tools.redact.report import Hidden, Report, Shown
from viot_tools.redact.tool import redacted
from viot_tools.redact.uncovered import covered, share
from viot_tools.redact.video import redact_video
from viot_tools.redact.who import Keeper
from viot_tools.redact.words import LIMITS, keep_words

W, H, FPS, SIDE = 320, 180, 25, 56


class Framed:
    """Finds made faces by the green frame that is drawn around each; a red pixel at the top left blinds it."""

    model, model_version, blind_to = "framed", "1", ""

    def detect(self, image: Image) -> list[Face]:
        if image[:8, :8, 0].mean() > 150:
            return []
        green = (image[..., 1].astype(int) - image[..., 0] > 60) & (image[..., 1].astype(int) - image[..., 2] > 60)
        count, _, stats, _ = cv2.connectedComponentsWithStats(green.astype(np.uint8))
        out = []
        for x, y, w, h, area in stats[1:count]:
            if w > 20 and h > 20 and area > 60:
                points = (TEMPLATE * (w / 112) + (x, y)).astype(np.float32)
                out.append(Face((float(x), float(y), float(x + w), float(y + h)), 0.9, points))
        return out


def finder() -> DetectorFinder:
    return DetectorFinder((Framed(),), (), 0.5, "", turned=False)


def frame(made: ModuleType, people: dict[int, tuple[int, int]], blind: bool = False) -> Image:
    image = np.full((H, W, 3), 120, np.uint8)
    for person, (x, y) in people.items():
        image[y : y + SIDE, x : x + SIDE] = cv2.resize(made.face_of(person), (SIDE, SIDE))
        cv2.rectangle(image, (x, y), (x + SIDE - 1, y + SIDE - 1), (20, 230, 20), 2)
    if blind:
        image[:8, :8] = (255, 0, 0)
    return image


def known(made: ModuleType, kit: Kit, person: int) -> NDArray[np.float32]:
    """The template of a made person, green frame and all."""
    face = frame(made, {person: (40, 40)})[40 : 40 + SIDE, 40 : 40 + SIDE]
    return template(kit.recogniser.embed_chips([np.asarray(cv2.resize(face, (112, 112)), np.uint8)]))


def clip(made: ModuleType, path: Path, where: Callable[[int], dict[int, tuple[int, int]]], n: int = 50,
         blind: range = range(0)) -> Path:  # fmt: skip
    write_clip([frame(made, where(i), i in blind) for i in range(n)], path, FPS, crf=10)
    return path


def likeness(made: ModuleType, path: Path, person: int, where: Callable[[int], tuple[int, int]], n: int) -> list[float]:
    """Of every frame: the correlation of what is at the person's place with the person's face."""
    want = cv2.resize(made.face_of(person), (SIDE, SIDE)).astype(float)[8:-8, 8:-8].ravel()
    out = []
    for i, f in enumerate(open_media(path).read([k / FPS for k in range(n)])):
        x, y = where(i)
        part = f.image[y + 8 : y + SIDE - 8, x + 8 : x + SIDE - 8].astype(float).ravel()
        out.append(float(np.corrcoef(want, part)[0, 1]))
    return out


def moving(i: int) -> tuple[int, int]:
    return 40 + i, 60


def test_every_frame_is_hidden_also_where_the_face_was_not_found(made: ModuleType, tmp_path: Path) -> None:
    source = clip(made, tmp_path / "a.mp4", lambda i: {1: moving(i)}, blind=range(20, 34))
    before = likeness(made, source, 1, moving, 50)
    heard: list[float] = []
    report = redact_video(source, tmp_path / "out.mp4", finder(), said=heard.append)
    after = likeness(made, tmp_path / "out.mp4", 1, moving, 50)
    assert min(before) > 0.95
    assert max(after) < 0.8 and np.mean(after) < 0.55
    assert heard == sorted(heard) and heard[-1] == pytest.approx(1.0)
    [one] = report.hidden
    assert one.first == 0.0 and one.last == pytest.approx(2.0, abs=0.05)
    assert report.written == tmp_path / "out.mp4" and report.length == pytest.approx(2.0, abs=0.05)


def test_a_still_face_does_not_flicker(made: ModuleType, tmp_path: Path) -> None:
    source = clip(made, tmp_path / "a.mp4", lambda i: {1: (100, 60)})
    redact_video(source, tmp_path / "out.mp4", finder())
    frames = [f.image[60:116, 100:156].astype(float) for f in open_media(tmp_path / "out.mp4").read(
        [k / FPS for k in range(50)])]  # fmt: skip
    assert max(np.abs(a - b).mean() for a, b in pairwise(frames)) < 2.0


def test_solid_leaves_one_grey(made: ModuleType, tmp_path: Path) -> None:
    source = clip(made, tmp_path / "a.mp4", lambda i: {1: (100, 60)}, 20)
    redact_video(source, tmp_path / "out.mp4", finder(), style="solid")
    [f] = open_media(tmp_path / "out.mp4").read([0.4])
    assert f.image[62:114, 102:154].std() < 2.0


def test_the_kept_person_stays_and_the_other_goes(made: ModuleType, tmp_path: Path) -> None:
    source = clip(made, tmp_path / "a.mp4", lambda i: {1: (40, 60), 2: (200, 60)})
    kit = made.kit({})
    people = {"Ana": known(made, kit, 1)}
    report = redact_video(source, tmp_path / "out.mp4", finder(), keeper=Keeper("Ana", "Ana", people, kit))
    assert min(likeness(made, tmp_path / "out.mp4", 1, lambda i: (40, 60), 50)) > 0.9
    assert max(likeness(made, tmp_path / "out.mp4", 2, lambda i: (200, 60), 50)) < 0.8
    [shown] = report.shown
    assert (shown.first, round(shown.last)) == (0.0, 2) and len(report.faces) == 1


def test_a_kept_face_under_the_blur_of_another_is_not_said_to_be_visible(made: ModuleType, tmp_path: Path) -> None:
    """Somebody comes as near as two faces can be, stands there for a while and goes."""

    def other(i: int) -> tuple[int, int]:
        return (max(102, 250 - 6 * i), 60) if i < 60 else (min(250, 102 + 6 * (i - 60)), 60)

    source = clip(made, tmp_path / "a.mp4", lambda i: {1: (40, 60), 2: other(i)}, 100)
    kit = made.kit({})
    keeper = Keeper("Ana", "Ana", {"Ana": known(made, kit, 1)}, kit)
    report = redact_video(source, tmp_path / "out.mp4", finder(), keeper=keeper)
    [shown] = report.shown
    [(a, b)] = shown.covered
    still = likeness(made, tmp_path / "out.mp4", 1, lambda i: (40, 60), 100)
    clear = [t / FPS for t, alike in enumerate(still) if alike > 0.97]
    assert clear and all(not a + 0.15 < t < b - 0.15 for t in clear)
    assert 0.5 < a < 1.0 and 2.4 < b < 3.4
    assert max(likeness(made, tmp_path / "out.mp4", 2, other, 100)) < 0.8  # hidden no less for it
    said = keep_words(report)
    assert said.startswith(f"Ana stays visible from 0.0 to {a:.1f} s and {b:.1f} to ")
    assert f", and is partly covered by others' blurs from {a:.1f} to {b:.1f} s (cosine up to" in said


def test_what_is_said_of_a_kept_face() -> None:
    def said(
        *shown: Shown, style: Style = "blocks", length: float | None = 9.0, hidden: tuple[Hidden, ...] = ()
    ) -> str:
        report = Report(
            source=Path("a"), written=Path("b"), style=style, hidden=hidden, keep="Ana", shown=shown, detectors="d",
            versions="1", blind_to="", length=length,
        )  # fmt: skip
        return keep_words(report)

    assert said(Shown(0.7, 1, 3)) == "Ana stays visible from 1.0 to 3.0 s (cosine up to 0.70)."
    assert said(Shown(0.7, 1, 1)) == "Ana stays visible from 1.0 to 1.0 s (cosine up to 0.70)."
    all_covered = Shown(0.7, 1, 3, ((1, 3),))
    assert said(all_covered, style="solid") == (
        "Ana is not hidden, but partly covered by others' grey all the time, from 1.0 to 3.0 s (cosine up to 0.70)."
    )
    two = Shown(0.7, 1, 3, ((1.05, 2),)), Shown(0.6, 4, 5)
    assert said(*two).startswith(
        "Ana stays visible from 2.0 to 3.0 s and 4.0 to 5.0 s, and is partly covered by others' blurs from 1.1 to 2.0 s"
    )
    assert said(Shown(0.7, covered=((0, 0),)), length=None) == (
        "Ana is not hidden, but partly covered by others' blurs (cosine up to 0.70)."
    )
    box = (0.0, 0.0, 9.0, 9.0)
    same = tuple(
        Hidden("face", box, 0.9, a, b, True) for a, b in ((0.0, 0.7), (0.0, 0.7), (0.66, 1.5), (1.55, 2), (4, 5))
    )
    assert "5 face tracks may be Ana (0.0 to 2.0 s, 4.0 to 5.0 s), and are hidden." in said(two[0], hidden=same)


@pytest.mark.parametrize(
    ("regions", "low", "high"),
    [
        ([], 0.0, 0.0),
        ([head((0, 0, 10, 10))], 1.0, 1.0),
        ([Region((0, 0, 5, 10), round=False)], 0.45, 0.6),
        ([Region((0, 0, 5, 10), round=False), Region((5, 0, 10, 10), round=False)], 1.0, 1.0),
        ([Region((10, 10, 20, 20))], 0.0, 0.0),
        ([Region((30, 0, 40, 10))], 0.0, 0.0),
    ],
)
def test_the_share_of_a_face_under_regions(regions: list[Region], low: float, high: float) -> None:
    assert low <= share((0.0, 0.0, 10.0, 10.0), regions) <= high


def test_who_takes_the_place_of_the_kept_person_is_hidden(made: ModuleType, tmp_path: Path) -> None:
    """Ana goes, is not found for half a second, and somebody else stands where she stood."""
    who = [1 if i < 30 else 2 for i in range(75)]
    source = clip(made, tmp_path / "a.mp4", lambda i: {who[i]: (100, 60)}, 75, blind=range(28, 40))
    kit = made.kit({})
    people = {"Ana": known(made, kit, 1)}
    report = redact_video(source, tmp_path / "out.mp4", finder(), keeper=Keeper("Ana", "Ana", people, kit))
    kept, other = (likeness(made, tmp_path / "out.mp4", k, lambda i: (100, 60), 75) for k in (1, 2))
    assert min(kept[:25]) > 0.9
    assert max(other[30:]) < 0.8
    assert report.shown[0].last < 30 / FPS


def test_sound_is_kept_or_left_out(made: ModuleType, media: ModuleType, tmp_path: Path) -> None:
    source = media.write(
        tmp_path / "talk.mkv", range(50), audio=True, fps=FPS, metadata={"title": "Ana at home"},
        picture=lambda i: frame(made, {1: (100, 60)}),
    )  # fmt: skip
    kept = redact_video(source, tmp_path / "with.mp4", finder())
    assert kept.sound == "aac"
    without = redact_video(source, tmp_path / "without.mp4", finder(), sound=False)
    assert without.sound == "" and without.lost == "its sound is left out"
    with av.open(str(tmp_path / "with.mp4")) as a, av.open(str(tmp_path / "without.mp4")) as b:
        assert [s.type for s in a.streams] == ["video", "audio"] and [s.type for s in b.streams] == ["video"]
        assert "Ana at home" not in str(a.metadata) + str(b.metadata)


def test_nobody_means_no_file_and_the_source_is_never_written_over(made: ModuleType, tmp_path: Path) -> None:
    source = clip(made, tmp_path / "a.mp4", lambda i: {}, 10)
    report = redact_video(source, tmp_path / "out.mp4", finder())
    assert report.written is None and report.hidden == ()
    with pytest.raises(UserFault, match="never written over"):
        redact_video(source, source, finder())
    with pytest.raises(UserFault, match=r"\.mp4"):
        redact_video(source, tmp_path / "out.avi", finder())
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"\0" * 2000)
    with pytest.raises(MediaFault):
        redact_video(bad, tmp_path / "out.mp4", finder())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4", "bad.mp4"]


class Plates:
    """Proposes the white rectangle, and a part of it."""

    def detect(self, image: Image) -> list[PlateBox]:
        y, x = np.nonzero(image.min(axis=2) > 225)
        if not len(x):
            return []
        box = np.array([[x.min(), y.min()], [x.max(), y.min()], [x.max(), y.max()], [x.min(), y.max()]], np.float32)
        part = box.copy()
        part[1:3, 0] -= 10
        return [PlateBox(part, 0.9, "test"), PlateBox(box, 0.8, "test")]


def test_plates_are_hidden_whole_where_they_are_wanted(made: ModuleType, tmp_path: Path) -> None:
    pictures = []
    for i in range(30):
        image = np.full((H, W, 3), 60, np.uint8)
        image[100:120, 60 + 2 * i : 130 + 2 * i] = 255
        cv2.putText(image, "KX 4821", (64 + 2 * i, 116), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1)
        pictures.append(image)
    write_clip(pictures, tmp_path / "car.mp4", FPS, crf=10)
    plates = PlateFinder(Plates(), Plates(), "test", "1")
    report = redact_video(tmp_path / "car.mp4", tmp_path / "out.mp4", finder(), plates=plates)
    assert [h.what for h in report.hidden] == ["plate"]
    for i, f in enumerate(open_media(tmp_path / "out.mp4").read([k / FPS for k in range(30)])):
        part = f.image[102:118, 62 + 2 * i : 128 + 2 * i].astype(np.float32)
        assert (part - cv2.GaussianBlur(part, (0, 0), 2)).std() < 6
    assert redact_video(tmp_path / "car.mp4", tmp_path / "no.mp4", finder()).written is None


def test_the_tool_tells_tracks_sound_and_times(made: ModuleType, tmp_path: Path) -> None:
    source = clip(made, tmp_path / "a.mp4", lambda i: {1: (40, 60), 2: (200, 60)})
    ctx = made.context(tmp_path, attached=[Attachment("video-1", "video", source)])
    seen = redacted(ctx, "video-1", finder(), None)
    assert seen.summary == (
        "redacted-1 shows video-1 with 2 face tracks blurred beyond recognition (0.0 to 2.0 s); it has "
        f"no sound [e1]. {LIMITS}"
    )
    [piece] = seen.evidence
    assert piece.clip == str(ctx.handles["redacted-1"]) and piece.end - piece.start == pytest.approx(2.0, abs=0.05)
    again = redacted(ctx, "redacted-1", finder(), None)
    assert again.verdict == "none" and "no copy was made" in again.summary


def test_a_video_longer_than_a_request_may_take_names_the_command(made: ModuleType, tmp_path: Path) -> None:
    source = tmp_path / "long.mp4"
    write_clip([np.full((32, 32, 3), 90, np.uint8)] * 11, source, 1 / 61)
    ctx = made.context(tmp_path, attached=[Attachment("video-1", "video", source)])
    with pytest.raises(MediaFault, match="video-1 is 11 minutes long; 10 are redacted") as fault:
        redacted(ctx, "video-1", finder(), None)
    assert "viot redact" in fault.value.fix


def test_a_face_between_two_frames_was_painted_over_in_none() -> None:
    track = Track(0.9, 1.1, 0.1, [1.0], [(10.0, 10.0, 30.0, 30.0)], [1.0], [0])
    assert covered(track, 1.0, 1.0, lambda t: [], [0.96, 1.04]) == ()
