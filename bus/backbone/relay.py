"""Carries letters from the outbox to the broker, and keeps trying."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from bus.backbone import claims, history, inbox, parking
from bus.backbone.outbox import topic
from bus.backbone.retries import verdict
from bus.backbone.topology import QUEUES
from bus.downtime.absent import ALWAYS_UP
from bus.errors import BackboneUnavailable, StateUnavailable
from bus.ports import Downtimes, Transport
from bus.resilience.backoff import full_jitter
from bus.state.store import State

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How a relay works; seconds. Letters posted by this process do not wait for ``poll``.

    ``resend`` is when a letter that holds its lane is published again although the broker had confirmed it,
    ``resend_free`` when one that holds up nobody is: a broker's backlog may be long.
    ``remember`` is how long the inbox recognises a duplicate. ``expiry`` is how late an expired letter is noticed.
    """

    poll: float = 0.5
    batch: int = 256
    lease: float = 30.0
    refused: float = 1.0
    resend: float = 900.0
    resend_free: float = 6 * 3600.0
    remember: float = 7 * 86400.0
    expiry: float = 1.0
    backoff: float = 0.5
    longest_backoff: float = 5.0


class Relay:
    """One task a queue: claim what is due, publish it, note what the broker confirmed.

    ``queues`` are those this process carries: all of them on a broker that keeps letters, and with the
    embedded transport exactly those that this process also consumes.
    """

    def __init__(
        self,
        state: State,
        transport: Transport,
        *,
        queues: Sequence[str] = QUEUES,
        pace: Pace | None = None,
        downtimes: Downtimes = ALWAYS_UP,
    ) -> None:
        self._state = state
        self._transport = transport
        self._queues = tuple(queues)
        self._pace = pace or Pace()
        self._downtimes = downtimes
        owner = f"{os.getpid()}-{os.urandom(6).hex()}"
        self._claimant = claims.Claimant(owner, self._pace.lease, blames=not transport.keeps)
        self._due = claims.due_in(self._queues)
        self._wakes: dict[str, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take over what an earlier life of this process left, and start. The transport must be started."""
        if not self._state.shared:
            await self._state.write(lambda connection: claims.take_over(connection, time.time()))
        if not self._transport.keeps:  # what another broker has confirmed in the past it does not hand to us
            await self._state.write(lambda c: [claims.lost(c, queue, time.time()) for queue in self._queues])
        loop = asyncio.get_running_loop()
        for queue in self._queues:
            wake = self._wakes[queue] = asyncio.Event()
            self._state.listen(topic(queue), _waker(loop, wake))
            self._tasks.append(asyncio.create_task(self._carry(queue, wake), name=f"relay-{queue}"))
        self._tasks.append(asyncio.create_task(self._look(), name="relay-look"))
        if self._state.shared:
            self._tasks.append(asyncio.create_task(self._renew(), name="relay-leases"))
        self._tasks.append(asyncio.create_task(self._prune(), name="relay-prune"))
        self._tasks.append(asyncio.create_task(self._expire(), name="relay-expiry"))

    async def stop(self) -> None:
        """Stop at once; what is not confirmed stays in the outbox."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry(self, queue: str, wake: asyncio.Event) -> None:
        failures = 0
        while True:
            wake.clear()
            try:
                carried = await self._round(queue)
                if carried:  # when nothing was due, nothing is known of the broker
                    failures = 0
                else:
                    await wake.wait()
            except Exception as error:  # whatever it is: a relay that ends loses every later letter
                failures += 1
                _log.warning("relay waits", queue=queue, reason=verdict(error)[1], failures=failures)
                pace = self._pace
                await asyncio.sleep(full_jitter(failures, pace.backoff, longest=pace.longest_backoff))

    async def _look(self) -> None:
        """Wake those who have something to do that nobody of this process told them of: one question for all."""
        while True:
            await asyncio.sleep(self._pace.poll)
            due: Sequence[str] = self._queues  # where nobody can tell, and while a downtime drains, everybody tries
            with suppress(StateUnavailable):
                if not self._downtimes.current:
                    due = await self._state.read(lambda c: self._due(c, time.time()))
            for queue in due:
                self._wakes[queue].set()

    async def _round(self, queue: str) -> bool:
        """Carry one batch; answer whether there may be more to do at once."""
        claimant, pace = self._claimant, self._pace
        downtimes = self._downtimes.current
        letters = await self._state.write(
            lambda c: claims.claim(c, claimant, queue, time.time(), pace.batch, downtimes)
        )
        if not letters:
            return False
        try:
            confirmed = set(await self._transport.publish(letters))
        except BackboneUnavailable:
            await self._state.write(lambda c: claims.give_back(c, claimant, letters, time.time()))
            raise
        taken = [letter for letter in letters if letter.id in confirmed]
        refused = [letter for letter in letters if letter.id not in confirmed]
        if refused:
            _log.warning("broker did not take letters", queue=queue, count=len(refused))
        if refused or (taken and self._transport.keeps):
            now = time.time()

            def note(connection: Connection) -> None:
                claims.give_back(connection, claimant, refused, now + pace.refused)
                if self._transport.keeps and taken:
                    claims.sent(connection, claimant, taken, now + pace.resend, now + pace.resend_free)

            await self._state.write(note)
        if not taken:  # a full queue, or one without a leader: knock less and less often
            raise BackboneUnavailable("the broker takes no letters of this queue")
        return True

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._pace.lease / 3)
            with suppress(StateUnavailable):
                await self._state.write(lambda c: claims.renew(c, self._claimant, time.time()))

    async def _prune(self) -> None:
        while True:
            with suppress(StateUnavailable):
                await self._state.write(lambda c: inbox.prune(c, time.time() - self._pace.remember))
                await self._state.write(lambda c: history.prune(c, time.time() - self._pace.remember))
            await asyncio.sleep(3600)

    async def _expire(self) -> None:
        while True:
            with suppress(StateUnavailable):
                due = await self._state.read(parking.next_expiry)
                if due is not None and due <= time.time():
                    parked = await self._state.write(lambda c: parking.expire(c, time.time()))
                    _log.warning("letters expired", parked=parked)
            await asyncio.sleep(self._pace.expiry)


def _waker(loop: asyncio.AbstractEventLoop, wake: asyncio.Event) -> Callable[[], None]:
    def ring() -> None:
        with suppress(RuntimeError):  # the loop is closed: there is nobody left to wake
            loop.call_soon_threadsafe(wake.set)

    return ring
