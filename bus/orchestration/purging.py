"""Drops what workflows have left behind when it has been kept long enough, a small batch at a time."""

from __future__ import annotations

import asyncio
import time

import structlog
from sqlalchemy import Connection, delete, select

from bus.background import Background
from bus.errors import StateUnavailable
from bus.orchestration.instance import FINISHED
from bus.orchestration.tables import (
    alert,
    workflow_event,
    workflow_event_field,
    workflow_instance,
    workflow_key,
    workflow_step,
    workflow_task,
)
from bus.state.store import State

_log = structlog.get_logger(__name__)

#: How many instances, and how many events, one transaction drops.
BATCH = 100

#: Seconds between two batches: others write too.
_BREATH = 0.05

_DAY = 86400.0


def purge(connection: Connection, before: float) -> bool:
    """Inside a work: drop up to ``BATCH`` instances that ended, and events that came, before this time (Unix seconds).

    An instance goes with its history, keys, tasks and alerts; one that has not ended stays however old it is, and so
    do definitions. Answers whether there may be more.
    """
    ended = (
        select(workflow_instance.c.id)
        .where(workflow_instance.c.status.in_(sorted(FINISHED)))
        .where(workflow_instance.c.created_at < before, workflow_instance.c.updated_at < before)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    instances = connection.execute(ended).scalars().all()
    for table in (workflow_key, workflow_step, workflow_task, alert):
        connection.execute(delete(table).where(table.c.instance.in_(instances)))
    connection.execute(delete(workflow_instance).where(workflow_instance.c.id.in_(instances)))
    came = select(workflow_event.c.id).where(workflow_event.c.received_at < before).limit(BATCH)
    events = connection.execute(came.with_for_update(skip_locked=True)).scalars().all()
    connection.execute(delete(workflow_event_field).where(workflow_event_field.c.event.in_(events)))
    connection.execute(delete(workflow_event).where(workflow_event.c.id.in_(events)))
    return BATCH in (len(instances), len(events))


class Purge:
    """Purges every hour what is older than ``days``; 0 keeps everything."""

    def __init__(self, state: State, days: int, *, every: float = 3600.0) -> None:
        self._state = state
        self._days = days
        self._every = every
        self._background = Background(self._run, "workflow-purge")

    def start(self) -> None:
        """Begin; the first purge is at once."""
        if self._days:
            self._background.start()

    async def stop(self) -> None:
        """Stop; a batch under way is dropped or stays, whole."""
        await self._background.stop()

    async def _run(self) -> None:
        while True:
            more = False
            try:
                more = await self._state.write(lambda connection: purge(connection, time.time() - self._days * _DAY))
            except StateUnavailable as error:
                _log.warning("purge waits", reason=str(error))
            await asyncio.sleep(_BREATH if more else self._every)
