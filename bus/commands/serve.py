"""``meridian serve | gateway | console | worker``: the bus as one process, or its roles apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import click

from bus.server import ALL_ROLES, Role, run_http, run_worker
from bus.settings import Settings, check


def _http(settings: Settings, roles: frozenset[Role], host: str | None, port: int | None, workers: int | None) -> None:
    run_http(
        check(
            replace(
                settings,
                host=settings.host if host is None else host,
                port=settings.port if port is None else port,
                workers=settings.workers if workers is None else workers,
            )
        ),
        roles,
    )


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--workers", type=int, help="Server processes; more than one needs PostgreSQL."),
        click.option("--port", type=int),
        click.option("--host"),
    ):
        command = option(command)
    return command


@click.command()
@_options
@click.pass_obj
def serve(settings: Settings, host: str | None, port: int | None, workers: int | None) -> None:
    """Gateway, console and worker in one."""
    _http(settings, ALL_ROLES, host, port, workers)


@click.command()
@_options
@click.pass_obj
def gateway(settings: Settings, host: str | None, port: int | None, workers: int | None) -> None:
    """The doors in, and nothing else."""
    _http(settings, frozenset({"gateway"}), host, port, workers)


@click.command()
@_options
@click.pass_obj
def console(settings: Settings, host: str | None, port: int | None, workers: int | None) -> None:
    """The admin API and the pages."""
    _http(settings, frozenset({"console"}), host, port, workers)


@click.command()
@click.pass_obj
def worker(settings: Settings) -> None:
    """The backbone's consumers and the workflow engine, without a door."""
    asyncio.run(run_worker(settings))
