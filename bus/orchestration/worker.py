"""The worker role: everything of one process that takes letters from the backbone and acts on them."""

from __future__ import annotations

from bus.backbone.consumer import EffectConsumer, TransactionConsumer
from bus.backbone.relay import Pace
from bus.backbone.replies import Replies
from bus.backbone.runtime import Backbone
from bus.backbone.topology import CALLS, DELIVER, ENGINE, REPLIES
from bus.downtime.absent import ALWAYS_UP
from bus.orchestration.calls import Calls
from bus.orchestration.deliveries import Deliverer, Deliveries
from bus.orchestration.engine import Engine
from bus.orchestration.purging import Purge
from bus.orchestration.timers import Timers
from bus.ports import Downtimes, HttpClient, SnapshotSource, Transport
from bus.state.store import State


class Worker:
    """Deliveries, the workflow engine, its calls and its timers, as consumers of one backbone.

    ``http`` sends replies that go to an address of their own; without one they wait in their queue.
    ``concurrency`` is how many letters of a queue are in hand at once; it bounds the calls under way. Without
    ``relays`` the letters of a broker that keeps them are carried there by other processes.
    ``keep_days`` is how long ended instances are kept; 0 keeps them.
    """

    def __init__(
        self,
        state: State,
        transport: Transport,
        registry: SnapshotSource,
        pipeline: Deliverer,
        *,
        http: HttpClient | None = None,
        concurrency: int = 32,
        pace: Pace | None = None,
        downtimes: Downtimes = ALWAYS_UP,
        relays: bool = True,
        keep_days: int = 0,
    ) -> None:
        self._timers = Timers(state)
        self._purge = Purge(state, keep_days)
        deliveries = Deliveries(registry, pipeline, downtimes)
        consumers: list[TransactionConsumer | EffectConsumer] = [
            EffectConsumer(state, transport, DELIVER, deliveries, policy=deliveries, concurrency=concurrency),
            TransactionConsumer(state, transport, ENGINE, Engine(registry).handle, concurrency=concurrency),
            EffectConsumer(state, transport, CALLS, Calls(registry, pipeline), concurrency=concurrency),
        ]
        if http is not None:
            consumers.append(EffectConsumer(state, transport, REPLIES, Replies(http), concurrency=concurrency))
        self._backbone = Backbone(state, transport, consumers=consumers, pace=pace, downtimes=downtimes, relays=relays)

    async def start(self) -> None:
        """Connect, subscribe and go on with whatever an earlier life left. The state store must be started."""
        await self._backbone.start()
        await self._timers.start()
        self._purge.start()

    async def stop(self, *, drain: float = 10.0) -> None:
        """Take nothing new, and wait up to ``drain`` seconds for what is in hand."""
        await self._purge.stop()
        await self._timers.stop()
        await self._backbone.stop(drain=drain)
