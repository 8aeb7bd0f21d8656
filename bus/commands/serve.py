"""``meridian serve | gateway | console | worker | relay``: the bus as one process, or its roles apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from bus.roles import ALL_ROLES, Role, check_roles
from bus.server import run_background, run_http
from bus.settings import Settings, check


def _chosen(settings: Settings, roles: frozenset[Role], options: dict[str, Any]) -> Settings:
    """The settings with what the command line says instead, fit for these roles."""
    given = {name: value for name, value in options.items() if value is not None}
    return check_roles(check(replace(settings, **given)), roles)


def _with(*options: Callable[..., Any]) -> Callable[..., Any]:
    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_HTTP = _with(
    click.option("--host"),
    click.option("--port", type=int),
    click.option("--workers", type=int, help="Server processes; more than one needs PostgreSQL."),
)
_BACKGROUND = _with(
    click.option("--host"),
    click.option("--probe-port", type=int, help="Where it answers /healthz, /readyz and /metrics."),
)


def _http(settings: Settings, roles: frozenset[Role], options: dict[str, Any]) -> None:
    run_http(_chosen(settings, roles, options), roles)


def _background(settings: Settings, roles: frozenset[Role], options: dict[str, Any]) -> None:
    asyncio.run(run_background(_chosen(settings, roles, options), roles))


@click.command()
@_HTTP
@click.pass_obj
def serve(settings: Settings, /, **options: Any) -> None:
    """Gateway, console, worker and relay in one."""
    _http(settings, ALL_ROLES, options)


@click.command()
@_HTTP
@click.pass_obj
def gateway(settings: Settings, /, **options: Any) -> None:
    """The doors in, and nothing else."""
    _http(settings, frozenset({"gateway"}), options)


@click.command()
@_HTTP
@click.pass_obj
def console(settings: Settings, /, **options: Any) -> None:
    """The admin API and the pages."""
    _http(settings, frozenset({"console"}), options)


@click.command()
@_BACKGROUND
@click.pass_obj
def worker(settings: Settings, /, **options: Any) -> None:
    """Deliveries, workflows and timers, without a door."""
    _background(settings, frozenset({"worker"}), options)


@click.command()
@_BACKGROUND
@click.pass_obj
def relay(settings: Settings, /, **options: Any) -> None:
    """What carries accepted messages from the outbox to RabbitMQ."""
    _background(settings, frozenset({"relay"}), options)
