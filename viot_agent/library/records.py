"""What passes between ingest and the store: files, pieces of files, and who has looked at them. Types only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from viot_agent.library.rows import Rows


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells two states of a file apart."""

    size: int
    mtime: float
    digest: str


@dataclass(frozen=True, slots=True)
class MediaRow:
    """A file of a camera as stored. ``duration`` is what can be read; ``problem`` why that is less than the file."""

    id: int
    camera_id: int
    path: Path
    fingerprint: Fingerprint
    start_ts: float
    start_origin: str
    duration: float
    fps: float
    width: int
    height: int
    segment_seconds: float
    problem: str


@dataclass(frozen=True, slots=True)
class SegmentSpan:
    """Which piece of a file: ``[t0, t1)`` seconds from its first frame."""

    idx: int
    t0: float
    t1: float


@dataclass(frozen=True, slots=True)
class RunStamp:
    """Who looked: the analyzer and its model, with versions; ``inputs`` names the analyzers whose results it read."""

    analyzer: str
    version: str
    model: str
    model_version: str
    inputs: str = ""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunRows:
    """What one analyzer found in one segment. ``frames`` were sampled at ``sample_fps``; it took ``seconds``."""

    stamp: RunStamp
    rows: Rows
    sample_fps: float
    frames: int
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One ``segment_runs`` row as the ingest plan needs it."""

    idx: int
    stamp: RunStamp
    sample_fps: float
