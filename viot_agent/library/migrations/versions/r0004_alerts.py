"""Standing alerts and what they fired: the history, and the outbox of what is still to be told.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("event", sa.String(length=255), nullable=False),
        sa.Column("cameras", sa.JSON(), nullable=False),
        sa.Column("schedule", sa.JSON(), nullable=False),
        sa.Column("cooldown", sa.Double(), nullable=False),
        sa.Column("notify", sa.JSON(), nullable=False),
        sa.Column("owner", sa.String(length=120), server_default="local", nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("snoozed", sa.Double(), nullable=True),
        sa.Column("removed", sa.Double(), nullable=True),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "alert_firings",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("alert_id", _ID, nullable=False),
        sa.Column("camera_id", _ID, nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("start_ts", sa.Double(), nullable=False),
        sa.Column("end_ts", sa.Double(), nullable=False),
        sa.Column("fired", sa.Double(), nullable=False),
        sa.Column("more", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("delivery", sa.String(length=16), nullable=False),
        sa.Column("done", sa.JSON(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try", sa.Double(), nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("sent", sa.Double(), nullable=True),
        sa.Column("acknowledged", sa.Double(), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=120), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alerts.id"], name=op.f("fk_alert_firings_alert_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["cameras.id"], name=op.f("fk_alert_firings_camera_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_firings")),
        sa.UniqueConstraint("alert_id", "camera_id", "key", name=op.f("uq_alert_firings_alert_id_camera_id_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_alert_firings_camera_id_start_ts"), "alert_firings", ["camera_id", "start_ts"], unique=False
    )
    op.create_index(op.f("ix_alert_firings_delivery_next_try"), "alert_firings", ["delivery", "next_try"], unique=False)


def downgrade() -> None:
    op.drop_table("alert_firings")
    op.drop_table("alerts")
