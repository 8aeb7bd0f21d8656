"""An installation whose roles are processes of their own."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

from served_bus import ServedBus

HOSPITAL = Path(__file__).with_name("hospital")


class Fleet(ServedBus):
    """A gateway, a relay and two workers; ``start`` starts them, ``stop`` ends them."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        super().__init__(folder, environ, HOSPITAL)
        self._relay: subprocess.Popen[bytes] | None = None
        self._workers: list[subprocess.Popen[bytes]] = []

    def start(self, role: str = "gateway") -> Fleet:
        """Start all of them, and wait until the gateway is ready."""
        super().start(role)
        self._relay = self._spawn("relay")
        self.hire()
        self.hire()
        return self

    def stop(self) -> int:
        """End all of them; answer the gateway's exit status."""
        for process in filter(None, (self._relay, *self._workers)):
            process.kill()
            process.wait(10)
        self._workers.clear()
        return super().stop()

    def hire(self) -> None:
        """Start one more worker."""
        self._workers.append(self._spawn("worker"))

    def kill_a_worker(self) -> None:
        """Kill one of them as a power cut would."""
        victim = self._workers.pop(random.randrange(len(self._workers)))
        victim.send_signal(signal.SIGKILL)
        victim.wait(10)

    def _spawn(self, role: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", "from bus.cli import main; main()", role]
        with (self.folder / f"{role}.log").open("ab") as log:
            return subprocess.Popen(command, env=self.environ, stdout=log, stderr=log)
