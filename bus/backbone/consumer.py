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

from bus.backbone import history, inbox, outbox
from bus.backbone.dead_letters import bury
from bus.backbone.parking import expire, give_up, park
from bus.backbone.retries import Decision, Retries, verdict
from bus.backbone.topology import FLAW, REPLAYS
from bus.errors import PlannedDowntime, ShuttingDown, StateUnavailable
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
        """``redelivered``: an earlier life of the bus began this letter, or the attempt before this one ended in
        doubt (``InDoubt``): it may have had its effect."""


class FailurePolicy(Protocol):
    """What the letters of a queue say themselves about their failures."""

    def decide(self, letter: Letter, error: Exception) -> Decision | None:
        """What becomes of ``letter``; None leaves it to the ladder of the queue."""

    def warn(self, connection: Connection, letter: Letter, code: str) -> None:
        """Inside a work: raise an alert about a letter that failed and counts as done."""


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
        concurrency: int = 32,
        retries: Retries | None = None,
        policy: FailurePolicy | None = None,
        lease: float = 30.0,
    ) -> None:
        self._state = state
        self._transport = transport
        self.queue = queue
        self._concurrency = concurrency
        self._places = asyncio.Semaphore(concurrency)
        self._retries = retries or Retries()
        self._policy = policy
        self._lease = lease
        self._owner = f"{history.this_process()}-{os.urandom(4).hex()}"
        self._in_hand: dict[str, asyncio.Future[None]] = {}
        self._stopping = False
        self._renewing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Subscribe to the queue. The transport must be started, the relay should start after this."""
        if not self._state.shared:
            await self._state.write(lambda connection: inbox.take_over(connection, self.queue))
        else:
            self._renewing = asyncio.create_task(self._renew(), name=f"consumer-leases-{self.queue}")
        # As many again as are in hand: the next letter is here when a place becomes free, and few wait in vain.
        await self._transport.consume(self.queue, self._receive, prefetch=2 * self._concurrency)

    async def stop(self, *, drain: float = 10.0) -> None:
        """Take no more letters, and wait up to ``drain`` seconds for those in hand. Stop the relay before."""
        self._stopping = True
        if self._in_hand:
            await asyncio.wait(set(self._in_hand.values()), timeout=drain)
        if self._renewing is not None:
            self._renewing.cancel()

    async def _receive(self, letter: Letter) -> None:
        self._check_stopping()
        while first := self._in_hand.get(letter.id):
            # A retry that overtook the end of its predecessor, or a copy from a broker that lost sight of us.
            # Either waits; then the inbox knows whether anything is left to do.
            await asyncio.wait({first})
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._in_hand[letter.id] = settled
        try:
            async with self._places:
                self._check_stopping()  # it may have waited for its place
                await (self._bury_foreign(letter) if FLAW in letter.headers else self._settle(letter))
        finally:
            del self._in_hand[letter.id]
            settled.set_result(None)

    def _check_stopping(self) -> None:
        if self._stopping:
            raise ShuttingDown(f"queue {self.queue}: this process takes no more letters")

    @abstractmethod
    async def _settle(self, letter: Letter) -> None:
        """Handle one letter until its outcome, whichever it is, is on disk."""

    async def _fail(self, letter: Letter, error: Exception) -> None:
        """Do with a failed letter what its own policy, or else the ladder of the queue, says."""
        decision = self._policy.decide(letter, error) if self._policy is not None else None
        decision = decision or self._retries.decide(error, letter.attempt)
        code, reason = verdict(error)
        _log.warning(
            "letter failed", queue=letter.queue, id=letter.id, attempt=letter.attempt, code=code, then=decision.action
        )

        def work(connection: Connection) -> None:
            if not self._answers_for(connection, letter):
                return
            history.note(connection, letter, code, reason)
            match decision.action:
                case "retry":
                    (inbox.doubt if decision.doubt else inbox.forget)(connection, letter)
                    again = replace(letter, attempt=letter.attempt + 1)
                    outbox.postpone(connection, again, time.time() + decision.delay)
                case "warn":
                    if self._policy is not None:
                        self._policy.warn(connection, letter, code)
                    inbox.mark(connection, letter, "done", time.time())
                    self._finished(connection, letter)
                case "park":
                    park(connection, letter, code, reason)
                case "dead-letter":
                    bury(connection, letter, code, reason)
                case "give-up":
                    give_up(connection, letter, code, reason)

        await insist(self._state, work)

    def _answers_for(self, connection: Connection, letter: Letter) -> bool:
        """Inside a work: whether what becomes of a failed letter is still this consumer's to say."""
        return True

    def _finished(self, connection: Connection, letter: Letter, *, again: bool = False) -> None:
        """Inside a work: the letter is done; only one that ever failed has a history to forget."""
        crashed = outbox.remove(connection, letter)
        if again or crashed or letter.attempt > 1 or letter.returned or REPLAYS in letter.headers:
            history.forget(connection, letter)

    async def _bury_foreign(self, letter: Letter) -> None:
        """Put what another application wrote into our queue with the dead letters, where somebody will look."""
        reason = letter.headers[FLAW]
        _log.warning("not a letter", queue=letter.queue, id=letter.id, reason=reason)
        await insist(self._state, lambda connection: bury(connection, letter, "foreign", reason))

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
        concurrency: int = 32,
        retries: Retries | None = None,
    ) -> None:
        super().__init__(state, transport, queue, concurrency=concurrency, retries=retries)
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
            self._finished(connection, letter)

        try:
            if letter.returned:  # in a work of its own, which stays when the handler's dies with the process
                await insist(self._state, lambda connection: history.note_death(connection, letter))
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
        concurrency: int = 32,
        retries: Retries | None = None,
        policy: FailurePolicy | None = None,
        lease: float = 30.0,
    ) -> None:
        super().__init__(state, transport, queue, concurrency=concurrency, retries=retries, policy=policy, lease=lease)
        self._handle = handle

    async def _settle(self, letter: Letter) -> None:
        claimed = await self._claim(letter)
        if claimed.status in ("done", "busy", "parked"):
            return
        try:
            following = await self._handle(letter, redelivered=claimed.status == "again")
        except PlannedDowntime:
            await insist(self._state, lambda connection: self._give_back(connection, letter, claimed))
            return
        except Exception as error:
            await self._fail(letter, error)
            return

        def complete(connection: Connection) -> None:
            outbox.post(connection, following or ())
            inbox.finish(connection, letter, time.time())
            self._finished(connection, letter, again=claimed.status == "again")

        try:
            await insist(self._state, complete)
        except Exception as error:  # the effect has happened: trying again would repeat it
            reason = f"done, but what it answered cannot be posted: {verdict(error)[1]}"

            def unposted(connection: Connection) -> None:
                history.note(connection, letter, "unposted", reason)
                bury(connection, letter, "unposted", reason)

            await insist(self._state, unposted)

    def _give_back(self, connection: Connection, letter: Letter, claimed: inbox.Claim) -> None:
        """Nothing was sent, because the letter's system has a downtime: it waits, and this counts as no attempt."""
        if not self._answers_for(connection, letter):
            return
        if claimed.status == "again":
            inbox.doubt(connection, letter)  # what an earlier life may have done is not forgotten
        else:
            inbox.forget(connection, letter)
        outbox.postpone(connection, letter, time.time())

    def _answers_for(self, connection: Connection, letter: Letter) -> bool:
        # Frozen, or cut off from the store, longer than its lease: whoever took the letter over decides.
        return inbox.is_held(connection, letter, self._owner)

    async def _claim(self, letter: Letter) -> inbox.Claim:
        """Begin the letter; a claim that was committed without our hearing of it is what it was meant to be."""
        meant = inbox.Claim("again")

        def work(connection: Connection) -> inbox.Claim:
            nonlocal meant
            claimed = self._begin(connection, letter)
            if claimed.status != "ours":
                meant = claimed
            return meant

        return await insist(self._state, work)

    def _begin(self, connection: Connection, letter: Letter) -> inbox.Claim:
        now = time.time()
        if 0 < letter.expires_at <= now and expire(connection, now, letter):
            return inbox.Claim("parked")
        claimed = inbox.claim(connection, letter, self._owner, now, self._lease)
        if claimed.status == "done":
            outbox.remove(connection, letter)
        elif claimed.status == "busy":
            outbox.postpone(connection, letter, claimed.until)
        elif claimed.status == "again" and claimed.owner:
            history.note_death(connection, letter, claimed.owner.rpartition("-")[0])
        return claimed
