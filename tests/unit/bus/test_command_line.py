"""A command loads what it needs: whoever types ``meridian`` does not wait for the libraries of the whole bus."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest

from bus.cli import VERBS, Verbs, meridian

#: What takes long to load: protocols, brokers, servers, pages, databases.
DATABASE = {"sqlalchemy", "psycopg"}
BUS = {"zeep", "spyne", "flask", "aiohttp", "pika", "kombu", "granian", "hypercorn", "requests", "jinja2"}
CHANGES = {"alembic"}

LOADED = """
import json, sys
from bus.cli import meridian
meridian(sys.argv[1:], standalone_mode=False)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def _loaded(*arguments: str) -> set[str]:
    """The packages that a process holds which ran ``meridian`` with these arguments."""
    done = subprocess.run([sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [("--help",), ("key", "new")], ids=" ".join)
def test_what_needs_no_store_loads_neither_the_libraries_of_the_bus_nor_a_database(arguments: tuple[str, ...]) -> None:
    assert not _loaded(*arguments) & (BUS | CHANGES | DATABASE)


@pytest.mark.parametrize("verb", ["user", "migrate", "parked", "lanes", "dead-letters", "downtime"])
def test_a_verb_that_asks_the_running_bus_or_its_stores_loads_no_library_of_the_doors(verb: str) -> None:
    assert not _loaded(verb, "--help") & (BUS | CHANGES)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_the_list_of_verbs_says_of_each_what_its_own_help_begins_with(verb: str) -> None:
    context = click.Context(meridian)
    assert isinstance(meridian, Verbs)
    command = meridian.get_command(context, verb)
    assert command is not None
    assert command.name == verb
    assert command.get_short_help_str(10_000).startswith(VERBS[verb][1].removesuffix("."))


def test_a_verb_that_another_package_adds_is_listed_and_can_be_run() -> None:
    context = click.Context(meridian)
    assert "demo" in meridian.list_commands(context)
    assert "Carry COUNT outpatient visits" in meridian.get_help(context)


def test_a_verb_that_there_is_not_is_refused() -> None:
    with pytest.raises(click.UsageError, match="No such command 'sevre'"):
        meridian(["sevre"], standalone_mode=False)


@pytest.mark.parametrize("role", ["gateway", "worker", "relay"])
def test_a_role_of_its_own_without_pages_does_not_load_what_makes_them(role: str) -> None:
    assert not _loaded(role, "--help") & {"flask", "wtforms", "flask_babel", "a2wsgi"}
