"""An archive that speaks MTOM and SOAP with Attachments, on aiohttp's server with aiohttp's own multipart reader."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import MultipartReader, web
from lxml import etree

NS = "urn:example:archive"
XOP = "http://www.w3.org/2004/08/xop/include"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
BLOCK = bytes(range(256)) * 1024


def envelope(inner: str) -> str:
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{inner}</s:Body></s:Envelope>'


def include(key: str) -> str:
    return f'<x:Include xmlns:x="{XOP}" href="cid:{key}"/>'


def blocks_of(size: int) -> Iterator[bytes]:
    """Content of ``size`` bytes, never held whole."""
    while size > 0:
        yield BLOCK[:size]
        size -= len(BLOCK)


def digest_of(size: int) -> str:
    """The SHA-256 of that content, in hex."""
    digest = hashlib.sha256()
    for block in blocks_of(size):
        digest.update(block)
    return digest.hexdigest()


class Archive:
    """What it was asked for, and how it is to misbehave (``mood``)."""

    def __init__(self) -> None:
        self.url = ""
        self.mood = ""
        self.requests: list[dict[str, str]] = []
        self.stored: list[tuple[int, str]] = []
        self.broken: list[str] = []

    async def mtom(self, request: web.Request) -> web.StreamResponse:
        """One call: the content of an upload is hashed as it comes, a download is made up as it goes."""
        self.requests.append(dict(request.headers))
        if self.mood == "early":
            text = envelope("<s:Fault><faultcode>s:Client</faultcode><faultstring>full</faultstring></s:Fault>")
            return web.Response(status=500, text=text, content_type="text/xml")
        try:
            root, size, digest = await self._read(request)
        except Exception as error:
            self.broken.append(type(error).__name__)
            raise
        payload = etree.fromstring(root).find(f"{{{SOAP}}}Body")[0]  # type: ignore[index]
        if etree.QName(payload).localname == "Store":
            text = payload.findtext(f"{{{NS}}}content") or ""
            if text and not text.startswith("cid:"):
                data = b64decode(text)
                size, digest = len(data), hashlib.sha256(data).hexdigest()
            self.stored.append((size, digest))
            inner = f'<StoreResponse xmlns="{NS}"><size>{size}</size><digest>{digest}</digest></StoreResponse>'
            return web.Response(text=envelope(inner), content_type="text/xml", charset="utf-8")
        return await self._fetched(request, payload.findtext(f"{{{NS}}}name") or "")

    async def _read(self, request: web.Request) -> tuple[bytes, int, str]:
        if not request.content_type.startswith("multipart/"):
            return await request.read(), 0, ""
        size, digest = 0, hashlib.sha256()
        reader = MultipartReader(request.headers, request.content)
        first: Any = await reader.next()
        root = bytes(await first.read())
        while part := await reader.next():
            while block := await part.read_chunk(1 << 16):  # type: ignore[union-attr]
                digest.update(block)
                size += len(block)
        return root, size, digest.hexdigest()

    async def _fetched(self, request: web.Request, name: str) -> web.StreamResponse:
        size = int(name)
        if request.path == "/plain":
            text = b64encode(b"".join(blocks_of(size))).decode()
            inner = f'<FetchResponse xmlns="{NS}"><content>{text}</content></FetchResponse>'
            return web.Response(text=envelope(inner), content_type="text/xml", charset="utf-8")
        reply = web.StreamResponse()
        swa = request.path == "/swa"
        kind = "text/xml" if swa else "application/xop+xml"
        boundary = "wrong" if self.mood == "boundary" else "uuid:00-11"
        reply.headers["Content-Type"] = (
            f'multipart/related; type="{kind}"; start="<root>"; start-info="text/xml"; boundary="{boundary}"'
        )
        await reply.prepare(request)
        async for block in self._package(size, swa):
            await reply.write(block)
        if self.mood != "unfinished":
            await reply.write_eof()
        elif request.transport is not None:
            request.transport.abort()
        return reply

    async def _package(self, size: int, swa: bool) -> AsyncIterator[bytes]:
        content = "cid:one@archive" if swa else include("one@archive")
        root = envelope(f'<FetchResponse xmlns="{NS}"><content>{content}</content></FetchResponse>')
        kind = "text/xml; charset=utf-8" if swa else 'application/xop+xml; charset=utf-8; type="text/xml"'
        yield f"--uuid:00-11\r\nContent-Type: {kind}\r\nContent-ID: <root>\r\n\r\n{root}\r\n".encode()
        yield b"--uuid:00-11\r\nContent-Type: application/dicom\r\nContent-ID: <one@archive>\r\n\r\n"
        for number, block in enumerate(blocks_of(size)):
            if self.mood == "unfinished" and number == 8:
                return
            if self.mood == "stalls" and number == 8:
                await asyncio.sleep(30)
            yield block
        yield b"\r\n--uuid:00-11--\r\n"


@contextmanager
def archive_open() -> Iterator[Archive]:
    """The archive, listening on a free port of loopback, on a thread and a loop of its own."""
    archive = Archive()
    loop = asyncio.new_event_loop()
    ready, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_post("/{tail:.*}", archive.mtom)
        runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        archive.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield archive
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
