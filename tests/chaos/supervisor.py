"""Keeps the bus's processes running as systemd would: whatever ends is started again, with all it had begun gone."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

#: systemd's RestartSec.
PAUSE = 1.0

_FAREWELL = 25.0


class Unit:
    """One service of the machine: ``meridian`` with these arguments, in a process group of its own."""

    def __init__(self, name: str, role: str, arguments: Sequence[str], environ: Mapping[str, str], logs: Path) -> None:
        self.name = name
        self.role = role
        self.restarts = 0
        self._command = (sys.executable, "-m", "services.demo.leash", str(os.getpid()), *arguments)
        self._environ = {**os.environ, **environ}
        self._log = logs / f"{name}.log"
        self._child: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The main process; 0 between two lives."""
        return self._child.pid if self._child is not None and self._child.returncode is None else 0

    async def start(self) -> None:
        """Start it and keep it running."""
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep(), name=f"unit-{self.name}")

    async def stop(self) -> None:
        """End it for good: in good order, and by force when that takes too long."""
        if self._keeper is not None:
            self._keeper.cancel()
        if self._child is not None and self._child.returncode is None:
            self.signal(signal.SIGCONT)
            with suppress(ProcessLookupError):
                self._child.terminate()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._child.wait(), _FAREWELL)
        self.kill()

    def restart(self) -> None:
        """What ``systemctl restart`` does: SIGTERM, time to end in good order, a new life."""
        with suppress(ProcessLookupError):
            if self._child is not None:
                self._child.terminate()

    def kill(self) -> None:
        """Kill -9 of all its processes at once, as the machine's memory guard or a power cut would."""
        self.signal(signal.SIGKILL)

    def kill_one(self, dice: Random) -> None:
        """Kill -9 of one of its processes; whoever is left has to see to it."""
        with suppress(ProcessLookupError, IndexError):
            os.kill(dice.choice(self.processes()), signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all its processes."""
        if self._child is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, number)

    def processes(self) -> list[int]:
        """Every process of its group."""
        group = self.pid
        found = []
        for folder in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                if group and int((folder / "stat").read_text().rpartition(")")[2].split()[2]) == group:
                    found.append(int(folder.name))
        return found

    async def _spawn(self) -> None:
        with self._log.open("ab") as log:
            self._child = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environ,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def _keep(self) -> None:
        while True:
            assert self._child is not None
            await self._child.wait()
            self.kill()  # what the main process left behind
            await asyncio.sleep(PAUSE)
            self.restarts += 1
            await self._spawn()
