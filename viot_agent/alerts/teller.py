"""A thread that empties the outbox beside indexing, so that a slow mail server never holds up a camera.

Owns waking, waiting and stopping. What could not be told stays in the library: the next process tells it.
"""

from __future__ import annotations

import logging
import os
import shlex
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from viot_agent.agent.evidence import EvidenceFiles
from viot_agent.alerts.deliver import AppriseNotifier, Notifier, deliver
from viot_agent.alerts.engine import Alerts
from viot_agent.alerts.types import Firing
from viot_agent.errors import FailedFault, UserFault, ViotError
from viot_agent.steps import Evidence

LOG = logging.getLogger("viot_agent.alerts")
ADDRESSES = "VIOT_ALERTS"
EVERY = 15.0
"""Seconds between looks at the outbox when nothing fires: attempts that were put off come due."""
LAST = 30.0
"""Seconds that a process which ends waits for what is still to be told."""


def default_addresses() -> tuple[str, ...]:
    """Where alerts without addresses of their own are told: ``VIOT_ALERTS``, separated by blanks."""
    try:
        return tuple(shlex.split(os.environ.get(ADDRESSES, "")))
    except ValueError as error:
        raise UserFault(f"{ADDRESSES} cannot be read: {error}", fix="separate the addresses by blanks") from error


Leaves = Callable[[str, Sequence[Path]], Sequence[Path]]
"""(what the alert watches for, files) -> the files as they may be sent."""


def proof(alerts: Alerts, folder: Path, leaving: Leaves | None = None) -> Callable[[Firing], Sequence[Path]]:
    """Picture and clip of a firing, written below ``folder``; [] where its footage is gone. ``leaving`` looks at them
    last."""
    files = EvidenceFiles(alerts.library, alerts.fleet, folder, clips=1)

    def make(firing: Firing) -> Sequence[Path]:
        seen = firing.sighting
        crop = alerts.library.best_crop(seen.track, near=seen.at) if seen.track is not None else None
        piece = Evidence(
            "e1",
            seen.camera,
            seen.start,
            seen.end,
            "alert",
            seen.model,
            seen.model_version,
            track=None if seen.track is None else str(seen.track),
            score=seen.score,
            at=seen.at,
            xyxy=seen.xyxy,
            crop_jpeg=None if crop is None else crop[0],
            label=seen.words,
        )
        made = files.write(f"firing-{firing.id}", [piece])["e1"]
        paths = [Path(p) for p in (made.crop, made.clip) if p]
        if leaving is None:
            return paths
        return leaving(str(next((a.watched for a in alerts.store.alerts() if a.id == firing.alert), "")), paths)

    return make


class Teller:
    """``with Teller(alerts, notifier, home): ...``; :meth:`wake` after something fired."""

    def __init__(self, alerts: Alerts, notifier: Notifier, folder: Path, leaving: Leaves | None = None) -> None:
        self.alerts, self.notifier, self.folder, self.leaving = alerts, notifier, folder, leaving
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def __enter__(self) -> Teller:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._wake.set()
        self._thread.join(LAST)
        if self._thread.is_alive():
            LOG.warning("an alert is still being told; what is not told stays in the outbox (viot alert deliver)")

    def wake(self) -> None:
        """Something may be due."""
        self._wake.set()

    def _run(self) -> None:
        while True:
            last = self._stop.is_set()
            self._once()
            if last:
                return
            self._wake.wait(EVERY)
            self._wake.clear()

    def _once(self) -> None:
        try:
            deliver(
                self.alerts.store,
                self.alerts.fleet,
                self.notifier,
                now=self.alerts.clock(),
                defaults=self.alerts.notify,
                evidence=proof(self.alerts, self.folder, self.leaving),
            )
        except ViotError as fault:
            LOG.warning("alerts could not be told: %s", fault)  # they stay in the outbox


class LateTeller:
    """A :class:`Teller` that starts when there is an alert that tells somebody: nobody needs Apprise, or the thread,
    before that. An alert may be made by another process while this one watches.

    Raises FailedFault where Apprise is missing for an alert that stands when this begins.
    """

    def __init__(
        self,
        alerts: Alerts,
        folder: Path,
        notifier: Callable[[], Notifier] = AppriseNotifier,
        *,
        leaving: Leaves | None = None,
    ) -> None:
        self.alerts, self.folder, self._notifier, self.leaving = alerts, folder, notifier, leaving
        self._teller: Teller | None = None
        self._held = ExitStack()

    def __enter__(self) -> LateTeller:
        self._begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.__exit__(kind, error, trace)

    def wake(self) -> None:
        """Something may be due."""
        if self._teller is None:
            try:
                self._begin()
            except FailedFault as fault:
                LOG.warning("alerts could not be told: %s", fault)  # they stay in the outbox; watching goes on
        if self._teller is not None:
            self._teller.wake()

    def _begin(self) -> None:
        standing = self.alerts.store.alerts()
        if any(a.notify for a in standing) or (self.alerts.notify and standing):
            self._teller = self._held.enter_context(Teller(self.alerts, self._notifier(), self.folder, self.leaving))
