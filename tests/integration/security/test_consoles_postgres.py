"""Consoles on several machines before one PostgreSQL: whoever signs in at one is signed in at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from bus.commands.describe import describe
from bus.security.local_pass import console_secret, read_pass, write_pass
from bus.security.users import Role, Users
from bus.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
def machines(postgres_database: str, tmp_path: Path) -> list[Settings]:
    """Two machines, which have nothing in common but the database."""
    return [Settings(data=tmp_path / name, database=postgres_database) for name in ("one", "two")]


@pytest.fixture
def consoles(machines: list[Settings]) -> Iterator[list[Users]]:
    with ExitStack() as stack:
        yield [stack.enter_context(closing(Users(settings))) for settings in machines]


def test_every_console_signs_sessions_with_one_secret_and_keeps_no_file(machines: list[Settings]) -> None:
    first, second = (console_secret(settings) for settings in machines)
    assert first == second
    assert len(first) == 32
    assert not any((settings.data / "console.secret").exists() for settings in machines)
    assert read_pass(second, write_pass(machines[0], "li")) == "li"


def test_a_sign_in_link_works_once_at_whichever_console(consoles: list[Users]) -> None:
    one, two = consoles
    one.add("li", Role.ADMIN)
    link = one.link("li")
    assert two.redeem(link) == two.find("li")
    assert one.redeem(link) is None


def test_a_user_disabled_at_one_console_is_out_of_the_other(consoles: list[Users]) -> None:
    one, two = consoles
    two.add("li", Role.VIEWER, "invented-password")
    assert one.sign_in("li", "invented-password") is not None
    one.disable("li")
    assert two.find("li") is None


def test_the_description_names_addresses_roles_and_revisions_and_no_password(machines: list[Settings]) -> None:
    database = machines[0].database.replace("meridian@", "meridian:hunter2@")
    settings = replace(machines[0], database=database, broker="amqp://bus:hunter2@broker.example/bus")
    said = CliRunner().invoke(describe, obj=settings, catch_exceptions=False).output
    assert "hunter2" not in said
    assert "amqp://***@broker.example/bus" in said
    assert f"postgresql://***@{database.rpartition('@')[2]}" in said
    for line in ("  relay           yes", "schema, revision 0", "registry, revision 0"):
        assert line in said
