"""What benchmarks ask of the machine: servers on processors of their own, and what these cost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROCESSORS = os.sched_getaffinity(0)


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


def granian(target: str, port: int) -> list[str]:
    """The command of a one-process Granian, with the settings that the bus uses."""
    options = "--interface asgi --workers 1 --loop uvloop --no-ws --log-level warning"
    return [sys.executable, "-m", "granian", target, "--host", "127.0.0.1", "--port", str(port), *options.split()]
