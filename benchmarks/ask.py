"""A question, split into language model, tools and drawing: warm in one process, cold from process start to answer.

    python benchmarks/ask.py [--data ../shared/data] [--repeat 5]

Uses the theatre clip where the real data lies, else a clip made on the spot. Prints medians, shares, and what a plain
``viot ask`` imports.
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

from viot_agent.media.clips import write_clip
from viot_agent.system import Viot

QUESTIONS = ("How many people are on theatre?", "Who appears on theatre?", "Which plates were read on theatre?")


def prepare(home: Path, data: Path) -> None:
    """Index one clip."""
    source = data / "videos/faces/short_hamilton_clip.mp4"
    if not source.is_file():
        source = home.parent / "made.mp4"
        grey = np.full((360, 640, 3), 120, np.uint8)
        write_clip((grey for _ in range(60)), source, 10.0)
        print("no real data: an empty clip is asked about")
    with Viot.open(home) as viot:
        viot.add_camera("theatre", str(source), tz="UTC", start=0.0)
        viot.index()


def warm(home: Path, repeat: int) -> None:
    with Viot.open(home) as viot:
        for question in QUESTIONS:
            viot.ask(question)
            runs = [viot.ask(question) for _ in range(repeat)]
            total = statistics.median(r.seconds for r in runs)
            parts = {k: statistics.median(r.timings[k] for r in runs) for k in ("llm", "tools", "drawing")}
            rest = total - sum(parts.values())
            words = ", ".join(f"{k} {v * 1000:.0f} ms ({100 * v / total:.0f} %)" for k, v in parts.items())
            print(f"warm: {question!r}: {total:.2f} s; {words}, graph {rest * 1000:.0f} ms")


def child(question: str) -> None:
    """What ``viot ask --json`` does, then what was imported and the peak memory."""
    with Viot.open() as viot:
        run = viot.ask(question)
    heavy = sorted({"torch", "transformers", "onnx", "sklearn", "matplotlib", "pandas"} & set(sys.modules))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"status": run.answer.status, "heavy": heavy, "mb": peak}))


def cold(home: Path, repeat: int) -> None:
    walls, last = [], {}
    for _ in range(repeat):
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, __file__, "--child", QUESTIONS[0]],
            env={**os.environ, "VIOT_HOME": str(home)},
            capture_output=True,
            text=True,
            check=True,
        )
        walls.append(time.perf_counter() - started)
        last = json.loads(done.stdout.strip().splitlines()[-1])
    print(
        f"cold: process start to answer {statistics.median(walls):.2f} s (aim 6), "
        f"peak {last['mb']:.0f} MB (aim 1,000); "
        f"heavy modules imported: {', '.join(last['heavy']) or 'none'}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--child", default="")
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        prepare(home, options.data)
        warm(home, options.repeat)
        cold(home, options.repeat)


if __name__ == "__main__":
    main()
