"""Makes the calls that workflow steps ask for, and tells the engine how each ended, failures included."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from bus.backbone.retries import pause
from bus.errors import InDoubt, OutcomeUnknown, PlannedDowntime, ShuttingDown, meaning
from bus.orchestration.asking import Answer, Caller, Doubt, ask
from bus.orchestration.conditions import leaves_doubt, repeatable, rule_for
from bus.orchestration.letters import CallLetter, read_call_letter, result_letter
from bus.orchestration.stimuli import CallFailure
from bus.ports import Letter, SnapshotSource
from registry.model import Operation
from transformers.document import Json
from transformers.errors import MeridianError

_log = structlog.get_logger(__name__)

#: How often a call's letter is delivered, asking each time, before the workflow hears that its outcome is unknown.
ASKED = 8


class Calls:
    """Handles the letters of the queue ``calls``."""

    def __init__(self, registry: SnapshotSource, caller: Caller) -> None:
        self._registry = registry
        self._caller = caller

    async def __call__(self, letter: Letter, *, redelivered: bool) -> Sequence[Letter]:
        """Make one call; answer the letter that tells how it ended.

        A write that may have been done and must not be repeated is asked for by its operation's query, unless its
        step settles that itself; without either its outcome is unknown. Raises ShuttingDown, InDoubt or
        PlannedDowntime, to have the letter delivered again, and MalformedDocument.
        """
        call = read_call_letter(letter)
        operation = self._operation(call.operation)
        asks = operation is not None and operation.query is not None and not call.settles and not repeatable(operation)
        try:
            if redelivered and not repeatable(operation):
                answer = await self._was_done(call, operation if asks else None, letter.attempt)
                if answer.done:
                    return [result_letter(call, document=answer.reply)]
            document = await self._call(call)
        except (ShuttingDown, PlannedDowntime):
            raise
        except Exception as error:
            if not isinstance(error, MeridianError):
                _log.error("call crashed", operation=call.operation, letter=letter.id, error=type(error).__name__)
            if asks and leaves_doubt(error, operation) and letter.attempt < ASKED:
                raise InDoubt(f"whether {call.operation} was done is unknown, and is asked for") from error
            return [result_letter(call, failure=classify(error, operation, call.attempt))]
        return [result_letter(call, document=document)]

    async def _was_done(self, call: CallLetter, operation: Operation | None, attempt: int) -> Answer:
        """What the operation's query says. Raises InDoubt, and OutcomeUnknown when there is none to ask."""
        if operation is None or operation.query is None:
            raise OutcomeUnknown(f"the bus died while it called {call.operation}")
        doubt = Doubt(call.idempotency_key, call.document, call.keys, call.flow, call.instance, attempt)
        return await ask(self._caller, operation, operation.query, doubt)

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


def classify(error: Exception, operation: Operation | None, attempt: int = 1) -> CallFailure:
    """Say what a failed call means to its workflow, and what the operation's own policy says about this ``attempt``."""
    row = meaning(error)
    text = str(error) if isinstance(error, MeridianError) else "an error inside the bus; see the log"
    unknown, again = leaves_doubt(error, operation), repeatable(operation)
    # An answer that never came may come next time; whether asking again is safe is the engine's to weigh.
    retry = "transient" if isinstance(error, OutcomeUnknown) else row.retry
    rule = rule_for(error, operation, attempt)
    wait = pause(rule.delays, error, attempt) if rule is not None and rule.action == "retry" else 0.0
    return CallFailure(row.code, text[:500], retry, unknown, again, rule.action if rule is not None else "", wait)
