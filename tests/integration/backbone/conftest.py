"""The installations that the conformance suite runs on."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pika
import pika.exceptions
import pytest

from bus.backbone.topology import QUEUES, dead, physical
from bus.settings import Settings


def wipe(url: str) -> None:
    """Remove every queue of the backbone, so that a test finds a fresh broker."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    for queue in QUEUES:
        for name in (physical(queue), physical(dead(queue))):
            connection.channel().queue_delete(name)
    with suppress(pika.exceptions.AMQPError):
        connection.close()


@pytest.fixture
def rabbitmq_installation(rabbitmq_url: str, tmp_path: Path) -> Settings:
    """SQLite and a fresh RabbitMQ."""
    wipe(rabbitmq_url)
    return Settings(data=tmp_path, broker=rabbitmq_url)


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
        url = request.getfixturevalue("rabbitmq_url")
        wipe(url)
    return Settings(data=tmp_path, broker=url, database=database)
