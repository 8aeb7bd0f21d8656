"""What operators did to the state: who, which verb, to what, why and when, in the transaction that did it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Connection, Double, Identity, Index, Integer, String, Table, Text, select

from bus.state.store import metadata

operator_action = Table(
    "operator_action",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("at", Double, nullable=False),
    Column("who", String(64), nullable=False),
    Column("verb", String(32), nullable=False),
    Column("subject", String(256), nullable=False),
    Column("reason", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index("operator_action_subject", operator_action.c.subject, operator_action.c.seq)

_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Action:
    """One line of the trail. ``at`` is in Unix seconds; ``subject`` names its kind first: ``deliver/<letter id>``."""

    at: float
    who: str
    verb: str
    subject: str
    reason: str


def record(connection: Connection, who: str, verb: str, subject: str, reason: str, now: float) -> None:
    """Inside a work: note that ``who`` did ``verb`` to ``subject``; it is on disk if, and only if, the deed is.

    ``subject`` is a technical name (a letter, an instance, a system), never a patient's or a visit's.
    """
    row = {"at": now, "who": who[:64], "verb": verb, "subject": subject[:256], "reason": reason[:_LONGEST_REASON]}
    connection.execute(operator_action.insert().values(row))


def actions(connection: Connection, *, subject: str = "", limit: int = 100) -> Sequence[Action]:
    """Inside a read: what was done, to one subject or to all, newest first."""
    rows = select(operator_action).order_by(operator_action.c.seq.desc()).limit(limit)
    if subject:
        rows = rows.where(operator_action.c.subject == subject)
    return [Action(row.at, row.who, row.verb, row.subject, row.reason) for row in connection.execute(rows)]
