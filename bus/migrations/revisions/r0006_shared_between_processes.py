"""Quotas and the consoles' secret move to where all processes of an installation find them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade(stores: frozenset[str]) -> None:
    """Quotas start full; people sign in to the console once more where its secret was a file."""
    if "state" in stores:
        op.create_table(
            "quota",
            sa.Column("consumer", sa.String(256), nullable=False),
            sa.Column("tokens", sa.Double(), nullable=False),
            sa.Column("filled_at", sa.Double(), nullable=False),
            sa.PrimaryKeyConstraint("consumer"),
        )
    if "console" in stores:
        op.create_table(
            "console_secret",
            sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("secret", sa.LargeBinary(), nullable=False),
            sa.PrimaryKeyConstraint("id"),
        )


def downgrade(stores: frozenset[str]) -> None:
    """The release before counts within each process, and keeps the secret in a file."""
    if "state" in stores:
        op.drop_table("quota")
    if "console" in stores:
        op.drop_table("console_secret")
