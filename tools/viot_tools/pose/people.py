"""From stored tracks and poses to people: what one person did is spread over segments, and over tracks that broke.

Tracks of one chain are one person (the library links them over segments), and so are those that
:mod:`viot_tools.objects.handover` joins.

A pose model that looks at one person a square may follow the neighbour instead: poses whose joints lie mostly outside
of the person's own box are left out here.

Owns this joining and that choice. Knows no action and no sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final

import numpy as np
from numpy.typing import NDArray

from viot_agent.library.api import Library
from viot_agent.library.rows import Poses, Track
from viot_tools.objects.counts import believed
from viot_tools.objects.detections import PERSON
from viot_tools.objects.handover import Path, handed_over, rising

OWN: Final = 0.6
"""Share of the joints, sure or not, that must lie in the person's own box (a tenth larger)."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person on one camera. ``ts`` (N,) and ``keypoints`` (N, 17, 3): poses; ``box_ts`` (M,) and ``boxes`` (M, 4)
    xyxy: where the detector saw them; ``tracks`` by time. ``model``/``model_version`` made the poses."""

    camera: str
    tracks: tuple[int, ...]
    ts: NDArray[np.float64]
    keypoints: NDArray[np.float32]
    box_ts: NDArray[np.float64]
    boxes: NDArray[np.float32]
    model: str
    model_version: str

    @property
    def start(self) -> float:
        return float(self.ts[0])

    @property
    def end(self) -> float:
        return float(self.ts[-1])


def people(library: Library, camera: str, start: float | None, end: float | None, model: str) -> list[Person]:
    """Everybody with poses of ``model`` on ``camera`` in the window, by first appearance; flickers are left out."""
    poses = library.poses([camera], start, end, model=model)
    wanted = {p.track for p in poses}
    tracks = {t.id: t for t in library.tracks(PERSON, [camera], start, end) if t.id in wanted}
    poses = [p for p in poses if p.track in tracks]
    groups: dict[int, list[Poses]] = {}
    for p in poses:
        groups.setdefault(p.chain, []).append(p)
    made = [_person([tracks[p.track] for p in mine], mine) for mine in groups.values()]
    found = [p for p in made if p is not None]
    best = {t.id: float(t.scores.max()) for t in tracks.values()}
    joined = join(sorted(found, key=lambda p: p.start))
    return [p for p in joined if believed(len(p.box_ts), max(best[t] for t in p.tracks))]


def join(found: Sequence[Person]) -> list[Person]:
    """Hand broken tracks over, nearest in time first; ``found`` by first appearance."""
    cameras = {name: k for k, name in enumerate(dict.fromkeys(p.camera for p in found))}
    paths = [Path(p.box_ts, p.boxes, cameras[p.camera]) for p in found]
    return [reduce(_together, (found[k] for k in group)) for group in handed_over(paths)]


def own(ts: NDArray[np.float64], keypoints: NDArray[np.float32], track: Track) -> NDArray[np.bool_]:
    """Which of the poses (N, 17, 3) have at least ``OWN`` of their joints in the track's box of that time."""
    at = np.abs(track.ts[None] - ts[:, None]).argmin(1)
    x0, y0, x1, y1 = (track.boxes[at, k][:, None] for k in range(4))
    edge = 0.1 * np.maximum(x1 - x0, y1 - y0)
    x, y = keypoints[:, :, 0], keypoints[:, :, 1]
    inside = (x >= x0 - edge) & (x <= x1 + edge) & (y >= y0 - edge) & (y <= y1 + edge)
    return np.asarray(inside.mean(1) >= OWN)


def _person(tracks: Sequence[Track], poses: Sequence[Poses]) -> Person | None:
    """One person of the tracks of one chain; None where no pose is theirs."""
    kept = []
    for track, p in zip(tracks, poses, strict=True):
        mine = own(p.ts, p.keypoints, track)
        if mine.any():
            kept.append((track, replace(p, ts=p.ts[mine], keypoints=p.keypoints[mine])))
    if not kept:
        return None
    tracks, poses = [t for t, _ in kept], [p for _, p in kept]
    order = sorted(range(len(poses)), key=lambda i: float(poses[i].ts[0]))
    ts = np.concatenate([poses[i].ts for i in order])
    keep = rising(ts)
    box_ts = np.concatenate([tracks[i].ts for i in order])
    box_keep = rising(box_ts)
    first = poses[order[0]]
    return Person(
        first.camera,
        tuple(poses[i].track for i in order),
        ts[keep],
        np.concatenate([poses[i].keypoints for i in order])[keep],
        box_ts[box_keep],
        np.concatenate([tracks[i].boxes for i in order])[box_keep],
        first.model,
        first.model_version,
    )


def _together(a: Person, b: Person) -> Person:
    ts, box_ts = np.concatenate([a.ts, b.ts]), np.concatenate([a.box_ts, b.box_ts])
    keep, box_keep = rising(ts), rising(box_ts)
    return Person(
        a.camera,
        (*a.tracks, *b.tracks),
        ts[keep],
        np.concatenate([a.keypoints, b.keypoints])[keep],
        box_ts[box_keep],
        np.concatenate([a.boxes, b.boxes])[box_keep],
        a.model,
        a.model_version,
    )
