"""Whole visits, all five workflows, every call journaled: how many a second, over RabbitMQ and embedded."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.broker import node

VISITS = int(os.environ.get("BENCH_VISITS", "100"))


def measure() -> list[dict[str, object]]:
    """Carry the same visits over both backbones; print and answer visits a second."""
    embedded = _rate()
    with node() as broker:
        rabbitmq = _rate("--broker", broker.url)
    times = rabbitmq / embedded
    print(f"visits      {VISITS}: {rabbitmq:.2f}/s over RabbitMQ, {embedded:.2f}/s embedded, ratio {times:.2f}")
    return [
        {"case": "visits", "visits": VISITS, "rabbitmq_per_s": round(rabbitmq, 2), "embedded_per_s": round(embedded, 2)}
    ]


def _rate(*arguments: str) -> float:
    """From the first visit's start until the last one's end; a visit lost or done twice ends the benchmark."""
    command = [str(Path(sys.executable).with_name("meridian")), "demo", "--visits", str(VISITS), "--exit", *arguments]
    began, last = 0.0, ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        for line in demo.stdout or ():
            if line.startswith("ready in"):
                began = time.monotonic()
            last = line
        ended = time.monotonic()
    if demo.returncode or not re.match(rf"visits: {VISITS} completed, 0 compensated, 0 lost, 0 duplicated", last):
        raise SystemExit(f"visits: the demo did not end well: {last}")
    return VISITS / (ended - began)
