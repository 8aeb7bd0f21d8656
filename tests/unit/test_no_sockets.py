"""The suite's own rule about sockets."""

from __future__ import annotations

import asyncio
import socket

import pytest


def test_a_unit_test_cannot_connect_to_anything() -> None:
    with socket.socket() as client, pytest.raises(RuntimeError, match="must not use a socket"):
        client.connect(("127.0.0.1", 9))


async def test_an_event_loop_still_runs_in_unit_tests() -> None:
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="must not use a socket"):
        await asyncio.open_connection("127.0.0.1", 9)
