"""What is given up under overload, in which order, and when it comes back.

The order is declared: first half the sampling rate, then analyzers one by one, the least urgent first, each with those
that need it. What is off is said in the camera's health; the library holds no run of it for that time, so questions
about it are answered with "cannot tell". Owns the order and the decision. Does not measure anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from viot_agent.library.plan import order
from viot_agent.library.rows import Analyzer

GIVE_UP = ("things attributes vehicle_looks people_looks gait scene poses plates activity faces fire objects").split()
"""Analyzers by how soon they are given up; names that are not here (a stranger's package) come before all of these."""
CALM = 60.0
"""Seconds without pressure after which one step comes back; doubled after each return that did not last."""
LONGEST_CALM = 1800.0
ROOM = 0.7
"""A step comes back only while the looking takes less than this share of the time at the step in force."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: frames a second, who looks, and who is off."""

    sample_fps: float
    on: tuple[Analyzer, ...]
    off: tuple[str, ...]

    def words(self, number: int) -> str:
        """``step 3: 2.5 frames a second; off: things, attributes``; "" for the first."""
        if number == 0:
            return ""
        off = f"; off: {', '.join(self.off)}" if self.off else ""
        return f"step {number}: {self.sample_fps:g} frames a second{off}"


def ladder(analyzers: Sequence[Analyzer], sample_fps: float, give_up: Sequence[str] = GIVE_UP) -> list[Step]:
    """All steps, the full one first. An analyzer that declares ``least_fps`` above a step's rate is off there: its
    rows would promise what such a rate cannot show."""
    ordered = order(analyzers)
    names = [a.name for a in ordered]
    ranked = sorted(names, key=lambda n: give_up.index(n) if n in give_up else -1)
    steps = [Step(sample_fps, tuple(ordered), ())]
    low = sample_fps / 2
    off = _with_dependants(ordered, {a.name for a in ordered if getattr(a, "least_fps", 0.0) > low})
    for name in [None, *ranked]:
        if name is not None:
            if name in off:
                continue
            off = _with_dependants(ordered, off | {name})
        if len(off) == len(ordered):
            break  # somebody always looks; beyond that whole files are left out
        steps.append(Step(low, tuple(a for a in ordered if a.name not in off), tuple(n for n in names if n in off)))
    return steps


def _with_dependants(ordered: Sequence[Analyzer], off: set[str]) -> set[str]:
    found = set(off)
    for a in ordered:  # needs come first, so one pass is enough
        if found.intersection(a.needs):
            found.add(a.name)
    return found


class Pressure:
    """Decides the step from how long work waits. ``patience``: seconds that a file may wait before a step is given up.

    One step is given up at a time, and the next only when the last had time to work.
    """

    def __init__(self, steps: int, patience: float) -> None:
        self.steps, self.patience = steps, patience
        self.step = 0
        self._changed = float("-inf")
        self._calm_since: float | None = None
        self._calm = CALM
        self._returned = float("-inf")

    def look(self, now: float, waited: float, busy: float) -> int:
        """The step from ``now`` (a counter's seconds) on: the longest waiting file has waited ``waited`` seconds, and
        looking took ``busy`` (0..1) of the last time."""
        if waited > self.patience:
            self._calm_since = None
            if self.step < self.steps - 1 and now - self._changed >= self.patience:
                if now - self._returned < 2 * self._calm:
                    self._calm = min(LONGEST_CALM, 2 * self._calm)
                self.step, self._changed = self.step + 1, now
        elif self.step and waited < self.patience / 2 and busy < ROOM:
            if self._calm_since is None:
                self._calm_since = now
            elif now - self._calm_since >= self._calm:
                self.step, self._changed, self._calm_since, self._returned = self.step - 1, now, now, now
        else:
            self._calm_since = None
            if self.step == 0 and now - self._returned > 4 * self._calm:
                self._calm = CALM
        return self.step
