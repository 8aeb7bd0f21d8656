"""Three RabbitMQ nodes in a cluster: one is lost, all are restarted one by one; nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest
from backbone_bus import effects, running
from rabbitmq import RabbitCluster
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
