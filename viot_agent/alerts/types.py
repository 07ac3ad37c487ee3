"""What flows through alerts: the standing alert, what a matcher saw, what fired; and the matcher's seam.

Frozen records. Times are POSIX seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from viot_agent.alerts.events import Watched
from viot_agent.alerts.schedule import Schedule

if TYPE_CHECKING:
    from viot_agent.fleet import Fleet
    from viot_agent.library.api import Library
    from viot_agent.weights import Weights

Delivery = Literal["kept", "due", "sent", "failed"]
"""``kept``: nobody is to be told; ``due``: in the outbox; ``failed``: given up after ``deliver.TRIES``."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A standing alert. ``cameras`` are names, None = the whole fleet, also cameras that come later.

    ``cooldown``: seconds of footage on one camera in which it fires once. ``notify``: Apprise addresses. ``cursor``:
    the last stored analyzer run that it has looked at. ``snoozed``: quiet until then. ``review``: past it an alert on a
    face or a plate looks no more until somebody reviews it; None for the others.
    """

    id: int
    watched: Watched
    cameras: tuple[str, ...] | None
    schedule: Schedule
    cooldown: float
    notify: tuple[str, ...]
    owner: str
    created: float
    cursor: int
    snoozed: float | None = None
    review: float | None = None

    @property
    def handle(self) -> str:
        """``alert-3``."""
        return f"alert-{self.id}"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a matcher saw: ``key`` names the thing (a chain of tracks, an event) so that it fires once; ``words`` say
    it; ``track``, ``at`` and ``xyxy`` lead to its picture."""

    key: str
    camera: str
    start: float
    end: float
    words: str
    score: float | None = None
    track: int | None = None
    at: float | None = None
    xyxy: tuple[float, float, float, float] | None = None
    model: str = ""
    model_version: str = ""


@dataclass(frozen=True, slots=True)
class Firing:
    """An alert that went off. ``more``: further sightings within the cool-down. ``tries``, ``next_try`` and ``error``
    tell of the delivery; ``acknowledged`` when and by whom."""

    id: int
    alert: int
    sighting: Sighting
    fired: float
    delivery: Delivery
    more: int = 0
    tries: int = 0
    next_try: float = 0.0
    error: str = ""
    sent: float | None = None
    acknowledged: float | None = None
    acknowledged_by: str = ""


@dataclass(frozen=True, slots=True)
class Looking:
    """What a matcher may use. ``start``/``end``: the stretch of ``camera`` that was stored anew."""

    library: Library
    fleet: Fleet
    weights: Weights
    camera: str
    start: float
    end: float
    check: Callable[[], None] = field(default=lambda: None)


class Matcher(Protocol):
    """Knows one kind of event. ``kinds`` of ``Watched``; ``needs``: analyzers whose new rows make it look."""

    @property
    def kinds(self) -> tuple[str, ...]: ...
    @property
    def needs(self) -> tuple[str, ...]: ...

    def look(self, watched: Watched, looking: Looking) -> Sequence[Sighting]:
        """Everything in the stretch that the alert is about; keys are the same whenever it looks again."""
        ...


def sighting_json(sighting: Sighting) -> dict[str, Any]:
    """What the library keeps of it beside its own columns."""
    return {
        "words": sighting.words,
        "score": sighting.score,
        "track": sighting.track,
        "at": sighting.at,
        "xyxy": sighting.xyxy,
        "model": sighting.model,
        "model_version": sighting.model_version,
    }


def sighting_from(key: str, camera: str, start: float, end: float, raw: Mapping[str, Any]) -> Sighting:
    """What ``sighting_json`` and the columns held."""
    box = raw.get("xyxy")
    return Sighting(
        key,
        camera,
        start,
        end,
        str(raw.get("words", "")),
        raw.get("score"),
        raw.get("track"),
        raw.get("at"),
        None if box is None else (box[0], box[1], box[2], box[3]),
        str(raw.get("model", "")),
        str(raw.get("model_version", "")),
    )
