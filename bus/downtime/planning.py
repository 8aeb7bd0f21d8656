"""Downtimes are started, stopped and extended: each inside a work, each with who and why on record."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, insert, select, update

from bus.downtime.backlog import settle
from bus.downtime.period import RATE, Downtime, DowntimeInvalid, downtime_of
from bus.downtime.tables import downtime
from bus.state.actions import record
from bus.state.topics import announce
from registry.conformity import nearest

#: Announced when a downtime is added or changed.
TOPIC = "downtime"

_LONGEST_REASON = 500


def plan(
    connection: Connection,
    systems: Collection[str],
    system: str,
    *,
    begins_at: float,
    ends_at: float,
    reason: str,
    who: str,
    now: float,
    rate: float = RATE,
) -> Downtime:
    """Inside a work: have ``system`` be down from ``begins_at`` to ``ends_at`` (Unix seconds).

    Raises DowntimeInvalid for a system that nobody knows, times that make no sense, no reason, or an overlap.
    """
    if system not in systems:
        hint = nearest(system, systems) or f"known: {', '.join(sorted(systems))}"
        raise DowntimeInvalid(f"no system {system!r}; {hint}")
    if ends_at <= max(begins_at, now):
        raise DowntimeInvalid("the downtime would be over before it begins; give a later --until")
    if not reason.strip():
        raise DowntimeInvalid("say why: a downtime has a reason")
    _check_rate(rate)
    begins_at = max(begins_at, now)
    for other in open_downtimes(connection):
        overlaps = other.begins_at < ends_at and begins_at < other.ends_at
        if other.system == system and other.status(now) in ("planned", "down") and overlaps:
            raise DowntimeInvalid(f"{system} has downtime {other.number} in that time; extend or stop that one")
    row = {
        "system": system,
        "begins_at": begins_at,
        "ends_at": ends_at,
        "reason": reason.strip()[:_LONGEST_REASON],
        "who": who[:64],
        "created_at": now,
        "stopped_by": "",
        "rate": rate,
        "tokens": 0.0,
        "refilled_at": 0.0,
        "held": 0,
        "collapsed": 0,
    }
    made = downtime_of(connection.execute(insert(downtime).values(row).returning(*downtime.c)).one())
    _told(connection, made, who, "downtime start", reason, now)
    return made


def stop(connection: Connection, system: str, *, who: str, now: float, reason: str = "", rate: float = -1) -> Downtime:
    """Inside a work: end the downtime of ``system``, or cancel the next one planned; its backlog begins to drain.

    ``rate`` is letters a second (0: no limit; negative: as it was planned). Raises DowntimeInvalid.
    """
    found = _current(connection, system, now, ("down", "planned"))
    changes: dict[str, object] = {"stopped_at": now, "stopped_by": who[:64], "refilled_at": now}
    if rate >= 0:
        _check_rate(rate)
        changes["rate"] = rate
    if found.status(now) == "planned":
        changes["drained_at"] = now
    return _changed(connection, found, changes, who, "downtime stop", reason, now)


def extend(connection: Connection, system: str, ends_at: float, *, who: str, now: float, reason: str = "") -> Downtime:
    """Inside a work: have the downtime that is, or the next one planned, end at another time.

    Raises DowntimeInvalid.
    """
    found = _current(connection, system, now, ("down", "planned"))
    if ends_at <= max(now, found.begins_at):
        raise DowntimeInvalid("that is over already; use stop to end a downtime now")
    for other in open_downtimes(connection):
        later = other.system == system and other.number != found.number and other.status(now) == "planned"
        if later and found.begins_at < other.begins_at < ends_at:
            raise DowntimeInvalid(f"{system} has downtime {other.number} in that time; stop that one first")
    return _changed(connection, found, {"ends_at": ends_at}, who, "downtime extend", reason, now)


def change_rate(connection: Connection, system: str, rate: float, *, who: str, now: float) -> Downtime:
    """Inside a work: drain at another rate (letters a second, 0: no limit). Raises DowntimeInvalid."""
    _check_rate(rate)
    found = _current(connection, system, now, ("draining", "down", "planned"))
    return _changed(connection, found, {"rate": rate}, who, "downtime rate", f"{rate:g}/s", now)


def open_downtimes(connection: Connection) -> list[Downtime]:
    """Inside a read: every downtime that is planned, down or draining, the oldest first."""
    rows = select(downtime).where(downtime.c.drained_at.is_(None)).order_by(downtime.c.begins_at, downtime.c.number)
    return [downtime_of(row) for row in connection.execute(rows)]


def newest_downtimes(connection: Connection, *, system: str = "", limit: int = 50) -> list[Downtime]:
    """Inside a read: the newest downtimes, of one system or of all."""
    rows = select(downtime).order_by(downtime.c.number.desc()).limit(limit)
    if system:
        rows = rows.where(downtime.c.system == system)
    return [downtime_of(row) for row in connection.execute(rows)]


def find_downtime(connection: Connection, name: str) -> Downtime | None:
    """Inside a read: a downtime by its number, or the newest of a system by the system's name."""
    if name.isascii() and name.isdigit():
        row = connection.execute(select(downtime).where(downtime.c.number == int(name[:18]))).first()
        return downtime_of(row) if row else None
    return next(iter(newest_downtimes(connection, system=name, limit=1)), None)


def _current(connection: Connection, system: str, now: float, statuses: Sequence[str]) -> Downtime:
    """The downtime of a system that has one of these statuses, the first status first."""
    found = [one for one in open_downtimes(connection) if one.system == system]
    for status in statuses:
        for one in found:
            if one.status(now) == status:
                return one
    others = ", ".join(sorted({one.system for one in open_downtimes(connection)})) or "none"
    if found:
        raise DowntimeInvalid(f"the downtime of {system} is over and its backlog drains; start another one if need be")
    raise DowntimeInvalid(f"{system!r} has no downtime; systems that have one: {others}")


def _changed(
    connection: Connection, found: Downtime, changes: dict[str, object], who: str, verb: str, reason: str, now: float
) -> Downtime:
    mine = update(downtime).where(downtime.c.number == found.number).values(changes).returning(*downtime.c)
    changed = downtime_of(connection.execute(mine).one())
    _told(connection, changed, who, verb, reason, now)
    return changed


def _told(connection: Connection, changed: Downtime, who: str, verb: str, reason: str, now: float) -> None:
    record(connection, who, verb, f"downtime/{changed.number}", reason, now)
    settle(connection, now)
    announce(connection, TOPIC)


def _check_rate(rate: float) -> None:
    if not 0 <= rate <= 10_000 or 0 < rate < 0.01:
        raise DowntimeInvalid("the rate is letters a second: from 0.01 to 10000, or 0 for no limit")
