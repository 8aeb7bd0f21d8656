"""Moves instances inside transactions: state, timers, waits and outgoing letters commit together or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import lru_cache

import orjson
from sqlalchemy import Connection, Row, select, update

from bus.backbone.tables import insert_into
from bus.errors import BusError, NotFound
from bus.orchestration import events, records
from bus.orchestration.instance import Instance
from bus.orchestration.letters import (
    EventLetter,
    Keys,
    MoveLetter,
    StartLetter,
    call_letter,
    read_engine_letter,
)
from bus.orchestration.machine import advance
from bus.orchestration.program import Program, Wait, compile_program
from bus.orchestration.stimuli import Effects, Event, Start, Stimulus
from bus.orchestration.tables import workflow_definition, workflow_instance
from bus.ports import Letter, SnapshotSource
from registry.workflow import LinkedWorkflow, load_linked
from transformers.errors import MappingFailed


class WorkflowUnknown(BusError):
    """No released workflow has this name: an operator can release it and replay the letter."""


class Engine:
    """Handles the letters of the queue ``engine``, each in the transaction that its consumer opens."""

    def __init__(self, registry: SnapshotSource, clock: Callable[[], float] = time.time) -> None:
        self._registry = registry
        self._clock = clock
        self._compile = lru_cache(maxsize=256)(_compile)

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
        raw = orjson.dumps(workflow.raw)
        definition = {"hash": workflow.hash, "name": workflow.name, "version": workflow.version, "json": raw}
        connection.execute(
            insert_into(connection, workflow_definition).values(**definition, created_at=now).on_conflict_do_nothing()
        )
        row = {"id": start.id, "workflow": workflow.name, "definition_hash": workflow.hash, "flow": start.flow}
        row |= {"parent": start.message_id, "status": "running", "visit_no": "", "business_keys": "[]", "error": "{}"}
        fresh = insert_into(connection, workflow_instance).values(
            **row, created_at=now, updated_at=now, revision=0, state=b""
        )
        if connection.execute(fresh.on_conflict_do_nothing().returning(workflow_instance.c.id)).first() is None:
            return ()
        work = _Work(connection, self._compile(workflow.hash, raw), now, start.flow, start.keys)
        return work.run(None, Start(start.id, start.input))

    def _move(self, connection: Connection, instance_id: str, stimulus: Stimulus) -> Sequence[Letter]:
        row = _lock(connection, instance_id)
        if row is None:
            raise NotFound(f"no workflow instance {instance_id}")
        work = _Work(connection, self._program(connection, row.definition_hash), self._clock(), row.flow, _keys(row))
        return work.run(Instance.load(row.state), stimulus)

    def _program(self, connection: Connection, definition_hash: str) -> Program:
        wanted = select(workflow_definition.c.json).where(workflow_definition.c.hash == definition_hash)
        return self._compile(definition_hash, bytes(connection.execute(wanted).scalar_one()))


class _Work:
    """One letter's moves of one instance, and the letters they ask for."""

    def __init__(self, connection: Connection, program: Program, now: float, flow: str, keys: Keys) -> None:
        self._connection = connection
        self._program = program
        self._now = now
        self._flow = flow
        self._keys = keys
        self._letters: list[Letter] = []

    def run(self, instance: Instance | None, stimulus: Stimulus) -> Sequence[Letter]:
        """Apply the stimulus and every event that was waiting for what it leads to; save the result."""
        pending = [stimulus]
        moved: Instance | None = instance
        while pending:
            moved, effects = advance(self._program, moved, pending.pop(0), self._now)
            pending += self._carry_out(moved, effects)
        if moved is not None:
            self._save(moved)
        return self._letters

    def _carry_out(self, instance: Instance, effects: Effects) -> list[Event]:
        """Write what one move asks for; answer the events that had come before their waits."""
        self._learn_keys(instance)
        sent: dict[tuple[str, str, int], str] = {}
        for call in effects.calls:
            letter = call_letter(instance.id, call, flow=self._flow, keys=self._keys)
            sent[call.step, call.phase, call.attempt] = letter.id
            self._letters.append(letter)
        records.write_history(self._connection, instance.id, effects.history, sent, self._now)
        records.write_alerts(self._connection, instance.id, effects.alarms, self._now)
        records.change_timers(self._connection, instance.id, effects.timers_set, effects.timers_cleared)
        for token in sorted(effects.waits_closed):
            events.close_wait(self._connection, instance.id, token)
        early: list[Event] = []
        for token, (_, match) in effects.waits_opened.items():
            wait = self._program.code[instance.tokens[token].pc]
            if isinstance(wait, Wait):
                taken, data = events.open_wait(self._connection, instance.id, token, wait.step.event, match, self._now)
                early += [Event(token, data)] if taken else []
        return early

    def _learn_keys(self, instance: Instance) -> None:
        """Business keys may depend on replies: those not known yet are looked for after every move."""
        known = {name for name, _ in self._keys}
        for name, expression in self._program.keys.items():
            if name in known:
                continue
            try:
                found = expression.evaluate(instance.context())
            except MappingFailed:  # not there yet
                continue
            values = found if isinstance(found, list) else []
            self._keys += tuple((name, str(v)) for v in values if isinstance(v, str | int) and v != "")

    def _save(self, instance: Instance) -> None:
        visits = [value for name, value in self._keys if name == "visit_no"]
        failure = instance.failure
        changes = {
            "status": instance.status,
            "visit_no": visits[0][:128] if visits else "",
            "business_keys": orjson.dumps(self._keys).decode(),
            "updated_at": self._now,
            "state": instance.dump(),
            "error": orjson.dumps(failure).decode() if failure else "{}",
        }
        mine = workflow_instance.c.id == instance.id
        connection = self._connection
        connection.execute(
            update(workflow_instance).where(mine).values(**changes, revision=workflow_instance.c.revision + 1)
        )
        records.write_keys(connection, instance.id, self._keys)


def _compile(definition_hash: str, raw: bytes) -> Program:
    return compile_program(load_linked(orjson.loads(raw)))


def _lock(connection: Connection, instance_id: str) -> Row[tuple[object, ...]] | None:
    # FOR UPDATE is PostgreSQL's; SQLite has one writer and leaves it out.
    wanted = select(workflow_instance).where(workflow_instance.c.id == instance_id)
    return connection.execute(wanted.with_for_update()).first()


def _keys(row: Row[tuple[object, ...]]) -> Keys:
    return tuple((name, value) for name, value in orjson.loads(row.business_keys))
