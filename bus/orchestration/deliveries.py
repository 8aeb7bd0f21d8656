"""Carries asynchronously accepted messages on to their providers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bus.errors import OutcomeUnknown
from bus.message import Message
from bus.parcel import unpack
from bus.ports import Letter, SnapshotSource


class Deliverer(Protocol):
    """Carries an accepted message on from where it was accepted."""

    async def deliver(self, message: Message) -> Message:
        """Answer the provider's reply. Raises MeridianError."""


class Deliveries:
    """Handles the letters of the queue ``deliver``."""

    def __init__(self, registry: SnapshotSource, deliverer: Deliverer) -> None:
        self._registry = registry
        self._deliverer = deliverer

    async def __call__(self, letter: Letter, *, redelivered: bool) -> Sequence[Letter]:
        """Deliver one message. What it raises decides whether the letter comes again or joins the dead letters.

        A write that an earlier life of the bus began, and that must not be repeated, raises OutcomeUnknown.
        """
        message = unpack(letter.body, self._registry.snapshot)
        operation = message.operation
        if redelivered and operation is not None and operation.effect == "write" and not operation.policy.idempotent:
            raise OutcomeUnknown(
                f"the bus died while it delivered to {operation.service}.{operation.name}: ask the provider whether "
                "it was done, then replay or discard this letter"
            )
        await self._deliverer.deliver(message)
        return ()
