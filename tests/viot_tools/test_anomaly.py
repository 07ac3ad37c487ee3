"""Anomalies: what a second measures, what the history makes unusual, the rules without history, the sentences."""

from __future__ import annotations

import time as clock
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import LibraryFault
from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera, Window
from viot_agent.library.fake import Crop, FakeLibrary, Looked
from viot_agent.library.rows import Count, Event, EventRow, Footage, SegmentInfo, Shared, Track
from viot_agent.media.types import Frame, Image
from viot_agent.steps import Observation, Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_tools.anomaly.analyzer import ActivityAnalyzer
from viot_tools.anomaly.history import MOST_HISTORY, PART, Histories, cells_under, paces, parts, reach
from viot_tools.anomaly.judge import LEAST_HISTORY, LINES, MOST_PIECES, _pieces, judge, stretches
from viot_tools.anomaly.measure import CELLS, COLUMNS, FASTEST, LOOK, ROWS, Meter, Seconds, pack, unpack
from viot_tools.anomaly.normal import CHANNELS, Memory, Watched
from viot_tools.anomaly.rules import darkenings, falls, troubles
from viot_tools.anomaly.tool import anomaly_detection
from viot_tools.covered import Covered
from viot_tools.scene.classify import MODEL_OF_TIER
from viot_tools.scene.vocabulary import SCENES

T0 = 1_772_546_700.0  # 14:05:00 UTC on 3 March 2026
GATE = Camera(1, "gate 2", "gate.mp4", ("gates",), "UTC", T0)
OBJECTS = "yolox-nano"

# what a second measures


def moving_square(seconds: float, step: int = 3, level: int = 220) -> list[Image]:
    """A textured square that goes right by ``step`` pixels of 192 a frame, 5 frames a second, and starts over."""
    texture = np.random.default_rng(0).integers(level - 60, level, (24, 24, 1)).astype(np.uint8)
    frames = []
    for i in range(int(seconds * 5)):
        image = np.full((128, 192, 3), 60, np.uint8)
        x = 8 + (i * step) % 140
        image[50:74, x : x + 24] = texture
        frames.append(image)
    return frames


def measured(frames: Sequence[Image]) -> Seconds:
    meter = Meter(0.0)
    for i, image in enumerate(frames):
        meter.see(i / 5, image)
    meter.finish()
    return unpack(pack(meter.rows), meter.starts, T0)


def test_a_second_knows_where_and_how_things_moved() -> None:
    seen = measured(moving_square(3))
    assert len(seen) == 3 and seen.t[0] == T0 + 0.5
    rows = np.unique(np.flatnonzero(seen.moved.max(0) > 0.05) // COLUMNS)
    assert set(rows) <= {2, 3, 4}, "the square lies in the picture's middle rows"
    busiest = int(seen.moved[0].argmax())
    # 3 pixels of 192 a frame at 5 a second is 0.078 widths a second
    assert seen.vx[0, busiest] == pytest.approx(0.078, abs=0.03) and abs(seen.vy[0, busiest]) < 0.03
    assert seen.look.shape == (3, LOOK) and 0.2 < seen.light[0, 0] < 0.35


def test_a_still_picture_does_not_move() -> None:
    seen = measured([np.full((128, 192, 3), 90, np.uint8)] * 10)
    assert len(seen) == 2 and seen.moved.max() == 0 and seen.peak.max() == 0


def test_packing_loses_less_than_a_step_of_a_byte() -> None:
    rng = np.random.default_rng(1)
    rows = [rng.integers(0, 256, 4 * CELLS + LOOK + 3).astype(np.uint8) for _ in range(4)]
    seen = unpack(pack(rows), [0.0, 1.0, 2.0, 4.0], 10.0)
    assert list(seen.t) == [10.5, 11.5, 12.5, 14.5]
    assert np.allclose(seen.look * 255, np.stack(rows)[:, 4 * CELLS : -3])
    assert np.allclose((seen.vx / FASTEST) * 127 + 128, np.stack(rows)[:, CELLS : 2 * CELLS])


@pytest.mark.parametrize("text", ["", "no packed row", pack([np.zeros(7, np.uint8)])])
def test_a_torn_row_is_a_fault_that_says_what_to_do(text: str) -> None:
    with pytest.raises(LibraryFault, match="index the camera again"):
        unpack(text, [0.0], 0.0)


def test_the_analyzer_writes_one_row_a_segment_and_skips_repeats() -> None:
    segment = SegmentInfo("gate 2", Path("gate.mp4"), 1, 30.0, 60.0, 192, 128, 5.0)
    analysis = ActivityAnalyzer().start(segment)
    for i, image in enumerate(moving_square(2)):
        for _ in range(2):
            analysis.see(Frame(i, 30 + i / 5, image), Shared())
    [row] = analysis.finish().events
    assert (row.kind, row.t0, row.data["starts"], row.data["size"]) == ("activity", 30.0, [0.0, 1.0], [192, 128])
    assert len(row.data["packed"]) < 6000
    assert ActivityAnalyzer().start(segment).finish().events == ()


# what the history makes unusual


def seconds(n: int, start: float = T0) -> Seconds:
    """A quiet picture: in row 4, cells 2 to 9 move to the right at 0.1 widths a second, every other second."""
    moved, vx = np.zeros((n, CELLS), np.float32), np.zeros((n, CELLS), np.float32)
    lane = slice(4 * COLUMNS + 2, 4 * COLUMNS + 10)
    moved[::2, lane], vx[::2, lane] = 0.2, 0.1
    look = np.tile(np.linspace(0.2, 0.6, LOOK, dtype=np.float32), (n, 1))
    light = np.tile(np.array([0.5, 0.4, 0.3], np.float32), (n, 1))
    t = start + 0.5 + np.arange(n)
    return Seconds(t, moved, vx, np.zeros_like(vx), np.abs(vx), look, light)


def plain(s: Seconds, people: float = 1.0, pace: float = 0.9) -> Watched:
    n = len(s)
    return Watched(s, np.full(n, people), np.full(n, pace), np.zeros((n, CELLS), bool))


def changed(watched: Watched, rows: slice, **parts: object) -> Watched:
    """``watched`` with ``parts`` (cells, values) written into ``rows`` of a copy of the named array."""
    arrays = {name: np.array(getattr(watched.seconds, name)) for name in Seconds.__slots__}
    more = {"people": watched.people.copy(), "pace": watched.pace.copy()}
    for name, value in parts.items():
        if name in more:
            more[name][rows] = value
        else:
            where, level = value  # type: ignore[misc]
            arrays[name][rows, where] = level
    return Watched(Seconds(**arrays), more["people"], more["pace"], watched.busy)


LANE = slice(4 * COLUMNS + 2, 4 * COLUMNS + 10)
CORNER = slice(0, 5)
PATCH = [r * 32 + c for r in (10, 11, 12) for c in (5, 6, 7, 8)]

UNUSUAL = [
    ("where", {"moved": (CORNER, 0.3), "vx": (CORNER, 0.1)}, 0),
    ("speed", {"pace": 3.0}, None),
    ("direction", {"moved": (LANE, 0.2), "vx": (LANE, -0.1)}, 4),
    ("amount", {"moved": (slice(None), 0.5), "vx": (slice(None), 0.5)}, None),
    ("crowd", {"people": 9.0}, None),
    ("change", {"look": (PATCH, 0.95)}, 4),
    ("light", {"light": ([0, 1], 0.03)}, None),
]


@pytest.mark.parametrize(("channel", "parts", "row"), UNUSUAL, ids=[u[0] for u in UNUSUAL])
def test_each_channel_hears_its_own_anomaly(channel: str, parts: dict[str, object], row: int | None) -> None:
    usual = plain(seconds(400))
    k = CHANNELS.index(channel)
    quiet = Memory(usual).surprise(plain(seconds(20, T0 + 400))).score
    assert (quiet / np.array(list(LINES.values()))).max() < 1, "more of the same is not unusual"
    odd = changed(plain(seconds(20, T0 + 400)), slice(10, 16), **parts)
    found = Memory(usual).surprise(odd)
    assert found.score[10:16, k].min() >= LINES[channel] > found.score[:6, k].max()
    if row is not None:
        assert found.cell[12, k] // COLUMNS == pytest.approx(row, abs=1)


def test_followed_things_do_not_change_the_place() -> None:
    odd = changed(plain(seconds(20, T0 + 400)), slice(10, 16), look=(PATCH, 0.95))
    hidden = replace(odd, busy=np.ones_like(odd.busy))
    memory = Memory(plain(seconds(400)))
    k = CHANNELS.index("change")
    assert memory.surprise(odd).score[12, k] > 0 == memory.surprise(hidden).score[12, k]


def test_other_footage_is_the_history_when_there_is_enough_of_it() -> None:
    watched = changed(plain(seconds(300)), slice(200, 220), pace=4.0)
    asked = np.zeros(300, bool)
    asked[195:225] = True
    judged = judge(watched, asked)
    assert (judged.history == 270).all() and len(judged.t) == 30
    [stretch] = stretches(judged)
    assert (stretch.channel, stretch.start, stretch.end) == ("speed", T0 + 200, T0 + 220)
    assert stretch.ratio == pytest.approx(4 / 0.9, rel=0.05)


def test_alone_each_piece_is_judged_by_the_rest() -> None:
    watched = changed(plain(seconds(90)), slice(40, 46), people=9.0)
    judged = judge(watched, np.ones(90, bool))
    assert (judged.history >= LEAST_HISTORY).all() and (judged.history < 90).all()
    assert [s.channel for s in stretches(judged)] == ["crowd"]


def test_too_little_history_judges_nothing() -> None:
    watched = changed(plain(seconds(25)), slice(10, 15), people=9.0)
    judged = judge(watched, np.ones(25, bool))
    assert (judged.history == 0).all() and judged.total.max() == 0 and stretches(judged) == []


def test_one_cause_that_blinks_is_one_stretch() -> None:
    watched = changed(changed(plain(seconds(300)), slice(100, 103), people=9.0), slice(105, 107), people=9.0)
    asked = np.zeros(300, bool)
    asked[90:120] = True
    assert [(s.start - T0, s.end - T0) for s in stretches(judge(watched, asked))] == [(100, 107)]


# who was there


def a_track(
    boxes: Sequence[tuple[float, float, float, float]], start: float = T0, number: int = 1, kind: str = "person"
) -> Track:
    n = len(boxes)
    ts = start + np.arange(n) * 0.2
    label = "person" if kind == "person" else "car"
    scores = np.full(n, 0.8, np.float32)
    return Track(number, number, "gate 2", kind, label, OBJECTS, "abc", ts, np.array(boxes, np.float32), scores)


def test_the_cells_under_a_box_are_busy_while_it_is_there() -> None:
    s = seconds(6)
    busy = cells_under([a_track([(0, 0, 30, 30)] * 5)], s, (120, 80)).reshape(6, ROWS, COLUMNS)
    assert busy[0, :3, :3].all() and not busy[0, 4:].any() and not busy[:, :, 4:].any()
    assert not busy[4:].any()


def test_pace_is_in_own_heights_and_a_jumping_box_has_none() -> None:
    s = seconds(4)
    walks = a_track([(i * 20.0, 0, i * 20.0 + 40, 100) for i in range(20)])  # 100 pixels = one height a second
    assert paces([walks], s)[:3] == pytest.approx([1.0] * 3, abs=0.05)
    jumps = a_track([((i % 2) * 200.0, 0, (i % 2) * 200.0 + 40, 100) for i in range(20)])
    assert paces([jumps], s).max() == 0


# the rules

UPRIGHT, LOW = (100.0, 100.0, 160.0, 300.0), (90.0, 230.0, 200.0, 305.0)
TIPS = (95.0, 160.0, 180.0, 303.0)
"""On the way down: nobody falls faster than freely."""
FALLS = [
    ("falls, and the box follows", [UPRIGHT] * 8 + [TIPS] + [LOW] * 12, True),
    ("bends for a second", [UPRIGHT] * 8 + [TIPS] + [LOW] * 5 + [UPRIGHT] * 8, False),
    ("a box that jumps to somebody who sits", [UPRIGHT] * 8 + [LOW] * 12, False),
    ("sits down", [UPRIGHT] * 8 + [(100.0, 160.0, 160.0, 300.0)] * 12, False),
    ("walks out at the bottom", [UPRIGHT] * 8 + [(100.0, 100.0 + 40 * i, 160.0, 300.0) for i in range(1, 5)], False),
    ("lay there all the time", [LOW] * 20, False),
    ("goes far away", [UPRIGHT] * 8 + [(100.0, 100.0, 130.0, 170.0)] * 12, False),
]


@pytest.mark.parametrize(("what", "boxes", "expected"), FALLS, ids=[f[0] for f in FALLS])
def test_a_fall_is_low_at_once_and_for_a_while(
    what: str, boxes: list[tuple[float, float, float, float]], expected: bool
) -> None:
    assert bool(falls([a_track(boxes)])) is expected


def test_a_fall_is_found_where_the_detector_starts_a_new_track() -> None:
    before, after = a_track([UPRIGHT] * 8), a_track([LOW] * 12, T0 + 1.8, 2)
    [found] = falls([before, after])
    assert found.start == pytest.approx(T0 + 1.4) and found.end == pytest.approx(T0 + 4.0) and found.track is after


def drive(number: int = 3) -> Track:
    return a_track([(i * 30.0, 50, i * 30.0 + 60, 90) for i in range(8)], number=number, kind="vehicle")


def sprint() -> Track:
    return a_track([(i * 60.0, 0, i * 60.0 + 40, 100) for i in range(10)])


PLACES = [
    (("kitchen",), [], [drive()], ["vehicle"]),
    (("kitchen", "street"), [], [drive()], []),
    ((), [], [drive()], []),
    (("corridor",), [sprint()], [], ["ran"]),
    (("street",), [sprint()], [], []),
    (("gym",), [sprint()], [], []),
    (("street",), [a_track([UPRIGHT] * 8 + [TIPS] + [LOW] * 12)], [], ["fall"]),
    (("gym",), [a_track([UPRIGHT] * 8 + [TIPS] + [LOW] * 12)], [], []),
]


@pytest.mark.parametrize(("scene", "people", "vehicles", "expected"), PLACES)
def test_what_is_trouble_depends_on_the_place(
    scene: tuple[str, ...], people: list[Track], vehicles: list[Track], expected: list[str]
) -> None:
    assert [t.what for t in troubles(scene, people, vehicles, seconds(4))] == expected


def test_light_that_goes_is_trouble_and_dusk_is_not() -> None:
    night = changed(plain(seconds(20)), slice(10, 16), light=([0, 1], 0.04)).seconds
    [found] = darkenings(night)
    assert (found.start - T0, found.end - T0) == (10, 16)
    dusk = plain(seconds(60)).seconds
    dusk.light[:, 0] = np.linspace(0.5, 0.05, 60)
    assert darkenings(dusk) == [] and darkenings(Seconds.none()) == []


# the tool


def scene_event(word: str) -> Event:
    p = np.full(len(SCENES), 0.1 / (len(SCENES) - 1))
    p[SCENES.index(word)] = 0.9
    data = {"p": [float(v) for v in p], "frames": [1.0]}
    return Event("gate 2", T0, T0 + 30, "scene", 0.9, data, MODEL_OF_TIER["hub"], "abc")


def activity(length: int, odd: slice | None = None) -> list[Event]:
    """Rows of an hour cut in segments of 30 seconds; in ``odd`` seconds the upper left corner moves."""
    return list(measured_activity(length, range(0) if odd is None else range(odd.start, odd.stop)))


@cache
def measured_activity(length: int, odd: range) -> tuple[Event, ...]:
    frames = moving_square(length)
    if odd:
        rng = np.random.default_rng(2)
        for i in range(odd.start * 5, odd.stop * 5):
            frames[i][:48, :64] = rng.integers(0, 256, (48, 64, 1)).astype(np.uint8)
    events = []
    for first in range(0, length, 30):
        analysis = ActivityAnalyzer().start(SegmentInfo("gate 2", Path("g"), 0, first, first + 30, 192, 128, 5.0))
        for i in range(first * 5, min(length, first + 30) * 5):
            analysis.see(Frame(i, i / 5, frames[i]), Shared())
        row: EventRow = analysis.finish().events[0]
        events.append(Event("gate 2", T0 + row.t0, T0 + row.t1, row.kind, 0.0, row.data, "activity-meter", "1"))
    return tuple(events)


def library(
    length: int, events: Sequence[Event], tracks: Sequence[Track] = (), looked: bool = True, objects: str = OBJECTS
) -> FakeLibrary:
    both = [("activity", "activity-meter"), ("objects", objects), ("scene", MODEL_OF_TIER["hub"])]
    return FakeLibrary(
        [GATE],
        footage=[Footage("gate 2", Path("gate.mp4"), 0.0, T0, T0 + length)],
        looked=[Looked(name, model, "gate 2", T0, T0 + length) for name, model in both] if looked else [],
        events=events,
        tracks=tracks,
        crops=[Crop(t.id, t.start, b"jpeg-%d" % t.id) for t in tracks],
        counts=[Count("gate 2", T0 + i / 5, "person", 1.0, OBJECTS, "abc") for i in range(length * 5)],
    )


def ask(lib: FakeLibrary, home: Path, scene: str = "street", time: str | None = None) -> Observation:
    request = Request("anything odd?", now=T0 + 6000)
    ctx = ToolContext(request, Fleet(lib), lib, Weights(home, home, "hub"), home, "run-1", "call-1")
    return anomaly_detection.fn(ctx, scene, ["gate 2"], time)


def test_a_plain_hour_is_none_with_what_it_was_compared_with(tmp_path: Path) -> None:
    seen = ask(library(240, [*activity(240), scene_event("street")]), tmp_path)
    assert seen.verdict == "none" and seen.evidence == () and seen.data["anomalies"] == []
    assert seen.summary.startswith("Nothing unusual on gate 2 in the 240 s looked at, each compared with 22")
    assert seen.coverage is not None and seen.coverage.fraction == 1.0


@pytest.mark.parametrize(
    ("length", "said"), [(240, "Nothing unusual on gate 2 in the 240 s"), (8, "Sudden darkness is told without.")]
)
def test_a_detector_of_upright_people_denies_no_fall(length: int, said: str, tmp_path: Path) -> None:
    lib = library(length, [*activity(length), scene_event("street")], objects="opencv-hog-people")
    seen = ask(lib, tmp_path)
    assert seen.verdict == "cannot_tell" and said in seen.summary and "Falls and" not in seen.summary
    assert "Cannot tell of falls on gate 2: opencv-hog-people finds nobody who lies (viot models pull" in seen.summary


def test_something_unusual_is_told_with_its_cause_and_evidence(tmp_path: Path) -> None:
    lib = library(240, [*activity(240, slice(200, 206)), scene_event("street")])
    seen = ask(lib, tmp_path, time="between 14:08 and 14:09")
    assert seen.verdict == "found"
    assert seen.summary.startswith("Unusual on gate 2 from 14:08:2") and "upper left" in seen.summary
    first = seen.data["anomalies"][0]
    assert first["start"] < T0 + 206 and first["end"] > T0 + 200 and first["score"] >= 1
    piece = seen.evidence[0]
    assert piece.start <= first["start"] and piece.end >= first["end"] - 1 and piece.model == "activity-meter"
    assert seen.claims[0].evidence == ("e1",)


def test_a_fall_is_told_without_history_and_the_rest_is_not(tmp_path: Path) -> None:
    track = a_track([UPRIGHT] * 8 + [TIPS] + [LOW] * 12, number=7)
    seen = ask(library(8, [*activity(8), scene_event("kitchen")], [track]), tmp_path, "kitchen")
    assert seen.verdict == "found" and "somebody went down and stayed down, perhaps a fall [e1]" in seen.summary
    assert "at least 30 s are needed" in seen.summary and "Nothing unusual" not in seen.summary
    [piece] = seen.evidence
    assert piece.track == "7" and piece.crop_jpeg == b"jpeg-7" and piece.xyxy is not None


def test_too_little_history_is_cannot_tell_and_says_how_much_is_missing(tmp_path: Path) -> None:
    seen = ask(library(8, [*activity(8), scene_event("street")]), tmp_path)
    assert seen.verdict == "cannot_tell"
    assert (
        "Cannot tell what is unusual on gate 2: it has 2 s of history" in seen.summary and "28 s more" in seen.summary
    )


NOTES = [
    ("kitchen", "gate 2 looks like street, not kitchen: judged by its history alone."),
    ("outdoors", None),
    ("Street", None),
    ("the usual spot", "'the usual spot' is no scene that is known; gate 2 was taken for street."),
]


@pytest.mark.parametrize(("scene", "note"), NOTES)
def test_a_scene_that_does_not_fit_is_said(scene: str, note: str | None, tmp_path: Path) -> None:
    summary = ask(library(120, [*activity(120), scene_event("street")]), tmp_path, scene).summary
    assert summary.endswith(note) if note else "gate 2 looks like" not in summary and "no scene" not in summary


def test_what_was_not_indexed_is_not_judged(tmp_path: Path) -> None:
    seen = ask(library(60, [], looked=False), tmp_path)
    assert seen.verdict == "cannot_tell" and seen.summary == (
        "Cannot tell: gate 2 is not indexed yet: viot index 'gate 2'."
    )
    later = ask(library(60, activity(60)), tmp_path, time="between 16:00 and 17:00")
    assert later.verdict == "cannot_tell" and "has footage from 14:05:00" in later.summary


def test_a_finding_on_little_history_is_called_a_hint(tmp_path: Path) -> None:
    seen = ask(library(240, [*activity(240, slice(200, 206)), scene_event("street")]), tmp_path)
    assert seen.verdict == "found" and "s of history to compare with: take this as a hint." in seen.summary


def test_a_guessed_scene_silences_no_rule(tmp_path: Path) -> None:
    track = a_track([UPRIGHT] * 8 + [TIPS] + [LOW] * 12, number=7)
    seen = ask(library(8, activity(8), [track]), tmp_path, "stage")
    assert [a["cause"] for a in seen.data["anomalies"]] == ["fall"]


# long footage


def hours_of(n: float, every: float = 30.0) -> list[Event]:
    """The same half minute again and again, one row ``every`` so many seconds."""
    [one] = activity(30)
    return [replace(one, start=T0 + s, end=T0 + s + 29.8) for s in np.arange(0, n * 3600, every).tolist()]


CUTS = [
    ("nothing", [], []),
    ("short", [(0.0, 1000.0)], []),
    ("long", [(0.0, 2.5 * PART)], [PART, 2 * PART]),
    ("a part begins with its footage", [(0.0, 10.0), (5 * PART, 6.5 * PART)], [5 * PART, 6 * PART]),
]


@pytest.mark.parametrize(("what", "stretches_", "cuts"), CUTS, ids=[c[0] for c in CUTS])
def test_the_parts_of_a_window_leave_nothing_out(
    what: str, stretches_: list[tuple[float, float]], cuts: list[float]
) -> None:
    whole = parts(stretches_, Window(None, None))
    assert [a for a, _ in whole] == [-np.inf, *cuts] and [b for _, b in whole] == [*cuts, np.inf]
    low, high = parts(stretches_, Window(-5.0, 1e9))[0][0], parts(stretches_, Window(-5.0, 1e9))[-1][1]
    assert (low, high) == (-5.0, 1e9)


REACHES = [
    ("all there is", [(0.0, 100.0)], (40.0, 60.0), (0.0, 100.0)),
    ("the nearest", [(0.0, 1000.0)], (400.0, 500.0), (350.0, 550.0)),
    ("far away where nothing is near", [(0.0, 100.0), (9000.0, 9010.0)], (9000.0, np.inf), (0.0, 9010.0)),
]


@pytest.mark.parametrize(("what", "around", "part", "expected"), REACHES, ids=[r[0] for r in REACHES])
def test_history_is_the_nearest_footage(
    what: str, around: list[tuple[float, float]], part: tuple[float, float], expected: tuple[float, float]
) -> None:
    assert reach(around, part, 100.0) == pytest.approx(expected, abs=2.1)


def test_every_second_of_a_long_window_is_asked_once_and_little_is_in_memory() -> None:
    lib = library(5 * 3600, hours_of(5))
    window = Window(T0 + 1800, T0 + 4 * 3600)
    looked = Covered(GATE, window, lib.coverage("activity", ["gate 2"], window.start, window.end), None, "")
    histories = Histories(lib, looked)
    each = [histories.of(part) for part in histories.parts]
    asked = np.concatenate([h.watched.seconds.t[h.asked] for h in each])
    assert len(each) == 7 and np.array_equal(asked, T0 + 1800.5 + np.arange(3.5 * 3600))
    assert max(len(h.watched) for h in each) <= PART + MOST_HISTORY + 120
    assert min(h.most_history for h in each) >= MOST_HISTORY - 60


def test_pieces_do_not_grow_with_the_footage() -> None:
    n = 3000
    pieces = _pieces(seconds(n), np.ones(n, bool))
    assert len(pieces) <= MOST_PIECES + 1 and sum(int(mine.sum()) for mine, _ in pieces) == n


def test_without_a_time_the_latest_hours_are_judged_and_that_is_said(tmp_path: Path) -> None:
    seen = ask(library(5 * 3600, [*hours_of(5, 600), scene_event("street")]), tmp_path)
    assert seen.summary.startswith("Nothing unusual on gate 2 in the 540 s looked at")
    assert "Only the latest 3 h of footage of gate 2 were read, from 16:05:00 on 3 March 2026 on" in seen.summary
    assert seen.verdict == "cannot_tell", "any time was asked, and not all was looked at"
    assert seen.coverage is not None and seen.coverage.start == T0 + 2 * 3600


def test_what_was_before_the_window_is_not_told(tmp_path: Path) -> None:
    events = [*activity(120), scene_event("street")]

    def causes(then: tuple[float, float, float, float], time: str) -> list[str]:
        track = a_track([UPRIGHT] * 8 + [TIPS] + [LOW] * 12 + [then] * 300, number=7)
        return [a["cause"] for a in ask(library(120, events, [track]), tmp_path, time=time).data["anomalies"]]

    first, later = "between 14:05:00 and 14:05:20", "between 14:05:30 and 14:06:30"
    assert "fall" in causes(UPRIGHT, first) and "fall" not in causes(UPRIGHT, later)
    assert "fall" in causes(LOW, later), "who still lies there then is told of"


def test_nothing_unusual_is_not_said_where_nobody_was_followed(tmp_path: Path) -> None:
    lib = library(240, [*activity(240), scene_event("street")])
    lib._looked = [x for x in lib._looked if x.analyzer != "objects"]
    seen = ask(lib, tmp_path)
    assert seen.verdict == "cannot_tell" and "Nothing unusual" not in seen.summary
    assert "people and vehicles were followed in 0 % of that footage only: viot index 'gate 2'" in seen.summary


def test_falls_among_many_boxes_are_found_in_good_time() -> None:
    people = [a_track([UPRIGHT] * 300, T0 + 61.0 * k, k) for k in range(60)]
    fallen = a_track([UPRIGHT] * 8 + [TIPS] + [LOW] * 12, T0 + 4000, 99)
    before = clock.process_time()
    [found] = falls([*people, fallen])
    assert found.track is fallen
    assert clock.process_time() - before < 10, "comparing all boxes with all takes minutes"


def test_a_box_beside_the_picture_covers_nothing() -> None:
    s = seconds(2)
    assert not cells_under([a_track([(-300.0, -300.0, -40.0, -40.0)] * 5)], s, (120, 80)).any()
