"""The small parts of watching: addresses, time stamps, the ladder, the ring, the backlog, health and metrics."""

from __future__ import annotations

import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viot_agent.errors import BackendFault, BusyFault, MediaFault, UserFault
from viot_agent.library.fake_analyzer import FakeLooks, FakeThings
from viot_agent.live import ring as rings
from viot_agent.live.address import checked, is_live, opening, shown
from viot_agent.live.backlog import Backlog, Recorded
from viot_agent.live.camera import pauses
from viot_agent.live.health import NOTES, Health, State, read_health, write_health
from viot_agent.live.ladder import CALM, Pressure, ladder
from viot_agent.live.metrics import STATES, serving
from viot_agent.live.ring import Ring, name_of, start_of
from viot_agent.live.stamps import JUMP, SEAM, Stamps
from viot_agent.live.stream import config_of

START = 1_767_225_600.0

# addresses -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "live", "words"),
    [
        ("rtsp://ana:secret@10.0.0.5:554/stream1?token=abc", True, "rtsp://10.0.0.5:554/stream1?..."),
        ("rtsps://cam/x", True, "rtsps://cam/x"),
        ("http://10.0.0.5/video.mjpg", True, "http://10.0.0.5/video.mjpg"),
        ("rtsp://ana:p@ss:w@cam:bad/x?token=abc", True, "rtsp://cam:bad/x?..."),
        ("/dev/video0", True, "/dev/video0"),
        ("/srv/gate.mp4", False, "/srv/gate.mp4"),
        ("/dev/video0.mp4", False, "/dev/video0.mp4"),
        ("rtsp://[broken/x?token=abc", True, "rtsp://[broken/x"),
        ("rtsp://ana:12/34@cam/x", True, "rtsp://..."),
        ("rtsp://ana:se?ret@cam/x", True, "rtsp://..."),
        ("rtsp://cam/user=ana&password=se;ret&channel=1.sdp", True, "rtsp://cam/user=..."),
        ("rtsp://cam/a/PWD=secret/b", True, "rtsp://cam/a/PWD=.../b"),
    ],
)
def test_what_is_live_and_shown_without_secrets(source: str, live: bool, words: str) -> None:
    assert is_live(source) is live
    assert shown(source) == words


@pytest.mark.parametrize(
    "source", ["ftp://cam/x", "rtsp://", "rtsp:///x", "http://cam:port/x", "rtsp://ca m/x", "file:///etc/passwd"]
)
def test_addresses_that_nobody_watches(source: str) -> None:
    with pytest.raises(UserFault, match=r"host|address"):
        checked(source)


@pytest.mark.parametrize("source", ["rtsp://ana:12/34@cam/x", "rtsp://ana:se#34@cam/x", "http://ana:3?34@cam/x"])
def test_a_password_that_would_be_taken_for_a_path_is_refused_and_not_said(source: str) -> None:
    with pytest.raises(UserFault, match="behind its host") as caught:
        checked(source)
    assert "%40" in caught.value.fix
    assert "34" not in str(caught.value)
    assert checked("rtsp://ana:12%2F34@cam/x") == "rtsp://ana:12%2F34@cam/x"


def test_a_loop_is_a_file_that_is_there(video: object, tmp_path: Path) -> None:
    path: Path = video("h264_ts", "ts")  # type: ignore[operator]
    assert checked(f"loop://{path}") == f"loop://{path.resolve()}"
    with pytest.raises(MediaFault, match="no file"):
        checked(f"loop://{tmp_path / 'nothing.mp4'}")
    with pytest.raises(MediaFault, match="no device"):
        checked("/dev/video4711")


def test_a_server_cannot_make_us_read_our_own_files() -> None:
    for source in ("http://cam/x.m3u8", "rtsp://cam/x"):
        assert "file" not in opening(source).options["protocol_whitelist"].split(",")


@pytest.mark.parametrize(
    ("codec", "data", "found"),
    [
        ("h264", b"\0\0\0\1\x67SPS\0\0\0\1\x68PPS\0\0\1\x65picture", b"\x67SPS"),
        ("h264", b"\0\0\1\x65picture", b""),
        ("hevc", b"\0\0\1\x40VPS\0\0\1\x42\x01SPS\0\0\1\x26picture", b"\x42\x01SPS"),
        ("mjpeg", b"\xff\xd8\xff\xc0\0\x11\x08\x01\x20\x02\x00rest", b"\x01\x20\x02\x00"),
        ("mjpeg", b"\xff\xd8", b""),
        ("vp9", b"\0\0\1\x67SPS\0\0\1", b""),
    ],
)
def test_parameter_sets(codec: str, data: bytes, found: bytes) -> None:
    assert config_of(codec, data) == found


# time stamps ---------------------------------------------------------------------------------------------------------


def test_a_burst_at_the_beginning_does_not_date_pictures_too_late() -> None:
    """Four seconds of pictures that the server had kept arrive at once; the first was taken four seconds ago."""
    stamps = Stamps()
    stamps.begin(START, 0.0)
    for i in range(100):
        stamps.see(i / 25, START, 0.0)
    for i in range(100, 200):
        stamps.see(i / 25, START + (i - 100) / 25 + 0.04, (i - 100) / 25 + 0.04)
    assert stamps.place(0.0) == pytest.approx(START - 3.96, abs=0.05)
    assert stamps.place(8.0) == pytest.approx(START + 4.0, abs=0.1)


def test_drift_is_followed_without_gaps() -> None:
    """A camera whose clock is slow by 200 ppm for six hours, with jitter: no file starts more than a seam late."""
    stamps = Stamps()
    stamps.begin(START, 0.0)
    t = 0.0
    for k in range(2160):
        first = t
        for _ in range(10):
            mono = t * 1.0002 + 0.02 * ((k * 7 + int(t)) % 5)
            assert stamps.jump(t, START + mono, mono) is None
            stamps.see(t, START + mono, mono)
            t += 1.0
        start = stamps.place(first) if k == 0 else stamps.next_start(first)
        if k:
            assert 0 <= start - stamps.latest <= SEAM
        stamps.latest = start + 10.0
    assert stamps.latest == pytest.approx(START + t * 1.0002, abs=0.2)


@pytest.mark.parametrize(
    ("t", "wall", "mono", "clock", "seconds"),
    [
        (11.0, 11.0, 11.0, None, 0.0),
        (10.0 - 0.1, 11.0, 11.0, None, 0.0),  # reordered
        (14.0, 11.0, 11.0, None, 0.0),  # a burst
        (11.0, 50.0, 50.0, None, 0.0),  # the network stood still
        (0.0, 11.0, 11.0, "stream", -11.0),
        (10.0 + JUMP + 1.5, 11.0, 11.0, "stream", JUMP + 0.5),
        (11.0, 3611.0, 11.0, "wall", 3600.0),
        (11.0, -3589.0, 11.0, "wall", -3600.0),
        (11.0, 12.0, 11.0, None, 0.0),  # NTP's small steps
    ],
)
def test_jumps(t: float, wall: float, mono: float, clock: str | None, seconds: float) -> None:
    stamps = Stamps()
    stamps.begin(START, 0.0)
    stamps.see(10.0, START + 10, 10.0)
    jump = stamps.jump(t, START + wall, mono)
    if clock is None:
        assert jump is None
    else:
        assert jump is not None
        assert (jump.clock, jump.seconds) == (clock, pytest.approx(seconds))
        assert ("back" in jump.sentence()) == (seconds < 0)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-4000, 4000), st.floats(-4000, 4000), st.floats(0, 100), st.floats(0.1, 20)), max_size=30
    )
)
def test_nothing_is_ever_placed_before_what_came_earlier(steps: list[tuple[float, float, float, float]]) -> None:
    stamps = Stamps(START)
    stamps.begin(START, 0.0)
    t, wall, mono = 0.0, START, 0.0
    for dt, dw, dm, length in steps:
        t, wall, mono = t + dt, wall + dw, mono + dm
        if stamps.jump(t, wall, mono) is not None:
            stamps.begin(wall, mono)
        stamps.see(t, wall, mono)
        for start in (stamps.place(t), stamps.next_start(t)):
            assert start >= stamps.latest
        stamps.latest = stamps.next_start(t) + length


# overload ------------------------------------------------------------------------------------------------------------


def test_the_ladder_gives_up_in_the_declared_order() -> None:
    things, looks = FakeThings(name="objects"), FakeLooks(name="plates", needs=("objects",))
    walk, odd, fire = FakeThings(name="gait"), FakeThings(name="stranger"), FakeThings(name="fire")
    steps = ladder([looks, things, walk, odd, fire], 5.0)
    assert [(s.sample_fps, s.off) for s in steps] == [
        (5.0, ()),
        (2.5, ()),
        (2.5, ("stranger",)),
        (2.5, ("gait", "stranger")),
        (2.5, ("plates", "gait", "stranger")),
        (2.5, ("plates", "gait", "stranger", "fire")),
    ]
    assert all(s.on for s in steps)
    assert steps[0].words(0) == ""
    assert steps[3].words(3) == "step 3: 2.5 frames a second; off: gait, stranger"


def test_who_needs_what_is_off_is_off() -> None:
    steps = ladder(
        [FakeThings(name="poses"), FakeLooks(name="fire", needs=("poses",)), FakeThings(name="objects")], 5.0
    )
    assert [s.off for s in steps] == [(), (), ("poses", "fire")]


class Quick(FakeThings):
    """Wants four frames a second."""

    least_fps = 4.0


def test_an_analyzer_that_wants_more_frames_is_off_where_they_are_fewer() -> None:
    steps = ladder([Quick(name="gait"), FakeThings(name="objects")], 5.0)
    assert [(s.sample_fps, s.off) for s in steps] == [(5.0, ()), (2.5, ("gait",))]


def test_pressure_goes_down_step_by_step_and_comes_back_slowly() -> None:
    pressure = Pressure(3, patience=10.0)
    assert [pressure.look(t, w, 1.0) for t, w in [(0, 0), (5, 9), (10, 11), (12, 30), (20, 30), (31, 30)]] == [
        0,
        0,
        1,
        1,
        2,
        2,
    ]
    assert pressure.look(40.0, 0.0, 0.9) == 2, "no backlog, but no room either"
    seen = [pressure.look(50.0 + t, 0.0, 0.3) for t in range(200)]
    assert seen.index(1) == CALM
    assert seen.index(0) == 2 * CALM
    # it returns too early: the next return waits twice as long
    assert pressure.look(260.0, 20.0, 1.0) == 1
    back = [pressure.look(270.0 + t, 0.0, 0.3) for t in range(400)]
    assert back.index(0) == 2 * CALM


def test_the_backlog_is_bounded_and_fair(tmp_path: Path) -> None:
    backlog = Backlog(2)
    items = [Recorded(c, tmp_path / f"{c}{i}", i, i + 1 + (c == "b") * 0.5) for i in range(3) for c in "ab"]
    dropped = [backlog.put(i) for i in items]
    assert [d and d.path.name for d in dropped] == [None, None, None, None, "a0", "b0"]
    assert (backlog.waiting("a"), backlog.waiting("b"), backlog.oldest()) == (2, 2, 2)
    order = []
    while (item := backlog.get(0.0)) is not None:
        order.append(item.path.name)
    assert order == ["a1", "b1", "a2", "b2"]
    backlog.close()
    assert backlog.get(60.0) is None


def test_pauses_grow_and_differ_between_cameras() -> None:
    a, b = pauses(1), pauses(2)
    first, second = [next(a) for _ in range(12)], [next(b) for _ in range(12)]
    assert first != second
    assert [next(pauses(1)) for _ in range(2)] == [first[0], first[0]]
    for i, pause in enumerate(first):
        assert 0.5 * min(60, 2**i) <= pause <= 1.5 * min(60, 2**i)


# recordings ----------------------------------------------------------------------------------------------------------


def filled(root: Path, n: int, size: int = 100, keep: float = 1e9, keep_bytes: float = 1e9) -> Ring:
    ring = Ring(root, keep, keep_bytes)
    for i in range(n):
        ring.part.write_bytes(size * b"x")
        ring.add(START + 10 * i)
    return ring


@pytest.mark.parametrize("start", [START, START + 0.25, START + 0.123457])
def test_a_file_is_named_by_its_time(start: float) -> None:
    assert start_of(Path(name_of(start))) == pytest.approx(start, abs=1e-6)
    assert start_of(Path("holiday.mp4")) is None


def test_old_files_go_by_age_and_by_size(tmp_path: Path) -> None:
    ring = filled(tmp_path, 10, keep=55.0)
    assert ring.trim(START + 100) == 5
    assert [k.start - START for k in ring.files()] == [50, 60, 70, 80, 90]
    ring = Ring(tmp_path, 1e9, 250)
    assert (ring.size, ring.trim(START + 100), ring.size) == (500, 3, 200)
    assert ring.make_room() == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == [name_of(START + 90)]
    (tmp_path / "holiday.mp4").write_bytes(b"x")
    assert len(Ring(tmp_path, 0.0, 0).files()) == 1, "a file that is none of ours is not counted, nor taken away"


def test_the_last_files_are_never_too_large_but_may_be_too_old(tmp_path: Path) -> None:
    filled(tmp_path, 4)
    ring = Ring(tmp_path, 1e9, 50, least=3)
    assert (ring.trim(START + 100), ring.size) == (1, 300), "nobody could look at them else"
    assert Ring(tmp_path, 1e9, 50).trim(START + 100) == 2
    assert Ring(tmp_path, 5.0, 1e9).trim(START + 100) == 1


def test_what_a_killed_process_was_writing_is_kept_when_it_can_be_read(tmp_path: Path, video: object) -> None:
    ring = Ring(tmp_path / "a", 1e9, 1e9)
    assert ring.salvage(0.0) is None
    whole: Path = video("h264_ts", "ts")  # type: ignore[operator]
    ring.part.write_bytes(whole.read_bytes())
    changed = ring.part.stat().st_mtime
    path = ring.salvage(0.0)
    assert path is not None
    assert start_of(path) == pytest.approx(changed - 4.0, abs=0.1)
    ring.part.write_bytes(b"nothing")
    assert ring.salvage(0.0) is None
    assert not ring.part.exists()


def test_a_removed_camera_leaves_nothing_unless_it_is_watched(tmp_path: Path) -> None:
    rings.forget(tmp_path, 3, "gate")
    filled(rings.folder(tmp_path, 3) / "ring", 2)
    with rings.watching(tmp_path, 3, "gate"), pytest.raises(BusyFault, match="watching gate"):
        rings.forget(tmp_path, 3, "gate")
    rings.forget(tmp_path, 3, "gate")
    assert not rings.folder(tmp_path, 3).exists()


# health --------------------------------------------------------------------------------------------------------------


def test_health_is_written_read_and_said(tmp_path: Path) -> None:
    health = Health("gate", "live", fps=24.96, lag=3.21, dropped=2, reconnects=1, heartbeat=START, last_frame=START)
    for i in range(NOTES + 5):
        health.note(START + i, f"note {i}")
    assert len(health.notes) == NOTES
    write_health(tmp_path, 7, health)
    again = read_health(tmp_path, 7)
    assert again == health
    assert health.line(START + 1) == "live, 25.0 fps, lag 3.2 s, 2 dropped, 1 reconnect"
    assert health.line(START + 60) == "not watched"
    assert health.line(START - 60) == "not watched", "this machine's clock was set back since somebody watched"
    frozen = replace(health, state="frozen", words="step 1: 2.5 frames a second", ahead=3600.0, problem="it is dark")
    for words in ("frozen", "last picture 5 s ago", "step 1", "3600 s ahead", "it is dark"):
        assert words in frozen.line(START + 5)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"camera": 3}'])
def test_health_of_another_program_is_none(tmp_path: Path, text: str) -> None:
    assert read_health(tmp_path, 7) is None
    rings.folder(tmp_path, 7).mkdir(parents=True)
    (rings.folder(tmp_path, 7) / "health.json").write_text(text)
    assert read_health(tmp_path, 7) is None


def test_metrics_as_prometheus_reads_them() -> None:
    health = {"gate 2": Health("gate 2", "live", fps=25.0, dropped=3), "hall": Health("hall", "waiting", reconnects=4)}
    with serving(0, lambda: health) as port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
            text = page.read().decode()
        with pytest.raises(BackendFault, match="cannot be used"), serving(port, lambda: health):
            pass
    for line in (
        'viot_camera_fps{camera="gate 2"} 25.0',
        'viot_camera_dropped_total{camera="gate 2"} 3.0',
        'viot_camera_reconnects_total{camera="hall"} 4.0',
        'viot_camera_state{camera="hall",state="waiting"} 1.0',
        'viot_camera_state{camera="gate 2",state="waiting"} 0.0',
    ):
        assert line in text.splitlines()
    assert 'viot_camera_lag{camera="gate 2"}' not in text, "nothing is known of it yet"
    assert set(STATES) == set(get_args(State))
