"""One connection to RabbitMQ that comes back by itself, on the running event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog
from pika import URLParameters
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.exceptions import AMQPError

from bus.errors import BackboneUnavailable
from bus.resilience.backoff import full_jitter

_log = structlog.get_logger(__name__)

_HEARTBEAT = 30
_BLOCKED = 30
_SETUP = 15.0
_FAREWELL = 3.0
_FIRST_BACKOFF = 0.5


class Link:
    """Connects, prepares (declares, subscribes), watches, and starts over with a jittered pause when it is lost.

    ``prepare`` gets the open pika connection; the link is ``ready`` once it has returned. ``lost`` is called
    whenever a connection that was open ends.
    """

    def __init__(
        self,
        url: str,
        role: str,
        *,
        prepare: Callable[[Any], Awaitable[None]],
        lost: Callable[[], None],
        longest_pause: float,
    ) -> None:
        parameters = URLParameters(url)
        parameters.heartbeat = _HEARTBEAT
        parameters.blocked_connection_timeout = _BLOCKED
        parameters.connection_attempts = 1
        parameters.socket_timeout = 5
        parameters.stack_timeout = 10
        parameters.client_properties = {"connection_name": f"meridian {role}"}
        self._parameters = parameters
        self._role = role
        self._prepare = prepare
        self._lost = lost
        self._longest_pause = longest_pause
        self._connection: Any = None
        self._tried = asyncio.Event()
        self._dropped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.ready = False

    @property
    def where(self) -> str:
        """The broker's address without credentials."""
        return f"{self._parameters.host}:{self._parameters.port}"

    async def start(self) -> None:
        """Start connecting; return after the first attempt, whether it succeeded or not."""
        self._task = asyncio.create_task(self._keep(), name=f"rabbitmq-{self._role}")
        await self._tried.wait()

    async def stop(self) -> None:
        """Close and stay closed."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def drop(self) -> None:
        """Give up the present connection, which makes the link start over."""
        self.ready = False
        self._dropped.set()
        with suppress(AMQPError):
            if self._connection is not None and not (self._connection.is_closed or self._connection.is_closing):
                self._connection.close()

    async def _keep(self) -> None:
        failures = 0
        while True:
            try:
                await self._live()
                failures = 0
            except BackboneUnavailable as error:
                _log.warning("RabbitMQ away", role=self._role, reason=str(error))
            failures += 1
            self._tried.set()
            await asyncio.sleep(full_jitter(failures, _FIRST_BACKOFF, longest=self._longest_pause))

    async def _live(self) -> None:
        """One life of the connection; returns when one that had become ready has ended."""
        loop = asyncio.get_running_loop()
        self._dropped.clear()
        opened: asyncio.Future[None] = loop.create_future()
        ended: asyncio.Future[str] = loop.create_future()

        def failed(_: Any, error: BaseException) -> None:
            if not opened.done():
                opened.set_exception(
                    BackboneUnavailable(f"RabbitMQ at {self.where} cannot be reached ({_name(error)})")
                )
            _settle(ended, _name(error))

        self._connection = AsyncioConnection(
            self._parameters,
            on_open_callback=lambda _: _settle(opened, None),
            on_open_error_callback=failed,
            on_close_callback=lambda _, error: _settle(ended, _name(error)),
            custom_ioloop=loop,
        )
        try:
            async with asyncio.timeout(_SETUP):
                await opened
            await self._set_up(ended)
            self.ready = True
            self._tried.set()
            _log.info("RabbitMQ connected", role=self._role, at=self.where)
            await self._until_over(ended)
            reason = ended.result() if ended.done() else "given up"
            _log.warning("RabbitMQ connection lost", role=self._role, reason=reason)
        except TimeoutError as error:
            raise BackboneUnavailable(f"RabbitMQ at {self.where} does not answer") from error
        finally:
            self.drop()
            self._lost()
            await self._farewell(ended)

    async def _until_over(self, ended: asyncio.Future[str]) -> None:
        """Wait until the connection has ended, or somebody has given it up."""
        dropped = asyncio.ensure_future(self._dropped.wait())
        either: set[asyncio.Future[Any]] = {ended, dropped}
        try:
            # Not awaited directly: a cancelled task would cancel the future too, and its end would go unseen.
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            dropped.cancel()

    async def _farewell(self, ended: asyncio.Future[str]) -> None:
        """Let the broker answer our goodbye; hang up on one that does not, or its socket would outlive this life."""
        await asyncio.wait({ended}, timeout=_FAREWELL)
        if not ended.done():
            self._connection._adapter_disconnect_stream()  # pika has no public way to hang up
            await asyncio.wait({ended}, timeout=_FAREWELL)

    async def _set_up(self, ended: asyncio.Future[str]) -> None:
        preparing = asyncio.ensure_future(self._prepare(self._connection))
        try:
            either: set[asyncio.Future[Any]] = {preparing, ended}
            await asyncio.wait(either, timeout=_SETUP, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise BackboneUnavailable(f"RabbitMQ at {self.where} ended the connection ({ended.result()})")
            if not preparing.done():
                raise TimeoutError
            preparing.result()
        except AMQPError as error:
            raise BackboneUnavailable(f"RabbitMQ at {self.where} refused ({_name(error)})") from error
        finally:
            preparing.cancel()
            await asyncio.gather(preparing, return_exceptions=True)


async def answered(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a pika method that takes a callback, and await what the broker answers."""
    reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    method(*args, callback=lambda frame: _settle(reply, frame), **kwargs)
    return await reply


async def open_channel(connection: Any, closed: Callable[[], None]) -> Any:
    """Open a channel; ``closed`` is called when it ends, whoever ends it."""
    opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    connection.channel(on_open_callback=lambda channel: _settle(opened, channel))
    channel = await opened
    channel.add_on_close_callback(lambda *_: closed())
    return channel


def _settle(future: asyncio.Future[Any], value: object) -> None:
    """pika calls back also after we have given up waiting."""
    if not future.done():
        future.set_result(value)


def _name(error: BaseException) -> str:
    """The kind of a pika error and the broker's own words, which hold names of queues but no content."""
    text = getattr(error, "reply_text", "")
    return f"{type(error).__name__} {text}".strip()
