"""Where operators and pages read downtimes and give their orders: every downtime as one entry with its progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from bus.backbone.tables import dead_letter
from bus.backbone.topology import SYSTEM
from bus.downtime.backlog import progress
from bus.downtime.period import RATE, Downtime, DowntimeInvalid
from bus.downtime.planning import change_rate, extend, find_downtime, newest_downtimes, open_downtimes, plan, stop
from bus.downtime.times import moment
from bus.errors import NotFound
from bus.state.store import State

Entry = Mapping[str, Any]


class Desk:
    """The downtimes of a state store, for threads without an event loop. ``systems`` are those that may have one.

    Times that are given are written as people write them, in ``zone``. Every order raises DowntimeInvalid.
    """

    def __init__(self, state: State, systems: Callable[[], Collection[str]], zone: str) -> None:
        self._state = state
        self._systems = systems
        self._zone = zone

    @property
    def systems(self) -> Sequence[str]:
        """The systems that may have a downtime."""
        return sorted(self._systems())

    def page(self, *, system: str = "", limit: int = 50) -> Sequence[Entry]:
        """The newest downtimes, of one system or of all."""
        return self._entries(lambda connection: newest_downtimes(connection, system=system, limit=limit))

    def current(self) -> Sequence[Entry]:
        """Those that are down or drain."""
        found = self._entries(open_downtimes)
        return [one for one in found if one["status"] in ("down", "draining")]

    def one(self, name: str) -> Entry:
        """A downtime by its number, or the newest of a system. Raises NotFound."""

        def look(connection: Connection) -> Sequence[Downtime]:
            found = find_downtime(connection, name)
            return [found] if found is not None else []

        found = self._entries(look)
        if not found:
            raise NotFound(f"no downtime {name!r}; give its number, or the name of a system that had one")
        return found[0]

    def start(
        self, system: str, *, until: str, who: str, reason: str, begin: str = "", rate: float | None = None
    ) -> Entry:
        """Plan one, from ``begin`` or from now on."""
        now = time.time()
        begins_at = moment(begin, self._zone, now) if begin else now
        ends_at = moment(until, self._zone, max(begins_at, now))
        made = self._state.write_blocking(
            lambda c: plan(
                c,
                self._systems(),
                system,
                begins_at=begins_at,
                ends_at=ends_at,
                reason=reason,
                who=who,
                now=now,
                rate=RATE if rate is None else rate,
            )
        )
        return self.one(str(made.number))

    def stop(self, system: str, *, who: str, reason: str = "", rate: float | None = None) -> Entry:
        """End the one that is, or cancel the next."""
        now = time.time()
        pace = -1.0 if rate is None else rate
        made = self._state.write_blocking(lambda c: stop(c, system, who=who, now=now, reason=reason, rate=pace))
        return self.one(str(made.number))

    def extend(self, system: str, *, until: str, who: str, reason: str = "") -> Entry:
        """Let it end at another time."""
        now = time.time()
        ends_at = moment(until, self._zone, now)
        made = self._state.write_blocking(lambda c: extend(c, system, ends_at, who=who, now=now, reason=reason))
        return self.one(str(made.number))

    def rate(self, system: str, *, rate: float | None, who: str) -> Entry:
        """Drain at another rate."""
        if rate is None:
            raise DowntimeInvalid("say how many letters a second; 0 is no limit")
        now = time.time()
        made = self._state.write_blocking(lambda c: change_rate(c, system, rate, who=who, now=now))
        return self.one(str(made.number))

    def _entries(self, look: Callable[[Connection], Sequence[Downtime]]) -> Sequence[Entry]:
        now = time.time()
        return self._state.read_blocking(lambda c: [entry(c, one, now) for one in look(c)])


def entry(connection: Connection, downtime: Downtime, now: float) -> Entry:
    """Inside a read: all there is to say of a downtime.

    ``remaining`` letters wait, ``done`` have gone, ``failed`` joined the dead letters since it began; ``speed`` is
    letters a second since it ended; ``eta`` is in seconds, None where nothing can be said.
    """
    status = downtime.status(now)
    left = progress(connection, downtime.number)
    failed = _failed(connection, downtime)
    collapsed = downtime.collapsed - left.collapsing
    done = max(0, downtime.held - collapsed - left.remaining - left.collapsing - left.parked - failed)
    ended = downtime.stopped_at or downtime.ends_at
    took = (downtime.drained_at or now) - ended
    speed = done / took if status in ("draining", "drained") and took > 0 else 0.0
    pace = min(x for x in (downtime.rate, speed) if x > 0) if downtime.rate > 0 or speed > 0 else 0.0
    whole = downtime.held - collapsed
    return {
        "number": downtime.number,
        "system": downtime.system,
        "status": status,
        "begins_at": downtime.begins_at,
        "ends_at": downtime.ends_at,
        "reason": downtime.reason,
        "who": downtime.who,
        "stopped_at": downtime.stopped_at or 0.0,
        "stopped_by": downtime.stopped_by,
        "drained_at": downtime.drained_at or 0.0,
        "rate": downtime.rate,
        "held": downtime.held,
        "remaining": left.remaining + left.collapsing,
        "parked": left.parked,
        "failed": failed,
        "collapsed": collapsed,
        "done": done,
        "percent": round(100 * (whole - left.remaining - left.collapsing) / whole) if whole else 100,
        "speed": round(speed, 2),
        "eta": round(left.remaining / pace) if status in ("down", "draining") and pace > 0 else None,
    }


def _failed(connection: Connection, downtime: Downtime) -> int:
    """Letters to the system that were given up since the downtime began, by the header that names it."""
    named = dead_letter.c.headers.contains(f'"{SYSTEM}":"{downtime.system}"', autoescape=True)
    since = dead_letter.c.failed_at >= downtime.begins_at
    until = dead_letter.c.failed_at <= downtime.drained_at if downtime.drained_at else True
    counted = select(func.count()).select_from(dead_letter).where(named, since, until)  # type: ignore[arg-type]
    return connection.scalar(counted) or 0
