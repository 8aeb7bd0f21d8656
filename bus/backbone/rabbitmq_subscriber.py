"""Consuming from RabbitMQ: every letter is acknowledged when it is settled, and every subscription comes back."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from pika.exceptions import AMQPError

from bus.backbone.broker_address import BrokerAddress
from bus.backbone.rabbitmq_channel import Channel
from bus.backbone.rabbitmq_link import Link, Tuning, connected
from bus.backbone.topology import DEATH, physical
from bus.backbone.wire import letter_from
from bus.errors import BackboneUnavailable, ShuttingDown
from bus.ports import Handler, Letter, Lost
from transformers.errors import MeridianError

_log = structlog.get_logger(__name__)

_REDELIVER = 1.0
#: RabbitMQ looks a while for the members of a queue before it deletes one without them.
_DELETION = 60.0


@dataclass(frozen=True, slots=True)
class _Subscription:
    queue: str
    handler: Handler
    prefetch: int


class Subscriber:
    """One connection, one channel a queue.

    ``lost`` is awaited with the name of a queue whose letters may be gone; ``renewed`` is called when a queue was made
    anew, because whoever waits for the old one waits in vain.

    A queue without a leader breaks the whole connection of whoever subscribes to it (RabbitMQ answers 541), so it
    is then left out, and asked on connections of its own until it answers. One that does not for a long time, while
    others do, is damaged for good: it is deleted, and ``declare`` makes it anew, which has the outbox send again
    everything that it held.
    """

    def __init__(
        self,
        address: BrokerAddress,
        tuning: Tuning,
        declare: Callable[..., Awaitable[None]],
        lost: Lost,
        renewed: Callable[[], None],
    ) -> None:
        self._tuning = tuning
        self._answer = min(10.0, tuning.patience)
        self._declare = declare
        self._lost = lost
        self._renewed = renewed
        self.link = Link(address, "consumer", tuning, prepare=self._prepare, lost=self._forget)
        self._subscriptions: dict[str, _Subscription] = {}
        self._connection: Any = None
        self._asking: set[str] = set()
        self._silent: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._reviving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start connecting."""
        await self.link.start()

    async def stop(self) -> None:
        """Disconnect and stop the handlers that still run; the broker hands their letters out again."""
        await self.link.stop()
        tasks = [*self._tasks, *([self._reviving] if self._reviving else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def troubles(self) -> Sequence[str]:
        """Which queues hand nothing out, beside a broker that is away."""
        return [f"broker: the queue {physical(queue)} has no leader: nobody can subscribe" for queue in self._silent]

    async def consume(self, queue: str, handler: Handler, *, prefetch: int) -> None:
        """Hand the letters of ``queue`` to ``handler``, now and after every reconnect."""
        self._subscriptions[queue] = _Subscription(queue, handler, prefetch)
        if self.link.ready:
            try:
                await self._subscribe(self._connection, self._subscriptions[queue])
            except (AMQPError, MeridianError):
                self.link.drop()  # subscribes to everything when it is back

    async def _prepare(self, connection: Any) -> None:
        await self._declare(connection)
        self._connection = connection
        for queue, subscription in tuple(self._subscriptions.items()):
            if queue not in self._silent:
                await self._subscribe(connection, subscription)

    def _forget(self) -> None:
        self._connection = None
        # Either the connection broke over a queue that was being asked, or by chance just then. Times begin anew, for
        # nobody is there to answer meanwhile.
        self._silent = dict.fromkeys({*self._silent, *self._asking}, time.monotonic())
        self._asking.clear()
        if self._silent and (self._reviving is None or self._reviving.done()):
            self._reviving = asyncio.ensure_future(self._revive())

    async def _subscribe(self, connection: Any, subscription: _Subscription) -> None:
        channel = await Channel.open(connection, self.link.drop)
        await channel.call("basic_qos", prefetch_count=subscription.prefetch)

        def arrived(_channel: Any, method: Any, properties: Any, body: bytes) -> None:
            letter = _letter(subscription.queue, properties, body)
            self._spawn(self._handle(channel.raw, method.delivery_tag, subscription, letter))

        # A queue that is removed or loses its leader cancels the consumer and leaves the channel open.
        channel.raw.add_on_cancel_callback(
            lambda _: self._spawn(self._resume(connection, channel, subscription, arrived))
        )
        await self._ask(channel, subscription.queue, arrived)

    async def _ask(self, channel: Channel, queue: str, arrived: Callable[..., None]) -> None:
        self._asking.add(queue)
        try:
            async with asyncio.timeout(self._answer):
                await channel.call("basic_consume", physical(queue), arrived)
        except TimeoutError as error:
            raise BackboneUnavailable(f"broker: the queue {physical(queue)} lets nobody subscribe") from error
        self._asking.discard(queue)

    async def _resume(
        self, connection: Any, channel: Channel, subscription: _Subscription, arrived: Callable[..., None]
    ) -> None:
        """Subscribe again on the same channel, whose unsettled letters would else be handed out once more."""
        _log.warning("subscription cancelled by the broker", queue=subscription.queue)
        try:
            # Gone, and perhaps made anew by somebody since: then no declaration will tell that it has been empty.
            await self._lost(subscription.queue)
            await self._declare(connection, deleted=True)
            await self._ask(channel, subscription.queue, arrived)
        except (AMQPError, MeridianError):
            if connection is self._connection:  # else there is another one by now, which is in good order
                self.link.drop()

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

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

    # ── queues without a leader ──────────────────────────────────────────────────────────────────────

    async def _revive(self) -> None:
        """Ask the silent queues until each of them answers, and make those anew that never will."""
        while self._silent:
            await asyncio.sleep(random.uniform(0.5, 1.0) * min(5.0, self._tuning.leaderless / 3))  # noqa: S311
            for queue, since in tuple(self._silent.items()):
                if not self.link.ready:
                    break  # the broker is away: nothing can be said of one queue
                others = len(self._silent) < len(self._subscriptions)
                try:
                    if not await self._answers(queue):
                        if not others or time.monotonic() - since < self._tuning.leaderless:
                            continue
                        await self._renew(queue)
                except (AMQPError, MeridianError, TimeoutError) as error:
                    _log.warning("queue without a leader", queue=queue, reason=str(error))
                    continue
                if not self.link.ready:
                    break  # it is connecting, and has left this queue out
                self._silent.pop(queue, None)
                found = self._subscriptions[queue]
                await self.consume(queue, found.handler, prefetch=found.prefetch)

    async def _answers(self, queue: str) -> bool:
        """Whether the queue lets a connection of its own subscribe."""
        async with connected(self.link.address, self.link.node, "probe", self._tuning) as life:
            with suppress(AMQPError, TimeoutError):
                async with asyncio.timeout(self._answer):
                    channel = await Channel.open(life.raw)
                    await channel.call("basic_qos", prefetch_count=1)
                    await channel.call("basic_consume", physical(queue), lambda *_: None)
                    return True
        return False

    async def _renew(self, queue: str) -> None:
        async with connected(self.link.address, self.link.node, "probe", self._tuning) as life:
            async with asyncio.timeout(_DELETION):
                channel = await Channel.open(life.raw)
                await channel.call("queue_delete", physical(queue))
                await self._declare(life.raw)
        self._renewed()
        _log.warning("queue without a leader was made anew", queue=queue)


def _letter(queue: str, properties: Any, body: bytes) -> Letter:
    headers = dict(properties.headers or {})
    if "x-first-death-reason" in headers:
        headers[DEATH] = headers["x-first-death-reason"]
    return letter_from(queue, properties.message_id, body, headers, properties.content_type or "")
