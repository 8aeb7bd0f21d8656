"""The journal's partitions in PostgreSQL, one a day, of tables in a schema of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from bus.journal.partitions import ends_at, starts_at
from bus.journal.schema import TABLES

SCHEMA: LiteralString = "journal"

#: Serialises changes of tables between processes (pg_advisory_xact_lock): "meridian" in ASCII, as a number.
_LOCK = int.from_bytes(b"meridian")


def connect(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection that finds the journal's tables and waits for nothing longer than ten seconds."""
    return psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=5,
        application_name="meridian-journal",
        options=f"-c search_path={SCHEMA} -c statement_timeout=10000 -c lock_timeout=8000",
    )


def create_day(connection: psycopg.Connection[Any], day: date) -> None:
    """Create the partitions of a day that are missing."""
    with _alone(connection):
        present = set(_partitions(connection))
        # Looked up first: even with IF NOT EXISTS, CREATE would lock the whole table against everyone.
        for table in TABLES:
            if (name := _name(table, day)) not in present:
                statement = sql.SQL("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})")
                connection.execute(
                    statement.format(sql.Identifier(name), sql.Identifier(table), starts_at(day), ends_at(day))
                )


def drop_before(connection: psycopg.Connection[Any], oldest: date) -> None:
    """Drop the partitions of all days before ``oldest``."""
    with _alone(connection):
        for name in _partitions(connection):
            if date.fromisoformat(name.rpartition("_")[2]) < oldest:
                connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))


@contextmanager
def _alone(connection: psycopg.Connection[Any]) -> Iterator[None]:
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        yield


def _partitions(connection: psycopg.Connection[Any]) -> list[str]:
    rows = connection.execute(
        "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid"
        " JOIN pg_class parent ON parent.oid = inhparent"
        " WHERE parent.relnamespace = %s::regnamespace AND child.relkind = 'r'",
        (SCHEMA,),
    )
    return [name for (name,) in rows]


def _name(table: str, day: date) -> str:
    return f"{table}_{day.isoformat().replace('-', '')}"
