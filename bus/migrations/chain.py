"""The chain of schema revisions: which one a store is at, and how to walk it to another.

A store in PostgreSQL shares its database, and so its revision, with all others of the installation. Each SQLite
file is at a revision of its own. Alembic keeps the revision in the table ``alembic_version``. It is loaded for a walk
only: whoever opens tables that are at the right revision already does not wait for it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TextIO, TypeAlias

from sqlalchemy import Connection, inspect, text

from bus.errors import SchemaMismatch

if TYPE_CHECKING:
    from alembic.config import Config

Store: TypeAlias = Literal["state", "console", "registry", "journal"]

#: All stores of an installation, as they lie together in one PostgreSQL database.
ALL: Final[frozenset[Store]] = frozenset({"state", "console", "registry", "journal"})

#: The table by which a store that was made before revisions were recorded is known, and its schema in PostgreSQL.
MARKS: Final[dict[Store, tuple[str, str | None]]] = {
    "state": ("outbox", None),
    "console": ("console_user", None),
    "registry": ("registry_revision", None),
    "journal": ("exchanges", "journal"),
}

#: One arbitrary advisory lock for everybody who changes tables.
_LOCK: Final = 0x6D6572696469616E

#: How long a change waits, in PostgreSQL's words, for those who use a table: everybody else queues up behind it.
_PATIENCE: Final = "10s"

#: Alembic keeps the environment that it runs in its modules.
_ALONE: Final = threading.Lock()


_HERE: Final = Path(__file__).parent


@cache
def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.set_main_option("version_locations", str(_HERE / "revisions").replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    return config


@cache
def revisions() -> tuple[str, ...]:
    """Every revision that this release knows, the oldest first; the last is the one that it works with.

    The name of a revision's file says which it is: ``r0007_event_age.py`` is revision 0007.
    """
    return tuple(sorted(file.stem[1:5] for file in (_HERE / "revisions").glob("r[0-9][0-9][0-9][0-9]_*.py")))


def recorded(connection: Connection) -> str:
    """The revision that is on record here; empty when there is none."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.scalar(text("SELECT version_num FROM alembic_version")) or "")


def found(connection: Connection, stores: Iterable[Store]) -> str:
    """The revision that these stores are at; empty when there are no tables of theirs."""
    tables = inspect(connection)
    postgres = connection.dialect.name == "postgresql"
    marks = [MARKS[store] for store in stores]
    if not any(tables.has_table(table, schema if postgres else None) for table, schema in marks):
        return ""
    # In this order: who commits tables and record between the two looks must not seem to have made no record.
    return recorded(connection) or revisions()[0]


def settle(connection: Connection, stores: frozenset[Store], where: str) -> None:
    """Inside a writing transaction: make the tables of a store that has none, and refuse those of another revision.

    ``where`` names the store in what SchemaMismatch says.
    """
    wanted = revisions()[-1]
    if found(connection, stores) == wanted:
        return
    if connection.dialect.name == "postgresql":
        exclude(connection)  # and look again: somebody may have been at it
    now = found(connection, stores)
    if not now:
        walk(connection, stores, now, wanted)
    elif now != wanted:
        raise SchemaMismatch(mismatch(where, now))


def exclude(connection: Connection) -> None:
    """Begin a transaction, if there is none, that keeps out everybody else who would change tables."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def walk(connection: Connection, stores: frozenset[Store], now: str, to: str) -> None:
    """Inside a transaction that excludes others: bring stores that are at ``now`` to ``to``, forward or back.

    Stores made before revisions were recorded walk from the start: the first revision makes only what is missing.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))
    from alembic import command

    go = command.downgrade if _is_before(to, now) else command.upgrade
    with _ALONE:
        config = _config()
        config.attributes.update(connection=connection, stores=stores)
        go(config, to)
        config.attributes.clear()


def sql(dialect: str, stores: frozenset[Store], now: str, to: str, output: TextIO) -> None:
    """Write the statements that ``walk`` would run from ``now``, empty when no revision is on record."""
    from alembic import command

    go = command.downgrade if _is_before(to, now) else command.upgrade
    with _ALONE:
        config = _config()
        config.attributes.update(dialect=dialect, stores=stores)
        config.output_buffer = output
        go(config, f"{now or 'base'}:{to}", sql=True)
        config.attributes.clear()


def mismatch(where: str, now: str) -> str:
    """Why a store at revision ``now`` cannot be used, and what to do."""
    wanted = revisions()[-1]
    if now in revisions():
        return f"{where}: its tables are at revision {now}, this release works with {wanted}; run `meridian migrate`"
    return (
        f"{where}: its tables are at revision {now}, which is newer than this release, {wanted}; run the release that"
        f" made them, or step back with it: `meridian migrate --to {wanted}`"
    )


def _is_before(revision: str, other: str) -> bool:
    order = ("", *revisions())
    return order.index(revision) < order.index(other)
