"""A watch in which everything goes wrong in turn (``benchmarks/soak.py``, which runs it for as long as one likes)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 45


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="counts open files as Linux does")
def test_after_every_fault_nothing_is_lost_or_double_and_memory_is_back() -> None:
    command = [
        sys.executable,
        "-W",
        "ignore",
        str(ROOT / "benchmarks" / "soak.py"),
        "--json",
        "--seconds",
        str(SECONDS),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200, env={**os.environ})
    assert done.stdout.startswith("{"), done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert (found["lost"], found["double"]) == ([], [])
    assert min(found["faults"].values()) >= 1, found["faults"]
    assert found["garbled"] >= 30 and found["reconnects"] >= 1 and found["unrecorded"] > 0 and found["frozen"] >= 1
    # every file was looked at, or left out with its reason
    assert found["looked"] + found["skipped"] == found["files"], found
    assert found["segments"] >= SECONDS / 3, "between the faults the camera is watched"
    assert found["segments"] == found["looked"]
    assert found["files_open"] <= 2 and found["threads"] <= 2, found
    assert found["grown_mb"] < 8.0, found
