"""The backbone's tables in the state store."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)
from sqlalchemy.dialects import postgresql, sqlite

from bus.state.store import metadata

#: Letters that are not finished. ``ready_at`` is when a relay may take the row: its due time, or the end of
#: the lease of the relay named in ``owner``, which is ``broker`` once a broker that keeps letters has confirmed it.
#: ``crashes`` counts owners that died with it. A row with ``parked_at`` waits for a person and is never due, but it
#: still holds its lane. One that is not done at ``expires_at`` is parked.
#: ``counted`` is the service whose own bound on its backlog counts the letter.
#: ``system`` is whom the letter goes to, empty where no downtime concerns it; ``held`` the number of the downtime that
#: holds it, 0 for none. Of letters with one ``supersedes`` only the newest matters after a downtime; ``superseded_by``
#: is its id.
outbox = Table(
    "outbox",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("queue", String(64), nullable=False),
    Column("id", String(128), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("headers", Text, nullable=False),
    Column("lane", String(256), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("ready_at", Double, nullable=False),
    Column("owner", String(64), nullable=False),
    Column("crashes", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("parked_at", Double),
    Column("parked_code", String(64)),
    Column("parked_reason", Text),
    Column("counted", String(64), nullable=False, server_default=""),
    Column("system", String(64), nullable=False, server_default=""),
    Column("held", BigInteger, nullable=False, server_default="0"),
    Column("supersedes", String(256), nullable=False, server_default=""),
    Column("superseded_by", String(128), nullable=False, server_default=""),
    UniqueConstraint("queue", "id"),
    sqlite_autoincrement=True,
)
#: From how many crashes on a letter is delivered alone, so that its neighbours are not blamed with it.
SUSPECT = 2

#: Written out rather than bound, because only then do both databases see that the partial index fits.
suspected = outbox.c.crashes >= literal_column(str(SUSPECT))

Index("outbox_suspected", outbox.c.queue, sqlite_where=suspected, postgresql_where=suspected)
_parked = outbox.c.parked_at.is_not(None)
_expiring = outbox.c.expires_at.is_not(None) & outbox.c.parked_at.is_(None)

_counted = outbox.c.counted != literal_column("''")

Index("outbox_counted", outbox.c.counted, sqlite_where=_counted, postgresql_where=_counted)
Index("outbox_parked", outbox.c.parked_at, sqlite_where=_parked, postgresql_where=_parked)
Index("outbox_expiring", outbox.c.expires_at, sqlite_where=_expiring, postgresql_where=_expiring)
Index("outbox_ready", outbox.c.queue, outbox.c.held, outbox.c.ready_at, outbox.c.seq)
Index("outbox_lane", outbox.c.queue, outbox.c.lane, outbox.c.seq)

_superseding = outbox.c.supersedes != literal_column("''")
Index(
    "outbox_supersedes",
    outbox.c.queue,
    outbox.c.supersedes,
    outbox.c.seq,
    sqlite_where=_superseding,
    postgresql_where=_superseding,
)

#: What consumers have begun (``claimed``) and finished (``done``), and what waits for a person (``parked``).
inbox = Table(
    "inbox",
    metadata,
    Column("queue", String(64), primary_key=True),
    Column("id", String(128), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("lease_until", Double, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("finished_at", Double, nullable=False),
)
Index("inbox_finished", inbox.c.finished_at)

#: Letters that failed for good, whole, with the reason; they wait for somebody to replay or discard them.
dead_letter = Table(
    "dead_letter",
    metadata,
    Column("queue", String(64), primary_key=True),
    Column("id", String(128), primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("headers", Text, nullable=False),
    Column("lane", String(256), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("code", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("failed_at", Double, nullable=False),
)
Index("dead_letter_failed", dead_letter.c.failed_at)

#: What happened to letters that ever failed; ``entries`` is a JSON list, bounded in size (``bus/backbone/history.py``).
letter_history = Table(
    "letter_history",
    metadata,
    Column("queue", String(64), primary_key=True),
    Column("id", String(128), primary_key=True),
    Column("entries", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("left_out", Integer, nullable=False),
    Column("replays", Integer, nullable=False),
    Column("updated_at", Double, nullable=False),
)
Index("letter_history_updated", letter_history.c.updated_at)


def insert_into(connection: Connection, table: Table) -> Any:
    """An INSERT of this connection's dialect, for its ON CONFLICT clauses (the same in both dialects)."""
    return inserting(connection.dialect.name, table)


def inserting(dialect: str, table: Table) -> Any:
    """The same for a dialect's name."""
    return (sqlite if dialect == "sqlite" else postgresql).insert(table)
