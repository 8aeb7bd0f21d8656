"""A ``broker`` that cannot be used: one line that names the setting, no password, no crash; and ``backbone check``."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest
from authority import Authority
from backbone_bus import eventually, letter, nothing, running, transactional
from click.testing import CliRunner, Result
from outside import absent
from rabbitmq import RabbitNode

from bus.backbone.topology import DELIVER, ENGINE, EXCHANGE, physical, quorum_arguments
from bus.cli import meridian
from bus.errors import SettingsInvalid
from bus.settings import Settings

pytestmark = pytest.mark.integration

NAME = "rabbit.hospital"
SECRET = "invented-secret"


@dataclasses.dataclass(frozen=True)
class Guarded:
    """A broker with TLS, a management API and a user who may do nothing."""

    node: RabbitNode
    tls_port: int
    ca: Path

    def plain(self, credential: str = "guest:guest", vhost: str = "%2F") -> str:
        return f"amqp://{credential}@127.0.0.1:{self.node.port}/{vhost}"

    @property
    def tls(self) -> str:
        return f"amqps://guest:guest@127.0.0.1:{self.tls_port}/%2F"

    @property
    def management(self) -> str:
        return f"http://guest:guest@127.0.0.1:{self.node.management}"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder)
    certificate, key = authority.issue(NAME)
    try:
        node = RabbitNode(plugins=["rabbitmq_management"])
    except FileNotFoundError:
        absent("RabbitMQ (Debian: rabbitmq-server)")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    node.prepare(
        f"listeners.ssl.1 = 127.0.0.1:{port}\n"
        "ssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = false\n",
        files={"cacertfile": authority.certificate, "certfile": certificate, "keyfile": key},
    )
    with node:
        node.ctl("add_user", "eve", SECRET)
        node.ctl("add_user", "idle", SECRET)
        node.ctl("set_permissions", "idle", "^$", "^$", "^$")
        yield Guarded(node, port, authority.certificate)


async def _told(settings: Settings) -> str:
    """What a bus with these settings says of its broker; it has started, and takes letters all the same."""
    async with running(settings) as bus:
        await asyncio.wait_for(bus.outbox.post([letter("1", ENGINE)]), 5)
        await eventually(lambda: bool(bus.transport.troubles()))
        wrong = bus.transport.unusable()
        told = bus.transport.troubles()[0]
        assert wrong in ("", told)
        assert SECRET not in told
        assert "\n" not in told
        return f"wrong: {told}" if wrong else f"away: {told}"


async def test_a_wrong_credential_or_vhost_is_named_and_the_bus_accepts_all_the_same(
    guarded: Guarded, tmp_path: Path
) -> None:
    def settings(credential: str, vhost: str = "%2F") -> Settings:
        return Settings(data=tmp_path, broker=guarded.plain(credential, vhost))

    assert "wrong: broker: " in (told := await _told(settings(f"guest:{SECRET}")))
    assert "refuses the user 'guest' or its password" in told
    assert "has no vhost 'nowhere'" in await _told(settings("guest:guest", "nowhere"))
    assert "does not let the user 'eve' into the vhost '/'" in await _told(settings(f"eve:{SECRET}"))
    assert "does not let the user 'idle' configure, write and read" in await _told(settings(f"idle:{SECRET}"))


async def test_tls_that_does_not_fit_names_the_setting_that_is_wrong(guarded: Guarded, tmp_path: Path) -> None:
    base = Settings(data=tmp_path)
    told = await _told(dataclasses.replace(base, broker=guarded.plain().replace("amqp:", "amqps:")))
    assert "wrong: broker: is amqps://" in told
    told = await _told(dataclasses.replace(base, broker=guarded.tls.replace("amqps:", "amqp:")))
    assert "if that port speaks TLS, write amqps://" in told
    assert "wrong: broker_ca: " in await _told(dataclasses.replace(base, broker=guarded.tls))
    known = dataclasses.replace(base, broker=guarded.tls, broker_ca=guarded.ca)
    assert "wrong: broker_server_name: " in await _told(known)
    async with running(dataclasses.replace(known, broker_server_name=NAME), transactional(ENGINE, nothing)) as bus:
        assert bus.transport.troubles() == ()


async def test_a_broker_that_is_away_is_no_wrong_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    told = await _told(Settings(data=tmp_path, broker=f"amqp://guest:{SECRET}@127.0.0.1:{closed}"))
    assert told.startswith("away: broker: ")
    assert "the port is closed" in told
    told = await _told(Settings(data=tmp_path, broker=f"amqp://guest:{SECRET}@no.such.host.invalid"))
    assert "away: broker: the host name 'no.such.host.invalid' is not known" in told


async def test_a_credential_that_is_made_right_on_the_broker_heals_without_a_restart(
    guarded: Guarded, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path, broker=guarded.plain(f"late:{SECRET}"))
    async with running(settings, transactional(ENGINE, nothing)) as bus:
        await bus.outbox.post([letter("1", ENGINE)])
        assert bus.transport.unusable()
        await asyncio.to_thread(guarded.node.ctl, "add_user", "late", SECRET)
        await asyncio.to_thread(guarded.node.ctl, "set_permissions", "late", ".*", ".*", ".*")
        await eventually(lambda: bus.transport.troubles() == (), within=30)
        assert not bus.transport.unusable()


def _check(*arguments: str, broker: str) -> Result:
    environ = {"MERIDIAN_BROKER": broker, "MERIDIAN_DATA": "/nonexistent"}
    return CliRunner().invoke(meridian, ["backbone", "check", *arguments], env=environ)


async def _started_once(settings: Settings) -> None:
    async with running(settings):
        pass


@pytest.mark.timeout(240)
def test_the_check_finds_a_broker_as_the_bus_left_it_and_names_every_difference(
    guarded: Guarded, tmp_path: Path
) -> None:
    node, broker = guarded.node, guarded.plain()
    asyncio.run(_started_once(Settings(data=tmp_path, broker=broker)))
    clean = _check("--management", guarded.management, broker=broker)
    assert clean.exit_code == 0, clean.output
    assert clean.output.count("  ok") == 17  # the exchange, eight queues and their bindings
    connection = pika.BlockingConnection(pika.URLParameters(node.url))
    channel = connection.channel()
    channel.queue_unbind(physical(ENGINE), EXCHANGE, physical(ENGINE))
    channel.queue_delete("meridian.calls.dead")
    channel.queue_delete(physical(DELIVER))
    channel.queue_declare(
        physical(DELIVER),
        durable=True,
        arguments=quorum_arguments(DELIVER) | {"x-max-length": 7, "x-delivery-limit": 9},
    )
    connection.close()
    policy = json.dumps({"message-ttl": 1000})
    node.ctl("set_policy", "--apply-to", "queues", "short-lived", "^meridian.replies$", policy)
    try:
        by_amqp = _check(broker=broker)
        everything = _check("--management", guarded.management, broker=broker)
        end = time.monotonic() + 60
        while "short-lived" not in everything.output and time.monotonic() < end:
            time.sleep(2)  # the management API learns of policies with its next statistics
            everything = _check("--management", guarded.management, broker=broker)
    finally:
        node.ctl("clear_policy", "short-lived")
    assert (by_amqp.exit_code, everything.exit_code) == (1, 1)
    assert "queue meridian.calls.dead" in by_amqp.output
    assert "DIFFERS: missing" in by_amqp.output
    assert " is 7, the bus declares 100000" in by_amqp.output or " is 9, the bus declares 5" in by_amqp.output
    assert "not visible without" in by_amqp.output
    assert "x-delivery-limit is 9, the bus declares 5; x-max-length is 7, the bus declares 100000" in everything.output
    assert "policy 'short-lived' sets message-ttl to 1000" in everything.output
    assert "binding meridian → meridian.engine" in everything.output


def test_a_check_that_cannot_ask_says_why_with_status_2(guarded: Guarded) -> None:
    refused = _check(broker=guarded.plain(f"guest:{SECRET}"))
    assert refused.exit_code == 2
    assert "broker: " in refused.output
    assert SECRET not in refused.output
    management = guarded.management.replace("guest:guest", f"guest:{SECRET}")
    assert _check("--management", management, broker=guarded.plain()).exit_code == 2
    assert _check(broker="embedded").exit_code == 0
    assert isinstance(_check(broker="amqp://:").exception, SettingsInvalid | SystemExit)
