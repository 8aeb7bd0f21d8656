"""``meridian user``: who may sign in to the console."""

from __future__ import annotations

import click

from bus.security.users import LINK_LIFE, Role, Users
from bus.settings import Settings


@click.group()
def user() -> None:
    """Add, list and disable users of the console."""


@user.command()
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.VIEWER.value, show_default=True)
@click.option("--link", is_flag=True, help="Print a one-time sign-in link instead of asking for a password.")
@click.pass_obj
def add(settings: Settings, name: str, role: str, link: bool) -> None:
    """Add NAME, or change its role and password."""
    users = Users(settings)
    password = "" if link else click.prompt("Password", hide_input=True, confirmation_prompt=True)
    users.add(name, Role(role), password)
    if link:
        click.echo(f"{settings.base_url}/login/once/{users.link(name)}")
        click.echo(f"The link signs {name} in once, within {LINK_LIFE // 60} minutes.", err=True)


@user.command(name="list")
@click.pass_obj
def list_users(settings: Settings) -> None:
    """Print every user and its role."""
    for one in Users(settings).all():
        click.echo(f"{one.name}\t{one.role.value}")


@user.command()
@click.argument("name")
@click.pass_obj
def disable(settings: Settings, name: str) -> None:
    """Keep NAME from signing in."""
    Users(settings).disable(name)
