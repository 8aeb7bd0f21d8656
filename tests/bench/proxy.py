"""A SOAP proxy, fully journaled, against its floor: CPU per exchange, side by side in one run.

Both stand behind the same load generator and before the same provider, one server process each. CPU is what the
kernel charged to the server's process tree, so that the load generator and the provider, which share the machine,
do not count. The ratio is throughput per CPU second, bus over floor: that of each pair of neighbouring rounds, and
of these the median, because what else the machine does changes within seconds.
"""

from __future__ import annotations

import os
from statistics import median

from tests.bench.load import Case, Figures, load
from tests.bench.machine import granian, server
from tests.bench.stage import stage

SECONDS = float(os.environ.get("BENCH_SECONDS", "2"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "9"))

CASES = (
    Case("direct-1k", "/soap/direct", 1024),
    Case("direct-10k", "/soap/direct", 10240),
    Case("xslt-1k", "/soap/mapped", 1024),
    Case("xslt-10k", "/soap/mapped", 10240),
)


def measure(case: Case) -> list[dict[str, object]]:
    """Run both contestants in turn; print and answer the figures."""
    if case is CASES[0]:
        print(f"{'case':<12}{'who':<7}{'CPU µs':>9}{'req/s':>11}{'p99 ms':>10}{'RSS MB':>9}{'ratio':>8}")
    with (
        stage(case.size) as bus,
        server(granian("tests.bench.floor:app", bus.floor_port), bus.floor_port, bus.environ) as floor_pid,
    ):
        contestants = {"floor": (bus.floor_port, floor_pid), "bus": (bus.port, bus.pid)}
        rounds: dict[str, list[Figures]] = {name: [] for name in contestants}
        for port, pid in contestants.values():
            load(f"http://127.0.0.1:{port}", case, bus.key, pid, 2)
        for _ in range(ROUNDS):
            for name, (port, pid) in contestants.items():
                rounds[name].append(load(f"http://127.0.0.1:{port}", case, bus.key, pid, SECONDS))
    floor, ours = _middle(rounds["floor"]), _middle(rounds["bus"])
    ratio = median(one.cpu_us / other.cpu_us for one, other in zip(rounds["floor"], rounds["bus"], strict=True))
    for name, one in (("floor", floor), ("bus", ours)):
        print(
            f"{case.name:<12}{name:<7}{one.cpu_us:>9.0f}{one.per_second:>11.0f}{one.p99_ms:>10.1f}{one.rss_mb:>9.0f}"
            + (f"{ratio:>8.2f}" if name == "bus" else ""),
            flush=True,
        )
    figures = {"floor_us": round(floor.cpu_us, 1), "bus_us": round(ours.cpu_us, 1), "ratio": round(ratio, 3)}
    return [{"case": case.name, **figures}]


def _middle(rounds: list[Figures]) -> Figures:
    """The median of each figure."""
    return Figures(
        *(median(getattr(one, name) for one in rounds) for name in ("cpu_us", "per_second", "p99_ms", "rss_mb"))
    )
