"""What happened to a letter before it was done or given up: every failed attempt, kept beside it and bounded in size.

One row a letter that ever failed, so that a letter that is handled at once costs nothing. It stays through retries,
redelivery and the death of processes, goes with the letter when it is done, and stays with a parked or dead one.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import orjson
from sqlalchemy import ColumnElement, Connection, and_, delete, exists, false, or_, select

from bus.backbone.tables import dead_letter, insert_into, letter_history, outbox
from bus.ports import Letter

#: The code of an attempt whose process ended, or lost its broker, before the letter was done.
DIED = "died"
#: The code of an entry that is no attempt: somebody sent a dead letter on its way again.
REPLAYED = "replayed"

#: How many of the first and of the latest entries are kept; what lies between is counted only.
_FIRST, _LATEST = 5, 15
_LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """One failed attempt: when (Unix seconds), which attempt, the error's code, a short reason and the process, as
    ``host:pid`` (empty where nobody knows). Of a ``replayed`` entry ``process`` is who did it."""

    at: float
    attempt: int
    code: str
    reason: str
    process: str


@dataclass(frozen=True, slots=True)
class History:
    """The entries of a letter, oldest first. ``failures`` counts all of them, ``left_out`` those not kept;
    ``replays`` how often the letter was dead before."""

    entries: tuple[Entry, ...] = ()
    failures: int = 0
    left_out: int = 0
    replays: int = 0


def this_process() -> str:
    """The name of this process in histories: ``host:pid``."""
    return f"{platform.node()[:40]}:{os.getpid()}"


def note(connection: Connection, letter: Letter, code: str, reason: str) -> None:
    """Inside a work: add an attempt of ``letter`` that failed in this process."""
    _add(connection, letter, code, reason, this_process(), history_of(connection, letter.queue, letter.id))


def note_death(connection: Connection, letter: Letter, process: str = "") -> None:
    """Inside a work: add an attempt that ended with its process, where one knows which.

    The relay, the broker and the inbox may each notice the same death: who knows the process completes what the other
    wrote just before.
    """
    before = history_of(connection, letter.queue, letter.id)
    last = before.entries[-1] if before.entries else None
    if process and last is not None and (last.code, last.process, last.attempt) == (DIED, "", letter.attempt):
        before = replace(before, entries=before.entries[:-1], failures=before.failures - 1)
    _add(connection, letter, DIED, "its process ended before it was done", process, before)


def note_replay(connection: Connection, letter: Letter, who: str, reason: str) -> None:
    """Inside a work: add that ``who`` sent a dead letter on its way again, and why."""
    _add(connection, letter, REPLAYED, reason, who, history_of(connection, letter.queue, letter.id))


def _add(connection: Connection, letter: Letter, code: str, reason: str, process: str, before: History) -> None:
    entry = Entry(time.time(), letter.attempt, code[:64], reason[:_LONGEST_REASON], process[:64])
    kept = [*before.entries, entry]
    if len(kept) > _FIRST + _LATEST:
        kept = [*kept[:_FIRST], *kept[-_LATEST:]]
    replayed = code == REPLAYED
    failures = before.failures + (not replayed)
    row = {
        "entries": orjson.dumps([[one.at, one.attempt, one.code, one.reason, one.process] for one in kept]).decode(),
        "failures": failures,
        "left_out": before.left_out + len(before.entries) + 1 - len(kept),
        "replays": before.replays + replayed,
        "updated_at": entry.at,
    }
    statement = insert_into(connection, letter_history).values(queue=letter.queue, id=letter.id, **row)
    connection.execute(statement.on_conflict_do_update(index_elements=["queue", "id"], set_=row))


def history_of(connection: Connection, queue: str, letter_id: str) -> History:
    """Inside a work: the history of one letter; an empty one where nothing ever failed."""
    return histories(connection, [(queue, letter_id)]).get((queue, letter_id), History())


def histories(connection: Connection, letters: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], History]:
    """Inside a read: the histories of these letters, each named by queue and id."""
    wanted = or_(false(), *(_is(queue, letter_id) for queue, letter_id in letters))
    rows = connection.execute(select(letter_history).where(wanted)).all()
    return {
        (row.queue, row.id): History(_entries(row.entries), row.failures, row.left_out, row.replays) for row in rows
    }


def forget(connection: Connection, letter: Letter) -> None:
    """Inside a work: the letter is done, and nobody will ask what happened to it before."""
    connection.execute(delete(letter_history).where(_is(letter.queue, letter.id)))


def prune(connection: Connection, before: float) -> None:
    """Inside a work: drop what was written before this time about letters that nobody has any more."""
    kept = [
        exists().where(table.c.queue == letter_history.c.queue, table.c.id == letter_history.c.id)
        for table in (outbox, dead_letter)
    ]
    connection.execute(delete(letter_history).where(letter_history.c.updated_at < before, *(~each for each in kept)))


def _entries(text: str) -> tuple[Entry, ...]:
    rows: Sequence[Sequence[object]] = orjson.loads(text)
    return tuple(Entry(*row) for row in rows)  # type: ignore[arg-type]


def _is(queue: str, letter_id: str) -> ColumnElement[bool]:
    return and_(letter_history.c.queue == queue, letter_history.c.id == letter_id)
