"""Ingest against its limit: bare decoding of the same clip. Prints ratios, times real time, shares and peak memory.

    python benchmarks/ingest.py [--data ../shared/data] [--long-minutes 30]

Each clip is decoded bare and ingested in turn in the same process, ``--repeat`` times; medians are printed. The memory
figure comes from child processes that ingest the first tenth and the whole of a long video written on the spot.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from viot_agent.library.ingest import IngestReport, ingest
from viot_agent.library.store import Library
from viot_agent.media.clips import write_clip
from viot_agent.media.readers import open_media
from viot_agent.system import Viot
from viot_agent.weights import Weights
from viot_tools.registry import analyzers

CLIPS = ("videos/intel/one-by-one-person-detection.mp4", "videos/pedestrians.mp4", "videos/intel/car-detection.mp4")


def bare_decode(path: Path) -> float:
    """Seconds to decode every frame with the reader that ingest uses."""
    reader = open_media(path)
    info = reader.info
    started = time.perf_counter()
    for _ in reader.read(np.arange(info.n_frames) / info.fps):
        pass
    return time.perf_counter() - started


def ingested(path: Path, weights: Weights) -> IngestReport:
    """A fresh library, one camera, one ingest."""
    with tempfile.TemporaryDirectory() as home, Library.open(Path(home)) as library:
        library.add_camera("bench", str(path), tz="UTC", start=0.0)
        return ingest(library, "bench", analyzers(weights), open_reader=open_media)


def clips(data: Path, weights: Weights, repeat: int) -> None:
    print(f"tier {weights.tier}; {os.cpu_count()} cores; medians of {repeat}")
    for name in CLIPS:
        path = data / name
        if not path.is_file():
            print(f"skipped: {path} is not there")
            continue
        info = open_media(path).info
        ingested(path, weights)  # models load once, outside of the measure
        decode, walls, report = [], [], None
        for _ in range(repeat):
            decode.append(bare_decode(path))
            cpu = time.process_time()
            report = ingested(path, weights)
            walls.append((report.wall, time.process_time() - cpu))
        assert report is not None
        wall, cpu_seconds = (statistics.median(x) for x in zip(*walls, strict=True))
        bare = statistics.median(decode)
        shares = sorted(report.seconds.items(), key=lambda kv: -kv[1])
        parts = ", ".join(f"{k} {100 * v / wall:.0f} %" for k, v in shares if v / wall >= 0.01)
        print(f"{name} {info.width}x{info.height}@{info.fps:.0f}: bare decode {info.n_frames / bare:.0f} fps")
        print(f"  ingest covers {info.n_frames / wall:.0f} fps of footage, {bare / wall:.2f} of bare decoding")
        print(f"  {info.duration / wall:.1f}x real time, {info.duration / cpu_seconds:.1f}x per core; {parts}")


def long_video(path: Path, minutes: float) -> None:
    """A static scene with a moving block, 320x180 at 5 fps, two key frames a minute."""
    rng = np.random.default_rng(0)
    base = rng.integers(60, 120, (180, 320, 3), dtype=np.uint8)

    def frames() -> object:
        for i in range(int(minutes * 60 * 5)):
            picture = base.copy()
            x = (i * 3) % 280
            picture[80:140, x : x + 24] = (200, 60, 60)
            yield picture

    write_clip(frames(), path, 5.0)  # type: ignore[arg-type]


def child(path: str) -> None:
    """Ingest ``path`` and print the peak resident size of this process in MB."""
    with tempfile.TemporaryDirectory() as home, Viot.open(Path(home)) as viot:
        viot.add_camera("long", path, tz="UTC", start=0.0)
        viot.index()
    print(json.dumps({"mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def memory(minutes: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        peaks = {}
        for part in (minutes / 10, minutes):
            path = Path(folder) / f"long{part:g}.mp4"
            long_video(path, part)
            command = [sys.executable, __file__, "--child", str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            peaks[part] = json.loads(done.stdout.strip().splitlines()[-1])["mb"]
        short, whole = peaks.values()
        print(
            f"peak memory: {short:.0f} MB for {minutes / 10:g} minutes, {whole:.0f} MB for {minutes:g} minutes, "
            f"ratio {whole / short:.2f} (1.00 = flat; the aim is at most 1,500 MB)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--long-minutes", type=float, default=30.0)
    parser.add_argument("--child", default="")
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return
    clips(options.data, Weights.from_env(), options.repeat)
    if options.long_minutes:
        memory(options.long_minutes)


if __name__ == "__main__":
    main()
