"""A partition is one day of UTC, so that retention is a drop and never a delete."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

_EPOCH = date(1970, 1, 1)
_DAY = 86400.0


def day_of(received_at: float) -> date:
    """The partition of a record received at this Unix time."""
    try:
        return _EPOCH + timedelta(days=int(received_at // _DAY))
    except (OverflowError, ValueError):
        return _EPOCH  # no time at all: it must not stop the writer


def starts_at(day: date) -> float:
    """The Unix time at which a partition begins."""
    return (day - _EPOCH).days * _DAY


def ends_at(day: date) -> float:
    """The Unix time at which a partition ends; it belongs to the next one."""
    return starts_at(day) + _DAY


def today() -> date:
    """The partition of this moment."""
    return datetime.now(UTC).date()


def oldest_kept(days: int, now: date | None = None) -> date:
    """The oldest partition that retention leaves when it keeps ``days`` days, the current one not counted."""
    return (now or today()) - timedelta(days=days)


def time_in(message_id: str) -> float | None:
    """The Unix time in a message id (UUID version 7, RFC 9562 §5.7), or None for an id of another kind."""
    if len(message_id) != 32 or message_id[12] != "7":
        return None
    try:
        return int(message_id[:12], 16) / 1000
    except ValueError:
        return None
