"""The installations that the conformance suite runs on."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker

from bus.backbone.topology import QUEUES, dead, dead_arguments, physical, quorum_arguments
from bus.settings import Settings


def wipe(url: str) -> None:
    """Empty every queue of the backbone, so that a test finds a fresh broker. A test before may have deleted some."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        for queue in QUEUES:
            for name in (physical(queue), physical(dead(queue))):
                with suppress(ChannelClosedByBroker):
                    connection.channel().queue_purge(name)


@pytest.fixture(scope="session")
def settled_broker(rabbitmq_url: str) -> str:
    """The session's broker with the backbone's queues declared for a while.

    RabbitMQ 3.10 writes the name of a new quorum queue to disk some time after it has confirmed the
    declaration: a broker that is killed before that comes back with a queue that never answers again.
    """
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_url))
    channel = connection.channel()
    for queue in QUEUES:
        channel.queue_declare(physical(dead(queue)), durable=True, arguments=dead_arguments())
        channel.queue_declare(physical(queue), durable=True, arguments=quorum_arguments(queue))
    connection.close()
    time.sleep(3)
    return rabbitmq_url


@pytest.fixture
def rabbitmq_installation(settled_broker: str, tmp_path: Path) -> Settings:
    """SQLite and a fresh RabbitMQ."""
    wipe(settled_broker)
    return Settings(data=tmp_path, broker=settled_broker)


@pytest.fixture(params=["embedded-sqlite", "rabbitmq-sqlite"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Each broker with the embedded store."""
    if request.param == "embedded-sqlite":
        return Settings(data=tmp_path)
    settings: Settings = request.getfixturevalue("rabbitmq_installation")
    return settings


@pytest.fixture(params=["embedded-sqlite", "rabbitmq-sqlite", "embedded-postgres", "rabbitmq-postgres"])
def any_installation(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Each broker with each store."""
    broker, store = request.param.split("-")
    database = request.getfixturevalue("postgres_database") if store == "postgres" else ""
    url = "embedded"
    if broker == "rabbitmq":
        url = request.getfixturevalue("settled_broker")
        wipe(url)
    return Settings(data=tmp_path, broker=url, database=database)
