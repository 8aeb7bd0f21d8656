"""The consumer runtime: what happens around a handler, so that every letter has its effect once and none is lost."""

from __future__ import annotations

import asyncio
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol, TypeAlias, TypeVar

import structlog
from sqlalchemy import Connection

from bus.backbone import inbox, outbox
from bus.backbone.dead_letters import bury
from bus.backbone.parking import expire, give_up
from bus.backbone.retries import Retries, verdict
from bus.errors import ShuttingDown, StateUnavailable
from bus.ports import Letter, Transport
from bus.resilience.backoff import full_jitter
from bus.state.store import State

T = TypeVar("T")

_log = structlog.get_logger(__name__)

#: Changes state in the transaction that also marks the letter as done; answers letters to post in it, or None.
TransactionHandler: TypeAlias = Callable[[Connection, Letter], Sequence[Letter] | None]


class EffectHandler(Protocol):
    """Acts on the outside world; answers letters to post in the transaction that marks this one as done."""

    async def __call__(self, letter: Letter, *, redelivered: bool) -> Sequence[Letter] | None:
        """``redelivered``: an earlier life of the bus began this attempt, and nobody knows how far it came."""


async def insist(state: State, work: Callable[[Connection], T]) -> T:
    """Write, waiting as long as the state store is away: the letter in hand must not be forgotten."""
    attempt = 0
    while True:
        try:
            return await state.write(work)
        except StateUnavailable as error:
            attempt += 1
            _log.warning("consumer waits", reason=str(error))
            await asyncio.sleep(full_jitter(attempt, 0.1, longest=5.0))


class _Consumer(ABC):
    def __init__(
        self,
        state: State,
        transport: Transport,
        queue: str,
        *,
        prefetch: int = 32,
        retries: Retries | None = None,
        lease: float = 30.0,
    ) -> None:
        self._state = state
        self._transport = transport
        self.queue = queue
        self._prefetch = prefetch
        self._retries = retries or Retries()
        self._lease = lease
        self._owner = f"{os.getpid()}-{os.urandom(6).hex()}"
        self._in_hand: dict[str, asyncio.Future[None]] = {}
        self._stopping = False
        self._renewing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Subscribe to the queue. The transport must be started, the relay should start after this."""
        if not self._state.shared:
            await self._state.write(lambda connection: inbox.take_over(connection, self.queue))
        else:
            self._renewing = asyncio.create_task(self._renew(), name=f"consumer-leases-{self.queue}")
        await self._transport.consume(self.queue, self._receive, prefetch=self._prefetch)

    async def stop(self, *, drain: float = 10.0) -> None:
        """Take no more letters, and wait up to ``drain`` seconds for those in hand. Stop the relay before."""
        self._stopping = True
        if self._in_hand:
            await asyncio.wait(set(self._in_hand.values()), timeout=drain)
        if self._renewing is not None:
            self._renewing.cancel()

    async def _receive(self, letter: Letter) -> None:
        if self._stopping:
            raise ShuttingDown(f"queue {self.queue}: this process takes no more letters")
        while first := self._in_hand.get(letter.id):
            # A retry that overtook the end of its predecessor, or a copy from a broker that lost sight of us.
            # Either waits; then the inbox knows whether anything is left to do.
            await asyncio.wait({first})
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._in_hand[letter.id] = settled
        try:
            await self._settle(letter)
        finally:
            del self._in_hand[letter.id]
            settled.set_result(None)

    @abstractmethod
    async def _settle(self, letter: Letter) -> None:
        """Handle one letter until its outcome, whichever it is, is on disk."""

    async def _fail(self, letter: Letter, error: Exception) -> None:
        """Have the letter tried again, or give it up."""
        delay = self._retries.delay(error, letter.attempt)
        code, reason = verdict(error)
        _log.warning(
            "letter failed", queue=letter.queue, id=letter.id, attempt=letter.attempt, code=code, again_in=delay
        )

        def work(connection: Connection) -> None:
            if delay is None:
                give_up(connection, letter, code, reason)
            else:
                inbox.forget(connection, letter)
                outbox.postpone(connection, replace(letter, attempt=letter.attempt + 1), time.time() + delay)

        await insist(self._state, work)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lease / 3)
            with suppress(StateUnavailable):
                await self._state.write(lambda c: inbox.renew(c, self.queue, self._owner, time.time() + self._lease))


class TransactionConsumer(_Consumer):
    """Runs ``handle(connection, letter)`` in one transaction with the inbox and the outbox.

    The handler runs off the event loop and must not commit. What it raises rolls everything back; then the
    error's retry class decides between another attempt and giving the letter up.
    """

    def __init__(
        self,
        state: State,
        transport: Transport,
        queue: str,
        handle: TransactionHandler,
        *,
        prefetch: int = 32,
        retries: Retries | None = None,
    ) -> None:
        super().__init__(state, transport, queue, prefetch=prefetch, retries=retries)
        self._handle = handle

    async def _settle(self, letter: Letter) -> None:
        def work(connection: Connection) -> None:
            now = time.time()
            if 0 < letter.expires_at <= now and expire(connection, now, letter):
                return
            entered = inbox.enter(connection, letter, now)
            if entered.status == "parked":
                return
            if entered.status == "new":
                outbox.post(connection, self._handle(connection, letter) or ())
            outbox.remove(connection, letter)

        try:
            await insist(self._state, work)
        except Exception as error:
            await self._fail(letter, error)


class EffectConsumer(_Consumer):
    """Runs ``await handle(letter, redelivered=…)`` between a transaction that claims and one that completes.

    A process that dies in between leaves a claim: the letter then comes again with ``redelivered=True``, so
    that a call which must not be made twice can be answered with OutcomeUnknown instead.
    """

    def __init__(
        self,
        state: State,
        transport: Transport,
        queue: str,
        handle: EffectHandler,
        *,
        prefetch: int = 32,
        retries: Retries | None = None,
        lease: float = 30.0,
    ) -> None:
        super().__init__(state, transport, queue, prefetch=prefetch, retries=retries, lease=lease)
        self._handle = handle

    async def _settle(self, letter: Letter) -> None:
        claimed = await insist(self._state, lambda connection: self._begin(connection, letter))
        if claimed.status in ("done", "busy", "parked"):
            return
        try:
            following = await self._handle(letter, redelivered=claimed.status == "again")
        except Exception as error:
            await self._fail(letter, error)
            return

        def complete(connection: Connection) -> None:
            outbox.post(connection, following or ())
            inbox.finish(connection, letter, time.time())
            outbox.remove(connection, letter)

        try:
            await insist(self._state, complete)
        except Exception as error:  # the effect has happened: trying again would repeat it
            reason = f"done, but what it answered cannot be posted: {verdict(error)[1]}"
            await insist(self._state, lambda connection: bury(connection, letter, "unposted", reason))

    def _begin(self, connection: Connection, letter: Letter) -> inbox.Claim:
        now = time.time()
        if 0 < letter.expires_at <= now and expire(connection, now, letter):
            return inbox.Claim("parked")
        claimed = inbox.claim(connection, letter, self._owner, now, self._lease)
        if claimed.status == "done":
            outbox.remove(connection, letter)
        elif claimed.status == "busy":
            outbox.postpone(connection, letter, claimed.until)
        return claimed
