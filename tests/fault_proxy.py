"""A TCP proxy that misbehaves on demand: it stands between a program and its server and plays the bad network.

    with FaultProxy(server_port) as proxy:
        client = connect(proxy.port)
        proxy.set(Fault(delay=0.2))    # or rate=, cut_after=, silent=, refuses=
        proxy.reset()                  # breaks every connection that is open now
        proxy.set(NORMAL)

It runs on a thread of its own and may be told from any thread, also while connections are open.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

_PIECE = 16 * 1024
_LISTENERS = 256
#: SO_LINGER switched on with no time to linger: closing then sends RST instead of FIN.
_NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to every connection, those that are open included.

    delay: seconds that each piece read (up to 16 KiB) is held. rate: bytes per second of either direction; 0 for
    no limit. cut_after: how many bytes a connection carries, both directions together, before it is cut.
    silent: take connections and bytes and pass nothing on, the end of a connection neither, until the fault is gone
    (a black hole). refuses: the port is closed to new connections; those that are open go on.
    """

    delay: float = 0.0
    rate: float = 0.0
    cut_after: int | None = None
    silent: bool = False
    refuses: bool = False


NORMAL = Fault()


class FaultProxy:
    """Passes TCP from a free loopback port (``port``) on to ``target_port``. Use as a context manager.

    ``connections`` counts those that were taken so far.
    """

    def __init__(self, target_port: int, *, target_host: str = "127.0.0.1") -> None:
        self._target = (target_host, target_port)
        self._fault = NORMAL
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.connections = 0

    def __enter__(self) -> FaultProxy:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def set(self, fault: Fault) -> None:
        """From now on do this to every connection; ``NORMAL`` heals. Returns when it is in force."""
        self._run(self._set(fault))

    def cut(self) -> None:
        """Close every connection that is open now, in both directions."""
        self._run(self._break(reset=False))

    def reset(self) -> None:
        """Break every connection that is open now with RST, as a firewall or a dying machine does."""
        self._run(self._break(reset=True))

    # ── on the proxy's own loop ──────────────────────────────────────────────────────────────────────

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._taken, "127.0.0.1", self.port, limit=_PIECE, backlog=_LISTENERS, reuse_address=True
        )
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def _set(self, fault: Fault) -> None:
        self._fault = fault
        self._changed.set()
        self._changed = asyncio.Event()
        if fault.refuses and self._server is not None:
            self._server.close()
            self._server = None
        elif not fault.refuses and self._server is None:
            await self._listen()

    async def _break(self, *, reset: bool) -> None:
        for connection in tuple(self._open):
            connection.end(reset=reset)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._break(reset=False)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        connection = _Connection(writer)
        self._open.add(connection)
        try:
            await self._audible()
            onward = await asyncio.open_connection(*self._target, limit=_PIECE)
            connection.add(onward[1])
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(connection, reader, onward[1]))
                both.create_task(self._pump(connection, onward[0], writer))
        except* OSError:  # one side was broken, or the target is away: the other side hears of it in the same way
            connection.end(reset=True)
        finally:
            connection.end(reset=False)
            self._open.discard(connection)
            self._tasks.discard(task)

    async def _pump(self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one direction to its end, then close that direction."""
        while piece := await reader.read(self._piece()):
            fault = self._fault
            if fault.delay or fault.rate:
                pause = fault.delay + (len(piece) / fault.rate if fault.rate else 0.0)
                await self._until_changed(pause)
            await self._audible()
            allowed = self._fault.cut_after
            if allowed is not None:
                piece = piece[: max(0, allowed - connection.carried)]
            connection.carried += len(piece)
            writer.write(piece)
            await writer.drain()
            if allowed is not None and connection.carried >= allowed:
                connection.end(reset=False)
                return
        await self._audible()
        if writer.can_write_eof():
            writer.write_eof()

    def _piece(self) -> int:
        """A tenth of a second's worth, so that a slow connection trickles and does not come in lumps."""
        rate = self._fault.rate
        return max(1, min(_PIECE, int(rate / 10))) if rate else _PIECE

    async def _audible(self) -> None:
        while self._fault.silent:
            await self._changed.wait()

    async def _until_changed(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()


class _Connection:
    """Both halves of one connection, and how many bytes it has carried."""

    def __init__(self, near: asyncio.StreamWriter) -> None:
        self._writers = [near]
        self._ended = False
        self.carried = 0

    def add(self, far: asyncio.StreamWriter) -> None:
        self._writers.append(far)
        if self._ended:
            far.close()

    def end(self, *, reset: bool) -> None:
        """Close both halves, what was written first; or drop everything and send RST."""
        self._ended = True
        for writer in self._writers:
            if reset:
                handle = writer.get_extra_info("socket")
                with suppress(OSError):
                    handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                writer.transport.abort()
            else:
                writer.close()
