"""The state store of an installation, wherever it is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection, MetaData

from bus.settings import Settings
from bus.state.postgres import PostgresStore
from bus.state.sqlite import SqliteStore

T = TypeVar("T")

#: Every table of the state store registers here; ``bus/migrations`` makes and changes them.
metadata = MetaData()


class _Store(Protocol):
    shared: bool

    async def start(self) -> None: ...
    async def write(self, work: Callable[[Connection], T]) -> T: ...
    async def read(self, work: Callable[[Connection], T]) -> T: ...
    def write_blocking(self, work: Callable[[Connection], T]) -> T: ...
    def read_blocking(self, work: Callable[[Connection], T]) -> T: ...
    def listen(self, topic: str, callback: Callable[[], None]) -> None: ...
    async def aclose(self) -> None: ...


class State:
    """The state store of an installation: ``data/state.db``, or PostgreSQL where ``settings.database`` names it.

    A work is a plain function of a SQLAlchemy Connection. It runs off the event loop, must not commit, must
    answer values rather than live results, and may be run again when PostgreSQL reports a serialization
    failure or a deadlock. Everything raises StateUnavailable when the store cannot be reached or written.
    """

    def __init__(self, settings: Settings) -> None:
        self._store: _Store = (
            PostgresStore(settings.database) if settings.database else SqliteStore(settings.data / "state.db")
        )

    @property
    def shared(self) -> bool:
        """Whether other processes may work on the same store."""
        return self._store.shared

    async def start(self) -> None:
        """Open the store; a new one gets its tables. Raises SchemaMismatch for tables of another release."""
        await self._store.start()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction; answer what it gave once that is on disk.

        An exception of the work rolls back this work alone and is raised here. A cancelled caller does not
        stop a work that is queued: it is then done, and nobody is told.
        """
        return await self._store.write(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` on a read-only connection that sees the last commit."""
        return await self._store.read(work)

    def write_blocking(self, work: Callable[[Connection], T]) -> T:
        """``write`` for threads without an event loop, such as the console's."""
        return self._store.write_blocking(work)

    def read_blocking(self, work: Callable[[Connection], T]) -> T:
        """``read`` for threads without an event loop, such as the console's."""
        return self._store.read_blocking(work)

    def listen(self, topic: str, callback: Callable[[], None]) -> None:
        """Call back after each commit, by this process, of a work that announced ``topic``.

        The callback runs in the thread that committed: it must return at once and must not raise.
        """
        self._store.listen(topic, callback)

    async def aclose(self) -> None:
        """Finish what was queued and close; later calls raise StateUnavailable."""
        await self._store.aclose()
