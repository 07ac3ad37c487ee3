"""Body poses: one row a track and run, with its times and key points packed.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "poses",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("track_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("camera_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("start_ts", sa.Double(), nullable=False),
        sa.Column("end_ts", sa.Double(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["camera_id"], ["cameras.id"], name=op.f("fk_poses_camera_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["segment_runs.id"], name=op.f("fk_poses_run_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["track_id"], ["tracks.id"], name=op.f("fk_poses_track_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_poses")),
        sa.UniqueConstraint("run_id", "track_id", name=op.f("uq_poses_run_id_track_id")),
    )
    op.create_index(
        op.f("ix_poses_camera_id_start_ts_end_ts"), "poses", ["camera_id", "start_ts", "end_ts"], unique=False
    )
    op.create_index(op.f("ix_poses_track_id"), "poses", ["track_id"], unique=False)


def downgrade() -> None:
    op.drop_table("poses")
