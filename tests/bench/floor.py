"""The floor: Granian, aiohttp, one lxml parse and the same XSLT as the bus runs. No journal, no checks, nothing else.

For the mapped case the reply is turned into SOAP by the few lines that a hand-written proxy would have.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from lxml import etree

PROVIDER = os.environ["BENCH_PROVIDER"]
CATALOGUE = Path(__file__).parent / "catalogue"
REQUEST = etree.XSLT(etree.parse(str(CATALOGUE / "request.xslt")))
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_BODY = f"{{{SOAP}}}Body"


class Floor:
    """The least that a proxy of the same shape has to do."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=64), auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        direct = scope["path"].startswith("/soap/direct")
        media, reply = await (self._direct(body) if direct else self._mapped(body))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", media)]})
        await send({"type": "http.response.body", "body": reply})

    async def _direct(self, body: bytes) -> tuple[bytes, bytes]:
        etree.fromstring(body)
        reply = await self._post("/soap", body, "text/xml; charset=utf-8")
        return b"text/xml; charset=utf-8", reply

    async def _mapped(self, body: bytes) -> tuple[bytes, bytes]:
        root = etree.fromstring(body)
        payload = etree.ElementTree(root.find(SOAP_BODY)[0])  # type: ignore[index]
        text = str(REQUEST(payload)).encode()
        answer = orjson.loads(await self._post("/rest", text, "application/json"))
        envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
        response = etree.SubElement(etree.SubElement(envelope, SOAP_BODY), "{urn:bench}PlaceOrderResponse")
        for name, value in answer.items():
            etree.SubElement(response, f"{{urn:bench}}{name}").text = value
        return b"text/xml; charset=utf-8", etree.tostring(envelope)

    async def _post(self, path: str, body: bytes, media: str) -> bytes:
        assert self._session is not None
        headers = {"Content-Type": media}
        async with self._session.post(PROVIDER + path, data=body, headers=headers) as response:
            return await response.read()


app = Floor()
