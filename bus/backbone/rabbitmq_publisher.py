"""Publishing to RabbitMQ: every letter is confirmed by the broker, or stays in the outbox."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pika import BasicProperties
from pika.exceptions import AMQPError
from pika.spec import PERSISTENT_DELIVERY_MODE, Basic

from bus.backbone.broker_address import BrokerAddress
from bus.backbone.rabbitmq_channel import Channel
from bus.backbone.rabbitmq_link import Link, Tuning
from bus.backbone.topology import EXCHANGE, QUEUES, physical
from bus.backbone.wire import CONTENT_TYPE, headers_of
from bus.errors import BackboneUnavailable
from bus.ports import Letter
from transformers.errors import MeridianError

#: Seconds that a channel which only refuses is kept.
_REFUSING = 1.0


class _Batch:
    """The letters of one ``publish`` that the broker has still to answer."""

    def __init__(self, letters: Sequence[Letter]) -> None:
        self.open = {letter.id: letter.queue for letter in letters}
        self.confirmed: list[str] = []
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(self, letter_id: str, *, taken: bool) -> None:
        if self.open.pop(letter_id, None) is not None and taken:
            self.confirmed.append(letter_id)
        if not self.open and not self.answered.done():
            self.answered.set_result(None)


class _Line:
    """What is under way to one queue, on a channel of its own in confirm mode.

    RabbitMQ works through a channel in order: a queue that has lost its leader keeps everything behind it waiting.
    """

    def __init__(self, channel: Channel, unroutable: Callable[[], None], heard: Callable[[], None]) -> None:
        self._channel = channel
        self._opened = time.monotonic()
        self._unroutable = unroutable
        self._heard = heard
        self._next_tag = 1
        self._returned: set[str] = set()
        self.waiting: dict[int, tuple[_Batch, str]] = {}
        self.stuck = False
        self.refuses = False
        channel.raw.add_on_return_callback(self._on_return)

    @property
    def spent(self) -> bool:
        """Whether a new channel may take what this one refuses, and nothing is under way on this one."""
        return self.refuses and not self.waiting and time.monotonic() - self._opened > _REFUSING

    def close(self) -> None:
        self._channel.close()

    def publish(self, batch: _Batch, letter: Letter) -> None:
        self.waiting[self._next_tag] = (batch, letter.id)
        self._next_tag += 1
        self._channel.raw.basic_publish(
            EXCHANGE, physical(letter.queue), letter.body, _properties(letter), mandatory=True
        )

    def on_confirm(self, frame: Any) -> None:
        method = frame.method
        taken = isinstance(method, Basic.Ack)
        tags = [method.delivery_tag]
        if method.multiple:
            tags = [tag for tag in self.waiting if tag <= method.delivery_tag]
        for tag in tags:
            if tag in self.waiting:
                batch, letter_id = self.waiting.pop(tag)
                batch.settle(letter_id, taken=taken and letter_id not in self._returned)
                self._returned.discard(letter_id)
        self.refuses = not taken
        self.stuck = self.stuck and bool(self.waiting)
        self._heard()

    def _on_return(self, _channel: Any, _method: Any, properties: Any, _body: bytes) -> None:
        """Unroutable: RabbitMQ sends this just before it confirms the same message."""
        self._returned.add(properties.message_id)
        self._unroutable()


class Publisher:
    """One connection, a channel a queue, every letter mandatory.

    ``declare`` brings the broker to the topology, on a connection; it is called on every new one, and when a letter
    could not be routed: then somebody has removed a queue or a binding, and the letter stays in the outbox meanwhile.
    """

    def __init__(self, address: BrokerAddress, tuning: Tuning, declare: Callable[[Any], Awaitable[None]]) -> None:
        self._declare = declare
        self.link = Link(address, "publisher", tuning, prepare=self._prepare, lost=self._fail)
        self._patience = tuning.patience
        self._connection: Any = None
        self._lines: dict[str, _Line] = {}
        self._heard_at = 0.0
        self._mending: asyncio.Task[None] | None = None
        self._renewing = asyncio.Lock()

    async def start(self) -> None:
        """Start connecting."""
        await self.link.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self.link.stop()
        if self._mending is not None:
            self._mending.cancel()
            await asyncio.gather(self._mending, return_exceptions=True)

    def troubles(self) -> Sequence[str]:
        """What keeps letters from being published, beside a broker that is away."""
        if self.link.alarm:
            return [f"broker: RabbitMQ at {self.link.node} blocks publishers ({self.link.alarm})"]
        return [
            f"broker: RabbitMQ takes no letters for the queue {physical(queue)}: it is full, or has lost its leader"
            for queue, line in self._lines.items()
            if line.refuses or line.stuck
        ]

    async def publish(self, letters: Sequence[Letter]) -> Sequence[str]:
        """Publish; answer the ids that the broker has taken on its disk and could route to a queue.

        Waits as long as a memory or disk alarm of the broker lasts. Raises BackboneUnavailable at once while
        disconnected, and when the connection is lost or silent before every letter is answered: then all of them
        count as not sent, and the inbox absorbs those that were.
        """
        if not letters:
            return []
        if not self.link.ready:
            raise BackboneUnavailable(f"RabbitMQ at {self.link.node} is not connected")
        batch = _Batch(letters)
        for queue in set(batch.open.values()):
            await self._renew(queue)
        if not self.link.ready:
            raise BackboneUnavailable(f"RabbitMQ at {self.link.node} was lost")
        lines = {queue: self._lines[queue] for queue in batch.open.values()}
        if any(line.stuck for line in lines.values()):
            raise BackboneUnavailable(f"RabbitMQ at {self.link.node} has still to answer for this queue")
        try:
            for letter in letters:
                lines[letter.queue].publish(batch, letter)
        except AMQPError as error:
            self.link.drop()
            raise BackboneUnavailable(f"RabbitMQ at {self.link.node} does not confirm") from error
        try:
            await self._answer(batch)
        finally:
            batch.answered.cancel()
        return batch.confirmed

    async def _answer(self, batch: _Batch) -> None:
        while not batch.answered.done():
            began = time.monotonic()
            await asyncio.wait({batch.answered}, timeout=self._patience)
            if batch.answered.done() or self.link.alarm:
                continue
            for queue in batch.open.values():
                if queue in self._lines:
                    self._lines[queue].stuck = True
            if self._heard_at < began:  # nobody else is answered either: the connection is of no use
                self.link.drop()
            raise BackboneUnavailable(f"RabbitMQ at {self.link.node} does not confirm")
        batch.answered.result()

    async def _prepare(self, connection: Any) -> None:
        await self._declare(connection)
        self._connection, self._lines = connection, {}
        for queue in QUEUES:
            self._lines[queue] = await self._open(connection, queue)

    async def _open(self, connection: Any, queue: str) -> _Line:
        def closed() -> None:
            if self._lines.get(queue) is line:
                self.link.drop()

        line = None
        channel = await Channel.open(connection, closed)
        line = _Line(channel, self._unroutable, self._heard)
        await channel.call("confirm_delivery", line.on_confirm)
        return line

    async def _renew(self, queue: str) -> None:
        """Give the queue a new line in place of one that only refuses.

        RabbitMQ 3.10 has a channel whose first letter came when the queue's leader had died ask for that leader for
        ever: it refuses everything, long after the queue has another.
        """
        async with self._renewing:
            connection, line = self._connection, self._lines.get(queue)
            if line is None or not line.spent or self.link.alarm:
                return
            try:
                async with asyncio.timeout(self._patience):
                    fresh = await self._open(connection, queue)
            except (AMQPError, TimeoutError):
                if connection is self._connection and not self.link.alarm:
                    self.link.drop()
                return
            if self._lines.get(queue) is line and not line.waiting:
                fresh.refuses = True  # until it has taken something
                self._lines[queue] = fresh
                line.close()
            else:
                fresh.close()

    def _heard(self) -> None:
        self._heard_at = time.monotonic()

    def _unroutable(self) -> None:
        if self._mending is None or self._mending.done():
            self._mending = asyncio.ensure_future(self._mend())

    async def _mend(self) -> None:
        connection = self._connection
        try:
            await self._declare(connection)
        except (AMQPError, MeridianError):
            if connection is self._connection:  # else there is another one by now, which is in good order
                self.link.drop()

    def _fail(self) -> None:
        """The connection is lost: nobody will answer for what is under way."""
        self._connection = None
        lines, self._lines = self._lines, {}
        for batch in {id(batch): batch for line in lines.values() for batch, _ in line.waiting.values()}.values():
            if not batch.answered.done():
                batch.answered.set_exception(BackboneUnavailable(f"RabbitMQ at {self.link.node} was lost"))


def _properties(letter: Letter) -> BasicProperties:
    return BasicProperties(
        message_id=letter.id,
        app_id="meridian",
        content_type=CONTENT_TYPE,
        delivery_mode=PERSISTENT_DELIVERY_MODE,
        headers=headers_of(letter),
    )
