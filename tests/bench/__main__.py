"""``make bench``: the bus, fully journaled, against its floor: CPU per exchange, side by side in one run.

Both stand behind the same load generator (wrk, Debian) and before the same provider, one server process each.
CPU is what the kernel charged to the server's process tree, so that the load generator and the provider,
which share the machine, do not count. The contestants have one processor, everything else has the others, so
that neither takes the caches from under the other. The ratio is throughput per CPU second, bus over floor.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench import conversion

HERE = Path(__file__).parent
SECONDS = float(os.environ.get("BENCH_SECONDS", "6"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
CONNECTIONS = 32
TICKS = os.sysconf("SC_CLK_TCK")
PROCESSORS = os.sched_getaffinity(0)


@dataclass(frozen=True)
class Case:
    """One shape of proxy at one size of request, in bytes."""

    name: str
    path: str
    size: int


CASES = (
    Case("direct-1k", "/soap/direct", 1024),
    Case("direct-10k", "/soap/direct", 10240),
    Case("xslt-1k", "/soap/mapped", 1024),
    Case("xslt-10k", "/soap/mapped", 10240),
)


@dataclass(frozen=True)
class Figures:
    """What one contestant did in one round."""

    cpu_us: float
    per_second: float
    p99_ms: float
    rss_mb: float


def request(case: Case) -> bytes:
    """A SOAP 1.1 request of about the case's size."""
    item = '<b:item code="A0017"><b:name>血常规五分类</b:name><b:quantity>1</b:quantity></b:item>'
    name = "GetResults" if case.path.endswith("direct") else "PlaceOrder"
    head = (
        '<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
        f'<soap:Body><b:{name} xmlns:b="urn:bench"><b:visitNo>V20261123000017</b:visitNo>'
        "<b:patientId>P000017</b:patientId>"
    )
    tail = f"</b:{name}></soap:Body></soap:Envelope>"
    count = max(1, (case.size - len(head) - len(tail)) // len(item.encode()))
    return (head + item * count + tail).encode()


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pin(pid: int, *, contestant: bool) -> None:
    """Keep a process on the contestants' processor, or off it, where there is more than one."""
    first, *others = sorted(PROCESSORS)
    if others:
        os.sched_setaffinity(pid, {first} if contestant else set(others))


@contextmanager
def server(command: list[str], port: int, environ: dict[str, str], *, contestant: bool = True) -> Iterator[int]:
    """Run a server until it listens; give its process id; end its whole process group afterwards."""
    log = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the server)
    process = subprocess.Popen(command, env={**os.environ, **environ}, stdout=log, stderr=log, start_new_session=True)
    pin(process.pid, contestant=contestant)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None:
                break
            time.sleep(0.1)
        else:
            process.kill()
        if process.poll() is not None:
            log.seek(0)
            raise SystemExit(f"{command[0]} did not start:\n{log.read().decode()}")
        time.sleep(1.0)
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
        log.close()


def tree(pid: int) -> list[int]:
    """A process and its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in tree(int(child)))]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process tree."""
    total = 0
    for member in tree(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rsplit(") ", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def rss_mb(pid: int) -> float:
    """Resident memory of a process tree."""
    pages = sum(int(Path(f"/proc/{member}/statm").read_text().split()[1]) for member in tree(pid))
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def load(url: str, case: Case, key: str, pid: int, seconds: float) -> Figures:
    """Drive one server with wrk and read what it cost."""
    action = "GetResults" if case.path.endswith("direct") else "PlaceOrder"
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder, "body.xml")
        body.write_bytes(request(case))
        script = Path(folder, "post.lua")
        script.write_text(
            f'local f = io.open("{body}", "rb"); wrk.body = f:read("*a"); f:close()\n'
            'wrk.method = "POST"\n'
            'wrk.headers["Content-Type"] = "text/xml; charset=utf-8"\n'
            f'wrk.headers["SOAPAction"] = "\\"urn:bench/{action}\\""\n'
            f'wrk.headers["X-API-Key"] = "{key}"\n'
        )
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--latency", "-s", str(script), url + case.path]
        before = cpu_seconds(pid)
        report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        spent = cpu_seconds(pid) - before
    if "Non-2xx" in report or "Socket errors" in report:
        raise SystemExit(f"{case.name}: the server answered with errors\n{report}")
    count = int(re.search(r"(\d+) requests in", report)[1])  # type: ignore[index]
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", report)[1])  # type: ignore[index]
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", report).groups()  # type: ignore[union-attr]
    return Figures(
        cpu_us=spent / count * 1e6,
        per_second=rate,
        p99_ms=float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit],
        rss_mb=rss_mb(pid),
    )


def granian(target: str, port: int) -> list[str]:
    """The command of a one-process Granian, with the settings that the bus uses."""
    options = "--interface asgi --workers 1 --loop uvloop --no-ws --log-level warning"
    return [sys.executable, "-m", "granian", target, "--host", "127.0.0.1", "--port", str(port), *options.split()]


def middle(rounds: list[Figures]) -> Figures:
    """The median of each figure."""
    return Figures(
        *(median(getattr(one, name) for one in rounds) for name in ("cpu_us", "per_second", "p99_ms", "rss_mb"))
    )


def compare(case: Case) -> dict[str, object]:
    """Run both contestants in turn, several rounds, and print and answer the medians."""
    key = secrets.token_hex(16)
    ports = {name: free_port() for name in ("provider", "floor", "bus")}
    provider = f"http://127.0.0.1:{ports['provider']}"
    environ = {"BENCH_PROVIDER": provider, "BENCH_KEY": key, "BENCH_SIZE": str(case.size)}
    with tempfile.TemporaryDirectory() as data:
        settings = {
            "MERIDIAN_DATA": data,
            "MERIDIAN_PORT": str(ports["bus"]),
            "MERIDIAN_CATALOGUE": str(HERE / "catalogue"),
            "MERIDIAN_LOG_LEVEL": "warning",
        }
        bus = [str(Path(sys.executable).with_name("meridian")), "gateway"]
        with (
            server(
                granian("tests.bench.provider:app", ports["provider"]), ports["provider"], environ, contestant=False
            ),
            server(granian("tests.bench.floor:app", ports["floor"]), ports["floor"], environ) as floor_pid,
            server(bus, ports["bus"], environ | settings) as bus_pid,
        ):
            contestants = {"floor": floor_pid, "bus": bus_pid}
            rounds: dict[str, list[Figures]] = {name: [] for name in contestants}
            for name, pid in contestants.items():
                load(f"http://127.0.0.1:{ports[name]}", case, key, pid, 2)
            for _ in range(ROUNDS):
                for name, pid in contestants.items():
                    rounds[name].append(load(f"http://127.0.0.1:{ports[name]}", case, key, pid, SECONDS))
    floor, ours = middle(rounds["floor"]), middle(rounds["bus"])
    ratio = floor.cpu_us / ours.cpu_us
    for name, one in (("floor", floor), ("bus", ours)):
        print(
            f"{case.name:<12}{name:<7}{one.cpu_us:>9.0f}{one.per_second:>11.0f}{one.p99_ms:>10.1f}{one.rss_mb:>9.0f}"
            + (f"{ratio:>8.2f}" if name == "bus" else ""),
            flush=True,
        )
    return {
        "case": case.name,
        "floor_us": round(floor.cpu_us, 1),
        "bus_us": round(ours.cpu_us, 1),
        "ratio": round(ratio, 3),
    }


def main() -> None:
    """Run every case, or those named on the command line; write build/bench.json."""
    pin(0, contestant=False)
    wanted = sys.argv[1:]
    print(f"{'case':<12}{'who':<7}{'CPU µs':>9}{'req/s':>11}{'p99 ms':>10}{'RSS MB':>9}{'ratio':>8}")
    results = [compare(case) for case in CASES if not wanted or case.name in wanted]
    if not wanted or "conversion" in wanted:
        results.append(conversion.measure())
    target = Path("build/bench.json")
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(results, indent=2) + "\n")
    print(f"written to {target}")


if __name__ == "__main__":
    main()
