"""One demo hospital: its folders, its simulated systems, its bus; started together, ended together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from services.demo.books import SYSTEMS, ledger_path
from services.demo.environment import Switches, addresses, free_port, make_secrets, secrets_of
from services.demo.processes import Processes, ProcessFailed

#: The shipped catalogue: this package's own folder of manifests.
CATALOGUE = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to start. ``broker`` and ``pacs`` are addresses, empty for the embedded broker and the simulated PACS."""

    folder: Path
    switches: Switches
    broker: str = ""
    pacs: str = ""
    port: int = 0

    @property
    def data(self) -> Path:
        """The bus's own data."""
        return self.folder / "data"

    @property
    def ledgers(self) -> Path:
        """The systems' ledgers."""
        return self.folder / "ledgers"


@dataclass(frozen=True, slots=True)
class Hospital:
    """A running one: the bus's address, the secrets, and the environment for further ``meridian`` commands."""

    url: str
    secrets: Mapping[str, str]
    environ: Mapping[str, str]


async def open_hospital(plan: Plan, processes: Processes) -> Hospital:
    """Start the systems, apply the catalogue, start the bus, and answer when it is ready. Raises ProcessFailed."""
    plan.ledgers.mkdir(parents=True, exist_ok=True)
    plan.data.mkdir(parents=True, exist_ok=True)
    port = plan.port or free_port()
    url = f"http://127.0.0.1:{port}"
    pacs, login = split_login(plan.pacs)
    secrets = make_secrets() | login
    starts = [_simulator(plan, processes, system, url, pacs, secrets_of(system, secrets)) for system in SYSTEMS]
    ports = dict(zip(SYSTEMS, await asyncio.gather(*starts), strict=True))
    environ = secrets | addresses(ports) | _settings(plan, port)
    if pacs:
        environ["PACS_URL"] = pacs
    if (plan.data / "registry.db").exists():  # an empty registry takes the catalogue by itself
        await processes.run("apply", "-f", str(CATALOGUE), environ=environ)
    await processes.bus("serve", environ=environ)
    await _ready(url, processes)
    return Hospital(url, secrets, environ)


async def _simulator(
    plan: Plan, processes: Processes, system: str, bus: str, pacs: str, environ: Mapping[str, str]
) -> int:
    arguments = ["--ledger", str(ledger_path(plan.ledgers, system)), "--bus", bus]
    if system == "pacs" and pacs:
        arguments += ["--pacs", pacs]
    arguments += plan.switches.arguments.get(system, ())
    return await processes.simulator(system, *arguments, environ=environ)


def _settings(plan: Plan, port: int) -> dict[str, str]:
    return {
        "MERIDIAN_DATA": str(plan.data),
        "MERIDIAN_CATALOGUE": str(CATALOGUE),
        "MERIDIAN_HOST": "127.0.0.1",
        "MERIDIAN_PORT": str(port),
        "MERIDIAN_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "MERIDIAN_DATABASE": "",
        "MERIDIAN_WORKERS": "1",
        "MERIDIAN_BROKER": plan.broker or "embedded",
    }


def split_login(address: str) -> tuple[str, dict[str, str]]:
    """Take ``user:password@`` out of a PACS's address; answer the address and the variables that hold the login."""
    parts = urlsplit(address)
    if not parts.password:
        return address.rstrip("/"), {}
    host = parts.netloc.rpartition("@")[2]
    login = {"PACS_USERNAME": parts.username or "", "PACS_PASSWORD": parts.password}
    return urlunsplit((parts.scheme, host, parts.path, "", "")).rstrip("/"), login


async def _ready(url: str, processes: Processes, limit: float = 180.0) -> None:
    end = time.monotonic() + limit
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        while time.monotonic() < end:
            processes.check()
            try:
                async with session.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(0.1)
                continue
            await asyncio.sleep(0.2)
    raise ProcessFailed(f"the bus at {url} did not get ready within {limit:.0f} seconds")
