"""Keys in the library's database: made, listed, revoked, and looked at when one is shown.

A secret is ``viot_ID_RANDOM`` with 256 random bits. Only its argon2id hash is kept. Owns the rows, the form of a secret
and the cost of a hash; every change is a row of the audit log in the same transaction. Does not know what a role may
do.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Row, select

from viot_agent.errors import NameFault, UserFault
from viot_agent.library import names
from viot_agent.library.database import Database
from viot_agent.library.schema_trust import access_keys
from viot_agent.policy import chain
from viot_agent.policy.roles import ROLES, Role, ToolClass
from viot_agent.steps import Principal

if TYPE_CHECKING:
    from argon2 import PasswordHasher

_SECRET = re.compile(r"viot_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_SPAN = re.compile(r"(\d{1,5})\s*([hdwmy])")
_UNITS = {"h": 3600.0, "d": 86400.0, "w": 7 * 86400.0, "m": 30 * 86400.0, "y": 365 * 86400.0}
USED_EVERY = 60.0
"""Seconds between two notes of a key's last use: a question must not wait for a write."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret. Times are POSIX seconds. ``proxied``: it has none, a proxy names its person."""

    key: str
    name: str
    role: Role
    groups: tuple[str, ...] | None
    classes: tuple[ToolClass, ...] | None
    created: float
    created_by: str
    expires: float | None
    revoked: float | None
    last_used: float | None
    proxied: bool

    def state(self, now: float) -> str:
        """``good``, ``expired`` or ``revoked``."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "good"

    @property
    def principal(self) -> Principal:
        """Who asks when this key is shown."""
        return Principal(
            self.name,
            self.role,
            None if self.groups is None else frozenset(self.groups),
            None if self.classes is None else frozenset(self.classes),
            self.key,
        )


class Keys:
    """The keys of one library. Safe to share between threads. ``clock`` gives POSIX seconds."""

    def __init__(self, db: Database, clock: Callable[[], float] = time.time) -> None:
        self.db, self.clock = db, clock

    def any(self) -> bool:
        """Whether a key was ever made: from then on everybody needs one."""
        with self.db.read() as connection:
            return connection.execute(select(access_keys.c.id).limit(1)).first() is not None

    def all(self) -> list[Key]:
        """Every key, the oldest first."""
        with self.db.read() as connection:
            return [_key(r) for r in connection.execute(select(access_keys).order_by(access_keys.c.id))]

    def add(
        self,
        name: str,
        role: Role,
        *,
        groups: Sequence[str] | None = None,
        classes: Sequence[ToolClass] | None = None,
        expires: float | None = None,
        proxied: bool = False,
        by: Principal,
    ) -> tuple[Key, str]:
        """A new key and its secret, which nobody can read again ("" for one whose person a proxy names).

        Raises NameFault for somebody who has a good key already, UserFault for an unusable name.
        """
        name = names.clean(name, "person")
        if role not in ROLES:
            raise UserFault(f"there is no role {role!r}", fix=f"the roles are {', '.join(ROLES)}")
        now, id_ = self.clock(), secrets.token_hex(6)
        if expires is not None and expires <= now:
            raise UserFault("the key would have expired already", fix="give a later time, e.g. --expires 90d")
        secret = "" if proxied else f"viot_{id_}_{secrets.token_urlsafe(32)}"
        values = {
            "key": id_,
            "name": name,
            "folded": names.folded(name),
            "role": role,
            "groups": None if groups is None else sorted({names.clean(g, "group") for g in groups}),
            "tools": None if classes is None else list(classes),
            "created": now,
            "created_by": by.name,
            "expires": expires,
        }
        hash_ = _hasher().hash(secret) if secret else ""
        with self.db.write() as connection:
            mine = select(access_keys).where(access_keys.c.folded == names.folded(name))
            if any(_key(r).state(now) == "good" for r in connection.execute(mine)):
                raise NameFault(
                    f"{name} has a key already", name=name, fix=f"take it back first: viot access revoke {name!r}"
                )
            connection.execute(access_keys.insert().values(hash=hash_, **values))
            made = _key(connection.execute(select(access_keys).where(access_keys.c.key == id_)).one())
            told = {k: values[k] for k in ("key", "name", "role", "groups", "tools", "expires")} | {"proxied": proxied}
            chain.append(connection, "key_added", at=now, who=by.name, role=by.role, data=told)
        return made, secret

    def revoke(self, who: str, *, by: Principal) -> list[Key]:
        """Take back the good keys of a person, or the key of that id. Raises NameFault when there is none."""
        now = self.clock()
        with self.db.write() as connection:
            known = [_key(r) for r in connection.execute(select(access_keys).order_by(access_keys.c.id))]
            good = [k for k in known if k.state(now) == "good"]
            found = [k for k in good if k.key == who.strip() or names.folded(k.name) == names.folded(who)]
            if not found:
                raise names.unknown("key of a person", who, [k.name for k in good])
            for one in found:
                connection.execute(access_keys.update().where(access_keys.c.key == one.key).values(revoked=now))
                told = {"key": one.key, "name": one.name}
                chain.append(connection, "key_revoked", at=now, who=by.name, role=by.role, data=told)
        return found

    def shown(self, secret: str) -> Key | None:
        """The key of this secret, None when it is nobody's. It may have expired or been revoked.

        Takes as long for an id that nobody has.
        """
        from argon2.exceptions import VerificationError

        parts = _SECRET.fullmatch(secret)
        row = self._row(parts[1]) if parts is not None else None
        try:
            _hasher().verify(str(row.hash) if row is not None and row.hash else _nobody(), secret if parts else "")
        except VerificationError:
            return None
        return _key(row) if row is not None and row.hash else None

    def of(self, id_: str) -> Key | None:
        """The key of that id as it stands now."""
        row = self._row(id_)
        return None if row is None else _key(row)

    def named(self, name: str) -> Key | None:
        """The good key of that person; there is one at most."""
        now = self.clock()
        with self.db.read() as connection:
            mine = select(access_keys).where(access_keys.c.folded == names.folded(name))
            found = [_key(r) for r in connection.execute(mine)]
        return next((k for k in found if k.state(now) == "good"), None)

    def proxied(self, name: str) -> Key | None:
        """The good entry of somebody whom a proxy names."""
        now = self.clock()
        mine = (access_keys.c.folded == names.folded(name)) & (access_keys.c.hash == "")
        with self.db.read() as connection:
            rows = [_key(r) for r in connection.execute(select(access_keys).where(mine))]
        return next((k for k in rows if k.state(now) == "good"), None)

    def used(self, key: Key) -> None:
        """Note that it was used, at most once in ``USED_EVERY`` seconds."""
        now = self.clock()
        if key.last_used is None or now - key.last_used >= USED_EVERY:
            with self.db.write() as connection:
                connection.execute(access_keys.update().where(access_keys.c.key == key.key).values(last_used=now))

    def _row(self, id_: str) -> Row[tuple[object, ...]] | None:
        with self.db.read() as connection:
            return connection.execute(select(access_keys).where(access_keys.c.key == id_)).first()


@cache
def _hasher() -> PasswordHasher:
    """Loaded when a secret is met: a machine without keys never needs it. The random half of a secret cannot be guessed
    whatever its hash costs, so the least that OWASP names for argon2id is enough."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@cache
def _nobody() -> str:
    """What a secret of an unknown id is compared with, so that it takes as long as a known one."""
    return _hasher().hash(secrets.token_urlsafe(32))


def id_of(secret: str) -> str:
    """The public half of a secret, "" for what has not the form of one."""
    parts = _SECRET.fullmatch(secret)
    return parts[1] if parts is not None else ""


def span_seconds(word: str) -> float:
    """``90d``, ``12h``, ``2w``, ``6m`` (of 30 days), ``1y`` in seconds; 100 years at most. Raises UserFault."""
    parts = _SPAN.fullmatch(word.strip().casefold())
    seconds = int(parts[1]) * _UNITS[parts[2]] if parts is not None else 0.0
    if not 0 < seconds <= 100 * _UNITS["y"]:  # what no calendar shows could be stored, and not listed again
        raise UserFault(f"{word[:40]!r} is no length of time", fix="for example 12h, 90d, 6m or 1y")
    return seconds


def _key(row: Row[tuple[object, ...]]) -> Key:
    r = row._mapping
    return Key(
        r["key"],
        r["name"],
        r["role"],
        None if r["groups"] is None else tuple(r["groups"]),
        None if r["tools"] is None else tuple(r["tools"]),
        float(r["created"]),
        r["created_by"],
        r["expires"],
        r["revoked"],
        r["last_used"],
        not r["hash"],
    )
