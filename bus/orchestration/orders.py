"""Operators' orders to workflow instances: checked, carried out, and noted with who and why, in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Row, or_, select

from bus.backbone import outbox
from bus.errors import NotFound, OrderRefused
from bus.orchestration import tasks
from bus.orchestration.allowed import allowed
from bus.orchestration.instance import FINISHED, Instance
from bus.orchestration.machine import advance
from bus.orchestration.migrating import Migration, migrate
from bus.orchestration.program import Program
from bus.orchestration.programs import Programs
from bus.orchestration.stimuli import Order, Verb
from bus.orchestration.tables import workflow_definition, workflow_instance
from bus.orchestration.work import Work, keys_of, lock
from bus.ports import SnapshotSource
from bus.state.actions import record
from registry.workflow import LinkedWorkflow

#: The orders that need a reason.
REASONED: frozenset[Verb] = frozenset({"skip", "compensate", "cancel", "migrate"})


def subject(instance: str) -> str:
    """How the trail of operators' actions names an instance."""
    return f"workflow/{instance}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an order did, or would do.

    ``status`` is the instance's afterwards. ``steps`` are those the order is for. ``undoes`` will be undone, in this
    order; ``under_way`` are calls that are awaited first (and undone too if they succeed), or, for a cancel, whose
    outcome nobody will hear; ``keeps`` was done, or may have been, and stays so. ``notes`` tell what a migration
    changes without being asked to. ``problems`` forbid it; only what ``Orders.foresee`` answers has any.
    """

    verb: Verb
    status: str
    steps: tuple[str, ...] = ()
    undoes: tuple[str, ...] = ()
    under_way: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class Orders:
    """Gives orders to instances of a state store; ``registry`` knows the newest definitions.

    Any process may: the order is carried out in the caller's transaction, and workers go on from there.
    """

    def __init__(self, registry: SnapshotSource, clock: Callable[[], float] = time.time) -> None:
        self._registry = registry
        self._clock = clock
        self._programs = Programs()

    def allowed(self, connection: Connection, instance: str) -> Mapping[Verb, tuple[str, ...]]:
        """Inside a read: what may be ordered now, each verb with the steps it may name. Raises NotFound."""
        wanted = select(workflow_instance).where(workflow_instance.c.id == instance)
        row = connection.execute(wanted).first()
        return allowed(Instance.load(_known(row, instance).state))

    def foresee(self, connection: Connection, instance: str, order: Order) -> Outcome:
        """Inside a read: what the order would do; its ``problems`` say why it would be refused. Raises NotFound."""
        wanted = select(workflow_instance).where(workflow_instance.c.id == instance)
        row = _known(connection.execute(wanted).first(), instance)
        before = Instance.load(row.state)
        program = self._programs.stored(connection, row.definition_hash)
        if refusal := _refusal(before, order):
            return Outcome(order.verb, before.status, problems=(refusal,))
        if order.verb == "migrate":
            try:
                return _migrated(self._migration(connection, program, before, order))
            except OrderRefused as error:
                return Outcome(order.verb, before.status, problems=(str(error),))
        if order.verb == "acknowledge":
            return Outcome(order.verb, before.status, _meant(before, order))
        after, _ = advance(program, before, order, self._clock())
        return _outcome(before, after, order)

    def give(self, connection: Connection, instance: str, order: Order, *, who: str, reason: str = "") -> Outcome:
        """Inside a work: carry the order out. Raises NotFound, and OrderRefused where it does not fit, says nothing
        of why, or is a migration that cannot be made."""
        row = _known(lock(connection, instance), instance)
        before = Instance.load(row.state)
        if order.verb in REASONED and not reason.strip():
            raise OrderRefused(f"{order.verb} needs a reason: say why, for those who read the trail later")
        if refusal := _refusal(before, order):
            raise OrderRefused(refusal)
        now = self._clock()
        program, snapshot = self._programs.stored(connection, row.definition_hash), self._registry.snapshot
        record(connection, who, order.verb, subject(instance), _told(order, reason), now)
        match order.verb:
            case "acknowledge":
                tasks.take_tasks(connection, instance, _meant(before, order), who, now)
                return Outcome(order.verb, before.status, _meant(before, order))
            case "migrate":
                migration = self._migration(connection, program, before, order)
                if migration.problems:
                    raise OrderRefused("; ".join(migration.problems))
                target = self._target(connection, program, order, keep=True)
                work = Work(connection, snapshot, target, now, row.flow, keys_of(row), who=who)
                outbox.post(connection, work.adopt(migration.instance, migration.effects))
                return _migrated(migration)
            case _:
                work = Work(connection, snapshot, program, now, row.flow, keys_of(row), who=who)
                outbox.post(connection, work.run(before, order))
                after, _ = advance(program, before, order, now)
                return _outcome(before, after, order)

    def _migration(self, connection: Connection, program: Program, before: Instance, order: Order) -> Migration:
        return migrate(program, self._target(connection, program, order), before, self._clock())

    def _target(self, connection: Connection, program: Program, order: Order, *, keep: bool = False) -> Program:
        """The definition to go over to: of this version, or with this hash or beginning of one, or the newest."""
        newest = self._registry.snapshot.workflows.get(program.workflow)
        if isinstance(newest, LinkedWorkflow) and (order.to == newest.version or newest.hash.startswith(order.to)):
            return self._programs.keep(connection, newest, self._clock()) if keep else self._programs.of(newest)
        if not order.to:
            raise OrderRefused(f"no workflow {program.workflow!r} is released any more: name a stored definition")
        table = workflow_definition.c
        meant = or_(table.version == order.to, table.hash.startswith(order.to, autoescape=True))
        wanted = select(table.hash).where(table.name == program.workflow, meant)
        found = connection.execute(wanted).scalars().all()
        if len(found) != 1:
            raise OrderRefused(
                f"{len(found)} stored definitions of {program.workflow!r} are of version {order.to!r} or begin so"
            )
        return self._programs.stored(connection, found[0])


def _known(row: Row[tuple[object, ...]] | None, instance: str) -> Row[tuple[object, ...]]:
    if row is None:
        raise NotFound(f"no workflow instance {instance}")
    return row


def _refusal(instance: Instance, order: Order) -> str:
    """Why the order does not fit the instance as it is now; empty when it does."""
    if instance.status in FINISHED:
        return f"the instance is {instance.status}: nothing can be ordered any more"
    verbs = allowed(instance)
    if order.verb not in verbs:
        return f"{order.verb} does not fit while the instance is {instance.status}; {', '.join(verbs)} would"
    steps = verbs[order.verb]
    if order.step and order.step not in steps:
        where = f"it fits {', '.join(steps)}" if steps else "it is for the instance as a whole"
        return f"{order.verb} does not fit step {order.step!r}; {where}"
    return ""


def _meant(instance: Instance, order: Order) -> tuple[str, ...]:
    return (order.step,) if order.step else allowed(instance).get(order.verb, ())


def _told(order: Order, reason: str) -> str:
    return f"{order.step}: {reason}" if order.step else reason


def _outcome(before: Instance, after: Instance, order: Order) -> Outcome:
    done = tuple(entry.step for entry in reversed(after.undo))
    calling = tuple(sorted(t.step for t in before.tokens.values() if t.status == "calling"))
    stops = order.verb in ("compensate", "cancel")
    return Outcome(
        order.verb,
        after.status,
        _meant(before, order),
        undoes=done if order.verb == "compensate" else (),
        under_way=calling if stops else (),
        keeps=tuple(reversed(done)) if order.verb == "cancel" else (),
    )


def _migrated(migration: Migration) -> Outcome:
    steps = tuple(sorted(token.step for token in migration.instance.tokens.values() if token.step))
    status = migration.instance.status
    return Outcome("migrate", status, steps, notes=migration.notes, problems=migration.problems)
