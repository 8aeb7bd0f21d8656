"""The state store in SQLite: works commit together, fail alone, and are on disk when they are answered."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from bus.errors import StateUnavailable
from bus.settings import Settings
from bus.state.store import State
from bus.state.topics import announce


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[State]:
    store = State(Settings(data=tmp_path))
    await store.start()
    await store.write(lambda c: c.exec_driver_sql("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)"))
    yield store
    await store.aclose()


def note(text: str, number: int | None = None) -> object:
    return lambda c: c.exec_driver_sql("INSERT INTO note VALUES (?, ?)", (number, text)).rowcount


async def texts(state: State) -> list[str]:
    return list(await state.read(lambda c: c.exec_driver_sql("SELECT text FROM note ORDER BY id").scalars().all()))


async def test_a_work_answers_its_value_only_when_it_is_on_disk(state: State, tmp_path: Path) -> None:
    def work(connection: Connection) -> str:
        connection.exec_driver_sql("INSERT INTO note VALUES (7, 'kept')")
        return "done"

    assert await state.write(work) == "done"
    with sqlite3.connect(tmp_path / "state.db") as other:
        assert other.execute("SELECT text FROM note WHERE id = 7").fetchall() == [("kept",)]
    other.close()


async def test_a_failing_work_takes_nobody_with_it_in_the_same_commit(state: State) -> None:
    blocked = threading.Event()
    first = asyncio.ensure_future(state.write(lambda _: blocked.wait(5)))
    await asyncio.sleep(0.05)  # everything below queues up behind the first work and shares one commit

    def half(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO note VALUES (NULL, 'half')")
        raise ValueError("changed my mind")

    works = [state.write(note("a", 1)), state.write(half), state.write(note("b", 1)), state.write(note("c", 3))]
    together = asyncio.gather(*works, return_exceptions=True)
    await asyncio.sleep(0.05)
    blocked.set()
    good, mind, duplicate, last = await together
    await first
    assert (good, last) == (1, 1)
    assert isinstance(mind, ValueError)
    assert isinstance(duplicate, IntegrityError)
    assert await texts(state) == ["a", "c"]


async def test_many_works_share_few_commits(state: State) -> None:
    commits: list[None] = []
    state.listen("noted", lambda: commits.append(None))

    def work(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO note VALUES (NULL, 'x')")
        announce(connection, "noted")

    await asyncio.gather(*(state.write(work) for _ in range(500)))
    assert len(await texts(state)) == 500
    assert len(commits) < 100


async def test_what_a_failed_work_announced_is_not_told(state: State) -> None:
    told: list[str] = []
    state.listen("letters", lambda: told.append("letters"))

    def failing(connection: Connection) -> None:
        announce(connection, "letters")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await state.write(failing)
    assert told == []
    await state.write(lambda connection: announce(connection, "letters"))
    assert told == ["letters"]


async def test_a_reader_cannot_write(state: State) -> None:
    with pytest.raises(StateUnavailable, match="SQLITE_READONLY"):
        await state.read(note("sneaked in"))
    assert await texts(state) == []


async def test_readers_see_the_last_commit_while_the_writer_is_busy(state: State) -> None:
    await state.write(note("before"))
    going = threading.Event()

    def slow(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO note VALUES (NULL, 'after')")
        going.wait(5)

    writing = asyncio.ensure_future(state.write(slow))
    await asyncio.sleep(0.05)
    assert await texts(state) == ["before"]
    going.set()
    await writing
    assert await texts(state) == ["before", "after"]


async def test_threads_without_an_event_loop_can_write_and_read(state: State) -> None:
    assert await asyncio.to_thread(state.write_blocking, note("from a thread")) == 1
    count = await asyncio.to_thread(
        state.read_blocking, lambda c: c.exec_driver_sql("SELECT count(*) FROM note").scalar()
    )
    assert count == 1


async def test_a_second_process_is_kept_out_of_the_file(state: State, tmp_path: Path) -> None:
    with pytest.raises(StateUnavailable, match="another process works on this file"):
        await State(Settings(data=tmp_path)).start()


async def test_closing_finishes_what_was_queued_and_refuses_what_comes_later(tmp_path: Path) -> None:
    state = State(Settings(data=tmp_path))
    await state.start()
    await state.write(lambda c: c.exec_driver_sql("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)"))
    queued = [asyncio.ensure_future(state.write(note("x"))) for _ in range(20)]
    await asyncio.sleep(0)
    await state.aclose()
    assert await asyncio.gather(*queued) == [1] * 20
    with pytest.raises(StateUnavailable, match="closed"):
        await state.write(note("late"))
    with pytest.raises(StateUnavailable, match="closed"):
        await state.read(note("late"))


async def test_a_file_that_is_no_database_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"this is not a database, but it is long enough to be read as one" * 20)
    with pytest.raises(StateUnavailable, match=r"state\.db: SQLITE_NOTADB"):
        await State(Settings(data=tmp_path)).start()


async def test_errors_never_quote_the_values_of_a_statement(state: State) -> None:
    await state.write(note("张三", 1))
    with pytest.raises(IntegrityError) as caught:
        await state.write(note("张三", 1))
    assert "张三" not in str(caught.value)


async def test_a_cancelled_caller_does_not_disturb_the_writer(state: State) -> None:
    waiting = asyncio.ensure_future(state.write(note("abandoned")))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await state.write(note("next")) == 1
    assert (await texts(state))[-1] == "next"
