"""The alerts' matchers ask the tools themselves; ``create_alert`` has the card of the benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from viot_agent.alerts.engine import Alerts
from viot_agent.bench.cards import cards
from viot_agent.errors import FailedFault, RetryFault, UserFault
from viot_agent.fleet import Fleet
from viot_agent.library.fake import FakeLibrary
from viot_agent.library.records import Fingerprint, RunRows, RunStamp, SegmentSpan
from viot_agent.library.rows import CountRow, EventRow, PlateRow, Rows, TrackPoint, TrackRow
from viot_agent.library.store import Library
from viot_agent.steps import Attachment, Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_tools.alerts.matchers import matchers
from viot_tools.alerts.tool import create_alert
from viot_tools.fire.names import MODEL as FIRE

START = 1_767_225_600.0
BOX = (1.0, 1.0, 40.0, 90.0)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "home") as opened:
        opened.add_camera("gate 1", "/films/gate.mp4", tz="UTC", start=START)
        opened.add_camera("yard", "/films/yard.mp4", tz="UTC", start=START)
        yield opened


def book(library: Library) -> Alerts:
    return Alerts(library, Fleet(library), Weights(library.home, None, "builtin"), matchers(), clock=lambda: START)


def store(library: Library, camera: str, analyzer: str, model: str, rows: Rows, *, idx: int = 0) -> None:
    path = Path(f"/films/{camera}.mp4")
    known = {m.path: m for m in library.media_rows(camera)}
    row = known.get(path) or library.add_media(
        camera,
        path,
        Fingerprint(1, 1.0, "x"),
        start_ts=START,
        start_origin="camera",
        duration=600.0,
        fps=25.0,
        width=640,
        height=360,
        segment_seconds=30.0,
    )
    stamp = RunStamp(analyzer, "1", model, "1")
    library.write_segment(row, SegmentSpan(idx, 30.0 * idx, 30.0 * (idx + 1)), [RunRows(stamp, rows, 5.0, 150, 0.1)])


def person(key: str, start: float, end: float, *, boxes: int = 5) -> TrackRow:
    step = (end - start) / max(boxes - 1, 1)
    return TrackRow(key, "person", tuple(TrackPoint(start + i * step, BOX, 0.5) for i in range(boxes)))


def fire(moves: bool) -> EventRow:
    data = {
        "after": 1.0,
        "frames": 10,
        "positive": 9,
        "moves": moves,
        "alone": False,
        "grew": None,
        "xyxy": list(BOX),
    }
    return EventRow("fire", 3.0, 8.0, 0.9, data)


def test_the_card_is_the_benchmarks() -> None:
    card = cards()["create_alert"]
    assert (create_alert.card(), create_alert.args, create_alert.biometric) == (card.card(), card.args, card.biometric)


def test_every_event_of_the_card_is_watched_for() -> None:
    kinds = {k for m in matchers() for k in m.kinds}
    assert kinds == {c.rstrip(":>") for c in create_alert.args[0].choices}


def test_a_person_fires_once_and_a_flicker_never(library: Library) -> None:
    alerts = book(library)
    alerts.add("person", cooldown=0.0)
    rows = Rows(tracks=(person("a", 2, 6), person("b", 12, 12, boxes=1)))
    store(library, "gate 1", "objects", "yolox-nano", rows)
    assert [(f.sighting.start - START, f.sighting.words) for f in alerts.scan()] == [(2.0, "A person was seen")]


@pytest.mark.parametrize(("most", "fires"), [(5, 0), (6, 1)])
def test_a_crowd_is_more_than_the_number(library: Library, most: int, fires: int) -> None:
    alerts = book(library)
    alerts.add("crowd>5", cameras=["gate 1"])
    counts = tuple(CountRow("person", t / 5, float(most if 50 < t < 80 else 1)) for t in range(150))
    tracks = tuple(person(f"p{i}", 10.2, 15.8) for i in range(most))
    store(library, "gate 1", "objects", "yolox-nano", Rows(tracks=tracks, counts=counts))
    fired = alerts.scan()
    assert [f.sighting.words for f in fired] == ["6 people at once"] * fires


@pytest.mark.parametrize("moves", [True, False])
def test_what_may_be_fire_fires_nothing(library: Library, moves: bool) -> None:
    alerts = book(library)
    alerts.add("fire")
    store(library, "yard", "fire", FIRE, Rows(events=(fire(moves),)))
    assert [f.sighting.words for f in alerts.scan()] == (["Fire was seen"] if moves else [])
    assert alerts.store.problems() == {}


@pytest.mark.parametrize(("asked", "fires"), [("AB12CDE", 1), ("ab-12 cde", 1), ("AB12CDF", 0)])
def test_only_the_plate_itself_fires(library: Library, asked: str, fires: int) -> None:
    alerts = book(library)
    alerts.add(f"plate:{asked}")
    track = TrackRow("p", "plate", tuple(TrackPoint(2.0 + i / 5, BOX, 0.9) for i in range(5)))
    reads = tuple(PlateRow("p", 2.0 + i / 5, "AB12CDE", 0.97, (0.97,) * 7, BOX) for i in range(5))
    store(library, "gate 1", "plates", "lpd-yunet+pp-ocr", Rows(tracks=(track,), plates=reads))
    assert len(alerts.scan()) == fires
    assert alerts.store.problems() == {}


def test_a_face_alert_of_somebody_removed_says_so(library: Library) -> None:
    library.add_person("Ana Roth", [], "signed")
    alerts = book(library)
    made = alerts.add("face:ana roth")
    assert str(made.watched) == "face:Ana Roth"
    library.remove_person("Ana Roth")
    store(library, "gate 1", "faces", "dlib", Rows())
    assert alerts.scan() == []
    assert "Ana Roth" in alerts.store.problems()[made.id]


# the tool ------------------------------------------------------------------------------------------------------------


def context(library: Library, *, scope: frozenset[str] | None = None) -> ToolContext:
    request = Request(
        "tell me", now=START, camera_scope=scope, attachments=(Attachment("image-1", "image", Path("a.jpg")),)
    )
    weights = Weights(library.home, None, "builtin")
    return ToolContext(request, Fleet(library), library, weights, library.home, "run-1", "call-1")


def test_an_alert_made_in_words(library: Library) -> None:
    seen = create_alert.fn(context(library), event="crowd>10", cameras=["gate 1"], time="at night")
    assert (seen.status, seen.verdict, seen.data["handle"]) == ("ok", "info", "alert-1")
    assert "more than 10 people at once on gate 1, every day from 22:00 to 06:00" in seen.summary
    (stored,) = book(library).store.alerts()
    assert (str(stored.watched), stored.cameras, stored.schedule.daily) == (
        "crowd>10",
        ("gate 1",),
        (79200.0, 108000.0),
    )


def test_who_may_see_one_camera_watches_one(library: Library) -> None:
    create_alert.fn(context(library, scope=frozenset({"yard"})), event="person")
    (stored,) = book(library).store.alerts()
    assert stored.cameras == ("yard",)


@pytest.mark.parametrize(
    ("args", "fault", "words"),
    [
        ({"event": "face:Homer"}, RetryFault, "Homer"),
        ({"event": "face:image-1"}, RetryFault, "enrol"),
        ({"event": "person", "cameras": ["gate 9"]}, RetryFault, "gate 9"),
        ({"event": "person", "time": "yesterday"}, RetryFault, "looks ahead"),
        ({"event": "blimp"}, UserFault, "crowd>NUMBER"),
    ],
)
def test_what_cannot_be_watched_is_said(
    library: Library, args: dict[str, object], fault: type[Exception], words: str
) -> None:
    with pytest.raises(fault, match=words):
        create_alert.fn(context(library), **args)
    assert book(library).store.alerts() == []


def test_without_a_library_on_disk_it_says_so(library: Library) -> None:
    fake = FakeLibrary([*library.cameras()], [])
    ctx = context(library)
    ctx.library = fake
    with pytest.raises(FailedFault, match="library on disk"):
        create_alert.fn(ctx, event="person")
