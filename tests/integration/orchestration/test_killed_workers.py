"""Workers that are killed at any moment, and several at once: every visit ends, and the ledgers agree with it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import pytest
from ledger_hospital import Ledger
from sqlalchemy import URL, Connection, Engine, create_engine, select
from sqlalchemy.engine import make_url

from bus.backbone.dead_letters import dead_letters
from bus.backbone.outbox import post
from bus.orchestration.instance import FINISHED, Instance
from bus.orchestration.letters import event_letter, start_letter
from bus.orchestration.tables import workflow_instance
from bus.ports import Letter
from bus.settings import Settings
from bus.state.store import State

pytestmark = pytest.mark.integration

HERE = Path(__file__).parent
UNDONE_BY = {
    "his.Register": "his.CancelRegistration",
    "lis.PlaceOrder": "lis.CancelOrder",
    "pacs.Schedule": "pacs.Unschedule",
    "pharmacy.Dispense": "pharmacy.Return",
}


class Workers:
    """Worker processes of this test, and nobody else's."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._lives = 0
        self.running: list[subprocess.Popen[str]] = []

    def begin(self) -> subprocess.Popen[str]:
        """Start one, and wait until it works."""
        self._lives += 1
        data, ledger, *database = self._arguments
        command = [sys.executable, str(HERE / "chaos_worker.py"), data, ledger, str(self._lives), *database]
        worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.running.append(worker)
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n", f"a worker did not start; exit status {worker.poll()}"
        return worker

    def kill(self, worker: subprocess.Popen[str]) -> None:
        """End one as a power cut would."""
        worker.kill()
        self._gone(worker)

    def stop(self) -> None:
        """End all of them in an orderly way."""
        for worker in list(self.running):
            worker.terminate()
        for worker in list(self.running):
            self._gone(worker)

    def _gone(self, worker: subprocess.Popen[str]) -> None:
        try:
            worker.wait(20)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait(20)
        if worker.stdout is not None:
            worker.stdout.close()
        self.running.remove(worker)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.db")


@pytest.fixture
def workers(tmp_path: Path, ledger: Ledger) -> Iterator[Workers]:
    found = Workers(str(tmp_path), str(tmp_path / "ledger.db"))
    yield found
    found.stop()


def visits(count: int) -> list[Letter]:
    """Start letters and results of so many visits, the results first."""
    letters: list[Letter] = []
    for number in range(count):
        name = f"v{number}"
        letters.append(event_letter("lab.resulted", {"visit_no": f"V{name}"}, message_id=f"result-{name}"))
        patient = {"patient_id": f"P-{name}", "amount": 10, "drugs": number % 2, "imaging": number % 3 == 0}
        letters.append(start_letter("visit", patient, message_id=name, flow=f"{number:032x}"))
    return letters


def reading(settings: Settings) -> Engine:
    """A connection that only reads, beside the workers."""
    if settings.database:
        return create_engine(make_url(settings.database).set(drivername="postgresql+psycopg"))
    path = (settings.data / "state.db").absolute().as_uri()
    return create_engine(URL.create("sqlite", database=path, query={"mode": "ro", "uri": "true"}))


def await_the_end(settings: Settings, count: int, *, within: float = 60.0) -> list[Instance]:
    """Wait until so many instances are over; answer them. Fails when there are dead letters or time is up."""
    engine, deadline = reading(settings), time.monotonic() + within
    try:
        while True:
            with engine.connect() as connection:
                found = instances(connection)
                dead = [(letter.code, letter.reason) for letter in dead_letters(connection)]
            assert not dead
            if len(found) == count and all(each.status in FINISHED for each in found):
                return found
            counts = Counter(each.status for each in found)
            assert time.monotonic() < deadline, f"after {within} s: {dict(counts)} of {count}"
            time.sleep(0.1)
    finally:
        engine.dispose()


def instances(connection: Connection) -> list[Instance]:
    """Every instance."""
    return [Instance.load(row.state) for row in connection.execute(select(workflow_instance.c.state))]


def agree(found: Sequence[Instance], ledger: Ledger) -> None:
    """Nothing done twice; all of a completed visit stands, nothing of a compensated one does."""
    repeated = ledger.repeated()
    assert repeated == []
    for operation, undo in UNDONE_BY.items():
        standing = [key.split(":")[0] for key in ledger.standing(operation, undo)]
        assert len(set(standing)) == len(standing), f"{operation} stands twice for one visit"
        compensated = {each.id for each in found if each.status == "compensated"}
        assert compensated.isdisjoint(standing), f"{operation} was not taken back"
    settled = sorted(
        key.split(":")[0] for key in ledger.standing("insurance.Settle", "insurance.Reverse", "insurance.Refund")
    )
    assert settled == sorted(each.id for each in found if each.status == "completed")


async def prepare(settings: Settings, count: int) -> None:
    """Put the letters of so many visits into the outbox."""
    state = State(settings)
    await state.start()
    await state.write(lambda connection: post(connection, visits(count)))
    await state.aclose()


async def test_workers_killed_at_any_moment_lose_and_repeat_nothing(
    tmp_path: Path, workers: Workers, ledger: Ledger
) -> None:
    settings, random, count = Settings(data=tmp_path), Random(20261123), 12
    await prepare(settings, count)

    for _ in range(6):
        worker = await asyncio.to_thread(workers.begin)
        await asyncio.sleep(random.uniform(0.02, 0.4))
        await asyncio.to_thread(workers.kill, worker)
    await asyncio.to_thread(workers.begin)

    agree(await asyncio.to_thread(await_the_end, settings, count), ledger)


async def test_two_workers_on_postgresql_share_the_work_and_survive_each_other(
    tmp_path: Path, postgres_database: str, ledger: Ledger
) -> None:
    settings, count = Settings(data=tmp_path, database=postgres_database), 20
    await prepare(settings, count)
    workers = Workers(str(tmp_path), str(tmp_path / "ledger.db"), postgres_database)
    try:
        first = await asyncio.to_thread(workers.begin)
        await asyncio.to_thread(workers.begin)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(workers.kill, first)
        await asyncio.to_thread(workers.begin)
        found = await asyncio.to_thread(await_the_end, settings, count)
    finally:
        await asyncio.to_thread(workers.stop)

    agree(found, ledger)
