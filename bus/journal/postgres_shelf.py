"""Reading the journal in PostgreSQL: the planner finds the partitions, a few idle connections save the handshake."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from queue import Empty, LifoQueue
from typing import Any, TypeAlias

import psycopg

from bus.errors import JournalUnavailable
from bus.journal.postgres import DEAD_AFTER
from bus.journal.postgres_schema import connect
from bus.journal.reader import Execute
from bus.journal.search import Statement

_Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

_IDLE = 4


class PostgresShelf:
    """Implements ``journal.reader.Shelf``; any number of threads may read."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: LifoQueue[_Connection] = LifoQueue()
        #: Closes the idle connections; nobody has to, they go with this object.
        self.close = weakref.finalize(self, _drain, self._idle)

    def partitions(self, since: float, until: float) -> Iterator[AbstractContextManager[Execute]]:
        """All of them as one: conditions on ``received_at`` prune the rest."""
        del since, until
        yield self._view()

    def orphaned(self) -> Statement:
        """Every intent of a boot that gave no sign of life for a while."""
        alive = "SELECT 1 FROM boots b WHERE b.id = x.boot AND b.seen_at > now() - make_interval(secs => ?)"
        return f"NOT EXISTS ({alive})", (DEAD_AFTER,)

    @contextmanager
    def _view(self) -> Iterator[Execute]:
        try:
            connection = self._connection()
            try:
                with connection.transaction():
                    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    yield lambda sql, values: _execute(connection, sql, values)
            finally:
                if connection.closed or self._idle.qsize() >= _IDLE:
                    connection.close()
                else:
                    self._idle.put(connection)
        except psycopg.Error as error:
            reason = error.sqlstate or type(error).__name__
            raise JournalUnavailable(f"PostgreSQL cannot be read ({reason}): check the database") from error

    def _connection(self) -> _Connection:
        while True:
            try:
                connection = self._idle.get_nowait()
            except Empty:
                return connect(self._url)
            try:
                connection.execute("SELECT 1")
            except psycopg.Error:
                connection.close()  # the server was restarted since; so were the others, most likely
            else:
                return connection


def _drain(idle: LifoQueue[_Connection]) -> None:
    while not idle.empty():
        idle.get_nowait().close()


def _execute(connection: _Connection, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
    return connection.execute(sql.replace("?", "%s").encode(), values).fetchall()
