"""A query: over the exchanges, as SQL that SQLite and PostgreSQL both run, newest first, one page at a time; over
the few intents, as a question to each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import orjson

from bus.journal.schema import ERRED, FAILED, KEY_LENGTH, NAMES
from bus.journal.summary import GOOD
from bus.ports import Query, Record
from transformers.identity import canonical

#: SQL with ``?`` for every parameter, and the parameters.
Statement: TypeAlias = tuple[str, tuple[object, ...]]

#: The place of a record in the order of all pages: received_at and id.
Place: TypeAlias = tuple[float, str]


@dataclass(frozen=True, slots=True)
class Source:
    """Tables in the order they are to be looked up, and what joins them; ``x`` has the columns of a record."""

    tables: str
    condition: str = "1 = 1"


#: Exchanges, that is records with an outcome.
ENDED = Source("exchanges x")

#: ``ENDED`` without what ended once and is under way again: an accepted message that is being delivered.
_SETTLED = Source(
    ENDED.tables, "NOT EXISTS (SELECT 1 FROM intents u WHERE u.received_at = x.received_at AND u.id = x.id)"
)

_COLUMNS = ", ".join(f"x.{name}" for name in NAMES)
_EXACT = ("flow", "service", "operation", "consumer", "system", "status", "error")


def select(source: Source, condition: str, columns: str = _COLUMNS) -> str:
    """SQL that reads ``columns`` from a source. Only for words of this package: values are always parameters."""
    return f"SELECT {columns} FROM {source.tables} WHERE {source.condition} AND {condition}"  # noqa: S608 - no values


def key_values(text: str) -> tuple[str, ...]:
    """The indexed forms under which a pasted text may be found: as it is, and as an identity number."""
    return tuple(dict.fromkeys(form[:KEY_LENGTH] for form in (text.strip(), canonical(text))))


def place_of(record: Record) -> Place:
    """Where a record stands in the order of all pages."""
    return record.received_at, record.id


def matches(record: Record, query: Query) -> bool:
    """Whether a record fits every field of the query that filters."""
    if any(getattr(query, name) not in ("", getattr(record, name)) for name in _EXACT):
        return False
    if record.received_at < query.since or (query.until and record.received_at >= query.until):
        return False
    if not query.key:
        return not query.key_name or any(name == query.key_name for name, _ in record.keys)
    wanted = key_values(query.key)
    return any(value[:KEY_LENGTH] in wanted and query.key_name in ("", name) for name, value in record.keys)


def statement(query: Query, after: Place | None) -> Statement:
    """The first ``query.limit`` exchanges behind ``after`` that fit."""
    source = _SETTLED
    values: list[object] = []
    conditions = []
    if query.key:
        source = _keyed(query, source, values)
    elif query.key_name:
        conditions.append("x.keys LIKE ? ESCAPE '!'")
        values.append(_holds_name(query.key_name))
    for name in _EXACT:
        if getattr(query, name):
            # An operation is rarer than its service: keep planners that do not know it from the longer index.
            column = "x.service || ''" if name == "service" and query.operation else f"x.{name}"
            conditions.append(f"{column} = ?")
            values.append(getattr(query, name))
    # Said aloud, because an index of few rows is used only where the words of its condition stand in the query.
    if query.status not in ("", *GOOD):
        conditions.append(f"x.{FAILED}")
    if query.error:
        conditions.append(f"x.{ERRED}")
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


def _keyed(query: Query, source: Source, values: list[object]) -> Source:
    """``source`` narrowed to a key. The keys are looked up first: they are few, the exchanges are not."""
    forms = key_values(query.key)
    values += forms
    condition = f"value IN ({', '.join('?' * len(forms))})"
    if query.key_name:
        condition += " AND name = ?"
        values.append(query.key_name)
    keys = select(Source("keys"), condition, "DISTINCT received_at AS at, exchange")
    return Source(
        f"({keys}) k CROSS JOIN {source.tables}",
        f"x.received_at = k.at AND x.id = k.exchange AND {source.condition}",
    )


def _holds_name(name: str) -> str:
    """A LIKE pattern for the JSON of keys that have this name."""
    text = orjson.dumps([name])[:-1].decode()
    for character in "!%_":
        text = text.replace(character, f"!{character}")
    return f"%{text},%"
