"""May this caller call this operation, and not too often."""

from __future__ import annotations

from bus.errors import NotAuthenticated, NotPermitted
from bus.hops.stage import operation_of
from bus.message import Message
from bus.ports import Next, Ports


async def authorise(message: Message, onward: Next, ports: Ports) -> Message:
    """Pass on a message whose consumer holds a grant and has calls left; raises NotPermitted or RateLimited."""
    operation = operation_of(message)
    consumer = message.consumer
    if consumer is None:
        raise NotAuthenticated("nobody is known to be calling; the call is refused")
    if not consumer.may_call(operation.service, operation.name):
        raise NotPermitted(
            f"{consumer.name} holds no grant for {operation.service}.{operation.name}; "
            "ask the integration team to add one"
        )
    ports.limiter.admit(consumer)
    return await onward(message)
