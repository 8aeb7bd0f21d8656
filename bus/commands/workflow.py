"""``meridian workflow``: what instances do, which of them need a person, and the orders that a person gives them."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bus.commands.spans import span
from bus.commands.workflow_desk import open_desk
from bus.commands.workflow_print import Printer, picture
from bus.console.moments import written
from bus.orchestration.instances import Wanted
from bus.orchestration.orders import REASONED
from bus.orchestration.stimuli import Order, Verb
from bus.settings import Settings
from transformers import json_text

_STATUSES = ("running", "completed", "compensating", "compensated", "cancelled", "stuck")
_JSON = click.option("--json", "as_json", is_flag=True, help="As JSON, as the admin API answers.")


def _reaching(command: Callable[..., None]) -> Callable[..., None]:
    """Options that say which bus is meant, and as whom."""
    for option in (
        click.option("--password", envvar="MERIDIAN_PASSWORD", hidden=True, default=""),
        click.option(
            "--user", default="", help="Console user for --url; asks for the password, or $MERIDIAN_PASSWORD."
        ),
        click.option("--url", default="", help="Admin API of a running bus; default: the one of the settings."),
    ):
        command = option(command)
    return command


def _ordering(command: Callable[..., None]) -> Callable[..., None]:
    """Arguments that every order has."""
    for option in (
        click.option("--dry-run", is_flag=True, help="Only say what it would do."),
        click.option("--reason", default="", help="Why; kept with the order."),
        click.argument("instance"),
    ):
        command = option(command)
    return _reaching(command)


_STEP = click.option("--step", default="", help="Only this step; default: every step that it fits.")
_YES = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group()
def workflow() -> None:
    """Look at workflow instances, and tell those that need a person how to go on."""


@workflow.command("list")
@click.option("--status", type=click.Choice(_STATUSES), default=None, help="Only instances of this status.")
@click.option("--workflow", "name", default="", help="Only instances of this workflow.")
@click.option("--key", default="", help="Only instances with this business key, such as a visit number.")
@click.option("--older-than", callback=span, default="", help="Only those begun longer ago than this, such as 2h.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@_JSON
@_reaching
@click.pass_obj
def list_(
    settings: Settings,
    /,
    status: str | None,
    name: str,
    key: str,
    older_than: float,
    limit: int,
    as_json: bool,
    **bus: str,
) -> None:
    """Print instances, newest first: a table on a terminal, lines with tabs elsewhere."""
    began = time.time() - older_than if older_than else 0.0
    wanted = Wanted(status or "", name, key, began, limit=limit)
    with _desk(settings, bus) as desk:
        found = desk.page(wanted)
    if as_json:
        _print_json([dict(one) for one in found])
    else:
        Printer(settings).instances(found)


@workflow.command()
@_JSON
@_reaching
@click.pass_obj
def tasks(settings: Settings, /, as_json: bool, **bus: str) -> None:
    """Print what waits for a person, the longest waiting first."""
    with _desk(settings, bus) as desk:
        found = desk.tasks()
    if as_json:
        _print_json([dict(one) for one in found])
    else:
        Printer(settings).tasks(found)


@workflow.command()
@click.argument("instance")
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), help="Write the diagram to this file too.")
@_JSON
@_reaching
@click.pass_obj
def show(settings: Settings, /, instance: str, svg: Path | None, as_json: bool, **bus: str) -> None:
    """Print one INSTANCE: its diagram with the step it is in, history, waits, timers, alerts, tasks, and what may be
    ordered. Documents are not shown."""
    with _desk(settings, bus) as desk:
        one = desk.one(instance)
    if one is None:
        raise click.ClickException(f"no workflow instance {instance}")
    if svg is not None:
        svg.write_text(picture(one), encoding="utf-8")
    if as_json:
        _print_json(dict(one))
    else:
        Printer(settings).instance(one)


@workflow.command()
@_ordering
@_STEP
@click.pass_obj
def retry(settings: Settings, /, instance: str, reason: str, step: str, dry_run: bool, **bus: str) -> None:
    """Make the call of a stuck or pausing step of INSTANCE now, with as many tries as if it were new."""
    _order(settings, bus, instance, Order("retry", step), reason, dry_run=dry_run)


@workflow.command()
@_ordering
@_STEP
@click.option("--reply", metavar="JSON", default="", help="Stands for the reply or the event that never came.")
@click.pass_obj
def skip(settings: Settings, /, instance: str, reason: str, step: str, reply: str, dry_run: bool, **bus: str) -> None:
    """Go on in INSTANCE as if a stuck step, or the event that it waits for, had been settled by hand."""
    given = json_text.loads(reply.encode()) if reply else None
    _order(settings, bus, instance, Order("skip", step, given), reason, dry_run=dry_run)


@workflow.command()
@_ordering
@_YES
@click.pass_obj
def compensate(settings: Settings, /, instance: str, reason: str, dry_run: bool, yes: bool, **bus: str) -> None:
    """Stop INSTANCE and undo everything that it has done, the youngest step first."""
    _order(settings, bus, instance, Order("compensate"), reason, dry_run=dry_run, ask=not yes)


@workflow.command()
@_ordering
@_YES
@click.pass_obj
def cancel(settings: Settings, /, instance: str, reason: str, dry_run: bool, yes: bool, **bus: str) -> None:
    """End INSTANCE where it is. Nothing is undone; a call under way may still be carried out."""
    _order(settings, bus, instance, Order("cancel"), reason, dry_run=dry_run, ask=not yes)


@workflow.command()
@_ordering
@click.option("--to", default="", metavar="VERSION", help="A version, or the beginning of a hash; default: the newest.")
@_YES
@click.pass_obj
def migrate(settings: Settings, /, instance: str, reason: str, to: str, dry_run: bool, yes: bool, **bus: str) -> None:
    """Move INSTANCE to another definition of its workflow, at the same steps."""
    _order(settings, bus, instance, Order("migrate", to=to), reason, dry_run=dry_run, ask=not yes)


@workflow.command()
@_ordering
@_STEP
@click.pass_obj
def acknowledge(settings: Settings, /, instance: str, reason: str, step: str, dry_run: bool, **bus: str) -> None:
    """Note that you look after the open tasks of INSTANCE."""
    _order(settings, bus, instance, Order("acknowledge", step), reason, dry_run=dry_run)


def _order(
    settings: Settings,
    bus: dict[str, str],
    instance: str,
    order: Order,
    reason: str,
    *,
    dry_run: bool,
    ask: bool = False,
) -> None:
    verb: Verb = order.verb
    if verb in REASONED and not dry_run and not reason.strip():
        raise click.UsageError(f"{verb} needs --reason: say why, for those who read the trail later")
    printer = Printer(settings)
    with _desk(settings, bus) as desk:
        if ask or dry_run:
            foreseen = desk.foresee(instance, order)
            printer.outcome(foreseen, done=False)
            if foreseen.problems:
                sys.exit(1)
        if dry_run:
            return
        if ask:
            click.confirm(f"{verb} {instance}?", abort=True, err=True)
        printer.outcome(desk.order(instance, order, reason=reason), done=True)


def _desk(settings: Settings, bus: dict[str, str]) -> Any:
    user, password = bus["user"], bus["password"]
    if user and not bus["url"]:
        raise click.UsageError("--user is a console user of a running bus: name that with --url")
    if user and not password:
        password = click.prompt("Password", hide_input=True, err=True)
    return open_desk(settings, url=bus["url"], user=user, password=password)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(written(value), ensure_ascii=False, indent=2))
