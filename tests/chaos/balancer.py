"""What stands before several gateways: hands each new connection to the next one that takes it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from contextlib import suppress

_PIECE = 64 * 1024


class Balancer:
    """Passes TCP on, round robin. It knows nothing of health: a frozen gateway gets its share, and callers wait."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = tuple(ports)
        self._next = itertools.count()
        self._server: asyncio.Server | None = None

    async def start(self, port: int) -> None:
        """Listen on this port of loopback."""
        self._server = await asyncio.start_server(self._taken, "127.0.0.1", port)

    async def stop(self) -> None:
        """Take no more connections."""
        if self._server is not None:
            self._server.close()

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = next(self._next)
        for turn in range(len(self._ports)):
            try:
                onward = await asyncio.open_connection("127.0.0.1", self._ports[(first + turn) % len(self._ports)])
            except OSError:
                continue
            await asyncio.gather(_pump(reader, onward[1]), _pump(onward[0], writer))
            return
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry one direction to its end; either end of a connection ends both."""
    with suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    with suppress(OSError):
        writer.close()
