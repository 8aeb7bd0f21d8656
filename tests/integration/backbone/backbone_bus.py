"""A bus in miniature for the tests of the backbone: state store, transport, consumers and relay of one process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection, func, select

from bus.backbone.claims import KEPT
from bus.backbone.consumer import EffectConsumer, EffectHandler, TransactionConsumer, TransactionHandler
from bus.backbone.dead_letters import DeadLetter, dead_letters, one_dead_letter
from bus.backbone.outbox import SqlOutbox
from bus.backbone.rabbitmq import RabbitTransport
from bus.backbone.rabbitmq_link import Tuning
from bus.backbone.relay import Pace
from bus.backbone.retries import Retries
from bus.backbone.runtime import Backbone
from bus.backbone.tables import outbox
from bus.backbone.transports import open_transport
from bus.ports import Letter, Transport
from bus.settings import Settings
from bus.state.store import State

QUICK = Retries(delays=(0.05, 0.1), attempts=3, unexpected=3)
#: Leases end soon after the death of their owner, so that a test need not wait half a minute.
LEASE = 1.5
PACE = Pace(poll=0.05, lease=LEASE, refused=0.1, backoff=0.1, longest_backoff=0.3)

TUNING = Tuning(longest_pause=1.0, patience=3.0, leaderless=5.0)

Making: TypeAlias = Callable[[State, Transport], TransactionConsumer | EffectConsumer]


@dataclass(frozen=True)
class MiniBus:
    """What a test can reach of a running bus."""

    state: State
    transport: Transport
    outbox: SqlOutbox

    async def waiting(self) -> int:
        """How many letters are in the outbox."""
        return await self.state.read(lambda c: c.scalar(select(func.count()).select_from(outbox)) or 0)

    async def handed_over(self, *, within: float = 20.0) -> None:
        """Wait until the broker has confirmed everything that is in the outbox."""
        here = select(func.count()).select_from(outbox).where(outbox.c.owner != KEPT)
        for _ in range(int(within / 0.05)):
            if not await self.state.read(lambda c: c.scalar(here)):
                return
            await asyncio.sleep(0.05)
        raise AssertionError("the broker did not take everything")

    async def first_dead(self, *, within: float = 20.0) -> DeadLetter:
        """Wait for a dead letter, and read it whole."""
        for _ in range(int(within / 0.05)):
            if listed := await self.dead():
                return await self.whole(listed[0].letter)
            await asyncio.sleep(0.05)
        raise AssertionError(f"no dead letter within {within} s")

    async def whole(self, letter: Letter) -> DeadLetter:
        """A dead letter with its body."""
        found = await self.state.read(lambda c: one_dead_letter(c, letter.queue, letter.id))
        assert found is not None
        return found

    async def dead(self) -> Sequence[DeadLetter]:
        """The dead letters."""
        return await self.state.read(dead_letters)


def transactional(queue: str, handle: TransactionHandler, retries: Retries = QUICK) -> Making:
    """A consumer that handles letters inside the state store's transaction."""
    return lambda state, transport: TransactionConsumer(state, transport, queue, handle, retries=retries)


def effects(queue: str, handle: EffectHandler, retries: Retries = QUICK) -> Making:
    """A consumer that acts on the outside world."""
    return lambda state, transport: EffectConsumer(state, transport, queue, handle, retries=retries, lease=LEASE)


@asynccontextmanager
async def running(
    settings: Settings, *makings: Making, pace: Pace = PACE, before: Callable[[MiniBus], None] | None = None
) -> AsyncIterator[MiniBus]:
    """Run a bus with these consumers; ``before`` may tamper with it before it starts."""
    state, transport = State(settings), open_transport(settings)
    if isinstance(transport, RabbitTransport):
        transport = RabbitTransport(settings.broker_address(), TUNING)
    bus = MiniBus(state, transport, SqlOutbox(state))
    await state.start()
    if before is not None:
        before(bus)
    backbone = Backbone(state, transport, consumers=[make(state, transport) for make in makings], pace=pace)
    await backbone.start()
    try:
        yield bus
    finally:
        await backbone.stop(drain=1)
        await state.aclose()


async def eventually(holds: Callable[[], bool], *, within: float = 20.0) -> None:
    """Wait until ``holds`` answers True; fail when it does not."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"did not come true within {within} s"
        await asyncio.sleep(0.01)


def letter(number: object, queue: str, *, lane: str = "", body: bytes = b"{}") -> Letter:
    """A letter whose id is ``number``."""
    return Letter(str(number), queue, body, {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}, lane)


def nothing(_: Connection, __: Letter) -> None:
    """A handler without effect."""
