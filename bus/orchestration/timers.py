"""Turns timers that are due into letters, in one transaction each time, so that every timer rings exactly once."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import cast

import structlog
from sqlalchemy import Connection, delete, func, select, tuple_

from bus.backbone import outbox
from bus.background import Background
from bus.errors import StateUnavailable
from bus.orchestration.instance import TimerKind
from bus.orchestration.letters import timer_letter
from bus.orchestration.records import TIMER_TOPIC
from bus.orchestration.stimuli import Timer
from bus.orchestration.tables import workflow_timer
from bus.state.store import State

_log = structlog.get_logger(__name__)

#: How many timers one transaction takes.
BATCH = 200


def ring(connection: Connection, now: float) -> int:
    """Inside a work: take the timers that are due and post their letters; answer how many they were.

    Several processes may do this at once: each timer is taken by one of them.
    """
    due = (
        select(workflow_timer)
        .where(workflow_timer.c.due_at <= now)
        .order_by(workflow_timer.c.due_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(due).all()
    if rows:
        names = [(row.instance, row.token, row.kind) for row in rows]
        key = tuple_(workflow_timer.c.instance, workflow_timer.c.token, workflow_timer.c.kind)
        connection.execute(delete(workflow_timer).where(key.in_(names)))
        timers = [(row.instance, Timer(row.token, cast(TimerKind, row.kind), row.due_at)) for row in rows]
        outbox.post(connection, [timer_letter(instance, timer) for instance, timer in timers])
    return len(rows)


def next_due(connection: Connection) -> float | None:
    """Inside a read: when the next timer is due, in Unix seconds."""
    due: float | None = connection.execute(select(func.min(workflow_timer.c.due_at))).scalar_one()
    return due


class Timers:
    """Rings timers in time. ``poll`` bounds, in seconds, how late one is seen that another process has set."""

    def __init__(self, state: State, *, poll: float = 0.2) -> None:
        self._state = state
        self._poll = poll
        self._set = asyncio.Event()
        self._background = Background(self._run, "workflow-timers")

    async def start(self) -> None:
        """Begin; timers that came due while nothing ran ring at once."""
        loop = asyncio.get_running_loop()

        def heard() -> None:
            with suppress(RuntimeError):  # the loop is closed: there is nobody left to wake
                loop.call_soon_threadsafe(self._set.set)

        self._state.listen(TIMER_TOPIC, heard)
        self._background.start()

    async def stop(self) -> None:
        """Stop at once; what has not rung stays in the store."""
        await self._background.stop()

    async def _run(self) -> None:
        while True:
            self._set.clear()
            pause = self._poll
            try:
                due = await self._state.read(next_due)
                if due is not None and due <= time.time():
                    await self._state.write(lambda connection: ring(connection, time.time()))
                    continue
                if due is not None:
                    pause = min(due - time.time(), pause)
                elif not self._state.shared:
                    pause = 3600.0
            except StateUnavailable as error:
                _log.warning("timers wait", reason=str(error))
                pause = 1.0
            with suppress(TimeoutError):
                await asyncio.wait_for(self._set.wait(), max(pause, 0.001))
