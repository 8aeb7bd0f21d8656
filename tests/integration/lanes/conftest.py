"""Buses before a provider that keeps a ledger: one process on SQLite, and every role apart on real servers."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from fleet import HOSPITAL, Fleet
from psycopg import sql
from recording_provider import Ledger, ledger_open
from served_bus import ServedBus


@pytest.fixture(scope="module")
def provider() -> Iterator[Ledger]:
    """The provider, open."""
    with ledger_open() as found:
        yield found


@pytest.fixture
def ledger(provider: Ledger) -> Ledger:
    """The provider with empty books and in good order."""
    provider.reset()
    return provider


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, provider: Ledger) -> Iterator[ServedBus]:
    """One process on SQLite and the embedded broker."""
    found = ServedBus(tmp_path_factory.mktemp("alone"), {"ORDERS_URL": provider.url}, HOSPITAL)
    yield found.start()
    found.stop()


@pytest.fixture(scope="module")
def fleet(
    tmp_path_factory: pytest.TempPathFactory, provider: Ledger, postgres_url: str, rabbitmq_url: str
) -> Iterator[Fleet]:
    """A gateway, a relay and two workers over PostgreSQL and RabbitMQ."""
    folder = tmp_path_factory.mktemp("fleet")
    name = sql.Identifier(folder.name)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    database = f"{postgres_url.rpartition('/')[0]}/{folder.name}"
    environ = {"ORDERS_URL": provider.url, "MERIDIAN_DATABASE": database, "MERIDIAN_BROKER": rabbitmq_url}
    found = Fleet(folder, environ)
    try:
        yield found.start()
    finally:
        found.stop()
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture(scope="module", params=["embedded-sqlite", "rabbitmq-postgres"])
def any_bus(request: pytest.FixtureRequest) -> ServedBus:
    """Either of them."""
    found: ServedBus = request.getfixturevalue("alone" if request.param == "embedded-sqlite" else "fleet")
    return found
