"""What is trouble without any history: a fall, sudden darkness, and what a kind of place does not have.

These are written priors, few and blunt, each with its own words:

* **fall**: a person's box loses at least 40 % of its height within two seconds, its top comes down, its foot stays,
  and it stays low for ``STAYS`` seconds (the aspect-and-height rule of fall detection, e.g. Rougier et al., "Robust
  Video Surveillance for Fall Detection Based on Human Shape Deformation", IEEE TCSVT 2011, without the shape part).
  Not told where people lie down on purpose.
* **dark**: the picture loses two thirds of its brightness within two seconds and does not get it back.
* **vehicle**: one moves through an indoor place, a park, a forest or a railway platform.
* **ran**: somebody covers over twice the own height within a second indoors.

Owns these rules. Knows neither storage nor sentences; boxes are (left, top, right, bottom), y downwards.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from viot_agent.library.rows import Track
from viot_tools.anomaly.measure import Seconds
from viot_tools.scene.vocabulary import INDOORS, inside

What = Literal["fall", "dark", "vehicle", "ran"]
STAYS = 1.5
BEFORE = 2.0
"""Seconds within which who lies now must have stood."""
LOW, DROP, FOOT = 0.6, 0.35, 0.25
"""Height kept at most, way of the top at least, way of the foot upwards at most: shares of the height before."""
UP = 0.2
"""Share of the height before, by which the top may stay lower, that is up again."""
FAST = 2.2
"""Own heights a second; walking is under one, running about three."""
DARKER = 3.0
LYING_IS_USUAL: Final = frozenset({"gym", "bedroom", "beach", "stage"})
NO_VEHICLES: Final = frozenset({*inside(INDOORS), "park", "forest", "railway platform"}) - {
    "warehouse",
    "factory floor",
    "workshop",
    "station hall",
    "lobby",
    "shopping mall",
    "shop",
}
"""Shops, malls and lobbies have glass fronts: what drives by outside is seen."""
NO_RUNNING: Final = frozenset(inside(INDOORS)) - {"gym", "stage"}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a rule found: POSIX seconds, the track it rests on (None for *dark*), how far past the rule's line."""

    what: What
    start: float
    end: float
    score: float
    track: Track | None = None


def troubles(
    scene: Sequence[str], people: Sequence[Track], vehicles: Sequence[Track], seconds: Seconds
) -> list[Trouble]:
    """Everything the rules find where ``scene`` lists what the place may be; a rule about places needs all to agree."""
    place = frozenset(scene)
    found = [] if place and place <= LYING_IS_USUAL else falls(people)
    found += darkenings(seconds)
    if place and place <= NO_VEHICLES:
        found += [Trouble("vehicle", v.start, v.end, 1.0, v) for v in vehicles if _drives(v)]
    if place and place <= NO_RUNNING:
        found += [t for person in people if (t := _ran(person)) is not None]
    return sorted(found, key=lambda t: t.start)


@dataclass(frozen=True, slots=True)
class _Box:
    t: float
    left: float
    top: float
    right: float
    bottom: float
    track: int

    @property
    def height(self) -> float:
        return self.bottom - self.top

    def over(self, other: _Box) -> float:
        """Horizontal overlap as a share of the narrower."""
        inter = min(self.right, other.right) - max(self.left, other.left)
        return max(0.0, inter) / max(1e-6, min(self.right - self.left, other.right - other.left))


def falls(people: Sequence[Track]) -> list[Trouble]:
    """Falls among the boxes of all ``people`` together: a detector often loses who falls, and finds a new one lying."""
    boxes = [
        _Box(float(t), float(box[0]), float(box[1]), float(box[2]), float(box[3]), k)
        for k, person in enumerate(people)
        for t, box in zip(person.ts, person.boxes, strict=True)
    ]
    boxes.sort(key=lambda b: b.t)
    times = [b.t for b in boxes]
    ends = {k: float(person.ts[-1]) for k, person in enumerate(people)}
    found: list[Trouble] = []
    for i, low in enumerate(boxes):
        if found and low.t < found[-1].end:
            continue
        before = _upright(boxes[bisect_left(times, low.t - BEFORE) : i], low)
        if before is None:
            continue
        near = boxes[i : bisect_right(times, low.t + STAYS + 0.5)]
        after = [b for b in near if b.over(low) > 0.4]
        stays = [b for b in after if _is_low(b, before)]
        rises = [b for b in after if b.top < before.top + UP * before.height and b.over(before) > 0.4]
        if len(stays) >= 4 and stays[-1].t - low.t >= STAYS - 0.35 and not rises:
            down = {s.track for s in stays}
            last = bisect_right(times, max(ends[k] for k in down))
            end = _down_until([b for b in boxes[i:last] if b.track in down], before)
            score = (1 - float(np.median([s.height for s in stays])) / before.height) / (1 - LOW)
            found.append(Trouble("fall", low.t, max(end, low.t + STAYS), score, people[low.track]))
    return found


def _down_until(later: Sequence[_Box], before: _Box) -> float:
    """When who fell got up again, else was last seen: ``later`` are their boxes from the fall on."""
    end = later[0].t
    for b in later:
        if b.top < before.top + UP * before.height:
            break
        end = b.t
    return end


def _upright(earlier: Sequence[_Box], low: _Box) -> _Box | None:
    """The box before the fall: the median of a track that stood there up to two seconds ago, if ``low`` is low."""
    near = [b for b in earlier if low.t - BEFORE <= b.t < low.t - 0.1 and b.over(low) > 0.4]
    for track in sorted({b.track for b in near}, reverse=True):
        mine = [b for b in near if b.track == track and b.height > 1.05 * (b.right - b.left)]
        if len(mine) < 3:
            continue
        left, top, right, bottom = np.median([(b.left, b.top, b.right, b.bottom) for b in mine], 0)
        before = _Box(mine[-1].t, float(left), float(top), float(right), float(bottom), track)
        if _is_low(low, before):
            return before
    return None


def _is_low(b: _Box, before: _Box) -> bool:
    h = before.height
    return b.height <= LOW * h and b.top >= before.top + DROP * h and b.bottom >= before.bottom - FOOT * h


def darkenings(seconds: Seconds) -> list[Trouble]:
    """Where the light goes within two seconds and stays away for two more; needs four lit seconds before."""
    light = seconds.light[:, 0] if len(seconds) else np.zeros(0)
    found: list[Trouble] = []
    i = 4
    while i < len(light) - 1:
        usual = float(np.median(light[max(0, i - 6) : i - 1]))
        if usual > 0.08 and max(light[i], light[i + 1]) * DARKER < usual:
            end = i
            while end + 1 < len(light) and light[end + 1] * 2 < usual:
                end += 1
            score = usual / max(DARKER * float(light[i : end + 1].mean()), 1e-3)
            found.append(Trouble("dark", float(seconds.t[i]) - 0.5, float(seconds.t[end]) + 0.5, score))
            i = end
        i += 1
    return found


def _drives(vehicle: Track) -> bool:
    """Believed, big and moving: at least four boxes whose middles go further than half the box's width."""
    if len(vehicle.ts) < 4 or vehicle.label == "bicycle" or float(np.median(vehicle.scores)) < 0.4:
        return False
    middle = (vehicle.boxes[:, :2] + vehicle.boxes[:, 2:]) / 2
    width = float(np.median(vehicle.boxes[:, 2] - vehicle.boxes[:, 0]))
    return float(np.linalg.norm(middle[-1] - middle[0])) > 0.5 * width


def _ran(person: Track) -> Trouble | None:
    """The fastest second of a track, if it is a run; the foot of the box is followed, which does not wave."""
    foot = np.stack([(person.boxes[:, 0] + person.boxes[:, 2]) / 2, person.boxes[:, 3]], 1)
    height = float(np.median(person.boxes[:, 3] - person.boxes[:, 1]))
    best: Trouble | None = None
    for i, t in enumerate(person.ts):
        later = np.flatnonzero((person.ts > t + 0.75) & (person.ts <= t + 1.25))
        if len(later) == 0 or later[-1] - i < 3:
            continue
        j = int(later[-1])
        speed = straight(foot[i : j + 1]) / (float(person.ts[j] - t) * max(height, 1.0))
        if speed > FAST and (best is None or speed / FAST > best.score):
            best = Trouble("ran", float(t), float(person.ts[j]), speed / FAST, person)
    return best


def straight(way: NDArray[np.floating]) -> float:
    """Length from end to end, 0 for a way that wavers (a box that jumped)."""
    steps = np.linalg.norm(np.diff(way, axis=0), axis=1)
    net = float(np.linalg.norm(way[-1] - way[0]))
    return net if net > 0.8 * float(steps.sum()) and steps.max() < 0.6 * net else 0.0
