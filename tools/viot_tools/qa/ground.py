"""Facts made ready for reasoning: three-valued logic, the step of sampling, the borders of footage, clocks.

Truth is Kleene's: ``True``, ``False``, and ``None`` for *cannot tell* (Kleene, *Introduction to Metamathematics*, 1952,
section 64). Owns what every question needs to know about the footage. Knows no question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from viot_agent.errors import TimeFault
from viot_agent.fleet.times import resolve_time
from viot_agent.fleet.types import Window
from viot_tools.covered import enough
from viot_tools.qa.facts import Facts, Thing
from viot_tools.qa.program import ATTRIBUTES, VEHICLES, Subject

Tri = bool | None
Span = tuple[float, float]
Clock = Callable[[str, str], Window]
"""(phrase, camera name) to the window that the phrase means on that camera. Raises TimeFault."""

STEP = 0.2
"""Seconds between two pictures where the sampled rate is not known."""
NEAR = 1.0
"""Seconds by which a track may reach out of the footage that its segment says."""
GRACE = 3
"""Pictures after the footage began within which what is seen was there already: trackers need a few."""

SUBJECTS: dict[str, str] = {
    "person": "people",
    "vehicle": "vehicles",
    "object": "objects",
    "fire": "fire",
    "smoke": "smoke",
    "anomaly": "unusual events",
}
"""How each subject is called in a sentence."""


class CannotTell(Exception):
    """Nothing can be told, for a reason in words. Stays inside of this package: ``execute`` makes it a Found."""


def every(values: Iterable[Tri]) -> Tri:
    """Kleene's conjunction: False if any is, else None if any is; True of nothing."""
    unsure = False
    for value in values:
        if value is False:
            return False
        unsure = unsure or value is None
    return None if unsure else True


def some(values: Iterable[Tri]) -> Tri:
    """Kleene's disjunction: True if any is, else None if any is; False of nothing."""
    unsure = False
    for value in values:
        if value is True:
            return True
        unsure = unsure or value is None
    return None if unsure else False


def other(value: Tri) -> Tri:
    """Kleene's negation."""
    return None if value is None else not value


@dataclass(frozen=True, slots=True)
class Ground:
    """Facts with what can be computed of them once. ``clock`` reads times of day; without one, UTC is meant."""

    facts: Facts
    clock: Clock | None = None
    _windows: dict[tuple[str, str], Window] = field(default_factory=dict, repr=False)

    @property
    def blind(self) -> frozenset[str]:
        """Kinds of vehicles that the detector has no word for."""
        return frozenset(label for label in VEHICLES if label in self.facts.problems)

    def things(self, kind: Subject) -> list[Thing]:
        """All of a kind by their start."""
        return sorted((t for t in self.facts.things if t.kind == kind), key=lambda t: (t.start, t.id))

    def step(self, kind: str) -> float:
        """Seconds between two pictures that were looked at: two times that differ by less are about the same."""
        coverage = self.facts.coverage.get(kind)
        return 1.0 / coverage.sampled_fps if coverage is not None and coverage.sampled_fps > 0 else STEP

    def grace(self, kind: str) -> float:
        """Seconds at either end of the footage within which what comes or goes was there all the time."""
        return GRACE * self.step(kind)

    def window(self, camera: str) -> Span:
        """From when to when the camera was asked about and recorded."""
        spans = self.facts.spans.get(camera, ())
        return (spans[0][0], spans[-1][1]) if spans else (self.facts.start, self.facts.end)

    def span(self, camera: str, t: float) -> Span:
        """The stretch of footage around ``t``."""
        low, high = self.window(camera)
        return next(((a, b) for a, b in self.facts.spans.get(camera, ()) if a - NEAR <= t <= b + NEAR), (low, high))

    def inside(self, thing: Thing) -> Span:
        """The part of the thing's stay that was asked about."""
        low, high = self.window(thing.camera)
        start = min(max(thing.start, low), high)
        return start, max(start, min(thing.end, high))

    def read(self, phrase: str, camera: str) -> Span:
        """What a time of day or a second of the footage means on a camera, open ends closed by what was asked about.

        Raises CannotTell when the phrase cannot be read.
        """
        key = (phrase, camera)
        if key not in self._windows:
            try:
                self._windows[key] = self._resolve(phrase, camera)
            except TimeFault as fault:
                raise CannotTell(fault.message) from fault
        window, (low, high) = self._windows[key], self.window(camera)
        return low if window.start is None else window.start, high if window.end is None else window.end

    def _resolve(self, phrase: str, camera: str) -> Window:
        if self.clock is not None:
            return self.clock(phrase, camera)
        return resolve_time(phrase, self.facts.end, "UTC", extent=self.window(camera))

    def demand(self, item: str) -> None:
        """Raises CannotTell when ``item`` (a subject, an attribute, ``action`` or ``name``) was not looked for."""
        if item in self.facts.known:
            return
        why = self.facts.problems.get(item, "")
        raise CannotTell(why or f"{item_words(item)}: not looked for")

    def absence(self, kind: str) -> str:
        """Why a *no* or a zero cannot be said of this subject, '' where it can."""
        problem = self.facts.problems.get(kind, "")
        if problem:
            return problem
        return self.partial(kind)

    def partial(self, kind: str) -> str:
        """Why a count of this subject may leave some out, '' where it does not."""
        coverage = self.facts.coverage.get(kind)
        if coverage is None or coverage.indexed_seconds <= 0:
            return self.facts.problems.get(kind, "") or f"no footage was searched for {SUBJECTS.get(kind, kind)}"
        if not enough(coverage):
            return f"only {int(100 * coverage.fraction)} % of the footage was searched for {SUBJECTS.get(kind, kind)}"
        return ""


def item_words(name: str) -> str:
    """How a subject, an attribute, ``action`` or ``name`` is called in a sentence."""
    if name.endswith("_colour"):
        return f"the colour of {name.partition('_')[0]} clothing"
    words = {
        **SUBJECTS,
        "action": "what people do",
        "name": "who people are",
        "colour": "the colour of vehicles",
        "carrying": "what people carry",
        "sex": "whether people are men or women",
        "lower": "the length of trousers",
        "label": "the kind of thing",
    }
    return words.get(name, f"{name} of people" if name in ATTRIBUTES else name)
