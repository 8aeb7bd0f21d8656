"""The tables of planned downtime in the state store."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Identity, Index, Integer, LargeBinary, String, Table, Text

from bus.state.store import metadata

#: One row a downtime. ``stopped_at`` is when it ended, by hand or by itself; ``drained_at`` when what it had held was
#: gone. ``tokens`` and ``refilled_at`` are the bucket from which every process draws while it drains.
downtime = Table(
    "downtime",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("system", String(64), nullable=False),
    Column("begins_at", Double, nullable=False),
    Column("ends_at", Double, nullable=False),
    Column("reason", Text, nullable=False),
    Column("who", String(64), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("stopped_at", Double),
    Column("stopped_by", String(64), nullable=False),
    Column("rate", Double, nullable=False),
    Column("tokens", Double, nullable=False),
    Column("refilled_at", Double, nullable=False),
    Column("held", Integer, nullable=False),
    Column("collapsed", Integer, nullable=False),
    Column("drained_at", Double),
    sqlite_autoincrement=True,
)
Index("downtime_open", downtime.c.drained_at)

#: The last good reply of operations that may be answered from here. ``body`` is packed; it holds patient data.
cached_reply = Table(
    "cached_reply",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("operation", String(200), nullable=False),
    Column("form", String(8), nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("stored_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
)
Index("cached_reply_stored", cached_reply.c.stored_at)
Index("cached_reply_expires", cached_reply.c.expires_at)
