"""The small parts of the servers: the key and its signatures, what is told to the audit log, problems."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viot_agent.errors import (
    BackendFault,
    DiskFault,
    FailedFault,
    MediaFault,
    NameFault,
    PolicyRefusal,
    UserFault,
    ViotError,
)
from viot_agent.serve.problems import Crowded, TooLarge, status_of
from viot_agent.serve.refusals import MOST, NOBODY, Refusals
from viot_agent.serve.reply import form_of
from viot_agent.serve.shown import parts_of, uri
from viot_agent.serve.signing import KEY_FILE, Signer
from viot_agent.steps import Principal

pytestmark = pytest.mark.trust

# the key ------------------------------------------------------------------------------------------------------------


def test_the_key_is_made_once_for_its_owners_eyes(tmp_path: Path) -> None:
    one, two = Signer.of_home(tmp_path), Signer.of_home(tmp_path)
    address = one.address("ada", "/media/x")
    assert two.principal("/media/x", urlsplit(address).query) == "ada"
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == [KEY_FILE]


@pytest.mark.parametrize(("content", "mode"), [(b"", 0o600), (b"short", 0o600), (b"x" * 32, 0o644), (b"x" * 32, 0o660)])
def test_a_key_that_is_damaged_or_shared_is_not_used(tmp_path: Path, content: bytes, mode: int) -> None:
    (tmp_path / KEY_FILE).write_bytes(content)
    (tmp_path / KEY_FILE).chmod(mode)
    with pytest.raises(BackendFault, match="damaged, or others may read it"):
        Signer.of_home(tmp_path)


def test_a_home_that_cannot_hold_a_key_is_said(tmp_path: Path) -> None:
    with pytest.raises(BackendFault, match="cannot be kept"):
        Signer.of_home(tmp_path / "nowhere")


WORDS = st.text(max_size=30).filter(lambda s: s.isprintable())


@settings(deadline=None)
@given(st.tuples(WORDS, WORDS), st.tuples(WORDS, WORDS))
def test_a_signature_opens_what_it_was_made_for_and_nothing_else(one: tuple[str, str], two: tuple[str, str]) -> None:
    signer = Signer(b"k" * 32, clock=lambda: 1000.0)
    query = signer.address(*one)[len(one[1]) + 1 :]
    assert signer.principal(one[1], query) == one[0]
    if one[1] != two[1]:
        with pytest.raises(PolicyRefusal):
            signer.principal(two[1], query)
    other = Signer(b"l" * 32, clock=lambda: 1000.0)
    with pytest.raises(PolicyRefusal, match="changed"):
        other.principal(one[1], query)


@settings(deadline=None)
@given(st.data())
def test_an_address_with_any_one_character_changed_opens_nothing(data: st.DataObject) -> None:
    signer = Signer(b"k" * 32, clock=lambda: 1000.0)
    query = urlsplit(signer.address("ada", "/media/x")).query
    at = data.draw(st.integers(0, len(query) - 1))
    put = data.draw(st.sampled_from("abzAZ019-_=&%+.").filter(lambda c: c != query[at]))
    with pytest.raises(PolicyRefusal):
        signer.principal("/media/x", query[:at] + put + query[at + 1 :])


@pytest.mark.parametrize(("later", "good"), [(0, True), (600, True), (601, False), (10**9, False)])
def test_it_expires(later: float, good: bool) -> None:
    query = urlsplit(Signer(b"k" * 32, clock=lambda: 1000.0).address("ada", "/m")).query
    signer = Signer(b"k" * 32, clock=lambda: 1000.0 + later)
    if good:
        assert signer.principal("/m", query) == "ada"
    else:
        with pytest.raises(PolicyRefusal, match="expired"):
            signer.principal("/m", query)


# what the audit log is told -----------------------------------------------------------------------------------------


class Log:
    """An audit log in memory."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, int]] = []

    def note(
        self, kind: str, *, by: Principal, data: Mapping[str, Any] | None = None, words: Mapping[str, Any] | None = None
    ) -> None:
        assert kind == "request_refused"
        assert data is not None
        assert words is not None
        self.rows.append((by.name, data["why"], data["more"]))


def test_the_first_is_written_and_the_rest_of_its_minute_as_a_number() -> None:
    log, now = Log(), [0.0]
    refusals = Refusals(log, way="rest", clock=lambda: now[0])
    for _ in range(500):
        refusals.tell(NOBODY, "192.0.2.1", "GET /x", "no key")
    assert log.rows == [("nobody", "no key", 0)]
    refusals.tell(Principal("ada"), "192.0.2.1", "GET /x", "too large")
    assert log.rows[1:] == [("ada", "too large", 0)]
    now[0] = 61.0
    refusals.tell(NOBODY, "192.0.2.1", "GET /x", "no key")
    assert log.rows[2:] == [("nobody", "no key", 499), ("nobody", "no key", 0)]
    refusals.close()
    assert len(log.rows) == 4


def test_a_flood_from_everywhere_does_not_fill_the_log() -> None:
    log, now = Log(), [0.0]
    refusals = Refusals(log, way="rest", clock=lambda: now[0])
    for n in range(10_000):
        refusals.tell(NOBODY, f"10.0.{n // 250}.{n % 250}", "GET /x", "no key")
    assert len(log.rows) == MOST
    refusals.close()
    assert log.rows[MOST:] == [("nobody", "more refusals than are written one by one", 10_000 - MOST)]


# words --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (PolicyRefusal("no"), 403),
        (NameFault("no"), 404),
        (MediaFault("no"), 422),
        (TooLarge("no"), 413),
        (Crowded("no"), 429),
        (UserFault("no"), 422),
        (DiskFault("no"), 507),
        (BackendFault("no"), 503),
        (FailedFault("no"), 503),
        (ViotError("no"), 500),
    ],
)
def test_each_kind_of_fault_has_its_status(fault: ViotError, status: int) -> None:
    assert status_of(fault) == status


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("application/json", "json"),
        ("text/event-stream", "sse"),
        ("application/x-ndjson;q=0.9, */*", "ndjson"),
        ("TEXT/EVENT-STREAM", "sse"),
    ],
)
def test_what_a_caller_wants_to_read(accept: str, form: str) -> None:
    assert form_of(accept) == form


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("viot://evidence/run-1a/e1.jpg", ("evidence", "run-1a", "e1.jpg")),
        ("viot://evidence/run-1a", None),
        ("viot://evidence/run-1a/x/y", None),
        ("viot:///run-1a/x", None),
        ("http://evidence/run-1a/e1.jpg", None),
        ("evidence/run-1a/e1.jpg", None),
    ],
)
def test_names_of_files(reference: str, parts: tuple[str, str, str] | None) -> None:
    assert parts_of(reference) == parts
    if parts is not None:
        assert uri("/media/" + "/".join(parts)) == reference
