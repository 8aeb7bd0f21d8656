"""Who may use the console: users with roles, one-time sign-in links, and the audit of who looked at what."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    delete,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool
from werkzeug.security import check_password_hash, generate_password_hash

from bus.errors import BusError, StateUnavailable
from bus.migrations.chain import ALL, Store, exclude, settle
from bus.settings import Settings

metadata = MetaData()

users_table = Table(
    "console_user",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("password", Text, nullable=False, default=""),
    Column("role", String(16), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("disabled", Integer, nullable=False, default=0),
)
links_table = Table(
    "console_link",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("expires_at", Float, nullable=False),
)
audit_table = Table(
    "console_audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(32), nullable=False),
    Column("object", String(128), nullable=False, default=""),
    Column("reason", Text, nullable=False, default=""),
)

#: One row with ``id`` 1: what signs the sessions of every console that shares these users.
secret_table = Table(
    "console_secret",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("secret", LargeBinary, nullable=False),
)

#: Characters; a console shows who is ill.
SHORTEST_PASSWORD = 10

#: Seconds a one-time sign-in link can be used.
LINK_LIFE = 3600


class UserInvalid(BusError):
    """A user that cannot be added or found."""


class Role(Enum):
    """What a user may see and do. ``reveal`` is the right to see payloads unmasked, with a reason, on record;
    ``operate`` the right to move what is stuck, which needs no payload."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    CLINICAL = "clinical"
    ADMIN = "admin"

    @property
    def may_reveal(self) -> bool:
        """Whether payloads may be shown unmasked to this role."""
        return self in (Role.CLINICAL, Role.ADMIN)

    @property
    def may_operate(self) -> bool:
        """Whether this role may order workflows about, and replay, release or discard messages."""
        return self in (Role.OPERATOR, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class User:
    """A person who signs in to the console."""

    name: str
    role: Role


class Users:
    """The users of an installation: in ``data/console.db``, or in PostgreSQL. Safe to use from several processes.

    Every method raises StateUnavailable when the store cannot be reached, and the first SchemaMismatch for tables of
    another release.
    """

    def __init__(self, settings: Settings) -> None:
        self._engine = _engine(settings)
        stores: frozenset[Store] = ALL if settings.database else frozenset({"console"})
        try:
            with self._transaction() as connection:
                exclude(connection)
                settle(connection, stores, "the console's users")
        except BaseException:
            self.close()
            raise

    def add(self, name: str, role: Role, password: str = "") -> User:
        """Add a user, or change the role and password of one; without a password only a link signs in.

        Raises UserInvalid for a name or password that will not do.
        """
        if not name or len(name) > 64 or not name.isprintable():
            raise UserInvalid("a user's name has 1 to 64 printable characters")
        if password and len(password) < SHORTEST_PASSWORD:
            raise UserInvalid(f"a password has at least {SHORTEST_PASSWORD} characters")
        stored = generate_password_hash(password, method="scrypt") if password else ""
        values = {"name": name, "role": role.value, "password": stored, "created_at": time.time(), "disabled": 0}
        with self._transaction() as connection:
            connection.execute(delete(users_table).where(users_table.c.name == name))
            connection.execute(insert(users_table).values(values))
        return User(name, role)

    def disable(self, name: str) -> None:
        """Keep a user from signing in and from going on. Raises UserInvalid when there is none of this name."""
        with self._transaction() as connection:
            changed = connection.execute(update(users_table).where(users_table.c.name == name).values(disabled=1))
            connection.execute(delete(links_table).where(links_table.c.name == name))
        if changed.rowcount == 0:
            raise UserInvalid(f"no user named {name!r}")

    def all(self) -> tuple[User, ...]:
        """Every user that may sign in, by name."""
        query = select(users_table.c.name, users_table.c.role).where(users_table.c.disabled == 0)
        with self._transaction() as connection:
            return tuple(User(row.name, Role(row.role)) for row in connection.execute(query.order_by("name")))

    def find(self, name: str) -> User | None:
        """The user of this name, or None when there is none or it is disabled."""
        query = select(users_table.c.role).where(users_table.c.name == name, users_table.c.disabled == 0)
        with self._transaction() as connection:
            role = connection.scalar(query)
        return User(name, Role(role)) if role else None

    def sign_in(self, name: str, password: str) -> User | None:
        """The user whose password this is, or None. Takes as long for an unknown name as for a wrong password."""
        query = select(users_table.c.password, users_table.c.role).where(
            users_table.c.name == name, users_table.c.disabled == 0
        )
        with self._transaction() as connection:
            row = connection.execute(query).first()
        stored = row.password if row and row.password else _NOBODY
        matches = check_password_hash(stored, password)
        return User(name, Role(row.role)) if row and row.password and matches else None

    def link(self, name: str) -> str:
        """A token that signs this user in once, within an hour. Only its hash is kept."""
        if self.find(name) is None:
            raise UserInvalid(f"no user named {name!r}")
        token = secrets.token_urlsafe(24)
        values = {"token_hash": _digest(token), "name": name, "expires_at": time.time() + LINK_LIFE}
        with self._transaction() as connection:
            connection.execute(insert(links_table).values(values))
        return token

    def redeem(self, token: str) -> User | None:
        """The user of a token that was not used before and has not expired, or None. Uses it up."""
        found = links_table.c.token_hash == _digest(token)
        with self._transaction() as connection:
            row = connection.execute(select(links_table).where(found)).first()
            used = connection.execute(delete(links_table).where(found)).rowcount
            connection.execute(delete(links_table).where(links_table.c.expires_at < time.time()))
        if row is None or not used or row.expires_at < time.time():
            return None
        return self.find(row.name)

    def secret(self) -> bytes:
        """What signs the sessions of every console that shares these users; made by whoever asks first."""
        with self._transaction() as connection:
            exclude(connection)
            found: bytes | None = connection.scalar(select(secret_table.c.secret))
            if found is None:
                found = secrets.token_bytes(32)
                connection.execute(insert(secret_table).values(id=1, secret=found))
        return bytes(found)

    def record(self, actor: str, action: str, target: str = "", reason: str = "") -> None:
        """Write one line of the audit: who did what to which object, and why. Returns when it is on disk."""
        values = {"at": time.time(), "actor": actor, "action": action, "object": target[:128], "reason": reason[:500]}
        with self._transaction() as connection:
            connection.execute(insert(audit_table).values(values))

    def audit(self, limit: int = 200) -> tuple[dict[str, object], ...]:
        """The newest lines of the audit, newest first."""
        query = select(audit_table).order_by(audit_table.c.id.desc()).limit(limit)
        with self._transaction() as connection:
            return tuple(dict(row._mapping) for row in connection.execute(query))

    def close(self) -> None:
        """Close all connections; new ones are opened when it is used again."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StateUnavailable("the console's user store cannot be reached") from error


#: Checked for names that do not exist, so that the answer takes as long.
_NOBODY = generate_password_hash(secrets.token_hex(16), method="scrypt")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _engine(settings: Settings) -> Engine:
    if settings.database:
        return create_engine(settings.database.replace("postgresql://", "postgresql+psycopg://", 1), pool_size=2)
    settings.data.mkdir(parents=True, exist_ok=True)
    engine = create_engine(f"sqlite:///{settings.data / 'console.db'}", poolclass=NullPool)

    # A rollback journal, not WAL: the command line writes this file while a server runs.
    @event.listens_for(engine, "connect")
    def configure(connection, _record):  # type: ignore[no-untyped-def]
        for pragma in ("busy_timeout=5000", "journal_mode=DELETE", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
