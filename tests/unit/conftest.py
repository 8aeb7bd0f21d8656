"""Unit tests touch no network: a socket that connects or listens fails the test that opened it."""

from __future__ import annotations

import socket
from typing import NoReturn

import pytest


def _refuse(*_: object) -> NoReturn:
    raise RuntimeError("a unit test must not use a socket; move it to tests/integration")


@pytest.fixture(autouse=True)
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbid connecting and binding. Event loops stay possible: their socket pairs do neither."""
    for verb in ("connect", "connect_ex", "bind"):
        monkeypatch.setattr(socket.socket, verb, _refuse)
