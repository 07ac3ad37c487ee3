"""The audit sink: finished runs, kept whole as JSON, by owner.

Owns the stored form of a run. Does not know how one is made. Times inside the record are ISO 8601 as in ``ask --json``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

from sqlalchemy import Connection, Row, func, select

from viot_agent.errors import LibraryFault
from viot_agent.library.base import Part
from viot_agent.library.schema import runs
from viot_agent.steps import Answer, Request, Run, Status, iso


@dataclass(frozen=True, slots=True)
class StoredAsk:
    """One saved run. ``created`` POSIX seconds of the request; ``record`` as :func:`record` makes it."""

    id: str
    owner: str
    conversation: str
    created: float
    request: str
    status: str
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said under one name: its first request as ``title``, how many ``turns``, from when to when (POSIX)."""

    id: str
    title: str
    turns: int
    first: float
    last: float


class RunStore(Part):
    """Saving, listing and searching runs."""

    def save_run(self, run: Run) -> None:
        """Store a run; saving the same id again replaces it."""
        with self.db.write() as connection:
            self.put_run(connection, run)

    def put_run(self, connection: Connection, run: Run) -> None:
        """The same in somebody's transaction."""
        connection.execute(runs.delete().where(runs.c.run == run.id))
        connection.execute(
            runs.insert().values(
                run=run.id,
                owner=run.request.principal.name,
                conversation=run.request.conversation,
                created=run.request.now,
                request=run.request.text,
                status=run.answer.status,
                record=record(run),
            )
        )

    def run(self, id: str) -> StoredAsk | None:
        """The run of that id, None when there is none."""
        with self.db.read() as connection:
            row = connection.execute(select(runs).where(runs.c.run == id)).one_or_none()
        return None if row is None else _stored(row)

    def conversations(self, owner: str, *, search: str = "", limit: int = 50) -> list[Conversation]:
        """An owner's conversations, the last one spoken in first.

        With ``search`` only those where every word of it stands in one turn's request or answer, whatever its case.
        """
        out = []
        with self.db.read() as connection:
            for name in _named(connection, owner, search.split(), limit):
                mine = (runs.c.owner == owner) & (runs.c.conversation == name)
                turns = select(func.count(), func.min(runs.c.created), func.max(runs.c.created)).where(mine)
                n, first, last = connection.execute(turns).one()
                title = connection.execute(select(runs.c.request).where(mine).order_by(runs.c.id).limit(1)).scalar_one()
                out.append(Conversation(name, str(title), int(n), float(first), float(last)))
        return out

    def runs(self, owner: str | None = "local", limit: int = 50, conversation: str | None = None) -> list[StoredAsk]:
        """The latest runs of an owner (None = of everybody), of one conversation if asked for, newest first."""
        query = select(runs).order_by(runs.c.created.desc(), runs.c.id.desc()).limit(limit)
        if owner is not None:
            query = query.where(runs.c.owner == owner)
        if conversation is not None:
            query = query.where(runs.c.conversation == conversation)
        with self.db.read() as connection:
            return [_stored(r) for r in connection.execute(query)]


def _named(connection: Connection, owner: str, words: Sequence[str], limit: int) -> list[str]:
    """The names of an owner's conversations, of those that hold all ``words`` in one turn, newest turn first.

    Words are compared here: SQLite folds the case of ASCII letters only.
    """
    mine = (runs.c.owner == owner) & (runs.c.conversation != "")
    if not words:
        last = func.max(runs.c.created)
        query = select(runs.c.conversation).where(mine).group_by(runs.c.conversation)
        rows = connection.execute(query.order_by(last.desc(), runs.c.conversation).limit(limit))
        return [str(r.conversation) for r in rows]
    folded = [word.casefold() for word in words]
    said = runs.c.record["answer"].as_string().label("said")
    turns = select(runs.c.conversation, runs.c.request, said).where(mine)
    found: dict[str, None] = {}
    for row in connection.execute(turns.order_by(runs.c.created.desc(), runs.c.conversation)):
        places = (row.request.casefold(), (row.said or "").casefold())
        if row.conversation not in found and all(any(word in place for place in places) for word in folded):
            found[str(row.conversation)] = None
            if len(found) == limit:
                break
    return list(found)


def _stored(row: Row[Any]) -> StoredAsk:
    return StoredAsk(row.run, row.owner, row.conversation, row.created, row.request, row.status, row.record)


def restored(row: StoredAsk) -> Run:
    """A stored run as a later turn needs it: what was asked and answered.

    Neither observations nor attached files come back: the record holds no paths, so a file is attached again. Raises
    LibraryFault for a record that no run of ours wrote.
    """
    held: Mapping[str, Any] = row.record if isinstance(row.record, Mapping) else {}
    said, status, llm = held.get("answer"), held.get("status"), held.get("llm")
    if status is None or not isinstance(said, str) or status not in get_args(Status) or not isinstance(llm, str):
        raise LibraryFault(
            f"The stored request {row.id} of the conversation {row.conversation!r} is damaged.",
            fix="begin another conversation: -c NAME",
        )
    request = Request(row.request, now=row.created, conversation=row.conversation)
    return Run(row.id, request, (), Answer(said, status), llm, 0.0)


def record(run: Run) -> dict[str, Any]:
    """A run as JSON: what ``ask --json`` prints, with who asked, for what, and what each step was told.

    ``shown`` holds by evidence id what a page needs to show it again, ``curves`` the counts over time by camera.
    """
    request = run.request
    told = []
    for step in run.steps:
        seen = step.observation
        told.append(
            {
                "call": step.call.id,
                "tool": step.call.tool,
                "status": seen.status if seen else None,
                "verdict": seen.verdict if seen else None,
                "coverage": asdict(seen.coverage) if seen and seen.coverage else None,
                "seconds": round(seen.seconds, 4) if seen else None,
            }
        )
    curves: dict[str, Any] = {}
    for step in run.steps:
        curve = step.observation.data.get("curve") if step.observation else None
        if isinstance(curve, Mapping):
            curves |= {str(camera): [[float(t), float(n)] for t, n in points] for camera, points in curve.items()}
    return {
        "id": run.id,
        "request": {
            "text": request.text,
            "at": iso(request.now),
            "principal": request.principal.name,
            "role": request.principal.role,
            "purpose": request.purpose,
            "camera_scope": None if request.camera_scope is None else sorted(request.camera_scope),
            "attachments": [{"handle": a.handle, "kind": a.kind, "name": a.path.name} for a in request.attachments],
        },
        "observations": told,
        "shown": {e.id: {"at": e.at, "xyxy": e.xyxy, "label": e.label, "beside": list(e.beside)} for e in run.evidence},
        "curves": curves,
        "timings": dict(run.timings),
        **run.to_json(),
    }
