"""Watch-lists end by themselves: without a review, and with the consent; what is told is on record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from viot_agent.alerts.deliver import FakeNotifier, deliver
from viot_agent.alerts.engine import Alerts
from viot_agent.alerts.events import Watched
from viot_agent.alerts.store import MOST_REVIEW, REVIEW
from viot_agent.alerts.types import Looking, Sighting
from viot_agent.errors import NameFault, UserFault
from viot_agent.fleet import Fleet
from viot_agent.library.records import Fingerprint, RunRows, RunStamp, SegmentSpan
from viot_agent.library.rows import Rows
from viot_agent.library.store import Library
from viot_agent.policy.audit import Audit
from viot_agent.policy.consent import Consents
from viot_agent.steps import Principal
from viot_agent.weights import Weights

NOW = 1_800_000_000.0
OWNER = Principal()


class Sees:
    """Sees whoever is watched for, in everything that is stored."""

    kinds: tuple[str, ...] = ("face", "plate", "person")
    needs: tuple[str, ...] = ("objects",)

    def look(self, watched: Watched, looking: Looking) -> Sequence[Sighting]:
        return [Sighting(f"{looking.start}", looking.camera, looking.start, looking.start + 1, f"{watched} was seen")]


class House:
    """A library with a camera, its alerts, and a clock that the test moves."""

    def __init__(self, library: Library) -> None:
        self.library, self.now, self._idx = library, NOW, 0
        self.alerts = Alerts(
            library, Fleet(library), Weights(library.home, None, "builtin"), [Sees()], clock=lambda: self.now
        )
        size = {"duration": 9e6, "fps": 5.0, "width": 9, "height": 9}
        print_ = Fingerprint(1, 1.0, "x")
        self._row = library.add_media("gate", Path("a"), print_, start_ts=NOW, start_origin="camera", **size)  # type: ignore[arg-type]

    def footage(self) -> None:
        """Something new is stored."""
        span = SegmentSpan(self._idx, 3600.0 * self._idx, 3600.0 * self._idx + 30)
        self.library.write_segment(self._row, span, [RunRows(RunStamp("objects", "1", "m", "1"), Rows(), 5.0, 10)])
        self._idx += 1

    def fired(self) -> int:
        """How many alerts go off when it looks."""
        self.footage()
        return len(self.alerts.scan())


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with Library.open(tmp_path) as library:
        library.add_camera("gate", "a")
        library.add_person("Ben", [], "form")
        yield House(library)


def test_an_alert_on_somebody_ends_without_a_review(house: House) -> None:
    for event in ("face:Ben", "plate:KX4821", "person"):
        house.alerts.add(event)
    reviews = [a.review for a in house.alerts.store.alerts()]
    assert reviews == [NOW + REVIEW, NOW + REVIEW, None]
    assert house.fired() == 3
    house.now = NOW + REVIEW
    assert house.fired() == 1  # who watches for anybody watches for nobody in particular
    problems = house.alerts.store.problems()
    assert set(problems) == {1, 2}
    assert problems[1] == "its review is overdue (viot alert review alert-1, or remove it)"
    # what passed while it was overdue is not looked at afterwards
    again = house.alerts.store.review("alert-1", house.now + 86400, now=house.now)
    assert again.review == house.now + 86400
    assert house.alerts.scan() == []
    assert set(house.alerts.store.problems()) == {2}
    assert house.fired() == 2


def test_a_review_in_time_loses_nothing(house: House) -> None:
    house.alerts.add("face:Ben")
    house.footage()
    house.alerts.store.review("1", NOW + 2 * REVIEW, now=NOW + 10)
    assert len(house.alerts.scan()) == 1


def test_an_alert_from_before_there_were_reviews(house: House) -> None:
    house.alerts.add("plate:KX4821")
    with house.library.db.write() as connection:
        connection.exec_driver_sql("UPDATE alerts SET review = NULL")
    assert house.alerts.store.alert("1").review == NOW + REVIEW


@pytest.mark.parametrize("until", [NOW, NOW - 1, NOW + MOST_REVIEW + 1, float("nan")])
def test_reviews_that_cannot_be(house: House, until: float) -> None:
    house.alerts.add("face:Ben")
    house.alerts.add("person")
    with pytest.raises(UserFault, match="within two years"):
        house.alerts.store.review("1", until, now=NOW)
    with pytest.raises(UserFault, match="needs no review"):
        house.alerts.store.review("2", NOW + 10, now=NOW)
    with pytest.raises(NameFault):
        house.alerts.store.review("3", NOW + 10, now=NOW)


def test_an_alert_ends_with_the_consent(house: House) -> None:
    house.alerts.add("face:Ben")
    assert house.fired() == 1
    grounds = Consents(house.library.db, clock=lambda: house.now)
    grounds.withdraw("Ben", by=OWNER)
    assert house.fired() == 0
    (problem,) = house.alerts.store.problems().values()
    assert "no consent or legal basis to look for Ben: it was withdrawn" in problem
    grounds.record("Ben", "public-task", "order 7", by=OWNER)
    assert len(house.alerts.scan()) == 1  # it looks at what it missed: somebody may look for Ben again


def test_what_is_told_is_on_record(house: House) -> None:
    house.alerts.add("face:Ben", notify=["mailto://ana:secret@example.org"])
    assert house.fired() == 1
    told = FakeNotifier([])
    assert len(deliver(house.alerts.store, house.alerts.fleet, told, now=NOW + 10)) == 1
    (row,) = Audit(house.library).search(kind="alert_told")
    assert row.fields == {"alert": "alert-1", "firing": 1, "files": 0}
    assert row.said == {"address": "mailto://***@example.org"}
