"""The tables of the first release, whether or not an installation made by it has all of them yet.

That release recorded no revision, and each of its stores made its own tables when it was first used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade(stores: frozenset[str]) -> None:
    """Make what is missing. There is no way back: nothing was before."""
    for store, make in _MAKE.items():
        if store in stores:
            make()


def _state() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("instance", sa.String(128), nullable=False),
        sa.Column("step", sa.String(256), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("acknowledged", sa.Boolean(), nullable=False),
        sa.Column("acknowledged_by", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index("alert_open", "alert", ["acknowledged", "at"], if_not_exists=True)
    op.create_table(
        "dead_letter",
        sa.Column("queue", sa.String(64), nullable=False),
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("lane", sa.String(256), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("failed_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("queue", "id"),
        if_not_exists=True,
    )
    op.create_index("dead_letter_failed", "dead_letter", ["failed_at"], if_not_exists=True)
    op.create_table(
        "inbox",
        sa.Column("queue", sa.String(64), nullable=False),
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("lease_until", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("finished_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("queue", "id"),
        if_not_exists=True,
    )
    op.create_index("inbox_finished", "inbox", ["finished_at"], if_not_exists=True)
    op.create_table(
        "nonce",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index("nonce_expires_at", "nonce", ["expires_at"], if_not_exists=True)
    op.create_table(
        "outbox",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("queue", sa.String(64), nullable=False),
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("lane", sa.String(256), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("ready_at", sa.Double(), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("crashes", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("queue", "id"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index("outbox_lane", "outbox", ["queue", "lane", "seq"], if_not_exists=True)
    op.create_index("outbox_ready", "outbox", ["queue", "ready_at", "seq"], if_not_exists=True)
    op.create_index(
        "outbox_suspected",
        "outbox",
        ["queue"],
        sqlite_where=sa.text("crashes >= 2"),
        postgresql_where=sa.text("crashes >= 2"),
        if_not_exists=True,
    )
    op.create_table(
        "workflow_definition",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("json", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
        if_not_exists=True,
    )
    op.create_table(
        "workflow_event",
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("business_keys", sa.Text(), nullable=False),
        sa.Column("flow", sa.String(32), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.Column("taken_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index("workflow_event_free", "workflow_event", ["name", "taken_by", "received_at"], if_not_exists=True)
    op.create_table(
        "workflow_event_field",
        sa.Column("event", sa.String(128), nullable=False),
        sa.Column("anchor", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("event", "anchor"),
        if_not_exists=True,
    )
    op.create_index("workflow_event_field_anchor", "workflow_event_field", ["anchor"], if_not_exists=True)
    op.create_table(
        "workflow_instance",
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("workflow", sa.String(64), nullable=False),
        sa.Column("definition_hash", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("flow", sa.String(32), nullable=False),
        sa.Column("parent", sa.String(128), nullable=False),
        sa.Column("visit_no", sa.String(128), nullable=False),
        sa.Column("business_keys", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index("workflow_instance_created", "workflow_instance", ["created_at"], if_not_exists=True)
    op.create_index("workflow_instance_status", "workflow_instance", ["status", "created_at"], if_not_exists=True)
    op.create_index("workflow_instance_visit", "workflow_instance", ["visit_no"], if_not_exists=True)
    op.create_table(
        "workflow_key",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", sa.String(256), nullable=False),
        sa.Column("instance", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("name", "value", "instance"),
        if_not_exists=True,
    )
    op.create_index("workflow_key_value", "workflow_key", ["value"], if_not_exists=True)
    op.create_table(
        "workflow_step",
        sa.Column("instance", sa.String(128), nullable=False),
        sa.Column("step", sa.String(256), nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("target", sa.String(200), nullable=False),
        sa.Column("message_id", sa.String(128), nullable=False),
        sa.Column("error", sa.String(64), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("instance", "step", "phase", "attempt"),
        if_not_exists=True,
    )
    op.create_table(
        "workflow_timer",
        sa.Column("instance", sa.String(128), nullable=False),
        sa.Column("token", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("instance", "token", "kind"),
        if_not_exists=True,
    )
    op.create_index("workflow_timer_due", "workflow_timer", ["due_at"], if_not_exists=True)
    op.create_table(
        "workflow_wait",
        sa.Column("instance", sa.String(128), nullable=False),
        sa.Column("token", sa.String(16), nullable=False),
        sa.Column("event", sa.String(128), nullable=False),
        sa.Column("anchor", sa.String(64), nullable=False),
        sa.Column("match", sa.LargeBinary(), nullable=False),
        sa.Column("opened_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("instance", "token"),
        if_not_exists=True,
    )
    op.create_index("workflow_wait_event", "workflow_wait", ["event", "anchor"], if_not_exists=True)


def _console() -> None:
    op.create_table(
        "console_audit",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("object", sa.String(128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_table(
        "console_link",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash"),
        if_not_exists=True,
    )
    op.create_table(
        "console_user",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("disabled", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        if_not_exists=True,
    )


def _registry() -> None:
    op.create_table(
        "registry_active",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_table(
        "registry_blob",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
        if_not_exists=True,
    )
    op.create_table(
        "registry_revision",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("restores", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        if_not_exists=True,
    )
    op.create_table(
        "registry_file",
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(1024), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["hash"], ["registry_blob.hash"]),
        sa.ForeignKeyConstraint(["revision"], ["registry_revision.number"]),
        sa.PrimaryKeyConstraint("revision", "name"),
        if_not_exists=True,
    )


def _journal() -> None:
    for statement in _JOURNAL_POSTGRES if op.get_context().dialect.name == "postgresql" else _JOURNAL_SQLITE:
        op.execute(statement)


_MAKE: Final[dict[str, Callable[[], None]]] = {
    "state": _state,
    "console": _console,
    "registry": _registry,
    "journal": _journal,
}

#: {t}, {r} and {i} are the types of texts, times and numbers.
_EXCHANGE = (
    "id {t} NOT NULL, flow {t} NOT NULL, parent {t} NOT NULL, door {t} NOT NULL, consumer {t} NOT NULL,"
    " system {t} NOT NULL, service {t} NOT NULL, version {t} NOT NULL, operation {t} NOT NULL,"
    " received_at {r} NOT NULL, status {t} NOT NULL, error {t} NOT NULL, detail {t} NOT NULL,"
    " http_status {i} NOT NULL, attempts {i} NOT NULL, duration_us {i} NOT NULL, sent_us {i} NOT NULL,"
    " revision {i} NOT NULL, keys {t} NOT NULL, hops {t} NOT NULL, bodies {t} NOT NULL"
)
_INTENT = (
    "received_at {r} NOT NULL, id {t} NOT NULL, boot {t} NOT NULL, record text NOT NULL, PRIMARY KEY (received_at, id)"
)
_KEY = (
    "value {t} NOT NULL, received_at {r} NOT NULL, exchange {t} NOT NULL, name {t} NOT NULL,"
    " PRIMARY KEY (value, received_at, exchange, name)"
)


def _indexes(table: str) -> tuple[str, ...]:
    head = "CREATE INDEX IF NOT EXISTS exchanges"
    return (
        f"{head}_id ON {table} (id)",
        f"{head}_flow ON {table} (flow)",
        f"{head}_operation ON {table} (operation, received_at)",
        f"{head}_service ON {table} (service, received_at)",
        f"{head}_consumer ON {table} (consumer, received_at)",
        f"{head}_status ON {table} (status, received_at) WHERE status NOT IN ('ok', 'accepted')",
        f"{head}_error ON {table} (error, received_at) WHERE error <> ''",
    )


def _sqlite(columns: str) -> str:
    return columns.format(t="text", r="real", i="integer")


def _postgres(columns: str) -> str:
    return columns.format(t='text COLLATE "C"', r="double precision", i="bigint")


_TABLE = "CREATE TABLE IF NOT EXISTS"
_BY_DAY = "PARTITION BY RANGE (received_at)"

#: One file, that is one day.
_JOURNAL_SQLITE: Final = (
    f"{_TABLE} exchanges ({_sqlite(_EXCHANGE)}, UNIQUE (received_at, id))",
    *_indexes("exchanges"),
    f"{_TABLE} intents ({_sqlite(_INTENT)}) WITHOUT ROWID",
    f"{_TABLE} keys ({_sqlite(_KEY)}) WITHOUT ROWID",
    f"{_TABLE} payloads (received_at real NOT NULL, part integer PRIMARY KEY,"
    " size integer NOT NULL, packed integer NOT NULL, data blob NOT NULL)",
)

_JOURNAL_POSTGRES: Final = (
    "CREATE SCHEMA IF NOT EXISTS journal",
    f"{_TABLE} journal.exchanges ({_postgres(_EXCHANGE)}, PRIMARY KEY (received_at, id)) {_BY_DAY}",
    *_indexes("journal.exchanges"),
    f"{_TABLE} journal.intents ({_postgres(_INTENT)}) {_BY_DAY}",
    f"{_TABLE} journal.keys ({_postgres(_KEY)}) {_BY_DAY}",
    f"{_TABLE} journal.payloads (received_at double precision NOT NULL, part bigint NOT NULL, size bigint NOT NULL,"
    f" packed bigint NOT NULL, data bytea NOT NULL, PRIMARY KEY (received_at, part)) {_BY_DAY}",
    f"{_TABLE} journal.boots (id text PRIMARY KEY, seen_at timestamptz NOT NULL)",
)
