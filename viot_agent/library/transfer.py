"""A whole library from one place to another: SQLite to PostgreSQL, back, or to another folder.

Everything goes in one transaction of the target, from one consistent view of the source: rows with their ids, vectors
bit for bit, and the counters that keep ids from being used again. What was counted on both sides must agree before it
is committed, so a move that is killed leaves an empty target, and is begun anew. The source is only read.

Owns that order and what a library holds in numbers (``holdings``). Files of the home (evidence, recordings, exports)
are no part of a library: they stay where they lie.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, func, select, text

from viot_agent.errors import BackendFault, LibraryFault, UserFault
from viot_agent.library.address import Address
from viot_agent.library.migrate import create, revision_of
from viot_agent.library.schema import HEAD, library_info, metadata, vector_batches, vector_files
from viot_agent.library.store import Library
from viot_agent.library.vector_index import Block

_OWN = {vector_files.name, vector_batches.name}  # the vectors' own books: every kind of index keeps other ones
_ROWS = 500

Say = Callable[[str, int, int], None]
"""Told what is under way, how many of it are over, and of how many."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a library holds: ``rows`` by table, ``vectors`` by (model, length)."""

    where: str
    server: str
    schema: str
    made_by: str
    rows: Mapping[str, int]
    vectors: Mapping[tuple[str, int], int]
    size: int
    """Bytes of the database; the vector files beside SQLite included."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move has copied, counted on both sides."""

    rows: Mapping[str, int]
    vectors: Mapping[tuple[str, int], int]
    seconds: float = field(compare=False)


def holdings(library: Library) -> Holdings:
    """What ``library`` holds, in one consistent view."""
    with library.db.read() as connection:
        info = {str(r.key): str(r.value) for r in connection.execute(select(library_info))}
        rows, vectors = _rows(connection), library.index.movable().sizes(connection)
        if library.db.server:
            version = connection.exec_driver_sql("SHOW server_version").scalar_one()
            vector = connection.exec_driver_sql("SELECT extversion FROM pg_extension WHERE extname = 'vector'").scalar()
            server = f"PostgreSQL {str(version).split()[0]}, pgvector {vector}"
            size = int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
        else:
            server = f"SQLite {connection.exec_driver_sql('SELECT sqlite_version()').scalar_one()}"
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            size = int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())
            size += sum(p.stat().st_size for p in (library.folder / "vectors").rglob("*.vec"))
    schema = revision_of(library.db) or ""
    return Holdings(library.db.where, server, schema, info.get("made_by", ""), rows, vectors, size)


def move(source: Library, target: Address, *, say: Say = lambda what, done, of: None) -> Moved:
    """Copy all that ``source`` holds to ``target``, which must hold nothing.

    Raises UserFault for a target that is the source, LibraryFault for one that is not empty or no library of this
    program, BusyFault while somebody indexes, BackendFault when a database fails or the counts do not agree: the target
    is as before then.
    """
    if target.where == source.db.where:
        raise UserFault(f"source and target are the same: {target.where}", fix="name another target")
    began = time.perf_counter()
    with (
        source.lock("index", doing="indexing this library"),
        _opened(target) as (made, new),
        source.db.read() as old,
        made.db.write() as connection,
    ):
        if new:
            create(connection, made.db)
        else:
            _check_empty(made, connection)
        rows, vectors = _rows(old), source.index.movable().sizes(old)
        for table in _tables():
            _copy(old, connection, table, rows[table.name], say, plain=made.db.server)
        _copy_vectors(source, made, old, connection, vectors, say)
        _carry_counters(old, connection, source=source.db.server, target=made.db.server)
        there, kept = _rows(connection), made.index.movable().sizes(connection)
        wanted = {key: n for key, n in vectors.items() if n}
        if there != rows or kept != wanted:
            wrong = [f"{k} {rows[k]} and {there[k]}" for k in rows if rows[k] != there[k]]
            raise BackendFault(f"the counts of source and target do not agree: {wrong or [wanted, kept]}")
    return Moved(rows, vectors, time.perf_counter() - began)


class _opened:
    """The target as a library that may have no tables yet; with whether it is new. Given back at the end."""

    def __init__(self, target: Address) -> None:
        self._target = target

    def __enter__(self) -> tuple[Library, bool]:
        self._library = library = Library.over(self._target.folder or Path(), self._target)
        try:
            revision = revision_of(library.db)
            if revision not in (None, HEAD):
                raise LibraryFault(
                    f"The library {library.db.where} is not empty: it was made by an older version.",
                    fix="name another target",
                )
        except BaseException:
            library.close()
            raise
        return library, revision is None

    def __exit__(self, *_: object) -> None:
        self._library.close()


def _tables() -> Iterator[Table]:
    """Parents before children; the vectors' own books and the signature are left out."""
    return (t for t in metadata.sorted_tables if t.name not in _OWN and t is not library_info)


def _rows(connection: Connection) -> dict[str, int]:
    return {t.name: int(connection.execute(select(func.count()).select_from(t)).scalar_one()) for t in _tables()}


def _check_empty(library: Library, connection: Connection) -> None:
    held = {name: n for name, n in _rows(connection).items() if n}
    if held:
        words = ", ".join(f"{n} {name}" for name, n in list(held.items())[:4])
        raise LibraryFault(f"The library {library.db.where} is not empty: {words}.", fix="name another target")


def _copy(old: Connection, new: Connection, table: Table, total: int, say: Say, *, plain: bool) -> None:
    """All rows of one table, by their keys. ``plain``: the target takes no NUL in a text."""
    done = 0
    query = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=_ROWS)
    say(table.name, 0, total)
    for part in old.execute(query).mappings().partitions():
        rows: list[dict[str, Any]] = [dict(row) for row in part]
        if plain:
            for row in rows:
                row |= {k: v.replace("\0", "\ufffd") for k, v in row.items() if isinstance(v, str) and "\0" in v}
        new.execute(table.insert(), rows)
        done += len(rows)
        say(table.name, done, total)


def _copy_vectors(
    source: Library,
    target: Library,
    old: Connection,
    new: Connection,
    sizes: Mapping[tuple[str, int], int],
    say: Say,
) -> None:
    for (model, dim), total in sizes.items():
        if total:
            blocks = _told(source.index.movable().dump(old, model, dim), f"vectors of {model}", total, say)
            target.index.movable().load(new, model, dim, blocks)


def _told(blocks: Iterable[Block], what: str, total: int, say: Say) -> Iterator[Block]:
    done = 0
    say(what, 0, total)
    for block in blocks:
        yield block
        done += len(block.run)
        say(what, done, total)


def _carry_counters(old: Connection, new: Connection, *, source: bool, target: bool) -> None:
    """The next id of each table is as in the source: an id that was removed there is never used again."""
    counted = [t for t in _tables() if t.autoincrement_column is not None]
    if source:
        last = {t.name: _last_value(old, t.name) for t in counted}
    else:
        last = {str(name): int(seq) for name, seq in old.exec_driver_sql("SELECT name, seq FROM sqlite_sequence").all()}
    for table in counted:
        highest = int(new.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one())
        value = max(highest, last.get(table.name, 0))
        if not value:
            continue
        if target:
            call = text("SELECT setval(pg_get_serial_sequence(:t, 'id'), :n, true)")
            new.execute(call, {"t": table.name, "n": value})
        elif table.dialect_options["sqlite"]["autoincrement"]:
            new.execute(text("DELETE FROM sqlite_sequence WHERE name = :t"), {"t": table.name})
            new.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:t, :n)"), {"t": table.name, "n": value})


def _last_value(connection: Connection, table: str) -> int:
    name = connection.execute(text("SELECT pg_get_serial_sequence(:t, 'id')"), {"t": table}).scalar_one()
    row = connection.exec_driver_sql(f"SELECT last_value, is_called FROM {name}").one()
    return int(row[0]) if row[1] else 0
