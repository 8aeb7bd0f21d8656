"""A system is announced to be down, and comes back: nothing reaches it meanwhile, everything once and in order then."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest
import requests
from served_bus import KEY, ServedBus, eventually
from stock_provider import Stores

from bus.client.admin import AdminApi

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

REASON = "the vendor's upgrade"


def api(bus: ServedBus) -> AdminApi:
    """The admin API, asked in the way in which the command line asks."""
    return AdminApi(bus.settings, bus.url, "tester")


def begin(bus: ServedBus, rate: float = 10.0) -> None:
    """Announce the downtime, and wait until every process knows of it."""
    api(bus).post("/downtimes", {"system": "stores", "until": "2100-01-01T04:00", "reason": REASON, "rate": rate})
    time.sleep(1.5)


def end(bus: ServedBus) -> float:
    """End it; answer when that was."""
    began = time.time()
    assert api(bus).post("/downtimes/stores/stop", {"reason": "done"})["status"] in ("draining", "drained")
    return began


def shown(bus: ServedBus) -> dict[str, Any]:
    """What the admin API says of the downtime."""
    found: dict[str, Any] = api(bus).get("/downtimes/stores")
    return found


def announce(bus: ServedBus, wards: int, each: int, operation: str = "Announce", first: int = 0) -> list[str]:
    """Have ``each`` messages accepted in each ward's lane; answer their numbers."""
    numbers = []
    for number in range(first, first + each):
        for ward in range(wards):
            name = f"{operation}-{ward}-{number:03}"
            answer = bus.post(operation, {"ward": f"W{ward}", "booking_no": name})
            assert answer.status_code == 202, answer.text
            numbers.append(name)
    return numbers


def lanes(booked: list[str]) -> dict[str, list[str]]:
    """The numbers by their lane, in the order they came."""
    found: dict[str, list[str]] = {}
    for name in booked:
        found.setdefault(name.rpartition("-")[0], []).append(name)
    return found


def test_a_system_sees_nothing_while_it_is_down_and_each_letter_once_in_order_afterwards(
    bus: ServedBus, stores: Stores
) -> None:
    before = announce(bus, 1, 1)
    eventually(lambda: stores.booked("/announce") == before)
    begin(bus, rate=10)
    numbers = announce(bus, wards=4, each=10)
    assert bus.post("Order", {"booking_no": "meal"}, service="meals").status_code == 202
    eventually(lambda: stores.booked("/meal") == ["meal"])
    time.sleep(1)
    assert stores.booked("/announce") == before
    held = shown(bus)
    assert (held["status"], held["held"], held["remaining"]) == ("down", 40, 40)
    assert requests.get(f"{bus.url}/readyz", timeout=10).status_code == 200

    began = end(bus)
    seen: list[tuple[float, int]] = []

    def drained() -> bool:
        seen.append((time.time(), len(stores.booked("/announce")) - 1))
        return seen[-1][1] >= 40

    eventually(drained, seconds=60, pause=0.2)
    for at, count in seen:
        assert count <= 10 * (at - began) + 5 + 1, "no more than the rate, and half a second's worth at once"
    assert seen[-1][0] - began > 3.0
    booked = stores.booked("/announce")
    assert Counter(booked) == Counter([*before, *numbers])
    assert all(lane == sorted(lane) for lane in lanes(booked).values())
    final = eventually(lambda: (one := shown(bus))["status"] == "drained" and one, seconds=20)
    assert (final["percent"], final["done"], final["failed"]) == (100, 40, 0)


def test_of_superseding_updates_the_provider_sees_the_newest_and_the_journal_all(
    bus: ServedBus, stores: Stores
) -> None:
    begin(bus, rate=50)
    announce(bus, wards=2, each=5, operation="Move")
    end(bus)
    eventually(lambda: len(stores.booked("/move")) == 2, seconds=30)
    final = eventually(lambda: (one := shown(bus))["status"] == "drained" and one, seconds=20)
    assert sorted(stores.booked("/move")) == ["Move-0-004", "Move-1-004"]
    assert (final["collapsed"], final["done"]) == (8, 2)
    assert len(api(bus).get("/messages?status=superseded&limit=50")["messages"]) == 8
    assert len(final["superseded"]) == 8


def test_callers_get_503_a_fault_or_a_cached_read_that_says_how_old_it_is(bus: ServedBus, stores: Stores) -> None:
    fresh = bus.post("Find", {"text": "纱布"})
    assert fresh.status_code == 200
    assert "age" not in fresh.headers
    time.sleep(1.2)
    begin(bus)
    write = bus.post("Book", {"booking_no": "B-1"})
    assert write.status_code == 503
    assert int(write.headers["Retry-After"]) > 3600
    assert write.json()["code"] == "planned-downtime"
    assert REASON not in write.text
    envelope = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        '<Book xmlns="urn:meridian:stock:1"><booking_no>B-2</booking_no></Book></s:Body></s:Envelope>'
    )
    headers = {"Content-Type": "text/xml; charset=utf-8", "X-API-Key": KEY}
    fault = requests.post(f"{bus.url}/soap/stock", envelope.encode(), headers=headers, timeout=20)
    assert fault.status_code == 500
    assert "planned-downtime" in fault.text
    assert int(fault.headers["Retry-After"]) > 3600
    cached = bus.post("Find", {"text": "纱布"})
    assert (cached.status_code, cached.json()) == (200, fresh.json())
    assert int(cached.headers["Age"]) >= 1
    assert cached.headers["Cache-Status"] == "meridian; hit; detail=planned-downtime"
    asked = envelope.replace("Book ", "Find ").replace("/Book", "/Find").replace(
        "<booking_no>B-2</booking_no>", "<text>纱布</text>"
    )  # fmt: skip
    in_soap = requests.post(f"{bus.url}/soap/stock", asked.encode(), headers=headers, timeout=20)
    assert in_soap.status_code == 200, in_soap.text
    assert 'cached xmlns:m="urn:meridian:2026"' in in_soap.text
    assert bus.post("Find", {"text": "吗啡"}).status_code == 503
    assert stores.booked("/book") == []
    end(bus)
    eventually(lambda: bus.post("Book", {"booking_no": "B-3"}).status_code == 200)


def test_a_kill_while_it_is_down_and_another_while_it_drains_lose_and_repeat_nothing(
    bus: ServedBus, stores: Stores
) -> None:
    begin(bus, rate=10)
    numbers = announce(bus, wards=3, each=6)
    bus.kill()
    bus.start()
    numbers += announce(bus, wards=3, each=4, first=6)
    time.sleep(1.5)
    assert stores.booked("/announce") == []
    end(bus)
    eventually(lambda: len(stores.booked("/announce")) >= 5, seconds=30)
    bus.kill()
    killed = len(set(stores.booked("/announce")))
    assert killed < 30
    bus.start()
    eventually(lambda: len(set(stores.booked("/announce"))) == 30, seconds=90)
    keys = {(number, key) for path, number, key in stores.book if path == "/announce"}
    assert sorted(number for number, _ in keys) == sorted(numbers), "what came twice came under its own key"
    firsts = list(dict.fromkeys(stores.booked("/announce")))
    assert all(lane == sorted(lane) for lane in lanes(firsts).values())
    eventually(lambda: shown(bus)["status"] == "drained", seconds=60)


def test_the_command_line_announces_a_downtime_and_follows_its_drain_to_the_end(bus: ServedBus, stores: Stores) -> None:
    told = bus.run("downtime", "start", "stores", "--until", "2100-01-01T04:00", "--reason", REASON, "--rate", "20")
    assert "downtime 1 of stores: down" in told
    time.sleep(1.5)
    announce(bus, wards=2, each=3)
    assert "6 waiting" in bus.run("downtime", "list")
    followed = bus.run("downtime", "stop", "stores", "--follow")
    assert "100 %, 6 of 6 delivered, 0 waiting" in followed.splitlines()[-1]
    assert len(stores.booked("/announce")) == 6
