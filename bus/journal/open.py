"""The journal that the settings ask for: SQLite files in the data folder."""

from __future__ import annotations

from bus.journal.reader import Reader
from bus.journal.sqlite import SqliteStore
from bus.journal.sqlite_shelf import SqliteShelf
from bus.journal.writer import GroupWriter
from bus.message import new_id
from bus.settings import Settings


def open_journal(settings: Settings) -> tuple[GroupWriter, Reader]:
    """Answer the writer (``start`` it, ``aclose`` it) and the reader (ready at once, also without a writer)."""
    folder = settings.data / "journal"
    store = SqliteStore(folder, days=settings.journal_days, boot=new_id())
    return GroupWriter(store, window=settings.commit_window), Reader(SqliteShelf(folder))
