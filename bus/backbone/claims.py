"""How a relay takes letters from the outbox: under a lease, lanes in order, suspects one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
    update,
)

from bus.backbone import history
from bus.backbone.outbox import letter_of, topic
from bus.backbone.parking import give_up
from bus.backbone.tables import outbox, suspected
from bus.backbone.topology import DELIVERY_LIMIT
from bus.downtime.backlog import Gate, gates, spend
from bus.downtime.period import Downtime
from bus.ports import Letter
from bus.state.topics import announce

#: Owner of letters that a broker has confirmed and no consumer has finished.
KEPT = "broker"


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who claims. ``lease`` is in seconds; ``blames`` says whether a lost lease counts as a crash of the letter."""

    owner: str
    lease: float
    blames: bool


def claim(
    connection: Connection,
    claimant: Claimant,
    queue: str,
    now: float,
    limit: int,
    downtimes: Iterable[Downtime] = (),
) -> list[Letter]:
    """Take up to ``limit`` letters of ``queue`` that are due, whose lane is free and that nobody holds.

    Letters of systems that ``downtimes`` concern wait, or go as their backlog drains. Letters that have killed too
    many owners are given up instead.
    """
    opened = gates(connection, downtimes, queue, now, limit) if downtimes else []
    due = _due(connection, queue, now, limit).where(_free, ~suspected)
    rows = _take(connection, claimant, due, now)
    for gate in opened:
        rows += _drain(connection, claimant, gate, queue, now, limit)
    if _suspect_may_go(connection, queue, now):
        alone = _due(connection, queue, now, 1).where(_free, suspected)
        rows += _take(connection, claimant, alone, now)
    letters = []
    for row in sorted(rows, key=lambda row: row.seq):
        letter = letter_of(row)
        if row.crashes:
            history.note_death(connection, letter)
        if row.crashes > DELIVERY_LIMIT:
            give_up(connection, letter, "poison", f"{row.crashes} processes died while they held this letter")
        else:
            letters.append(letter)
    return letters


def due_in(queues: Iterable[str]) -> Callable[[Connection, float], Sequence[str]]:
    """What answers, cheaply and at any time ``now``, in which of these queues ``claim`` might find a letter.

    Letters that a downtime holds are left aside.
    """
    at = bindparam("now", type_=outbox.c.ready_at.type)
    due = exists().where(_free, outbox.c.ready_at <= at, outbox.c.parked_at.is_(None))
    asked: CompoundSelect[Any] = union_all(
        *(select(literal_column(f"'{queue}'")).where(due.where(outbox.c.queue == queue)) for queue in queues)
    )
    return lambda connection, now: connection.execute(asked, {"now": now}).scalars().all()


def give_back(connection: Connection, claimant: Claimant, letters: Sequence[Letter], ready_at: float) -> None:
    """Free letters that the broker did not take, for another try at ``ready_at``."""
    _update(connection, claimant, letters, ready_at)


def sent(
    connection: Connection, claimant: Claimant, letters: Sequence[Letter], resend_at: float, resend_free_at: float
) -> None:
    """Note that a broker that keeps letters has taken these. Their rows stay until a consumer has finished them.

    Rows that meanwhile belong to nobody or somebody else are a consumer's retry and stay untouched. Letters that
    others wait for are sent again at ``resend_at``, all others much later.
    """
    if letters:
        waited_for = or_(outbox.c.lane != "", suspected)
        ready_at = case((waited_for, literal(resend_at)), else_=literal(resend_free_at))
        connection.execute(update(outbox).where(_mine(claimant, letters)).values(owner=KEPT, ready_at=ready_at))


def lost(connection: Connection, queue: str, now: float) -> int:
    """The broker has lost ``queue`` with all it had taken: send that again; answers how many letters that is."""
    kept = and_(outbox.c.queue == queue, outbox.c.owner == KEPT, outbox.c.parked_at.is_(None))
    rows = connection.execute(update(outbox).where(kept).values(owner="", ready_at=now).returning(outbox.c.seq)).all()
    announce(connection, topic(queue))
    return len(rows)


def renew(connection: Connection, claimant: Claimant, now: float) -> None:
    """Extend the leases of everything that the claimant holds."""
    held = update(outbox).where(outbox.c.owner == claimant.owner)
    connection.execute(held.values(ready_at=now + claimant.lease))


def take_over(connection: Connection, now: float) -> None:
    """End every lease: nobody but the caller's process works on this store, so all holders are dead."""
    connection.execute(update(outbox).where(outbox.c.owner.not_in(("", KEPT))).values(ready_at=now))


#: Written out, as for every condition that chooses an index.
_free = outbox.c.held == literal_column("0")


def _drain(
    connection: Connection, claimant: Claimant, gate: Gate, queue: str, now: float, limit: int
) -> list[Row[Any]]:
    """Take from the backlog of a downtime: what its rate allows, oldest first, and all that need not be sent."""
    held = _due(connection, queue, now, limit).where(outbox.c.held == gate.number).order_by(None).order_by(outbox.c.seq)
    rows = _take(connection, claimant, held.where(outbox.c.superseded_by != ""), now)
    if gate.allowed:
        sent_on = _take(connection, claimant, held.where(outbox.c.superseded_by == "").limit(gate.allowed), now)
        spend(connection, gate, len(sent_on), now)
        rows += sent_on
    return rows


def _due(connection: Connection, queue: str, now: float, limit: int) -> Select[tuple[int]]:
    earlier = outbox.alias("earlier")
    blocked = exists().where(
        earlier.c.queue == outbox.c.queue, earlier.c.lane == outbox.c.lane, earlier.c.seq < outbox.c.seq
    )
    return (
        select(outbox.c.seq)
        .where(outbox.c.queue == queue, outbox.c.ready_at <= now, outbox.c.parked_at.is_(None))
        .where(or_(outbox.c.lane == "", ~blocked))
        .order_by(outbox.c.ready_at, outbox.c.seq)
        .limit(limit)
        .with_for_update(skip_locked=True)  # PostgreSQL's; SQLite has one writer and leaves it out
    )


def _take(connection: Connection, claimant: Claimant, due: Select[tuple[int]], now: float) -> list[Row[Any]]:
    taken = (
        update(outbox)
        .where(outbox.c.seq.in_(due))
        .values(
            owner=claimant.owner,
            ready_at=now + claimant.lease,
            crashes=outbox.c.crashes + case((and_(outbox.c.owner != "", literal(claimant.blames)), 1), else_=0),
        )
        .returning(*outbox.c)
    )
    return list(connection.execute(taken).all())


def _suspect_may_go(connection: Connection, queue: str, now: float) -> bool:
    """Whether there are suspects, and none of them is on its way."""
    out = func.coalesce(func.sum(case((outbox.c.ready_at > now, 1), else_=0)), 0)
    row = connection.execute(select(func.count(), out).where(outbox.c.queue == queue, suspected)).one()
    return bool(row[0]) and not row[1]


def _update(connection: Connection, claimant: Claimant, letters: Sequence[Letter], ready_at: float) -> None:
    if letters:
        connection.execute(update(outbox).where(_mine(claimant, letters)).values(owner="", ready_at=ready_at))


def _mine(claimant: Claimant, letters: Sequence[Letter]) -> ColumnElement[bool]:
    ids = [letter.id for letter in letters]
    return and_(outbox.c.queue == letters[0].queue, outbox.c.id.in_(ids), outbox.c.owner == claimant.owner)
