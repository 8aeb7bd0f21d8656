"""Quotas in PostgreSQL, which hold for all processes together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Connection, select, text

from bus.errors import RateLimited
from bus.security.quota import KEEP, SharedBuckets, quota_table
from bus.settings import Settings
from bus.state.store import State
from registry.model import Consumer

pytestmark = pytest.mark.integration


@pytest.fixture
async def states(postgres_database: str) -> AsyncIterator[list[State]]:
    found = [State(Settings(database=postgres_database)) for _ in range(3)]
    for state in found:
        await state.start()
    yield found
    for state in found:
        await state.aclose()


async def calls(buckets: SharedBuckets, consumer: Consumer, count: int) -> int:
    """How many of so many calls pass."""

    waits: list[float] = []

    async def call() -> bool:
        try:
            if (asking := buckets.admit(consumer)) is not None:
                await asking
        except RateLimited as refusal:
            waits.append(refusal.retry_after)
            return False
        return True

    passed = sum(await asyncio.gather(*(call() for _ in range(count))))
    assert all(0 < wait <= 1 / consumer.rate + 0.1 for wait in waits)
    return passed


async def test_three_processes_pass_one_burst_together(states: list[State]) -> None:
    limited = Consumer("his", {}, rate=0.01, burst=40)
    passed = [await calls(SharedBuckets(state), limited, 60) for state in states]
    assert sum(passed) == 40


async def test_three_processes_under_load_pass_no_more_than_the_rate(states: list[State]) -> None:
    limited = Consumer("his", {}, rate=100.0, burst=10)
    processes = [SharedBuckets(state) for state in states]
    began, passed = time.monotonic(), 0
    while time.monotonic() - began < 2.0:
        passed += sum(await asyncio.gather(*(calls(one, limited, 5) for one in processes)))
        await asyncio.sleep(0.005)
    took = time.monotonic() - began
    assert 0.6 * 100 * took <= passed <= 10 + 100 * took + 1


async def test_a_process_asks_the_store_seldom_and_for_a_refused_caller_not_at_all(states: list[State]) -> None:
    asked: list[float] = []

    class Counted(State):
        async def write(self, work):  # type: ignore[no-untyped-def]
            asked.append(time.monotonic())
            return await states[0].write(work)

    buckets = SharedBuckets(Counted(Settings()))
    fast = Consumer("fast", {}, rate=1000.0)
    assert await calls(buckets, fast, 400) == 400
    assert len(asked) <= 3
    asked.clear()
    slow = Consumer("slow", {}, rate=0.1, burst=1)
    assert await calls(buckets, slow, 500) == 1
    assert len(asked) == 2


async def test_a_share_that_was_not_used_is_lost_and_no_later_burst(
    states: list[State], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bus.security.quota.SHARE", 100.0)
    clock = [0.0]
    limited = Consumer("his", {}, rate=0.05, burst=50)
    first, second = SharedBuckets(states[0], lambda: clock[0]), SharedBuckets(states[1], lambda: clock[0])
    assert await calls(first, limited, 1) == 1
    clock[0] += KEEP
    assert await calls(second, limited, 60) == 45
    assert await calls(first, limited, 10) == 0


async def test_a_quota_of_another_size_holds_from_the_next_call_on(states: list[State]) -> None:
    assert await calls(SharedBuckets(states[0]), Consumer("his", {}, rate=0.01, burst=100), 10) == 10
    assert await calls(SharedBuckets(states[1]), Consumer("his", {}, rate=0.01, burst=5), 50) == 5

    def stored(connection: Connection) -> float:
        return float(connection.scalar(select(quota_table.c.tokens)) or 0.0)

    assert await states[2].read(stored) < 1.0
    assert await states[2].read(lambda c: c.scalar(text("SELECT count(*) FROM quota"))) == 1
