"""The tables of trust: who may ask (keys), on what grounds (consents), what was done (audit), what was purged.

Owns names, types and keys, as ``schema`` does for the rest; imported wherever the library is opened, so that both make
one set of tables. Does not know how rows are made or read.

The audit log's rows are never changed. What a person wrote or was called stands beside them in ``audit_words``, under a
salted digest that the row holds: a purge can take the words away and the chain stays whole.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from viot_agent.library.schema import _float, _id, _int, _text, _to, metadata

access_keys = Table(
    "access_keys",
    metadata,
    _id(),
    _text("key", 32),  # the public half of the secret
    _text("name", 120),
    _text("folded", 240),
    _text("role", 32),
    Column("groups", JSON(), nullable=False),  # camera groups; null = every camera
    Column("tools", JSON(), nullable=False),  # classes of tools; null = what the role may use
    Column("hash", Text(), nullable=False),  # argon2id; "" for somebody whom a proxy names
    _float("created"),
    _text("created_by", 120),
    _float("expires", null=True),
    _float("revoked", null=True),
    _float("last_used", null=True),
    UniqueConstraint("key"),
    Index(None, "folded"),
    sqlite_autoincrement=True,
)
consents = Table(
    "consents",
    metadata,
    _id(),
    _to("people", "person_id"),
    _text("basis", 32),
    Column("note", Text(), nullable=False),
    _float("since"),
    _float("until", null=True),
    _float("withdrawn", null=True),
    _text("recorded_by", 120),
    Index(None, "person_id"),
    sqlite_autoincrement=True,
)
audit_log = Table(
    "audit_log",
    metadata,
    Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
    _float("at"),
    _text("kind", 32),
    _text("who", 120),
    _text("role", 32),
    _text("run", 64),
    Column("data", Text(), nullable=False),  # the very text that is hashed
    _text("words", 64),  # digest of the words beside it; "" for none
    _text("prev", 64),
    _text("hash", 64),
    Index(None, "at"),
    Index(None, "run"),
)
audit_words = Table(
    "audit_words",
    metadata,
    Column(
        "seq",
        BigInteger().with_variant(Integer(), "sqlite"),
        ForeignKey("audit_log.seq", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    _text("salt", 32),
    Column("text", Text(), nullable=False),
)
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer(), primary_key=True, autoincrement=False),  # always 1
    _int("rows"),
    _text("hash", 64),
)
purges = Table(
    "purges",
    metadata,
    _id(),
    _to("cameras", "camera_id"),
    _float("start_ts"),
    _float("end_ts"),
    _float("created"),
    Index(None, "camera_id", "start_ts", "end_ts"),
    sqlite_autoincrement=True,
)
