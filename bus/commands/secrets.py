"""``meridian key`` and ``meridian password``: secrets and the lines that stand for them in a manifest."""

from __future__ import annotations

import click

from bus.security.secrets import api_key_hash, new_api_key, password_line


@click.group()
def key() -> None:
    """API keys of consumers."""


@key.command("new")
def new() -> None:
    """Print a fresh API key and the credential line for the consumer's manifest. The key is shown this once."""
    fresh = new_api_key()
    click.echo(f"key: {fresh}")
    click.echo(f"credential: {{kind: api-key, sha256: {api_key_hash(fresh)}}}")


@click.group()
def password() -> None:
    """Passwords of consumers that use HTTP Basic."""


@password.command("hash")
def hash_password() -> None:
    """Read a password (asked for on a terminal, else the first line of standard input); print its scrypt line."""
    stream = click.get_text_stream("stdin")
    clear: str = (
        click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        if stream.isatty()
        else stream.readline().rstrip("\r\n")
    )
    if not clear:
        raise click.UsageError("the password is empty")
    click.echo(password_line(clear))
