"""``meridian``: every verb in one place. Packages add verbs through the entry-point group ``meridian.commands``."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from pathlib import Path

import click

from bus.commands.backbone import backbone
from bus.commands.call import call, snippet_command
from bus.commands.cases import test
from bus.commands.conform import conform
from bus.commands.dead_letters import dead_letters
from bus.commands.describe import describe
from bus.commands.downtime import downtime
from bus.commands.import_contract import import_command
from bus.commands.migrate import migrate
from bus.commands.parked import lanes, parked
from bus.commands.registry import apply, diff, get, rollback
from bus.commands.secrets import key, password
from bus.commands.serve import console, gateway, relay, serve, worker
from bus.commands.users import user
from bus.commands.workflow import workflow
from bus.settings import load
from transformers.errors import MeridianError

GROUP = "meridian.commands"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(path_type=Path), help="Settings file; default: meridian.toml.")
@click.version_option(package_name="meridian-bus")
@click.pass_context
def meridian(context: click.Context, config: Path | None) -> None:
    """Meridian 经络: a hospital service bus."""
    context.obj = load(config)


for command in (
    serve, gateway, console, worker, relay, migrate,
    apply, diff, get, rollback,
    import_command, test, call, snippet_command, conform,
    workflow, downtime, backbone, describe, user, key, password,
    parked, lanes, dead_letters,
):  # fmt: skip
    meridian.add_command(command)
for extension in entry_points(group=GROUP):
    meridian.add_command(extension.load(), extension.name)


def main() -> None:
    """Run the command line; an expected error is one line on standard error and exit status 1."""
    try:
        meridian()
    except MeridianError as error:
        click.echo(f"meridian: {error}", err=True)
        sys.exit(1)
