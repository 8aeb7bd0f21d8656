"""The gateway as one ASGI application: doors, health, metrics, contracts; anything else is the console's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bus.errors import NotFound
from bus.gateway.answer import Answer, AsgiApp, Receive, Scope, Send, StreamedAnswer, respond
from bus.gateway.doors import Doors
from bus.gateway.pages import Pages, Ready
from bus.gateway.problems import rest_error
from bus.gateway.requests import moved, unread_message
from bus.pipeline import Pipeline
from bus.ports import Ports


class Gateway:
    """Turns HTTP into messages, and their replies or errors into HTTP in the caller's protocol.

    ``ready`` tells why the bus cannot keep its promises (nothing when it can), ``notes`` what somebody should look at
    all the same, ``metrics`` the Prometheus text;
    ``fallback`` takes every other path. Without a pipeline only the pages are served.
    """

    def __init__(
        self,
        pipeline: Pipeline | None,
        ports: Ports,
        *,
        ready: Ready,
        notes: Callable[[], Sequence[str]] = tuple,
        metrics: Callable[[], bytes],
        fallback: AsgiApp | None = None,
    ) -> None:
        self._doors = None if pipeline is None else Doors(pipeline, ports.registry, ports.settings)
        self._snapshots = ports.registry
        self._pages = Pages(ports.registry, ports.settings.base_url, ready, notes, metrics)
        self._fallback = fallback

    def drain(self) -> None:
        """Refuse what comes from now on; what is under way goes on."""
        if self._doors is not None:
            self._doors.draining = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request (ASGI 3)."""
        if scope["type"] == "http":
            answer = await self._answer(scope, receive)
            if answer is not None:
                return await respond(send, answer)
        if self._fallback is not None:
            return await self._fallback(scope, receive, send)
        if scope["type"] == "http":
            missing = NotFound("nothing is served at this path; services are at /soap/ and /rest/")
            await respond(send, rest_error(missing, unread_message("rest", scope), "zh"))
        return None

    async def _answer(self, scope: Scope, receive: Receive) -> Answer | StreamedAnswer | None:
        path: str = scope["path"]
        if self._doors is not None:
            if path.startswith("/soap/"):
                contract = self._pages.contract(scope) if scope["method"] == "GET" else None
                return contract or await self._doors.answer("soap", scope, receive)
            if path.startswith("/rest/"):
                description = await self._pages.description(scope) if scope["method"] == "GET" else None
                return description or await self._doors.answer("rest", scope, receive)
            vendor = self._snapshots.snapshot.vendor_paths.find(path)
            if vendor is not None:
                contract = self._pages.contract_at(vendor, scope) if scope["method"] == "GET" else None
                return contract or await self._doors.answer("soap", moved(scope, vendor), receive)
        return await self._pages.page(scope)
