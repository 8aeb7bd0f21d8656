"""Compares RabbitMQ with the topology, by AMQP alone, and changes nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pika.exceptions import ChannelClosedByBroker

from bus.backbone.broker_address import BrokerAddress, Node
from bus.backbone.rabbitmq_channel import ask
from bus.backbone.rabbitmq_link import Tuning, connected
from bus.backbone.rabbitmq_problems import explain
from bus.backbone.topology import EXCHANGE, arguments_by_name
from bus.errors import BackboneUnavailable

_INEQUIVALENT = re.compile(r"inequivalent arg '([^']+)'.*received (.+?) but current is (.+)", re.DOTALL)
_VALUE = re.compile(r"^(?:the value )?'(.*?)'(?: of type '\w+')?$")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing on the broker: how it ``differs`` from the declaration, if it does, and what else was ``seen``."""

    subject: str
    differs: str = ""
    seen: str = ""


async def inspect(address: BrokerAddress) -> tuple[Node, Sequence[Finding]]:
    """Ask the first node that answers about the exchange and every queue.

    Raises BackboneUnavailable when no node can be reached, and SettingsInvalid as soon as one refuses us.
    """
    away: list[str] = []
    for node in address.nodes:
        try:
            async with connected(address, node, "check", Tuning()) as life:
                try:
                    return node, await _inspect(life.raw)
                except ChannelClosedByBroker as error:
                    raise explain(error, address, node) from error
        except BackboneUnavailable as error:
            away.append(str(error))
    raise BackboneUnavailable("; ".join(away))


async def _inspect(connection: Any) -> Sequence[Finding]:
    findings = [await _exchange(connection)]
    findings.extend([await _queue(connection, name, arguments) for name, arguments in arguments_by_name().items()])
    return findings


async def _exchange(connection: Any) -> Finding:
    subject = f"exchange {EXCHANGE}"
    if await ask(connection, "exchange_declare", EXCHANGE, passive=True) is None:
        return Finding(subject, "missing")
    return Finding(subject, await _difference(connection, "exchange_declare", EXCHANGE, "direct", durable=True))


async def _queue(connection: Any, name: str, arguments: dict[str, object]) -> Finding:
    subject = f"queue {name}"
    found = await ask(connection, "queue_declare", name, passive=True)
    if found is None:
        return Finding(subject, "missing")
    seen = f"{found.method.message_count} ready, {found.method.consumer_count} consumers"
    return Finding(
        subject, await _difference(connection, "queue_declare", name, durable=True, arguments=arguments), seen
    )


async def _difference(connection: Any, method: str, *arguments: Any, **options: Any) -> str:
    """Declare what is known to be there; the broker refuses, and says why, where it is declared otherwise."""
    try:
        await ask(connection, method, *arguments, **options)
    except ChannelClosedByBroker as error:
        told = _INEQUIVALENT.search(str(error.reply_text))
        if told is None:
            raise
        name, wanted, current = told.groups()
        return f"{name} is {_value(current)}, the bus declares {_value(wanted)}"
    return ""


def _value(told: str) -> str:
    found = _VALUE.match(told.strip())
    return found.group(1) if found else told.strip()
