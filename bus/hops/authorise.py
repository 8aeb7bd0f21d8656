"""May this caller call this operation, and not too often."""

from __future__ import annotations

from bus.errors import NotAuthenticated, NotPermitted
from bus.hops.stage import operation_of
from bus.message import Message
from bus.ports import Next, Ports
from registry.model import Operation
from transformers.errors import SecurityInvalid
from transformers.ws_security import Proof


async def authorise(message: Message, onward: Next, ports: Ports) -> Message:
    """Pass on a message whose consumer holds a grant and has calls left.

    Raises NotPermitted, RateLimited, or SecurityInvalid where the operation wants a signature or encryption.
    """
    operation = operation_of(message)
    consumer = message.consumer
    if consumer is None:
        raise NotAuthenticated("nobody is known to be calling; the call is refused")
    if not consumer.may_call(operation.service, operation.name):
        raise NotPermitted(
            f"{consumer.name} holds no grant for {operation.service}.{operation.name}; "
            "ask the integration team to add one"
        )
    if operation.require and message.door != "workflow":
        check_proof(message.proof, operation)
    if (asking := ports.limiter.admit(consumer)) is not None:
        await asking
    return await onward(message)


def check_proof(proof: Proof | None, operation: Operation) -> None:
    """Raise SecurityInvalid for a message that is not signed or not encrypted as its operation requires."""
    name = f"{operation.service}.{operation.name}"
    if "signature" in operation.require and (proof is None or proof.certificate is None):
        raise SecurityInvalid(f"{name} takes signed messages only; sign Body and Timestamp (WS-Security X.509)")
    if "encryption" in operation.require and (proof is None or not proof.encrypted):
        raise SecurityInvalid(f"{name} takes encrypted messages only; encrypt the Body for the service's certificate")
