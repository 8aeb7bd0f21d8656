"""A query as SQL that SQLite and PostgreSQL both run: index lookups first, newest first, one page at a time."""

from __future__ import annotations

from typing import TypeAlias

import orjson

from bus.journal.schema import KEY_LENGTH, NAMES
from bus.ports import Query

#: SQL with ``?`` for every parameter, and the parameters.
Statement: TypeAlias = tuple[str, tuple[object, ...]]

#: The place of a record in the order of all pages: received_at and id.
Place: TypeAlias = tuple[float, str]

COLUMNS = ", ".join(f"x.{name}" for name in NAMES)
_EXACT = ("flow", "service", "operation", "consumer", "system", "status", "error")

#: Records that ended, and those that did not.
ENDED = "exchanges x"
OPEN = "unfinished u JOIN intents x ON x.received_at = u.received_at AND x.id = u.id"


def select(source: str, condition: str, columns: str = COLUMNS) -> str:
    """SQL that reads ``columns`` from a source. Only for words of this package: values are always parameters."""
    return f"SELECT {columns} FROM {source} WHERE {condition}"  # noqa: S608 - holds no value, see above


def key_values(text: str) -> tuple[str, ...]:
    """The indexed forms under which a pasted text may be found."""
    return (text.strip()[:KEY_LENGTH],)


def statements(query: Query, after: Place | None) -> tuple[Statement, ...]:
    """One statement per kind of record, each answering the first ``query.limit`` rows behind ``after``."""
    wanted: tuple[str, ...] = (ENDED, OPEN)
    if query.status:
        wanted = (OPEN,) if query.status == "open" else (ENDED,)
    return tuple(_statement(query, after, source) for source in wanted)


def _statement(query: Query, after: Place | None, source: str) -> Statement:
    values: list[object] = []
    if query.key:
        # The keys come first whatever the planner thinks: they are few, the exchanges are not.
        source = f"{_keyed(query, values)} CROSS JOIN {source}"
    conditions = ["x.received_at = k.at", "x.id = k.exchange"] if query.key else []
    for name in _EXACT:
        if getattr(query, name):
            conditions.append(f"x.{name} = ?")
            values.append(getattr(query, name))
    if query.key_name and not query.key:
        conditions.append("x.keys LIKE ? ESCAPE '!'")
        values.append(f"%{_escaped(orjson.dumps([query.key_name])[:-1].decode())},%")
    if query.since:
        conditions.append("x.received_at >= ?")
        values.append(query.since)
    if query.until:
        conditions.append("x.received_at < ?")
        values.append(query.until)
    if after:
        conditions.append("(x.received_at, x.id) < (?, ?)")
        values += after
    where = " AND ".join(conditions) or "1 = 1"
    values.append(max(1, query.limit))
    return select(source, f"{where} ORDER BY x.received_at DESC, x.id DESC LIMIT ?"), tuple(values)


def _keyed(query: Query, values: list[object]) -> str:
    forms = key_values(query.key)
    values += forms
    name = ""
    if query.key_name:
        name = " AND name = ?"
        values.append(query.key_name)
    marks = ", ".join("?" * len(forms))
    return f"({select('keys', f'value IN ({marks}){name}', 'DISTINCT received_at AS at, exchange')}) k"


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
