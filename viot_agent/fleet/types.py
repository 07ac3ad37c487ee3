"""Cameras, people, and mentions of them in a request. Types only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

LIVE = re.compile(r".*://.*|/dev/video\d+", re.DOTALL)
"""A source that is a stream or a device, not a file or a folder."""
MentionKind = Literal["camera", "group", "person", "time", "plate", "upload"]


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera: ``source`` a file, folder or stream address; ``tz`` an IANA zone; ``start`` POSIX seconds of the first
    frame of a file source, or None when the file's own clock is taken."""

    id: int
    name: str
    source: str
    groups: tuple[str, ...]
    tz: str
    start: float | None

    @property
    def live(self) -> bool:
        """Whether it is watched as it runs, not indexed from files."""
        return LIVE.fullmatch(self.source) is not None


@dataclass(frozen=True, slots=True)
class Person:
    """An enrolled person with the recorded consent or legal basis."""

    id: int
    name: str
    consent: str
    pictures: int


@dataclass(frozen=True, slots=True)
class Window:
    """A resolved time phrase: half-open ``[start, end)`` POSIX seconds; None = unbounded; ``phrase`` as it was said."""

    start: float | None
    end: float | None
    phrase: str = ""


@dataclass(frozen=True, slots=True)
class Mention:
    """A stretch ``text[start:end]`` of the request that names something.

    ``target`` is the canonical name for cameras, groups, people and uploads; the phrase or normalised plate else.
    ``score`` 0..100 is the match (100 = exact); near misses are marked, never taken silently.
    """

    kind: MentionKind
    start: int
    end: int
    text: str
    target: str
    score: float
