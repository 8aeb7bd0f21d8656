"""One call made now, as an exchange to examine: what was sent stands as the caller's request."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bus.connectors.http import AioHttpClient
from bus.errors import BadRequest
from bus.message import new_id
from bus.ports import Body, Outbound, Record
from bus.settings import Settings
from registry.model import ServiceVersion

#: Seconds that a live call may take.
PATIENCE = 30.0


async def ask(
    settings: Settings, version: ServiceVersion, operation: str, url: str, body: bytes, headers: Sequence[str]
) -> Record:
    """Post ``body`` to ``url`` and answer the exchange. Raises BadRequest for a header, ProviderError as any call."""
    given = dict(map(_header, headers))
    content_type = given.setdefault("Content-Type", _guessed(body))
    http = AioHttpClient(settings)
    try:
        inbound = await http.send(Outbound("POST", url, given, body, time.monotonic() + PATIENCE))
    finally:
        await http.aclose()
    received = Body("reply.received", inbound.body, inbound.headers.get("content-type", ""))
    return Record(
        id=new_id(),
        flow="",
        parent="",
        door="soap" if "xml" in content_type else "rest",
        consumer="",
        system=version.system,
        service=version.service,
        version=version.version,
        operation=operation,
        received_at=time.time(),
        http_status=inbound.status,
        bodies=(Body("request", body, content_type), received),
    )


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise BadRequest(f"a header is NAME:VALUE, not {name[:40]!r}")
    return name.strip().title(), value.strip()


def _guessed(body: bytes) -> str:
    return "text/xml; charset=utf-8" if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<" else "application/json"
