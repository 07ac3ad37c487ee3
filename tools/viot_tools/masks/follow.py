"""Faces followed through a video, so that a mask sits still on each: landmarks at sampled frames, smoothed in time.

The file is read once for this, before anything is drawn, so smoothing looks ahead as well as back and has no lag. Each
point is a mean over its neighbours in time, weighed by nearness in time and by how little the face has moved meanwhile
(a bilateral filter, Tomasi and Manduchi 1998): a still face is held still, a fast one is not smeared. Owns tracks and
smoothing. Draws nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import XYXY, Image, Reader
from viot_tools.faces.detect import Face
from viot_tools.faces.tracking import CutDetector, FaceTracker, affinity
from viot_tools.masks.face import FaceMesh, Points, pose_scale
from viot_tools.masks.landmarks import Landmarks
from viot_tools.masks.light import Light, light_on
from viot_tools.masks.pictures import usable

RATE = 12.5
"""Frames a second at which faces are looked for; between them points are interpolated."""
SELDOM = 0.5
SURE = {"yunet": 0.7, "dlib-hog": 0.88}
"""A face that is found in fewer than this share of the samples of its time, and never with its detector's sure score,
is none: things in the background are taken for faces now and then."""
AGAIN = 3.0
"""Seconds within which a face that comes back at its old place is the same wearer."""
_NEAR = 0.20
"""Seconds: deviation of the weights in time."""
_STILL = 0.05
"""Canonical units: deviation of the weights in movement of the face."""


@dataclass(slots=True)
class FacePath:
    """One face through one shot. ``wearer`` counts people from 0 in order of appearance; after :func:`smoothed`,
    ``points`` (N, 68, 2) at the times ``ts`` (N,) seconds. Visible from ``first`` to ``last`` seconds; ``score`` the
    detector's best of it."""

    wearer: int
    first: float
    last: float
    ts: list[float] = field(default_factory=list)
    points: list[Points] = field(default_factory=list)
    lights: list[Light] = field(default_factory=list)
    box: XYXY = (0.0, 0.0, 0.0, 0.0)
    score: float = 0.0

    def believed(self, step: float, sure: float) -> bool:
        """Whether it is a face, sampled every ``step`` seconds, by a detector that is ``sure`` from that score on."""
        return self.score >= sure or len(self.ts) >= SELDOM * ((self.ts[-1] - self.ts[0]) / step + 1)

    def at(self, t: float) -> Points:
        """(68, 2) pixels at ``t`` seconds: on a line between samples, held at the ends."""
        i = int(np.clip(np.searchsorted(self.ts, t), 1, max(1, len(self.ts) - 1)))
        if len(self.ts) == 1:
            return self.points[0]
        share = float(np.clip((t - self.ts[i - 1]) / max(self.ts[i] - self.ts[i - 1], 1e-6), 0, 1))
        return np.asarray(self.points[i - 1] * (1 - share) + self.points[i] * share, np.float32)

    def light(self, t: float) -> Light:
        """The light on the face at ``t`` seconds."""
        return self.lights[int(np.abs(np.asarray(self.ts) - t).argmin())]


def follow(
    reader: Reader,
    times: Sequence[float],
    landmarks: Landmarks,
    said: Callable[[float], None] | None = None,
) -> list[FacePath]:
    """The faces of a video. ``times``: seconds of all its frames; ``said`` hears how far it is, 0..1.

    Faces seen in one sample only, or seldom and never surely, are left out: such are mostly none. Raises what the
    reader raises.
    """
    fps = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else RATE
    stride = max(1, round(fps / RATE))
    step = stride / fps
    tracker, cuts = FaceTracker(), CutDetector()
    live: dict[int, FacePath] = {}
    paths: list[FacePath] = []
    shot, wearers = times[0] if times else 0.0, 0
    for i, frame in enumerate(reader.read(times)):
        t = times[i]
        fresh = cuts.see(frame.image)
        if fresh:
            tracker.end()
            for path in live.values():
                path.last = min(path.last, t - 1e-4)
            live.clear()
            shot = t
        if i % stride and not fresh:
            continue
        seen = _seen(landmarks, frame.image)
        pairs, _ = tracker.update(t, [face for face, _ in seen])
        points_of = {id(face): points for face, points in seen}
        here = [live[trail.number] for trail, _ in pairs if trail.number in live]
        for trail, face in pairs:
            points = points_of[id(face)]
            if trail.number not in live:
                wearer = _back([p for p in paths if all(p is not h for h in here)], face.xyxy, t, shot)
                if wearer is None:
                    wearer, wearers = wearers, wearers + 1
                live[trail.number] = FacePath(wearer, max(shot, t - step + 1e-3), t)
                paths.append(live[trail.number])
                here.append(live[trail.number])
            path = live[trail.number]
            path.ts.append(t)
            path.points.append(points)
            # light changes slowly, and reading it costs as much as landmarks
            read = len(path.lights) % 4 == 0
            path.lights.append(light_on(frame.image, FaceMesh(points)) if read else path.lights[-1])
            path.box, path.last, path.score = face.xyxy, t + step - 1e-3, max(path.score, face.score)
        if said is not None:
            said((i + 1) / len(times))
    many = len(times) > 3 * stride
    sure = SURE.get(landmarks.detector.model, np.inf)
    kept = [smoothed(path) for path in paths if (len(path.ts) > 1 or not many) and path.believed(step, sure)]
    order = list(dict.fromkeys(p.wearer for p in kept))
    for path in kept:
        path.wearer = order.index(path.wearer)
    return kept


def _seen(landmarks: Landmarks, image: Image) -> list[tuple[Face, Points]]:
    """Faces that can wear a mask. They are looked for in half the size: what is lost is too small for a mask."""
    import cv2

    width = max(480, image.shape[1] // 2)
    small, ratio = image, image.shape[1] / width
    if ratio > 1:
        small = cv2.resize(image, (width, max(1, round(image.shape[0] / ratio))), interpolation=cv2.INTER_AREA)
    found = [_enlarged(f, image.shape[1] / small.shape[1]) for f in landmarks.detector.detect(small)]
    points = [landmarks.points(image, f, boxes=1) for f in found]
    return [(f, p) for f, p in zip(found, points, strict=True) if usable(p, f.xyxy[3] - f.xyxy[1])]


def _enlarged(face: Face, by: float) -> Face:
    x0, y0, x1, y1 = face.xyxy
    return Face((x0 * by, y0 * by, x1 * by, y1 * by), face.score, face.landmarks * np.float32(by))


def _back(paths: Sequence[FacePath], box: XYXY, t: float, shot: float) -> int | None:
    """The wearer who was at this place a moment ago in this shot, and is not seen elsewhere now."""
    gone = [p for p in paths if p.ts[0] >= shot - 1e-6 and p.ts[-1] < t - 1e-6 and t - p.ts[-1] <= AGAIN]
    chances = [(affinity(p.box, box), p.ts[-1], p.wearer) for p in gone]
    best = max(chances, default=(0.0, 0.0, -1))
    return best[2] if best[0] > 0 else None


def smoothed(path: FacePath) -> FacePath:
    """The path with points and lights smoothed over time, in place; returned for chaining."""
    ts = np.asarray(path.ts)
    raw = np.stack(path.points).astype(np.float64)
    middle = raw[:, 27:36].mean(axis=1)
    scale = np.array([pose_scale(p) for p in raw])
    near = np.exp(-(((ts[:, None] - ts[None]) / _NEAR) ** 2) / 2)
    moved = np.linalg.norm(middle[:, None] - middle[None], axis=2) / np.median(scale)
    grown = np.abs(np.log(scale[:, None] / scale[None]))
    still = np.exp(-((moved / _STILL) ** 2 + (grown / _STILL) ** 2) / 2)
    weights = near * still
    weights /= weights.sum(axis=1, keepdims=True)
    held = np.einsum("ij,jkc->ikc", weights, raw)
    # what turns and speaks is smoothed by time alone, carried along with the moving face
    shape = (raw - middle[:, None]) / scale[:, None, None]
    plain = np.exp(-(((ts[:, None] - ts[None]) / (0.6 * _NEAR)) ** 2) / 2)
    plain /= plain.sum(axis=1, keepdims=True)
    calm = np.einsum("ij,jkc->ikc", plain, shape)
    centre = held[:, 27:36].mean(axis=1)
    size = np.exp(weights @ np.log(scale))
    path.points = [np.asarray(c + s * k, np.float32) for c, s, k in zip(centre, size, calm, strict=True)]
    path.lights = _steady(path.lights, ts)
    return path


def _steady(lights: Sequence[Light], ts: NDArray[np.float64]) -> list[Light]:
    """Lights over half a second. Hair before a strap is not looked for in videos: it would flicker."""
    slow = np.exp(-(((ts[:, None] - ts[None]) / 0.5) ** 2) / 2)
    slow /= slow.sum(axis=1, keepdims=True)
    rows = slow @ np.array([(v.level, v.across, v.down, v.blur, *v.cast) for v in lights])
    grey = sum(v.grey for v in lights) * 2 > len(lights)
    return [Light(r[0], r[1], r[2], r[4:7].astype(np.float32), grey, 0.0, r[3]) for r in rows]
