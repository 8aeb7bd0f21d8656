"""Letters that failed for good: kept whole with reason and history, until somebody replays or discards them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, true

from bus.backbone import history, outbox
from bus.backbone.history import History
from bus.backbone.inbox import forget
from bus.backbone.tables import dead_letter, insert_into
from bus.backbone.topology import FLAW, OPERATION, REPLAYS
from bus.ports import Letter
from bus.state.actions import record
from bus.state.store import State

#: How many letters one replay of many takes at the most.
MOST = 10_000

_LONGEST_REASON = 1000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A letter and why it was given up: ``code`` is that of ``bus/errors.py``, or ``crash`` (an exception
    outside the error tree), ``poison`` (kills its process), ``broker`` (given up by the broker for another reason),
    ``foreign`` (none of ours) or ``unposted`` (done, but its answer could not be posted).

    ``letter.attempt`` says how often it was tried, and its body is left out of lists; ``size`` is in bytes,
    ``failed_at`` in Unix seconds.
    """

    letter: Letter
    code: str
    reason: str
    failed_at: float
    size: int = 0
    history: History = field(default_factory=History)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which dead letters are meant; what is empty does not filter. ``operation`` may be a service alone."""

    queue: str = ""
    code: str = ""
    operation: str = ""


def bury(connection: Connection, letter: Letter, code: str, reason: str) -> None:
    """Inside a work: move ``letter`` to the dead letters. Its lane becomes free."""
    row = {
        "body": letter.body,
        "headers": orjson.dumps(dict(letter.headers)).decode(),
        "lane": letter.lane,
        "attempts": letter.attempt,
        "code": code,
        "reason": reason[:_LONGEST_REASON],
        "failed_at": time.time(),
    }
    statement = insert_into(connection, dead_letter).values(queue=letter.queue, id=letter.id, **row)
    connection.execute(statement.on_conflict_do_update(index_elements=["queue", "id"], set_=row))
    forget(connection, letter)
    outbox.remove(connection, letter)


def dead_letters(connection: Connection, wanted: Filter = Filter(), *, limit: int = 100) -> Sequence[DeadLetter]:
    """Inside a read: the newest dead letters that fit, without their bodies."""
    listed = [column for column in dead_letter.c if column.name != "body"]
    rows = select(*listed, func.length(dead_letter.c.body).label("size")).where(_fits(wanted))
    return _made(connection, connection.execute(rows.order_by(dead_letter.c.failed_at.desc()).limit(limit)).all())


def one_dead_letter(connection: Connection, queue: str, letter_id: str) -> DeadLetter | None:
    """Inside a read: one dead letter with its body; None when there is none."""
    rows = select(dead_letter, func.length(dead_letter.c.body).label("size")).where(_is(queue, letter_id))
    found = _made(connection, connection.execute(rows).all())
    return found[0] if found else None


def count_dead(connection: Connection, wanted: Filter = Filter()) -> int:
    """Inside a read: how many dead letters fit."""
    return connection.scalar(select(func.count()).select_from(dead_letter).where(_fits(wanted))) or 0


def replay(connection: Connection, queue: str, letter_id: str, who: str, reason: str) -> bool:
    """Inside a work: send one dead letter on its way again, from attempt 1; False when there is no such letter."""
    found = _take(connection, queue, letter_id)
    if found is not None:
        _send(connection, found, who, reason, time.time())
    return found is not None


def replay_all(connection: Connection, wanted: Filter, who: str, reason: str, *, rate: float) -> int:
    """Inside a work: send up to ``MOST`` dead letters on their way again, oldest first and so each lane in its order,
    no more than ``rate`` a second; answer how many."""
    rows = select(dead_letter.c.queue, dead_letter.c.id).where(_fits(wanted))
    names = connection.execute(rows.order_by(dead_letter.c.failed_at, dead_letter.c.id).limit(MOST)).all()
    now = time.time()
    for place, (queue, letter_id) in enumerate(names):
        found = _take(connection, queue, letter_id)
        if found is not None:
            _send(connection, found, who, reason, now + place / rate)
    return len(names)


def discard(connection: Connection, queue: str, letter_id: str, who: str, reason: str) -> bool:
    """Inside a work: remove one dead letter for ever; False when there is no such letter."""
    found = _take(connection, queue, letter_id)
    if found is None:
        return False
    history.forget(connection, found)
    record(connection, who, "discard", f"{queue}/{letter_id}", reason, time.time())
    return True


def _send(connection: Connection, letter: Letter, who: str, reason: str, due_at: float) -> None:
    headers = {name: value for name, value in letter.headers.items() if name != FLAW}
    replays = history.history_of(connection, letter.queue, letter.id).replays + 1
    again = replace(letter, attempt=1, headers={**headers, REPLAYS: str(replays)})
    history.note_replay(connection, letter, who, reason)
    forget(connection, again)
    outbox.post(connection, [again], due_at=due_at)
    record(connection, who, "replay", f"{letter.queue}/{letter.id}", reason, time.time())


def _take(connection: Connection, queue: str, letter_id: str) -> Letter | None:
    gone = delete(dead_letter).where(_is(queue, letter_id)).returning(*dead_letter.c)
    row = connection.execute(gone).first()
    if row is None:
        return None
    return Letter(row.id, row.queue, bytes(row.body), orjson.loads(row.headers), row.lane, row.attempts)


def _made(connection: Connection, rows: Sequence[Any]) -> Sequence[DeadLetter]:
    past = history.histories(connection, [(row.queue, row.id) for row in rows])
    return [
        DeadLetter(
            Letter(row.id, row.queue, getattr(row, "body", b""), orjson.loads(row.headers), row.lane, row.attempts),
            row.code,
            row.reason,
            row.failed_at,
            row.size,
            past.get((row.queue, row.id), History()),
        )
        for row in rows
    ]


def _is(queue: str, letter_id: str) -> ColumnElement[bool]:
    return and_(dead_letter.c.queue == queue, dead_letter.c.id == letter_id)


def _fits(wanted: Filter) -> ColumnElement[bool]:
    fits: ColumnElement[bool] = true()
    if wanted.queue:
        fits = and_(fits, dead_letter.c.queue == wanted.queue)
    if wanted.code:
        fits = and_(fits, dead_letter.c.code == wanted.code)
    if wanted.operation:
        ending = '"' if "." in wanted.operation else "."
        written = f'"{OPERATION}":"{wanted.operation}{ending}'
        fits = and_(fits, dead_letter.c.headers.contains(written, autoescape=True))
    return fits


class DeadLetters:
    """The dead letters of an installation, for threads without an event loop: the console's and the command line's."""

    def __init__(self, state: State) -> None:
        self._state = state

    def page(self, wanted: Filter, limit: int) -> Sequence[DeadLetter]:
        """See ``dead_letters``."""
        return self._state.read_blocking(lambda connection: dead_letters(connection, wanted, limit=limit))

    def count(self, wanted: Filter) -> int:
        """See ``count_dead``."""
        return self._state.read_blocking(lambda connection: count_dead(connection, wanted))

    def one(self, queue: str, letter_id: str) -> DeadLetter | None:
        """See ``one_dead_letter``."""
        return self._state.read_blocking(lambda connection: one_dead_letter(connection, queue, letter_id))

    def replay(self, queue: str, letter_id: str, who: str, reason: str) -> bool:
        """See ``replay``."""
        return self._state.write_blocking(lambda connection: replay(connection, queue, letter_id, who, reason))

    def replay_all(self, wanted: Filter, who: str, reason: str, *, rate: float) -> int:
        """See ``replay_all``."""
        return self._state.write_blocking(lambda found: replay_all(found, wanted, who, reason, rate=rate))

    def discard(self, queue: str, letter_id: str, who: str, reason: str) -> bool:
        """See ``discard``."""
        return self._state.write_blocking(lambda connection: discard(connection, queue, letter_id, who, reason))
