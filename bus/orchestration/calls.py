"""Makes the calls that workflow steps ask for, and tells the engine how each ended, failures included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import structlog

from bus.errors import (
    BusError,
    JournalUnavailable,
    OutcomeUnknown,
    ProviderError,
    ProviderLied,
    ProviderTimeout,
    ProviderUnreachable,
    ReplyTooLarge,
    ShuttingDown,
    meaning,
)
from bus.orchestration.letters import CallLetter, read_call_letter, result_letter
from bus.orchestration.stimuli import CallFailure
from bus.ports import Letter, SnapshotSource
from registry.model import Operation
from transformers.document import Json
from transformers.errors import MappingFailed, MeridianError

_log = structlog.get_logger(__name__)


class Caller(Protocol):
    """Calls an operation over the bus, by all of its hops."""

    async def call_operation(
        self,
        operation: str,
        document: Json,
        *,
        flow: str,
        parent: str,
        keys: tuple[tuple[str, str], ...],
        idempotency_key: str,
    ) -> Json:
        """Call ``service.operation`` and answer its reply as JSON. Raises MeridianError."""


class Calls:
    """Handles the letters of the queue ``calls``."""

    def __init__(self, registry: SnapshotSource, caller: Caller) -> None:
        self._registry = registry
        self._caller = caller

    async def __call__(self, letter: Letter, *, redelivered: bool) -> Sequence[Letter]:
        """Make one call; answer the letter that tells how it ended.

        A write that an earlier life of the bus began and that must not be repeated is not made: its outcome is
        unknown. Raises ShuttingDown, to have the letter delivered again, and MalformedDocument.
        """
        call = read_call_letter(letter)
        operation = self._operation(call.operation)
        if redelivered and operation is not None and operation.effect == "write" and not operation.policy.idempotent:
            lost = OutcomeUnknown(f"the bus died while it called {call.operation}")
            return [result_letter(call, failure=classify(lost, operation))]
        try:
            document = await self._call(call)
        except ShuttingDown:
            raise
        except MeridianError as error:
            return [result_letter(call, failure=classify(error, operation))]
        except Exception as error:
            _log.error("call crashed", operation=call.operation, letter=letter.id, error=type(error).__name__)
            return [result_letter(call, failure=classify(error, operation))]
        return [result_letter(call, document=document)]

    async def _call(self, call: CallLetter) -> Json:
        return await self._caller.call_operation(
            call.operation,
            call.document,
            flow=call.flow,
            parent=call.instance,
            keys=call.keys,
            idempotency_key=call.idempotency_key,
        )

    def _operation(self, name: str) -> Operation | None:
        service_name, _, operation = name.partition(".")
        service = self._registry.snapshot.services.get(service_name)
        version = service.versions.get(service.default) if service else None
        return version.operations.get(operation) if version else None


def classify(error: Exception, operation: Operation | None) -> CallFailure:
    """Say what a failed call means to its workflow."""
    row = meaning(error)
    text = str(error) if isinstance(error, MeridianError) else "an error inside the bus; see the log"
    writes = operation is not None and operation.effect == "write"
    idempotent = operation is None or not writes or operation.policy.idempotent
    unknown = writes and _may_be_done(error)
    # An answer that never came may come next time; whether asking again is safe is the engine's to weigh.
    retry = "transient" if isinstance(error, OutcomeUnknown) else row.retry
    return CallFailure(row.code, text[:500], retry, unknown, idempotent)


def _may_be_done(error: Exception) -> bool:
    """Whether the provider may have done what it was asked, although the call failed."""
    if isinstance(error, ProviderError):
        # A fault or a 503 is an answer; these are none, or none that can be trusted.
        silent = isinstance(error, ProviderTimeout | ProviderUnreachable | ProviderLied | ReplyTooLarge)
        return silent and error.sent
    # A mapping, the journal or the bus itself may have failed on the reply: they do not say on which side of the call.
    if isinstance(error, OutcomeUnknown | MappingFailed | JournalUnavailable):
        return True
    return type(error) is BusError or not isinstance(error, MeridianError)
