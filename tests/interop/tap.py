"""Stands before a foreign server and keeps what went by: the proof of what arrived that no client can embellish."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from loopback import QuietHandler, serving

#: Answers (path, headers, body) with (status, content type, body).
Answer = Callable[[str, dict[str, str], bytes], tuple[int, str, bytes]]


@dataclass
class Tap:
    """Its address, and the last request and reply that went by: bodies as they were, headers by lower-case name."""

    url: str = ""
    path: str = ""
    headers: dict[str, str] | None = None
    heard: bytes = b""
    said: bytes = b""

    def forget(self) -> None:
        """Begin anew, so that nothing heard earlier can pass for what is heard next."""
        self.path, self.headers, self.heard, self.said = "", None, b"", b""


@contextmanager
def listening(answer: Answer) -> Iterator[Tap]:
    """A tap before a function, on a free port of loopback."""
    tap = Tap()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            length = self.headers.get("Content-Length")
            tap.heard = self.rfile.read(int(length)) if length else self._chunks()
            tap.path = self.path
            tap.headers = {name.lower(): value for name, value in self.headers.items()}
            status, media, tap.said = answer(self.path, tap.headers, tap.heard)
            self.send_response(status)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(tap.said)))
            self.end_headers()
            self.wfile.write(tap.said)

        def _chunks(self) -> bytes:
            """A body in chunks (RFC 9112 §7.1)."""
            blocks = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                blocks += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return blocks

    with serving(Handler) as tap.url:
        yield tap


@contextmanager
def before(server: str) -> Iterator[Tap]:
    """A tap before a server at this address; a path given to the tap is added to it."""
    parts = urlsplit(server)

    def answer(path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        kept = {
            name: value for name, value in headers.items() if name not in ("host", "connection", "transfer-encoding")
        }
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        try:
            connection.request(
                "POST", parts.path + path.removeprefix("/"), body, kept | {"content-length": str(len(body))}
            )
            reply = connection.getresponse()
            return reply.status, reply.getheader("Content-Type") or "", reply.read()
        finally:
            connection.close()

    with listening(answer) as tap:
        yield tap
