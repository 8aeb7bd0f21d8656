"""A place that a message asks for by name: the addresses that were judged are the ones that are connected to."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from loopback_provider import LoopbackProvider

from bus.connectors.http import AioHttpClient
from bus.connectors.outward import Outward
from bus.errors import NotPermitted, ProviderUnreachable
from bus.ports import Outbound
from bus.settings import Settings

pytestmark = pytest.mark.integration


class Names(AbstractResolver):
    """A name server in the hands of an attacker: each question gets the next answer."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if not self.answers:
            raise OSError("no such name")
        found = self.answers.pop(0)
        return [
            {"hostname": host, "host": one, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
            for one in found
        ]

    async def close(self) -> None:
        pass


Make = Callable[[Names], AioHttpClient]


@pytest.fixture
async def made() -> AsyncIterator[Make]:
    clients: list[AioHttpClient] = []

    def make(names: Names) -> AioHttpClient:
        clients.append(AioHttpClient(Settings(), resolver=lambda: Outward(names)))
        return clients[-1]

    yield make
    for client in clients:
        await client.aclose()


def reply(provider: LoopbackProvider, host: str) -> Outbound:
    return Outbound("POST", provider.url.replace("127.0.0.1", host) + "/ok", {}, b"<a/>", time.monotonic() + 5)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "169.254.169.254", "::1", "fe80::1%eth0", "0.0.0.0", "::ffff:127.0.0.1"]
)
async def test_a_name_that_leads_to_this_machine_or_its_link_gets_nothing(
    made: Make, provider: LoopbackProvider, address: str
) -> None:
    with pytest.raises(NotPermitted):
        await made(Names(["10.1.2.3", address])).send(reply(provider, "his.example"))
    assert provider.connections == 0


async def test_what_is_connected_to_is_what_was_judged_and_not_a_second_answer() -> None:
    names = Names(["10.1.2.3"], ["127.0.0.1"])
    assert [one["host"] for one in await Outward(names).resolve("his.example", 80)] == ["10.1.2.3"]
    assert names.answers == [["127.0.0.1"]]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_an_address_that_an_administrator_wrote_out_may_be_this_machine(
    made: Make, provider: LoopbackProvider, host: str
) -> None:
    inbound = await made(Names(["127.0.0.1"])).send(reply(provider, host))
    assert (inbound.status, provider.connections) == (200, 1)


async def test_a_name_without_an_address_is_a_place_that_cannot_be_reached(
    made: Make, provider: LoopbackProvider
) -> None:
    with pytest.raises(ProviderUnreachable):
        await made(Names()).send(reply(provider, "his.example"))
