"""What every simulated system is given when it starts."""

from __future__ import annotations

import asyncio
import base64
import hmac
import os
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from services.simulators.faults import Faults
from services.simulators.ledger import Ledger


@dataclass(slots=True)
class Context:
    """Ledger, the bus's address, fault switches and secrets of one simulated system.

    ``delay`` is the least time in seconds from an order to its result; ``pacs`` the address of a real PACS that
    images are stored into, or empty.
    """

    ledger: Ledger
    bus: str
    faults: Faults = field(default_factory=Faults)
    delay: float = 0.3
    pacs: str = ""
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _session: aiohttp.ClientSession | None = None

    def secret(self, name: str) -> str:
        """Answer a secret from the environment; empty means that this system does not check it."""
        return self.environ.get(name, "")

    def later(self, work: Coroutine[object, object, None]) -> None:
        """Run ``work`` beside the request that caused it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def session(self) -> aiohttp.ClientSession:
        """The one HTTP client of this process."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15))
        return self._session

    async def close(self, _app: web.Application) -> None:
        """Stop what runs beside, then the client and the books."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
        self.ledger.close()


def basic(username: str, secret: str) -> str:
    """The Authorization header of an HTTP Basic login (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{username}:{secret}".encode()).decode()


def basic_ok(request: web.Request, username: str, secret: str) -> bool:
    """Whether the request carries this HTTP Basic login (RFC 7617); an empty secret asks for none."""
    return not secret or hmac.compare_digest(request.headers.get("Authorization", ""), basic(username, secret))


def bearer_ok(request: web.Request, secret: str) -> bool:
    """Whether the request carries this bearer token (RFC 6750); an empty secret asks for none."""
    return not secret or hmac.compare_digest(request.headers.get("Authorization", ""), f"Bearer {secret}")


def header_ok(request: web.Request, name: str, secret: str) -> bool:
    """Whether the request carries this secret in a header; an empty secret asks for none."""
    return not secret or hmac.compare_digest(request.headers.get(name, ""), secret)
