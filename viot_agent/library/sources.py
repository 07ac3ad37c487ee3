"""The files behind a camera, and how to tell that one has changed.

Owns the rules for a camera's source and a file's fingerprint. Does not decode, and knows no tables.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from viot_agent.errors import BackendFault, MediaFault, UserFault
from viot_agent.fleet.types import Camera
from viot_agent.library.records import Fingerprint
from viot_agent.media.sniff import SUFFIXES

_EDGE = 1 << 16


def files(camera: Camera) -> list[Path]:
    """The video files of a camera, sorted by name. Raises MediaFault when there are none, UserFault for a stream."""
    if "://" in camera.source:
        raise UserFault(
            f"The camera {camera.name!r} is a live stream; indexing reads files.", fix="record it and add the folder"
        )
    source = Path(camera.source)
    if source.is_dir():
        found = sorted(p for p in source.iterdir() if p.suffix.lower() in SUFFIXES and p.name[0] != "." and p.is_file())
        if not found:
            raise MediaFault(f"The folder {source} of camera {camera.name!r} holds no video files.")
        return found
    if not source.exists():
        raise MediaFault(f"The source of camera {camera.name!r} is not there: {source}.", fix="check the path")
    return [source]


def fingerprint(path: Path) -> Fingerprint:
    """Size, time of change, and a hash of the first and last 64 KiB. Raises MediaFault when it cannot be read."""
    try:
        stat = path.stat()
        with path.open("rb") as file:
            digest = hashlib.sha256(file.read(_EDGE))
            if stat.st_size > _EDGE:
                file.seek(max(_EDGE, stat.st_size - _EDGE))
                digest.update(file.read(_EDGE))
    except FileNotFoundError as error:
        raise MediaFault(f"The file {path} is not there.") from error
    except OSError as error:
        raise BackendFault(f"The file {path} cannot be read: {error.strerror}.") from error
    return Fingerprint(stat.st_size, stat.st_mtime, digest.hexdigest())


def same(a: Fingerprint, b: Fingerprint) -> bool:
    """Whether two fingerprints are of the same bytes; a copy with another time of change is the same file."""
    return a.size == b.size and a.digest == b.digest
