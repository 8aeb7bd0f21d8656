"""Human tasks: where an instance needs a person, since when, and who took it; closed by an order or by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from bus.message import new_id
from bus.orchestration.allowed import allowed
from bus.orchestration.instance import Instance
from bus.orchestration.stimuli import Task
from bus.orchestration.tables import workflow_instance, workflow_task

Entry = Mapping[str, Any]


def open_tasks(connection: Connection, instance: Instance, opened: Sequence[Task], now: float) -> None:
    """Inside a work: note that these tokens of ``instance`` wait for a person."""
    if opened:
        rows = [
            {"id": new_id(now), "instance": instance.id, "token": task.token, "step": task.step, "phase": task.phase}
            | {"code": task.trouble.code, "message": task.trouble.message, "attempts": task.attempts, "since": now}
            | {"taken_by": "", "taken_at": 0.0, "closed_by": "", "closed_at": 0.0}
            for task in opened
        ]
        connection.execute(workflow_task.insert(), rows)


def close_tasks(connection: Connection, instance: str, tokens: Iterable[str], who: str, now: float) -> None:
    """Inside a work: these tokens need nobody any more; ``who`` is empty when they went on by themselves."""
    for token in sorted(tokens):
        mine = (workflow_task.c.instance == instance) & (workflow_task.c.token == token)
        closed = update(workflow_task).where(mine, workflow_task.c.closed_at == 0.0)
        connection.execute(closed.values(closed_by=who[:64], closed_at=now))


def take_tasks(connection: Connection, instance: str, steps: Iterable[str], who: str, now: float) -> None:
    """Inside a work: ``who`` looks after the open tasks of these steps."""
    mine = (workflow_task.c.instance == instance) & workflow_task.c.step.in_(tuple(steps))
    taken = update(workflow_task).where(mine, workflow_task.c.closed_at == 0.0)
    connection.execute(taken.values(taken_by=who[:64], taken_at=now))


def list_tasks(connection: Connection, *, instance: str = "", done: bool = False, limit: int = 100) -> Sequence[Entry]:
    """Inside a read: tasks of one instance or of all, those that wait longest first; closed ones only with ``done``.

    Each has id, instance, workflow, step, phase (do: the step itself; unknown: settling its unknown outcome; undo),
    code and message of what went wrong, attempts, since, taken_by, taken_at, closed_by, closed_at (Unix seconds, 0 for
    not), and ``verbs``: what an operator may say, each with the steps it may name.
    """
    both = workflow_task.join(workflow_instance, workflow_task.c.instance == workflow_instance.c.id)
    wanted = select(workflow_task, workflow_instance.c.workflow, workflow_instance.c.state).select_from(both)
    if instance:
        wanted = wanted.where(workflow_task.c.instance == instance)
    if not done:
        wanted = wanted.where(workflow_task.c.closed_at == 0.0)
    ordered = wanted.order_by(workflow_task.c.since, workflow_task.c.id).limit(limit)
    return [_entry(row) for row in connection.execute(ordered)]


def count_tasks(connection: Connection) -> int:
    """Inside a read: how many tasks wait for a person."""
    open_ones = select(func.count()).select_from(workflow_task).where(workflow_task.c.closed_at == 0.0)
    return int(connection.execute(open_ones).scalar_one())


_SHOWN = ("id", "instance", "workflow", "step", "phase", "code", "message", "attempts", "since")
_LIFE = ("taken_by", "taken_at", "closed_by", "closed_at")


def _entry(row: Row[Any]) -> Entry:
    verbs = {} if row.closed_at else allowed(Instance.load(row.state))
    return {name: getattr(row, name) for name in (*_SHOWN, *_LIFE)} | {"verbs": verbs}
