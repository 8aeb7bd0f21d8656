"""The console of a bus that runs in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunningConsole:
    """Its address, its data, and how to make a sign-in link. ``visit`` is the address of one visit's page."""

    url: str
    data: Path
    environ: dict[str, str]
    visit: str = ""

    def link(self, user: str = "tester", role: str = "admin") -> str:
        """A fresh sign-in link."""
        command = meridian("user", "add", user, "--role", role, "--link")
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def meridian(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from bus.cli import main; main()", *arguments]
