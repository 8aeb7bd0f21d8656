"""The journal in PostgreSQL, for an installation of several processes or machines."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from datetime import date
from typing import Any

import orjson
import psycopg

from bus.errors import JournalUnavailable, StateUnavailable
from bus.journal.partitions import oldest_kept, today
from bus.journal.payloads import Packer
from bus.journal.postgres_schema import connect, create_day, drop_before
from bus.journal.rows import Batch, Entry, Row, batch_of
from bus.journal.schema import COLUMNS, REPLACED, TABLES
from bus.journal.store import Unstorable
from bus.migrations.places import database

#: Seconds between two signs of life, and how long after the last one a process counts as dead.
HEARTBEAT = 3.0
DEAD_AFTER = 15.0

_CASTS = {"text": "", "real": "::float8", "integer": "::bigint"}
_KINDS = {**dict(COLUMNS), "part": "integer", "size": "integer", "packed": "integer"}


def _insertion(table: str) -> bytes:
    """An INSERT that takes all rows as one JSON array: one parameter costs a tenth of an array for every column."""
    columns = TABLES[table][:-1] if table == "payloads" else TABLES[table]
    values = [f"(r ->> {place}){_CASTS[_KINDS.get(name, 'text')]}" for place, name in enumerate(columns)]
    if table == "payloads":
        # JSON holds no bytes: the frames come behind each other in a parameter of their own.
        values.append(f"substring(%b::bytea FROM (r ->> {len(columns)})::int FOR (r ->> {len(columns) + 1})::int)")
    conflict = "DO NOTHING"
    if table in REPLACED:
        updates = ", ".join(f"{name} = excluded.{name}" for name in columns)
        conflict = f"(received_at, id) DO UPDATE SET {updates}"
    into, source = f"{table} ({', '.join(TABLES[table])})", "jsonb_array_elements(%s::jsonb) r"
    statement = f"INSERT INTO {into} SELECT {', '.join(values)} FROM {source} ON CONFLICT {conflict}"  # noqa: S608 - no values
    return statement.encode()


_INSERTIONS = {table: _insertion(table) for table in TABLES}
_FINISH = (
    "DELETE FROM intents WHERE (received_at, id) IN"
    " (SELECT (r ->> 0)::float8, r ->> 1 FROM jsonb_array_elements(%s::jsonb) r)"
)


class PostgresStore:
    """Implements ``journal.store.Store`` in a database that other processes write too.

    Keeps ``days`` days. ``boot`` names this life of the bus; its heartbeat tells the others that it is alive.
    """

    def __init__(self, url: str, *, days: int, boot: str) -> None:
        self._url = url
        self._days = days
        self._boot = boot
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._packer = Packer()
        self._ready: set[date] = set()
        self._retained: date | None = None
        self._next_beat = 0.0

    def open(self) -> None:
        """Connect, make the tables of an empty database, and say that this boot is alive. Raises SchemaMismatch."""
        try:
            self._connected()
            database(self._url).settle()
            self._beat()
        except StateUnavailable as error:
            self._disconnect()
            raise JournalUnavailable(str(error)) from error
        except psycopg.Error as error:
            raise self._failed(error) from error

    def write(self, day: date, entries: Sequence[Entry]) -> None:
        """Commit the entries to the partition of their day, in one round trip."""
        try:
            try:
                self._commit(day, entries)
            except psycopg.OperationalError:
                # The server was restarted, or a firewall forgot the connection. Writing the same twice does no harm.
                self._disconnect()
                self._commit(day, entries)
        except (psycopg.DataError, psycopg.IntegrityError, TypeError, UnicodeError) as error:
            self._disconnect()
            raise Unstorable("PostgreSQL: a record holds a value that cannot be stored") from error
        except psycopg.Error as error:
            raise self._failed(error) from error

    def _commit(self, day: date, entries: Sequence[Entry]) -> None:
        connection = self._connected()
        if day not in self._ready:
            create_day(connection, day)
            self._ready.add(day)
        _write(connection, batch_of(entries, self._packer, self._boot))

    def tick(self) -> None:
        """A sign of life every few seconds; once a day, drop the partitions that are too old."""
        try:
            if time.monotonic() >= self._next_beat:
                self._beat()
            if self._retained != today():
                drop_before(self._connected(), oldest_kept(self._days))
                self._connected().execute("DELETE FROM boots WHERE seen_at < now() - interval '1 day'")
                self._retained = today()
        except psycopg.Error as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Say goodbye: what this boot left open is in doubt from now on."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.execute("DELETE FROM boots WHERE id = %s", (self._boot,))
        self._disconnect()

    def _beat(self) -> None:
        self._next_beat = time.monotonic() + HEARTBEAT
        self._connected().execute(
            "INSERT INTO boots VALUES (%s, now()) ON CONFLICT (id) DO UPDATE SET seen_at = now()", (self._boot,)
        )

    def _connected(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._connection is None:
            connection = connect(self._url)
            try:
                # Whatever the server's default is: an answer goes out only when its record is on disk.
                connection.execute(
                    "SELECT set_config('synchronous_commit', 'on', false)"
                    " WHERE current_setting('synchronous_commit') = 'off'"
                )
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _failed(self, error: psycopg.Error) -> JournalUnavailable:
        self._disconnect()
        reason = error.sqlstate or type(error).__name__
        return JournalUnavailable(f"PostgreSQL cannot be written ({reason}): check the database and its disk")

    def _disconnect(self) -> None:
        """Trust nothing of before: the next write connects, looks for its partition and packs anew."""
        self._ready.clear()
        self._packer = Packer()
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _write(connection: psycopg.Connection[Any], batch: Batch) -> None:
    with connection.pipeline(), connection.transaction():
        for table, rows in batch.tables.items():
            values = _payloads(rows) if table == "payloads" else (_json(rows),)
            connection.execute(_INSERTIONS[table], values)
        if batch.finished:
            connection.execute(_FINISH, (_json(batch.finished),))


def _json(rows: Sequence[Row]) -> str:
    return orjson.dumps(rows).decode()


def _payloads(rows: Sequence[Row]) -> tuple[bytes, str]:
    """All frames in one, and the rows that say where each of them starts (from 1) and how long it is."""
    described = []
    start = 1
    for *row, data in rows:
        described.append((*row, start, len(data)))
        start += len(data)
    return b"".join(row[-1] for row in rows), _json(described)
