"""A steady load: as many callers as asked for, each calling again as soon as it is answered."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import requests
from served_bus import KEY, ServedBus


class Load:
    """What the callers were answered: HTTP statuses, in the order they came, or the name of what went wrong."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.stopped = threading.Event()


@contextmanager
def under_load(bus: ServedBus, operation: str, document: Callable[[int], object], callers: int = 4) -> Iterator[Load]:
    """Callers at work for as long as the block runs; each has a connection that it keeps."""
    load, numbers = Load(), itertools.count()

    def call() -> None:
        with requests.Session() as session:
            session.headers["X-API-Key"] = KEY
            while not load.stopped.is_set():
                try:
                    url = f"{bus.url}/rest/stock/{operation}"
                    answer = session.post(url, json=document(next(numbers)), timeout=30)
                    load.answers.append(str(answer.status_code))
                except requests.RequestException as error:
                    load.answers.append(type(error).__name__)

    with ThreadPoolExecutor(callers) as pool:
        for _ in range(callers):
            pool.submit(call)
        try:
            yield load
        finally:
            load.stopped.set()
