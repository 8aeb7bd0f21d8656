"""A provider that answers well at two addresses and does the bus harm at all others; it keeps what it was sent."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from contextlib import contextmanager

from loopback import QuietHandler, serving

PLACED = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    '<PlaceOrderResponse xmlns="urn:example:lab"><orderNo>L1</orderNo><note>已受理</note></PlaceOrderResponse>'
    "</s:Body></s:Envelope>"
).encode()

#: Unpacked 300 MB, packed a few hundred KB.
BOMB = gzip.compress(b" " * 300_000_000, 6)

TRACE = '{"message": "失败", "exception": "Traceback (most recent call last):\\n  File \\"his.py\\", line 7"}'


class Hostile:
    """What it was sent, and which addresses of its own nobody should ever ask for."""

    def __init__(self) -> None:
        self.url = ""
        self.heads: list[str] = []
        self.bodies: list[bytes] = []

    def asked(self, word: str) -> list[str]:
        """The request heads that hold this word."""
        return [head for head in self.heads if word in head]


@contextmanager
def hostile_provider() -> Iterator[Hostile]:
    """The provider, on a free port of loopback."""
    hostile = Hostile()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            self._serve()

        def do_GET(self) -> None:
            self._serve()

        def _serve(self) -> None:
            body = self._body()
            hostile.heads.append(f"{self.requestline}\n{self.headers}")
            hostile.bodies.append(body)
            try:
                getattr(self, f"_{self.path.strip('/').partition('/')[0]}", self._canary)()
            except OSError:
                self.close_connection = True

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", "0")))
            body = b""
            while size := int(self.rfile.readline().strip() or b"0", 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            return body

        def _answer(self, status: int, media: str, body: bytes, **headers: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def _lab(self) -> None:
            self._answer(200, "text/xml; charset=utf-8", PLACED)

        def _place(self) -> None:
            self._answer(200, "application/json", b'{"state":"placed"}')

        _look = _place

        def _redirect(self) -> None:
            self._answer(302, "text/plain", b"", Location=f"{hostile.url}/canary", Set_Cookie="a=b")

        def _huge(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "200000002")
            self.end_headers()
            self.wfile.write(b'"')
            for _ in range(200):
                self.wfile.write(b"x" * 1_000_000)
            self.wfile.write(b'"')

        def _bomb(self) -> None:
            self._answer(200, "application/json", BOMB, Content_Encoding="gzip")

        def _endless(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            for _ in range(600):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.1)

        def _liar(self) -> None:
            self._answer(200, "application/json", b"<html>please log in</html>")

        def _trace(self) -> None:
            self._answer(500, "application/json", TRACE.encode())

        def _canary(self) -> None:
            self._answer(200, "application/json", b'{"canary":true}')

    with serving(Handler) as hostile.url:
        yield hostile
