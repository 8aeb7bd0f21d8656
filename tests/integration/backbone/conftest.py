"""The installations that the conformance suite runs on."""

from __future__ import annotations

import time
from pathlib import Path

import pika
import pytest
from pika.exceptions import AMQPError, ChannelClosedByBroker
from rabbitmq import RabbitNode

from bus.backbone.topology import arguments_by_name
from bus.settings import Settings


def _empty(url: str) -> bool:
    """Leave every queue of the backbone there, as the bus declares it, and empty; answer whether one was missing."""
    missing = False
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        for name, arguments in arguments_by_name().items():
            try:
                connection.channel().queue_declare(name, passive=True)
            except ChannelClosedByBroker:
                missing = True
            channel = connection.channel()
            channel.queue_declare(name, durable=True, arguments=arguments)
            channel.queue_purge(name)
    return missing


@pytest.fixture
def fresh_broker(rabbitmq_node: RabbitNode) -> str:
    """The session's broker with the backbone's queues, empty, and declared for a while.

    A test before may have deleted some, or damaged the broker, which then begins anew.

    RabbitMQ 3.10 writes the name of a new quorum queue to disk some time after it has confirmed the
    declaration: a broker that is killed before that comes back with a queue that never answers again.
    """
    try:
        young = _empty(rabbitmq_node.url)
    except AMQPError:
        rabbitmq_node.begin_anew()
        young = _empty(rabbitmq_node.url)
    if young:
        time.sleep(3)
    return rabbitmq_node.url


@pytest.fixture
def rabbitmq_installation(fresh_broker: str, tmp_path: Path) -> Settings:
    """SQLite and a fresh RabbitMQ."""
    return Settings(data=tmp_path, broker=fresh_broker)


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
    url = request.getfixturevalue("fresh_broker") if broker == "rabbitmq" else "embedded"
    return Settings(data=tmp_path, broker=url, database=database)
