"""The audit log's hash chain: appending a row inside somebody's transaction, and verifying all of them.

A row's hash is SHA-256 over the row and the hash before it (the linked timestamping of Haber and Stornetta, 1991), so
an edited, inserted, removed or reordered row breaks the chain at that place. The head beside the table (number of rows,
last hash) is written in the same transaction: a tail that was cut off is missed there. Who can write the whole database
can also forge chain and head together: only a head that is kept elsewhere tells of that (``Anchor``).

What people wrote stands beside the row; the row holds a salted digest of it. Words may be missing only where a later
row says that they were purged.

Owns the form and the arithmetic. Does not know what is worth a row.
"""

from __future__ import annotations

import hashlib
import json
import math
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import IntegrityError

from viot_agent.errors import LibraryFault, UserFault
from viot_agent.foreign import read_json
from viot_agent.library.jsontext import plain
from viot_agent.library.schema_trust import audit_head, audit_log, audit_words

GENESIS = "0" * 64
"""What the first row has for the hash before it."""
PURGES = ("purge_begun", "purge")
"""The kinds of the rows of a purge: one in the transaction that deletes, one when it is proved."""
PURGED = "words_purged"
"""The kind of the row that says which rows' words were taken away (``data["rows"]``)."""
_BATCH = 2000


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head: so many rows, and the hash of the last."""

    rows: int
    hash: str

    def __str__(self) -> str:
        return f"{self.rows}:{self.hash}"

    @classmethod
    def read(cls, word: str) -> Anchor:
        """From ``ROWS:HASH``. Raises UserFault."""
        rows, _, hash_ = word.strip().partition(":")
        if not (rows.isascii() and rows.isdigit() and len(rows) < 18 and len(hash_) == 64):
            raise UserFault(f"{word[:80]!r} is no head of an audit log", fix="viot audit head prints ROWS:HASH")
        return cls(int(rows), hash_)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row. ``at`` POSIX seconds; ``data`` names, numbers and ids only; ``words`` what people wrote, None where
    there is none or it was purged (``digest`` is not "" then)."""

    seq: int
    at: float
    kind: str
    who: str
    role: str
    run: str
    data: str
    digest: str
    prev: str
    hash: str
    salt: str | None = None
    words: str | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """``data`` as it was given."""
        return dict(json.loads(self.data))

    @property
    def said(self) -> dict[str, Any]:
        """The words as they were given; {} where there are none."""
        return dict(json.loads(self.words)) if self.words else {}


def readable(row: Entry) -> bool:
    """Whether every column holds what its kind of column may: SQLite keeps whatever somebody puts there."""
    texts = (row.kind, row.who, row.role, row.run, row.data, row.digest, row.prev, row.hash)
    if not (isinstance(row.seq, int) and isinstance(row.at, float | int) and math.isfinite(row.at)):
        return False
    if not all(isinstance(t, str) for t in texts) or not all(isinstance(t, str | None) for t in (row.salt, row.words)):
        return False
    try:
        "".join((*texts, row.salt or "", row.words or "")).encode()  # half of a surrogate pair has no bytes to hash
        return isinstance(read_json(row.data), dict)
    except ValueError:
        return False


def digest_of(salt: str, words: str) -> str:
    """What the row holds of the words beside it."""
    return hashlib.sha256(f"{salt}\n{words}".encode()).hexdigest()


def hash_of(entry: Entry) -> str:
    """The hash of a row, from all its columns but the hash itself."""
    parts = [entry.seq, entry.at, entry.kind, entry.who, entry.role, entry.run, entry.data, entry.digest, entry.prev]
    return hashlib.sha256(canonical(parts).encode()).hexdigest()


def canonical(value: Any) -> str:
    """JSON with one spelling. Raises ValueError for nan and infinity."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def append(
    connection: Connection,
    kind: str,
    *,
    at: float,
    who: str,
    role: str = "",
    run: str = "",
    data: Mapping[str, Any] | None = None,
    words: Mapping[str, Any] | None = None,
) -> Entry:
    """Write one row in the transaction of ``connection``, which holds the log until it ends.

    Raises LibraryFault where rows stand without a head: somebody took it away.
    """
    head = _locked_head(connection)
    seq = head.rows + 1
    said = canonical(plain(dict(words))) if words else None
    salt = secrets.token_hex(16) if said is not None else None
    digest = digest_of(salt, said) if salt is not None and said is not None else ""
    bare = Entry(seq, at, kind, who, role, run, canonical(dict(data or {})), digest, head.hash, "")
    row = Entry(seq, at, kind, who, role, run, bare.data, digest, head.hash, hash_of(bare), salt, said)
    columns = ("seq", "at", "kind", "who", "role", "run", "data", "prev", "hash")
    connection.execute(audit_log.insert().values(words=digest, **{name: getattr(row, name) for name in columns}))
    if said is not None:
        connection.execute(audit_words.insert().values(seq=seq, salt=salt, text=said))
    connection.execute(audit_head.update().where(audit_head.c.id == 1).values(rows=seq, hash=row.hash))
    return row


def head_of(connection: Connection) -> Anchor | None:
    """The stored head, None when there is none."""
    row = connection.execute(select(audit_head.c.rows, audit_head.c.hash).where(audit_head.c.id == 1)).first()
    if row is None:
        return None
    return Anchor(row.rows if isinstance(row.rows, int) else -1, str(row.hash))  # no number: somebody put it there


def rows_of(connection: Connection) -> Iterator[Entry]:
    """Every row in order, with its words."""
    query = (
        select(audit_log, audit_words.c.salt, audit_words.c.text.label("said"))
        .outerjoin(audit_words, audit_words.c.seq == audit_log.c.seq)
        .order_by(audit_log.c.seq)
    )
    for r in connection.execute(query.execution_options(yield_per=_BATCH)):
        yield Entry(int(r.seq), r.at, r.kind, r.who, r.role, r.run, r.data, r.words, r.prev, r.hash, r.salt, r.said)


def check(rows: Iterable[Entry], head: Anchor | None, anchor: Anchor | None = None, most: int = 20) -> list[str]:
    """What is wrong with the chain, in sentences; [] when nothing is. At most ``most`` of them.

    ``anchor``: a head that was kept elsewhere; the chain must have gone through it.
    """
    wrong: list[str] = []
    at, prev, gone, purged = 0, GENESIS, [], set()
    seen = anchor is None or anchor.rows == 0
    for row in rows:
        at += 1
        if not readable(row):  # no writer of ours made it; its hash cannot be made either
            wrong.append(f"row {row.seq} cannot be read: it was changed")
            at, prev = (row.seq if isinstance(row.seq, int) else at), str(row.hash)
            if len(wrong) >= most:
                return [*wrong[:most], "further faults are not listed"]
            continue
        if row.seq != at:
            wrong.append(f"row {at} is missing: row {row.seq} follows")
            at = row.seq
        if row.prev != prev:
            wrong.append(f"row {row.seq} does not follow the row before it")
        if row.hash != hash_of(row):
            wrong.append(f"row {row.seq} was changed")
        if row.words is not None and digest_of(row.salt or "", row.words) != row.digest:
            wrong.append(f"the words of row {row.seq} were changed")
        if row.words is None and row.digest:
            gone.append(row.seq)
        if row.kind == PURGED and row.hash == hash_of(row):
            named = row.fields.get("rows", ())
            purged |= {seq for seq in named if isinstance(seq, int)} if isinstance(named, list) else set()
        if anchor is not None and row.seq == anchor.rows:
            seen = True
            if row.hash != anchor.hash:
                wrong.append(f"row {row.seq} is not the one whose hash was kept elsewhere")
        prev = row.hash
        if len(wrong) >= most:
            return [*wrong[:most], "further faults are not listed"]
    wrong += [f"the words of row {seq} are gone, and no purge took them" for seq in gone if seq not in purged]
    if head is None:
        if at:
            wrong.append("the head is gone")
    elif (head.rows, head.hash) != (at, prev):
        wrong.append(f"the head says {head.rows} rows, {at} stand there: the end was cut off or exchanged")
    if not seen and anchor is not None:
        wrong.append(f"the head kept elsewhere says {anchor.rows} rows, {at} stand there")
    return wrong[:most]


def stands_since(connection: Connection, row: int, kinds: Collection[str]) -> bool:
    """Whether a row of one of these kinds was written after the row of that number."""
    query = select(audit_log.c.seq).where(audit_log.c.seq > row, audit_log.c.kind.in_(kinds)).limit(1)
    return connection.execute(query).first() is not None


def _locked_head(connection: Connection) -> Anchor:
    """The head, held against other writers until the transaction ends; made with the first row."""
    query = select(audit_head.c.rows, audit_head.c.hash).where(audit_head.c.id == 1).with_for_update()
    row = connection.execute(query).first()
    if row is None:
        if connection.execute(select(func.count()).select_from(audit_log)).scalar_one():
            raise LibraryFault(
                "The audit log has rows but no head: somebody took it away.",
                fix="viot audit verify; restore VIOT_HOME from a backup",
            )
        try:
            with connection.begin_nested():
                connection.execute(audit_head.insert().values(id=1, rows=0, hash=GENESIS))
        except IntegrityError:  # on a server another process wrote the first row at this moment
            row = connection.execute(query).one()
            return Anchor(int(row.rows), str(row.hash))
        return Anchor(0, GENESIS)
    return Anchor(int(row.rows), str(row.hash))
