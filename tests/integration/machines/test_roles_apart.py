"""Roles in processes of their own: what they share, how they are replaced one by one, and what a kill costs."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest
import requests
from load_balancer import Balancer
from role_processes import Machines
from served_bus import KEY, eventually

from bus.registry import open_store
from registry.catalogue import Catalogue

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


class Load:
    """What callers sent, by booking number, and how each was answered: an HTTP status, or what went wrong."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.answers: dict[str, str] = {}
        self.stopped = threading.Event()

    def accepted(self, status: str) -> set[str]:
        """The numbers that were answered so."""
        return {number for number, answer in self.answers.items() if answer == status}


@contextmanager
def under_load(url: str, prefix: str, callers: int = 3) -> Iterator[Load]:
    """Callers that book (and wait) and announce (and do not) in turn, each call on a connection of its own."""
    load, numbers = Load(prefix), itertools.count()

    def call() -> None:
        while not load.stopped.is_set():
            number = next(numbers)
            operation = ("Book", "Announce")[number % 2]
            name = f"{prefix}-{operation}-{number}"
            try:
                answer = requests.post(
                    f"{url}/rest/stock/{operation}",
                    json={"booking_no": name},
                    headers={"X-API-Key": KEY, "Connection": "close"},
                    timeout=30,
                )
                load.answers[name] = str(answer.status_code)
            except requests.RequestException as error:
                load.answers[name] = type(error).__name__
            time.sleep(0.02)

    with ThreadPoolExecutor(callers) as pool:
        for _ in range(callers):
            pool.submit(call)
        try:
            yield load
        finally:
            load.stopped.set()


def test_every_role_answers_probes_and_none_opens_doors_that_are_not_its_own(machines: Machines) -> None:
    for machine in machines:
        assert requests.get(f"{machine.url}/healthz", timeout=5).json() == {"alive": True}
        told = requests.get(f"{machine.url}/readyz", timeout=5).json()
        assert told == {"ready": True, "causes": [], "notes": [], "revision": 1}
        assert "meridian_outbox_letters" in requests.get(f"{machine.url}/metrics", timeout=5).text
    for machine in (*machines.of("worker"), *machines.of("relay")):
        assert machine.post("Book", {"booking_no": "N-1"}).status_code == 404


def test_a_new_revision_is_live_in_every_process_within_two_seconds(machines: Machines) -> None:
    with closing(open_store(machines[0].settings)) as store:
        _, catalogue = store.current()
        applied = store.apply(Catalogue({**catalogue.files, "more.yaml": b"kind: System\nname: more\n"}), "li")
    until = time.monotonic() + 2.0 + 3.0  # the machine that runs this may be slow to answer
    for machine in machines:
        while requests.get(f"{machine.url}/readyz", timeout=5).json()["revision"] != applied.number:
            assert time.monotonic() < until, machine.role
            time.sleep(0.05)


def test_every_role_is_restarted_under_load_and_no_call_fails(machines: Machines) -> None:
    stores = machines.stores
    with Balancer([gateway.port for gateway in machines.of("gateway")]) as balancer:
        eventually(lambda: len(balancer.ready) == 2)
        with under_load(balancer.url, "roll") as load:
            for machine in machines:
                assert machine.stop() == 0
                machine.start()
                if machine.role == "gateway":
                    eventually(lambda: len(balancer.ready) == 2)
    booked, announced = load.accepted("200"), load.accepted("202")
    assert booked
    assert announced
    assert booked | announced == load.answers.keys(), Counter(load.answers.values())
    eventually(lambda: set(stores.booked("/announce")) >= announced, seconds=60)
    done = Counter(number for _, number, _ in stores.book if number.startswith("roll"))
    assert done == Counter([*booked, *announced])


def test_what_a_killed_process_held_is_taken_over_by_its_neighbour(machines: Machines) -> None:
    stores = machines.stores
    victims = [machines.of(role)[0] for role in ("gateway", "worker", "relay")]
    stores.delay = 0.2
    with Balancer([gateway.port for gateway in machines.of("gateway")]) as balancer:
        eventually(lambda: len(balancer.ready) == 2)
        with under_load(balancer.url, "kill", callers=6) as load:
            time.sleep(1.0)
            for victim in victims:
                victim.kill()
            time.sleep(1.0)
    stores.delay = 0.0
    announced = load.accepted("202")
    assert announced
    eventually(lambda: set(stores.booked("/announce")) >= announced, seconds=90)
    keys = {(number, key) for path, number, key in stores.book if path == "/announce" and number in announced}
    assert len(keys) == len(announced)
    for victim in victims:
        victim.start()
