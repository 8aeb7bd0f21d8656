"""SQLAlchemy engines for the registry's store: SQLite and PostgreSQL behind the same few calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, select, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from registry import store_schema as schema
from registry.errors import RegistryUnavailable

BUSY_MILLISECONDS = 10_000
CONNECT_SECONDS = 5

#: Nanoseconds: longer than the tick of any file system's clock.
_TICK = 3_000_000_000

#: Taken while tables are made: two processes that start together would otherwise collide in the catalogue.
_SCHEMA_LOCK = 0x6D657269


def sqlite_url(path: Path) -> str:
    """The store address of an SQLite file."""
    return URL.create("sqlite", database=str(path)).render_as_string()


class StoreEngine:
    """Opens transactions on the store; every failure of the database leaves as RegistryUnavailable."""

    def __init__(self, url: str, make: Callable[[Connection], None]) -> None:
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise RegistryUnavailable("the registry's address is not a database URL") from error
        self._sqlite = parsed.get_backend_name() == "sqlite"
        self._name = parsed.database if self._sqlite else parsed.render_as_string(hide_password=True)
        self._engine = _sqlite(parsed) if self._sqlite else _postgres(parsed)
        self._make = make
        self._ready = False

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that excludes every other writer, in this process and in others."""
        with self._translated("written"), self._engine.connect() as connection:
            if self._sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:  # having waited for the row below, each statement must see what the other writer committed
                connection.execution_options(isolation_level="READ COMMITTED")
            self._prepare(connection)
            connection.execute(select(schema.active.c.revision).with_for_update())
            yield connection
            connection.commit()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the store."""
        if not self._ready:
            with self.write():
                pass  # the tables exist from here on
        with self._translated("read"), self._engine.connect() as connection:
            if self._sqlite:
                connection.exec_driver_sql("BEGIN")
            yield connection

    def state(self) -> tuple[int, int, int] | None:
        """What the store's file looks like from outside: while this stays the same, nothing was written.

        Without a WAL every commit writes the file itself. None where nothing can be told: another database, no file, or
        one written so lately that a coarse clock might not tell two commits apart. The file is not opened: closing it
        would drop SQLite's own locks on it.
        """
        if not self._sqlite:
            return None
        try:
            seen = Path(self._name or "").stat()
        except OSError:
            return None
        lately = time.time_ns() - seen.st_mtime_ns < _TICK
        return None if lately else (seen.st_ino, seen.st_size, seen.st_mtime_ns)

    def dispose(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _prepare(self, connection: Connection) -> None:
        if self._ready:
            return
        if not self._sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _SCHEMA_LOCK})
        self._make(connection)
        if connection.execute(select(schema.active.c.id)).first() is None:
            connection.execute(schema.active.insert().values(id=1, revision=0))
        self._ready = True

    @contextmanager
    def _translated(self, verb: str) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            self._ready = False
            cause = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()[0]
            raise RegistryUnavailable(f"the registry's store {self._name} cannot be {verb}: {cause}") from error


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions are begun by hand, with the lock they need
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")  # first: the next line may already meet a lock
        cursor.execute("PRAGMA journal_mode=DELETE")  # several processes write here, rarely: no WAL
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    return engine


def _postgres(url: URL) -> Engine:
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        pool_size=2,
        max_overflow=8,
        connect_args={"connect_timeout": CONNECT_SECONDS},
        isolation_level="REPEATABLE READ",
    )
