"""Records to rows and back; the only place that knows the compact form of keys, hops and bodies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeAlias

import orjson

from bus.journal.payloads import Kind, Packer, Reference
from bus.journal.schema import KEY_LENGTH, NAMES
from bus.ports import Body, HopRecord, Record

#: One thing to be written: which of the two durable moments, and the record.
Entry: TypeAlias = tuple[Kind, Record]

Row: TypeAlias = tuple[Any, ...]

_STATUS = NAMES.index("status")


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
    unfinished: dict[Row, None] = {}
    finished: dict[Row, None] = {}
    for kind, record in entries:
        place = (record.received_at, record.id)
        row = _row(record, packer.refer(kind, record))
        if kind == "outcome":
            exchanges[place] = row
            unfinished.pop(place, None)
            finished[place] = None
        else:
            intents[place] = (*row[:_STATUS], "open", *row[_STATUS + 1 :], boot)
            unfinished[place] = None
        for name, value in record.keys:
            keys[value[:KEY_LENGTH], *place, name] = None
    tables: dict[str, list[Row]] = {
        "exchanges": list(exchanges.values()),
        "intents": list(intents.values()),
        "unfinished": [(*place, boot) for place in unfinished],
        "keys": list(keys),
        "payloads": list(packer.rows()),
    }
    # What is finished and unfinished again in one batch is unfinished: its last word was an intent.
    ended = [place for place in finished if place not in unfinished]
    return Batch({table: rows for table, rows in tables.items() if rows}, ended)


def _row(record: Record, references: Sequence[Reference]) -> Row:
    hops = [(hop.name, hop.start_us, hop.own_us, hop.error) for hop in record.hops]
    return (
        record.id,
        record.flow,
        record.parent,
        record.door,
        record.consumer,
        record.system,
        record.service,
        record.version,
        record.operation,
        record.received_at,
        record.status,
        record.error,
        record.detail,
        record.http_status,
        record.attempts,
        record.duration_us,
        record.sent_us,
        record.revision,
        orjson.dumps(record.keys).decode(),
        orjson.dumps(hops).decode(),
        orjson.dumps(references).decode(),
    )


def scrubbed(record: Record) -> Record:
    """``record`` without what no store can hold in its texts: NUL and lone surrogates become U+FFFD."""
    texts: dict[str, Any] = {
        each.name: _clean(getattr(record, each.name)) for each in fields(record) if each.type == "str"
    }
    return replace(
        record,
        **texts,
        keys=tuple((_clean(name), _clean(value)) for name, value in record.keys),
        hops=tuple(hop._replace(name=_clean(hop.name), error=_clean(hop.error)) for hop in record.hops),
        bodies=tuple(
            body._replace(stage=_clean(body.stage), content_type=_clean(body.content_type)) for body in record.bodies
        ),
    )


def _clean(text: str) -> str:
    # By way of UTF-16, where "replace" answers U+FFFD for a lone surrogate instead of a question mark.
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def record_of(row: Sequence[Any]) -> Record:
    """The record in a row of ``NAMES``, without bodies."""
    values = dict(zip(NAMES, row, strict=True))
    del values["bodies"]
    values["keys"] = tuple((name, value) for name, value in orjson.loads(values["keys"]))
    values["hops"] = tuple(HopRecord(*hop) for hop in orjson.loads(values["hops"]))
    return Record(**values)


def with_bodies(record: Record, references: str, load: Callable[[int], bytes]) -> Record:
    """``record`` with the bodies it refers to; ``load`` answers one part of the payloads."""
    found: list[Reference] = [tuple(reference) for reference in orjson.loads(references)]
    parts = {part: load(part) for part in {reference[2] for reference in found}}
    bodies = (Body(stage, parts[part][at : at + size], kind) for stage, kind, part, at, size in found)
    return replace(record, bodies=tuple(bodies))
