"""Backoff, concurrency limits and the choice of an endpoint."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import CircuitOpen, ProviderUnreachable
from bus.resilience.backoff import LONGEST, full_jitter
from bus.resilience.endpoints import Endpoints
from bus.resilience.limit import Full, Limit
from registry.model import Endpoint

# ── backoff ──────────────────────────────────────────────────────────────────────────────────────────


@given(st.integers(1, 10_000), st.floats(0.0, 5.0))
@settings(max_examples=100)
def test_full_jitter_is_anything_up_to_the_doubled_base_and_never_over_the_longest(attempt: int, base: float) -> None:
    ceiling = full_jitter(attempt, base, uniform=lambda low, high: high)
    assert ceiling == min(LONGEST, base * 2.0 ** min(attempt - 1, 32))
    assert 0.0 <= full_jitter(attempt, base) <= ceiling


def test_full_jitter_spreads_callers_that_failed_together() -> None:
    waits = [full_jitter(3, 1.0) for _ in range(300)]
    assert min(waits) < 1.0
    assert max(waits) > 3.0


# ── limit ────────────────────────────────────────────────────────────────────────────────────────────


async def enter(limit: Limit, timeout: float = 5.0, concurrency: int = 1, queue: int = 10) -> None:
    await limit.enter(concurrency=concurrency, queue=queue, timeout=timeout)


async def waiting(limit: Limit, number: int) -> None:
    for _ in range(3):
        await asyncio.sleep(0)
    assert limit.queued == number


async def test_places_are_handed_over_in_the_order_of_asking() -> None:
    limit = Limit()
    order: list[int] = []

    async def call(number: int) -> None:
        await enter(limit)
        order.append(number)
        await asyncio.sleep(0)
        limit.leave()

    await asyncio.gather(*(call(number) for number in range(6)))
    assert order == list(range(6))
    assert (limit.in_flight, limit.queued) == (0, 0)


async def test_a_full_queue_refuses_at_once() -> None:
    limit = Limit()
    await enter(limit, queue=0)
    with pytest.raises(Full):
        await enter(limit, queue=0)


async def test_a_wait_that_takes_too_long_is_refused_and_leaves_the_queue() -> None:
    limit = Limit()
    await enter(limit)
    with pytest.raises(Full):
        await enter(limit, timeout=0.01)
    assert (limit.in_flight, limit.queued) == (1, 0)


async def test_a_newcomer_does_not_overtake_those_who_wait() -> None:
    limit = Limit()
    await enter(limit, concurrency=1)
    first = asyncio.create_task(enter(limit, concurrency=1))
    await waiting(limit, 1)
    newcomer = asyncio.create_task(enter(limit, concurrency=9))
    await waiting(limit, 2)
    assert not first.done()
    limit.leave()
    await asyncio.gather(first, newcomer)


async def test_a_caller_cancelled_in_the_queue_holds_nothing() -> None:
    limit = Limit()
    await enter(limit)
    waiter = asyncio.create_task(enter(limit))
    await waiting(limit, 1)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    limit.leave()
    assert (limit.in_flight, limit.queued) == (0, 0)


async def test_a_place_given_in_the_moment_of_cancelling_goes_to_the_next() -> None:
    limit = Limit()
    await enter(limit)
    cancelled, lucky = asyncio.create_task(enter(limit)), asyncio.create_task(enter(limit))
    await waiting(limit, 2)
    limit.leave()
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    await lucky
    assert (limit.in_flight, limit.queued) == (1, 0)


async def test_a_cancelled_waiter_that_was_passed_over_does_not_stop_the_queue() -> None:
    limit = Limit()
    await enter(limit)
    cancelled, lucky = asyncio.create_task(enter(limit)), asyncio.create_task(enter(limit))
    await waiting(limit, 2)
    cancelled.cancel()
    limit.leave()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    await lucky
    assert (limit.in_flight, limit.queued) == (1, 0)


# ── choice ───────────────────────────────────────────────────────────────────────────────────────────

A, B, C = Endpoint("http://a", 60), Endpoint("http://b", 30), Endpoint("http://c", 10)


def book() -> Endpoints:
    return Endpoints(clock=lambda: 0.0, now=lambda: 0.0, dice=random.Random(7))


def open_breaker(endpoints: Endpoints, endpoint: Endpoint, open_for: float = 5.0) -> None:
    breaker = endpoints.state(endpoint).breaker
    ticket = breaker.enter()
    assert ticket is not None
    breaker.failed(ticket, threshold=1, open_for=open_for)


def test_the_choice_follows_the_weights_within_tolerance() -> None:
    endpoints = book()
    counts = Counter(endpoints.choose((A, B, C)).url for _ in range(5000))
    assert counts["http://a"] == pytest.approx(3000, abs=150)
    assert counts["http://b"] == pytest.approx(1500, abs=150)
    assert counts["http://c"] == pytest.approx(500, abs=100)


def test_an_open_breaker_and_a_tried_endpoint_are_avoided() -> None:
    endpoints = book()
    open_breaker(endpoints, A)
    assert {endpoints.choose((A, B, C)).url for _ in range(200)} == {"http://b", "http://c"}
    assert {endpoints.choose((A, B, C), ["http://b"]).url for _ in range(50)} == {"http://c"}


def test_when_all_were_tried_they_are_tried_again() -> None:
    assert {book().choose((A, B), ["http://a", "http://b"]).url for _ in range(5)} <= {"http://a", "http://b"}


def test_all_breakers_open_tells_the_nearest_time_to_come_back() -> None:
    endpoints = book()
    open_breaker(endpoints, A, 9.0)
    open_breaker(endpoints, B, 4.0)
    with pytest.raises(CircuitOpen) as caught:
        endpoints.choose((A, B))
    assert (caught.value.retry_after, caught.value.endpoint) == (4.0, "http://b")


def test_no_endpoint_with_a_weight_is_unreachable_and_unsent() -> None:
    with pytest.raises(ProviderUnreachable, match="weight") as caught:
        book().choose((Endpoint("http://a", 0),))
    assert caught.value.sent is False


def test_one_missed_probe_is_chance_and_two_are_an_outage() -> None:
    endpoints = book()
    state = endpoints.state(A)
    state.probed(ok=False)
    assert state.healthy
    state.probed(ok=False)
    assert not state.healthy
    assert {endpoints.choose((A, B)).url for _ in range(50)} == {"http://b"}
    state.probed(ok=True)
    assert state.healthy


async def test_an_endpoint_in_use_is_not_forgotten() -> None:
    endpoints = book()
    endpoints.state(A)
    await enter(endpoints.state(B).limit)
    endpoints.forget_except([])
    assert [one["url"] for one in endpoints.describe()] == ["http://b"]
