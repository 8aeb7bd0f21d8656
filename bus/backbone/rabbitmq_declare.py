"""Declares the topology on RabbitMQ; every connection does so first, which makes a fresh broker usable."""

from __future__ import annotations

from typing import Any

from bus.backbone.rabbitmq_link import answered
from bus.backbone.topology import EXCHANGE, QUEUES, dead, dead_arguments, physical, quorum_arguments


async def declare(channel: Any) -> None:
    """Declare the exchange and, for every queue, its dead-letter queue and itself."""
    await answered(channel.exchange_declare, EXCHANGE, "direct", durable=True)
    for queue in QUEUES:
        await _declare_queue(channel, physical(dead(queue)), dead_arguments())
        await _declare_queue(channel, physical(queue), quorum_arguments(queue))


async def _declare_queue(channel: Any, name: str, arguments: dict[str, object]) -> None:
    await answered(channel.queue_declare, name, durable=True, arguments=arguments)
    await answered(channel.queue_bind, name, EXCHANGE, name)
