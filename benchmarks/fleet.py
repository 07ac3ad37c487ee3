"""Live cameras: how long from a picture to its rows and alerts, and what is given up when there are too many.

    python benchmarks/fleet.py [--data ../shared/data] [--cameras 1,2,4] [--seconds 120] [--segment 10] [--step N]

Each run plays one clip (768x432, 10 fps) as N cameras at its own speed (``loop://``), watches them with all analyzers and
one alert on ``person``, and prints: lag from a picture to its rows, p50 and p95 over all pictures of all cameras;
from what fired to its firing; seconds of work a second of footage and camera; the highest step of the overload ladder;
files that nobody looked at; dropped pictures; memory. ``--step`` holds one step of the ladder. Lags hold the length of
a segment: a picture waits for its segment's end.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from viot_agent.alerts.types import Firing
from viot_agent.live.start import watch
from viot_agent.live.watch import Looked, Settings, Watch
from viot_agent.system import Viot

CLIP = "videos/intel/one-by-one-person-detection.mp4"


def percentile(values: list[float], share: float) -> float:
    """The value below which ``share`` (0..1) of ``values`` lies; nan for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def run(clip: Path, n: int, seconds: float, segment: float, step: int | None) -> dict[str, Any]:
    """Watch ``n`` cameras for ``seconds``; what is measured leaves out the first segment, in which models load."""
    stop = threading.Event()
    looked: list[Looked] = []
    fired: list[Firing] = []
    held: list[Watch] = []
    with tempfile.TemporaryDirectory() as home, Viot.open(Path(home)) as viot:
        for i in range(n):
            viot.add_camera(f"cam {i + 1}", f"loop://{clip}", tz="UTC")
        viot.alerts.add("person", cooldown=0.0)

        def started(work: Watch) -> None:
            held.append(work)
            if step is not None:
                work.steps = work.steps[step : step + 1]
                work.pressure.steps = 1

        timer = threading.Timer(seconds, stop.set)
        timer.start()
        began = time.monotonic()
        watch(
            viot,
            viot.library.cameras(),
            stop,
            settings=Settings(segment=segment),
            fired=fired.append,
            looked=looked.append,
            started=started,
        )
        timer.cancel()
        wall = time.monotonic() - began
        health = list(held[0].health.values())
        measured = looked[n:] or looked
        # pictures of a segment are spread evenly over it: a quarter of a second apart is fine enough
        lags = [
            one.lag + k * 0.25 for one in measured for k in range(max(1, round((one.item.end - one.item.start) / 0.25)))
        ]
        footage = sum(one.item.end - one.item.start for one in measured)
        alerts = [f.fired - (f.sighting.at or f.sighting.start) for f in fired]
        return {
            "cameras": n,
            "step": step,
            "words": held[0].steps[0].words(step) if step else "",
            "seconds": round(wall, 1),
            "files": len(measured),
            "row_p50": round(percentile(lags, 0.5), 2),
            "row_p95": round(percentile(lags, 0.95), 2),
            "alert_p50": round(percentile(alerts, 0.5), 2),
            "alert_p95": round(percentile(alerts, 0.95), 2),
            "alerts": len(alerts),
            "work": round(sum(one.spent for one in measured) / footage, 3) if footage else None,
            "look_p50": round(statistics.median(one.spent for one in measured), 2) if measured else None,
            "highest": max((one.step for one in looked), default=0),
            "skipped": sum(h.skipped for h in health),
            "dropped": sum(h.dropped for h in health),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "tier": viot.weights.tier,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cameras", default="1,2,4")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--segment", type=float, default=10.0)
    parser.add_argument("--step", type=int, default=None, help="hold this step of the ladder")
    parser.add_argument("--json", type=Path, default=None)
    given = parser.parse_args()
    clip = given.data / CLIP
    if not clip.is_file():
        raise SystemExit(f"{clip} is not there: give --data")
    cores = len(os.sched_getaffinity(0))
    print(f"{cores} cores, load {os.getloadavg()[0]:.1f} before; segments of {given.segment:g} s; {clip.name}")
    rows = []
    for n in (int(word) for word in given.cameras.split(",")):
        row = run(clip, n, given.seconds, given.segment, given.step)
        rows.append(row)
        print(
            f"{n} camera(s), tier {row['tier']}{', ' + row['words'] if row['words'] else ''}: "
            f"picture to row p50 {row['row_p50']} s, p95 {row['row_p95']} s; to alert p50 {row['alert_p50']} s, p95 "
            f"{row['alert_p95']} s ({row['alerts']} fired); {row['work']} s of work a second of footage; "
            f"highest step {row['highest']}; {row['skipped']} files not looked at; {row['dropped']} dropped; "
            f"{row['peak_mb']} MB",
            flush=True,
        )
    if given.json:
        given.json.write_text(json.dumps({"rows": rows, "cores": cores}, indent=1), "utf-8")


if __name__ == "__main__":
    main()
