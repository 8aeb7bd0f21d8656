"""The fault proxy does to a connection what it says, and heals when told."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from fault_proxy import NORMAL, Fault, FaultProxy

pytestmark = pytest.mark.integration


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that answers every byte with itself."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while piece := connection.recv(65536):
                connection.sendall(piece)

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


@pytest.fixture
def proxy(echo: int) -> Iterator[FaultProxy]:
    with FaultProxy(echo) as running:
        yield running


def _connect(proxy: FaultProxy, timeout: float = 5.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=timeout)


def _ask(client: socket.socket, data: bytes) -> bytes:
    """Send, and read until as much has come back or the connection ends."""
    client.sendall(data)
    got = b""
    while len(got) < len(data) and (piece := client.recv(65536)):
        got += piece
    return got


def test_a_proxy_without_a_fault_passes_everything_and_the_end_on(proxy: FaultProxy) -> None:
    data = bytes(range(256)) * 2000
    with _connect(proxy) as client:
        sender = threading.Thread(target=client.sendall, args=(data,))
        sender.start()
        got = b""
        while len(got) < len(data):
            got += client.recv(65536)
        sender.join()
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert got == data
    assert proxy.connections == 1


def test_a_delay_holds_both_directions_of_an_open_connection(proxy: FaultProxy) -> None:
    with _connect(proxy) as client:
        assert _ask(client, b"quick") == b"quick"
        proxy.set(Fault(delay=0.15))
        began = time.monotonic()
        assert _ask(client, b"slow") == b"slow"
        assert time.monotonic() - began >= 0.3


def test_a_throttled_connection_carries_so_many_bytes_a_second(proxy: FaultProxy) -> None:
    proxy.set(Fault(rate=10_000))
    with _connect(proxy) as client:
        began = time.monotonic()
        assert len(_ask(client, b"x" * 5000)) == 5000
        assert time.monotonic() - began >= 0.4


def test_a_connection_is_cut_after_exactly_so_many_bytes(proxy: FaultProxy) -> None:
    proxy.set(Fault(cut_after=150))
    with _connect(proxy) as client:
        assert _ask(client, b"x" * 100) == b"x" * 50
        assert client.recv(1) == b""


def test_a_reset_is_seen_as_one_by_whoever_waits(proxy: FaultProxy) -> None:
    with _connect(proxy) as client:
        assert _ask(client, b"here") == b"here"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_a_black_hole_takes_everything_and_answers_when_it_is_healed(proxy: FaultProxy) -> None:
    with _connect(proxy, timeout=0.3) as old:
        assert _ask(old, b"here") == b"here"
        proxy.set(Fault(silent=True))
        with _connect(proxy, timeout=0.3) as new:
            for client in (old, new):
                client.sendall(b"lost?")
                with pytest.raises(TimeoutError):
                    client.recv(1)
            proxy.set(NORMAL)
            for client in (old, new):
                client.settimeout(5)
                assert client.recv(5) == b"lost?"


def test_a_closed_port_refuses_until_it_is_healed(proxy: FaultProxy) -> None:
    with _connect(proxy) as old:
        assert _ask(old, b"here") == b"here"
        proxy.set(Fault(refuses=True))
        with pytest.raises(ConnectionRefusedError):
            _connect(proxy)
        assert _ask(old, b"still") == b"still"
        proxy.set(NORMAL)
        with _connect(proxy) as new:
            assert _ask(new, b"again") == b"again"


def test_a_target_that_is_away_breaks_the_connection(proxy: FaultProxy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    with FaultProxy(port) as towards_nobody:
        try:
            with _connect(towards_nobody) as client:
                got = client.recv(1)
        except ConnectionResetError:  # the proxy may be so quick that connecting itself ends in the reset
            got = b""
    assert got == b""
    assert towards_nobody.connections == 1
