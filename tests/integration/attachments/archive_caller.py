"""A caller of the archive on Python's own http.client and e-mail parser, which know nothing of the bus."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterable, Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import urlsplit

from archive_provider import NS, blocks_of, envelope, include
from served_bus import KEY, ServedBus

BOUNDARY = "MIME_boundary"
MTOM = f'multipart/related; boundary="{BOUNDARY}"; type="application/xop+xml"; start="<r@c>"; start-info="text/xml"'
SWA = f'multipart/related; boundary="{BOUNDARY}"; type="text/xml"; start="<r@c>"'


def store(content: str) -> str:
    return envelope(f'<Store xmlns="{NS}"><name>D1</name><content>{content}</content></Store>')


def fetch(size: int) -> str:
    return envelope(f'<Fetch xmlns="{NS}"><name>{size}</name></Fetch>')


def framed(root: str, key: str = "", size: int = 0, style: str = MTOM) -> Iterator[bytes]:
    """The blocks of a package with one attachment of ``size`` bytes, or none."""
    kind = 'application/xop+xml; charset=UTF-8; type="text/xml"' if style == MTOM else "text/xml; charset=UTF-8"
    yield f"--{BOUNDARY}\r\nContent-Type: {kind}\r\nContent-ID: <r@c>\r\n\r\n{root}\r\n".encode()
    if key:
        head = f"Content-ID: <{key}>\r\nContent-Type: application/dicom\r\nContent-Transfer-Encoding: binary"
        yield f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode()
        yield from blocks_of(size)
        yield b"\r\n"
    yield f"--{BOUNDARY}--\r\n".encode()


def upload(size: int, style: str = MTOM) -> Iterator[bytes]:
    """A Store with an attachment of this size."""
    return framed(store(include("one@c") if style == MTOM else "cid:one@c"), "one@c", size, style)


class Caller:
    """Calls the bus as the ward; ``close`` ends every connection that is still open."""

    def __init__(self, bus: ServedBus) -> None:
        self._bus = bus
        self.began = time.time()
        self._open: list[http.client.HTTPConnection | http.client.HTTPResponse] = []

    def connect(self) -> http.client.HTTPConnection:
        """A connection of its own."""
        parts = urlsplit(self._bus.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        self._open.append(connection)
        return connection

    def post(
        self, body: Iterable[bytes] | bytes, kind: str = MTOM, path: str = "/soap/archive", **headers: str
    ) -> http.client.HTTPResponse:
        """Send a body, chunked where it is in blocks, and answer the response with its body unread."""
        given = {"Content-Type": kind, "X-API-Key": KEY, **headers}
        connection = self.connect()
        connection.request("POST", path, body=body, headers=given, encode_chunked=not isinstance(body, bytes))
        response = connection.getresponse()
        self._open.append(response)
        return response

    def close(self) -> None:
        """Hang up everywhere."""
        while self._open:
            self._open.pop().close()


def parts_of(response: http.client.HTTPResponse) -> list[bytes]:
    """The bodies of a package's parts, as the standard library's e-mail parser reads them."""
    head = f"Content-Type: {response.headers['Content-Type']}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message: EmailMessage[Any, Any] = BytesParser(policy=HTTP).parsebytes(head + response.read())  # type: ignore[assignment]
    assert message.is_multipart()
    return [part.get_payload(decode=True) for part in message.iter_parts()]  # type: ignore[misc]
