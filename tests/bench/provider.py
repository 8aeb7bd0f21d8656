"""The provider behind both contestants: answers a canned document of the asked size, as fast as it can."""

from __future__ import annotations

import asyncio
import os
from typing import Any

SIZE = int(os.environ.get("BENCH_SIZE", "1024"))


def soap_reply(size: int) -> bytes:
    """A SOAP 1.1 reply of about ``size`` bytes, shaped like a list of results."""
    item = '<r:item code="WBC"><r:name>白细胞计数</r:name><r:value>6.20</r:value><r:unit>10*9/L</r:unit></r:item>'
    head = (
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        '<r:GetResultsResponse xmlns:r="urn:bench">'
    )
    tail = "</r:GetResultsResponse></soap:Body></soap:Envelope>"
    count = max(1, (size - len(head) - len(tail)) // len(item.encode()))
    return (head + item * count + tail).encode()


SOAP = soap_reply(SIZE)
JSON = b'{"orderNo":"E2026112300017","status":"accepted"}'


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI: read the body, answer SOAP at /soap, nothing for a minute at /hang, and JSON anywhere else."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    if scope["path"] == "/hang":
        await asyncio.sleep(60)
    soap = scope["path"].startswith("/soap")
    media = b"text/xml; charset=utf-8" if soap else b"application/json"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", media)]})
    await send({"type": "http.response.body", "body": SOAP if soap else JSON})
