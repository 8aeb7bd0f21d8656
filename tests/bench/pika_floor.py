"""The floor of publishing: pika's asyncio adapter, confirms on, so many messages in flight, and nothing else."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pika
from pika.adapters.asyncio_connection import AsyncioConnection

from bus.backbone.topology import EXCHANGE, physical


async def publish(url: str, queue: str, body: bytes, flight: int, seconds: float) -> float:
    """Publish for so many seconds; answer confirms a second."""
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[Any] = loop.create_future()
    closed: asyncio.Future[None] = loop.create_future()

    def on_open(connection: Any) -> None:
        connection.channel(on_open_callback=lambda channel: opened.set_result((connection, channel)))

    AsyncioConnection(
        pika.URLParameters(url),
        on_open_callback=on_open,
        on_close_callback=lambda *_: closed.set_result(None),
        custom_ioloop=loop,
    )
    connection, channel = await opened
    properties = pika.BasicProperties(delivery_mode=2)
    sent = confirmed = 0
    began = time.monotonic()
    done = asyncio.Event()

    def send(count: int) -> None:
        nonlocal sent
        for _ in range(count):
            channel.basic_publish(EXCHANGE, physical(queue), body, properties, mandatory=True)
        sent += count

    def on_confirm(frame: Any) -> None:
        nonlocal confirmed
        method = frame.method
        more = method.delivery_tag - confirmed if method.multiple else 1
        confirmed += more
        if time.monotonic() < began + seconds:
            send(more)
        elif confirmed >= sent:
            done.set()

    ready: asyncio.Future[Any] = loop.create_future()
    channel.confirm_delivery(on_confirm, callback=ready.set_result)
    await ready
    began = time.monotonic()
    send(flight)
    await done.wait()
    rate = confirmed / (time.monotonic() - began)
    connection.close()
    await closed
    return rate
