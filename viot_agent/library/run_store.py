"""The audit sink: finished runs, kept whole as JSON, by owner.

Owns the stored form of a run. Does not know how one is made. Times inside the record are ISO 8601 as in ``ask --json``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select

from viot_agent.library.base import Part
from viot_agent.library.schema import runs
from viot_agent.steps import Answer, Request, Run, iso


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


class RunStore(Part):
    """Saving and listing runs."""

    def save_run(self, run: Run) -> None:
        """Store a run; saving the same id again replaces it."""
        with self.db.write() as connection:
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

    def runs(self, owner: str | None = "local", limit: int = 50, conversation: str | None = None) -> list[StoredAsk]:
        """The latest runs of an owner (None = of everybody), of one conversation if asked for, newest first."""
        query = select(runs).order_by(runs.c.created.desc(), runs.c.id.desc()).limit(limit)
        if owner is not None:
            query = query.where(runs.c.owner == owner)
        if conversation is not None:
            query = query.where(runs.c.conversation == conversation)
        with self.db.read() as connection:
            return [
                StoredAsk(r.run, r.owner, r.conversation, r.created, r.request, r.status, r.record)
                for r in connection.execute(query)
            ]


def restored(row: StoredAsk) -> Run:
    """A stored run as a later turn needs it: what was asked and answered.

    Neither observations nor attached files come back: the record holds no paths, so a file is attached again.
    """
    request = Request(row.request, now=row.created, conversation=row.conversation)
    return Run(row.id, request, (), Answer(row.record["answer"], row.record["status"]), row.record["llm"], 0.0)


def record(run: Run) -> dict[str, Any]:
    """A run as JSON: what ``ask --json`` prints, with who asked, for what, and what each step was told."""
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
        "timings": dict(run.timings),
        **run.to_json(),
    }
