"""The fleet as tools and the agent ask for it: cameras and people by said names, times on a camera's clock.

Owns the joining of names, times and mentions with what the library holds. Knows no SQL and no pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from viot_agent.errors import NameFault, PolicyRefusal
from viot_agent.fleet.clock import human, zone
from viot_agent.fleet.mentions import find_mentions
from viot_agent.fleet.names import resolve_camera_names, resolve_person_name
from viot_agent.fleet.times import resolve_time
from viot_agent.fleet.types import Camera, Mention, Person, Window

if TYPE_CHECKING:
    from viot_agent.library.api import Library


@dataclass(frozen=True, slots=True)
class CameraState:
    """What ``list_cameras`` says of a camera: ``first``/``last`` POSIX seconds of its indexed footage, or None."""

    camera: Camera
    state: Literal["indexed", "not indexed"]
    first: float | None
    last: float | None
    seconds: float

    def sentence(self) -> str:
        """``gate 2 (group gates): indexed from 14:00:00 on 3 March 2026 to ..., 1.5 h of footage``."""
        groups = ", ".join(self.camera.groups)
        where = f" (group {groups})" if len(self.camera.groups) == 1 else f" (groups {groups})" if groups else ""
        if self.first is None or self.last is None:
            return f"{self.camera.name}{where}: not indexed yet"
        tz = zone(self.camera.tz)
        return (
            f"{self.camera.name}{where}: indexed from {human(self.first, tz)} to {human(self.last, tz)}, "
            f"{_length(self.seconds)} of footage"
        )


class Fleet:
    """Cameras, groups, clocks and enrolled people of one library. Reads the library at every call; keeps no state."""

    def __init__(self, library: Library) -> None:
        self.library = library

    def cameras(self) -> list[Camera]:
        """All cameras."""
        return self.library.cameras()

    def people(self) -> list[Person]:
        """All enrolled people."""
        return self.library.people()

    def resolve_cameras(self, names: Sequence[str] | None, scope: Iterable[str] | None = None) -> list[Camera]:
        """The cameras that ``names`` mean (None or empty = all), cut to ``scope`` (``Request.camera_scope``).

        Raises NameFault with the nearest names *within the scope*, and PolicyRefusal when what is named exists but
        none of it lies in the scope.
        """
        fleet = self.cameras()
        allowed = fleet if scope is None else [c for c in fleet if c.name in frozenset(scope)]
        if not names:
            if fleet and not allowed:
                raise PolicyRefusal("this request may not look at any camera")
            if not fleet:
                raise NameFault("there is no camera yet", fix="viot camera add NAME SOURCE")
            return allowed
        out: dict[int, Camera] = {}
        for name in names:
            try:
                found = resolve_camera_names([name], fleet)
            except NameFault:
                found = resolve_camera_names([name], allowed)  # its fault names only what may be seen
            inside = [c for c in found if c in allowed]
            if not inside:
                raise PolicyRefusal(f"this request may not look at {name!r}")
            out.update({c.id: c for c in inside})
        return list(out.values())

    def resolve_person(self, name: str) -> Person:
        """The enrolled person of this name. Raises NameFault with the nearest names."""
        return resolve_person_name(name, self.people())

    def window(self, phrase: str | None, camera: Camera, now: float) -> Window:
        """What ``phrase`` means on the clock of ``camera`` at ``now`` (POSIX seconds); None = any time.

        Positions in a recording count from the first indexed footage of the camera. Raises TimeFault.
        """
        if phrase is None:
            return Window(None, None)
        spans = self.library.spans(camera.name)
        extent = (min(a for a, _ in spans), max(b for _, b in spans)) if spans else None
        return resolve_time(phrase, now, camera.tz, extent=extent)

    def mentions(self, text: str, uploads: Sequence[str] = (), before: Sequence[str] = ()) -> list[Mention]:
        """What ``text`` mentions; see :func:`viot_agent.fleet.mentions.find_mentions`."""
        return find_mentions(text, self.cameras(), self.people(), uploads, before)

    def local(self, ts: float, camera: Camera) -> str:
        """``14:05:12 on 3 March 2026``: ``ts`` on the clock of ``camera``."""
        return human(ts, zone(camera.tz))

    def describe(self, scope: Iterable[str] | None = None) -> list[CameraState]:
        """Every camera (of ``scope``) with what of it is indexed."""
        allowed = None if scope is None else frozenset(scope)
        out = []
        for camera in self.cameras():
            if allowed is not None and camera.name not in allowed:
                continue
            spans = self.library.spans(camera.name)
            first = min((a for a, _ in spans), default=None)
            last = max((b for _, b in spans), default=None)
            out.append(
                CameraState(camera, "indexed" if spans else "not indexed", first, last, sum(b - a for a, b in spans))
            )
        return out


def _length(seconds: float) -> str:
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
