"""``meridian test``: the saved cases of a catalogue, by the hops alone or through a running bus."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

import click

from bus.cases.case import Case
from bus.cases.live import run_live
from bus.cases.reading import read_cases
from bus.cases.running import Verdict, run_case
from bus.commands.problems import problems_printed
from bus.registry import SHIPPED
from bus.settings import Settings
from registry.compile import compile_catalogue
from registry.model import Snapshot
from registry.source import read_folder

Run: TypeAlias = Callable[[Case, Snapshot], Awaitable[Verdict]]

_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command("test")
@click.argument("names", nargs=-1)
@click.option("-f", "--folder", type=_FOLDER, help="Folder of manifests; default: the configured catalogue.")
@click.option("--live", is_flag=True, help="Send them through the running bus, to the real providers.")
@click.option("--url", default="", help="Address of that bus; default: public_url of the settings.")
@click.option("--key", envvar="MERIDIAN_API_KEY", default="", help="API key of a consumer; or $MERIDIAN_API_KEY.")
@click.option("-v", "--verbose", is_flag=True, help="Name the cases that pass, too.")
@click.pass_obj
def test(
    settings: Settings, names: tuple[str, ...], folder: Path | None, live: bool, url: str, key: str, verbose: bool
) -> None:
    """Run the saved cases (cases/*.yaml beside a manifest); NAMES pick those of a service or of service.operation."""
    folder = folder or settings.catalogue or SHIPPED
    with problems_printed("no case was run"):
        catalogue = read_folder(folder)
        snapshot = compile_catalogue(catalogue, os.environ, require_environment=False).snapshot
        cases = [case for case in read_cases(folder) if _wanted(case, names)]
    if not cases:
        raise click.ClickException("there are no such cases; they stand in cases/*.yaml beside a manifest")
    run = partial(run_live, base=url or settings.base_url, key=key) if live else run_case
    verdicts = asyncio.run(_all(cases, snapshot, run))
    for verdict in verdicts:
        _print(verdict, verbose=verbose)
    failed = sum(bool(verdict.failures) for verdict in verdicts)
    skipped = sum(bool(verdict.skipped) for verdict in verdicts)
    click.echo(f"{len(verdicts) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


def _wanted(case: Case, names: Sequence[str]) -> bool:
    return not names or case.operation in names or case.operation.partition(".")[0] in names


async def _all(cases: Sequence[Case], snapshot: Snapshot, run: Run) -> list[Verdict]:
    return [await run(case, snapshot) for case in cases]


def _print(verdict: Verdict, *, verbose: bool) -> None:
    case = verdict.case
    where = f"{case.file}:{case.line}: {case.operation}: {case.name}"
    if verdict.failures:
        click.echo(f"{click.style('FAILED ', fg='red', bold=True)} {where}")
        for failure in verdict.failures:
            click.echo(f"         {failure}")
    elif verdict.skipped:
        click.echo(f"{click.style('skipped', fg='yellow')} {where}\n         {verdict.skipped}")
    elif verbose:
        click.echo(f"{click.style('passed ', fg='green')} {where}")
