"""RabbitMQ as the backbone's transport, through pika's asyncio adapter."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from pika.exceptions import AMQPError

from bus.backbone.rabbitmq_declare import declare
from bus.backbone.rabbitmq_link import Link, answered, open_channel
from bus.backbone.rabbitmq_publisher import Publisher
from bus.backbone.topology import DEATH, physical
from bus.backbone.wire import letter_from
from bus.errors import ShuttingDown
from bus.ports import Handler, Letter

_log = structlog.get_logger(__name__)

_REDELIVER = 1.0


@dataclass(frozen=True, slots=True)
class _Subscription:
    queue: str
    handler: Handler
    prefetch: int


class RabbitTransport:
    """One connection for publishing and one for consuming, so that a blocked publisher does not stop consumers.

    What the broker confirmed it keeps: quorum queues are on disk. A letter is acknowledged when its handler
    has returned; one whose consumer dies comes again, until the delivery limit sends it to the dead letters.
    ``longest_pause`` bounds the jittered pauses between attempts to connect, ``patience`` the wait for a
    confirm; both in seconds.
    """

    keeps = True

    def __init__(self, url: str, *, longest_pause: float = 30.0, patience: float = 30.0) -> None:
        self._publisher = Publisher(url, longest_pause=longest_pause, patience=patience)
        self._link = Link(url, "consumer", prepare=self._prepare, lost=self._forget, longest_pause=longest_pause)
        self._subscriptions: list[_Subscription] = []
        self._connection: Any = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start connecting; a broker that is away now is tried again and again."""
        await self._publisher.start()  # alone at first: two declaring one quorum queue at once upset RabbitMQ 3.10
        await self._link.start()

    async def publish(self, letters: Sequence[Letter]) -> Sequence[str]:
        """See Publisher.publish."""
        return await self._publisher.publish(letters)

    async def consume(self, queue: str, handler: Handler, *, prefetch: int) -> None:
        """Hand the letters of ``queue`` to ``handler``, now and after every reconnect."""
        subscription = _Subscription(queue, handler, prefetch)
        self._subscriptions.append(subscription)
        if self._link.ready:
            try:
                await self._subscribe(self._connection, subscription)
            except AMQPError:
                self._link.drop()  # subscribes to everything when it is back

    async def stop(self) -> None:
        """Disconnect and stop the handlers that still run; the broker hands their letters out again."""
        await asyncio.gather(self._publisher.stop(), self._link.stop())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _prepare(self, connection: Any) -> None:
        channel = await open_channel(connection, self._link.drop)
        await declare(channel)
        self._connection = connection
        for subscription in tuple(self._subscriptions):
            await self._subscribe(connection, subscription)

    def _forget(self) -> None:
        self._connection = None

    async def _subscribe(self, connection: Any, subscription: _Subscription) -> None:
        channel = await open_channel(connection, self._link.drop)
        # A queue that is removed or loses its leader cancels the consumer and leaves the channel open.
        channel.add_on_cancel_callback(lambda _: self._link.drop())
        await answered(channel.basic_qos, prefetch_count=subscription.prefetch)

        def arrived(_channel: Any, method: Any, properties: Any, body: bytes) -> None:
            task = asyncio.ensure_future(
                self._handle(channel, method.delivery_tag, subscription, _letter(subscription.queue, properties, body))
            )
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        await answered(channel.basic_consume, physical(subscription.queue), arrived)

    async def _handle(self, channel: Any, tag: int, subscription: _Subscription, letter: Letter) -> None:
        try:
            await subscription.handler(letter)
        except ShuttingDown:
            return  # not acknowledged: the broker gives it to somebody else when this connection closes
        except Exception as error:
            _log.warning("letter not settled", queue=letter.queue, id=letter.id, error=type(error).__name__)
            await asyncio.sleep(_REDELIVER)
            with suppress(AMQPError):
                channel.basic_nack(tag, requeue=True)
            return
        with suppress(AMQPError):  # the channel is gone: the letter comes again, and the inbox knows it
            channel.basic_ack(tag)


def _letter(queue: str, properties: Any, body: bytes) -> Letter:
    headers: dict[str, Any] = properties.headers or {}
    if "x-first-death-reason" in headers:
        headers[DEATH] = headers["x-first-death-reason"]
    return letter_from(queue, properties.message_id, body, headers, properties.content_type or "")
