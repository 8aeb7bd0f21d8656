"""The broker's definitions let the bus in with just what it needs, on a real RabbitMQ with the shipped settings."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pika
import pika.exceptions
import pytest
from outside import absent
from rabbitmq import RabbitNode

from bus.backbone.topology import ENGINE
from bus.backbone.transports import open_transport
from bus.errors import BackboneUnavailable
from bus.ports import Letter
from bus.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

RABBITMQ = Path(__file__).parents[3] / "deploy" / "rabbitmq"
PASSWORD = "invented password, with a 'quote' and 汉字"


@pytest.fixture(scope="module")
def node() -> Iterator[RabbitNode]:
    """A broker that has read the shipped settings and definitions at its start."""
    made = subprocess.run(
        [RABBITMQ / "definitions.sh"],
        env={**os.environ, "RABBITMQ_PASSWORD": PASSWORD},
        capture_output=True,
        check=True,
    )
    lines = (RABBITMQ / "rabbitmq.conf").read_text().splitlines()
    # The test's node has its own port and little room on its disk.
    own = ("listeners.", "disk_free_limit.", "load_definitions", "log.console")
    shipped = [line for line in lines if not line.startswith(own)]
    try:
        found = RabbitNode()
    except FileNotFoundError:
        absent("RabbitMQ (Debian: rabbitmq-server)")
    with tempfile.TemporaryDirectory(prefix="meridian-definitions-") as folder:
        definitions = Path(folder, "definitions.json")
        definitions.write_bytes(made.stdout)
        Path(folder).chmod(0o755)  # the broker runs as a user of its own
        found.prepare("\n".join((*shipped, f"load_definitions = {definitions}", "")))
        found.url = address(found)  # there is no guest where definitions name users
        with found:
            yield found


def address(node: RabbitNode, vhost: str = "meridian") -> str:
    """Where the bus would connect."""
    return f"amqp://meridian:{quote(PASSWORD, safe='')}@127.0.0.1:{node.port}/{vhost}"


async def nothing_lost(queue: str) -> None:
    """What the broker lost, which here is nothing."""


async def test_the_bus_declares_its_queues_and_publishes_as_the_user_of_the_definitions(node: RabbitNode) -> None:
    transport = open_transport(Settings(broker=address(node)))
    await transport.start(nothing_lost)
    try:
        for _ in range(100):
            try:
                assert list(await transport.publish([Letter("1", ENGINE, b"{}")])) == ["1"]
                break
            except BackboneUnavailable:
                await asyncio.sleep(0.1)
        else:
            pytest.fail("the bus could not publish as the user of the definitions")
    finally:
        await transport.stop()
    assert "quorum" in node.ctl("list_queues", "-p", "meridian", "name", "type")


def test_that_user_may_touch_nothing_but_what_is_the_buss_own(node: RabbitNode) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(address(node)))
    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="ACCESS_REFUSED"):
        connection.channel().queue_declare("somebody.elses", durable=True)
    connection.close()
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        pika.BlockingConnection(pika.URLParameters(address(node, "%2F")))
