"""What the bus refuses when its backlog, its disk or its memory is short, how callers hear of it, and what goes on."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from gateway_worlds import rest, rest_world, soap, soap_world
from hip_callers import acknowledgement, ask, current
from hip_callers import world as hip_world
from twins import operation, snapshot

from bus.errors import BacklogFull
from bus.pipeline import Pipeline
from bus.resilience.pressure import Load, Pressure, Shortage, bounds_of
from bus.resilience.resources import container_memory, free_disk, resident_memory
from bus.settings import Settings
from registry.model import Policy

FULL = Shortage(("backlog: 500 accepted messages are not finished; the most is 500 (max_backlog)",), {}, 7.0)
ASYNC = operation(mode="async")
WRITE, READ = operation(effect="write"), operation()


class Measured:
    """A pressure whose figures the test sets."""

    def __init__(self, folder: Path, bounds: dict[str, int] | None = None, **settings: int) -> None:
        self.load, self.held, self.now = Load(), 0, 0.0
        given = {"max_backlog": 0, "min_free_disk": 0, "max_memory": 1 << 50} | settings
        self.pressure = Pressure(
            Settings(data=folder, **given),  # type: ignore[arg-type]
            self.measure,
            lambda: bounds or {},
            memory=lambda: self.held,
            clock=lambda: self.now,
        )

    async def measure(self) -> Load:
        return self.load

    async def look(self, letters: int = 0, **services: int) -> Shortage | None:
        self.load, self.now = Load(letters, services), self.now + 1.0
        await self.pressure.look()
        return self.pressure.shortage


async def test_a_full_backlog_is_told_with_its_figures_and_has_room_again_a_tenth_below(tmp_path: Path) -> None:
    one = Measured(tmp_path, max_backlog=100)
    assert await one.look(99) is None
    full = await one.look(100)
    assert full is not None
    assert full.causes == ("backlog: 100 accepted messages are not finished; the most is 100 (max_backlog)",)
    assert await one.look(91) is not None
    assert await one.look(89) is None


async def test_a_refused_caller_is_told_to_come_back_when_the_backlog_will_have_room(tmp_path: Path) -> None:
    one = Measured(tmp_path, max_backlog=100)
    first = await one.look(190)
    assert first is not None
    assert first.retry_after == 5.0  # nobody knows yet how fast it shrinks
    second = await one.look(180)
    assert second is not None
    assert second.retry_after == 9.0  # 90 too many, ten a second fewer


async def test_a_service_with_a_bound_of_its_own_is_refused_alone(tmp_path: Path) -> None:
    short = await Measured(tmp_path, {"lis": 10}, max_backlog=100).look(50, lis=10)
    assert short is not None
    assert short.causes == ()
    with pytest.raises(BacklogFull, match="backlog of lis: 10 accepted messages are not finished; the most is 10"):
        short.refuse(ASYNC, durably=True)
    short.refuse(WRITE, durably=False)
    short.refuse(operation(service="emr", mode="async"), durably=True)


async def test_a_disk_that_runs_full_refuses_before_it_is_full(tmp_path: Path) -> None:
    free = free_disk(tmp_path)
    assert free > 0
    short = await Measured(tmp_path, min_free_disk=free * 2).look()
    assert short is not None
    assert short.causes[0].startswith("disk: ")
    assert f"free in {tmp_path}; the least is {free * 2 / 1024 / 1024:.0f} MiB (min_free_disk)" in short.causes[0]
    assert await Measured(tmp_path, min_free_disk=1).look() is None


async def test_a_process_that_holds_too_much_memory_takes_nothing_more(tmp_path: Path) -> None:
    one = Measured(tmp_path, max_memory=100 * 1024 * 1024)
    one.held = 150 * 1024 * 1024
    short = await one.look()
    assert short is not None
    assert short.causes == ("memory: the process holds 150 MiB; the most is 100 MiB (max_memory)",)
    one.held = 80 * 1024 * 1024
    assert await one.look() is None
    assert resident_memory() > 10 * 1024 * 1024
    assert container_memory() >= 0


def test_reads_go_on_while_writes_and_what_is_for_later_are_refused() -> None:
    FULL.refuse(READ, durably=False)
    for one, durably in ((READ, True), (WRITE, False), (ASYNC, True)):
        with pytest.raises(BacklogFull):
            FULL.refuse(one, durably=durably)


def test_the_bound_of_a_service_is_the_least_that_its_operations_say() -> None:
    two = snapshot(operation("A", policy=Policy(backlog=30)), operation("B", policy=Policy(backlog=20)), operation("C"))
    assert bounds_of(two) == {"lis": 20}
    assert bounds_of(snapshot(operation())) == {}


async def test_a_rest_caller_gets_503_with_the_time_to_come_back_and_nothing_is_accepted() -> None:
    one = rest_world(mode="async")
    one.pressure.shortage = FULL
    response = await rest(one)
    problem = orjson.loads(response.body)
    assert (response.status, problem["code"], problem["retry_after"]) == (503, "backlog-full", 7)
    assert "500 accepted messages are not finished" in problem["detail"]
    assert response.headers["retry-after"] == "7"
    assert one.outbox.letters == []
    assert one.journal.outcomes[0].error == "backlog-full"


async def test_a_soap_caller_gets_a_server_fault_with_the_time_to_come_back() -> None:
    one = soap_world(mode="async")
    one.pressure.shortage = FULL
    response = await soap(one)
    assert response.status == 500
    assert response.xml.findtext(".//faultcode") == "soap:Server"
    assert response.xml.findtext(".//{urn:meridian:2026}code") == "backlog-full"
    assert response.xml.findtext(".//{urn:meridian:2026}retryAfter") == "7"
    assert response.headers["retry-after"] == "7"


async def test_a_hip_caller_is_told_in_its_own_acknowledgement() -> None:
    one = hip_world()
    one.pressure.shortage = FULL
    response = await ask(one, current(), "S0001", "B")
    made = acknowledgement(response, "B")
    assert made is not None
    assert b"AE" in response.body
    assert "500 accepted messages" in response.body.decode()
    assert one.connector.sent == []


async def test_the_calls_of_running_workflows_go_on_or_nothing_would_ever_get_less() -> None:
    one = rest_world(effect="write")
    one.pressure.shortage = FULL
    assert await Pipeline(one.ports).call_operation("lis.PlaceOrder", {"visit_no": "V1"}) == {"order_no": "A1"}


async def test_a_letter_of_a_bounded_service_names_it_so_that_it_is_counted() -> None:
    one = rest_world(mode="async", policy=Policy(backlog=5))
    await rest(one)
    assert one.outbox.letters[0].headers["x-meridian-counted"] == "lis"
    assert one.outbox.letters[0].headers["operation"] == "lis.PlaceOrder"
