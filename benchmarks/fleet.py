"""Live cameras: how long from a picture to its rows and alerts, and what is given up when there are too many.

    python benchmarks/fleet.py [--data ../shared/data] [--cameras 1,2,4] [--seconds 120] [--segment 10] [--step N]

Each run plays one clip (768x432, 10 fps) as N cameras at its own speed (``loop://``), watches them with all analyzers
and one alert on ``person``, and prints: lag from a picture to its rows, p50 and p95 over all pictures of all cameras;
from what fired to its firing; seconds of work and of processor a second of footage; the highest step of the overload
ladder; files that nobody looked at; dropped pictures; memory. ``--step`` holds one step of the ladder. Lags hold the
length of a segment: a picture waits for its segment's end.

    python benchmarks/fleet.py --ladder [--footage 10]

prints for every step of the ladder the processor seconds a second of footage, without streams: what each step saves, on
a machine that other work keeps busy too.

    python benchmarks/fleet.py --ray 1,2 [--copies 6] [--analyzer objects]

prints how much faster `viot index --ray` is with two workers than with one (``fleet_ray.py``).
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
from viot_agent.library.beside import Beside
from viot_agent.live.backlog import Recorded
from viot_agent.live.ladder import ladder
from viot_agent.live.looker import Looker
from viot_agent.live.start import watch
from viot_agent.live.watch import Looked, Settings, Watch
from viot_agent.media.clips import cut_clip
from viot_agent.media.readers import open_media
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
        began, used = time.monotonic(), time.process_time()
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
        wall, used = time.monotonic() - began, time.process_time() - used
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
            "cpu": round(used / sum(one.item.end - one.item.start for one in looked), 3) if looked else None,
            "look_p50": round(statistics.median(one.spent for one in measured), 2) if measured else None,
            "highest": max((one.step for one in looked), default=0),
            "skipped": sum(h.skipped for h in health),
            "dropped": sum(h.dropped for h in health),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "tier": viot.weights.tier,
        }


def climbed(clip: Path, footage: float) -> list[dict[str, Any]]:
    """Processor seconds a second of footage at every step, over the first ``footage`` seconds of the clip."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as home, Viot.open(Path(home)) as viot, Beside() as beside:
        part = Path(home) / "part.mp4"
        cut_clip(clip, 0.0, footage, part)
        looker = Looker(viot.library, open_media, beside)
        steps = ladder(viot.analyzers(), 5.0)
        # the first step twice: models load in the first look, which is not counted
        for k, number in enumerate([0, *range(len(steps))]):
            camera = viot.library.add_camera(f"cam {k}", f"rtsp://cam/{k}")
            step, used = steps[number], time.process_time()
            looker.look(Recorded(camera.name, part, 0.0, footage), step.on, step.sample_fps)
            cpu = (time.process_time() - used) / footage
            viot.library.remove_camera(camera.name)
            if k:
                rows.append(
                    {"step": number, "words": step.words(number), "cpu": round(cpu, 3), "tier": viot.weights.tier}
                )
                share = cpu / max(rows[0]["cpu"], 1e-9)
                print(f"{step.words(number) or 'step 0: everything'}: {cpu:.2f} s ({share:.2f})", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cameras", default="1,2,4")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--segment", type=float, default=10.0)
    parser.add_argument("--step", type=int, default=None, help="hold this step of the ladder")
    parser.add_argument("--ladder", action="store_true", help="processor time at every step, and nothing else")
    parser.add_argument("--footage", type=float, default=10.0, help="seconds of the clip for --ladder")
    parser.add_argument("--ray", default="", metavar="1,2", help="these numbers of Ray workers, and nothing else")
    parser.add_argument("--copies", type=int, default=6, help="how often the recordings for --ray are indexed")
    parser.add_argument("--analyzer", action="append", default=[], help="only this one, for --ray; may be repeated")
    parser.add_argument("--json", type=Path, default=None)
    given = parser.parse_args()
    if given.ray:
        from fleet_ray import measure

        rows = measure(given.data, [int(word) for word in given.ray.split(",")], given.copies, given.analyzer)
        if given.json:
            given.json.write_text(json.dumps({"rows": rows}, indent=1), "utf-8")
        return
    clip = given.data / CLIP
    if not clip.is_file():
        raise SystemExit(f"{clip} is not there: give --data")
    if given.ladder:
        print(f"processor seconds a second of footage (and of step 0), {clip.name}, {given.footage:g} s")
        steps = climbed(clip, given.footage)
        if given.json:
            given.json.write_text(json.dumps({"rows": steps}, indent=1), "utf-8")
        return
    cores = len(os.sched_getaffinity(0))
    print(f"{cores} cores, load {os.getloadavg()[0]:.1f} before; segments of {given.segment:g} s; {clip.name}")
    rows = []
    for n in (int(word) for word in given.cameras.split(",")):
        row = run(clip, n, given.seconds, given.segment, given.step)
        rows.append(row)
        print(
            f"{n} camera(s), tier {row['tier']}{', ' + row['words'] if row['words'] else ''}: "
            f"picture to row p50 {row['row_p50']} s, p95 {row['row_p95']} s; to alert p50 {row['alert_p50']} s, p95 "
            f"{row['alert_p95']} s ({row['alerts']} fired); {row['work']} s of work and {row['cpu']} s of processor a "
            f"second of footage; "
            f"highest step {row['highest']}; {row['skipped']} files not looked at; {row['dropped']} dropped; "
            f"{row['peak_mb']} MB",
            flush=True,
        )
    if given.json:
        given.json.write_text(json.dumps({"rows": rows, "cores": cores}, indent=1), "utf-8")


if __name__ == "__main__":
    main()
