"""What happens to a RabbitMQ in use: alarms, bad networks, queues removed or damaged; nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pika
import pika.exceptions
import pytest
from backbone_bus import TUNING, MiniBus, effects, eventually, letter, running, transactional
from fault_proxy import NORMAL, Fault, FaultProxy
from rabbitmq import RabbitNode

from bus.backbone.topology import (
    CALLS,
    DELIVER,
    ENGINE,
    EXCHANGE,
    REPLIES,
    arguments_by_name,
    dead,
    physical,
    quorum_arguments,
)
from bus.ports import Letter
from bus.settings import Settings

pytestmark = pytest.mark.integration


class Load:
    """Letters posted while something happens, and how often each had its effect."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.posted = 0

    async def call(self, got: Letter, *, redelivered: bool) -> None:
        """The effect."""
        self.seen.update([got.id])

    async def during(self, bus: MiniBus, happening: Callable[[], object]) -> None:
        """Post all the time while ``happening`` runs on a thread, in lanes and free."""
        task = asyncio.create_task(asyncio.to_thread(happening))
        while not task.done() or self.posted < 50:
            lane = f"visit-{self.posted % 7}" if self.posted % 2 else ""
            await bus.outbox.post([letter(self.posted, CALLS, lane=lane)])
            self.posted += 1
            await asyncio.sleep(0.02)
        await task

    async def everything_once(self, bus: MiniBus, *, within: float = 40.0) -> None:
        """Wait until every letter has had its effect and nothing waits any more."""
        await eventually(lambda: len(self.seen) == self.posted, within=within)
        for _ in range(400):
            if not await bus.waiting():
                break
            await asyncio.sleep(0.05)
        assert await bus.waiting() == 0
        assert set(self.seen.values()) == {1}


@asynccontextmanager
async def loaded(settings: Settings) -> AsyncIterator[tuple[Load, MiniBus]]:
    load = Load()
    async with running(settings, effects(CALLS, load.call)) as bus:
        yield load, bus


def on_broker(installation: Settings, act: Callable[[Any], object]) -> None:
    """What an administrator or another application does, past the bus."""
    connection = pika.BlockingConnection(pika.URLParameters(installation.broker))
    act(connection.channel())
    connection.close()


def through(proxy: FaultProxy, installation: Settings) -> Settings:
    return dataclasses.replace(installation, broker=f"amqp://guest:guest@127.0.0.1:{proxy.port}/%2F")


# ── alarms ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_memory_alarm_is_told_and_waited_out_and_then_everything_drains(
    rabbitmq_installation: Settings, rabbitmq_node: RabbitNode
) -> None:
    async with loaded(rabbitmq_installation) as (load, bus):
        await load.during(bus, lambda: rabbitmq_node.ctl("set_vm_memory_high_watermark", "absolute", "1MB"))
        try:
            await eventually(lambda: any("memory alarm" in told for told in bus.transport.troubles()))
            assert [told for told in bus.transport.troubles() if "blocks publishers (memory alarm)" in told]
            before = len(load.seen)
            await asyncio.sleep(TUNING.patience + 1.0)  # longer than a confirm may take: the connection is kept
            await asyncio.wait_for(bus.outbox.post([letter(load.posted, CALLS)]), 2)
            load.posted += 1
            assert [told for told in bus.transport.troubles() if "blocks publishers (memory alarm)" in told]
            assert len(load.seen) == before
        finally:
            await asyncio.to_thread(rabbitmq_node.ctl, "set_vm_memory_high_watermark", "0.4")
        await load.everything_once(bus)
        assert bus.transport.troubles() == ()


async def test_a_full_queue_is_told_and_its_letters_wait_in_the_outbox(
    rabbitmq_installation: Settings, rabbitmq_node: RabbitNode
) -> None:
    """Here an operator's policy makes the queue small; the bus's own limits work in the same way."""
    seen: Counter[str] = Counter()
    small = '{"max-length":5,"overflow":"reject-publish"}'
    await asyncio.to_thread(
        rabbitmq_node.ctl, "set_policy", "--apply-to", "queues", "small", f"^{physical(DELIVER)}$", small
    )
    try:
        async with running(rabbitmq_installation) as bus:
            posted = 0
            while not any("takes no letters" in told for told in bus.transport.troubles()):
                await bus.outbox.post([letter(posted, DELIVER)])
                posted += 1
                await asyncio.sleep(0.02)
            assert await bus.waiting() == posted
        async with running(rabbitmq_installation, transactional(DELIVER, lambda _, got: seen.update([got.id]))) as bus:
            await eventually(lambda: len(seen) == posted)
            assert bus.transport.troubles() == ()
    finally:
        await asyncio.to_thread(rabbitmq_node.ctl, "clear_policy", "small")
    assert set(seen.values()) == {1}


# ── the network ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("broken", ["cut", "reset", "black hole", "throttled", "cut in the middle"])
async def test_a_bad_network_to_the_broker_loses_and_doubles_nothing(
    rabbitmq_installation: Settings, rabbitmq_node: RabbitNode, broken: str
) -> None:
    faults = {
        "black hole": Fault(silent=True),
        "throttled": Fault(rate=20_000, delay=0.02),
        "cut in the middle": Fault(cut_after=30_000),
    }
    with FaultProxy(rabbitmq_node.port) as proxy:

        def happen() -> None:
            if broken in faults:
                proxy.set(faults[broken])
            for _ in range(3):
                {"cut": proxy.cut, "reset": proxy.reset}.get(broken, bool)()
                asyncio.run(asyncio.sleep(1.5))
            proxy.set(NORMAL)

        async with loaded(through(proxy, rabbitmq_installation)) as (load, bus):
            await load.during(bus, happen)
            await load.everything_once(bus)


# ── queues removed or damaged ────────────────────────────────────────────────────────────────────────


async def test_letters_confirmed_into_a_queue_that_is_deleted_come_again(rabbitmq_installation: Settings) -> None:
    """Nobody consumes yet, so the broker holds them all when the queue goes."""
    seen: Counter[str] = Counter()
    async with running(rabbitmq_installation) as bus:
        await bus.outbox.post([letter(number, DELIVER, lane=f"visit-{number}" * (number % 2)) for number in range(20)])
        await bus.handed_over()
    await asyncio.to_thread(on_broker, rabbitmq_installation, lambda channel: channel.queue_delete(physical(DELIVER)))
    async with running(rabbitmq_installation, transactional(DELIVER, lambda _, got: seen.update([got.id]))):
        await eventually(lambda: len(seen) == 20)
    assert set(seen.values()) == {1}


async def test_a_queue_deleted_under_a_consumer_is_made_anew_with_what_it_held(
    rabbitmq_installation: Settings,
) -> None:
    async with loaded(rabbitmq_installation) as (load, bus):

        def delete() -> None:
            for _ in range(3):
                on_broker(rabbitmq_installation, lambda channel: channel.queue_delete(physical(CALLS)))
                on_broker(rabbitmq_installation, lambda channel: channel.queue_delete(physical(dead(CALLS))))

        await load.during(bus, delete)
        await load.everything_once(bus)


async def test_an_exchange_deleted_under_the_bus_is_declared_again(rabbitmq_installation: Settings) -> None:
    async with loaded(rabbitmq_installation) as (load, bus):
        await load.during(
            bus, lambda: on_broker(rabbitmq_installation, lambda channel: channel.exchange_delete(EXCHANGE))
        )
        await load.everything_once(bus)


async def test_a_queue_that_differs_is_used_as_it_is_and_told(rabbitmq_installation: Settings) -> None:
    other = quorum_arguments(ENGINE) | {"x-delivery-limit": 7}

    def replace(channel: Any) -> None:
        channel.queue_delete(physical(ENGINE))
        channel.queue_declare(physical(ENGINE), durable=True, arguments=other)

    seen: list[str] = []
    await asyncio.to_thread(on_broker, rabbitmq_installation, replace)
    try:
        async with running(rabbitmq_installation, transactional(ENGINE, lambda _, got: seen.append(got.id))) as bus:
            await bus.outbox.post([letter("1", ENGINE)])
            await eventually(lambda: seen == ["1"])
            assert [
                told for told in bus.transport.troubles() if "x-delivery-limit" in told and "backbone check" in told
            ]
    finally:
        await asyncio.to_thread(
            on_broker, rabbitmq_installation, lambda channel: channel.queue_delete(physical(ENGINE))
        )


@pytest.mark.timeout(240)  # starts a broker of its own several times
async def test_a_queue_that_lost_its_leader_for_good_is_made_anew_and_loses_nothing(tmp_path: Path) -> None:
    """RabbitMQ 3.10 killed right after it has confirmed a quorum queue comes back with one that never answers."""
    seen: Counter[str] = Counter()
    note = [transactional(queue, lambda _, got: seen.update([got.id])) for queue in (ENGINE, REPLIES)]
    with RabbitNode() as node:
        await asyncio.to_thread(_damage, node, REPLIES)
        async with running(Settings(data=tmp_path, broker=node.url), *note) as bus:
            for number in range(20):
                await bus.outbox.post([letter(f"{queue} {number}", queue) for queue in (ENGINE, REPLIES)])
            await eventually(lambda: sum(name.startswith(ENGINE) for name in seen) == 20)  # not held up meanwhile
            assert any("meridian.replies has no leader" in told for told in bus.transport.troubles())
            await eventually(lambda: len(seen) == 40, within=60)
            assert bus.transport.troubles() == ()
    assert set(seen.values()) == {1}


def _damage(node: RabbitNode, queue: str) -> None:
    """Leave ``queue`` without a leader: known to the broker, deaf to everybody."""
    for _ in range(4):
        connection = pika.BlockingConnection(pika.URLParameters(node.url))
        channel = connection.channel()
        for name, arguments in sorted(arguments_by_name().items(), key=lambda one: one[0] == physical(queue)):
            channel.queue_declare(name, durable=True, arguments=arguments)  # ``queue`` last: it is caught in the act
        node.kill9()
        with suppress(pika.exceptions.AMQPError):
            connection.close()  # its sockets, for nobody is at the other end
        node.start()
        connection = pika.BlockingConnection(pika.URLParameters(node.url))
        channel = connection.channel()
        try:
            channel.basic_consume(physical(queue), lambda *_: None)
        except pika.exceptions.ConnectionClosedByBroker:
            return
        channel.queue_delete(physical(queue))
        connection.close()
    pytest.skip("this RabbitMQ keeps its queues whenever it is killed")


@pytest.mark.timeout(240)  # has a broker of its own
@pytest.mark.parametrize("queue", [CALLS, dead(CALLS)])
async def test_a_queue_that_the_broker_forgot_while_its_members_run_on_is_made_anew(tmp_path: Path, queue: str) -> None:
    """Every declaration is refused with ``cluster_not_formed``, and a deletion finds nothing to delete."""
    with RabbitNode() as node:
        settings = Settings(data=tmp_path, broker=node.url)
        async with running(settings):
            pass  # the queues are there
        record = f'rabbit_misc:r(<<"/">>, queue, <<"{physical(queue)}">>)'
        await asyncio.to_thread(node.ctl, "eval", f'rabbit_amqqueue:internal_delete({record}, <<"test">>).')
        with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match="cluster_not_formed"):
            await asyncio.to_thread(on_broker, settings, _declare_everything)
        async with loaded(settings) as (load, bus):
            await load.during(bus, lambda: None)
            await load.everything_once(bus, within=60)
            assert bus.transport.troubles() == ()


@pytest.mark.timeout(240)  # has a broker of its own
async def test_a_broker_whose_dead_lettering_died_gets_queues_that_do_without_it(tmp_path: Path) -> None:
    """A deletion at the wrong moment ends it in RabbitMQ 3.10.8, and with it every queue that is to use it."""
    with RabbitNode() as node:
        settings = Settings(data=tmp_path, broker=node.url)

        def damage() -> None:
            node.ctl("eval", "supervisor:terminate_child(rabbit_sup, rabbit_fifo_dlx_sup).")
            on_broker(settings, lambda channel: channel.queue_delete(physical(CALLS)))

        async with loaded(settings) as (load, bus):
            await load.during(bus, damage)
            await load.everything_once(bus, within=100)
            assert [told for told in bus.transport.troubles() if "x-dead-letter-strategy" in told]


def _declare_everything(channel: Any) -> None:
    for name, arguments in arguments_by_name().items():
        channel.queue_declare(name, durable=True, arguments=arguments)
