"""Attributes of tracks: one row a track, run, name and value, with the interval of its track.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attributes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("track_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("camera_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ts", sa.Double(), nullable=False),
        sa.Column("start_ts", sa.Double(), nullable=False),
        sa.Column("end_ts", sa.Double(), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.String(length=64), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["cameras.id"], name=op.f("fk_attributes_camera_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["segment_runs.id"], name=op.f("fk_attributes_run_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["track_id"], ["tracks.id"], name=op.f("fk_attributes_track_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attributes")),
        sa.UniqueConstraint(
            "run_id", "track_id", "name", "value", name=op.f("uq_attributes_run_id_track_id_name_value")
        ),
    )
    op.create_index(
        op.f("ix_attributes_camera_id_start_ts_end_ts"), "attributes", ["camera_id", "start_ts", "end_ts"], unique=False
    )
    op.create_index(op.f("ix_attributes_track_id"), "attributes", ["track_id"], unique=False)


def downgrade() -> None:
    op.drop_table("attributes")
