"""A provider with a ledger: what it was asked to do, what it did, and in which order."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from loopback import QuietHandler, serving


class Ledger:
    """The provider's own books and switches. ``done`` are the orders in effect: one for each idempotency key.

    ``flaky`` is the chance that an order fails for now (503); ``refused`` are names that it refuses for good.
    """

    def __init__(self) -> None:
        self.url = ""
        self.done: list[tuple[str, int, str]] = []
        self.asked: list[tuple[str, int]] = []
        self.flaky = 0.0
        self.delay = 0.0
        self.refused: set[str] = set()
        self._keys: set[str] = set()
        self._lock = threading.Lock()
        self._random = random.Random(20260701)

    def reset(self) -> None:
        """Empty the books and mend whatever a test has broken."""
        with self._lock:
            self.done.clear()
            self.asked.clear()
            self.flaky = self.delay = 0.0
            self.refused = set()

    def numbers(self, visit: str) -> list[int]:
        """The orders of one visit, as they took effect."""
        with self._lock:
            return [number for at, number, _ in self.done if at == visit]

    def take(self, order: dict[str, object], key: str) -> tuple[int, dict[str, object]]:
        visit, number, name = str(order["visit_no"]), int(str(order["number"])), str(order["name"])
        with self._lock:
            self.asked.append((visit, number))
            fails = self._random.random() < self.flaky
        time.sleep(self.delay)
        if fails:
            return 503, {"code": "BUSY"}
        if name in self.refused:
            return 422, {"code": "REFUSED", "reason": "not on our list"}
        with self._lock:
            if key not in self._keys:
                self._keys.add(key)
                self.done.append((visit, number, name))
        return 200, {"taken": number}


@contextmanager
def ledger_open() -> Iterator[Ledger]:
    """The provider, listening on a free port of loopback."""
    ledger = Ledger()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = ledger.take(order, self.headers.get("Idempotency-Key", ""))
            body = json.dumps(answer).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # the worker was killed meanwhile

    with serving(Handler) as ledger.url:
        yield ledger
