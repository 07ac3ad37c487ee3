"""A library that moves: all rows, vectors, counters; to an empty place only; killed in the middle it begins anew."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from viot_agent.alerts.store import AlertStore
from viot_agent.alerts.types import Sighting
from viot_agent.cli.app import run as viot
from viot_agent.errors import BackendFault, BusyFault, LibraryFault, UserFault
from viot_agent.library import address
from viot_agent.library.lock import FileLock
from viot_agent.library.records import Fingerprint, RunRows, RunStamp, SegmentSpan
from viot_agent.library.rows import CropRow, EventRow, PlateRow, Rows, TrackPoint, TrackRow, VectorRow
from viot_agent.library.schema import metadata, vector_batches, vector_files
from viot_agent.library.store import Library
from viot_agent.library.transfer import holdings, move
from viot_agent.steps import Answer, Request, Run

DAY = 1_767_225_600.0
BOX = (1.0, 2.0, 3.0, 4.0)


def fill(library: Library, segments: int = 3) -> None:
    """Something in most tables; two models, two lengths, two days; and rows that were removed again."""
    rng = np.random.default_rng(3)
    library.add_person("Añá", [b"one", bytes(range(256))], "signed")
    library.set_person_vectors("Añá", "m", rng.standard_normal((2, 4)).astype(np.float32))
    for name in ("gate", "Dock ü"):
        library.add_camera(name, f"{name}.mp4", groups=["yard"], start=DAY)
        row = library.add_media(
            name,
            Path(f"{name}.mp4"),
            Fingerprint(1, 1.5, name),
            start_ts=DAY + 86_000,
            start_origin="camera",
            duration=3000.0,
            fps=25.0,
            width=64,
            height=36,
        )
        for i in range(segments):
            t = 200.0 * i + np.arange(20.0)
            track = TrackRow("t", "face", tuple(TrackPoint(float(x), BOX, 0.1 * i) for x in t))
            vectors = [VectorRow("t", float(x), "m", rng.standard_normal(4).astype(np.float32), 0.3) for x in t]
            vectors += [VectorRow("t", float(x), "n", rng.standard_normal(130).astype(np.float32), 0.7) for x in t[:5]]
            rows = Rows(
                tracks=(track,),
                crops=(CropRow("t", float(t[0]), BOX, b"\0\xff", 0.5),),
                vectors=tuple(vectors),
                plates=(PlateRow("t", float(t[1]), "皖AT6M00", 0.75, (0.5, 1.0), BOX, b"j"),),
                events=(EventRow("fire", float(t[0]), float(t[5]), 1 / 3, {"level": [1, None, 0.1], "ü": True}),),
            )
            span = SegmentSpan(i, 200.0 * i, 200.0 * i + 200)
            library.write_segment(row, span, [RunRows(RunStamp("faces", "1", "net", "1"), rows, 5.0, 100)])
    library.save_run(
        Run("run-1", Request("Wer? 皖", now=5.25, conversation="c"), (), Answer("Añá.", "answered"), "m", 0.1)
    )
    store = AlertStore(library.db)
    alert = store.add("person", cameras=["gate"], notify=["json://a"], now=1.0)
    seen = Sighting("k", "gate", DAY, DAY + 5, "A person", 0.9, None)
    assert len(store.fire(alert, [seen], store.head(), now=DAY, tell=True)) == 1
    library.add_camera("gone", "x.mp4")
    library.remove_camera("gone")
    library.remove_camera("Dock ü")


def dump(library: Library) -> dict[str, Any]:
    """Every row of every table, ids and all, and every vector; without the books of the vectors."""
    out: dict[str, Any] = {}
    with library.db.read() as connection:
        for table in metadata.sorted_tables:
            if table not in (vector_files, vector_batches) and table.name != "library_info":
                query = table.select().order_by(*table.primary_key.columns)
                out[table.name] = [tuple(map(repr, r)) for r in connection.execute(query)]
    for model in ("m", "n"):
        hits = library.vectors(model, None, None, None)
        out[f"vectors {model}"] = [
            (h.track, h.camera, h.ts, h.quality, h.vector.tobytes()) for h in hits if h.vector is not None
        ]
    return out


def place_of(place: Any, home: Path) -> address.Address:
    """Where a new library of that folder would lie; it has no tables yet."""
    url = place.url(home, "template0")
    return address.in_folder(home) if url is None else address.read(url)


def test_everything_moves_there_and_back(place: Any, tmp_path: Path) -> None:
    with Library.open(tmp_path / "a") as source:
        fill(source)
        before = dump(source)
        there = place_of(place, tmp_path / "b")
        said: list[tuple[str, int, int]] = []
        moved = move(source, there, say=lambda *words: said.append(words))
        assert dump(source) == before
        assert moved.vectors == {("m", 4): 60, ("n", 130): 15}
        assert moved.rows["tracks"] == 3
        assert ("tracks", 3, 3) in said
        assert ("vectors of n", 15, 15) in said
    with Library.open(tmp_path / "b", there) as middle:
        assert dump(middle) == before
        assert middle.search("m", np.ones(4, np.float32), None, None, None, k=5) != []
        back = address.in_folder(tmp_path / "c")
        assert move(middle, back) == moved
        assert middle.add_camera("new", "n.mp4").id == 4, "the ids of what was removed are not used again"
    with Library.open(tmp_path / "c") as last:
        assert dump(last) == before
        assert last.add_camera("new", "n.mp4").id == 4
        held = holdings(last)
        assert (held.rows["tracks"], held.vectors) == (3, {("m", 4): 60, ("n", 130): 15})
        fill_more(last)


def fill_more(library: Library) -> None:
    """A library that moved is one like any other: it takes new rows beside the old ones."""
    [row] = library.media_rows("gate")
    track = TrackRow("t", "face", (TrackPoint(601.0, BOX, 1.0),))
    new = Rows(tracks=(track,), vectors=(VectorRow("t", 601.0, "m", np.ones(4, np.float32), 0.5),))
    n = len(library.vectors("m", None, None, None))
    library.write_segment(row, SegmentSpan(3, 600, 800), [RunRows(RunStamp("faces", "1", "net", "1"), new, 5.0, 1)])
    assert len(library.vectors("m", None, None, None)) == n + 1


def test_a_target_that_is_not_empty_is_refused(place: Any, tmp_path: Path) -> None:
    with Library.open(tmp_path / "a") as source:
        fill(source, 1)
        with place.open(tmp_path / "b") as other:  # tables, and nothing in them
            at = address.in_folder(tmp_path / "b") if not place.server else address.read(place.url(tmp_path / "b"))
            move(source, at)
            before = dump(other)
            with pytest.raises(LibraryFault, match=r"is not empty: .*1 cameras"):
                move(source, at)
            assert dump(other) == before
        with pytest.raises(UserFault, match="are the same"):
            move(source, address.in_folder(tmp_path / "a"))
        with FileLock(tmp_path / "a" / "index.lock", doing="x"), pytest.raises(BusyFault, match="is indexing"):
            move(source, place_of(place, tmp_path / "d"))


def test_counts_that_do_not_agree_leave_an_empty_target(place: Any, tmp_path: Path) -> None:
    """As does anything that goes wrong on the way; what comes then begins anew."""
    with Library.open(tmp_path / "a") as source:
        fill(source, 1)
        target = place_of(place, tmp_path / "b")

        class Miscounts(type(source.index)):  # type: ignore[misc]
            def movable(self) -> Any:
                bulk = super().movable()
                bulk.sizes = lambda connection: {("m", 4): 21, ("n", 130): 5}
                return bulk

        right, source.index = source.index, Miscounts(source.home)
        with pytest.raises(BackendFault, match="do not agree"):
            move(source, target)
        source.index = right

        def broken(what: str, done: int, of: int) -> None:
            if what == "vectors of n":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            move(source, target, say=broken)
        move(source, target)
        with Library.open(tmp_path / "b", target) as moved:
            assert dump(moved) == dump(source)


_KILLED = """
import os, signal, sys
from pathlib import Path
from viot_agent.library import address
from viot_agent.library.store import Library
from viot_agent.library.transfer import move

def say(what, done, of):
    if what == "vectors of n" and done:
        os.kill(os.getpid(), signal.SIGKILL)

with Library.open(Path(sys.argv[1])) as source:
    move(source, address.read(sys.argv[2]), say=say)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_in_the_middle_it_begins_anew(place: Any, tmp_path: Path) -> None:
    with Library.open(tmp_path / "a") as source:
        fill(source)
        word = place.url(tmp_path / "b", "template0") or f"sqlite:{tmp_path / 'b'}"
        command = [sys.executable, "-W", "ignore", "-c", _KILLED, str(tmp_path / "a"), word]
        done = subprocess.run(command, timeout=120, env=dict(os.environ))
        assert done.returncode == -signal.SIGKILL
        move(source, address.read(word))
        with Library.open(tmp_path / "b", word) as moved:
            assert dump(moved) == dump(source)


def test_the_commands(
    place: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VIOT_HOME", str(tmp_path / "a"))
    monkeypatch.delenv("VIOT_DB", raising=False)
    with Library.open(tmp_path / "a") as source:
        fill(source, 1)
    word = place.url(tmp_path / "b", "template0") or f"sqlite:{tmp_path / 'b'}"
    assert viot(["library", "migrate", f"sqlite:{tmp_path / 'a'}", word]) == 0
    out = capsys.readouterr().out
    assert "counted on both sides" in out
    assert ("VIOT_DB=postgresql://postgres@" if place.server else f"VIOT_DB={word}") in out
    monkeypatch.setenv("VIOT_DB", word)
    assert viot(["library", "info"]) == 0
    told = capsys.readouterr().out
    assert ("PostgreSQL" if place.server else "SQLite") in told
    assert "vectors of n (130)" in told
    assert viot(["camera", "list"]) == 0
    assert "gate" in capsys.readouterr().out
    assert viot(["library", "migrate", f"sqlite:{tmp_path / 'nothing'}", word]) == 2
    assert "there is no library" in capsys.readouterr().err
    with Library.open(tmp_path / "b", word) as moved, moved.db.read() as connection:
        kinds = connection.execute(text("SELECT kind FROM audit_log")).scalars().all()
    assert kinds == ["library_copy_begun"]
    with Library.open(tmp_path / "a") as source, source.db.read() as connection:
        kinds = connection.execute(text("SELECT kind FROM audit_log")).scalars().all()
    assert kinds == ["library_copy_begun", "library_copied"]
    assert viot(["library", "migrate", f"sqlite:{tmp_path / 'a'}", word]) == 2
    with Library.open(tmp_path / "a") as source, source.db.read() as connection:
        kinds = connection.execute(text("SELECT kind FROM audit_log")).scalars().all()
    assert kinds[2:] == ["library_copy_begun"], "what did not come about is not said to have been copied"


def test_holdings_of_a_new_library(tmp_path: Path) -> None:
    with Library.open(tmp_path) as library:
        held = holdings(library)
    assert (sum(held.rows.values()), held.vectors, held.where) == (0, {}, str(tmp_path / "library.db"))
    assert held.size > 10_000
