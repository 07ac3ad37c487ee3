"""From stored face tracks to people: who was where, who may have been, who is unknown.

Tracks of one chain (a face that crosses a border between segments) are one *subject* and vote together. A subject that
wears a mask in all its good frames is judged by its vectors behind masks (``worn``); one that is small in all of them
by its joint vectors, where there are enough. Owns grouping, deciding and merging into appearances. Knows no words:
``tool`` makes the sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from viot_agent.library.api import Library
from viot_agent.library.rows import Track
from viot_tools.faces.identity import Calibration, Look, Verdict, cluster, could_be, is_poor, linked, summary, vote
from viot_tools.faces.joint import LEAST_LOOKS

BRIDGE = 1.0
"""Appearances of one person on one camera that are at most this many seconds apart are one: a face is missed for a
moment behind a hand or a microphone."""

LINK_WITHIN = 3600.0
"""Seconds within which a doubtful track may lean on a track of the same camera that was named (same light and
clothes)."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One face followed on one camera. ``looks`` are all its embeddings; never empty. ``start``/``end`` POSIX seconds,
    half a sampling step beyond its first and last sight, inside the window that was asked for. ``small``: its joint
    vectors, if it is small throughout and was seen well ``LEAST_LOOKS`` times; else empty. ``worn``: its vectors behind
    a mask, if it wears one whenever it is seen well; else empty, and ``looks`` are then those without one."""

    camera: str
    tracks: tuple[Track, ...]
    looks: tuple[Look, ...]
    start: float
    end: float
    small: tuple[Look, ...] = ()
    worn: tuple[Look, ...] = ()

    @property
    def reasons(self) -> frozenset[str]:
        """Why its tracks are poor, in words ("turned away"); empty when they are not."""
        return frozenset(word for track in self.tracks for word in track.label.split(", ") if word)


@dataclass(frozen=True, slots=True)
class Judge:
    """Who is enrolled (name to template (D,)) and under which thresholds a track is compared with them."""

    people: Mapping[str, NDArray[np.float32]]
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class Found:
    """A subject with what was decided, and under which thresholds: ``who`` is None unless named. ``link`` is the cosine
    to the track it leaned on."""

    subject: Subject
    verdict: Verdict
    who: str | None
    calibration: Calibration
    link: float | None = None

    def may_be(self, name: str) -> bool:
        """True when this subject was not named and cannot be ruled out as ``name``. A profile never can be."""
        if self.who is not None or self.verdict.answer == "match":
            return False
        score = self.verdict.scores.get(name, -1.0)
        if self.verdict.poor and "turned away" in self.subject.reasons:
            return True
        close = self.verdict.score - score < self.calibration.margin or self.verdict.who == name
        return close and could_be(score, self.verdict.poor, self.calibration)

    def beside(self, others: Iterable[Subject]) -> bool:
        """True when this face was seen at the same time and by the same camera as one of ``others``: it is not
        theirs."""
        return any(together(self.subject, other) for other in others)


def together(a: Subject, b: Subject) -> bool:
    """Seen at once by one camera for more than half a second."""
    return a.camera == b.camera and min(a.end, b.end) - max(a.start, b.start) > 0.5


@dataclass(frozen=True, slots=True)
class Appearance:
    """A stretch of time in which one person was seen on one camera; ``best`` is its surest subject."""

    who: str
    camera: str
    start: float
    end: float
    best: Found


def subjects(
    library: Library,
    camera: str,
    start: float | None,
    end: float | None,
    model: str,
    sampled_fps: float,
    *,
    joint: str = "",
    worn: str = "",
    gate: float = 0.0,
) -> list[Subject]:
    """The faces of ``camera`` in the window, by first sight. ``joint``: the model of joint vectors, ``worn`` of vectors
    behind masks, empty for none; ``gate``: the quality at which a look is good enough to have one."""
    tracks = library.tracks("face", [camera], start, end, model=model)
    if not tracks:
        return []
    # looks just outside the window still say who it is
    whole = min(t.start for t in tracks), max(t.end for t in tracks) + 1e-3
    looks = _looks(library, model, camera, *whole)
    small = _looks(library, joint, camera, *whole) if joint else {}
    masked = _looks(library, worn, camera, *whole) if worn else {}
    chains: dict[int, list[Track]] = {}
    for track in tracks:
        chains.setdefault(track.chain, []).append(track)
    spans = library.spans(camera)
    found = []
    for chain in chains.values():
        seen = [look for track in chain for look in looks.get(track.id, ())]
        if not seen:
            continue
        seen, behind = _apart(chain, looks, masked, gate)
        half = max(_half_step(track, sampled_fps) for track in chain)
        a, b = min(t.start for t in chain) - half, max(t.end for t in chain) + half
        a, b = _inside(a, b, start, end, spans)
        # a track with enough good looks but no joint vector has a large one: it speaks for the whole chain
        good = [t for t in chain if sum(look.quality >= gate for look in looks.get(t.id, ())) >= LEAST_LOOKS]
        # nor has a face that wore a mask some of the time: its joint vectors may be of those looks
        plain = not any(t.id in masked for t in chain) and all(t.id in small for t in good)
        both = [look for t in good for look in small[t.id]] if plain else []
        found.append(Subject(camera, tuple(chain), _in_time(seen), a, b, _in_time(both), _in_time(behind)))
    return sorted(found, key=lambda s: (s.start, s.tracks[0].id))


def _apart(
    chain: Sequence[Track], looks: Mapping[int, Sequence[Look]], masked: Mapping[int, Sequence[Look]], gate: float
) -> tuple[list[Look], list[Look]]:
    """(the looks to judge the face by, its vectors behind a mask if it wears one whenever it is seen well). A face that
    was seen well without a mask too is judged by those looks alone: they say more."""
    everything = [look for track in chain for look in looks.get(track.id, ())]
    behind = [look for track in chain for look in masked.get(track.id, ())]
    if not behind:
        return everything, []
    covered = {(track.id, look.ts) for track in chain for look in masked.get(track.id, ())}
    bare = [look for track in chain for look in looks.get(track.id, ()) if (track.id, look.ts) not in covered]
    if any(look.quality >= gate for look in bare):
        return bare, []
    return everything, behind


def _looks(library: Library, model: str, camera: str, start: float, end: float) -> dict[int, list[Look]]:
    looks: dict[int, list[Look]] = {}
    for hit in library.vectors(model, [camera], start, end):
        if hit.vector is not None:
            looks.setdefault(hit.track, []).append(Look(hit.ts, hit.quality, hit.vector))
    return looks


def _in_time(looks: Iterable[Look]) -> tuple[Look, ...]:
    return tuple(sorted(looks, key=lambda look: look.ts))


def _half_step(track: Track, sampled_fps: float) -> float:
    """Half the time between two sights: that far, on the mean, the face was there before and after."""
    if len(track.ts) >= 2:
        step = float(np.median(np.diff(track.ts)))
    else:
        step = 1 / sampled_fps if sampled_fps > 0 else 0.0
    return min(step, 0.5) / 2


def _inside(
    a: float, b: float, start: float | None, end: float | None, spans: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    middle = (a + b) / 2
    span = next(((x, y) for x, y in spans if x <= middle <= y), None)
    low = max(x for x in (a, start, span[0] if span else None) if x is not None)
    high = min(x for x in (b, end, span[1] if span else None) if x is not None)
    return low, max(low, high)


def decide(
    found: Sequence[Subject], judge: Judge, small: Judge | None = None, worn: Judge | None = None
) -> list[Found]:
    """Name the subjects, each by its own looks (masked ones by their vectors behind masks, small ones by their joint
    vectors, if there is a judge for them); then those in doubt, by a named one of the same camera (one step). Whole
    faces in the same mask are alike whoever wears them: masked subjects neither lean on others nor support them.
    Without a judge for them they are judged as bare ones."""
    votes = []
    for subject in found if worn is not None else [replace(s, worn=()) for s in found]:
        by, looks = judge, subject.looks
        if worn is not None and subject.worn:
            by, looks = worn, subject.worn
        elif small is not None and subject.small:
            by, looks = small, subject.small
        votes.append((subject, vote(looks, by.people, by.calibration), by.calibration))
    calibration = judge.calibration
    named = [(s, v.who, summary(s.looks, calibration)) for s, v, _ in votes if v.answer == "match" and not s.worn]
    out = []
    for subject, verdict, by_calibration in votes:
        if verdict.answer == "match" or subject.worn:
            who = verdict.who if verdict.answer == "match" else None
            out.append(Found(subject, verdict, who, by_calibration))
            continue
        near: dict[str, list[NDArray[np.float32]]] = {}
        for other, who, vector in named:
            apart = max(other.start - subject.end, subject.start - other.end)
            if other.camera == subject.camera and apart <= LINK_WITHIN and not together(other, subject):
                near.setdefault(who, []).append(vector)
        link = linked(subject.looks, verdict, near, calibration, len(judge.people), by_calibration.margin)
        out.append(Found(subject, verdict, verdict.who if link is not None else None, by_calibration, link))
    return out


def appearances(found: Iterable[Found]) -> list[Appearance]:
    """Merge named subjects: per person and camera, bridging gaps up to :data:`BRIDGE`; by name, camera, time."""
    out: list[Appearance] = []
    named = [f for f in found if f.who is not None]
    for f in sorted(named, key=lambda f: (f.who or "", f.subject.camera, f.subject.start)):
        last = out[-1] if out else None
        assert f.who is not None
        if last and (last.who, last.camera) == (f.who, f.subject.camera) and f.subject.start - last.end <= BRIDGE:
            best = max(last.best, f, key=lambda x: x.verdict.score)
            out[-1] = Appearance(f.who, last.camera, last.start, max(last.end, f.subject.end), best)
        else:
            out.append(Appearance(f.who, f.subject.camera, f.subject.start, f.subject.end, f))
    return out


def strangers(found: Sequence[Found], calibration: Calibration) -> list[list[Found]]:
    """The subjects that are nobody enrolled (answer *no*, good enough to say so), grouped into distinct people: bare
    faces, then masked ones by their own vectors (somebody seen both ways counts twice)."""
    unknown = [f for f in found if f.who is None and f.verdict.answer == "no" and not f.verdict.poor]
    bare = [f for f in unknown if not f.subject.worn]
    masked = [f for f in unknown if f.subject.worn]
    groups = _people([(f, summary(f.subject.looks, calibration)) for f in bare], calibration.same)
    if masked:
        by = masked[0].calibration
        groups += _people([(f, summary(f.subject.worn, by)) for f in masked], by.same)
    return groups


def _people(some: Sequence[tuple[Found, NDArray[np.float32]]], same: float) -> list[list[Found]]:
    """Subjects with their vectors, grouped into distinct people."""
    if not some:
        return []
    apart = [
        (i, j) for i, (a, _) in enumerate(some) for j, (b, _) in enumerate(some[:i]) if together(a.subject, b.subject)
    ]
    labels = cluster(np.stack([vector for _, vector in some]), same, apart)
    groups: list[list[Found]] = [[] for _ in range(max(labels) + 1)]
    for (f, _), label in zip(some, labels, strict=True):
        groups[label].append(f)
    return groups


def too_poor(found: Sequence[Found], calibration: Calibration) -> list[Found]:
    """The unnamed subjects of which no look is good enough to tell."""
    return [f for f in found if f.who is None and is_poor(f.subject.looks, calibration)]
