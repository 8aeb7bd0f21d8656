"""The state store in PostgreSQL, where several processes work on the same rows."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from backbone_bus import eventually, letter, running, transactional
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from bus.backbone.topology import ENGINE
from bus.errors import StateUnavailable
from bus.settings import Settings
from bus.state.store import State
from bus.state.topics import announce

pytestmark = pytest.mark.integration


@pytest.fixture
async def state(postgres_database: str, tmp_path: Path) -> AsyncIterator[State]:
    store = State(Settings(data=tmp_path, database=postgres_database))
    await store.start()
    await store.write(lambda c: c.exec_driver_sql("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)"))
    yield store
    await store.aclose()


async def test_processes_that_start_at_once_create_the_tables_without_a_clash(
    postgres_database: str, tmp_path: Path
) -> None:
    stores = [State(Settings(data=tmp_path, database=postgres_database)) for _ in range(4)]
    await asyncio.gather(*(store.start() for store in stores))
    assert await stores[3].read(lambda c: c.exec_driver_sql("SELECT count(*) FROM outbox").scalar()) == 0
    await asyncio.gather(*(store.aclose() for store in stores))


async def test_works_that_lock_each_other_out_are_both_done(state: State) -> None:
    await state.write(lambda c: c.exec_driver_sql("INSERT INTO note VALUES (1, ''), (2, '')"))
    met = threading.Barrier(2)
    tries: Counter[str] = Counter()

    def crosswise(name: str, first: int, second: int) -> None:
        def work(connection: Connection) -> None:
            tries[name] += 1
            for row in (first, second):
                connection.exec_driver_sql("UPDATE note SET text = text || %s WHERE id = %s", (name, row))
                if row == first and tries[name] == 1:
                    met.wait(5)

        state.write_blocking(work)

    await asyncio.gather(
        asyncio.to_thread(crosswise, "a", 1, 2),
        asyncio.to_thread(crosswise, "b", 2, 1),
    )
    texts = await state.read(lambda c: c.exec_driver_sql("SELECT text FROM note").scalars().all())
    assert [sorted(text) for text in texts] == [["a", "b"], ["a", "b"]]
    assert sum(tries.values()) == 3


async def test_a_failed_work_leaves_nothing_and_tells_nobody(state: State) -> None:
    told: list[None] = []
    state.listen("noted", lambda: told.append(None))

    def failing(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO note VALUES (1, 'x')")
        announce(connection, "noted")
        connection.exec_driver_sql("INSERT INTO note VALUES (1, 'y')")

    with pytest.raises(IntegrityError):
        await state.write(failing)
    assert await state.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM note").scalar()) == 0
    assert told == []


async def test_a_read_cannot_change_anything(state: State) -> None:
    with pytest.raises((StateUnavailable, DBAPIError)):
        await state.read(lambda c: c.exec_driver_sql("INSERT INTO note VALUES (1, 'sneaked in')"))
    assert await state.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM note").scalar()) == 0


async def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    store = State(Settings(data=tmp_path, database="postgresql://bus:secret@127.0.0.1:1/bus"))
    with pytest.raises(StateUnavailable, match=r"127\.0\.0\.1:1") as caught:
        await store.start()
    assert "secret" not in str(caught.value)
    await store.aclose()


async def test_two_processes_on_one_store_share_the_letters_and_double_none(
    postgres_database: str, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path, database=postgres_database)
    seen: Counter[tuple[str, str]] = Counter()
    lanes: dict[str, list[int]] = {"a": [], "b": []}

    def note(name: str, got_id: str, lane: str) -> None:
        seen.update([(name, got_id)])
        if lane:
            lanes[lane].append(int(got_id))

    one = transactional(ENGINE, lambda _, got: note("one", got.id, got.lane))
    two = transactional(ENGINE, lambda _, got: note("two", got.id, got.lane))
    async with running(settings, one) as first, running(settings, two) as second:
        for number in range(0, 120, 2):
            lane = "ab"[number % 4 // 2] if number < 40 else ""
            await first.outbox.post([letter(number, ENGINE, lane=lane)])
            await second.outbox.post([letter(number + 1, ENGINE)])
        await eventually(lambda: len(seen) >= 120)
        await asyncio.sleep(0.3)
    assert Counter(got_id for _, got_id in seen.elements()) == {str(number): 1 for number in range(120)}
    assert {name for name, _ in seen} == {"one", "two"}
    assert lanes == {"a": sorted(lanes["a"]), "b": sorted(lanes["b"])}
