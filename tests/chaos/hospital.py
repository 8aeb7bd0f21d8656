"""The hospital under test: its simulated systems, the bus in many processes, and the balancer before its gateways."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import time
from pathlib import Path

import aiohttp
from chaos.balancer import Balancer
from chaos.ground import Disk, Ground
from chaos.plan import Plan
from chaos.supervisor import Unit
from ports import free_port

from bus.roles import ALL_ROLES
from services.demo.books import SYSTEMS, ledger_path
from services.demo.environment import addresses, make_secrets, secrets_of
from services.demo.hospital import CATALOGUE
from services.demo.processes import Processes, ProcessFailed

#: How many processes of each role a cluster has.
CLUSTER = {"gateway": 2, "worker": 2, "relay": 2, "console": 1}

#: Some visits are given up whatever happens, so that there is something to take back.
_HABITS = {"pharmacy": ("--refuse-every", "12")}

#: Roles that listen at a port of their own.
_DOORS = frozenset({"gateway", "console", "serve"})

_READY = 180.0


class Hospital:
    """Use as an asynchronous context manager; ready when entered. ``ground`` is None for the embedded profile."""

    def __init__(self, plan: Plan, ground: Ground | None) -> None:
        self.plan = plan
        self.ground = ground
        self.disk = ground.disk if ground is not None else Disk(1024)
        self.secrets = make_secrets() | {name: secrets.token_urlsafe(24) for name in ("BOARD_KEY", "HALL_BUS_KEY")}
        self.url = f"http://127.0.0.1:{free_port()}"
        self.systems: dict[str, str] = {}
        self.units: list[Unit] = []
        self.environ: dict[str, str] = {}
        self._processes = Processes(plan.logs, os.environ)
        self._doors: dict[str, int] = {}
        self._balancer: Balancer | None = None

    @property
    def data(self) -> Path:
        """The bus's data folder: on the small disk where it is the only store."""
        return self.plan.folder / "data" if self.ground is not None else self.disk.path / "data"

    async def __aenter__(self) -> Hospital:
        await self._processes.__aenter__()
        try:
            await self._open()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(unit.stop() for unit in self.units))
        if self._balancer is not None:
            await self._balancer.stop()
        await self._processes.__aexit__(None, None, None)
        if self.ground is None:
            self.disk.close()

    def check(self) -> None:
        """Raise ProcessFailed when a simulated system has ended: then the run says nothing about the bus."""
        self._processes.check()

    async def meridian(self, *arguments: str) -> str:
        """Run ``meridian`` with these arguments, as an operator would, and answer what it printed."""
        port = str(next(iter(self._doors.values()), ""))
        return await self._processes.run(*arguments, environ=self.environ | ({"MERIDIAN_PORT": port} if port else {}))

    def of(self, role: str) -> list[Unit]:
        """The units of one role."""
        return [unit for unit in self.units if unit.role == role]

    async def _open(self) -> None:
        self.plan.ledgers.mkdir(parents=True)
        self.data.mkdir(parents=True)
        catalogue = _catalogue(self.plan.folder / "catalogue")
        ports = dict(zip(SYSTEMS, await asyncio.gather(*map(self._system, SYSTEMS)), strict=True))
        board = await self._processes.simulator(
            "board",
            *("--ledger", str(ledger_path(self.plan.ledgers, "board"))),
            environ=self.secrets,
            module="chaos.board",
        )
        self.systems = {system: f"http://127.0.0.1:{port}" for system, port in {**ports, "board": board}.items()}
        self.environ = (
            self.secrets | addresses(ports) | {"BOARD_URL": self.systems["board"]} | self._settings(catalogue)
        )
        await self.meridian("apply", "-f", str(catalogue))
        for name, role, *arguments in self._roles():
            port = free_port()
            environ = self.environ | {"MERIDIAN_PORT": str(port)}
            self.units.append(Unit(name, role, arguments, environ, self.plan.logs))
            if role in _DOORS:
                self._doors[name] = port
        await asyncio.gather(*(unit.start() for unit in self.units))
        self._balancer = Balancer([port for name, port in self._doors.items() if "console" not in name])
        await self._balancer.start(int(self.url.rpartition(":")[2]))
        if late := await self.not_ready():
            raise ProcessFailed(f"{', '.join(late)}: not ready within {_READY:.0f} seconds; see {self.plan.logs}")

    def _roles(self) -> list[tuple[str, str, str]]:
        if self.ground is None:
            return [("serve", "serve", "serve")]
        counts = {role: count for role, count in CLUSTER.items() if role in ALL_ROLES}
        return [(f"{role}-{number}", role, role) for role, count in counts.items() for number in range(1, count + 1)]

    async def _system(self, system: str) -> int:
        ledger = str(ledger_path(self.plan.ledgers, system))
        environ = secrets_of(system, self.secrets)
        arguments = ("--ledger", ledger, "--bus", self.url, *_HABITS.get(system, ()))
        return await self._processes.simulator(system, *arguments, environ=environ)

    def _settings(self, catalogue: Path) -> dict[str, str]:
        return {
            "MERIDIAN_DATA": str(self.data),
            "MERIDIAN_CATALOGUE": str(catalogue),
            "MERIDIAN_HOST": "127.0.0.1",
            "MERIDIAN_PUBLIC_URL": self.url,
            "MERIDIAN_DATABASE": self.ground.database_url if self.ground is not None else "",
            "MERIDIAN_BROKER": self.ground.broker_url if self.ground is not None else "embedded",
            "MERIDIAN_WORKERS": "1",
        }

    async def not_ready(self) -> list[str]:
        """Wait until every unit runs and answers that it is ready; answer the names of those that do not in time."""
        late = {unit.name: unit for unit in self.units}
        end = time.monotonic() + _READY
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while late and time.monotonic() < end:
                for name, unit in tuple(late.items()):
                    if unit.pid and (name not in self._doors or await _answers(session, self._doors[name])):
                        del late[name]
                await asyncio.sleep(0.2)
        return list(late)


async def _answers(session: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


def _catalogue(folder: Path) -> Path:
    """The shipped catalogue and, beside its systems, the board."""
    shutil.copytree(CATALOGUE, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__", "demo", "simulators"))
    shutil.copytree(Path(__file__).parent / "catalogue", folder / "systems", dirs_exist_ok=True)
    return folder
