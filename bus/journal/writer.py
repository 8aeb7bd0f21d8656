"""Group commit: what arrives within a moment goes to disk in one transaction, and everyone wakes at once."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Awaitable, Iterable, Sequence
from concurrent.futures import Future
from datetime import date

import structlog
from msgspec import Struct

from bus.errors import JournalUnavailable
from bus.journal.partitions import day_of
from bus.journal.payloads import Kind
from bus.journal.rows import scrubbed
from bus.journal.store import Store, Unstorable
from bus.ports import Record

_log = structlog.get_logger(__name__)

#: At most this many records, or about this many bytes, in one transaction: a burst may not hold its first back.
_LARGEST = 1024
_HEAVIEST = 32 * 1024 * 1024

#: After a batch of this many records or more, the next one has the whole window to gather.
_CROWD = 16

#: Seconds between two looks at the clock while nothing arrives.
_PULSE = 1.0

_STOPPED = "the journal's writer stopped: nothing can be recorded, restart this process"
_CLOSED = "the journal is closed: nothing can be recorded"


class _Waiter(Struct, eq=False):
    kind: Kind
    record: Record
    future: asyncio.Future[None]
    failure: str = _STOPPED  # until the commit says otherwise


class GroupWriter:
    """Implements ``ports.Journal`` over any store.

    ``window`` is how long, in seconds, the first record of a batch may wait for company. It waits in proportion
    to the company there was last time: a lone caller hardly at all, and the busier the bus, the fewer commits.
    """

    def __init__(self, store: Store, *, window: float) -> None:
        self._store = store
        self._window = window
        self._queue: deque[_Waiter] = deque()
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._idle = False
        self._closing = False
        self._refusal = "the journal is not started: nothing can be recorded"
        self._thread: threading.Thread | None = None
        self._next_tick = 0.0
        self._failing = False

    async def start(self) -> None:
        """Open the store and start the writer thread. Raises JournalUnavailable."""
        opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(opened,), name="journal-writer", daemon=True)
        self._thread.start()
        await asyncio.wrap_future(opened)

    async def aclose(self) -> None:
        """Write what is queued, then stop. Later records are refused."""
        with self._arrived:
            self._closing = True
            self._refusal = self._refusal or _CLOSED
            self._arrived.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def intent(self, record: Record) -> Awaitable[None]:
        """Return when the intent is on disk. Raises JournalUnavailable."""
        return self._enqueue("intent", record)

    def outcome(self, record: Record) -> Awaitable[None]:
        """Return when the outcome is on disk. Raises JournalUnavailable."""
        return self._enqueue("outcome", record)

    async def _enqueue(self, kind: Kind, record: Record) -> None:
        waiter = _Waiter(kind, record, asyncio.get_running_loop().create_future())
        with self._lock:  # not by way of its condition, which is made in Python
            if self._refusal:
                raise JournalUnavailable(self._refusal)
            self._queue.append(waiter)
            if self._idle:
                self._idle = False
                self._arrived.notify()
        await waiter.future

    # ── from here on: the writer thread ──────────────────────────────────────────────────────────────

    def _run(self, opened: Future[None]) -> None:
        refusal = _STOPPED
        try:
            self._store.open()
            with self._arrived:
                self._refusal = _CLOSED if self._closing else ""
            opened.set_result(None)
            self._serve()
            refusal = _CLOSED
        except Exception as error:
            if opened.done():
                _log.critical("journal_writer_died", error=type(error).__name__)
            else:
                opened.set_exception(error)
        finally:
            with self._arrived:
                self._refusal = refusal
                left = list(self._queue)
                self._queue.clear()
            _wake(left)
            self._store.close()

    def _serve(self) -> None:
        company = 1
        while self._wait():
            if not self._closing:
                time.sleep(self._window * min(company, _CROWD) / _CROWD)
            batch = self._take()
            company = len(batch)
            try:
                self._commit(batch)
            finally:
                _wake(batch)

    def _take(self) -> list[_Waiter]:
        batch: list[_Waiter] = []
        size = 0
        while self._queue and len(batch) < _LARGEST and size < _HEAVIEST:
            waiter = self._queue.popleft()
            size += sum(len(body.data) for body in waiter.record.bodies)
            batch.append(waiter)
        return batch

    def _wait(self) -> bool:
        """Sleep until there is a record (True), or the journal is closed and nothing is left (False)."""
        while True:
            self._tick()
            with self._arrived:
                if self._queue or self._closing:
                    return bool(self._queue)
                self._idle = True
                self._arrived.wait(_PULSE)
                self._idle = False

    def _tick(self) -> None:
        now = time.monotonic()
        if now < self._next_tick:
            return
        self._next_tick = now + _PULSE
        try:
            self._store.tick()
        except JournalUnavailable as error:
            self._report(str(error))

    def _commit(self, batch: Sequence[_Waiter]) -> None:
        days: dict[date, list[_Waiter]] = {}
        for waiter in batch:
            days.setdefault(day_of(waiter.record.received_at), []).append(waiter)
        for day, waiters in days.items():
            try:
                self._write(day, waiters)
            except Unstorable:
                # One record may not take its neighbours down: each gets a transaction of its own.
                for waiter in waiters:
                    self._write_alone(day, waiter)

    def _write_alone(self, day: date, waiter: _Waiter) -> None:
        waiter.record = scrubbed(waiter.record)
        try:
            self._write(day, [waiter])
        except Unstorable as error:
            waiter.failure = str(error)

    def _write(self, day: date, waiters: Sequence[_Waiter]) -> None:
        failure = ""
        try:
            self._store.write(day, [(waiter.kind, waiter.record) for waiter in waiters])
        except Unstorable:
            raise
        except JournalUnavailable as error:
            failure = str(error)
        for waiter in waiters:
            waiter.failure = failure
        self._report(failure)

    def _report(self, failure: str) -> None:
        """Log the change between good and bad, not every record."""
        if bool(failure) != self._failing:
            self._failing = bool(failure)
            if failure:
                _log.error("journal_unavailable", reason=failure)
            else:
                _log.warning("journal_recovered")


def _wake(waiters: Iterable[_Waiter]) -> None:
    loops: dict[asyncio.AbstractEventLoop, list[_Waiter]] = {}
    for waiter in waiters:
        loops.setdefault(waiter.future.get_loop(), []).append(waiter)
    for loop, own in loops.items():
        # A loop that closed meanwhile has nobody left to wake.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, own)


def _settle(waiters: Sequence[_Waiter]) -> None:
    for waiter in waiters:
        if waiter.future.done():
            continue
        if waiter.failure:
            waiter.future.set_exception(JournalUnavailable(waiter.failure))
        else:
            waiter.future.set_result(None)
