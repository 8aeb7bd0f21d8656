"""The inbox: what a consumer has begun and finished, so that a letter delivered twice has its effect once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from sqlalchemy import Connection, and_, bindparam, delete, select, update

from bus.backbone.tables import inbox, inserting
from bus.ports import Letter

# Statements are made once: making one costs more than running it, and every letter runs several.
_IS = and_(inbox.c.queue == bindparam("of_queue"), inbox.c.id == bindparam("of_id"))
_FIND = select(inbox).where(_IS).with_for_update()
_STATUS = select(inbox.c.status).where(_IS)
_FORGET = delete(inbox).where(_IS)
_FINISH = update(inbox).where(_IS).values(status="done", owner="", finished_at=bindparam("now"))
_DOUBT = update(inbox).where(_IS).values(owner="", lease_until=0.0)
_TAKE = (
    update(inbox).where(_IS).values(owner=bindparam("by"), lease_until=bindparam("until"), started_at=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What the inbox says of a letter that arrives.

    new: nobody has begun it. again: somebody began it and died, so its effect may have happened. ours: the
    claimant itself has begun it, in a commit that it did not hear of. busy: somebody alive is at it until
    ``until`` at least. done: it is finished. parked: it waits for a person, and copies of it that a broker still
    holds mean nothing. ``owner`` is who began it and died; it is empty where its holder lives and is in doubt of
    what it did.
    """

    status: Literal["new", "again", "ours", "busy", "done", "parked"]
    until: float = 0.0
    owner: str = field(default="", compare=False)


def enter(connection: Connection, letter: Letter, now: float) -> Claim:
    """Inside a work: record ``letter`` as done, unless it was before or is parked."""
    row = _row(letter, "done", "", 0.0, now) | {"finished_at": now}
    if _insert(connection, row):
        return Claim("new")
    return Claim("parked" if _status(connection, letter) == "parked" else "done")


def claim(connection: Connection, letter: Letter, owner: str, now: float, lease: float) -> Claim:
    """Inside a work: record that ``owner`` begins ``letter``, unless it is done or in living hands."""
    row = _row(letter, "claimed", owner, now + lease, now)
    if _insert(connection, row):
        return Claim("new")
    found = connection.execute(_FIND, _is(letter)).first()
    if found is None:  # forgotten between the two statements, which only another process can do
        return Claim("busy", now)
    if found.status in ("done", "parked"):
        return Claim(found.status)
    if found.owner == owner:
        return Claim("ours")
    if found.lease_until > now:
        return Claim("busy", found.lease_until)
    connection.execute(_TAKE, _is(letter) | {"by": owner, "until": now + lease, "now": now})
    return Claim("again", owner=found.owner)


def is_held(connection: Connection, letter: Letter, owner: str) -> bool:
    """Inside a work: whether ``letter`` is still in the hands of ``owner``: nobody took it over, nothing settled it."""
    found = connection.execute(_FIND, _is(letter)).first()
    return found is not None and (found.status, found.owner) == ("claimed", owner)


def is_done(connection: Connection, letter: Letter) -> bool:
    """Inside a work: whether the effect of ``letter`` has happened."""
    return _status(connection, letter) == "done"


def is_parked(connection: Connection, letter: Letter) -> bool:
    """Inside a work: whether ``letter`` waits for a person."""
    return _status(connection, letter) == "parked"


def mark(connection: Connection, letter: Letter, status: Literal["done", "parked"], now: float) -> None:
    """Inside a work: copies of ``letter`` that come from now on have no effect, whatever was known of it before."""
    row = _row(letter, status, "", 0.0, now) | {"finished_at": now}
    connection.execute(_marking(connection.dialect.name), row)


def finish(connection: Connection, letter: Letter, now: float) -> None:
    """Inside a work: a claimed letter is done."""
    connection.execute(_FINISH, _is(letter) | {"now": now})


def forget(connection: Connection, letter: Letter) -> None:
    """Inside a work: nothing is known of this letter any more, so it may be handled (again)."""
    connection.execute(_FORGET, _is(letter))


def doubt(connection: Connection, letter: Letter) -> None:
    """Inside a work: a claimed letter may have had its effect; whoever takes it next is told so, as after a death."""
    connection.execute(_DOUBT, _is(letter))


def renew(connection: Connection, queue: str, owner: str, until: float) -> None:
    """Extend the leases of everything that ``owner`` has begun."""
    held = and_(inbox.c.queue == queue, inbox.c.owner == owner, inbox.c.status == "claimed")
    connection.execute(update(inbox).where(held).values(lease_until=until))


def take_over(connection: Connection, queue: str) -> None:
    """End every lease of ``queue``: nobody but the caller's process works on this store, so all holders are dead."""
    held = and_(inbox.c.queue == queue, inbox.c.status == "claimed")
    connection.execute(update(inbox).where(held).values(lease_until=0.0))


def prune(connection: Connection, before: float) -> None:
    """Drop what was finished before this time; a duplicate that arrives later than that would be handled again."""
    old = and_(inbox.c.status == "done", inbox.c.finished_at < before)
    connection.execute(delete(inbox).where(old))


def _insert(connection: Connection, row: dict[str, object]) -> bool:
    """Whether the row is new; asked by RETURNING, because PostgreSQL's driver does not count rows of an INSERT."""
    return connection.execute(_entering(connection.dialect.name), row).first() is not None


@cache
def _entering(dialect: str) -> Any:
    return inserting(dialect, inbox).on_conflict_do_nothing().returning(inbox.c.id)


@cache
def _marking(dialect: str) -> Any:
    line = inserting(dialect, inbox)
    changes = {name: line.excluded[name] for name in ("status", "owner", "lease_until", "finished_at")}
    return line.on_conflict_do_update(index_elements=["queue", "id"], set_=changes)


def _status(connection: Connection, letter: Letter) -> str | None:
    return connection.scalar(_STATUS, _is(letter))


def _is(letter: Letter) -> dict[str, Any]:
    return {"of_queue": letter.queue, "of_id": letter.id}


def _row(letter: Letter, status: str, owner: str, lease_until: float, now: float) -> dict[str, object]:
    return {
        "queue": letter.queue,
        "id": letter.id,
        "status": status,
        "owner": owner,
        "lease_until": lease_until,
        "started_at": now,
        "finished_at": 0.0,
    }
