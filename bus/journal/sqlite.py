"""The journal in SQLite files, one a day, for an installation on one machine."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from functools import cache
from itertools import chain
from pathlib import Path

from bus.errors import JournalUnavailable, StateUnavailable
from bus.journal.files import WriterLock, days_in, drop_before, path_of
from bus.journal.partitions import oldest_kept, today
from bus.journal.payloads import Packer
from bus.journal.rows import Entry, Row, batch_of
from bus.journal.schema import REPLACED, TABLES
from bus.journal.store import Unstorable
from bus.migrations.places import file

#: Rows of one statement at the most. Few long statements instead of many short ones: every statement gives the
#: interpreter lock away and has to win it back from the event loop.
_MOST_ROWS = 64

#: Statements that SQLite keeps compiled: one for each table and number of rows that batches have.
_COMPILED = 256

_VERBS = {table: "REPLACE" if table in REPLACED else "INSERT OR IGNORE" for table in TABLES}
_INSERTS = {table: (f"{verb} INTO {table} VALUES ", len(TABLES[table]), "") for table, verb in _VERBS.items()}
_FINISH = ("DELETE FROM intents WHERE (received_at, id) IN (VALUES ", 2, ")")


@cache
def _statement(head: str, width: int, tail: str, rows: int) -> str:
    row = f"({', '.join('?' * width)})"
    return f"{head}{', '.join([row] * rows)}{tail}"


#: What says that a value is wrong, not the disk.
_REFUSED = (UnicodeError, TypeError, OverflowError, sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError)

#: Partitions open at once: today's, and yesterday's for outcomes that arrive after midnight.
_OPEN_FILES = 3


class SqliteStore:
    """Implements ``journal.store.Store`` in ``folder``; keeps ``days`` days. ``boot`` names this life of the bus."""

    def __init__(self, folder: Path, *, days: int, boot: str) -> None:
        self._folder = folder
        self._days = days
        self._boot = boot
        self._lock = WriterLock(folder)
        self._files: dict[date, _Partition] = {}
        self._retained: date | None = None

    def open(self) -> None:
        """Become the only writer of the folder. Raises SchemaMismatch when a day in it is of another release."""
        self._lock.acquire(self._boot)
        try:
            for day in days_in(self._folder):
                with suppress(StateUnavailable):  # a damaged day is named when it is written or read
                    file(path_of(self._folder, day), "journal").settle()
        except BaseException:
            self._lock.release()
            raise

    def write(self, day: date, entries: Sequence[Entry]) -> None:
        """Commit the entries to the file of their day."""
        try:
            self._partition(day).write(entries, self._boot)
        except _REFUSED as error:
            self._discard(day)
            raise Unstorable(f"{path_of(self._folder, day)}: a record holds a value that cannot be stored") from error
        except StateUnavailable as error:
            raise JournalUnavailable(str(error)) from error
        except (sqlite3.Error, OSError) as error:
            # Whatever state the connection is in, a new one knows what is on disk.
            self._discard(day)
            raise JournalUnavailable(f"{path_of(self._folder, day)}: cannot be written ({error})") from error

    def tick(self) -> None:
        """Drop the partitions that are too old, once a day."""
        if self._retained == today():
            return
        self._retained = today()
        oldest = oldest_kept(self._days)
        for day in [day for day in self._files if day < oldest]:
            self._discard(day)
        try:
            drop_before(self._folder, oldest)
        except OSError as error:
            raise JournalUnavailable(f"{self._folder}: old partitions cannot be removed ({error})") from error

    def close(self) -> None:
        """Close every file and let another process write."""
        for day in list(self._files):
            self._discard(day)
        self._lock.release()

    def _partition(self, day: date) -> _Partition:
        found = self._files.get(day)
        if found is None:
            found = self._files[day] = _Partition(path_of(self._folder, day))
            for old in sorted(self._files)[:-_OPEN_FILES]:
                if old != day:
                    self._discard(old)
        return found

    def _discard(self, day: date) -> None:
        partition = self._files.pop(day, None)
        if partition is not None:
            partition.close()


class _Partition:
    """One file, through the only connection that writes it."""

    def __init__(self, path: Path) -> None:
        new = not path.exists()
        file(path, "journal").settle()
        self._connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, cached_statements=_COMPILED
        )
        try:
            self._prepare()
            self._packer = Packer()
            if new:
                _sync_folder(path.parent)
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        # The timeout first: two processes that switch a new file to WAL at once would fail without it.
        self._connection.execute("PRAGMA busy_timeout = 5000")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")

    def write(self, entries: Sequence[Entry], boot: str) -> None:
        """Commit the entries, or leave the file as it was."""
        execute = self._connection.execute
        batch = batch_of(entries, self._packer, boot)
        execute("BEGIN IMMEDIATE")
        for table, rows in batch.tables.items():
            self._run(_INSERTS[table], rows)
        if batch.finished:
            self._run(_FINISH, batch.finished)
        execute("COMMIT")

    def _run(self, statement: tuple[str, int, str], rows: Sequence[Row]) -> None:
        for start in range(0, len(rows), _MOST_ROWS):
            some = rows[start : start + _MOST_ROWS]
            self._connection.execute(_statement(*statement, len(some)), list(chain.from_iterable(some)))

    def close(self) -> None:
        """Close the file; what was not committed is gone."""
        with suppress(sqlite3.Error):
            self._connection.close()


def _sync_folder(folder: Path) -> None:
    """Make the new file's name durable too: SQLite syncs what is in a file, not that it exists."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
