"""Quotas across processes: one bucket a consumer in the shared store, from which each process takes a share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sqlalchemy import Column, ColumnElement, Connection, Double, String, Table, cast, extract, func, select, update
from sqlalchemy.dialects import postgresql

from bus.ports import StateStore
from bus.security.rate import burst_of, limited
from bus.state.store import metadata
from registry.model import Consumer

#: One row a consumer that has a quota: its tokens at the moment ``filled_at``, in Unix seconds of the database.
quota_table = Table(
    "quota",
    metadata,
    Column("consumer", String(256), primary_key=True),
    Column("tokens", Double, nullable=False),
    Column("filled_at", Double, nullable=False),
)

#: A process takes so many seconds' worth of a rate at once: this bounds how often it asks, however many calls come.
SHARE = 0.2

#: What a process has not used after so many seconds is lost, rather than added to the burst of a later moment.
KEEP = 1.0


@dataclass(slots=True)
class _Share:
    tokens: float = 0.0
    lost_at: float = 0.0
    empty_until: float = 0.0
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def take(self, now: float) -> bool:
        if self.tokens < 1.0 or now >= self.lost_at:
            return False
        self.tokens -= 1.0
        return True


class SharedBuckets:
    """Implements ``RateLimiter`` on a store that other processes share: together they pass no more than the rate.

    ``clock`` is monotonic. Belongs to one event loop.
    """

    def __init__(self, state: StateStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._state = state
        self._clock = clock
        self._shares: dict[str, _Share] = {}

    def admit(self, consumer: Consumer) -> Awaitable[None] | None:
        """Take one call from this process's share; answers None, or what to await while the store is asked.

        Awaiting raises RateLimited with the seconds until there is one, or StateUnavailable.
        """
        if consumer.rate <= 0:
            return None
        share = self._shares.get(consumer.name)
        if share is None:
            share = self._shares[consumer.name] = _Share()
        return None if share.take(self._clock()) else self._ask(consumer, share)

    async def _ask(self, consumer: Consumer, share: _Share) -> None:
        rate, burst = consumer.rate, burst_of(consumer)
        chunk = max(1.0, min(rate * SHARE, burst / 4))
        async with share.asking:  # whoever waited here may find what the one before brought
            if share.take(self._clock()):
                return
            if self._clock() < share.empty_until:
                raise limited(consumer, share.empty_until - self._clock())
            got, wait = await self._state.write(lambda c: lease(c, consumer.name, rate, burst, chunk))
            now = self._clock()
            if got < 1.0:
                share.empty_until = now + wait
                raise limited(consumer, wait)
            share.tokens, share.lost_at = got - 1.0, now + KEEP


def lease(connection: Connection, consumer: str, rate: float, burst: float, want: float) -> tuple[float, float]:
    """Inside a work: take up to ``want`` whole tokens; answers how many, and if none the seconds until there is one."""
    new = postgresql.insert(quota_table).values(consumer=consumer, tokens=burst, filled_at=_now())
    connection.execute(new.on_conflict_do_nothing())
    mine = quota_table.c.consumer == consumer
    row = connection.execute(select(quota_table, _now().label("now")).where(mine).with_for_update()).one()
    tokens = min(burst, row.tokens + max(0.0, row.now - row.filled_at) * rate)
    got = float(int(min(want, tokens)))
    left = {"tokens": tokens - got, "filled_at": max(row.now, row.filled_at)}
    connection.execute(update(quota_table).where(mine).values(left))
    return got, max(0.0, 1.0 - tokens) / rate


def _now() -> ColumnElement[float]:
    """The database's clock: those of several machines differ."""
    return cast(extract("epoch", func.clock_timestamp()), Double)
