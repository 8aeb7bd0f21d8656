"""What happened to a letter is kept beside it, and a service may bound its own backlog."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_COUNTED = sa.text("counted != ''")


def upgrade(stores: frozenset[str]) -> None:
    """Make the table of histories; letters that failed before have none."""
    if "state" not in stores:
        return
    op.create_table(
        "letter_history",
        sa.Column("queue", sa.String(64), nullable=False),
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("entries", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.Integer(), nullable=False),
        sa.Column("replays", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("queue", "id"),
    )
    op.create_index("letter_history_updated", "letter_history", ["updated_at"])
    op.add_column("outbox", sa.Column("counted", sa.String(64), nullable=False, server_default=""))
    op.create_index("outbox_counted", "outbox", ["counted"], sqlite_where=_COUNTED, postgresql_where=_COUNTED)


def downgrade(stores: frozenset[str]) -> None:
    """Forget the histories; the letters stay."""
    if "state" not in stores:
        return
    op.drop_index("outbox_counted", "outbox")
    op.drop_column("outbox", "counted")
    op.drop_table("letter_history")
