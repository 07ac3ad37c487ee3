"""What one person did, from poses and boxes: windows judged by the network, votes over time, walking and falls by
physics.

Each moment is seen by up to five windows; their probabilities are averaged, the best class is said where it reaches
the calibrated least probability and is not "other", else the moment is *unknown*. Stretches shorter than ``SHORT`` are
unknown too. What is left unknown may be walking, by the way of the box (:mod:`viot_tools.pose.walks`). A fall comes
from :mod:`viot_tools.pose.falls` alone, with a veto: where the network sees the person upright right afterwards, it
was none (boxes change their owner in a crowd). What the network calls a fall without that is unknown, and a person who
fell lies until they are up again, whatever the pose model makes of them.

Owns this judgement. Knows no storage and no sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from viot_tools.pose.falls import Fall, falls
from viot_tools.pose.network import Calibration
from viot_tools.pose.people import Person
from viot_tools.pose.walks import walks
from viot_tools.pose.windows import EVERY, FRAMES, STEP, Window, features, windows

UNKNOWN: Final = "unknown"
SHORT: Final = 0.7
"""Seconds: a stretch below it is one odd window."""
UPRIGHT: Final = ("standing", "walking", "running", "waving", "carrying", "sitting")
VETO: Final = 0.7
"""Mean probability of being upright in the two seconds after a fall that makes it none."""
REAL_CLIPS: Final = {
    "standing": 5,
    "walking": 5,
    "running": 0,
    "sitting": 1,
    "falling": 1,
    "lying": 1,
    "waving": 0,
    "squatting": 1,
    "fighting": 0,
    "carrying": 1,
}
"""Real clips on which each action was measured (``datasets/annotations/actions.json``)."""
RARE: Final = 0.7
"""Least probability of an action that fewer than ``ALARM_CLIPS`` real clips bear out: set, not measured."""
BY_BOX: Final = 0.85
"""The score of walking that the box alone tells: set. Most such moments of the annotated clips are walking (without the
rule ``action.f1.walking`` was 0.52)."""
DOUBTED: Final = {"carrying": 0.95}
"""Least probability of what the network calls so of others and not of the one who does it: set, not measured."""
ALARM_CLIPS: Final = 3
"""An action measured on fewer clips is told, and never an alarm."""


class Classifier(Protocol):
    """The seam: ``ActionNetwork``, or a fake."""

    @property
    def calibration(self) -> Calibration: ...
    def probabilities(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 7, 10, 17) features to (N, classes)."""
        ...


@dataclass(frozen=True, slots=True)
class Done:
    """Something a person did from ``start`` to ``end`` (POSIX seconds); ``score`` the mean probability, 0..1."""

    action: str
    start: float
    end: float
    score: float

    @property
    def alarm(self) -> bool:
        """Whether this kind was measured on enough real clips to wake somebody."""
        return REAL_CLIPS.get(self.action, 0) >= ALARM_CLIPS


def actions(person: Person, network: Classifier) -> list[Done]:
    """What the person did, in order of time and without overlaps; gaps are moments that no window covers."""
    seen = list(windows(person.ts, person.keypoints))
    classes = network.calibration.classes
    p = network.probabilities(
        features(np.stack([w.keypoints for w in seen])) if seen else np.zeros((0, 7, FRAMES, 17), np.float32)
    )
    found = _spans(_votes(seen, p), classes, network.calibration.least)
    found = _with_walks(found, walks(person.box_ts, person.boxes))
    for fall in falls(person.box_ts, person.boxes):
        if not _stands(fall, seen, p, classes):
            found = _with_fall(found, fall)
    return found


@dataclass(frozen=True, slots=True)
class _Moment:
    t: float
    p: NDArray[np.float32]


def _votes(seen: Sequence[Window], p: NDArray[np.float32]) -> list[_Moment]:
    """The mean probabilities at every second grid point that a window covers."""
    by_time: dict[float, list[NDArray[np.float32]]] = {}
    for window, row in zip(seen, p, strict=True):
        for k in range(0, FRAMES, EVERY):
            by_time.setdefault(round(window.start + k * STEP, 3), []).append(row)
    return [_Moment(t, np.mean(rows, axis=0)) for t, rows in sorted(by_time.items())]


def _spans(moments: Sequence[_Moment], classes: Sequence[str], least: float) -> list[Done]:
    told = [(m, *_say(m, classes, least)) for m in moments]
    found: list[Done] = []
    step = STEP * EVERY
    for _, run in groupby(_numbered(told), key=lambda x: x[0]):
        part = [x[1] for x in run]
        start, end = part[0][0].t, part[-1][0].t + step
        name, score = part[0][1], float(np.mean([x[2] for x in part]))
        if end - start < SHORT:
            name = UNKNOWN
        if found and found[-1].action == name and start - found[-1].end < step / 2:
            found[-1] = Done(name, found[-1].start, end, (found[-1].score + score) / 2)
        else:
            found.append(Done(name, start, end, score))
    return found


def _numbered(told: Sequence[tuple[_Moment, str, float]]) -> list[tuple[int, tuple[_Moment, str, float]]]:
    """A new number where the action changes or time has a hole."""
    out, number = [], 0
    for i, x in enumerate(told):
        if i and (x[1] != told[i - 1][1] or x[0].t - told[i - 1][0].t > STEP * EVERY * 1.5):
            number += 1
        out.append((number, x))
    return out


def _say(moment: _Moment, classes: Sequence[str], least: float) -> tuple[str, float]:
    best = int(moment.p.argmax())
    name, score = classes[best], float(moment.p[best])
    if REAL_CLIPS.get(name, 0) < ALARM_CLIPS:
        least = max(least, DOUBTED.get(name, RARE))
    return (name, score) if score >= least and name not in ("other", "falling") else (UNKNOWN, score)


def _stands(fall: Fall, seen: Sequence[Window], p: NDArray[np.float32], classes: Sequence[str]) -> bool:
    """Is the person upright in the windows that begin in the two seconds after the fall?"""
    upright = [i for i, name in enumerate(classes) if name in UPRIGHT]
    after = [row[upright].sum() for w, row in zip(seen, p, strict=True) if fall.end <= w.start <= fall.end + 2.0]
    return bool(after) and float(np.mean(after)) >= VETO


def _with_walks(found: Sequence[Done], stretches: Sequence[tuple[float, float]]) -> list[Done]:
    """Walking by the box, where the network tells nothing."""
    told = [d for d in found if d.action != UNKNOWN]
    walked: list[Done] = []
    for start, end in stretches:
        free = [(start, end)]
        for d in told:
            free = [part for a, b in free for part in ((a, min(b, d.start)), (max(a, d.end), b)) if part[1] > part[0]]
        walked += [Done("walking", a, b, BY_BOX) for a, b in free if b - a >= SHORT]
    out = [*told, *walked]
    for d in found:
        if d.action == UNKNOWN:
            left = [(d.start, d.end)]
            for w in walked:
                left = [
                    part for a, b in left for part in ((a, min(b, w.start)), (max(a, w.end), b)) if part[1] > part[0]
                ]
            out += [Done(UNKNOWN, a, b, d.score) for a, b in left]
    return _joined(sorted(out, key=lambda d: d.start))


def _joined(found: Sequence[Done]) -> list[Done]:
    """Neighbours of one action as one."""
    out: list[Done] = []
    for d in found:
        if out and out[-1].action == d.action and d.start - out[-1].end < STEP * EVERY / 2:
            last = out[-1]
            whole = (last.end - last.start) + (d.end - d.start)
            score = (last.score * (last.end - last.start) + d.score * (d.end - d.start)) / max(whole, 1e-9)
            out[-1] = Done(d.action, last.start, max(last.end, d.end), score)
        else:
            out.append(d)
    return out


def _with_fall(found: Sequence[Done], fall: Fall) -> list[Done]:
    """Cut the fall, and the time that the person stayed down, out of what the network said."""
    out: list[Done] = []
    for d in found:
        if d.start < fall.start:
            out.append(Done(d.action, d.start, min(d.end, fall.start), d.score))
        if d.end > fall.down_until:
            out.append(Done(d.action, max(d.start, fall.down_until), d.end, d.score))
    score = min(1.0, fall.score)
    out.append(Done("falling", fall.start, fall.end, score))
    if fall.down_until > fall.end:
        out.append(Done("lying", fall.end, fall.down_until, score))
    return sorted((d for d in out if d.end - d.start > 1e-6), key=lambda d: d.start)
