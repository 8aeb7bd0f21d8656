"""Trouble that is switched on while a simulated system runs, and ends by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, get_args

from aiohttp import web

Kind = Literal["slow", "hang", "mute", "refuse", "break", "reject"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_PATH = "/trouble"
_HEALTH = "/health"


@dataclass(slots=True)
class Trouble:
    """What goes wrong now, and until when.

    slow: every answer comes ``delay`` seconds late. hang: no request is taken before the end, and one whose caller
    has left by then never is. mute: the work is done and its answer held back until the end. refuse: HTTP 503,
    nothing is done. break: the work is done and the connection cut in place of an answer. reject: HTTP 409 for
    good requests too, nothing is done.
    """

    kind: Kind | None = None
    until: float = 0.0
    delay: float = 1.0

    def install(self, application: web.Application) -> None:
        """Take requests first, and orders at ``PUT /trouble {kind, seconds, delay}``."""
        application.middlewares.insert(0, self._take)

    async def _order(self, request: web.Request) -> web.Response:
        try:
            wish = await request.json()
            kind, seconds, delay = wish["kind"], float(wish["seconds"]), float(wish.get("delay", 1.0))
        except (KeyError, TypeError, ValueError):
            return web.json_response({"error": "kind and seconds are needed"}, status=400)
        if kind not in KINDS:
            return web.json_response({"error": f"kind must be one of {', '.join(KINDS)}"}, status=400)
        self.kind, self.until, self.delay = kind, time.monotonic() + seconds, delay
        return web.json_response({"kind": kind, "seconds": seconds})

    @web.middleware
    async def _take(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        if request.path == _PATH:
            return await self._order(request)
        if request.path == _HEALTH or time.monotonic() >= self.until:
            return await handler(request)
        return await self._apply(request, handler)

    async def _apply(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        kind, left = self.kind, self.until - time.monotonic()
        if kind == "refuse":
            return web.Response(status=503, headers={"Retry-After": "1"})
        if kind == "reject":
            return web.json_response({"error": "rejected"}, status=409)
        if kind == "hang":
            await asyncio.sleep(left)
            return await handler(request) if request.transport is not None else web.Response(status=503)
        await request.read()  # a caller that leaves now must not take its work with it
        answer = await handler(request)
        if kind == "break" and request.transport is not None:
            request.transport.abort()
        await asyncio.sleep({"slow": self.delay, "mute": left}.get(kind or "", 0.0))
        return answer
