"""The seam between the library and everybody who reads it. ``store.Library`` implements it; ``fake.FakeLibrary`` too.

``cameras`` arguments are camera *names*, None = the whole fleet; ``start``/``end`` POSIX seconds, None = unbounded;
windows are half-open and a row belongs when its own interval overlaps the window. ``model`` None = any model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from viot_agent.fleet.types import Camera, Person
from viot_agent.library.rows import Attribute, Count, Event, Footage, Hit, PlateRead, Poses, Track, Vector
from viot_agent.steps import Coverage


class Library(Protocol):
    """What tools and the fleet ask of the library."""

    # fleet rows
    def cameras(self) -> list[Camera]: ...
    def add_camera(
        self, name: str, source: str, *, groups: Sequence[str] = (), tz: str = "UTC", start: float | None = None
    ) -> Camera: ...
    def remove_camera(self, name: str) -> None: ...
    def people(self) -> list[Person]: ...
    def add_person(self, name: str, pictures: Sequence[bytes], consent: str) -> Person: ...
    def remove_person(self, name: str) -> None: ...
    def person_pictures(self, name: str) -> list[bytes]: ...
    def person_vectors(self, name: str, model: str) -> NDArray[np.float32]: ...  # (N, D); (0, 0) when none
    def set_person_vectors(self, name: str, model: str, vectors: NDArray[np.float32]) -> None: ...

    # what was looked at
    def spans(self, camera: str) -> list[tuple[float, float]]: ...  # indexed footage by any analyzer, merged
    def coverage(
        self,
        analyzer: str,
        cameras: Sequence[str] | None,
        start: float | None,
        end: float | None,
        *,
        model: str | None = None,
    ) -> Coverage: ...
    def models(self, analyzer: str, cameras: Sequence[str] | None) -> list[str]: ...  # that indexed these cameras
    def footage(self, camera: str, start: float, end: float) -> list[Footage]: ...

    # what was found
    def tracks(
        self,
        kind: str,
        cameras: Sequence[str] | None,
        start: float | None,
        end: float | None,
        *,
        model: str | None = None,
    ) -> list[Track]: ...
    def track(self, id: int) -> Track | None: ...
    def vectors(
        self, model: str, cameras: Sequence[str] | None, start: float | None, end: float | None
    ) -> list[Hit]: ...  # every embedding in the window, with .vector
    def search(
        self,
        model: str,
        query: Vector,
        cameras: Sequence[str] | None,
        start: float | None,
        end: float | None,
        *,
        k: int = 100,
    ) -> list[Hit]: ...  # exact cosine, best first
    def best_crop(self, track: int, near: float | None = None) -> tuple[bytes, float] | None: ...  # jpeg, ts
    def plates(
        self, cameras: Sequence[str] | None, start: float | None, end: float | None, *, model: str | None = None
    ) -> list[PlateRead]: ...
    def poses(
        self, cameras: Sequence[str] | None, start: float | None, end: float | None, *, model: str | None = None
    ) -> list[Poses]: ...  # one a track, only the poses inside the window
    def attributes(
        self, cameras: Sequence[str] | None, start: float | None, end: float | None, *, model: str | None = None
    ) -> list[Attribute]: ...  # of every track that overlaps the window, wherever in the track it was seen best
    def counts(
        self,
        kind: str,
        cameras: Sequence[str] | None,
        start: float | None,
        end: float | None,
        *,
        model: str | None = None,
    ) -> list[Count]: ...
    def events(
        self, kind: str, cameras: Sequence[str] | None, start: float | None, end: float | None
    ) -> list[Event]: ...
