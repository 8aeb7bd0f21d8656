"""A served bus before recording stores: embedded, and as two processes on PostgreSQL and RabbitMQ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from served_bus import ServedBus
from stock_provider import Stores, stores_open

HOSPITAL = Path(__file__).parent / "hospital"


@pytest.fixture
def stores() -> Iterator[Stores]:
    """The stores, open, with an empty book."""
    with stores_open() as found:
        yield found


@pytest.fixture(params=["embedded", "postgres and rabbitmq"])
def bus(request: pytest.FixtureRequest, tmp_path: Path, stores: Stores) -> Iterator[ServedBus]:
    """The bus, running."""
    environ = {"STOCK_URL": stores.url}
    if request.param != "embedded":
        environ["MERIDIAN_DATABASE"] = request.getfixturevalue("postgres_database")
        environ["MERIDIAN_BROKER"] = request.getfixturevalue("rabbitmq_url")
        environ["MERIDIAN_WORKERS"] = "2"
    found = ServedBus(tmp_path, environ, HOSPITAL)
    yield found.start()
    found.stop()
