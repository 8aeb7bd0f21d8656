"""``meridian describe``: what this installation is made of, without a running server."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import closing
from dataclasses import fields

import click

from bus.errors import SettingsInvalid
from bus.migrations.chain import revisions
from bus.migrations.installation import check, standings
from bus.pipeline import HOPS
from bus.registry import open_store
from bus.roles import ALL_ROLES, Role, check_roles
from bus.settings import Settings
from registry.compile import compile_catalogue
from registry.errors import ManifestInvalid, Problem
from registry.model import ServiceVersion, Snapshot


@click.command()
@click.pass_obj
def describe(settings: Settings) -> None:
    """Print the settings, the hops in order, and what the active revision holds."""
    _heading("settings")
    for field in fields(settings):
        click.echo(f"  {field.name:<20}{_shown(getattr(settings, field.name))}")
    _heading("roles with these settings")
    for roles in (ALL_ROLES, *(frozenset({role}) for role in sorted(ALL_ROLES))):
        name = "serve" if roles == ALL_ROLES else ", ".join(roles)
        click.echo(f"  {name:<16}{_verdict(settings, roles)}")
    _heading(f"schema, revision {revisions()[-1]}")
    for standing in standings(settings):
        click.echo(f"  {standing.place.name}  {standing.found or 'no tables yet'}")
    check(settings)
    with closing(open_store(settings)) as store:
        revision, catalogue = store.current()
    _heading("hops, first in, last out")
    for place, hop in enumerate(HOPS, 1):
        click.echo(f"  {place:>2}  {hop.__name__}")
    _heading(f"registry, revision {revision}")
    try:
        # As at any desk: the hospital's secrets need only be known where the bus runs.
        compiled = compile_catalogue(catalogue, os.environ, revision=revision, require_environment=False)
    except ManifestInvalid as error:
        _problems("it does not compile with this release:", error.problems)
        return
    _services(compiled.snapshot)
    if compiled.warnings:
        _problems("warnings", compiled.warnings)
    _heading("workflows")
    for name in sorted(compiled.snapshot.workflows):
        click.echo(f"  {name}")


def _problems(heading: str, problems: Iterable[Problem]) -> None:
    _heading(heading)
    for problem in problems:
        click.echo(f"  {problem}")


def _verdict(settings: Settings, roles: frozenset[Role]) -> str:
    try:
        check_roles(settings, roles)
    except SettingsInvalid as error:
        return f"no: {error}"
    return "yes"


def _services(snapshot: Snapshot) -> None:
    for name, service in sorted(snapshot.services.items()):
        for number, version in service.versions.items():
            click.echo(f"  {name} {number}{' (default)' if number == service.default else ''}: {_provider(version)}")
            for operation in version.operations.values():
                policy = operation.policy
                end = operation.starts and f"starts {operation.starts}"
                end = end or (operation.raises and f"raises {operation.raises}")
                limits = f"{policy.timeout:g} s, {policy.concurrency} at once, breaker {policy.breaker_failures}"
                click.echo(f"      {operation.name:<24}{operation.effect:<6}{operation.mode:<6}{end or limits}")


def _provider(version: ServiceVersion) -> str:
    faces = ", ".join(sorted(version.faces))
    if version.provider is None:
        return f"{faces} → within the bus"
    addresses = ", ".join(f"{one.url} ({one.weight})" for one in version.provider.endpoints)
    return f"{faces} → {version.provider.protocol} {addresses}"


def _heading(text: str) -> None:
    click.echo(click.style(text, bold=True))


def _shown(value: object) -> str:
    """A setting's value; the credentials inside an address are not shown."""
    text = str(value)
    if "://" in text and "@" in text:
        scheme, rest = text.split("://", 1)
        return f"{scheme}://***@{rest.rsplit('@', 1)[1]}"
    return text if text and value is not None and value != () else "(default)"
