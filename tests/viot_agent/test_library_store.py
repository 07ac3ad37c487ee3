"""Opening, making, migrating and refusing libraries; names; segments written whole or not at all; the run record."""

from __future__ import annotations

import itertools
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from viot_agent.errors import BackendFault, BusyFault, FailedFault, LibraryFault, UserFault, ViotError
from viot_agent.library import intervals, names, packing
from viot_agent.library.chains import iou
from viot_agent.library.database import Database, sqlite_url
from viot_agent.library.lock import FileLock
from viot_agent.library.migrate import downgrade, upgrade
from viot_agent.library.records import Fingerprint, MediaRow, RunRows, RunStamp, SegmentSpan
from viot_agent.library.rows import (
    AttributeRow,
    CropRow,
    EventRow,
    PlateRow,
    PoseRow,
    Rows,
    TrackPoint,
    TrackRow,
    VectorRow,
)
from viot_agent.library.run_store import restored
from viot_agent.library.schema import HEAD, KNOWN, metadata
from viot_agent.library.store import Library
from viot_agent.steps import (
    Answer,
    Attachment,
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
)

BOX = (0.0, 0.0, 10.0, 10.0)


def media(library: Library, name: str = "a", start: float = 1000.0, camera: str = "cam", **more: float) -> MediaRow:
    return library.add_media(
        camera,
        Path(name),
        Fingerprint(1, 1.0, name),
        start_ts=start,
        start_origin="camera",
        duration=more.get("duration", 60.0),
        fps=25.0,
        width=int(more.get("width", 64)),
        height=36,
    )


def track(key: str, *points: tuple[float, float], kind: str = "person") -> TrackRow:
    """A track of 10 px boxes at (t, x)."""
    return TrackRow(key, kind, tuple(TrackPoint(t, (x, 0.0, x + 10, 10.0), 0.5) for t, x in points))


def run(*tracks: TrackRow, name: str = "things", version: str = "1", model: str = "m", **more: object) -> RunRows:
    return RunRows(RunStamp(name, version, model, "1"), Rows(tracks=tracks, **more), 5.0, 10)  # type: ignore[arg-type]


@pytest.fixture
def library(slow_place: Any, tmp_path: Path) -> Iterator[Library]:
    with slow_place.open(tmp_path / "home") as opened:
        opened.add_camera("cam", "a")
        yield opened


# opening -------------------------------------------------------------------------------------------------------------


def edit(home: Path, sql: str) -> None:
    connection = sqlite3.connect(home / "library.db")
    connection.executescript(sql)
    connection.commit()
    connection.close()


def spoil(home: Path, at: int, n: int) -> None:
    path = home / "library.db"
    data = bytearray(path.read_bytes())
    data[at : at + n] = b"\xa5" * len(data[at : at + n])
    path.write_bytes(data)


def cut(home: Path) -> None:
    path = home / "library.db"
    path.write_bytes(path.read_bytes()[:5000])


REFUSED = {
    "newer": (
        lambda h: edit(h, "UPDATE alembic_version SET version_num='0099'; UPDATE library_info SET value='viot 9.1'"),
        r"was made by viot 9\.1 \(schema 0099\); this is viot-agent .* \(schema 0005\)",
    ),
    "no version": (lambda h: edit(h, "DROP TABLE alembic_version"), "no library of this program"),
    "two versions": (lambda h: edit(h, "INSERT INTO alembic_version VALUES ('0000')"), "no library of this program"),
    "head overwritten": (lambda h: spoil(h, 0, 100), "damaged: file is not a database"),
    "table of contents overwritten": (lambda h: spoil(h, 100, 3000), "damaged: .*malformed"),
    "cut short": (cut, "damaged: .*malformed"),
    "text file": (lambda h: (h / "library.db").write_text("hello " * 1000), "damaged: file is not a database"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("readonly", [False, True])
def test_what_is_refused(tmp_path: Path, name: str, readonly: bool) -> None:
    change, words = REFUSED[name]
    with Library.open(tmp_path) as made:
        made.add_camera("cam", "a")
    change(tmp_path)
    before = (tmp_path / "library.db").read_bytes()
    with pytest.raises(LibraryFault, match=words) as caught:
        Library.open(tmp_path, readonly=readonly)
    assert caught.value.fix
    assert (tmp_path / "library.db").read_bytes() == before


def test_damage_inside_is_told_when_met(tmp_path: Path) -> None:
    with Library.open(tmp_path) as made:
        made.add_camera("cam", "a")
        row = media(made)
        points = [(t / 10, 0.0) for t in range(300)]
        made.write_segment(row, SegmentSpan(0, 0, 30), [run(*(track(f"t{i}", *points) for i in range(120)))])
    size = (tmp_path / "library.db").stat().st_size
    spoil(tmp_path, size // 2, size // 2)
    with Library.open(tmp_path) as opened, pytest.raises(LibraryFault, match="damaged"):
        opened.tracks("person", None, None, None)


def test_a_home_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendFault, match="Cannot make the folder"):
        Library.open(tmp_path / "file" / "home")
    with pytest.raises(LibraryFault, match="There is no library"):
        Library.open(tmp_path / "absent", readonly=True)
    assert not (tmp_path / "absent").exists()
    with pytest.raises(BackendFault, match="Cannot use the database"):
        Library.open(tmp_path, "nosuch://server/db")


def test_readonly_writes_nothing(tmp_path: Path) -> None:
    Library.open(tmp_path).close()
    with Library.open(tmp_path, readonly=True) as opened:
        assert opened.cameras() == []
        with pytest.raises(LibraryFault, match="for reading only"):
            opened.add_camera("cam", "a")


def test_any_folder_name(tmp_path: Path) -> None:
    home = tmp_path / "a b?c=d%20#é 皖"
    with Library.open(home) as opened:
        opened.add_camera("cam", "a")
    assert (home / "library.db").is_file()
    with Library.open(home) as opened:
        assert len(opened.cameras()) == 1


def shape(db: Database) -> dict[str, object]:
    """Everything SQLAlchemy can tell of the tables."""
    with db.read() as connection:
        seen = inspect(connection)
        return {
            name: (
                [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in seen.get_columns(name)],
                seen.get_pk_constraint(name),
                sorted(map(str, seen.get_foreign_keys(name))),
                sorted(map(str, seen.get_unique_constraints(name))),
                sorted(map(str, seen.get_indexes(name))),
                not db.server
                and "AUTOINCREMENT"
                in connection.exec_driver_sql(f"SELECT sql FROM sqlite_master WHERE name='{name}'").scalar_one(),
            )
            for name in seen.get_table_names()
            if not name.startswith("sqlite_")
        }


def database(place: Any, folder: Path) -> Database:
    """An empty database of that folder."""
    folder.mkdir(exist_ok=True)
    return Database(place.url(folder, "template0") or sqlite_url(folder / "library.db"), where="here")


def test_migrations_make_the_same_tables_up_and_down(place: Any, tmp_path: Path) -> None:
    by_hand = database(place, tmp_path / "by_hand")
    with by_hand.write() as connection:
        upgrade(connection, KNOWN[0])
        connection.exec_driver_sql("INSERT INTO library_info VALUES ('made_by', 'viot-agent 0.0')")
    with by_hand.write() as connection:
        upgrade(connection)
        downgrade(connection, KNOWN[0])
    with place.open(tmp_path / "at_once") as library, library.db.read() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == HEAD == KNOWN[-1]
        new = shape(library.db)
    with place.open(tmp_path / "by_hand") as library:
        assert shape(library.db) == new
    with by_hand.write() as connection:
        downgrade(connection, "base")
    assert set(shape(by_hand)) == {"alembic_version"}
    by_hand.close()


def test_an_old_library_is_brought_up_to_date(place: Any, tmp_path: Path) -> None:
    """A library of the first schema keeps its rows, and takes poses and attributes afterwards."""
    old = database(place, tmp_path)
    with old.write() as connection:
        upgrade(connection, "0001")
        connection.exec_driver_sql("INSERT INTO library_info VALUES ('made_by', 'viot-agent 0.0')")
        connection.exec_driver_sql(
            "INSERT INTO cameras (name, folded, source, tz, created) VALUES ('cam', 'cam', 'a', 'UTC', 0)"
        )
    old.close()
    with pytest.raises(LibraryFault, match="older version"):
        place.open(tmp_path, readonly=True)
    with place.open(tmp_path) as library:
        assert [c.name for c in library.cameras()] == ["cam"]
        row = media(library)
        pose = PoseRow("a", 1, np.ones((17, 3), np.float32))
        red = AttributeRow("a", 1, "upper_colour", "red", 0.5)
        library.write_segment(row, SegmentSpan(0, 0, 30), [run(track("a", (1, 0)), poses=(pose,), attributes=(red,))])
        [found] = library.poses(None, None, None)
        assert (found.camera, found.ts.tolist(), found.keypoints.shape) == ("cam", [1001.0], (1, 17, 3))
        [seen] = library.attributes(None, None, None)
        assert (seen.camera, seen.ts, seen.name, seen.value, seen.score) == ("cam", 1001.0, "upper_colour", "red", 0.5)


def test_tables_are_good_postgresql() -> None:
    dialect = postgresql.dialect()
    for table in metadata.sorted_tables:
        text = str(CreateTable(table).compile(dialect=dialect))
        assert "BIGSERIAL" in text or "id" not in table.c or table.c.id.autoincrement is False
        for index in table.indexes:
            assert len(str(index.name)) <= 63
            str(CreateIndex(index).compile(dialect=dialect))


def test_opening_imports_little() -> None:
    """A question's path: no ORM, no Alembic, no OpenCV."""
    code = (
        "import sys, tempfile, pathlib; from viot_agent.library.store import Library;"
        "h = pathlib.Path(tempfile.mkdtemp()); Library.open(h).close();"
        "Library.open(h, readonly=True).close();"
        "print([m for m in ('sqlalchemy.orm', 'alembic', 'cv2', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# segments ------------------------------------------------------------------------------------------------------------

BROKEN = {
    "no such track": (run(crops=(CropRow("x", 1, BOX, b"", 0.5),)), "names a track 'x' that no analyzer made"),
    "no such track, plate": (run(plates=(PlateRow("x", 1, "A", 0.5, (), BOX),)), "names a track 'x'"),
    "two of one key": (run(track("a", (1, 0)), track("a", (2, 0))), "two tracks with the key 'a'"),
    "times out of order": (run(track("a", (2, 0), (1, 0))), "'a' with times out of order"),
    "no points": (run(TrackRow("a", "person", ())), "'a' with times out of order"),
    "no such track, pose": (run(poses=(PoseRow("x", 1, np.zeros((17, 3), np.float32)),)), "names a track 'x'"),
    "pose of another shape": (
        run(track("a", (1, 0)), poses=(PoseRow("a", 1, np.zeros((17, 2), np.float32)),)),
        r"pose of 'a' that is not \(17, 3\)",
    ),
    "poses out of order": (
        run(track("a", (1, 0)), poses=tuple(PoseRow("a", t, np.zeros((17, 3), np.float32)) for t in (2, 2))),
        "poses of 'a' with times out of order",
    ),
    "no such track, attribute": (run(attributes=(AttributeRow("x", 1, "hat", "yes", 0.5),)), "names a track 'x'"),
    "an attribute twice": (
        run(track("a", (1, 0)), attributes=tuple(AttributeRow("a", t, "hat", "yes", 0.5) for t in (1, 2))),
        "says hat yes of 'a' twice",
    ),
    "an attribute without a score": (
        run(track("a", (1, 0)), attributes=(AttributeRow("a", 1, "hat", "yes", float("nan")),)),
        "scored hat of 'a' with nan",
    ),
    "bad vector": (
        run(track("a", (1, 0)), vectors=(VectorRow("a", 1, "v", np.zeros(3, np.float32), 0.5),)),
        "bad embedding",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_bad_segment_leaves_nothing(library: Library, name: str) -> None:
    bad, words = BROKEN[name]
    row = media(library)
    good = run(track("g", (1, 0)), name="good")
    with pytest.raises(FailedFault, match=words):
        library.write_segment(row, SegmentSpan(0, 0, 30), [good, bad])
    assert library.stored_runs(row.id) == []
    assert library.spans("cam") == []
    assert library.tracks("person", None, None, None) == []


def test_the_same_run_again_replaces(library: Library) -> None:
    row = media(library)
    span = SegmentSpan(0, 0, 30)
    library.write_segment(row, span, [run(track("a", (1, 0))), run(track("o", (1, 0)), name="other")])
    library.write_segment(row, span, [run(track("b", (1, 0)), track("c", (2, 0)), version="2")])
    assert [r.stamp.version for r in library.stored_runs(row.id)] == ["1", "2"]
    assert [t.start for t in library.tracks("person", None, None, None)] == [1001.0, 1001.0, 1002.0]
    library.write_segment(row, span, [run(track("d", (3, 0)), model="m2")])
    assert library.models("things", None) == ["m", "m2"], "two models of one analyzer stand side by side"


def test_rows_on_the_tracks_of_another(library: Library) -> None:
    """A recogniser's rows hang on the detector's tracks of the model it read, also when those were stored before."""
    row = media(library)
    span = SegmentSpan(0, 0, 30)
    library.write_segment(row, span, [run(track("a", (1, 0)), model="m1"), run(track("a", (1, 0)), model="m2")])
    ids = {t.model: t.id for t in library.tracks("person", None, None, None)}
    for model in ("m2", "m1"):
        stamp = RunStamp("looks", "1", f"on {model}", "1", f"things\t{model}\t1\t1", ("things",))
        vector = VectorRow("a", 1, f"v-{model}", np.ones(4, np.float32), 0.5)
        library.write_segment(row, span, [RunRows(stamp, Rows(vectors=(vector,)), 5.0, 1)])
        assert [h.track for h in library.vectors(f"v-{model}", None, None, None)] == [ids[model]]


CHAINS = {
    # name: (last x of the old tracks at 29.8 s, first (t, x) of the new ones, which old one each goes on from)
    "goes on": ([0], [(30, 1)], [0]),
    "moved a little": ([0], [(30.2, 5)], [0]),
    "moved too far": ([0], [(30, 8)], [None]),
    "too late": ([0], [(31.6, 0)], [None]),
    "late but in time": ([0], [(31.4, 0)], [0]),
    "two and two, crossed": ([0, 30], [(30, 31), (30, 1)], [1, 0]),
    "one old, two new: the nearer": ([0], [(30, 4), (30, 1)], [None, 0]),
    "two old, one new: the nearer": ([0, 3], [(30, 4)], [1]),
    "nothing before": ([], [(30, 0)], [None]),
}


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("files", [1, 2])
def test_chains(library: Library, name: str, files: int) -> None:
    """Over a border inside a file, and over one between two files that follow each other."""
    old, new, expected = CHAINS[name]
    first = media(library, "a")
    before = [track(f"o{i}", (20.0, 200.0), (29.8, x)) for i, x in enumerate(old)]
    library.write_segment(first, SegmentSpan(0, 0, 30), [run(*before)])
    if files == 1:
        row, span, shift = first, SegmentSpan(1, 30, 60), 0.0
    else:
        row, span, shift = media(library, "b", start=1030.0), SegmentSpan(0, 0, 30), -30.0
    after = [track(f"n{i}", (t + shift, x)) for i, (t, x) in enumerate(new)]
    library.write_segment(row, span, [run(*after), run(track("x", (30 + shift, 0)), name="other")])
    stored = {t.id: t for t in library.tracks("person", None, None, None, model="m")}
    ids = sorted(stored)
    for i, from_ in enumerate(expected):
        new_id = ids[len(old) + i]
        assert stored[new_id].chain == (new_id if from_ is None else ids[from_])
    assert stored[ids[-1]].chain == ids[-1], "another analyzer's track is its own"


@pytest.mark.parametrize("case", ["kind", "size", "gap", "early"])
def test_no_chain_between_strangers(library: Library, case: str) -> None:
    first = media(library, "a")
    ends = 20.0 if case == "early" else 29.9
    library.write_segment(first, SegmentSpan(0, 0, 30), [run(track("o", (ends, 0)))])
    start, width = {"gap": (1033.0, 64), "size": (1030.0, 128)}.get(case, (1030.0, 64))
    row = media(library, "b", start=start, width=width)
    kind = "car" if case == "kind" else "person"
    library.write_segment(row, SegmentSpan(0, 0, 30), [run(track("n", (0, 0), kind=kind))])
    found = library.tracks(kind, None, None, None)[-1]
    assert found.chain == found.id


def test_ids_are_not_used_again(library: Library) -> None:
    row = media(library)
    library.write_segment(row, SegmentSpan(0, 0, 30), [run(track("a", (1, 0)))])
    library.remove_camera("cam")
    library.add_camera("cam", "a")
    library.write_segment(media(library), SegmentSpan(0, 0, 30), [run(track("a", (1, 0)))])
    assert [t.id for t in library.tracks("person", None, None, None)] == [2]


def test_removing_leaves_no_row(library: Library) -> None:
    empty = counts_of(library)
    row = media(library)
    rows = Rows(
        (track("a", (1, 0)),),
        (CropRow("a", 1, BOX, b"j", 0.5),),
        (VectorRow("a", 1, "v", np.ones(4, np.float32), 0.5),),
        (PlateRow("a", 1, "A", 0.5, (0.5,), BOX),),
        (),
        (EventRow("fire", 1, 2, 0.5),),
    )
    library.write_segment(row, SegmentSpan(0, 0, 30), [RunRows(RunStamp("t", "1", "m", "1"), rows, 5.0, 1)])
    full = counts_of(library)
    assert all(full[t] == 1 for t in ("tracks", "crops", "plates", "events", "segment_runs"))
    assert full["vector_batches"] == (0 if library.db.server else 1)
    assert vectors_of(library) == {("v", 4): 1}
    library.remove_camera("CAM")
    after = counts_of(library)
    assert vectors_of(library) == {("v", 4): 0}
    assert after.pop("vector_files") == 1, "the file stays, with zeros in it; so does the table, with nothing in it"
    assert sum(after.values()) - after["library_info"] == 0
    assert empty["cameras"] == 1


def counts_of(library: Library) -> dict[str, int]:
    with library.db.read() as connection:
        return {
            t.name: connection.exec_driver_sql(f"SELECT count(*) FROM {t.name}").scalar_one()
            for t in metadata.tables.values()
        }


def vectors_of(library: Library) -> dict[tuple[str, int], int]:
    with library.db.read() as connection:
        return library.index.movable().sizes(connection)


def test_two_writers_queue(place: Any, tmp_path: Path) -> None:
    """A second connection waits for the first transaction and then sees its rows."""
    with place.open(tmp_path) as one, place.open(tmp_path) as two:
        one.add_camera("cam", "a")
        assert two.add_camera("cam", "a").id == one.cameras()[0].id
        two.remove_camera("cam")
        assert one.cameras() == []


def test_many_threads(library: Library) -> None:
    """More askers than connections: all are served."""
    row = media(library)
    library.write_segment(row, SegmentSpan(0, 0, 30), [run(track("a", (1, 0)))])
    with ThreadPoolExecutor(40) as pool:
        found = list(pool.map(lambda _: len(library.tracks("person", None, None, None)), range(200)))
    assert found == [1] * 200


# the run record ------------------------------------------------------------------------------------------------------


def a_run(id: str, owner: str, now: float) -> Run:
    request = Request(
        "Who was at gate?",
        now,
        (Attachment("image-1", "image", Path("/secret/me.jpg")),),
        Principal(owner, "operator"),
        "theft",
        frozenset({"gate"}),
        "talk-1",
    )
    evidence = Evidence("e1", "gate", 1.0, 2.0, "face_recognition", "m", "1", crop_jpeg=b"x")
    coverage = Coverage(("gate",), 0.0, 9.0, 9.0, 1.0, 5.0, (("gate", 1.0, 2.0),))
    seen = Observation("c1", "face_recognition", "ok", "Ada was there.", "found", (), (evidence,), coverage)
    step = Step(Thought("look"), ToolCall("c1", "face_recognition", {"cameras": ["gate"]}), seen)
    return Run(id, request, (step,), Answer("Ada.", "answered", (Claim("Ada.", ("e1",)),)), "mini", 0.5, {"llm": 0.1})


def test_the_runs_of_a_conversation_come_back_as_turns(library: Library) -> None:
    spoken = a_run("run-9", "local", 200.0)
    library.save_run(replace(spoken, request=replace(spoken.request, conversation="c")))
    assert library.runs(conversation="other") == []
    (row,) = library.runs(conversation="c")
    again = restored(row)
    assert (again.id, again.request.text, again.answer.text) == ("run-9", spoken.request.text, spoken.answer.text)
    assert again.request.attachments == (), "no path is kept"


def test_runs(library: Library) -> None:
    for i, owner in enumerate(["local", "eve", "local"]):
        library.save_run(a_run(f"run-{i}", owner, 100.0 + i))
    library.save_run(replace(a_run("run-0", "local", 100.0), answer=Answer("No.", "cannot_tell")))
    assert [(r.id, r.status) for r in library.runs()] == [("run-2", "answered"), ("run-0", "cannot_tell")]
    assert [r.id for r in library.runs(limit=1)] == ["run-2"]
    assert [r.id for r in library.runs("eve")] == ["run-1"]
    assert [r.id for r in library.runs(None)] == ["run-2", "run-1", "run-0"]
    saved = library.runs("eve")[0]
    assert (saved.owner, saved.conversation, saved.created, saved.request) == (
        "eve",
        "talk-1",
        101.0,
        "Who was at gate?",
    )
    assert saved.record["request"]["camera_scope"] == ["gate"]
    assert saved.record["request"]["attachments"] == [{"handle": "image-1", "kind": "image", "name": "me.jpg"}]
    assert saved.record["observations"][0]["coverage"]["gaps"] == [["gate", 1.0, 2.0]]
    assert saved.record["evidence"][0]["id"] == "e1"
    assert "secret" not in json.dumps(saved.record)


# small parts ---------------------------------------------------------------------------------------------------------


@given(st.text(max_size=150))
def test_names_are_kept_or_refused(name: str) -> None:
    try:
        kept = names.clean(name, "camera")
    except UserFault:
        return
    assert kept == names.clean(kept, "camera") == kept.strip()
    assert 0 < len(kept) <= 120
    assert names.folded(kept) == names.folded(kept.upper()) or kept.upper().casefold() != kept.casefold()


spans = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)).map(lambda x: (float(x[0]), float(x[0] + x[1]))))


@given(spans, spans)
def test_interval_arithmetic(whole: list[tuple[float, float]], taken: list[tuple[float, float]]) -> None:
    """Against sets of whole seconds."""

    def seconds(of: list[tuple[float, float]]) -> set[int]:
        return {s for a, b in of for s in range(int(a), int(b))}

    assert seconds(intervals.subtract(whole, taken)) == seconds(whole) - seconds(taken)
    assert seconds(intervals.merge(whole)) == seconds(whole)
    assert intervals.total(whole) == len(seconds(whole))
    assert seconds(intervals.clip(whole, 5.0, 30.0)) == seconds(whole) & set(range(5, 30))
    merged = intervals.merge(whole)
    assert all(a[1] < b[0] for a, b in itertools.pairwise(merged))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (BOX, BOX, 1.0),
        (BOX, (5.0, 0.0, 15.0, 10.0), 1 / 3),
        (BOX, (10.0, 0.0, 20.0, 10.0), 0.0),
        (BOX, (0.0, 0.0, 0.0, 0.0), 0.0),
    ],
)
def test_iou(a: tuple[float, ...], b: tuple[float, ...], expected: float) -> None:
    assert iou(a, b) == pytest.approx(expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("unpack", "blob"),
    [
        (packing.unpack_points, b""),
        (packing.unpack_points, b"x" * 29),
        (packing.unpack32, b"x"),
        (packing.unpack64, b"1234"),
    ],
)
def test_damaged_blobs(unpack: object, blob: bytes) -> None:
    with pytest.raises(LibraryFault, match="impossible length"):
        unpack(blob)  # type: ignore[operator]


def test_lock(tmp_path: Path) -> None:
    path = tmp_path / "x" / "a.lock"
    with FileLock(path, doing="indexing"):
        for timeout in (0.0, 0.1):
            second = FileLock(path, doing="indexing", timeout=timeout)
            with pytest.raises(BusyFault, match=r"process \d+\) is indexing"), second:
                pass
    with FileLock(path, doing="indexing"):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendFault, match="lock file"), FileLock(tmp_path / "file" / "a.lock", doing="x"):
        pass


def test_faults_have_exit_codes() -> None:
    assert issubclass(LibraryFault, ViotError)
    assert LibraryFault("x").exit_code == 2
