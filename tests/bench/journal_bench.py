"""What the journal costs: µs of CPU and exchanges a second, with four bodies of 2 KB and two keys each.

Run: ``python tests/bench/journal_bench.py [postgresql://…]`` (a path from the root of the project). With an
address, PostgreSQL is measured instead; its own CPU time is in another process and not counted.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bus.journal.open import open_journal
from bus.message import new_flow, new_id
from bus.ports import Body, HopRecord, Journal, Record
from bus.settings import Settings

EXCHANGES = 8000
RUNS = 5
HOPS = ("decode", "authenticate", "resolve", "authorise", "adapt", "index", "validate", "route", "transform", "call")
STAGES = ("request", "request.sent", "reply.received", "reply")


def _body(number: int, stage: str) -> bytes:
    """2 KB of XML in which, as in life, the names repeat and the values do not."""
    rows = "".join(
        f'<item no="{row}"><code>{os.urandom(4).hex()}</code><result>{row * number % 997 / 10}</result></item>'
        for row in range(28)
    )
    return f"<order stage='{stage}' visit='V{number:08d}'><items>{rows}</items></order>".ljust(2048).encode()[:2048]


def records(count: int) -> list[Record]:
    """Records as the pipeline makes them."""
    now = time.time()
    return [
        Record(
            id=new_id(),
            flow=new_flow(),
            parent="",
            door="soap",
            consumer="his",
            system="lis",
            service="lis",
            version="1",
            operation="PlaceOrder",
            received_at=now + number / 10000,
            status="ok",
            http_status=200,
            attempts=1,
            duration_us=12345,
            sent_us=9876,
            revision=7,
            keys=(("visit_no", f"V{number:08d}"), ("order_no", f"L{number * 7:010d}")),
            hops=tuple(HopRecord(hop, 10 * place, 7) for place, hop in enumerate(HOPS)),
            bodies=tuple(Body(stage, _body(number, stage), "text/xml; charset=utf-8") for stage in STAGES),
        )
        for number in range(count)
    ]


async def carry(journal: Journal, work: list[Record], callers: int, *, intents: bool) -> list[float]:
    """Write every record from ``callers`` callers, each waiting for durability; answer the waits in ms."""
    queue, waits = iter(work), []

    async def caller() -> None:
        for record in queue:
            began = time.perf_counter()
            if intents:
                await journal.intent(record)
            await journal.outcome(record)
            waits.append((time.perf_counter() - began) * 1000)

    await asyncio.gather(*(caller() for _ in range(callers)))
    return sorted(waits)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.db"))


@dataclass(frozen=True, order=True)
class Run:
    """One measurement; µs and exchanges are per exchange and per second."""

    cpu_us: float
    kernel_us: float
    per_second: float
    p50_ms: float
    p99_ms: float
    size: float


async def measure(database: str, callers: int, *, intents: bool) -> Run:
    """Carry all records once, through a journal of their own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer, _ = open_journal(Settings(data=folder, database=database))
        await writer.start()
        work = records(EXCHANGES)
        cpu, wall = time.process_time(), time.perf_counter()
        system = resource.getrusage(resource.RUSAGE_SELF).ru_stime
        waits = await carry(writer, work, callers, intents=intents)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        system = resource.getrusage(resource.RUSAGE_SELF).ru_stime - system
        await writer.aclose()
        size = _size(folder)
    return Run(
        cpu / EXCHANGES * 1e6,
        system / EXCHANGES * 1e6,
        EXCHANGES / wall,
        waits[len(waits) // 2],
        waits[len(waits) * 99 // 100],
        size / EXCHANGES,
    )


def report(database: str, callers: int, *, intents: bool = False) -> None:
    """Print the least disturbed of a few runs: other work on the machine only ever adds."""
    best = min(asyncio.run(measure(database, callers, intents=intents)) for _ in range(RUNS))
    print(
        f"{'intent + outcome' if intents else 'outcome':16} {callers:5} callers: "
        f"{best.cpu_us:6.1f} µs CPU ({best.kernel_us:4.1f} in the kernel), {best.per_second:8,.0f} exchanges/s, "
        f"p50 {best.p50_ms:5.1f} ms, p99 {best.p99_ms:5.1f} ms" + (f", {best.size:5.0f} B on disk" if best.size else "")
    )


def main() -> None:
    """Measure one journal under growing company."""
    database = sys.argv[1] if len(sys.argv) > 1 else ""
    for callers in (32, 128, 1000):
        report(database, callers)
    report(database, 128, intents=True)


if __name__ == "__main__":
    main()
