"""A hospital of two: a laboratory on PHP's SoapServer, stores on Python's HTTP server, and the served bus."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from php_laboratory import Laboratory
from served_bus import ServedBus
from stock_provider import Stores, stores_open


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    """The laboratory, running."""
    found = Laboratory()
    found.start()
    yield found
    found.stop()


@pytest.fixture
def stores() -> Iterator[Stores]:
    """The stores, open, with an empty book."""
    with stores_open() as found:
        yield found


@pytest.fixture
def installation(tmp_path: Path, stores: Stores) -> Iterator[ServedBus]:
    """An installation before the stores that is not started yet."""
    found = ServedBus(tmp_path, {"STOCK_URL": stores.url})
    yield found
    found.stop()


@pytest.fixture
def bus(installation: ServedBus) -> ServedBus:
    """The same, running."""
    return installation.start()
