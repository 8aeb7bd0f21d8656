"""``python -m services.simulators <system>``: one system of the hospital as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import click
from aiohttp import web

from services.simulators import app, emr, his, insurance, lis, pacs, pharmacy
from services.simulators.context import Context
from services.simulators.faults import Faults
from services.simulators.ledger import Ledger
from services.simulators.trouble import Trouble

SYSTEMS: dict[str, Callable[[Context], web.Application]] = {
    "his": his.application,
    "emr": emr.application,
    "lis": lis.application,
    "pacs": pacs.application,
    "insurance": insurance.application,
    "pharmacy": pharmacy.application,
    "app": app.application,
}


async def serve(system: str, application: web.Application, context: Context, port: int, *, parent: int = 0) -> None:
    """Serve on loopback until SIGTERM or SIGINT, or until ``parent`` is gone; print the port as one JSON line."""
    Trouble().install(application)
    application.router.add_get("/health", _health)
    application.on_cleanup.append(context.close)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sys.stdout.write(json.dumps({"system": system, "port": runner.addresses[0][1], "pid": os.getpid()}) + "\n")
    sys.stdout.flush()
    while not stop.is_set() and (not parent or os.getppid() == parent):
        try:
            await asyncio.wait_for(stop.wait(), 1.0)
        except TimeoutError:
            continue
    await runner.cleanup()


async def _health(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


@click.command()
@click.argument("system", type=click.Choice(sorted(SYSTEMS)))
@click.option("--port", default=0, show_default=True, help="0 takes a free one.")
@click.option("--ledger", "path", type=click.Path(path_type=Path), required=True, help="The system's own books.")
@click.option("--bus", default="http://127.0.0.1:8080", show_default=True, help="Where this system calls the bus.")
@click.option("--pacs", default="", help="A real PACS to store images into (Orthanc's REST address).")
@click.option("--delay", default=0.3, show_default=True, help="Seconds from an order to its result, at least.")
@click.option("--hang-after", default=0.0, help="LIS: seconds after the first call until it hangs.")
@click.option("--hang-for", default=0.0, help="LIS: how many seconds it hangs.")
@click.option("--late-every", default=0, help="Insurance: every k-th settlement is answered late.")
@click.option("--late-by", default=0.0, help="Insurance: how many seconds late.")
@click.option("--refuse-every", default=0, help="Pharmacy: every k-th prescription is out of stock.")
@click.option("--parent", default=0, help="Stop when this process is gone.")
def main(
    system: str,
    port: int,
    path: Path,
    bus: str,
    pacs: str,
    delay: float,
    parent: int,
    **faults: float,
) -> None:
    """Run one simulated system."""
    late_every, refuse_every = int(faults.pop("late_every")), int(faults.pop("refuse_every"))
    switches = Faults(late_every=late_every, refuse_every=refuse_every, **faults)
    context = Context(Ledger(path), bus.rstrip("/"), switches, delay, pacs)
    asyncio.run(serve(system, SYSTEMS[system](context), context, port, parent=parent))


if __name__ == "__main__":
    main()
