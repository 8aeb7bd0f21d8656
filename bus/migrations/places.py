"""Where the tables of an installation are: one PostgreSQL database, or SQLite files that each hold one store."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from bus.errors import StateUnavailable
from bus.journal.files import days_in, path_of
from bus.migrations.chain import ALL, Store, exclude, found, recorded, settle
from bus.settings import Settings


@dataclass(frozen=True, slots=True)
class Place:
    """One database that is at one revision. ``lock`` is the file that a running bus holds while it writes here."""

    name: str
    url: URL
    stores: frozenset[Store]
    lock: Path | None = None

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.url.get_backend_name()

    def found(self) -> str:
        """The revision of its tables, empty when it has none. Raises StateUnavailable."""
        return self._read(lambda connection: found(connection, self.stores))

    def recorded(self) -> str:
        """The revision on record, empty where there is none, as in what the first release made."""
        return self._read(recorded)

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """A transaction that keeps out everybody else who would change tables here. Raises StateUnavailable."""
        with ExitStack() as stack:
            if self.lock is not None:
                stack.enter_context(_held(self.lock))
            connection = stack.enter_context(self._connected(self.url, "changed"))
            exclude(connection)
            yield connection
            connection.commit()

    def settle(self) -> None:
        """Make the tables of an empty place. Raises SchemaMismatch for those of another revision, StateUnavailable.

        It takes no ``lock``: who calls this for a store has that already.
        """
        with self._connected(self.url, "written") as connection:
            exclude(connection)
            settle(connection, self.stores, self.name)
            connection.commit()

    def _read(self, question: Callable[[Connection], str]) -> str:
        url, path = self.url, self.url.database or ""
        if self.dialect == "sqlite":
            if not Path(path).exists():
                return ""
            # Read-only, so that closing it never writes a checkpoint beside the one writer.
            url = url.set(database=f"file:{quote(path)}", query={"mode": "ro", "uri": "true"})
        with self._connected(url, "read") as connection:
            return question(connection)

    @contextmanager
    def _connected(self, url: URL, verb: str) -> Iterator[Connection]:
        engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
        if self.dialect == "sqlite":
            event.listen(engine, "connect", _by_hand)
        try:
            with engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            cause = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()[0]
            raise StateUnavailable(f"{self.name}: cannot be {verb} ({cause})") from error


def places(settings: Settings) -> tuple[Place, ...]:
    """Every place of this installation; of the journal's files those that exist."""
    if settings.database:
        return (database(settings.database),)
    data, journal = settings.data, settings.data / "journal"
    return (
        file(data / "registry.db", "registry"),
        file(data / "state.db", "state", data / "state.lock"),
        file(data / "console.db", "console"),
        *(file(path_of(journal, day), "journal", journal / "writer.lock") for day in sorted(days_in(journal))),
    )


def database(url: str) -> Place:
    """All stores in one PostgreSQL database."""
    parsed = make_url(url).set(drivername="postgresql+psycopg")
    name = f"PostgreSQL at {parsed.host}:{parsed.port or 5432}/{parsed.database}"
    return Place(name, parsed, ALL)


def file(path: Path, store: Store, lock: Path | None = None) -> Place:
    """One store in a SQLite file."""
    return Place(str(path), URL.create("sqlite", database=str(path)), frozenset({store}), lock)


@contextmanager
def _held(lock: Path) -> Iterator[None]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("ab") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StateUnavailable(f"{lock.parent}: a bus works on these files; stop it first") from error
        yield


def _by_hand(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver's own transactions leave changes of tables out
    connection.execute("PRAGMA busy_timeout = 10000")
