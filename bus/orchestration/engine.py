"""Handles what reaches workflows by letter: starts, events, and what moves an instance that exists."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from bus.backbone.tables import insert_into
from bus.errors import BusError, NotFound
from bus.orchestration import events
from bus.orchestration.excuses import excused
from bus.orchestration.instance import Instance
from bus.orchestration.letters import EventLetter, MoveLetter, StartLetter, read_engine_letter
from bus.orchestration.programs import Programs
from bus.orchestration.stimuli import Start, Stimulus, Timer
from bus.orchestration.tables import workflow_instance
from bus.orchestration.work import Work, keys_of, lock
from bus.ports import Letter, SnapshotSource
from registry.workflow import LinkedWorkflow


class WorkflowUnknown(BusError):
    """No released workflow has this name: an operator can release it and replay the letter."""


class Engine:
    """Handles the letters of the queue ``engine``, each in the transaction that its consumer opens."""

    def __init__(self, registry: SnapshotSource, clock: Callable[[], float] = time.time) -> None:
        self._registry = registry
        self._clock = clock
        self._programs = Programs()

    def handle(self, connection: Connection, letter: Letter) -> Sequence[Letter]:
        """Apply one letter; answer those that follow from it.

        Raises MalformedDocument, WorkflowUnknown, or NotFound for an instance that never was.
        """
        match read_engine_letter(letter):
            case StartLetter() as start:
                return self._start(connection, start)
            case EventLetter() as event:
                return events.raise_event(connection, event, self._clock())
            case MoveLetter() as move:
                return self._move(connection, move.instance, move.stimulus)

    def _start(self, connection: Connection, start: StartLetter) -> Sequence[Letter]:
        workflow = self._registry.snapshot.workflows.get(start.workflow)
        if not isinstance(workflow, LinkedWorkflow):
            raise WorkflowUnknown(
                f"no workflow {start.workflow!r} has been released; release it and replay this letter"
            )
        now = self._clock()
        program = self._programs.keep(connection, workflow, now)
        row = {"id": start.id, "workflow": workflow.name, "definition_hash": workflow.hash, "flow": start.flow}
        row |= {"parent": start.message_id, "status": "running", "visit_no": "", "business_keys": "[]", "error": "{}"}
        fresh = insert_into(connection, workflow_instance).values(
            **row, created_at=now, updated_at=now, revision=0, state=b""
        )
        if connection.execute(fresh.on_conflict_do_nothing().returning(workflow_instance.c.id)).first() is None:
            return ()
        work = Work(connection, self._registry.snapshot, program, now, start.flow, start.keys)
        return work.run(None, Start(start.id, start.input))

    def _move(self, connection: Connection, instance_id: str, stimulus: Stimulus) -> Sequence[Letter]:
        row = lock(connection, instance_id)
        if row is None:
            raise NotFound(f"no workflow instance {instance_id}")
        program = self._programs.stored(connection, row.definition_hash)
        snapshot, now, instance = self._registry.snapshot, self._clock(), Instance.load(row.state)
        if isinstance(stimulus, Timer):
            stimulus = excused(connection, snapshot, program, instance, stimulus, now) or stimulus
        return Work(connection, snapshot, program, now, row.flow, keys_of(row)).run(instance, stimulus)
