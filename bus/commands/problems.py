"""How commands print what is wrong with a catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from registry.errors import ManifestInvalid


@contextmanager
def problems_printed(so: str = "nothing was changed") -> Iterator[None]:
    """Every problem on a line of its own on standard error, a count and what ``so`` says, and exit status 1."""
    try:
        yield
    except ManifestInvalid as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        many = len(error.problems)
        click.echo(f"{many} problem{'s' if many != 1 else ''}; {so}", err=True)
        raise SystemExit(1) from error
