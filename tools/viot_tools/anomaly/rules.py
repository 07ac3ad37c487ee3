"""What is trouble without any history: a fall, sudden darkness, and what a kind of place does not have.

These are written priors, few and blunt, each with its own words:

* **fall**: the rule of ``viot_tools.pose.falls``, which needs boxes alone. Not told where people lie down on purpose.
* **dark**: the picture loses two thirds of its brightness within two seconds and does not get it back.
* **vehicle**: one moves through an indoor place, a park, a forest or a railway platform.
* **ran**: somebody covers over twice the own height within a second indoors.

Owns these rules. Knows neither storage nor sentences; boxes are (left, top, right, bottom), y downwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from viot_agent.library.rows import Track
from viot_tools.anomaly.measure import Seconds
from viot_tools.objects.handover import Path, handed_over, rising
from viot_tools.pose.falls import FALLEN
from viot_tools.pose.falls import falls as fallen
from viot_tools.scene.vocabulary import INDOORS, inside

What = Literal["fall", "dark", "vehicle", "ran"]
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


def falls(people: Sequence[Track]) -> list[Trouble]:
    """Falls of ``people`` by :func:`viot_tools.pose.falls.falls`, broken tracks handed over: a detector often loses who
    falls, and finds a new one lying. ``end``: when they got up, else were last seen."""
    chains: dict[int, list[Track]] = {}
    for person in people:
        chains.setdefault(person.chain, []).append(person)
    tracks = sorted(chains.values(), key=lambda mine: min(t.start for t in mine))
    paths = [Path.of(mine) for mine in tracks]
    found: list[Trouble] = []
    for group in handed_over(paths):
        ts = np.concatenate([paths[k].ts for k in group])
        boxes = np.concatenate([paths[k].boxes for k in group])
        keep = rising(ts)
        for fall in fallen(ts[keep], boxes[keep]):
            mine = [t for k in group for t in tracks[k]]
            lying = min(mine, key=lambda t: max(t.start - fall.end, fall.end - t.end))
            found.append(Trouble("fall", fall.start, fall.down_until, fall.score / FALLEN, lying))
    return found


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
