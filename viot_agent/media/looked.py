"""The process in which files of strangers are decoded first, started by ``apart``.

It reads lines of JSON (a file and its limits), forks for each line, takes the limits upon itself there
(processor seconds, memory, no file written, no core), opens the file as any reader would and decodes its beginning and
pieces over its length. What a file does to that child is told in one line of JSON; the fork keeps the next one clean.
Owns what is looked at. Single-threaded before a fork, for that is what makes forking safe.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from viot_agent.errors import MediaFault, UserFault
from viot_agent.media.pictures import decode_image
from viot_agent.media.readers import open_media
from viot_agent.media.types import DamagedMedia

FRAMES = 3
"""Frames that are decoded at the beginning of a video, and at each of ``PLACES`` of its length."""
PLACES = (0.0, 0.3, 0.6, 0.95)


def look(path: Path, kind: str) -> None:
    """Decode a picture, or the beginning and some pieces of a video. Raises MediaFault, UserFault."""
    if kind == "image":
        decode_image(path)
        return
    reader = open_media(path)
    step = 1 / max(reader.info.fps, 1.0)
    times = sorted({p * reader.info.duration + n * step for p in PLACES for n in range(FRAMES)})
    last = max(0.0, reader.info.duration - step / 2)
    with contextlib.suppress(DamagedMedia):  # a recording that was cut off is read as far as it goes
        for _ in reader.read([min(t, last) for t in times]):
            continue


def said(task: Mapping[str, Any]) -> dict[str, Any]:
    """What became of one file."""
    try:
        look(Path(task["path"]), task["kind"])
    except MediaFault as fault:
        return {"fault": "media", "message": fault.message, "fix": fault.fix}
    except UserFault as fault:
        return {"fault": "user", "message": fault.message, "fix": fault.fix}
    except MemoryError:
        return {"died": "memory"}
    return {"ok": True}


def limit(task: Mapping[str, Any]) -> None:
    """Take the limits upon this process; ``memory`` is what the file may take on top of what is loaded."""
    import resource

    loaded = _address_space()
    seconds = int(task["cpu"])
    for what, value in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, loaded + int(task["memory"])),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        if sys.platform == "darwin" and what == resource.RLIMIT_AS:
            continue  # macOS has no such limit: time and crashes are still held there
        hard = resource.getrlimit(what)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))


def _address_space() -> int:
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # no such file on macOS
        return 1 << 30


def _apart(task: Mapping[str, Any]) -> dict[str, Any]:
    """One file in a child of its own."""
    if not hasattr(os, "fork"):  # Windows: this process is the child, and starts anew when it dies
        return said(task)
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(out)
            limit(task)
            os.write(into, json.dumps(said(task)).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(into)
    with os.fdopen(out, "rb") as told:
        data = told.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if data:
        found: dict[str, Any] = json.loads(data)
        return found
    if -status in (signal.SIGXCPU, signal.SIGKILL):
        return {"died": "cpu"}
    return {"died": f"signal {-status}" if status < 0 else f"exit {status}"}


def main() -> None:
    """Answer lines until there are no more."""
    with contextlib.suppress(MediaFault):
        decode_image(b"-")  # Pillow's plugins are loaded here, once, and not in every fork
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_apart(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
