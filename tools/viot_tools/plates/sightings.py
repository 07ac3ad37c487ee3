"""From stored readings to sightings: one vote per plate and passage.

Readings of one chain of tracks (a plate that crosses a border of segments) vote together; passages of one text on one
camera at most ``BRIDGE`` seconds apart are one, and so is a reading of a part of a plate with that of all of it, made
in the same place at the same time. Owns grouping, voting and comparing. Makes no sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from viot_agent.fleet.plates import normalise_plate
from viot_agent.library.api import Library
from viot_agent.library.rows import PlateRead
from viot_agent.media.types import XYXY
from viot_tools.plates.vote import Reading, Voted, distance, vote

BRIDGE = 10.0
"""Seconds; a car that stands behind another for a moment has not left."""
SURE = 0.75
"""Voted score from which a reading is stated without reserve."""
NEAR = 1.0
"""Edit distance, confusable pairs costing half, up to which a plate is similar: one character misread or missed."""

TOGETHER = 1.0
"""Seconds between two readings of one place that count as made at the same time."""

Match = Literal["same", "similar", "other"]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One plate on one camera from ``start`` to ``end`` (POSIX seconds). ``reads`` best first."""

    camera: str
    track: int
    start: float
    end: float
    voted: Voted
    reads: tuple[PlateRead, ...]

    @property
    def text(self) -> str:
        """The voted text, normalised."""
        return self.voted.text

    @property
    def best(self) -> PlateRead:
        """The surest reading: among those of the voted text if there is one."""
        same = [r for r in self.reads if normalise_plate(r.text) == self.text]
        return max(same or list(self.reads), key=lambda r: (r.score, -r.ts))

    @property
    def moments(self) -> int:
        """In how many frames it was read; a frame in which two vehicles overlap gives two readings of one plate."""
        return len({r.ts for r in self.reads})

    @property
    def sure(self) -> bool:
        """Whether the text may be stated without reserve: a good score, and the frames agree."""
        return self.voted.score >= SURE and self.voted.agreement >= 0.6

    def match(self, plate: str) -> Match:
        """How this sighting compares with a normalised plate. Only the voted text can be the *same*."""
        if self.text == plate:
            return "same"
        if distance(self.text, plate) <= NEAR or any(normalise_plate(r.text) == plate for r in self.reads):
            return "similar"
        return "other"


def sightings(
    library: Library, camera: str, start: float | None, end: float | None, model: str | None
) -> list[Sighting]:
    """What was read on ``camera`` in the window, by first sight."""
    tracks = {t.id: t for t in library.tracks("plate", [camera], start, end, model=model)}
    groups: dict[int, list[PlateRead]] = {}
    for read in library.plates([camera], start, end, model=model):
        chain = tracks[read.track].chain if read.track in tracks else read.track
        groups.setdefault(chain, []).append(read)
    found = []
    for reads in groups.values():
        mine = [tracks[r.track] for r in reads if r.track in tracks]
        first = min([r.ts for r in reads] + [t.start for t in mine])
        last = max([r.ts for r in reads] + [t.end for t in mine])
        first = first if start is None else max(first, start)
        last = last if end is None else min(last, end)
        found.append(_sighting(camera, first, last, reads))
    return _whole(_bridged(sorted(found, key=lambda s: (s.start, s.text))))


def _sighting(camera: str, start: float, end: float, reads: Sequence[PlateRead]) -> Sighting:
    voted = vote([_reading(r) for r in reads])
    ordered = tuple(sorted(reads, key=lambda r: (-r.score, r.ts)))
    return Sighting(camera, ordered[0].track, start, max(start, end), voted, ordered)


def _reading(read: PlateRead) -> Reading:
    """The stored reading in normal form. Where normalising changes the length, every character gets the mean score."""
    text = normalise_plate(read.text)
    scores = read.char_scores if len(text) == len(read.char_scores) else (read.score,) * len(text)
    return Reading(text, tuple(float(s) for s in scores))


def _bridged(found: Sequence[Sighting]) -> list[Sighting]:
    done: list[Sighting] = []
    for one in found:
        before = next((s for s in reversed(done) if s.text == one.text and one.start - s.end <= BRIDGE), None)
        if before is None:
            done.append(one)
            continue
        merged = _sighting(one.camera, before.start, max(before.end, one.end), [*before.reads, *one.reads])
        done[done.index(before)] = merged
    return done


def _whole(found: Sequence[Sighting]) -> list[Sighting]:
    """Without those that read a part of what another read in the same place at the same time: the longer text stays."""
    done: list[Sighting] = []
    for one in found:
        other = next((s for s in done if s.end >= one.start - TOGETHER and _part(s, one)), None)
        if other is None:
            done.append(one)
            continue
        kept = _kept(other, one)
        reads = tuple(sorted((*other.reads, *one.reads), key=lambda r: (-r.score, r.ts)))
        start, end = min(other.start, one.start), max(other.end, one.end)
        done[done.index(other)] = Sighting(kept.camera, kept.track, start, end, kept.voted, reads)
    return done


def _kept(a: Sighting, b: Sighting) -> Sighting:
    """The longer text where it was read about as often; one more letter in a frame or two is a rim or a strip."""
    short, long = sorted((a, b), key=lambda s: len(s.text))
    return long if 2 * long.moments >= short.moments and (long.sure or not short.sure) else short


def _part(a: Sighting, b: Sighting) -> bool:
    """Whether one text is a part of the other, and they were read in one place at one time."""
    if a.text == b.text or (a.text not in b.text and b.text not in a.text):
        return False
    return any(abs(x.ts - y.ts) <= TOGETHER and _one_place(x.xyxy, y.xyxy) for x in a.reads for y in b.reads)


def _one_place(a: XYXY, b: XYXY) -> bool:
    """Whether more than half of the smaller box lies in the other."""
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return w > 0 and h > 0 and w * h > 0.5 * min((x[2] - x[0]) * (x[3] - x[1]) for x in (a, b))
