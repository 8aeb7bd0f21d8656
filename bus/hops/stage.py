"""What earlier hops have found out, for hops that cannot work without it.

A missing fact means that the order of hops in ``bus/pipeline.py`` is broken: a RuntimeError, not a caller's mistake.
"""

from __future__ import annotations

from bus.message import Content, Message
from registry.model import Operation, ServiceVersion


def content_of(message: Message) -> Content:
    """The parsed body, which ``decode`` leaves."""
    if message.content is None:
        raise RuntimeError("the message has not been decoded")
    return message.content


def operation_of(message: Message) -> Operation:
    """The operation, which ``resolve`` leaves."""
    if message.operation is None:
        raise RuntimeError("the message's operation has not been resolved")
    return message.operation


def version_of(message: Message) -> ServiceVersion:
    """The service version, which ``resolve`` leaves."""
    if message.version is None:
        raise RuntimeError("the message's service has not been resolved")
    return message.version
