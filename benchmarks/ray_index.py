"""Indexing on Ray against one process: the same recordings, one core each worker; counts rows, to see that none differ.

    python benchmarks/ray_index.py [--data ../shared/data] [--workers 1,2]

Needs `pip install 'viot-agent[ray]'`. A cluster of this machine is started for each number of workers; what is timed is
the second of two runs into fresh libraries, when workers have their models. The clock is what counts here, so a busy
machine shows itself: its load is printed.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import func, select

from viot_agent.library.ingest import ingest
from viot_agent.library.installed import analyzers
from viot_agent.library.ray_pool import RayPool, ray_pool
from viot_agent.library.rows import Analyzer
from viot_agent.library.schema import metadata
from viot_agent.library.spread import ingest_spread
from viot_agent.library.store import Library
from viot_agent.media.readers import open_media
from viot_agent.weights import Weights

CLIPS = ("videos/traffic.mp4", "videos/shopfront_cctv.mp4")
SEGMENT = 15.0
FOUND = ("segments", "segment_runs", "tracks", "crops", "counts", "events", "plates", "poses", "attributes")

Counts = dict[str, int]


def timed(clips: Sequence[Path], looking: Sequence[Analyzer], pool: RayPool | None) -> tuple[float, float, Counts]:
    """(seconds by the clock, seconds of footage, rows of each table) of one run into a fresh library."""
    with tempfile.TemporaryDirectory() as home, Library.open(Path(home)) as library:
        for path in clips:
            library.add_camera(path.stem, str(path), tz="UTC", start=0.0)
        began = time.perf_counter()
        if pool is None:
            reports = [
                ingest(library, path.stem, looking, open_reader=open_media, segment_seconds=SEGMENT, workers=1)
                for path in clips
            ]
        else:
            reports = ingest_spread(
                library, library.cameras(), looking, pool, open_reader=open_media, segment_seconds=SEGMENT
            )
        spent = time.perf_counter() - began
        with library.db.read() as connection:
            tables = [metadata.tables[name] for name in FOUND]
            rows = {t.name: int(connection.execute(select(func.count()).select_from(t)).scalar() or 0) for t in tables}
        return spent, sum(r.footage for r in reports), rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--analyzer", action="append", default=[], help="only these; may be repeated")
    options = parser.parse_args()
    clips = [options.data / name for name in CLIPS if (options.data / name).is_file()]
    if not clips:
        parser.error(f"none of {', '.join(CLIPS)} lies in {options.data}")
    clips = [path.resolve() for path in clips]
    weights = Weights.from_env()
    looking = analyzers(weights, options.analyzer)
    print(
        f"tier {weights.tier}; {', '.join(a.name for a in looking)}; {len(clips)} recordings, segments of {SEGMENT} s"
    )
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    timed(clips, looking, None)
    alone, footage, rows = timed(clips, looking, None)
    print(
        f"one process, one core: {footage:.0f} s of footage in {alone:.1f} s, {footage / alone:.2f}x real time; {rows}"
    )
    first = 0.0
    for n in map(int, options.workers.split(",")):
        started = time.perf_counter()
        with ray_pool("local", cores=n) as pool:
            ready = time.perf_counter() - started
            cold, _, _ = timed(clips, looking, pool)
            warm, _, same = timed(clips, looking, pool)
        first = first or warm
        print(
            f"{n} worker(s): {warm:.1f} s ({cold:.1f} s with models to load, {ready:.1f} s to start Ray), "
            f"{footage / warm:.2f}x real time, {first / warm:.2f} of the first; rows "
            f"{'the same' if same == rows else f'OTHERS: {same}'}; load {os.getloadavg()[0]:.1f}"
        )


if __name__ == "__main__":
    main()
