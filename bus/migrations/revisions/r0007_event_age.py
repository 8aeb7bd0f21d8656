"""Events are found by their age, so that old ones can be dropped."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade(stores: frozenset[str]) -> None:
    """Index events by when they came."""
    if "state" in stores:
        op.create_index("workflow_event_received", "workflow_event", ["received_at"])


def downgrade(stores: frozenset[str]) -> None:
    """Drop the index."""
    if "state" in stores:
        op.drop_index("workflow_event_received", "workflow_event")
