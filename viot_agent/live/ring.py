"""The folder of a camera's recordings: named by their time, taken away when they are too old or too many.

Owns file names and retention. Does not know what is in a file. Files of one camera never overlap, and sort by name.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from viot_agent.errors import BackendFault
from viot_agent.library.lock import FileLock

log = logging.getLogger(__name__)

PART = "recording.part"
"""The file that is being written; a killed process leaves it."""
_FORM = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True, slots=True)
class Kept:
    """A recorded file: ``start`` POSIX seconds of its first picture, ``size`` bytes."""

    path: Path
    start: float
    size: int


def folder(home: Path, camera: int) -> Path:
    """Where a live camera's state and recordings lie."""
    return home / "live" / str(camera)


def name_of(start: float) -> str:
    """The file's name for POSIX seconds; exact to the microsecond."""
    return f"{datetime.fromtimestamp(start, UTC).strftime(_FORM)}.mp4"


def start_of(path: Path) -> float | None:
    """POSIX seconds from a file's name, None for a file that is none of ours."""
    try:
        return datetime.strptime(path.stem, _FORM).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


class Ring:
    """The recordings below ``root`` (``folder(home, camera) / "ring"``).

    ``keep`` seconds and ``keep_bytes`` are limits; the oldest file goes first. The last ``least`` files are not too
    much, however large: they wait to be looked at. Memory: one entry a file.
    """

    def __init__(self, root: Path, keep: float, keep_bytes: float, least: int = 1) -> None:
        self.root, self.keep, self.keep_bytes, self.least = root, keep, keep_bytes, least
        try:
            root.mkdir(parents=True, exist_ok=True)
            found = sorted(p for p in root.iterdir() if p.suffix == ".mp4")
            kept = [Kept(p, start, p.stat().st_size) for p in found if (start := start_of(p)) is not None]
        except OSError as error:
            raise BackendFault(
                f"{root} cannot be used: {error.strerror}.", fix="check the rights, or set VIOT_HOME"
            ) from error
        self._files = deque(kept)
        self.size = sum(k.size for k in kept)

    @property
    def part(self) -> Path:
        """Where the next file is written before it has its name."""
        return self.root / PART

    def files(self) -> list[Kept]:
        """All files, oldest first."""
        return list(self._files)

    def add(self, start: float) -> Path:
        """Give the written part its name. Raises BackendFault."""
        path = self.root / name_of(start)
        try:
            size = self.part.stat().st_size
            self.part.replace(path)
        except OSError as error:
            raise BackendFault(f"{path} cannot be kept: {error.strerror}.") from error
        self._files.append(Kept(path, start, size))
        self.size += size
        return path

    def salvage(self, latest: float) -> Path | None:
        """What a killed process was writing, named by when it ended; None where nothing of it can be read."""
        from viot_agent.errors import MediaFault
        from viot_agent.media.probe import probe

        if not self.part.exists():
            return None
        try:
            seconds = probe(self.part).duration
        except MediaFault:
            self.part.unlink(missing_ok=True)
            return None
        return self.add(max(latest, self.part.stat().st_mtime - seconds))

    def trim(self, now: float) -> int:
        """Take away what is older than ``keep`` or more than ``keep_bytes``; how many files went."""
        n = 0
        while self._files and (
            self._files[0].start < now - self.keep or (self.size > self.keep_bytes and len(self._files) > self.least)
        ):
            n += self._drop()
        return n

    def make_room(self, share: float = 0.1) -> int:
        """The disk is full: take away the oldest ``share`` of all files, one at least; how many went."""
        n = 0
        for _ in range(min(len(self._files), max(1, round(len(self._files) * share)))):
            n += self._drop()
        return n

    def _drop(self) -> int:
        oldest = self._files.popleft()
        self.size -= oldest.size
        try:
            oldest.path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s cannot be taken away: %s", oldest.path, error.strerror)
            return 0
        return 1


def watching(home: Path, camera: int, name: str) -> FileLock:
    """The lock of who watches, or indexes, a live camera. Raises BusyFault when entered while another does."""
    return FileLock(folder(home, camera) / "watch.lock", doing=f"watching {name}")


def forget(home: Path, camera: int, name: str) -> None:
    """Remove all recordings and the state of a camera that was removed. Raises BusyFault while it is watched."""
    place = folder(home, camera)
    if not place.is_dir():
        return
    with watching(home, camera, name):
        pass
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(place)
