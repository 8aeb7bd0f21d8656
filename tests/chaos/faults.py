"""What goes wrong: every kind of fault, whom it hits, and how it ends."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from random import Random

import aiohttp
from chaos.ground import Ground
from chaos.hospital import Hospital
from chaos.supervisor import Unit
from fault_proxy import NORMAL, FaultProxy
from fault_proxy import Fault as Network
from postgres import PostgresServer

from services.simulators.trouble import KINDS

#: Does the harm and the healing, and answers in words what it did.
Work = Callable[[Random], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of harm to one target. At most ``room`` faults of one ``place`` are under way at once."""

    kind: str
    target: str
    place: str
    work: Work = field(repr=False)
    room: int = 1


def possible(hospital: Hospital) -> list[Fault]:
    """Every fault that can hit this hospital."""
    faults = [
        fault
        for role in dict.fromkeys(unit.role for unit in hospital.units)
        for fault in _of_role(role, hospital.of(role))
    ]
    if hospital.ground is not None:
        faults += _of_ground(hospital.ground)
    else:
        faults += _of_disk(hospital)
    return faults + [Fault(kind, "provider", f"provider-{kind}", _provider(hospital, kind)) for kind in KINDS]


# ── the bus's own processes ──────────────────────────────────────────────────────────────────────────


def _of_role(role: str, units: list[Unit]) -> list[Fault]:
    busy: set[str] = set()

    @contextmanager
    def one(dice: Random) -> Iterator[Unit]:
        unit = dice.choice([unit for unit in units if unit.name not in busy])
        busy.add(unit.name)
        try:
            yield unit
        finally:
            busy.discard(unit.name)

    async def kill(dice: Random) -> str:
        with one(dice) as unit:
            if dice.random() < 0.25:
                unit.kill_one(dice)
                return f"kill -9 one process of {unit.name}"
            unit.kill()
            return f"kill -9 {unit.name}"

    async def freeze(dice: Random) -> str:
        seconds = dice.choice((3.0, 6.0, 12.0, 35.0))  # the last outlives every lease
        with one(dice) as unit:
            pid = unit.pid
            unit.signal(signal.SIGSTOP)
            await asyncio.sleep(seconds)
            if unit.pid == pid:
                unit.signal(signal.SIGCONT)
            return f"SIGSTOP {unit.name} for {seconds:.0f} s"

    async def restart(dice: Random) -> str:
        with one(dice) as unit:
            unit.restart()
            return f"restart {unit.name}"

    return [Fault(work.__name__, role, role, work, len(units)) for work in (kill, freeze, restart)]


# ── broker, database and the network to them ─────────────────────────────────────────────────────────


def _of_ground(ground: Ground) -> list[Fault]:
    broker, database = ground.broker, ground.database

    async def broker_restart(_: Random) -> str:
        await asyncio.to_thread(broker.stop)
        await asyncio.to_thread(broker.start)
        return "broker stopped and started"

    async def broker_kill(dice: Random) -> str:
        await asyncio.to_thread(broker.kill9)
        await asyncio.sleep(dice.uniform(0.0, 3.0))
        await asyncio.to_thread(broker.start)
        return "broker killed and started"

    async def broker_freeze(dice: Random) -> str:
        seconds = dice.uniform(3.0, 15.0)
        broker.freeze()
        await asyncio.sleep(seconds)
        broker.thaw()
        return f"broker frozen for {seconds:.0f} s"

    async def database_restart(_: Random) -> str:
        await asyncio.to_thread(database.stop)
        await asyncio.to_thread(database.start)
        return "database stopped (fast) and started"

    async def database_crash(dice: Random) -> str:
        await asyncio.to_thread(database.crash)
        await asyncio.sleep(dice.uniform(0.0, 3.0))
        await asyncio.to_thread(database.start)
        return "database stopped (immediate) and started"

    async def database_freeze(dice: Random) -> str:
        seconds = dice.uniform(2.0, 10.0)
        database.freeze()
        await asyncio.sleep(seconds)
        database.thaw()
        return f"database frozen for {seconds:.0f} s"

    async def database_disk(dice: Random) -> str:
        seconds = dice.uniform(2.0, 6.0)
        await asyncio.to_thread(ground.disk.fill)
        await asyncio.sleep(seconds)
        ground.disk.free()
        if not await asyncio.to_thread(_alive, database):
            await asyncio.to_thread(database.crash)
            await asyncio.to_thread(database.start)
        return f"database's disk full for {seconds:.0f} s"

    works: list[tuple[str, str, Work]] = [
        ("restart", "broker", broker_restart),
        ("kill", "broker", broker_kill),
        ("freeze", "broker", broker_freeze),
        ("restart", "database", database_restart),
        ("crash", "database", database_crash),
        ("freeze", "database", database_freeze),
    ]
    if ground.disk.fillable:
        works.append(("disk-full", "database", database_disk))
    faults = [Fault(kind, target, target, work) for kind, target, work in works]
    for target, proxy in (("broker", ground.broker_net), ("database", ground.database_net)):
        faults += _of_network(target, proxy)
    return faults


def _alive(database: PostgresServer) -> bool:
    """Whether the database still takes connections, or has given up and ended itself."""
    return database.running and database.answers()


def _of_network(target: str, proxy: FaultProxy) -> list[Fault]:
    async def cut(_: Random) -> str:
        proxy.cut()
        return f"connections to the {target} cut"

    async def reset(_: Random) -> str:
        proxy.reset()
        return f"connections to the {target} reset"

    async def last(network: Network, seconds: float) -> None:
        proxy.set(network)
        await asyncio.sleep(seconds)
        proxy.set(NORMAL)

    async def delay(dice: Random) -> str:
        pause, seconds = dice.uniform(0.02, 0.3), dice.uniform(4.0, 10.0)
        await last(Network(delay=pause), seconds)
        return f"{pause * 1000:.0f} ms more to the {target} for {seconds:.0f} s"

    async def black_hole(dice: Random) -> str:
        seconds = dice.uniform(3.0, 15.0)
        await last(Network(silent=True), seconds)
        return f"black hole before the {target} for {seconds:.0f} s"

    async def refuse(dice: Random) -> str:
        seconds = dice.uniform(3.0, 8.0)
        proxy.reset()
        await last(Network(refuses=True), seconds)
        return f"connections to the {target} reset and refused for {seconds:.0f} s"

    works: list[tuple[str, Work]] = [
        ("net-cut", cut),
        ("net-reset", reset),
        ("net-delay", delay),
        ("net-black-hole", black_hole),
        ("net-refuse", refuse),
    ]
    return [Fault(kind, target, f"net-{target}", work) for kind, work in works]


# ── the disk of the embedded stores ──────────────────────────────────────────────────────────────────


def _of_disk(hospital: Hospital) -> list[Fault]:
    async def disk_full(dice: Random) -> str:
        seconds = dice.uniform(2.0, 8.0)
        await asyncio.to_thread(hospital.disk.fill)
        await asyncio.sleep(seconds)
        hospital.disk.free()
        return f"disk full for {seconds:.0f} s"

    async def io_error(dice: Random) -> str:
        seconds = dice.uniform(1.0, 4.0)
        async with _inject("fsync,fdatasync:error=EIO", hospital.units[0].processes()):
            await asyncio.sleep(seconds)
        return f"fsync answers EIO for {seconds:.0f} s"

    faults = []
    if hospital.disk.fillable:
        faults += [Fault("disk-full", "serve", "disk", disk_full)] * 3
    if shutil.which("strace"):
        faults += [Fault("io-error", "serve", "serve", io_error)] * 3
    return faults


@asynccontextmanager
async def _inject(rule: str, processes: list[int]) -> AsyncIterator[None]:
    """Have the kernel answer these processes with an error (strace(1), inject), as long as the block lasts."""
    traced, _, error = rule.partition(":")
    attach = [argument for pid in processes for argument in ("-p", str(pid))]
    strace = await asyncio.create_subprocess_exec(
        *("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={traced}", "-e", f"inject={traced}:{error}", *attach),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            strace.terminate()  # detaches: the traced go on
        await strace.wait()


# ── the systems that the bus calls ───────────────────────────────────────────────────────────────────


def _provider(hospital: Hospital, kind: str) -> Work:
    # Only the board rejects what is good: its lanes are parked and released by hand. A visit's own systems would make
    # every undo a task for a person.
    hit = {"board": hospital.systems["board"]} if kind == "reject" else hospital.systems

    async def trouble(dice: Random) -> str:
        system, url = dice.choice(sorted(hit.items()))
        seconds = dice.uniform(3.0, 10.0)
        wish = {"kind": kind, "seconds": seconds, "delay": dice.uniform(0.5, 3.0)}
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.put(f"{url}/trouble", json=wish) as answer,
        ):
            answer.raise_for_status()
        await asyncio.sleep(seconds)
        return f"{system}: {kind} for {seconds:.0f} s"

    return trouble
