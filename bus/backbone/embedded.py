"""The embedded broker: kombu's in-process transport, or any other kombu transport by its address."""

from __future__ import annotations

import asyncio
import os
import queue as queues
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import structlog

from bus.backbone.embedded_session import Arrived, Session
from bus.errors import BackboneUnavailable, ShuttingDown
from bus.futures import answer
from bus.ports import Handler, Letter, Lost

_log = structlog.get_logger(__name__)

_Command = Callable[[Session], None]

_MEMORY = "memory://"
_ROOM = 2000
_REDELIVER = 1.0


class EmbeddedTransport:
    """A kombu connection on a daemon thread of its own, which alone touches it.

    ``keeps`` is False for every address, because kombu's virtual transports can lose what is unacknowledged:
    a row leaves the outbox only when its handler has committed. In memory, the thread sleeps until there is
    something to do; elsewhere it looks for letters every ``poll`` seconds.
    """

    keeps = False

    def __init__(self, url: str = _MEMORY, *, poll: float = 0.02) -> None:
        self._url = url
        self._local = url.startswith(_MEMORY)
        self._poll = None if self._local else poll
        # kombu's in-process queues are global; two transports in one process must not share them.
        self._prefix = f"{os.urandom(6).hex()}." if self._local else ""
        self._commands: queues.SimpleQueue[_Command | None] = queues.SimpleQueue()
        self._handlers: dict[str, Handler] = {}
        self._outstanding: Counter[str] = Counter()
        self._room = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self, lost: Lost) -> None:
        """Start the thread; what this broker loses, the outbox still has in hand.

        Raises BackboneUnavailable when the address cannot be reached.
        """
        self._loop = asyncio.get_running_loop()
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="backbone", daemon=True)
        self._thread.start()
        await asyncio.wrap_future(ready)

    async def publish(self, letters: Sequence[Letter]) -> Sequence[str]:
        """Hand letters to kombu; in memory, only those that this process consumes are taken, and only so many."""
        if self._local:
            letters = [letter for letter in letters if letter.queue in self._handlers]
            for queue in {letter.queue for letter in letters}:
                await self._until_room(queue)
            self._outstanding.update(letter.queue for letter in letters)
        await self._order(lambda session: session.publish(letters))
        return [letter.id for letter in letters]

    async def consume(self, queue: str, handler: Handler, *, prefetch: int) -> None:
        """Hand the letters of ``queue`` to ``handler``, up to ``prefetch`` at a time."""
        self._handlers[queue] = handler
        await self._order(lambda session: session.consume(queue, prefetch))

    def troubles(self) -> Sequence[str]:
        """This broker is part of the process."""
        return ()

    def unusable(self) -> str:
        """An address of no use stops the start instead."""
        return ""

    async def stop(self) -> None:
        """Stop the thread and whatever handlers still run; unfinished letters stay in the outbox."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._commands.put(None)
        await asyncio.to_thread(thread.join)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ── on the event loop ────────────────────────────────────────────────────────────────────────────

    async def _order(self, command: _Command) -> None:
        """Have the thread do something, and wait for it."""
        if self._thread is None:
            raise BackboneUnavailable("the embedded broker is stopped")
        done: Future[None] = Future()

        def run(session: Session) -> None:
            failure: Exception | None = None
            try:
                command(session)
            except Exception as error:
                failure = error
            answer(done, None, failure)

        self._commands.put(run)
        await asyncio.wrap_future(done)

    async def _until_room(self, queue: str) -> None:
        while self._outstanding[queue] >= _ROOM:
            self._room.clear()
            await self._room.wait()

    def _arrive(self, arrived: Sequence[Arrived]) -> None:
        for letter, message in arrived:
            task = asyncio.ensure_future(self._handle(letter, message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _handle(self, letter: Letter, message: Any) -> None:
        try:
            await self._handlers[letter.queue](letter)
        except ShuttingDown:
            return  # its row stays leased, and the next life of this process takes it over
        except Exception as error:
            _log.warning("letter not settled", queue=letter.queue, id=letter.id, error=type(error).__name__)
            await asyncio.sleep(_REDELIVER)
            self._commands.put(lambda session: session.requeue(message))
            return
        self._outstanding[letter.queue] -= 1
        self._room.set()
        self._commands.put(lambda session: session.acknowledge(message))

    # ── on the thread ────────────────────────────────────────────────────────────────────────────────

    def _run(self, ready: Future[None]) -> None:
        session = Session(self._url, prefix=self._prefix, wait=0 if self._local else 0.001)
        try:
            session.open()
        except BackboneUnavailable as error:
            answer(ready, None, error)
            return
        answer(ready, None)
        while self._obey(session):
            arrived = session.drain()
            if arrived and self._loop is not None:
                with suppress(RuntimeError):  # the loop is closed: the letters stay in the outbox
                    self._loop.call_soon_threadsafe(self._arrive, arrived)
        with suppress(BackboneUnavailable):
            session.close()

    def _obey(self, session: Session) -> bool:
        """Wait for a command or the next look, run all commands; False when it is time to stop."""
        with suppress(queues.Empty):
            command = self._commands.get(timeout=self._poll)
            while True:
                if command is None:
                    return False
                with suppress(BackboneUnavailable):  # whoever waits for the command has been told
                    command(session)
                command = self._commands.get_nowait()
        return True
