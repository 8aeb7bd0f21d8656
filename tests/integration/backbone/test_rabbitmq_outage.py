"""What the backbone promises while RabbitMQ is away, comes back, or cannot route."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pika
import pytest
from backbone_bus import MiniBus, effects, eventually, letter, running, transactional
from rabbitmq import RabbitNode

from bus.backbone.topology import CALLS, DELIVER, ENGINE, EXCHANGE, physical
from bus.errors import BackboneUnavailable
from bus.ports import Letter
from bus.settings import Settings

pytestmark = pytest.mark.integration


async def _empty(bus: MiniBus) -> None:
    for _ in range(400):
        if not await bus.waiting():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the outbox did not become empty")


async def test_letters_accepted_while_the_broker_is_down_are_delivered_when_it_is_back(
    rabbitmq_installation: Settings, rabbitmq_node: RabbitNode
) -> None:
    seen: Counter[str] = Counter()
    rabbitmq_node.kill9()
    try:
        async with running(rabbitmq_installation, transactional(ENGINE, lambda _, got: seen.update([got.id]))) as bus:
            with pytest.raises(BackboneUnavailable, match="is not connected"):
                await bus.transport.publish([letter("direct", ENGINE)])
            for number in range(20):
                await asyncio.wait_for(bus.outbox.post([letter(number, ENGINE)]), 2)
            assert await bus.waiting() == 20
            await asyncio.to_thread(rabbitmq_node.start)
            await eventually(lambda: len(seen) == 20, within=40)
            await _empty(bus)
    finally:
        if not rabbitmq_node.answers():
            rabbitmq_node.start()
    assert set(seen.values()) == {1}


async def test_a_broker_killed_and_restarted_under_load_loses_and_doubles_nothing(
    rabbitmq_installation: Settings, rabbitmq_node: RabbitNode
) -> None:
    seen: Counter[str] = Counter()
    calls: Counter[str] = Counter()

    async def call(got: Letter, *, redelivered: bool) -> None:
        await asyncio.sleep(0.001)
        calls.update([got.id])

    note = transactional(ENGINE, lambda _, got: seen.update([got.id]))
    posted = 0
    restarting: asyncio.Task[None] | None = None
    try:
        async with running(rabbitmq_installation, note, effects(CALLS, call)) as bus:
            while restarting is None or not restarting.done():
                lane = f"visit-{posted % 7}" if posted % 2 else ""
                await bus.outbox.post([letter(posted, ENGINE, lane=lane), letter(posted, CALLS, lane=lane)])
                posted += 1
                if posted == 50:
                    restarting = asyncio.create_task(asyncio.to_thread(_restart, rabbitmq_node))
                await asyncio.sleep(0.005)
            await eventually(lambda: len(seen) == posted and len(calls) == posted, within=60)
            await _empty(bus)
    finally:
        if not rabbitmq_node.answers():
            rabbitmq_node.start()
    assert posted > 60
    assert set(seen.values()) == {1}
    assert set(calls.values()) == {1}


async def test_a_broker_that_stops_answering_is_hung_up_on_and_used_again(
    rabbitmq_installation: Settings, rabbitmq_node: RabbitNode
) -> None:
    seen: Counter[str] = Counter()
    async with running(rabbitmq_installation, transactional(ENGINE, lambda _, got: seen.update([got.id]))) as bus:
        await bus.outbox.post([letter("before", ENGINE)])
        await eventually(lambda: "before" in seen)
        rabbitmq_node.freeze()
        try:
            with pytest.raises(BackboneUnavailable, match="does not confirm"):
                await bus.transport.publish([letter("direct", ENGINE)])
            await bus.outbox.post([letter("meanwhile", ENGINE)])
            await asyncio.sleep(4)
        finally:
            rabbitmq_node.thaw()
        await eventually(lambda: "meanwhile" in seen, within=60)
    assert set(seen.values()) == {1}


def _on_broker(installation: Settings, act: Callable[[Any], object]) -> None:
    """What an administrator or another application does, past the bus."""
    connection = pika.BlockingConnection(pika.URLParameters(installation.broker))
    act(connection.channel())
    connection.close()


def _restart(node: RabbitNode) -> None:
    node.kill9()
    node.start()


async def test_a_letter_that_cannot_be_routed_stays_until_its_queue_is_declared_again(
    rabbitmq_installation: Settings,
) -> None:
    seen: list[str] = []
    async with running(rabbitmq_installation, transactional(ENGINE, lambda _, got: seen.append(got.id))) as bus:
        _on_broker(
            rabbitmq_installation, lambda channel: channel.queue_unbind(physical(DELIVER), EXCHANGE, physical(DELIVER))
        )
        assert await bus.transport.publish([letter("nowhere", DELIVER), letter("somewhere", ENGINE)]) == ["somewhere"]
        await eventually(lambda: seen == ["somewhere"])
        _on_broker(
            rabbitmq_installation, lambda channel: channel.queue_unbind(physical(DELIVER), EXCHANGE, physical(DELIVER))
        )
        await bus.outbox.post([letter("late", DELIVER)])
        await bus.handed_over()
    async with running(rabbitmq_installation, transactional(DELIVER, lambda _, got: seen.append(got.id))):
        await eventually(lambda: seen == ["somewhere", "late"])


async def test_another_application_may_read_what_the_bus_publishes(rabbitmq_installation: Settings) -> None:
    """A letter is a plain persistent AMQP message with the bus's id and the trace of its flow."""
    async with running(rabbitmq_installation) as bus:
        await bus.outbox.post([letter("1", DELIVER, lane="visit", body=b'{"a":1}')])
        await asyncio.sleep(0.5)
        got: list[tuple[Any, bytes]] = []
        _on_broker(
            rabbitmq_installation,
            lambda channel: got.append(channel.basic_get(physical(DELIVER), auto_ack=True)[1:]),
        )
    properties, body = got[0]
    assert body == b'{"a":1}'
    assert (properties.message_id, properties.delivery_mode, properties.app_id) == ("1", 2, "meridian")
    assert properties.headers["traceparent"].startswith("00-")


async def test_a_broker_that_was_never_there_does_not_stop_the_bus_from_starting(tmp_path: Path) -> None:
    installation = dataclasses.replace(Settings(data=tmp_path), broker="amqp://guest:guest@127.0.0.1:1/%2F")
    async with asyncio.timeout(10), running(installation) as bus:
        await bus.outbox.post([letter("1", ENGINE)])
        assert await bus.waiting() == 1


async def test_a_consumer_that_the_broker_cancels_subscribes_again(rabbitmq_installation: Settings) -> None:
    seen: list[str] = []
    async with running(rabbitmq_installation, transactional(ENGINE, lambda _, got: seen.append(got.id))) as bus:
        _on_broker(rabbitmq_installation, lambda channel: channel.queue_delete(physical(ENGINE)))
        await asyncio.sleep(0.2)
        await bus.outbox.post([letter("after", ENGINE)])
        await eventually(lambda: seen == ["after"], within=30)
