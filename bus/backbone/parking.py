"""Letters that wait for a person: parked in the outbox, where each holds its own lane and nobody else's.

A parked letter is released (delivered in its old place), edited (released with another body) or skipped (put with
the dead letters, so that its lane moves on).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, case, delete, exists, func, or_, select, true, update

from bus.backbone import inbox
from bus.backbone.dead_letters import bury
from bus.backbone.outbox import letter_of, postpone, topic
from bus.backbone.tables import inbox as inbox_table
from bus.backbone.tables import outbox
from bus.ports import Letter
from bus.state.actions import record
from bus.state.topics import announce

MOST = 10_000
"""How many letters one order may move."""

EXPIRED = "expired"
"""The code of a letter that was parked because its time was over."""

_UNPARKED = {"parked_at": None, "parked_code": None, "parked_reason": None}
_parked = outbox.c.parked_at.is_not(None)


@dataclass(frozen=True, slots=True)
class ParkedLetter:
    """A letter and why it waits: ``code`` as of a dead letter, or ``expired``. Times are Unix seconds.

    ``ahead`` letters of its lane come before it, ``behind`` wait for it.
    """

    letter: Letter
    code: str
    reason: str
    parked_at: float
    accepted_at: float
    ahead: int
    behind: int


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane that a parked letter holds: how many letters it has, how many of them are parked, when the oldest was
    accepted (Unix seconds), and the first that is parked."""

    queue: str
    name: str
    letters: int
    parked: int
    oldest_at: float
    first: str
    code: str
    reason: str
    parked_at: float


def give_up(connection: Connection, letter: Letter, code: str, reason: str) -> None:
    """Inside a work: ``letter`` failed for good. One with a lane is parked, so that its followers do not overtake it;
    any other joins the dead letters."""
    (park if letter.lane else bury)(connection, letter, code, reason)


def park(connection: Connection, letter: Letter, code: str, reason: str) -> None:
    """Inside a work: have ``letter`` wait for a person, in its place in its lane."""
    now = time.time()
    postpone(connection, letter, now)
    parked = {"parked_at": now, "parked_code": code, "parked_reason": reason, "owner": "", "crashes": 0}
    connection.execute(update(outbox).where(_is(letter.queue, letter.id)).values(parked))
    inbox.mark(connection, letter, "parked", now)


def expire(connection: Connection, now: float, letter: Letter | None = None) -> int:
    """Inside a work: park what expired before ``now`` and is in nobody's hands, ``letter`` alone or all; answer how
    many those were."""
    held = exists().where(
        inbox_table.c.queue == outbox.c.queue,
        inbox_table.c.id == outbox.c.id,
        inbox_table.c.status.in_(("claimed", "done")),
        or_(inbox_table.c.status == "done", inbox_table.c.lease_until > now),
    )
    over = and_(outbox.c.expires_at <= now, outbox.c.parked_at.is_(None), ~held)
    if letter is not None:
        over = and_(over, _is(letter.queue, letter.id))
    rows = connection.execute(select(outbox).where(over).with_for_update(skip_locked=True)).all()
    for row in rows:
        waited = round(row.expires_at - row.created_at)
        park(connection, letter_of(row), EXPIRED, f"not delivered within {waited} s of its acceptance")
    return len(rows)


def next_expiry(connection: Connection) -> float | None:
    """Inside a read: when the next letter expires, in Unix seconds."""
    due = select(func.min(outbox.c.expires_at)).where(outbox.c.expires_at.is_not(None), outbox.c.parked_at.is_(None))
    found: float | None = connection.scalar(due)
    return found


def release(connection: Connection, queue: str, letter_id: str, who: str, reason: str) -> bool:
    """Inside a work: have a parked letter delivered, from attempt 1 and in its old place; False when there is none.

    It expires no more: a person has decided that it is to be delivered.
    """
    if not _free(connection, queue, letter_id, {}):
        return False
    record(connection, who, "release", f"{queue}/{letter_id}", reason, time.time())
    return True


def edit(connection: Connection, queue: str, letter_id: str, body: bytes, who: str, reason: str) -> str:
    """Inside a work: release a parked letter with another body; answer its new id, empty when there is none.

    The old id counts as done from now on, so that a copy with the old body that a broker may still hold does nothing.
    """
    base, _, edition = letter_id.partition("~")
    new = f"{base}~{int(edition or 0) + 1}"
    if not _free(connection, queue, letter_id, {"id": new, "body": body}):
        return ""
    inbox.mark(connection, Letter(letter_id, queue, b""), "done", time.time())
    record(connection, who, "edit", f"{queue}/{letter_id}", reason, time.time())
    return new


def skip(connection: Connection, queue: str, letter_id: str, who: str, reason: str) -> bool:
    """Inside a work: put a parked letter with the dead letters, and let its lane move on; False when there is none."""
    gone = delete(outbox).where(_is(queue, letter_id), _parked).returning(*outbox.c)
    found = connection.execute(gone).first()
    if found is None:
        return False
    now, letter = time.time(), letter_of(found)
    bury(connection, letter, found.parked_code, f"{found.parked_reason}; skipped by {who}: {reason}")
    inbox.mark(connection, letter, "done", now)
    record(connection, who, "skip", f"{queue}/{letter_id}", reason, now)
    announce(connection, topic(queue))
    return True


def parked_letters(
    connection: Connection, *, queue: str = "", lane: str = "", code: str = "", limit: int = 100
) -> list[ParkedLetter]:
    """Inside a read: what waits for a person, the longest first, of one queue, lane or code or of all."""
    in_queue = outbox.c.queue == queue if queue else true()
    in_lane = outbox.c.lane == lane if lane else true()
    with_code = outbox.c.parked_code == code if code else true()
    return _found(connection, and_(_parked, in_queue, in_lane, with_code), limit)


def parked_letter(connection: Connection, queue: str, letter_id: str) -> ParkedLetter | None:
    """Inside a read: one letter that waits for a person."""
    found = _found(connection, and_(_is(queue, letter_id), _parked), 1)
    return found[0] if found else None


def count_parked(connection: Connection) -> int:
    """Inside a read: how many letters wait for a person."""
    return connection.scalar(select(func.count()).select_from(outbox).where(_parked)) or 0


def count_lanes(connection: Connection) -> int:
    """Inside a read: how many lanes parked letters hold."""
    held = select(outbox.c.queue, outbox.c.lane).where(_parked, outbox.c.lane != "").distinct().subquery()
    return connection.scalar(select(func.count()).select_from(held)) or 0


def lanes(connection: Connection, *, limit: int = 100) -> Sequence[Lane]:
    """Inside a read: the lanes that parked letters hold, the one with the oldest letter first."""
    member = outbox.alias("member")
    parked = member.c.parked_at.is_not(None)
    held = (
        select(
            member.c.queue,
            member.c.lane,
            func.count().label("letters"),
            func.sum(case((parked, 1), else_=0)).label("parked"),
            func.min(member.c.created_at).label("oldest_at"),
            func.min(case((parked, member.c.seq))).label("first"),
        )
        .where(member.c.lane.in_(select(outbox.c.lane).where(_parked)), member.c.lane != "")
        .group_by(member.c.queue, member.c.lane)
        .subquery()
    )
    rows = select(held, outbox.c.id, outbox.c.parked_code, outbox.c.parked_reason, outbox.c.parked_at).join_from(
        held, outbox, outbox.c.seq == held.c.first
    )
    return [
        Lane(
            row.queue,
            row.lane,
            row.letters,
            row.parked,
            row.oldest_at,
            row.id,
            row.parked_code,
            row.parked_reason,
            row.parked_at,
        )
        for row in connection.execute(rows.order_by(held.c.oldest_at).limit(limit))
    ]


def letters_of(connection: Connection, queue: str, lane: str, *, limit: int = 100) -> Sequence[Letter]:
    """Inside a read: the unfinished letters of one lane, in the order in which they will be delivered."""
    rows = select(outbox).where(outbox.c.queue == queue, outbox.c.lane == lane).order_by(outbox.c.seq).limit(limit)
    return [letter_of(row) for row in connection.execute(rows)]


def _free(connection: Connection, queue: str, letter_id: str, changes: Mapping[str, object]) -> bool:
    row = {"ready_at": time.time(), "attempt": 1, "crashes": 0, "expires_at": None, **_UNPARKED, **changes}
    freed = update(outbox).where(_is(queue, letter_id), _parked).values(row).returning(outbox.c.id)
    if connection.execute(freed).first() is None:
        return False
    inbox.forget(connection, Letter(letter_id, queue, b""))
    announce(connection, topic(queue))
    return True


def _is(queue: str, letter_id: str) -> ColumnElement[bool]:
    return and_(outbox.c.queue == queue, outbox.c.id == letter_id)


def _found(connection: Connection, wanted: ColumnElement[bool], limit: int) -> list[ParkedLetter]:
    other = outbox.alias("other")
    same = and_(other.c.queue == outbox.c.queue, other.c.lane == outbox.c.lane, outbox.c.lane != "")
    counted = select(func.count()).select_from(other)
    ahead = counted.where(same, other.c.seq < outbox.c.seq).correlate(outbox).scalar_subquery()
    behind = counted.where(same, other.c.seq > outbox.c.seq).correlate(outbox).scalar_subquery()
    rows = select(outbox, ahead.label("ahead"), behind.label("behind")).where(wanted)
    return [
        ParkedLetter(
            letter_of(row),
            row.parked_code,
            row.parked_reason,
            row.parked_at,
            row.created_at,
            row.ahead,
            row.behind,
        )
        for row in connection.execute(rows.order_by(outbox.c.parked_at, outbox.c.seq).limit(limit))
    ]
