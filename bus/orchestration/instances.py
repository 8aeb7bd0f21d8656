"""Reads workflow instances for the console and the command line: lists, one with its history, counts, alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Column, Connection, Row, Select, func, or_, select, update

from bus.orchestration.allowed import allowed
from bus.orchestration.instance import Instance, Token
from bus.orchestration.orders import Orders, Outcome, subject
from bus.orchestration.stimuli import Order
from bus.orchestration.tables import (
    alert,
    workflow_definition,
    workflow_instance,
    workflow_key,
    workflow_step,
    workflow_timer,
    workflow_wait,
)
from bus.orchestration.tasks import count_tasks, list_tasks
from bus.ports import SnapshotSource
from bus.state.actions import Action, actions
from bus.state.store import State

Entry = Mapping[str, Any]

_LISTED: tuple[Column[Any], ...] = (
    workflow_instance.c.id,
    workflow_instance.c.workflow,
    workflow_instance.c.definition_hash,
    workflow_instance.c.status,
    workflow_instance.c.flow,
    workflow_instance.c.business_keys,
    workflow_instance.c.created_at,
    workflow_instance.c.updated_at,
    workflow_instance.c.error,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which instances a list holds; what is empty does not count.

    ``key`` is the value of a business key of any name, ``started_before`` in Unix seconds, ``before`` the id of the
    last instance of the page before.
    """

    status: str = ""
    workflow: str = ""
    key: str = ""
    started_before: float = 0.0
    before: str = ""
    limit: int = 50


class Instances:
    """The instances of a state store, for threads without an event loop."""

    def __init__(self, state: State, registry: SnapshotSource) -> None:
        self._state = state
        self._orders = Orders(registry)

    def page(self, wanted: Wanted) -> Sequence[Entry]:
        """Instances, newest first; see ``list_instances``."""
        return self._state.read_blocking(lambda c: list_instances(c, wanted))

    def one(self, instance: str) -> Entry | None:
        """One instance with its history, waits, timers and definition; None when there is none."""
        return self._state.read_blocking(lambda c: get_instance(c, instance))

    def by_key(self, name: str, value: str) -> Sequence[Entry]:
        """The instances that carry this business key, newest first; an empty name stands for any."""
        return self._state.read_blocking(lambda c: find_by_key(c, name, value))

    def counts(self) -> Mapping[str, int]:
        """How many instances have which status."""
        return self._state.read_blocking(count_by_status)

    def alerts(self, limit: int = 20) -> Sequence[Entry]:
        """Alerts nobody has acknowledged, newest first."""
        return self._state.read_blocking(lambda c: open_alerts(c, limit))

    def silenced(self, downtime: int) -> Sequence[Entry]:
        """The alerts that were expected because of this downtime, newest first."""
        return self._state.read_blocking(lambda c: silenced_alerts(c, downtime))

    def acknowledge(self, alert_id: str, user: str) -> bool:
        """Note that ``user`` has seen an alert; False when there is no such open alert."""
        return self._state.write_blocking(lambda c: acknowledge(c, alert_id, user))

    def tasks(self, limit: int = 100) -> Sequence[Entry]:
        """What waits for a person, the longest first; see ``tasks.list_tasks``."""
        return self._state.read_blocking(lambda c: list_tasks(c, limit=limit))

    def task_count(self) -> int:
        """How many tasks wait for a person."""
        return self._state.read_blocking(count_tasks)

    def order(self, instance: str, order: Order, *, who: str, reason: str = "") -> Outcome:
        """Give an instance an operator's order. Raises NotFound and OrderRefused."""
        return self._state.write_blocking(lambda c: self._orders.give(c, instance, order, who=who, reason=reason))

    def foresee(self, instance: str, order: Order) -> Outcome:
        """What an order would do, without doing it. Raises NotFound."""
        return self._state.read_blocking(lambda c: self._orders.foresee(c, instance, order))


def list_instances(connection: Connection, wanted: Wanted) -> Sequence[Entry]:
    """The instances that are wanted, newest first.

    Each has id, workflow, definition_hash, status, flow, keys (pairs), created_at, updated_at (Unix seconds) and
    error (a text, empty when there is none).
    """
    table = workflow_instance.c
    found = select(*_LISTED)
    if wanted.status:
        found = found.where(table.status == wanted.status)
    if wanted.workflow:
        found = found.where(table.workflow == wanted.workflow)
    if wanted.key:
        found = found.where(table.id.in_(select(workflow_key.c.instance).where(workflow_key.c.value == wanted.key)))
    if wanted.started_before:
        found = found.where(table.created_at < wanted.started_before)
    if wanted.before:
        found = _older(found, wanted.before)
    newest = found.order_by(table.created_at.desc(), table.id.desc())
    return [_entry(row) for row in connection.execute(newest.limit(wanted.limit))]


def _older(wanted: Select[Any], before: str) -> Select[Any]:
    table = workflow_instance.c
    since = select(table.created_at).where(table.id == before).scalar_subquery()
    return wanted.where(or_(table.created_at < since, (table.created_at == since) & (table.id < before)))


def find_by_key(connection: Connection, name: str, value: str) -> Sequence[Entry]:
    """The instances that carry this business key, newest first; an empty name stands for any."""
    carrying = select(workflow_key.c.instance).where(workflow_key.c.value == value)
    if name:
        carrying = carrying.where(workflow_key.c.name == name)
    wanted = select(*_LISTED).where(workflow_instance.c.id.in_(carrying))
    return [_entry(row) for row in connection.execute(wanted.order_by(workflow_instance.c.created_at.desc()))]


def count_by_status(connection: Connection) -> Mapping[str, int]:
    """How many instances have which status."""
    counted = select(workflow_instance.c.status, func.count()).group_by(workflow_instance.c.status)
    return {row[0]: row[1] for row in connection.execute(counted)}


def get_instance(connection: Connection, instance: str) -> Entry | None:
    """One instance; beyond what a list holds: ``version``, ``steps`` (in the order begun), ``waits``, ``timers``,
    ``alerts``, ``tasks`` (closed ones too), ``orders`` (newest first), ``verbs`` (what may be ordered now, each with
    the steps it may name), ``places`` (where its tokens are), ``done`` (what an undo could take back, oldest first),
    ``definition`` (the linked workflow's JSON), ``input`` and ``vars`` (patient data: mask them)."""
    row = connection.execute(select(workflow_instance).where(workflow_instance.c.id == instance)).first()
    if row is None:
        return None
    known = select(workflow_definition).where(workflow_definition.c.hash == row.definition_hash)
    definition = connection.execute(known).one()
    state = Instance.load(row.state)
    return {
        **_entry(row),
        "version": definition.version,
        "definition": orjson.loads(definition.json),
        "input": state.input,
        "vars": state.vars,
        "places": [_place(token) for token in state.tokens.values() if token.step],
        "done": tuple(entry.step for entry in state.undo),
        "verbs": allowed(state),
        "tasks": list_tasks(connection, instance=instance, done=True),
        "orders": [_order(action) for action in actions(connection, subject=subject(instance))],
        "steps": _steps(connection, instance),
        "waits": _waits(connection, instance),
        "timers": _timers(connection, instance),
        "alerts": [_alert(found) for found in connection.execute(select(alert).where(alert.c.instance == instance))],
    }


def _place(token: Token) -> Entry:
    return {
        "step": token.step,
        "phase": token.phase,
        "status": token.status,
        "error": token.trouble.code if token.trouble else "",
        "retry_at": token.retry_at or 0.0,
        "deadline_at": token.deadline_at or 0.0,
    }


def _steps(connection: Connection, instance: str) -> Sequence[Entry]:
    """step, phase (do, unknown, undo), attempt, status, operation, message_id, error, started_at, ended_at (0: not)."""
    lines = select(workflow_step).where(workflow_step.c.instance == instance)
    order = (workflow_step.c.started_at, workflow_step.c.attempt, workflow_step.c.step)
    return [
        {
            "step": row.step,
            "phase": row.phase,
            "attempt": row.attempt,
            "status": row.status,
            "operation": row.target,
            "message_id": row.message_id,
            "error": row.error,
            "started_at": row.started_at,
            "ended_at": row.ended_at,
        }
        for row in connection.execute(lines.order_by(*order))
    ]


def _waits(connection: Connection, instance: str) -> Sequence[Entry]:
    rows = connection.execute(select(workflow_wait).where(workflow_wait.c.instance == instance))
    return [{"event": row.event, "match": orjson.loads(row.match), "since": row.opened_at} for row in rows]


def _timers(connection: Connection, instance: str) -> Sequence[Entry]:
    wanted = select(workflow_timer).where(workflow_timer.c.instance == instance).order_by(workflow_timer.c.due_at)
    return [{"kind": row.kind, "due_at": row.due_at} for row in connection.execute(wanted)]


def _order(action: Action) -> Entry:
    return {"at": action.at, "who": action.who, "verb": action.verb, "reason": action.reason}


def open_alerts(connection: Connection, limit: int = 20) -> Sequence[Entry]:
    """Alerts nobody has acknowledged, newest first: id, at, kind, instance, step, code, and all of it as text."""
    wanted = (
        select(alert)
        .where(alert.c.acknowledged.is_(False), alert.c.silenced_by == 0)
        .order_by(alert.c.at.desc())
        .limit(limit)
    )
    return [_alert(row) for row in connection.execute(wanted)]


def silenced_alerts(connection: Connection, downtime: int, limit: int = 100) -> Sequence[Entry]:
    """The alerts that a downtime made expected, newest first."""
    wanted = select(alert).where(alert.c.silenced_by == downtime).order_by(alert.c.at.desc()).limit(limit)
    return [_alert(row) for row in connection.execute(wanted)]


def acknowledge(connection: Connection, alert_id: str, user: str) -> bool:
    """Inside a work: note that ``user`` has seen an alert; False when there is no such open alert."""
    unseen = (alert.c.id == alert_id) & alert.c.acknowledged.is_(False)
    seen = update(alert).where(unseen).values(acknowledged=True, acknowledged_by=user[:64])
    return connection.execute(seen).rowcount == 1


def _alert(row: Row[Any]) -> Entry:
    fields = {name: getattr(row, name) for name in ("id", "at", "kind", "instance", "step", "code", "acknowledged")}
    return {**fields, "text": f"{row.step}: {row.code}"}


def _entry(row: Row[Any]) -> Entry:
    error: dict[str, str] = orjson.loads(row.error)
    where = f"{error['step']}: " if error.get("step") else ""
    return {
        "id": row.id,
        "workflow": row.workflow,
        "definition_hash": row.definition_hash,
        "status": row.status,
        "flow": row.flow,
        "keys": [tuple(pair) for pair in orjson.loads(row.business_keys)],
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "error": f"{where}{error['message']}" if error else "",
    }
