"""Making a library new, bringing an old one up to date, and refusing what this program cannot read.

Owns the decision. The revisions are in ``migrations``; Alembic (0.5 s of import) is loaded only when there is something
to migrate. A new library is made from the metadata in one transaction and stamped; a test proves that this gives the
same tables as the revisions do, on SQLite and on PostgreSQL.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

import viot_agent
import viot_agent.library.schema_trust  # its tables belong to the metadata
from viot_agent.errors import LibraryFault
from viot_agent.library.database import Database
from viot_agent.library.schema import HEAD, KNOWN, library_info, metadata

if TYPE_CHECKING:
    from alembic.config import Config


def prepare(db: Database, creating: AbstractContextManager[object]) -> None:
    """Leave ``db`` at revision HEAD. ``creating`` is the lock held while tables are made or changed.

    Raises LibraryFault for a library made by a newer version, a database that is no library, one that is damaged, and
    for one that is absent or old when ``db`` is read-only.
    """
    if revision_of(db) == HEAD:
        return
    if db.readonly:
        revision = revision_of(db)
        if revision is None:
            raise LibraryFault(f"There is no library at {db.where}.", fix="viot camera add NAME SOURCE")
        raise LibraryFault(
            f"The library {db.where} was made by an older version (schema {revision}).",
            fix="viot index brings it up to date",
        )
    with creating:
        revision = revision_of(db)  # another process may have been faster
        if revision == HEAD:
            return
        with db.write() as connection:
            if revision is None:
                create(connection, db)
            else:
                upgrade(connection)
                _even(connection, db)
                _sign(connection)


def create(connection: Connection, db: Database) -> None:
    """All tables of a new library, in somebody's transaction. Raises LibraryFault for a server without pgvector."""
    if db.server:
        from viot_agent.library import postgres

        postgres.make_ready(connection, db.where)
    metadata.create_all(connection)
    connection.execute(
        text(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL CONSTRAINT alembic_version_pkc PRIMARY KEY)"
        )
    )
    connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": HEAD})
    _even(connection, db)
    _sign(connection)


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the revisions up to ``revision`` on ``connection``, in its transaction."""
    from alembic import command

    command.upgrade(_config(connection), revision)


def downgrade(connection: Connection, revision: str) -> None:
    """Take the revisions back down to ``revision`` ("base": all), with what only newer ones can hold."""
    from alembic import command

    if revision == "base" and connection.dialect.name == "postgresql":
        for (table,) in connection.execute(text("SELECT path FROM vector_files")).all():
            connection.execute(text(f'DROP TABLE "{table}"'))
    command.downgrade(_config(connection), revision)


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _even(connection: Connection, db: Database) -> None:
    """What a revision says of texts means the same on every database."""
    if db.server:
        from viot_agent.library import postgres

        postgres.loosen(connection)


def revision_of(db: Database) -> str | None:
    """The stored revision; None for an empty database. Raises LibraryFault for one this program cannot open."""
    with db.read() as connection:
        names = set(inspect(connection).get_table_names())
        if not names:
            return None
        found = (
            connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
            if "alembic_version" in names
            else []
        )
        if len(found) != 1 or "library_info" not in names:
            raise LibraryFault(
                f"{db.where} is a database, but no library of this program.", fix="choose another VIOT_HOME"
            )
        revision = str(found[0])
        if revision in KNOWN:
            return revision
        maker = connection.execute(library_info.select().where(library_info.c.key == "made_by")).first()
    by = maker.value if maker else "a newer version"
    raise LibraryFault(
        f"The library {db.where} was made by {by} (schema {revision}); this is viot-agent {viot_agent.__version__} "
        f"(schema {HEAD}).",
        fix="install that version or a newer one: in its clone, pip install --upgrade .",
    )


def _sign(connection: Connection) -> None:
    connection.execute(library_info.delete().where(library_info.c.key == "made_by"))
    connection.execute(library_info.insert().values(key="made_by", value=f"viot-agent {viot_agent.__version__}"))
