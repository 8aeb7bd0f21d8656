"""Hands out the faults, one after the other and some at once, all of them from one seed."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

from chaos.faults import Fault


class Injector:
    """Shuffles every possible fault and deals them: none comes again before all have been, while the count allows it.

    Each is written to ``log`` as a JSON line: when it began and ended, kind, target, what was done.
    """

    def __init__(self, faults: Sequence[Fault], seed: int, log: Path) -> None:
        self._faults = tuple(faults)
        self._dice = Random(seed)
        self._bag: list[Fault] = []
        self._places = {fault.place: asyncio.Semaphore(fault.room) for fault in faults}
        self._log = log
        self.kinds: Counter[tuple[str, str]] = Counter()
        self.failed: list[str] = []

    @property
    def done(self) -> int:
        """How many faults have been injected."""
        return sum(self.kinds.values())

    async def run(self, count: int, seconds: float) -> None:
        """Inject ``count`` faults spread over ``seconds``; returns when all of them are healed."""
        begin, under_way = time.monotonic(), []
        for number in range(count):
            moment = seconds * (number + self._dice.uniform(0.2, 0.8)) / count
            await asyncio.sleep(max(0.0, begin + moment - time.monotonic()))
            fault, seed = self._draw(), self._dice.getrandbits(32)
            under_way.append(asyncio.create_task(self._inject(fault, Random(seed))))
        await asyncio.gather(*under_way)

    def _draw(self) -> Fault:
        if not self._bag:
            self._bag = self._dice.sample(self._faults, len(self._faults))
        return self._bag.pop()

    async def _inject(self, fault: Fault, dice: Random) -> None:
        async with self._places[fault.place]:
            began = time.time()
            self.kinds[fault.kind, fault.target] += 1
            try:
                what = await fault.work(dice)
            except Exception as error:  # a server that does not come back spoils the run, and must be told
                what = f"{type(error).__name__}: {error}"
                self.failed.append(f"{fault.kind} {fault.target}: {what}")
            line = {"began": began, "ended": time.time(), "kind": fault.kind, "target": fault.target, "what": what}
            with self._log.open("a") as log:
                log.write(json.dumps(line) + "\n")
