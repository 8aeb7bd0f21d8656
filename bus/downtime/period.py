"""One downtime as a value, and what it is at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row

from bus.errors import OrderRefused

#: planned: it has not begun. down: letters are held. draining: it is over and its backlog is not. drained: all done.
#: cancelled: it was stopped before it began.
Status = Literal["planned", "down", "draining", "drained", "cancelled"]

#: Letters a second that a system gets of its backlog, unless somebody says otherwise.
RATE = 20.0


class DowntimeInvalid(OrderRefused):
    """A downtime that cannot be had, a text that is no time, or a verb that does not fit what the downtime is."""


@dataclass(frozen=True, slots=True)
class Downtime:
    """A downtime of ``system``. Times are Unix seconds, None for what has not come; ``rate`` is letters a second, 0 for
    no limit. ``held`` counts the letters that it held, ``collapsed`` those of them that a newer one superseded.
    """

    number: int
    system: str
    begins_at: float
    ends_at: float
    reason: str
    who: str
    created_at: float
    stopped_at: float | None = None
    stopped_by: str = ""
    rate: float = RATE
    held: int = 0
    collapsed: int = 0
    drained_at: float | None = None

    def status(self, now: float) -> Status:
        """What it is at ``now``."""
        if self.stopped_at is not None and self.stopped_at < self.begins_at:
            return "cancelled"
        if self.drained_at is not None:
            return "drained"
        if self.stopped_at is not None or now >= self.ends_at:
            return "draining"
        return "down" if now >= self.begins_at else "planned"


def downtime_of(row: Row[Any]) -> Downtime:
    """The downtime of a row of its table."""
    return Downtime(
        row.number,
        row.system,
        row.begins_at,
        row.ends_at,
        row.reason,
        row.who,
        row.created_at,
        row.stopped_at,
        row.stopped_by,
        row.rate,
        row.held,
        row.collapsed,
        row.drained_at,
    )
