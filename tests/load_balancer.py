"""A small load balancer: passes each connection to a server whose ``/readyz`` says 200, in turn."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from types import TracebackType

import requests

#: Seconds between two looks at a server.
LOOK = 0.1


class Balancer:
    """Listens on a free port of loopback (``url``) before servers of these ports. Use as a context manager."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ready: dict[int, bool] = dict.fromkeys(ports, False)
        self._turns = itertools.count()
        self._stopped = threading.Event()
        balancer = self

        class Handler(BaseRequestHandler):
            def handle(self) -> None:
                balancer.carry(self.request)

        class Server(ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._threads = [
            threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}),
            *(threading.Thread(target=self._look, args=(port,)) for port in ports),
        ]

    def __enter__(self) -> Balancer:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stopped.set()
        self._server.shutdown()
        for thread in self._threads:
            thread.join()
        self._server.server_close()

    @property
    def ready(self) -> list[int]:
        """The ports of the servers that take connections now."""
        return [port for port, ready in self._ready.items() if ready]

    def carry(self, near: socket.socket) -> None:
        """Pass one connection on; closed without an answer when nobody is ready, and never tried twice."""
        if not (ready := self.ready):
            return
        with socket.create_connection(("127.0.0.1", ready[next(self._turns) % len(ready)])) as far:
            back = threading.Thread(target=_pump, args=(far, near))
            back.start()
            _pump(near, far)
            back.join()

    def _look(self, port: int) -> None:
        while not self._stopped.wait(LOOK):
            try:
                answer = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=2)
            except requests.RequestException:
                self._ready[port] = False
            else:
                self._ready[port] = answer.status_code == 200


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
