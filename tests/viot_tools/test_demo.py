"""The demo: footage the same every time, truth as painted, and checks that let no wrong answer pass."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from rich.console import Console

from viot_agent.errors import UserFault
from viot_agent.media.types import Image
from viot_agent.steps import Answer, Evidence, Observation, Request, Run, Step, Thought, ToolCall
from viot_tools.demo import asking, figures, footage, scenes
from viot_tools.demo.command import MARK, Demo, open_questions
from viot_tools.demo.figures import COLLINS, HOPPER
from viot_tools.demo.report import Outcome

NOW = 1_795_444_000.0  # 2026-11-23 14:26:40 UTC
CLIPS = {clip.camera: clip for clip in footage.script(NOW)}
TRUTH = footage.truth(tuple(CLIPS.values()))


def frame(clip: footage.Clip, t: float) -> Image:
    return footage.Painter(clip).paint(round(t * footage.FPS))


# figures --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("portrait", [COLLINS, HOPPER], ids=lambda p: p.name)
def test_portraits_lie_in_the_wheels(portrait: figures.Portrait) -> None:
    with Pillow.open(portrait.path) as picture:
        width, height = picture.size
    assert all(0 <= x < width and 0 <= y < height for x, y in portrait.outline)
    sprite = figures.bust(portrait)
    alpha = np.asarray(sprite.image.getchannel("A"))
    x0, y0, x1, y1 = (round(v) for v in sprite.mark)
    assert alpha[y0:y1, x0:x1].mean() > 225, "the face lies inside the cut-out"
    assert 0.2 < (alpha > 128).mean() < 0.8


def test_a_picture_that_is_not_in_its_wheel_says_what_to_do() -> None:
    with pytest.raises(Exception, match="force-reinstall scikit-image"):
        figures.wheel_file("skimage", "data", "nobody.png")


def test_figures_walk_both_ways() -> None:
    clothes = figures.Clothes((128, 40, 38), (36, 40, 62), (205, 160, 130), (60, 40, 30))
    right, left = figures.figure(clothes, 0.25), figures.figure(clothes, 0.25, left=True)
    assert np.array_equal(np.asarray(right.image)[:, ::-1], np.asarray(left.image))
    assert right.mark[3] - right.mark[1] > 0.9 * right.size[1]


# footage --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("camera", list(CLIPS))
def test_frames_are_the_same_every_time(camera: str) -> None:
    short = replace(CLIPS[camera], seconds=0.2)
    first, second = list(footage.frames(short)), list(footage.frames(short))
    assert len(first) == 2
    assert first[0].shape == (scenes.HEIGHT, scenes.WIDTH, 3)
    assert first[0].dtype == np.uint8
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], first[1]), "a sensor has noise"
    other = next(iter(footage.frames(replace(short, seed=short.seed + 99))))
    assert not np.array_equal(first[0], other)


def test_the_script_plays_on_the_day_before() -> None:
    assert {round((NOW // 86400 * 86400 - c.start) // 86400) for c in CLIPS.values()} == {0}
    assert footage.yesterday_at(NOW, 8, 30) % 86400 == 8.5 * 3600
    later = {c.camera: c for c in footage.script(NOW + 86400)}
    assert all(later[name].start == c.start + 86400 for name, c in CLIPS.items())


def painted(clip: footage.Clip, t: float) -> np.ndarray[Any, Any]:
    """(H, W) bool: where the picture differs from the same frame with nobody in it; the clock's band left out."""
    with_actors, empty = frame(clip, t).astype(int), frame(replace(clip, actors=()), t).astype(int)
    changed = np.abs(with_actors - empty).max(2) > 14
    changed[:34] = False
    return np.asarray(changed)


@pytest.mark.parametrize(
    ("camera", "kind", "who"),
    [
        ("lobby", "face", COLLINS.name),
        ("back door", "face", HOPPER.name),
        ("gate 1", "plate", "KX-4821"),
        ("gate 2", "plate", "HJ-593-TF"),
    ],
)
def test_truth_is_what_is_painted(camera: str, kind: footage.Kind, who: str) -> None:
    clip = CLIPS[camera]
    (only,) = TRUTH.of(kind, cameras=(camera,))
    assert only.who == who
    start, end = only.start - clip.start, only.end - clip.start
    assert 0 < start < end < clip.seconds, "the visit begins and ends inside the clip"
    middle = (start + end) / 2
    box = clip.actors[0].box(middle)
    assert box is not None
    x0, y0, x1, y1 = (round(v) for v in box)
    changed = painted(clip, round(middle * footage.FPS) / footage.FPS)
    assert changed[y0:y1, x0:x1].mean() > 0.8
    assert not painted(clip, 0.0).any()
    assert not painted(clip, clip.seconds - 0.1).any()


def test_the_largest_count_is_what_is_painted() -> None:
    import cv2

    clip = CLIPS["yard"]
    whole = TRUTH.of("person", cameras=("yard",))
    t = max(a.start for a in whole) - clip.start + 0.5
    n, _, stats, _ = cv2.connectedComponentsWithStats(
        cv2.dilate(painted(clip, t).astype(np.uint8), np.ones((7, 7), np.uint8))
    )
    assert sum(int(stats[i, cv2.CC_STAT_AREA]) > 1500 for i in range(1, n)) == TRUTH.most["yard"] == len(whole)
    assert TRUTH.most["lobby"] == 0, "only drawn bodies are counted"


def test_a_clip_is_a_video(tmp_path: Path) -> None:
    from viot_agent.media.probe import probe

    path = footage.make(replace(CLIPS["back door"], seconds=0.5), tmp_path / "new")
    info = probe(path)
    assert path.name == "back-door.mp4"
    assert (info.width, info.height, info.n_frames) == (scenes.WIDTH, scenes.HEIGHT, 5)


def test_an_unknown_scene_is_an_error() -> None:
    with pytest.raises(KeyError):
        scenes.build("moon", 1)


# checks ---------------------------------------------------------------------------------------------------------------


def piece(camera: str, t0: float, t1: float, who: str | None = None, number: int = 1) -> Evidence:
    start = CLIPS[camera].start
    return Evidence(f"e{number}", camera, start + t0, start + t1, "tool", "model", "1", who=who, label="unknown")


def run(
    status: Any, text: str, *evidence: Evidence, verdict: Any = "found", data: Any = None, missing: tuple[str, ...] = ()
) -> Run:
    observation = Observation("c1", "tool", "ok", text, verdict, evidence=evidence, data=data or {})
    step = Step(Thought("look"), ToolCall("c1", "tool", {}), observation)
    return Run("run-1", Request("?", now=NOW), (step,), Answer(text, status, missing=missing), "fake", 0.1)


def counted(most: int) -> dict[str, Any]:
    return {"cameras": {"yard": {"min": 0, "max": most}}}


EC, GH = COLLINS.name, HOPPER.name
CASES: list[tuple[str, asking.Check, Run, bool]] = [
    ("seen", asking.seen("face", EC, "lobby"), run("answered", "yes", piece("lobby", 2.8, 6.6, EC)), True),
    ("two pieces", asking.seen("face", EC, "lobby"),
     run("answered", "yes", piece("lobby", 2.8, 4.4, EC), piece("lobby", 4.4, 6.4, EC, 2)), True),
    ("too little", asking.seen("face", EC, "lobby"), run("answered", "yes", piece("lobby", 3, 4, EC)), False),
    ("too much", asking.seen("face", EC, "lobby"), run("answered", "yes", piece("lobby", 0, 9, EC)), False),
    ("no evidence", asking.seen("face", EC, "lobby"), run("answered", "yes"), False),
    ("wrong verdict", asking.seen("face", EC, "lobby"),
     run("answered", "no", piece("lobby", 2.8, 6.6, EC), verdict="none"), False),
    ("wrong status", asking.seen("face", EC, "lobby"), run("cannot_tell", "?", piece("lobby", 2.8, 6.6, EC)), False),
    ("wrong person", asking.seen("face", EC, "lobby"), run("answered", "yes", piece("lobby", 2.8, 6.6, GH)), False),
    ("wrong camera", asking.seen("face", EC, "lobby"),
     run("answered", "yes", piece("lobby", 2.8, 6.6, EC), piece("yard", 1, 2, None, 2)), False),
    ("plate", asking.seen("plate", "KX-4821", "gate 1"), run("answered", "y", piece("gate 1", 2, 5.5, "KX4821")), True),
    ("misread plate", asking.seen("plate", "KX-4821", "gate 1"),
     run("answered", "y", piece("gate 1", 2, 5.5, "KX4821"), piece("gate 1", 1.6, 2, "KX4B21", 2)), False),
    ("a no", asking.not_seen("face", EC, "back door"), run("answered", "no", verdict="none"), True),
    ("a wrong no", asking.not_seen("face", EC, "lobby"), run("answered", "no", verdict="none"), False),
    ("a wrong yes", asking.not_seen("face", EC, "back door"),
     run("answered", "yes", piece("back door", 3, 6, EC)), False),
    ("stranger", asking.strangers("back door", [EC]),
     run("answered", "One unknown person.", piece("back door", 3, 6)), True),
    ("stranger, counted in digits", asking.strangers("back door", [EC]),
     run("answered", "Nobody enrolled; 1 unknown person.", piece("back door", 3, 6)), True),
    ("stranger named by evidence", asking.strangers("back door", [EC]),
     run("answered", "One unknown person.", piece("back door", 3, 6, EC)), False),
    ("stranger named in words", asking.strangers("back door", [EC]), run("answered", f"1 unknown person; {EC}"), False),
    ("stranger known by magic", asking.strangers("back door", [EC]), run("answered", f"1 unknown person: {GH}"), False),
    ("two strangers", asking.strangers("back door", [EC]), run("answered", "2 unknown people"), False),
    ("not enrolled", asking.not_enrolled(GH), run("needs_input", "who?"), True),
    ("not enrolled, answered", asking.not_enrolled(GH), run("answered", "no", verdict="none"), False),
    ("plates", asking.plates("gate 1", "gate 2"),
     run("answered", "KX4821 and HJ593TF", piece("gate 1", 2, 5, "KX4821"), piece("gate 2", 3, 5, "HJ593TF", 2)), True),
    ("a plate short", asking.plates("gate 1", "gate 2"),
     run("answered", "KX4821", piece("gate 1", 2, 5, "KX4821")), False),
    ("count", asking.most_people("yard"), run("answered", "3 people", piece("yard", 5, 6), data=counted(3)), True),
    ("count in words", asking.most_people("yard"), run("answered", "Three people.", data=counted(3)), True),
    ("miscounted", asking.most_people("yard"), run("answered", "4 people", data=counted(4)), False),
    ("misquoted", asking.most_people("yard"), run("answered", "2 people", data=counted(3)), False),
    ("outside", asking.outside("lobby"), run("cannot_tell", "no footage", verdict="cannot_tell"), True),
    ("outside, answered", asking.outside("lobby"), run("answered", "no", verdict="none"), False),
    ("asks back", asking.asks_back("person"), run("needs_input", "whom?", missing=("person",)), True),
    ("asks for something else", asking.asks_back("person"), run("needs_input", "when?", missing=("time",)), False),
]  # fmt: skip


@pytest.mark.parametrize(("check", "finished", "right"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_checks(check: asking.Check, finished: Run, right: bool) -> None:
    finding = check(finished, TRUTH)
    assert finding.expected
    assert (not finding.faults) == right, finding.faults


def test_no_expected_answer_is_written_into_the_requests() -> None:
    """The truth decides: on other footage the same request has another right answer."""
    clip = CLIPS["yard"]
    fewer = footage.truth((replace(clip, actors=clip.actors[:2]),))
    check = asking.most_people("yard")
    assert check(run("answered", "2 people", data=counted(2)), fewer).faults == ()
    assert check(run("answered", "3 people", data=counted(3)), fewer).faults


# folders --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    with (tmp_path / "printed.txt").open("w", encoding="utf-8") as file:
        yield Console(file=file, width=200)


@pytest.mark.parametrize(
    ("before", "keep", "message"),
    [
        ({"letter.txt": "mine"}, False, "did not make"),
        ({MARK: "{"}, False, "cannot be read"),
        ({MARK: "[]"}, False, "not the demo's own"),
        ({}, True, "not made by viot demo"),
        ({MARK: json.dumps({"made_by": "viot demo", "kind": "data", "now": 1})}, True, "no finished demo of this kind"),
        ({MARK: json.dumps({"made_by": "viot demo", "kind": "made", "now": 1, "indexed": False})}, True, "no finished"),
    ],
)
def test_nothing_of_anybodys_is_overwritten(
    before: dict[str, str], keep: bool, message: str, tmp_path: Path, console: Console
) -> None:
    folder = tmp_path / "place"
    folder.mkdir()
    for name, text in before.items():
        (folder / name).write_text(text, "utf-8")
    with pytest.raises(UserFault, match=message):
        Demo(folder, None, "mini", keep, console).on_made_footage()
    assert {p.name: p.read_text("utf-8") for p in folder.iterdir()} == before


def test_a_file_is_no_home(tmp_path: Path, console: Console) -> None:
    (tmp_path / "file").write_text("mine", "utf-8")
    with pytest.raises(UserFault, match="is a file"):
        Demo(tmp_path / "file", None, "mini", False, console).on_made_footage()


@pytest.mark.parametrize(("make", "message"), [(False, "no folder"), (True, "holds no video")])
def test_data_wants_a_folder_of_videos(make: bool, message: str, tmp_path: Path, console: Console) -> None:
    data = tmp_path / "data"
    if make:
        data.mkdir()
        (data / "readme.txt").write_text("no video", "utf-8")
    with pytest.raises(UserFault, match=message):
        Demo(tmp_path / "home", None, "mini", False, console).on_folder(data)
    assert not (tmp_path / "home").exists()


def test_open_questions_are_bounded() -> None:
    asked = open_questions([f"cam {n}" for n in range(50)])
    assert len(asked) == 10
    assert all(q.check is None for q in asked)


def test_the_sheet_is_one_legible_picture(tmp_path: Path) -> None:
    from viot_tools.demo.sheet import WIDTH, draw_sheet

    clip = footage.make(replace(CLIPS["lobby"], seconds=0.5), tmp_path)
    shown = replace(piece("lobby", 1, 3, EC), clip=str(clip))
    long = run("answered", "A long answer with many words, 皖A. " * 12, shown)
    rows = [
        Outcome(1, "a person", long, asking.Finding("yes")),
        Outcome(2, "wrong", run("cannot_tell", "cannot tell"), asking.Finding("yes", ("no",))),
        Outcome(3, "unjudged", run("needs_input", "whom?"), None),
    ]
    path = tmp_path / "sheets" / "sheet.png"
    draw_sheet(rows, "a title", "a subtitle", path)
    with Pillow.open(path) as sheet:
        assert sheet.width == WIDTH
        assert 400 < sheet.height < 1000
    assert path.stat().st_size < 300_000


# the whole ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_answer_is_right(home: Path, tmp_path: Path, console: Console) -> None:
    """Issue 2, done when 1: made, indexed and asked in the builtin tier; then asked again with ``--keep``."""
    place, out = tmp_path / "a place", tmp_path / "out"
    assert Demo(place, out, "mini", False, console, now=NOW).on_made_footage() == 0
    record = json.loads((out / "answers.json").read_text("utf-8"))
    assert [row["right"] for row in record["answers"]] == [True] * len(asking.questions())
    assert record["tier"] == "builtin"
    assert {"make footage", "index", "load the language model", "all"} <= set(record["parts"])
    assert list(out.glob("01-a-person/*.mp4")), "evidence clips are there"
    assert (out / "contact_sheet.png").stat().st_size < 600_000
    assert HOPPER.name not in " ".join(row["answer"] for row in record["answers"] if row["about"] == "a stranger")
    before = {p: p.stat().st_mtime_ns for p in (place / "footage").iterdir()}
    assert Demo(place, out, "mini", True, console).on_made_footage() == 0
    assert before == {p: p.stat().st_mtime_ns for p in (place / "footage").iterdir()}


@pytest.mark.slow
def test_a_folder_of_videos(home: Path, tmp_path: Path, console: Console) -> None:
    """``--data``: every readable video is a camera, the rest is left out and said so; answers are not judged."""
    data = tmp_path / "my videos"
    footage.make(replace(CLIPS["gate 2"], seconds=4.0), data)
    (data / "broken.mp4").write_bytes(b"no video at all")
    (data / "notes.txt").write_text("not looked at", "utf-8")
    place = tmp_path / "place"
    assert Demo(place, None, "mini", False, console).on_folder(data) == 0
    record = json.loads((place / "answers" / "answers.json").read_text("utf-8"))
    assert [row["right"] for row in record["answers"]] == [None] * 4
    assert any("HJ593TF" in row["answer"] for row in record["answers"])
    console.file.flush()
    assert "left out" in (tmp_path / "printed.txt").read_text("utf-8")
