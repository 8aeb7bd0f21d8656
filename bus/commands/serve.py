"""``meridian serve | gateway | console | worker``: the bus as one process, or its roles apart."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import click

from bus.server import ALL_ROLES, Role, run_http, run_worker
from bus.settings import Settings, check


def _http(settings: Settings, roles: frozenset[Role], host: str | None, port: int | None, workers: int | None) -> None:
    changes = {"host": host, "port": port, "workers": workers}
    run_http(check(replace(settings, **{k: v for k, v in changes.items() if v is not None})), roles)


def _options(command):  # type: ignore[no-untyped-def]
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
