"""The tables of the library, for every database SQLAlchemy speaks. Core tables, no ORM.

Owns names, types, keys and indexes. Does not know how rows are made or read. The ORM is left out on purpose: it costs
0.1 s of import on every question, and no path here reads objects, only packed rows.

Times are POSIX seconds in double precision. What comes many per second (track points, counts) is packed: one row holds
a whole segment's arrays as little-endian blobs, see ``packing``. Ids are never reused (``sqlite_autoincrement``),
because ``tracks.chain`` and vector files remember them. Every foreign key cascades and is indexed.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

HEAD = "0005"
"""The schema revision this program reads and writes."""

KNOWN = ("0001", "0002", "0003", "0004", "0005")
"""Every revision this program can open (older ones are migrated first)."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ID = BigInteger().with_variant(Integer(), "sqlite")


def _id() -> Column[int]:
    return Column("id", _ID, primary_key=True, autoincrement=True)


def _to(table: str, name: str) -> Column[int]:
    """A foreign key that goes with its parent."""
    return Column(name, _ID, ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=False)


def _float(name: str, *, null: bool = False) -> Column[float]:
    return Column(name, Double(), nullable=null)


def _text(name: str, size: int = 255, *, default: str | None = None) -> Column[str]:
    return Column(name, String(size), nullable=False, server_default=default)


def _int(name: str) -> Column[int]:
    return Column(name, BigInteger(), nullable=False)


def _blob(name: str) -> Column[bytes]:
    return Column(name, LargeBinary(), nullable=False)


_BOX = ("x1", "y1", "x2", "y2")

library_info = Table(
    "library_info", metadata, Column("key", String(64), primary_key=True), Column("value", Text(), nullable=False)
)

# the fleet -----------------------------------------------------------------------------------------------------------

cameras = Table(
    "cameras",
    metadata,
    _id(),
    _text("name", 120),
    _text("folded", 240),
    Column("source", Text(), nullable=False),
    _text("tz", 64),
    _float("start", null=True),
    _text("owner", 120, default="local"),
    _float("created"),
    UniqueConstraint("folded"),
    sqlite_autoincrement=True,
)
camera_groups = Table(
    "camera_groups",
    metadata,
    Column("camera_id", _ID, ForeignKey("cameras.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(120), primary_key=True),
)
people = Table(
    "people",
    metadata,
    _id(),
    _text("name", 120),
    _text("folded", 240),
    Column("consent", Text(), nullable=False),
    _text("owner", 120, default="local"),
    _float("created"),
    UniqueConstraint("folded"),
    sqlite_autoincrement=True,
)
person_pictures = Table(
    "person_pictures",
    metadata,
    _id(),
    _to("people", "person_id"),
    Column("idx", Integer(), nullable=False),
    _blob("data"),
    UniqueConstraint("person_id", "idx"),
)
person_vectors = Table(
    "person_vectors",
    metadata,
    _id(),
    _to("people", "person_id"),
    _text("model"),
    Column("dim", Integer(), nullable=False),
    _blob("data"),
    UniqueConstraint("person_id", "model"),
)

# what was looked at --------------------------------------------------------------------------------------------------

media = Table(
    "media",
    metadata,
    _id(),
    _to("cameras", "camera_id"),
    Column("path", String(4096), nullable=False),
    _int("size"),
    _float("mtime"),
    _text("digest", 64),  # of the first and last 64 KiB
    _float("start_ts"),
    _text("start_origin", 16),  # camera, name, container, mtime, stream
    _float("duration"),  # seconds; of what can be read
    _float("fps"),
    Column("width", Integer(), nullable=False),
    Column("height", Integer(), nullable=False),
    _float("segment_seconds"),
    Column("problem", Text(), nullable=False, server_default=""),  # why reading stopped before the end
    _text("owner", 120, default="local"),
    UniqueConstraint("camera_id", "path"),
    sqlite_autoincrement=True,
)
segments = Table(
    "segments",
    metadata,
    _id(),
    _to("media", "media_id"),
    _to("cameras", "camera_id"),
    Column("idx", Integer(), nullable=False),
    _float("t0"),
    _float("t1"),
    _float("start_ts"),
    _float("end_ts"),
    UniqueConstraint("media_id", "idx"),
    Index(None, "camera_id", "start_ts", "end_ts"),
    sqlite_autoincrement=True,
)
segment_runs = Table(
    "segment_runs",
    metadata,
    _id(),
    _to("segments", "segment_id"),
    _text("analyzer", 64),
    _text("analyzer_version", 64),
    _text("model"),
    _text("model_version"),
    Column("inputs", Text(), nullable=False, server_default=""),  # the analyzers it read, with versions
    _float("sample_fps"),
    Column("frames", Integer(), nullable=False),
    _float("seconds"),
    _float("done_at"),
    UniqueConstraint("segment_id", "analyzer", "model"),
    Index(None, "analyzer", "segment_id", "model"),
    sqlite_autoincrement=True,
)

# what was found ------------------------------------------------------------------------------------------------------

tracks = Table(
    "tracks",
    metadata,
    _id(),
    _to("segment_runs", "run_id"),
    _to("cameras", "camera_id"),
    _text("key", 120),
    _text("kind", 32),
    _text("label", 64),
    _float("start_ts"),
    _float("end_ts"),
    Column("chain", _ID, nullable=False),
    _blob("points"),
    UniqueConstraint("run_id", "key"),
    Index(None, "camera_id", "kind", "start_ts", "end_ts"),
    sqlite_autoincrement=True,
)
crops = Table(
    "crops",
    metadata,
    _id(),
    _to("segment_runs", "run_id"),
    _to("tracks", "track_id"),
    _float("ts"),
    *(_float(n) for n in _BOX),
    _float("quality"),
    _blob("jpeg"),
    Index(None, "run_id"),
    Index(None, "track_id", "ts", "quality"),
)
vector_files = Table(
    "vector_files",
    metadata,
    _id(),
    _text("model"),
    _text("day", 10),  # UTC, 2026-11-23
    Column("dim", Integer(), nullable=False),
    Column("path", String(512), nullable=False),  # relative to the library's home, with slashes
    _int("committed_rows"),  # only ever grows: rows past it were never promised to anybody
    UniqueConstraint("model", "day", "dim"),
    sqlite_autoincrement=True,
)
vector_batches = Table(
    "vector_batches",
    metadata,
    _id(),
    _to("segment_runs", "run_id"),
    _to("cameras", "camera_id"),
    _to("vector_files", "file_id"),
    _text("model"),
    _float("start_ts"),
    _float("end_ts"),
    _int("first"),  # row offset in the file
    Column("n", Integer(), nullable=False),
    Index(None, "run_id"),
    Index(None, "file_id"),
    Index(None, "camera_id"),
    Index(None, "model", "camera_id", "start_ts", "end_ts"),
)
plates = Table(
    "plates",
    metadata,
    _id(),
    _to("segment_runs", "run_id"),
    _to("tracks", "track_id"),
    _to("cameras", "camera_id"),
    _float("ts"),
    _text("text", 64),
    _float("score"),
    _blob("char_scores"),
    *(_float(n) for n in _BOX),
    _blob("jpeg"),
    Index(None, "run_id"),
    Index(None, "track_id"),
    Index(None, "camera_id", "ts"),
)
poses = Table(
    "poses",
    metadata,
    _id(),
    _to("segment_runs", "run_id"),
    _to("tracks", "track_id"),
    _to("cameras", "camera_id"),
    _float("start_ts"),
    _float("end_ts"),
    _blob("data"),
    UniqueConstraint("run_id", "track_id"),
    Index(None, "track_id"),
    Index(None, "camera_id", "start_ts", "end_ts"),
)
attributes = Table(
    "attributes",
    metadata,
    _id(),
    _to("segment_runs", "run_id"),
    _to("tracks", "track_id"),
    _to("cameras", "camera_id"),
    _float("ts"),
    _float("start_ts"),  # of the track, which it holds for
    _float("end_ts"),
    _text("name", 32),
    _text("value", 64),
    _float("score"),
    UniqueConstraint("run_id", "track_id", "name", "value"),
    Index(None, "track_id"),
    Index(None, "camera_id", "start_ts", "end_ts"),
)
counts = Table(
    "counts",
    metadata,
    _id(),
    _to("segment_runs", "run_id"),
    _to("cameras", "camera_id"),
    _text("kind", 32),
    _float("start_ts"),
    _float("end_ts"),
    _blob("ts"),
    _blob("n"),
    UniqueConstraint("run_id", "kind"),
    Index(None, "camera_id", "kind", "start_ts", "end_ts"),
)
events = Table(
    "events",
    metadata,
    _id(),
    _to("segment_runs", "run_id"),
    _to("cameras", "camera_id"),
    _text("kind", 64),
    _float("start_ts"),
    _float("end_ts"),
    _float("score"),
    Column("data", JSON(), nullable=False),
    Index(None, "run_id"),
    Index(None, "camera_id", "kind", "start_ts", "end_ts"),
)

# what was asked ------------------------------------------------------------------------------------------------------

runs = Table(
    "runs",
    metadata,
    _id(),
    _text("run", 64),
    _text("owner", 120, default="local"),
    _text("conversation", 64, default=""),
    _float("created"),
    Column("request", Text(), nullable=False),
    _text("status", 32),
    Column("record", JSON(), nullable=False),
    UniqueConstraint("run"),
    Index(None, "owner", "created"),
    sqlite_autoincrement=True,
)

# standing alerts -----------------------------------------------------------------------------------------------------

alerts = Table(
    "alerts",
    metadata,
    _id(),
    _text("event"),
    Column("cameras", JSON(), nullable=False),  # names; null = the whole fleet
    Column("schedule", JSON(), nullable=False),
    _float("cooldown"),
    Column("notify", JSON(), nullable=False),  # Apprise addresses: they may hold passwords
    _text("owner", 120, default="local"),
    _float("created"),
    _int("cursor"),  # the last segment run it has looked at
    _float("snoozed", null=True),
    _float("removed", null=True),  # what it fired stays
    Column("problem", Text(), nullable=False, server_default=""),  # why it cannot look, e.g. nobody of that name now
    _float("review", null=True),  # past it an alert on a face or a plate is quiet until somebody reviews it
    sqlite_autoincrement=True,
)
alert_firings = Table(
    "alert_firings",
    metadata,
    _id(),
    _to("alerts", "alert_id"),
    _to("cameras", "camera_id"),
    _text("key", 160),
    _float("start_ts"),
    _float("end_ts"),
    _float("fired"),
    _int("more"),  # further sightings within the cool-down
    Column("data", JSON(), nullable=False),
    _text("delivery", 16),  # kept, due, sent, failed
    Column("done", JSON(), nullable=False),  # addresses that have it already
    Column("tries", Integer(), nullable=False),
    _float("next_try"),
    Column("error", Text(), nullable=False, server_default=""),
    _float("sent", null=True),
    _float("acknowledged", null=True),
    _text("acknowledged_by", 120, default=""),
    UniqueConstraint("alert_id", "camera_id", "key"),
    Index(None, "camera_id", "start_ts"),
    Index(None, "delivery", "next_try"),
    sqlite_autoincrement=True,
)
