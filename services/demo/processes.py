"""Child processes that are started, waited for, and ended by their id: never by name."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import orjson

from bus.errors import BusError

#: How many lines of a failed process's log are shown: the folder they are in is about to go.
_LAST_WORDS = 12


class ProcessFailed(BusError):
    """A process of the demo ended, or did not get ready; the message holds the end of its log."""


class Processes:
    """All child processes of one demo; leaving the ``async with`` ends them, youngest first."""

    def __init__(self, logs: Path, environ: Mapping[str, str]) -> None:
        self._logs = logs
        self._environ = dict(environ)
        self._children: list[tuple[str, asyncio.subprocess.Process]] = []

    async def __aenter__(self) -> Processes:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._children:
            _name, child = self._children.pop()
            await _end(child)

    async def simulator(
        self, system: str, *arguments: str, environ: Mapping[str, str], module: str = "services.simulators"
    ) -> int:
        """Start a simulated system, which ``module`` runs, and answer the port it listens on."""
        command = (sys.executable, "-m", module, system, "--parent", str(os.getpid()), *arguments)
        child = await self._start(system, command, environ, stdout=asyncio.subprocess.PIPE)
        stream = child.stdout
        try:
            line = await asyncio.wait_for(stream.readline(), 30) if stream else b""
            port: int = orjson.loads(line)["port"]
        except (TimeoutError, orjson.JSONDecodeError, KeyError) as error:
            raise self._failed(system, "did not say its port") from error
        return port

    async def bus(self, *arguments: str, environ: Mapping[str, str]) -> None:
        """Start ``meridian`` with these arguments and leave it running."""
        command = (sys.executable, "-m", "services.demo.leash", str(os.getpid()), *arguments)
        await self._start(arguments[0], command, environ)

    async def run(self, *arguments: str, environ: Mapping[str, str]) -> str:
        """Run ``meridian`` with these arguments to its end and answer what it printed."""
        child = await asyncio.create_subprocess_exec(
            *_meridian(*arguments),
            env=self._environ | dict(environ),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            stdin=asyncio.subprocess.DEVNULL,
        )
        output, errors = await child.communicate()
        if child.returncode:
            raise ProcessFailed(
                f"meridian {' '.join(arguments)}: {(errors or output).decode(errors='replace').strip()}"
            )
        return output.decode()

    def check(self) -> None:
        """Raise ProcessFailed when any child has ended by itself."""
        for name, child in self._children:
            if child.returncode is not None:
                raise self._failed(name, f"ended with status {child.returncode}")

    async def _start(
        self, name: str, command: tuple[str, ...], environ: Mapping[str, str], stdout: int | None = None
    ) -> asyncio.subprocess.Process:
        with (self._logs / f"{name}.log").open("ab") as log:
            child = await asyncio.create_subprocess_exec(
                *command,
                env=self._environ | dict(environ),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stdout or log,
                stderr=log,
                start_new_session=True,
            )
        self._children.append((name, child))
        return child

    def _failed(self, name: str, what: str) -> ProcessFailed:
        log = self._logs / f"{name}.log"
        lines = log.read_text(errors="replace").splitlines()[-_LAST_WORDS:] if log.exists() else []
        return ProcessFailed("\n  ".join([f"{name} {what}; the end of its log:", *lines]))


def _meridian(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-c", "from bus.cli import main; main()", *arguments)


async def _end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
        try:
            await asyncio.wait_for(child.wait(), 20)
        except TimeoutError:
            child.kill()
            await child.wait()
