"""A worker process that does as it is told: ``python scripted_worker.py DATA LEDGER SCRIPT WORKFLOW``.

SCRIPT is the JSON of a hospital's script, WORKFLOW the YAML of the workflow that it knows.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson
from ledger_hospital import Hospital, Ledger, snapshot
from orchestration_bus import playing

from bus.settings import Settings


async def main(arguments: Sequence[str]) -> None:
    data, ledger, script, workflow = arguments
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    hospital = Hospital(Ledger(Path(ledger)), orjson.loads(script))
    async with playing(Settings(data=Path(data)), hospital, snapshot(workflow)):
        print("ready", flush=True)
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
