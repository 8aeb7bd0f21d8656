"""The embedded broker's thread outlives whoever gives up waiting for it."""

from __future__ import annotations

import asyncio
import threading

import pytest

from bus.backbone.embedded import EmbeddedTransport
from bus.backbone.embedded_session import Session
from bus.ports import Letter


async def test_a_publisher_that_gives_up_waiting_does_not_stop_the_letters_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken, going = threading.Event(), threading.Event()
    publish = Session.publish

    def slow(session: Session, letters: list[Letter]) -> None:
        taken.set()
        assert going.wait(10)
        publish(session, letters)

    monkeypatch.setattr(Session, "publish", slow)
    arrived: asyncio.Queue[str] = asyncio.Queue()

    async def handle(letter: Letter) -> None:
        arrived.put_nowait(letter.id)

    transport = EmbeddedTransport()
    await transport.start(lambda *_: None)
    try:
        await transport.consume("calls", handle, prefetch=4)
        impatient = asyncio.ensure_future(transport.publish([Letter("first", "calls", b"1")]))
        assert await asyncio.to_thread(taken.wait, 10)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        going.set()
        async with asyncio.timeout(10):
            assert await transport.publish([Letter("second", "calls", b"2")]) == ["second"]
            assert {await arrived.get(), await arrived.get()} == {"first", "second"}
    finally:
        going.set()
        await transport.stop()
