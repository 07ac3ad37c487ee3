"""The chosen frames, read from the recordings.

Owns the step from (camera, time) to a picture. Knows no question and no model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from viot_agent.errors import MediaFault
from viot_agent.library.api import Library
from viot_agent.library.rows import Footage
from viot_agent.media.readers import open_media
from viot_agent.media.types import Image, Reader
from viot_tools.qa.frames import Moment

WIDTH = 448
"""Pixels: 16:9 frames of this width are 16 x 9 of Qwen2.5-VL's merged patches, 144 tokens."""

OpenReader = Callable[[Path, int], Reader]
"""A reader of a file whose pictures are scaled to a width."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A frame as it is shown to the model: ``t`` POSIX seconds at which it is on screen."""

    camera: str
    t: float
    why: str
    image: Image = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Looked:
    """``shots`` by camera and time; ``problems``: files that could not be read, in words."""

    shots: tuple[Shot, ...]
    problems: tuple[str, ...]


def footage_spans(
    library: Library, cameras: Sequence[str], start: float, end: float
) -> dict[str, tuple[tuple[float, float], ...]]:
    """By camera, the stretches of ``[start, end)`` of which there are files. Cameras without any are left out."""
    found = {}
    for camera in cameras:
        stretches = tuple((f.start, f.end) for f in library.footage(camera, start, end) if f.end > f.start)
        if stretches:
            found[camera] = stretches
    return found


def look(
    library: Library, moments: Sequence[Moment], *, width: int = WIDTH, open_reader: OpenReader | None = None
) -> Looked:
    """Read the frames. A frame that two moments share is given once; a file that cannot be read is a problem, said in
    words, and the other files' frames are given."""
    opened = open_reader or _open
    by_file: dict[Path, list[tuple[float, Footage, Moment]]] = {}
    problems: list[str] = []
    for moment in moments:
        files = library.footage(moment.camera, moment.t, moment.t + 1e-3)
        if not files:
            problems.append(f"{moment.camera} has no footage at one of the moments chosen")
            continue
        by_file.setdefault(files[0].media, []).append((files[0].offset, files[0], moment))
    shots: dict[tuple[str, float], Shot] = {}
    for path, wanted in by_file.items():
        wanted.sort(key=lambda w: w[0])
        try:
            reader = opened(path, width)
            for (offset, footage, moment), frame in zip(wanted, reader.read([w[0] for w in wanted]), strict=True):
                t = footage.start + frame.t - offset
                shots.setdefault((moment.camera, t), Shot(moment.camera, t, moment.why, frame.image))
        except MediaFault as fault:
            problems.append(fault.message.rstrip("."))
    order = {camera: i for i, camera in enumerate(dict.fromkeys(m.camera for m in moments))}
    ordered = sorted(shots.values(), key=lambda s: (order[s.camera], s.t))
    return Looked(tuple(ordered), tuple(dict.fromkeys(problems)))


def _open(path: Path, width: int) -> Reader:
    return open_media(path, width=width)
