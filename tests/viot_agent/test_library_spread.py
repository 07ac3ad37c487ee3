"""Indexing by many workers: the same rows as by one, whatever comes late, twice, or not at all."""

from __future__ import annotations

import importlib.util
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from viot_agent.cli.app import run
from viot_agent.cluster import AHEAD
from viot_agent.errors import BackendFault, BusyFault, FailedFault, MediaFault, ViotError
from viot_agent.indexing import index_all
from viot_agent.library.fake_analyzer import FakeLooks, FakeThings, moving_square
from viot_agent.library.ingest import ingest
from viot_agent.library.ray_pool import look_here, ray_pool
from viot_agent.library.rows import Analyzer
from viot_agent.library.schema import counts, crops, events, plates, segment_runs, segments, tracks
from viot_agent.library.spread import PIECE, Piece, Seen, ingest_spread, look
from viot_agent.library.store import Library
from viot_agent.media import apart
from viot_agent.media.fake import FakeReader, fake_info
from viot_agent.media.types import Reader

START = 1_767_225_600.0
BOTH: tuple[Analyzer, ...] = (FakeThings(), FakeLooks())
RAY = importlib.util.find_spec("ray") is not None


def film(path: Path) -> Reader:
    if "bad" in path.name:
        raise MediaFault(f"The file {path} is damaged.", fix="mend it")
    return FakeReader(fake_info(60.0, width=64, height=36), moving_square)


@dataclass
class Workers:
    """A pool in this process. What travels is packed and unpacked, as between machines. ``twice``: every piece comes
    back twice; ``dies`` says whether the worker of a piece dies, and it is given to another."""

    analyzers: Sequence[Analyzer] = BOTH
    size: int = 2
    twice: bool = False
    dies: Callable[[Piece], bool] = lambda piece: False
    reader: Callable[[Path], Reader] = film
    given: list[Piece] = field(default_factory=list)
    waiting: int = 0
    most: int = 0

    def submit(self, piece: Piece) -> Piece:
        self.given.append(piece)
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        return pickle.loads(pickle.dumps(piece))

    def result(self, handle: Piece) -> Seen:
        self.waiting -= 1
        for _ in range(4):
            if not self.dies(handle):
                break
        else:
            raise BackendFault("Workers died.")
        seen = look(handle, self.analyzers, self.reader)
        if self.twice:
            seen = look(handle, self.analyzers, self.reader)
        return pickle.loads(pickle.dumps(seen))


def cameras(library: Library, folder: Path, names: Sequence[str]) -> None:
    for i, name in enumerate(names):
        path = folder / f"{name}.mp4"
        path.write_bytes(name.encode())
        library.add_camera(name, str(path), start=START + 1000 * i)


def spread(library: Library, pool: Any, analyzers: Sequence[Analyzer] = BOTH, **more: Any) -> Any:
    return ingest_spread(
        library, library.cameras(), analyzers, pool, open_reader=film, segment_seconds=5.0, sample_fps=5.0, **more
    )


def content(library: Library) -> dict[str, Any]:
    """Every row of what was found, without what is timed, and the files of vectors."""
    timed = {"seconds", "done_at"}
    with library.db.read() as connection:
        rows: dict[str, Any] = {
            t.name: connection.execute(select(*(c for c in t.c if c.name not in timed)).order_by(*t.c)).all()
            for t in (segments, segment_runs, tracks, crops, counts, events, plates)
        }
    assert all(rows.values())
    return rows | {p.name: p.read_bytes() for p in (library.folder / "vectors").rglob("*.vec")}


@pytest.fixture
def one(tmp_path: Path) -> dict[str, list[Any]]:
    """What one process finds in the same footage."""
    (tmp_path / "one").mkdir()
    with Library.open(tmp_path / "one") as library:
        cameras(library, tmp_path, "abc")
        for name in "abc":
            ingest(library, name, BOTH, open_reader=film, segment_seconds=5.0, sample_fps=5.0)
        return content(library)


@pytest.mark.parametrize(
    "pool",
    [
        pytest.param(Workers(), id="calm"),
        pytest.param(Workers(twice=True), id="twice"),
        pytest.param(Workers(size=1), id="one"),
    ],
)
def test_the_rows_are_those_of_one_process(tmp_path: Path, one: dict[str, list[Any]], pool: Workers) -> None:
    with Library.open(tmp_path / "home") as library:
        cameras(library, tmp_path, "abc")
        reports = spread(library, pool)
        assert content(library) == one
        assert [(r.camera, r.segments, r.frames, r.problems) for r in reports] == [(n, 12, 300, ()) for n in "abc"]
        assert len(pool.given) == 3 * 12 / PIECE
        assert pool.most <= AHEAD * pool.size, "memory is bounded"
        assert reports[0].seconds["things"] > 0 and reports[0].seconds["store"] > 0
        again = Workers()
        assert [r.done_before for r in spread(library, again)] == [12, 12, 12]
        assert again.given == []


def test_a_worker_that_dies_loses_and_doubles_nothing(tmp_path: Path, one: dict[str, list[Any]]) -> None:
    deaths: list[float] = []

    def dies(piece: Piece) -> bool:
        deaths.append(piece.work[0].span.t0)
        return len(deaths) in (2, 3, 7)

    with Library.open(tmp_path / "home") as library:
        cameras(library, tmp_path, "abc")
        spread(library, Workers(dies=dies))
        assert len(deaths) == 9 + 3
        assert content(library) == one


def test_when_all_workers_die_what_was_stored_stays(tmp_path: Path, one: dict[str, list[Any]]) -> None:
    with Library.open(tmp_path / "home") as library:
        cameras(library, tmp_path, "abc")
        with pytest.raises(BackendFault, match="died"):
            spread(library, Workers(dies=lambda piece: piece.camera == "b"))
        with library.db.read() as connection:
            assert connection.execute(select(func.count()).select_from(segments)).scalar() == 12
        spread(library, Workers())
        assert content(library) == one


def test_a_damaged_recording_is_told_and_the_others_are_indexed(tmp_path: Path) -> None:
    with Library.open(tmp_path / "home") as library:
        cameras(library, tmp_path, ["a", "bad", "c"])
        reports = spread(library, Workers())
        assert [r.segments for r in reports] == [12, 0, 12]
        [problem] = reports[1].problems
        assert "is damaged" in problem.message


def test_a_recording_that_a_worker_cannot_open_is_not_written_off(tmp_path: Path) -> None:
    """It may lie elsewhere on that machine: the next run tries again."""

    def nothing(path: Path) -> Reader:
        raise MediaFault(f"The file {path} is not there.")

    with Library.open(tmp_path / "home") as library:
        cameras(library, tmp_path, "a")
        [report] = spread(library, Workers(reader=nothing))
        [problem] = report.problems
        assert "is not there. (on " in problem.message and report.segments == 0
        [row] = library.media_rows("a")
        assert row.problem == "" and row.duration == 60.0
        assert [r.segments for r in spread(library, Workers())] == [12]


def test_a_recording_that_breaks_off_keeps_what_was_read(tmp_path: Path) -> None:
    class Broken(FakeReader):
        def read(self, times: Sequence[float]) -> Any:
            for t, frame in zip(times, super().read(times), strict=True):
                if t >= 23.0:
                    raise MediaFault("The file is damaged.")
                yield frame

    info = fake_info(60.0, width=64, height=36)
    with Library.open(tmp_path / "home") as library:
        cameras(library, tmp_path, "ab")
        pool = Workers(reader=lambda path: Broken(info, moving_square))
        reports = spread(library, pool)
        assert [r.segments for r in reports] == [5, 5]
        assert [len(r.problems) for r in reports] == [1, 1], "once, though later pieces were given out too"
        assert [library.media_rows(n)[0].duration for n in "ab"] == [23.0, 23.0]


def test_a_worker_with_another_model_is_refused(tmp_path: Path) -> None:
    with Library.open(tmp_path / "home") as library:
        cameras(library, tmp_path, "a")
        other = replace(FakeThings(), model_version="2")
        with pytest.raises(FailedFault, match="another things: square 2, not square 1") as fault:
            spread(library, Workers(analyzers=(other, FakeLooks())))
        assert "VIOT_MODELS" in fault.value.fix
        with pytest.raises(FailedFault, match="another looks: none"):
            spread(library, Workers(analyzers=(FakeThings(),)))


def test_one_driver_at_a_time(tmp_path: Path) -> None:
    with Library.open(tmp_path / "home") as library:
        cameras(library, tmp_path, "a")
        with library.ingest_lock(library.cameras()[0]), pytest.raises(BusyFault):
            spread(library, Workers())


def test_alerts_look_after_every_segment(tmp_path: Path) -> None:
    heard: list[int] = []
    with Library.open(tmp_path / "home") as library:
        cameras(library, tmp_path, "ab")

        def stored() -> None:
            with library.db.read() as connection:
                heard.append(connection.execute(select(func.count()).select_from(segments)).scalar() or 0)

        spread(library, Workers(), stored=stored)
    assert heard == list(range(1, 25))


@pytest.mark.trust
def test_files_of_strangers_are_decoded_apart_first(tmp_path: Path, video: Callable[[str, str], Path]) -> None:
    """Where it is planned, and on each worker: it may be another file there."""
    good, bad = tmp_path / "good.mp4", tmp_path / "bad.mp4"
    shutil.copy(video("h264_b", "mp4"), good)
    bad.write_bytes(b"\0\0\0\x18ftypmp42" + b"\xff" * 400)
    with Library.open(tmp_path / "home") as library:
        library.add_camera("bad", str(bad), start=START)
        library.add_camera("good", str(good), start=START)
        pool = Workers(reader=apart.open_stranger)
        reports = index_all(library, library.cameras()[::-1], BOTH, pool=pool)
        assert [(r.camera, r.segments > 0, len(r.problems)) for r in reports] == [("good", True, 0), ("bad", False, 1)]
        assert {p.camera for p in pool.given} == {"good"}
        [row] = library.media_rows("good")
    other = tmp_path / "worker.mp4"
    shutil.copy(good, other)
    assert look_here(Piece("good", replace(row, path=other), (), ())) == Seen(())
    assert any(path == str(other) for path, *_ in apart._SHARED._good)
    shut = look_here(Piece("good", replace(row, path=bad), (), ())).shut
    assert shut is not None and "bad.mp4" in shut.message and shut.fix


def test_two_that_wait_for_each_others_cameras_both_end(tmp_path: Path, place: Any) -> None:
    """They are asked for them in another order each, and on a server each camera has a lock of its own."""
    home = tmp_path / "home"
    with place.open(home) as library:
        cameras(library, tmp_path, "abc")
    pools = Workers(), Workers(size=1)

    def drive(step: int) -> list[str]:
        with place.open(home) as mine:
            named = mine.cameras()[::step]
            pool = pools[step < 0]
            done = ingest_spread(
                mine, named, BOTH, pool, open_reader=film, segment_seconds=5.0, sample_fps=5.0, wait=True
            )
            assert all(r.segments + r.done_before == 12 for r in done)
            return [r.camera for r in done]

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(drive, (1, -1))) == [["a", "b", "c"], ["c", "b", "a"]], "reports in the order asked for"
    assert len(pools[0].given) + len(pools[1].given) == 9, "each piece was looked at by one of them"
    with place.open(home) as library, library.db.read() as connection:
        assert connection.execute(select(func.count()).select_from(segments)).scalar() == 36
        assert connection.execute(select(func.count()).select_from(segment_runs)).scalar() == 72


@pytest.mark.parametrize(
    ("address", "fault", "words"),
    [
        ("nowhere", "UserFault", "is no address"),
        ("ray://127.0.0.1:1", "UserFault", "is no address"),
        ("127.0.0.1:1", "LostFault", "no Ray cluster answers at 127.0.0.1:1"),
    ],
)
def test_an_address_is_asked_first(address: str, fault: str, words: str) -> None:
    with pytest.raises(ViotError, match=words) as caught, ray_pool(address):
        pass
    assert type(caught.value).__name__ == fault


def test_without_ray_the_command_says_what_to_install(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert run(["index", "--ray", "local"]) == 3
    assert "pip install 'viot-agent[ray]'" in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.slow
@pytest.mark.fleet
@pytest.mark.skipif(not RAY, reason="no Ray here: pip install 'ray>=2.52,<3'")
def test_a_cluster_whose_token_is_not_here_is_told(tmp_path: Path) -> None:
    code = "from viot_agent.library.ray_pool import ray_pool\nwith ray_pool('127.0.0.1:{}'): pass"
    env = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    env |= {"HOME": str(tmp_path), "RAY_AUTH_MODE": "token"}
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [sys.executable, "-W", "ignore", "-c", code.format(server.getsockname()[1])]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert "LostFault: the Ray cluster (127.0.0.1:" in done.stderr and "wants its token" in done.stderr, done.stderr


REAL = """
import os, signal, sys, time
from pathlib import Path
import ray
from ray.cluster_utils import Cluster
from viot_agent.library.fake_analyzer import FakeLooks, FakeThings, moving_square
from viot_agent.library.ray_pool import look_here, ray_pool
from viot_agent.library.spread import ingest_spread, look
from viot_agent.library.store import Library
from viot_agent.media.fake import FakeReader, fake_info

folder = Path(sys.argv[1])

def film(path):
    return FakeReader(fake_info(60.0, width=64, height=36), moving_square)

def task(folder):
    def seen(piece):
        mark = Path(folder, f"{piece.camera}-{piece.work[0].span.idx}")
        first = not mark.exists()
        with mark.open("a") as file:
            file.write(f"{os.getpid()} {ray.get_runtime_context().get_node_id()}\\n")
        if first and piece.work[0].span.idx == 4:
            os.kill(os.getpid(), signal.SIGKILL)  # in the middle of its work
        return look(piece, (FakeThings(), FakeLooks()), film)
    return seen

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 80 << 20})
cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
try:
    with ray_pool("local", cores=1) as own:
        print(own.size)  # its own, though one of two cores is up
    with Library.open(folder / "home") as library, ray_pool(cluster.address, task=task(str(folder / "marks"))) as pool:
        print(pool.size)
        for report in ingest_spread(library, library.cameras(), (FakeThings(), FakeLooks()), pool, open_reader=film,
                                    segment_seconds=5.0, sample_fps=5.0):
            print(report.camera, report.segments, len(report.problems))
finally:
    cluster.shutdown()
"""


@pytest.mark.slow
@pytest.mark.fleet
@pytest.mark.skipif(not RAY, reason="no Ray here: pip install 'ray>=2.52,<3'")
def test_a_real_cluster_whose_workers_are_killed(tmp_path: Path, one: dict[str, list[Any]]) -> None:
    """Two nodes of one core; the worker of one piece of each recording is killed while it works."""
    (tmp_path / "marks").mkdir()
    with Library.open(tmp_path / "home") as library:
        cameras(library, tmp_path, "abc")
    env = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": "/tmp"}
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(REAL), str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, start_new_session=True
    ) as process:
        try:
            out, err = process.communicate(timeout=240)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, err[-3000:]
    # Ray's own daemon tells of the worker that was killed
    assert [line for line in out.splitlines() if "(raylet" not in line and line.strip()] == [
        "1",
        "2",
        "a 12 0",
        "b 12 0",
        "c 12 0",
    ]
    with Library.open(tmp_path / "home") as library:
        assert content(library) == one
    tried = {p.name: p.read_text().split() for p in (tmp_path / "marks").iterdir()}
    assert {n for n, words in tried.items() if len(words) > 2} == {"a-4", "b-4", "c-4"}
    assert len({word for words in tried.values() for word in words[1::2]}) == 2, "both nodes worked"
