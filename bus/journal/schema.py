"""What the journal keeps: the columns that both stores write and read. ``bus/migrations`` makes the tables.

An *exchange* is written when its outcome is known, an *intent* before a request leaves: the whole record in one
column, because it goes when its exchange comes. So ``intents`` holds what is under way or in doubt, and nothing
else. ``keys`` is the index behind "paste an ID", ``payloads`` holds bodies, those of many records in a row
(``bus/journal/payloads.py``). Nothing is ever deleted from these: old partitions are dropped whole.
"""

from __future__ import annotations

#: The columns of an exchange, in the order of ``ports.Record``.
COLUMNS = (
    ("id", "text"),
    ("flow", "text"),
    ("parent", "text"),
    ("door", "text"),
    ("consumer", "text"),
    ("system", "text"),
    ("service", "text"),
    ("version", "text"),
    ("operation", "text"),
    ("received_at", "real"),
    ("status", "text"),
    ("error", "text"),
    ("detail", "text"),
    ("http_status", "integer"),
    ("attempts", "integer"),
    ("duration_us", "integer"),
    ("sent_us", "integer"),
    ("revision", "integer"),
    ("keys", "text"),
    ("hops", "text"),
    ("bodies", "text"),
)

NAMES = tuple(name for name, _ in COLUMNS)

#: Every table that is written, with its columns.
TABLES: dict[str, tuple[str, ...]] = {
    "exchanges": NAMES,
    "intents": ("received_at", "id", "boot", "record"),
    "keys": ("value", "received_at", "exchange", "name"),
    "payloads": ("received_at", "part", "size", "packed", "data"),
}

#: Tables whose row of the same place (received_at, id) is replaced: a message that was accepted and is delivered
#: later has a second outcome, and a call that is repeated after a crash a second intent. The last word counts.
REPLACED = frozenset({"exchanges", "intents"})

#: Key values are indexed by this many characters: PostgreSQL refuses index entries over a third of a page.
KEY_LENGTH = 200

#: What a search filters by; failures are few, so their indexes hold only them.
FAILED = "status NOT IN ('ok', 'accepted')"
ERRED = "error <> ''"
