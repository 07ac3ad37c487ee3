"""The files below ``VIOT_HOME`` that a purge takes: found by what they belong to, deleted, and looked for afterwards.

Owns where what lies. Other rooms tell of their own files about a person (entry points ``viot_agent.kept_of_person``:
``(home, name) -> paths``). Deletes nothing outside of the home, whatever a link says. A deleted file's blocks are the
file system's: who needs more keeps the home on an encrypted disk.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from importlib.metadata import entry_points
from pathlib import Path

from viot_agent.errors import BackendFault

OF_RUNS = ("evidence", "exports")
"""Folders with a folder for each run."""
OF_FIRINGS = "alerts"
STILLS = ("cache", "stills")
LIVE = "live"
YOUNG = 3600.0
"""Seconds in which a folder that belongs to no known run may still be a run's that is not stored yet."""
_RUN = re.compile(r"run-[0-9a-f]+")
_FIRING = re.compile(r"firing-(\d+)")


def of_runs(home: Path, runs: Iterable[str]) -> list[Path]:
    """What these runs wrote."""
    return [p for run in sorted(runs) if _RUN.fullmatch(run) for top in OF_RUNS for p in _files(home / top / run)]


def of_firings(home: Path, firings: Iterable[int]) -> list[Path]:
    """The pictures and clips with which these firings were told."""
    return [p for number in sorted(firings) for p in _files(home / OF_FIRINGS / f"firing-{number}")]


def stills(home: Path) -> list[Path]:
    """The cache of single pictures: whole, for its names tell nothing, and it is made again when it is wanted."""
    return _files(home.joinpath(*STILLS))


def of_camera(home: Path, camera: int, source: Path) -> list[Path]:
    """Recordings and state of a live camera, and a source that was dropped on the page."""
    found = [p for p in _files(home / LIVE / str(camera)) if p.suffix != ".lock"]  # held while it is purged
    if source.is_file() and _inside(home, source):
        found.append(source)
    return found


def of_person(home: Path, name: str) -> list[Path]:
    """What other rooms keep of a person: masks."""
    found: list[Path] = []
    for point in sorted(entry_points(group="viot_agent.kept_of_person"), key=lambda p: p.name):
        found += point.load()(home, name)
    return found


def delete(home: Path, paths: Sequence[Path]) -> tuple[int, int]:
    """Delete what is there of these, and folders that are empty then; (files, bytes). Raises BackendFault."""
    files = size = 0
    for path in paths:
        if not path.exists() and not path.is_symlink():
            continue
        if not _inside(home, path.parent / "x"):
            raise BackendFault(f"{path} does not lie in {home}: it is not deleted", fix="see what led there")
        try:
            size += path.lstat().st_size
            path.unlink()
            files += 1
            folder = path.parent
            while folder != home and _inside(home, folder) and not any(folder.iterdir()):
                folder.rmdir()
                folder = folder.parent
        except OSError as error:
            raise BackendFault(f"{path} cannot be deleted: {error.strerror}", fix="see to its rights") from error
    return files, size


def unknown(home: Path, runs: set[str], firings: set[int], now: float | None = None) -> list[Path]:
    """Files of runs and firings that nothing knows any more; those of the last hour are left alone."""
    at = time.time() if now is None else now
    found: list[Path] = []
    for top in (*OF_RUNS, OF_FIRINGS):
        folders = sorted((home / top).iterdir()) if (home / top).is_dir() else []
        for folder in folders:
            fired = _FIRING.fullmatch(folder.name)
            known = int(fired[1]) in firings if fired else folder.name in runs or not _RUN.fullmatch(folder.name)
            if not known and folder.stat().st_mtime < at - YOUNG:
                found += _files(folder)
    return found


def _files(folder: Path) -> list[Path]:
    if folder.is_symlink() or not folder.is_dir():
        return []
    return sorted(p for p in folder.rglob("*") if p.is_symlink() or p.is_file())


def _inside(home: Path, path: Path) -> bool:
    return path.parent.resolve().is_relative_to(home.resolve())
