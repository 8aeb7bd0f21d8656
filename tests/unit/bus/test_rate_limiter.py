"""The token bucket, with a clock that the tests turn."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import RateLimited
from bus.security.rate import TokenBuckets
from registry.model import Consumer


class Clock:
    time = 100.0

    def __call__(self) -> float:
        return self.time


def consumer(rate: float, burst: int = 0, name: str = "his") -> Consumer:
    return Consumer(name, {}, rate=rate, burst=burst)


def admitted(buckets: TokenBuckets, who: Consumer, calls: int) -> int:
    passed = 0
    for _ in range(calls):
        try:
            buckets.admit(who)
        except RateLimited:
            continue
        passed += 1
    return passed


def test_a_burst_passes_and_the_next_call_is_told_when_to_come_back() -> None:
    clock = Clock()
    buckets = TokenBuckets(clock)
    assert admitted(buckets, consumer(2.0, burst=5), 9) == 5
    with pytest.raises(RateLimited) as caught:
        buckets.admit(consumer(2.0, burst=5))
    assert caught.value.retry_after == pytest.approx(0.5)
    clock.time += caught.value.retry_after
    buckets.admit(consumer(2.0, burst=5))


def test_a_quiet_hour_saves_up_no_more_than_the_burst() -> None:
    clock = Clock()
    buckets = TokenBuckets(clock)
    assert admitted(buckets, consumer(10.0, burst=3), 5) == 3
    clock.time += 3600
    assert admitted(buckets, consumer(10.0, burst=3), 9) == 3


def test_a_rate_of_zero_is_no_limit() -> None:
    assert admitted(TokenBuckets(Clock()), consumer(0.0), 1000) == 1000


@pytest.mark.parametrize(("rate", "first"), [(50.0, 50), (0.1, 1)])
def test_without_a_burst_one_seconds_worth_but_at_least_one_call_passes(rate: float, first: int) -> None:
    assert admitted(TokenBuckets(Clock()), consumer(rate), 100) == first


def test_one_consumer_does_not_spend_anothers_calls() -> None:
    buckets = TokenBuckets(Clock())
    assert admitted(buckets, consumer(1.0, 1, "his"), 5) == 1
    assert admitted(buckets, consumer(1.0, 1, "emr"), 5) == 1


def test_a_new_rate_in_the_manifest_applies_at_the_next_call() -> None:
    buckets = TokenBuckets(Clock())
    assert admitted(buckets, consumer(1.0, 1), 5) == 1
    assert admitted(buckets, consumer(10.0, 3), 5) == 3


@settings(max_examples=60)
@given(
    rate=st.floats(0.5, 100.0),
    burst=st.integers(1, 50),
    pauses=st.lists(st.floats(0.0, 2.0), max_size=60),
)
def test_never_more_passes_than_burst_plus_rate_times_time(rate: float, burst: int, pauses: list[float]) -> None:
    clock = Clock()
    buckets, who = TokenBuckets(clock), consumer(rate, burst)
    passed = admitted(buckets, who, burst + 5)
    for pause in pauses:
        clock.time += pause
        passed += admitted(buckets, who, 3)
    assert passed <= burst + rate * sum(pauses) + 1e-6
