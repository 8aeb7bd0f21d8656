"""The state store in PostgreSQL, which many processes share."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bus.errors import StateUnavailable
from bus.migrations.chain import ALL, settle
from bus.state.topics import Listeners, take_topics

T = TypeVar("T")

_THREADS = 8
_TRIES = 6

_AGAIN = {"40001", "40P01"}  # serialization_failure, deadlock_detected
#: connection exception, insufficient resources, operator intervention, system error, read-only transaction
_UNAVAILABLE = ("08", "53", "57P", "58", "25006")


class PostgresStore:
    """A pool of connections and as many threads; one transaction a work."""

    shared = True

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg")
        self._where = f"PostgreSQL at {self._url.host}:{self._url.port or 5432}"
        self._listeners = Listeners()
        self._engine: Engine | None = None
        self._threads: ThreadPoolExecutor | None = None

    async def start(self) -> None:
        """Connect, and make the tables of an empty database. Raises StateUnavailable, SchemaMismatch."""
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="state")
        self._engine = create_engine(
            self._url, pool_size=_THREADS, pool_timeout=10, pool_pre_ping=True, hide_parameters=True
        )
        try:
            await self.write(lambda connection: settle(connection, ALL, self._where))
        except BaseException:
            await self.aclose()
            raise

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction on a thread."""
        return await self._off_loop(self.write_blocking, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a read-only transaction on a thread."""
        return await self._off_loop(self.read_blocking, work)

    def write_blocking(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction in this thread, again after a deadlock or serialization failure."""
        for attempt in range(1, _TRIES + 1):
            try:
                with self._open().begin() as connection:
                    take_topics(connection)
                    value = work(connection)
                    topics = take_topics(connection)
            except SQLAlchemyError as error:
                if _sqlstate(error) in _AGAIN and attempt < _TRIES:
                    time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - spreads the losers of a deadlock
                    continue
                raise self._translate(error) from error
            self._listeners.tell(topics)
            return value
        raise AssertionError("the last attempt answers or raises")

    def read_blocking(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a read-only transaction in this thread."""
        try:
            with self._open().connect().execution_options(postgresql_readonly=True) as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise self._translate(error) from error

    def listen(self, topic: str, callback: Callable[[], None]) -> None:
        """See State.listen."""
        self._listeners.add(topic, callback)

    async def aclose(self) -> None:
        """Finish what runs and close the pool."""
        threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.to_thread(threads.shutdown)
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    async def _off_loop(self, run: Callable[[Callable[[Connection], T]], T], work: Callable[[Connection], T]) -> T:
        if self._threads is None:
            raise StateUnavailable("the state store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._threads, run, work)

    def _open(self) -> Engine:
        if self._engine is None:
            raise StateUnavailable("the state store is closed")
        return self._engine

    def _translate(self, error: SQLAlchemyError) -> Exception:
        """Turn what the server or the network did into StateUnavailable; a work's own errors stay as they are."""
        where = self._where
        if isinstance(error, PoolTimeout):
            return StateUnavailable(f"{where}: no connection became free; is the server overloaded?")
        if not isinstance(error, DBAPIError):
            return error
        state = _sqlstate(error)
        lost = error.connection_invalidated or (not state and type(error).__name__ == "OperationalError")
        if lost or state.startswith(_UNAVAILABLE) or state in _AGAIN:
            return StateUnavailable(f"{where}: {state or 'cannot be reached'}; check the server and the network")
        return error


def _sqlstate(error: SQLAlchemyError) -> str:
    original = error.orig if isinstance(error, DBAPIError) else None
    return getattr(original, "sqlstate", None) or ""
