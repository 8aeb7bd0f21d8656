"""The request against its contract; the reply against it on its way back."""

from __future__ import annotations

from msgspec.structs import replace

from bus.errors import ProviderLied
from bus.hops.attached import without_references
from bus.hops.stage import content_of, operation_of
from bus.message import Message
from bus.payload import off_loop
from bus.ports import Next, Ports
from registry.model import Check
from transformers.errors import ContractViolation, Violation

#: A document can break its contract in thousands of places; nobody reads more than this.
_LISTED = 20


async def validate(message: Message, onward: Next, ports: Ports) -> Message:
    """Refuse (``reject``) or note (``warn``) what breaks the operation's contract.

    Raises ContractViolation for a request, ProviderLied for a reply.
    """
    operation = operation_of(message)
    if violations := await _violations(operation.request_check, message):
        summary = f"the request breaks the contract of {operation.service}.{operation.name}"
        if _rejects(operation.request_check):
            raise ContractViolation(f"{summary} in {_places(violations)}", violations[:_LISTED])
        message = replace(message, notes=(*message.notes, f"{summary} in {_places(violations)}"))
    reply = await onward(message)
    if reply.accepted:
        return reply
    if violations := await _violations(operation.reply_check, reply):
        summary = f"the reply breaks the contract of {operation.service}.{operation.name}"
        if _rejects(operation.reply_check):
            raise ProviderLied(f"{summary} in {_places(violations)}", violations=violations[:_LISTED])
        reply = replace(reply, notes=(*reply.notes, f"{summary} in {_places(violations)}"))
    return reply


async def _violations(check: Check | None, message: Message) -> tuple[Violation, ...]:
    if check is None or check.gate == "off":
        return ()
    return await off_loop(len(message.body), check.validator, without_references(content_of(message).document, message))


def _rejects(check: Check | None) -> bool:
    return check is not None and check.gate == "reject"


def _places(violations: tuple[Violation, ...]) -> str:
    first = ", ".join(f"{violation.path or '/'} ({violation.rule or 'rule'})" for violation in violations[:3])
    return first if len(violations) <= 3 else f"{first} and {len(violations) - 3} more places"
