"""Starts a simulated system inside the test, on a free loopback port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from services.simulators.context import Context
from services.simulators.faults import Faults
from services.simulators.ledger import Ledger

Client = TestClient[web.Request, web.Application]


@asynccontextmanager
async def simulated(
    application: Callable[[Context], web.Application],
    folder: Path,
    *,
    bus: str = "http://127.0.0.1:9",
    faults: Faults | None = None,
    environ: Mapping[str, str] | None = None,
    delay: float = 0.05,
) -> AsyncIterator[tuple[Client, Context]]:
    """The system's client and its context; without ``bus`` nobody listens where it calls."""
    context = Context(Ledger(folder / "ledger.db"), bus, faults or Faults(), delay, environ=environ or {})
    app = application(context)
    app.on_cleanup.append(context.close)
    async with TestClient(TestServer(app, host="127.0.0.1")) as client:
        yield client, context
