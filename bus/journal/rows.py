"""Records to rows and back; the only place that knows the compact form of keys, hops and bodies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec
import orjson
from msgspec.structs import astuple, replace

from bus.journal.partitions import day_of, starts_at
from bus.journal.payloads import Kind, Packer, Reference
from bus.journal.schema import COLUMNS, KEY_LENGTH, NAMES
from bus.ports import Body, HopRecord, Record

#: One thing to be written: which of the two durable moments, and the record.
Entry: TypeAlias = tuple[Kind, Record]

Row: TypeAlias = tuple[Any, ...]

#: Writes structs, which orjson does not know.
_json = msgspec.json.Encoder().encode

#: How many fields of a record are columns as they are: all but keys, hops and bodies.
_PLAIN = NAMES.index("keys")


@dataclass(slots=True)
class Batch:
    """What one transaction writes, by table. ``finished`` names the intents that now have their outcome."""

    tables: dict[str, list[Row]] = field(default_factory=dict)
    finished: list[Row] = field(default_factory=list)


def batch_of(entries: Iterable[Entry], packer: Packer, boot: str) -> Batch:
    """Everything that these entries, all of one partition, add to it."""
    exchanges: dict[Row, Row] = {}
    intents: dict[Row, Row] = {}
    keys: dict[Row, None] = {}
    finished: dict[Row, None] = {}
    received_at = 0.0
    for kind, record in entries:
        received_at = record.received_at
        place = (received_at, record.id)
        row = _row(record, packer.refer(kind, record))
        if kind == "intent":
            intents[place] = (*place, boot, orjson.dumps(row).decode())
            continue
        exchanges[place] = row
        intents.pop(place, None)
        finished[place] = None
        for name, value in record.keys:
            keys[value[:KEY_LENGTH], *place, name] = None
    day = starts_at(day_of(received_at))
    tables: dict[str, list[Row]] = {
        "exchanges": list(exchanges.values()),
        "intents": list(intents.values()),
        "keys": list(keys),
        "payloads": [(day, *part) for part in packer.parts()],
    }
    # What is finished and under way again in one batch is under way: its last word was an intent.
    ended = [place for place in finished if place not in intents]
    return Batch({table: rows for table, rows in tables.items() if rows}, ended)


def _row(record: Record, references: Sequence[Reference]) -> Row:
    return (
        *astuple(record)[:_PLAIN],
        orjson.dumps(record.keys).decode(),
        _json(record.hops).decode(),
        orjson.dumps(references).decode(),
    )


def scrubbed(record: Record) -> Record:
    """``record`` without what no store can hold in its texts: NUL and lone surrogates become U+FFFD."""
    texts: dict[str, Any] = {name: _clean(getattr(record, name)) for name, kind in COLUMNS[:_PLAIN] if kind == "text"}
    return replace(
        record,
        **texts,
        keys=tuple((_clean(name), _clean(value)) for name, value in record.keys),
        hops=tuple(replace(hop, name=_clean(hop.name), error=_clean(hop.error)) for hop in record.hops),
        bodies=tuple(
            replace(body, stage=_clean(body.stage), content_type=_clean(body.content_type)) for body in record.bodies
        ),
    )


def _clean(text: str) -> str:
    # By way of UTF-16, where "replace" answers U+FFFD for a lone surrogate instead of a question mark.
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def record_of(row: Sequence[Any]) -> Record:
    """The record in a row of ``NAMES``, without bodies."""
    *plain, keys, hops, _ = row
    named = tuple((name, value) for name, value in orjson.loads(keys))
    return Record(*(*plain, named, tuple(HopRecord(*hop) for hop in orjson.loads(hops))))


def intent_of(text: str) -> tuple[Record, str]:
    """The record in a row of ``intents``, open and without bodies, and the references to these."""
    row = orjson.loads(text)
    return replace(record_of(row), status="open"), row[-1]


def with_bodies(record: Record, references: str, load: Callable[[int], bytes]) -> Record:
    """``record`` with the bodies it refers to; ``load`` answers one part of the payloads."""
    found: list[Reference] = [tuple(reference) for reference in orjson.loads(references)]
    parts = {part: load(part) for part in {reference[2] for reference in found}}
    return replace(
        record, bodies=tuple(Body(stage, parts[part][at : at + size], kind) for stage, kind, part, at, size in found)
    )
