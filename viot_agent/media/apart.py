"""Files of strangers, decoded first where they can do no harm.

What somebody attaches, enrols or adds as a camera is opened in another process under limits (``looked``) before this
one opens it: a decoder that crashes, never ends or takes all memory is then a sentence, and nothing else. Only the
beginning and some pieces of a video are decoded there: a file made so that it breaks elsewhere still meets the decoder
in this process. That other process has the rights of this one: the limits stop accidents and bombs, no intruder.

Owns that process and its limits. The process is started with the first file (0.6 s) and kept; it ends with this one.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Literal

from viot_agent.errors import BackendFault, MediaFault, UserFault
from viot_agent.media.readers import open_media
from viot_agent.media.sniff import head_of
from viot_agent.media.types import Reader

Kind = Literal["video", "image"]

MEMORY = 3 << 30
"""Bytes that decoding one file may take: the largest picture that is read (89 megapixels) needs half of it."""
CPU_SECONDS = 20
"""Processor seconds for one file, and one more for every ``BYTES_A_SECOND`` of it: all packets are counted."""
BYTES_A_SECOND = 20_000_000
WAIT = 3.0
"""Seconds of waiting for each processor second: on a busy machine they take longer."""
KEPT = 256
_ENV = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR")
"""What that process is told of this one's environment: no key, no address."""
_FIX = "do not open it with anything else either: it is broken, or made to break what reads it"


class Apart:
    """The other process. Safe to share between threads; one file at a time."""

    def __init__(self, *, memory: int = MEMORY, cpu: int = CPU_SECONDS, wait: float = WAIT) -> None:
        self.memory, self.cpu, self.wait = memory, cpu, wait
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0
        self._good: OrderedDict[tuple[str, int, int, str], None] = OrderedDict()

    def look(self, path: str | Path, kind: Kind) -> None:
        """Decode the file there, unless it was and has not changed. Raises MediaFault (UserFault for an address) for
        what cannot be read, breaks the decoder, or takes more than the limits."""
        path = Path(path)
        head_of(path)
        status = path.stat()
        key = (str(path.absolute()), status.st_size, status.st_mtime_ns, kind)
        with self._lock:
            if key in self._good:
                return
            cpu = self.cpu + status.st_size // BYTES_A_SECOND
            self._check(path, self._told({"path": key[0], "kind": kind, "cpu": cpu, "memory": self.memory}, cpu))
            self._good[key] = None
            while len(self._good) > KEPT:
                self._good.popitem(last=False)

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # it leads a group of its own: what it forked goes too
        else:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _check(self, path: Path, told: dict[str, object]) -> None:
        if told.get("ok"):
            return
        if "fault" in told:
            fault = MediaFault if told["fault"] == "media" else UserFault
            raise fault(str(told["message"]).replace(str(path.absolute()), str(path)), fix=str(told["fix"]))
        died = str(told.get("died"))
        why = {
            "memory": f"decoding it takes more than {self.memory >> 20} MB",
            "cpu": "decoding it does not end",
        }.get(died, f"the decoder broke on it ({died})")
        raise MediaFault(f"{path} is not opened: {why}.", fix=_FIX)

    def _told(self, task: dict[str, object], cpu: int) -> dict[str, object]:
        process = self._running()
        assert process.stdin is not None and process.stdout is not None, "both are pipes"
        try:
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
            line = _line(process, time.monotonic() + 10.0 + cpu * self.wait)
        except OSError as error:
            self.close()
            raise BackendFault(f"the process that looks at files ended: {error}", fix="ask again") from error
        if not line:
            ended = process.poll()
            self.close()
            return {"died": "cpu" if ended is None else f"code {ended}"}
        found: dict[str, object] = json.loads(line)
        return found

    def _running(self) -> subprocess.Popen[str]:
        if self._process is not None and self._owner == os.getpid() and self._process.poll() is None:
            return self._process
        self.close()
        env = {name: os.environ[name] for name in _ENV if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-P", "-m", "viot_agent.media.looked"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={
                **env,
                "PYTHONPATH": os.pathsep.join(p or str(Path.cwd()) for p in sys.path),
                "OPENBLAS_NUM_THREADS": "1",
                "OMP_NUM_THREADS": "1",
            },
            start_new_session=True,
        )
        self._owner = os.getpid()
        return self._process


def _line(process: subprocess.Popen[str], until: float) -> str:
    """The next line, "" when the process ended or the time is over."""
    assert process.stdout is not None, "it is a pipe"
    if os.name != "posix":  # no select over pipes: wait without a limit
        return process.stdout.readline()
    ready, _, _ = select.select([process.stdout], [], [], max(0.0, until - time.monotonic()))
    return process.stdout.readline() if ready else ""


_SHARED = Apart()
atexit.register(_SHARED.close)


def look_first(path: str | Path, kind: Kind = "video") -> None:
    """See :meth:`Apart.look`; in the process that this one keeps for it."""
    _SHARED.look(path, kind)


def open_stranger(path: str | Path) -> Reader:
    """:func:`~viot_agent.media.readers.open_media` for a file that was not looked at yet."""
    look_first(path)
    return open_media(path)
