"""A small HTTP/1.1 server that answers, by path, in all the ways in which real systems go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
import struct
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]

FAULT = (
    b'<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><soap:Fault>'
    b"<faultcode>soap:Server</faultcode><faultstring>no</faultstring></soap:Fault></soap:Body></soap:Envelope>"
)


def response(status: str, body: bytes = b"ok", **headers: str) -> bytes:
    """The bytes of one whole response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class LoopbackProvider:
    """Answers by path; counts connections and requests; keeps the heads and bodies it was sent."""

    def __init__(self) -> None:
        self.connections = 0
        self.closed_by_client = 0
        self.requests: Counter[str] = Counter()
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.under_way = 0
        self.most_under_way = 0
        self.release = asyncio.Event()
        self.health = "200 OK"
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._answers: dict[str, Answer] = {
            "/ok": self._whole(response("200 OK", content_type="text/xml; charset=GBK", x_trace="a")),
            "/gzip": self._whole(response("200 OK", _gzip(b"packed"), content_encoding="gzip")),
            "/bomb": self._whole(response("200 OK", _gzip(bytes(20_000_000)), content_encoding="gzip")),
            "/not-gzip": self._whole(response("200 OK", b"plain", content_encoding="gzip")),
            "/brotli": self._whole(response("200 OK", b"plain", content_encoding="br")),
            "/large": self._whole(response("200 OK", bytes(100_001))),
            "/401": self._whole(response("401 Unauthorized")),
            "/404": self._whole(response("404 Not Found", b'{"a":1}', content_type="application/json")),
            "/500-fault": self._whole(response("500 Internal Server Error", FAULT, content_type="text/xml")),
            "/503": self._whole(response("503 Service Unavailable", b"later", retry_after="7")),
            "/503-fault": self._whole(response("503 Service Unavailable", FAULT, content_type="text/xml")),
            "/redirect": self._whole(response("302 Found", b"", location="/ok", set_cookie="a=b")),
            "/not-http": self._whole(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
            "/interim": self._whole(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + response("200 OK")),
            "/closes": self._close,
            "/reset-mid-body": self._reset_mid_body,
            "/endless": self._endless,
            "/hangs": self._hang,
            "/slow": self._slow,
        }

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """Listen, with TLS where there is a context for it."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=tls)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the door and every connection."""
        self.release.set()
        if self._server is not None:
            self._server.close()
        self.drop()

    def drop(self) -> None:
        """Close every connection, as an idle timeout of the server would."""
        for writer in list(self._writers):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            self.closed_by_client += 1
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        if head.startswith("PUT /hasty "):
            writer.write(response("413 Content Too Large"))  # before the body was read, and without reading it
            await self.release.wait()
            return False
        length = re.search(r"(?im)^content-length: (\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        path = head.split(" ")[1].partition("?")[0]
        self.requests[path] += 1
        self.heads.append(head)
        self.bodies.append(body)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if path == "/health":
                writer.write(response(self.health))
            else:
                await self._answers[path](writer)
            await writer.drain()
        finally:
            self.under_way -= 1
        return not writer.is_closing()

    @staticmethod
    def _whole(data: bytes) -> Answer:
        async def answer(writer: asyncio.StreamWriter) -> None:
            writer.write(data)

        return answer

    async def _close(self, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def _reset_mid_body(self, writer: asyncio.StreamWriter) -> None:
        writer.write(response("200 OK", bytes(5000))[:2000])
        await writer.drain()
        # Linger of zero makes close() send RST instead of FIN.
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def _endless(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not self.release.is_set():
            writer.write(b"1000\r\n" + bytes(4096) + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0)

    async def _hang(self, writer: asyncio.StreamWriter) -> None:
        await self.release.wait()
        with contextlib.suppress(ConnectionError):
            writer.write(response("200 OK", b"at last"))

    async def _slow(self, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        writer.write(response("200 OK", b"slow"))


def _gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()
