"""Brings events and waits together, whichever comes first, so that no event is lost and none is used twice."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import orjson
from sqlalchemy import Connection, delete, func, select, update

from bus.backbone.tables import insert_into
from bus.orchestration.letters import EventLetter, taken_letter
from bus.orchestration.tables import workflow_event, workflow_event_field, workflow_wait
from bus.ports import Letter
from transformers.document import Json


def raise_event(connection: Connection, event: EventLetter, now: float) -> list[Letter]:
    """Store an event; answer the letter for the token that has waited longest for it, if one has."""
    _lock(connection, event.name)
    data = event.data if isinstance(event.data, dict) else {}
    waiting = _waiting(connection, event.name, data)
    row = {
        "id": event.id,
        "name": event.name,
        "data": orjson.dumps(event.data),
        "business_keys": orjson.dumps(event.keys).decode(),
        "flow": event.flow,
        "received_at": now,
        "taken_by": waiting[0] if waiting else "",
    }
    fresh = insert_into(connection, workflow_event).values(row).on_conflict_do_nothing()
    if connection.execute(fresh.returning(workflow_event.c.id)).first() is None:
        return []
    if waiting is None:
        anchors = {_fingerprint(name, value) for name, value in data.items()}
        if anchors:
            connection.execute(
                workflow_event_field.insert(), [{"event": event.id, "anchor": anchor} for anchor in sorted(anchors)]
            )
        return []
    instance, token = waiting
    close_wait(connection, instance, token)
    return [taken_letter(instance, token, event.data)]


def open_wait(
    connection: Connection, instance: str, token: str, event: str, match: Mapping[str, Json], now: float
) -> tuple[bool, Json]:
    """Register a wait, or take the oldest stored event that fits: (True, its data)."""
    _lock(connection, event)
    anchor = _anchor(match)
    early = _stored(connection, event, anchor, match)
    if early is not None:
        event_id, data = early
        taken = workflow_event.c.id == event_id
        connection.execute(update(workflow_event).where(taken).values(taken_by=instance))
        connection.execute(delete(workflow_event_field).where(workflow_event_field.c.event == event_id))
        return True, data
    row = {"instance": instance, "token": token, "event": event, "anchor": anchor}
    connection.execute(workflow_wait.insert().values(**row, match=orjson.dumps(dict(match)), opened_at=now))
    return False, None


def close_wait(connection: Connection, instance: str, token: str) -> None:
    """Forget a wait."""
    mine = (workflow_wait.c.instance == instance) & (workflow_wait.c.token == token)
    connection.execute(delete(workflow_wait).where(mine))


def _waiting(connection: Connection, name: str, data: Mapping[str, Json]) -> tuple[str, str] | None:
    anchors = ["", *(_fingerprint(field, value) for field, value in data.items())]
    candidates = (
        select(workflow_wait)
        .where(workflow_wait.c.event == name, workflow_wait.c.anchor.in_(anchors))
        .order_by(workflow_wait.c.opened_at, workflow_wait.c.instance, workflow_wait.c.token)
    )
    for row in connection.execute(candidates):
        if fits(orjson.loads(row.match), data):
            return row.instance, row.token
    return None


def _stored(connection: Connection, name: str, anchor: str, match: Mapping[str, Json]) -> tuple[str, Json] | None:
    free = select(workflow_event.c.id, workflow_event.c.data).where(
        workflow_event.c.name == name, workflow_event.c.taken_by == ""
    )
    if anchor:
        fields = workflow_event_field
        free = free.join(fields, fields.c.event == workflow_event.c.id).where(fields.c.anchor == anchor)
    for row in connection.execute(free.order_by(workflow_event.c.received_at, workflow_event.c.id)):
        data: Json = orjson.loads(row.data)
        if fits(match, data if isinstance(data, dict) else {}):
            return row.id, data
    return None


def fits(match: Mapping[str, Json], data: Mapping[str, Json]) -> bool:
    """Whether every field of ``match`` equals that of the event, as JSON values: 1 is 1.0, but not "1" or true."""
    return all(name in data and _plain(data[name]) == _plain(value) for name, value in match.items())


def _anchor(match: Mapping[str, Json]) -> str:
    return _fingerprint(*min(match.items())) if match else ""


def _fingerprint(name: str, value: Json) -> str:
    return hashlib.sha256(name.encode() + b"=" + _plain(value)).hexdigest()


def _plain(value: Json) -> bytes:
    return orjson.dumps(_numbers(value), option=orjson.OPT_SORT_KEYS)


def _numbers(value: Json) -> Json:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    if isinstance(value, dict):
        return {name: _numbers(item) for name, item in value.items()}
    return value


def _lock(connection: Connection, event: str) -> None:
    # Two transactions that do not see each other yet, one raising the event and one beginning to wait for it,
    # would miss each other. SQLite has one writer anyway.
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"workflow-event:{event}"))))
