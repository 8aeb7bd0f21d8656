"""Letters that wait for a person stay in the outbox, letters may expire, and what operators do is recorded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_PARKED = sa.text("parked_at IS NOT NULL")
_EXPIRING = sa.text("expires_at IS NOT NULL AND parked_at IS NULL")


def upgrade(stores: frozenset[str]) -> None:
    """Make room for what the release before could not say."""
    if "state" not in stores:
        return
    op.create_table(
        "operator_action",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("verb", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(256), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
    )
    op.create_index("operator_action_subject", "operator_action", ["subject", "seq"])
    op.add_column("outbox", sa.Column("expires_at", sa.Double(), nullable=True))
    op.add_column("outbox", sa.Column("parked_at", sa.Double(), nullable=True))
    op.add_column("outbox", sa.Column("parked_code", sa.String(64), nullable=True))
    op.add_column("outbox", sa.Column("parked_reason", sa.Text(), nullable=True))
    op.create_index("outbox_expiring", "outbox", ["expires_at"], sqlite_where=_EXPIRING, postgresql_where=_EXPIRING)
    op.create_index("outbox_parked", "outbox", ["parked_at"], sqlite_where=_PARKED, postgresql_where=_PARKED)


def downgrade(stores: frozenset[str]) -> None:
    """Put parked letters where the release before kept what waits for a person: with the dead letters."""
    if "state" not in stores:
        return
    op.execute(
        "INSERT INTO dead_letter (queue, id, body, headers, lane, attempts, code, reason, failed_at)"
        " SELECT queue, id, body, headers, lane, attempt, parked_code, parked_reason, parked_at"
        " FROM outbox WHERE parked_at IS NOT NULL"
    )
    op.execute("DELETE FROM inbox WHERE status = 'parked'")
    op.execute("DELETE FROM outbox WHERE parked_at IS NOT NULL")
    op.drop_index("outbox_parked", "outbox")
    op.drop_index("outbox_expiring", "outbox")
    for column in ("parked_reason", "parked_code", "parked_at", "expires_at"):
        op.drop_column("outbox", column)
    op.drop_table("operator_action")
