"""Carries asynchronously accepted messages on to their providers, and knows what becomes of those that fail."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection

from bus.backbone.retries import GIVE_UP, Decision, pause
from bus.errors import OutcomeUnknown
from bus.message import Message
from bus.orchestration.conditions import leaves_doubt, repeatable, rule_for
from bus.orchestration.records import write_alerts
from bus.orchestration.stimuli import Alarm
from bus.parcel import operation_in, unpack
from bus.ports import Letter, SnapshotSource


class Deliverer(Protocol):
    """Carries an accepted message on from where it was accepted."""

    async def deliver(self, message: Message) -> Message:
        """Answer the provider's reply. Raises MeridianError."""


class Deliveries:
    """Handles the letters of the queue ``deliver``, and decides by their operations' policies when that fails."""

    def __init__(self, registry: SnapshotSource, deliverer: Deliverer) -> None:
        self._registry = registry
        self._deliverer = deliverer

    async def __call__(self, letter: Letter, *, redelivered: bool) -> Sequence[Letter]:
        """Deliver one message. What it raises decides whether the letter comes again or is given up.

        A write that an earlier life of the bus began, and that must not be repeated, raises OutcomeUnknown.
        """
        message = unpack(letter.body, self._registry.snapshot)
        operation = message.operation
        if operation is not None and redelivered and not repeatable(operation):
            raise OutcomeUnknown(
                f"the bus died while it delivered to {operation.service}.{operation.name}: ask the provider whether "
                "it was done, then replay or discard this letter"
            )
        await self._deliverer.deliver(message)
        return ()

    def decide(self, letter: Letter, error: Exception) -> Decision | None:
        """What the operation's policy says. Without one, a write that may have been done is not repeated blindly."""
        operation = operation_in(letter.body, self._registry.snapshot)
        rule = rule_for(error, operation, letter.attempt)
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
