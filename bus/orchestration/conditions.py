"""What a failed delivery or call is, in the words of failure policies (``registry/failure_policy.py``)."""

from __future__ import annotations

from collections.abc import Iterator

from bus.errors import (
    BusError,
    JournalUnavailable,
    OutcomeUnknown,
    ProviderError,
    ProviderFault,
    ProviderLied,
    ProviderTimeout,
    ProviderUnreachable,
    ReplyTooLarge,
    meaning,
)
from registry.failure_policy import Rule, choose
from registry.model import Operation
from transformers.document import is_xml
from transformers.errors import AnswerRefused, MappingFailed, MeridianError
from transformers.xml import local_name


def conditions(error: Exception, operation: Operation | None) -> frozenset[str]:
    """Every condition that a failure of ``operation`` with ``error`` fulfils."""
    row = meaning(error)
    found = {"any", row.code if isinstance(error, MeridianError) else "crash", row.retry}
    if isinstance(error, ProviderError) and error.http_status:
        found.add(f"http:{error.http_status}")
    if isinstance(error, ProviderFault):
        found.update(f"fault:{name}" for name in _names(error) if name)
    if leaves_doubt(error, operation):
        found.add("unknown")
    return frozenset(found)


def leaves_doubt(error: Exception, operation: Operation | None) -> bool:
    """Whether a write may have been done, although it failed with ``error``."""
    return operation is not None and operation.effect == "write" and _may_be_done(error)


def repeatable(operation: Operation | None) -> bool:
    """Whether a call may be made once more although nobody knows whether it was done."""
    return operation is None or operation.effect != "write" or operation.policy.idempotent


def rule_for(error: Exception, operation: Operation | None, attempt: int) -> Rule | None:
    """What the operation's own policy says about ``attempt``, which failed with ``error``; None for nothing."""
    if operation is None or not operation.policy.on_failure:
        return None
    again = repeatable(operation) or not leaves_doubt(error, operation)
    return choose(operation.policy.on_failure, conditions(error, operation), attempt, repeatable=again)


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


def _names(fault: ProviderFault) -> Iterator[str]:
    """The names that a fault goes by: its code, the last part of it, and what it says in its detail."""
    yield fault.code
    yield fault.code.rpartition(".")[2]
    if isinstance(fault.__cause__, AnswerRefused):
        yield fault.__cause__.code
    detail = fault.detail
    if isinstance(detail, dict):
        yield from (str(detail[name]) for name in ("code", "error", "type") if isinstance(detail.get(name), str | int))
    elif is_xml(detail):  # type: ignore[arg-type]
        yield from (local_name(entry) for entry in (detail, *detail))  # type: ignore[misc]
