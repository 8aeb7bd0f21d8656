"""The load generator: wrk drives one server as fast as it answers, and the server's processes are charged for it."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.bench.machine import cpu_seconds, rss_mb

CONNECTIONS = 32


@dataclass(frozen=True)
class Case:
    """One shape of proxy at one size of request, in bytes."""

    name: str
    path: str
    size: int

    @property
    def operation(self) -> str:
        """What is called at this path."""
        return "GetResults" if self.path.endswith("direct") else "PlaceOrder"

    def request(self) -> bytes:
        """A SOAP 1.1 request of about the case's size."""
        item = '<b:item code="A0017"><b:name>血常规五分类</b:name><b:quantity>1</b:quantity></b:item>'
        head = (
            '<?xml version="1.0" encoding="UTF-8"?><soap:Envelope '
            'xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
            f'<soap:Body><b:{self.operation} xmlns:b="urn:bench"><b:visitNo>V20261123000017</b:visitNo>'
            "<b:patientId>P000017</b:patientId>"
        )
        tail = f"</b:{self.operation}></soap:Body></soap:Envelope>"
        count = max(1, (self.size - len(head) - len(tail)) // len(item.encode()))
        return (head + item * count + tail).encode()


@dataclass(frozen=True)
class Figures:
    """What one server did in one round."""

    cpu_us: float
    per_second: float
    p99_ms: float
    rss_mb: float


def load(url: str, case: Case, key: str, pid: int, seconds: float, *, connections: int = CONNECTIONS) -> Figures:
    """Drive the server of process ``pid`` for so many seconds. A single error in an answer ends the benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder, "body.xml")
        body.write_bytes(case.request())
        script = Path(folder, "post.lua")
        script.write_text(
            f'local f = io.open("{body}", "rb"); wrk.body = f:read("*a"); f:close()\n'
            'wrk.method = "POST"\n'
            'wrk.headers["Content-Type"] = "text/xml; charset=utf-8"\n'
            f'wrk.headers["SOAPAction"] = "\\"urn:bench/{case.operation}\\""\n'
            f'wrk.headers["X-API-Key"] = "{key}"\n'
        )
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "-s", str(script), url + case.path]
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
