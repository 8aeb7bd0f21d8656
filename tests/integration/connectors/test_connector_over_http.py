"""The connector over real connections: neighbours, breakers, weights and health probes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest
import structlog
from loopback_provider import LoopbackProvider
from provider_messages import message_to
from structlog.testing import capture_logs

from bus.connectors.connector import ProviderConnector
from bus.connectors.health import HealthProbes
from bus.connectors.http import AioHttpClient
from bus.errors import (
    CircuitOpen,
    EndpointBusy,
    ProviderLied,
    ProviderRefusedUs,
    ProviderTimeout,
    ProviderUnavailable,
    ProviderUnreachable,
)
from bus.resilience.endpoints import Endpoints
from registry.model import Endpoint, Policy, Service, Snapshot

pytestmark = pytest.mark.integration


def snapshot_of(*endpoints: Endpoint) -> Snapshot:
    version = message_to(*endpoints).version
    assert version is not None
    return Snapshot(revision=1, services={"lis": Service("lis", "1", {"1": version})})


class Registry:
    """A source whose snapshot the test swaps."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot


async def until(condition: object, timeout: float = 3.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "did not come about in time"
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/401", ProviderRefusedUs),
        ("/503", ProviderUnavailable),
        ("/redirect", ProviderLied),
        ("/closes", ProviderUnreachable),
        ("/reset-mid-body", ProviderUnreachable),
        ("/hangs", ProviderTimeout),
    ],
)
async def test_every_misbehaviour_has_an_error_of_its_own(
    client: AioHttpClient, provider: LoopbackProvider, path: str, error: type[Exception]
) -> None:
    door = ProviderConnector(client)
    with pytest.raises(error) as caught:
        await door.send(message_to(provider.url + path, policy=Policy(timeout=0.3, retries=0)))
    assert getattr(caught.value, "endpoint", "") == provider.url + path


async def test_retry_after_and_soap_faults_are_read_off_the_wire(
    client: AioHttpClient, provider: LoopbackProvider
) -> None:
    door = ProviderConnector(client)
    with pytest.raises(ProviderUnavailable) as caught:
        await door.send(message_to(f"{provider.url}/503"))
    assert caught.value.retry_after == 7.0
    reply = await door.send(message_to(f"{provider.url}/503-fault"))
    assert (reply.status, b"Fault" in reply.body) == (503, True)


async def test_a_hung_endpoint_does_not_slow_its_neighbour(
    client: AioHttpClient, provider: LoopbackProvider, other: LoopbackProvider
) -> None:
    door = ProviderConnector(client)
    policy = Policy(timeout=5.0, retries=0, concurrency=4, queue=8)
    hung = [asyncio.create_task(door.send(message_to(f"{provider.url}/hangs", policy=policy))) for _ in range(20)]
    await until(lambda: provider.under_way == 4)
    started = time.monotonic()
    for _ in range(50):
        await door.send(message_to(f"{other.url}/ok", policy=policy))
    assert time.monotonic() - started < 1.0
    assert provider.most_under_way == 4
    told = {one["url"]: one for one in door.describe()}[f"{provider.url}/hangs"]
    assert (told["in_flight"], told["queued"]) == (4, 8)
    provider.release.set()
    results = await asyncio.gather(*hung, return_exceptions=True)
    assert Counter(type(one).__name__ for one in results) == {"Message": 12, "EndpointBusy": 8}


async def test_waiting_in_the_queue_ends_at_the_deadline(client: AioHttpClient, provider: LoopbackProvider) -> None:
    door = ProviderConnector(client)
    slow = Policy(timeout=5.0, retries=0, concurrency=1, queue=1)
    first = asyncio.create_task(door.send(message_to(f"{provider.url}/hangs", policy=slow)))
    await until(lambda: provider.under_way == 1)
    hasty = Policy(timeout=0.1, retries=0, concurrency=1, queue=1)
    started = time.monotonic()
    with pytest.raises(EndpointBusy):
        await door.send(message_to(f"{provider.url}/hangs", policy=hasty))
    assert time.monotonic() - started < 1.0
    provider.release.set()
    await first


async def test_the_breaker_opens_probes_with_one_call_and_closes_again(
    client: AioHttpClient, provider: LoopbackProvider
) -> None:
    door = ProviderConnector(client)
    policy = Policy(timeout=0.1, retries=0, breaker_failures=3, breaker_open=0.2)
    url = f"{provider.url}/hangs"
    for _ in range(3):
        with pytest.raises(ProviderTimeout):
            await door.send(message_to(url, policy=policy))
    with pytest.raises(CircuitOpen):
        await door.send(message_to(url, policy=policy))
    assert provider.requests["/hangs"] == 3

    await until(lambda: door.describe()[0]["state"] == "half-open")
    results = await asyncio.gather(
        *(door.send(message_to(url, policy=policy)) for _ in range(10)), return_exceptions=True
    )
    assert Counter(type(one).__name__ for one in results) == {"ProviderTimeout": 1, "CircuitOpen": 9}
    assert provider.requests["/hangs"] == 4

    provider.release.set()
    await until(lambda: door.describe()[0]["state"] == "half-open")
    assert (await door.send(message_to(url, policy=policy))).status == 200
    assert door.describe()[0]["state"] == "closed"


async def test_load_is_shared_by_weight_and_none_goes_where_the_weight_is_zero(
    client: AioHttpClient, provider: LoopbackProvider, other: LoopbackProvider
) -> None:
    door = ProviderConnector(client)
    endpoints = (
        Endpoint(f"{provider.url}/ok", 75),
        Endpoint(f"{other.url}/ok", 25),
        Endpoint(f"{other.url}/404", 0),
    )
    for _ in range(400):
        await door.send(message_to(*endpoints))
    # Four standard deviations of a binomial with p = 0.25 and n = 400 are 35.
    assert abs(other.requests["/ok"] - 100) <= 35
    assert provider.requests["/ok"] + other.requests["/ok"] == 400
    assert (provider.connections, other.connections) == (1, 1)


async def test_a_dead_endpoint_costs_no_call_while_another_lives(
    client: AioHttpClient, provider: LoopbackProvider, other: LoopbackProvider
) -> None:
    await other.stop()
    door = ProviderConnector(client)
    policy = Policy(timeout=2.0, retries=1, breaker_failures=3, breaker_open=60.0)
    for _ in range(40):
        reply = await door.send(message_to(f"{provider.url}/ok", f"{other.url}/ok", policy=policy))
        assert reply.status == 200
    states = {one["url"]: one["state"] for one in door.describe()}
    assert states == {f"{provider.url}/ok": "closed", f"{other.url}/ok": "open"}


async def test_probes_take_traffic_from_an_endpoint_and_give_it_back(
    client: AioHttpClient, provider: LoopbackProvider, other: LoopbackProvider
) -> None:
    sick = Endpoint(f"{other.url}/ok", 100, "/health")
    well = Endpoint(f"{provider.url}/ok", 100, "/health")
    endpoints = Endpoints()
    door = ProviderConnector(client, endpoints=endpoints)
    probes = HealthProbes(client, endpoints, Registry(snapshot_of(sick, well)), every=0.02, timeout=0.2)
    other.health = "500 Internal Server Error"
    probes.start()
    await until(lambda: endpoints.state(sick).healthy is False)
    for _ in range(20):
        await door.send(message_to(sick, well))
    assert (other.requests["/ok"], provider.requests["/ok"]) == (0, 20)
    other.health = "200 OK"
    await until(lambda: endpoints.state(sick).healthy)
    await probes.stop()
    asked = other.requests["/health"]
    await asyncio.sleep(0.06)
    assert other.requests["/health"] == asked


async def test_probes_follow_the_snapshot_and_forget_what_left_it(
    client: AioHttpClient, provider: LoopbackProvider, other: LoopbackProvider
) -> None:
    first, second = Endpoint(f"{provider.url}/ok", 100, "/health"), Endpoint(f"{other.url}/ok", 100, "/health")
    registry = Registry(snapshot_of(first))
    door = ProviderConnector(client)
    door.start(registry)
    await until(lambda: provider.requests["/health"] == 1)
    await door.stop()
    registry.snapshot = snapshot_of(second)
    door.start(registry)
    await until(lambda: other.requests["/health"] == 1)
    await until(lambda: [one["url"] for one in door.describe()] == [second.url])
    await door.stop()


class FailingOnce(Registry):
    """A source that cannot be read at its first use."""

    failed = False

    @property  # type: ignore[override]
    def snapshot(self) -> Snapshot:
        if not self.failed:
            self.failed = True
            raise RuntimeError("not yet")
        return self._snapshot

    @snapshot.setter
    def snapshot(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot


async def test_a_round_of_probes_that_fails_is_logged_and_the_next_one_runs(
    client: AioHttpClient, provider: LoopbackProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bus.connectors.health._log", structlog.get_logger())  # one that no other test has bound
    registry = FailingOnce(snapshot_of(Endpoint(f"{provider.url}/ok", 100, "/health")))
    probes = HealthProbes(client, Endpoints(), registry, every=0.02)
    with capture_logs() as logs:
        probes.start()
        await until(lambda: provider.requests["/health"] > 0)
        await probes.stop()
    assert [line["event"] for line in logs] == ["endpoint.probes_failed"]


async def test_every_probe_failing_is_not_believed(client: AioHttpClient, provider: LoopbackProvider) -> None:
    sick = Endpoint(f"{provider.url}/ok", 100, "/health")
    endpoints = Endpoints()
    provider.health = "503 Service Unavailable"
    probes = HealthProbes(client, endpoints, Registry(snapshot_of(sick)))
    await probes.round()
    await probes.round()
    assert endpoints.state(sick).healthy is False
    assert (await ProviderConnector(client, endpoints=endpoints).send(message_to(sick))).status == 200
