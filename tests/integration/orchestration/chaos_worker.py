"""A worker process that a test may kill: ``python chaos_worker.py DATA LEDGER SEED [DATABASE]``."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

from ledger_hospital import Hospital, Ledger, Source, snapshot
from orchestration_bus import PACE

from bus.backbone.transports import open_transport
from bus.orchestration.worker import Worker
from bus.settings import Settings
from bus.state.store import State

#: How a system behaves at one call in five.
MOODS = ("transient", "lost", "late")


class Moody(Hospital):
    """Misbehaves now and then. Its seed changes with every life, so that no life repeats the one before."""

    def __init__(self, ledger: Ledger, seed: int) -> None:
        super().__init__(ledger, pause=0.01)
        self._random = Random(seed)

    def _behaviour(self, operation: str, number: int, key: str) -> str:
        if self._random.random() < 0.8:
            return "ok"
        return self._random.choice(MOODS)


async def main(arguments: Sequence[str]) -> None:
    data, ledger, seed, *database = arguments
    settings = Settings(data=Path(data), database=database[0] if database else "")
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    state = State(settings)
    await state.start()
    hospital = Moody(Ledger(Path(ledger)), int(seed))
    worker = Worker(state, open_transport(settings), Source(snapshot()), hospital, pace=PACE)
    await worker.start()
    print("ready", flush=True)
    await stopped.wait()
    await worker.stop(drain=5)
    await state.aclose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
