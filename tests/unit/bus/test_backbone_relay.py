"""How a relay treats a broker that is there and takes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from bus.backbone import relay
from bus.backbone.outbox import SqlOutbox
from bus.backbone.relay import Pace, Relay
from bus.backbone.topology import ENGINE
from bus.ports import Handler, Letter, Lost
from bus.settings import Settings
from bus.state.store import State


class FullBroker:
    """A transport whose broker refuses every letter."""

    keeps = True

    async def start(self, lost: Lost) -> None: ...

    async def publish(self, letters: Sequence[Letter]) -> Sequence[str]:
        return []

    async def consume(self, queue: str, handler: Handler, *, prefetch: int) -> None: ...

    def troubles(self) -> Sequence[str]:
        return ()

    def unusable(self) -> str:
        return ""

    async def stop(self) -> None: ...


async def test_a_broker_that_takes_nothing_is_asked_less_and_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although between two refusals there are rounds in which no letter is due."""
    refusals: list[int] = []
    enough = asyncio.Event()

    def no_pause(attempt: int, base: float, *, longest: float) -> float:
        refusals.append(attempt)
        if len(refusals) == 4:
            enough.set()
        return 0.0

    monkeypatch.setattr(relay, "full_jitter", no_pause)
    state = State(Settings(data=tmp_path))
    await state.start()
    carrier = Relay(state, FullBroker(), queues=[ENGINE], pace=Pace(poll=0.01, refused=0.05))
    await carrier.start()
    try:
        await SqlOutbox(state).post([Letter("1", ENGINE, b"{}", {}, "")])
        async with asyncio.timeout(30):
            await enough.wait()
    finally:
        await carrier.stop()
        await state.aclose()
    assert refusals[:4] == [1, 2, 3, 4]
