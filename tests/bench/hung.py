"""One provider hangs: what its neighbours' callers feel, as their 99th percentile beside that of a quiet bus."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from statistics import median

import aiohttp

from tests.bench.load import Case, load
from tests.bench.stage import Stage, stage

SECONDS = float(os.environ.get("BENCH_SECONDS", "4"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))

#: How many callers wait for the hung provider; each asks again about a second after it was refused or timed out, on
#: its own account: callers in step would measure how the bus takes a crowd that arrives at once.
WAITING = 64

#: How many callers of the neighbour ask as fast as they are answered.
CALLERS = 8

_NEIGHBOUR = Case("hung", "/soap/direct", 1024)


def measure() -> list[dict[str, object]]:
    """Measure the neighbour with and without the hung one, in turn; print and answer the medians."""
    undisturbed, disturbed = [], []
    with stage(_NEIGHBOUR.size) as bus:
        load(bus.url, _NEIGHBOUR, bus.key, bus.pid, 2, connections=CALLERS)
        for _ in range(ROUNDS):
            undisturbed.append(load(bus.url, _NEIGHBOUR, bus.key, bus.pid, SECONDS, connections=CALLERS))
            crowd = _crowd(bus)
            try:
                disturbed.append(load(bus.url, _NEIGHBOUR, bus.key, bus.pid, SECONDS, connections=CALLERS))
            finally:
                crowd.terminate()
                crowd.wait(10)
    quiet, loud = median(one.p99_ms for one in undisturbed), median(one.p99_ms for one in disturbed)
    times = median(one.p99_ms / other.p99_ms for one, other in zip(disturbed, undisturbed, strict=True))
    print(
        f"hung        neighbour's p99 {quiet:.1f} ms; "
        f"with {WAITING} callers of a hung provider {loud:.1f} ms, {times:.2f} times"
    )
    return [{"case": "hung", "p99_ms": round(quiet, 2), "disturbed_p99_ms": round(loud, 2), "times": round(times, 3)}]


def _crowd(bus: Stage) -> subprocess.Popen[bytes]:
    """The callers of the hung provider, in a process of their own, once the first of them are waiting."""
    crowd = subprocess.Popen([sys.executable, "-m", "tests.bench.hung", bus.url, bus.key], stdout=subprocess.PIPE)
    if crowd.stdout is None or crowd.stdout.readline() != b"waiting\n":
        raise SystemExit("hung: the callers of the hung provider did not start")
    return crowd


async def _wait_for_the_hung_one(url: str, key: str) -> None:
    request = Case("hung", "/soap/hung", 1024)
    headers = {"Content-Type": "text/xml; charset=utf-8", "X-API-Key": key}

    async def caller(session: aiohttp.ClientSession) -> None:
        await asyncio.sleep(random.random())
        while True:
            async with session.post(url + request.path, data=request.request(), headers=headers) as answer:
                await answer.read()
            await asyncio.sleep(random.uniform(0.5, 1.5))

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        callers = [asyncio.create_task(caller(session)) for _ in range(WAITING)]
        await asyncio.sleep(1)
        print("waiting", flush=True)
        await asyncio.gather(*callers)


if __name__ == "__main__":
    asyncio.run(_wait_for_the_hung_one(*sys.argv[1:3]))
