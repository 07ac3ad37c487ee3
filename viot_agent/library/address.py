"""Where a library lies: what ``VIOT_DB`` and ``viot library migrate`` are given, read once.

``sqlite:FOLDER``, ``sqlite:FILE.db``, ``sqlite:///FILE.db`` or ``postgresql://USER:PASSWORD@HOST/DATABASE``. Owns that
reading and the name without a password that messages may show. Opens nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from viot_agent.errors import BackendFault, UserFault
from viot_agent.library.database import sqlite_url

FILE = "library.db"
FIX = "give sqlite:FOLDER or postgresql://USER:PASSWORD@HOST/DATABASE"


@dataclass(frozen=True, slots=True)
class Address:
    """``url`` for SQLAlchemy, ``where`` for people, ``folder`` of a SQLite library (its vectors lie in there)."""

    url: URL
    where: str
    folder: Path | None


def in_folder(folder: Path) -> Address:
    """The library of a home folder."""
    return Address(sqlite_url(folder / FILE), str(folder / FILE), folder)


def read(word: str) -> Address:
    """An address as people write it. Raises UserFault for one nobody can read, BackendFault for another database."""
    word = word.strip()
    if word.startswith("sqlite:"):
        rest = word.removeprefix("sqlite:")
        path = Path(rest.removeprefix("///") if rest.startswith("///") else rest).expanduser()
        if not rest.strip("/") or (rest.startswith("//") and not rest.startswith("///")):
            raise UserFault(f"{word!r} names no folder", fix=FIX)
        if path.suffix != ".db":
            return in_folder(path)
        return Address(sqlite_url(path), str(path), path.parent)
    try:
        url = make_url(word)
    except (ArgumentError, ValueError) as error:  # its text may hold the password
        raise UserFault("the address of the database cannot be read", fix=FIX) from error
    if "@" in (url.host or ""):  # what stands there is the end of a password
        raise UserFault("the address of the database has more than one @", fix=f"{FIX}; an @ in them as %40")
    port = f":{url.port}" if url.port else ""
    user = f"{url.username}@" if url.username else ""
    where = f"{url.get_backend_name()}://{user}{url.host or ''}{port}/{url.database or ''}"
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise BackendFault(f"Cannot use the database {where}: a library lies in SQLite or PostgreSQL.", fix=FIX)
    return Address(url, where, None)


def from_env() -> Address | None:
    """What ``VIOT_DB`` names; None when it is not set."""
    word = os.environ.get("VIOT_DB", "").strip()
    return read(word) if word else None
