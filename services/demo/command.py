"""The command itself, which loads the demo only when it is run."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.option("--visits", "count", default=20, show_default=True, type=click.IntRange(1, 5000), help="How many visits.")
@click.option("--faults", is_flag=True, help="The LIS hangs, the insurance answers late, the pharmacy refuses.")
@click.option("--broker", default="", metavar="amqp://…", help="RabbitMQ instead of the embedded broker.")
@click.option("--pacs", default="", metavar="http://…", help="A real PACS (Orthanc) instead of the simulated one.")
@click.option("--port", default=0, help="The bus's port; 0 takes a free one.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep data, ledgers and logs in this folder.")
@click.option("--exit", "leave", is_flag=True, help="Stop when the visits have ended.")
def demo(count: int, faults: bool, broker: str, pacs: str, port: int, keep: Path | None, leave: bool) -> None:
    """Carry COUNT outpatient visits over the bus between simulated systems, then reconcile their ledgers."""
    from services.demo.run import run  # here, so that `meridian --help` is not kept waiting for it

    sys.exit(run(count, faults=faults, broker=broker, pacs=pacs, port=port, keep=keep, leave=leave))
