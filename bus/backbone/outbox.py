"""The outbox: letters are on disk together with what caused them, before any broker hears of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Connection, Row, and_, bindparam, delete, func, literal_column, select, update

from bus.backbone import topology
from bus.backbone.tables import SUSPECT, insert_into, inserting, outbox
from bus.errors import BusError
from bus.ports import Letter, StateStore
from bus.state.topics import announce

# Made once: making a statement costs more than running it, and every letter runs these.
_REMOVE = (
    delete(outbox)
    .where(outbox.c.queue == bindparam("of_queue"), outbox.c.id == bindparam("of_id"))
    .returning(outbox.c.lane, outbox.c.crashes)
)


def topic(queue: str) -> str:
    """What is announced when a letter of ``queue`` may have become free to go."""
    return f"outbox.{queue}"


def post(connection: Connection, letters: Sequence[Letter], *, due_at: float | None = None) -> None:
    """Inside a work: have ``letters`` carried, at once or from ``due_at`` (Unix seconds) on.

    A letter whose id is already waiting in the same queue is left as it is. Raises BusError for a queue that
    the topology does not have.
    """
    if not letters:
        return
    now = time.time()
    rows = [_row(letter, now, now if due_at is None else due_at) for letter in letters]
    connection.execute(_posting(connection.dialect.name), rows)
    if due_at is None or due_at <= now:
        for queue in {letter.queue for letter in letters}:
            announce(connection, topic(queue))


def postpone(connection: Connection, letter: Letter, due_at: float) -> None:
    """Inside a work: have ``letter`` delivered (again) at ``due_at``, in its old place in its lane."""
    row = _row(letter, time.time(), due_at)
    changes = {"attempt": letter.attempt, "ready_at": due_at, "owner": "", "crashes": 0}
    statement = insert_into(connection, outbox).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=["queue", "id"], set_=changes))


def suspect(connection: Connection, letter: Letter) -> bool:
    """Inside a work: have ``letter``, whose consumers keep dying, delivered once more, with no other suspect.

    False when that was done before: then it is the letter itself, and not a neighbour in the same hands.
    """
    known = and_(outbox.c.queue == letter.queue, outbox.c.id == letter.id)
    if (connection.scalar(select(outbox.c.crashes).where(known)) or 0) >= SUSPECT:
        return False
    postpone(connection, letter, time.time())
    connection.execute(update(outbox).where(known).values(crashes=SUSPECT))
    announce(connection, topic(letter.queue))
    return True


def remove(connection: Connection, letter: Letter) -> bool:
    """Inside a work: ``letter`` is finished; the next one of its lane may go. Answers whether owners died with it."""
    row = connection.execute(_REMOVE, {"of_queue": letter.queue, "of_id": letter.id}).first()
    if row is not None and (row.lane or row.crashes >= SUSPECT):
        announce(connection, topic(letter.queue))
    return row is not None and row.crashes > 0


def unfinished(connection: Connection) -> int:
    """Inside a read: how many letters are not finished; those that wait for a person do not count."""
    return connection.scalar(select(func.count()).select_from(outbox).where(outbox.c.parked_at.is_(None))) or 0


def unfinished_by_service(connection: Connection) -> Mapping[str, int]:
    """Inside a read: the same for each service with a bound of its own."""
    waiting = and_(outbox.c.counted != literal_column("''"), outbox.c.parked_at.is_(None))
    rows = connection.execute(select(outbox.c.counted, func.count()).where(waiting).group_by(outbox.c.counted))
    return {row[0]: row[1] for row in rows}


def letter_of(row: Row[Any]) -> Letter:
    """The letter of a row of the outbox."""
    body, headers = bytes(row.body), orjson.loads(row.headers)
    if row.superseded_by:
        headers[topology.SUPERSEDED_BY] = row.superseded_by
    return Letter(row.id, row.queue, body, headers, row.lane, row.attempt, row.expires_at or 0.0)


class SqlOutbox:
    """The outbox as a port of its own, for code that has no transaction to put letters into."""

    def __init__(self, state: StateStore) -> None:
        self._state = state

    async def post(self, letters: Sequence[Letter]) -> None:
        """Return when ``letters`` are on disk. Raises StateUnavailable."""
        await self._state.write(lambda connection: post(connection, letters))


@cache
def _posting(dialect: str) -> Any:
    return inserting(dialect, outbox).on_conflict_do_nothing()


def _row(letter: Letter, now: float, due_at: float) -> dict[str, object]:
    if letter.queue not in topology.QUEUES:
        raise BusError(f"no queue {letter.queue!r}; known: {', '.join(topology.QUEUES)}")
    return {
        "queue": letter.queue,
        "id": letter.id,
        "body": letter.body,
        "headers": orjson.dumps(dict(letter.headers)).decode(),
        "lane": letter.lane,
        "attempt": letter.attempt,
        "ready_at": due_at,
        "owner": "",
        "crashes": 0,
        "created_at": now,
        "expires_at": letter.expires_at or None,
        "counted": letter.headers.get(topology.COUNTED, ""),
        "system": letter.headers.get(topology.SYSTEM, ""),
        "held": 0,
        "supersedes": letter.headers.get(topology.SUPERSEDES, "")[:256],
        "superseded_by": letter.headers.get(topology.SUPERSEDED_BY, ""),
    }
