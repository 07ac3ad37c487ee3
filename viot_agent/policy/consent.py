"""On what ground an enrolled person may be looked for, until when, and whether that ended.

What was written when the person was enrolled counts as a ground without an end, until something is recorded; then the
last record counts. Owns the rows and the rule. Whether a ground is good in law is not ours to judge: it is recorded, so
that somebody can.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from sqlalchemy import Connection, select

from viot_agent.errors import PolicyRefusal, UserFault
from viot_agent.library import names
from viot_agent.library.database import Database
from viot_agent.library.schema import people
from viot_agent.library.schema_trust import consents
from viot_agent.policy import chain
from viot_agent.steps import Principal, iso

Basis = Literal[
    "stated", "consent", "contract", "legal-obligation", "vital-interests", "public-task", "legitimate-interests"
]
BASES: tuple[Basis, ...] = get_args(Basis)[1:]
"""The grounds of Article 6(1) GDPR. ``stated``: what was written at enrolment, of no stated kind."""


@dataclass(frozen=True, slots=True)
class Consent:
    """A recorded ground. Times are POSIX seconds; ``until`` None = no end was said."""

    person: str
    basis: Basis
    note: str
    since: float
    until: float | None = None
    withdrawn: float | None = None
    recorded_by: str = ""

    def ended(self, now: float) -> str:
        """Why it holds no longer; "" while it does."""
        if self.withdrawn is not None and self.withdrawn <= now:
            return f"it was withdrawn on {iso(self.withdrawn)[:10]}"
        if self.until is not None and self.until <= now:
            return f"it ran out on {iso(self.until)[:10]}"
        return ""


def refusal(ground: Consent, now: float, *, everybody: bool = False) -> PolicyRefusal | None:
    """Why nobody may look for this person now; None while somebody may. ``everybody``: it was asked for all."""
    why = ground.ended(now)
    if not why:
        return None
    whom = f"everybody would include {ground.person}, and there" if everybody else "there"
    return PolicyRefusal(
        f"{whom} is no consent or legal basis to look for {ground.person}: {why}",
        fix=f"viot person consent {ground.person!r} records one; viot purge person removes the person",
    )


def check_consent(db: Database, name: str, now: float) -> None:
    """Raises PolicyRefusal when the ground for this person has ended; who is not enrolled is not looked at."""
    for ground in Consents(db).all():
        if names.folded(ground.person) == names.folded(name) and (no := refusal(ground, now)) is not None:
            raise no


class Consents:
    """The grounds for all enrolled people. Safe to share between threads. ``clock`` gives POSIX seconds."""

    def __init__(self, db: Database, clock: Callable[[], float] = time.time) -> None:
        self.db, self.clock = db, clock

    def all(self) -> list[Consent]:
        """The ground that counts for each enrolled person, by name."""
        with self.db.read() as connection:
            rows = connection.execute(select(people).order_by(people.c.folded)).all()
            last = {int(r.person_id): r for r in connection.execute(select(consents).order_by(consents.c.id))}
        out = []
        for person in rows:
            r = last.get(int(person.id))
            if r is None:
                out.append(Consent(person.name, "stated", person.consent, float(person.created)))
            else:
                out.append(Consent(person.name, r.basis, r.note, r.since, r.until, r.withdrawn, r.recorded_by))
        return out

    def record(self, name: str, basis: str, note: str, *, until: float | None = None, by: Principal) -> Consent:
        """Record a ground, which counts from now on. Raises NameFault, UserFault."""
        if basis not in BASES:
            raise UserFault(f"there is no legal basis {basis[:60]!r}", fix=f"one of {', '.join(BASES)}")
        if not note.strip():
            raise UserFault("a legal basis needs a note of where it stands", fix='--note "signed form of 3 March"')
        now = self.clock()
        if until is not None and until <= now:
            raise UserFault("this ground would have ended already", fix="give a later --until, or --withdraw")
        with self.db.write() as connection:
            id_, person = _person(connection, name)
            values = {"basis": basis, "note": note.strip(), "since": now, "until": until, "recorded_by": by.name}
            connection.execute(consents.insert().values(person_id=id_, **values))
            told = {"basis": basis, "until": until}
            words = {"person": person, "note": note.strip()}
            chain.append(connection, "consent", at=now, who=by.name, role=by.role, data=told, words=words)
        return Consent(person, basis, note.strip(), now, until, None, by.name)  # type: ignore[arg-type]

    def withdraw(self, name: str, note: str = "", *, by: Principal) -> Consent:
        """End the ground that counts: nobody may look for the person until another is recorded. Raises NameFault."""
        now = self.clock()
        old = next((c for c in self.all() if names.folded(c.person) == names.folded(name)), None)
        basis = "stated" if old is None else old.basis
        with self.db.write() as connection:
            id_, person = _person(connection, name)
            values = {"basis": basis, "note": note.strip(), "since": now, "withdrawn": now, "recorded_by": by.name}
            connection.execute(consents.insert().values(person_id=id_, **values))
            words = {"person": person, "note": note.strip()}
            chain.append(connection, "consent_withdrawn", at=now, who=by.name, role=by.role, words=words)
        return Consent(person, basis, note.strip(), now, None, now, by.name)


def _person(connection: Connection, name: str) -> tuple[int, str]:
    found = connection.execute(select(people.c.id, people.c.name).where(people.c.folded == names.folded(name))).first()
    if found is None:
        raise names.unknown("person", name, connection.execute(select(people.c.name)).scalars())
    return int(found.id), str(found.name)
