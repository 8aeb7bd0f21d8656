"""Systems have planned downtimes: letters are held, good replies remembered, expected alerts silenced."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_SUPERSEDING = sa.text("supersedes != ''")


def upgrade(stores: frozenset[str]) -> None:
    """Make room for downtimes. Letters that wait already belong to no system, so that none is held."""
    if "state" not in stores:
        return
    op.create_table(
        "downtime",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(), nullable=False),
        sa.Column("system", sa.String(64), nullable=False),
        sa.Column("begins_at", sa.Double(), nullable=False),
        sa.Column("ends_at", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("stopped_at", sa.Double(), nullable=True),
        sa.Column("stopped_by", sa.String(64), nullable=False),
        sa.Column("rate", sa.Double(), nullable=False),
        sa.Column("tokens", sa.Double(), nullable=False),
        sa.Column("refilled_at", sa.Double(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("collapsed", sa.Integer(), nullable=False),
        sa.Column("drained_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )
    op.create_index("downtime_open", "downtime", ["drained_at"])
    op.create_table(
        "cached_reply",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("operation", sa.String(200), nullable=False),
        sa.Column("form", sa.String(8), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("stored_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("cached_reply_stored", "cached_reply", ["stored_at"])
    op.create_index("cached_reply_expires", "cached_reply", ["expires_at"])
    op.add_column("outbox", sa.Column("system", sa.String(64), nullable=False, server_default=""))
    op.add_column("outbox", sa.Column("held", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("supersedes", sa.String(256), nullable=False, server_default=""))
    op.add_column("outbox", sa.Column("superseded_by", sa.String(128), nullable=False, server_default=""))
    op.drop_index("outbox_ready", "outbox")
    op.create_index("outbox_ready", "outbox", ["queue", "held", "ready_at", "seq"])
    op.create_index(
        "outbox_supersedes",
        "outbox",
        ["queue", "supersedes", "seq"],
        sqlite_where=_SUPERSEDING,
        postgresql_where=_SUPERSEDING,
    )
    op.add_column("alert", sa.Column("silenced_by", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade(stores: frozenset[str]) -> None:
    """Forget downtimes: what they hold flows at once, and what they silenced is an alert like any other."""
    if "state" not in stores:
        return
    op.drop_column("alert", "silenced_by")
    op.drop_index("outbox_supersedes", "outbox")
    op.drop_index("outbox_ready", "outbox")
    op.create_index("outbox_ready", "outbox", ["queue", "ready_at", "seq"])
    for column in ("superseded_by", "supersedes", "held", "system"):
        op.drop_column("outbox", column)
    op.drop_table("cached_reply")
    op.drop_table("downtime")
