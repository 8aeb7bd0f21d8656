"""A TCP proxy that lets every byte through, but the answer only after a while."""

from __future__ import annotations

import socket
import threading
import time


class SlowProxy:
    """Listens on ``port`` of loopback and forwards to ``target``; answers are held back for ``delay`` seconds."""

    def __init__(self, port: int, target: int, delay: float) -> None:
        self._port, self._target, self._delay = port, target, delay
        self._listener: socket.socket | None = None

    def __enter__(self) -> SlowProxy:
        self._listener = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            provider = socket.create_connection(("127.0.0.1", self._target))
            for source, sink, delay in ((caller, provider, 0.0), (provider, caller, self._delay)):
                threading.Thread(target=_pump, args=(source, sink, delay), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket, delay: float) -> None:
    try:
        while data := source.recv(65536):
            time.sleep(delay)
            sink.sendall(data)
    except OSError:
        return
    finally:
        for end in (source, sink):
            end.close()
