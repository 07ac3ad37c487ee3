"""Background jobs of this server: indexing, one at a time, seen alike from every page and after every reload.

Owns the child process (``worker``), what it last said, and its end. Draws nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from viot_agent.errors import BusyFault

ERRORS = 50
"""Lines of a child's complaints that are kept; the last one is shown."""

State = Literal["running", "done", "failed", "stopped"]


@dataclass(frozen=True, slots=True)
class Job:
    """Where a job stands. ``fraction`` 0..1, None where it is not known; ``number`` counts the jobs of this server."""

    number: int
    title: str
    state: State
    words: str
    fraction: float | None
    began: float
    ended: float | None = None
    requests: tuple[str, ...] = ()


class Jobs:
    """Starts, watches and stops jobs. ``command`` is what is run, the job's arguments after it."""

    def __init__(self, home: Path, command: Sequence[str] = (sys.executable, "-m", "viot_agent.web.worker")) -> None:
        self.home, self.command = home, tuple(command)
        self._lock = threading.Lock()
        self._job: Job | None = None
        self._process: subprocess.Popen[str] | None = None
        self._watch: threading.Thread | None = None

    @property
    def last(self) -> Job | None:
        """The job in progress, else the last one, None when there was none."""
        with self._lock:
            return self._job

    def start(self, title: str, arguments: Sequence[str]) -> Job:
        """Start. Raises BusyFault while another job runs."""
        with self._lock:
            if self._job is not None and self._job.state == "running":
                raise BusyFault(f"a job is running: {self._job.title}", fix="wait until it is done, or stop it")
            self._await_end()
            number = self._job.number + 1 if self._job else 1
            self._process = subprocess.Popen(
                [*self.command, *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",  # what a library prints is not always UTF-8
                env={**os.environ, "VIOT_HOME": str(self.home)},
            )
            self._job = Job(number, title, "running", "Starting", None, time.time())
            self._watch = threading.Thread(
                target=self._follow, args=(self._process, number), name="viot-job", daemon=True
            )
            self._watch.start()
            return self._job

    def stop(self) -> bool:
        """End the job in progress; what it finished is kept. False when there is none."""
        with self._lock:
            if self._job is None or self._job.state != "running" or self._process is None:
                return False
            self._job = replace(self._job, state="stopped", words="Stopped; what was finished is kept.")
            self._process.terminate()
            return True

    def close(self) -> None:
        """End the job in progress and wait for its process."""
        self.stop()
        process, watch = self._process, self._watch
        if process is not None:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        if watch is not None:
            watch.join(10)

    def _await_end(self) -> None:
        """A job that was just stopped may still be leaving, and holds the library's lock until it has."""
        if self._process is not None:
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _follow(self, process: subprocess.Popen[str], number: int) -> None:
        """Read what the child says to its end."""
        assert process.stdout is not None
        assert process.stderr is not None
        errors: deque[str] = deque(maxlen=ERRORS)
        reader = threading.Thread(target=lambda out: errors.extend(out), args=(process.stderr,), daemon=True)
        reader.start()
        said_end = False
        for line in process.stdout:
            try:
                said = json.loads(line)
            except json.JSONDecodeError:
                continue  # a library's own print: no progress of ours
            if not isinstance(said, dict):
                continue  # so is a bare number
            said_end = self._hear(said, number) or said_end
        code = process.wait()
        reader.join(5)
        process.stdout.close()
        process.stderr.close()
        with self._lock:
            job = self._job
            if job is None or job.number != number:
                return
            if not said_end and job.state == "running":
                last = next((line.strip() for line in reversed(errors) if line.strip()), f"it ended with code {code}")
                job = replace(job, state="failed", words=f"The job broke off: {last}")
            self._job = replace(job, ended=time.time())

    def _hear(self, said: dict[str, object], number: int) -> bool:
        """Take in one line; True when it is the last."""
        with self._lock:
            job = self._job
            if job is None or job.number != number or job.state != "running":
                return True
            if "failed" in said:
                self._job = replace(job, state="failed", words=str(said["failed"]))
                return True
            fraction = said.get("fraction")
            share = float(fraction) if isinstance(fraction, int | float) else None
            if said.get("done"):
                wishes = said.get("requests")
                requests = tuple(map(str, wishes)) if isinstance(wishes, list) else ()
                self._job = replace(job, state="done", words=str(said["words"]), fraction=1.0, requests=requests)
                return True
            self._job = replace(job, words=str(said.get("words", "")), fraction=share)
            return False
