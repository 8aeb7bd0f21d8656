"""Brings RabbitMQ to the topology; every connection does so first, which makes a fresh broker usable."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import structlog
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker

from bus.backbone.rabbitmq_channel import Channel, ask
from bus.backbone.rabbitmq_link import Life
from bus.backbone.topology import EXCHANGE, arguments_by_name, logical
from bus.errors import BackboneUnavailable
from bus.ports import Lost

_log = structlog.get_logger(__name__)

_DIFFERS = 406
_ANSWER = 10.0
#: What RabbitMQ says when members of a queue run that it has no record of.
_LEFT_OVER = "cluster_not_formed"
#: Deletions sent beside one declaration, so that one of them falls into the moment in which there is a record.
_DELETIONS = 200
_STRATEGY = "x-dead-letter-strategy"


class Declarer:
    """Declares what is missing, for one connection after the other: two at once upset RabbitMQ 3.10.

    ``lost`` is awaited with the name of every queue that is missing, *before* it is declared: whoever dies in between
    leaves it missing, and the next one calls again. ``probe`` opens a connection that may break. ``differences`` says
    in words what is there and differs, which no declaration can change.

    A queue that is deleted while it is being declared damages RabbitMQ until a restart, so one that was there and is
    gone is made anew only after ``calm`` seconds, up to twice that: who deletes several times is done by then.

    There are two kinds of damage. Members of the queue are left over without a record: they are removed. Or what
    supervises dead-lettering has died (RabbitMQ 3.10.8 gives it up after two failures), which breaks every
    declaration that asks for ``at-least-once``: the queue is made without, which is a difference.
    """

    def __init__(self, lost: Lost, probe: Callable[[], AbstractAsyncContextManager[Life]], calm: float) -> None:
        self._lost = lost
        self._probe = probe
        self._calm = calm
        self._turn = asyncio.Lock()
        self._seen: set[str] = set()
        self._left_over: set[str] = set()
        self._broken: Counter[str] = Counter()
        self.differences: tuple[str, ...] = ()

    async def declare(self, connection: Any, *, deleted: bool = False) -> None:
        """Declare what is missing; ``deleted`` when a queue was deleted just now, and may look as if it were there.

        Raises AMQPError, BackboneUnavailable when the broker does not answer, and what ``lost`` raises.
        """
        if deleted:
            await self._rest()
        async with self._turn:
            try:
                async with asyncio.timeout(_ANSWER):
                    missing = [name for name in arguments_by_name() if not await _is_there(connection, name)]
                    left_over = self._left_over.intersection(missing)
                    for name in left_over:
                        await self._remove(name)
                self._left_over.clear()
                if left_over or (not deleted and self._seen.intersection(missing)):
                    await self._rest()
                async with asyncio.timeout(_ANSWER):
                    differences = await self._declare(connection, missing)
            except TimeoutError as error:
                raise BackboneUnavailable("broker: RabbitMQ does not answer a declaration") from error
        for text in differences:
            if text not in self.differences:
                _log.error("the broker differs from the topology", difference=text)
        self.differences = differences

    async def _rest(self) -> None:
        await asyncio.sleep(random.uniform(1.0, 2.0) * self._calm)  # noqa: S311 - keeps processes from acting at once

    async def _declare(self, connection: Any, missing: list[str]) -> tuple[str, ...]:
        differences = [await _difference(connection, "exchange_declare", EXCHANGE, "direct", durable=True)]
        for name, arguments in arguments_by_name().items():
            if name in missing:
                await self._lost(logical(name))
                await self._make(connection, name, arguments)
            differences.append(await _difference(connection, "queue_declare", name, durable=True, arguments=arguments))
            self._seen.add(name)
            channel = await Channel.open(connection)
            await channel.call("queue_bind", name, EXCHANGE, name)
            channel.close()
        return tuple(text for text in differences if text)

    async def _make(self, connection: Any, name: str, arguments: Mapping[str, object]) -> None:
        if self._broken[name] > 1:  # once may be a deletion that came too soon
            arguments = {key: value for key, value in arguments.items() if key != _STRATEGY}
        try:
            await _difference(connection, "queue_declare", name, durable=True, arguments=arguments)
        except ConnectionClosedByBroker as error:
            if _LEFT_OVER in str(error.reply_text):
                self._left_over.add(name)
            else:
                self._broken[name] += 1
            raise
        del self._broken[name]

    async def _remove(self, name: str) -> None:
        """Remove the members of a queue that RabbitMQ has no record of, and therefore cannot delete.

        A declaration makes a record, fails over the members that are there, and removes its record again. A deletion
        that comes in between finds record and members. The declaration breaks the connection. It asks for no
        dead-lettering, for whose workers a queue that goes while it is made is dangerous.
        """
        _log.warning("removing what was left over of a queue", queue=name)
        async with self._probe() as life:
            declaring, deleting = await Channel.open(life.raw), await Channel.open(life.raw)
            declaring.raw.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum"}, callback=_ignore)
            for _ in range(_DELETIONS):
                deleting.raw.queue_delete(name)
            await asyncio.wait({life.ended}, timeout=_ANSWER / 2)


async def _is_there(connection: Any, name: str) -> bool:
    return await ask(connection, "queue_declare", name, passive=True) is not None


async def _difference(connection: Any, method: str, *arguments: Any, **options: Any) -> str:
    """Declare; answer the broker's own words for what it has and was asked for. Any other refusal is raised."""
    channel = await Channel.open(connection)
    try:
        await channel.call(method, *arguments, **options)
    except ChannelClosedByBroker as error:
        if error.reply_code != _DIFFERS:
            raise
        return str(error.reply_text).removeprefix("PRECONDITION_FAILED - ")
    channel.close()
    return ""


def _ignore(_: object) -> None:
    """pika sends a declaration without a callback as one that wants no answer."""
