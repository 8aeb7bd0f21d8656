"""One connection to RabbitMQ that comes back by itself, on whichever node answers, on the running event loop."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import structlog
from pika import ConnectionParameters, PlainCredentials, SSLOptions
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.exceptions import AMQPError

from bus.backbone.broker_address import BrokerAddress, Node
from bus.backbone.rabbitmq_problems import explain, words
from bus.errors import BackboneUnavailable, SettingsInvalid
from bus.resilience.backoff import full_jitter
from transformers.errors import MeridianError

_log = structlog.get_logger(__name__)

_SETUP = 15.0
_FAREWELL = 3.0


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a connection behaves; seconds.

    Pauses between attempts are jittered between 0 and ``first_pause``, doubled up to ``longest_pause`` with every
    round through the nodes. ``patience`` is the wait for a confirm. A broker that is silent for two ``heartbeat``
    is hung up on. One that takes nothing (memory or disk alarm) is waited for, and asked anew only after ``blocked``:
    a new connection would meet the same alarm. A queue that lets nobody subscribe for ``leaderless``, while others
    do, is made anew. One that was deleted is left alone for ``calm`` first, up to twice that.
    """

    first_pause: float = 0.5
    longest_pause: float = 30.0
    patience: float = 30.0
    heartbeat: int = 30
    blocked: float = 300.0
    leaderless: float = 30.0
    calm: float = 2.0


class Life:
    """One open connection: ``raw`` is pika's, ``ended`` gets the reason when it is over."""

    def __init__(self, raw: Any, ended: asyncio.Future[BaseException]) -> None:
        self.raw = raw
        self.ended = ended


@asynccontextmanager
async def connected(address: BrokerAddress, node: Node, role: str, tuning: Tuning) -> AsyncIterator[Life]:
    """Open a connection and close it at the end of the block. Raises BackboneUnavailable or SettingsInvalid."""
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[BaseException | None] = loop.create_future()
    ended: asyncio.Future[BaseException] = loop.create_future()

    def failed(_: Any, error: BaseException) -> None:
        _settle(opened, error)
        _settle(ended, error)

    connection = AsyncioConnection(
        _parameters(address, node, role, tuning),
        on_open_callback=lambda _: _settle(opened, None),
        on_open_error_callback=failed,
        on_close_callback=failed,
        custom_ioloop=loop,
    )
    try:
        try:
            async with asyncio.timeout(_SETUP):
                error = await opened
        except TimeoutError as late:
            raise BackboneUnavailable(f"broker: RabbitMQ at {node} does not answer") from late
        if error is not None:
            raise explain(error, address, node) from error
        yield Life(connection, ended)
    finally:
        hang_up(connection)
        # Let the broker answer our goodbye; break with one that does not, or its socket would outlive this block.
        await asyncio.wait({ended}, timeout=_FAREWELL)
        if not ended.done():
            connection._adapter_disconnect_stream()  # pika has no public way to hang up
            await asyncio.wait({ended}, timeout=_FAREWELL)


def hang_up(connection: Any) -> None:
    """Begin to close a connection, if nobody has."""
    with suppress(AMQPError):
        if not (connection.is_closed or connection.is_closing):
            connection.close()


class Link:
    """Connects, prepares (declares, subscribes), watches, and starts over on the next node when it is lost.

    ``prepare`` gets the open pika connection; the link is ``ready`` once it has returned. ``lost`` is called
    whenever a connection that was open ends. ``trouble`` is why the link is not ready, ``alarm`` why the broker
    takes nothing now ("" when it does), ``proven`` whether it has ever been ready.
    """

    def __init__(
        self,
        address: BrokerAddress,
        role: str,
        tuning: Tuning,
        *,
        prepare: Callable[[Any], Awaitable[None]],
        lost: Callable[[], None],
    ) -> None:
        self.address = address
        self._role = role
        self._tuning = tuning
        self._prepare = prepare
        self._lost = lost
        self._raw: Any = None
        self._tried = asyncio.Event()
        self._dropped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.node = address.nodes[0]
        self.ready = False
        self.proven = False
        self.trouble: MeridianError | None = None
        self.alarm = ""

    async def start(self) -> None:
        """Start connecting; return when ready, when every node has been tried once, or after a while."""
        self._task = asyncio.create_task(self._keep(), name=f"rabbitmq-{self._role}")
        with suppress(TimeoutError):
            async with asyncio.timeout(_SETUP):
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
        if self._raw is not None:
            hang_up(self._raw)

    async def _keep(self) -> None:
        nodes, tuning = self.address.nodes, self._tuning
        turn, failures = random.randrange(len(nodes)), 0  # noqa: S311 - spreads clients over the nodes
        while True:
            self.node = nodes[turn % len(nodes)]
            turn += 1
            try:
                reason = await self._live()
                self.trouble = BackboneUnavailable(
                    f"broker: the connection to RabbitMQ at {self.node} was lost ({reason})"
                )
                failures = 0
            except MeridianError as error:
                self.trouble = error
                failures += 1
            except Exception as error:  # whatever it is: a link that ends stays away for good
                self.trouble = explain(error, self.address, self.node)
                failures += 1
            wrong = isinstance(self.trouble, SettingsInvalid)
            _log.log(40 if wrong else 30, "RabbitMQ away", role=self._role, reason=str(self.trouble))
            rounds, untried = divmod(failures, len(nodes))
            if untried and not self._tried.is_set():
                continue
            self._tried.set()
            await asyncio.sleep(full_jitter(rounds + 1, tuning.first_pause, longest=tuning.longest_pause))

    async def _live(self) -> str:
        """One life of the connection; answers why one that had become ready has ended."""
        self._dropped.clear()
        async with connected(self.address, self.node, self._role, self._tuning) as life:
            self._raw = life.raw
            life.raw.add_on_connection_blocked_callback(lambda _, frame: self._blocked(frame.method.reason))
            life.raw.add_on_connection_unblocked_callback(lambda _, __: self._blocked(""))
            try:
                await self._set_up(life)
                self.ready = self.proven = True
                self.trouble = None
                self._tried.set()
                _log.info("RabbitMQ connected", role=self._role, at=str(self.node))
                await self._until_over(life)
                return words(life.ended.result()) if life.ended.done() else "given up"
            finally:
                self.drop()
                self.alarm = ""
                self._lost()

    def _blocked(self, reason: str) -> None:
        self.alarm = f"{reason.rpartition(' ')[2]} alarm" if reason else ""
        _log.warning("RabbitMQ blocks publishers" if reason else "RabbitMQ takes letters again", reason=reason)

    async def _until_over(self, life: Life) -> None:
        """Wait until the connection has ended, or somebody has given it up."""
        dropped = asyncio.ensure_future(self._dropped.wait())
        either: set[asyncio.Future[Any]] = {life.ended, dropped}
        try:
            # Not awaited directly: a cancelled task would cancel the future too, and its end would go unseen.
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            dropped.cancel()

    async def _set_up(self, life: Life) -> None:
        preparing = asyncio.ensure_future(self._prepare(life.raw))
        try:
            either: set[asyncio.Future[Any]] = {preparing, life.ended}
            await asyncio.wait(either, timeout=_SETUP, return_when=asyncio.FIRST_COMPLETED)
            if preparing.done():
                return preparing.result()
            if life.ended.done():
                raise explain(life.ended.result(), self.address, self.node)
            raise BackboneUnavailable(f"broker: RabbitMQ at {self.node} does not answer")
        finally:
            preparing.cancel()
            await asyncio.gather(preparing, return_exceptions=True)


def _parameters(address: BrokerAddress, node: Node, role: str, tuning: Tuning) -> ConnectionParameters:
    tls = None
    if address.tls is not None:
        tls = SSLOptions(address.tls.context(), address.tls.server_name or node.host)
    return ConnectionParameters(
        host=node.host,
        port=node.port,
        virtual_host=address.vhost,
        credentials=PlainCredentials(address.user, address.password),
        ssl_options=tls,
        heartbeat=tuning.heartbeat,
        blocked_connection_timeout=tuning.blocked,
        connection_attempts=1,
        socket_timeout=5,
        stack_timeout=10,
        client_properties={"connection_name": f"meridian {role}"},
    )


def _settle(future: asyncio.Future[Any], value: object) -> None:
    """pika calls back also after we have given up waiting."""
    if not future.done():
        future.set_result(value)
