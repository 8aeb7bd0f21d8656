"""An installation whose workers are processes of their own."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

from served_bus import ServedBus

HOSPITAL = Path(__file__).with_name("hospital")


class Fleet(ServedBus):
    """An installation whose workers are processes of their own, beside a server that has no worker in it."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        super().__init__(folder, environ, HOSPITAL)
        self.workers: list[subprocess.Popen[bytes]] = []

    def hire(self) -> None:
        """Start one more worker."""
        command = [sys.executable, "-c", "from bus.cli import main; main()", "worker"]
        with (self.folder / "worker.log").open("ab") as log:
            self.workers.append(subprocess.Popen(command, env=self.environ, stdout=log, stderr=log))

    def kill_a_worker(self) -> None:
        """Kill one of them as a power cut would."""
        victim = self.workers.pop(random.randrange(len(self.workers)))
        victim.send_signal(signal.SIGKILL)
        victim.wait(10)

    def dismiss(self) -> None:
        """End all of them."""
        for worker in self.workers:
            worker.kill()
            worker.wait(10)
        self.workers.clear()
