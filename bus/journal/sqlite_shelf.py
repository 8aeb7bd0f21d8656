"""Reading the SQLite journal: a fresh, read-only connection to each day's file, so that no old file is held."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bus.errors import JournalUnavailable
from bus.journal.files import days_in, living_boot, path_of
from bus.journal.partitions import ends_at, starts_at
from bus.journal.reader import Execute
from bus.journal.search import Statement


class SqliteShelf:
    """Implements ``journal.reader.Shelf`` over a folder; any number of threads and processes may read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def partitions(self, since: float, until: float) -> Iterator[AbstractContextManager[Execute]]:
        """The files of these days that exist, newest first."""
        for day in days_in(self._folder):
            if ends_at(day) > since and (not until or starts_at(day) < until):
                yield _view(path_of(self._folder, day))

    def orphaned(self) -> Statement:
        """Every intent that the living writer, if there is one, did not write."""
        return "x.boot <> ?", (living_boot(self._folder),)


@contextmanager
def _view(path: Path) -> Iterator[Execute]:
    try:
        # Read-only, so that closing it never writes a checkpoint beside the one writer.
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        if path.exists():
            raise JournalUnavailable(f"{path}: cannot be read ({error})") from error
        yield _nothing  # retention dropped it just now
        return

    def execute(sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        return connection.execute(sql, values).fetchall()

    with closing(connection):
        try:
            connection.execute("PRAGMA busy_timeout = 5000")
            connection.execute("PRAGMA query_only = 1")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute("BEGIN")
            yield execute
        except sqlite3.Error as error:
            raise JournalUnavailable(f"{path}: cannot be read ({error})") from error


def _nothing(_sql: str, _values: Sequence[object]) -> list[tuple[Any, ...]]:
    return []
