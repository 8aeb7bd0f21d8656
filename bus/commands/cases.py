"""``meridian test``: the saved cases of a catalogue, without a server, a provider or a secret."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from bus.bootstrap import SHIPPED
from bus.cases.case import Case
from bus.cases.reading import read_cases
from bus.cases.running import Verdict, run_case
from bus.commands.problems import problems_printed
from bus.settings import Settings
from registry.compile import compile_catalogue
from registry.model import Snapshot
from registry.source import read_folder

_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command("test")
@click.argument("names", nargs=-1)
@click.option("-f", "--folder", type=_FOLDER, help="Folder of manifests; default: the configured catalogue.")
@click.option("-v", "--verbose", is_flag=True, help="Name the cases that pass, too.")
@click.pass_obj
def test(settings: Settings, names: tuple[str, ...], folder: Path | None, verbose: bool) -> None:
    """Run the saved cases (cases/*.yaml beside a manifest); NAMES pick those of a service or of service.operation."""
    folder = folder or settings.catalogue or SHIPPED
    with problems_printed("no case was run"):
        catalogue = read_folder(folder)
        snapshot = compile_catalogue(catalogue, os.environ, require_environment=False).snapshot
        cases = [case for case in read_cases(folder) if _wanted(case, names)]
    if not cases:
        raise click.ClickException("there are no such cases; they stand in cases/*.yaml beside a manifest")
    verdicts = asyncio.run(_run(cases, snapshot))
    for verdict in verdicts:
        _print(verdict, verbose=verbose)
    failed = sum(bool(verdict.failures) for verdict in verdicts)
    skipped = sum(bool(verdict.skipped) for verdict in verdicts)
    click.echo(f"{len(verdicts) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


def _wanted(case: Case, names: Sequence[str]) -> bool:
    return not names or case.operation in names or case.operation.partition(".")[0] in names


async def _run(cases: Sequence[Case], snapshot: Snapshot) -> list[Verdict]:
    return [await run_case(case, snapshot) for case in cases]


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
