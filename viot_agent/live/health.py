"""How a live camera is: one small file a camera, written by who watches it and read by everybody.

Owns the record, its file and the words for it. A record whose heartbeat is old says so: nobody watches any more. All
counts are of this watching, since ``since``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from viot_agent.foreign import read_json
from viot_agent.live.ring import folder
from viot_agent.media.files import write_whole

State = Literal["connecting", "live", "waiting", "frozen", "disk full", "stopped"]
"""``waiting``: for the next attempt to connect; ``frozen``: packets come, and the picture has not changed."""
STALE = 20.0
"""Seconds without a heartbeat after which nobody watches."""
NOTES = 50
"""Notes that are kept, the last ones."""


@dataclass(slots=True)
class Health:
    """One camera. Times are POSIX seconds; ``fps`` pictures a second of the last ten seconds; ``lag`` seconds from the
    end of the last file to its rows; ``dropped`` pictures that the stream's clock says are missing; ``garbled`` packets
    that could not be read; ``skipped`` files that nobody looked at, for want of time; ``step`` of the overload ladder
    with its ``words``; ``ahead`` seconds by which stamps run ahead since this machine's clock was set back. For
    retention (``age.Age``): ``reckoned`` the time by which recordings are old, ``doubted`` seconds by which this
    machine's clock is ahead of it, ``held`` seconds for which it has not been believed, of ``need``."""

    camera: str
    state: State = "connecting"
    since: float = 0.0
    heartbeat: float = 0.0
    fps: float = 0.0
    lag: float | None = None
    last_frame: float | None = None
    frames: int = 0
    dropped: int = 0
    garbled: int = 0
    connects: int = 0
    reconnects: int = 0
    files: int = 0
    skipped: int = 0
    waiting: int = 0
    unrecorded: int = 0
    bytes: int = 0
    step: int = 0
    words: str = ""
    ahead: float = 0.0
    reckoned: float | None = None
    doubted: float = 0.0
    held: float = 0.0
    need: float = 0.0
    codec: str = ""
    width: int = 0
    height: int = 0
    problem: str = ""
    notes: list[tuple[float, str]] = field(default_factory=list)

    def note(self, at: float, words: str) -> None:
        """Remember something that happened."""
        # a new list: another thread may be writing the old one down
        self.notes = [*self.notes, (at, words)][-NOTES:]

    def line(self, now: float) -> str:
        """One line for people: ``live, 25.0 fps, lag 3 s, 2 dropped, 1 reconnect``."""
        if abs(now - self.heartbeat) > STALE or self.state == "stopped":
            return "not watched"
        parts: list[str] = [self.state]
        if self.state in ("live", "frozen"):
            parts.append(f"{self.fps:.1f} fps")
        if self.lag is not None:
            parts.append(f"lag {self.lag:.1f} s")
        if self.last_frame is not None and self.state != "live":
            parts.append(f"last picture {now - self.last_frame:.0f} s ago")
        for n, word in (
            (self.dropped, "dropped"),
            (self.garbled, "garbled"),
            (self.reconnects, "reconnect" if self.reconnects == 1 else "reconnects"),
            (self.skipped, "file not looked at" if self.skipped == 1 else "files not looked at"),
        ):
            if n:
                parts.append(f"{n} {word}")
        if self.words:
            parts.append(self.words)
        if self.ahead >= 1:
            parts.append(f"stamps run {self.ahead:.0f} s ahead of this machine's clock")
        if self.doubted:
            parts.append(f"this machine's clock is {self.doubted:.0f} s ahead: nothing is too old by it yet")
        if self.problem:
            parts.append(self.problem)
        return ", ".join(parts)


def write_health(home: Path, camera: int, health: Health) -> None:
    """Keep the record. Raises DiskFault, BackendFault."""
    write_whole(_file(home, camera), json.dumps(asdict(health)).encode(), fix="free the disk of VIOT_HOME")


def read_health(home: Path, camera: int) -> Health | None:
    """The record of a camera; None where it was never watched, or the file is of another program."""
    try:
        raw: Any = read_json(_file(home, camera).read_bytes())
        known = {f.name for f in fields(Health)}
        return _record().validate_python({k: v for k, v in raw.items() if k in known})
    except (OSError, ValueError, AttributeError):  # pydantic's ValidationError is a ValueError
        return None


@cache
def _record() -> TypeAdapter[Health]:
    return TypeAdapter(Health)


def _file(home: Path, camera: int) -> Path:
    return folder(home, camera) / "health.json"
