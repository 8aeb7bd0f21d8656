"""``meridian conform``: which side is wrong, from the journal, a file, or one call made now."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable
from pathlib import Path

import click

from bus.commands.spans import span
from bus.conform.exchange_file import read_exchange
from bus.conform.finding import REASONS, Finding
from bus.conform.live import ask
from bus.conform.report import Report, recorded, report
from bus.errors import UnknownOperation
from bus.hops.resolve import find_version
from bus.hops.suggest import missing
from bus.journal.open import open_journal
from bus.ports import Query, Record
from bus.registry import open_store
from bus.settings import Settings
from registry.compile import compile_catalogue
from registry.model import Snapshot


@click.command()
@click.argument("operation", metavar="SERVICE[.OPERATION]")
@click.option("--since", callback=span, default="24h", show_default=True, help="Exchanges of this span up to now.")
@click.option("--flow", default="", help="Only the exchanges of this flow.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=500, show_default=True, help="The newest ones only.")
@click.option("--file", type=click.Path(path_type=Path), help="One exchange from a JSON file, instead of the journal.")
@click.option("--live", metavar="URL", help="Call this address now with --body, and check request and reply.")
@click.option("--body", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The request for --live.")
@click.option("--header", multiple=True, metavar="NAME:VALUE", help="A header for --live, such as Content-Type.")
@click.pass_obj
def conform(
    settings: Settings,
    operation: str,
    since: float,
    flow: str,
    limit: int,
    file: Path | None,
    live: str | None,
    body: Path | None,
    header: tuple[str, ...],
) -> None:
    """Hold exchanges against the contract; say for each finding whose it is: provider's, bus's or caller's.

    The exit status is 1 when anything was found. Patient data are never printed: paths and rules only.
    """
    service, _, name = operation.partition(".")
    snapshot = _registered(settings)
    _known(snapshot, service, name)
    records: Iterable[Record]
    if file is not None:
        records = (read_exchange(file, service, name),)
    elif live is not None:
        if body is None or not name:
            raise click.UsageError(
                "--live needs --body and an operation: conform SERVICE.OPERATION --live URL --body FILE"
            )
        version = find_version(snapshot, service, "")
        records = (asyncio.run(ask(settings, version, name, live, body.read_bytes(), header)),)
    else:
        query = Query(
            service=service, operation=name, flow=flow, since=0.0 if flow else time.time() - since, limit=limit
        )
        records = recorded(open_journal(settings)[1], query)
    found = report(records, snapshot, name)
    _show(found)
    if found.counts:
        raise click.exceptions.Exit(1)


def _registered(settings: Settings) -> Snapshot:
    """What is registered now. Addresses and secrets may be unknown here: contracts need none of them."""
    store = open_store(settings)
    try:
        number, catalogue = store.current()
    finally:
        store.close()
    return compile_catalogue(catalogue, os.environ, revision=number, require_environment=False).snapshot


def _known(snapshot: Snapshot, service: str, operation: str) -> None:
    version = find_version(snapshot, service, "")
    if operation and not any(operation in each.operations for each in snapshot.services[service].versions.values()):
        raise UnknownOperation(missing(f"operation of {service}", operation, version.operations))


def _show(found: Report) -> None:
    click.echo(
        f"{found.exchanges} exchanges checked, {sum(each.count for each in found.counts)} findings: "
        + ", ".join(f"{side} {found.total(side)}" for side in ("provider", "bus", "caller"))
    )
    if found.unknown:
        click.echo(f"{found.unknown} exchanges were left out: their operation is not known, or not registered any more")
    side = ""
    for each in found.counts:
        if each.finding.side != side:
            side = each.finding.side
            click.echo(click.style(f"\n{side}", bold=True))
        who = f" · {each.consumer}" if each.consumer else ""
        click.echo(f"  {each.count:>5} ×  {each.service}.{each.operation}{who} · {each.finding.stage}")
        click.echo(f"          {_place(each.finding)}{each.finding.text} ({each.finding.rule})")
        click.echo(f"          for example {each.example}")
    if found.gaps:
        click.echo(click.style("\nnot checked", bold=True))
    for gap in found.gaps:
        click.echo(f"  {gap.count:>5} ×  {gap.operation} · {gap.stage}: {REASONS[gap.reason]}")


def _place(finding: Finding) -> str:
    line = f"line {finding.line}" if finding.line else ""
    return f"{', '.join(part for part in (line, finding.path) if part)}: " if line or finding.path else ""
