"""Which broker an installation uses."""

from __future__ import annotations

from bus.backbone.broker_address import is_rabbitmq
from bus.backbone.embedded import EmbeddedTransport
from bus.backbone.rabbitmq import RabbitTransport
from bus.ports import Transport
from bus.settings import Settings


def open_transport(settings: Settings) -> Transport:
    """Make the transport that ``settings.broker`` names: ``embedded``, ``amqp(s)://…`` or a kombu address."""
    if settings.broker == "embedded":
        return EmbeddedTransport()
    if is_rabbitmq(settings.broker):
        return RabbitTransport(settings.broker_address())
    return EmbeddedTransport(settings.broker)
