"""Messages of one visit take effect in the order of their acceptance, whatever happens on the way."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fleet import Fleet
from recording_provider import Ledger
from served_bus import ServedBus, eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

VISITS = [f"V{number}" for number in range(8)]
ORDERS = 10


def post(bus: ServedBus, visit: str, number: int, name: str = "aspirin", operation: str = "Send") -> None:
    document = {"visit_no": visit, "number": number, "name": name}
    assert bus.post(operation, document, service="orders").status_code == 202


def accept_everything(bus: ServedBus) -> None:
    """All visits at once, the orders of each one after the other."""

    def send(visit: str) -> None:
        for number in range(ORDERS):
            post(bus, visit, number)

    with ThreadPoolExecutor(len(VISITS)) as pool:
        list(pool.map(send, VISITS))


def all_done(ledger: Ledger) -> bool:
    return len(ledger.done) >= len(VISITS) * ORDERS


def assert_in_order(ledger: Ledger) -> None:
    assert {visit: ledger.numbers(visit) for visit in VISITS} == {visit: list(range(ORDERS)) for visit in VISITS}


def test_two_workers_of_which_one_after_the_other_is_killed_keep_every_visit_in_order(
    fleet: Fleet, ledger: Ledger
) -> None:
    ledger.flaky, ledger.delay = 0.2, 0.05
    with ThreadPoolExecutor(1) as pool:
        accepting = pool.submit(accept_everything, fleet)
        for deaths in range(1, 4):
            eventually(lambda least=deaths * 15: len(ledger.done) >= least, seconds=60, pause=0.01)
            fleet.kill_a_worker()
            fleet.hire()
        accepting.result()
    eventually(lambda: all_done(ledger), seconds=120)
    time.sleep(1)
    assert_in_order(ledger)
    assert len(ledger.asked) > len(ledger.done), "orders have failed and were sent again"


def test_a_server_that_is_killed_and_started_again_keeps_every_visit_in_order(alone: ServedBus, ledger: Ledger) -> None:
    ledger.flaky, ledger.delay = 0.2, 0.1
    accept_everything(alone)
    for deaths in range(1, 4):
        eventually(lambda least=deaths * 15: len(ledger.done) >= least, seconds=60, pause=0.01)
        alone.kill()
        alone.start()
    eventually(lambda: all_done(ledger), seconds=60)
    assert_in_order(ledger)
