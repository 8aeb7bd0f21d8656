"""``meridian workflows list | show``: what workflows do, read from the state store with or without a running bus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click
from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from bus.errors import StateUnavailable
from bus.orchestration.instances import find_by_key, get_instance, list_instances
from bus.settings import Settings

_STATUSES = ("running", "completed", "compensating", "compensated", "cancelled", "stuck")


@click.group()
def workflows() -> None:
    """Look at workflow instances."""


@workflows.command("list")
@click.option("--status", type=click.Choice(_STATUSES), help="Only instances of this status.")
@click.option("--workflow", default="", help="Only instances of this workflow.")
@click.option("--key", default="", help="Only instances with this business key, such as a visit number.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@click.pass_obj
def list_(settings: Settings, status: str | None, workflow: str, key: str, limit: int) -> None:
    """Print instances, newest first: id, workflow, status, start, keys, error."""
    with _reading(settings) as connection:
        found = (
            [one for one in find_by_key(connection, "", key) if status in (None, one["status"])][:limit]
            if key
            else list_instances(connection, status=status or "", workflow=workflow, limit=limit)
        )
    for one in found:
        keys = " ".join(f"{name}={value}" for name, value in one["keys"])
        moment = _moment(settings, one["created_at"])
        click.echo("\t".join((one["id"], one["workflow"], one["status"], moment, keys, one["error"])))


@workflows.command()
@click.argument("instance")
@click.pass_obj
def show(settings: Settings, instance: str) -> None:
    """Print one INSTANCE: its steps, what it waits for, its timers and alerts. Documents are not shown."""
    with _reading(settings) as connection:
        one = get_instance(connection, instance)
    if one is None:
        raise click.ClickException(f"no workflow instance {instance}")
    click.echo(f"{one['workflow']} version {one['version']}: {one['status']}")
    click.echo(f"started {_moment(settings, one['created_at'])}, last moved {_moment(settings, one['updated_at'])}")
    for name, value in one["keys"]:
        click.echo(f"{name}: {value}")
    if one["error"]:
        click.echo(f"error: {one['error']}")
    for step in one["steps"]:
        click.echo("\t".join(_line(settings, step)))
    for wait in one["waits"]:
        click.echo(f"waits for {wait['event']} since {_moment(settings, wait['since'])}")
    for timer in one["timers"]:
        click.echo(f"{timer['kind']} at {_moment(settings, timer['due_at'])}")
    for alert in one["alerts"]:
        click.echo(f"alert {alert['kind']} at {_moment(settings, alert['at'])}: {alert['text']}")


def _line(settings: Settings, step: Any) -> tuple[str, ...]:
    name = step["step"] if step["phase"] == "do" else f"{step['step']} ({step['phase']})"
    took = f"{(step['ended_at'] - step['started_at']) * 1000:.0f} ms" if step["ended_at"] else "…"
    moment = _moment(settings, step["started_at"])
    return (moment, name, step["operation"], str(step["attempt"]), step["status"], took, step["error"])


def _moment(settings: Settings, seconds: float) -> str:
    return datetime.fromtimestamp(seconds, ZoneInfo(settings.timezone)).isoformat(timespec="seconds")


@contextmanager
def _reading(settings: Settings) -> Iterator[Connection]:
    """A read-only connection of its own: the bus, if it runs, keeps the file's one writer."""
    url, where = _address(settings)
    engine = create_engine(url, hide_parameters=True)
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise StateUnavailable(f"{where}: cannot be read; has the bus been started with these settings?") from error
    finally:
        engine.dispose()


def _address(settings: Settings) -> tuple[URL, str]:
    if settings.database:
        url = make_url(settings.database).set(drivername="postgresql+psycopg")
        return url, f"PostgreSQL at {url.host}:{url.port or 5432}"
    path = settings.data / "state.db"
    return URL.create("sqlite", database=f"{path.absolute().as_uri()}", query={"mode": "ro", "uri": "true"}), str(path)
