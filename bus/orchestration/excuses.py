"""Deadlines that pass because a system has a planned downtime: moved instead of missed, and noted without an alert."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from bus.downtime.period import Downtime
from bus.downtime.planning import open_downtimes
from bus.orchestration.instance import Instance, Token
from bus.orchestration.program import Call, Program, Wait
from bus.orchestration.records import write_alerts
from bus.orchestration.stimuli import Alarm, Excuse, Timer
from bus.orchestration.tables import alert
from registry.model import Snapshot

#: While a backlog drains nobody knows when a letter's turn comes: its step is looked at again after so many seconds.
AGAIN = 60.0


def excused(
    connection: Connection, snapshot: Snapshot, program: Program, instance: Instance, timer: Timer, now: float
) -> Excuse | None:
    """Inside a work: what stands for a deadline that has passed while its step's system was down, or its backlog not
    yet drained; None for any other timer.

    The step gets after the downtime what it had left when the downtime began.
    """
    token = instance.tokens.get(timer.token)
    if timer.kind != "deadline" or token is None or token.deadline_at != timer.due_at:
        return None
    found = _downtime(connection, _systems(snapshot, program, token), now)
    if found is None:
        return None
    if found.status(now) == "down":
        left = timer.due_at - max(found.begins_at, token.started_at)
        until = max(found.ends_at, now) + max(left, 1.0)
    else:
        until = now + AGAIN
    known = select(alert.c.id).where(
        alert.c.instance == instance.id, alert.c.step == token.step, alert.c.silenced_by == found.number
    )
    if connection.execute(known.limit(1)).first() is None:
        write_alerts(connection, instance.id, [Alarm("late", token.step, "late")], now, silenced_by=found.number)
    return Excuse(timer.token, timer.due_at, until)


def _systems(snapshot: Snapshot, program: Program, token: Token) -> Collection[str]:
    """The systems without which the token's step cannot go on."""
    match program.code[token.pc]:
        case Call() as call:
            return {snapshot.system_of(call.step.operation)}
        case Wait() as wait:
            return snapshot.systems_raising(wait.step.event)
        case _:
            return ()


def _downtime(connection: Connection, systems: Collection[str], now: float) -> Downtime | None:
    known = [one for one in open_downtimes(connection) if one.system in systems]
    return next((one for one in reversed(known) if one.status(now) in ("down", "draining")), None)
