"""Alerts over a real library: fired once, told at least once, whatever is killed, and nothing after it was removed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from viot_agent.alerts.deliver import TRIES, AppriseNotifier, FakeNotifier, deliver, masked, words
from viot_agent.alerts.engine import Alerts
from viot_agent.alerts.events import Watched, watched
from viot_agent.alerts.schedule import Schedule
from viot_agent.alerts.store import LEASE
from viot_agent.alerts.teller import LateTeller, Teller
from viot_agent.alerts.types import Firing, Looking, Sighting
from viot_agent.errors import DiskFault, FailedFault, NameFault, PolicyRefusal, TimeFault, UserFault, WeightsMissing
from viot_agent.fleet import Fleet
from viot_agent.library.records import Fingerprint, RunRows, RunStamp, SegmentSpan
from viot_agent.library.rows import Rows, TrackPoint, TrackRow
from viot_agent.library.store import Library
from viot_agent.policy.consent import Consents
from viot_agent.steps import Principal
from viot_agent.system import Viot
from viot_agent.toolbox import Toolbox
from viot_agent.weights import Weights

START = 1_767_225_600.0
STAMP = RunStamp("objects", "1", "square", "1")


@dataclass
class Squares:
    """A matcher of ``person`` that sees every stored track; ``broken`` makes it fail."""

    kinds: tuple[str, ...] = ("person",)
    needs: tuple[str, ...] = ("objects",)
    broken: bool = False
    asked: list[tuple[str, float, float]] = field(default_factory=list)

    def look(self, watched: Watched, looking: Looking) -> Sequence[Sighting]:
        self.asked.append((looking.camera, looking.start - START, looking.end - START))
        if self.broken:
            raise WeightsMissing("the model is not there", fix="viot models pull square")
        tracks = looking.library.tracks("person", [looking.camera], looking.start, looking.end)
        return [
            Sighting(f"person#{t.chain}", looking.camera, t.start, t.end, "A person was seen", 0.9, t.id)
            for t in tracks
        ]


@pytest.fixture
def library(slow_place: Any, tmp_path: Path) -> Iterator[Library]:
    with slow_place.open(tmp_path / "home") as opened:
        for name in ("gate 1", "gate 2"):
            opened.add_camera(name, f"/films/{name}.mp4", tz="UTC", start=START)
        yield opened


def alerts(library: Library, matcher: Squares | None = None, **more: object) -> Alerts:
    weights = Weights(library.home, None, "builtin")
    return Alerts(library, Fleet(library), weights, [matcher or Squares()], clock=lambda: START + 1e6, **more)  # type: ignore[arg-type]


def store(library: Library, camera: str, idx: int, *spans: tuple[float, float], model: str = "square") -> None:
    """One 30 s segment with a person in each of ``spans`` (seconds after START)."""
    known = {m.path: m for m in library.media_rows(camera)}
    path = Path(f"/films/{camera}.mp4")
    row = known.get(path) or library.add_media(
        camera,
        path,
        Fingerprint(1, 1.0, "x"),
        start_ts=START,
        start_origin="camera",
        duration=3600.0,
        fps=25.0,
        width=64,
        height=36,
        segment_seconds=30.0,
    )
    tracks = tuple(
        TrackRow(f"t{i}", "person", tuple(TrackPoint(t, (1.0, 1.0, 9.0, 9.0), 0.9) for t in (a, (a + b) / 2, b)))
        for i, (a, b) in enumerate(spans)
    )
    span = SegmentSpan(idx, 30.0 * idx, 30.0 * (idx + 1))
    stamp = RunStamp("objects", "1", model, "1")
    library.write_segment(row, span, [RunRows(stamp, Rows(tracks=tracks), 5.0, 150, 0.1)])


def starts(fired: Sequence[object]) -> list[float]:
    return [f.sighting.start - START for f in fired]  # type: ignore[attr-defined]


# events --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "kind", "what"),
    [
        ("face:Ana Müller", "face", "Ana Müller"),
        ("FACE: ana", "face", "ana"),
        ("plate: ab-12 cde", "plate", "AB12CDE"),
        ("crowd>5", "crowd", "5"),
        ("crowd > 007", "crowd", "7"),
        ("Fire", "fire", ""),
        ("anomaly", "anomaly", ""),
        ("person", "person", ""),
    ],
)
def test_events_are_read(event: str, kind: str, what: str) -> None:
    seen = watched(event)
    assert (seen.kind, seen.what) == (kind, what)
    assert watched(str(seen)) == seen


@pytest.mark.parametrize(
    "event",
    ["", "face:", "face", "plate:", "plate: - ", "crowd", "crowd>", "crowd>-1", "smoke alarm", "fire:", "person:Ana"],
)
def test_other_events_are_refused_with_the_forms(event: str) -> None:
    with pytest.raises(UserFault, match="crowd>NUMBER"):
        watched(event)


# firing --------------------------------------------------------------------------------------------------------------


def test_only_what_is_stored_after_the_alert_fires(library: Library) -> None:
    store(library, "gate 1", 0, (1, 5))
    book = alerts(library)
    made = book.add("person", cameras=["gate 1"])
    assert book.scan() == []
    store(library, "gate 1", 1, (40, 45))
    store(library, "gate 2", 0, (3, 8))
    assert starts(book.scan()) == [40.0]
    assert book.scan() == []
    assert [f.alert for f in book.store.history()] == [made.id]


def test_an_alert_on_the_whole_fleet_watches_cameras_that_come_later(library: Library) -> None:
    book = alerts(library)
    book.add("person")
    library.add_camera("gate 3", "/films/gate 3.mp4", tz="UTC", start=START)
    store(library, "gate 3", 0, (1, 5))
    assert [f.sighting.camera for f in book.scan()] == ["gate 3"]


def test_the_cool_down_is_of_footage_and_of_one_camera(library: Library) -> None:
    book = alerts(library)
    book.add("person", cooldown=20.0)
    store(library, "gate 1", 0, (1, 2), (10, 11), (28, 29))
    store(library, "gate 2", 0, (1, 2))
    fired = book.scan()
    assert sorted((f.sighting.camera, f.sighting.start - START) for f in fired) == [
        ("gate 1", 1.0),
        ("gate 1", 28.0),
        ("gate 2", 1.0),
    ]
    assert [
        f.more for f in book.store.history() if f.sighting.start == START + 1 and f.sighting.camera == "gate 1"
    ] == [1]


def test_a_thing_that_crosses_a_border_of_segments_fires_once_and_grows(library: Library) -> None:
    book = alerts(library)
    book.add("person", cooldown=0.0)
    store(library, "gate 1", 0, (25, 29.9))
    assert len(book.scan()) == 1
    store(library, "gate 1", 1, (30.1, 36))
    chains = {t.chain for t in library.tracks("person", ["gate 1"], None, None)}
    assert len(chains) == 1, "the two pieces are one chain, else this test shows nothing"
    assert book.scan() == []
    (one,) = book.store.history()
    assert (one.sighting.start - START, one.sighting.end - START) == (25.0, 36.0)


def test_indexing_again_with_another_model_does_not_tell_the_same_thing_again(library: Library) -> None:
    book = alerts(library)
    book.add("person")
    store(library, "gate 1", 0, (1, 5))
    assert len(book.scan()) == 1
    store(library, "gate 1", 0, (1.2, 5.1), model="better")
    assert book.scan() == []


def test_two_processes_that_look_at_once_fire_once(library: Library) -> None:
    first, second = alerts(library), alerts(library)
    made = first.add("person")
    store(library, "gate 1", 0, (1, 5))
    head = first.store.head()
    seen = first.matchers["person"].look(
        made.watched, Looking(library, first.fleet, first.weights, "gate 1", START, START + 30)
    )
    assert len(first.store.fire(made, seen, head, now=0.0, tell=False)) == 1
    assert second.store.fire(made, seen, head, now=0.0, tell=False) == []
    assert len(first.store.history()) == 1


def test_outside_of_its_hours_it_is_silent(library: Library) -> None:
    book = alerts(library)
    book.add("person", when="between 00:01 and 00:02")  # START is midnight in UTC
    store(library, "gate 1", 0, (1, 5))
    store(library, "gate 1", 2, (61, 65))
    assert starts(book.scan()) == [61.0]


def test_an_alert_that_cannot_look_says_so_holds_up_nobody_and_misses_nothing(library: Library) -> None:
    matcher = Squares(broken=True)
    book = alerts(library, matcher)
    made = book.add("person")
    store(library, "gate 1", 0, (1, 5))
    assert book.scan() == []
    assert book.store.problems() == {made.id: "the model is not there (viot models pull square)"}
    matcher.broken = False
    assert starts(book.scan()) == [1.0]
    assert book.store.problems() == {}


def test_a_removed_alert_looks_no_more_and_its_history_stays(library: Library) -> None:
    book = alerts(library)
    made = book.add("person", notify=["json://nobody"])
    store(library, "gate 1", 0, (1, 5))
    book.scan()
    book.store.remove(made.handle)
    store(library, "gate 1", 4, (121, 125))
    assert book.scan() == []
    (one,) = book.store.history(made.handle)
    assert (one.delivery, one.error) == ("kept", "the alert was removed before anybody was told")
    with pytest.raises(NameFault, match="there is none"):
        book.store.alert(made.handle)


def test_a_removed_camera_takes_its_firings_along(library: Library) -> None:
    book = alerts(library)
    book.add("person")
    store(library, "gate 1", 0, (1, 5))
    book.scan()
    library.remove_camera("gate 1")
    assert book.store.history() == []
    assert book.scan() == []


def test_trying_an_alert_stores_and_tells_nothing(library: Library) -> None:
    book = alerts(library)
    store(library, "gate 1", 0, (1, 5), (20, 22))
    made = book.add("person")
    assert [s.start - START for s in book.test(made.handle)] == [1.0, 20.0]
    assert [s.start - START for s in book.test(made.handle, START + 10)] == [20.0]
    assert book.store.history() == []


def test_nobody_is_looked_for_by_trying_an_alert_once_consent_is_withdrawn(library: Library) -> None:
    library.add_person("Ana", [b"picture"], "form")
    book = alerts(library, Squares(kinds=("face",)))
    store(library, "gate 1", 0, (1, 5))
    made = book.add("face:Ana")
    assert len(book.test(made.handle)) == 1
    Consents(library.db, clock=lambda: START).withdraw("Ana", by=Principal())
    with pytest.raises(PolicyRefusal, match="it was withdrawn"):
        book.test(made.handle)


def test_what_fired_before_consent_was_withdrawn_is_not_told_after_it(library: Library) -> None:
    library.add_person("Ana", [b"picture"], "form")
    book = alerts(library, Squares(kinds=("face",)))
    book.add("face:Ana", notify=("json://a",))
    store(library, "gate 1", 0, (1, 5))
    assert len(book.scan()) == 1
    Consents(library.db).withdraw("Ana", by=Principal())
    notifier = FakeNotifier([])
    assert deliver(book.store, book.fleet, notifier, now=time.time()) == []
    assert notifier.told == []
    (kept,) = book.store.history()
    assert kept.delivery == "failed"
    assert "it was withdrawn" in kept.error


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"event": "face:Nobody"}, NameFault),
        ({"event": "person", "cameras": ["gate 9"]}, NameFault),
        ({"event": "person", "when": "yesterday"}, TimeFault),
        ({"event": "fire"}, UserFault),  # no matcher of it here
        ({"event": "person", "cooldown": -1.0}, UserFault),
        ({"event": "person", "cooldown": float("nan")}, UserFault),
    ],
)
def test_what_cannot_be_watched_is_refused_and_not_stored(
    library: Library, wrong: dict[str, object], fault: type[Exception]
) -> None:
    book = alerts(library)
    with pytest.raises(fault):
        book.add(**wrong)  # type: ignore[arg-type]
    assert book.store.alerts(removed=True) == []


def test_two_matchers_of_one_kind_are_refused(library: Library) -> None:
    book = Alerts(library, Fleet(library), Weights(library.home, None, "builtin"), [Squares(), Squares()])
    with pytest.raises(FailedFault, match="person"):
        _ = book.matchers


# telling -------------------------------------------------------------------------------------------------------------


def fire_one(library: Library, *, notify: Sequence[str] = ("json://a", "json://b")) -> Alerts:
    book = alerts(library)
    book.add("person", notify=notify)
    store(library, "gate 1", 0, (1, 5))
    assert len(book.scan()) == 1
    return book


def test_everybody_is_told_once(library: Library) -> None:
    book = fire_one(library)
    teller = FakeNotifier([])
    assert len(deliver(book.store, book.fleet, teller, now=0.0)) == 0, "not due yet by its own clock"
    assert len(deliver(book.store, book.fleet, teller, now=START + 2e6)) == 1
    assert deliver(book.store, book.fleet, teller, now=START + 3e6) == []
    assert [a for a, *_ in teller.told] == ["json://a", "json://b"]
    title, body = teller.told[0][1:3]
    assert title == "VIoT alert-1: a person on gate 1"
    assert "A person was seen on gate 1 at 00:00:01 on 1 January 2026." in body
    assert "viot alert ack 1" in body
    assert book.store.history()[0].delivery == "sent"


def test_who_has_it_is_not_told_again_when_another_was_deaf(library: Library) -> None:
    book = fire_one(library)
    teller = FakeNotifier([], frozenset({"json://b"}))
    now = START + 2e6
    assert deliver(book.store, book.fleet, teller, now=now) == []
    (row,) = book.store.history()
    assert (row.delivery, row.tries, row.error) == ("due", 1, "json://b did not answer")
    assert deliver(book.store, book.fleet, teller, now=now + 29) == []
    teller.deaf = frozenset()
    assert len(deliver(book.store, book.fleet, teller, now=now + 31)) == 1
    assert [a for a, *_ in teller.told] == ["json://a", "json://b"]


def test_it_waits_longer_each_time_and_gives_up_in_words(library: Library) -> None:
    book = fire_one(library, notify=["json://b"])
    teller = FakeNotifier([], frozenset({"json://b"}))
    now, waits = START + 2e6, []
    for _ in range(TRIES):
        deliver(book.store, book.fleet, teller, now=now)
        (row,) = book.store.history()
        if row.delivery == "due":
            waits.append(row.next_try - now)
            now = row.next_try
    assert waits[:4] == [30.0, 60.0, 120.0, 240.0]
    assert max(waits) == 3600.0
    assert (row.delivery, row.tries) == ("failed", TRIES)


def test_a_claim_of_a_process_that_died_comes_back(library: Library) -> None:
    book = fire_one(library, notify=["json://a"])
    now = START + 2e6
    assert len(book.store.claim(now)) == 1
    assert book.store.claim(now + LEASE / 2) == [], "another process is at it"
    assert len(book.store.claim(now + LEASE + 1)) == 1


def test_snoozed_it_looks_and_tells_nobody(library: Library) -> None:
    book = alerts(library)
    made = book.add("person", notify=["json://a"])
    book.store.snooze(made.handle, START + 1e7)
    store(library, "gate 1", 0, (1, 5))
    assert [f.delivery for f in book.scan()] == ["kept"]
    book.store.snooze(made.handle, None)
    store(library, "gate 1", 9, (271, 275))
    assert [f.delivery for f in book.scan()] == ["due"]


def test_acknowledged_it_is_not_told(library: Library) -> None:
    book = fire_one(library)
    seen = book.store.acknowledge(1, "Ana")
    assert (seen.delivery, seen.acknowledged_by) == ("kept", "Ana")
    assert book.store.acknowledge(1, "Ben").acknowledged_by == "Ana", "the first who saw it"
    teller = FakeNotifier([])
    assert deliver(book.store, book.fleet, teller, now=START + 9e6) == []
    assert teller.told == []
    with pytest.raises(NameFault):
        book.store.acknowledge(99, "Ana")


def test_addresses_of_the_house_serve_alerts_without_their_own(library: Library) -> None:
    book = alerts(library, notify=("json://house",))
    book.add("person")
    store(library, "gate 1", 0, (1, 5))
    book.scan()
    teller = FakeNotifier([])
    deliver(book.store, book.fleet, teller, now=START + 2e6, defaults=book.notify)
    assert [a for a, *_ in teller.told] == ["json://house"]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("mailto://me:secret@mail.org/?to=you", "mailto://***@mail.org"),
        ("json://host/path?token=secret", "json://host"),
        ("tgram://bottoken", "tgram://bottoken"),
        ("no address", "***"),
    ],
)
def test_no_password_is_shown(address: str, shown: str) -> None:
    assert masked(address) == shown


class _Hook(BaseHTTPRequestHandler):
    taken: ClassVar[list[dict[str, object]]] = []
    status: ClassVar[int] = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).taken.append(json.loads(body))
        self.send_response(type(self).status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def webhook() -> Iterator[tuple[str, type[_Hook]]]:
    hook = type("Hook", (_Hook,), {"taken": [], "status": 200})
    server = HTTPServer(("127.0.0.1", 0), hook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"json://127.0.0.1:{server.server_port}/alerts", hook
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_webhook_hears_it_through_apprise(library: Library, webhook: tuple[str, type[_Hook]], tmp_path: Path) -> None:
    address, hook = webhook
    book = fire_one(library, notify=[address])
    with Teller(book, AppriseNotifier(), tmp_path / "alerts") as teller:
        teller.wake()
    assert [t["title"] for t in hook.taken] == ["VIoT alert-1: a person on gate 1"]
    assert book.store.history()[0].delivery == "sent"


def test_an_alert_that_is_made_while_somebody_watches_is_told(library: Library, tmp_path: Path) -> None:
    told = FakeNotifier([])
    book = alerts(library)
    book.add("person")
    with LateTeller(book, tmp_path / "alerts", lambda: told) as teller:
        teller.wake()
        assert not any(t.name == "alerts" for t in threading.enumerate()), "nobody is to be told yet"
        book.add("person", notify=["json://a"])
        store(library, "gate 1", 0, (1, 5))
        assert len(book.scan()) == 2
        teller.wake()
    assert [a for a, *_ in told.told] == ["json://a"]


def test_watching_goes_on_where_apprise_is_missing_for_a_new_alert(
    library: Library, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def missing() -> FakeNotifier:
        raise FailedFault("Apprise is not installed", fix="pip install it")

    book = alerts(library)
    with LateTeller(book, tmp_path / "alerts", missing) as teller:
        book.add("person", notify=["json://a"])
        teller.wake()
    assert "Apprise is not installed" in caplog.text
    with pytest.raises(FailedFault), LateTeller(book, tmp_path / "alerts", missing):
        pass


def test_who_is_to_be_told_is_told_without_a_picture_that_cannot_be_made(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    def full(firing: Firing) -> Sequence[Path]:
        raise DiskFault("The disk is full.", fix="free it")

    book, told = fire_one(library), FakeNotifier([])
    assert len(deliver(book.store, book.fleet, told, now=START + 2e6, evidence=full)) == 1
    assert [body.splitlines()[-1] for _, _, body, _ in told.told] == ["Its picture could not be made."] * 2
    assert "The disk is full" in caplog.text


def test_a_webhook_that_refuses_is_tried_again(library: Library, webhook: tuple[str, type[_Hook]]) -> None:
    address, hook = webhook
    hook.status = 500
    book = fire_one(library, notify=[address])
    assert deliver(book.store, book.fleet, AppriseNotifier(), now=START + 2e6) == []
    assert "did not take the message" in book.store.history()[0].error
    hook.status = 200
    assert len(deliver(book.store, book.fleet, AppriseNotifier(), now=START + 3e6)) == 1


def test_an_address_nobody_knows_is_refused_without_its_secrets() -> None:
    with pytest.raises(UserFault) as fault:
        AppriseNotifier().check("carrier-pigeon://me:secret@roof")
    assert "secret" not in str(fault.value)
    assert "secret" not in AppriseNotifier().check("mailto://me:secret@example.org")


def test_words_name_the_camera_that_is_gone(library: Library) -> None:
    book = fire_one(library)
    firing = book.store.history()[0]
    (alert,) = book.store.alerts()
    library.remove_camera("gate 1")
    assert "gate 1" in words(alert, firing, book.fleet)[1]


_KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = {path!r}
from tests_alerts import alerts, store
from viot_agent.alerts.deliver import deliver
from viot_agent.library.store import Library

class Dies:
    def tell(self, address, title, body, files):
        os.kill(os.getpid(), signal.SIGKILL)

with Library.open(Path({home!r}), {db!r}) as library:
    book = alerts(library)
    deliver(book.store, book.fleet, Dies(), now={now!r})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_in_the_middle_of_telling_it_is_told_by_the_next_process(
    library: Library, slow_place: Any, tmp_path: Path
) -> None:
    book = fire_one(library, notify=["json://a"])
    now = START + 2e6
    (tmp_path / "tests_alerts.py").write_text(Path(__file__).read_text("utf-8"), "utf-8")
    script = textwrap.dedent(_KILLED).format(
        path=[str(tmp_path)], home=str(library.home), db=slow_place.url(library.home), now=now
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, timeout=120
    )
    assert done.returncode == -signal.SIGKILL
    teller = FakeNotifier([])
    assert deliver(book.store, book.fleet, teller, now=now + 1) == [], "it is claimed"
    assert len(deliver(book.store, book.fleet, teller, now=now + LEASE + 1)) == 1
    assert [a for a, *_ in teller.told] == ["json://a"]


def test_schedules_survive_the_database(library: Library) -> None:
    book = alerts(library)
    made = book.add("person", when="weekdays after 20:00", cameras=["gate 2"])
    (read,) = book.store.alerts()
    assert read == made
    assert read.schedule == Schedule((72000.0, 108000.0), (0, 1, 2, 3, 4), None, "weekdays after 20:00")


def test_what_a_killed_process_stored_is_looked_at_by_the_next(library: Library) -> None:
    """Also where that finds nothing new to index. The matchers are the installed ones."""
    weights = Weights(library.home, None, "builtin")
    viot = Viot(library, weights, Toolbox(), library.home)
    viot.alerts.add("person", cooldown=0.0)
    store(library, "gate 1", 0, (1, 5))
    fired: list[Firing] = []
    with viot.watching(fired.append):
        assert starts(fired) == [1.0]
    with viot.watching(fired.append) as stored:
        stored()
    assert len(fired) == 1
