"""The state store in one SQLite file, with a single writer that commits many works at once."""

from __future__ import annotations

import asyncio
import fcntl
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from bus.errors import StateUnavailable
from bus.futures import answer
from bus.migrations.chain import settle
from bus.state.topics import Listeners, take_topics

T = TypeVar("T")

_BATCH = 256
_READERS = 4

#: Mistakes in a statement or broken constraints; every other result code is the file's or the disk's doing.
_WORKS_OWN = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG}


@dataclass(slots=True)
class _Job:
    work: Callable[[Connection], Any]
    done: Future[Any]


@dataclass(slots=True)
class _Outcome:
    value: Any = None
    error: BaseException | None = None
    topics: frozenset[str] = frozenset()


class SqliteStore:
    """One writer thread owns the only writing connection: SQLite before 3.51.3 can corrupt a WAL with two.

    A lock beside the file keeps a second process out for the same reason.
    """

    shared = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._listeners = Listeners()
        self._gate = threading.Lock()
        self._thread: threading.Thread | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._reading: Engine | None = None
        self._writing: Engine | None = None
        self._lock: IO[bytes] | None = None

    async def start(self) -> None:
        """Take the file, make the tables of a new one, start the writer. Raises StateUnavailable, SchemaMismatch."""
        try:
            await asyncio.to_thread(self._open)
        except BaseException:
            await self.aclose()
            raise

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Queue ``work`` for the next commit and answer its value after it."""
        done: Future[T] = self._submit(work)
        return await asyncio.wrap_future(done)

    def write_blocking(self, work: Callable[[Connection], T]) -> T:
        """Queue ``work`` and block until it is on disk."""
        done: Future[T] = self._submit(work)
        return done.result()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` on one of a few read-only connections."""
        readers = self._readers
        if readers is None:
            raise self._closed()
        return await asyncio.get_running_loop().run_in_executor(readers, self.read_blocking, work)

    def read_blocking(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` on a read-only connection in this thread."""
        if self._reading is None:
            raise self._closed()
        try:
            with self._reading.connect() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise self._translate(error) from error

    def listen(self, topic: str, callback: Callable[[], None]) -> None:
        """See State.listen."""
        self._listeners.add(topic, callback)

    async def aclose(self) -> None:
        """Let the writer finish its queue, then close the readers before the writer and free the file."""
        await asyncio.to_thread(self._close)

    # ── opening and closing ──────────────────────────────────────────────────────────────────────────

    def _open(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = self._path.with_suffix(".lock").open("wb")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StateUnavailable(f"{self._path}: another process works on this file; stop it first") from error
        except OSError as error:
            raise StateUnavailable(f"{self._path}: cannot be opened ({error.strerror})") from error
        self._writing = _engine(self._path, writes=True)
        try:
            with self._writing.begin() as connection:
                settle(connection, frozenset({"state"}), str(self._path))
        except SQLAlchemyError as error:
            raise self._translate(error) from error
        self._reading = _engine(self._path, writes=False)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="state-reader")
        self._thread = threading.Thread(target=self._run, args=(self._writing,), name="state-writer", daemon=True)
        self._thread.start()

    def _close(self) -> None:
        with self._gate:
            thread, self._thread = self._thread, None
            self._jobs.put(None)
        if thread is not None:
            thread.join()
        if self._readers is not None:
            self._readers.shutdown()
        for engine in (self._reading, self._writing):
            if engine is not None:
                engine.dispose()
        self._reading = self._writing = self._readers = None
        if self._lock is not None:
            self._lock.close()

    # ── the writer ───────────────────────────────────────────────────────────────────────────────────

    def _submit(self, work: Callable[[Connection], Any]) -> Future[Any]:
        done: Future[Any] = Future()
        with self._gate:  # nothing may be queued behind the writer's end
            if self._thread is None:
                raise self._closed()
            self._jobs.put(_Job(work, done))
        return done

    def _run(self, engine: Engine) -> None:
        with engine.connect() as connection:
            going = True
            while going:
                going, jobs = self._gather()
                if jobs:
                    self._settle(jobs, self._commit(connection, jobs))

    def _gather(self) -> tuple[bool, list[_Job]]:
        """Wait for a work; take with it whatever queued up while the last commit was on its way to disk."""
        jobs: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) == _BATCH:
                return True, jobs
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return True, jobs
        return False, jobs

    def _commit(self, connection: Connection, jobs: list[_Job]) -> list[_Outcome]:
        outcomes: list[_Outcome] = []
        try:
            with connection.begin():
                outcomes.extend(_attempt(connection, job.work) for job in jobs)
        except Exception as error:
            failure = self._translate(error)
            return [outcome if outcome.error else _Outcome(error=failure) for outcome in outcomes] + [
                _Outcome(error=failure) for _ in jobs[len(outcomes) :]
            ]
        return outcomes

    def _settle(self, jobs: list[_Job], outcomes: list[_Outcome]) -> None:
        self._listeners.tell(frozenset().union(*(outcome.topics for outcome in outcomes)))
        for job, outcome in zip(jobs, outcomes, strict=True):
            answer(job.done, outcome.value, outcome.error and self._translate(outcome.error))

    # ── errors ───────────────────────────────────────────────────────────────────────────────────────

    def _closed(self) -> StateUnavailable:
        return StateUnavailable(f"{self._path}: the state store is closed")

    def _translate(self, error: BaseException) -> BaseException:
        """Turn what the file or the disk did into StateUnavailable; a work's own errors stay as they are."""
        if not isinstance(error, DatabaseError) or not isinstance(error.orig, sqlite3.Error):
            return error
        if error.orig.sqlite_errorcode & 0xFF in _WORKS_OWN:
            return error
        unavailable = StateUnavailable(f"{self._path}: {error.orig.sqlite_errorname}; check disk space and permissions")
        unavailable.__cause__ = error
        return unavailable


def _attempt(connection: Connection, work: Callable[[Connection], Any]) -> _Outcome:
    """Run one work in its own savepoint. Raises only when the savepoint itself is gone."""
    take_topics(connection)
    savepoint = connection.begin_nested()
    try:
        value = work(connection)
        savepoint.commit()
    except BaseException as error:
        savepoint.rollback()
        return _Outcome(error=error)
    return _Outcome(value=value, topics=frozenset(take_topics(connection)))


def _engine(path: Path, *, writes: bool) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        # The driver's own implicit BEGIN would come too late for BEGIN IMMEDIATE and savepoints.
        connect_args={"isolation_level": None, "check_same_thread": False},
        hide_parameters=True,
        **({"poolclass": NullPool} if writes else {"poolclass": QueuePool, "pool_size": _READERS}),
    )

    def connected(raw: sqlite3.Connection, _record: object) -> None:
        raw.execute("PRAGMA busy_timeout=5000")  # before journal_mode, which may have to wait itself
        if writes:
            raw.execute("PRAGMA journal_mode=WAL")
            raw.execute("PRAGMA synchronous=FULL")
        else:
            raw.execute("PRAGMA wal_autocheckpoint=0")
            raw.execute("PRAGMA query_only=1")

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine
