"""The backbone of one process: its parts started and stopped in the order that loses nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import structlog
from sqlalchemy import Connection

from bus.backbone import claims, history, inbox, outbox
from bus.backbone.consumer import EffectConsumer, TransactionConsumer, insist
from bus.backbone.dead_letters import bury
from bus.backbone.parking import give_up
from bus.backbone.relay import Pace, Relay
from bus.backbone.topology import DEATH, FLAW, QUEUES, dead, origin
from bus.downtime.absent import ALWAYS_UP
from bus.ports import Downtimes, Letter, Transport
from bus.state.store import State

_log = structlog.get_logger(__name__)

_DRAIN_PREFETCH = 16
_BROKERS_OWN = ("x-first-death-", "x-last-death-", DEATH)


class Backbone:
    """Transport, consumers and relay of this process.

    ``consumers`` are those this process runs. Without a broker that keeps letters, a process carries only
    the queues that it also consumes; with one, any process carries any queue, or leaves that to others (``relays``).
    """

    def __init__(
        self,
        state: State,
        transport: Transport,
        *,
        consumers: Sequence[TransactionConsumer | EffectConsumer] = (),
        pace: Pace | None = None,
        downtimes: Downtimes = ALWAYS_UP,
        relays: bool = True,
    ) -> None:
        self._state = state
        self._transport = transport
        self._consumers = tuple(consumers)
        queues = QUEUES if transport.keeps else tuple(consumer.queue for consumer in self._consumers)
        self._relay: Relay | None = None
        if relays or not transport.keeps:
            self._relay = Relay(state, transport, queues=queues, pace=pace, downtimes=downtimes)

    async def start(self) -> None:
        """Connect, subscribe, then release what waits in the outbox. The state store must be started."""
        await self._transport.start(self._send_again)
        for consumer in self._consumers:
            await consumer.start()
        if self._transport.keeps and self._consumers:
            for queue in QUEUES:
                await self._transport.consume(dead(queue), self._drain, prefetch=_DRAIN_PREFETCH)
        if self._relay is not None:
            await self._relay.start()

    async def stop(self, *, drain: float = 10.0) -> None:
        """Release nothing more, let handlers finish for up to ``drain`` seconds, disconnect."""
        if self._relay is not None:
            await self._relay.stop()
        for consumer in self._consumers:
            await consumer.stop(drain=drain)
        await self._transport.stop()

    async def _send_again(self, queue: str) -> None:
        """The broker has lost this queue: whatever it had confirmed and we have not finished goes once more."""
        count = await self._state.write(lambda connection: claims.lost(connection, origin(queue), time.time()))
        if count:
            _log.error("the broker lost a queue; its letters are sent again", queue=queue, count=count)

    async def _drain(self, letter: Letter) -> None:
        """Put what the broker gave up with the dead letters, where somebody will look."""
        foreign = letter.headers.get(FLAW)
        if foreign is not None:
            flawed = replace(letter, queue=origin(letter.queue))
            return await insist(self._state, lambda connection: bury(connection, flawed, "foreign", foreign))
        reason = letter.headers.get(DEATH, "unknown")
        headers = {name: value for name, value in letter.headers.items() if not name.startswith(_BROKERS_OWN)}
        given_up = replace(letter, queue=origin(letter.queue), headers=headers)
        code = "poison" if reason == "delivery_limit" else "broker"
        text = f"the broker gave this letter up: {reason}"

        def work(connection: Connection) -> None:
            if inbox.is_done(connection, given_up):  # its consumers died, but only after the effect
                outbox.remove(connection, given_up)
            elif inbox.is_parked(connection, given_up):
                return
            elif code != "poison" or not outbox.suspect(connection, given_up):
                history.note(connection, given_up, code, text)
                give_up(connection, given_up, code, text)

        return await insist(self._state, work)
