"""Brings RabbitMQ to the topology; every connection does so first, which makes a fresh broker usable."""

from __future__ import annotations

from typing import Any

from pika.exceptions import ChannelClosedByBroker

from bus.backbone.rabbitmq_channel import Channel
from bus.backbone.topology import EXCHANGE, arguments_by_name, logical
from bus.ports import Lost

_NOT_FOUND = 404
_DIFFERS = 406


async def declare(connection: Any, lost: Lost) -> tuple[str, ...]:
    """Declare what is missing, and answer in words what is there and differs, which no declaration can change.

    ``lost`` is awaited with the name of every queue that is missing, *before* it is declared: whoever dies in
    between leaves it missing, and the next one calls again. Raises AMQPError, and what ``lost`` raises.
    """
    differences = []
    channel = await Channel.open(connection)
    try:
        await channel.call("exchange_declare", EXCHANGE, "direct", durable=True)
    except ChannelClosedByBroker as error:
        differences.append(_difference(error))
        channel = await Channel.open(connection)
    for name, arguments in arguments_by_name().items():
        try:
            await channel.call("queue_declare", name, passive=True)
        except ChannelClosedByBroker as error:
            if error.reply_code != _NOT_FOUND:
                raise
            channel = await Channel.open(connection)
            await lost(logical(name))
        try:
            await channel.call("queue_declare", name, durable=True, arguments=arguments)
        except ChannelClosedByBroker as error:
            differences.append(_difference(error))
            channel = await Channel.open(connection)
        await channel.call("queue_bind", name, EXCHANGE, name)
    channel.close()
    return tuple(differences)


def _difference(error: ChannelClosedByBroker) -> str:
    """The broker's own words for what it has and was asked for; any other refusal goes on."""
    if error.reply_code != _DIFFERS:
        raise error
    return str(error.reply_text).removeprefix("PRECONDITION_FAILED - ")
