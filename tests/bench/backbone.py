"""What the backbone carries: confirmed publishes a second, the relay's lag, and how long an outage takes to drain."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

import pika
from sqlalchemy import Connection

from bus.backbone import outbox
from bus.backbone.consumer import TransactionConsumer
from bus.backbone.runtime import Backbone
from bus.backbone.topology import ENGINE, physical
from bus.backbone.transports import open_transport
from bus.errors import BackboneUnavailable
from bus.ports import Letter, Transport
from bus.settings import Settings
from bus.state.store import State
from tests.bench import pika_floor
from tests.bench.broker import RabbitNode, node

SECONDS = float(os.environ.get("BENCH_SECONDS", "4"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
LETTERS = int(os.environ.get("BENCH_LETTERS", "10000"))

#: How many letters a relay hands over at once, and how large each is, in bytes.
BATCH = 256
SIZE = 2048

#: Letters a second while the relay's lag is measured.
STEADY = 200


def publish() -> list[dict[str, object]]:
    """Confirmed publishes a second, beside pika alone with as many in flight; print and answer the medians."""
    with node() as broker:
        ours, floor = asyncio.run(_publish(broker.url))
    times = median(one / other for one, other in zip(ours, floor, strict=True))
    print(f"publish     {median(ours):.0f} confirmed/s, pika alone {median(floor):.0f}/s, ratio {times:.2f}")
    return [
        {"case": "publish", "per_s": round(median(ours)), "floor_per_s": round(median(floor)), "ratio": round(times, 3)}
    ]


async def _publish(url: str) -> tuple[list[float], list[float]]:
    transport = open_transport(Settings(broker=url))
    await transport.start(_unkept)
    await _carried(transport, 1)  # waits for the connection
    ours, floor = [], []
    try:
        for _ in range(ROUNDS):
            ours.append(await _carried(transport, SECONDS))
            await asyncio.to_thread(_purge, url)
            floor.append(await pika_floor.publish(url, ENGINE, b"x" * SIZE, BATCH, SECONDS))
            await asyncio.to_thread(_purge, url)
    finally:
        await transport.stop()
    return ours, floor


async def _unkept(_queue: str) -> None:
    """Nothing is in an outbox here that could be sent again."""


def _purge(url: str) -> None:
    """Empty the queue, which is bounded, for the next round."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    connection.channel().queue_purge(physical(ENGINE))
    connection.close()


async def _carried(transport: Transport, seconds: float) -> float:
    """Letters a second that the broker has confirmed; the time begins with the connection."""
    began = time.monotonic()
    confirmed = 0
    while time.monotonic() < began + seconds:
        letters = [Letter(f"{time.monotonic_ns()}-{n}", ENGINE, b"x" * SIZE) for n in range(BATCH)]
        try:
            confirmed += len(await transport.publish(letters))
        except BackboneUnavailable:
            await asyncio.sleep(0.1)
            began = time.monotonic()
    return confirmed / (time.monotonic() - began)


def lag() -> list[dict[str, object]]:
    """From the commit of a letter to its handler, at a steady rate; print and answer median and 99th percentile."""
    results: list[dict[str, object]] = []
    with node() as broker:
        for name, address in (("RabbitMQ", broker.url), ("embedded", "embedded")):
            lags = asyncio.run(_lags(address))
            middle, late = median(lags), quantiles(lags, n=100)[98]
            print(f"lag         {name}: median {middle:.1f} ms, p99 {late:.1f} ms at {STEADY} letters a second")
            results.append({"case": "lag", "over": name, "median_ms": round(middle, 2), "p99_ms": round(late, 2)})
    return results


async def _lags(address: str) -> list[float]:
    async with _carrying(address) as bus:
        await bus.post(["first"])
        await bus.until_done(1)
        began, count = time.monotonic(), int(STEADY * SECONDS * ROUNDS)
        for n in range(count):
            await asyncio.sleep(max(0.0, began + n / STEADY - time.monotonic()))
            await bus.post([str(n)])
        await bus.until_done(count + 1)
        return [1000 * (bus.arrived[str(n)] - bus.posted[str(n)]) for n in range(count)]


def drain() -> list[dict[str, object]]:
    """Accept letters while the broker is dead, start it, and wait until all have had their effect; print and answer."""
    with node() as broker:
        took, accepting = asyncio.run(_drained(broker))
    print(
        f"drain       {LETTERS} letters accepted in {accepting:.1f} s without a broker; "
        f"{took:.1f} s after it was back all were done, {LETTERS / took:.0f}/s"
    )
    return [{"case": "drain", "letters": LETTERS, "seconds": round(took, 2), "accepting_s": round(accepting, 2)}]


async def _drained(broker: RabbitNode) -> tuple[float, float]:
    async with _carrying(broker.url) as bus:
        await bus.post(["first"])
        await bus.until_done(1)
        broker.kill9()
        began = time.monotonic()
        for start in range(0, LETTERS, 100):
            await bus.post([str(n) for n in range(start, min(start + 100, LETTERS))])
        accepting = time.monotonic() - began
        await asyncio.to_thread(broker.start)
        back = time.monotonic()
        await bus.until_done(LETTERS + 1)
        return time.monotonic() - back, accepting


@dataclass
class _Bus:
    """A state store and a backbone whose one consumer notes when a letter arrives."""

    state: State
    posted: dict[str, float] = field(default_factory=dict)
    arrived: dict[str, float] = field(default_factory=dict)

    async def post(self, ids: list[str]) -> None:
        """Have letters of these ids carried; return when they are on disk."""
        letters = [Letter(name, ENGINE, b"x" * SIZE) for name in ids]
        await self.state.write(lambda connection: outbox.post(connection, letters))
        now = time.monotonic()
        self.posted.update(dict.fromkeys(ids, now))

    def handle(self, _connection: Connection, letter: Letter) -> None:
        """The handler: its effect is committed with the inbox."""
        self.arrived[letter.id] = time.monotonic()

    async def until_done(self, count: int) -> None:
        """Wait until so many letters have arrived and the outbox is empty."""
        while len(self.arrived) < count or await self.state.read(outbox.unfinished):  # noqa: ASYNC110 (a commit's end)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def _carrying(address: str) -> AsyncIterator[_Bus]:
    with tempfile.TemporaryDirectory() as data:
        settings = Settings(data=Path(data), broker=address)
        state, transport = State(settings), open_transport(settings)
        bus = _Bus(state)
        await state.start()
        backbone = Backbone(state, transport, consumers=[TransactionConsumer(state, transport, ENGINE, bus.handle)])
        await backbone.start()
        try:
            yield bus
        finally:
            await backbone.stop(drain=1)
            await state.aclose()
