"""Out through a connector, which keeps deadline, retries, breaker and concurrency limit."""

from __future__ import annotations

from bus.message import Message
from bus.ports import Next, Ports


async def call(message: Message, onward: Next, ports: Ports) -> Message:
    """Send the message to its provider and answer the reply as it came. The way ends here: nothing goes onward."""
    return await ports.connector.send(message)
