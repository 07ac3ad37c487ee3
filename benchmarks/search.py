"""Vector search against NumPy brute force, in one run: ratios, not promises.

    python benchmarks/search.py [--full] [--dim 512] [--queries 40] [--json FILE]

Three questions at 10^4 and 10^5 embeddings (and 10^6 with ``--full``): everything; one camera (5 %); one camera in half
of the time (2.5 %). ``library`` is ``Library.search``: SQL filter, memory-mapped float16, exact cosine, the hundred
best as rows. ``brute`` is NumPy on float32 in memory, its filter a mask over columns, its result bare numbers: the
limit. The twenty cameras' segments lie interleaved (32 embeddings each), as live indexing leaves them. Warm page cache,
one thread. The ratio is of processor time: on a busy machine the wall clock measures the neighbours.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from viot_agent.library.records import Fingerprint, RunRows, RunStamp, SegmentSpan  # noqa: E402
from viot_agent.library.rows import Rows  # noqa: E402
from viot_agent.library.schema import vector_batches, vector_files  # noqa: E402
from viot_agent.library.store import Library  # noqa: E402
from viot_agent.library.vectors import record  # noqa: E402

CAMERAS, BATCH, DAYS = 20, 32, 10
START = 1_767_225_600.0  # 2026-01-01 UTC
SPAN = DAYS * 86_400.0


def build(home: Path, n: int, dim: int) -> tuple[Library, NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]:
    """A library of ``n`` random embeddings; with (n, dim) vectors, (n,) camera numbers and (n,) times for brute
    force."""
    library = Library.open(home)
    rng = np.random.default_rng(n)
    runs, ids = [], []
    for i in range(CAMERAS):
        library.add_camera(f"cam-{i:02}", f"{i}.mp4")
        row = library.add_media(
            f"cam-{i:02}",
            Path(f"{i}.mp4"),
            Fingerprint(0, 0.0, ""),
            start_ts=START,
            start_origin="camera",
            duration=SPAN,
            fps=25.0,
            width=16,
            height=9,
        )
        stamp = RunStamp("bench", "1", "bench", "1")
        library.write_segment(row, SegmentSpan(0, 0.0, SPAN), [RunRows(stamp, Rows(), 5.0, 0)])
        ids.append(row.camera_id)
    with library.db.read() as connection:
        runs = list(connection.exec_driver_sql("SELECT id FROM segment_runs ORDER BY id").scalars())
    ts = START + np.sort(rng.random(n)) * SPAN
    batch = np.arange(n) // BATCH
    camera = batch % CAMERAS
    vectors = np.empty((n, dim), np.float32)
    with library.db.write() as connection:
        day = ((ts - START) // 86_400).astype(int)
        for d in range(DAYS):
            rows = np.flatnonzero(day == d)
            path = f"vectors/bench/{d}.vec"
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            with (home / path).open("wb") as file:
                for part in np.array_split(rows, max(1, len(rows) // 20_000)):
                    x = rng.standard_normal((len(part), dim), dtype=np.float32)
                    x /= np.linalg.norm(x, axis=1, keepdims=True)
                    half = np.zeros(len(part), record(dim))
                    half["ts"], half["track"], half["vec"] = ts[part], part, x.astype("<f2").view("<i2")
                    vectors[part] = half["vec"].view("<f2")
                    file.write(half.tobytes())
            done = connection.execute(
                vector_files.insert().values(
                    model="bench", day=f"2026-01-{d + 1:02}", dim=dim, path=path, committed_rows=len(rows)
                )
            )
            file_id = done.inserted_primary_key[0]
            edges = np.flatnonzero(np.diff(batch[rows], prepend=-1))
            for chunk in np.array_split(np.arange(len(edges)), max(1, len(edges) // 5_000)):
                values = []
                for j in chunk:
                    a, b = int(edges[j]), int(edges[j + 1]) if j + 1 < len(edges) else len(rows)
                    c = int(camera[rows[a]])
                    values.append(
                        {
                            "run_id": runs[c],
                            "camera_id": ids[c],
                            "file_id": file_id,
                            "model": "bench",
                            "start_ts": float(ts[rows[a]]),
                            "end_ts": float(ts[rows[b - 1]]),
                            "first": a,
                            "n": b - a,
                        }
                    )
                connection.execute(vector_batches.insert(), values)
    return library, vectors, camera, ts


def clock(run: Callable[[int], Any], n: int) -> tuple[float, float, float]:
    """(median, 95th percentile, median of processor time) milliseconds of ``run(i)``."""
    run(0)
    took, worked = [], []
    for i in range(n):
        began, busy = time.perf_counter(), time.process_time()
        run(i)
        took.append(1e3 * (time.perf_counter() - began))
        worked.append(1e3 * (time.process_time() - busy))
    return float(np.median(took)), float(np.percentile(took, 95)), float(np.median(worked))


def bench(n: int, dim: int, queries: int) -> list[dict[str, Any]]:
    """The rows of one size."""
    k = 100
    middle = START + SPAN / 2
    found = []
    with tempfile.TemporaryDirectory() as folder:
        library, vectors, camera, ts = build(Path(folder), n, dim)
        rng = np.random.default_rng(1)
        asked = rng.standard_normal((queries, dim)).astype(np.float32)
        asked /= np.linalg.norm(asked, axis=1, keepdims=True)
        cases: list[tuple[str, bool, float | None]] = [
            ("everything", False, None),
            ("one camera (5 %)", True, None),
            ("one camera, half the time (2.5 %)", True, middle),
        ]
        for what, one, end in cases:

            def ours(i: int, one: bool = one, end: float | None = end) -> list[float]:
                cameras = [f"cam-{i % CAMERAS:02}"] if one else None
                return [h.score for h in library.search("bench", asked[i], cameras, None, end, k=k)]

            def brute(i: int, one: bool = one, end: float | None = end) -> NDArray[np.float32]:
                if not one:
                    scores = vectors @ asked[i]
                else:
                    mask = camera == i % CAMERAS
                    if end is not None:
                        mask &= ts < end
                    scores = vectors[mask] @ asked[i]
                return -np.sort(-scores[np.argpartition(scores, -k)[-k:]]) if len(scores) > k else -np.sort(-scores)

            np.testing.assert_allclose(ours(3), brute(3), atol=2e-6)
            times = queries if one else max(5, min(queries, 3_000_000 // n))
            mine, theirs = clock(ours, times), clock(brute, times)
            found.append(
                {
                    "n": n,
                    "dim": dim,
                    "question": what,
                    "library_p50_ms": round(mine[0], 2),
                    "library_p95_ms": round(mine[1], 2),
                    "library_cpu_ms": round(mine[2], 2),
                    "brute_p50_ms": round(theirs[0], 2),
                    "brute_cpu_ms": round(theirs[2], 2),
                    "ratio": round(mine[2] / theirs[2], 2) if theirs[2] else float("nan"),
                }
            )
        library.close()
    return found


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="also 10^6 (needs 3 GB of memory and 1 GB of disk)")
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = []
    columns = ("library_p50_ms", "library_p95_ms", "library_cpu_ms", "brute_p50_ms", "brute_cpu_ms", "ratio")
    print(f"{'n':>8}  {'question':<34}" + "".join(f"{c:>16}" for c in columns))
    for n in (10_000, 100_000, *([1_000_000] if args.full else [])):
        for row in bench(n, args.dim, args.queries):
            rows.append(row)
            print(f"{row['n']:>8}  {row['question']:<34}" + "".join(f"{row[c]:>16}" for c in columns), flush=True)
    if args.json:
        args.json.write_text(json.dumps({"rows": rows, "command": " ".join(sys.argv)}, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
