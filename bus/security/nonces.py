"""Nonces that were used: kept in the shared state store, so that a replay is refused by every process."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from sqlalchemy import Column, Connection, Float, Index, String, Table, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from bus.errors import StateUnavailable
from bus.ports import StateStore
from bus.state.store import metadata

#: One row per used nonce. ``id`` is a hash, because usernames and nonces are the caller's to choose.
nonce_table = Table(
    "nonce",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("expires_at", Float, nullable=False),
    Index("nonce_expires_at", "expires_at"),
)

_PURGE_EVERY = 60.0


class Nonces:
    """Remembers nonces until they are too old to be accepted anyway. ``now`` is Unix seconds."""

    def __init__(self, state: StateStore, now: Callable[[], float] = time.time) -> None:
        self._state = state
        self._now = now
        self._purge_at = 0.0

    async def use(self, username: str, nonce: bytes, expires_at: float) -> bool:
        """Take this nonce for its first use; False when it was used before, in whichever process.

        Raises StateUnavailable when the store cannot say.
        """
        name = hashlib.sha256(username.encode() + b"\0" + nonce).hexdigest()
        now = self._now()
        purge = now >= self._purge_at

        def work(connection: Connection) -> bool:
            if purge:
                connection.execute(delete(nonce_table).where(nonce_table.c.expires_at < now))
            return _insert(connection, name, expires_at)

        try:
            fresh = await self._state.write(work)
        except SQLAlchemyError as error:
            raise StateUnavailable("the nonce could not be checked; the message is refused") from error
        if purge:
            self._purge_at = now + _PURGE_EVERY
        return fresh


def _insert(connection: Connection, name: str, expires_at: float) -> bool:
    # One statement decides: a look before the insert would let two processes both find nothing.
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(nonce_table).values(id=name, expires_at=expires_at).on_conflict_do_nothing()
    return connection.execute(statement.returning(nonce_table.c.id)).first() is not None
