"""One transaction's moves of one instance: state, history, timers, waits, tasks and letters commit together."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from sqlalchemy import Connection, Row, select, update

from bus.orchestration import events, records, tasks
from bus.orchestration.instance import Instance
from bus.orchestration.letters import Keys, call_letter
from bus.orchestration.machine import advance
from bus.orchestration.program import Program, Wait
from bus.orchestration.stimuli import Effects, Event, Stimulus
from bus.orchestration.tables import workflow_instance
from bus.ports import Letter
from registry.model import Snapshot
from transformers.errors import MappingFailed


class Work:
    """The moves, and the letters they ask for.

    ``snapshot`` knows whom a call goes to. ``who`` closes tasks: an operator, or nobody when they close by themselves.
    """

    def __init__(
        self,
        connection: Connection,
        snapshot: Snapshot,
        program: Program,
        now: float,
        flow: str,
        keys: Keys,
        *,
        who: str = "",
    ) -> None:
        self._connection = connection
        self._snapshot = snapshot
        self._program = program
        self._now = now
        self._flow = flow
        self._keys = keys
        self._who = who
        self._letters: list[Letter] = []

    def run(self, instance: Instance | None, stimulus: Stimulus) -> Sequence[Letter]:
        """Apply the stimulus and every event that was waiting for what it leads to; save the result."""
        moved, effects = advance(self._program, instance, stimulus, self._now)
        return self.adopt(moved, effects)

    def adopt(self, moved: Instance, effects: Effects) -> Sequence[Letter]:
        """Carry out what a move asked for, and go on as ``run`` does."""
        pending = self._carry_out(moved, effects)
        while pending:
            moved, effects = advance(self._program, moved, pending.pop(0), self._now)
            pending += self._carry_out(moved, effects)
        self._save(moved)
        return self._letters

    def _carry_out(self, instance: Instance, effects: Effects) -> list[Event]:
        """Write what one move asks for; answer the events that had come before their waits."""
        self._learn_keys(instance)
        sent: dict[tuple[str, str, int], str] = {}
        for call in effects.calls:
            system = self._snapshot.system_of(call.operation)
            letter = call_letter(instance.id, call, flow=self._flow, keys=self._keys, system=system)
            sent[call.step, call.phase, call.attempt] = letter.id
            self._letters.append(letter)
        records.write_history(self._connection, instance.id, effects.history, sent, self._now)
        records.write_alerts(self._connection, instance.id, effects.alarms, self._now)
        tasks.open_tasks(self._connection, instance, effects.tasks_opened, self._now)
        tasks.close_tasks(self._connection, instance.id, effects.tasks_closed, self._who, self._now)
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
            "definition_hash": instance.definition,
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


def lock(connection: Connection, instance_id: str) -> Row[tuple[object, ...]] | None:
    """The row of an instance, which nobody else moves until this transaction ends; None when there is none."""
    # FOR UPDATE is PostgreSQL's; SQLite has one writer and leaves it out.
    wanted = select(workflow_instance).where(workflow_instance.c.id == instance_id)
    return connection.execute(wanted.with_for_update()).first()


def keys_of(row: Row[tuple[object, ...]]) -> Keys:
    """The business keys that an instance's row holds."""
    return tuple((name, value) for name, value in orjson.loads(row.business_keys))
