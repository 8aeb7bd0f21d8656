"""A pika channel whose methods can be awaited, and whose end is seen by whoever waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pika.exceptions import ChannelClosedByBroker

_NOT_FOUND = 404


class Channel:
    """Wraps an open pika channel, which is ``raw``."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self._closed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        raw.add_on_close_callback(lambda _, reason: _settle(self._closed, reason))

    @classmethod
    async def open(cls, connection: Any, closed: Callable[[], None] | None = None) -> Channel:
        """Open a channel; ``closed`` is called when it ends, whoever ends it. Raises AMQPError when it ends at once."""
        opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        channel = cls(connection.channel(on_open_callback=lambda raw: _settle(opened, raw)))
        if closed is not None:
            channel.raw.add_on_close_callback(lambda *_: closed())
        await asyncio.wait({opened, channel._closed}, return_when=asyncio.FIRST_COMPLETED)
        if not opened.done():
            raise channel._closed.result()
        return channel

    async def call(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method that takes a callback; answer the broker's frame. Raises AMQPError when the channel ends."""
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        getattr(self.raw, method)(*arguments, callback=lambda frame: _settle(reply, frame), **options)
        await asyncio.wait({reply, self._closed}, return_when=asyncio.FIRST_COMPLETED)
        if not reply.done():
            raise self._closed.result()
        return reply.result()

    def close(self) -> None:
        """Close it, if nobody has."""
        if self.raw.is_open:
            self.raw.close()


async def ask(connection: Any, method: str, *arguments: Any, **options: Any) -> Any:
    """Call a method on a channel of its own; answer the broker's frame, None for what is not there.

    Raises AMQPError.
    """
    channel = await Channel.open(connection)
    try:
        answer = await channel.call(method, *arguments, **options)
    except ChannelClosedByBroker as error:
        if error.reply_code != _NOT_FOUND:
            raise
        return None
    channel.close()
    return answer


def _settle(future: asyncio.Future[Any], value: object) -> None:
    """pika calls back also after we have given up waiting."""
    if not future.done():
        future.set_result(value)
