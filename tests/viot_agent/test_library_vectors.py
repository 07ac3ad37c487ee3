"""Vectors: exact search equals brute force, and files never promise what they do not hold."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from viot_agent.errors import BackendFault, FailedFault, LibraryFault
from viot_agent.library.records import Fingerprint, MediaRow, RunRows, RunStamp, SegmentSpan
from viot_agent.library.rows import Rows, TrackPoint, TrackRow, VectorRow
from viot_agent.library.store import Library
from viot_agent.library.vectors import cosines, record

DAY = 1_767_225_600.0
STAMP = RunStamp("faces", "1", "net", "1")
BOX = (0.0, 0.0, 1.0, 1.0)


def file_of(library: Library, camera: str, start: float = DAY) -> MediaRow:
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


def store(library: Library, row: MediaRow, idx: int, times: list[float], vectors: np.ndarray, model: str = "m") -> None:
    track = TrackRow("t", "face", tuple(TrackPoint(t, BOX, 1.0) for t in sorted(times)))
    rows = tuple(VectorRow("t", t, model, v, 0.5) for t, v in zip(times, vectors, strict=True))
    found = RunRows(STAMP, Rows(tracks=(track,), vectors=rows), 5.0, 1)
    library.write_segment(row, SegmentSpan(idx, idx * 1000.0, idx * 1000.0 + 1000), [found])


finite = st.floats(-1, 1, width=32).filter(lambda x: x == 0 or abs(x) > 1e-3)


@pytest.fixture(scope="module")
def shelf(
    slow_module_place: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Library, list[MediaRow], Iterator[int]]]:
    """A library with the cameras a and b, and numbers for models: making one for every example would take minutes."""
    with slow_module_place.open(tmp_path_factory.mktemp("brute")) as library:
        yield library, [file_of(library, "a"), file_of(library, "b")], itertools.count()


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_search_equals_brute_force(data: st.DataObject, shelf: tuple[Library, list[MediaRow], Iterator[int]]) -> None:
    """Any vectors over two cameras and three days, any filter: the same hits, scores and order as in NumPy."""
    dim = data.draw(st.sampled_from([1, 3, 8, 130]))
    n = data.draw(st.integers(1, 60))
    x = data.draw(arrays(np.float32, (n, dim), elements=finite))
    x[:, 0] += (np.abs(x).sum(axis=1) == 0).astype(np.float32)
    seconds = st.integers(0, 190_000).map(lambda s: s + 0.5)
    times = data.draw(st.lists(seconds, min_size=n, max_size=n, unique=True))
    camera = data.draw(st.lists(st.sampled_from(["a", "b"]), min_size=n, max_size=n))
    wanted = data.draw(st.sampled_from([None, ["a"], ["b"], ["a", "b"]]))
    start = data.draw(st.one_of(st.none(), st.sampled_from(times).map(lambda t: DAY + t)))
    end = data.draw(st.one_of(st.none(), st.sampled_from(times).map(lambda t: DAY + t)))
    query = data.draw(arrays(np.float32, dim, elements=finite))
    k = data.draw(st.integers(1, n + 5))
    library, files, numbers = shelf
    model = f"m{next(numbers)}"
    for name, row in zip("ab", files, strict=True):
        mine = [i for i in range(n) if camera[i] == name]
        for part in np.array_split(mine, 2):
            if len(part):
                store(library, row, next(numbers), [times[i] for i in part], x[part], model)
    found = library.search(model, query, wanted, start, end, k=k)
    every = library.vectors(model, wanted, start, end)
    half = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)
    passing = [
        i
        for i in range(n)
        if (wanted is None or camera[i] in wanted)
        and (start is None or DAY + times[i] >= start)
        and (end is None or DAY + times[i] < end)
    ]
    assert [h.ts for h in every] == sorted(DAY + times[i] for i in passing)
    for hit in every:
        i = times.index(hit.ts - DAY)
        np.testing.assert_array_equal(hit.vector, half[i])
        assert hit.camera == camera[i]
    length = np.linalg.norm(query)
    if not length:
        assert found == []
        return
    scores = {i: float(half[i] @ (query / length)) for i in passing}
    best = sorted(scores.values(), reverse=True)[:k]
    np.testing.assert_allclose([h.score for h in found], best, atol=1e-5)
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
    for hit in found:
        assert abs(scores[times.index(hit.ts - DAY)] - hit.score) < 1e-5


def test_every_half_number_is_exact() -> None:
    """The moved bits are the number that NumPy makes of them, for all 63,488 finite ones."""
    bits = np.arange(1 << 16, dtype=np.uint16).view("<f2")
    finite_ones = bits[np.isfinite(bits)]
    got = cosines(finite_ones.view("<i2").reshape(-1, 1), np.arange(len(finite_ones)), np.ones(1, np.float32))
    np.testing.assert_array_equal(got, finite_ones.astype(np.float32))


@pytest.mark.parametrize("n", [1, 127, 128, 129, 400])
@pytest.mark.parametrize("step", [1, 3])
def test_chunks(n: int, step: int) -> None:
    x = np.random.default_rng(n).standard_normal((n * step, 8)).astype("<f2")
    rows = np.arange(0, n * step, step)
    query = np.linspace(-1, 1, 8, dtype=np.float32)
    np.testing.assert_allclose(cosines(x.view("<i2"), rows, query), x[rows].astype(np.float32) @ query, atol=1e-5)


def vector_file(home: Path) -> Path:
    [path] = (home / "vectors").rglob("*.vec")
    return path


def test_a_killed_writers_tail_is_written_over(tmp_path: Path) -> None:
    x = np.eye(4, dtype=np.float32)
    with Library.open(tmp_path) as library:
        row = file_of(library, "a")
        store(library, row, 0, [1.0, 2.0], x[:2])
        path = vector_file(tmp_path)
        size = path.stat().st_size
        with path.open("ab") as file:
            file.write(b"\xff" * 1000)
    with Library.open(tmp_path) as library:
        assert len(library.vectors("m", None, None, None)) == 2
        store(library, row, 1, [1001.0], x[2:3])
        assert path.stat().st_size == size // 2 * 3
        assert [h.ts - DAY for h in library.search("m", x[2], None, None, None, k=1)] == [1001.0]


@pytest.mark.parametrize("left", [0, 10, None])
def test_a_short_file_is_damage(tmp_path: Path, left: int | None) -> None:
    with Library.open(tmp_path) as library:
        row = file_of(library, "a")
        store(library, row, 0, [1.0, 2.0], np.eye(2, dtype=np.float32))
        path = vector_file(tmp_path)
        if left is None:
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:left])
        with pytest.raises(LibraryFault, match=r"damaged: .*\.vec holds 0 vectors, 2 were stored"):
            store(library, row, 1, [1001.0], np.eye(2, dtype=np.float32)[:1])
        assert len(library.tracks("face", None, None, None)) == 1, "the segment's other rows went with it"
    with pytest.raises(LibraryFault, match="damaged"):
        Library.open(tmp_path)
    with Library.open(tmp_path, readonly=True) as library:
        assert len(library.tracks("face", None, None, None)) == 1, "what is whole can still be read"
        with pytest.raises(LibraryFault, match="damaged"):
            library.search("m", np.ones(2, np.float32), None, None, None)


def test_a_disk_that_takes_no_vectors(tmp_path: Path) -> None:
    """A folder that cannot be made stands for every OSError of the disk: a clear fault, and no row of the segment."""
    with Library.open(tmp_path) as library:
        row = file_of(library, "a")
        (tmp_path / "vectors").write_text("in the way")
        with pytest.raises(BackendFault, match="free space on the disk"):
            store(library, row, 0, [1.0], np.eye(2, dtype=np.float32)[:1])
        assert library.stored_runs(row.id) == []
        (tmp_path / "vectors").unlink()
        store(library, row, 0, [1.0], np.eye(2, dtype=np.float32)[:1])
        assert len(library.vectors("m", None, None, None)) == 1


def test_removed_vectors_leave_no_bytes(tmp_path: Path) -> None:
    with Library.open(tmp_path) as library:
        first, second = file_of(library, "a"), file_of(library, "b")
        store(library, first, 0, [1.0, 2.0], np.eye(4, dtype=np.float32)[:2])
        store(library, second, 0, [3.0], np.eye(4, dtype=np.float32)[2:3])
        library.remove_camera("a")
        stored = np.fromfile(vector_file(tmp_path), record(4))
        assert not stored[:2].tobytes().strip(b"\0")
        assert stored["ts"][2] == DAY + 3
        store(library, second, 0, [4.0], np.eye(4, dtype=np.float32)[3:])
        assert [h.ts - DAY for h in library.vectors("m", None, None, None)] == [4.0]
        assert not np.fromfile(vector_file(tmp_path), record(4))[:3].tobytes().strip(b"\0")


@pytest.mark.parametrize("bad", [[np.nan, 1.0], [np.inf, 0.0], [0.0, 0.0]])
def test_bad_vectors_are_refused(place: Any, tmp_path: Path, bad: list[float]) -> None:
    with place.open(tmp_path) as library:
        row = file_of(library, "a")
        with pytest.raises(FailedFault, match="'faces' made a bad embedding"):
            store(library, row, 0, [1.0], np.array([bad], np.float32))
        assert library.tracks("face", None, None, None) == []
        assert library.stored_runs(row.id) == []


def test_model_names_of_any_kind(place: Any, tmp_path: Path) -> None:
    names = ["a/b", "a b", "../../x", "é" * 80, "."]
    with place.open(tmp_path) as library:
        row = file_of(library, "a")
        for i, name in enumerate(names):
            store(library, row, i, [i * 1000.0], np.eye(8, dtype=np.float32)[i : i + 1], model=name)
        for i, name in enumerate(names):
            assert [h.ts - DAY for h in library.vectors(name, None, None, None)] == [i * 1000.0]
    if not place.server:
        paths = list((tmp_path / "vectors").rglob("*.vec"))
        assert len(paths) == len(names)
