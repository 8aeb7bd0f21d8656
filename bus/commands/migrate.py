"""``meridian migrate``: the tables of every store, brought to the revision that this release works with."""

from __future__ import annotations

import sys

import click

from bus.commands.operator import operator
from bus.database import check_database
from bus.errors import SettingsInvalid
from bus.migrations import installation
from bus.migrations.installation import Standing
from bus.settings import Settings


@click.command()
@click.option("--to", default="", metavar="REVISION", help="To this revision, forward or back.")
@click.option("--back", is_flag=True, help="One revision back, for the release before this one.")
@click.option("--check", is_flag=True, help="Only say what is found; exit status 1 when something is to be done.")
@click.option("--sql", is_flag=True, help="Only print the statements.")
@click.pass_obj
def migrate(settings: Settings, to: str, back: bool, check: bool, sql: bool) -> None:
    """Bring the tables of every store to the newest revision, without --to or --back.

    On SQLite stop the bus first. On PostgreSQL processes of the release before go on working meanwhile.
    """
    if to and back:
        raise SettingsInvalid("--to and --back contradict each other")
    if settings.database:
        check_database(settings.database)
    wanted = installation.before(settings) if back else to
    if check:
        standings = installation.standings(settings, wanted)
        for standing in standings:
            _say(standing, f"wanted: {standing.wanted}" if standing.found else "made at the first start")
        sys.exit(any(standing.found not in ("", standing.wanted) for standing in standings))
    if sql:
        installation.statements(settings, sys.stdout, wanted)
        return
    for standing in installation.migrate(settings, wanted, who=operator()):
        _say(standing, f"→ {standing.wanted}")


def _say(standing: Standing, otherwise: str) -> None:
    words = "as wanted" if standing.found == standing.wanted else otherwise
    click.echo(f"{standing.place.name}  {standing.found or 'no tables'}  {words}")
