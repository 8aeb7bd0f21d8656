"""Three RabbitMQ nodes in a cluster: one is lost, all are restarted one by one; nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest
from backbone_bus import effects, eventually, letter, running
from rabbitmq import RabbitCluster, RabbitNode
from test_rabbitmq_trouble import Load

from bus.backbone.topology import CALLS, physical
from bus.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def _settings(cluster: RabbitCluster, folder: Path) -> Settings:
    return dataclasses.replace(Settings(data=folder), broker=cluster.url)


async def test_the_node_that_leads_the_queue_is_lost_and_nothing_else(
    rabbitmq_cluster: RabbitCluster, tmp_path: Path
) -> None:
    """Killed as by a power cut, under letters in lanes and free."""
    load = Load()
    try:
        async with running(_settings(rabbitmq_cluster, tmp_path), effects(CALLS, load.call)) as bus:

            def lose_the_leader() -> None:
                rabbitmq_cluster.leader(physical(CALLS)).kill9()
                asyncio.run(asyncio.sleep(3))

            await load.during(bus, lambda: None)
            await load.during(bus, lose_the_leader)
            await load.everything_once(bus, within=60)  # with two of three
            await asyncio.to_thread(rabbitmq_cluster.whole)
    finally:
        await asyncio.to_thread(rabbitmq_cluster.whole)


async def test_all_nodes_restarted_one_by_one_under_load_lose_and_double_nothing(
    rabbitmq_cluster: RabbitCluster, tmp_path: Path
) -> None:
    """As an upgrade does it: a node is stopped in good order, started, and the next follows when it is back."""
    load = Load()

    def roll() -> None:
        for node in rabbitmq_cluster.nodes:
            node.stop()
            node.start()

    try:
        async with running(_settings(rabbitmq_cluster, tmp_path), effects(CALLS, load.call)) as bus:
            await load.during(bus, roll)
            await load.everything_once(bus, within=60)
    finally:
        await asyncio.to_thread(rabbitmq_cluster.whole)


async def test_a_queue_whose_leader_is_gone_at_its_first_letter_takes_it_from_the_next_leader(
    rabbitmq_cluster: RabbitCluster, tmp_path: Path
) -> None:
    """RabbitMQ 3.10 has such a channel ask for the dead leader for ever, and refuses all that is published on it."""
    load = Load()
    name = physical(CALLS)
    async with running(_settings(rabbitmq_cluster, tmp_path)):
        pass  # the queue is there
    leader = await asyncio.to_thread(rabbitmq_cluster.leader, name)
    ours, third = (node for node in rabbitmq_cluster.nodes if node is not leader)
    settings = dataclasses.replace(Settings(data=tmp_path), broker=ours.url)
    try:
        await asyncio.to_thread(_partition_handling, ours, "ignore")  # else a node that is alone refuses to serve
        async with running(settings) as bus:
            for node in (leader, third):
                node.kill9()
            await bus.outbox.post([letter(0, CALLS)])
            await eventually(lambda: any(name in told for told in bus.transport.troubles()))
            await asyncio.to_thread(third.start)
            await bus.handed_over(within=60)
            assert bus.transport.troubles() == ()
        load.posted = 1
        async with running(settings, effects(CALLS, load.call)) as bus:
            await load.everything_once(bus, within=60)
    finally:
        await asyncio.to_thread(rabbitmq_cluster.whole)
        await asyncio.to_thread(_partition_handling, ours, "pause_minority")


def _partition_handling(node: RabbitNode, name: str) -> None:
    node.ctl("eval", f"application:set_env(rabbit, cluster_partition_handling, {name}).")
