"""``meridian apply``, ``get``, ``diff`` and ``rollback``: the registry from the command line."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import click

from bus.commands.listing import FORMATS, WHAT, listing, write
from bus.commands.operator import operator
from bus.commands.problems import problems_printed
from bus.registry import open_store
from bus.settings import Settings
from registry.catalogue import Catalogue
from registry.compile import compile_catalogue
from registry.diff import Change, compare
from registry.source import read_folder

_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command()
@click.option("-f", "--folder", type=_FOLDER, required=True, help="Folder of manifests.")
@click.option("--dry-run", is_flag=True, help="Check everything, change nothing.")
@click.option("--author", default="", help="Who makes this change; default: you.")
@click.option("-m", "--note", default="", help="Why.")
@click.pass_obj
def apply(settings: Settings, folder: Path, dry_run: bool, author: str, note: str) -> None:
    """Make the manifests in a folder the new revision; every problem is printed, and then nothing is changed."""
    with problems_printed():
        catalogue = read_folder(folder)
        _check(catalogue)
    with closing(open_store(settings)) as store:
        before, active = store.current()
        changes = compare(active, catalogue)
        revision = None if dry_run else store.apply(catalogue, author or operator(), note)
    _print_changes(changes, verbose=False)
    if revision is None:
        click.echo(f"dry run: {_count(changes)}; nothing was changed")
    elif revision.number == before:
        click.echo(f"no change: revision {revision.number} stays active")
    else:
        click.echo(f"revision {revision.number} is active: {_count(changes)}")


@click.command()
@click.option("-f", "--folder", type=_FOLDER, required=True, help="Folder of manifests.")
@click.option("-v", "--verbose", is_flag=True, help="Show the lines that differ.")
@click.pass_obj
def diff(settings: Settings, folder: Path, verbose: bool) -> None:
    """Print what applying a folder would change: + new, ~ different, - gone."""
    with problems_printed():
        catalogue = read_folder(folder)
    with closing(open_store(settings)) as store:
        changes = compare(store.current()[1], catalogue)
    _print_changes(changes, verbose=verbose)
    click.echo(_count(changes))


@click.command()
@click.argument("what", type=click.Choice(WHAT), default="services")
@click.argument("name", default="")
@click.option("-o", "--output", type=click.Choice(FORMATS), default="table", show_default=True)
@click.pass_obj
def get(settings: Settings, what: str, name: str, output: str) -> None:
    """Print what is registered: WHAT is a kind of object, or revisions; NAME picks one."""
    with closing(open_store(settings)) as store:
        rows = listing(store, what, name)
    write(rows, output)


@click.command()
@click.argument("revision", type=int)
@click.option("--author", default="", help="Who makes this change; default: you.")
@click.pass_obj
def rollback(settings: Settings, revision: int, author: str) -> None:
    """Make a new revision with the content of REVISION."""
    with closing(open_store(settings)) as store:
        with problems_printed():
            _check(store.catalogue(revision))
        made = store.rollback(revision, author or operator())
    click.echo(f"revision {made.number} is active: the content of revision {revision}")


def _check(catalogue: Catalogue) -> None:
    """Compile with this desk's environment, which need not hold the hospital's secrets."""
    for warning in compile_catalogue(catalogue, os.environ, require_environment=False).warnings:
        click.echo(f"warning: {warning}", err=True)


def _print_changes(changes: tuple[Change, ...], *, verbose: bool) -> None:
    for change in changes:
        click.echo(f"{change.verdict} {change.kind} {change.name}")
        if verbose:
            click.echo(change.unified())


def _count(changes: tuple[Change, ...]) -> str:
    verdicts = [change.verdict for change in changes]
    return f"{verdicts.count('+')} new, {verdicts.count('~')} changed, {verdicts.count('-')} gone"
