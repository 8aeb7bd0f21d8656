"""The registry's store: every apply is a revision with author and time, and none is ever changed or lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from registry import store_schema as schema
from registry.catalogue import Catalogue
from registry.errors import RevisionUnknown
from registry.store_engine import StoreEngine


@dataclass(frozen=True, slots=True)
class Revision:
    """One state of the registry. ``at`` is Unix seconds; ``restores`` the revision that a rollback brought back."""

    number: int
    author: str
    note: str
    at: float
    restores: int | None = None


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that differs between two revisions; ``before`` or ``after`` is None where it does not exist."""

    name: str
    before: bytes | None
    after: bytes | None


class RegistryStore:
    """Revisions of catalogues in SQLite or PostgreSQL. Safe for several processes and threads.

    ``make`` is called in a transaction when the store is first used: it makes the tables if there are none, and
    raises if they cannot be used. Every method raises RegistryUnavailable when the store cannot be reached, read or
    written.
    """

    def __init__(self, url: str, make: Callable[[Connection], None] = schema.metadata.create_all) -> None:
        self._engine = StoreEngine(url, make)
        self._seen: tuple[object, int] | None = None

    def apply(self, catalogue: Catalogue, author: str, note: str = "") -> Revision:
        """Make the catalogue the active revision; one equal to the active revision stays that revision."""
        with self._engine.write() as connection:
            current = _active(connection)
            if current and _hashes(connection, current) == catalogue.hashes():
                return _revision(connection, current)
            return _record(connection, catalogue.files, catalogue.hashes(), author, note, None)

    def rollback(self, number: int, author: str) -> Revision:
        """Make a new revision with the content of revision ``number``. Raises RevisionUnknown."""
        with self._engine.write() as connection:
            hashes = _hashes(connection, _revision(connection, number).number)
            return _record(connection, {}, hashes, author, f"rollback to revision {number}", number)

    def active(self) -> int:
        """The number of the active revision; 0 before the first apply. Cheap while nothing is written."""
        state = self._engine.state()  # before the reading: what is written meanwhile is read the next time
        if state is not None and self._seen is not None and self._seen[0] == state:
            return self._seen[1]
        with self._engine.read() as connection:
            number = _active(connection)
        self._seen = (state, number)
        return number

    def revisions(self) -> tuple[Revision, ...]:
        """All revisions, the newest first."""
        query = select(schema.revision).order_by(schema.revision.c.number.desc())
        with self._engine.read() as connection:
            return tuple(_from_row(row) for row in connection.execute(query))

    def catalogue(self, number: int) -> Catalogue:
        """The files of revision ``number``; 0 is the empty catalogue. Raises RevisionUnknown."""
        with self._engine.read() as connection:
            return _catalogue(connection, number)

    def current(self) -> tuple[int, Catalogue]:
        """The active revision and its files, read together."""
        with self._engine.read() as connection:
            number = _active(connection)
            return number, _catalogue(connection, number)

    def diff(self, before: int, after: int) -> tuple[FileChange, ...]:
        """The files that differ between two revisions, by name. Raises RevisionUnknown."""
        with self._engine.read() as connection:
            old, new = _catalogue(connection, before).files, _catalogue(connection, after).files
        return tuple(
            FileChange(name, old.get(name), new.get(name))
            for name in sorted(old.keys() | new.keys())
            if old.get(name) != new.get(name)
        )

    def close(self) -> None:
        """Close all connections; the store opens new ones when it is used again."""
        self._engine.dispose()


def _active(connection: Connection) -> int:
    return int(connection.execute(select(schema.active.c.revision)).scalar_one())


def _from_row(row: Row[Any]) -> Revision:
    return Revision(row.number, row.author, row.note, row.at, row.restores)


def _revision(connection: Connection, number: int) -> Revision:
    row = connection.execute(select(schema.revision).where(schema.revision.c.number == number)).first()
    if row is None:
        newest = connection.execute(select(func.max(schema.revision.c.number))).scalar()
        known = f"the newest is {newest}" if newest else "there are none yet"
        raise RevisionUnknown(f"no revision {number}; {known}")
    return _from_row(row)


def _hashes(connection: Connection, number: int) -> dict[str, str]:
    query = select(schema.entry.c.name, schema.entry.c.hash).where(schema.entry.c.revision == number)
    return {row.name: row.hash for row in connection.execute(query)}


def _catalogue(connection: Connection, number: int) -> Catalogue:
    if number == 0:
        return Catalogue()
    _revision(connection, number)
    query = (
        select(schema.entry.c.name, schema.blob.c.content)
        .join(schema.blob, schema.blob.c.hash == schema.entry.c.hash)
        .where(schema.entry.c.revision == number)
    )
    return Catalogue({row.name: bytes(row.content) for row in connection.execute(query)})


def _record(
    connection: Connection,
    files: Mapping[str, bytes],
    hashes: Mapping[str, str],
    author: str,
    note: str,
    restores: int | None,
) -> Revision:
    number = _active(connection) + 1
    made = Revision(number, author, note, time.time(), restores)
    known = set(connection.execute(select(schema.blob.c.hash).where(schema.blob.c.hash.in_(hashes.values()))).scalars())
    new = {hashes[name]: content for name, content in files.items() if hashes[name] not in known}
    if new:
        connection.execute(schema.blob.insert(), [{"hash": key, "content": new[key]} for key in new])
    connection.execute(
        schema.revision.insert().values(number=number, author=author, note=note, at=made.at, restores=restores)
    )
    if hashes:
        rows = [{"revision": number, "name": name, "hash": digest} for name, digest in hashes.items()]
        connection.execute(schema.entry.insert(), rows)
    connection.execute(update(schema.active).values(revision=number))
    return made
