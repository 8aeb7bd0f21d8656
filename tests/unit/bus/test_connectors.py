"""The connector with a client that answers what each test scripts: tries, deadlines, statuses and what is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from provider_messages import message_to

from bus.connectors.connector import ProviderConnector
from bus.connectors.trail import Attempts, attempt_trail
from bus.errors import (
    BusError,
    CircuitOpen,
    EndpointBusy,
    ProviderError,
    ProviderLied,
    ProviderRefusedUs,
    ProviderTimeout,
    ProviderUnavailable,
    ProviderUnreachable,
)
from bus.message import Wire
from bus.ports import Inbound, Outbound
from registry.model import Endpoint, Policy

FAULT = b"<s:Envelope><s:Body><s:Fault/></s:Body></s:Envelope>"
REFUSED = ProviderUnreachable("refused", sent=False)
TIMEOUT = ProviderTimeout("silent")

Step = Inbound | ProviderError


class ScriptedClient:
    """Answers step by step, the last step for ever; keeps what it was sent."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.sent: list[Outbound] = []
        self.during: Callable[[], None] = lambda: None

    async def send(self, outbound: Outbound) -> Inbound:
        self.sent.append(outbound)
        self.during()
        await asyncio.sleep(0)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, ProviderError):
            raise step
        return step


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


def answer(status: int = 200, body: bytes = b"<ok/>", **headers: str) -> Inbound:
    return Inbound(status, {"content-type": "text/xml", **{k.replace("_", "-"): v for k, v in headers.items()}}, body)


def connector(client: ScriptedClient, clock: Clock | None = None) -> ProviderConnector:
    clock = clock or Clock()
    return ProviderConnector(client, clock=clock, sleep=clock.sleep, jitter=lambda attempt, base: base * attempt)


IDEMPOTENT = Policy(timeout=10.0, retries=2, backoff=0.5, idempotent=True)
WRITE = Policy(timeout=10.0, retries=2, backoff=0.5)


# ── replies ──────────────────────────────────────────────────────────────────────────────────────────


async def test_the_reply_keeps_bytes_status_headers_and_the_charset_it_declares() -> None:
    client = ScriptedClient(answer(202, b"<r/>", content_type='text/xml; charset="GBK"'))
    reply = await connector(client).send(message_to("http://lis"))
    assert (reply.body, reply.status, reply.charset) == (b"<r/>", 202, "GBK")
    assert (reply.content, reply.wire) == (None, None)
    assert reply.headers["content-type"] == reply.content_type


async def test_a_reply_without_a_charset_is_read_in_the_providers() -> None:
    reply = await connector(ScriptedClient(answer())).send(message_to("http://lis", charset="gb18030"))
    assert reply.charset == "gb18030"


@pytest.mark.parametrize("status", [400, 404, 409, 422, 500, 501])
async def test_an_error_status_is_a_reply_for_transform_to_read(status: int) -> None:
    reply = await connector(ScriptedClient(answer(status))).send(message_to("http://lis", protocol="rest"))
    assert reply.status == status


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("body", [FAULT, FAULT.decode().encode("utf-16")])
async def test_a_soap_fault_is_a_reply_whatever_its_status(status: int, body: bytes) -> None:
    reply = await connector(ScriptedClient(answer(status, body))).send(message_to("http://lis"))
    assert (reply.status, reply.body) == (status, body)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@pytest.mark.parametrize("protocol", ["soap11", "soap12", "rest"])
async def test_an_unavailable_provider_says_when_to_come_back(status: int, protocol: str) -> None:
    client = ScriptedClient(answer(status, b"<html/>", retry_after="7"))
    with pytest.raises(ProviderUnavailable) as caught:
        await connector(client).send(message_to("http://lis", protocol=protocol))  # type: ignore[arg-type]
    assert (caught.value.retry_after, caught.value.endpoint) == (7.0, "http://lis")


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_credential_is_our_own_fault(status: int) -> None:
    with pytest.raises(ProviderRefusedUs, match=str(status)):
        await connector(ScriptedClient(answer(status, FAULT))).send(message_to("http://lis"))


async def test_a_redirect_is_an_answer_that_cannot_be_used() -> None:
    with pytest.raises(ProviderLied, match="redirects are not followed"):
        await connector(ScriptedClient(answer(302))).send(message_to("http://lis"))


async def test_a_message_without_a_provider_is_refused_before_anything_is_sent() -> None:
    client = ScriptedClient(answer())
    with pytest.raises(BusError, match="no provider"):
        await connector(client).send(replace(message_to("http://lis", policy=None), version=None))
    assert not client.sent


# ── tries ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("error", [TIMEOUT, ProviderUnreachable("reset"), ProviderUnavailable("503")])
async def test_a_write_that_may_have_arrived_is_never_sent_again(error: ProviderError) -> None:
    client = ScriptedClient(error, answer())
    with pytest.raises(type(error)):
        await connector(client).send(message_to("http://lis", policy=WRITE))
    assert len(client.sent) == 1


async def test_a_write_that_surely_did_not_leave_is_tried_again() -> None:
    client = ScriptedClient(REFUSED, REFUSED, answer())
    assert (await connector(client).send(message_to("http://lis", policy=WRITE))).status == 200
    assert len(client.sent) == 3


@pytest.mark.parametrize("error", [TIMEOUT, ProviderUnreachable("reset"), answer(503, b"")])
async def test_an_idempotent_call_is_tried_again_after_a_passing_failure(error: Step) -> None:
    client = ScriptedClient(error, answer())
    assert (await connector(client).send(message_to("http://lis", policy=IDEMPOTENT))).status == 200


@pytest.mark.parametrize("step", [answer(401), answer(302), ProviderLied("not HTTP")])
async def test_a_failure_that_will_not_pass_is_not_tried_again(step: Step) -> None:
    client = ScriptedClient(step, answer())
    with pytest.raises(ProviderError):
        await connector(client).send(message_to("http://lis", policy=IDEMPOTENT))
    assert len(client.sent) == 1


async def test_tries_end_with_the_policys_number_of_retries_and_back_off_between() -> None:
    client, clock = ScriptedClient(TIMEOUT), Clock()
    with pytest.raises(ProviderTimeout):
        await connector(client, clock).send(message_to("http://lis", policy=IDEMPOTENT))
    assert len(client.sent) == 3
    assert clock.slept == [0.5, 1.0]


async def test_a_retry_waits_as_long_as_the_provider_asked_for() -> None:
    client, clock = ScriptedClient(answer(429, b"", retry_after="3"), answer()), Clock()
    await connector(client, clock).send(message_to("http://lis", policy=IDEMPOTENT))
    assert clock.slept == [3.0]


async def test_no_retry_is_planned_past_the_deadline() -> None:
    client, clock = ScriptedClient(answer(503, b"", retry_after="30"), answer()), Clock()
    with pytest.raises(ProviderUnavailable):
        await connector(client, clock).send(message_to("http://lis", policy=IDEMPOTENT))
    assert (len(client.sent), clock.slept) == (1, [])


async def test_the_next_endpoint_is_tried_at_once_and_the_same_one_after_a_wait() -> None:
    client, clock = ScriptedClient(REFUSED), Clock()
    with pytest.raises(ProviderUnreachable):
        await connector(client, clock).send(message_to("http://a", "http://b", policy=WRITE))
    assert {one.url for one in client.sent[:2]} == {"http://a", "http://b"}
    assert len(client.sent) == 3
    assert clock.slept == [1.0]


async def test_the_deadline_is_the_nearer_of_policy_and_message() -> None:
    client, clock = ScriptedClient(answer()), Clock()
    door = connector(client, clock)
    await door.send(message_to("http://lis", policy=WRITE))
    await door.send(message_to("http://lis", policy=WRITE, deadline=clock() + 4))
    await door.send(message_to("http://lis", policy=WRITE, deadline=clock() + 99))
    assert [one.deadline - clock() for one in client.sent] == [10.0, 4.0, 10.0]


async def test_a_message_whose_deadline_has_passed_is_not_sent() -> None:
    client, clock = ScriptedClient(answer()), Clock()
    door = connector(client, clock)
    with pytest.raises(ProviderTimeout) as caught:
        await door.send(message_to("http://lis", deadline=clock() - 1))
    assert caught.value.sent is False
    assert not client.sent
    assert door.describe()[0]["in_flight"] == 0


async def test_an_unsent_retry_does_not_hide_that_an_earlier_try_may_have_arrived() -> None:
    client = ScriptedClient(TIMEOUT, REFUSED)
    with pytest.raises(ProviderTimeout) as caught:
        await connector(client).send(message_to("http://lis", policy=IDEMPOTENT))
    assert caught.value.sent is True


async def test_a_breaker_that_opens_between_tries_does_not_hide_the_failure_either() -> None:
    client = ScriptedClient(TIMEOUT)
    policy = Policy(timeout=10.0, retries=5, idempotent=True, breaker_failures=2)
    with pytest.raises(ProviderTimeout):
        await connector(client).send(message_to("http://lis", policy=policy))
    assert len(client.sent) == 2


# ── breaker ──────────────────────────────────────────────────────────────────────────────────────────

BREAKING = Policy(timeout=2.0, retries=0, breaker_failures=3, breaker_open=5.0)


@pytest.mark.parametrize(
    "failure",
    [REFUSED, TIMEOUT, answer(502, b""), answer(503, b""), answer(504, b"")],
    ids=lambda step: repr(step)[:40],
)
async def test_failures_in_a_row_open_the_circuit_and_nothing_is_sent(failure: Step) -> None:
    client = ScriptedClient(failure)
    door = connector(client)
    for _ in range(3):
        with pytest.raises(ProviderError):
            await door.send(message_to("http://lis", policy=BREAKING))
    with pytest.raises(CircuitOpen) as caught:
        await door.send(message_to("http://lis", policy=BREAKING))
    assert len(client.sent) == 3
    assert (caught.value.retry_after, caught.value.sent) == (5.0, False)


@pytest.mark.parametrize("step", [answer(404), answer(500, FAULT), answer(503, FAULT), answer(401), answer(429)])
async def test_a_provider_that_answers_at_all_keeps_its_circuit_closed(step: Step) -> None:
    client = ScriptedClient(step)
    door = connector(client)
    for _ in range(10):
        try:
            await door.send(message_to("http://lis", policy=BREAKING))
        except (ProviderRefusedUs, ProviderUnavailable):
            continue
    assert len(client.sent) == 10
    assert door.describe()[0]["state"] == "closed"


async def test_a_cancelled_probe_lets_the_next_call_probe() -> None:
    client, clock = ScriptedClient(TIMEOUT), Clock()
    door = connector(client, clock)
    for _ in range(3):
        with pytest.raises(ProviderTimeout):
            await door.send(message_to("http://lis", policy=BREAKING))
    clock.time += 5
    probe = asyncio.create_task(door.send(message_to("http://lis", policy=BREAKING)))
    await asyncio.sleep(0)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    client.steps = [answer()]
    assert (await door.send(message_to("http://lis", policy=BREAKING))).status == 200
    assert door.describe()[0]["in_flight"] == 0


# ── limit ────────────────────────────────────────────────────────────────────────────────────────────


async def test_calls_beyond_limit_and_queue_are_refused_unsent_and_go_to_the_other_endpoint() -> None:
    client = ScriptedClient(answer())
    door = connector(client)
    policy = Policy(timeout=2.0, retries=0, concurrency=1, queue=1)
    calls = [asyncio.create_task(door.send(message_to("http://lis", policy=policy))) for _ in range(3)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    busy = [one for one in results if isinstance(one, EndpointBusy)]
    assert len(busy) == 1
    assert busy[0].sent is False
    assert len(client.sent) == 2


async def test_a_busy_provider_without_another_endpoint_is_told_at_once() -> None:
    client, clock = ScriptedClient(answer()), Clock()
    door = connector(client, clock)
    policy = Policy(timeout=2.0, retries=3, concurrency=1, queue=0)
    calls = [asyncio.create_task(door.send(message_to("http://lis", policy=policy))) for _ in range(2)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(one).__name__ for one in results] == ["Message", "EndpointBusy"]
    assert clock.slept == []


async def test_a_busy_endpoint_hands_the_call_to_one_that_is_not() -> None:
    client = ScriptedClient(answer())
    door = connector(client)
    policy = Policy(timeout=2.0, retries=1, concurrency=1, queue=0)
    endpoints = (Endpoint("http://a", 100), Endpoint("http://b", 1))
    calls = [asyncio.create_task(door.send(message_to(*endpoints, policy=policy))) for _ in range(2)]
    assert [reply.status for reply in await asyncio.gather(*calls)] == [200, 200]
    assert {one.url for one in client.sent} == {"http://a", "http://b"}


# ── what is told ─────────────────────────────────────────────────────────────────────────────────────


async def test_the_trail_counts_every_try_and_the_time_spent_waiting() -> None:
    client = ScriptedClient(TIMEOUT, TIMEOUT, answer())
    trail = Attempts()
    token = attempt_trail.set(trail)
    try:
        await connector(client).send(message_to("http://user:pw@lis/a", policy=IDEMPOTENT))
    finally:
        attempt_trail.reset(token)
    assert (trail.attempts, trail.endpoint) == (3, "http://lis/a")
    assert trail.waited_us > 0


async def test_describe_tells_the_state_without_credentials_or_query() -> None:
    client = ScriptedClient(TIMEOUT)
    door = connector(client)
    with pytest.raises(ProviderTimeout) as caught:
        await door.send(message_to("http://user:pw@lis:80/a?key=s3cret"))
    told = door.describe()[0]
    assert told["url"] == caught.value.endpoint == "http://lis:80/a"
    assert (told["state"], told["failures"], told["last_error"]) == ("closed", 1, "provider-timeout")
    assert (told["in_flight"], told["queued"], told["healthy"], told["last_ok"]) == (0, 0, True, 0.0)


@pytest.mark.parametrize(
    ("url", "path", "expected"),
    [
        ("http://lis/ws", "", "http://lis/ws"),
        ("http://lis/", "/orders?x=1", "http://lis/orders?x=1"),
        ("http://lis/api", "/orders", "http://lis/api/orders"),
        ("http://lis/api", "?x=1", "http://lis/api?x=1"),
    ],
)
async def test_the_operations_path_goes_behind_the_endpoints_address(url: str, path: str, expected: str) -> None:
    client = ScriptedClient(answer())
    await connector(client).send(message_to(url, protocol="rest", wire=Wire("GET", path)))
    assert (client.sent[0].url, client.sent[0].method) == (expected, "GET")
