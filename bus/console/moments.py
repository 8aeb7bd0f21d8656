"""Times of views, which are Unix seconds, as the API writes them: ISO 8601 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

#: Fields of views that hold Unix seconds.
TIMES = frozenset({
    "received_at", "started", "ended", "last_ok", "last_at", "at", "created_at", "updated_at", "last_match",
    "failed_at", "started_at", "ended_at", "due_at", "retry_at", "deadline_at", "since", "taken_at", "closed_at",
    "parked_at", "accepted_at", "oldest_at",
    "begins_at", "ends_at", "stopped_at", "drained_at",
})  # fmt: skip


def written(value: Any) -> Any:
    """The same view with its times written; 0, which stands for never, stays 0."""
    if isinstance(value, dict):
        return {name: _written(item) if name in TIMES else written(item) for name, item in value.items()}
    return [written(item) for item in value] if isinstance(value, list | tuple) else value


def read(value: Any) -> Any:
    """The same view with its times as Unix seconds again."""
    if isinstance(value, dict):
        return {name: _read(item) if name in TIMES else read(item) for name, item in value.items()}
    return [read(item) for item in value] if isinstance(value, list) else value


def _written(item: Any) -> Any:
    if isinstance(item, int | float) and item:
        return datetime.fromtimestamp(item, UTC).isoformat(timespec="milliseconds")
    return item


def _read(item: Any) -> Any:
    return datetime.fromisoformat(item).timestamp() if isinstance(item, str) else item
