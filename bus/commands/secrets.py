"""``meridian key`` and ``meridian password``: secrets and the lines that stand for them in a manifest."""

from __future__ import annotations

import sys

import click

from bus.security.secrets import new_api_key
from registry.credentials import hash_key, hash_password


@click.group()
def key() -> None:
    """API keys of consumers."""


@key.command("new")
def new() -> None:
    """Print a fresh API key and the credential line for the consumer's manifest. The key is shown this once."""
    fresh = new_api_key()
    click.echo(f"key: {fresh}")
    click.echo(f"credential: {{kind: api-key, sha256: {hash_key(fresh)}}}")


@click.group()
def password() -> None:
    """Passwords of consumers that use HTTP Basic."""


@password.command("hash")
def line() -> None:
    """Read a password (asked for on a terminal, else the first line of standard input); print its scrypt line."""
    clear: str = (
        click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        if sys.stdin.isatty()
        else sys.stdin.readline().rstrip("\r\n")
    )
    if not clear:
        raise click.UsageError("the password is empty")
    click.echo(hash_password(clear))
