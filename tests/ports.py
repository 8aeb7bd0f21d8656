"""Ports for the servers that tests start: no two tests that run at once are given the same one.

A port that the system chooses may be chosen again, for another server or an outgoing connection, before the server of
the first test listens; and where both ask for SO_REUSEPORT nobody is told. So each process of the suite goes through a
range of its own, below those that the system chooses from.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from itertools import count

_FIRST, _EACH, _PROCESSES = 10_000, 2_500, 8

_own = _FIRST + _EACH * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % _PROCESSES)
_numbers = count(os.getpid())


def free_port() -> int:
    """A port of loopback that nobody listens on, and that this process has not given for the last 2,500 times."""
    while True:
        port = _own + next(_numbers) % _EACH
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
