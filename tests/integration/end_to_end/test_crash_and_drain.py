"""The server is killed, or asked to stop, in the middle of work: what was promised is kept, the rest is told."""

from __future__ import annotations

import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from load import under_load
from served_bus import ServedBus, eventually
from stock_provider import Stores

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def quietly_post(bus: ServedBus, operation: str, number: str) -> Any:
    """The answer, or None when the bus died before it came."""
    try:
        return bus.post(operation, {"booking_no": number})
    except requests.ConnectionError:
        return None


def test_writes_that_were_under_way_at_a_kill_are_listed_in_doubt(bus: ServedBus, stores: Stores) -> None:
    assert bus.post("Book", {"booking_no": "BEFORE"}).status_code == 200
    stores.delay = 30
    numbers = [f"DOUBT-{number}" for number in range(5)]
    with ThreadPoolExecutor(5) as pool:
        asked = [pool.submit(quietly_post, bus, "Book", number) for number in numbers]
        eventually(lambda: len(stores.booked("/book")) == 6)
        bus.kill()
        assert [one.result() for one in asked] == [None] * 5
    stores.delay = 0
    bus.start()
    with bus.console() as browser:
        overview = browser.get(f"{bus.url}/api/overview", timeout=20).json()
        page = browser.get(f"{bus.url}/", timeout=20).text
    assert overview["in_doubt_count"] == 5
    assert {dict(one["keys"])["booking_no"] for one in overview["in_doubt"]} == set(numbers)
    assert all(f"{number}</span>" in page for number in numbers)
    assert "BEFORE" not in page
    assert len(stores.booked("/book")) == 6, "the bus must not guess: nothing in doubt is sent again by itself"


def accept_and_kill(bus: ServedBus, stores: Stores, operation: str) -> dict[str, str]:
    """Post to an asynchronous operation until the bus is killed in the middle; answer what it accepted, by number."""
    stores.delay = 0.2
    accepted: dict[str, str] = {}

    def post(number: int) -> None:
        answer = quietly_post(bus, operation, f"A-{number}")
        if answer is not None and answer.status_code == 202:
            accepted[f"A-{number}"] = answer.json()["message_id"]

    with ThreadPoolExecutor(4) as pool:
        for number in range(60):
            pool.submit(post, number)
        eventually(lambda: len(stores.book) >= 5, pause=0.01)
        bus.kill()
    assert len(accepted) >= 5
    stores.delay = 0
    bus.start()
    return accepted


def test_accepted_messages_that_may_be_repeated_all_arrive_after_a_kill(bus: ServedBus, stores: Stores) -> None:
    accepted = accept_and_kill(bus, stores, "Announce")
    eventually(lambda: accepted.keys() <= set(stores.booked("/announce")), seconds=60)
    sent = {(number, key) for _, number, key in stores.book}
    assert {(number, key) for number, key in sent if number in accepted} == set(accepted.items()), (
        "every sending of one message carries the same key, by which the provider knows it again"
    )


def test_accepted_messages_that_must_not_be_repeated_arrive_once_or_are_told(bus: ServedBus, stores: Stores) -> None:
    accepted = accept_and_kill(bus, stores, "Dispatch")
    with bus.console() as browser:

        def told() -> set[str]:
            overview = browser.get(f"{bus.url}/api/overview", timeout=20).json()
            assert {letter["code"] for letter in overview["given_up"]} <= {"outcome-unknown"}
            return {letter["id"] for letter in overview["given_up"]}

        def settled() -> bool:
            arrived = stores.booked("/dispatch")
            return all(number in arrived or key in told() for number, key in accepted.items())

        eventually(settled, seconds=60)
        assert len(told()) >= 5, "what was under way at the kill is listed for a person"
        assert "死信" in browser.get(f"{bus.url}/", timeout=20, headers={"Accept-Language": "zh"}).text
    assert set(Counter(stores.booked("/dispatch")).values()) == {1}


def test_accepted_messages_are_sent_once_each_when_nothing_dies(bus: ServedBus, stores: Stores) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: bus.post("Announce", {"booking_no": f"N-{number}"}), range(40)))
    assert {answer.status_code for answer in answers} == {202}
    eventually(lambda: len(stores.booked("/announce")) >= 40)
    assert Counter(stores.booked("/announce")) == Counter(f"N-{number}" for number in range(40))


def test_requests_under_way_are_answered_when_the_server_is_asked_to_stop(bus: ServedBus, stores: Stores) -> None:
    stores.delay = 2
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(bus.post, "Book", {"booking_no": f"LAST-{number}"}) for number in range(4)]
        eventually(lambda: len(stores.booked("/book")) == 4)
        bus.terminate()
        assert [one.result().status_code for one in asked] == [200] * 4
    assert bus.stop() == 0
    bus.start()
    with bus.console() as browser:
        overview = browser.get(f"{bus.url}/api/overview", timeout=20).json()
    assert (overview["in_doubt_count"], overview["calls"]) == (0, 4)


def test_a_server_that_stops_under_load_cuts_off_nobody_it_had_begun_to_serve(bus: ServedBus, stores: Stores) -> None:
    stores.delay = 0.05
    stopped = threading.Event()
    with under_load(bus, "Book", lambda number: {"booking_no": f"S-{number}"}) as load:
        eventually(lambda: len(load.answers) > 40)
        bus.terminate()
        stopped.set()
        assert bus.stop() == 0
        load.stopped.set()
    answered = [answer for answer in load.answers if answer == "200"]
    assert set(load.answers) <= {"200", "503", "ConnectionError"}
    assert len(answered) == len(stores.booked("/book"))


def test_the_log_of_a_day_with_a_crash_names_no_patient_and_no_secret(bus: ServedBus, stores: Stores) -> None:
    stores.delay = 5
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(quietly_post, bus, "Book", "SECRET-NUMBER-1")
        eventually(lambda: stores.booked("/book"))
        bus.kill()
        asked.result()
    bus.start()
    bus.post("Book", {"unknown": "SECRET-NUMBER-2"})
    log = (bus.folder / "serve.log").read_text(encoding="utf-8")
    assert not re.search(r"SECRET-NUMBER|invented-", log)
