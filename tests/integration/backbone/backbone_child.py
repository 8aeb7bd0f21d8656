"""A bus process for the crash tests to kill: ``python backbone_child.py DATA BROKER MODE DATABASE``.

It writes what it did to the table ``effect`` of its state store, and one line a happening to its output.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from backbone_bus import Making, MiniBus, effects, running, transactional
from sqlalchemy import Connection

from bus.backbone.topology import CALLS, ENGINE
from bus.ports import Handler, Letter
from bus.settings import Settings


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _note(connection: Connection, letter: Letter) -> None:
    connection.exec_driver_sql("INSERT INTO effect VALUES (?)", (letter.id,))


async def _hold(letter: Letter, *, redelivered: bool) -> None:
    """Begin a call and never end it."""
    print("holding", letter.id, flush=True)
    await asyncio.sleep(3600)


async def _tell(letter: Letter, *, redelivered: bool) -> None:
    print("handled", letter.id, "again" if redelivered else "first", flush=True)


def _poison(connection: Connection, letter: Letter) -> None:
    if letter.id == "poison":
        _die()
    _note(connection, letter)


def _die_before_ack(bus: MiniBus) -> None:
    """Make the process die after a handler's commit, before the broker hears of it."""

    def deadly(handler: Handler) -> Handler:
        async def handle(letter: Letter) -> None:
            await handler(letter)
            _die()

        return handle

    consume = bus.transport.consume

    async def consume_deadly(queue: str, handler: Handler, *, prefetch: int) -> None:
        await consume(queue, deadly(handler), prefetch=prefetch)

    bus.transport.consume = consume_deadly  # type: ignore[method-assign]


MODES: dict[str, Making] = {
    "hold": effects(CALLS, _hold),
    "tell": effects(CALLS, _tell),
    "note": transactional(ENGINE, _note),
    "die-before-ack": transactional(ENGINE, _note),
    "poison": transactional(ENGINE, _poison),
}


async def main(data: str, broker: str, mode: str, database: str) -> None:
    """Run until killed."""
    before = _die_before_ack if mode == "die-before-ack" else None
    async with running(Settings(data=Path(data), broker=broker, database=database), MODES[mode], before=before) as bus:
        print("running", flush=True)
        while True:
            await asyncio.sleep(0.05)
            done = await bus.state.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM inbox").scalar())
            if mode == "note" and done == 2 and not await bus.waiting():
                print("idle", flush=True)
            if mode == "poison" and await bus.dead() and not await bus.waiting():
                print("dead", flush=True)
                return


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
