"""Publishing to RabbitMQ: every letter is confirmed by the broker, or stays in the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from pika import BasicProperties
from pika.exceptions import AMQPError
from pika.spec import PERSISTENT_DELIVERY_MODE, Basic

from bus.backbone.rabbitmq_declare import declare
from bus.backbone.rabbitmq_link import Link, answered, open_channel
from bus.backbone.topology import EXCHANGE, physical
from bus.backbone.wire import CONTENT_TYPE, headers_of
from bus.errors import BackboneUnavailable
from bus.ports import Letter


class _Batch:
    """The letters of one ``publish`` that the broker has still to answer."""

    def __init__(self, letters: Sequence[Letter]) -> None:
        self.open = {letter.id for letter in letters}
        self.confirmed: list[str] = []
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(self, letter_id: str, *, taken: bool) -> None:
        if letter_id in self.open:
            self.open.discard(letter_id)
            if taken:
                self.confirmed.append(letter_id)
        if not self.open and not self.answered.done():
            self.answered.set_result(None)


class Publisher:
    """One connection, one channel, in confirm mode, every letter mandatory."""

    def __init__(self, url: str, *, longest_pause: float, patience: float) -> None:
        self._link = Link(url, "publisher", prepare=self._prepare, lost=self._fail, longest_pause=longest_pause)
        self._patience = patience
        self._channel: Any = None
        self._next_tag = 1
        self._waiting: dict[int, tuple[_Batch, str]] = {}
        self._returned: set[str] = set()
        self._mending: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start connecting."""
        await self._link.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._link.stop()
        if self._mending is not None:
            self._mending.cancel()
            await asyncio.gather(self._mending, return_exceptions=True)

    async def publish(self, letters: Sequence[Letter]) -> Sequence[str]:
        """Publish; answer the ids that the broker has taken on its disk and could route to a queue.

        Raises BackboneUnavailable at once while disconnected, and when the connection is lost before every
        letter is answered: then all of them count as not sent, and the inbox absorbs those that were.
        """
        if not letters:
            return []
        if not self._link.ready:
            raise BackboneUnavailable(f"RabbitMQ at {self._link.where} is not connected")
        batch = _Batch(letters)
        try:
            for letter in letters:
                self._waiting[self._next_tag] = (batch, letter.id)
                self._next_tag += 1
                self._channel.basic_publish(
                    EXCHANGE, physical(letter.queue), letter.body, _properties(letter), mandatory=True
                )
            async with asyncio.timeout(self._patience):
                await batch.answered
        except (AMQPError, TimeoutError) as error:
            self._link.drop()
            raise BackboneUnavailable(f"RabbitMQ at {self._link.where} does not confirm") from error
        return batch.confirmed

    async def _prepare(self, connection: Any) -> None:
        channel = await open_channel(connection, self._link.drop)
        await declare(channel)
        channel.add_on_return_callback(self._on_return)
        await answered(channel.confirm_delivery, self._on_confirm)
        self._waiting.clear()
        self._returned.clear()
        self._channel, self._next_tag = channel, 1

    def _on_return(self, _channel: Any, _method: Any, properties: Any, _body: bytes) -> None:
        """Unroutable: RabbitMQ sends this just before it confirms the same message.

        Somebody has removed a queue or a binding; the letter stays in the outbox while they are declared again.
        """
        self._returned.add(properties.message_id)
        if self._mending is None or self._mending.done():
            self._mending = asyncio.ensure_future(self._mend())

    async def _mend(self) -> None:
        try:
            await declare(self._channel)
        except AMQPError:
            self._link.drop()

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        taken = isinstance(method, Basic.Ack)
        tags = [method.delivery_tag]
        if method.multiple:
            tags = [tag for tag in self._waiting if tag <= method.delivery_tag]
        for tag in tags:
            if tag in self._waiting:
                batch, letter_id = self._waiting.pop(tag)
                batch.settle(letter_id, taken=taken and letter_id not in self._returned)
                self._returned.discard(letter_id)

    def _fail(self) -> None:
        """The connection is lost: nobody will answer for what is under way."""
        waiting, self._waiting = self._waiting, {}
        for batch in {id(batch): batch for batch, _ in waiting.values()}.values():
            if not batch.answered.done():
                batch.answered.set_exception(BackboneUnavailable(f"RabbitMQ at {self._link.where} was lost"))


def _properties(letter: Letter) -> BasicProperties:
    return BasicProperties(
        message_id=letter.id,
        app_id="meridian",
        content_type=CONTENT_TYPE,
        delivery_mode=PERSISTENT_DELIVERY_MODE,
        headers=headers_of(letter),
    )
