"""Group commit, with stores that are slow, full, dead or mad."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest
from journal_conformance import DAY, a_record
from msgspec.structs import replace

from bus.errors import JournalUnavailable
from bus.journal.rows import Entry
from bus.journal.store import Unstorable
from bus.journal.writer import GroupWriter

TIMEOUT = 5.0


class FakeStore:
    """Notes every write; ``on_write`` may sleep or raise."""

    def __init__(self, on_write: Callable[[Sequence[Entry]], None] = lambda _: None) -> None:
        self.on_write = on_write
        self.writes: list[tuple[date, list[str]]] = []
        self.closed = False

    def open(self) -> None: ...

    def write(self, day: date, entries: Sequence[Entry]) -> None:
        self.on_write(entries)
        self.writes.append((day, [record.id for _, record in entries]))

    def tick(self) -> None: ...

    def close(self) -> None:
        self.closed = True


async def started(store: FakeStore, window: float = 0.002) -> GroupWriter:
    writer = GroupWriter(store, window=window)
    await writer.start()
    return writer


async def test_records_that_arrive_together_share_one_commit_and_one_wake_up(monkeypatch: pytest.MonkeyPatch) -> None:
    store = FakeStore()
    writer = await started(store, window=0.05)
    loop, wakes = asyncio.get_running_loop(), 0
    original = loop.call_soon_threadsafe

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal wakes
        wakes += 1
        return original(*args, **kwargs)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    await asyncio.gather(*(writer.outcome(a_record()) for _ in range(200)))
    assert [len(names) for _, names in store.writes] == [200]
    assert wakes == 1
    monkeypatch.undo()
    await writer.aclose()


async def test_what_queued_up_during_a_commit_goes_into_the_next_one_together() -> None:
    in_commit = threading.Event()

    def slow(_: Sequence[Entry]) -> None:
        in_commit.set()
        time.sleep(0.05)

    store = FakeStore(slow)
    writer = await started(store)
    first = asyncio.create_task(writer.outcome(a_record()))
    await asyncio.to_thread(in_commit.wait, TIMEOUT)
    await asyncio.gather(*(writer.outcome(a_record()) for _ in range(3)))
    await first
    assert [len(names) for _, names in store.writes] == [1, 3]
    await writer.aclose()


async def test_a_lone_record_waits_a_sixteenth_of_the_window_and_one_in_a_crowd_all_of_it() -> None:
    writer = await started(FakeStore(), window=0.32)
    waits = []
    for count in (1, 16, 1, 1):
        began = time.monotonic()
        await asyncio.gather(*(writer.outcome(a_record()) for _ in range(count)))
        waits.append(time.monotonic() - began)
    alone, crowd, after, again = waits
    assert 0.02 <= alone < 0.3
    assert 0.02 <= crowd < 0.3
    assert after >= 0.32
    assert 0.02 <= again < 0.3
    await writer.aclose()


async def test_a_full_disk_refuses_the_batch_and_the_next_one_is_tried_again() -> None:
    space = False

    def full(_: Sequence[Entry]) -> None:
        if not space:
            raise JournalUnavailable("disk full")

    store = FakeStore(full)
    writer = await started(store)
    results = await asyncio.gather(*(writer.outcome(a_record()) for _ in range(5)), return_exceptions=True)
    assert [str(result) for result in results] == ["disk full"] * 5
    space = True
    await writer.outcome(a_record())
    await writer.aclose()


async def test_a_failing_partition_does_not_fail_the_records_of_another() -> None:
    now = time.time()

    def yesterday_fails(entries: Sequence[Entry]) -> None:
        if entries[0][1].received_at < now - DAY / 2:
            raise JournalUnavailable("yesterday's file is gone")

    writer = await started(FakeStore(yesterday_fails), window=0.02)
    old, new = await asyncio.gather(
        writer.outcome(a_record(now - DAY)), writer.outcome(a_record(now)), return_exceptions=True
    )
    assert isinstance(old, JournalUnavailable)
    assert new is None
    await writer.aclose()


async def test_one_record_that_cannot_be_stored_fails_alone() -> None:
    bad = a_record()

    def picky(entries: Sequence[Entry]) -> None:
        if bad.id in [record.id for _, record in entries]:
            raise Unstorable("a value the store refuses")

    writer = await started(FakeStore(picky), window=0.02)
    results = await asyncio.gather(
        *(writer.outcome(record) for record in (a_record(), bad, a_record())), return_exceptions=True
    )
    assert [type(result) for result in results] == [type(None), JournalUnavailable, type(None)]
    await writer.aclose()


async def test_a_writer_that_dies_wakes_everyone_and_refuses_the_rest() -> None:
    def bug(_: Sequence[Entry]) -> None:
        time.sleep(0.02)
        raise RuntimeError("a bug nobody foresaw")

    store = FakeStore(bug)
    writer = await started(store, window=0.0)
    async with asyncio.timeout(TIMEOUT):
        waiters = [asyncio.create_task(writer.outcome(a_record())) for _ in range(10)]
        await asyncio.sleep(0.01)
        waiters += [asyncio.create_task(writer.outcome(a_record())) for _ in range(10)]
        results = await asyncio.gather(*waiters, return_exceptions=True)
        assert {type(result) for result in results} == {JournalUnavailable}
        with pytest.raises(JournalUnavailable, match="restart"):
            await writer.intent(a_record())
        await writer.aclose()
    assert store.closed


async def test_a_time_that_is_no_time_does_not_stop_the_writer() -> None:
    store = FakeStore()
    writer = await started(store)
    for odd in (float("nan"), float("inf"), 1e300, -1e300):
        await writer.outcome(replace(a_record(), received_at=odd))
    await writer.outcome(a_record())
    assert len(store.writes) == 5
    await writer.aclose()


async def test_closing_writes_what_is_queued_and_refuses_what_comes_after() -> None:
    store = FakeStore()
    writer = await started(store, window=0.2)
    waiters = [asyncio.create_task(writer.outcome(a_record())) for _ in range(10)]
    await asyncio.sleep(0)
    await writer.aclose()
    await asyncio.gather(*waiters)
    assert sum(len(names) for _, names in store.writes) == 10
    assert store.closed
    with pytest.raises(JournalUnavailable, match="closed"):
        await writer.outcome(a_record())


async def test_a_caller_that_gives_up_leaves_its_record_and_its_neighbours_alone() -> None:
    store = FakeStore()
    writer = await started(store, window=0.05)
    impatient, patient = (asyncio.create_task(writer.outcome(a_record())) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    await patient
    assert [len(names) for _, names in store.writes] == [2]
    await writer.aclose()


async def test_a_journal_that_was_never_started_refuses_instead_of_waiting() -> None:
    writer = GroupWriter(FakeStore(), window=0.002)
    with pytest.raises(JournalUnavailable, match="not started"):
        await writer.outcome(a_record())
    await writer.aclose()


async def test_a_store_that_does_not_open_is_reported_by_start() -> None:
    store = FakeStore()
    store.open = lambda: (_ for _ in ()).throw(JournalUnavailable("no such folder"))  # type: ignore[method-assign]
    writer = GroupWriter(store, window=0.002)
    with pytest.raises(JournalUnavailable, match="no such folder"):
        await writer.start()
    await writer.aclose()
