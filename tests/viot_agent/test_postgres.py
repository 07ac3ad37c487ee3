"""What is particular to PostgreSQL: addresses, errors, locks, order, search by index, lost connections, restarts.

That a library does the same there as on SQLite is told by the tests of the library, which run on both.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from viot_agent.errors import (
    BackendFault,
    BusyFault,
    DiskFault,
    FailedFault,
    LibraryFault,
    LostFault,
    UserFault,
    ViotError,
)
from viot_agent.library import address, jsontext
from viot_agent.library import postgres as pg
from viot_agent.library.database import Database
from viot_agent.library.fake_analyzer import FakeLooks, FakeThings, moving_square
from viot_agent.library.ingest import ingest
from viot_agent.library.records import Fingerprint, MediaRow, RunRows, RunStamp, SegmentSpan
from viot_agent.library.rows import EventRow, Rows, SegmentInfo, TrackPoint, TrackRow, VectorRow
from viot_agent.library.schema import media as media_table
from viot_agent.library.schema import segment_runs, segments, tracks
from viot_agent.library.store import Library
from viot_agent.media.fake import FakeReader, fake_info
from viot_agent.steps import Answer, Request, Run

DAY = 1_767_225_600.0
BOX = (0.0, 0.0, 1.0, 1.0)
SERVER = pytest.mark.parametrize("place", [pytest.param("postgresql", marks=pytest.mark.fleet)], indirect=True)


def film(library: Library, camera: str = "cam", start: float = DAY) -> MediaRow:
    library.add_camera(camera, camera + ".mp4")
    return library.add_media(
        camera,
        Path(camera + ".mp4"),
        Fingerprint(1, 1.0, camera),
        start_ts=start,
        start_origin="camera",
        duration=200_000.0,
        fps=25.0,
        width=64,
        height=36,
    )


def found(times: Any, vectors: Any = None, model: str = "m", events: tuple[EventRow, ...] = ()) -> RunRows:
    """One track with an embedding a time."""
    track = TrackRow("t", "face", tuple(TrackPoint(float(t), BOX, 1.0) for t in times))
    rows = () if vectors is None else tuple(
        VectorRow("t", float(t), model, v, 0.5) for t, v in zip(times, vectors, strict=True)
    )  # fmt: skip
    return RunRows(RunStamp("faces", "1", "net", "1"), Rows(tracks=(track,), vectors=rows, events=events), 5.0, 1)


@pytest.fixture
def library(place: Any, tmp_path: Path) -> Iterator[Library]:
    with place.open(tmp_path / "home") as opened:
        yield opened


# without a server ----------------------------------------------------------------------------------------------------

ADDRESSES = {
    "sqlite:/a/home": ("/a/home/library.db", "/a/home"),
    "sqlite:///rel/x.db": ("rel/x.db", "rel"),
    "sqlite:////abs/x.db": ("/abs/x.db", "/abs"),
    "postgresql://ana:se%40cret@db.example:5433/viot?sslmode=require": ("postgresql://ana@db.example:5433/viot", None),
    "postgresql+psycopg:///viot?host=/run/pg": ("postgresql:///viot", None),
}
NO_ADDRESSES = {
    "sqlite:": (UserFault, "names no folder"),
    "sqlite://host/x": (UserFault, "names no folder"),
    "secret words": (UserFault, "cannot be read"),
    "postgresql://viot:pass@secret@db.example/viot": (UserFault, "more than one @"),
    "mysql://u:secret@h/d": (BackendFault, "SQLite or PostgreSQL"),
}


@pytest.mark.parametrize("word", ADDRESSES)
def test_addresses(word: str) -> None:
    read = address.read(word)
    where, folder = ADDRESSES[word]
    assert (read.where, None if read.folder is None else str(read.folder)) == (where, folder)


@pytest.mark.parametrize("word", NO_ADDRESSES)
def test_what_is_no_address(word: str) -> None:
    kind, words = NO_ADDRESSES[word]
    with pytest.raises(kind, match=words) as caught:
        address.read(word)
    assert "secret" not in str(caught.value)
    assert "sqlite:FOLDER" in caught.value.fix


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"a": [1.5, None, "x"], "ü": True}, None),
        ({"a": float("nan"), "b": [float("inf")]}, {"a": None, "b": [None]}),
        ("a\0b", "a\ufffdb"),
        ({"k\ud800": "\ude00\ud83d"}, {"k\ufffd": "\ufffd\ufffd"}),
        ("an emoji \U0001f600 is whole", None),
        ("what looks escaped: \\u0000", None),
    ],
)
def test_json_is_what_both_databases_take(value: Any, kept: Any) -> None:
    import json

    assert json.loads(jsontext.dumps(value)) == (value if kept is None else kept)


class OperationalError(Exception):
    """Named as psycopg's."""

    def __init__(self, words: str, sqlstate: str | None = None) -> None:
        super().__init__(words)
        self.sqlstate = sqlstate


FAULTS: dict[str, tuple[str, str | None, type[ViotError]]] = {
    "refused": ("connection failed: Connection refused", None, LostFault),
    "restarting": ("terminating connection due to administrator command", "57P01", LostFault),
    "starting": ("the database system is starting up", "57P03", LostFault),
    "network": ("connection does not exist", "08003", LostFault),
    "password": ('connection failed: FATAL:  password authentication failed for user "x"', None, BackendFault),
    "no database": ('connection failed: FATAL:  database "x" does not exist', None, BackendFault),
    "lock": ("canceling statement due to lock timeout", "55P03", BusyFault),
    "deadlock": ("deadlock detected", "40P01", BusyFault),
    "clients": ("connection failed: FATAL:  sorry, too many clients already", None, BusyFault),
    "full": ("could not extend file: No space left on device", "53100", DiskFault),
    "rights": ("permission denied for table cameras", "42501", BackendFault),
    "standby": ("cannot execute INSERT in a read-only transaction", "25006", BackendFault),
    "long": ("index row size 2800 exceeds maximum", "54000", FailedFault),
    "broken page": ("invalid page in block 7", "XX001", LibraryFault),
    "nul": ("PostgreSQL text fields cannot contain NUL (0x00) bytes", None, UserFault),
    "other": ("division by zero", "22012", BackendFault),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_the_servers_errors_mean(name: str) -> None:
    words, state, kind = FAULTS[name]
    fault = pg.fault(OperationalError(words, state), "postgresql://ana@h/viot")
    assert type(fault) is kind
    assert fault.fix or name == "other"


def test_a_server_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="no psycopg here: pip install 'viot-agent[postgres]'")
    began = time.monotonic()
    with pytest.raises(LostFault, match="does not answer") as caught:
        Library.open(tmp_path, f"postgresql://ana:secret@/viot?host={tmp_path}")
    assert time.monotonic() - began < 30
    assert "secret" not in str(caught.value)


# order, length, characters -------------------------------------------------------------------------------------------


def test_texts_are_compared_and_kept_alike(library: Library) -> None:
    """By code points, at any length; on a server whose own order may be another."""
    for name in ("b", "A", "ä", "a c", "ab", "Z", "皖"):
        library.add_person(name, [], "signed")
    assert [p.name for p in library.people()] == ["A", "a c", "ab", "b", "Z", "ä", "皖"]
    long = "c" * 200
    library.save_run(
        Run("run-1", Request("é" * 5000, now=1.0, conversation=long), (), Answer("x", "answered"), "m", 0.0)
    )
    assert [r.conversation for r in library.runs(conversation=long)] == [long]
    row = film(library, "ﬃ" * 40)  # folded it is three times as long
    library.write_segment(
        row, SegmentSpan(0, 0, 30), [found([1.0], events=(EventRow("e", 1, 2, 0.1 + 0.2, {"n": 1e-320}),))]
    )
    [event] = library.events("e", ["FFI" * 40], None, None)
    assert (event.score, event.data) == (0.1 + 0.2, {"n": 1e-320}), "to the last bit"
    with pytest.raises(FailedFault, match="nan for score in events"):
        library.write_segment(
            row, SegmentSpan(1, 30, 60), [found([31.0], events=(EventRow("e", 31, 32, float("nan")),))]
        )


@SERVER
def test_a_nul_in_a_text_is_the_persons_fault(library: Library) -> None:
    with pytest.raises(UserFault, match="NUL"):
        library.runs(conversation="a\0b")


@SERVER
def test_a_database_that_will_not_do(place: Any, postgres: Any, tmp_path: Path) -> None:
    url = place.url(tmp_path / "other", "template0")
    other = Database(url, where="here")
    with other.write() as connection:
        connection.exec_driver_sql("CREATE TABLE holidays (day date)")
    with pytest.raises(LibraryFault, match="no library of this program"):
        Library.open(tmp_path, url)
    other.close()
    ascii_ = f"{postgres.name(tmp_path)}_ascii"
    postgres.admin(f"CREATE DATABASE {ascii_} TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
    place.made.append(ascii_)
    with pytest.raises(LibraryFault, match="stores texts as SQL_ASCII"):
        Library.open(tmp_path, postgres.url(ascii_))
    with pytest.raises(BackendFault, match="There is no database"):
        Library.open(tmp_path, postgres.url("nowhere"))


# vectors -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clusters() -> tuple[np.ndarray, np.ndarray]:
    """(3000, 48) embeddings round 60 people, as a recogniser gives them, and 20 questions near some of them."""
    rng = np.random.default_rng(5)
    people = rng.standard_normal((60, 48))
    x = people[rng.integers(0, 60, 3000)] + 0.5 * rng.standard_normal((3000, 48))
    return x.astype(np.float32), (people[:20] + 0.5 * rng.standard_normal((20, 48))).astype(np.float32)


@SERVER
def test_search_gives_the_rows_that_sqlite_gives(
    place: Any, tmp_path: Path, clusters: tuple[np.ndarray, np.ndarray]
) -> None:
    """Exactly, with the same scores, whatever the filter; by the index at least 95 of 100, and never fewer than k."""
    x, questions = clusters
    with Library.open(tmp_path / "disk") as disk, place.open(tmp_path / "server") as server:
        for library in (disk, server):
            rows = [film(library, name) for name in ("a", "b", "c")]
            for i, part in enumerate(np.array_split(np.arange(len(x)), 6)):
                span = SegmentSpan(i // 3, i // 3 * 1000.0, i // 3 * 1000.0 + 1000)
                library.write_segment(rows[i % 3], span, [found(span.t0 + (part - part[0]) * 0.5, x[part])])
        filters: list[tuple[list[str] | None, float | None, float | None]] = [
            (None, None, None),
            (["b"], None, None),
            (["a", "c"], DAY + 100.25, DAY + 1050),
            (None, DAY + 1200, None),
            (["c"], DAY + 5, DAY + 5.5),
            ([], None, None),
        ]
        for names, start, end in filters:
            for k in (1, 10, 100):
                for q in questions[:3]:
                    want = disk.search("m", q, names, start, end, k=k)
                    assert server.search("m", q, names, start, end, k=k) == want
            told = [
                (h.camera, h.ts, h.track, h.quality, h.vector.tobytes())
                for h in server.vectors("m", names, start, end)
                if h.vector is not None
            ]
            assert told == [
                (h.camera, h.ts, h.track, h.quality, h.vector.tobytes())
                for h in disk.vectors("m", names, start, end)
                if h.vector is not None
            ]
        hit = total = 0
        with server.db.read() as connection:
            for cameras, start in ((None, None), ([2], None), (None, DAY + 1100)):
                for q in questions:
                    want_ids = {
                        (f.camera, f.ts) for f in server.index.search(connection, "m", q, cameras, start, None, k=20)
                    }
                    got = server.index.search(connection, "m", q, cameras, start, None, k=20, exact_rows=0)  # type: ignore[call-arg]
                    assert len(got) == 20
                    assert [f.score for f in got] == sorted((f.score for f in got), reverse=True)
                    hit += len(want_ids & {(f.camera, f.ts) for f in got})
                    total += 20
        assert hit / total >= 0.95


@SERVER
def test_the_index_is_what_a_large_search_walks(library: Library) -> None:
    """The plan itself: with the settings of a search PostgreSQL takes the HNSW index, filter or not."""
    x = np.random.default_rng(1).standard_normal((50, 8)).astype(np.float32)
    library.write_segment(film(library), SegmentSpan(0, 0, 1000), [found(np.arange(50.0), x)])
    with library.db.read() as connection:
        library.index.search(connection, "m", x[0], None, None, None, k=3, exact_rows=0)  # type: ignore[call-arg]
        assert connection.exec_driver_sql("SHOW enable_sort").scalar_one() == "on", "what follows is planned as ever"
        for name in ("enable_sort", "enable_seqscan", "enable_bitmapscan"):
            connection.exec_driver_sql(f"SET LOCAL {name} = off")
        [table] = connection.execute(text("SELECT path FROM vector_files")).scalars()
        query = (
            f"EXPLAIN SELECT id FROM {table} WHERE camera_id = ANY(ARRAY[1]) ORDER BY vec <#> '{x[0].tolist()}' LIMIT 5"
        )
        plan = "\n".join(connection.exec_driver_sql(query.replace("%", "%%")).scalars())
    assert f"ix_{table}_hnsw" in plan


@SERVER
def test_a_table_of_vectors_that_is_gone_is_damage(place: Any, tmp_path: Path) -> None:
    with place.open(tmp_path) as library:
        library.write_segment(film(library), SegmentSpan(0, 0, 1000), [found([1.0], np.ones((1, 4), np.float32))])
        with library.db.write() as connection:
            connection.exec_driver_sql("DROP TABLE vectors_1")
    with pytest.raises(LibraryFault, match="the table vectors_1 with the vectors of 'm' is gone"):
        place.open(tmp_path)


# writers and locks ---------------------------------------------------------------------------------------------------


@SERVER
def test_writers_of_two_cameras_go_side_by_side_and_others_wait(library: Library) -> None:
    with library.db.write(camera=1), library.db.write(camera=2):
        for camera in (None, 1):
            with (
                pytest.raises(BusyFault, match="by another process"),
                library.db.connect() as connection,
                library.db.translated(),
                connection.begin(),
            ):
                connection.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
                pg.take_turn(connection, camera)


@SERVER
def test_a_settled_view_waits_for_writers_that_began(library: Library) -> None:
    """An id that was given before the highest one is committed by then: what looks at new rows misses none."""
    row = film(library)
    library.write_segment(row, SegmentSpan(0, 0, 30), [found([1.0])])
    heads: list[int] = []

    def look() -> None:
        with library.db.settled() as connection:
            heads.append(connection.execute(text("SELECT max(id) FROM segments")).scalar_one())

    with library.db.write(camera=1) as slow:
        slow.execute(
            segments.insert().values(media_id=row.id, camera_id=row.camera_id, idx=7, t0=0, t1=1, start_ts=0, end_ts=1)
        )
        looking = threading.Thread(target=look)
        looking.start()
        time.sleep(0.2)
        assert heads == []
    looking.join(30)
    assert heads == [2]


@SERVER
def test_two_that_write_the_same_segment_leave_one(library: Library) -> None:
    """Past every lock: the rows are there once."""
    row = film(library)
    x = np.eye(4, dtype=np.float32)
    go = threading.Barrier(4)
    faults: list[BaseException] = []

    def write() -> None:
        go.wait(30)
        try:
            library.write_segment(row, SegmentSpan(0, 0, 30), [found([1.0, 2.0], x[:2])])
        except BaseException as error:  # noqa: BLE001 (told below)
            faults.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert faults == []
    assert len(library.stored_runs(row.id)) == len(library.tracks("face", None, None, None)) == 1
    assert len(library.vectors("m", None, None, None)) == 2


@SERVER
def test_a_lock_of_the_server(place: Any, tmp_path: Path) -> None:
    with place.open(tmp_path) as one, place.open(tmp_path) as two:
        with one.lock("x", doing="counting") as held:
            with pytest.raises(BusyFault, match=r"process \d+ on \S+\) is counting"):
                two.lock("x", doing="counting", timeout=0.2).__enter__()
            with two.lock("y", doing="else"):
                pass
            held.check()
            cut(one)  # the server forgets who held it
            held.check()
            with pytest.raises(BusyFault):
                two.lock("x", doing="counting").__enter__()
            cut(one)
            with two.lock("x", doing="counting"), pytest.raises(BusyFault, match="is counting"):
                held.check()
        with two.lock("x", doing="counting"):
            pass


def cut(library: Library) -> None:
    """End all connections to the library's database, as a restart of the server does."""
    import psycopg

    url = library.db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@SERVER
def test_a_connection_lost_in_the_middle_of_a_segment_is_made_good(library: Library) -> None:
    """Its transaction is done again; what was committed stays, and nothing is there twice."""
    row = film(library)
    library.write_segment(row, SegmentSpan(0, 0, 30), [found([1.0], np.ones((1, 4), np.float32))])

    class Cutting(tuple):  # type: ignore[type-arg]
        """Vectors that cut the connection when they are gone through the second time: tracks are in by then."""

        times = 0

        def __iter__(self) -> Iterator[Any]:
            Cutting.times += 1
            if Cutting.times == 2:
                cut(library)
            return super().__iter__()

    bad = found([31.0, 32.0], np.eye(4, dtype=np.float32)[:2])
    vectors = Cutting(bad.rows.vectors)
    again = RunRows(bad.stamp, Rows(tracks=bad.rows.tracks, vectors=vectors), 5.0, 1)
    library.write_segment(row, SegmentSpan(1, 30, 60), [again])
    assert Cutting.times > 4, "it was done again"
    assert [t.start - DAY for t in library.tracks("face", None, None, None)] == [1.0, 31.0]
    assert [h.ts - DAY for h in library.vectors("m", None, None, None)] == [1.0, 31.0, 32.0]
    cut(library)
    assert library.spans("cam") == [(DAY, DAY + 60)], "an idle connection that died is replaced"


@pytest.mark.fleet
@pytest.mark.slow
def test_a_restart_of_the_server_in_the_middle_of_ingest(
    libraries: ModuleType, postgres: Any, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Stopped while segments are written, started again: the run goes on, no committed row is lost, none is double."""
    import tempfile

    path = tmp_path / "film.mp4"
    path.write_bytes(b"film")

    def index(library: Library, things: FakeThings) -> None:
        library.add_camera("cam", str(path), start=DAY)
        ingest(
            library,
            "cam",
            [things, FakeLooks()],
            segment_seconds=3.0,
            open_reader=lambda p: FakeReader(fake_info(60.0, width=64, height=36), moving_square),
        )

    with tempfile.TemporaryDirectory(prefix="viot-pg-") as folder:
        own = libraries.Postgres(Path(folder) / "data")
        try:
            committed: list[int] = []

            class Restarting(FakeThings):
                def start(self, segment: SegmentInfo) -> Any:
                    if segment.index == 7:
                        with library.db.read() as connection:
                            committed.append(connection.execute(text("SELECT count(*) FROM segment_runs")).scalar_one())
                        own.server.stop()
                        threading.Timer(1.5, own.server.ensure_postgres_running).start()
                    return super().start(segment)

            with Library.open(tmp_path / "server", own.make("lib")) as library:
                index(library, Restarting())
                rows = everything(library)
            assert committed
            assert committed[0] >= 12
        finally:
            own.close()
    with Library.open(tmp_path / "disk") as disk:
        index(disk, FakeThings())
        assert everything(disk) == rows


def everything(library: Library) -> dict[str, Any]:
    """What ingest wrote, without ids and clocks."""
    skip = {"seconds", "done_at", "created", "mtime", "camera_id", "media_id", "segment_id", "run_id", "id", "chain"}
    out: dict[str, Any] = {}
    with library.db.read() as connection:
        for table in (media_table, segments, segment_runs, tracks):
            columns = [c for c in table.c if c.name not in skip]
            out[table.name] = sorted(map(str, connection.execute(table.select().with_only_columns(*columns)).all()))
    out["look"] = [
        (h.ts, h.quality, h.vector.tobytes()) for h in library.vectors("look", None, None, None) if h.vector is not None
    ]
    return out
