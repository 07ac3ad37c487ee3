"""A library in memory for tests of tools: give it rows, ask it as you would the real one.

Implements ``api.Library`` in the plainest way there is: lists and loops. One table of contract tests runs against this
and against ``store.Library``, so that what a tool sees here is what it will see there. Knows neither SQL nor files.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import LibraryFault, NameFault, UserFault
from viot_agent.fleet.types import Camera, Person
from viot_agent.library import intervals, names
from viot_agent.library.rows import Attribute, Count, Event, Footage, Hit, PlateRead, Poses, Track, Vector
from viot_agent.steps import Coverage


@dataclass(frozen=True, slots=True)
class Looked:
    """A stretch that an analyzer has indexed with a model, at ``sample_fps`` frames a second."""

    analyzer: str
    model: str
    camera: str
    start: float
    end: float
    sample_fps: float = 5.0


@dataclass(frozen=True, slots=True)
class Crop:
    """A picture of a track."""

    track: int
    ts: float
    jpeg: bytes
    quality: float = 1.0


class _Seen(Protocol):
    @property
    def camera(self) -> str: ...


R = TypeVar("R", bound=_Seen)


class FakeLibrary:
    """``hits`` maps a model's name to embeddings with their vectors; ``footage`` is what exists, ``looked`` what of it
    is indexed. Cameras named in rows must be among ``cameras``, tracks of attributes among ``tracks``."""

    def __init__(
        self,
        cameras: Sequence[Camera] = (),
        people: Sequence[Person] = (),
        *,
        footage: Sequence[Footage] = (),
        looked: Sequence[Looked] = (),
        tracks: Sequence[Track] = (),
        hits: Mapping[str, Sequence[Hit]] | None = None,
        crops: Sequence[Crop] = (),
        plates: Sequence[PlateRead] = (),
        poses: Sequence[Poses] = (),
        attributes: Sequence[Attribute] = (),
        counts: Sequence[Count] = (),
        events: Sequence[Event] = (),
        pictures: Mapping[str, Sequence[bytes]] | None = None,
    ) -> None:
        self._cameras = list(cameras)
        self._people = list(people)
        self._footage = list(footage)
        self._looked = list(looked)
        self._tracks = list(tracks)
        self._hits = {model: list(rows) for model, rows in (hits or {}).items()}
        self._crops = list(crops)
        self._plates = list(plates)
        self._poses = list(poses)
        self._attributes = list(attributes)
        self._counts = list(counts)
        self._events = list(events)
        self._pictures = {name: [bytes(p) for p in rows] for name, rows in (pictures or {}).items()}
        self._vectors: dict[tuple[str, str], NDArray[np.float32]] = {}
        self._ids = max([0, *(c.id for c in cameras), *(p.id for p in people)])

    # fleet rows

    def cameras(self) -> list[Camera]:
        return list(self._cameras)

    def add_camera(
        self, name: str, source: str, *, groups: Sequence[str] = (), tz: str = "UTC", start: float | None = None
    ) -> Camera:
        name = names.clean(name, "camera")
        wanted = tuple(sorted({names.clean(g, "group") for g in groups}))
        if not source.strip():
            raise UserFault(f"The camera {name!r} needs a source.")
        try:
            zoneinfo.ZoneInfo(tz)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise UserFault(f"There is no time zone {tz!r}.") from error
        for there in self._cameras:
            if names.folded(there.name) == names.folded(name):
                if there.source == source:
                    return there
                raise NameFault(f"There is already a camera {there.name!r}.", name=name)
        self._ids += 1
        self._cameras.append(Camera(self._ids, name, source, wanted, tz, start))
        return self._cameras[-1]

    def remove_camera(self, name: str) -> None:
        [camera] = self._wanted([name])
        self._cameras = [c for c in self._cameras if c.name != camera]
        gone = {t.id for t in self._tracks if t.camera == camera}
        self._footage = _without(self._footage, camera)
        self._looked = _without(self._looked, camera)
        self._tracks = _without(self._tracks, camera)
        self._hits = {model: _without(rows, camera) for model, rows in self._hits.items()}
        self._crops = [c for c in self._crops if c.track not in gone]
        self._plates = _without(self._plates, camera)
        self._poses = _without(self._poses, camera)
        self._attributes = _without(self._attributes, camera)
        self._counts = _without(self._counts, camera)
        self._events = _without(self._events, camera)

    def people(self) -> list[Person]:
        return sorted(self._people, key=lambda p: names.folded(p.name))

    def add_person(self, name: str, pictures: Sequence[bytes], consent: str) -> Person:
        name = names.clean(name, "person")
        if not consent.strip():
            raise UserFault(f"Enrolling {name} needs a consent or legal basis.")
        if any(names.folded(p.name) == names.folded(name) for p in self._people):
            raise NameFault(f"{name} is already enrolled.", name=name)
        self._ids += 1
        self._people.append(Person(self._ids, name, consent.strip(), len(pictures)))
        self._pictures[name] = [bytes(p) for p in pictures]
        return self._people[-1]

    def remove_person(self, name: str) -> None:
        person = self._person(name)
        self._people.remove(person)
        self._pictures.pop(person.name, None)
        self._vectors = {key: v for key, v in self._vectors.items() if key[0] != person.name}

    def person_pictures(self, name: str) -> list[bytes]:
        return list(self._pictures.get(self._person(name).name, ()))

    def person_vectors(self, name: str, model: str) -> NDArray[np.float32]:
        found = self._vectors.get((self._person(name).name, model))
        return np.zeros((0, 0), np.float32) if found is None else found.copy()

    def set_person_vectors(self, name: str, model: str, vectors: NDArray[np.float32]) -> None:
        key = (self._person(name).name, model)
        vectors = np.array(vectors, dtype=np.float32)
        if vectors.size:
            if vectors.ndim != 2:
                raise ValueError(f"vectors must be (N, D), not {vectors.shape}")
            self._vectors[key] = vectors
        else:
            self._vectors.pop(key, None)

    # what was looked at

    def spans(self, camera: str) -> list[tuple[float, float]]:
        [name] = self._wanted([camera])
        return intervals.merge((x.start, x.end) for x in self._looked if x.camera == name)

    def coverage(
        self,
        analyzer: str,
        cameras: Sequence[str] | None,
        start: float | None,
        end: float | None,
        *,
        model: str | None = None,
    ) -> Coverage:
        wanted = self._wanted(cameras)
        indexed = exists = 0.0
        gaps: list[tuple[str, float, float]] = []
        rates: list[float] = []
        for camera in wanted:
            footage = intervals.merge((f.start, f.end) for f in self._footage if f.camera == camera)
            mine = [
                x
                for x in self._looked
                if x.camera == camera
                and x.analyzer == analyzer
                and model in (None, x.model)
                and intervals.overlaps(x.start, x.end, start, end)
            ]
            rates.extend(x.sample_fps for x in mine)
            looked = intervals.clip(intervals.merge((x.start, x.end) for x in mine), start, end)
            indexed += intervals.total(looked)
            exists += intervals.total(intervals.clip(footage, start, end))
            low = start if start is not None else (footage[0][0] if footage else None)
            high = end if end is not None else (footage[-1][1] if footage else None)
            if low is not None and high is not None and low < high:
                gaps.extend((camera, a, b) for a, b in intervals.subtract([(low, high)], looked))
        fraction = min(1.0, indexed / exists) if exists > 0 else 0.0
        return Coverage(tuple(wanted), start, end, indexed, fraction, min(rates, default=0.0), tuple(gaps))

    def models(self, analyzer: str, cameras: Sequence[str] | None) -> list[str]:
        wanted = self._wanted(cameras)
        found = [x.model for x in self._looked if x.analyzer == analyzer and x.camera in wanted]
        return sorted(set(found), key=lambda m: (-found.count(m), m))

    def footage(self, camera: str, start: float, end: float) -> list[Footage]:
        [name] = self._wanted([camera])
        found = []
        for f in sorted(self._footage, key=lambda f: f.start):
            if f.camera == name and f.start < end and f.end > start:
                a = max(start, f.start)
                found.append(replace(f, offset=f.offset + a - f.start, start=a, end=min(end, f.end)))
        return found

    # what was found

    def tracks(
        self,
        kind: str,
        cameras: Sequence[str] | None,
        start: float | None,
        end: float | None,
        *,
        model: str | None = None,
    ) -> list[Track]:
        wanted = self._wanted(cameras)
        found = [
            t
            for t in self._tracks
            if t.kind == kind
            and t.camera in wanted
            and model in (None, t.model)
            and intervals.overlaps(t.start, t.end, start, end)
        ]
        return sorted(found, key=lambda t: (t.start, self._order(t.camera), t.id))

    def track(self, id: int) -> Track | None:
        return next((t for t in self._tracks if t.id == id), None)

    def vectors(self, model: str, cameras: Sequence[str] | None, start: float | None, end: float | None) -> list[Hit]:
        wanted = self._wanted(cameras)
        found = [
            h
            for h in self._hits.get(model, ())
            if h.camera in wanted and intervals.overlaps(h.ts, h.ts, start, end) and h.vector is not None
        ]
        return sorted(found, key=lambda h: (h.ts, self._order(h.camera), h.track))

    def search(
        self,
        model: str,
        query: Vector,
        cameras: Sequence[str] | None,
        start: float | None,
        end: float | None,
        *,
        k: int = 100,
    ) -> list[Hit]:
        query = np.asarray(query, np.float32)
        length = float(np.linalg.norm(query))
        found = []
        for hit in self.vectors(model, cameras, start, end):
            assert hit.vector is not None
            if len(hit.vector) != len(query):
                raise LibraryFault(f"Vectors of {model!r} have length {len(hit.vector)}, not {len(query)}.")
            if length:
                cosine = float(hit.vector @ query) / (float(np.linalg.norm(hit.vector)) * length)
                found.append(replace(hit, score=cosine, vector=None))
        return sorted(found, key=lambda h: (-h.score, h.ts, h.track))[: max(k, 0)]

    def best_crop(self, track: int, near: float | None = None) -> tuple[bytes, float] | None:
        mine = [c for c in self._crops if c.track == track]
        if not mine:
            return None
        best = min(mine, key=lambda c: (0.0 if near is None else abs(c.ts - near), -c.quality, c.ts))
        return best.jpeg, best.ts

    def plates(
        self, cameras: Sequence[str] | None, start: float | None, end: float | None, *, model: str | None = None
    ) -> list[PlateRead]:
        wanted = self._wanted(cameras)
        found = [
            p
            for p in self._plates
            if p.camera in wanted and model in (None, p.model) and intervals.overlaps(p.ts, p.ts, start, end)
        ]
        return sorted(found, key=lambda p: (p.ts, self._order(p.camera)))

    def poses(
        self, cameras: Sequence[str] | None, start: float | None, end: float | None, *, model: str | None = None
    ) -> list[Poses]:
        wanted = self._wanted(cameras)
        low, high = -np.inf if start is None else start, np.inf if end is None else end
        found = []
        for p in self._poses:
            keep = (p.ts >= low) & (p.ts < high)
            if p.camera in wanted and model in (None, p.model) and keep.any():
                found.append(replace(p, ts=p.ts[keep], keypoints=p.keypoints[keep]))
        return sorted(found, key=lambda p: (float(p.ts[0]), self._order(p.camera)))

    def attributes(
        self, cameras: Sequence[str] | None, start: float | None, end: float | None, *, model: str | None = None
    ) -> list[Attribute]:
        wanted = self._wanted(cameras)
        tracks = {t.id: t for t in self._tracks}
        found = [
            a
            for a in self._attributes
            if a.camera in wanted
            and model in (None, a.model)
            and intervals.overlaps(tracks[a.track].start, tracks[a.track].end, start, end)
        ]
        return sorted(found, key=lambda a: (tracks[a.track].start, self._order(a.camera), a.track, a.name, a.value))

    def counts(
        self,
        kind: str,
        cameras: Sequence[str] | None,
        start: float | None,
        end: float | None,
        *,
        model: str | None = None,
    ) -> list[Count]:
        wanted = self._wanted(cameras)
        found = [
            c
            for c in self._counts
            if c.kind == kind
            and c.camera in wanted
            and model in (None, c.model)
            and intervals.overlaps(c.ts, c.ts, start, end)
        ]
        return sorted(found, key=lambda c: (c.ts, self._order(c.camera)))

    def events(self, kind: str, cameras: Sequence[str] | None, start: float | None, end: float | None) -> list[Event]:
        wanted = self._wanted(cameras)
        found = [
            e
            for e in self._events
            if e.kind == kind and e.camera in wanted and intervals.overlaps(e.start, e.end, start, end)
        ]
        return sorted(found, key=lambda e: (e.start, self._order(e.camera)))

    def _wanted(self, cameras: Sequence[str] | None) -> list[str]:
        if cameras is None:
            return [c.name for c in self._cameras]
        by_fold = {names.folded(c.name): c.name for c in self._cameras}
        for name in cameras:
            if names.folded(name) not in by_fold:
                raise names.unknown("camera", name, by_fold.values())
        return list(dict.fromkeys(by_fold[names.folded(n)] for n in cameras))

    def _order(self, camera: str) -> int:
        return next(i for i, c in enumerate(self._cameras) if c.name == camera)

    def _person(self, name: str) -> Person:
        for person in self._people:
            if names.folded(person.name) == names.folded(name):
                return person
        raise names.unknown("person", name, [p.name for p in self._people])


def _without(rows: Sequence[R], camera: str) -> list[R]:
    return [r for r in rows if r.camera != camera]
