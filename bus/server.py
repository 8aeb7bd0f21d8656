"""Granian serves the wired bus: HTTP roles in its worker processes, the other roles alone in a plain event loop."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import fields
from types import FrameType
from typing import Any, TypeAlias, cast

import uvloop
from granian import Granian
from granian.constants import Interfaces, Loops, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings

from bus.bootstrap import Bus
from bus.cli import COLLECT_EVERY
from bus.database import check_database
from bus.large_pages import use_large_pages
from bus.listeners import MOST_HEADERS, written
from bus.migrations.installation import check
from bus.roles import Role
from bus.settings import Settings, load
from bus.telemetry import configure_logging
from transformers.errors import MeridianError

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

#: What tells a server process that it is going to be stopped.
NOTICE = signal.SIGUSR1

#: Milliseconds a client has for its request headers, against slow ones that would hold a connection for ever.
HEADER_TIMEOUT = 5000


def run_http(settings: Settings, roles: frozenset[Role]) -> None:
    """Serve these roles until SIGTERM or SIGINT. Returns when all that was under way has been answered.

    Raises SchemaMismatch, and SettingsInvalid for a listener that cannot be.
    """
    check(settings)
    for listener in settings.listeners:
        listener.context()  # what is wrong with it stops the start here, and not in every worker again
    if settings.database:
        check_database(settings.database)
    os.environ.update(_environment(settings, roles))
    server = Granian(
        "bus.server:application",
        factory=True,
        interface=Interfaces.ASGI,
        address=settings.host,
        port=settings.port,
        ssl_cert=settings.tls_certificate,
        ssl_key=settings.tls_key,
        ssl_protocol_min=SSLProtocols.tls12,
        workers=settings.workers,
        loop=Loops.uvloop,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT),
        http2_settings=HTTP2Settings(max_headers_size=MOST_HEADERS),
        respawn_failed_workers=True,
        workers_kill_timeout=int(settings.drain) + 5,
        log_access=False,
        log_level="warning",  # type: ignore[arg-type]
    )
    if settings.drain_notice:
        signal.signal(NOTICE, signal.SIG_IGN)  # until a server process is ready to hear it
        server.on_startup(lambda: _give_notice(settings.drain_notice))
    server.serve()


def _give_notice(seconds: float) -> None:
    """On SIGTERM tell the server processes that they stop soon, and let them serve so long before they do."""
    stop = cast("Callable[[int, FrameType | None], None]", signal.getsignal(signal.SIGTERM))
    given = threading.Event()

    def notice(number: int, frame: FrameType | None) -> None:
        if given.is_set():
            return stop(number, frame)  # somebody is in a hurry
        given.set()
        for process in multiprocessing.active_children():
            os.kill(cast("int", process.pid), NOTICE)
        timer = threading.Timer(seconds, stop, (number, None))
        timer.daemon = True
        timer.start()
        return None

    signal.signal(signal.SIGTERM, notice)


async def run_background(settings: Settings, roles: frozenset[Role]) -> None:
    """Run roles that nobody calls until SIGTERM or SIGINT. Raises SchemaMismatch."""
    check(settings)
    configure_logging(settings)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    bus = Bus(settings, roles)
    await bus.start()
    try:
        await stopped.wait()
    finally:
        await bus.stop()


def application() -> Application:
    """What each Granian worker process runs; its settings come through the environment of ``run_http``.

    Ends the process with status 1 and one line when the bus cannot be: its database may have gone since ``run_http``.
    """
    settings = load()
    roles = cast("frozenset[Role]", frozenset(os.environ["MERIDIAN_ROLES"].split(",")))
    configure_logging(settings)
    uvloop.install()
    try:
        return Application(Bus(settings, roles))
    except MeridianError as error:
        raise SystemExit(f"meridian: {error}") from error


class Application:
    """The ASGI application: lifespan starts and stops the bus, everything else goes to its doors."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await self._bus.doors(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._bus.start()
        except MeridianError as error:  # Granian prints the message, and the traceback of what is raised
            await send({"type": "lifespan.startup.failed", "message": f"meridian: {error}"})
            return
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        _settle()
        if self._bus.settings.drain_notice:
            asyncio.get_running_loop().add_signal_handler(NOTICE, self._bus.notice)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._bus.stop()
        await send({"type": "lifespan.shutdown.complete"})


def _settle() -> None:
    """Spare the collector, and the processor's table of addresses, what will live as long as the process.

    That is libraries, snapshot, compiled contracts.

    A message makes few cycles and hundreds of objects: with the default threshold the collector would run for
    every other message, and find nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_EVERY, 20, 20)
    use_large_pages()


def _environment(settings: Settings, roles: frozenset[Role]) -> dict[str, str]:
    values = {field.name: getattr(settings, field.name) for field in fields(settings)}
    values["listeners"] = written(settings.listeners)
    given = {f"MERIDIAN_{name.upper()}": str(value) for name, value in values.items() if value is not None}
    return given | {"MERIDIAN_ROLES": ",".join(sorted(roles))}
