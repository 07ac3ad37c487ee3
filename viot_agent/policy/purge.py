"""Purging a person, a camera or a window of time for good, and the proof that it is gone.

Rows, the row of the audit log and the words it had are one transaction; then the files go, then the bytes of the
vectors; then it is proved: counts, a search for what was purged, and a scan for what was left over. The proof is a row
of the audit log. A process that dies between rows and files leaves files that nothing names; a later purge takes them
away (``left_over``). Of a purged window nothing is shown or indexed again, whatever originals still hold.

Owns the order and the proof. ``purge_plan`` finds what is to go, ``purge_rows`` owns the statements, ``purge_files``
the files.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, select

from viot_agent.library import names
from viot_agent.library import purge_rows as rows
from viot_agent.library.database import Database
from viot_agent.library.schema import alert_firings, alerts, people
from viot_agent.library.schema import runs as asked
from viot_agent.library.schema_trust import audit_log, audit_words
from viot_agent.live.ring import folder, forget, watching
from viot_agent.policy import chain, purge_files
from viot_agent.policy.purge_plan import (
    Plan,
    Plans,
    asked_runs,
    cites_track,
    cites_window,
    evidence_of,
    firings_in,
    firings_of,
)

ROUNDS = 20
"""How often it is looked again for a person, until nothing is found: a tool may show a part of many sightings."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was done: rows of each table ``before`` and ``after``, ``files`` and ``size`` in bytes that went; and what
    was found afterwards: ``left`` in sentences, [] when nothing of it is there."""

    before: Mapping[str, int]
    after: Mapping[str, int]
    files: int
    size: int
    left: tuple[str, ...] = ()

    @property
    def rows(self) -> dict[str, int]:
        """Rows that went, by table, and vectors by model. The audit log only grows; what the vectors' own books have
        too many or too few says nothing."""
        grown = (audit_log.name, "audit_head", "purges", "vector_batches", "vector_files")
        gone = {t: n - self.after.get(t, 0) for t, n in self.before.items() if t not in grown}
        return {t: n for t, n in gone.items() if n}


class Purge(Plans):
    """Purges in one home."""

    def carry_out(self, plan: Plan) -> Proof:
        """Do it, and prove it. What is left over is told in the proof, never raised; the audit row holds it too.

        Waits for whoever indexes. Raises BusyFault while somebody watches the camera, and what the database raises:
        nothing is purged then.
        """
        library, home = self.viot.library, self.viot.home
        with ExitStack() as held:
            held.enter_context(library.lock("index", doing="indexing this library", wait=True))
            live = plan.kind == "camera" and folder(home, plan.id).is_dir()
            if live:
                held.enter_context(watching(home, plan.id, plan.what))
            before, files, size = self._all(plan)
        if live:
            forget(home, plan.id, plan.what)
        _checkpoint(library.db)
        return self._proved(plan, before, files, size)

    def _all(self, plan: Plan) -> tuple[dict[str, int], int, int]:
        """Rows, files and vectors; (rows of each table before, files, bytes)."""
        library, again = self.viot.library, plan
        files = size = 0
        before: dict[str, int] = {}
        for turn in range(ROUNDS):
            last = plan.kind != "person" or not self._more(again) or turn == ROUNDS - 1
            with library.db.write() as connection, _thorough(connection):
                if turn == 0:
                    before = self._counts(connection)
                    self._note(connection, "purge_begun", {"purged": plan.kind, "id": plan.id})
                stretches = self._rows(connection, again, last=last)
            with library.db.translated():
                library.index.erase(stretches)
            done, bytes_ = purge_files.delete(self.viot.home, again.ours)
            files, size = files + done, size + bytes_
            if last:
                break
            again = self.person(plan.what)
        done, bytes_ = self._late(plan)
        files, size = files + done, size + bytes_
        with library.db.read() as connection:
            stretches = library.index.unnamed(connection)
        with library.db.translated():
            library.index.erase(stretches)  # of a purge that was killed
        done, bytes_ = purge_files.delete(self.viot.home, self.left_over())
        return before, files + done, size + bytes_

    def _late(self, plan: Plan) -> tuple[int, int]:
        """Runs and firings that were stored between plan and purge go as well; (files, bytes). What is under way from
        now on is not kept: the purge's row tells of it (``Audit.save_run``), and no alert fires on what is gone."""
        with self.viot.library.db.write() as connection, _thorough(connection):
            late = [r for r, record in asked_runs(connection) if self._cites(plan, record)]
            query = select(audit_words.c.seq).join(audit_log, audit_log.c.seq == audit_words.c.seq)
            words = list(connection.execute(query.where(audit_log.c.run.in_(late))).scalars()) if late else []
            connection.execute(delete(asked).where(asked.c.run.in_(late)))
            connection.execute(delete(audit_words).where(audit_words.c.seq.in_(words)))
            fired = self._fired(connection, plan)
            connection.execute(delete(alert_firings).where(alert_firings.c.id.in_(fired)))
            if words:
                self._note(connection, chain.PURGED, {"rows": words})
        home = self.viot.home
        return purge_files.delete(home, purge_files.of_runs(home, late) + purge_files.of_firings(home, fired))

    def _fired(self, connection: Connection, plan: Plan) -> list[int]:
        """The firings that tell of what the plan takes."""
        if plan.kind == "person":
            return firings_of(connection, plan.what, self.called(plan.what), plan.tracks)
        return [f for w in plan.windows for f in firings_in(connection, w)]

    def _cites(self, plan: Plan, record: Mapping[str, Any]) -> bool:
        """Whether a stored run is about what the plan takes."""
        evidence = evidence_of(record)
        if plan.kind == "person":
            return self.called(plan.what).within(record) or any(cites_track(e) in plan.tracks for e in evidence)
        if plan.kind == "camera":
            return any(e.get("camera") == plan.what for e in evidence)
        return any(cites_window(e, w) for e in evidence for w in plan.windows)

    def _more(self, plan: Plan) -> bool:
        """Whether a person may be shown by more than this plan takes: only then is it looked again."""
        return plan.id > 0 and bool(plan.tracks) and bool(self.looking())

    def _rows(self, connection: Connection, plan: Plan, *, last: bool) -> list[Any]:
        library = self.viot.library
        stretches: list[Any] = []
        for window in plan.windows:
            gone = [i for i, _, a, b in rows.recordings(connection, window) if i in plan.recordings]
            stretches += rows.drop_window(connection, library, window, gone)
        if plan.kind == "camera":
            stretches += rows.drop_camera(connection, library, plan.id)
        stretches += rows.drop_tracks(connection, library, set(plan.tracks))
        for table, column, ids in (
            (asked, asked.c.run, plan.runs),
            (alert_firings, alert_firings.c.id, plan.firings),
            (audit_words, audit_words.c.seq, plan.words),
        ):
            for i in range(0, len(ids), 500):
                connection.execute(delete(table).where(column.in_(ids[i : i + 500])))
        if plan.kind == "person" and last:
            connection.execute(people.delete().where(people.c.id == plan.id))
            for alert in connection.execute(select(alerts.c.id, alerts.c.event)).all():
                if names.folded(alert.event) == names.folded(f"face:{plan.what}"):
                    connection.execute(alerts.delete().where(alerts.c.id == alert.id))
        if plan.words:
            self._note(connection, chain.PURGED, {"rows": list(plan.words)})
        return stretches

    def _counts(self, connection: Connection) -> dict[str, int]:
        sizes = self.viot.library.index.movable().sizes(connection)
        return rows.counts(connection) | {f"embeddings of {model} ({dim})": n for (model, dim), n in sizes.items()}

    # the proof -------------------------------------------------------------------------------------------------------

    def left_over(self) -> list[Path]:
        """Files of runs that the library does not know: what a killed purge had not come to."""
        with self.viot.library.db.read() as connection:
            known = {str(r) for r in connection.execute(select(asked.c.run)).scalars()}
            fired = {int(f) for f in connection.execute(select(alert_firings.c.id)).scalars()}
        return purge_files.unknown(self.viot.home, known, fired)

    def _proved(self, plan: Plan, before: Mapping[str, int], files: int, size: int) -> Proof:
        library = self.viot.library
        with library.db.read() as connection:
            after = self._counts(connection)
            left = [f"{n} row(s) of {where} without their parent" for where, n in rows.orphans(connection).items()]
            left += self._still(connection, plan)
        left += [f"the file {path} is still there" for path in plan.ours if path.exists()]
        left += [f"the file {path} belongs to nothing that is known" for path in self.left_over()]
        proof = Proof(before, after, files, size, tuple(left))
        told: dict[str, Any] = {
            "purged": plan.kind,
            "id": plan.id,
            "windows": [[w.name, _finite(w.start), _finite(w.end)] for w in plan.windows],
            "rows": proof.rows,
            "files": files,
            "bytes": size,
            "originals_listed": len(plan.theirs),
            "unsearched": len(plan.unsearched),
            "left": len(left),
        }
        if plan.kind == "camera":
            told["cameras"] = [plan.what]
        with library.db.write() as connection:
            self._note(connection, "purge", told)
        return proof

    def _still(self, connection: Connection, plan: Plan) -> list[str]:
        """What a search for the purged thing still finds."""
        told = [f"firing {n} of an alert still tells of it" for n in self._fired(connection, plan)]
        if plan.kind == "person":
            held = rows.naming(connection, plan.what, self.called(plan.what).within)
            # somebody of that name may work here: who asked and who has a key is no trace of who was filmed
            own = {"audit_log.who", "access_keys.name", "access_keys.folded", "access_keys.created_by", "runs.owner"}
            return [*told, *(f"{n} row(s) of {where} hold the name" for where, n in held.items() if where not in own)]
        if plan.kind == "camera":
            there = any(c.id == plan.id for c in self.viot.library.cameras())
            cited = [r for r, record in asked_runs(connection) if self._cites(plan, record)]
            return [*told, *(["the camera is still there"] if there else []), *(f"{r} still cites it" for r in cited)]
        found = told
        for window in plan.windows:
            if self.viot.library.footage(window.name, window.start, window.end):
                found.append(f"footage of {window.name} is still shown")
            if any(a < window.end and b > window.start for a, b in self.viot.library.spans(window.name)):
                found.append(f"rows of {window.name} are still there")
        found += [f"{r} still cites it" for r, record in asked_runs(connection) if self._cites(plan, record)]
        return found

    def _note(self, connection: Connection, kind: str, data: Mapping[str, Any]) -> None:
        chain.append(connection, kind, at=time.time(), who=self.by.name, role=self.by.role, data=data)


class _thorough:
    """Within, SQLite overwrites with zeros whatever is deleted, free pages too; elsewhere that is too slow."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._set("ON")

    def __exit__(self, *_: object) -> None:
        self._set("FAST")

    def _set(self, word: str) -> None:
        if self._connection.dialect.name == "sqlite":
            self._connection.exec_driver_sql(f"PRAGMA secure_delete={word}")


def _checkpoint(db: Database) -> None:
    """Empty SQLite's log of writes, which still holds what was deleted. Readers of old views may keep a part of it."""
    if not db.server:
        raw = db.engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            raw.close()


def _finite(value: float) -> float | None:
    return value if abs(value) != float("inf") else None
