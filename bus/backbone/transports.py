"""Which broker an installation uses."""

from __future__ import annotations

from bus.backbone.embedded import EmbeddedTransport
from bus.ports import Transport
from bus.settings import Settings


def open_transport(settings: Settings) -> Transport:
    """Make the transport that ``settings.broker`` names; it is not started yet."""
    if settings.broker == "embedded":
        return EmbeddedTransport()
    return EmbeddedTransport(settings.broker)
