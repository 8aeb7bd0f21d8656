"""Letters that failed for good: kept whole with the reason, until somebody replays or discards them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, delete, select

from bus.backbone import outbox
from bus.backbone.inbox import forget
from bus.backbone.tables import dead_letter, insert_into
from bus.ports import Letter


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A letter and why it was given up: ``code`` is that of ``bus/errors.py``, or ``crash`` (an exception
    outside the error tree), ``poison`` (kills its process), ``broker`` (given up by the broker for another reason)
    or ``unposted`` (done, but its answer could not be posted).

    ``letter.attempt`` says how often it was tried; ``failed_at`` is in Unix seconds.
    """

    letter: Letter
    code: str
    reason: str
    failed_at: float


def bury(connection: Connection, letter: Letter, code: str, reason: str) -> None:
    """Inside a work: move ``letter`` to the dead letters. Its lane becomes free."""
    row = {
        "body": letter.body,
        "headers": orjson.dumps(dict(letter.headers)).decode(),
        "lane": letter.lane,
        "attempts": letter.attempt,
        "code": code,
        "reason": reason,
        "failed_at": time.time(),
    }
    statement = insert_into(connection, dead_letter).values(queue=letter.queue, id=letter.id, **row)
    connection.execute(statement.on_conflict_do_update(index_elements=["queue", "id"], set_=row))
    forget(connection, letter)
    outbox.remove(connection, letter)


def dead_letters(connection: Connection, *, queue: str = "", limit: int = 100) -> Sequence[DeadLetter]:
    """Inside a read: the newest dead letters, of one queue or of all."""
    rows = select(dead_letter).order_by(dead_letter.c.failed_at.desc()).limit(limit)
    if queue:
        rows = rows.where(dead_letter.c.queue == queue)
    return [
        DeadLetter(
            Letter(row.id, row.queue, bytes(row.body), orjson.loads(row.headers), row.lane, row.attempts),
            row.code,
            row.reason,
            row.failed_at,
        )
        for row in connection.execute(rows)
    ]


def replay(connection: Connection, queue: str, letter_id: str) -> bool:
    """Inside a work: send one dead letter on its way again, from attempt 1; False when there is no such letter."""
    found = _take(connection, queue, letter_id)
    if found is not None:
        forget(connection, found)
        outbox.post(connection, [found])
    return found is not None


def discard(connection: Connection, queue: str, letter_id: str) -> bool:
    """Inside a work: remove one dead letter for ever; False when there is no such letter."""
    return _take(connection, queue, letter_id) is not None


def _take(connection: Connection, queue: str, letter_id: str) -> Letter | None:
    gone = delete(dead_letter).where(dead_letter.c.queue == queue, dead_letter.c.id == letter_id)
    row = connection.execute(gone.returning(*dead_letter.c)).first()
    if row is None:
        return None
    return Letter(row.id, row.queue, bytes(row.body), orjson.loads(row.headers), row.lane)
