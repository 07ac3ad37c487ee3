"""Telling somebody: the outbox is emptied through Apprise (e-mail, webhook, MQTT, chats), with the evidence attached.

At least once: a delivery is marked when the other side took it, so a process killed in between tells it again. What
fails is tried again after 30 s, 1 min, 2 min ... up to an hour, ``TRIES`` times; then it stands as failed in the
history. Owns words, waiting and attempts. Addresses are the operator's and may hold passwords: they are never shown.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from viot_agent.alerts.store import AlertStore
from viot_agent.alerts.types import Alert, Firing
from viot_agent.errors import BackendFault, FailedFault, PolicyRefusal, UserFault, ViotError
from viot_agent.fleet import Fleet
from viot_agent.policy import chain
from viot_agent.policy.consent import check_consent

LOG = logging.getLogger("viot_agent.alerts")
TRIES = 30
FIRST, LONGEST = 30.0, 3600.0
"""Seconds before the second attempt, and the most between two."""


class Notifier(Protocol):
    """Tells one address. Raises ViotError when it was not taken; the message goes into the history."""

    def tell(self, address: str, title: str, body: str, files: Sequence[Path]) -> None: ...


@dataclass(slots=True)
class FakeNotifier:
    """Keeps what it was told; addresses in ``deaf`` do not take it."""

    told: list[tuple[str, str, str, tuple[Path, ...]]]
    deaf: frozenset[str] = frozenset()

    def tell(self, address: str, title: str, body: str, files: Sequence[Path]) -> None:
        if address in self.deaf:
            raise BackendFault(f"{address} did not answer")
        self.told.append((address, title, body, tuple(files)))


class AppriseNotifier:
    """Through Apprise (extra ``alerts``). Raises FailedFault where it is not installed."""

    def __init__(self) -> None:
        try:
            import apprise
        except ImportError as error:
            raise FailedFault("alerts are told by Apprise, which is not installed", fix=INSTALL) from error
        self._apprise = apprise

    def check(self, address: str) -> str:
        """The address without its secrets. Raises UserFault for one that Apprise does not know."""
        made = self._apprise.Apprise.instantiate(address, suppress_exceptions=True)
        if made is None:
            kind = address.partition("://")[0][:20] if "://" in address else "no scheme"
            raise UserFault(
                f"nobody can be told at that address ({kind})",
                fix="give an Apprise address such as json://HOST/PATH, mailto://USER:PASSWORD@HOST or mqtt://HOST/TOPIC",
            )
        return str(made.url(privacy=True))  # type: ignore[no-untyped-call]

    def tell(self, address: str, title: str, body: str, files: Sequence[Path]) -> None:
        teller = self._apprise.Apprise()
        if not teller.add(address):
            raise UserFault(f"nobody can be told at that address ({masked(address)})", fix="viot alert remove, add")
        attach = [str(f) for f in files if f.is_file()]
        if not teller.notify(title=title, body=body, attach=attach or None):
            raise BackendFault(f"{masked(address)} did not take the message")


INSTALL = "pip install 'viot-agent[alerts]'"


def masked(address: str) -> str:
    """``mailto://***@host``: scheme and host alone."""
    scheme, found, rest = address.partition("://")
    if not found:
        return "***"
    host = re.split(r"[/?#]", rest.rpartition("@")[2], maxsplit=1)[0]
    return f"{scheme}://{host}" if "@" not in rest else f"{scheme}://***@{host}"


def words(alert: Alert, firing: Firing, fleet: Fleet) -> tuple[str, str]:
    """Title and body: what, where, when, how sure, and how to say that it was seen."""
    seen = firing.sighting
    camera = next((c for c in fleet.cameras() if c.name == seen.camera), None)
    when = fleet.local(seen.start, camera) if camera is not None else f"{seen.start:.0f}"
    title = f"VIoT {alert.handle}: {alert.watched.words} on {seen.camera}"
    lines = [f"{seen.words} on {seen.camera} at {when}."]
    if seen.score is not None:
        lines.append(f"Score {seen.score:.2f} ({seen.model}).")
    lines.append(f"Seen it: viot alert ack {firing.id}. Quiet for an hour: viot alert snooze {alert.handle} --for 60")
    return title, "\n".join(lines)


def deliver(
    store: AlertStore,
    fleet: Fleet,
    notifier: Notifier,
    *,
    now: float,
    defaults: Sequence[str] = (),
    evidence: Callable[[Firing], Sequence[Path]] = lambda firing: (),
) -> list[Firing]:
    """Try everything that is due; gives back what was told to everybody. Addresses that have it are not told again.
    Nobody is told of a person whose consent has ended."""
    sent: list[Firing] = []
    for firing, alert, done in store.claim(now):
        if alert.watched.kind == "face":
            try:
                check_consent(store.db, alert.watched.what, now)
            except PolicyRefusal as refusal:  # it ended after the alert fired
                store.put_off(firing.id, str(refusal), None)
                continue
        addresses = alert.notify or tuple(defaults)
        title, body = words(alert, firing, fleet)
        try:
            files = evidence(firing)
        except ViotError as fault:  # a full disk must not keep a fire to itself
            LOG.warning("alert-%d is told without its picture: %s", firing.alert, fault)
            files, body = (), f"{body}\nIts picture could not be made."
        if store.firing(firing.id) is None:  # purged while its picture was made
            _unmake(files)
            continue
        has = list(done)
        errors: list[str] = []
        for address in dict.fromkeys(addresses):
            if address in has:
                continue
            try:
                notifier.tell(address, title, body, files)
            except ViotError as fault:
                errors.append(str(fault))
                continue
            has.append(address)
            store.told(firing.id, has, all_=False, now=now)
            left = {"alert": alert.handle, "firing": firing.id, "files": len(files)}
            with store.db.write() as connection:  # what has left the house
                chain.append(connection, "alert_told", at=now, who="", data=left, words={"address": masked(address)})
        if not addresses:
            store.put_off(firing.id, "there is no address to tell it to", None)
        elif errors:
            wait = min(LONGEST, FIRST * 2 ** min(firing.tries - 1, 20))
            store.put_off(firing.id, "; ".join(errors), None if firing.tries >= TRIES else now + wait)
        else:
            store.told(firing.id, has, all_=True, now=now)
            sent.append(firing)
    return sent


def _unmake(files: Sequence[Path]) -> None:
    """Delete what was made of a firing that is no more. Raises BackendFault."""
    for file in files:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise BackendFault(f"{file} cannot be deleted: {error.strerror}", fix="see to its rights") from error
