"""What a downtime holds in the outbox, and how it is let go: at its rate, in order, and collapsed.

A held letter carries the number of its downtime in ``outbox.held``; a relay takes none of those but through ``gates``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, or_, select, update

from bus.backbone.tables import outbox
from bus.downtime.period import Downtime, downtime_of
from bus.downtime.tables import downtime


@dataclass(frozen=True, slots=True)
class Gate:
    """How many letters that a downtime held may go now. ``tokens`` is what its bucket has."""

    number: int
    allowed: int
    tokens: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a backlog is. ``remaining`` wait or are under way, ``collapsing`` are superseded and not yet put on
    record, ``parked`` wait for a person."""

    remaining: int
    collapsing: int
    parked: int


def gates(connection: Connection, current: Iterable[Downtime], queue: str, now: float, limit: int) -> list[Gate]:
    """Inside a work: hold what waits in ``queue`` for systems that are down or drain, and say how much of it may go.

    ``current`` is what this process knows; what is true stands in the store.
    """
    found = []
    for number in sorted(one.number for one in current):
        # Locked, so that no letter is marked as held by a downtime that another process closes at this moment.
        row = connection.execute(select(downtime).where(downtime.c.number == number).with_for_update()).first()
        if row is None or row.drained_at is not None:
            continue
        known = downtime_of(row)
        status = known.status(now)
        if status not in ("down", "draining"):
            continue
        _hold(connection, known, now, queue)
        if status == "draining":
            _collapse(connection, known, queue)
            found.append(_gate(number, known.rate, row.tokens, now - row.refilled_at, limit))
    return found


def spend(connection: Connection, gate: Gate, letters: int, now: float) -> None:
    """Inside a work: take from the bucket what went through the gate."""
    if letters:
        mine = update(downtime).where(downtime.c.number == gate.number)
        connection.execute(mine.values(tokens=max(0.0, gate.tokens - letters), refilled_at=now))


def settle(connection: Connection, now: float) -> bool:
    """Inside a work: end what is over, hold what waits, close what has drained; answer whether anything changed."""
    changed = False
    rows = select(downtime).where(downtime.c.drained_at.is_(None)).order_by(downtime.c.number.desc()).with_for_update()
    begun: set[str] = set()
    for row in connection.execute(rows).all():
        known = downtime_of(row)
        status = known.status(now)
        mine = update(downtime).where(downtime.c.number == known.number)
        if status == "draining" and known.stopped_at is None:
            connection.execute(mine.values(stopped_at=known.ends_at, refilled_at=now))
            changed = True
        if status == "draining" and (known.system in begun or _drained(connection, known, now)):
            # A newer downtime of the same system takes what is left.
            connection.execute(mine.values(drained_at=now))
            connection.execute(update(outbox).where(outbox.c.held == known.number).values(held=0))
            changed = True
        if status == "down":
            _hold(connection, known, now)
        if status in ("down", "draining"):
            begun.add(known.system)
    return changed


def progress(connection: Connection, number: int) -> Progress:
    """Inside a read: what is left of the backlog of a downtime."""
    superseded = func.count(case((outbox.c.superseded_by != "", 1)))
    rows = select(func.count(), superseded, func.count(outbox.c.parked_at)).where(outbox.c.held == number)
    total, collapsing, parked = connection.execute(rows).one()
    return Progress(total - collapsing - parked, collapsing, parked)


def _hold(connection: Connection, known: Downtime, now: float, queue: str = "") -> None:
    """Mark what waits for the system; what somebody has in hands comes back by itself, or when its lease ends."""
    waiting = and_(
        outbox.c.held == 0, outbox.c.system == known.system, or_(outbox.c.owner == "", outbox.c.ready_at <= now)
    )
    if queue:
        waiting = and_(waiting, outbox.c.queue == queue)
    held = connection.execute(update(outbox).where(waiting).values(held=known.number)).rowcount
    if held:
        mine = update(downtime).where(downtime.c.number == known.number)
        connection.execute(mine.values(held=downtime.c.held + held))


def _collapse(connection: Connection, known: Downtime, queue: str) -> None:
    """Mark every update that a newer one of the same key supersedes; whoever delivers it puts that on record."""
    newer = outbox.alias("newer")
    same = and_(
        newer.c.queue == outbox.c.queue,
        newer.c.held == known.number,
        newer.c.supersedes == outbox.c.supersedes,
        newer.c.seq > outbox.c.seq,
        newer.c.parked_at.is_(None),
    )
    older = and_(_waiting(known.number, queue), outbox.c.supersedes != "", outbox.c.superseded_by == "")
    newest = select(newer.c.id).where(same).order_by(newer.c.seq.desc()).limit(1).scalar_subquery()
    collapsed = update(outbox).where(older, exists().where(same)).values(superseded_by=newest)
    count = connection.execute(collapsed).rowcount
    if count:
        mine = update(downtime).where(downtime.c.number == known.number)
        connection.execute(mine.values(collapsed=downtime.c.collapsed + count))


def _waiting(number: int, queue: str) -> ColumnElement[bool]:
    return and_(outbox.c.held == number, outbox.c.queue == queue, outbox.c.owner == "", outbox.c.parked_at.is_(None))


def _gate(number: int, rate: float, tokens: float, since: float, limit: int) -> Gate:
    """A bucket of half a second, which is how often a relay looks: the rate holds over any longer time."""
    if rate <= 0:
        return Gate(number, limit, 0.0)
    full = min(max(1.0, rate / 2), tokens + max(0.0, since) * rate)
    return Gate(number, min(limit, int(full)), full)


def _drained(connection: Connection, known: Downtime, now: float) -> bool:
    _hold(connection, known, now)
    left = select(outbox.c.seq).where(outbox.c.held == known.number, outbox.c.parked_at.is_(None)).limit(1)
    return connection.execute(left).first() is None
