"""``meridian``: every verb in one place. Packages add verbs through the entry-point group ``meridian.commands``."""

from __future__ import annotations

import gc
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final, cast

import click

from bus.settings import load
from transformers.errors import MeridianError

GROUP = "meridian.commands"

#: Objects made, less those freed, before the collector looks for cycles. Nearly all that an import makes stays, so
#: with the default of 700 a start would spend a quarter of its time on looking in vain.
COLLECT_EVERY: Final = 20_000

#: Where each verb is in ``bus.commands``, and its line in ``--help``. A verb is imported when it is used: all of
#: them together load every library that the bus knows, which takes seconds.
VERBS: Final = {
    "serve": ("serve:serve", "Gateway, console, worker and relay in one."),
    "gateway": ("serve:gateway", "The doors in, and nothing else."),
    "console": ("serve:console", "The admin API and the pages."),
    "worker": ("serve:worker", "Deliveries, workflows and timers, without a door."),
    "relay": ("serve:relay", "What carries accepted messages from the outbox to RabbitMQ."),
    "migrate": ("migrate:migrate", "Bring the tables of every store to the newest revision."),
    "apply": ("registry:apply", "Make the manifests in a folder the new revision."),
    "diff": ("registry:diff", "Print what applying a folder would change."),
    "get": ("registry:get", "Print what is registered."),
    "rollback": ("registry:rollback", "Make a new revision with the content of REVISION."),
    "import": (
        "import_contract:import_command",
        "Write a catalogue folder for a service from its WSDL or OpenAPI description.",
    ),
    "test": ("cases:test", "Run the saved cases."),
    "call": ("call:call", "Call an operation through the running bus."),
    "snippet": ("call:snippet_command", "Print a program in LANGUAGE that calls an operation with a sample."),
    "conform": ("conform:conform", "Hold exchanges against the contract."),
    "workflow": ("workflow:workflow", "Look at workflow instances, and tell those that need a person how to go on."),
    "downtime": ("downtime:downtime", "Planned downtime of a system."),
    "backbone": ("backbone:backbone", "Look at the broker."),
    "describe": ("describe:describe", "Print the settings, the hops in order, and what the active revision holds."),
    "user": ("users:user", "Add, list and disable users of the console."),
    "key": ("secrets:key", "API keys of consumers."),
    "password": ("secrets:password", "Passwords of consumers that use HTTP Basic."),
    "parked": ("parked:parked", "Look at letters that wait for a person, and release, skip or edit them."),
    "lanes": ("parked:lanes", "Look at lanes in which a parked letter holds up the rest."),
    "dead-letters": ("dead_letters:dead_letters", "Look at letters that were given up, and replay or discard them."),
}


class Verbs(click.Group):
    """A group that imports a verb when it is used, and none to list them."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """The names of all verbs, those that other packages add among them."""
        return sorted({*VERBS, *_added()})

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """The verb of this name, None for one that there is not."""
        if name in VERBS:
            return cast("click.Command", EntryPoint(name, f"bus.commands.{VERBS[name][0]}", GROUP).load())
        return cast("click.Command", _added()[name].load()) if name in _added() else None

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of ``--help``."""
        added = {name: self.get_command(context, name) for name in _added()}
        lines = {name: line for name, (_, line) in VERBS.items()}
        lines |= {name: command.get_short_help_str(formatter.width) for name, command in added.items() if command}
        with formatter.section("Commands"):
            formatter.write_dl(sorted(lines.items()))


def _added() -> dict[str, EntryPoint]:
    return {each.name: each for each in entry_points(group=GROUP)}


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(path_type=Path), help="Settings file; default: meridian.toml.")
@click.version_option(package_name="meridian-bus")
@click.pass_context
def meridian(context: click.Context, config: Path | None) -> None:
    """Meridian 经络: a hospital service bus."""
    context.obj = load(config)


def main() -> None:
    """Run the command line; an expected error is one line on standard error and exit status 1."""
    gc.set_threshold(COLLECT_EVERY)
    try:
        meridian()
    except MeridianError as error:
        click.echo(f"meridian: {error}", err=True)
        sys.exit(1)
