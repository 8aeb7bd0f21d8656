"""A token bucket per consumer: a runaway caller slows itself, not the hospital."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bus.errors import RateLimited
from registry.model import Consumer


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float
    rate: float
    burst: float


class TokenBuckets:
    """Implements ``RateLimiter`` in memory, for an installation of one process; ``SharedBuckets`` is for several.

    ``consumer.rate`` is in calls a second (0: no limit); a burst of 0 stands for one second's worth. A new
    snapshot's numbers apply at the next call. ``clock`` is monotonic. Belongs to one event loop.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def admit(self, consumer: Consumer) -> None:
        """Take one call from the consumer's bucket. Raises RateLimited with the seconds until there is one."""
        rate = consumer.rate
        if rate <= 0:
            return
        burst = burst_of(consumer)
        now = self._clock()
        bucket = self._buckets.get(consumer.name)
        if bucket is None or bucket.rate != rate or bucket.burst != burst:
            bucket = self._buckets[consumer.name] = _Bucket(burst, now, rate, burst)
        bucket.tokens = min(burst, bucket.tokens + (now - bucket.filled_at) * rate)
        bucket.filled_at = now
        if bucket.tokens < 1.0:
            raise limited(consumer, (1.0 - bucket.tokens) / rate)
        bucket.tokens -= 1.0


def burst_of(consumer: Consumer) -> float:
    """How many calls this consumer may make at once."""
    return float(consumer.burst or max(1.0, consumer.rate))


def limited(consumer: Consumer, wait: float) -> RateLimited:
    """The refusal of a call that may be tried again in ``wait`` seconds."""
    text = f"more than {consumer.rate:g} calls a second from {consumer.name}; try again in {wait:.1f} s"
    return RateLimited(text, retry_after=wait)
