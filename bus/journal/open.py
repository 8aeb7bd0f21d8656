"""The journal that the settings ask for: PostgreSQL where there is one, SQLite files in the data folder otherwise."""

from __future__ import annotations

from bus.journal.postgres import PostgresStore
from bus.journal.postgres_shelf import PostgresShelf
from bus.journal.reader import Reader, Shelf
from bus.journal.sqlite import SqliteStore
from bus.journal.sqlite_shelf import SqliteShelf
from bus.journal.store import Store
from bus.journal.writer import GroupWriter
from bus.message import new_id
from bus.settings import Settings


def open_journal(settings: Settings) -> tuple[GroupWriter, Reader]:
    """Answer the writer (``start`` it, ``aclose`` it) and the reader (ready at once, also without a writer)."""
    store, shelf = _places(settings)
    return GroupWriter(store, window=settings.commit_window), Reader(shelf)


def _places(settings: Settings) -> tuple[Store, Shelf]:
    boot, days = new_id(), settings.journal_days
    if settings.database:
        return PostgresStore(settings.database, days=days, boot=boot), PostgresShelf(settings.database)
    folder = settings.data / "journal"
    return SqliteStore(folder, days=days, boot=boot), SqliteShelf(folder)
