"""Carries asynchronously accepted messages on to their providers, and knows what becomes of those that fail."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection

from bus.backbone.retries import GIVE_UP, Decision, pause
from bus.backbone.topology import SUPERSEDED_BY
from bus.downtime.absent import ALWAYS_UP
from bus.downtime.view import refusal
from bus.errors import InDoubt, OutcomeUnknown
from bus.message import Message
from bus.orchestration.asking import Caller, Doubt, ask
from bus.orchestration.conditions import leaves_doubt, repeatable, rule_for
from bus.orchestration.records import write_alerts
from bus.orchestration.stimuli import Alarm
from bus.parcel import operation_in, unpack
from bus.ports import Downtimes, Letter, SnapshotSource
from registry.model import Operation
from transformers.document import Json, is_xml
from transformers.errors import MeridianError


class Deliverer(Caller, Protocol):
    """Carries an accepted message on from where it was accepted, and calls the queries that ask what became of one."""

    async def deliver(self, message: Message) -> Message:
        """Answer the provider's reply. Raises MeridianError."""

    async def supersede(self, message: Message, newer: str) -> None:
        """Put on record that an accepted message is not sent, because ``newer`` says all that it would say."""


class Deliveries:
    """Handles the letters of the queue ``deliver``, and decides by their operations' policies when that fails."""

    def __init__(self, registry: SnapshotSource, deliverer: Deliverer, downtimes: Downtimes = ALWAYS_UP) -> None:
        self._registry = registry
        self._deliverer = deliverer
        self._downtimes = downtimes

    async def __call__(self, letter: Letter, *, redelivered: bool) -> Sequence[Letter]:
        """Deliver one message. What it raises decides whether the letter comes again or is given up.

        A write that may have been done and must not be repeated is asked for by its operation's query; it raises
        InDoubt while that has no answer, and OutcomeUnknown where there is no query. A system that has a downtime
        raises PlannedDowntime.
        """
        message = unpack(letter.body, self._registry.snapshot)
        operation = message.operation
        if newer := letter.headers.get(SUPERSEDED_BY, ""):
            await self._deliverer.supersede(message, newer)
            return ()
        if (down := self._downtimes.down) and message.version is not None and message.version.system in down:
            raise refusal(down[message.version.system])
        if operation is None or repeatable(operation):
            await self._deliverer.deliver(message)
            return ()
        if redelivered and await self._done(message, operation, letter.attempt):
            return ()
        try:
            await self._deliverer.deliver(message)
        except Exception as error:
            if operation.query is not None and leaves_doubt(error, operation):
                reason = str(error) if isinstance(error, MeridianError) else "an error inside the bus"
                raise InDoubt(f"whether {operation.service}.{operation.name} was done is unknown: {reason}") from error
            raise
        return ()

    async def _done(self, message: Message, operation: Operation, attempt: int) -> bool:
        if operation.query is None:
            raise OutcomeUnknown(
                f"the bus died while it delivered to {operation.service}.{operation.name}: ask the provider whether "
                "it was done, then replay or discard this letter"
            )
        key = message.idempotency_key or message.id
        doubt = Doubt(key, _as_json(message, operation), message.keys, message.flow, message.id, attempt)
        return (await ask(self._deliverer, operation, operation.query, doubt)).done

    def decide(self, letter: Letter, error: Exception) -> Decision | None:
        """What the operation's policy says. Without one, a write that may have been done is not repeated blindly."""
        operation = operation_in(letter.body, self._registry.snapshot)
        rule = rule_for(error, operation, letter.attempt)
        if rule is None and isinstance(error, InDoubt):
            return None
        if rule is None:
            return GIVE_UP if leaves_doubt(error, operation) and not repeatable(operation) else None
        match rule.action:
            case "retry":
                return Decision("retry", pause(rule.delays, error, letter.attempt))
            case "compensate":  # of an operation that a caller asked for asynchronously: no workflow is there
                return GIVE_UP
            case _:
                return Decision(rule.action)

    def warn(self, connection: Connection, letter: Letter, code: str) -> None:
        """Inside a work: raise an alert about a delivery that failed and counts as done."""
        operation = operation_in(letter.body, self._registry.snapshot)
        name = f"{operation.service}.{operation.name}" if operation is not None else letter.queue
        write_alerts(connection, "", [Alarm("warned", name, code)], time.time())


def _as_json(message: Message, operation: Operation) -> Json:
    """The message's document as JSON; null where no schema makes it so."""
    document = message.content.document if message.content is not None else None
    if is_xml(document):
        document = operation.to_json(document) if operation.to_json is not None else None
    return None if is_xml(document) else document  # type: ignore[return-value]
