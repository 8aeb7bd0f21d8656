"""Writes what the engine keeps beside an instance's state: its history, alerts, timers and business keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete

from bus.backbone.tables import insert_into
from bus.message import new_id
from bus.orchestration.instance import TimerKind
from bus.orchestration.stimuli import Alarm, StepChange
from bus.orchestration.tables import alert, workflow_key, workflow_step, workflow_timer
from bus.state.topics import announce

#: Announced when a timer is set, so that the poller of the same process looks at it in time.
TIMER_TOPIC = "workflow.timer"

_OPEN = frozenset({"calling", "waiting", "late"})


def write_history(
    connection: Connection,
    instance: str,
    changes: Sequence[StepChange],
    messages: Mapping[tuple[str, str, int], str],
    now: float,
) -> None:
    """Begin or end the lines of these changes. ``messages`` names the letter of each call that begins."""
    for change in changes:
        row: dict[str, Any] = {"instance": instance, "step": change.step, "phase": change.phase}
        row |= {"attempt": change.attempt, "status": change.status, "target": change.target, "started_at": now}
        row |= {"message_id": messages.get((change.step, change.phase, change.attempt), ""), "error": change.error}
        row["ended_at"] = 0.0 if change.status in _OPEN else now
        ended = {"status": change.status, "error": change.error, "ended_at": row["ended_at"]}
        line = insert_into(connection, workflow_step).values(row)
        connection.execute(
            line.on_conflict_do_update(index_elements=["instance", "step", "phase", "attempt"], set_=ended)
        )


def write_alerts(
    connection: Connection, instance: str, alarms: Sequence[Alarm], now: float, *, silenced_by: int = 0
) -> None:
    """Raise these alerts, or only note them with the downtime that made them expected; none of their fields holds data
    of a document."""
    if alarms:
        rows = [
            {"id": new_id(now), "at": now, "kind": alarm.kind, "instance": instance, "step": alarm.step}
            | {"code": alarm.code, "acknowledged": False, "acknowledged_by": "", "silenced_by": silenced_by}
            for alarm in alarms
        ]
        connection.execute(alert.insert(), rows)


def change_timers(
    connection: Connection,
    instance: str,
    due: Mapping[tuple[str, TimerKind], float],
    cleared: Iterable[tuple[str, TimerKind]],
) -> None:
    """Set and clear timers."""
    for token, kind in sorted(cleared):
        mine = (workflow_timer.c.instance == instance) & (workflow_timer.c.token == token)
        connection.execute(delete(workflow_timer).where(mine, workflow_timer.c.kind == kind))
    if due:
        rows = [
            {"instance": instance, "token": token, "kind": kind, "due_at": when} for (token, kind), when in due.items()
        ]
        line = insert_into(connection, workflow_timer)
        anew = line.on_conflict_do_update(
            index_elements=["instance", "token", "kind"], set_={"due_at": line.excluded.due_at}
        )
        connection.execute(anew, rows)
        announce(connection, TIMER_TOPIC)


def write_keys(connection: Connection, instance: str, keys: Iterable[tuple[str, str]]) -> None:
    """Make the instance findable by these business keys."""
    rows = [{"name": name[:64], "value": value[:256], "instance": instance} for name, value in keys]
    if rows:
        connection.execute(insert_into(connection, workflow_key).on_conflict_do_nothing(), rows)
