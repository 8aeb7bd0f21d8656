"""Calls an ASGI application without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from lxml import etree
from twins import World

from bus.gateway.answer import AsgiApp
from bus.gateway.asgi import Gateway
from bus.pipeline import Pipeline


@dataclass(frozen=True)
class Response:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def xml(self) -> Any:
        """The body as an element."""
        return etree.fromstring(self.body)

    def text(self, path: str) -> str:
        """The text of the first element of this local name, anywhere."""
        found = self.xml.xpath(f"//*[local-name()='{path}']")
        return "".join(found[0].itertext()) if found else ""


async def call(
    app: AsgiApp,
    method: str,
    target: str,
    body: bytes | Sequence[bytes] = b"",
    headers: dict[str, str] | Sequence[tuple[str, str]] = (),
    *,
    hangs: bool = False,
    leaves: bool = False,
) -> Response:
    """One request; a sequence is a body in blocks. ``hangs`` never sends the body's end, ``leaves`` hangs up."""
    path, _, query = target.partition("?")
    blocks = [body] if isinstance(body, bytes) else list(body)
    events = [{"type": "http.request", "body": block, "more_body": True} for block in blocks]
    if not hangs and not leaves:
        events[-1]["more_body"] = False
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if events:
            return events.pop(0)
        if leaves:
            return {"type": "http.disconnect"}
        await asyncio.sleep(3600)
        raise AssertionError("unreachable")

    async def send(event: Any) -> None:
        sent.append(event)

    pairs = headers.items() if isinstance(headers, dict) else headers
    scope = {
        "type": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
    }
    await app(scope, receive, send)
    answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Response(sent[0]["status"], answered, b"".join(event.get("body", b"") for event in sent[1:]))


def gateway(world: World, **options: Any) -> Gateway:
    """The gateway of a test's world."""

    async def ready() -> tuple[str, ...]:
        return ()

    return Gateway(Pipeline(world.ports), world.ports, **{"ready": ready, "metrics": lambda: b"# metrics\n", **options})
