"""A workflow that cannot go on is a task for a person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade(stores: frozenset[str]) -> None:
    """Make the table of tasks; instances that are stuck already have none."""
    if "state" not in stores:
        return
    op.create_table(
        "workflow_task",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("instance", sa.String(128), nullable=False),
        sa.Column("token", sa.String(16), nullable=False),
        sa.Column("step", sa.String(256), nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("taken_by", sa.String(64), nullable=False),
        sa.Column("taken_at", sa.Double(), nullable=False),
        sa.Column("closed_by", sa.String(64), nullable=False),
        sa.Column("closed_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("workflow_task_instance", "workflow_task", ["instance"])
    op.create_index("workflow_task_open", "workflow_task", ["closed_at", "since"])


def downgrade(stores: frozenset[str]) -> None:
    """Forget the tasks; the alerts about their instances stay."""
    if "state" in stores:
        op.drop_table("workflow_task")
