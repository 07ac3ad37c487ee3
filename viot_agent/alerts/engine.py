"""Looking at what was indexed anew on behalf of every standing alert.

``Alerts`` joins the store, the matchers (entry points of the group ``viot_agent.alert_matchers``) and the fleet; it is
called after every stored segment and whenever a process starts, and picks up where any process stopped: each alert
remembers the last analyzer run it has looked at. Owns the order of things. Does not know what a fire looks like, nor
how anybody is told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points

from viot_agent.alerts.schedule import read_schedule
from viot_agent.alerts.store import AlertStore
from viot_agent.alerts.types import Alert, Firing, Looking, Matcher, Sighting
from viot_agent.errors import FailedFault, NameFault, PolicyRefusal, UserFault, ViotError
from viot_agent.fleet import Fleet
from viot_agent.library.api import Library as Reading
from viot_agent.library.store import Library
from viot_agent.policy.consent import check_consent
from viot_agent.weights import Weights


class Alerts:
    """The alerts of one library. ``notify``: addresses for alerts that name none of their own."""

    def __init__(
        self,
        library: Library,
        fleet: Fleet,
        weights: Weights,
        matchers: Sequence[Matcher] | None = None,
        *,
        notify: Sequence[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = AlertStore(library.db)
        self.library, self.fleet, self.weights = library, fleet, weights
        self.notify = tuple(notify)
        self.clock = clock
        self._given = matchers
        self._by_kind: Mapping[str, Matcher] | None = None

    @classmethod
    def of(cls, library: Reading, fleet: Fleet, weights: Weights) -> Alerts:
        """For whom only the seam of reading is at hand. Raises FailedFault where no database stands behind it."""
        if not isinstance(library, Library):
            raise FailedFault("alerts need a library on disk", fix="viot camera add NAME SOURCE")
        return cls(library, fleet, weights)

    @property
    def matchers(self) -> Mapping[str, Matcher]:
        """By kind of event, loaded on first use. Raises FailedFault when two know the same kind."""
        if self._by_kind is None:
            given = self._given
            if given is None:
                points = sorted(entry_points(group="viot_agent.alert_matchers"), key=lambda p: p.name)
                given = [m for point in points for m in point.load()()]
            found: dict[str, Matcher] = {}
            for matcher in given:
                for kind in matcher.kinds:
                    if kind in found:
                        raise FailedFault(f"two packages watch for {kind!r}", fix="uninstall one of them")
                    found[kind] = matcher
            self._by_kind = found
        return self._by_kind

    def add(
        self,
        event: str,
        *,
        cameras: Sequence[str] | None = None,
        when: str | None = None,
        cooldown: float = 60.0,
        notify: Sequence[str] = (),
        owner: str = "local",
        scope: frozenset[str] | None = None,
        now: float | None = None,
    ) -> Alert:
        """Make a standing alert. ``when``: a time phrase that looks ahead, by the clock of the first camera.

        Raises UserFault, NameFault, TimeFault, PolicyRefusal for what cannot be watched.
        """
        from viot_agent.alerts.events import watched

        at = self.clock() if now is None else now
        what = watched(event)
        if what.kind == "face":
            event = f"face:{self.fleet.resolve_person(what.what).name}"
        chosen = self.fleet.resolve_cameras(cameras, scope=scope)
        zone = chosen[0].tz
        schedule = read_schedule(when, at, zone)
        if what.kind not in self.matchers:
            raise UserFault(
                f"nothing here watches for {what.words}", fix=f"known: {', '.join(self.matchers) or 'none'}"
            )
        names = None if not cameras and scope is None else [c.name for c in chosen]
        return self.store.add(
            event, cameras=names, schedule=schedule, cooldown=cooldown, notify=notify, owner=owner, now=at
        )

    def scan(self) -> list[Firing]:
        """Let every alert look at what is new to it; what fired is stored with that, in one transaction an alert.

        An alert that cannot look (nobody of that name any more, weights missing) keeps its place and says why in
        ``problems``; the others go on.
        """
        fired: list[Firing] = []
        head = self.store.head()
        for alert in self.store.alerts():
            if alert.cursor >= head:
                continue
            try:
                seen = self._look(alert, head)
            except ViotError as fault:
                # the cursor stays: what it missed is looked at when the reason is gone
                self.store.fire(alert, [], alert.cursor, now=self.clock(), tell=False, problem=str(fault))
                continue
            tell = bool(alert.notify or self.notify)
            fired += self.store.fire(alert, seen, head, now=self.clock(), tell=tell)
        return fired

    def test(self, handle: str, start: float | None = None, end: float | None = None) -> list[Sighting]:
        """What the alert would have seen in indexed footage between ``start`` and ``end``; nothing is stored or told.

        Raises NameFault for an unknown alert or a person no longer enrolled; PolicyRefusal for a person whose consent
        has ended.
        """
        alert = self.store.alert(handle)
        self._check_consent(alert)
        names = [c.name for c in self.fleet.cameras() if alert.cameras is None or c.name in alert.cameras]
        found: list[Sighting] = []
        for name in names:
            for a, b in self.library.spans(name):
                low, high = max(a, a if start is None else start), min(b, b if end is None else end)
                if low < high:
                    found += self._in(alert, name, low, high)
        return sorted(found, key=lambda s: (s.start, s.key))

    def _look(self, alert: Alert, head: int) -> list[Sighting]:
        matcher = self.matchers.get(alert.watched.kind)
        if matcher is None:
            raise FailedFault(f"nothing here watches for {alert.watched.words}", fix="install the package that did")
        self._check_grounds(alert)
        found: list[Sighting] = []
        for camera, start, end in self.store.fresh(alert.cursor, head, matcher.needs):
            if alert.cameras is None or camera in alert.cameras:
                found += self._in(alert, camera, start, end)
        return found

    def _check_grounds(self, alert: Alert) -> None:
        """Watching for somebody ends by itself: when nobody reviews it, and with the consent. Raises PolicyRefusal."""
        if alert.review is not None and alert.review <= self.clock():
            raise PolicyRefusal("its review is overdue", fix=f"viot alert review {alert.handle}, or remove it")
        self._check_consent(alert)

    def _check_consent(self, alert: Alert) -> None:
        if alert.watched.kind == "face":
            check_consent(self.library.db, alert.watched.what, self.clock())

    def _in(self, alert: Alert, camera: str, start: float, end: float) -> list[Sighting]:
        known = next((c for c in self.fleet.cameras() if c.name == camera), None)
        if known is None:
            return []  # removed while we looked
        looking = Looking(self.library, self.fleet, self.weights, camera, start, end)
        try:
            seen = self.matchers[alert.watched.kind].look(alert.watched, looking)
        except NameFault:
            if any(c.name == camera for c in self.fleet.cameras()):
                raise
            return []
        on = alert.schedule.on
        return [s for s in seen if any(on(t, known.tz) for t in (s.start, s.start if s.at is None else s.at, s.end))]
