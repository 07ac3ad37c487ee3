"""Background jobs: one at a time, heard line by line, stopped, and honest about how they end; the worker's own work."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import BusyFault
from viot_agent.media.clips import write_clip
from viot_agent.system import Viot
from viot_agent.web import worker
from viot_agent.web.jobs import Job, Jobs

SCRIPT = """
import json, os, sys, time
def tell(**v): print(json.dumps(v), flush=True)
what = sys.argv[1]
if what == "well":
    tell(words="half", fraction=0.5)
    print("a library prints this", flush=True)
    print("7", flush=True)  # as JSON a number
    sys.stdout.buffer.write(b"\\xff\\xfe\\n")  # and no UTF-8
    sys.stderr.buffer.write(b"\\xff\\n" * 1000)
    tell(done=True, words="all done", requests=["ask me"])
elif what == "long":
    tell(words="at it", fraction=None)
    time.sleep(60)
elif what == "fault":
    tell(failed="there is no camera yet (add one)")
    sys.exit(2)
elif what == "break":
    sys.stderr.write("Traceback\\nMemoryError: too much\\n")
    sys.exit(1)
elif what == "home":
    tell(done=True, words=os.environ["VIOT_HOME"])
"""


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    made = Jobs(tmp_path, (sys.executable, "-c", SCRIPT))
    yield made
    made.close()


def until(jobs: Jobs, *states: str, words: str = "", seconds: float = 30.0) -> Job:
    """The job as soon as it is in one of these states (and says so)."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        job = jobs.last
        if job is not None and job.state in states and words in job.words:
            return job
        time.sleep(0.02)
    raise AssertionError(f"never {states}: {jobs.last}")


def test_a_job_that_goes_well(jobs: Jobs) -> None:
    assert jobs.last is None
    started = jobs.start("Indexing", ["well"])
    assert (started.state, started.number, started.title) == ("running", 1, "Indexing")
    job = until(jobs, "done")
    assert (job.words, job.fraction, job.requests) == ("all done", 1.0, ("ask me",))


@pytest.mark.parametrize(
    ("what", "words"), [("fault", "there is no camera yet"), ("break", "MemoryError: too much"), ("nothing", "code 0")]
)
def test_how_a_job_fails_is_said(jobs: Jobs, what: str, words: str) -> None:
    jobs.start("Indexing", [what])
    assert words in until(jobs, "failed").words


def test_one_at_a_time_and_stopped_when_asked(jobs: Jobs) -> None:
    jobs.start("Indexing yard", ["long"])
    until(jobs, "running", words="at it")
    with pytest.raises(BusyFault, match="Indexing yard"):
        jobs.start("Another", ["well"])
    assert jobs.stop()
    assert not jobs.stop()
    job = jobs.last
    assert job is not None
    assert (job.state, job.words) == ("stopped", "Stopped; what was finished is kept.")
    second = jobs.start("Another", ["well"])  # at once: the first one's process may still be leaving
    assert second.number == 2
    assert until(jobs, "done").number == 2


def test_a_job_works_on_this_home(jobs: Jobs, tmp_path: Path) -> None:
    jobs.start("Indexing", ["home"])
    assert until(jobs, "done").words == str(tmp_path)


def test_closing_ends_the_process(jobs: Jobs) -> None:
    jobs.start("Indexing", ["long"])
    until(jobs, "running", words="at it")
    process = jobs._process
    assert process is not None
    jobs.close()
    assert process.poll() is not None


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_the_worker_indexes_and_tells_how_far(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = tmp_path / "empty.mp4"
    write_clip((np.full((120, 160, 3), 90, np.uint8) for _ in range(12)), clip, 10.0)
    with Viot.open(home) as viot:
        for name in ("one", "two"):
            viot.add_camera(name, str(clip), tz="UTC", start=0.0)
    assert worker.main(["index", "two"]) == 0
    told = lines(capsys.readouterr().out)
    assert told[0] == {"words": "Looking at two", "fraction": 0.0}
    assert told[-1]["done"] is True
    assert "two: 1 s of footage indexed." in str(told[-1]["words"])
    fractions = [float(str(t["fraction"])) for t in told if t.get("fraction") is not None]
    assert fractions == sorted(fractions)
    with Viot.open(home) as viot:
        assert viot.library.spans("two")
        assert not viot.library.spans("one")
    assert worker.main(["index", "two"]) == 0
    assert "nothing new" in str(lines(capsys.readouterr().out)[-1]["words"])


@pytest.mark.parametrize(
    ("argv", "words"), [(["index"], "no camera yet"), ([], "usage"), (["index", "gate 9"], "gate 9")]
)
def test_the_worker_says_what_is_wrong(
    home: Path, capsys: pytest.CaptureFixture[str], argv: list[str], words: str
) -> None:
    assert worker.main(argv) == 2
    assert words in str(lines(capsys.readouterr().out)[-1]["failed"])
