"""The console's Flask application as the ASGI application that the gateway falls back to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from a2wsgi import WSGIMiddleware
from flask import Flask

Event: TypeAlias = MutableMapping[str, Any]

#: Threads that draw the console's pages.
THREADS = 8


class MountedConsole:
    """Runs the pages on threads of their own, so that none of them holds up the event loop."""

    def __init__(self, application: Flask) -> None:
        self._inner: Any = WSGIMiddleware(application, workers=THREADS)  # type: ignore[arg-type]

    async def __call__(
        self, scope: Event, receive: Callable[[], Awaitable[Event]], send: Callable[[Event], Awaitable[None]]
    ) -> None:
        """Answer one request."""

        # The bridge to its threads takes coroutines only, and the server's own awaitables are none: without
        # this no form could be posted.
        async def hear() -> Event:
            return await receive()

        async def tell(event: Event) -> None:
            await send(event)

        await self._inner(scope, hear, tell)
