"""The audit log: every run and change is a row, and an edited, removed, moved or cut row is found."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viot_agent.errors import LibraryFault, UserFault
from viot_agent.library import address
from viot_agent.library.store import Library
from viot_agent.library.transfer import move
from viot_agent.policy import chain
from viot_agent.policy.access import Access, Proxies
from viot_agent.policy.audit import Audit, verify_file
from viot_agent.policy.chain import GENESIS, Anchor, Entry
from viot_agent.steps import (
    Answer,
    Claim,
    Coverage,
    Evidence,
    Observation,
    Principal,
    Request,
    Run,
    Step,
    Thought,
    ToolCall,
    new_id,
)

ANA = Principal("Ana", "operator", key="0123456789ab")


def run(text: str = "was Ben at the gate?", *, status: str = "answered", clip: str | None = None) -> Run:
    piece = Evidence(
        "e1", "gate", 100.0, 104.5, "look", "eye", "1", who="Ben", clip=clip, crop_jpeg=b"\xff\xd8 picture"
    )
    seen = Observation(
        "c1",
        "look",
        "ok",
        "Ben was seen.",
        "found",
        (Claim("Ben was seen.", ("e1",)),),
        (piece,),
        Coverage(("gate", "yard"), 90.0, 200.0, 110.0, 1.0, 5.0),
    )
    step = Step(Thought("I look."), ToolCall("c1", "look", {"person": "Ben", "cameras": ["gate"]}), seen)
    request = Request(text, now=1000.0, principal=ANA, purpose="a theft")
    return Run(new_id("run"), request, (step,), Answer("Ben was seen.", status), "mini", 0.1)  # type: ignore[arg-type]


def sql(home: Path, statement: str) -> None:
    connection = sqlite3.connect(home / "library.db")
    connection.executescript(statement)
    connection.commit()
    connection.close()


def filled(home: Path, rows: int = 5) -> Anchor:
    with Library.open(home) as library:
        audit = Audit(library)
        for n in range(rows):
            audit.save_run(run(f"request {n}"))
        head = audit.head()
    assert head is not None
    return head


def wrong(home: Path, anchor: Anchor | None = None) -> tuple[str, ...]:
    with Library.open(home) as library:
        return Audit(library).verify(anchor).wrong


def test_a_run_and_its_row(tmp_path: Path) -> None:
    one = run(clip=str(tmp_path / "exports" / "run-1" / "gate-1.mp4"))
    with Library.open(tmp_path) as library:
        audit = Audit(library, clock=lambda: 2000.0)
        audit.save_run(one)
        (row,) = audit.search()
        assert library.run(one.id) is not None
        assert audit.verify() == type(audit.verify())(1, Anchor(1, row.hash), ())
    assert (row.seq, row.at, row.kind, row.who, row.role, row.run) == (1, 2000.0, "run", "Ana", "operator", one.id)
    assert row.prev == GENESIS
    assert row.fields["calls"] == [{"tool": "look", "status": "ok", "verdict": "found"}]
    assert row.fields["cameras"] == ["gate", "yard"]
    assert row.fields["evidence"] == {"gate": [100.0, 104.5]}
    assert row.fields["covered"] == [{"cameras": ["gate", "yard"], "start": 90.0, "end": 200.0, "seconds": 110.0}]
    assert row.fields["exports"] == 1
    assert row.said == {
        "request": "was Ben at the gate?",
        "purpose": "a theft",
        "args": [{"person": "Ben", "cameras": ["gate"]}],
        "exports": ["gate-1.mp4"],
    }
    # who was seen, what was answered and every picture stay out of the row itself
    assert "Ben" not in row.data
    assert "picture" not in row.data + str(row.words)


TAMPERED = {
    "a row edited": ("UPDATE audit_log SET who='Eve' WHERE seq=3", "row 3 was changed"),
    "its data edited": ("UPDATE audit_log SET data='{}' WHERE seq=3", "row 3 was changed"),
    "its time edited": ("UPDATE audit_log SET at=at+1 WHERE seq=3", "row 3 was changed"),
    "its words edited": ('UPDATE audit_words SET text=\'{"request":"nothing"}\' WHERE seq=3', "words of row 3 were"),
    "its words taken": ("DELETE FROM audit_words WHERE seq=3", "words of row 3 are gone, and no purge took them"),
    "a row removed": ("DELETE FROM audit_log WHERE seq=3", "row 3 is missing"),
    "the first removed": ("DELETE FROM audit_log WHERE seq=1", "row 1 is missing"),
    "a row removed, the rest moved up": (
        "DELETE FROM audit_words; DELETE FROM audit_log WHERE seq=3;"
        "UPDATE audit_log SET seq=3 WHERE seq=4; UPDATE audit_log SET seq=4 WHERE seq=5",
        "row 3 does not follow",
    ),
    "two rows exchanged": (
        "DELETE FROM audit_words; UPDATE audit_log SET seq=99 WHERE seq=2;"
        "UPDATE audit_log SET seq=2 WHERE seq=3; UPDATE audit_log SET seq=3 WHERE seq=99",
        "row 2 does not follow",
    ),
    "the end cut off": ("DELETE FROM audit_log WHERE seq>3", "the head says 5 rows, 3 stand there"),
    "everything cut off": ("DELETE FROM audit_log", "the head says 5 rows, 0 stand there"),
    "no number where one stands": ("UPDATE audit_log SET at='never' WHERE seq=2", "row 2 cannot be read"),
    "bytes for words": ("UPDATE audit_log SET data=x'ff00' WHERE seq=2", "row 2 cannot be read"),
    "a list for data": ("UPDATE audit_log SET data='[1]' WHERE seq=2", "row 2 cannot be read"),
    "no number in the head": ("UPDATE audit_head SET rows='many'", "the head says -1 rows, 5 stand there"),
    "the head taken": ("DELETE FROM audit_head", "the head is gone"),
    "the hash edited": ("UPDATE audit_log SET hash=prev WHERE seq=5", "row 5 was changed"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_tampering_is_found(tmp_path: Path, name: str) -> None:
    statement, words = TAMPERED[name]
    filled(tmp_path)
    assert wrong(tmp_path) == ()
    sql(tmp_path, statement)
    assert any(words in w for w in wrong(tmp_path)), wrong(tmp_path)


def test_a_forger_of_everything_is_found_by_a_head_kept_elsewhere(tmp_path: Path) -> None:
    """Chain and head made anew hold together: that is what the head elsewhere is for."""
    kept = filled(tmp_path)
    with Library.open(tmp_path) as library, library.db.write() as connection:
        connection.exec_driver_sql("DELETE FROM audit_words")
        connection.exec_driver_sql("DELETE FROM audit_log")
        connection.exec_driver_sql("DELETE FROM audit_head")
        for n in range(5):
            chain.append(connection, "run", at=float(n), who="Eve")
    assert wrong(tmp_path) == ()
    assert wrong(tmp_path, kept) == ("row 5 is not the one whose hash was kept elsewhere",)
    sql(tmp_path, "DELETE FROM audit_log WHERE seq>3")
    assert any("the head kept elsewhere says 5 rows, 3 stand there" in w for w in wrong(tmp_path, kept))


def test_an_older_head_still_holds(tmp_path: Path) -> None:
    kept = filled(tmp_path, 3)
    filled(tmp_path, 2)
    assert wrong(tmp_path, kept) == ()


def test_no_row_is_written_over_a_missing_head(tmp_path: Path) -> None:
    """It would become a new head, and the cut-off end would be forgotten."""
    filled(tmp_path)
    sql(tmp_path, "DELETE FROM audit_head")
    with Library.open(tmp_path) as library, pytest.raises(LibraryFault, match="somebody took it away"):
        Audit(library).save_run(run())
    with Library.open(tmp_path) as library:
        assert len(library.runs(owner=None)) == 5  # neither is there without the other


def test_words_that_a_purge_took_are_no_fault(tmp_path: Path) -> None:
    filled(tmp_path)
    with Library.open(tmp_path) as library, library.db.write() as connection:
        connection.exec_driver_sql("DELETE FROM audit_words WHERE seq IN (2, 4)")
        chain.append(connection, chain.PURGED, at=1.0, who="Pia", data={"rows": [2]})
    assert wrong(tmp_path) == ("the words of row 4 are gone, and no purge took them",)


def test_writers_at_once_make_one_chain(tmp_path: Path) -> None:
    Library.open(tmp_path).close()
    faults: list[BaseException] = []

    def write(number: int) -> None:
        try:
            with Library.open(tmp_path) as library:
                for n in range(10):
                    Audit(library).note("test", by=ANA, data={"writer": number, "n": n})
        except BaseException as error:
            faults.append(error)
            raise

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    with Library.open(tmp_path) as library:
        found = Audit(library).verify()
        assert (found.rows, found.wrong) == (40, ())
        each = [r.fields["n"] for r in Audit(library).search(limit=100) if r.fields["writer"] == 2]
        assert each == list(range(10))


@pytest.mark.skipif(not hasattr(os, "kill") or os.name != "posix", reason="kill -9 is POSIX")
def test_a_killed_writer_leaves_runs_and_rows_together(tmp_path: Path) -> None:
    Library.open(tmp_path).close()
    code = textwrap.dedent(
        f"""
        from pathlib import Path
        from viot_agent.library.store import Library
        from viot_agent.policy.audit import Audit
        from viot_agent.steps import Answer, Request, Run, new_id
        with Library.open(Path({str(tmp_path)!r})) as library:
            while True:
                Audit(library).save_run(Run(new_id("run"), Request("x"), (), Answer("y", "answered"), "m", 0.0))
                print("one", flush=True)
        """
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for _ in range(20):
        assert child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with Library.open(tmp_path) as library:
        found, rows = Audit(library).verify(), Audit(library).search(limit=10_000)
        assert found.wrong == ()
        assert found.rows >= 20
        assert sorted(r.run for r in rows) == sorted(r.id for r in library.runs(owner=None, limit=10_000))


def test_a_log_that_moves_with_its_library_stays_whole(slow_place: Any, tmp_path: Path) -> None:
    """To PostgreSQL and to another folder: the numbers and texts that were hashed are the same there."""
    kept = filled(tmp_path / "home")
    at = slow_place.url(tmp_path / "there", "template0")
    target = address.read(at or f"sqlite:{tmp_path / 'there'}")
    with Library.open(tmp_path / "home") as source:
        Access(source.db, proxies=Proxies()).init("Ada", by=ANA)
        move(source, target)
    with Library.open(tmp_path / "there", target) as moved:
        assert Audit(moved).verify(kept).wrong == ()
        assert Audit(moved).note("test", by=ANA).seq == 7
        assert Audit(moved).verify().rows == 7
        assert [k.name for k in Access(moved.db, proxies=Proxies()).keys.all()] == ["Ada"]


def test_searching(tmp_path: Path) -> None:
    with Library.open(tmp_path) as library:
        audit = Audit(library, clock=lambda: time.time())
        audit.save_run(run("was Ben at the GATE?"))
        audit.note("refused", by=Principal("Cy", "viewer"), data={"needed": "biometric"}, words={"request": "Ärger?"})
        found: Callable[..., list[int]] = lambda *a, **k: [r.seq for r in audit.search(*a, **k)]  # noqa: E731
        assert found("gate ben") == [1]
        assert found("ärger") == [2]
        assert found("ben ärger") == []
        assert found(who="cy") == [2]
        assert found(kind="run") == [1]
        assert found(camera="YARD") == [1]
        assert found(since=time.time() + 60) == found(until=1.0) == []
        assert found(limit=1) == [2]


def test_a_row_that_cannot_be_read_ends_a_search_in_words(tmp_path: Path) -> None:
    filled(tmp_path)
    sql(tmp_path, "UPDATE audit_log SET at='never' WHERE seq=2")
    with Library.open(tmp_path) as library, pytest.raises(LibraryFault, match="Row 2 of the audit log cannot be read"):
        Audit(library).search("request")


def test_an_exported_log_is_verified_without_the_library(tmp_path: Path) -> None:
    head = filled(tmp_path / "home")
    file = tmp_path / "log.jsonl"
    with Library.open(tmp_path / "home") as library, file.open("w", encoding="utf-8") as out:
        assert Audit(library).export(out) == head
    assert verify_file(file, head).wrong == ()
    lines = file.read_text("utf-8").splitlines()
    cases = {
        "row 2 was changed": [lines[0], lines[1].replace('"Ana"', '"Eve"'), *lines[2:]],
        "row 2 is missing": [lines[0], *lines[2:]],
        "the file was cut off": lines[:4],
        "the head says 5 rows, 4 stand there": [*lines[:4], lines[-1]],
    }
    for words, kept in cases.items():
        file.write_text("\n".join(kept) + "\n", "utf-8")
        assert any(words in w for w in verify_file(file).wrong), words


@pytest.mark.parametrize("text", ["", "hello", "[1]", '{"head": "x"}', '{"a": 1}', '{"head": null}\n7'])
def test_a_file_that_is_no_log(tmp_path: Path, text: str) -> None:
    file = tmp_path / "file"
    file.write_text(text, "utf-8")
    if not text:
        assert verify_file(file).wrong
        return
    with pytest.raises(UserFault):
        verify_file(file)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(max_size=8), st.dictionaries(st.text(max_size=4), st.integers())), min_size=2, max_size=6
    ),
    st.data(),
)
def test_any_change_of_any_row_is_found(given_rows: list[tuple[str, dict[str, int]]], data: st.DataObject) -> None:
    rows: list[Entry] = []
    for seq, (who, held) in enumerate(given_rows, 1):
        prev = rows[-1].hash if rows else GENESIS
        bare = Entry(seq, seq / 3, "run", who, "", "", chain.canonical(held), "", prev, "")
        rows.append(replace(bare, hash=chain.hash_of(bare)))
    head = Anchor(len(rows), rows[-1].hash)
    assert chain.check(rows, head) == []
    at = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.sampled_from(["at", "kind", "who", "role", "run", "data"]))
    old = getattr(rows[at], column)
    changed = replace(rows[at], **{column: old + 1 if column == "at" else old + "x"})
    assert chain.check([*rows[:at], changed, *rows[at + 1 :]], head)
    order = data.draw(st.permutations(range(len(rows))))
    if order != sorted(order):
        assert chain.check([rows[i] for i in order], head)
    gone = data.draw(st.integers(0, len(rows) - 1))
    assert chain.check([r for i, r in enumerate(rows) if i != gone], head)
