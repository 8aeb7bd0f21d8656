"""Serves the further listeners with Hypercorn, in the process and on the loop of the bus that they belong to.

Granian's TLS is rustls, which begins at TLS 1.2; Hypercorn takes any context that OpenSSL can make. It also closes
a connection that sends no whole request header in time.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from bus.errors import SettingsInvalid
from bus.gateway.answer import AsgiApp, Receive, Scope, Send
from bus.gateway.quirks import LISTENER
from bus.listeners import MOST_HEADERS, Listener

#: Seconds a connection may be silent before a request, and between two.
IDLE = 5.0


class Listeners:
    """Starts and stops the listeners of one process; several processes share their ports (SO_REUSEPORT)."""

    def __init__(self, listeners: Sequence[Listener], doors: AsgiApp, *, shared: bool, drain: float) -> None:
        self._listeners = listeners
        self._doors = doors
        self._shared = shared
        self._drain = drain
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Listen. Raises SettingsInvalid for an address that cannot be had or TLS that cannot be set up."""
        bound = [(each, each.context(), self._bound(each)) for each in self._listeners]
        for listener, context, place in bound:
            config = _Config(context)
            # Hypercorn makes a socket of its own from the descriptor, and closes it.
            config.bind = [f"fd://{place.detach()}"]
            config.graceful_timeout = self._drain
            work = serve(_Named(listener.name, self._doors), config, shutdown_trigger=self._stopping.wait)  # type: ignore[arg-type]
            self._tasks.append(asyncio.create_task(work, name=f"listener {listener.name}"))

    async def stop(self) -> None:
        """Take no new connection, and return when what was under way has its answer."""
        self._stopping.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _bound(self, listener: Listener) -> socket.socket:
        family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
        try:
            return socket.create_server((listener.host, listener.port), family=family, reuse_port=self._shared)
        except OSError as error:
            where = f"{listener.host}:{listener.port}"
            raise SettingsInvalid(f"listener {listener.name}: {where} cannot be had ({error.strerror})") from error


class _Config(Config):
    """Hypercorn's settings with a TLS context made elsewhere."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        super().__init__()
        self._context = context
        self.keep_alive_timeout = IDLE
        self.h11_max_incomplete_size = MOST_HEADERS
        self.h2_max_header_list_size = MOST_HEADERS
        self.include_server_header = False
        self.accesslog = None
        self.errorlog = None

    @property
    def ssl_enabled(self) -> bool:
        return self._context is not None

    def create_ssl_context(self) -> ssl.SSLContext | None:
        return self._context


class _Named:
    """The doors as one listener shows them: every request says by which it came."""

    def __init__(self, name: str, doors: AsgiApp) -> None:
        self._name = name
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await self._doors({**scope, LISTENER: self._name}, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        # The bus has a life of its own; a listener only follows.
        for moment in ("startup", "shutdown"):
            await receive()
            event: dict[str, Any] = {"type": f"lifespan.{moment}.complete"}
            await send(event)
