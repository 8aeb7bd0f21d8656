"""Buses before a provider that keeps a ledger: one process on SQLite, and a gateway with two workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet import HOSPITAL, Fleet
from recording_provider import Ledger, ledger_open
from served_bus import ServedBus


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """The provider, open, with empty books."""
    with ledger_open() as found:
        yield found


@pytest.fixture
def alone(tmp_path: Path, ledger: Ledger) -> Iterator[ServedBus]:
    """One process on SQLite and the embedded broker."""
    found = ServedBus(tmp_path, {"ORDERS_URL": ledger.url}, HOSPITAL)
    yield found.start()
    found.stop()


@pytest.fixture
def fleet(tmp_path: Path, ledger: Ledger, postgres_database: str, rabbitmq_url: str) -> Iterator[Fleet]:
    """A gateway and two workers over PostgreSQL and RabbitMQ."""
    environ = {"ORDERS_URL": ledger.url, "MERIDIAN_DATABASE": postgres_database, "MERIDIAN_BROKER": rabbitmq_url}
    found = Fleet(tmp_path, environ)
    found.start("gateway")
    found.hire()
    found.hire()
    yield found
    found.dismiss()
    found.stop()


@pytest.fixture(params=["embedded-sqlite", "rabbitmq-postgres"])
def any_bus(request: pytest.FixtureRequest) -> ServedBus:
    """Either of them."""
    found: ServedBus = request.getfixturevalue("alone" if request.param == "embedded-sqlite" else "fleet")
    return found
