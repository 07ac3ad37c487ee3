"""The audit log: what is worth a row, written from the typed record of a run and from what people change.

A run and its row are one transaction, so neither is there without the other, whenever the process dies. A row's
``data`` holds ids, names of tools and cameras, times and counts; what people wrote (the request, the purpose, the
arguments of calls) stands beside it as words. No picture, no embedding and no answer is written.

Owns the content, searching and exporting. The chain is ``chain``'s.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from viot_agent.errors import LibraryFault, UserFault
from viot_agent.foreign import read_json
from viot_agent.library.store import Library
from viot_agent.policy import chain
from viot_agent.policy.chain import Anchor, Entry
from viot_agent.steps import Answer, Principal, Run

WITHHELD = "Not kept: footage or a person was purged while this was being answered. Ask again."
EXPORTS = "exports"
"""The folder whose files were made to be given away."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look at the whole chain came to: ``wrong`` in sentences, [] when it is whole."""

    rows: int
    head: Anchor | None
    wrong: tuple[str, ...]


class Audit:
    """The audit log of one library; an ``AuditSink``. ``clock`` gives POSIX seconds."""

    def __init__(self, library: Library, clock: Callable[[], float] = time.time) -> None:
        self.library, self.clock = library, clock

    def begin(self) -> int:
        """The number of rows there are: a run that begins now says it when it is saved."""
        head = self.head()
        return 0 if head is None else head.rows

    def save_run(self, run: Run, begun: int | None = None) -> Run:
        """Store the run and its row, in one transaction; gives back what was stored.

        A run that was under way (``begun``: what :meth:`begin` said) while something was purged may hold what it had
        read before. The purge's rows tell of that in this very transaction; then only that there was a run is kept:
        neither request nor answer, steps or evidence.
        """
        who = run.request.principal
        with self.library.db.write() as connection:
            if begun is not None and chain.stands_since(connection, begun, chain.PURGES):
                run = withheld(run)
            data, words = run_row(run)
            self.library.put_run(connection, run)
            chain.append(
                connection, "run", at=self.clock(), who=who.name, role=who.role, run=run.id, data=data, words=words
            )
        return run

    def note(
        self,
        kind: str,
        *,
        by: Principal,
        data: Mapping[str, Any] | None = None,
        words: Mapping[str, Any] | None = None,
    ) -> Entry:
        """One row for something that was done or refused outside of a run. ``data`` holds no names of people who were
        filmed and nothing that somebody wrote; that is for ``words``, which can be purged."""
        with self.library.db.write() as connection:
            return chain.append(
                connection, kind, at=self.clock(), who=by.name, role=by.role, data=data, words=words
            )  # fmt: skip

    def head(self) -> Anchor | None:
        """The number of rows and the hash of the last, None before the first."""
        with self.library.db.read() as connection:
            return chain.head_of(connection)

    def verify(self, anchor: Anchor | None = None) -> Verified:
        """Look at every row. ``anchor``: a head that was kept elsewhere."""
        with self.library.db.read() as connection:
            head = chain.head_of(connection)
            count = 0

            def counted() -> Iterator[Entry]:
                nonlocal count
                for row in chain.rows_of(connection):
                    count += 1
                    yield row

            wrong = chain.check(counted(), head, anchor)
        return Verified(count, head, tuple(wrong))

    def search(
        self,
        text: str = "",
        *,
        who: str = "",
        kind: str = "",
        camera: str = "",
        since: float | None = None,
        until: float | None = None,
        limit: int = 100,
    ) -> list[Entry]:
        """The latest rows that hold every word of ``text``, whatever its case, oldest first.

        Names are compared without case. ``since`` and ``until`` are POSIX seconds, half-open.
        """
        words = text.casefold().split()
        found: list[Entry] = []
        with self.library.db.read() as connection:
            for row in chain.rows_of(connection):
                if not chain.readable(row):
                    raise LibraryFault(
                        f"Row {row.seq} of the audit log cannot be read: somebody changed it.", fix="viot audit verify"
                    )
                if (
                    (who and row.who.casefold() != who.casefold())
                    or (kind and row.kind != kind)
                    or (since is not None and row.at < since)
                    or (until is not None and row.at >= until)
                    or (camera and camera.casefold() not in (c.casefold() for c in row.fields.get("cameras", ())))
                ):
                    continue
                if words:
                    held = " ".join((row.kind, row.who, row.run, row.data, row.words or "")).casefold()
                    if not all(word in held for word in words):
                        continue
                found.append(row)
                if len(found) > limit:
                    del found[0]
        return found

    def export(self, out: IO[str]) -> Anchor | None:
        """Every row as a line of JSON, the head as the last line; gives back the head."""
        with self.library.db.read() as connection:
            head = chain.head_of(connection)
            for row in chain.rows_of(connection):
                out.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")
        out.write(json.dumps({"head": None if head is None else str(head)}) + "\n")
        return head


def verify_file(path: Path, anchor: Anchor | None = None) -> Verified:
    """Look at an exported log, without any library. Raises UserFault for a file that is none."""
    rows: list[Entry] = []
    head: Anchor | None = None
    ended = False
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                raw = read_json(line)
                if set(raw) == {"head"}:
                    head, ended = (None if raw["head"] is None else Anchor.read(raw["head"])), True
                else:
                    rows.append(Entry(**raw))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UserFault(f"{path} is no exported audit log: {error}", fix="viot audit export FILE") from error
    wrong = chain.check(rows, head, anchor)
    if not ended:
        wrong.append("the last line with the head is missing: the file was cut off")
    return Verified(len(rows), head, tuple(wrong))


def withheld(run: Run) -> Run:
    """The run without anything that was said or seen in it."""
    request = replace(run.request, text="", purpose="", conversation="", attachments=(), camera_scope=None)
    return Run(run.id, request, (), Answer(WITHHELD, "incomplete"), run.llm, run.seconds)


def run_row(run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """(data, words) of a run's row."""
    request, evidence = run.request, run.evidence
    seen = [s.observation for s in run.steps if s.observation is not None]
    covered = [o.coverage for o in seen if o.coverage is not None]
    spans: dict[str, list[float]] = {}
    for piece in evidence:
        old = spans.setdefault(piece.camera, [piece.start, piece.end])
        spans[piece.camera] = [min(old[0], piece.start), max(old[1], piece.end)]
    files = [Path(f) for e in evidence for f in (e.clip, e.crop) if f]
    made = sorted({f.name for f in files if len(f.parts) > 2 and f.parts[-3] == EXPORTS})
    calls = [
        {
            "tool": s.call.tool,
            "status": s.observation.status if s.observation else None,
            "verdict": s.observation.verdict if s.observation else None,
            **({"unasked": True} if s.observation and s.observation.data.get("unasked") else {}),
        }
        for s in run.steps
    ]
    data: dict[str, Any] = {
        "status": run.answer.status,
        "key": request.principal.key,
        "llm": run.llm,
        "asked": request.now,
        "scope": None if request.camera_scope is None else sorted(request.camera_scope),
        "calls": calls,
        "cameras": sorted({*spans, *(name for c in covered for name in c.cameras)}),
        "covered": [
            {"cameras": list(c.cameras), "start": c.start, "end": c.end, "seconds": round(c.indexed_seconds, 3)}
            for c in covered
        ],
        "evidence": {camera: [round(a, 3), round(b, 3)] for camera, (a, b) in sorted(spans.items()) if camera},
        "exports": len(made),
    }
    words: dict[str, Any] = {
        "request": request.text,
        "purpose": request.purpose,
        "args": [{k: v for k, v in s.call.args.items() if isinstance(v, str | list | int | float)} for s in run.steps],
        "attachments": [a.path.name for a in request.attachments],
        "exports": made,
    }
    if run.answer.status == "refused":
        words["refused"] = run.answer.text
    return data, {k: v for k, v in words.items() if v}
