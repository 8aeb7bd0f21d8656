"""Callers and a provider on bare sockets, which send and see every byte of HTTP themselves."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

ENVELOPE = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">{}<s:Body>{}</s:Body></s:Envelope>'
REGISTER = ENVELOPE.format("", '<Register xmlns="urn:his"><name>王晓东</name></Register>')


@dataclass(frozen=True)
class Answer:
    """One response: its status line and headers as sent, its body, and whether the server then hung up."""

    head: str
    body: bytes
    closed: bool

    @property
    def status(self) -> int:
        return int(self.head.split(" ", 2)[1])

    def header(self, name: str) -> str:
        found = [line.partition(":")[2].strip() for line in self.head.split("\r\n") if line.lower().startswith(name)]
        return found[0] if found else ""


class Caller:
    """One connection. ``send`` writes bytes as they are, ``read`` takes one response."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._left = b""

    def send(self, *blocks: bytes) -> None:
        for block in blocks:
            self._socket.sendall(block)

    def read(self) -> Answer:
        head = self._until(b"\r\n\r\n").decode("latin-1")
        length = int(Answer(head, b"", closed=False).header("content-length:") or 0)
        while len(self._left) < length and self._more():
            pass
        body, self._left = self._left[:length], self._left[length:]
        return Answer(head, body, self._hung_up())

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._left:
            assert self._more(), f"the server hung up after {self._left!r}"
        found, _, self._left = self._left.partition(mark)
        return found

    def _more(self) -> bool:
        block = self._socket.recv(65536)
        self._left += block
        return bool(block)

    def _hung_up(self) -> bool:
        self._socket.settimeout(0.3)
        try:
            return self._socket.recv(1, socket.MSG_PEEK) == b""
        except TimeoutError:
            return False
        finally:
            self._socket.settimeout(10)

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def post(body: bytes, *headers: str, path: str = "/soap/his", version: str = "1.1", length: bool = True) -> bytes:
    """A POST with these header lines, and a Content-Length unless it is not wanted."""
    lines = [f"POST {path} HTTP/{version}", "Host: bus", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@dataclass
class OldProvider:
    """Answers HTTP/1.0 in GBK, labelled as HTML in UTF-8, one request a connection, and keeps what it was sent."""

    port: int = 0
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def serve(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        text = head.decode("latin-1")
        length = int(Answer(text, b"", closed=False).header("content-length:") or 0)
        while len(body) < length:
            body += connection.recv(65536)
        self.heads.append(text)
        self.bodies.append(body)
        reply = ENVELOPE.format("", '<RegisterResponse xmlns="urn:his"><no>通</no></RegisterResponse>').encode("gbk")
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + reply)


@contextmanager
def old_provider() -> Iterator[OldProvider]:
    """The provider, listening on a free port of loopback."""
    listening = socket.create_server(("127.0.0.1", 0))
    found = OldProvider(listening.getsockname()[1])
    thread = threading.Thread(target=found.serve, args=(listening,), daemon=True)
    thread.start()
    yield found
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(10)
