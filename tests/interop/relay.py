"""Stands before the bus and keeps what the clients really sent, byte for byte: nothing is parsed, nothing changed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Relay:
    """Passes TCP on from a free port of loopback to another port; ``sent`` is what came from clients."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.sent = bytearray()

    def forget(self) -> None:
        """Begin anew."""
        self.sent = bytearray()

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(caller,), daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _carry(self, caller: socket.socket) -> None:
        with caller, socket.create_connection(("127.0.0.1", self._target)) as bus:
            back = threading.Thread(target=self._copy, args=(bus, caller, False), daemon=True)
            back.start()
            self._copy(caller, bus, True)
            back.join()

    def _copy(self, source: socket.socket, target: socket.socket, keep: bool) -> None:
        with suppress(OSError):
            while block := source.recv(65536):
                if keep:
                    self.sent += block
                target.sendall(block)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


@contextmanager
def relaying(port: int) -> Iterator[Relay]:
    """A relay to a port, open until the end of the block."""
    relay = Relay(port)
    thread = threading.Thread(target=relay.serve, daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        relay.close()
        thread.join()
