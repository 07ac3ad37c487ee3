"""Alerts and their firings in the library's database: made, listed, fired once, told at least once.

Owns the rows and the two rules of the outbox: what fired and the cursor that says it was looked at are one transaction,
and a delivery is claimed before it is tried, so that two processes do not tell the same thing at the same time. Does
not know what events look like nor how anybody is told.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select, update

from viot_agent.alerts.events import watched
from viot_agent.alerts.schedule import Schedule
from viot_agent.alerts.types import Alert, Firing, Sighting, sighting_from, sighting_json
from viot_agent.errors import NameFault, UserFault
from viot_agent.library.base import lasting
from viot_agent.library.database import Database
from viot_agent.library.purged import hidden
from viot_agent.library.schema import alert_firings, alerts, cameras, segments, tracks
from viot_agent.library.schema import segment_runs as runs

LEASE = 120.0
"""Seconds after which a claimed delivery that was never reported is tried again: its process died."""
MOST_ALERTS = 10_000
INSTANT = 1e-3
"""Seconds that a sighting of one moment takes up."""
LISTED = ("face", "plate")
"""Kinds that watch for somebody: a list of such alerts is a watch-list, and each of them has a day of review."""
REVIEW, MOST_REVIEW = 90 * 86400.0, 731 * 86400.0
"""Seconds until the first review of such an alert, and the longest until the next."""


class AlertStore:
    """Alerts over one database. Safe to share between threads."""

    def __init__(self, db: Database) -> None:
        self.db = db

    # alerts ----------------------------------------------------------------------------------------------------------

    def add(
        self,
        event: str,
        *,
        cameras: Sequence[str] | None = None,
        schedule: Schedule = Schedule(),  # noqa: B008 (frozen)
        cooldown: float = 60.0,
        notify: Sequence[str] = (),
        owner: str = "local",
        now: float | None = None,
    ) -> Alert:
        """Store a new alert; it looks at what is indexed from now on. Raises UserFault for an event nobody knows."""
        what = watched(event)
        if not 0.0 <= cooldown <= 86400.0:
            raise UserFault(f"a cool-down of {cooldown:g} seconds", fix="give 0 to 86400 seconds")
        with self.db.write() as connection:
            there = connection.execute(
                select(func.count()).select_from(alerts).where(alerts.c.removed.is_(None))
            ).scalar_one()
            if there >= MOST_ALERTS:
                raise UserFault(f"there are {there} alerts already", fix="viot alert remove ALERT")
            key = connection.execute(
                alerts.insert().values(
                    event=str(what),
                    cameras=None if cameras is None else sorted(cameras),
                    schedule=schedule.to_json(),
                    cooldown=cooldown,
                    notify=list(notify),
                    owner=owner,
                    created=time.time() if now is None else now,
                    cursor=_head(connection),
                    review=(time.time() if now is None else now) + REVIEW if what.kind in LISTED else None,
                )
            ).inserted_primary_key
            assert key is not None
            return _alert(connection.execute(select(alerts).where(alerts.c.id == int(key[0]))).one())

    @lasting
    def alerts(self, *, removed: bool = False) -> list[Alert]:
        """Those that stand (``removed``: all that ever were), oldest first."""
        query = select(alerts).order_by(alerts.c.id)
        if not removed:
            query = query.where(alerts.c.removed.is_(None))
        with self.db.read() as connection:
            return [_alert(r) for r in connection.execute(query)]

    def problems(self) -> dict[int, str]:
        """Why alerts could not look, by id."""
        query = select(alerts.c.id, alerts.c.problem).where(alerts.c.removed.is_(None), alerts.c.problem != "")
        with self.db.read() as connection:
            return {int(r.id): str(r.problem) for r in connection.execute(query)}

    def alert(self, handle: str) -> Alert:
        """The standing alert of that handle (``alert-3`` or ``3``). Raises NameFault."""
        number = handle.strip().casefold().removeprefix("alert-")
        known = self.alerts()
        found = next((a for a in known if number == str(a.id)), None)
        if found is None:
            names = ", ".join(a.handle for a in known[:10]) or "there is none"
            raise NameFault(f"there is no alert {handle[:60]!r}", name=handle, fix=f"the alerts are: {names}")
        return found

    def remove(self, handle: str, now: float | None = None) -> Alert:
        """End an alert; what it fired stays in the history, what was still to be told is not. Raises NameFault."""
        found = self.alert(handle)
        with self.db.write() as connection:
            at = time.time() if now is None else now
            connection.execute(update(alerts).where(alerts.c.id == found.id).values(removed=at, notify=[]))
            connection.execute(
                update(alert_firings)
                .where(alert_firings.c.alert_id == found.id, alert_firings.c.delivery == "due")
                .values(delivery="kept", error="the alert was removed before anybody was told")
            )
        return found

    def snooze(self, handle: str, until: float | None) -> Alert:
        """Be quiet until that time (None: speak again). It looks on meanwhile and keeps what it sees. Raises
        NameFault."""
        found = self.alert(handle)
        with self.db.write() as connection:
            connection.execute(update(alerts).where(alerts.c.id == found.id).values(snoozed=until))
        return replace(found, snoozed=until)

    def review(self, handle: str, until: float, now: float | None = None) -> Alert:
        """Somebody has looked at an alert on a face or a plate and wants it until then. What passed while it was quiet
        because its day was over is not looked at. Raises NameFault; UserFault for one that needs no review."""
        found, at = self.alert(handle), time.time() if now is None else now
        if found.review is None:
            raise UserFault(f"{found.handle} watches for nobody in particular: it needs no review")
        if not at < until <= at + MOST_REVIEW:
            raise UserFault("the next review must be within two years", fix="for example --for 90d")
        with self.db.write() as connection:
            values: dict[str, Any] = {"review": until}
            if found.review <= at:
                values |= {"cursor": _head(connection), "problem": ""}
            connection.execute(update(alerts).where(alerts.c.id == found.id).values(**values))
        return self.alert(handle)

    # looking ---------------------------------------------------------------------------------------------------------

    @lasting
    def head(self) -> int:
        """The last stored analyzer run; none before it is still to come."""
        with self.db.settled() as connection:
            return _head(connection)

    @lasting
    def fresh(self, cursor: int, head: int, analyzers: Sequence[str]) -> list[tuple[str, float, float]]:
        """(camera, start, end) of the segments that these analyzers stored after ``cursor`` up to ``head``, merged
        where one follows the other."""
        query = (
            select(cameras.c.name, segments.c.start_ts, segments.c.end_ts)
            .join(segments, segments.c.id == runs.c.segment_id)
            .join(cameras, cameras.c.id == segments.c.camera_id)
            .where(runs.c.id > cursor, runs.c.id <= head, runs.c.analyzer.in_(list(analyzers)))
            .distinct()
            .order_by(cameras.c.name, segments.c.start_ts)
        )
        out: list[tuple[str, float, float]] = []
        with self.db.read() as connection:
            for name, start, end in connection.execute(query):
                if out and out[-1][0] == name and start <= out[-1][2] + 0.5:
                    out[-1] = (name, out[-1][1], max(out[-1][2], float(end)))
                else:
                    out.append((str(name), float(start), float(end)))
        return out

    @lasting
    def fire(
        self, alert: Alert, seen: Iterable[Sighting], head: int, *, now: float, tell: bool, problem: str = ""
    ) -> list[Firing]:
        """Store what an alert saw and that it has looked up to ``head``; gives back what is new.

        A key that fired before only grows; a sighting within the cool-down of another on the same camera is counted
        there; what was purged since it was seen is left out. Nothing is stored, and [] comes back, when another process
        was faster or the alert is gone. ``tell``: somebody is to be told; while it is snoozed nobody is.
        """
        ordered = sorted(seen, key=lambda s: (s.start, s.key))
        quiet = not tell or (alert.snoozed is not None and now < alert.snoozed)
        fired: list[Firing] = []
        with self.db.write() as connection:
            mine = (alerts.c.id == alert.id) & (alerts.c.cursor == alert.cursor) & alerts.c.removed.is_(None)
            if connection.execute(update(alerts).where(mine).values(cursor=head, problem=problem)).rowcount != 1:
                return []
            ids = {
                str(r.name): int(r.id)
                for r in connection.execute(
                    select(cameras.c.id, cameras.c.name).where(cameras.c.name.in_({s.camera for s in ordered}))
                )
            }
            for sighting in ordered:
                camera = ids.get(sighting.camera)
                if camera is None:
                    continue  # the camera was removed meanwhile, with all that was found on it
                if _purged(connection, camera, sighting):
                    continue
                new = _fire(connection, alert, camera, sighting, now=now, quiet=quiet)
                if new is not None:
                    fired.append(new)
        return fired

    # history and outbox ----------------------------------------------------------------------------------------------

    def history(
        self, handle: str | None = None, *, cameras_: Sequence[str] | None = None, limit: int = 50
    ) -> list[Firing]:
        """What fired, the last first; of one alert (also a removed one), of these cameras."""
        query = _firings().order_by(alert_firings.c.id.desc()).limit(limit)
        if handle is not None:
            number = handle.strip().casefold().removeprefix("alert-")
            if number not in {str(a.id) for a in self.alerts(removed=True)}:
                self.alert(handle)  # its fault names those there are
            query = query.where(alert_firings.c.alert_id == int(number))
        if cameras_ is not None:
            query = query.where(cameras.c.name.in_(list(cameras_)))
        with self.db.read() as connection:
            return [_firing(r) for r in connection.execute(query)]

    def firing(self, number: int) -> Firing | None:
        """What fired under that number."""
        with self.db.read() as connection:
            row = connection.execute(_firings().where(alert_firings.c.id == number)).one_or_none()
        return None if row is None else _firing(row)

    def acknowledge(self, number: int, by: str, now: float | None = None) -> Firing:
        """Somebody has seen it: it is not told again. Raises NameFault for a number nobody fired."""
        at = time.time() if now is None else now
        table = alert_firings.c
        with self.db.write() as connection:
            connection.execute(
                update(alert_firings)
                .where(table.id == number, table.acknowledged.is_(None))
                .values(acknowledged=at, acknowledged_by=by)
            )
            connection.execute(
                update(alert_firings)
                .where(table.id == number, table.delivery == "due")
                .values(delivery="kept", error="acknowledged before it was told")
            )
            row = connection.execute(_firings().where(table.id == number)).one_or_none()
        if row is None:
            raise NameFault(f"nothing fired under the number {number}", name=str(number), fix="viot alert history")
        return _firing(row)

    def claim(self, now: float, limit: int = 20) -> list[tuple[Firing, Alert, tuple[str, ...]]]:
        """Deliveries that are due, each with its alert and the addresses that have it already; they are this caller's
        for ``LEASE`` seconds."""
        table = alert_firings.c
        out = []
        with self.db.write() as connection:
            rows = connection.execute(
                _firings()
                .add_columns(table.done)
                .where(table.delivery == "due", table.next_try <= now)
                .order_by(table.id)
                .limit(limit)
            ).all()
            for row in rows:
                connection.execute(
                    update(alert_firings)
                    .where(table.id == row.id)
                    .values(next_try=now + LEASE, tries=alert_firings.c.tries + 1)
                )
                alert = _alert(connection.execute(select(alerts).where(alerts.c.id == row.alert_id)).one())
                out.append((replace(_firing(row), tries=int(row.tries) + 1), alert, tuple(row.done)))
        return out

    def told(self, firing: int, addresses: Sequence[str], *, all_: bool, now: float) -> None:
        """These addresses have it; ``all_``: so has everybody."""
        values: dict[str, Any] = {"done": list(addresses)}
        if all_:
            values |= {"delivery": "sent", "sent": now, "error": ""}
        with self.db.write() as connection:
            connection.execute(update(alert_firings).where(alert_firings.c.id == firing).values(**values))

    def put_off(self, firing: int, error: str, next_try: float | None) -> None:
        """A delivery failed: try again at ``next_try``, None = given up."""
        values: dict[str, Any] = {"error": error[:2000]}
        values |= {"delivery": "failed"} if next_try is None else {"next_try": next_try}
        with self.db.write() as connection:
            connection.execute(
                update(alert_firings)
                .where(alert_firings.c.id == firing, alert_firings.c.delivery == "due")
                .values(**values)
            )


def _head(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(runs.c.id), 0))).scalar_one())


def _purged(connection: Connection, camera: int, seen: Sighting) -> bool:
    """Whether what was seen has been purged since: its track is gone, or its time lies in a purged stretch."""
    if seen.track is not None:
        known = connection.execute(select(tracks.c.id).where(tracks.c.id == seen.track)).first()
        if known is None:
            return True
    return bool(hidden(connection, camera, seen.start, max(seen.end, seen.start + INSTANT)))


def _fire(
    connection: Connection, alert: Alert, camera: int, seen: Sighting, *, now: float, quiet: bool
) -> Firing | None:
    """One sighting: grown onto what it belongs to (None), or a new firing."""
    table = alert_firings.c
    mine = (table.alert_id == alert.id) & (table.camera_id == camera)
    near = and_(table.start_ts < seen.end + alert.cooldown, table.end_ts > seen.start - alert.cooldown)
    before = connection.execute(
        select(alert_firings).where(mine, or_(table.key == seen.key, near)).order_by(table.id.desc())
    ).all()
    same = next((r for r in before if r.key == seen.key), None)
    if same is not None:
        connection.execute(
            update(alert_firings).where(table.id == same.id).values(end_ts=max(float(same.end_ts), seen.end))
        )
        return None
    if before:
        connection.execute(update(alert_firings).where(table.id == before[0].id).values(more=int(before[0].more) + 1))
        return None
    values = {
        "alert_id": alert.id,
        "camera_id": camera,
        "key": seen.key,
        "start_ts": seen.start,
        "end_ts": seen.end,
        "fired": now,
        "more": 0,
        "data": sighting_json(seen),
        "delivery": "kept" if quiet else "due",
        "done": [],
        "tries": 0,
        "next_try": now,
    }
    key = connection.execute(alert_firings.insert().values(**values)).inserted_primary_key
    assert key is not None
    return Firing(int(key[0]), alert.id, seen, now, "kept" if quiet else "due", next_try=now)


def _firings() -> Any:
    return select(alert_firings, cameras.c.name.label("camera")).join(
        cameras, cameras.c.id == alert_firings.c.camera_id
    )


def _firing(row: Row[Any]) -> Firing:
    return Firing(
        int(row.id),
        int(row.alert_id),
        sighting_from(row.key, row.camera, float(row.start_ts), float(row.end_ts), row.data),
        float(row.fired),
        row.delivery,
        int(row.more),
        int(row.tries),
        float(row.next_try),
        row.error,
        row.sent,
        row.acknowledged,
        row.acknowledged_by,
    )


def _alert(row: Row[Any]) -> Alert:
    return Alert(
        int(row.id),
        watched(row.event),
        None if row.cameras is None else tuple(row.cameras),
        Schedule.from_json(row.schedule),
        float(row.cooldown),
        tuple(row.notify),
        row.owner,
        float(row.created),
        int(row.cursor),
        row.snoozed,
        _review(row),
    )


def _review(row: Row[Any]) -> float | None:
    """The day of review; alerts from before there was one have theirs from the day they were made."""
    if watched(row.event).kind not in LISTED:
        return None
    return float(row.created) + REVIEW if row.review is None else float(row.review)
