"""RabbitMQ as the backbone's transport, through pika's asyncio adapter."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bus.backbone.broker_address import BrokerAddress
from bus.backbone.rabbitmq_declare import Declarer
from bus.backbone.rabbitmq_link import Tuning, connected
from bus.backbone.rabbitmq_publisher import Publisher
from bus.backbone.rabbitmq_subscriber import Subscriber
from bus.errors import SettingsInvalid
from bus.ports import Handler, Letter, Lost


class RabbitTransport:
    """One connection for publishing and one for consuming, so that a blocked publisher does not stop consumers.

    What the broker confirmed it keeps: quorum queues are on disk. A letter is acknowledged when its handler
    has returned; one whose consumer dies comes again, until the delivery limit sends it to the dead letters.
    """

    keeps = True

    def __init__(self, address: BrokerAddress, tuning: Tuning | None = None) -> None:
        tuning = tuning or Tuning()
        self._declarer = Declarer(
            self._gone, lambda: connected(address, self._publisher.link.node, "probe", tuning), tuning.calm
        )
        self._publisher = Publisher(address, tuning, self._declarer.declare)
        self._subscriber = Subscriber(address, tuning, self._declarer.declare, self._gone, self._publisher.link.drop)
        self._lost: Lost | None = None

    async def start(self, lost: Lost) -> None:
        """Start connecting; a broker that is away now is tried again and again."""
        self._lost = lost
        await asyncio.gather(self._publisher.start(), self._subscriber.start())

    async def publish(self, letters: Sequence[Letter]) -> Sequence[str]:
        """See Publisher.publish."""
        return await self._publisher.publish(letters)

    async def consume(self, queue: str, handler: Handler, *, prefetch: int) -> None:
        """See Subscriber.consume."""
        await self._subscriber.consume(queue, handler, prefetch=prefetch)

    def troubles(self) -> Sequence[str]:
        """Why letters do not flow now; nothing before ``start``."""
        if self._lost is None:
            return ()
        away = {str(link.trouble) for link in (self._publisher.link, self._subscriber.link) if link.trouble}
        differing = (f"broker: {text}; see meridian backbone check" for text in self._declarer.differences)
        return (*sorted(away), *self._publisher.troubles(), *self._subscriber.troubles(), *differing)

    def unusable(self) -> str:
        """The setting that is wrong, as long as it has never been right since ``start``; else nothing."""
        link = self._publisher.link
        return str(link.trouble) if isinstance(link.trouble, SettingsInvalid) and not link.proven else ""

    async def stop(self) -> None:
        """Disconnect and stop the handlers that still run; the broker hands their letters out again."""
        await asyncio.gather(self._publisher.stop(), self._subscriber.stop())

    async def _gone(self, queue: str) -> None:
        if self._lost is not None:
            await self._lost(queue)
