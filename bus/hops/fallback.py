"""What the caller of a system that is down gets: the reply that was good last, or when to try again."""

from __future__ import annotations

import time

from lxml import etree
from msgspec.structs import replace

from bus.downtime.period import Downtime
from bus.downtime.times import written
from bus.downtime.view import refusal
from bus.message import Message
from bus.ports import Next, Ports
from registry.model import Operation
from transformers import ns
from transformers.document import Element

#: RFC 9211 §2: which cache answered, and why it did not ask.
CACHE_STATUS = b"meridian; hit; detail=planned-downtime"


async def fallback(message: Message, operation: Operation, downtime: Downtime, ports: Ports) -> Message:
    """Answer from what is remembered, where the operation's policy says so. Raises PlannedDowntime.

    A workflow's step is not answered so: it waits until it can have an answer of now.
    """
    if operation.policy.downtime == "cached" and message.door != "workflow":
        reply = await ports.memory.recall(message)
        if reply is not None:
            when = written(reply.cached_at, ports.settings.timezone)
            return replace(reply, notes=(*reply.notes, f"answered from the cache of {when}: {downtime.system} is down"))
    raise refusal(downtime, ports.settings.timezone)


async def remembering(message: Message, onward: Next, ports: Ports) -> Message:
    """Pass a call on, and remember its reply for a time when it cannot be made."""
    reply = await onward(message)
    ports.memory.keep(message, reply)
    return reply


def cache_headers(cached_at: float) -> tuple[tuple[bytes, bytes], ...]:
    """The HTTP headers of an answer from the cache: Age (RFC 9111 §5.1) and Cache-Status (RFC 9211)."""
    age = max(0, int(time.time() - cached_at))
    return (b"age", str(age).encode()), (b"cache-status", CACHE_STATUS)


def cache_block(cached_at: float) -> Element:
    """The SOAP header block of an answer from the cache: ``m:cached`` with when it was given and how old it is (s)."""
    block: Element = etree.Element(ns.clark(ns.MERIDIAN, "cached"), nsmap={"m": ns.MERIDIAN})
    block.set("at", written(cached_at, "UTC"))
    block.set("age", str(max(0, int(time.time() - cached_at))))
    return block
