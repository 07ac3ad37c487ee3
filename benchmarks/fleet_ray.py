"""Indexing on Ray: how much faster two workers are than one, and whether their rows are those of one process.

    python benchmarks/fleet.py --ray 1,2 [--data ../shared/data] [--copies 6] [--analyzer objects]

Needs `pip install 'viot-agent[ray]'`. A cluster of this machine is started for each number of workers; each worker is
held on a core of its own, and has its models before the clock starts. The process that plans and stores has no core of
its own. Where other work keeps the machine busy the clock says little; two numbers still hold: processor seconds of all
workers, and the share of the time in which they had work. (Speed-up of n workers that have their cores to themselves:
n times that share, by the ratio of processor seconds.)
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from viot_agent.cluster import Workers
from viot_agent.library.ingest import ingest
from viot_agent.library.installed import analyzers
from viot_agent.library.ray_pool import look_here, ray_pool
from viot_agent.library.rows import Analyzer
from viot_agent.library.schema import metadata
from viot_agent.library.spread import Piece, Seen, ingest_spread
from viot_agent.library.store import Library
from viot_agent.media.apart import open_stranger
from viot_agent.weights import Weights

CLIPS = ("videos/traffic.mp4", "videos/shopfront_cctv.mp4")
SEGMENT = 15.0
FOUND = ("segments", "segment_runs", "tracks", "crops", "counts", "events", "plates", "poses", "attributes")
CLOCK, PROCESSOR = "(the worker's clock)", "(its processor)"


@dataclass(frozen=True, slots=True)
class Timed:
    """One run into a fresh library: ``seconds`` by the clock and ``footage`` seconds; ``rows`` of each table; ``busy``
    and ``cpu`` seconds of all workers."""

    seconds: float
    footage: float
    rows: dict[str, int]
    busy: float
    cpu: float


def on_own_core(cores: Sequence[int], folder: str) -> Callable[[Piece], Seen]:
    """What a worker does, on one of ``cores`` that no other works on (a lock in ``folder`` each), timed."""
    mine: list[int] = []

    def task(piece: Piece) -> Seen:
        import fcntl

        for core in [*mine, *cores]:
            with Path(folder, str(core)).open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                mine[:] = [core]
                for thread in os.listdir("/proc/self/task"):  # noqa: PTH208 (numbers, not paths)
                    os.sched_setaffinity(int(thread), {core})
                began, used = time.perf_counter(), time.process_time()
                seen = look_here(piece)
                more = {CLOCK: time.perf_counter() - began, PROCESSOR: time.process_time() - used}
                return replace(seen, seconds={**seen.seconds, **more})
        raise RuntimeError("more workers than cores")

    return task


def run(clips: Sequence[Path], looking: Sequence[Analyzer], pool: Workers | None) -> Timed:
    """Index these clips, each as a camera, with the workers of ``pool`` or in this process."""
    with tempfile.TemporaryDirectory() as home, Library.open(Path(home)) as library:
        for i, path in enumerate(clips):
            library.add_camera(f"cam {i}", str(path), tz="UTC", start=0.0)
        cameras = library.cameras()
        began, used = time.perf_counter(), time.process_time()
        if pool is None:
            reports = [
                ingest(library, c.name, looking, open_reader=open_stranger, segment_seconds=SEGMENT, workers=1)
                for c in cameras
            ]
        else:
            reports = ingest_spread(library, cameras, looking, pool, open_reader=open_stranger, segment_seconds=SEGMENT)
        seconds, used = time.perf_counter() - began, time.process_time() - used
        with library.db.read() as connection:
            tables = [metadata.tables[name] for name in FOUND]
            rows = {t.name: int(connection.execute(select(func.count()).select_from(t)).scalar() or 0) for t in tables}
        footage = sum(r.footage for r in reports)
        if pool is None:
            return Timed(seconds, footage, rows, seconds, used)
        busy, cpu = (sum(r.seconds.get(part, 0.0) for r in reports) for part in (CLOCK, PROCESSOR))
        return Timed(seconds, footage, rows, busy, cpu)


def measure(data: Path, numbers: Sequence[int], copies: int, only: Sequence[str]) -> list[dict[str, Any]]:
    """Print and give back one row for each number of workers. Raises SystemExit where there is no footage, or are not
    so many cores."""
    once = [(data / name).resolve() for name in CLIPS if (data / name).is_file()]
    if not once:
        raise SystemExit(f"none of {', '.join(CLIPS)} lies in {data}: give --data")
    cores = sorted(os.sched_getaffinity(0))
    if max(numbers) > len(cores):
        raise SystemExit(f"{max(numbers)} workers need as many cores, and there are {len(cores)}")
    weights = Weights.from_env()
    looking, clips = analyzers(weights, only), once * copies
    names = ", ".join(a.name for a in looking)
    print(f"tier {weights.tier}; {names}; {len(clips)} recordings, segments of {SEGMENT:g} s")
    run(once, looking, None)  # models load
    alone = run(once, looking, None)
    print(
        f"this process, one thread for analyzers, {len(once)} recordings: {alone.seconds:.1f} s, {alone.cpu:.1f} s of "
        f"processor, {alone.footage / alone.seconds:.2f}x real time; {alone.rows}",
        flush=True,
    )
    table: list[dict[str, Any]] = []
    for n in numbers:
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            with ray_pool("local", cores=n, task=on_own_core(cores[:n], folder)) as pool:
                ready = time.perf_counter() - started
                first = run(once, looking, pool)
                load = os.getloadavg()[0]
                full = run(clips, looking, pool)
        same = first.rows == alone.rows and full.rows == {name: rows * copies for name, rows in alone.rows.items()}
        row: dict[str, Any] = {
            "workers": n,
            "seconds": round(full.seconds, 1),
            "cpu": round(full.cpu, 1),
            "busy": round(full.busy / (n * full.seconds), 3),
            "same": same,
            "tier": weights.tier,
        }
        table.append(row)
        times = table[0]["seconds"] / row["seconds"]
        quiet = n * row["busy"] * table[0]["cpu"] / row["cpu"] / (table[0]["workers"] * table[0]["busy"])
        print(
            f"{n} worker(s): {full.seconds:.1f} s ({first.seconds:.1f} s for the first {len(once)}, models to load; "
            f"{ready:.1f} s to start Ray), {full.footage / full.seconds:.2f}x real time, {times:.2f} of the first; "
            f"{full.cpu:.1f} s of processor, workers had work {row['busy']:.0%} of the time ({quiet:.2f} of the first "
            f"on cores of their own); rows {'the same' if same else f'OTHERS: {full.rows}'}; load {load:.1f} before",
            flush=True,
        )
    return table
